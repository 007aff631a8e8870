"""The tables of the V8 manual's second reader (tests/translator/sparc/test_*_table.py), as a row."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.conformance.flat import MODELS
from tests.conformance.tally import Tally
from tests.native import interpreter
from translator.memory import Mmu


def missing() -> str:
    return ""


def blocks(cases: int | None, seed: int) -> list[tuple[()]]:
    return [()]


@cache
def native(model: str) -> Any:
    return interpreter(MODELS[model], Mmu())


def run(model: str, engine: str) -> Tally:
    """Every table once; cases are its entries."""
    from tests.translator.sparc import test_state_table, test_traps_table
    from tests.translator.sparc.board import Board

    out, compiled = Tally(), None if engine == "concrete" else native(model)
    for table, entries in {**test_traps_table.TABLES, **test_state_table.TABLES}.items():
        try:
            table(Board(MODELS[model], compiled))
        except AssertionError as e:
            out.fail(f"{table.__name__}: {e}")
        else:
            out.agreed += entries
    return out
