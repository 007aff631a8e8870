"""Elementary functions on Python integers: fixed-point numbers with p bits behind the point.

Their errors are some units of the last of these bits; exact.py takes 120 more than it needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

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


def exp(x: int, p: int) -> tuple[int, int]:
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


def ln(x: int, p: int) -> int:
    """ln x for x > 0."""
    k = x.bit_length() - p
    m = x >> k if k > 0 else x << -k  # in [1/2, 1)
    if k > 0 and x & (1 << k) - 1:  # keep the low bits
        return ln(x << k, p + k) >> k
    if m < 3 << p - 2:
        m, k = m << 1, k - 1
    y = int(math.log(m / (1 << p)) * (1 << 53)) << p - 53 if p >= 53 else 0
    for _ in range(3):  # Halley: three times as many digits each time
        e, up = exp(y, p)
        e = e << up if up >= 0 else e >> -up
        y += (2 * (m - e) << p) // (m + e)
    return y + k * ln2(p)


def sin_cos(x: int, p: int) -> tuple[int, int]:
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


def atan(x: int, p: int) -> int:
    """Arctangent: from the host's, one step of tan's addition theorem on."""
    if abs(x) > 1 << p:
        half = (pi(p) + 1) >> 1
        return (half if x > 0 else -half) - atan((1 << 2 * p) // x, p)
    y = int(math.atan(x / (1 << p)) * (1 << 53)) << p - 53
    s, c = sin_cos(y, p)
    d = ((x * c - (s << p)) << p) // ((c << p) + x * s)
    cube = d * d * d >> 2 * p
    return y + d - cube // 3 + (cube * d * d >> 2 * p) // 5


def sqrt(x: int, p: int) -> int:
    return math.isqrt(x << p)
