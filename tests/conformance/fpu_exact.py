"""Basic operations against fractions, at the ends of the exponents' ranges, where the x87 is no 68881."""

from __future__ import annotations

import random
from fractions import Fraction
from math import isqrt

from tests.conformance.tally import Tally
from translator.m68k.fpu.arith import FADD, FDIV, FMOVE, FMUL, FSQRT, FSUB
from translator.m68k.fpu.regs import BIAS, INEX2, OVFL, UNFL

PIECE = 5000
OPERATIONS = (FADD, FSUB, FMUL, FDIV, FSQRT, FMOVE)
# By FPCR's precision: bits of the mantissa, least and greatest exponent (PRM tables 1-1 to 1-3).
FORMATS = ((64, -16383, 16383), (24, -126, 127), (53, -1022, 1023))
NEAREST, ZERO, MINUS, PLUS = range(4)
ROOT = 160  # bits of a square root, the last of which says whether there are more

Number = tuple[int, int]


def missing() -> str:
    return ""


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(seed, cases)"""
    cases = cases or PIECE
    return [(seed * 1_000_000 + b, min(PIECE, cases - b)) for b in range(0, cases, PIECE)]


def power(e: int) -> Fraction:
    return Fraction(1 << e) if e >= 0 else Fraction(1, 1 << -e)


def exponent(x: Fraction) -> int:
    """The one with power(e) <= x < power(e + 1)."""
    e = x.numerator.bit_length() - x.denominator.bit_length()
    return e if power(e) <= x else e - 1


def value(n: Number) -> Fraction:
    return n[1] * power((n[0] & 0x7FFF) - BIAS - 63) * (-1 if n[0] >> 15 else 1)


def root(x: Fraction) -> Fraction:
    """Near enough: rounds as the true one does."""
    k = ROOT - exponent(x) // 2
    scaled = x * power(2 * k)
    n = isqrt(scaled.numerator // scaled.denominator)
    return (n + (Fraction(1, 2) if n * n != scaled else 0)) * power(-k)


def true(op: int, a: Number, b: Number) -> Fraction:
    """What the destination `b` would be of the source `a` if there were no end of bits."""
    x, y = value(a), value(b)
    if op == FADD:
        return y + x
    if op == FSUB:
        return y - x
    if op == FMUL:
        return y * x
    if op == FDIV:
        return y / x
    return root(x) if op == FSQRT else x


def rounded(x: Fraction, precision: int, mode: int) -> tuple[int, int, int]:
    """(sign and exponent, mantissa, exceptions) of a number that is not zero."""
    bits, least, greatest = FORMATS[precision]
    sign, x = x < 0, abs(x)
    e = exponent(x)
    unit = max(e, least) - (bits - 1)
    exact = x / power(unit)
    n = exact.numerator // exact.denominator
    rest = exact - n
    half = Fraction(1, 2)
    up = {
        NEAREST: rest > half or (rest == half and n & 1 == 1), ZERO: False,
        MINUS: sign and rest > 0, PLUS: not sign and rest > 0,
    }[mode]  # fmt: skip
    n += up
    exc = (INEX2 if rest else 0) | (UNFL if e < least else 0)
    if n and unit + n.bit_length() - 1 > greatest:
        exc |= OVFL
        if mode == NEAREST or mode == (MINUS if sign else PLUS):
            return sign << 15 | 0x7FFF, 0, exc
        n, unit = (1 << bits) - 1, greatest - (bits - 1)
    if n == 0:
        return sign << 15, 0, exc
    m, se = n << 64 >> n.bit_length(), unit + n.bit_length() - 1 + BIAS
    if se < 0:  # a denormal's exponent is the least of all
        m, se = m >> -se, 0
    return sign << 15 | se, m, exc


def make(r: random.Random) -> tuple[int, int, int, Number, Number]:
    """(operation, precision, mode, source, destination), both finite and not zero"""
    op, precision, mode = r.choice(OPERATIONS), r.choice((0, 0, 1, 2)), r.randrange(4)
    bits, least, greatest = FORMATS[precision]
    result = r.choice((least - r.randrange(-2, bits + 3), greatest + r.randrange(-2, 3)))
    a = r.randrange(-16383 - 70, 16384)
    b = {FMUL: result - a, FDIV: result + a}.get(op, 0)
    if op in (FADD, FSUB, FMOVE):
        a, b = result, result + r.choice((0, 0, 1, -1, r.randrange(-66, 67)))
    return op, precision, mode, number(r, a, op != FSQRT), number(r, b)


def number(r: random.Random, e: int, signed: bool = True) -> Number:
    any_, few, last = r.getrandbits(63), r.getrandbits(9) << 54, r.getrandbits(3)
    m = 1 << 63 | r.choice((0, any_, (1 << 63) - 1, few, last, 1 << 39))
    e = min(e, 16383) + BIAS
    if e < 0:
        m, e = m >> min(-e, 63), 0
    return (r.getrandbits(1) << 15 if signed else 0) | e, m


def run(model: str, engine: str, seed: int, count: int) -> Tally:
    from tests.translator.m68k.fpu.test_exact import ask

    out, r = Tally(), random.Random(seed)
    while out.cases < count:
        op, precision, mode, a, b = make(r)
        x = true(op, a, b)
        if x == 0:
            continue
        (se, m), exc, _ = ask(op, a, b, precision << 6 | mode << 4)
        want = rounded(x, precision, mode)
        if (se, m, exc) == want:
            out.agreed += 1
        else:
            operands = " ".join(f"{n[0]:04x}:{n[1]:016x}" for n in (a, b))
            result = f"{se:04x}:{m:016x} {exc:02x} | {want[0]:04x}:{want[1]:016x} {want[2]:02x}"
            out.fail(f"operation {op:02x}, precision {precision}, mode {mode}: {operands}: {result}")
    return out
