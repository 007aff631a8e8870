"""An ELF file for qemu-m68k that runs every program on every set of operands and writes all results.

A *task* is what memory and registers hold before a program and, as a result, what they hold behind it:

    data area | D0–D7, A0–A7 | CCR, 0 | address of the program (a result has none)

The harness copies a task to its place, loads the registers and jumps to the program, whose last instruction
jumps to `LEAVE`; there the result is appended to the others.
"""

from __future__ import annotations

import struct
import subprocess
import tempfile
from pathlib import Path

QEMU = "qemu-m68k"
DATA, DATA_SIZE = 0x4000, 1024  # low, so that absolute short addresses reach it
STAGE, VARIABLES, ENTER, LEAVE, CODE = 0x6000, 0x7000, 0x8000, 0x9000, 0x10000
REGISTERS = 68  # bytes of D0–A7, CCR
RESULT, TASK = DATA_SIZE + REGISTERS, DATA_SIZE + REGISTERS + 4
IN, OUT, LEFT = VARIABLES, VARIABLES + 4, VARIABLES + 8  # next task, next result, tasks left less one
TASKS = 0x800000
LIMIT = 32_000  # tasks of one file: LEFT is a word
LEAP = struct.pack(">HI", 0x4EF9, LEAVE)  # jmp LEAVE


def assemble(text: str) -> bytes:
    """Lines `hex | what it is`."""
    return b"".join(bytes.fromhex(line.split("|")[0]) for line in text.strip().splitlines())


def copy(longs: int) -> str:
    """(A0)+ to (A1)+"""
    return f"303c {longs - 1:04x} | move.w #,d0\n 22d8 | move.l (a0)+,(a1)+\n 51c8 fffc | dbf d0,*-2\n"


def harness(results: int, size: int) -> tuple[bytes, bytes]:
    """The code at ENTER and at LEAVE; no decision in it rests on flags, which QEMU is known to lose."""
    enter = assemble(
        f"""2079 {IN:08x} | movea.l IN,a0
        43f9 {DATA:08x} | lea DATA,a1
        {copy(DATA_SIZE // 4)}43f9 {STAGE:08x} | lea STAGE,a1
        {copy(REGISTERS // 4 + 1)}23c8 {IN:08x} | move.l a0,IN
        44f9 {STAGE + 64:08x} | move.w STAGE+64,ccr
        4cf9 ffff {STAGE:08x} | movem.l STAGE,d0-a7
        4ef0 01f1 {STAGE + REGISTERS:08x} | jmp ([STAGE+68])"""
    )
    leave = assemble(
        f"""48f9 ffff {STAGE:08x} | movem.l d0-a7,STAGE
        42f9 {STAGE + 64:08x} | move.w ccr,STAGE+64
        2279 {OUT:08x} | movea.l OUT,a1
        41f9 {DATA:08x} | lea DATA,a0
        {copy(DATA_SIZE // 4)}41f9 {STAGE:08x} | lea STAGE,a0
        {copy(REGISTERS // 4)}23c9 {OUT:08x} | move.l a1,OUT
        3039 {LEFT:08x} | move.w LEFT,d0
        51c8 0022 | dbf d0,more
        203c 00000004 | write(1, results, size)
        223c 00000001 |
        243c {results:08x} |
        263c {size:08x} |
        4e40 |
        7001 7200 4e40 | exit(0)
        33c0 {LEFT:08x} | more: move.w d0,LEFT
        4ef9 {ENTER:08x} | jmp ENTER"""
    )
    return enter, leave


def image(programs: list[tuple[int, bytes]], tasks: list[bytes]) -> bytes:
    """The ELF file: programs by address, and the tasks in the order in which they are done."""
    results = TASKS + TASK * len(tasks) + 0xFFF & ~0xFFF
    enter, leave = harness(results, RESULT * len(tasks))
    end = max(at + len(code) for at, code in programs)
    low = bytearray(end - DATA)
    variables = struct.pack(">IIH", TASKS, results, len(tasks) - 1)
    for at, part in ((VARIABLES, variables), (ENTER, enter), (LEAVE, leave), *programs):
        low[at - DATA : at - DATA + len(part)] = part
    body = b"".join(tasks)
    low_offset = 0x1000
    body_offset = low_offset + len(low) + 0xFFF & ~0xFFF
    header = (
        b"\x7fELF\x01\x02\x01"
        + bytes(9)
        + struct.pack(">HHIIIIIHHHHHH", 2, 4, 1, ENTER, 52, 0, 0, 52, 32, 2, 40, 0, 0)
    )
    size = results + RESULT * len(tasks) - TASKS
    header += struct.pack(">8I", 1, low_offset, DATA, DATA, len(low), len(low), 7, 0x1000)
    header += struct.pack(">8I", 1, body_offset, TASKS, TASKS, len(body), size, 6, 0x1000)
    return header.ljust(low_offset, b"\0") + bytes(low).ljust(body_offset - low_offset, b"\0") + body


def qemu(programs: list[tuple[int, bytes]], tasks: list[bytes]) -> list[bytes] | None:
    """The results, or None if QEMU did not get to the end."""
    out: list[bytes] = []
    for first in range(0, len(tasks), LIMIT):
        part = tasks[first : first + LIMIT]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "programs"
            path.write_bytes(image(programs, part))
            path.chmod(0o700)
            command = [QEMU, "-cpu", "m68020", str(path)]
            done = subprocess.run(command, capture_output=True, timeout=300, check=False)
        if done.returncode or len(done.stdout) != RESULT * len(part):
            return None
        out += [done.stdout[k : k + RESULT] for k in range(0, len(done.stdout), RESULT)]
    return out
