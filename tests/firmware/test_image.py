"""The images that are checked in: what is in them, and that the sources beside them give the same bytes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import firmware
from tests.firmware.cross import FIRMWARE, compiler, installed_versions, need

ROM_BASE = 0x0FEF0000
BUILT = ("sun3/sun3.bin", "demos/demo.elf")


def long(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "big")


def test_reset_vector_and_size() -> None:
    rom = firmware.image("sun3").read_bytes()
    assert len(rom) == 0x10000
    assert long(rom, 0) == ROM_BASE  # the stack is right below the ROM
    assert ROM_BASE < long(rom, 4) < ROM_BASE + len(rom)


@pytest.mark.parametrize(
    ("offset", "in_rom"),
    [
        (0x0C, False),  # boot parameters **
        (0x10, False),  # memory size *
        (0x14, True),  # getchar
        (0x18, True),  # putchar
        (0x1C, True),  # getchar without waiting
        (0x20, True),
        (0x4C, True),  # monitor's name
        (0x60, True),  # reboot
        (0x84, True),  # printf
        (0x94, True),  # NMI handler
        (0x9C, False),  # milliseconds *
        (0xB8, False),  # usable memory *
        (0xC4, True),  # to the monitor
        (0xCC, True),  # segment map entry of any context
    ],
)
def test_rom_vector(offset: int, in_rom: bool) -> None:
    pointer = long(firmware.image("sun3").read_bytes(), offset)
    start, end = (ROM_BASE, ROM_BASE + 0x10000) if in_rom else (0x0FFFE400, 0x0FFFFFC0)
    assert start <= pointer < end


def test_unknown_names_are_refused_with_what_there_is() -> None:
    with pytest.raises(FileNotFoundError, match="sun3"):
        firmware.image("vax")
    with pytest.raises(FileNotFoundError, match="demo"):
        firmware.demo("nothing")
    assert firmware.demo("demo") == firmware.demo("demo.elf")


def test_rebuild_gives_the_same_bytes(tmp_path: Path) -> None:
    compiler()
    make = need("make", "make")
    recorded = (FIRMWARE / "TOOLCHAIN").read_text().splitlines()
    if installed_versions() != recorded:
        pytest.skip(f"the images were built with {recorded}, here is {installed_versions()}")
    copy = tmp_path / "firmware"
    shutil.copytree(FIRMWARE, copy)
    for name in BUILT:
        (copy / name).unlink()
    subprocess.run([make, "-C", str(copy), f"BUILD={tmp_path}/build"], check=True, capture_output=True)
    for name in BUILT:
        assert (copy / name).read_bytes() == (FIRMWARE / name).read_bytes(), name
