import pytest

from tme.bus import AddressMap, Bus, BusError, split
from tme.errors import TmeError
from tme.memory import Memory


class Recorder:
    """A target that logs its cycles; byte n reads as n."""

    def __init__(self, width):
        self.width = width
        self.cycles = []

    def read(self, offset, size):
        self.cycles.append(("r", offset, size))
        return self.peek(offset, size)

    def peek(self, offset, size):
        return int.from_bytes(bytes((offset + i) & 0xFF for i in range(size)), "big")

    def write(self, offset, size, value):
        self.cycles.append(("w", offset, size, value))


@pytest.mark.parametrize(
    ("offset", "size", "width", "pieces"),
    [
        (0, 4, 4, [(0, 4)]),
        (0, 4, 1, [(0, 1), (1, 1), (2, 1), (3, 1)]),
        (1, 4, 2, [(1, 1), (2, 2), (4, 1)]),
        (1, 4, 4, [(1, 1), (2, 2), (4, 1)]),
        (2, 4, 4, [(2, 2), (4, 2)]),
        (0, 3, 4, [(0, 2), (2, 1)]),
        (4, 8, 4, [(4, 4), (8, 4)]),
    ],
)
def test_split(offset, size, width, pieces):
    assert list(split(offset, size, width)) == pieces


def test_read_and_write_are_split_big_endian():
    space, target = AddressMap(0x1000), Recorder(2)
    space.add(0x100, 0x10, target, "dev0")
    assert space.read(0x101, 4) == 0x01020304
    space.write(0x104, 4, 0xAABBCCDD)
    assert target.cycles == [("r", 1, 1), ("r", 2, 2), ("r", 4, 1), ("w", 4, 2, 0xAABB), ("w", 6, 2, 0xCCDD)]


def test_an_access_may_cross_into_the_next_region():
    space, first, second = AddressMap(0x1000), Recorder(4), Recorder(1)
    space.add(0x100, 6, first, "a")
    space.add(0x106, 6, second, "b")
    assert space.read(0x104, 4) == 0x04050001
    assert first.cycles == [("r", 4, 2)]
    assert second.cycles == [("r", 0, 1), ("r", 1, 1)]


def test_peek_makes_no_cycles():
    space, target = AddressMap(0x1000), Recorder(1)
    space.add(0, 16, target, "dev0")
    assert space.peek(2, 4) == 0x02030405
    assert target.cycles == []


@pytest.mark.parametrize("address", [0xFF, 0x110, 0x10E])
def test_nothing_answers(address):
    space = AddressMap(0x1000)
    space.add(0x100, 0x10, Recorder(4), "dev0")
    for access in (space.read, space.peek, lambda address, size: space.write(address, size, 0)):
        with pytest.raises(BusError) as caught:
            access(address, 4)
        assert caught.value.timeout


def test_find_gives_base_size_target():
    space, target = AddressMap(0x1000), Recorder(1)
    space.add(0x100, 0x10, target, "dev0")
    assert space.find(0x10F) == (0x100, 0x10, target)
    assert space.find(0x110) is None
    assert space.find(0) is None


@pytest.mark.parametrize("base", [0xF1, 0x100, 0x108, 0x10F])
def test_overlap_names_both_owners(base):
    space = AddressMap(0x1000)
    space.add(0x100, 0x10, Recorder(1), "zs0")
    version = space.version
    with pytest.raises(TmeError, match=r"zs1 at .* overlaps zs0 at 0x100-0x10f"):
        space.add(base, 0x10, Recorder(1), "zs1")
    assert space.version == version
    assert len(space.regions()) == 1


def test_a_wider_region_over_several_is_an_overlap():
    space = AddressMap(0x1000)
    space.add(0x100, 0x10, Recorder(1), "a")
    space.add(0x140, 0x10, Recorder(1), "b")
    with pytest.raises(TmeError, match="overlaps"):
        space.add(0x0F0, 0x100, Recorder(1), "c")


def test_outside_of_the_map():
    space = AddressMap(0x1000, "obio0")
    with pytest.raises(TmeError, match="does not fit on obio0"):
        space.add(0xFF8, 0x10, Recorder(1), "zs0")
    with pytest.raises(TmeError, match="no size"):
        space.add(0, 0, Recorder(1), "zs0")


def test_remove_changes_the_version():
    space = AddressMap(0x1000)
    space.add(0, 8, Recorder(1), "a")
    space.add(8, 8, Recorder(1), "b")
    version = space.version
    space.remove("a")
    assert space.find(0) is None
    assert space.find(8)
    assert space.version > version


def test_memories_are_listed_for_the_translator():
    space, ram = AddressMap(1 << 20), Memory.ram(0x2000)
    space.add(0x2000, 0x2000, ram, "ram0")
    space.add(0x8000, 8, Recorder(1), "zs0")
    assert space.memories() == [(0x2000, 0x2000, ram)]
    space.write(0x2FFF, 4, 0x01020304)
    assert space.read(0x2FFD, 8) == 0x0000_0102_0304_0000
    ram.close()


def test_interrupts_are_ored_per_level():
    bus, seen = Bus(0x1000), []
    bus.on_interrupt(lambda ipl, level, source, vector: seen.append((ipl, level, source)))
    first, second = bus.line(6, "zs0"), bus.line(6, "zs1")
    first.set(True)
    second.set(True)
    first.set(False)
    assert bus.pending(6)
    assert not bus.pending(5)
    second.set(False)
    assert not bus.pending(6)
    assert seen == [(6, True, "zs0"), (6, True, "zs1"), (6, False, "zs0"), (6, False, "zs1")]


def test_acknowledge_asks_the_sources_in_order():
    bus = Bus(0x1000)
    bus.interrupt(2, "quiet", True)
    assert bus.acknowledge(2) is None
    bus.interrupt(2, "si0", True, lambda: 0x40)
    bus.interrupt(2, "si1", True, lambda: 0x41)
    assert bus.acknowledge(2) == 0x40
    bus.interrupt(2, "si0", False)
    assert bus.acknowledge(2) == 0x41


def test_dma_needs_a_board():
    bus = Bus(0x1000)
    with pytest.raises(BusError):
        bus.dma_read(0, 4)
    with pytest.raises(BusError):
        bus.dma_write(0, b"1234")
    bus.set_dma(lambda address, count: bytes([address]) * count, lambda address, data: None)
    assert bus.dma_read(7, 3) == b"\7\7\7"
