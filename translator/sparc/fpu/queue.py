"""What stands before every floating-point instruction, and deferred traps (V8 manual, 4.4 and 7.1).

    fp_execute ── an FPop fails: it goes into the queue ──► fp_exception_pending
    fp_exception_pending ── the next FP instruction traps (fp_exception) ──► fp_exception
    fp_exception ── STDFQ empties the queue ──► fp_execute;  stores are executed
                 └─ any other FP instruction: it is lost, ftt says sequence_error ──► fp_exception_pending

An FPop is complete when its instruction is, so the queue never holds more than the one that failed.
"""

from __future__ import annotations

from collections.abc import Callable

from ...spec.semantics import Semantics
from ...spec.value import Val
from ..decl import npc
from ..regs import DELAY
from ..traps import FP_DISABLED, FP_EXCEPTION, MISALIGNED, take, take_if
from .regs import (
    EXCEPTION,
    FP_MODE,
    FQ_ADDRESS,
    FQ_INSN,
    FTT,
    OFF,
    PENDING,
    SEQUENCE_ERROR,
    has_fpu,
)


def begin(s: Semantics) -> Val | None:
    """FP_MODE, for an instruction that only fp_execute executes; None: there is no unit.

    In a region the mode is known to be 0: everything else is the interpreter's.
    """
    return _pass(s, PENDING | EXCEPTION, lambda: None)


def begin_access(s: Semantics, addr: Val, size: int, store: bool) -> Val | None:
    """The same for loads and stores, to an address: its alignment comes before fp_exception (table 7-1)."""
    closed = PENDING if store else PENDING | EXCEPTION
    return _pass(s, closed, lambda: take_if(s, addr & size - 1 != 0, MISALIGNED))


def _pass(s: Semantics, closed: int, between: Callable[[], None]) -> Val | None:
    """FP_MODE, if PSR.EF is set and the unit's state is none of `closed`."""
    if not has_fpu(s):
        take(s, FP_DISABLED)
        return None
    mode = s.expect(s.read(FP_MODE), 0)

    def refuse() -> None:
        take_if(s, mode & OFF != 0, FP_DISABLED)
        between()
        s.goto("fp_refused")

    s.if_(mode & (OFF | closed) != 0, refuse)
    return mode


def fail(s: Semantics, ftt: int) -> None:
    """End this path: the FPop goes into the queue, its trap comes with the next FP instruction."""
    s.write(FTT, s.const(ftt, 8))
    s.write(FQ_ADDRESS, s.pc)
    s.write(FQ_INSN, s.field(0, 32))
    s.goto("fp_failed")


# -- routines ------------------------------------------------------------------------------------------------


def _go_on(s: Semantics, mode: Val) -> None:
    """To the next instruction, as if this one had been executed."""
    s.write(FP_MODE, mode)
    following = npc(s)
    s.write(DELAY, s.const(0, 32))
    s.jump(following)


def fp_failed(s: Semantics) -> None:
    """Behind an FPop that is in the queue now."""
    _go_on(s, s.read(FP_MODE) | PENDING)


def fp_refused(s: Semantics) -> None:
    """Of an instruction that the state of the unit does not let pass."""
    mode = s.read(FP_MODE)

    def trap() -> None:
        s.write(FP_MODE, mode & ~PENDING | EXCEPTION)
        take(s, FP_EXCEPTION)

    s.if_(mode & PENDING != 0, trap)
    s.write(FTT, s.const(SEQUENCE_ERROR, 8))
    _go_on(s, mode | PENDING)


ROUTINES = {"fp_failed": fp_failed, "fp_refused": fp_refused}
