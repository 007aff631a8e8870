"""Random SPARC programs in both modes against QEMU's LEON3: traps, windows, interrupts, error mode.

Cases are programs.  The JIT's run three times, from the second on with regions.
"""

from __future__ import annotations

import shutil
from functools import cache
from typing import Any

from tests.conformance.flat import MODELS, QUICK
from tests.conformance.tally import Tally
from tests.insn import sparc_leon as leon
from tests.insn import sparc_system as system
from tests.insn.sparc_kernel import ORIGIN, PAGE
from tests.native import interpreter
from translator import translation
from translator.cache import Cache
from translator.jit import Jit
from translator.memory import Mmu
from translator.worker import Pool

PIECE = 2000  # programs of a block
LENGTH = 20
ERRORS = 30  # programs in error mode that QEMU is asked about, one by one
PASSES = 3


def missing() -> str:
    return "" if shutil.which(leon.QEMU) else "qemu-system-sparc (Debian: qemu-system-sparc) is not installed"


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(first seed, programs)"""
    cases = cases or PIECE
    n = -(-cases // PIECE)
    return [(seed * 100_000_000 + b * 100_000, min(PIECE, cases - b * PIECE)) for b in range(n)]


@cache
def native(model: str) -> Any:
    return interpreter(MODELS[model], Mmu())


def run(model: str, engine: str, seed: int, count: int) -> Tally:
    """About `count` programs, of the seeds from `seed` on."""
    out = Tally()
    machine = system.Machine(MODELS[model], None if engine == "concrete" else native(model))
    good, bad = system.acceptable(range(seed, seed + count), LENGTH, machine)
    programs = [p for p, _ in good]
    pages = [page for _, page in good]
    if engine == "jit":
        pages = in_regions(out, model, programs, pages)
    for p, mine, its in zip(programs, pages, leon.theirs(programs, machine.cpu.model), strict=True):
        if mine == its:
            out.agreed += 1
        else:
            out.fail(leon.difference(machine.cpu.model, p, mine, its))
    for p in bad[:ERRORS]:
        text = leon.error_difference(machine, p)
        if not text:
            out.agreed += 1
        elif text in (leon.GOES_ON, leon.REFUSES, leon.ENDS):
            out.explain(text)
        else:
            out.fail(text)
    return out


def in_regions(out: Tally, model: str, programs: list[system.Program], want: list[bytes]) -> list[bytes]:
    """Their pages by the JIT, of the first pass that is not as it should be, or of the last one."""
    before = translation.LEVEL, translation.CODEGEN
    translation.LEVEL, translation.CODEGEN = QUICK
    jit = Jit(MODELS[model], native(model), Cache(None), Pool(0), 1)
    try:
        machine = system.Machine(MODELS[model], native(model), jit)
        found = want
        for _ in range(PASSES):
            if not machine.run(ORIGIN, [system.page(p) for p in programs]):
                out.fail(f"seeds {programs[0].seed} to {programs[-1].seed}: no end in regions")
            found = [machine.page(ORIGIN + k * PAGE) for k in range(len(programs))]
            if found != want:
                break
        out.in_regions = int(machine.cpu.state.insns_jit)
        return found
    finally:
        translation.LEVEL, translation.CODEGEN = before
        jit.close()
