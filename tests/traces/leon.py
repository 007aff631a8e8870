"""`python -m tests.traces.leon PROGRAM…`: traces of SPARC programs under QEMU's LEON3, window traps and all.

A program (sparc/boot.S) has the machine to itself: memory from RAM on, nothing else. QEMU steps behind its
debugger's interface; our concrete engine goes along, to see where an instruction stores. What is stored is
read from QEMU's memory, which is a file; all of it is compared often, so that nothing can be missed.
"""

from __future__ import annotations

import ctypes
import mmap
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.insn.sparc import load_constant, op3
from tests.insn.sparc_leon import command
from tme.debug.gdbremote import Remote
from tme.debug.listing import Listing
from tme.debug.tracefile import Step, TraceWriter, runs
from translator.cpu import Cpu
from translator.isa import Model
from translator.memory import Mmu
from translator.sparc import MODELS
from translator.sparc.regs import NAMES

RAM, RAM_SIZE = 0x40000000, 0x4000000
HALT, BOOT, STATUS = RAM + 0x1000, RAM + 0x1008, RAM + 0x2000
REGISTERS = [*NAMES, *("",) * 32, "y", "psr", "wim", "tbr", "pc", "npc"]
"""In the order of QEMU's packets, 4 bytes each."""
PROM = [
    *load_constant(1, BOOT),
    op3(2, 0x31, 0, 0, imm=0x80),
    op3(2, 0x38, 0, 1, imm=0),
    op3(2, 0x02, 14, 0, 0),
]
"""Window 0, no flags, %sp 0; to BOOT."""
CHECK_EVERY = 4096
LIMIT = 100_000
MODEL = MODELS["mb86904"]


class Program:
    """A program on our machine, ready to run; it ends in error mode at HALT."""

    failure: str | None = None

    def __init__(
        self, file: Path, native: Any = None, jit: Any = None, model: Model = MODEL, size: int = 1 << 20
    ) -> None:
        self.cpu = Cpu(model, Mmu(), native=native, jit=jit)
        self.ram = mmap.mmap(-1, size)
        self.cpu.map(RAM, size, ctypes.addressof(ctypes.c_char.from_buffer(self.ram)), True, self.ram)
        for at, data in segments(file.read_bytes()):
            self.poke(at, data)
        self.cpu.reset()
        s: Any = self.cpu.state
        s.pc, s.cc_z, s.wim, s.file[1] = BOOT, 1, 1, BOOT  # as QEMU and PROM leave them

    def poke(self, va: int, data: bytes) -> None:
        self.ram[va - RAM : va - RAM + len(data)] = data

    def peek(self, va: int, size: int) -> bytes:
        return self.ram[va - RAM : va - RAM + size]

    def run(self, limit: int) -> int:
        return self.cpu.run(limit)

    @property
    def status(self) -> int | None:
        """The exit status; None if the program has not come to HALT."""
        return int.from_bytes(self.peek(STATUS, 4), "big") if self.cpu.state.pc == HALT else None

    @property
    def output(self) -> bytes:
        return self.peek(STATUS + 8, int.from_bytes(self.peek(STATUS + 4, 4), "big"))


def segments(image: bytes) -> Iterator[tuple[int, bytes]]:
    """(address, bytes) of an ELF file's loadable segments."""
    if image[:7] != b"\x7fELF\x01\x02\x01":
        raise ValueError("not a big-endian 32-bit ELF file")
    table, count = struct.unpack_from(">I", image, 28)[0], struct.unpack_from(">H", image, 44)[0]
    for k in range(count):
        kind, offset, va, _, length, _, _ = struct.unpack_from(">7I", image, table + 32 * k)
        if kind == 1 and length:
            yield va, image[offset : offset + length]


@contextmanager
def under_qemu(program: Path) -> Iterator[tuple[Remote, mmap.mmap]]:
    """The machine stopped before its PROM, and its memory."""
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX) as connection:
        folder = Path(name)
        (folder / "prom").write_bytes(struct.pack(f">{len(PROM)}I", *PROM))
        with (folder / "ram").open("w+b") as file:
            file.truncate(RAM_SIZE)
            ram = mmap.mmap(file.fileno(), RAM_SIZE)
            for at, data in segments(program.read_bytes()):
                ram[at - RAM : at - RAM + len(data)] = data
            gdb = ["-gdb", f"unix:{folder / 'gdb'},server=on,wait=off", "-S"]
            run = subprocess.Popen([*command(folder, MODEL), *gdb], stdin=subprocess.DEVNULL)
            try:
                for _ in range(200):
                    if (folder / "gdb").exists():
                        break
                    time.sleep(0.02)
                connection.connect(str(folder / "gdb"))
                yield Remote(connection), ram
            finally:
                run.kill()
                run.wait()


def registers(remote: Remote) -> dict[str, int]:
    found = zip(REGISTERS, struct.unpack_from(f">{len(REGISTERS)}I", remote.registers()), strict=True)
    return {name: value for name, value in found if name}


def record(program: Path, file: Path) -> int:
    """Write the trace of a program; the number of its instructions."""
    ours = Program(program)
    listing, stored = Listing(ours.cpu), set[int]()
    ours.cpu.watch_writes(lambda va, size, value: stored.update(range(va, va + size)))
    out = TraceWriter(file, f"{program.name} on QEMU's leon3_generic")
    with under_qemu(program) as (remote, ram):
        for _ in PROM:
            remote.step()
        now = registers(remote)
        out.registers(now)
        for steps in range(LIMIT):
            pc = now["pc"]
            mine = {name: v for name, v in ours.cpu.registers().items() if name in now}
            if mine != now:
                raise SystemExit(f"{program.name}, step {steps}: ours {mine}, QEMU's {now}")
            if steps % CHECK_EVERY == 0 or pc == HALT:
                size = len(ours.ram)
                if ours.ram[:] != ram[:size]:
                    raise SystemExit(f"{program.name}, step {steps}: memory differs")
            if pc == HALT:
                out.close()
                return steps
            code, text = listing.at(pc)
            stored.clear()
            ours.run(1)
            remote.step()
            after = registers(remote)
            changes = {n: v for n, v in after.items() if v != now[n] and n != "pc"}
            out.step(Step(pc, code, text, changes, runs({a: ram[a - RAM] for a in stored})))
            now = after
    raise SystemExit(f"{program.name} has not ended after {LIMIT} instructions")


def main() -> int:
    for name in sys.argv[1:]:
        program = Path(name)
        file = program.with_suffix(".trace.gz")
        print(f"{file}: {record(program, file)} instructions, our reference engine did all of them likewise")
    return 0


if __name__ == "__main__":
    sys.exit(main())
