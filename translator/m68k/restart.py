"""Restart after a bus error: what the internal words of the frames carry, and what RTE makes of them.

The stacked PC is that of the instruction, and RTE starts it again.  The frame also carries the log of the
device cycles it had completed (`translator.replay`), so that these are not repeated, wherever software has
moved the frame.  If software has completed the faulted cycle itself and says so in the special status word
(68020: DF or RB cleared; 68010: RR set), the data that it left in the frame are what the cycle finds.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..replay import Kind
from ..spec.semantics import Semantics
from ..spec.value import Val
from . import regs
from .regs import (
    BUDGET,
    EXC_ADDR,
    EXC_FORMAT,
    EXC_PC,
    EXC_VECTOR,
    FAULT_FETCH,
    FAULT_MISALIGNED,
    FIX_DATA,
    FIX_KIND,
    FIX_SIZE,
    FIX_VA,
    LOG_BUDGET,
    LOG_COUNT,
    LOG_DATA,
    REDO,
    REDO_COUNT,
    REDO_DATA,
)


@dataclass(frozen=True)
class Room:
    """The words of a bus-error frame that are the processor's own."""

    frame: int  # format
    count: int  # offset of the word whose lower twelve bits are free
    words: tuple[int, ...]  # offsets of the others


TAKEN = 0x800  # in that word: an exception begins again, the routine with this number + 1

ROOMS = {
    "m68010": Room(0x8, 0x1A, (0x0E, 0x12, 0x16, *range(0x1C, 0x3A, 2))),  # 68000 UM, 68010
    "m68020": Room(
        0xB,
        0x36,
        (0x08, 0x14, 0x16, *range(0x1C, 0x24, 2), 0x28, 0x2A, 0x30, 0x32, 0x34, *range(0x38, 0x5C, 2)),
    ),  # 68020 UM table 6-5
}


def room(model: str) -> int:
    """Bytes of log that the frame can carry."""
    return 2 * len(ROOMS[model].words)


def save(s: Semantics, sp: Val, routine: Val) -> None:
    """Put the log of the instruction that has just faulted into its frame at sp.

    After a fault in a routine that begins an exception, the frame names the exception instead: the
    instruction is done.
    """
    place, space = ROOMS[s.model], s.const(regs.FC_SUPER_DATA, 8)
    went_astray = s.read(FAULT_FETCH) & s.read(FAULT_MISALIGNED)  # a jump: nothing that could be restarted
    logged = (s.read(LOG_BUDGET) == s.read(BUDGET)) & (went_astray == 0) & (s.read(LOG_COUNT) != 0)

    def keep() -> None:
        s.store(sp + place.count, s.read(LOG_COUNT).trunc(16), space)
        for i, at in enumerate(place.words):
            s.store(sp + at, s.read(LOG_DATA, i), space)

    def begin_again() -> None:
        s.store(sp + place.count, routine.trunc(16) | TAKEN, space)
        for at, word in zip(place.words, _exception(s), strict=False):
            s.store(sp + at, word, space)

    s.if_(routine != 0, begin_again, lambda: s.if_(logged, keep))


def _exception(s: Semantics) -> tuple[Val, ...]:
    """What an exception is made from, in words."""
    pc, addr = s.read(EXC_PC), s.read(EXC_ADDR)
    kind = s.read(EXC_VECTOR).zext(16) << 8 | s.read(EXC_FORMAT).zext(16)
    return kind, pc.bits(31, 16), pc.trunc(16), addr.bits(31, 16), addr.trunc(16)


def resume(s: Semantics, sp: Val, kind: Val) -> None:
    """RTE: what the frame at sp, of this format, says about the instruction that is restarted."""
    place = ROOMS[s.model]

    def look() -> None:
        count = s.load(sp + place.count, 2).zext(32) & 0xFFF
        fix = _fix_68010(s, sp) if s.model == "m68010" else _fix_68020(s, sp)

        def log() -> None:
            for i, at in enumerate(place.words):
                s.write(REDO_DATA, s.load(sp + at, 2), i)

        def again() -> None:
            kind, *words = (s.load(sp + at, 2) for at in place.words[:5])
            pc, addr = (words[i].zext(32) << 16 | words[i + 1].zext(32) for i in (0, 2))
            s.write(EXC_VECTOR, kind.bits(15, 8))
            s.write(EXC_FORMAT, kind.trunc(8))
            s.write(EXC_PC, pc)
            s.write(EXC_ADDR, addr)

        taken = count & TAKEN != 0
        s.if_(taken, again, lambda: s.if_(count != 0, log))
        s.write(REDO_COUNT, taken.select(s.const(0, 32), count))
        s.write(REDO, taken.select(count & 0xFF | 1 << 31, count | fix))

    s.if_(kind == place.frame, look)


def _put_fix(s: Semantics, kind: Val, va: Val, size: Val, data: Val) -> Val:
    s.write(FIX_KIND, kind)
    s.write(FIX_VA, va)
    s.write(FIX_SIZE, size)
    s.write(FIX_DATA, data.zext(64))
    return kind


def _fix_68020(s: Semantics, sp: Val) -> Val:
    """68020 UM 6.2.1: every fault has set DF, or FB and RB; what is clear now, software has done."""
    ssw = s.load(sp + 0x0A, 2)
    fetch = ssw.bit(14) & ~ssw.bit(12)
    data = ~(ssw.bit(8) | ssw.bit(14) | ssw.bit(15))
    none = s.const(Kind.NONE, 32)
    cycle = ssw.bit(6).select(s.const(Kind.READ, 32), Kind.WRITE)
    kind = fetch.select(s.const(Kind.FETCH, 32), data.select(cycle, none))
    left = ssw.bits(5, 4).zext(32)
    size = fetch.select(s.const(2, 32), (left == 0).select(s.const(4, 32), left))
    va = s.load(sp + fetch.select(s.const(0x24, 32), 0x10), 4)
    found = fetch.select(s.load(sp + 0x0E, 2).zext(32), s.load(sp + 0x2C, 4))
    return _put_fix(s, kind, va, size, found)


def _fix_68010(s: Semantics, sp: Val) -> Val:
    """68010 UM 6.3.9.2: RR says that software has rerun the cycle; bytes lie where HB says."""
    ssw = s.load(sp + 0x08, 2)
    cycle = ssw.bit(8).select(s.const(Kind.READ, 32), Kind.WRITE)
    kind = ssw.bit(15).select(ssw.bit(13).select(s.const(Kind.FETCH, 32), cycle), Kind.NONE)
    byte = ssw.bit(9)
    found = s.load(sp + ssw.bit(13).select(s.const(0x18, 32), 0x14), 2)
    found = (byte & ssw.bit(10)).select(found.lsr(8), found)
    return _put_fix(s, kind, s.load(sp + 0x0A, 4), byte.select(s.const(1, 32), 2), found.zext(32))
