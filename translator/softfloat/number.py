"""Floating-point numbers taken apart, put together and rounded, in the specification language.

The working format has sign and exponent (`se`, 16 bits) and a mantissa with explicit integer bit (`m`, 64
bits). Every finite number, denormals and unnormals included, is (-1)^s * m * 2^(e - 16383 - 63): that is the
68881's register, and holds every IEEE single and double. Intermediate results have 128 bits, the last one
sticky. Exceptions are the bits of the 68881's exception byte; rounding is told by `control`, the low byte of
its FPCR: precision in bits 7-6, mode in bits 5-4.
"""

from __future__ import annotations

from typing import NamedTuple

from ..spec.semantics import Semantics
from ..spec.value import Val

BIAS = 16383
NAN = (0x7FFF, (1 << 64) - 1)  # what an invalid operation gives: a positive quiet NaN, all ones
QUIET = 1 << 62  # set in the mantissa of a quiet NaN

# A NaN was signalling, no such result, overflow, a result below the normal numbers, a pole, bits were lost.
SNAN, OPERR, OVFL, UNFL, DZ, INEX2 = (1 << n for n in range(6, 0, -1))
EXTENDED, SINGLE, DOUBLE = 0, 1, 2
NEAREST, ZERO, DOWN, UP = range(4)

TINY = -0x100000  # the exponent of zero: below every other

# precision -> (bits, smallest exponent of a normal number, largest), biased (PRM tables 1-1 to 1-3)
PRECISIONS = {
    0: (64, 0, 0x7FFE),
    SINGLE: (24, BIAS - 126, BIAS + 127),
    DOUBLE: (53, BIAS - 1022, BIAS + 1023),
}
SHORT = 1  # in the low bits of `control`: single mantissa, extended exponent (FSGLMUL, FSGLDIV)


class Number(NamedTuple):
    """A finite number: sign (1 bit), exponent (32 bits, biased), mantissa normalised to its top bit, or 0."""

    sign: Val
    exp: Val
    m: Val


class Result(NamedTuple):
    """What goes into a register, with the exception bits that came of it (8 bits)."""

    se: Val
    m: Val
    exc: Val


def unpack(s: Semantics, se: Val, m: Val) -> Number:
    n = m.clz()
    exp = (se & 0x7FFF).zext(32) - n.trunc(32)
    return Number(se.sign(), (m == 0).select(s.const(TINY, 32), exp), m << n)


def is_special(se: Val) -> Val:
    """Infinity or NaN."""
    return se & 0x7FFF == 0x7FFF


def is_nan(se: Val, m: Val) -> Val:
    return is_special(se) & (m << 1 != 0)


def is_infinite(se: Val, m: Val) -> Val:
    return is_special(se) & (m << 1 == 0)


def is_signalling(se: Val, m: Val) -> Val:
    return is_nan(se, m) & (m & QUIET == 0)


def none(s: Semantics) -> Val:
    """No exceptions."""
    return s.const(0, 8)


def invalid(s: Semantics, exc: int = OPERR) -> Result:
    """The coprocessor's own NaN."""
    return Result(s.const(NAN[0], 16), s.const(NAN[1], 64), s.const(exc, 8))


def infinity(s: Semantics, sign: Val, exc: int = 0) -> Result:
    return Result(sign.zext(16) << 15 | 0x7FFF, s.const(0, 64), s.const(exc, 8))


def zero(s: Semantics, sign: Val) -> Result:
    return Result(sign.zext(16) << 15, s.const(0, 64), none(s))


def quiet(s: Semantics, se: Val, m: Val) -> Result:
    """A NaN operand as a result."""
    return Result(se, m | QUIET, (m & QUIET == 0).select(s.const(SNAN, 8), 0))


def jam(m: Val, count: Val) -> Val:
    """m shifted right; what is lost stays visible in the last bit.  count: as wide as m."""
    shifted = m.lsr(count)
    return shifted | (shifted << count != m).zext(m.w)


def normalise(m: Val, exp: Val) -> tuple[Val, Val]:
    n = m.clz()
    return m << n, exp - n.trunc(32)


def _by_precision(s: Semantics, control: Val, which: int, w: int) -> Val:
    """An entry of PRECISIONS for the precision in `control` bits 7-6 (the code 3 is undefined: extended)."""
    p = control.bits(7, 6)
    x, one, two = (PRECISIONS[k][which] for k in (0, SINGLE, DOUBLE))
    return (p == SINGLE).select(s.const(one, w), (p == DOUBLE).select(s.const(two, w), x))


def round_pack(s: Semantics, sign: Val, exp: Val, hi: Val, lo: Val, control: Val) -> Result:
    """Round (-1)^sign * (hi:lo) * 2^(exp - 16383 - 127) by FPCR's low byte (PRM 1.6).

    hi:lo is normalised or zero.  Underflow is noticed before rounding; inexact (INEX2) says that mantissa
    bits were lost, so an overflow alone does not set it.
    """
    m = hi.zext(128) << 64 | lo.zext(128)
    short = control.bit(0)
    bits = short.select(s.const(24, 128), _by_precision(s, control, 0, 128))
    least = _by_precision(s, control & ~(short.sext(8)), 1, 32)
    most = _by_precision(s, control & ~(short.sext(8)), 2, 32)
    mode = control.bits(5, 4)

    tiny = exp.slt(least) & (m != 0)
    distance = least - exp
    m = tiny.select(jam(m, distance.slt(128).select(distance, 128).zext(128)), m)
    exp = tiny.select(least, exp)

    unit = s.const(1, 128) << (s.const(128, 128) - bits)
    rest = m & (unit - 1)
    inexact = rest != 0
    half = unit.lsr(1)
    nearest = half.ult(rest) | ((rest == half) & (m & unit != 0))
    up = (mode == NEAREST).select(nearest, inexact & (mode != ZERO) & ((mode == UP) ^ sign))
    kept = m - rest
    total = kept + up.select(unit, 0)
    carry = total.ult(kept)
    exp = carry.select(exp + 1, exp)
    out = carry.select(s.const(1 << 63, 64), total.bits(127, 64))

    # A denormal of a smaller precision is a normal number in the register.
    n = (least == 0).select(s.const(0, 64), out.clz())
    exp = (out == 0).select(s.const(0, 32), exp - n.trunc(32))
    out = out << n
    over = most.slt(exp) & (out != 0)
    to_infinity = (mode == NEAREST) | ((mode != ZERO) & ((mode == UP) ^ sign))
    largest = (~(unit - 1)).bits(127, 64)
    exp = over.select(to_infinity.select(s.const(0x7FFF, 32), most), exp)
    out = over.select(to_infinity.select(s.const(0, 64), largest), out)
    exc = (
        over.select(s.const(OVFL, 8), 0)
        | tiny.select(s.const(UNFL, 8), 0)
        | inexact.select(s.const(INEX2, 8), 0)
    )
    return Result(sign.zext(16) << 15 | exp.trunc(16), out, exc)


def round_number(s: Semantics, sign: Val, exp: Val, m: Val, control: Val) -> Result:
    """Round a 64-bit mantissa: (-1)^sign * m * 2^(exp - 16383 - 63), m normalised or zero."""
    return Result(*s.call(round_pack, sign, exp, m, s.const(0, 64), control))


def round_wide(s: Semantics, sign: Val, exp: Val, m: Val, control: Val) -> Result:
    """Normalise and round a 128-bit mantissa: (-1)^sign * m * 2^(exp - 16383 - 127)."""
    m, exp = normalise(m, exp)
    return Result(*s.call(round_pack, sign, exp, m.bits(127, 64), m.trunc(64), control))
