"""Our engines against each other: sequences with exceptions, devices, an MMU, changing code."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.conformance.tally import Tally
from tests.native import interpreter
from translator.m68k import MODELS

PIECE = 100  # sequences


def missing() -> str:
    return ""


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(first seed, sequences)"""
    cases = cases or PIECE
    return [(seed * 10_000_000 + b, min(PIECE, cases - b)) for b in range(0, cases, PIECE)]


@cache
def bench(model: str) -> Any:
    from tests.engine.fuzz import Bench
    from tests.engine.machine import make_mmu

    m = MODELS[model]
    return Bench(m, interpreter(m, make_mmu(8)))


def run(model: str, engine: str, first: int, count: int) -> Tally:
    """Each sequence in the concrete engine, the interpreter and the JIT, some in a mixture as well."""
    from tests.engine.fuzz import ENGINES

    out = Tally()
    for seed in range(first, first + count):
        failure = bench(model).check(seed, ENGINES if seed % 8 == 0 else ENGINES[:3])
        if failure is None:
            out.agreed += 1
        else:
            out.fail(str(failure))
    return out
