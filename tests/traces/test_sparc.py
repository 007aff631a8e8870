"""SPARC: every engine does what QEMU's LEON3 did, from the supervisor's first instruction to its last."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.native import interpreter
from tests.traces import leon
from tme.debug.replay import BUDGETS, Reference, check
from translator.cache import Cache
from translator.engine import Native
from translator.jit import Jit
from translator.memory import Mmu
from translator.worker import Pool

HERE = Path(__file__).parent / "sparc"
TRACES = {file.name.partition(".")[0]: file for file in HERE.glob("*.trace.gz")}
OUTPUT = {
    "bits": b"d7f50a9a\nd590ce46\n192a1a71\n",
    "queens": b"onnt\n",
    "sort": b"fae258c4\n",
}
"""As those for the m68k print it."""
SOME = ["queens", *(pytest.param(name, marks=pytest.mark.slow) for name in ("bits", "sort"))]
Start = Callable[..., Any]


def program(name: str) -> Path:
    return HERE / f"{name}.elf"


@pytest.fixture(scope="module")
def native(code_cache: Cache) -> Native:
    return interpreter(leon.MODEL, Mmu(), code_cache)


def compare(
    name: str, native: Any = None, jit: Any = None, budgets: tuple[int, ...] = BUDGETS
) -> leon.Program:
    made: list[leon.Program] = []

    def start(file: Path, reference: Reference, native: Any, jit: Any) -> leon.Program:
        made.append(leon.Program(file, native, jit))
        mine = made[0].cpu.registers()
        assert {n: mine[n] for n in reference.registers} == reference.registers
        return made[0]

    found = check(program(name), TRACES[name], native, jit, budgets, start)
    assert isinstance(found, int), found
    assert (made[0].status, made[0].output) == (0, OUTPUT[name])
    return made[0]


def test_there_are_traces() -> None:
    assert TRACES.keys() == OUTPUT.keys()
    assert sum(file.stat().st_size for file in [*TRACES.values(), *map(program, TRACES)]) < 150_000


@pytest.mark.parametrize("name", SOME)
def test_concrete(name: str) -> None:
    compare(name, budgets=(1,))


@pytest.mark.parametrize("budgets", [(1,), BUDGETS], ids=["steps", "slices"])
@pytest.mark.parametrize("name", OUTPUT)
def test_interpreter(name: str, budgets: tuple[int, ...], native: Native) -> None:
    compare(name, native, budgets=budgets)


@pytest.mark.slow
@pytest.mark.parametrize("name", OUTPUT)
def test_jit(name: str, native: Native) -> None:
    jit = Jit(leon.MODEL, native, Cache(None), Pool(0), 2)
    try:
        ran = compare(name, native, jit)
        assert ran.cpu.state.insns_jit > ran.cpu.executed / 4
    finally:
        jit.close()


@pytest.mark.skipif(shutil.which("sparc64-linux-gnu-gcc") is None, reason="needs gcc-sparc64-linux-gnu")
def test_the_binaries_are_those_of_the_sources(tmp_path: Path) -> None:
    folder = shutil.copytree(HERE.parent, tmp_path / "traces") / "sparc"
    compiler = ["sparc64-linux-gnu-gcc", "-dumpfullversion"]
    if not subprocess.run(compiler, capture_output=True, text=True, check=True).stdout.startswith("12.2."):
        pytest.skip("they were built with GCC 12.2")
    subprocess.run(["make", "clean", "all"], cwd=folder, check=True, capture_output=True)
    for name in OUTPUT:
        assert (folder / f"{name}.elf").read_bytes() == program(name).read_bytes()
