"""Every engine does what QEMU did: the reference traces of the programs in `programs/`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tme.debug.compare import Difference
from tme.debug.replay import check, engine, replay

HERE = Path(__file__).parent
TRACES = {file.name.partition(".")[0]: file for file in HERE.glob("*.trace.gz")}
ENGINES = ("concrete", "interp", "jit")


def program(name: str) -> Path:
    return HERE / "programs" / f"{name}.elf"


def test_there_are_traces() -> None:
    assert sorted(TRACES) == ["bits", "queens", "sort", "text"]
    assert sum(file.stat().st_size for file in [*TRACES.values(), *map(program, TRACES)]) < 200_000


@pytest.mark.parametrize("name", TRACES)
@pytest.mark.parametrize("which", ENGINES)
def test_instruction_by_instruction(which: str, name: str, tmp_path: Path) -> None:
    found = replay(program(name), TRACES[name], tmp_path / "trace.gz", *engine(which))
    assert not isinstance(found, Difference), found.text((str(TRACES[name]), which))
    assert found > 4000


@pytest.mark.parametrize("name", TRACES)
@pytest.mark.parametrize("which", ENGINES)
def test_freely(which: str, name: str) -> None:
    """In slices of many sizes, as the engine likes: with --jit this is the regions' test."""
    native, jit = engine(which)
    found = check(program(name), TRACES[name], native, jit)
    assert isinstance(found, int), found
    if jit is not None:
        assert jit.cpu.state.insns_jit > found / 3


@pytest.mark.skipif(shutil.which("m68k-linux-gnu-gcc") is None, reason="needs Debian's gcc-m68k-linux-gnu")
@pytest.mark.parametrize("name", TRACES)
def test_the_binaries_are_those_of_the_sources(name: str, tmp_path: Path) -> None:
    sources = shutil.copytree(HERE / "programs", tmp_path / "programs")
    (sources / f"{name}.elf").unlink()
    compiler = ["m68k-linux-gnu-gcc", "-dumpfullversion"]
    if not subprocess.run(compiler, capture_output=True, text=True, check=True).stdout.startswith("12.2."):
        pytest.skip("they were built with GCC 12.2")
    subprocess.run(["make", f"{name}.elf"], cwd=sources, check=True, capture_output=True)
    assert (sources / f"{name}.elf").read_bytes() == program(name).read_bytes()
