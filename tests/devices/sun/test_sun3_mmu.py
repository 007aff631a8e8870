"""The MMU's translation against a second one, written from the facts; control space's view of the maps."""

import ctypes
import random

import pytest

from devices.sun.sun3 import mmu, space
from devices.sun.sun3.mmu import Sun3Mmu, physical, translate
from translator.llvm import build
from translator.m68k import MODELS
from translator.memory import GuestMemory, NoIo
from translator.native import function
from translator.softmmu import ASK, EXECUTE, FLUSH, NEW_CONTEXT, PEEK, READ, REFUSED, UNCACHED, WRITE

ROM = 0x0FEF_0000
USER, USER_PROGRAM, CONTROL, SUPER, SUPER_PROGRAM, CPU = 1, 2, 3, 5, 6, 7
NOT_BOOT = 0x80


def build_function(semantics):
    text = function("fn", MODELS["m68020"], mmu.LAYOUT, semantics, (32, 32, 32))
    linked = build.Linker().link([build.compile_text(text, 2, 2)], ["fn"])
    word, long = ctypes.c_uint32, ctypes.c_uint64
    entry = ctypes.CFUNCTYPE(long, long, word, word, word)
    fn = entry(linked.addresses["fn"])
    fn.keep = linked
    return fn


@pytest.fixture(scope="module")
def compiled():
    return build_function(translate)


@pytest.fixture
def maps():
    made = Sun3Mmu()
    made.state.prom = ROM
    made.state.enable = NOT_BOOT
    return made


def native(compiled, maps):
    def run(va, fc, how):
        result = compiled(maps.mmu.address, va, fc, how)
        return None if result & REFUSED else result & ~UNCACHED

    return run


def concrete(maps):
    memory = GuestMemory(MODELS["m68020"], maps.mmu, NoIo(), lambda *_: None)
    return memory.translate


@pytest.fixture(params=["native", "concrete"])
def mapped(request, maps, compiled):
    """translate(va, fc, how) of either engine on `maps`: physical address or None."""
    run = native(compiled, maps) if request.param == "native" else concrete(maps)
    return lambda va, fc=SUPER, how=READ: run(va, fc, how)


def reference(state, va, fc, how):
    """(physical or None, bus error register, page map index or None, its entry) by the book."""
    if fc == CONTROL:
        return 4 << 40 | va, state.bus_error, None, None
    if fc == SUPER_PROGRAM and not state.enable & NOT_BOOT:
        return state.prom | va & 0xFFFF, state.bus_error, None, None
    segment = va >> 17 & 0x7FF
    index = state.segment_map[state.context * 2048 + segment] * 16 + (va >> 13 & 15)
    pte = state.page_map[index]
    cause = None
    if fc in (0, 4, 7):
        cause = 0x20
    elif not pte & 0x8000_0000:
        cause = 0x80
    elif (pte & 0x2000_0000 and fc < 4) or (how == WRITE and not pte & 0x4000_0000):
        cause = 0x40
    if cause is not None:
        return None, state.bus_error if how == PEEK else cause, index, pte
    if how != PEEK:
        pte |= 0x0200_0000
        if how == WRITE:
            pte |= 0x0100_0000
    space, address = pte >> 26 & 3, (pte & 0x7FFFF) << 13 | va & 0x1FFF
    if space == 1 and 0x10_0000 <= address < 0x11_0000:
        return state.prom | va & 0xFFFF, state.bus_error, index, pte
    return space << 40 | address, state.bus_error, index, pte


@pytest.mark.parametrize(("engine", "count"), [("native", 20_000), ("concrete", 1500)])
def test_translation_is_the_references(maps, compiled, engine, count):
    run = native(compiled, maps) if engine == "native" else concrete(maps)
    rng = random.Random(3)
    state = maps.state
    for i in range(len(state.segment_map)):
        state.segment_map[i] = rng.randrange(256)
    for i in range(len(state.page_map)):
        state.page_map[i] = rng.getrandbits(32) | rng.choice((0, 0x8000_0000))
    frames = [0x80, 0x81, 0x87, 0x88, 0x7F, 0x180]
    for i in range(0, len(state.page_map), 7):
        state.page_map[i] = state.page_map[i] & ~0x7FFFF | rng.choice(frames)
    for _ in range(count):
        state.context, state.enable = rng.randrange(8), rng.choice((NOT_BOOT, 0xFF, 0x7F, 0))
        state.bus_error = rng.choice((0, 1))
        va, fc, how = rng.getrandbits(32), rng.randrange(8), rng.randrange(4)
        expected, error, index, pte = reference(state, va, fc, how)
        said = f"va {va:#x} fc {fc} how {how}"
        assert run(va, fc, how) == expected, said
        assert state.bus_error == error, said
        if index is not None:
            assert state.page_map[index] == pte, said


def test_bits_of_use(maps, mapped):
    maps.state.segment_map[0] = 3
    maps.state.page_map[3 * 16 + 1] = 0xC000_0007
    assert mapped(0x2004) == 0xE004
    assert maps.state.page_map[49] == 0xC200_0007
    assert mapped(0x2004, USER, WRITE) == 0xE004
    assert maps.state.page_map[49] == 0xC300_0007


def test_causes(maps, mapped):
    maps.state.page_map[0] = 0xA000_0000  # system, read only
    assert mapped(0, SUPER, WRITE) is None
    assert maps.state.bus_error == mmu.PROTECTION
    assert mapped(0, USER_PROGRAM, EXECUTE) is None
    assert maps.state.bus_error == mmu.PROTECTION
    assert mapped(0x2000, SUPER) is None
    assert maps.state.bus_error == mmu.INVALID
    assert mapped(0, CPU) is None
    assert maps.state.bus_error == mmu.TIMEOUT
    assert maps.state.page_map[0] == 0xA000_0000


def test_peeking_leaves_no_trace(maps, mapped):
    maps.state.page_map[0] = 0x8000_0001
    assert mapped(4, SUPER, PEEK) == 0x2004
    assert mapped(0x2000, SUPER, PEEK) is None
    assert maps.state.page_map[0] == 0x8000_0001
    assert maps.state.bus_error == 0


def test_boot_state_fetches_from_the_prom(maps, mapped):
    maps.state.enable = 0
    assert mapped(4, SUPER_PROGRAM, EXECUTE) == ROM + 4
    assert mapped(0x0FEF_1234, SUPER_PROGRAM, EXECUTE) == ROM + 0x1234
    assert mapped(4, SUPER) is None


def test_prom_pages_take_the_address_of_the_processor(maps, mapped):
    maps.state.page_map[0] = maps.state.page_map[1] = 0x8400_0080
    assert mapped(0x10) == ROM + 0x10
    assert mapped(0x2010) == ROM + 0x2010
    assert physical(0x8400_0083) is None
    assert physical(0x8400_0100) == 1 << 40 | 0x20_0000


# ---- control space ----------------------------------------------------------------------------------------


def test_maps_are_of_the_present_context():
    maps = Sun3Mmu()
    for context in range(8):
        maps.state.context = context
        maps.segment_map.write(0x0FE0_0000, 1, 0x10 + context)
        maps.page_map.write(0x0FE0_2000, 4, 0xC000_0000 + context)
    for context in range(8):
        maps.state.context = context
        assert maps.segment_map.read(0x0FE1_FFFF, 1) == 0x10 + context
        assert maps.page_map.read(0x0FE0_3FFC, 4) == 0xC000_0000 + context


def test_page_map_entries_are_longs_with_holes():
    maps = Sun3Mmu()
    maps.page_map.write(0, 4, 0xFFFF_FFFF)
    assert maps.page_map.read(0, 4) == 0xFF07_FFFF
    maps.page_map.write(2, 2, 0x1234)
    assert maps.page_map.read(0, 4) == 0xFF07_1234
    maps.page_map.write(0, 1, 0x80)
    assert maps.page_map.read(0, 2) == 0x8007
    assert maps.page_map.peek(3, 1) == 0x34


def test_only_valid_entries_are_missed():
    missed = []
    maps = Sun3Mmu(lambda *entries: missed.extend(entries), lambda va, first: missed.append((va, first)))
    maps.page_map.write(0, 4, 0x8000_0001)
    assert missed == []
    maps.page_map.write(0, 4, 0x8000_0001)
    assert missed == []
    maps.page_map.write(0, 4, 0x8000_0002)
    assert missed == [0x8000_0001]
    maps.page_map.write(0x2000, 4, 0x8000_0003)
    missed.clear()
    maps.segment_map.write(0, 1, 0)
    assert missed == []
    maps.segment_map.write(0, 1, 9)
    assert missed == [(0, 0)]
    assert sorted(maps.pages(0)) == [2 << 13, 3 << 13]
    maps.state.prom = 0xFEF_0000
    maps.state.page_map[2] = 0x8400_0080
    assert sorted(maps.pages(0)) == [2 << 13, 3 << 13, *range(0xFEF_0000, 0xFF0_0000, 1 << 13)]
    missed.clear()
    maps.segment_map.write(0, 1, 0)
    assert missed == []


class Side:
    """Control space over maps of its own; `flushed` tells what the last cycle asked of the soft-TLB."""

    def __init__(self):
        self.maps = Sun3Mmu(lambda *entries: self.note("moved"), lambda va, first: self.note("moved"))
        self.flushed = None
        self.space = space.ControlSpace(
            {
                space.PAGE_MAP: self.maps.page_map,
                space.SEGMENT_MAP: self.maps.segment_map,
                space.CONTEXT: space.ContextView(self.maps, self.note),
                space.BUS_ERROR: space.BusErrorView(self.maps),
            }
        )

    def note(self, what):
        self.flushed = what

    def cycle(self, va, size, value):
        """A read when there is no value."""
        self.flushed = None
        if value is None:
            return self.space.read(va, size)
        self.space.write(va, size, value)
        return None


def entries(side):
    """All that the maps and registers hold."""
    return ctypes.string_at(side.maps.mmu.address, mmu.LAYOUT.size)


def test_native_cycles_to_the_maps_do_what_python_does():
    chance = random.Random(5)
    native_registers = build_function(mmu.registers)
    book, fast = Side(), Side()
    asked = answered = flushes = 0
    for _ in range(6000):
        number = chance.choice((1, 1, 2, 2, 3, 6))
        size = 4 if number == 1 else 1
        if chance.random() < 0.05:
            size = chance.choice((1, 2, 4))
        va = (
            number << 28 | chance.randrange(4) << 17 | chance.randrange(3) << 13 | chance.choice((0, 0, 1, 2))
        )
        value = None
        if chance.random() < 0.6:
            pte = chance.choice((0, 0x80000000, 0xC0000000)) | chance.choice((0, 1, 2)) << 26
            pte |= chance.choice((1, 0x20, 0x27, 0x80, 0x87, 0x50)) | chance.choice((0, 0x00F8_0000))
            value = (pte if number == 1 else chance.randrange(6)) & (1 << 8 * size) - 1
        for side in (book, fast):
            side.maps.state.bus_error = 0x80
        expected = book.cycle(va, size, value)
        desc = size | CONTROL << 8 | (value is not None) << 16
        result = native_registers(fast.maps.mmu.address, va, desc, value or 0)
        if result & ASK:
            asked += 1
            assert fast.cycle(va, size, value) == expected
        else:
            answered += 1
            assert value is not None or result & 0xFFFF_FFFF == expected
            assert bool(result & FLUSH) == (book.flushed is not None)
            assert bool(result & NEW_CONTEXT) == (book.flushed not in (None, "moved"))
            if result & NEW_CONTEXT:
                assert result & 7 == book.flushed
            flushes += bool(result & FLUSH)
        assert entries(fast) == entries(book)
    assert answered > asked > 100
    assert flushes > 100
