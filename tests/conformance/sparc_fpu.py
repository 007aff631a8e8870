"""SPARC's floating point, FSR included: single operations in all roundings against qemu-sparc.

In regions, which use the host's SSE: loops of all there is, against the interpreter; cases are programs.
"""

from __future__ import annotations

import shutil
from functools import cache
from typing import Any

from tests.conformance.tally import Tally
from tests.native import interpreter
from translator.cache import Cache
from translator.jit import Jit
from translator.memory import Mmu
from translator.sparc import SYSTEMS
from translator.worker import Pool

PIECE, PROGRAMS = 10_000, 10  # operations, programs of a block
FAR = 0x800000  # of a program's data from its code
AT_ONCE = 500  # programs in memory


def missing() -> str:
    return "" if shutil.which("qemu-sparc") else "qemu-sparc (Debian: qemu-user) is not installed"


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(seed, cases)"""
    cases = cases or PIECE
    piece = PIECE if cases > 500 else PROGRAMS
    return [(seed * 1_000_000 + b, min(piece, cases - b)) for b in range(0, cases, piece)]


@cache
def native(model: str) -> Any:
    return interpreter(SYSTEMS[model], Mmu())


def run(model: str, engine: str, seed: int, count: int) -> Tally:
    return loops(model, seed, count) if engine == "jit" else operations(model, engine, seed, count)


def operations(model: str, engine: str, seed: int, count: int) -> Tally:
    from tests.translator.sparc.fpu import cases as fpu

    out = Tally()
    ours = fpu.engine(SYSTEMS[model], None if engine == "concrete" else native(model))
    todo = [c for c in fpu.random_cases(seed, count) if fpu.fair_to_qemu(c)]
    wrong, known = fpu.differences(todo, ours(todo), fpu.qemu(todo), fpu.not_qemu)
    for text in wrong:
        out.fail(f"seed {seed}: {text}")
    for reason, n in known.items():
        out.explained += n
        out.reasons[reason] += n
    out.agreed = len(todo) - out.explained - out.unexplained
    return out


def loops(model: str, seed: int, count: int) -> Tally:
    from tests.translator.sparc.fpu import programs as fpu

    out, m = Tally(), SYSTEMS[model]
    if count > AT_ONCE:
        for first in range(0, count, AT_ONCE):
            out.add(loops(model, seed + first, min(AT_ONCE, count - first)))
        return out
    todo = fpu.programs(range(seed, seed + count), far=FAR, nearest=True)
    jit = Jit(m, native(model), Cache(None), Pool(0), 2)
    try:
        regions = fpu.Engine(m, native(model), jit, far=FAR)
        for p, mine, its in zip(
            todo, regions(todo), fpu.Engine(m, native(model), far=FAR)(todo), strict=True
        ):
            if mine == its:
                out.agreed += 1
            else:
                out.fail(fpu.difference(p, mine, its, m))
        out.in_regions = int(regions.cpu.state.insns_jit)
    finally:
        jit.close()
    return out
