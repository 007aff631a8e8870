"""Screen, keyboard and Ethernet as Sun's PROM and SunOS see them. Opt-in: see tests/guests/sunos.py."""

from __future__ import annotations

import struct

import pytest

from tests.guests.sunos import Sun, description, needed
from tme.args import Args
from tme.element import Element
from tme.ethernet import EthernetPort
from tme.port import connect
from tme.tools import eeprom

pytestmark = needed

DEVICES = """
keyboard0 at zs1 channel A: tme/serial/keyboard type sun-type-3
mouse0 at zs1 channel B: tme/serial/mouse type mousesystems-5
bwtwo0 at obmem0 addr 0xff000000: tme/machine/sun3/bwtwo type old-onboard
obie0: tme/machine/sun3/obie
obie0 csr at obio0 addr 0x0c0000 ipl 3
obie0 memory at mainbus0
ie0 at obie0: tme/ic/i82586
"""
SETTINGS = """installed-#megs {megabytes}
selftest-#megs 1
console-device {console}
boot-device? true
boot-device sd(0,0,0)
"""
MINE, THEIRS = bytes.fromhex("020000000001"), bytes.fromhex("080020112233")
MY_IP, THEIR_IP = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
ARP, IP = b"\x08\x06", b"\x08\x00"


class Station(Element):
    """The other end of the cable."""

    module = "test/station"

    def __init__(self, sun):
        self.name, self.machine, self.where, self.connections = "station", sun.core, None, []
        self.frames = []
        self.port = EthernetPort(self, receive=self.frames.append)
        connect(self, Args(), sun.element("ie0"), Args())

    def ports(self, args):
        return [self.port]


def machine(folder, console="ttya", megabytes=4):
    """The machine of the other tests, with our devices in place of the sink at the keyboard's line."""
    (folder / "eeprom.txt").write_text(SETTINGS.format(console=console, megabytes=megabytes))
    assert not eeprom.main(["make", str(folder / "eeprom.txt"), "-o", str(folder / "eeprom.bin")])
    lines = description(folder, "si", megabytes).splitlines()
    return "\n".join(line for line in lines if not line.startswith("sink0")) + DEVICES


# ---- the PROM's own tests ----------------------------------------------------------------------------------


@pytest.mark.parametrize("cable", [True, False])
def test_ethernet_tests_of_the_prom(tmp_path, cable):
    with Sun(machine(tmp_path)) as sun:
        if cable:
            station = Station(sun)
        sun.prompt()
        sun.send("x\r")
        sun.expect("Cmd=>")
        sun.send("ie\r")
        sun.expect("Cmd=>")
        results = {}
        for test in ("l", "e", "x"):  # in the chip, in the encoder, on the cable
            sun.send(f"{test}\r")
            sun.expect("Cmd=>")
            sun.send("\r")
            results[test] = "Test passed during pass 1.  Total errors = 0." in sun.expect("Cmd=>", 120)
        assert results == {"l": True, "e": True, "x": cable}
        if cable:
            assert station.frames
            assert all(frame.startswith(b"\xff" * 6 + THEIRS) for frame in station.frames)


# ---- screen and keyboard -----------------------------------------------------------------------------------

LEFT, TOP, WIDE, HIGH = 64, 56, 12, 22
"""Where the PROM's screen of 80 by 34 characters begins, and the size of a character."""
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,-/#:()"


BLANK = (True,) * (WIDE * HIGH)


def cells(picture, row):
    """The characters of a row as pictures."""
    for column in range(80):
        x, y = LEFT + WIDE * column, TOP + HIGH * row
        yield tuple(picture.pixel(x + dx, y + dy) for dy in range(HIGH) for dx in range(WIDE))


def read(picture, letters):
    """The rows of a screen as text; `?` is a character that is not known."""
    return ["".join(letters.get(cell, "?") for cell in cells(picture, row)).rstrip() for row in range(34)]


def until(sun, letters, text, seconds=200):
    """Let guest time pass until a row of the screen begins with a text."""
    for _ in range(0, seconds, 10):
        sun.run(seconds=10)
        rows = read(sun.screenshot(), letters)
        if any(row.startswith(text) for row in rows):
            return rows
    raise AssertionError(f"no {text!r} on the screen:\n" + "\n".join(rows))


def test_screen_and_keyboard(tmp_path):
    with Sun(machine(tmp_path, "onboard-bwtwo", 32)) as sun:
        keyboard = sun.element("keyboard0")
        sun.run(seconds=40)
        screen = sun.screenshot(tmp_path / "screen.png")
        assert (screen.width, screen.height) == (1152, 900)
        assert (tmp_path / "screen.png").stat().st_size > 1000
        prompt = max(row for row in range(34) if set(cells(screen, row)) != {BLANK})

        # what is typed appears behind the prompt; that teaches us the PROM's letters
        keyboard.type(ALPHABET)
        sun.run(seconds=5)
        shown = list(cells(sun.screenshot(), prompt))[1 : 1 + len(ALPHABET)]
        assert len(set(shown)) == len(ALPHABET)
        letters = {BLANK: " ", **dict(zip(shown, ALPHABET, strict=True))}

        text = read(screen, letters)
        assert "Selftest Completed." in text
        banner = next(at for at, line in enumerate(text) if "Workstation" in line)
        assert text[banner].endswith("Sun Workstation, Model Sun-3/160M.")
        assert text[banner + 1].endswith("Type-3 Keyboard.")
        assert text[banner + 2].endswith("ROM Rev 3.0, 32MB memory installed, Serial #12345.")
        assert text[banner + 3].endswith("Ethernet address 8:0:20:11:22:33, Host ID 11003039.")

        keyboard.press("L1", "a")
        until(sun, letters, "Abort at 0", 10)
        keyboard.type("b st()\n")
        text = until(sun, letters, "Enter a 1 or 2:")
        assert "ie0 at obio 0xc0000 pri 3" in text
        keyboard.type("2\n")
        sun.element("mouse0").move(5, 5, 4)
        until(sun, letters, "# ?", 20)  # the cursor
        keyboard.type("expr 6 \\* 7\n")
        until(sun, letters, "42", 20)


# ---- SunOS -------------------------------------------------------------------------------------------------


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", total ^ 0xFFFF)


def echo_request(payload):
    message = b"\x08\x00\x00\x00\x12\x34\x00\x01" + payload
    message = message[:2] + checksum(message) + message[4:]
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(message), 1, 0, 64, 1, 0, MY_IP, THEIR_IP)
    header = header[:10] + checksum(header) + header[12:]
    return THEIRS + MINE + IP + header + message


def arp(operation, to):
    return (
        to + MINE + ARP + struct.pack(">HHBBH6s4s6s4s", 1, 0x800, 6, 4, operation, MINE, MY_IP, to, THEIR_IP)
    )


def test_sunos_uses_the_ethernet(tmp_path):
    with Sun(machine(tmp_path, megabytes=32)) as sun:
        station = Station(sun)
        sun.prompt()
        assert "ie0 at obio 0xc0000 pri 3" in sun.menu()
        sun.leave_menu()
        assert "ie0: flags=0<>" in sun.sh("ifconfig -a")
        sun.sh("ifconfig ie0 10.0.0.2 netmask 255.0.0.0 up")
        assert "inet 10.0.0.2" in sun.sh("ifconfig ie0")

        station.frames.clear()
        station.port.send(arp(1, b"\xff" * 6))
        sun.run(seconds=1)
        answers = [frame for frame in station.frames if frame[12:14] == ARP and frame[20:22] == b"\0\2"]
        assert [frame[:12] + frame[22:32] for frame in answers] == [MINE + THEIRS + THEIRS + THEIR_IP]

        for size in (8, 1400):
            station.frames.clear()
            payload = bytes(range(256)) * 6
            station.port.send(echo_request(payload[:size]))
            sun.run(seconds=1)
            replies = [frame for frame in station.frames if frame[12:14] == IP and frame[34:36] == b"\0\0"]
            assert [frame[42 : 42 + size] for frame in replies] == [payload[:size]]
        assert "error" not in sun.text.lower().replace("errors", "")
