"""Run an m68k program (static ELF, Linux system calls exit and write) on machine68k, that is Musashi: an
interpreter in C that shares nothing with ours.

    python tests/bench/musashi.py PROGRAM [ARGUMENTS]
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import machine68k

SIZE = 8192  # KB of memory
VECTORS, HANDLER, STACK = 0, 0x800, (SIZE << 10) - 64
TRAP_0 = 32  # its vector
RESET, RTE = 0x4E70, 0x4E73  # RESET: back to Python
CYCLES = 1_000_000  # at a time
EXIT, WRITE = 1, 4
D0 = machine68k.Register.D0


def load(image: bytes, memory: Any) -> int:
    """Copy the segments of an ELF file; its entry point."""
    (entry, table) = struct.unpack_from(">II", image, 24)
    size, count = struct.unpack_from(">HH", image, 42)
    for i in range(count):
        kind, offset, address, _, length, whole = struct.unpack_from(">6I", image, table + i * size)
        if kind == 1:
            memory.clear_block(address, whole, 0)
            memory.w_block(address, image[offset : offset + length])
    return int(entry)


def main(program: str, *arguments: str) -> int:
    """The program's exit status."""
    machine = machine68k.Machine(machine68k.CPUType.M68020, SIZE)
    cpu, memory, status = machine.cpu, machine.mem, []

    def system_call() -> None:
        number, first, second, third = (cpu.r_reg(machine68k.Register(i)) for i in range(4))
        if number == EXIT:
            status.append(first)
        elif number == WRITE:
            sys.stdout.buffer.write(bytes(memory.r_block(second, third)))
            cpu.w_reg(D0, third)
        else:
            raise SystemExit(f"system call {number}")

    cpu.set_reset_instr_callback(system_call)
    entry = load(Path(program).read_bytes(), memory)
    words = b"".join(word.encode() + b"\0" for word in (program, *arguments))
    memory.w_block(STACK - 0x1000, words)
    starts, at = [], STACK - 0x1000
    for word in (program, *arguments):
        starts.append(at)
        at += len(word) + 1
    memory.w_block(STACK - 0x2000, struct.pack(f">{len(starts) + 2}I", len(starts), *starts, 0))
    memory.w_block(VECTORS, struct.pack(">II", STACK - 0x2000, entry))
    memory.w32(TRAP_0 * 4, HANDLER)
    memory.w_block(HANDLER, struct.pack(">HH", RESET, RTE))
    cpu.pulse_reset()
    while not status:
        cpu.execute(CYCLES)
    return int(status[0])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
