"""The 68881's instructions with operands in registers and memory against qemu-m68k."""

from __future__ import annotations

import random
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from tests.conformance import guest
from tests.conformance.tally import Tally

PIECE = 2500
MODEL = "m68020+m68881"


def missing() -> str:
    return "" if shutil.which(guest.QEMU) else "qemu-m68k (Debian: qemu-user) is not installed"


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(seed, cases)"""
    cases = cases or PIECE
    return [(seed * 1_000_000 + b, min(PIECE, cases - b)) for b in range(0, cases, PIECE)]


@cache
def native() -> Any:
    from tests.native import interpreter
    from translator.m68k import SYSTEMS
    from translator.m68k.user import PAGE_BITS
    from translator.memory import Mmu

    return interpreter(SYSTEMS[MODEL], Mmu(page_bits=PAGE_BITS))


def run(model: str, engine: str, seed: int, count: int) -> Tally:
    from tests.translator.m68k.fpu.programs import ours, qemu
    from tests.translator.m68k.fpu.test_qemu import NOT_A_68881, make, reduce

    r, out = random.Random(seed), Tally()
    cases = [make(r) for _ in range(count)]
    code = None if engine == "concrete" else native()
    with tempfile.TemporaryDirectory() as folder:
        mine, its = ours(cases, Path(folder), code), qemu(cases, Path(folder))
    for case, a, b in zip(cases, mine, its, strict=True):
        if reduce(case, a) == reduce(case, b):
            out.agreed += 1
            continue
        reason = next((why for concerns, why in NOT_A_68881 if concerns(case, a)), "")
        if reason:
            out.explain(reason)
        else:
            out.fail(f"seed {seed}: {case}: ours | theirs: {a} | {b}")
    return out
