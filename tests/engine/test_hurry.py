"""An interpreter compiled in a hurry is replaced while its guest runs; both do the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.fuzz import Bench
from tests.engine.machine import make_mmu
from translator.cache import Cache
from translator.engine import Native
from translator.m68k import MODELS
from translator.worker import Pool

M68000 = MODELS["m68000"]  # the fewest handlers
SEQUENCES = range(40)


def disagreements(native: Native) -> list[Any]:
    """Sequences that end differently in the concrete engine."""
    bench = Bench(M68000, native)
    return [f for f in (bench.check(seed, ("concrete", "interp")) for seed in SEQUENCES) if f is not None]


@pytest.mark.slow
def test_a_hurried_interpreter_is_replaced(tmp_path: Path) -> None:
    cache, pool = Cache(tmp_path), Pool(2)
    try:
        native = Native(M68000, make_mmu(8), cache, pool, quick=True)
        hurried = list(native.handlers)
        assert not disagreements(native)
        native.improve(cache, pool)
        while pool.busy:
            assert list(native.handlers) == hurried, "all at once, at the end"
            pool.poll(1.0)
    finally:
        pool.close()
    legal = [(a, b) for a, b in zip(hurried, native.handlers, strict=True) if a != hurried[-1]]
    assert legal
    assert all(a != b for a, b in legal)
    assert not disagreements(native)
    misses = cache.misses
    again = Native(M68000, make_mmu(8), cache, None, quick=True)
    assert cache.misses == misses
    again.improve(cache, pool)
    assert not pool.busy, "there is nothing left to improve"
