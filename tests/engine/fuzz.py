"""Differential fuzzing of the engines: run a case in several, compare, shrink what fails."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.engine.machine import Machine, Outcome, cuts, differences
from tests.engine.sequences import Case, make
from translator import translation
from translator.isa import Model

Engine = str
ENGINES = ("concrete", "interp", "jit", "mixed")
MIXED_SEED = 0x1234
EARNEST, QUICK = (translation.LEVEL, translation.CODEGEN), (0, 0)


def slices(engine: Engine, seed: int) -> Iterator[int]:
    """How an engine's run is cut: the JIT must come up for air to link what is hot."""
    if engine == "jit":
        return cuts(seed, 25)
    if engine == "mixed":
        return cuts(seed ^ MIXED_SEED, 12)
    return itertools.repeat(1 << 30)


@dataclass
class Failure:
    """A case on which two engines disagree."""

    case: Case
    engines: tuple[Engine, Engine]
    lines: list[str]

    def __str__(self) -> str:
        c = self.case
        regs = " ".join(f"{x:x}" for x in c.regs)
        return (
            f"\nseed {c.seed} ({c.model.name}, layout {c.layout}): {' | '.join(self.engines)} disagree\n"
            + "\n".join("  " + x for x in self.lines[:24])
            + f"\nafter sr={c.sr:04x} regs={regs} loops={c.loops} limit={c.limit}"
            + f" interrupts={list(c.interrupts)}\n"
            + c.listing()
        )


class Bench:
    """The machines that a model's cases run on."""

    def __init__(self, model: Model, native: Any, page_bits: int = 8) -> None:
        self.model, self.page_bits = model, page_bits
        self.machines = {e: Machine(model, e, native, page_bits) for e in ENGINES}

    def run(self, engine: Engine, case: Case) -> Outcome:
        m = self.machines[engine]
        m.rng.seed(case.seed)
        m.regions = 2 if case.seed % 3 == 0 else 1
        # Most regions are compiled as they come, some as in earnest: LLVM is not what is in doubt.
        translation.LEVEL, translation.CODEGEN = EARNEST if case.seed % 32 == 0 else QUICK
        try:
            return m.execute(case.program(), slices(engine, case.seed))
        finally:
            translation.LEVEL, translation.CODEGEN = EARNEST

    def disagree(self, case: Case, engines: tuple[Engine, ...]) -> Failure | None:
        """The first engine that differs from the first one named."""
        want = self.run(engines[0], case)
        for other in engines[1:]:
            lines = differences(want, self.run(other, case))
            if lines:
                return Failure(case, (engines[0], other), lines)
        return None

    def check(self, seed: int, engines: tuple[Engine, ...], count: int = 7) -> Failure | None:
        """A shrunk failure if the case of `seed` has one."""
        found = self.disagree(make(seed, self.model, self.page_bits, count), engines)
        return found and self.shrink(found)

    def shrink(self, failure: Failure) -> Failure:
        """Delta debugging on the items, then without interrupts, with fewer loops and instructions."""
        pair = failure.engines

        def still(case: Case) -> Failure | None:
            return self.disagree(case, pair)

        best = failure
        best = _thin(best, still)
        for change in _simpler(best.case):
            smaller = still(change(best.case))
            best = smaller or best
        return _thin(best, still)


def _thin(best: Failure, still: Callable[[Case], Failure | None]) -> Failure:
    chunk = len(best.case.items)
    while chunk:
        at = 0
        while at < len(best.case.items):
            case = best.case.without(at, at + chunk)
            smaller = still(case) if len(case.items) < len(best.case.items) else None
            if smaller is not None:
                best = smaller
            else:
                at += chunk
        chunk //= 2
    return best


def _simpler(case: Case) -> list[Callable[[Case], Case]]:
    from dataclasses import replace

    return [
        lambda c: replace(c, interrupts=()),
        lambda c: replace(c, pages={}, layout="plain"),
        *(lambda c, n=n: replace(c, loops=n) for n in (3, 2, 1)),
        *(lambda c, n=n: replace(c, limit=n) for n in (30, 20, 15, 10, 7, 5)),
    ]
