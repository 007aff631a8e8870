"""The 68881's arithmetic and conversions against the host's x87, in all rounding modes and precisions."""

from __future__ import annotations

import platform
import random
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from tests.conformance.tally import Tally

PIECE = 5000
NOT_THE_SAME = "denormals' exponents and the range of rounded results differ (PRM table 1-3, 6.1.5)"


def missing() -> str:
    here = shutil.which("gcc") is not None and platform.machine() == "x86_64"
    return "" if here else "needs gcc on x86-64"


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(seed, cases)"""
    cases = cases or PIECE
    return [(seed * 1_000_000 + b, min(PIECE, cases - b)) for b in range(0, cases, PIECE)]


@cache
def program() -> tuple[str, Any]:
    from tests.translator.m68k.fpu.test_arith import HERE

    folder = tempfile.TemporaryDirectory()
    path = str(Path(folder.name) / "x87")
    subprocess.run(["gcc", "-O1", "-o", path, str(HERE / "x87.c")], check=True)
    return path, folder


def run(model: str, engine: str, seed: int, count: int) -> Tally:
    from tests.translator.m68k.fpu.test_arith import compare, make

    r, out = random.Random(seed), Tally()
    cases = [make(r) for _ in range(count)]
    text = "\n".join(" ".join(f"{x:x}" for x in c) for c in cases)
    answers = subprocess.run([program()[0]], input=text, capture_output=True, text=True, check=True).stdout
    for case, line in zip(cases, answers.splitlines(), strict=True):
        se, m, flags = (int(x, 16) for x in line.split())
        verdict = compare(case, (se, m, flags))
        if verdict:
            out.agreed += 1
        elif verdict is None:
            out.explain(NOT_THE_SAME)
        else:
            out.fail(f"seed {seed}: {tuple(map(hex, case))}")
    return out
