"""The cross compiler and the emulator that the firmware's tests need, and whether they are there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
COMPILER = "m68k-linux-gnu-gcc"
FLAGS = (
    "-m68020 -msoft-float -Os -std=gnu11 -ffreestanding -fno-tree-loop-distribute-patterns"
    " -fno-strict-aliasing -fno-pic -no-pie -nostdlib -static -Wl,-Ttext-segment=0x10000 -Wl,-z,noexecstack"
).split()


def need(program: str, package: str) -> str:
    """The path of a program; the test is skipped when it is not installed."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed (Debian: {package})")
    return path


def compiler() -> str:
    return need(COMPILER, "gcc-m68k-linux-gnu")


def installed_versions() -> list[str]:
    """First lines of compiler and linker, in the form that firmware/TOOLCHAIN keeps."""
    programs = (compiler(), need("m68k-linux-gnu-ld", "binutils-m68k-linux-gnu"))
    outputs = [subprocess.run([p, "--version"], capture_output=True, text=True, check=True) for p in programs]
    lines = [output.stdout.splitlines()[0] for output in outputs]
    lines[0] = Path(lines[0].split()[0]).name + lines[0][len(lines[0].split()[0]) :]
    return lines


def boot_program(folder: Path, source: Path) -> bytes:
    """A C file that includes bootprog.h, linked at 0x4000, as it lies on a medium."""
    (folder / "script").write_text(
        "SECTIONS { . = 0x4000; .all : { *(.text.start) *(.text* .rodata* .data* .bss*) } }"
    )
    flags = "-m68020 -msoft-float -Os -ffreestanding -fno-tree-loop-distribute-patterns -fno-pic -nostdlib"
    flags += f" -static -Wl,--build-id=none -Wl,-e,0x4000 -Wl,-T,{folder / 'script'}"
    elf, raw = folder / "boot.elf", folder / "boot.raw"
    command = [compiler(), *flags.split(), str(source), "-lgcc", "-o", str(elf)]
    subprocess.run(command, check=True)
    objcopy = need("m68k-linux-gnu-objcopy", "binutils-m68k-linux-gnu")
    subprocess.run([objcopy, "-O", "binary", "-j", ".all", str(elf), str(raw)], check=True)
    return raw.read_bytes()
