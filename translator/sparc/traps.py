"""Traps (V8 manual, chapter 7): how instructions raise them, and the routines that take them.

An instruction checks in the order of the priorities (table 7-1), so that the first `take` wins.
"""

from __future__ import annotations

from ..spec.semantics import Semantics
from ..spec.value import Val
from ..state import Reason
from .decl import npc
from .regs import (
    CWP,
    DELAY,
    ET,
    FAULT_FETCH,
    FAULT_MISALIGNED,
    IRL,
    PIL,
    PS,
    TBR,
    TT,
    above,
    user,
    write_r,
)

FETCH_EXCEPTION, ILLEGAL, PRIVILEGED, FP_DISABLED, OVERFLOW, UNDERFLOW, MISALIGNED = 1, 2, 3, 4, 5, 6, 7
FP_EXCEPTION, DATA_EXCEPTION, TAG_OVERFLOW, CP_DISABLED, DIVISION_BY_ZERO = 0x08, 0x09, 0x0A, 0x24, 0x2A
INTERRUPTS, SOFTWARE = 0x10, 0x80
NOT_MASKED = 15  # this interrupt level ignores PIL
L1, L2 = 17, 18


def take(s: Semantics, tt: int | Val) -> None:
    """End this path with trap type `tt`."""
    s.write(TT, s.const(tt, 8) if isinstance(tt, int) else tt)
    s.goto("trap")


def take_if(s: Semantics, cond: Val, tt: int) -> None:
    s.if_(cond, lambda: take(s, tt))


def privileged(s: Semantics) -> None:
    """The rest of the instruction is for the supervisor."""
    take_if(s, user(s), PRIVILEGED)


def aligned(s: Semantics, target: Val) -> None:
    """Instructions lie at multiples of four."""
    take_if(s, target.trunc(2) != 0, MISALIGNED)


def notice(s: Semantics) -> None:
    """Let the machine see an interrupt that the new ET or PIL lets in."""
    level = s.read(IRL)
    open_ = level.ugt(s.read(PIL)) | (level == NOT_MASKED)
    s.leave_if((s.read(ET) != 0) & open_, Reason.RECHECK)


# -- routines ------------------------------------------------------------------------------------------------


def _enter(s: Semantics, tt: Val) -> None:
    """The trap itself; with ET = 0 the processor goes into error mode instead, `tt` in TBR (7.1, B.26)."""
    tbr = s.read(TBR) & 0xFFFFF000 | tt.zext(32) << 4
    s.if_(s.read(ET) == 0, lambda: _stop(s, tbr))
    window = above(s)
    write_r(s, s.const(L1, 5), s.pc, window)
    write_r(s, s.const(L2, 5), npc(s), window)
    s.write(TBR, tbr)
    s.write(ET, s.const(0, 8))
    s.write(PS, (~user(s)).zext(8))
    s.write(CWP, window)
    s.write(DELAY, s.const(0, 32))
    s.switch_mode(s.const(1, 8))
    s.jump(tbr)


def _stop(s: Semantics, tbr: Val) -> None:
    s.write(TBR, tbr)
    s.goto("double_fault")


def trap(s: Semantics) -> None:
    """What `take` asked for."""
    _enter(s, s.read(TT))


def undefined(s: Semantics) -> None:
    """The word decodes to nothing."""
    _enter(s, s.const(ILLEGAL, 8))


def fault(s: Semantics) -> None:
    """A refused access: the state's fault_ fields say which."""
    fetch, odd = s.read(FAULT_FETCH) != 0, s.read(FAULT_MISALIGNED) != 0
    _enter(s, fetch.select(s.const(FETCH_EXCEPTION, 8), odd.select(s.const(MISALIGNED, 8), DATA_EXCEPTION)))


def interrupt(s: Semantics) -> None:
    """Between instructions, at the level asserted."""
    _enter(s, s.read(IRL) | INTERRUPTS)


def error_mode(s: Semantics) -> None:
    """A trap while traps were disabled: the processor halts, PC and nPC as they are."""
    s.jump(s.pc)
    s.leave(Reason.HALTED)


ROUTINES = {
    "trap": trap,
    "fault": fault,
    "illegal": undefined,
    "interrupt": interrupt,
    "double_fault": error_mode,
}
