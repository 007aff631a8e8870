"""The firmware boots from SCSI, on every board, and serves the boot program that calls it back."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.firmware.cross import ROOT, boot_program

BLOCK, CYLINDER, START = 512, 256, 3
"""START: the first cylinder of partition b."""
BOARDS = {
    "sc": """sc0 at vme0 addr 0xff200000 ipl 2: tme/bus/multibus/sun-sc vme
scsibus0 at sc0: tme/scsi/bus""",
    "si": """si0: tme/machine/sun3/si type vme
si0 csr at vme0 addr 0xff200000 ipl 2
ncr0 at si0: tme/ic/ncr5380
scsibus0 at ncr0: tme/scsi/bus""",
    "onboard": """si0: tme/machine/sun3/si type onboard
si0 csr at obio0 addr 0x140000 ipl 2
ncr0 at si0: tme/ic/ncr5380
scsibus0 at ncr0: tme/scsi/bus""",
}
DEVICES = """
sd0 at scsibus0: tme/scsi/disk id 0 type {disk}
disk0 at sd0: tme/host/posix/disk file "{folder}/disk.img"
st0 at scsibus0: tme/scsi/tape id 4 type emulex-mt02
tape0 at st0: tme/host/posix/tape
command tape0 load read-only "{folder}/boot" "{folder}/second"
"""


def checksum(data: bytes) -> int:
    total = 0
    for byte in data:
        total = total * 31 + byte & 0xFFFF_FFFF
    return total


def label() -> bytes:
    """A Sun label: 16 heads of 16 sectors, partition b from cylinder START."""
    block = bytearray(BLOCK)
    struct.pack_into(">6H", block, 430, 1, 20, 2, 16, 16, 0)
    struct.pack_into(">4I", block, 444, 0, 256, START, 1024)
    struct.pack_into(">H", block, 508, 0xDABE)
    words = struct.unpack(">255H", block[:510])
    check = 0
    for word in words:
        check ^= word
    struct.pack_into(">H", block, 510, check)
    return bytes(block)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tape of two files and a labelled disk; the boot program is on both."""
    folder = tmp_path_factory.mktemp("media")
    program = boot_program(folder, ROOT / "tests/firmware/bootblock.c")
    assert len(program) <= 15 * BLOCK
    (folder / "boot").write_bytes(program + bytes(-len(program) % BLOCK))
    (folder / "second").write_bytes(bytes(i * 13 & 0xFF for i in range(4 * BLOCK)))
    image = bytearray(i * i >> 3 & 0xFF for i in range(8 * CYLINDER * BLOCK))
    image[:BLOCK] = label()
    at = (START * CYLINDER + 1) * BLOCK
    image[at : at + len(program)] = program
    (folder / "disk.img").write_bytes(image)
    return folder


def session(folder: Path, board: str, disk: str, *typed: str, insns: int = 8_000_000) -> str:
    """The console of SUN3 with a SCSI board, without carriage returns."""
    text = (ROOT / "tme/machines/SUN3").read_text()
    if board:
        text += BOARDS[board] + DEVICES.format(folder=folder, disk=disk)
    (folder / "machine").write_text(text + "command mainbus0 power up\n")
    command = [sys.executable, "-m", "tme", "--clock", "icount", "--interp", "--insns", str(insns)]
    done = subprocess.run(
        [*command, str(folder / "machine")],
        input="".join(line + "\n" for line in typed).encode(),
        capture_output=True,
        timeout=120,
        cwd=ROOT,
    )
    return done.stdout.decode().replace("\r", "")


@pytest.mark.parametrize(
    ("board", "disk"),
    [
        pytest.param("sc", "acb4000", marks=pytest.mark.slow),
        ("si", "tme-scsi-1"),
        ("onboard", "acb4000"),
    ],
)
def test_boots_and_serves_the_boot_program(media: Path, board: str, disk: str) -> None:
    text = session(media, board, disk, "b st()", "b sd(0,0,1)unix -sw")
    tape, rest = re.search(r"Boot: st(.*?)>(.*)", text, re.S).groups()  # type: ignore[union-attr]
    second = (media / "second").read_bytes()
    assert "st 0 0 0 [st(0,0,0)] [-] []\nopen 0\n" in tape
    records = [second[: 3 * BLOCK], second[3 * BLOCK :], b""]
    for record in records:
        assert f"record {len(record)} sum {checksum(record):x}\n" in tape
    assert tape.count("record") == 3
    assert "Boot: sd(0,0,1)unix -sw\nsd 0 0 1 [sd(0,0,1)unix] [-sw] [unix]\n" in rest
    image = (media / "disk.img").read_bytes()
    first = START * CYLINDER
    part = image[(first + 20) * BLOCK :]
    assert f"open 0 first block {first:x}\n" in rest
    assert f"read {40 * BLOCK} sum {checksum(part[: 40 * BLOCK]):x}\n" in rest
    assert f"write {2 * BLOCK} again {2 * BLOCK} byte 0\n" in rest
    assert image[(first + 60) * BLOCK :][: 2 * BLOCK] == bytes(i * 7 & 0xFF for i in range(2 * BLOCK))
    assert f"large {200 * BLOCK} sum {checksum(part[: 200 * BLOCK]):x}\n" in rest
    for section in (tape, rest):
        assert "close 0\nDevice not found\nnobody -1\n" in section


def test_says_what_is_missing(media: Path) -> None:
    text = session(media, "", "", "b sd()", "b ?", insns=3_000_000)
    assert "Boot: sd(0,0,0)\nThere is no SCSI board sc0 or si0\n" in text
    assert "b st(c,u,p)FILE       a SCSI tape; p is the file on it\n" in text


def test_a_disk_without_a_label(media: Path, tmp_path: Path) -> None:
    program = (media / "boot").read_bytes()
    (tmp_path / "boot").write_bytes(program)
    (tmp_path / "second").write_bytes(b"")
    (tmp_path / "disk.img").write_bytes(bytes(BLOCK) + program + bytes(400 * BLOCK))
    text = session(tmp_path, "sc", "acb4000", "b sd()", insns=4_000_000)
    assert "No label found - attempting boot anyway.\nsd 0 0 0 [sd(0,0,0)]" in text
