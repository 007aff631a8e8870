"""FPSR, conditions and exceptions: what instructions leave behind and how it is reported (PRM 1.2.3, UM
6).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...softfloat.number import is_infinite, is_nan, is_special
from ...spec.semantics import Semantics
from ...spec.value import Val
from ..exceptions import LINE_F, take
from ..exceptions import _enter as enter
from ..exceptions import _go as go
from ..exceptions import _push as push
from ..exceptions import _vector_word as vector_word
from ..flags import sr
from ..regs import EXC_ADDR, EXC_PC, EXC_VECTOR, SP, R
from . import late
from .regs import (
    ADZ,
    AINEX,
    AOVFL,
    AUNFL,
    BSUN,
    BSUN_VECTOR,
    CC_SHIFT,
    DZ,
    FP_LAST,
    FP_OFF,
    FP_PENDING,
    FP_USED,
    FPCR,
    FPIAR,
    FPSR,
    INEX1,
    INEX2,
    IOP,
    OPERR,
    OVFL,
    SNAN,
    UNFL,
    VECTORS,
)

NAN_BIT, I_BIT, Z_BIT, N_BIT = 24, 25, 26, 27

# Bit (predicate & 15) << 3 | N Z NAN is the truth of the predicate (PRM table 3-23; 16-31 are the same with
# BSUN).
PREDICATES = (
    "f", "eq", "ogt", "oge", "olt", "ole", "ogl", "or", "un", "ueq", "ugt", "uge", "ult", "ule", "ne", "t",
    "sf", "seq", "gt", "ge", "lt", "le", "gl", "gle", "ngle", "ngl", "nle", "nlt", "nge", "ngt", "sne", "st",
)  # fmt: skip


def _truths(n: bool, z: bool, nan: bool) -> tuple[bool, ...]:
    """The first sixteen predicates, with the manual's equations."""
    return (
        False, z, not (nan or z or n), z or not (nan or n), n and not (nan or z), z or (n and not nan),
        not (nan or z), not nan, nan, nan or z, nan or not (n or z), nan or z or not n, nan or (n and not z),
        nan or z or n, not z, True,
    )  # fmt: skip


TRUTH = sum(
    true << (code << 3 | i)
    for i in range(8)
    for code, true in enumerate(_truths(bool(i & 4), bool(i & 2), bool(i & 1)))
)


def line_f(s: Semantics) -> None:
    """The coprocessor does not know this command."""
    take(s, LINE_F, s.pc)


def answer(s: Semantics) -> None:
    """A coprocessor that does not answer its first cycle is not there: line F (68020 UM 7.5.2.1)."""
    s.if_(s.read(FP_OFF) != 0, lambda: line_f(s))


def begin(s: Semantics) -> None:
    """Report what an earlier instruction left pending; the 68882 keeps it until it is saved (UM 6.4)."""
    answer(s)
    vector = s.read(FP_PENDING)

    def report() -> None:
        if s.options["fpu"] == "m68881":
            s.write(FP_PENDING, s.const(0, 8))
        take(s, vector, s.pc)

    s.if_(vector != 0, report)
    s.write(FP_USED, s.const(1, 8))
    late.watch(s)


def condition_codes(s: Semantics, se: Val, m: Val) -> Val:
    """N Z I NAN of a result, in place."""
    nan, infinite = is_nan(se, m), is_infinite(se, m)
    zero = (m == 0) & ~is_special(se)
    bits = se.sign().zext(32) << 3 | zero.zext(32) << 2 | infinite.zext(32) << 1 | nan.zext(32)
    return bits << CC_SHIFT


def accrued(s: Semantics, exc: Val) -> Val:
    """The accrued exception byte that the exceptions of one instruction add (PRM 1.2.3.4)."""

    def flag(bits: int, to: int) -> Val:
        return (exc & bits != 0).select(s.const(to, 32), 0)

    underflow = (exc & (UNFL | INEX2) == UNFL | INEX2).select(s.const(AUNFL, 32), 0)
    return (
        flag(BSUN | SNAN | OPERR, IOP)
        | flag(OVFL, AOVFL)
        | underflow
        | flag(DZ, ADZ)
        | flag(INEX1 | INEX2 | OVFL, AINEX)
    )


def settle(s: Semantics, exc: Val, upper: Val, fpsr: Val, fpcr: Val) -> tuple[Val, Val]:
    """The new FPSR from its upper half, and the vector of the first exception that is enabled, or 0."""
    live = exc & fpcr.bits(15, 8)
    vector = s.const(0, 8)
    for bits, number in reversed(VECTORS):
        vector = (live & bits != 0).select(s.const(number, 8), vector)
    return upper | exc.zext(32) << 8 | fpsr & 0xF8 | accrued(s, exc), vector


def settle_result(
    s: Semantics, exc: Val, se: Val, m: Val, quotient: Val, fpsr: Val, fpcr: Val
) -> tuple[Val, Val]:
    """The same after an operation, with the condition codes of its result."""
    return settle(s, exc, condition_codes(s, se, m) | quotient, fpsr, fpcr)


def finish(s: Semantics, settled: tuple[Val, Val]) -> Val:
    """Write FPSR and FPIAR after an operation; the vector."""
    s.write(FPSR, settled[0])
    s.write(FP_LAST, s.const(0, 16))
    s.write(FPIAR, s.pc)
    return settled[1]


def predicate(s: Semantics, code: Val) -> Val:
    """Truth of a predicate (5 bits); the upper sixteen signal an unordered comparison."""
    fpsr = late.coded(s)
    index = (code.trunc(4).zext(128) << 3) | fpsr.bits(27, 26).zext(128) << 1 | fpsr.bit(NAN_BIT).zext(128)
    unordered = code.bit(4) & fpsr.bit(NAN_BIT)

    def signal() -> None:
        late.settle(s)
        s.write(FPSR, s.read(FPSR) | BSUN << 8 | IOP)
        s.write(FPIAR, s.pc)
        s.if_(s.read(FPCR).bit(15), lambda: take(s, BSUN_VECTOR, s.pc))

    s.if_(unordered, signal)
    if code.known is None:
        return s.const(TRUTH, 128).lsr(index).bit(0)
    return s.const(TRUTH >> 8 * (code.known & 15) & 0xFF, 8).lsr(index.trunc(8) & 7).bit(0)


def mid_instruction(s: Semantics, vector: Val) -> None:
    """End this path with an exception within the instruction: frame format $9."""
    s.write(EXC_VECTOR, vector)
    s.write(EXC_PC, s.next_pc)
    s.write(EXC_ADDR, s.pc)
    s.goto("fpu_exception")


def fpu_exception(s: Semantics) -> None:
    """Ten words (68020 UM figure 6-5): the next instruction's address, this one's, four internal words."""
    status, vector = sr(s), s.read(EXC_VECTOR)
    sp = enter(s)
    none = s.const(0, 32)
    s.write(
        R,
        push(
            s,
            sp,
            status,
            s.read(EXC_PC),
            vector_word(s, 9, vector),
            s.read(EXC_ADDR),
            none,
            none,
        ),
        SP,
    )
    go(s, vector)


ROUTINES = {"fpu_exception": fpu_exception}
SHARED: dict[Callable[..., Any], tuple[int, ...]] = {
    settle: (8, 32, 32, 32),
    settle_result: (8, 16, 64, 32, 32, 32),
}
