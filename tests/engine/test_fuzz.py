"""Random sequences end in the same state in every engine.  TME_SEQUENCES, TME_SEED: how many and which."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import pytest

from tests.engine.fuzz import Bench
from tests.engine.machine import make_mmu
from tests.engine.sequences import BRANCHES, make
from tests.native import interpreter
from translator.cache import Cache
from translator.llvm import emit
from translator.m68k import M68020, MODELS

SEQUENCES = int(os.environ.get("TME_SEQUENCES", "100000"))
FIRST = int(os.environ.get("TME_SEED", "1000000"))
BLOCK, ROUND = 250, 40  # sequences of one model; blocks between new processes
THREE = ("concrete", "interp", "jit")

Benches = Callable[..., Bench]


def engines_for(seed: int) -> tuple[str, ...]:
    return (*THREE, "mixed") if seed % 8 == 0 else THREE


def model_for(block: int) -> str:
    """Most sequences are for the 68020: it has most to get wrong."""
    return {0: "m68000", 1: "m68010"}.get(block % 10, "m68020")


def test_engines_agree(bench: Benches) -> None:
    b = bench()
    for seed in range(250):
        failure = b.check(seed, engines_for(seed))
        assert failure is None, failure


@cache
def _worker_bench(model: str, directory: str) -> Bench:
    m = MODELS[model]
    return Bench(m, interpreter(m, make_mmu(8), Cache(Path(directory))))


def run_block(block: int, directory: str) -> list[str]:
    """The failures among one block of seeds (in a process of its own)."""
    b = _worker_bench(model_for(block), directory)
    first = FIRST + block * BLOCK
    found = (b.check(seed, engines_for(seed)) for seed in range(first, first + BLOCK))
    return [str(f) for f in found if f is not None]


@pytest.mark.slow
def test_many_sequences(code_cache: Cache) -> None:
    """The same on all cores, all models: 100,000 sequences unless TME_SEQUENCES says otherwise."""
    for model in MODELS.values():
        interpreter(model, make_mmu(8), code_cache, quick=False, workers=os.cpu_count() or 1)  # once
    assert code_cache.directory is not None
    blocks = list(range(-(-SEQUENCES // BLOCK)))
    failures: list[str] = []
    while blocks and len(failures) < 5:
        now, blocks = blocks[:ROUND], blocks[ROUND:]
        # New processes for every round: what LLVM keeps for code that has gone adds up.
        with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
            for found in pool.map(run_block, now, [str(code_cache.directory)] * len(now)):
                failures += found
    assert not failures, "".join(failures)


def test_a_wrong_engine_is_found_and_shrunk(bench: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    b = bench()
    monkeypatch.setitem(emit.TEXT, "mul", "{r} = add {t} {0}, {1}")  # regions are made from now on with this
    failure = next(f for f in (b.check(seed, ("interp", "jit")) for seed in range(5000, 6000)) if f)
    assert f"seed {failure.case.seed} " in str(failure)
    assert len([x for x in failure.case.items if x.words]) <= 4


def test_every_family_is_reached() -> None:
    codes = {w for seed in range(3000) for x in make(seed, M68020).items for w in x.words[:1]}
    seen = {hit[0].name for hit in map(M68020.decoder.decode, codes) if hit}
    assert seen >= {i.name for i in M68020.decoder.insns} - BRANCHES


def test_a_case_is_its_seed() -> None:
    for seed in range(50):
        assert make(seed, M68020) == make(seed, M68020)
