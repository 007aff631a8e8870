"""The fault injector of the engine tests: every access of an instruction refused once, and then repeated."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from tests.conformance.tally import Tally

INJECTOR = "tests.engine.faults"
PIECE = 500


def missing() -> str:
    return "" if find_spec(INJECTOR) else f"there is no {INJECTOR}"


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(seed, cases)"""
    cases = cases or PIECE
    return [(seed * 10_000_000 + b, min(PIECE, cases - b)) for b in range(0, cases, PIECE)]


def run(model: str, engine: str, seed: int, cases: int) -> Tally:
    found = import_module(INJECTOR).run(engine, model, seed, cases)
    out = Tally(found["agreed"], found["explained"])
    if found["explained"]:
        out.reasons["see docs/m68k.md, Bus errors"] += found["explained"]
    for text in found["unexplained"]:
        out.fail(f"{INJECTOR}.run({engine!r}, {model!r}, {seed}, {cases}): {text}")
    return out
