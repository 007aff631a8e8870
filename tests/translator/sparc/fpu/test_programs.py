"""Random programs: all engines against each other, and the interpreter against QEMU."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Sequence
from typing import Any

import pytest

from tests.insn.sparc import theirs
from tests.translator.sparc.fpu.cases import QEMU
from tests.translator.sparc.fpu.programs import Engine, difference, is_valid, programs, without_version
from translator.cache import Cache
from translator.engine import Native
from translator.jit import Jit
from translator.sparc import SYSTEMS
from translator.worker import Pool

MODEL = SYSTEMS["mb86904+mb86904"]
FAR = 0x800000  # stores to pages of code leave regions
MANY = int(os.environ.get("TME_SEQUENCES", "100000"))


def against_concrete(native: Native, seeds: Sequence[int]) -> None:
    todo = programs(seeds)
    for p, mine, its in zip(todo, Engine(MODEL, native)(todo), Engine(MODEL)(todo), strict=True):
        assert mine == its, difference(p, mine, its, MODEL)


def against_qemu(native: Native, seeds: Sequence[int]) -> int:
    """Programs without NaNs; how many."""
    todo = programs(seeds, tidy=True)
    mine, its = Engine(MODEL, native)(todo), map(without_version, theirs(todo))
    valid = 0
    for p, x, y in zip(todo, mine, its, strict=True):
        if is_valid(x):
            valid += 1
            assert x == y, difference(p, x, y, MODEL)
    return valid


def against_regions(native: Native, seeds: Sequence[int], **how: Any) -> int:
    """Instructions that regions did."""
    todo = programs(seeds, far=FAR, **how)
    jit = Jit(MODEL, native, Cache(None), Pool(0), 2)
    try:
        regions = Engine(MODEL, native, jit, far=FAR)
        for p, mine, its in zip(todo, regions(todo), Engine(MODEL, native, far=FAR)(todo), strict=True):
            assert mine == its, difference(p, mine, its, MODEL)
        return int(regions.cpu.state.insns_jit)
    finally:
        jit.close()


def registers(state: Any) -> dict[str, Any]:
    """All of them, FSR in its pieces."""
    values = {r.name: getattr(state, r.name) for r in MODEL.isa.regs}
    return {"pc": state.pc, **{k: list(v) if hasattr(v, "__len__") else v for k, v in values.items()}}


def in_step(native: Native, seeds: Sequence[int], slices: int, rounds: int = 3) -> int:
    """Regions beside the interpreter, stopped at any instruction: all registers and FSR; instructions that
    regions did. Programs are run again, from the start, with the regions that they have."""
    todo = programs(seeds, far=FAR, nearest=True)
    rng = random.Random(seeds[0])
    jit = Jit(MODEL, native, Cache(None), Pool(0), 2)
    try:
        one, other = Engine(MODEL, native, jit, far=FAR), Engine(MODEL, native, far=FAR)
        for _ in range(rounds):
            end = one.load(todo)
            other.load(todo)
            for _ in range(slices):
                count = rng.choice((1, 2, 5, 17, 60, 200))
                for engine in (one, other):
                    engine.cpu.run(count)
                jit.poll()
                assert registers(one.cpu.state) == registers(other.cpu.state)
                if other.cpu.state.pc - end in (0, 4):
                    break
        return int(one.cpu.state.insns_jit)
    finally:
        jit.close()


def test_concrete(fpu_interpreter: Native) -> None:
    against_concrete(fpu_interpreter, range(3))


@pytest.mark.skipif(shutil.which(QEMU) is None, reason="qemu-sparc is not installed")
def test_qemu(fpu_interpreter: Native) -> None:
    assert against_qemu(fpu_interpreter, range(100)) > 40


@pytest.mark.skipif(shutil.which(QEMU) is None, reason="qemu-sparc is not installed")
@pytest.mark.slow
def test_qemu_many(fpu_interpreter: Native) -> None:
    """Some 300 operations each."""
    assert against_qemu(fpu_interpreter, range(100, 100 + MANY // 100)) > MANY // 200


def test_regions(fpu_interpreter: Native) -> None:
    assert against_regions(fpu_interpreter, [3], nearest=True) > 50


def test_an_exit_reads_all_registers_before_it_keeps_one(fpu_interpreter: Native) -> None:
    """%f19 was made from %f6, which is overwritten behind it: an exit stored the new one first."""
    against_regions(fpu_interpreter, [90211000119], nearest=True)


@pytest.mark.slow
def test_regions_many(fpu_interpreter: Native) -> None:
    """With other roundings too, which are the interpreter's."""
    assert against_regions(fpu_interpreter, range(10, 28), nearest=True) > 500
    against_regions(fpu_interpreter, range(40, 43))


def test_regions_in_step(fpu_interpreter: Native) -> None:
    assert in_step(fpu_interpreter, [10], 30) > 200


@pytest.mark.slow
def test_regions_in_step_many(fpu_interpreter: Native) -> None:
    done = sum(in_step(fpu_interpreter, [seed], 150) for seed in range(200, 212))
    assert done > 800


@pytest.mark.slow
def test_concrete_many(fpu_interpreter: Native) -> None:
    against_concrete(fpu_interpreter, range(100, 130))
