"""The fault injector of the engine tests: every access of an instruction refused once, and then repeated."""

from __future__ import annotations

from importlib import import_module

from tests.conformance.tally import Tally

INJECTORS = {"mb86904": ("tests.engine.sparc_faults", "docs/sparc.md, Refused accesses")}
M68K = "tests.engine.faults", "docs/m68k.md, Bus errors"
PIECE = 500


def missing() -> str:
    return ""


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(seed, cases)"""
    cases = cases or PIECE
    return [(seed * 10_000_000 + b, min(PIECE, cases - b)) for b in range(0, cases, PIECE)]


def run(model: str, engine: str, seed: int, cases: int) -> Tally:
    injector, where = INJECTORS.get(model, M68K)
    found = import_module(injector).run(engine, model, seed, cases)
    out = Tally(found["agreed"], found["explained"], in_regions=found["in regions"])
    if found["explained"]:
        out.reasons[f"see {where}"] += found["explained"]
    for text in found["unexplained"]:
        out.fail(f"{injector}.run({engine!r}, {model!r}, {seed}, {cases}): {text}")
    return out
