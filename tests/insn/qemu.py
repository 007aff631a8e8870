"""Random programs under qemu-m68k: many in one ELF file, which writes their final states.

Each program has a page of 4 KB: code, data at 0x800, final registers and CCR at 0xC00, initial registers at
0xD00, and at 0xE00 the code that loads them.  A program that does not end would take the others with it, so
only programs that our own engine brought to their end are given to QEMU.
"""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from tests.insn.generate import Program
from tests.insn.tiny import Tiny
from translator.isa import Model
from translator.m68k.model import pack_sr, unpack_sr

PAGE, DATA, RESULT, INITIAL, ENTRY = 0x1000, 0x800, 0xC00, 0xD00, 0xE00
ORIGIN = 0x100000
QEMU = "qemu-m68k"

Final = tuple[list[int], int, bytes]  # registers, CCR, data area


def ours(program: Program, model: Model, limit: int = 400) -> Final | None:
    """The final state on the concrete engine, or None if the program faults, traps or strays."""
    cpu = Tiny(model, holes=True)
    s, memory = cpu.state, cpu.memory.bytes
    unpack_sr(s, program.ccr)
    s.r[:] = program.regs
    s.pc = program.base
    memory.update((program.base + i, b) for i, b in enumerate(program.code))
    memory.update((program.data_base + i, b) for i, b in enumerate(program.data))
    starts = {at for at, _, _ in program.insns}
    for _ in range(limit):
        if s.pc == program.end:
            code = bytes(memory[program.base + i] for i in range(len(program.code)))
            data = bytes(memory[program.data_base + i] for i in range(len(program.data)))
            return (list(s.r), pack_sr(s) & 0x1F, data) if code == program.code else None
        if s.pc not in starts or cpu.reason is not None:
            return None
        cpu.step()
    return None


def theirs(programs: list[Program], cpu: str = "m68020") -> list[Final] | None:
    """The final states under QEMU, or None if QEMU did not get to the end."""
    image = bytearray(PAGE * (len(programs) + 1))
    for k, p in enumerate(programs):
        page = ORIGIN + k * PAGE
        assert (p.base, p.data_base) == (page, page + DATA)
        assert len(p.code) < DATA - 32
        regs = struct.pack(">16I", *p.regs)
        enter = struct.pack(">HHIHHHI", 0x4CF9, 0xFFFF, page + INITIAL, 0x44FC, p.ccr, 0x4EF9, p.base)
        leave = struct.pack(
            ">HHIHIHI",
            0x48F9,
            0xFFFF,
            page + RESULT,
            0x42F9,
            page + RESULT + 64,
            0x4EF9,
            page + PAGE + ENTRY,
        )
        for at, part in ((0, p.code + leave), (DATA, p.data), (INITIAL, regs), (ENTRY, enter)):
            image[k * PAGE + at : k * PAGE + at + len(part)] = part
    write = (4, 1, ORIGIN, len(image) - PAGE)
    done = b"".join(struct.pack(">HI", 0x203C | n << 9, v) for n, v in enumerate(write))
    done += bytes.fromhex("4e40 7001 7200 4e40")  # write, then exit(0)
    image[-PAGE + ENTRY : -PAGE + ENTRY + len(done)] = done
    header = (
        b"\x7fELF\x01\x02\x01"
        + bytes(9)
        + struct.pack(">HHIIIIIHHHHHH", 2, 4, 1, ORIGIN + ENTRY, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    )
    header += struct.pack(">IIIIIIII", 1, PAGE, ORIGIN, ORIGIN, len(image), len(image), 7, PAGE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "programs"
        path.write_bytes(header.ljust(PAGE, b"\0") + image)
        path.chmod(0o700)
        run = subprocess.run([QEMU, "-cpu", cpu, str(path)], capture_output=True, timeout=120, check=False)
    if run.returncode or len(run.stdout) != len(image) - PAGE:
        return None
    out = []
    for k, p in enumerate(programs):
        page = run.stdout[k * PAGE : (k + 1) * PAGE]
        regs = list(struct.unpack(">16I", page[RESULT : RESULT + 64]))
        out.append((regs, page[RESULT + 65] & 0x1F, page[DATA : DATA + len(p.data)]))
    return out


def moved(make: Callable[[int], Program], number: int) -> Program:
    """`make(base)` for the page `number`."""
    return make(ORIGIN + number * PAGE)


def compare(
    programs: Iterable[Callable[[int], Program]], model: Model
) -> tuple[int, list[tuple[Program, Final, Final]]]:
    """Run programs, given as functions of their base address, on both: (how many ran, those that differ)."""
    ran: list[tuple[Program, Final]] = []
    for make in programs:
        p = moved(make, len(ran))
        mine = ours(p, model)
        if mine is not None:
            ran.append((p, mine))
    results = theirs([p for p, _ in ran])
    if results is None:
        raise RuntimeError("QEMU did not finish: one of the programs kills it")
    return len(ran), [(p, mine, its) for (p, mine), its in zip(ran, results, strict=True) if mine != its]


def first_difference(program: Program, model: Model) -> tuple[str, Final, Final] | None:
    """The first instruction (its words in hex) of a straight-line program after which the states differ."""
    for n in range(1, len(program.insns) + 1):
        at, length, name = program.insns[n - 1]
        cut = replace(
            program,
            base=ORIGIN,
            data_base=ORIGIN + DATA,
            insns=program.insns[:n],
            code=program.code[: at + length - program.base],
        )
        if program.base != ORIGIN:
            raise ValueError("first_difference wants a program at the origin")
        mine = ours(cut, model)
        if mine is None:
            continue
        its = theirs([cut])
        if its is None or its[0] != mine:
            start = at - program.base
            words = bytes(program.code[start : start + length]).hex(" ", 2)
            return f"{name}: {words}", mine, its[0] if its else mine
    return None
