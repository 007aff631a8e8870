"""The tables of the V8 manual's second reader (tests/translator/sparc/test_*_table.py), as a row."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.conformance.flat import MODELS, code_directory
from tests.conformance.tally import Tally
from translator.cache import Cache
from translator.engine import Native
from translator.memory import Mmu


def missing() -> str:
    return ""


def blocks(cases: int | None, seed: int) -> list[tuple[()]]:
    return [()]


@cache
def native(model: str) -> Any:
    return Native(MODELS[model], Mmu(), Cache(code_directory()))


def run(model: str, engine: str) -> Tally:
    """Every table once; cases are its entries."""
    from tests.translator.sparc import test_state_table, test_traps_table
    from tests.translator.sparc.board import Board

    out, interpreter = Tally(), None if engine == "concrete" else native(model)
    for table, entries in {**test_traps_table.TABLES, **test_state_table.TABLES}.items():
        try:
            table(Board(MODELS[model], interpreter))
        except AssertionError as e:
            out.fail(f"{table.__name__}: {e}")
        else:
            out.agreed += entries
    return out
