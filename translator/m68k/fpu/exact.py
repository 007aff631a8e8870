"""Transcendental functions and remainders on Python integers: 128 bits of the result, the last one sticky.

They are rare and would be large in the specification language, so every engine calls this (Semantics.helper)
and has the same result. Fixed-point numbers have p bits behind the point, some 120 more than the result
needs, so that what is rounded from them is the correctly rounded value unless that lies within 2^-100 ulp of
a boundary.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from .regs import BIAS, DZ, NAN, OPERR

Answer = tuple[int, int, int, int, int, int, int]  # final, se, exp, hi, lo, exceptions, quotient byte
FAR = 1 << 18  # an exponent that overflows, negated underflows
BITS = 240


class Real(NamedTuple):
    """n * 2^-p, or the limit of a range: just above zero (n = 1) or beyond every number (n = -1)."""

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


# -- constants -----------------------------------------------------------------------------------------------


def _arctangent_of_inverse(k: int, p: int, sign: int) -> int:
    """atan(1/k) (sign -1) or atanh(1/k) (sign 1) by its series."""
    term = total = (1 << p) // k
    n = 1
    while term:
        term //= k * k * sign
        n += 2
        total += term // n
    return total


def _constant(make: Callable[[int], int]) -> Callable[[int], int]:
    """Remember the constant at the largest precision asked for."""
    known: dict[int, int] = {}

    def constant(p: int) -> int:
        best = max(known, default=0)
        if best < p:
            known.clear()
            known[p] = make(p + 32) >> 32
            best = p
        return known[best] >> best - p

    return constant


@_constant
def pi(p: int) -> int:
    """Machin: 16 atan(1/5) - 4 atan(1/239)."""
    return 16 * _arctangent_of_inverse(5, p, -1) - 4 * _arctangent_of_inverse(239, p, -1)


@_constant
def ln2(p: int) -> int:
    return (
        18 * _arctangent_of_inverse(26, p, 1) - 2 * _arctangent_of_inverse(4801, p, 1)
        + 8 * _arctangent_of_inverse(8749, p, 1)
    )  # fmt: skip


@_constant
def ln10(p: int) -> int:
    """3 ln 2 + ln(10/8), the latter 2 atanh(1/9)."""
    return 3 * ln2(p) + 2 * _arctangent_of_inverse(9, p, 1)


# -- functions of fixed-point numbers: x has p bits behind the point, so has the result --------------------


def _exp(x: int, p: int) -> tuple[int, int]:
    """e^x = m * 2^(k - p), m near one."""
    k = ((x << 1) // ln2(p) + 1) >> 1
    q = p + 24
    r = ((x << 24) - k * ln2(q)) >> 8  # /2^8: squared eight times in the end
    total = term = 1 << q
    n = 1
    while term:
        term = (term * r >> q) // n
        total += term
        n += 1
        if term == -1:
            break
    for _ in range(8):
        total = total * total >> q
    return total >> 24, k


def _ln(x: int, p: int) -> int:
    """ln x for x > 0."""
    k = x.bit_length() - p
    m = x >> k if k > 0 else x << -k  # in [1/2, 1)
    if k > 0 and x & (1 << k) - 1:  # keep the low bits
        return _ln(x << k, p + k) >> k
    if m < 3 << p - 2:
        m, k = m << 1, k - 1
    y = int(math.log(m / (1 << p)) * (1 << 53)) << p - 53 if p >= 53 else 0
    for _ in range(3):  # Halley: three times as many digits each time
        e, up = _exp(y, p)
        e = e << up if up >= 0 else e >> -up
        y += (2 * (m - e) << p) // (m + e)
    return y + k * ln2(p)


def _sin_cos(x: int, p: int) -> tuple[int, int]:
    """sin x and cos x for small x."""
    sine = cosine = 0
    term, n = 1 << p, 0
    while term:
        if n & 1:
            sine += -term if n & 2 else term
        else:
            cosine += -term if n & 2 else term
        n += 1
        term = (term * abs(x) >> p) // n
    return (-sine if x < 0 else sine), cosine


def _atan(x: int, p: int) -> int:
    """Arctangent: from the host's, one step of tan's addition theorem on."""
    if abs(x) > 1 << p:
        half = (pi(p) + 1) >> 1
        return (half if x > 0 else -half) - _atan((1 << 2 * p) // x, p)
    y = int(math.atan(x / (1 << p)) * (1 << 53)) << p - 53
    s, c = _sin_cos(y, p)
    d = ((x * c - (s << p)) << p) // ((c << p) + x * s)
    cube = d * d * d >> 2 * p
    return y + d - cube // 3 + (cube * d * d >> 2 * p) // 5


def _sqrt(x: int, p: int) -> int:
    return math.isqrt(x << p)


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
    s, c = _sin_cos(r, p)
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
    return Real(_atan(x, p), p)


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
    return Real(_atan((x << p) // _sqrt((one - x) * (one + x) >> p, p), p), p)


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
    return Real(2 * _atan(_sqrt(((one - x) << p) // (one + x), p), p), p)


def _power(x: int, p: int) -> Real:
    """e^x as a Real."""
    n, k = _exp(x, p)
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
    n, k = _exp(x, p)
    if k < -p:
        return _just(-1, 0, 1)
    return Real((n << k if k > 0 else n >> -k) - (1 << p), p)


def _both(m: int, e: int) -> tuple[int, int, int]:
    """e^x and e^-x for x not too large, with their point."""
    x, p = _fixed(m, e)
    p += 200  # e^-x is small
    x <<= 200
    n, k = _exp(x, p)
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
    return Real(_ln((one + x << p) // (one - x), p), p + 1)


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
    return Real(_ln(x + (1 << p), p), p)


def _log(m: int, e: int, p: int) -> int:
    """The natural logarithm of m * 2^e with p bits behind the point."""
    if m < 0:
        raise Undefined
    k = m.bit_length() - 1
    return _ln(m << p - k, p) + (e + k) * ln2(p)


def _precision(m: int, e: int) -> int:
    """Bits for a logarithm: more if the operand is near one."""
    return BITS + 128


def logn(m: int, e: int) -> Real:
    p = _precision(m, e)
    n = _log(m, e, p)
    return Real(n, p, n == 0)


def log2(m: int, e: int) -> Real:
    if m > 0 and m & m - 1 == 0:
        return Real(e + m.bit_length() - 1, 0, True)
    p = _precision(m, e)
    return Real((_log(m, e, p) << p) // ln2(p), p)


def log10(m: int, e: int) -> Real:
    if m > 0:
        n = m << e if 0 <= e < 200 else m >> -e if -64 < e < 0 and not m & (1 << -e) - 1 else 0
        if n and set(str(n)[1:]) <= {"0"} and str(n)[0] == "1":
            return Real(len(str(n)) - 1, 0, True)
    p = _precision(m, e)
    return Real((_log(m, e, p) << p) // ln10(p), p)


# opmode -> (function, its value at zero, at +infinity, at -infinity); a value is a sign and a kind, None:
# OPERR
ZERO, ONE, HALF_PI, INFINITE, POLE = "0", "1", "pi/2", "inf", "pole"
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
    return _round_later(Real(-n if sign else n, BITS))


def _round_later(x: Real) -> Answer:
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
        return _round_later(function(m, e))
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
    final, se, exp, hi, lo, exc, _ = _round_later(Real(-rest if negative else rest, -e, True))
    return final, se, exp, hi, lo, exc, byte
