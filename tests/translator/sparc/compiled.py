"""Compiled programs on a SPARC with nothing but memory: those of the benchmarks, for V7 and V8, with an FPU.

The supervisor is that of the reference traces (tests/traces/sparc/boot.S): window traps, write, exit.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.traces.leon import RAM, Program
from translator.sparc import SYSTEMS

ROOT = Path(__file__).parents[2]
PROGRAMS, SUPERVISOR = ROOT / "bench/programs", ROOT / "traces/sparc"
CC, QEMU = "sparc64-linux-gnu-gcc", "qemu-sparc"
FLAGS = (
    "-m32 -O2 -nostdlib -static -ffreestanding -fno-stack-protector -fno-pic -no-pie -fno-builtin -w "
    "-fno-asynchronous-unwind-tables"
).split()
SYSTEM = {"v7": SYSTEMS["cy7c601+tms390-c602A"], "v8": SYSTEMS["mb86904+mb86904"]}
MEMORY = 16 << 20
ARGUMENTS = 0x1000  # as in boot.S
SLICE = 100_000


def natively(name: str, folder: Path) -> list[str]:
    """The command that runs a program on this host."""
    subprocess.run(
        ["gcc", "-O2", "-w", "-o", str(folder / name), str(PROGRAMS / f"{name}.c"), "-lm"], check=True
    )
    return [str(folder / name)]


def under_qemu(name: str, cpu: str, folder: Path) -> list[str]:
    """The command that runs it under QEMU's user mode."""
    made = folder / f"{name}.{cpu}.linux"
    sources = [str(PROGRAMS / f"{n}.c") for n in (name, "mini")]
    subprocess.run([CC, *FLAGS, f"-mcpu={cpu}", "-o", str(made), *sources, "-lgcc"], check=True)
    return [QEMU, str(made)]


def image(name: str, cpu: str, folder: Path) -> Path:
    """The program with its supervisor, an ELF file."""
    made = folder / f"{name}.{cpu}.elf"
    sources = [str(SUPERVISOR / "boot.S"), *(str(PROGRAMS / f"{n}.c") for n in (name, "mini"))]
    link = f"-Wl,-T,{SUPERVISOR / 'link.ld'},--build-id=none,-z,max-page-size=4096"
    words = [CC, *FLAGS, "-DFPU", "-Wa,-Av8", f"-mcpu={cpu}", link, "-o", str(made), *sources, "-lgcc"]
    subprocess.run(words, check=True, capture_output=True)
    return made


def machine(file: Path, cpu: str, arguments: Sequence[str], native: Any = None, jit: Any = None) -> Program:
    """A program on our machine, its arguments where it looks for them."""
    out = Program(file, native, jit, SYSTEM[cpu], MEMORY)
    at = stack_end(file) - ARGUMENTS
    texts = b"".join(a.encode() + b"\0" for a in ("program", *arguments))
    out.poke(at + 0x100, texts)
    pointers, where = [], at + 0x100
    for a in ("program", *arguments):
        pointers.append(where)
        where += len(a) + 1
    out.poke(at, struct.pack(f">{len(pointers) + 2}I", len(pointers), *pointers, 0))
    return out


def stack_end(file: Path) -> int:
    """Where the program's memory ends."""
    image_ = file.read_bytes()
    table = struct.unpack_from(">I", image_, 28)[0]
    va, _, _, size = struct.unpack_from(">4I", image_, table + 8)
    assert va == RAM
    return int(va + size)


def run(program: Program, limit: int) -> int:
    """To its end, or `limit` instructions; how many."""
    cpu = program.cpu
    while not cpu.halted and cpu.executed < limit:
        cpu.run(min(SLICE, limit - cpu.executed))
        if cpu.jit is not None:
            cpu.jit.poll()
    return int(cpu.executed)
