"""The 68881's transcendental functions against mpmath."""

from __future__ import annotations

from importlib.util import find_spec

from tests.conformance.tally import Tally

PIECE = 1000
BITS = 700  # of the reference's mantissa


def missing() -> str:
    return "" if find_spec("mpmath") else "the Python package mpmath is not installed"


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(first seed, cases)"""
    cases = cases or PIECE
    return [(seed * 1_000_000 + b, min(PIECE, cases - b)) for b in range(0, cases, PIECE)]


def run(model: str, engine: str, first: int, count: int) -> Tally:
    import mpmath

    from tests.translator.m68k.fpu.test_exact import check

    out = Tally()
    with mpmath.workprec(BITS):
        for seed in range(first, first + count):
            try:
                check(mpmath.mp, seed, 1)
                out.agreed += 1
            except AssertionError as e:
                out.fail(f"seed {seed}: {e}")
    return out
