"""The fault injector: one access fails, the handler returns, and the program must not have noticed.

    run("interp", "m68020", seed=1, cases=500) -> {"cases", "agreed", "explained", "unexplained": [text, …]}

A program is one random instruction of a family of the specification, with what sets up its operands, across
a page's end now and then.  Its data lie in RAM, in a device that logs its cycles, or page by page in both.
It runs once undisturbed; then again for each access: the MMU refuses the first, the second, … the last one,
or the device does.  The handler has device cycles of its own before it returns.  Registers, memory and the
device's log must end up as in the undisturbed run: nothing was lost, nothing was done twice.

In the jit engine the program is a loop that runs in a region; the soft-TLB is emptied and the next accesses
that miss are refused, at random places.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.engine.fault_cases import Case, make, programs, uses_own_stack
from tests.engine.fault_machine import ALL, Machine, Outcome
from translator import translation

TRIES = 12  # programs of a family until one ends by itself
MOST = 24  # accesses of one program that are made to fail


def _chosen(count: int, rng: random.Random) -> list[int]:
    """The first, second and last accesses, and as many between them as are wanted."""
    if count <= MOST:
        return list(range(1, count + 1))
    ends = [1, 2, 3, count - 2, count - 1, count]
    return sorted({*ends, *rng.sample(range(1, count + 1), MOST - len(ends))})


# What reads its operand and writes it in two stores.  If the first one goes to RAM, and a device that can be
# read refuses the second one, the restarted instruction reads what the first one has left.
SEVERAL_STORES = frozenset("bfchg bfclr bfset bfins cas2".split())


Cycle = tuple[str, int, int, int]


def _repeats(want: tuple[Cycle, ...], got: tuple[Cycle, ...]) -> bool:
    """The same cycles, and some of the reads twice."""
    left = iter(got)
    extra = Counter(got) - Counter(want)
    return all(any(x == cycle for x in left) for cycle in want) and all(x[0] == "read" for x in extra)


@dataclass
class Tally:
    """What `run` counts."""

    cases: int = 0
    agreed: int = 0
    explained: int = 0
    unexplained: list[str] = field(default_factory=list)
    families: set[str] = field(default_factory=set)

    def add(
        self,
        machine: Machine,
        case: Case,
        what: str,
        want: Outcome,
        got: Outcome | None,
    ) -> None:
        faults = machine.faults or 1
        self.cases += faults
        self.families.add(case.family)
        if got == want:
            self.agreed += faults
            return
        if self._explained(machine, case, want, got):
            self.explained += faults
            return
        differ = "does not end" if got is None else ", ".join(k for k in want if want[k] != got[k])
        self.unexplained.append(f"{case}: {what}: {differ}")

    @staticmethod
    def _explained(machine: Machine, case: Case, want: Outcome, got: Outcome | None) -> bool:
        if got is None:  # 68020 UM 6.1.2: a fault while an address error is stacked
            return case.goes_astray and machine.cpu.halted
        if machine.device.torn and case.family in SEVERAL_STORES:
            return True
        # More data than the frame has room for: what is behind it is read again.
        read = sum(size for what, _, size, _ in want["log"] if what == "read")
        return (
            read > machine.model.log_bytes
            and got == {**want, "log": got["log"]}
            and _repeats(want["log"], got["log"])
        )


def _one(machine: Machine, case: Case, rng: random.Random, tally: Tally) -> bool:
    """All faults of one case; False if it is of no use: it does not end, or has bus errors of its own."""
    if machine.engine == "jit":
        machine.cpu.state.fault_misaligned = 0
        want = machine.looped(case, None)
        if want is None or machine.faults:
            return False
        case.goes_astray = bool(machine.cpu.state.fault_misaligned)
        for _ in range(3):
            got = machine.looped(case, rng)
            if machine.faults or got != want:
                tally.add(machine, case, "in a loop", want, got)
        return True
    machine.cpu.state.fault_misaligned = 0
    want = machine.straight(case)
    if want is None or machine.faults:
        return False
    case.goes_astray = bool(machine.cpu.state.fault_misaligned)
    accesses, cycles = int(machine.mmu.state.seen), machine.device.count
    for k in _chosen(accesses, rng):
        got = machine.straight(case, mmu=k)
        if machine.faults or got != want:
            tally.add(machine, case, f"access {k} of {accesses}", want, got)
    for k in _chosen(cycles, rng):
        got = machine.straight(case, device=k)
        if machine.faults or got != want:
            tally.add(machine, case, f"device cycle {k} of {cycles}", want, got)
    return True


def run(engine: str, model: str, seed: int, cases: int | None = None) -> dict[str, Any]:
    """Make `cases` accesses fail, by default those of one round of all families: the counts.

    A 68000 cannot go on after a bus error: nothing to do.
    """
    m, rng, tally = ALL[model], random.Random(seed), Tally()
    if m.log_bytes == 0:
        return {"cases": 0, "agreed": 0, "explained": 0, "unexplained": [], "families": 0, "in regions": 0}
    machine = Machine(engine, m)
    before = translation.LEVEL, translation.CODEGEN
    translation.LEVEL = translation.CODEGEN = 0
    try:
        for family, layout, s in programs(m, seed):
            if (s > seed) if cases is None else tally.cases >= cases:
                break
            for attempt in range(TRIES):
                case = make(m, family, layout, s * TRIES + attempt)
                if not uses_own_stack(case, m) and _one(machine, case, rng, tally):
                    break
    finally:
        translation.LEVEL, translation.CODEGEN = before
        machine.close()
    return {
        "cases": tally.cases, "agreed": tally.agreed, "explained": tally.explained,
        "unexplained": tally.unexplained, "families": len(tally.families),
        "in regions": int(machine.cpu.state.insns_jit),
    }  # fmt: skip
