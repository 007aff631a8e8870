"""What every FPop computes, exactly (V8 manual, B.33 and appendix N): the arithmetic of all engines.

`exact` takes the operation (opf, which no two FPops share in its low 8 bits), the operands as they lie in
the registers (a: rs1, b: rs2; singles and integers in the low half) and a control byte, and gives the result
in the same form with the exceptions. NaNs come first, then infinities, then numbers, which are rounded once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...softfloat import number as soft
from ...softfloat.ieee import from_ieee
from ...softfloat.number import BIAS, QUIET, Number, Result
from ...softfloat.operations import add, compare, divide, multiply, root, to_integer
from ...spec.semantics import Semantics
from ...spec.value import Val
from .regs import DZ, NV, NX, OF, UF

FMOVS, FNEGS, FABSS = 0x01, 0x05, 0x09
FSQRTS, FSQRTD = 0x29, 0x2A
FADDS, FADDD, FSUBS, FSUBD, FMULS, FMULD, FDIVS, FDIVD = 0x41, 0x42, 0x45, 0x46, 0x49, 0x4A, 0x4D, 0x4E
FCMPS, FCMPD, FCMPES, FCMPED = 0x51, 0x52, 0x55, 0x56
FSMULD = 0x69
FITOS, FDTOS, FITOD, FSTOD, FSTOI, FDTOI = 0xC4, 0xC6, 0xC8, 0xC9, 0xD1, 0xD2
COMPARES = (FCMPS, FCMPD, FCMPES, FCMPED)
DYADIC = (FADDS, FADDD, FSUBS, FSUBD, FMULS, FMULD, FDIVS, FDIVD, FSMULD, *COMPARES)
UNORDERED = 3

# Bits 1-0 of opf are the format of the sources, for conversions bits 3-2 that of the result.
INTEGER, SINGLE, DOUBLE, QUAD = range(4)


def result_format(op: Val) -> Val:
    """2 bits: INTEGER, SINGLE or DOUBLE."""
    conversion = op.bits(7, 6) == 3
    return conversion.select(op.bits(3, 2), (op == FSMULD).select(op.s.const(DOUBLE, 2), op.trunc(2)))


def rounding(s: Semantics, rd: Val) -> Val:
    """FSR.RD (2 bits) as softfloat's control byte, where up and down are the other way round."""
    return (rd ^ rd.bit(1).zext(2)).zext(8) << 4


def exact(s: Semantics, op: Val, a: Val, b: Val, control: Val) -> tuple[Val, Val]:
    """(result, exceptions); UF says that the result was tiny, exact or not (N.5); a comparison gives fcc."""
    double = op.bit(1)
    x, y = _operand(s, double, a), _operand(s, double, b)
    source = op.trunc(2)
    one = _is_dyadic(op)
    x_nan, y_nan = soft.is_nan(x.se, x.m) & one, soft.is_nan(y.se, y.m) & (source != INTEGER)
    result: tuple[Val, Val] = s.if_(
        x_nan | y_nan,
        lambda: _of_nans(s, op, x, y, x_nan, y_nan),
        lambda: _of_numbers(s, op, x, y, b.trunc(32), control),
    )
    return result


def _is_dyadic(op: Val) -> Val:
    """0x40-0x7F, and no conversion: these have two sources."""
    return op.bits(7, 6) == 1


def _operand(s: Semantics, double: Val, raw: Val) -> Result:
    return Result(
        *s.if_(
            double,
            lambda: tuple(from_ieee(s, raw, 11, 52)),
            lambda: tuple(from_ieee(s, raw & 0xFFFFFFFF, 8, 23)),
        )
    )


def _is_compare(op: Val) -> Val:
    return op.bits(7, 4) == 5


def _of_nans(s: Semantics, op: Val, x: Result, y: Result, x_nan: Val, y_nan: Val) -> tuple[Val, Val]:
    """Signalling NaNs come before quiet ones, rs2 before rs1 (N.2); integers: the largest of the sign."""
    x_signals, y_signals = x_nan & (x.m & QUIET == 0), y_nan & (y.m & QUIET == 0)
    first = x_nan & ~y_signals & (x_signals | ~y_nan)
    se, m = first.select(x.se, y.se), first.select(x.m, y.m) | QUIET
    strict = _is_compare(op) & op.bit(2)
    to = result_format(op)
    whole = (to == INTEGER) & ~_is_compare(op)
    invalid = x_signals | y_signals | strict | whole
    out = pack(s, to, se, m)
    out = whole.select(s.const(0x7FFFFFFF, 64) + se.sign().zext(64), out)
    out = _is_compare(op).select(s.const(UNORDERED, 64), out)
    return out, invalid.select(s.const(NV, 8), 0)


def _of_numbers(s: Semantics, op: Val, x: Result, y: Result, whole: Val, control: Val) -> tuple[Val, Val]:
    def real() -> tuple[Val, Val]:
        to = result_format(op)
        r = _real(
            s, op, x, y, whole, control | (to == SINGLE).select(s.const(soft.SINGLE, 8), soft.DOUBLE) << 6
        )
        return pack(s, to, r.se, r.m), _exceptions(s, r.exc)

    result: tuple[Val, Val] = s.if_(
        _is_compare(op),
        lambda: (_compared(s, x, y), s.const(0, 8)),
        lambda: s.if_(result_format(op) == INTEGER, lambda: _to_integer(s, y), real),
    )
    return result


def _real(s: Semantics, op: Val, x: Result, y: Result, whole: Val, control: Val) -> Result:
    """A result that is a number, rounded to its format."""
    a, b = soft.unpack(s, x.se, x.m), soft.unpack(s, y.se, y.m)
    a_inf, b_inf = soft.is_infinite(x.se, x.m), soft.is_infinite(y.se, y.m)
    kind = op.bits(3, 2)  # of two operands: FADD, FSUB, FMUL, FDIV

    def dyadic() -> Result:
        product = kind == 2
        return Result(
            *s.if_(
                kind.bit(1),
                lambda: s.if_(
                    product,
                    lambda: multiply(s, a, b, a_inf, b_inf, control),
                    lambda: divide(s, b, a, b_inf, a_inf, control),
                ),
                lambda: add(s, Number(b.sign ^ kind.bit(0), b.exp, b.m), a, b_inf, a_inf, control),
            )
        )

    def monadic() -> Result:
        n = Number(*s.if_(op.trunc(2) == INTEGER, lambda: tuple(_from_integer(s, whole)), lambda: tuple(b)))
        infinite = b_inf & (op.trunc(2) != INTEGER)
        square = ~op.bit(7)
        return Result(
            *s.if_(
                infinite,
                lambda: s.if_(square & b.sign, lambda: soft.invalid(s), lambda: soft.infinity(s, b.sign)),
                lambda: s.if_(
                    square,
                    lambda: root(s, b, control),
                    lambda: soft.round_number(s, n.sign, n.exp, n.m, control),
                ),
            )
        )

    return Result(*s.if_(_is_dyadic(op), dyadic, monadic))


def _from_integer(s: Semantics, whole: Val) -> Number:
    sign = whole.sign()
    m = sign.select(-whole, whole).zext(64)
    n = m.clz()
    exp = (m == 0).select(s.const(soft.TINY, 32), s.const(BIAS + 63, 32) - n.trunc(32))
    return Number(sign, exp, m << n)


def _to_integer(s: Semantics, y: Result) -> tuple[Val, Val]:
    """Towards zero; what is too large becomes the largest integer of its sign (N.6)."""
    b = soft.unpack(s, y.se, y.m)
    large = s.const(BIAS + 40, 32).slt(b.exp) | soft.is_special(y.se)
    near = Number(b.sign, large.select(s.const(BIAS + 40, 32), b.exp), b.m | large.zext(64) << 63)
    value, inexact, _ = to_integer(s, near, s.const(soft.ZERO, 2))
    most = s.const(0x7FFFFFFF, 64) + b.sign.zext(64)
    bad = most.ult(value)
    value = bad.select(most, value)
    value = b.sign.select(-value, value) & 0xFFFFFFFF
    return value, bad.select(s.const(NV, 8), inexact.select(s.const(NX, 8), 0))


def _compared(s: Semantics, x: Result, y: Result) -> Val:
    a, b = soft.unpack(s, x.se, x.m), soft.unpack(s, y.se, y.m)
    c = compare(s, b, a, soft.is_infinite(y.se, y.m), soft.is_infinite(x.se, x.m))
    return (c.m == 0).select(s.const(0, 64), c.se.sign().select(s.const(1, 64), 2))


def pack(s: Semantics, to: Val, se: Val, m: Val) -> Val:
    """A number that has been rounded to a format, or a quiet NaN, as its bits."""
    return (to == SINGLE).select(_pack(s, se, m, 8, 23), _pack(s, se, m, 11, 52))


def _pack(s: Semantics, se: Val, m: Val, exponent_bits: int, fraction_bits: int) -> Val:
    top, offset = (1 << exponent_bits) - 1, BIAS - (1 << exponent_bits - 1) + 1
    special = soft.is_special(se)
    e = (se & 0x7FFF).zext(32) - offset
    denormal = e.slt(1) & ~special
    distance = denormal.select(s.const(1, 32) - e, 0)
    distance = distance.ult(64).select(distance, 63)
    fraction = m.lsr(distance.zext(64)).lsr(63 - fraction_bits) & (1 << fraction_bits) - 1
    biased = special.select(s.const(top, 64), denormal.select(s.const(0, 64), e.zext(64)))
    return se.sign().zext(64) << exponent_bits + fraction_bits | biased << fraction_bits | fraction


def _exceptions(s: Semantics, exc: Val) -> Val:
    """softfloat's exceptions in our order; an overflow is inexact (IEEE 754, 7.3)."""

    def flag(bits: int, to: int) -> Val:
        return (exc & bits != 0).select(s.const(to, 8), 0)

    return (
        flag(soft.SNAN | soft.OPERR, NV)
        | flag(soft.OVFL, OF)
        | flag(soft.UNFL, UF)
        | flag(soft.DZ, DZ)
        | flag(soft.INEX2 | soft.OVFL, NX)
    )


def untrapped(s: Semantics, exc: Val) -> Val:
    """The exceptions when none traps: a tiny result that is exact has not underflowed (N.5)."""
    return (exc & NX != 0).select(exc, exc & ~UF)


SHARED: dict[Callable[..., Any], tuple[int, ...]] = {
    soft.round_pack: (1, 32, 64, 64, 8),
    exact: (8, 64, 64, 8),
}
