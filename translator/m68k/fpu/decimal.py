"""Packed decimal numbers and the constants of FMOVECR, on Python integers (helpers: see exact.py).

Format (PRM figure 1-8), 96 bits: SM SE YY, three digits of exponent; a fourth one, 8 unused bits, the digit
before the point; 16 digits behind it.
"""

from __future__ import annotations

from functools import lru_cache

from .elementary import ln2, ln10, pi
from .exact import BITS, Answer, Real, etox, unrounded
from .regs import BIAS, DOWN, INEX1, INEX2, NEAREST, OPERR, QUIET, SNAN, UP

SM, SE, SPECIAL = 1 << 31, 1 << 30, 0x7FFF << 16
DIGITS = 17


def _divide(n: int, d: int, mode: int, negative: bool) -> tuple[int, bool]:
    """n / d of a magnitude, rounded by FPCR's mode: (integer, inexact)."""
    q, r = divmod(n, d)
    if mode == NEAREST:
        up = 2 * r > d or (2 * r == d and q & 1)
    else:
        up = r > 0 and mode == (DOWN if negative else UP)
    return q + bool(up), r > 0


def from_decimal(hi: int, lo: int, control: int) -> tuple[int, int, int]:
    """A packed number as (se, m, exceptions): extended, rounded by the mode in control; inexact is INEX1."""
    sign = hi >> 16 & 0x8000
    if hi & SPECIAL == SPECIAL:
        return sign | 0x7FFF, lo, 0
    digits = hi & 15
    for at in range(60, -4, -4):
        digits = 10 * digits + (lo >> at & 15)
    exponent = 100 * (hi >> 24 & 15) + 10 * (hi >> 20 & 15) + (hi >> 16 & 15)
    exponent = (-exponent if hi & SE else exponent) - (DIGITS - 1)
    if digits == 0:
        return sign, 0, 0
    n, d = (digits * 10**exponent, 1) if exponent >= 0 else (digits, 10**-exponent)
    e = n.bit_length() - d.bit_length() - 64
    while True:
        q, inexact = _divide(n << -e if e < 0 else n, d << e if e > 0 else d, control >> 4 & 3, bool(sign))
        if q < 1 << 64:
            break
        e += 1
    shift = 64 - q.bit_length()
    return sign | e - shift + 63 + BIAS, q << shift, INEX1 if inexact else 0


def _scale(m: int, e: int, power: int) -> tuple[int, int]:
    """m * 2^e / 10^power as a fraction."""
    n, d = (m << e, 1) if e >= 0 else (m, 1 << -e)
    return (n, d * 10**power) if power >= 0 else (n * 10**-power, d)


def to_decimal(se: int, m: int, k: int, control: int) -> tuple[int, int, int]:
    """A number as packed decimal (hi, lo, exceptions), with k-factor k (7 bits, signed; PRM 5-57)."""
    sign = (se & 0x8000) << 16
    if se & 0x7FFF == 0x7FFF:
        signals = m << 1 & (1 << 64) - 1 != 0 and not m & QUIET
        nan = m << 1 & (1 << 64) - 1 != 0
        return sign | SPECIAL, m | QUIET if nan else 0, SNAN if signals else 0
    k = k - 128 if k & 64 else k
    exc = OPERR if k > DIGITS else 0
    if m == 0:
        return sign, 0, exc
    e = (se & 0x7FFF) - BIAS - 63
    power = (e + m.bit_length() - 1) * 30103 // 100000 + 1
    n, d = _scale(m, e, power)
    while n < d:
        power -= 1
        n, d = _scale(m, e, power)
    count = max(1, min(DIGITS, k if k > 0 else power + 1 - k))
    digits, inexact = _divide(*_scale(m, e, power - count + 1), control >> 4 & 3, bool(sign))
    if digits == 10**count:
        digits, power = digits // 10, power + 1
    text = str(digits).ljust(DIGITS, "0")
    if abs(power) > 999:
        exc |= OPERR
    exponent = f"{abs(power):04}"
    hi = sign | (SE if power < 0 else 0) | int(exponent[1:], 16) << 16 | int(exponent[0]) << 12 | int(text[0])
    return hi, int(text[1:], 16), exc | (INEX2 if inexact else 0)


_EXACT = {0x0F: 0, 0x32: 1, 0x33: 10, **{0x34 + n: 10 ** (2 << n) for n in range(12)}}


@lru_cache(maxsize=64)
def constant(offset: int) -> Answer:
    """Constant of the coprocessor's ROM (PRM 5-52); what the manual leaves out is zero."""
    if offset in _EXACT:
        return unrounded(Real(_EXACT[offset], 0, True))
    p, e = BITS, etox(1, 0)
    values = {
        0x00: Real(pi(p), p), 0x0B: Real((ln2(p) << p) // ln10(p), p), 0x0C: e,
        0x0D: Real((1 << 2 * p) // ln2(p), p),
        0x0E: Real((1 << 2 * p) // ln10(p), p), 0x30: Real(ln2(p), p), 0x31: Real(ln10(p), p),
    }  # fmt: skip
    return unrounded(values.get(offset, Real(0, 0, True)))
