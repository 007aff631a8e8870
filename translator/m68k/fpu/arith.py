"""The arithmetic instructions: one routine for all operations, which the interpreter keeps once (PRM section
5).

`operate` takes the opmode of the instruction (extension word 6-0), the source operand a and the destination
b, and gives the result. NaNs are dealt with first, then infinities, then numbers: exact in 128 bits, rounded
once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...softfloat.number import (
    BIAS,
    INEX2,
    QUIET,
    SHORT,
    SNAN,
    TINY,
    Number,
    Result,
    infinity,
    invalid,
    is_infinite,
    is_nan,
    is_signalling,
    none,
    round_number,
    round_pack,
    unpack,
    zero,
)
from ...softfloat.number import ZERO as TO_ZERO
from ...softfloat.operations import add, compare, divide, multiply, root, to_integer
from ...spec.semantics import Semantics
from ...spec.value import Val
from .exact import compute

FMOVE, FINT, FINTRZ, FSQRT, FABS, FNEG, FGETEXP, FGETMAN = 0x00, 0x01, 0x03, 0x04, 0x18, 0x1A, 0x1E, 0x1F
FDIV, FMOD, FADD, FMUL, FSGLDIV, FREM, FSCALE, FSGLMUL, FSUB = range(0x20, 0x29)
FSINCOS, FCMP, FTST, FCOS, FSIN = 0x30, 0x38, 0x3A, 0x1D, 0x0E
# Left to Python (exact.py): transcendental functions and the remainders.
RARE = frozenset(
    (
        0x02,
        0x06,
        0x08,
        0x09,
        0x0A,
        0x0C,
        0x0D,
        0x0E,
        0x0F,
        0x10,
        0x11,
        0x12,
        0x14,
        0x15,
        0x16,
        0x19,
        0x1C,
        0x1D,
    )
) | {FMOD, FREM}
MONADIC = frozenset((FMOVE, FINT, FINTRZ, FSQRT, FABS, FNEG, FGETEXP, FGETMAN, FTST)) | RARE - {FMOD, FREM}
DYADIC = frozenset((FDIV, FMOD, FADD, FMUL, FSGLDIV, FREM, FSCALE, FSGLMUL, FSUB, FCMP))
OPERATIONS = MONADIC | DYADIC | frozenset(range(FSINCOS, FSINCOS + 8))

Case = tuple[int, Callable[[], Result]]


def mask(codes: frozenset[int]) -> int:
    return sum(1 << c for c in codes)


def member(s: Semantics, code: Val, codes: frozenset[int]) -> Val:
    """Whether a code below 128 is one of `codes`, without a branch."""
    return s.const(mask(codes), 128).lsr(code.zext(128)).bit(0)


def choose(s: Semantics, code: Val, cases: list[Case]) -> Result:
    """The case of this code; the last one is for every other."""
    (number, fn), rest = cases[0], cases[1:]
    if not rest:
        return fn()
    return Result(*s.if_(code == number, fn, lambda: choose(s, code, rest)))


def operate(
    s: Semantics,
    op: Val,
    a_se: Val,
    a_m: Val,
    b_se: Val,
    b_m: Val,
    control: Val,
) -> tuple[Val, Val, Val, Val]:
    """(se, m, exceptions, quotient byte) of opmode op: 8 bits; a is the source, b the destination operand."""
    two = member(s, op, DYADIC)
    a_nan, b_nan = is_nan(a_se, a_m), is_nan(b_se, b_m) & two
    signals = is_signalling(a_se, a_m) | (is_signalling(b_se, b_m) & two)
    result: tuple[Val, Val, Val, Val] = s.if_(
        a_nan | b_nan,
        lambda: (
            b_nan.select(b_se, a_se),
            b_nan.select(b_m, a_m) | QUIET,
            signals.select(s.const(SNAN, 8), 0),
            s.const(0, 8),
        ),
        lambda: s.if_(
            member(s, op, RARE),
            lambda: _rare(s, op, a_se, a_m, b_se, b_m, control),
            lambda: (*_common(s, op, a_se, a_m, b_se, b_m, control), s.const(0, 8)),
        ),
    )
    return result


def _rare(
    s: Semantics,
    op: Val,
    a_se: Val,
    a_m: Val,
    b_se: Val,
    b_m: Val,
    control: Val,
) -> tuple[Val, Val, Val, Val]:
    """What `compute` finds is either final, or has to be rounded."""
    final, se, exp, hi, lo, exc, quotient = s.helper(
        compute, (1, 16, 32, 64, 64, 8, 8), op, a_se, a_m, b_se, b_m, control
    )
    rounded = Result(
        *s.if_(
            final,
            lambda: Result(se, hi, exc),
            lambda: Result(*s.call(round_pack, se.sign(), exp, hi, lo, control)),
        )
    )
    return rounded.se, rounded.m, rounded.exc | exc, quotient


def _common(s: Semantics, op: Val, a_se: Val, a_m: Val, b_se: Val, b_m: Val, control: Val) -> Result:
    a, b = unpack(s, a_se, a_m), unpack(s, b_se, b_m)
    a_inf, b_inf = is_infinite(a_se, a_m), is_infinite(b_se, b_m)
    short = control & 0x30 | SHORT
    flip = (op == FSUB).zext(1)
    product = op & ~(FMUL ^ FSGLMUL) & 0xFF == FMUL
    quotient = op & ~(FDIV ^ FSGLDIV) & 0xFF == FDIV
    single = (op == FSGLMUL) | (op == FSGLDIV)
    for_product = single.select(short, control)

    def dyadic() -> Result:
        return Result(
            *s.if_(
                (op == FADD) | (op == FSUB),
                lambda: add(s, Number(a.sign ^ flip, a.exp, a.m), b, a_inf, b_inf, control),
                lambda: s.if_(
                    product,
                    lambda: multiply(s, _cut(s, single, a), _cut(s, single, b), a_inf, b_inf, for_product),
                    lambda: s.if_(
                        quotient,
                        lambda: divide(s, a, b, a_inf, b_inf, for_product),
                        lambda: s.if_(
                            op == FCMP,
                            lambda: compare(s, a, b, a_inf, b_inf),
                            lambda: scale(s, a, b, a_inf, b_inf, control),
                        ),
                    ),
                ),
            )
        )

    def finite() -> Result:
        one = (a.m == 0).select(s.const(TINY, 32), BIAS)
        return choose(s, op, [
            (FSQRT, lambda: root(s, a, control)),
            (FINT, lambda: integer(s, a, control.bits(5, 4), control)),
            (FINTRZ, lambda: integer(s, a, s.const(TO_ZERO, 2), control)),
            (FGETEXP, lambda: exponent(s, a)),
            (FGETMAN, lambda: round_number(s, a.sign, one, a.m, control)),
            (FTST, lambda: Result(a_se, a_m, none(s))),
            (-1, lambda: round_number(s, sign(), a.exp, a.m, control)),
        ])  # fmt: skip

    def sign() -> Val:
        """FMOVE, FABS or FNEG."""
        return (op == FABS).select(s.const(0, 1), a.sign ^ (op == FNEG))

    def infinite() -> Result:
        bad = (op == FGETEXP) | (op == FGETMAN) | ((op == FSQRT) & a.sign)
        return Result(*s.if_(bad, lambda: invalid(s), lambda: infinity(s, sign())))

    return Result(
        *s.if_(
            member(s, op, DYADIC),
            dyadic,
            lambda: s.if_(a_inf, infinite, finite),
        )
    )


def _cut(s: Semantics, single: Val, x: Number) -> Number:
    """FSGLMUL looks at 24 bits of its operands (PRM 5-77)."""
    return Number(x.sign, x.exp, single.select(x.m & 0xFFFFFF0000000000, x.m))


def scale(s: Semantics, a: Number, b: Number, a_inf: Val, b_inf: Val, control: Val) -> Result:
    """b * 2^a, a cut to an integer."""

    def finite() -> Result:
        shift = s.const(BIAS + 63, 32) - a.exp
        huge = shift.slt(63 - 20)
        count = (shift.slt(64) & ~shift.slt(0)).select(shift, 64)
        whole = a.m.lsr(count.zext(64)).trunc(32)
        n = huge.select(s.const(1 << 20, 32), whole)
        exp = b.exp + a.sign.select(-n, n)
        exp = (b.m == 0).select(s.const(TINY, 32), exp)
        return round_number(s, b.sign, exp, b.m, control)

    return Result(
        *s.if_(
            a_inf,
            lambda: invalid(s),
            lambda: s.if_(b_inf, lambda: infinity(s, b.sign), finite),
        )
    )


def integer(s: Semantics, a: Number, mode: Val, control: Val) -> Result:
    """a rounded to an integer."""

    def small() -> Result:
        whole, inexact, _ = to_integer(s, a, mode)
        n = whole.clz()
        exp = (whole == 0).select(s.const(TINY, 32), s.const(BIAS + 63, 32) - n.trunc(32))
        rounded = round_number(s, a.sign, exp, whole << n, control)
        return Result(rounded.se, rounded.m, rounded.exc | inexact.select(s.const(INEX2, 8), 0))

    return Result(
        *s.if_(
            a.exp.slt(BIAS + 63),
            small,
            lambda: round_number(s, a.sign, a.exp, a.m, control),
        )
    )


def exponent(s: Semantics, a: Number) -> Result:
    """The unbiased exponent as a number; zero gives zero with its sign."""
    e = a.exp - BIAS
    magnitude = e.sign().select(-e, e).zext(64)
    n = magnitude.clz()
    exp = (magnitude == 0).select(s.const(0, 32), s.const(BIAS + 63, 32) - n.trunc(32))
    number = Result(e.sign().zext(16) << 15 | exp.trunc(16), magnitude << n, none(s))
    return Result(*s.if_(a.m == 0, lambda: zero(s, a.sign), lambda: number))


SHARED: dict[Callable[..., Any], tuple[int, ...]] = {
    round_pack: (1, 32, 64, 64, 8),
    operate: (8, 16, 64, 16, 64, 8),
}
HELPERS = (compute,)
