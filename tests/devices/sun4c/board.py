"""A Sun-4/75 with a PROM assembled by the test: a machine in this process, without firmware."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tme.machine import Machine
from tme.mesh.session import Session
from tme.options import Options

AS, LD, OBJCOPY = (f"sparc64-linux-gnu-{tool}" for tool in ("as", "ld", "objcopy"))
PROM = 0xFFD0_0000
DESCRIPTION = """
board0: tme/machine/sun4 name Calvin
cpu0 at board0: tme/ic/cy7c601
sbus0: tme/generic/bus size 4GB slot-addr 0xf8000000 slot-size 32MB slot 0 slot 1 slot 2 slot 3
sbus0 controller at board0 sbus
ram0 at sbus0 addr 0x0: tme/host/posix/memory ram 1MB
ram1 at sbus0 addr 0x08000000: tme/host/posix/memory ram 64KB
rom0 at sbus0 addr 0xf6000000: tme/host/posix/memory rom "{rom}"
board0 timer at sbus0 addr 0xf3000000
board0 memerr at sbus0 addr 0xf4000000
board0 intreg at sbus0 addr 0xf5000000
board0 auxreg at sbus0 addr 0xf7400003
boot0 at sbus0 addr 0xf7f00000: tme/host/boot
{more}
"""

# Maps: RAM at 0 (PMEG 0, 128 KB), the PROM at its place (PMEG 1, 16 KB), devices (PMEG 2). The trap table is
# in RAM, at 0; unexpected traps exit with their type. `exit` leaves with status %o0. `on TYPE, LABEL` takes a
# trap. Handlers share globals with the program; its outs are their ins.
PROLOGUE = """
        .macro  on tt, label
        set     (\\tt) << 4, %o1
        set     \\label, %o2
        call    install
        nop
        .endm
        .equ    TIMER, 0xffd40000
        .equ    MEMERR, 0xffd41000
        .equ    INTREG, 0xffd42000
        .equ    AUX, 0xffd43003
        .equ    BOOT, 0xffd44000
        .equ    FREE, 0xffd50000        ! tests map what they want there
        .equ    SER, 0x60000000
        .text
start:  wr      %g0, 0xfc0, %psr
        wr      %g0, 2, %wim
        set     0x30000000, %g1
        stba    %g0, [%g1] 2
        stba    %g0, [%g0] 3
        set     0xc0000000, %g2
        set     0, %g3
        set     0x20000, %g5
1:      sta     %g2, [%g3] 4
        inc     %g2
        set     0x1000, %g4
        add     %g3, %g4, %g3
        cmp     %g3, %g5
        bne     1b
        nop
        set     0xffd00000, %g3
        mov     1, %g1
        stba    %g1, [%g3] 3
        set     0x84006000, %g2
        set     0xffd04000, %g5
1:      sta     %g2, [%g3] 4
        inc     %g2
        add     %g3, %g4, %g3
        cmp     %g3, %g5
        bne     1b
        nop
        set     0xffd40000, %g3
        mov     2, %g1
        stba    %g1, [%g3] 3
        .irp    frame, 0x3000, 0x4000, 0x5000, 0x7400, 0x7f00
        set     0xc4000000 + \\frame, %g2
        sta     %g2, [%g3] 4
        add     %g3, %g4, %g3
        .endr
        mov     0x80, %g1
        set     0x40000000, %g3
        set     2f, %g2
        jmp     %g2
        nop
2:      stba    %g1, [%g3] 2
        set     0x10000, %sp
        clr     %o1
        set     unexpected, %o2
3:      call    install
        nop
        cmp     %o1, 0x300
        bl      3b
        nop
        wr      %g0, 0, %tbr
        wr      %g0, 0xfe0, %psr
        b       main
        nop
install:                                ! the entry at %o1: sethi %hi(%o2), %l3; jmp %l3 + %lo(%o2); nop
        set     0x27000000, %o3
        srl     %o2, 10, %o4
        or      %o3, %o4, %o3
        st      %o3, [%o1]
        set     0x81c4e000, %o3
        and     %o2, 0x3ff, %o4
        or      %o3, %o4, %o3
        st      %o3, [%o1 + 4]
        set     0x01000000, %o3
        st      %o3, [%o1 + 8]
        retl
        add     %o1, 16, %o1
unexpected:
        rd      %tbr, %o0
        srl     %o0, 4, %o0
exit:   set     BOOT, %o1
        and     %o0, 0xff, %o0
        st      %o0, [%o1 + 8]
        mov     4, %o0
        st      %o0, [%o1 + 4]
1:      b       1b
        nop
main:
"""


def assemble(source: str, folder: Path, prologue: str = PROLOGUE) -> Path:
    """A PROM image, linked at PROM."""
    if shutil.which(AS) is None:
        pytest.skip(f"{AS} (binutils-sparc64-linux-gnu) is not installed")
    (folder / "rom.s").write_text(prologue + source + "\n")
    run = lambda *words: subprocess.run(words, check=True, cwd=folder)  # noqa: E731
    run(AS, "-32", "-Av8", "rom.s", "-o", "rom.o")
    run(LD, "-m", "elf32_sparc", f"-Ttext={PROM:#x}", "-e", f"{PROM:#x}", "rom.o", "-o", "rom.elf")
    run(OBJCOPY, "-O", "binary", "-j", ".text", "rom.elf", "rom.bin")
    return folder / "rom.bin"


class Board:
    """The machine, its exit status, and its RAM when it has ended."""

    def __init__(self, rom: Path, engine: str = "concrete", more: str = "", **options) -> None:
        options.setdefault("insns", 100_000)
        if engine == "jit":
            options.setdefault("jit_workers", 0)
        self.machine = Machine(Options(engine=engine, **options))
        self.logged: list[str] = []
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
        return self.machine.elements["board0"]

    @property
    def cpu(self):
        return self.machine.elements["cpu0"].cpu

    def word(self, address: int) -> int:
        return self.machine.elements["ram0"].memory.read(address, 4)

    def words(self, address: int, count: int) -> list[int]:
        return [self.word(address + 4 * i) for i in range(count)]

    def close(self) -> None:
        self.machine.close()
        self.session.graph.close()
