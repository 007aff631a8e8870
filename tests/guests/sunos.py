"""A Sun-3 with Sun's PROM and SunOS 4.1.1's installation tape, and dialogues with both.

TME_GUESTS names a folder with sun3-carrera-rev-3.0.bin and sunos411/{tpboot.sun3,munix_sun3,munixfs_sun3,
SunOS411.sun3.QIC-24a.xdrtoc}; without it the tests that use this are skipped.
"""

from __future__ import annotations

import os
import re
import struct
from functools import reduce
from operator import xor
from pathlib import Path

import pytest

import tme
from tme.tools import eeprom

TAPE = ("tpboot.sun3", "SunOS411.sun3.QIC-24a.xdrtoc", "munix_sun3", "munixfs_sun3")
PROM = "sun3-carrera-rev-3.0.bin"
GUESTS = Path(os.environ.get("TME_GUESTS") or "/nowhere")
MISSING = [name for name in (PROM, *(f"sunos411/{name}" for name in TAPE)) if not (GUESTS / name).exists()]

needed = [
    pytest.mark.slow,
    pytest.mark.skipif("TME_GUESTS" not in os.environ, reason="set TME_GUESTS to a folder with guests"),
    pytest.mark.skipif(bool(MISSING), reason=f"TME_GUESTS lacks {', '.join(MISSING)}"),
]

PROMPT = "munix> "
CYLINDERS, HEADS, SECTORS = 2048, 16, 16
DISK = CYLINDERS * HEADS * SECTORS * 512
"""Bytes of the disk, two alternate cylinders included."""

MACHINE = """
mainbus0: tme/machine/sun3 @machines/sun3-idprom.bin
cpu0 at mainbus0: tme/ic/m68020 fpu-type m68881 fpu-compliance unknown fpu-incomplete line-f
obio0 at mainbus0 obio: tme/generic/bus size 16MB
obmem0 at mainbus0 obmem: tme/generic/bus size 4GB
vme0: tme/generic/bus size 4GB
mainbus0 vme at vme0 addr 0x0
ram0 at obmem0 addr 0x0: tme/host/posix/memory ram {megabytes}MB
rom0 at obmem0 addr 0x0fef0000: tme/host/posix/memory rom "{prom}"
zs0 at obio0 addr 0x020000 ipl 6: tme/machine/sun3/zs
zs1 at obio0 addr 0x000000 ipl 6: tme/machine/sun3/zs
eeprom0 at obio0 addr 0x040000: tme/host/posix/memory persistent "{folder}/eeprom.bin"
clock0 at obio0 addr 0x060000: tme/machine/sun3/clock
mainbus0 memerr at obio0 addr 0x080000 ipl 7
mainbus0 intreg at obio0 addr 0x0a0000
console0 at zs0 channel A: tme/host/posix/serial device -
sink0 at zs1 channel A: tme/serial/sink
{board}
sd0 at scsibus0: tme/scsi/disk id 0 type acb4000
disk0 at sd0: tme/host/posix/disk file "{folder}/disk.img" size {disk}
st0 at scsibus0: tme/scsi/tape id 4 type emulex-mt02
tape0 at st0: tme/host/posix/tape
command tape0 load read-only {tape}
"""
BOARDS = {
    "sc": """sc0 at vme0 addr 0xff200000 ipl 2: tme/bus/multibus/sun-sc vme
scsibus0 at sc0: tme/scsi/bus
zs2 at vme0 addr 0xff200800 ipl 6: tme/machine/sun3/zs
zs3 at vme0 addr 0xff201000 ipl 6: tme/machine/sun3/zs""",
    "si": """si0: tme/machine/sun3/si type vme
si0 csr at vme0 addr 0xff200000 ipl 2
ncr0 at si0: tme/ic/ncr5380
scsibus0 at ncr0: tme/scsi/bus""",
}
SETTINGS = """installed-#megs {megabytes}
selftest-#megs 0
console-device ttya
boot-device? true
boot-device sd(0,0,0)
"""


def description(folder: Path, board: str, megabytes: int = 32) -> str:
    """The machine as text; its disk and EEPROM are in `folder`, and are made if they are not there."""
    if not (folder / "eeprom.bin").exists():
        (folder / "eeprom.txt").write_text(SETTINGS.format(megabytes=megabytes))
        assert not eeprom.main(["make", str(folder / "eeprom.txt"), "-o", str(folder / "eeprom.bin")])
    tape = " ".join(f'"{GUESTS / "sunos411" / name}"' for name in TAPE)
    return MACHINE.format(
        prom=GUESTS / PROM, folder=folder, board=BOARDS[board], tape=tape, disk=DISK, megabytes=megabytes
    )


class Sun(tme.Machine):
    """The machine; everything else is said at its console."""

    def prompt(self) -> str:
        """The PROM's tests, and its attempt to boot a disk without a label; returns what it said."""
        return self.expect("\n>", 300)

    def menu(self) -> str:
        """MUNIX from tape, up to its question."""
        self.send("b st()\r")
        return self.expect("Enter a 1 or 2: ", 300)

    def shell(self) -> None:
        """From power-up to the single-user shell of MUNIX."""
        self.prompt()
        self.menu()
        self.leave_menu()

    def leave_menu(self) -> None:
        """Choose the shell, and give it a prompt that no file contains."""
        self.send("2\r")
        self.expect("\n# ")
        self.send(f"PS1='{PROMPT}'\r")
        self.expect("\n" + PROMPT)

    def sh(self, command: str) -> str:
        """A command's output."""
        self.send(command + "\r")
        text = self.expect("\n" + PROMPT, 120)
        return text.removeprefix(command + "\n").removesuffix(PROMPT)

    def answer(self, *dialogue: tuple[str, str]) -> str:
        """Pairs: a question (regular expression) and what to type."""
        said = ""
        for question, reply in dialogue:
            said += self.expect(re.compile(question), 120)
            self.send(reply + "\r")
        return said

    def label(self) -> str:
        """SunOS's format(8): describe and label a blank disk; returns what it said."""
        self.send("format\r")
        said = self.answer(
            (r"Specify disk \(enter its number\): ", "0"),
            (r"5\. other\n.*enter its number\): ", "5"),
            ("data cylinders: ", str(CYLINDERS - 2)),
            (r"alternate cylinders \[2\]: ", ""),
            (r"physical cylinders \[2048\]: ", ""),
            ("heads: ", str(HEADS)),
            ("sectors/track: ", str(SECTORS)),
            (r"rpm of drive \[3600\]: ", ""),
            (r"skew \[2\]: ", ""),
            (r"precomp cylinder \[2048\]: ", ""),
            ("disk type name .*: ", "tmesh"),
            ("format> ", "partition"),
        )
        for name, cylinder, blocks in PARTITIONS:
            said += self.answer(
                ("partition> ", name),
                (r"starting cyl \[\d+\]: ", str(cylinder)),
                ("# blocks .*: ", str(blocks)),
            )
        said += self.answer(
            ("partition> ", "label"),
            ("continue\\? ", "y"),
            ("partition> ", "quit"),
            ("format> ", "quit"),
        )
        return said + self.expect("\n" + PROMPT)


PARTITIONS = (("a", 0, 39936), ("b", 157, 40960), ("c", 0, 523776), ("g", 317, 442624))
"""Name, first cylinder, blocks."""


def label() -> bytes:
    """The label that `Sun.label` makes SunOS write, for disks that are to have one from the start."""
    block = bytearray(f"tmesh cyl {CYLINDERS - 2} alt 2 hd {HEADS} sec {SECTORS}".encode().ljust(512, b"\0"))
    struct.pack_into(">2H", block, 420, 3600, CYLINDERS)
    struct.pack_into(">5H", block, 430, 1, CYLINDERS - 2, 2, HEADS, SECTORS)
    for name, *place in PARTITIONS:
        struct.pack_into(">2I", block, 444 + 8 * (ord(name) - ord("a")), *place)
    struct.pack_into(">H", block, 508, 0xDABE)
    struct.pack_into(">H", block, 510, reduce(xor, struct.unpack(">255H", block[:510])))
    return bytes(block)
