"""The microSPARC-II with its floating-point unit, in native code."""

from __future__ import annotations

from typing import Any

import pytest

from tests.native import interpreter
from translator.cache import Cache
from translator.engine import Native
from translator.memory import Mmu
from translator.sparc import SYSTEMS

MODEL = SYSTEMS["mb86904+mb86904"]


@pytest.fixture(scope="session")
def fpu_interpreter(code_cache: Cache) -> Native:
    return interpreter(MODEL, Mmu(), code_cache)


@pytest.fixture(params=["concrete", "interpreter"])
def fpu_engine(request: pytest.FixtureRequest) -> Any:
    """An engine of that model."""
    return None if request.param == "concrete" else request.getfixturevalue("fpu_interpreter")
