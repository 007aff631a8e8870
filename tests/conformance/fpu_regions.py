"""The 68881 in regions and handlers, which use the host's x87, against the portable arithmetic."""

from __future__ import annotations

import platform
import random
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from tests.conformance.tally import Tally

OPERANDS = 1000  # of one program: a loop over them


def missing() -> str:
    return "" if platform.machine() == "x86_64" else "regions use the portable arithmetic here"


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(seed, operands), one program each"""
    cases = cases or OPERANDS
    return [(seed * 1_000_000 + b, min(OPERANDS, cases - b)) for b in range(0, cases, OPERANDS)]


@cache
def natives() -> tuple[Any, Any]:
    """Interpreters without and with the host's x87."""
    from tests.native import interpreter
    from tests.translator.m68k.fpu.test_regions import MODEL, without_x87
    from translator.m68k.user import PAGE_BITS
    from translator.memory import Mmu

    return without_x87(), interpreter(MODEL, Mmu(page_bits=PAGE_BITS))


def run(model: str, engine: str, seed: int, count: int) -> Tally:
    from tests.translator.m68k.fpu import test_regions as loops
    from translator.cache import Cache
    from translator.jit import Jit
    from translator.worker import Pool

    out = Tally()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "loop"
        path.write_bytes(loops.program(random.Random(seed), count))
        portable, native = natives()
        want, *_ = loops.run(path, portable, None)
        got, _, out.in_regions = loops.run(path, native, Jit(loops.FULL, native, Cache(None), Pool(0)))
    for n in range(count):
        a, b = (x[n * loops.RESULT :][: loops.RESULT] for x in (got, want))
        if a == b:
            out.agreed += 1
        else:
            out.fail(f"seed {seed}, operands {n}: regions | portable: {a.hex(' ', 4)} | {b.hex(' ', 4)}")
    return out
