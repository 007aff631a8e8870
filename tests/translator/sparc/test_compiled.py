"""The benchmarks' programs print the same natively, under qemu-sparc and in every engine, for V7 and V8."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.native import interpreter
from tests.translator.sparc import compiled
from tests.translator.sparc.compiled import SYSTEM
from translator.cache import Cache
from translator.engine import Native
from translator.jit import Jit
from translator.memory import Mmu
from translator.worker import Pool

pytestmark = pytest.mark.skipif(
    not (shutil.which(compiled.CC) and shutil.which(compiled.QEMU)),
    reason="gcc-sparc64-linux-gnu or qemu-sparc is not installed",
)
ARGUMENTS = {"dhry": "1000", "quick": "1", "sha256": "60", "sieve": "1", "matmul": "1", "nbody": "500"}
SHORT = {"dhry": "20", "nbody": "1"}  # what the concrete engine does as a whole
BEGINNING = 10_000  # instructions of the others in the concrete engine
EVERYTHING = 10**9
# Compiling regions takes long: half of the programs for each, or all if TME_SEQUENCES is set.
IN_REGIONS = {"v7": ("dhry", "matmul", "sha256"), "v8": ("nbody", "quick", "sieve")}
Natives = Callable[[str], Native]


def in_regions(name: str, cpu: str) -> bool:
    return "TME_SEQUENCES" in os.environ or name in IN_REGIONS[cpu]


@pytest.fixture(scope="module")
def natives(code_cache: Cache) -> Natives:
    made: dict[str, Native] = {}

    def get(cpu: str) -> Native:
        if cpu not in made:
            made[cpu] = interpreter(SYSTEM[cpu], Mmu(), code_cache)
        return made[cpu]

    return get


def wanted(name: str, cpu: str, argument: str, folder: Path) -> bytes:
    """What it prints natively and under QEMU."""
    outputs = {
        subprocess.run([*words, argument], capture_output=True, check=True).stdout
        for words in (compiled.natively(name, folder), compiled.under_qemu(name, cpu, folder))
    }
    assert len(outputs) == 1
    return outputs.pop()


@pytest.mark.slow
@pytest.mark.parametrize("cpu", SYSTEM)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_natively_interpreted_translated(name: str, cpu: str, natives: Natives, tmp_path: Path) -> None:
    want = wanted(name, cpu, ARGUMENTS[name], tmp_path)
    file, native = compiled.image(name, cpu, tmp_path), natives(cpu)
    jit = Jit(SYSTEM[cpu], native, Cache(None), Pool(0)) if in_regions(name, cpu) else None
    try:
        ends: list[Any] = []
        for engine in (None, jit) if jit else (None,):
            program = compiled.machine(file, cpu, [ARGUMENTS[name]], native, engine)
            compiled.run(program, EVERYTHING)
            assert (program.status, program.output) == (0, want)
            ends.append((program.cpu.executed, program.cpu.registers(), program.ram[:]))
        assert ends[0] == ends[-1]
        assert jit is None or program.cpu.state.insns_jit > program.cpu.executed / 2
    finally:
        if jit is not None:
            jit.close()


@pytest.mark.slow
@pytest.mark.parametrize("cpu", SYSTEM)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_concrete(name: str, cpu: str, natives: Natives, tmp_path: Path) -> None:
    """To the end, if that is not far; else its beginning, like the interpreter's."""
    argument, file = SHORT.get(name, ARGUMENTS[name]), compiled.image(name, cpu, tmp_path)
    limit = EVERYTHING if name in SHORT else BEGINNING
    mine, other = (compiled.machine(file, cpu, [argument], n) for n in (None, natives(cpu)))
    assert compiled.run(mine, limit) == compiled.run(other, limit)
    assert mine.cpu.registers() == other.cpu.registers()
    assert mine.ram[:] == other.ram[:]
    if name in SHORT:
        assert mine.output == wanted(name, cpu, argument, tmp_path)
