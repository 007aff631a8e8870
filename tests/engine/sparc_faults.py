"""The fault injector for SPARC: each fetch and each access of a program is refused once, the handler returns.

    run("interp", "mb86904", seed=1, cases=500) -> {"cases", "agreed", "explained", "unexplained": [text, …]}

As for the m68k (`faults.py`), a program is one memory instruction among others, plain or in delay slots, now
and then across a page's end; its data lie in RAM, in a device that logs its cycles, or page by page in both.
It runs undisturbed; then once for each access: the MMU refuses it, or the device does. The handler (1 or 9)
uses the device itself and goes back to what it finds in %l1 and %l2. Nothing may be lost, nothing done twice.

In the jit engine the program is a loop in a region, whose soft-TLB is emptied at random moments.
"""

from __future__ import annotations

import random
import struct
from collections import Counter
from typing import Any

from tests.engine.faults import Tally, _chosen
from tests.engine.sparc_fault_machine import CODE, DATA_SIZE, TRAP_END, Case, Machine, Outcome
from tests.insn.sparc import BASE, INDEX, MEMORY, NOP, Maker, bicc, load_constant, op3
from translator import translation
from translator.sparc import MODELS

LAYOUTS = ("ram", "device", "even", "odd")  # which pages of the data area are the device's
CONTEXTS = ("plain", "taken", "not taken", "annulling", "annulled", "couple", "call", "jmpl")
COUNTER = 4  # %g4: of a loop's turns
RESERVED = (COUNTER, INDEX, BASE)
ALTERNATE_SPACES = (0x0A, 0x0B, 0x20)
TRIES = 12
TWO_CYCLES = {0x03, 0x07, 0x0D, 0x0F}  # LDD, STD, LDSTUB, SWAP
FAMILIES = {f"{code:#04x}": code for code in (*MEMORY, *(code | 0x10 for code in MEMORY))}


class Body(Maker):
    """Instructions around the one in question: no windows, nothing that traps but by accident."""

    def target(self) -> int:
        n = self.rng.randrange(32)
        return n if n not in RESERVED else self.target()

    def quiet(self) -> int:
        word = self.simple()
        return word if (word >> 25 & 31) & ~1 != COUNTER else self.quiet()

    def memory(self, code: int) -> int:
        """The memory instruction `code`, somewhere in the data."""
        rng, size = self.rng, MEMORY[code & 15]
        rd = self.target()
        if size == 8:
            rd = rd & ~1 if rd & ~1 not in (COUNTER, BASE) else 8
        if code & 0x10:
            return op3(3, code, rd, BASE, INDEX) | rng.choice(ALTERNATE_SPACES) << 5
        if rng.random() < 0.3:
            return op3(3, code, rd, BASE, INDEX)
        return op3(3, code, rd, BASE, imm=rng.randrange(0, DATA_SIZE, size))


def around(m: Body, context: str, word: int, at: int) -> None:
    """`word` where `context` says; `at`: the program's address."""
    quiet = m.quiet
    if context == "plain":
        m.put(quiet(), word, quiet())
    elif context in ("taken", "not taken"):
        m.put(bicc(8 if context == "taken" else 0, 0, 3), word, quiet(), quiet())
    elif context in ("annulling", "annulled"):  # BE, BNE with the annul bit, behind a comparison
        m.put(op3(2, 0x14, 0, 0, 0), bicc(1 if context == "annulling" else 9, 1, 3), word, word, quiet())
    elif context == "couple":
        m.put(bicc(8, 0, 4), bicc(8, 0, 4), quiet(), quiet(), word, quiet())
    elif context == "call":
        m.put(1 << 30 | 3, word, quiet(), quiet())
    else:
        target = at + 4 * (len(m.out) + 5)
        m.put(*load_constant(1, target), op3(2, 0x38, m.target(), 1, imm=0), word, quiet(), quiet())


def make(family: str, layout: str, seed: int) -> Case:
    """A random program around one instruction, now and then across a page's end."""
    rng = random.Random(f"{family} {layout} {seed}")
    m = Body(rng)
    base = CODE + 0x100 - 4 * rng.choice((1, 2, 3, 4, 5, 6, 8, 0x20))
    code = FAMILIES[family]
    context = rng.choice(CONTEXTS)
    around(m, context, m.memory(code), base)
    if rng.random() < 0.5:
        around(m, rng.choice(CONTEXTS), m.quiet(), base)
    values = [rng.getrandbits(32) for _ in range(136)]
    supervisor = bool(code & 0x10)
    index = rng.randrange(0, DATA_SIZE, 8)
    data = rng.randbytes(DATA_SIZE)
    return Case(f"{family} {context}", seed, base, list(m.out), layout, supervisor, values, index, data)


def looped(case: Case) -> list[int]:
    """Its words as the body of a loop."""
    back = -1 - len(case.words)
    return [*case.words, op3(2, 0x14, COUNTER, COUNTER, imm=1), bicc(9, 0, back), NOP, TRAP_END]


def _explained(case: Case, want: Outcome, got: Outcome | None, faults: int) -> bool:
    """LDD, STD, LDSTUB and SWAP are two bus cycles (CY7C601 user's guide, bus operation): if the second one
    is refused, the device sees the first one again."""
    if got is None or {**got, "log": want["log"]} != want:
        return False
    if not any(w >> 30 == 3 and w >> 19 & 15 in TWO_CYCLES for w in case.words):
        return False
    left = iter(got["log"])
    more = Counter(got["log"]) - Counter(want["log"])
    return all(any(x == cycle for x in left) for cycle in want["log"]) and more.total() <= faults


def _one(machine: Machine, case: Case, rng: random.Random, tally: Tally) -> bool:
    """All faults of one case; False if it is of no use: it does not end, or traps by itself."""

    def judge(what: str, got: Outcome | None) -> None:
        n = machine.faults
        if not n and got == want:
            return
        tally.cases += n or 1
        tally.families.add(case.family)
        if got == want:
            tally.agreed += n
        elif _explained(case, want, got, n):
            tally.explained += n
        else:
            differ = "does not end" if got is None else ", ".join(k for k in want if want[k] != got[k])
            words = struct.pack(f">{len(case.words)}I", *case.words).hex(" ", 4)
            name = f"{case.family} seed {case.seed} {case.layout}"
            tally.unexplained.append(f"{name} {words}: {what}: {differ}")

    if machine.jit is not None:
        want = machine.loop(case, looped(case), None)
        if want is None or machine.faults:
            return False
        for _ in range(3):
            judge("in a loop", machine.loop(case, looped(case), rng))
        return True
    want = machine.straight(case)
    if want is None or machine.faults:
        return False
    accesses, cycles = int(machine.mmu.state.seen), machine.device.count
    for k in _chosen(accesses, rng):
        judge(f"access {k} of {accesses}", machine.straight(case, mmu=k))
    for k in _chosen(cycles, rng):
        judge(f"device cycle {k} of {cycles}", machine.straight(case, device=k))
    return True


def run(engine: str, model: str, seed: int, cases: int) -> dict[str, Any]:
    """Make `cases` accesses fail: the counts."""
    rng, tally = random.Random(seed), Tally()
    machine = Machine(engine, MODELS[model])
    before = translation.LEVEL, translation.CODEGEN
    translation.LEVEL = translation.CODEGEN = 0
    try:
        s = seed
        while tally.cases < cases:
            pairs = [(family, layout) for family in FAMILIES for layout in LAYOUTS]
            for family, layout in random.Random(s).sample(pairs, len(pairs)):
                if tally.cases >= cases:
                    break
                for attempt in range(TRIES):
                    if _one(machine, make(family, layout, s * TRIES + attempt), rng, tally):
                        break
            s += 1
    finally:
        translation.LEVEL, translation.CODEGEN = before
        machine.close()
    return {
        "cases": tally.cases, "agreed": tally.agreed, "explained": tally.explained,
        "unexplained": tally.unexplained, "families": len(tally.families),
        "in regions": int(machine.cpu.state.insns_jit),
    }  # fmt: skip
