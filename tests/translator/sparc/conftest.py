"""Engines for the tests of the processor: None is the concrete one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.native import interpreter
from tests.translator.sparc.board import Board
from translator.cache import Cache
from translator.engine import Native
from translator.memory import Mmu
from translator.sparc import MB86904


@pytest.fixture(scope="session")
def sparc_interpreter(code_cache: Cache) -> Native:
    return interpreter(MB86904, Mmu(), code_cache)


@pytest.fixture(params=["concrete", "interpreter"])
def engine(request: pytest.FixtureRequest) -> Any:
    """An engine of the MB86904."""
    return None if request.param == "concrete" else request.getfixturevalue("sparc_interpreter")


@pytest.fixture
def b(engine: Any) -> Board:
    return Board(MB86904, engine)
