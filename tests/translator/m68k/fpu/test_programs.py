"""A compiled floating-point program prints the same under QEMU and in every engine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.translator.m68k.fpu.programs import QEMU
from translator.cache import Cache
from translator.engine import Native
from translator.jit import Jit
from translator.m68k import SYSTEMS
from translator.m68k.user import PAGE_BITS, UserProgram
from translator.memory import Mmu
from translator.worker import Pool

GCC = "m68k-linux-gnu-gcc"
FLAGS = "-O2 -m68020 -m68881 -ffreestanding -fno-builtin -nostdlib -static".split()
MODEL = SYSTEMS["m68020+m68881"]

pytestmark = pytest.mark.skipif(
    shutil.which(GCC) is None or shutil.which(QEMU) is None, reason="needs gcc-m68k-linux-gnu and qemu-user"
)


def build(folder: Path, name: str) -> Path:
    out = folder / name
    source = Path(__file__).parent / f"{name}.c"
    subprocess.run([GCC, *FLAGS, "-o", str(out), str(source), "-lgcc"], check=True)
    return out


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("program"), "program")


def check(file: Path, native: Any = None, jit: Any = None) -> int:
    """How many instructions regions did."""
    its = subprocess.run([QEMU, str(file)], capture_output=True, check=True, timeout=60).stdout
    run = UserProgram(file, native, jit, model=MODEL.name)
    while run.status is None:
        run.run(10_000)
        if jit is not None:
            jit.poll()
    assert (run.failure, run.status) == (None, 0)
    assert run.output == its
    assert len(its) > 100
    return int(run.cpu.state.insns_jit)


def test_concrete(program: Path) -> None:
    check(program)


@pytest.mark.slow
def test_native(program: Path, tmp_path: Path) -> None:
    native = Native(MODEL, Mmu(page_bits=PAGE_BITS), Cache(None))
    loops = build(tmp_path, "loops")
    for file in (program, loops):
        check(file, native)
    check(program, native, Jit(MODEL, native, Cache(None), Pool(0)))
    assert check(loops, native, Jit(MODEL, native, Cache(None), Pool(0))) > 200_000  # of 900,000
