"""SunOS 4.1.1 without any Sun PROM: our firmware boots its tape, and its boot block from a disk.

Opt-in: TME_GUESTS names a folder with sunos411/{tpboot.sun3,SunOS411.sun3.QIC-24a.xdrtoc,munix_sun3,
munixfs_sun3,sun3_kvm.tar.Z}.
"""

from __future__ import annotations

import os
import re
import struct
import subprocess
from pathlib import Path

import pytest

import tme
from tests.firmware.cross import ROOT
from tests.firmware.test_scsi import BLOCK, BOARDS, CYLINDER, START, label

TAPE = ("tpboot.sun3", "SunOS411.sun3.QIC-24a.xdrtoc", "munix_sun3", "munixfs_sun3")
KVM = "sun3_kvm.tar.Z"
MEDIA = Path(os.environ.get("TME_GUESTS") or "/nowhere") / "sunos411"
MISSING = [name for name in (*TAPE, KVM) if not (MEDIA / name).exists()]
LOAD_TABLE, LOAD_SIZE, LOAD_SUM, LARGEST = 4, 0x104, 0x108, 16
"""In Sun's boot block: where the boot program is (24-bit block, 8-bit count), its size, sum of its longs."""

SERIAL_PORTS = """zs2 at vme0 addr 0xff200800 ipl 6: tme/machine/sun3/zs
zs3 at vme0 addr 0xff201000 ipl 6: tme/machine/sun3/zs"""
"""Of the sc board: SunOS knows it from an si by them."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("TME_GUESTS" not in os.environ, reason="set TME_GUESTS to a folder with guests"),
    pytest.mark.skipif(bool(MISSING), reason=f"TME_GUESTS lacks sunos411/{', '.join(MISSING)}"),
]


def from_kvm(name: str) -> bytes:
    """A file of the tape's kernel archive."""
    unpacked = subprocess.run(["gzip", "-dc", str(MEDIA / KVM)], capture_output=True, check=True).stdout
    done = subprocess.run(["tar", "xOf", "-", name], input=unpacked, capture_output=True, check=True)
    return done.stdout


def boot_disk() -> bytearray:
    """A labelled disk with SunOS's boot block and boot program on partition b, as by installboot."""
    image = bytearray((START + 4) * CYLINDER * BLOCK)
    image[:BLOCK] = label()
    first = from_kvm("mdec/bootsd")
    text, data = struct.unpack_from(">II", first, 4)
    block = bytearray(first[32 : 32 + text + data])
    program = from_kvm("stand/boot.sun3")
    program += bytes(-len(program) % BLOCK)
    at, left, table = 100, len(program) // BLOCK, LOAD_TABLE
    start = (START * CYLINDER + at) * BLOCK
    image[start : start + len(program)] = program
    while left:
        count = min(LARGEST, left)
        struct.pack_into(">I", block, table, at << 8 | count)
        at, left, table = at + count, left - count, table + 4
    longs = struct.unpack(f">{len(program) // 4}I", program)
    struct.pack_into(">II", block, LOAD_SIZE, len(program), sum(longs) & 0xFFFF_FFFF)
    start = (START * CYLINDER + 1) * BLOCK
    image[start : start + len(block)] = block
    return image


@pytest.fixture(params=["sc", "si"])
def sun(request: pytest.FixtureRequest, tmp_path: Path):
    text = (ROOT / "tme/machines/SUN3").read_text()
    if "fpu-type" not in text:
        text = re.sub(r"(?m)^(cpu0 .*)$", r"\1 fpu-type m68881 fpu-incomplete line-f", text)
    (tmp_path / "disk.img").write_bytes(boot_disk())
    tape = " ".join(f'"{MEDIA / name}"' for name in TAPE)
    text += f"""{BOARDS[request.param]}
{SERIAL_PORTS if request.param == "sc" else ""}
sd0 at scsibus0: tme/scsi/disk id 0 type acb4000
disk0 at sd0: tme/host/posix/disk file "{tmp_path}/disk.img"
st0 at scsibus0: tme/scsi/tape id 4 type emulex-mt02
tape0 at st0: tme/host/posix/tape
command tape0 load read-only {tape}
"""
    (tmp_path / "machine").write_text(text)
    with tme.Machine(tmp_path / "machine", engine="interp") as machine:
        machine.expect("\n>", 120)
        yield request.param, machine


def test_munix_from_tape(sun):
    board, machine = sun
    machine.send("b st()\r")
    text = machine.expect("Enter a 1 or 2: ", 300)
    for line in (
        "Boot: st(0,0,0)\nSize: 507912+123920+79144 bytes\n",
        "mem = 32768K (0x2000000)\n",
        f"{board}0 at vme24d16 0x200000 vec 0x40",
        f"st0 at {board}0 slave 32\n",
        f"sd0 at {board}0 slave 0\n",
        "root on rd0a fstype 4.2\n",
    ):
        assert line in text
    machine.send("2\r")
    machine.expect("\n# ")
    machine.send("expr 6 \\* 7\r")
    machine.expect("\n42\n# ")


def test_the_boot_block_calls_back(sun):
    _, machine = sun
    machine.send("b sd(0,0,1) -asw\r")
    machine.expect("Boot: sd(0,0,1) -asw\nroot filesystem type ( 4.2 nfs  ): ", 60)
