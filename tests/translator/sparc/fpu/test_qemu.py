"""Single operations in the native interpreter: against QEMU, and against the concrete engine."""

from __future__ import annotations

import os
import random
import shutil

import pytest

from tests.translator.sparc.fpu.cases import (
    OPERATIONS,
    QEMU,
    Case,
    differences,
    engine,
    fair_to_qemu,
    not_qemu,
    qemu,
    random_case,
    random_cases,
)
from translator.engine import Native
from translator.sparc import SYSTEMS

MODEL = SYSTEMS["mb86904+mb86904"]
MANY = int(os.environ.get("TME_SEQUENCES", "100000"))
NONE = lambda c, x, y: None  # noqa: E731
needs_qemu = pytest.mark.skipif(shutil.which(QEMU) is None, reason="qemu-sparc is not installed")


def against_qemu(native: Native, seed: int, count: int) -> dict[str, int]:
    """Random operations in all rounding modes, FSR included; how often QEMU is known to be wrong."""
    cases = [c for c in random_cases(seed, count) if fair_to_qemu(c)]
    wrong, known = differences(cases, engine(MODEL, native)(cases), qemu(cases), not_qemu)
    assert not wrong, "\n".join(wrong[:20])
    return known


@needs_qemu
def test_qemu(fpu_interpreter: Native) -> None:
    against_qemu(fpu_interpreter, 1, 5000)


@needs_qemu
@pytest.mark.slow
def test_qemu_many(fpu_interpreter: Native) -> None:
    runs = MANY // 24000 or 1
    known = sum(len(against_qemu(fpu_interpreter, 2 + k, 24000)) for k in range(runs))
    assert known, "QEMU's known differences have gone: take them out of not_qemu"


@pytest.mark.parametrize("name", OPERATIONS)
def test_concrete(fpu_interpreter: Native, name: str) -> None:
    """The host's arithmetic against the exact one, each in the engine that has it."""
    rng = random.Random(name)
    cases: list[Case] = [random_case(rng, name, k % 8 and 0) for k in range(24)]
    wrong, _ = differences(cases, engine(MODEL, fpu_interpreter)(cases), engine(MODEL)(cases), NONE)
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.slow
def test_concrete_many(fpu_interpreter: Native) -> None:
    cases = random_cases(7, MANY // 25, rd=0) + random_cases(8, MANY // 50)
    wrong, _ = differences(cases, engine(MODEL, fpu_interpreter)(cases), engine(MODEL)(cases), NONE)
    assert not wrong, "\n".join(wrong[:20])
