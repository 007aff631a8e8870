"""The monochrome frame buffer: memory, control register, retrace interrupt, picture."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tme.errors import TmeError

BASE, CONTROL = 0xFF00_0000, 0xFF02_0000
FRAME = 1_000_000_000 // 66


@pytest.fixture
def make(machine):
    machine.make("obmem0", "tme/generic/bus size 4GB")

    def place(words):
        element = machine.make("bwtwo0", f"tme/machine/sun3/bwtwo {words}")
        machine.connect(f"bwtwo0 at obmem0 addr {BASE:#x} ipl 4")
        element.reset()
        return element, machine.elements["obmem0"].map

    return place


def test_memory_is_plain_host_memory(make):
    element, bus = make("type old-onboard")
    bus.write(BASE + 0x1FFFC, 4, 0x12345678)
    assert element.memory.read_bytes(0x1FFFC, 4) == bytes.fromhex("12345678")
    assert (BASE, 0x20000, element.memory) in bus.memories()


def test_control_register(make):
    _, bus = make("type old-onboard")
    assert bus.read(CONTROL, 2) == 0x8000
    bus.write(CONTROL, 2, 0x5F7E)
    assert bus.read(CONTROL, 2) == 0x407E  # interrupt and jumpers are read only
    bus.write(CONTROL, 1, 0x80)
    assert bus.read(CONTROL + 0x7FE, 2) == 0x807E  # it answers in the whole page
    assert bus.peek(CONTROL + 1, 1) == bus.read(CONTROL + 1, 1) == 0x7E
    assert bus.peek(CONTROL, 4) == 0x807E807E
    assert bus.find(CONTROL + 0x800) is None


def test_jumper_of_the_square_screen(make):
    element, bus = make("type old-onboard size 1024x1024")
    assert bus.read(CONTROL, 2) == 0x8100
    assert (element.picture().width, element.picture().height) == (1024, 1024)


def test_onboard_has_no_register(make):
    element, bus = make("type onboard size 1600x1280")
    assert bus.find(CONTROL) == (BASE, 0x40000, element.memory)
    assert element.picture().width == 1600


def test_retrace_interrupts(machine, make):
    _, bus = make("type old-onboard")
    machine.clock.advance(2 * FRAME)
    assert not bus.pending(4)
    bus.write(CONTROL, 2, 0xA000)
    machine.clock.advance(FRAME - 1)
    assert not bus.pending(4)
    machine.clock.advance(1)
    assert bus.pending(4)
    assert bus.read(CONTROL, 2) == 0xB000
    bus.write(CONTROL, 2, 0x8000)
    assert not bus.pending(4)
    machine.clock.advance(2 * FRAME)
    assert bus.read(CONTROL, 2) == 0x8000


def test_reset(machine, make):
    element, bus = make("type old-onboard")
    bus.write(CONTROL, 2, 0x2000)
    machine.clock.advance(FRAME)
    element.reset()
    assert not bus.pending(4)
    assert bus.read(CONTROL, 2) == 0x8000


def test_a_one_is_black(make):
    element, bus = make("type old-onboard")
    bus.write(BASE, 1, 0x80)
    bus.write(BASE + 1152 // 8 * 899 + 143, 1, 0x01)
    picture = element.picture()
    black = [
        (x, y) for y in range(900) if set(picture.rows[y * 144 :][:144]) != {0xFF}
        for x in range(1152) if not picture.pixel(x, y)
    ]  # fmt: skip
    assert black == [(0, 0), (1151, 899)]


def test_a_screen_that_is_off_is_black(make):
    element, bus = make("type old-onboard")
    assert element.picture().rows.count(0xFF) == 144 * 900
    bus.write(CONTROL, 2, 0)
    assert not any(element.picture().rows)
    bus.write(CONTROL, 2, 0x8000)
    board = SimpleNamespace(video=False)
    element.slave.peer.element.controller = board
    assert not any(element.picture().rows)
    board.video = True
    assert any(element.picture().rows)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("type P4", "not in this version"),
        ("type old-onboard size 640x480", "1152x900 or 1024x1024"),
        ("type onboard size 1x1", "one of 1152x900"),
        ("", "'type' is missing"),
    ],
)
def test_what_is_refused(machine, words, message):
    with pytest.raises(TmeError, match=message):
        machine.make("bwtwo0", f"tme/machine/sun3/bwtwo {words}")


def test_it_needs_a_place(machine):
    element = machine.make("bwtwo0", "tme/machine/sun3/bwtwo type onboard")
    with pytest.raises(TmeError, match="is on no bus"):
        element.check()


def test_all_parts_or_none_are_placed(machine, make):
    machine.make("obmem0", "tme/generic/bus size 4GB")
    machine.make("ram0", "tme/host/posix/memory ram 4KB")
    machine.connect(f"ram0 at obmem0 addr {CONTROL:#x}")
    machine.make("bwtwo0", "tme/machine/sun3/bwtwo type old-onboard")
    with pytest.raises(TmeError, match="overlaps ram0"):
        machine.connect(f"bwtwo0 at obmem0 addr {BASE:#x}")
    assert [region.owner for region in machine.elements["obmem0"].map.regions()] == ["ram0"]
