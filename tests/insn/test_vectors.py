"""The 68000's instructions against vectors that another emulator's microcoded core made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.insn.sample import PER_FILE, TARGET
from tests.insn.vectors import cases, judge

FOLDER = Path(os.environ.get("TME_VECTORS", Path(__file__).parents[3] / "shared/vectors/m68000"))
FILES = sorted(FOLDER.glob("*.jsonl.gz"))


def report(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """(case, differences) of the first cases that disagree."""
    bad = ((case["name"], judge(case)[1]) for case in cases(path))
    return [(name, {k: tuple(map(hex, v)) for k, v in d.items()}) for name, d in bad if d][:5]


def test_sample() -> None:
    assert sum(1 for _ in cases(TARGET)) >= 100 * PER_FILE
    assert report(TARGET) == []


def test_runner_notices_a_difference() -> None:
    case = next(cases(TARGET))
    case["final"]["regs"][3] ^= 1
    assert list(judge(case)[1]) == ["d3"]


@pytest.mark.slow
@pytest.mark.skipif(not FILES, reason="no folder of vectors: set TME_VECTORS")
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name.split(".jsonl")[0])
def test_all(path: Path) -> None:
    assert report(path) == []
