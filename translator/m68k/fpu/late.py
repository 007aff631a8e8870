"""FPSR when native code has put off finding it (`host`): FP_LAST says what it takes.

Condition codes are those of the destination register. For the exception byte the last operation is done
again; only one with FPCR 0 is put off, so that INEX2 is all there can be. It is accrued in the x87 itself
from the first instruction of the coprocessor that native code does (FP_WATCH) until it is left: looking there
takes longer than most operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...spec.semantics import Semantics
from ...spec.value import Val
from .arith import operate
from .formats import decode, encode
from .regs import AINEX, CC_SHIFT, FP, FP_KEPT, FP_LAST, FP_WATCH, FPSR, slot

# FP_LAST: LAST, the source's format in FP_KEPT, destination and opmode (6 bits) as in the extension word.
LAST = 0x8000
OUT = 0x4000  # FMOVE to memory in that format
EXACT = 0x2000  # it has no exceptions, and is not in FP_KEPT
CODED = 0x0040  # its condition codes are in FPSR
KEEP = 0x00FF00F8  # of FPSR: quotient, accrued exceptions


def again(s: Semantics, last: Val) -> Val:
    """The exceptions (8 bits) of the operation that FP_LAST and FP_KEPT name."""
    control, fmt = s.const(0, 8), last.bits(12, 10)
    m, se, b_m, b_se = (s.read(FP_KEPT, i) for i in range(4))

    def to_memory() -> Val:
        out: Val = s.call(encode, fmt, se.trunc(16), m, control, control)[2]
        return out

    def operation() -> Val:
        a_se, a_m, _ = s.call(decode, fmt, se.trunc(32) << 16, m, control)
        out: Val = s.call(operate, last.trunc(6).zext(8), a_se, a_m, b_se.trunc(16), b_m, control)[2]
        return out

    exceptions: Val = s.if_(
        last & EXACT != 0, lambda: control, lambda: s.if_(last & OUT != 0, to_memory, operation)
    )
    return exceptions


def coded(s: Semantics) -> Val:
    """FPSR with its condition codes; its exception byte only if FP_LAST is 0."""
    last = s.read(FP_LAST)
    at = slot(last.bits(9, 7))

    def codes() -> Val:
        zero = s.read(FP, at[1]) == 0
        sign = s.read(FP, at[0]).bit(15)
        return s.read(FPSR) & KEEP | (sign.zext(32) << 3 | zero.zext(32) << 2) << CC_SHIFT

    value: Val = s.if_(last.bit(15) & (last & CODED == 0), codes, lambda: s.read(FPSR))
    return value


def settle_codes(s: Semantics) -> None:
    """Put condition codes off no longer: registers are about to change."""
    s.write(FPSR, coded(s))
    last = s.read(FP_LAST)
    s.write(FP_LAST, (last == 0).select(s.const(0, 16), last | CODED))


def status(s: Semantics) -> Val:
    """FPSR as it should be."""
    last, value = s.read(FP_LAST), coded(s)
    whole: Val = s.if_(last == 0, lambda: value, lambda: value | s.call(again, last).zext(32) << 8)
    return whole


def watch(s: Semantics) -> None:
    """From now on the x87 accrues."""
    if s.has_x87:
        s.if_(s.read(FP_WATCH) == 0, lambda: s.x87_accrue(FPSR, 0))
        s.write(FP_WATCH, s.const(1, 8))


def settle(s: Semantics) -> None:
    """Put off no longer."""
    if s.has_x87:
        s.if_(s.read(FP_WATCH) != 0, lambda: s.x87_accrue(FPSR, AINEX))
        s.write(FP_WATCH, s.const(0, 8))
    s.write(FPSR, status(s))
    s.write(FP_LAST, s.const(0, 16))


SHARED: dict[Callable[..., Any], tuple[int, ...]] = {again: (16,)}
