"""Engine tests share one compiled interpreter per CPU model, from TME_CACHE or made once per session."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.fuzz import Bench
from tests.engine.machine import make_mmu
from tests.native import interpreter
from translator.cache import Cache
from translator.m68k import MODELS

Natives = Callable[..., Any]


@pytest.fixture(scope="session")
def native(code_cache: Cache) -> Natives:
    """native(model name, page bits=8): the compiled interpreter."""
    made: dict[tuple[str, int], Any] = {}

    def get(model: str = "m68020", page_bits: int = 8) -> Any:
        if (model, page_bits) not in made:
            mmu, cores = make_mmu(page_bits), os.cpu_count() or 1
            made[model, page_bits] = interpreter(MODELS[model], mmu, code_cache, workers=cores)
        return made[model, page_bits]

    return get


@pytest.fixture(scope="session")
def bench(native: Natives) -> Callable[..., Bench]:
    """bench(model name, page bits=8): machines in every engine."""
    made: dict[tuple[str, int], Bench] = {}

    def get(model: str = "m68020", page_bits: int = 8) -> Bench:
        if (model, page_bits) not in made:
            made[model, page_bits] = Bench(MODELS[model], native(model, page_bits), page_bits)
        return made[model, page_bits]

    return get
