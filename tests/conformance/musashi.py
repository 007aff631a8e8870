"""Random programs with exceptions, in both modes, against Musashi, instruction by instruction.

Regions are compared once a program, with the state that Musashi had behind its last instruction.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from tests.conformance.flat import BATCH, QUICK, Flat, Place, reader
from tests.conformance.tally import Tally
from tests.insn.generate import Program, generate
from tests.insn.known_musashi import FLAWS
from translator.isa import Model
from translator.m68k import MODELS

PIECE = 4000  # instructions of a block
ALONE = 5  # one program in so many is a single instruction of a family that Musashi has wrong
Subject = tuple[Program, int]  # and the status register before it


def missing() -> str:
    return "" if find_spec("machine68k") else "the Python package machine68k is not installed"


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(first seed, instructions)"""
    cases = cases or PIECE
    n = -(-cases // PIECE)
    return [(seed * 100_000_000 + b * 100_000, min(PIECE, cases - b * PIECE)) for b in range(n)]


class Mine:
    """A `Flat` that looks like `tests.insn.tiny.Tiny`, with 64 KB of memory."""

    def __init__(self, model: Model, engine: str, size: int) -> None:
        self.flat = Flat(model, engine)
        self.block = self.flat.map(0, size)
        self.state: Any = self.flat.state
        self.memory = self
        self.reason: Any = None

    def step(self) -> None:
        from tests.insn.musashi import Stray

        self.flat.run()
        if self.flat.nothing.met:
            raise Stray
        self.reason = self.flat.cpu.reason or None


def subject(model: Model, seed: int) -> Subject:
    """The program of a seed, and how it starts."""
    from tests.insn.musashi import BASE, DATA

    names = frozenset(i.name for i in model.decoder.insns)
    flawed = seed % ALONE == 0
    only = names & FLAWS.keys() if flawed else names - FLAWS.keys()
    count = 1 if flawed else 6
    p = generate(seed, model, count, base=BASE, data_base=DATA, traps=True, system=True, only=only)
    modes = (0x0000, 0x2700, 0x2000, 0x3000 if model.name == "m68020" else 0x2300)
    return p, modes[seed // ALONE % 4] | p.ccr


def run(model: str, engine: str, first: int, count: int) -> Tally:
    """At least `count` instructions, from programs of the seeds `first`, `first` + 1, …"""
    from tests.insn.musashi import SIZE, Pair

    m, out = MODELS[model], Tally()
    mine = None if engine == "concrete" else Mine(m, engine, SIZE)
    pair = Pair(m, mine)
    seed = first
    while out.cases < count:
        batch = [subject(m, seed + k) for k in range(min(BATCH, count // 10 + 1))]
        hosts = [0] * len(batch)
        if engine == "jit" and mine is not None:
            hosts = mine.flat.translate([place(*s) for s in batch], QUICK)
        for (p, sr), host in zip(batch, hosts, strict=True):
            if mine is not None:
                mine.flat.enter(0, 0, 0)
            n = compare(out, pair, p, sr)
            if n and host and mine is not None:
                in_region(out, pair, mine, p, sr, host, n)
        seed += len(batch)
    return out


def compare(out: Tally, pair: Any, p: Program, sr: int) -> int:
    """Step by step; how many instructions agreed."""
    n, step = pair.run(p, sr)
    out.agreed += n
    if step is None:
        return int(n)
    if step.reason:
        out.explain(f"{step.name}: {step.reason}")
    else:
        out.fail(f"seed {p.seed}, sr {sr:x}: {step}")
    return 0


def place(p: Program, sr: int) -> Place:
    return Place(p.base, sr >> 13 & 1, reader(p.base, bytes(p.code)), len(p.insns))


def in_region(out: Tally, pair: Any, mine: Mine, p: Program, sr: int, host: int, n: int) -> None:
    """The first `n` instructions again, with the region in place."""
    theirs, memory = pair.agreed
    if memory[p.base : p.end] != p.code:
        return  # the program has changed itself: the region would be dropped
    pair.load_ours(p, sr)
    mine.flat.enter(p.base, sr >> 13 & 1, host)
    out.in_regions += mine.flat.run(n)
    found = pair.differences(theirs, memory)
    if found:
        out.agreed -= n
        out.unexplained += n - 1
        out.fail(f"seed {p.seed}, sr {sr:x}, region, after {n} instructions: {found}")
