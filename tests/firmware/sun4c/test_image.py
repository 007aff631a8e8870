"""The sun4c image that is checked in: what is in it, and that the sources beside it give the same bytes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import firmware
from tests.firmware.sun4c.cross import FIRMWARE, tool

ROM_BASE = 0xFFE8_0000
BUILT = ("sun4c/sun4c.bin", "demos/demo-sparc.elf")

LATER = re.compile(
    r"\t(u?mul|s?mul|[us](mul|div)(cc)?|mov(r|[a-z]+),?.*%[ix]cc|flushw|return|cas|ldx|stx|srlx|sllx|membar|b[a-z,]*,p[nt])\s"
)
"""Instructions that a V7 does not have, in objdump's words."""


def word(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "big")


def test_reset_and_size() -> None:
    rom = firmware.image("sun4c").read_bytes()
    assert len(rom) == 0x20000
    assert word(rom, 0) >> 22 == 0b0000_0011_00  # sethi %hi(_start), %g1


@pytest.mark.parametrize(
    ("offset", "in_rom"),
    [
        (0x10, False),  # memory lists **
        (0x18, False),
        (0x1C, True),  # node operations *
        (0x50, True),  # getchar
        (0x68, True),  # printf
        (0x6C, True),  # abort
        (0x70, False),  # ticks *
        (0x78, False),  # sync **
        (0x80, False),  # boot arguments **
        (0x88, False),  # boot path **
        (0x94, True),  # standard output's descriptor *
        (0xAC, True),  # open
        (0x104, True),  # setctxt
    ],
)
def test_rom_vector(offset: int, in_rom: bool) -> None:
    rom = firmware.image("sun4c").read_bytes()
    assert word(rom, 0x1000) == 0x1001_0407
    pointer = word(rom, 0x1000 + offset)
    start, size = (ROM_BASE, 0x20000) if in_rom else (0xFFEC_0000, 0x10000)
    assert start <= pointer < start + size


def test_level_14_vector_does_not_depend_on_its_place() -> None:
    """Kernels copy it: RD %psr, SETHI, JMPL through a register, MOV."""
    rom = firmware.image("sun4c").read_bytes()
    shapes = [(word(rom, at) >> 30, word(rom, at) >> 19 & 0x3F) for at in range(0x1E0, 0x1F0, 4)]
    assert [op for op, _ in shapes] == [2, 0, 2, 2]
    assert [op3 for op, op3 in shapes if op == 2] == [0x29, 0x38, 0x02]


def later_instructions(file: Path) -> list[str]:
    done = subprocess.run([tool("objdump"), "-d", str(file)], capture_output=True, text=True, check=True)
    assert "\tsave" in done.stdout
    return [line for line in done.stdout.splitlines() if LATER.search(line)]


@pytest.mark.slow
def test_rebuild_gives_the_same_bytes_and_v7_instructions_alone(tmp_path: Path) -> None:
    commands = [(tool(name), "--version") for name in ("gcc", "ld")]
    said = [subprocess.run(command, capture_output=True, text=True, check=True) for command in commands]
    heads = [done.stdout.splitlines()[0] for done in said]
    heads[0] = Path(heads[0].split()[0]).name + heads[0][len(heads[0].split()[0]) :]
    recorded = (FIRMWARE / "sun4c/TOOLCHAIN").read_text().splitlines()
    if heads != recorded:
        pytest.skip(f"the image was built with {recorded}, here is {heads}")
    copy = tmp_path / "firmware"
    shutil.copytree(FIRMWARE, copy)
    for name in BUILT:
        (copy / name).unlink()
    command = ["make", "-C", str(copy), f"BUILD={tmp_path}/build", *BUILT]
    subprocess.run(command, check=True, capture_output=True)
    for name in BUILT:
        assert (copy / name).read_bytes() == (FIRMWARE / name).read_bytes(), name
    assert not later_instructions(tmp_path / "build/sun4c.elf")
    assert not later_instructions(copy / "demos/demo-sparc.elf")
