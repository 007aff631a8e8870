"""IEEE singles and doubles to and from the working format (`number`)."""

from __future__ import annotations

from ..spec.semantics import Semantics
from ..spec.value import Val
from .number import (
    BIAS,
    QUIET,
    SNAN,
    Result,
    is_infinite,
    is_nan,
    is_signalling,
    is_special,
    none,
    round_number,
    unpack,
)


def from_ieee(s: Semantics, raw: Val, exponent_bits: int, fraction_bits: int) -> Result:
    top, offset = (1 << exponent_bits) - 1, BIAS - (1 << exponent_bits - 1) + 1
    sign = raw.bit(exponent_bits + fraction_bits)
    e = raw.lsr(fraction_bits).trunc(16) & top
    fraction = raw << 63 - fraction_bits & (1 << 63) - 1
    special = e == top
    normal = e != 0
    m = fraction | (normal & ~(special & (fraction == 0))).zext(64) << 63
    n = special.select(s.const(0, 64), m.clz())
    exp = normal.select(e, 1) + offset - n.trunc(16)
    exp = special.select(s.const(0x7FFF, 16), (m == 0).select(s.const(0, 16), exp))
    return Result(sign.zext(16) << 15 | exp, m << n, none(s))


def to_ieee(
    s: Semantics,
    se: Val,
    m: Val,
    control: Val,
    exponent_bits: int,
    fraction_bits: int,
) -> tuple[Val, Val]:
    top, offset = (1 << exponent_bits) - 1, BIAS - (1 << exponent_bits - 1) + 1
    signals = is_signalling(se, m)
    sign = se.sign().zext(64) << exponent_bits + fraction_bits
    fraction = (1 << fraction_bits) - 1

    def special() -> tuple[Val, Val]:
        nan = is_nan(se, m)
        bits = nan.select((m | QUIET).lsr(63 - fraction_bits) & fraction, 0)
        return sign | top << fraction_bits | bits, signals.select(s.const(SNAN, 8), 0)

    def number() -> tuple[Val, Val]:
        a = unpack(s, se, m)
        r = round_number(s, a.sign, a.exp, a.m, control)
        e = (r.se & 0x7FFF).zext(32) - offset
        denormal = e.slt(1)
        distance = denormal.select(s.const(1, 32) - e, 0)
        distance = distance.ult(64).select(distance, 63)
        bits = r.m.lsr(distance.zext(64) + (63 - fraction_bits)) & fraction
        biased = denormal.select(s.const(0, 64), e.zext(64))
        infinite = is_infinite(r.se, r.m)
        out = infinite.select(s.const(top << fraction_bits, 64), biased << fraction_bits | bits)
        return sign | (r.m == 0).select(infinite.select(out, 0), out), r.exc

    result: tuple[Val, Val] = s.if_(is_special(se), special, number)
    return result
