"""Random user-level SPARC programs against qemu-sparc; cases are the instructions made at random.

In regions: the interpreter does a program first; then it runs again, with its random part in a region.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

from tests.conformance.flat import BATCH, EARNEST, MODELS, QUICK, Flat, Place, reader
from tests.conformance.tally import Tally
from tests.insn import sparc
from tests.insn.sparc import ORIGIN, PAGE, SETUP, STEPS, Program

PIECE = 20_000  # instructions of a block
LENGTH = 14
SIZE = 0x1000000
EARNEST_EVERY = 16
Answer = tuple[Program, bytes]


def missing() -> str:
    return "" if shutil.which(sparc.QEMU) else "qemu-sparc (Debian: qemu-user) is not installed"


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(first seed, instructions)"""
    cases = cases or PIECE
    n = -(-cases // PIECE)
    return [(seed * 100_000_000 + b * 100_000, min(PIECE, cases - b * PIECE)) for b in range(n)]


class Ours:
    """A `tests.insn.sparc.Engine` on flat memory."""

    def __init__(self, model: str, engine: str) -> None:
        self.flat = Flat(MODELS[model], engine)
        self.ram = self.flat.map(0, SIZE)
        self.flat.cpu.watch_routines(lambda name: None)
        self.in_regions = 0

    def __call__(self, base: int, before: bytes, end: int, host: int = 0) -> bytes | None:
        flat, s = self.flat, self.flat.state
        left = list(s.file)
        self.ram[base : base + PAGE] = before
        self.ram[end : end + len(sparc.LOOP)] = sparc.LOOP
        flat.model.isa.reset(s, lambda at, size: 0)  # and no `Cpu.reset`, which empties the soft-TLB
        s.mode, s.et, s.pc, s.cwp = 0, 1, base, 0
        flat.enter(0, 0, 0)
        flat.run(SETUP)
        flat.enter(base + 4 * SETUP, 0, host)
        self.in_regions += flat.run(STEPS)
        if s.pc - end not in (0, 4):
            s.file[0 : len(left)] = left
            return None
        return self.ram[base : base + PAGE]

    def again(self, answers: list[Answer], first: int, level: tuple[int, int]) -> list[bytes | None]:
        """The same programs, whose first page is number `first`, in regions."""
        bases = [ORIGIN + PAGE * (first + k) for k in range(len(answers))]
        places = [
            Place(base + 4 * SETUP, 0, reader(base, sparc.page(p)[: 4 * len(p.words)]), p.body)
            for base, (p, _) in zip(bases, answers, strict=True)
        ]
        out, s = list[bytes | None](), self.flat.state
        for base, (p, _), host in zip(bases, answers, self.flat.translate(places, level), strict=True):
            left = list(s.file)
            self(base, sparc.page(p), base + PAGE)  # a rehearsal: its pages are in the soft-TLB now
            s.file[0 : len(left)] = left
            out.append(self(base, sparc.page(p), base + PAGE, host))
        return out


def batch(engine: sparc.Engine, seed: int, first: int, count: int) -> tuple[list[Answer], int]:
    """Up to BATCH programs that come to their end, of `count` instructions; and the next seed."""
    out: list[Answer] = []
    while len(out) < BATCH and sum(p.body for p, _ in out) < count:
        base = ORIGIN + PAGE * (first + len(out))
        p = sparc.make(seed, base, LENGTH, base + PAGE)
        seed += 1
        after = engine(base, sparc.page(p), base + PAGE)
        if after is not None:
            out.append((p, after))
    return out, seed


def run(model: str, engine: str, seed: int, count: int) -> Tally:
    """At least `count` instructions, from programs of the seeds `seed`, `seed` + 1, …"""
    out, answers, n = Tally(), list[Answer](), 0
    ours = None if engine == "concrete" else Ours(model, engine)
    do: Callable[..., bytes | None] = ours or sparc.concrete(MODELS[model])
    while n < count:
        left = list(ours.flat.state.file) if ours else []
        found, seed = batch(do, seed, len(answers), count - n)
        if engine == "jit" and ours:
            ours.flat.state.file[0 : len(left)] = left
            earnest = len(answers) // BATCH % EARNEST_EVERY == EARNEST_EVERY - 1
            again = ours.again(found, len(answers), EARNEST if earnest else QUICK)
            found = [(p, page or b"") for (p, _), page in zip(found, again, strict=True)]
        answers += found
        n += sum(p.body for p, _ in found)
    for (p, mine), its in zip(answers, sparc.theirs([p for p, _ in answers]), strict=True):
        if mine == its:
            out.agreed += p.body
        else:
            out.fail(sparc.difference(p, mine, its) if mine else f"seed {p.seed}: no end in regions")
    out.in_regions = ours.in_regions if ours else 0
    return out
