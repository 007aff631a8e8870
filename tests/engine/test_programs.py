"""Compiled programs print under every engine what they print under QEMU, at every level of optimisation."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.native import interpreter
from translator.cache import Cache
from translator.jit import Jit
from translator.m68k import M68020
from translator.m68k.user import PAGE_BITS, UserProgram
from translator.memory import Mmu
from translator.worker import Pool

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "tests" / "traces" / "programs"
BENCH = ROOT.parent / "shared" / "bench"
FLAGS = (
    "-std=gnu11 -msoft-float -ffreestanding -fno-builtin -fno-pic -fno-stack-protector -w"
    " -static -nostdlib -no-pie -Wl,-Ttext-segment=0x10000 -Wl,-z,max-page-size=8192"
).split()
LEVELS = ["-O1 -m68020"] + [
    pytest.param(flags, marks=pytest.mark.slow)
    for flags in ("-O0 -m68000", "-O2 -m68010", "-O3 -m68020", "-Os -m68020")
]
ARGUMENTS = {"dhry": 3000, "matmul": 1, "nbody": 20, "quick": 1, "sha256": 60, "sieve": 1}
STACK = 0x4070_0000

for tool, package in (("m68k-linux-gnu-gcc", "gcc-m68k-linux-gnu"), ("qemu-m68k", "qemu-user")):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed (Debian: {package})", allow_module_level=True)


@pytest.fixture(scope="module")
def native(code_cache: Cache) -> Any:
    return interpreter(M68020, Mmu(page_bits=PAGE_BITS), code_cache, workers=2)


def build(out: Path, flags: str, *sources: Path) -> Path:
    file = out / f"{sources[0].stem}.elf"
    command = ["m68k-linux-gnu-gcc", *FLAGS, *flags.split(), f"-I{sources[0].parent}", "-o", str(file)]
    subprocess.run([*command, *map(str, sources), "-lgcc"], check=True)
    return file


def ours(
    file: Path, engine: str, native: Any, argument: int | None = None, hot: int = 4,
) -> tuple[bytes, int | None]:
    """Output and status on a flat memory."""
    jit = Jit(M68020, native, Cache(None), Pool(0), hot) if engine == "jit" else None
    user = UserProgram(file, None if engine == "concrete" else native, jit)
    if argument is not None:
        text = str(argument).encode() + b"\0"
        vector = (2).to_bytes(4, "big") + (STACK + 64).to_bytes(4, "big") * 2 + bytes(12)
        vector = vector[:8] + (STACK + 80).to_bytes(4, "big") + vector[12:]
        user._memory(STACK - 0x10000, 0x20000)
        user.poke(STACK, vector)
        user.poke(STACK + 80, text)
        user.set("a7", STACK)
    slice_ = 300
    while user.status is None:
        user.run(slice_ if jit else 1_000_000)
        slice_ = min(slice_ * 5 // 4, 50_000)
        if jit is not None:
            jit.poll()
    assert user.failure is None, user.failure
    if jit is not None:
        assert jit.cpu.state.insns_jit > 0
    return user.output, user.status


def theirs(file: Path, argument: int | None = None) -> tuple[bytes, int]:
    words = [] if argument is None else [str(argument)]
    run = subprocess.run(["qemu-m68k", str(file), *words], capture_output=True, timeout=120, check=False)
    return run.stdout, run.returncode


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("source", sorted(SMALL.glob("*.c")), ids=lambda p: p.stem)
def test_small_programs(tmp_path: Path, native: Any, source: Path, level: str) -> None:
    file = build(tmp_path, level, source)
    want = theirs(file)
    assert want[0]
    for engine in ("interp", "jit"):
        assert ours(file, engine, native) == want, engine


@pytest.mark.slow
@pytest.mark.skipif(not BENCH.is_dir(), reason="../shared/bench is not there")
@pytest.mark.parametrize("name", ARGUMENTS)
def test_bench_programs(tmp_path: Path, native: Any, name: str) -> None:
    file = build(tmp_path, "-O2 -m68020", BENCH / f"{name}.c", BENCH / "mini.c")
    want = theirs(file, ARGUMENTS[name])
    assert want[0]
    assert want[1] == 0
    for engine in ("interp", "jit"):
        assert ours(file, engine, native, ARGUMENTS[name], hot=400) == want, engine
