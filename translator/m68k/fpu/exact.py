"""Transcendental functions and remainders on Python integers: 128 bits of the result, the last one sticky.

They are rare and would be large in the specification language, so every engine calls this (Semantics.helper)
and has the same result. Fixed-point numbers have p bits behind the point, some 120 more than the result
needs, so that what is rounded from them is the correctly rounded value unless that lies within 2^-100 ulp of
a boundary.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from .elementary import atan, exp, ln, ln2, ln10, pi, sin_cos, sqrt
from .regs import BIAS, DZ, NAN, OPERR

Answer = tuple[int, int, int, int, int, int, int]  # final, se, exp, hi, lo, exceptions, quotient byte
FAR = 1 << 18  # an exponent that overflows, negated underflows
BITS = 240
LOG_BITS = BITS + 128  # of logarithms: near one they are as small as the operand's last bit


class Real(NamedTuple):
    """n * 2^-p; unless it is `exact`, the value is a little greater in magnitude, or as good as that."""

    n: int
    p: int
    exact: bool = False


class Undefined(Exception):
    """No such value: OPERR."""


class Pole(Exception):
    """An infinite value of a finite operand: DZ; `negative` is its sign."""

    def __init__(self, negative: bool) -> None:
        super().__init__()
        self.negative = negative


# -- the functions -------------------------------------------------------------------------------------------


def _fixed(m: int, e: int) -> tuple[int, int]:
    """m * 2^e (m signed) with enough bits behind the point for a result of the operand's size."""
    p = BITS + 2 * max(0, -(e + 63)) + 64
    return (m << p + e if p + e >= 0 else m >> -(p + e)), p


def _small(m: int, e: int) -> bool:
    """So small that x and x + x^2 differ by less than the sticky bit shows."""
    return e + m.bit_length() < -140


def _just(m: int, e: int, more: int) -> Real:
    """x itself, a little greater or less than it (more: 1 or -1, of the signed value)."""
    return Real((m << 140) + more, 140 - e)


Function = Callable[[int, int], Real]  # of m * 2^e, m signed and not zero


def _quadrant(m: int, e: int) -> tuple[int, int, int, int]:
    """Reduced to within pi/4 of 0: (quadrant, sine, cosine, p)."""
    p = BITS + 2 * max(0, -(e + 63)) + 64
    wide = p + max(0, e + 64)
    x = m << wide + e
    half = pi(wide + 1) >> 2
    turns = ((x << 1) // half + 1) >> 1
    r = (x - turns * half) >> wide - p
    s, c = sin_cos(r, p)
    return turns & 3, s, c, p


def sine(m: int, e: int) -> Real:
    if _small(m, e):
        return _just(m, e, -1 if m > 0 else 1)
    q, s, c, p = _quadrant(m, e)
    return Real((s, c, -s, -c)[q], p)


def cosine(m: int, e: int) -> Real:
    if _small(m, e):
        return _just(1, 0, -1)
    q, s, c, p = _quadrant(m, e)
    return Real((c, -s, -c, s)[q], p)


def tangent(m: int, e: int) -> Real:
    if _small(m, e):
        return _just(m, e, 1 if m > 0 else -1)
    q, s, c, p = _quadrant(m, e)
    return Real((-c << p) // s if q & 1 else (s << p) // c, p)


def arctangent(m: int, e: int) -> Real:
    if _small(m, e):
        return _just(m, e, -1 if m > 0 else 1)
    if e + 63 > 200:
        half = pi(BITS) >> 1
        return Real(half - 1 if m > 0 else 1 - half, BITS)
    x, p = _fixed(m, e)
    return Real(atan(x, p), p)


def arcsine(m: int, e: int) -> Real:
    if _small(m, e):
        return _just(m, e, 1 if m > 0 else -1)
    x, p = _fixed(m, e)
    one = 1 << p
    if abs(x) > one:
        raise Undefined
    if abs(x) == one:
        half = pi(p) >> 1
        return Real(half if m > 0 else -half, p)
    return Real(atan((x << p) // sqrt((one - x) * (one + x) >> p, p), p), p)


def arccosine(m: int, e: int) -> Real:
    if _small(m, e):
        return Real(pi(BITS) >> 1, BITS)
    x, p = _fixed(m, e)
    one = 1 << p
    if abs(x) > one:
        raise Undefined
    if x == one:
        return Real(0, p, True)
    if x == -one:
        return Real(pi(p), p)
    return Real(2 * atan(sqrt(((one - x) << p) // (one + x), p), p), p)


def _power(x: int, p: int) -> Real:
    """e^x as a Real."""
    n, k = exp(x, p)
    return Real(n, p - k)


def _exponential(m: int, e: int, ln: Callable[[int], int] | None) -> Real:
    """2^x, 10^x (by the logarithm of the base), e^x (None)."""
    if e + m.bit_length() > 17:
        return Real(1, -FAR if m > 0 else FAR)
    if _small(m, e):
        return _just(1, 0, 1 if m > 0 else -1)
    x, p = _fixed(m, e)
    return _power(x if ln is None else x * ln(p + 64) >> p + 64, p)


def etox(m: int, e: int) -> Real:
    return _exponential(m, e, None)


def _whole(m: int, e: int) -> int | None:
    """m * 2^e if it is an integer of less than 18 bits."""
    if e + m.bit_length() > 18:
        return None
    n = m << e if e >= 0 else m >> -e
    return n if e >= 0 or n << -e == m else None


def twotox(m: int, e: int) -> Real:
    n = _whole(m, e)
    return Real(1, -n, True) if n is not None else _exponential(m, e, ln2)


def tentox(m: int, e: int) -> Real:
    n = _whole(m, e)
    if n is not None and 0 <= n < 60:
        return Real(10**n, 0, True)
    return _exponential(m, e, ln10)


def etoxm1(m: int, e: int) -> Real:
    if e + m.bit_length() > 17:
        return Real(1, -FAR) if m > 0 else _just(-1, 0, 1)
    if _small(m, e):
        return _just(m, e, 1)
    x, p = _fixed(m, e)
    n, k = exp(x, p)
    if k < -p:
        return _just(-1, 0, 1)
    return Real((n << k if k > 0 else n >> -k) - (1 << p), p)


def _both(m: int, e: int) -> tuple[int, int, int]:
    """e^x and e^-x for x not too large, with their point."""
    x, p = _fixed(m, e)
    p += 200  # e^-x is small
    x <<= 200
    n, k = exp(x, p)
    up = n << k if k > 0 else n >> -k
    return up, (1 << 2 * p) // up if up else 0, p


def hyperbolic_sine(m: int, e: int) -> Real:
    if e + m.bit_length() > 8:
        r = _exponential(abs(m), e, None)
        return Real(-r.n if m < 0 else r.n, r.p + 1)
    if _small(m, e):
        return _just(m, e, 1 if m > 0 else -1)
    up, down, p = _both(m, e)
    return Real(up - down, p + 1)


def hyperbolic_cosine(m: int, e: int) -> Real:
    if e + m.bit_length() > 8:
        r = _exponential(abs(m), e, None)
        return Real(r.n, r.p + 1)
    if _small(m, e):
        return _just(1, 0, 1)
    up, down, p = _both(m, e)
    return Real(up + down, p + 1)


def hyperbolic_tangent(m: int, e: int) -> Real:
    if e + m.bit_length() > 7:
        return _just(1, 0, -1) if m > 0 else _just(-1, 0, 1)
    if _small(m, e):
        return _just(m, e, -1 if m > 0 else 1)
    up, down, p = _both(m, e)
    return Real((up - down << p) // (up + down), p)


def arc_hyperbolic_tangent(m: int, e: int) -> Real:
    if _small(m, e):
        return _just(m, e, 1 if m > 0 else -1)
    x, p = _fixed(m, e)
    one = 1 << p
    if abs(x) > one:
        raise Undefined
    if abs(x) == one:
        raise Pole(m < 0)
    return Real(ln((one + x << p) // (one - x), p), p + 1)


def lognp1(m: int, e: int) -> Real:
    if _small(m, e):
        return _just(m, e, -1)
    if e + m.bit_length() > 200:
        return Real(_log(m, e, BITS), BITS)
    x, p = _fixed(m, e)
    if x < -1 << p:
        raise Undefined
    if x == -1 << p:
        raise Pole(True)
    return Real(ln(x + (1 << p), p), p)


def _log(m: int, e: int, p: int) -> int:
    """The natural logarithm of m * 2^e with p bits behind the point."""
    if m < 0:
        raise Undefined
    k = m.bit_length() - 1
    return ln(m << p - k, p) + (e + k) * ln2(p)


def logn(m: int, e: int) -> Real:
    p = LOG_BITS
    n = _log(m, e, p)
    return Real(n, p, n == 0)


def log2(m: int, e: int) -> Real:
    if m > 0 and m & m - 1 == 0:
        return Real(e + m.bit_length() - 1, 0, True)
    p = LOG_BITS
    return Real((_log(m, e, p) << p) // ln2(p), p)


def log10(m: int, e: int) -> Real:
    if m > 0:
        n = m << e if 0 <= e < 200 else m >> -e if -64 < e < 0 and not m & (1 << -e) - 1 else 0
        if n and set(str(n)[1:]) <= {"0"} and str(n)[0] == "1":
            return Real(len(str(n)) - 1, 0, True)
    p = LOG_BITS
    return Real((_log(m, e, p) << p) // ln10(p), p)


# opmode -> (function, its value at zero, at +infinity, at -infinity); None: OPERR
Limit = str | None
FUNCTIONS: dict[int, tuple[Function, Limit, Limit, Limit]] = {
    0x02: (hyperbolic_sine, "x", "+inf", "-inf"),
    0x06: (lognp1, "x", "+inf", None),
    0x08: (etoxm1, "x", "+inf", "-1"),
    0x09: (hyperbolic_tangent, "x", "+1", "-1"),
    0x0A: (arctangent, "x", "+pi/2", "-pi/2"),
    0x0C: (arcsine, "x", None, None),
    0x0D: (arc_hyperbolic_tangent, "x", None, None),
    0x0E: (sine, "x", None, None),
    0x0F: (tangent, "x", None, None),
    0x10: (etox, "+1", "+inf", "+0"),
    0x11: (twotox, "+1", "+inf", "+0"),
    0x12: (tentox, "+1", "+inf", "+0"),
    0x14: (logn, "pole", "+inf", None),
    0x15: (log10, "pole", "+inf", None),
    0x16: (log2, "pole", "+inf", None),
    0x19: (hyperbolic_cosine, "+1", "+inf", "+inf"),
    0x1C: (arccosine, "+pi/2", None, None),
    0x1D: (cosine, "+1", None, None),
}
FMOD, FREM = 0x21, 0x25


def _final(se: int, m: int, exc: int = 0) -> Answer:
    return 1, se, 0, m, 0, exc, 0


def _limit(limit: Limit, se: int, m: int) -> Answer:
    if limit is None:
        return _final(*NAN, OPERR)
    if limit == "pole":
        return _final(0xFFFF, 0, DZ)
    if limit == "x":
        return _final(se & 0x8000, 0)
    sign = 0x8000 if limit[0] == "-" else 0
    kind = limit[1:]
    if kind == "0":
        return _final(sign, 0)
    if kind == "inf":
        return _final(sign | 0x7FFF, 0)
    if kind == "1":
        return _final(sign | BIAS, 1 << 63)
    n = pi(BITS) >> 1
    return unrounded(Real(-n if sign else n, BITS))


def unrounded(x: Real) -> Answer:
    """A value for round_pack: 128 bits of it, the last one sticky."""
    n = abs(x.n)
    if n == 0:
        return _final(0, 0)
    k = n.bit_length()
    m = n << 128 - k if k <= 128 else n >> k - 128 | (n & (1 << k - 128) - 1 != 0)
    if not x.exact:
        m |= 1
    exp = k - 1 - x.p + BIAS
    return 0, 0x8000 if x.n < 0 else 0, exp & 0xFFFFFFFF, m >> 64, m & (1 << 64) - 1, 0, 0


@lru_cache(maxsize=1024)
def compute(op: int, a_se: int, a_m: int, b_se: int, b_m: int, control: int) -> Answer:
    """The value of opmode op, one of arith.RARE, on operands that are no NaNs."""
    if op in (FMOD, FREM):
        return _remainder(op == FREM, a_se, a_m, b_se, b_m)
    function, at_zero, at_plus, at_minus = FUNCTIONS[op]
    if a_se & 0x7FFF == 0x7FFF:
        return _limit(at_minus if a_se >> 15 else at_plus, a_se, a_m)
    if a_m == 0:
        return _limit(at_zero, a_se, a_m)
    m, e = -a_m if a_se >> 15 else a_m, (a_se & 0x7FFF) - BIAS - 63
    try:
        return unrounded(function(m, e))
    except Undefined:
        return _final(*NAN, OPERR)
    except Pole as pole:
        return _final(0xFFFF if pole.negative else 0x7FFF, 0, DZ)


def _remainder(nearest: bool, a_se: int, a_m: int, b_se: int, b_m: int) -> Answer:
    """b modulo a with the quotient's low bits and sign (PRM 5-49, 5-66); FREM rounds the quotient to
    nearest.
    """
    a_inf, b_inf = a_se & 0x7FFF == 0x7FFF, b_se & 0x7FFF == 0x7FFF
    if b_inf or (a_m == 0 and not a_inf):
        return _final(*NAN, OPERR)
    sign = (a_se ^ b_se) >> 15
    b_exp = (b_se & 0x7FFF) - BIAS - 63
    if a_inf or b_m == 0:
        quotient, negative, rest, e = 0, b_se >> 15, b_m, b_exp
    else:
        e = min((a_se & 0x7FFF) - BIAS - 63, b_exp)
        x, y = a_m << (a_se & 0x7FFF) - BIAS - 63 - e, b_m << b_exp - e
        quotient, rest = divmod(y, x)
        negative = b_se >> 15
        if nearest and (2 * rest > x or (2 * rest == x and quotient & 1)):
            quotient, rest, negative = quotient + 1, x - rest, negative ^ 1
    byte = sign << 7 | quotient & 0x7F
    if rest == 0:
        return 1, (b_se & 0x8000), 0, 0, 0, 0, byte
    final, se, exp, hi, lo, exc, _ = unrounded(Real(-rest if negative else rest, -e, True))
    return final, se, exp, hi, lo, exc, byte
