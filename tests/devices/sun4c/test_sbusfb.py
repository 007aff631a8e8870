"""SBus frame buffers: registers as NetBSD and Linux use them, retrace interrupts, pictures."""

import pytest

from tests.tme.test_framebuffer import read_png
from tme.errors import TmeError
from tme.framebuffer import Picture

REGISTERS, MEMORY = 0x40_0000, 0x80_0000
ADDRESS, COLOURS, DAC_CONTROL, OVERLAY, CONTROL, STATUS = 0, 4, 8, 12, 0x10, 0x11
FRAME = 1_000_000_000 // 66


@pytest.fixture(params=["bwtwo", "cgthree"])
def kind(request):
    return request.param


class Card:
    def __init__(self, machine, kind, more=""):
        self.machine = machine
        self.bus = machine.make(
            "sbus0", "generic/bus size 4GB slot-addr 0xf8000000 slot-size 32MB slot 0 slot 1"
        ).map
        self.element = machine.make("fb0", f"tme/bus/sbus/{kind} {more}")
        machine.connect("fb0 at sbus0 slot 1 offset 0x0 ipl 7")

    def put(self, register, value, size=1):
        self.bus.write(0xFA00_0000 + REGISTERS + register, size, value)

    def get(self, register, size=1):
        return self.bus.read(0xFA00_0000 + REGISTERS + register, size)

    def draw(self, offset, data):
        for i, byte in enumerate(data):
            self.bus.write(0xFA00_0000 + MEMORY + offset + i, 1, byte)


@pytest.fixture
def card(machine, kind):
    return Card(machine, kind)


@pytest.fixture
def cg3(machine):
    return Card(machine, "cgthree")


def test_what_drivers_look_for(card, kind):
    assert card.get(STATUS) == {"bwtwo": 0x32, "cgthree": 0x31}[kind]
    assert card.get(CONTROL) == 0x40
    assert card.get(0x30) == 0x40  # registers repeat
    for register in range(0x12, 0x20):
        card.put(register, register)
    assert card.get(0x1C, 4) == 0x1C1D1E1F


def test_the_cards_prom_is_a_memory_of_its_own(card, tmp_path):
    (tmp_path / "rom").write_bytes(b"\xfe\x01\x01\x04")
    card.machine.make("rom0", f"host/posix/memory rom {tmp_path / 'rom'}")
    card.machine.connect("rom0 at sbus0 slot 1 offset 0x0")
    assert card.bus.read(0xFA00_0000, 4) == 0xFE010104


def test_retraces(card):
    clock, bus = card.machine.clock, card.bus
    clock.advance(3 * FRAME)
    assert not bus.pending(7)
    card.put(CONTROL, 0xC0)
    clock.advance(FRAME)
    assert bus.pending(7)
    assert card.get(STATUS) & 0x80
    card.put(STATUS, 0)
    assert not bus.pending(7)
    clock.advance(FRAME)
    assert bus.pending(7)
    card.put(CONTROL, 0x40)
    assert not bus.pending(7)
    card.element.reset()
    clock.advance(3 * FRAME)
    assert not bus.pending(7)


def test_black_on_white(machine):
    card = Card(machine, "bwtwo")
    card.draw(144, b"\xa0")
    picture = card.element.picture()
    assert [picture.pixel(x, 1) for x in range(4)] == [False, True, False, True]
    assert picture.pixel(0, 0)
    card.put(CONTROL, 0)
    assert not card.element.picture().pixel(0, 0)


def test_colours(cg3):
    cg3.put(ADDRESS, 4, 4)
    cg3.put(COLOURS, 0x102030FF, 4)  # NetBSD: four primaries a word
    cg3.put(COLOURS, 0x8040FFFF, 4)
    cg3.put(COLOURS, 0xFF000000, 4)
    cg3.put(ADDRESS, 200)
    for primary in (1, 2, 3):
        cg3.put(COLOURS, primary)  # a byte each
    cg3.draw(1152 * 2, bytes((4, 5, 6, 200)))
    picture = cg3.element.picture()
    assert [picture.colour(x, 2) for x in range(4)] == [
        (16, 32, 48),
        (255, 128, 64),
        (255, 255, 255),
        (1, 2, 3),
    ]
    assert picture.pixel(2, 2)
    assert not picture.pixel(3, 2)
    cg3.put(ADDRESS, 4, 4)
    assert cg3.get(COLOURS, 4) == 0x102030FF
    assert cg3.get(COLOURS) == 0x80
    cg3.put(CONTROL, 0)
    assert cg3.element.picture().colour(0, 2) == (0, 0, 0)


def test_control_registers_and_addresses_that_are_none(cg3):
    for address, reset in ((4, 0xFF), (5, 0), (6, 0x40), (7, 0), (8, 0)):
        cg3.put(ADDRESS, address)
        assert cg3.get(DAC_CONTROL) == reset
    cg3.put(ADDRESS, 6)
    cg3.put(DAC_CONTROL, 0x43)
    assert cg3.get(DAC_CONTROL) == 0x43
    cg3.put(ADDRESS, 9)
    cg3.put(OVERLAY, 0x11)
    assert cg3.get(OVERLAY) == 0
    cg3.put(ADDRESS, 255)
    for _ in range(4):
        cg3.put(COLOURS, 7)
    assert cg3.get(ADDRESS) == 0
    assert cg3.element.dac.palette[0] == 7
    cg3.put(ADDRESS, 4)
    cg3.put(DAC_CONTROL, 0x0F)  # planes that are read
    assert cg3.element.picture().palette[0xF0 * 3 :][:3] == b"\7\0\0"


def test_a_colour_screenshot():
    palette = bytes(range(256)) * 3
    picture = Picture(3, 2, b"\0\1\2\3\4\5", palette)
    png = picture.png()
    assert read_png(png) == (3, 2, 8, 3, b"\0\1\2\3\4\5")
    assert b"PLTE" + palette in png


def test_mistakes(machine):
    with pytest.raises(TmeError, match="1152x900"):
        machine.make("fb0", "tme/bus/sbus/cgthree size 640x480")
    with pytest.raises(TmeError, match="slot 1"):
        machine.make("fb1", "tme/bus/sbus/cgthree").check()
