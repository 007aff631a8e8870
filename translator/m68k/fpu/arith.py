"""The arithmetic instructions: one routine for all operations, which the interpreter keeps once (PRM section
5).

`operate` takes the opmode of the instruction (extension word 6-0), the source operand a and the destination
b, and gives the result. NaNs are dealt with first, then infinities, then numbers: exact in 128 bits, rounded
once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...spec.semantics import Semantics
from ...spec.value import Val
from .exact import compute
from .real import (
    SHORT,
    TINY,
    Number,
    Result,
    infinity,
    invalid,
    is_infinite,
    is_nan,
    is_signalling,
    jam,
    none,
    round_number,
    round_pack,
    round_wide,
    unpack,
    zero,
)
from .regs import BIAS, DOWN, DZ, INEX2, NEAREST, QUIET, SNAN, UP
from .regs import ZERO as TO_ZERO

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


def add(s: Semantics, a: Number, b: Number, a_inf: Val, b_inf: Val, control: Val) -> Result:
    """b + a."""

    def infinite() -> Result:
        return Result(
            *s.if_(
                a_inf & b_inf & (a.sign ^ b.sign),
                lambda: invalid(s),
                lambda: infinity(s, a_inf.select(a.sign, b.sign)),
            )
        )

    def finite() -> Result:
        swap = b.exp.slt(a.exp)
        big_exp, small_exp = swap.select(a.exp, b.exp), swap.select(b.exp, a.exp)
        big_sign = swap.select(a.sign, b.sign)
        big = swap.select(a.m, b.m).zext(128) << 62
        distance = big_exp - small_exp
        distance = distance.ult(128).select(distance, 128)
        small = jam(swap.select(b.m, a.m).zext(128) << 62, distance.zext(128))
        differ = a.sign ^ b.sign
        total = differ.select(big - small, big + small)
        negative = total.sign()
        total = negative.select(-total, total)
        down = control.bits(5, 4) == DOWN
        sign = (total == 0).select(differ.select(down, a.sign), big_sign ^ negative)
        exp = (total == 0).select(s.const(TINY, 32), big_exp + 2)
        return round_wide(s, sign, exp, total, control)

    return Result(*s.if_(a_inf | b_inf, infinite, finite))


def multiply(s: Semantics, a: Number, b: Number, a_inf: Val, b_inf: Val, control: Val) -> Result:
    sign = a.sign ^ b.sign
    none_ = ((a.m == 0) & ~a_inf) | ((b.m == 0) & ~b_inf)

    def infinite() -> Result:
        return Result(*s.if_(none_, lambda: invalid(s), lambda: infinity(s, sign)))

    def finite() -> Result:
        m = a.m.zext(128) * b.m.zext(128)
        exp = none_.select(s.const(TINY, 32), a.exp + b.exp - (BIAS - 1))
        return round_wide(s, sign, exp, m, control)

    return Result(*s.if_(a_inf | b_inf, infinite, finite))


def divide(s: Semantics, a: Number, b: Number, a_inf: Val, b_inf: Val, control: Val) -> Result:
    """b / a: three digits of 32 bits, each guessed from the divisor's upper half and corrected."""
    sign = a.sign ^ b.sign
    a_zero, b_zero = (a.m == 0) & ~a_inf, (b.m == 0) & ~b_inf

    def special() -> Result:
        return Result(
            *s.if_(
                (a_inf & b_inf) | (a_zero & b_zero),
                lambda: invalid(s),
                lambda: s.if_(
                    a_inf | b_zero,
                    lambda: zero(s, sign),
                    lambda: s.if_(b_inf, lambda: infinity(s, sign), lambda: infinity(s, sign, DZ)),
                ),
            )
        )

    def finite() -> Result:
        over = a.m.ule(b.m)
        rest = over.select(b.m - a.m, b.m).zext(128)
        q = over.zext(128)
        divisor = a.m.zext(128)
        for _ in range(3):
            guess = rest.trunc(64).udiv(a.m.lsr(32))
            guess = guess.ult(1 << 32).select(guess, 0xFFFFFFFF)
            rest = (rest << 32) - guess.zext(128) * divisor
            for _ in range(2):
                below = rest.sign()
                guess = guess - below.zext(64)
                rest = rest + below.select(divisor, 0)
            q = q << 32 | guess.zext(128)
        m = q << 30 | (rest != 0).zext(128)
        return round_wide(s, sign, b.exp - a.exp + (BIAS + 1), m, control)

    return Result(*s.if_(a_inf | b_inf | a_zero | b_zero, special, finite))


def compare(s: Semantics, a: Number, b: Number, a_inf: Val, b_inf: Val) -> Result:
    """A number whose sign and zero are the condition codes of b - a; equal negative ones give -0 (PRM
    5-41).
    """
    top = s.const(0x10000, 32)
    a_exp, b_exp = a_inf.select(top, a.exp), b_inf.select(top, b.exp)
    a_m, b_m = a_inf.select(s.const(0, 64), a.m), b_inf.select(s.const(0, 64), b.m)
    same = (a_exp == b_exp) & (a_m == b_m)
    smaller = b_exp.slt(a_exp) | ((b_exp == a_exp) & b_m.ult(a_m))  # in magnitude
    both_zero = (a.exp == TINY) & (b.exp == TINY) & ~a_inf & ~b_inf
    differ = a.sign ^ b.sign
    equal = (same & ~differ) | both_zero
    negative = (equal | differ).select(b.sign, b.sign ^ smaller)
    return Result(
        negative.zext(16) << 15 | equal.select(s.const(0, 16), BIAS),
        equal.select(s.const(0, 64), 1 << 63),
        none(s),
    )


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


def root(s: Semantics, a: Number, control: Val) -> Result:
    """One bit of the root at a time; 66 of them and what is left decide the rounding."""

    def positive() -> Result:
        exp = a.exp - BIAS
        odd = exp.bit(0)
        radicand = a.m.zext(128) << (odd.zext(128) + 1)
        rest, found = s.const(0, 128), s.const(0, 128)
        for i in range(66):
            pair = radicand.lsr(64 - 2 * i) & 3 if i <= 32 else s.const(0, 128)
            rest = rest << 2 | pair
            trial = found << 2 | 1
            fits = trial.ule(rest)
            rest = rest - fits.select(trial, 0)
            found = found << 1 | fits.zext(128)
        return round_wide(s, s.const(0, 1), exp.asr(1) + BIAS, found << 62 | (rest != 0).zext(128), control)

    return Result(
        *s.if_(
            a.m == 0,
            lambda: zero(s, a.sign),
            lambda: s.if_(a.sign, lambda: invalid(s), positive),
        )
    )


def to_integer(s: Semantics, a: Number, mode: Val) -> tuple[Val, Val, Val]:
    """The magnitude of a number below 2^64 as an integer (64 bits): (value, inexact, the sum overflowed)."""
    count = s.const(BIAS + 63, 32) - a.exp
    count = count.slt(128).select(count, 128)
    m = jam(a.m.zext(128) << 64, count.zext(128))
    whole, part = m.bits(127, 64), m.trunc(64)
    half = s.const(1 << 63, 64)
    nearest = half.ult(part) | ((part == half) & whole.bit(0))
    up = (mode == NEAREST).select(nearest, (part != 0) & (mode != TO_ZERO) & ((mode == UP) ^ a.sign))
    return whole + up.zext(64), part != 0, up & (whole == 0xFFFFFFFFFFFFFFFF)


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
