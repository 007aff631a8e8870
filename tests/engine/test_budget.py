"""Time is counted in instructions: cut into any slices, in any mix of engines, a program ends alike."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.engine.fuzz import Bench
from tests.engine.machine import cuts, differences
from tests.engine.sequences import make
from translator import translation

Benches = Callable[..., Bench]
SEEDS = range(700, 712)


@pytest.mark.parametrize("engine", ["interp", "jit", "mixed"])
@pytest.mark.parametrize("cut", [1, 2, 3, 7, 0], ids=lambda n: str(n) if n else "random")
def test_any_slices(bench: Benches, engine: str, cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translation, "LEVEL", 0)
    monkeypatch.setattr(translation, "CODEGEN", 0)
    b = bench()
    for seed in SEEDS:
        case = make(seed, b.model)
        program = case.program()
        want = b.machines["interp"].execute(program, itertools.repeat(1 << 30))
        machine = b.machines[engine]
        machine.rng.seed(seed)
        machine.regions = 3
        got = machine.execute(program, itertools.repeat(cut) if cut else cuts(seed, 9))
        differ = differences(want, got)
        assert not differ, "\n".join([f"seed {seed}", case.listing(), *differ])


@pytest.mark.parametrize("engine", ["concrete", "interp", "jit"])
def test_exactly_the_budget(bench: Benches, engine: str) -> None:
    machine = bench().machines[engine]
    for seed in SEEDS:
        machine.load(make(seed, machine.model).program())
        for n in (1, 5, 3, 11):
            if machine.cpu.stopped or machine.cpu.halted:
                break
            done = machine.cpu.run(n)
            assert done == n or machine.cpu.stopped or machine.cpu.halted
            if machine.jit is not None:
                machine.jit.poll()
