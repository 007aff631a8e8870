"""The Sun-4/75's firmware boots from SCSI disks, and serves the boot block."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

import tme
from tests.firmware.sun4c.cross import ENGINE, a_out, description, standalone

BLOCK, TRACKS, SECTORS, CYLINDERS = 512, 4, 32, 8
START = 2 * TRACKS * SECTORS
"""Where partition b begins."""


def label() -> bytes:
    """Sun's: partition a is the disk, b begins at cylinder 2, c is empty."""
    out = bytearray(BLOCK)
    struct.pack_into(">HH", out, 436, TRACKS, SECTORS)
    maps = [(0, CYLINDERS * TRACKS * SECTORS), (2, 6 * TRACKS * SECTORS), (0, 0)]
    for n, (cylinder, blocks) in enumerate(maps):
        struct.pack_into(">II", out, 444 + 8 * n, cylinder, blocks)
    struct.pack_into(">H", out, 508, 0xDABE)
    words = struct.unpack(">255H", out[:510])
    check = 0
    for word in words:
        check ^= word
    struct.pack_into(">H", out, 510, check)
    return bytes(out)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A labelled disk; the boot program is in a and in b."""
    folder = tmp_path_factory.mktemp("disk")
    program = a_out(standalone(folder, "bootblock", 0x4000), folder / "boot", 0x4000).read_bytes()
    image = bytearray(random.Random(4).randbytes(CYLINDERS * TRACKS * SECTORS * BLOCK))
    image[:BLOCK] = label()
    for start in (0, START):
        image[(start + 1) * BLOCK : (start + 1) * BLOCK + len(program)] = program
    return bytes(image)


def session(folder: Path, image: bytes, *commands: str, target: int = 3) -> str:
    (folder / "disk.img").write_bytes(image)
    here = "scsibus0 at ncr0: tme/scsi/bus\n"
    more = (
        f"{here}sd0 at scsibus0: tme/scsi/disk id {target} type tme-scsi-1\n"
        f'disk0 at sd0: tme/host/posix/disk file "{folder}/disk.img"\n'
    )
    with tme.Machine(description((here, more)), engine=ENGINE) as sun:
        said = sun.expect("\nok ")
        for command in commands:
            sun.send(f"{command}\r")
            said += sun.expect("\nok ")
    return said


def rotated(data: bytes) -> int:
    total = 0
    for byte in data:
        total = (total << 1 & 0xFFFF_FFFF | total >> 31) ^ byte
    return total


@pytest.mark.parametrize(("partition", "start"), [(":b", START), pytest.param("", 0, marks=pytest.mark.slow)])
def test_a_boot_block_reads_and_writes_its_partition(
    disk: bytes, tmp_path: Path, partition: str, start: int
) -> None:
    path = f"/sbus/esp@0,800000/sd@3,0{partition}"
    text = session(tmp_path, disk, f"boot {path} vmunix -s")
    at = (start + 20) * BLOCK
    some, few = rotated(disk[at + 100 : at + 1100]), rotated(disk[at + 1100 : at + 1103])
    assert (
        f"path {path} args [vmunix -s] open 1\n"
        f"blocks 39936 sum {rotated(disk[at : at + 39936]):x}\n"
        f"bytes 1000 sum {some:x} then 3 sum {few:x}\n"
        "write 1024 odd -1\n"
        "sd@5,0: no such disk\nabsent 0\nok "
    ) in text
    after = (tmp_path / "disk.img").read_bytes()
    expected = bytearray(disk)
    where = (start + 200) * BLOCK
    expected[where : where + 1024] = bytes(i * 7 & 0xFF for i in range(1024))
    assert after == bytes(expected)


@pytest.mark.slow
def test_what_cannot_be_booted(disk: bytes, tmp_path: Path) -> None:
    text = session(tmp_path, disk, "boot disk:c", "boot /sbus/esp/sd@1,0", "boot /sbus/esp", target=3)
    assert "sd@3,0: partition c is empty\nok " in text
    assert "sd@1,0: no such disk\nok " in text
    assert "/sbus/esp: there is no driver to boot from it" in text


@pytest.mark.slow
def test_a_disk_without_a_label_at_another_target(disk: bytes, tmp_path: Path) -> None:
    text = session(tmp_path, bytes(BLOCK) + disk[BLOCK:], "boot /sbus/esp/sd@0,0", target=0)
    assert "path /sbus/esp/sd@0,0 args [] open 1\n" in text
