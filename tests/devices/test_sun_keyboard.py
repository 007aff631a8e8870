"""Sun keyboards: what they send and what they are told."""

from __future__ import annotations

import pytest

from devices.serial.sunkeys import MAIN, TYPE_2, TYPE_3, TYPE_4, strokes
from tme.args import Args
from tme.element import Element
from tme.errors import TmeError
from tme.port import SerialPort

SECOND = 1_000_000_000


class Host(Element):
    """The other end of the line."""

    module = "test/host"

    def __init__(self, machine):
        self.name, self.machine, self.where, self.connections = "host0", machine, None, []
        self.got, self.room = b"", 99
        self.port = SerialPort(self, receive=self.receive, want=lambda: self.room)

    def ports(self, args):
        return [self.port]

    def receive(self, data):
        self.got += data

    def close(self):
        pass


@pytest.fixture
def connect(machine):
    def made(words):
        host = Host(machine)
        machine.elements["host0"] = host
        element = machine.make("dev0", words)
        machine.connect("dev0 at host0")
        element.reset()
        return element, host

    return made


@pytest.fixture
def keyboard(machine, connect):
    element, host = connect("tme/serial/keyboard type sun-type-3")

    def sent(ns=SECOND):
        host.got = b""
        machine.clock.advance(ns)
        return host.got

    return element, host, sent


def test_make_and_break(keyboard):
    element, _, sent = keyboard
    element.down("a")
    assert sent() == b"\x4d"
    element.down("a")
    assert sent() == b""
    element.down("Shift_L")
    element.up("a")
    assert sent() == b"\x63\xcd"
    element.up("Shift_L")
    assert sent() == b"\xe3\x7f"
    element.up("Shift_L")
    assert sent() == b""


def test_the_pace_is_1200_baud(keyboard):
    element, _, sent = keyboard
    element.press("a")
    assert sent(8_333_332) == b""
    assert sent(1) == b"\x4d"
    assert sent(8_333_333) == b"\xcd"
    assert sent(8_333_333) == b"\x7f"


def test_nothing_is_lost_while_the_machine_has_no_room(keyboard):
    element, host, sent = keyboard
    host.room = 0
    element.type("ab")
    assert sent() == b""
    host.room = 1
    assert sent() == b"\x4d\xcd\x7f\x68\xe8\x7f"


@pytest.mark.parametrize(("kind", "number"), [("2", 2), ("3", 3), ("4-us", 4), ("5-us", 4), ("5-unix", 4)])
def test_reset(machine, connect, kind, number):
    element, host = connect(f"tme/serial/keyboard type sun-type-{kind}")
    element.type("lost")
    host.port.send(b"\x01")
    machine.clock.advance(19_999_999)
    assert host.got == b""
    machine.clock.advance(SECOND)
    assert host.got == bytes((0xFF, number, 0x7F))


def test_a_key_held_during_a_reset_is_told(keyboard):
    element, host, sent = keyboard
    element.down("a")
    sent()
    host.port.send(b"\x01")
    assert sent() == b"\xff\x03\x4d"


def test_power_up_is_silent(keyboard):
    element, _, sent = keyboard
    element.press("a")
    element.reset()
    assert sent() == b""


def test_bell_and_click(keyboard):
    element, host, _ = keyboard
    assert (element.bell, element.click) == (False, True)
    host.port.send(b"\x02\x0b")
    assert (element.bell, element.click) == (True, False)
    assert element.command(["status"]).endswith("sounds: bell")
    host.port.send(b"\x03\x0a")
    assert (element.bell, element.click) == (False, True)


def test_leds_and_layout_of_newer_keyboards(machine, connect):
    element, host = connect("tme/serial/keyboard type sun-type-5-us")
    host.port.send(b"\x0e")
    host.port.send(b"\x09")
    assert element.leds == 9
    assert "LEDs: num-lock caps-lock" in element.command(["status"])
    host.port.send(b"\x0f")
    machine.clock.advance(SECOND)
    assert host.got == b"\xfe\x21"


def test_older_keyboards_know_neither(keyboard):
    element, host, sent = keyboard
    host.port.send(b"\x0e\x02\x0f")
    assert sent() == b""
    assert element.bell  # the byte after 0E was a command
    assert not element.leds


def test_typing(keyboard):
    element, _, sent = keyboard
    element.type("A1\n")
    assert sent() == bytes((0x63, 0x4D, 0xCD, 0xE3, 0x7F, 0x1E, 0x9E, 0x7F, 0x59, 0xD9, 0x7F))


def test_commands(keyboard):
    element, _, sent = keyboard
    element.command(["type", "a", "b\\n"])
    assert sent() == bytes((0x4D, 0xCD, 0x7F, 0x79, 0xF9, 0x7F, 0x68, 0xE8, 0x7F, 0x59, 0xD9, 0x7F))
    element.command(["press", "L1", "a"])
    assert sent() == bytes((0x01, 0x4D, 0xCD, 0x81, 0x7F))
    element.command(["down", "a", "b"])
    element.command(["up", "a", "b"])
    assert sent() == bytes((0x4D, 0x68, 0xCD, 0xE8, 0x7F))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "usage"),
        (["type"], "usage"),
        (["press", "a", "Shft_L"], "no key 'Shft_L'; did you mean"),
        (["press", "Help"], "a sun-type-3 keyboard has no key 'Help'"),
        (["type", "añ"], "no key for 'ñ'"),
    ],
)
def test_what_is_refused_does_nothing(keyboard, words, message):
    element, _, sent = keyboard
    with pytest.raises(TmeError, match=message):
        element.command(words)
    assert sent() == b""


def test_every_ascii_character_has_keys():
    for code in (*range(0x20, 0x7F), *b"\t\n\r\x1b\b\x01\x1a\x7f"):
        keys = strokes(chr(code))
        assert keys, chr(code)
        assert set(keys) <= set(MAIN), chr(code)
    assert len({strokes(chr(code)) for code in range(0x20, 0x7F)}) == 95
    assert strokes("\x80") is None


@pytest.mark.parametrize("table", [TYPE_2, TYPE_3, TYPE_4])
def test_codes(table):
    assert all(0 < code < 0x7E for code in table.values())
    typewriter = [table[key] for key in MAIN]
    assert len(set(typewriter)) == len(typewriter)


def test_displays_find_it(machine, connect):
    element, _ = connect("tme/serial/keyboard type sun-type-4-us map keys.txt rate 20")
    kinds = [(port.kind, port.role) for port in element.ports(Args())]
    assert kinds == [("serial", ""), ("keyboard", "keyboard")]


# ---- the mouse ---------------------------------------------------------------------------------------------


@pytest.fixture
def mouse(machine, connect):
    element, host = connect("tme/serial/mouse type mousesystems-5")

    def sent():
        host.got = b""
        machine.clock.advance(10 * SECOND)
        return host.got

    return element, sent


def test_a_movement(mouse):
    element, sent = mouse
    element.move(3, -2)
    assert sent() == bytes((0x87, 3, 0xFE, 0, 0))


def test_buttons(mouse):
    element, sent = mouse
    element.command(["move", "0", "0", "left", "right"])
    element.command(["move", "0", "0", "middle"])
    element.move(0, 0)
    assert sent() == bytes((0x82, 0, 0, 0, 0, 0x85, 0, 0, 0, 0, 0x87, 0, 0, 0, 0))


def test_far_movements_take_several_reports(mouse):
    element, sent = mouse
    element.move(300, -120, 4)
    data = sent()
    reports = [data[at : at + 5] for at in range(0, len(data), 5)]
    assert all(report[0] == 0x83 for report in reports)
    assert all(byte & 0xF0 != 0x80 for report in reports for byte in report[1:])
    signed = [[byte - 256 if byte > 127 else byte for byte in report] for report in reports]
    assert [sum(report[1] for report in signed), sum(report[2] for report in signed)] == [300, -120]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["move", "1"], "usage"),
        (["move", "1", "x"], "usage"),
        (["move", "1", "1", "lefft"], "no button 'lefft'; did you mean"),
        (["move", "1000000", "1"], "at most"),
    ],
)
def test_what_a_mouse_refuses(mouse, words, message):
    element, sent = mouse
    with pytest.raises(TmeError, match=message):
        element.command(words)
    assert sent() == b""
