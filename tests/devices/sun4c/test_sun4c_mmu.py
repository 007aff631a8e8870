"""The MMU's translation against a second one, written from the facts; control space's view of the maps."""

import ctypes
import random

import pytest

from devices.sun.sun4c import mmu, space
from devices.sun.sun4c.cache import Cache
from devices.sun.sun4c.control import Enable
from devices.sun.sun4c.errors import Errors
from devices.sun.sun4c.mmu import Sun4cMmu, physical, translate
from tme.bus import Bus, BusError
from translator.llvm import build
from translator.memory import GuestMemory, NoIo
from translator.native import function
from translator.softmmu import ASK, EXECUTE, FLUSH, NEW_CONTEXT, PEEK, READ, REFUSED, UNCACHED, WRITE
from translator.sparc import CY7C601

USER_CODE, SUPER_CODE, USER, SUPER = 8, 9, 0xA, 0xB
NOT_BOOT = 0x80
HOLE = 0x2000_0000


def build_function(semantics):
    text = function("fn", CY7C601, mmu.LAYOUT, semantics, (32, 32, 32))
    linked = build.Linker().link([build.compile_text(text, 2, 2)], ["fn"])
    word, long = ctypes.c_uint32, ctypes.c_uint64
    fn = ctypes.CFUNCTYPE(long, long, word, word, word)(linked.addresses["fn"])
    fn.keep = linked
    return fn


@pytest.fixture(scope="module")
def compiled():
    return build_function(translate)


@pytest.fixture
def maps():
    made = Sun4cMmu()
    made.state.enable = NOT_BOOT
    return made


def native(compiled, maps):
    def run(va, asi, how):
        result = compiled(maps.mmu.address, va, asi, how)
        return None if result & REFUSED else result & ~UNCACHED

    return run


def concrete(maps):
    return GuestMemory(CY7C601, maps.mmu, NoIo(), lambda *_: None).translate


@pytest.fixture(params=["native", "concrete"])
def mapped(request, maps, compiled):
    """translate(va, asi, how) of either engine on `maps`: physical address or None."""
    run = native(compiled, maps) if request.param == "native" else concrete(maps)
    return lambda va, asi=SUPER, how=READ: run(va, asi, how)


def reference(state, va, asi, how):
    """(physical or None, error register, error address, page map index or None, its entry) by the book."""
    error, error_va = state.sync_error, state.sync_va
    if asi not in (USER_CODE, SUPER_CODE, USER, SUPER):
        return 2 << 40 | va, error, error_va, None, None
    if asi == SUPER_CODE and not state.enable & NOT_BOOT:
        return 0xF600_0000 | va & 0x3FFFF, error, error_va, None, None
    if state.enable & 0x90 == 0x10 and how != PEEK:  # the boot state with a cache
        return 4 << 40 | va, error, error_va, None, None
    if 0x2000_0000 <= va < 0xE000_0000:
        if how != PEEK:
            error, error_va = error & ~0x8000 | 0x80 | (0x8000 if how == WRITE else 0), va
        return None, error, error_va, None, None
    pmeg = state.segment_map[state.context * 4096 + (va & 0x3FFF_FFFF) // 0x4_0000]
    index = pmeg * 64 + va % 0x4_0000 // 0x1000
    pte = state.page_map[index]
    cause = 0
    if not pte & 0x8000_0000:
        cause = 0x80
    elif (pte & 0x2000_0000 and asi in (USER, USER_CODE)) or (how == WRITE and not pte & 0x4000_0000):
        cause = 0x40
    if cause:
        if how != PEEK:
            error, error_va = error & ~0x8000 | cause | (0x8000 if how == WRITE else 0), va
        return None, error, error_va, index, pte
    if how != PEEK:
        pte |= 0x0200_0000
        if how == WRITE:
            pte |= 0x0100_0000
    address = (pte & 0xFFFF) * 0x1000 + va % 0x1000
    where = {0: address, 1: 0xF000_0000 + address}.get(pte >> 26 & 3, 1 << 40 | address)
    return where, error, error_va, index, pte


@pytest.mark.parametrize(("engine", "count"), [("native", 10_000), ("concrete", 1000)])
def test_translation_is_the_references(maps, compiled, engine, count):
    run = native(compiled, maps) if engine == "native" else concrete(maps)
    rng = random.Random(3)
    state = maps.state
    size = ctypes.sizeof(ctypes.c_uint8) * len(state.segment_map)
    state.segment_map[0:size] = rng.randbytes(size)
    for i in range(len(state.page_map)):
        state.page_map[i] = rng.getrandbits(32) | rng.choice((0, 0x8000_0000))
    asis = (USER_CODE, SUPER_CODE, USER, SUPER) * 3 + (0, 2, 3, 4, 0xC, 0x18, 0xFF)
    for _ in range(count):
        state.context, state.enable = rng.randrange(16), rng.choice((NOT_BOOT, 0xFF, 0x7F, 0))
        state.sync_error = rng.choice((0, 1, 0x8000, 0x8040))
        state.sync_va = 5
        va = rng.choice((rng.getrandbits(29), 0xE000_0000 | rng.getrandbits(29), rng.getrandbits(32)))
        asi, how = rng.choice(asis), rng.randrange(4)
        expected, error, error_va, index, pte = reference(state, va, asi, how)
        said = f"va {va:#x} asi {asi:x} how {how}"
        assert run(va, asi, how) == expected, said
        assert (state.sync_error, state.sync_va) == (error, error_va), said
        if index is not None:
            assert state.page_map[index] == pte, said


def test_bits_of_use(maps, mapped):
    maps.state.segment_map[0] = 3
    maps.state.page_map[3 * 64 + 2] = 0xC000_0007
    assert mapped(0x2004) == 0x7004
    assert maps.state.page_map[3 * 64 + 2] == 0xC200_0007
    assert mapped(0x2004, USER, WRITE) == 0x7004
    assert maps.state.page_map[3 * 64 + 2] == 0xC300_0007


def test_causes_gather_and_the_address_is_the_last(maps, mapped):
    maps.state.page_map[0] = 0xA000_0000  # supervisor, read only
    assert mapped(4, SUPER, WRITE) is None
    assert (maps.state.sync_error, maps.state.sync_va) == (0x8040, 4)
    assert mapped(0x1003, USER_CODE, EXECUTE) is None
    assert (maps.state.sync_error, maps.state.sync_va) == (0xC0, 0x1003)
    assert mapped(0, USER) is None
    assert (maps.state.sync_error, maps.state.sync_va) == (0xC0, 0)
    assert maps.state.page_map[0] == 0xA000_0000


def test_nothing_is_in_the_hole(maps, mapped):
    maps.state.page_map[0] = 0x8000_0001
    assert mapped(0) == mapped(0xE000_0000) == 0x1000  # both halves of the segment map
    for va in (HOLE, 0x3FFF_FFFF, 0x4000_0000, 0xC000_0000, 0xDFFF_FFFF):
        assert mapped(va) is None
        assert maps.state.sync_va == va
    assert maps.state.sync_error == mmu.INVALID


def test_peeking_leaves_no_trace(maps, mapped):
    maps.state.page_map[0] = 0x8000_0001
    assert mapped(4, SUPER, PEEK) == 0x1004
    assert mapped(0x1000, SUPER, PEEK) is None
    assert maps.state.page_map[0] == 0x8000_0001
    assert maps.state.sync_error == 0


def test_boot_state_fetches_from_the_prom(maps, mapped):
    maps.state.enable = 0
    assert mapped(4, SUPER_CODE, EXECUTE) == 0xF600_0004
    assert mapped(0xFFD4_1234, SUPER_CODE, EXECUTE) == 0xF600_1234
    assert mapped(HOLE, SUPER_CODE, EXECUTE) == 0xF600_0000
    assert mapped(4, SUPER) is None
    assert mapped(4, USER_CODE, EXECUTE) is None


def test_page_types(maps, mapped):
    for kind, where in (
        (0, 0x0123_4000),
        (1, 0xF123_4000),
        (2, 1 << 40 | 0x0123_4000),
        (3, 1 << 40 | 0x123_4000),
    ):
        maps.state.page_map[0] = entry = 0x8000_1234 | kind << 26
        assert mapped(8) == where + 8
        assert physical(entry) == where


# ---- control space ----------------------------------------------------------------------------------------


class Side:
    """Control space over maps of its own; `flushed` tells what the last cycle asked of the soft-TLB."""

    def __init__(self):
        self.maps = Sun4cMmu(lambda *entries: self.note("moved"), lambda va, first: self.note("moved"))
        self.flushed = None
        self.cache = Cache(self.maps.state)
        self.errors = Errors(self.maps.state, lambda: None)
        self.enable = Enable()
        self.space = space.ControlSpace(
            self.maps, self.errors, self.cache, Bus(1 << 32), self.enable, self.enable.write, self.switch
        )

    def note(self, what):
        self.flushed = what

    def switch(self, context):
        if context != self.maps.state.context:
            self.maps.state.context = context
            self.note(context)

    def cycle(self, asi, va, size, value):
        """A read when there is no value."""
        self.flushed = None
        if value is None:
            return self.space.read(asi, va, size)
        self.space.write(asi, va, size, value)
        return None


@pytest.fixture
def side():
    return Side()


def test_maps_are_of_the_present_context(side):
    for context in range(16):
        side.cycle(2, 0x3000_0000, 1, 0x20 + context)  # upper bits do not exist
        side.cycle(3, 0xFFD0_0000, 1, 0x10 + context)
        side.cycle(4, 0xFFD0_2000, 4, 0xC000_0000 + context)
    for context in range(16):
        side.cycle(2, 0x3000_0000, 1, context)
        assert side.cycle(2, 0x3000_0000, 1, None) == context
        assert side.cycle(3, 0xFFD3_FFFF, 1, None) == 0x10 + context
        assert side.cycle(3, 0xFFD3_FFFC, 4, None) == 0x10 + context  # Linux copies words
        assert side.cycle(4, 0xFFD0_2FFC, 4, None) == 0xC000_0000 + context


def test_page_map_entries_are_words_with_holes(side):
    side.cycle(4, 0, 4, 0xFFFF_FFFF)
    assert side.cycle(4, 0, 4, None) == 0xFF00_FFFF
    side.cycle(4, 2, 2, 0x1234)
    assert side.cycle(4, 0, 4, None) == 0xFF00_1234
    side.cycle(4, 0, 1, 0x80)
    assert side.cycle(4, 0, 2, None) == 0x8000
    assert side.cycle(4, 3, 1, None) == 0x34


def test_the_hole_has_no_entries(side):
    side.cycle(3, HOLE, 1, 7)
    side.cycle(4, HOLE, 4, 0xFFFF_FFFF)
    assert side.cycle(3, HOLE, 1, None) == 255
    assert side.cycle(4, HOLE, 4, None) == 0
    assert side.cycle(3, 0, 1, None) == 0
    assert not any(side.maps.state.page_map)


def test_reading_an_error_register_clears_that_one_alone(side):
    for at in range(0, 0x18, 4):
        side.cycle(2, 0x6000_0000 + at, 4, 0x10 + at)
    for at in reversed(range(0, 0x18, 4)):
        assert side.cycle(2, 0x6000_0000 + at, 4, None) == 0x10 + at
        assert side.cycle(2, 0x6000_0000 + at, 4, None) == (0x14 if at == 4 else 0)


def test_cache_tags_data_and_flushes(side):
    side.cycle(2, 0x8000_0020, 4, 0xFFFF_FFFF)
    assert side.cycle(2, 0x8000_0020, 4, None) == 0x03F8_FFFC
    side.cycle(2, 0x9000_0024, 8, 0x1122_3344_5566_7788)
    assert side.cycle(2, 0x9000_0026, 2, None) == 0x3344
    assert side.cycle(2, 0x9000_0028, 4, None) == 0x5566_7788
    tag = 0x0008_0000 | 0x0123 << 2  # context 0, virtual address 0123xxxx
    for asi in (5, 6, 7, 0xC, 0xD, 0xE, 0xF):
        side.cycle(2, 0x8000_1040, 4, tag)
        side.cycle(asi, 0x0123_2040, 4, 0)  # another line, unless it is all
        assert side.cycle(2, 0x8000_1040, 4, None) == (tag & ~0x8_0000 if asi == 0xF else tag)
        side.cycle(asi, 0x0123_1040, 4, 0)
        assert side.cycle(2, 0x8000_1040, 4, None) == tag & ~0x8_0000
    side.cycle(2, 0x8000_1040, 4, tag | 0x10_0000)  # a supervisor's line stays when a context goes
    side.cycle(0xE, 0x0123_1040, 4, 0)
    assert side.cycle(2, 0x8000_1040, 4, None) == tag | 0x10_0000
    side.cycle(2, 0x3000_0000, 1, 3)
    side.cycle(0xD, 0x0123_1040, 4, 0)
    assert side.cycle(2, 0x8000_1040, 4, None) == tag & ~0x8_0000 | 0x10_0000


@pytest.mark.parametrize(("asi", "va"), [(0, 0), (2, 0), (2, 0x7000_0000), (0x10, 0), (0xFF, 4)])
def test_nothing_answers_elsewhere(side, asi, va):
    with pytest.raises(BusError):
        side.cycle(asi, va, 4, None)
    with pytest.raises(BusError):
        side.cycle(asi, va, 4, 0)


def entries(side):
    """All that the maps and registers hold."""
    return ctypes.string_at(side.maps.mmu.address, mmu.LAYOUT.size)


def test_native_cycles_to_control_space_do_what_python_does():
    chance = random.Random(5)
    native_registers = build_function(mmu.registers)
    book, fast = Side(), Side()
    asked = answered = flushes = 0
    segments = (0, 0x4_0000, 0xFFFC_0000, HOLE)
    for _ in range(4000):
        asi = chance.choice((4, 4, 4, 3, 3, 2, 2, 6, 0xD, 0xF))
        size = 1 if asi == 3 else 4
        if chance.random() < 0.05:
            size = chance.choice((1, 2, 4))
        va = chance.choice(segments) | chance.randrange(3) << 12
        if asi == 2:
            va = chance.choice((0x3000_0000, 0x6000_0000, 0x6000_0004, 0x8000_0040))
            size = 1 if va == 0x3000_0000 else size
        value = None
        if asi in (6, 0xD, 0xF) or chance.random() < 0.6:
            pte = chance.choice((0, 0x80000000, 0xC0000000)) | chance.choice((0, 1, 2)) << 26
            pte |= chance.choice((1, 0x2000, 0x6000, 0x603F, 0x6040, 0x8400)) | chance.choice(
                (0, 0x00F8_0000)
            )
            value = (
                pte
                if asi == 4
                else chance.choice((chance.randrange(8), 0x8_0000))
                if asi == 2
                else chance.randrange(4)
            )
            value &= (1 << 8 * size) - 1
        for each in (book, fast):
            each.maps.state.sync_error, each.maps.state.sync_va = 0x80, 0x1234
        expected = book.cycle(asi, va, size, value)
        desc = size | asi << 8 | (value is not None) << 16
        result = native_registers(fast.maps.mmu.address, va, desc, value or 0)
        if result & ASK:
            asked += 1
            assert fast.cycle(asi, va, size, value) == expected
        else:
            answered += 1
            assert value is not None or result & 0xFFFF_FFFF == expected
            assert bool(result & FLUSH) == (book.flushed is not None)
            assert bool(result & NEW_CONTEXT) == (book.flushed not in (None, "moved"))
            if result & NEW_CONTEXT:
                assert result & 15 == book.flushed
            flushes += bool(result & FLUSH)
        assert entries(fast) == entries(book)
        assert fast.cache.tags == book.cache.tags
    assert answered > asked > 100
    assert flushes > 100
