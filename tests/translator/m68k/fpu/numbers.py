"""Random operands near the edges, and single operations on the concrete engine."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from translator.spec.concrete import Concrete
from translator.spec.value import Val

Number = tuple[int, int]
ENGINE = Concrete(SimpleNamespace(mode=0), None, lambda mode, space: 0)  # type: ignore[arg-type]
ALL_ONES = (1 << 64) - 1


def run(fn: Callable[..., Any], *args: tuple[int, int]) -> tuple[int, ...]:
    """A shared piece of the specification on (width, value) arguments."""
    results = fn(ENGINE, *(Val(ENGINE, w, x) for w, x in args))
    return tuple(r.x for r in results)


def mantissa(r: random.Random) -> int:
    """Normalised, with few bits or many."""
    return r.choice(
        (
            1 << 63,
            ALL_ONES,
            1 << 63 | r.getrandbits(24) << 40,
            1 << 63 | r.getrandbits(53) << 11,
            1 << 63 | r.getrandbits(3) << r.randrange(62),
            1 << 63 | r.getrandbits(63),
        )
    )


EDGES = (-127, -126, -125, 127, 128, -1022, -1023, 1023, 1024, -150, -1075, -64)


def number(r: random.Random, nan: float = 0.0) -> Number:
    """Zero, infinity or a normal number; sometimes a NaN."""
    sign = r.getrandbits(1) << 15
    if r.random() < nan:
        return sign | 0x7FFF, 1 << 63 | r.getrandbits(62) + 1 | r.getrandbits(1) << 62
    kind = r.randrange(14)
    if kind == 0:
        return sign, 0
    if kind == 1:
        return sign | 0x7FFF, 1 << 63
    exponents = {
        2: lambda: r.choice((1, 2, 0x7FFE, 0x7FFD, 0x3FFF + r.randrange(-70, 70))),
        3: lambda: 0x3FFF + r.choice(EDGES),
        4: lambda: r.randrange(1, 0x7FFF),
        5: lambda: 0x3FFF + r.randrange(-2, 66),
    }
    return sign | exponents.get(kind, lambda: 0x3FFF + r.randrange(-4, 5))(), mantissa(r)


def is_nan(n: Number) -> bool:
    return n[0] & 0x7FFF == 0x7FFF and n[1] << 1 & ALL_ONES != 0


def plain(n: Number) -> Number:
    """Infinity's integer bit means nothing."""
    return (n[0], 0) if n[0] & 0x7FFF == 0x7FFF and not is_nan(n) else n
