"""A Sun-3 board with a PROM assembled by the test: a machine in this process, without firmware."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tme.machine import Machine
from tme.mesh.session import Session
from tme.options import Options

DESCRIPTION = """
mainbus0: tme/machine/sun3 @machines/sun3-idprom.bin
cpu0 at mainbus0: tme/ic/m68020
obio0 at mainbus0 obio: tme/generic/bus size 16MB
obmem0 at mainbus0 obmem: tme/generic/bus size 4GB
vme0: tme/generic/bus size 4GB
mainbus0 vme at vme0 addr 0x0
ram0 at obmem0 addr 0x0: tme/host/posix/memory ram 1MB
rom0 at obmem0 addr 0x0fef0000: tme/host/posix/memory rom "{rom}"
mainbus0 memerr at obio0 addr 0x080000 ipl 7
mainbus0 intreg at obio0 addr 0x0a0000
clock0 at obio0 addr 0x060000: tme/machine/sun3/clock
boot0 at obio0 addr 0x1f0000: tme/host/boot
{more}
"""

# Maps: PROM at its place, RAM at 0 (PMEG 0, pages 0-7), three devices where Sun's PROMs have them. Unexpected
# exceptions go to `trap`, which exits with the vector number. `exit` leaves with status d0.
PROLOGUE = """
        .equ    RAM, 0xC0000000
        .equ    OBIO, 0xC4000000
        .org    0
        .long   0x10000, 0x0FEF0008
start:  moveq   #3,%d0
        movec   %d0,%sfc
        movec   %d0,%dfc
        moveq   #0,%d0
        lea     0x20000000,%a0
        movs.b  %d0,(%a0)                       | segment 0: PMEG 0
        lea     0x10000000,%a0
        move.l  #RAM,%d1
        moveq   #7,%d2
1:      movs.l  %d1,(%a0)
        adda.w  #0x2000,%a0
        addq.l  #1,%d1
        dbra    %d2,1b
        moveq   #1,%d0
        movs.b  %d0,0x2FEE0000                  | the PROM's segment: PMEG 1
        lea     0x1FEF0000,%a0
        move.l  #OBIO+0x80,%d1
        moveq   #7,%d2
1:      movs.l  %d1,(%a0)
        adda.w  #0x2000,%a0
        addq.l  #1,%d1
        dbra    %d2,1b
        moveq   #2,%d0
        movs.b  %d0,0x2FE00000                  | devices: PMEG 2
        move.l  #OBIO+0x30,%d1
        movs.l  %d1,0x1FE06000                  | clock
        move.l  #OBIO+0x50,%d1
        movs.l  %d1,0x1FE0A000                  | interrupt register
        move.l  #OBIO+0xF8,%d1
        movs.l  %d1,0x1FE1E000                  | host boot device
        lea     0,%a0
        move.w  #255,%d0
1:      move.l  #trap,(%a0)+
        dbra    %d0,1b
        moveq   #0,%d0
        movec   %d0,%vbr
        move.w  #0x80,%d0
        movs.b  %d0,0x40000000                  | leave the boot state
        lea     0x10000,%sp
        bra     main
trap:   moveq   #0,%d0
        move.w  6(%sp),%d0
        and.w   #0xFFF,%d0
        lsr.w   #2,%d0
        bra     exit
exit:   move.l  %d0,0x0FE1E008
        move.l  #4,0x0FE1E004
1:      stop    #0x2700
        bra     1b
main:
"""


def assemble(source: str, folder: Path, prologue: str = PROLOGUE) -> Path:
    """A PROM image of 64 KB at 0x0fef0000."""
    assembler = shutil.which("m68k-linux-gnu-as")
    if assembler is None:
        pytest.skip("m68k-linux-gnu-as (binutils-m68k-linux-gnu) is not installed")
    (folder / "rom.s").write_text(prologue + source + "\n        .org 0x10000\n")
    run = lambda *words: subprocess.run(words, check=True, cwd=folder)  # noqa: E731
    run(assembler, "-m68020", "--register-prefix-optional", "rom.s", "-o", "rom.o")
    run("m68k-linux-gnu-ld", "-Ttext=0x0fef0000", "-e", "0x0fef0008", "rom.o", "-o", "rom.elf")
    run("m68k-linux-gnu-objcopy", "-O", "binary", "-j", ".text", "rom.elf", "rom.bin")
    return folder / "rom.bin"


class Board:
    """The machine, its exit status, and its RAM when it has ended."""

    def __init__(self, rom: Path, engine: str, more: str = "", **options) -> None:
        options.setdefault("insns", 200_000)
        if engine == "jit":
            options.setdefault("jit_workers", 0)
        self.machine = Machine(Options(engine=engine, **options))
        self.session = Session(self.machine)
        self.session.run(DESCRIPTION.format(rom=rom, more=more), "TEST")
        assert not self.session.errors, "\n".join(map(str, self.session.errors))
        self.status: int | None = None

    def run(self) -> Board:
        self.machine.power(True)
        self.status = self.machine.run()
        return self

    @property
    def mainbus(self):
        return self.machine.elements["mainbus0"]

    @property
    def cpu(self):
        return self.machine.elements["cpu0"].cpu

    def long(self, address: int) -> int:
        return self.machine.elements["ram0"].memory.read(address, 4)

    def close(self) -> None:
        self.machine.close()
        self.session.graph.close()
