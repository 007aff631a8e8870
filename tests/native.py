"""Interpreters for tests: compiled once for all processes of a test run, and there in a hurry."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

from translator.cache import Cache, default_directory
from translator.engine import Native
from translator.isa import Model
from translator.memory import Mmu
from translator.worker import Pool

hurry = False
"""Without LLVM's passes, which are not what most tests are about. pytest sets it; conformance, and slow
tests in processes of their own, have what machines have in the end."""


def code_directory() -> Path:
    """Where compiled code is kept: the user's cache, or what TME_CACHE names."""
    named = os.environ.get("TME_CACHE")
    return Path(named) if named else default_directory()


def interpreter(
    model: Model, mmu: Mmu, cache: Cache | None = None, quick: bool | None = None, workers: int = 0
) -> Any:
    """The model's interpreter; who comes while another process makes it waits, and finds it in the cache."""
    cache = cache or Cache(code_directory())
    assert cache.directory is not None
    pool = Pool(workers)
    try:
        with open(cache.directory / f"{model.name}-{mmu.page_bits}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return Native(model, mmu, cache, pool, quick=hurry if quick is None else quick)
    finally:
        pool.close()
