"""Many floating-point cases in one ELF file, which writes their results: for QEMU and for our engines.

A case: FPCR, two numbers for FP0 and FP1, D0 and D1, 16 bytes of memory at (A2), and the words of an
instruction or two. Its result: FP0, FP1, FPSR, D0, D1 and the 16 bytes.
"""

from __future__ import annotations

import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ORIGIN = 0x100000
SIZE = 24 + 4 + 8 + 16  # of a result
QEMU = "qemu-m68k"
Number = tuple[int, int]


@dataclass
class Case:
    """What is in the registers, and what is done."""

    code: bytes
    fp0: Number = (0, 0)
    fp1: Number = (0, 0)
    fpcr: int = 0
    d0: int = 0
    d1: int = 0
    memory: bytes = bytes(16)
    about: Any = None

    def image(self) -> bytes:
        numbers = b"".join(struct.pack(">HHQ", se, 0, m) for se, m in (self.fp0, self.fp1))
        return numbers + struct.pack(">II", self.d0, self.d1) + self.memory.ljust(16, b"\0")


@dataclass
class Result:
    fp0: Number
    fp1: Number
    fpsr: int
    d0: int
    d1: int
    memory: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Result:
        a, _, m, b, _, n, fpsr, d0, d1 = struct.unpack(">HHQHHQIII", raw[:36])
        return cls((a, m), (b, n), fpsr, d0, d1, raw[36:52])


def words(*values: int) -> bytes:
    return b"".join(struct.pack(">H", v) for v in values)


def build(cases: list[Case], times: int = 1) -> bytes:
    """The program: data first, then code; each case is done so many times (up to 127)."""
    record = 48
    data, results = ORIGIN, ORIGIN + record * len(cases)
    code = struct.pack(">HIHI", 0x41F9, data, 0x43F9, results)  # lea data,a0; lea results,a1
    for c in cases:
        code += words(0x7E00 | times)  # moveq #times,d7
        again = len(code)
        code += struct.pack(">HHI", 0xF23C, 0x9000, c.fpcr)
        code += struct.pack(">HHI", 0xF23C, 0x8800, 0)
        code += words(0xF210, 0xD0C0, 0x2028, 24, 0x2228, 28)  # fmovem.x (a0),fp0-fp1; move.l 24(a0),d0 …
        code += words(0x45E8, 32)  # lea 32(a0),a2
        code += c.code
        code += words(0xF229, 0xA800, 24)  # fmove.l fpsr,24(a1)
        code += words(0xF211, 0xF0C0, 0x2340, 28, 0x2341, 32)  # fmovem.x fp0-fp1,(a1); move.l d0,28(a1) …
        for at in range(0, 16, 4):
            code += words(0x2368, 32 + at, 36 + at)  # move.l at(a2),at(a1)
        code += words(0x5387, 0x6600, again - len(code) - 4 & 0xFFFF)  # subq.l #1,d7; bne …
        code += words(0x41E8, record, 0x43E9, SIZE)  # lea 48(a0),a0; lea SIZE(a1),a1
    return elf(b"".join(c.image() for c in cases), results, SIZE * len(cases), code)


def elf(data: bytes, results: int, size: int, code: bytes) -> bytes:
    """A file with data at ORIGIN, then room for results, then code, which is to write them and end."""
    start = results + size
    start += -start & 0xFFF
    for n, v in enumerate((4, 1, results, size)):
        code += struct.pack(">HI", 0x203C | n << 9, v)
    code += bytes.fromhex("4e40 7001 7200 4e40")  # write, then exit(0)
    body = data.ljust(start - ORIGIN, b"\0") + code
    header = (
        b"\x7fELF\x01\x02\x01"
        + bytes(9)
        + struct.pack(">HHIIIIIHHHHHH", 2, 4, 1, start, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    )
    header += struct.pack(">IIIIIIII", 1, 0x1000, ORIGIN, ORIGIN, len(body), len(body), 7, 0x1000)
    return header.ljust(0x1000, b"\0") + body


def _split(output: bytes, cases: list[Case]) -> list[Result]:
    assert len(output) == SIZE * len(cases), (len(output), len(cases))
    return [Result.parse(output[k * SIZE : (k + 1) * SIZE]) for k in range(len(cases))]


def qemu(cases: list[Case], folder: Path) -> list[Result]:
    """The results under QEMU."""
    path = folder / "cases"
    path.write_bytes(build(cases))
    path.chmod(0o700)
    run = subprocess.run([QEMU, "-cpu", "m68020", str(path)], capture_output=True, timeout=120, check=True)
    return _split(run.stdout, cases)


def ours(
    cases: list[Case],
    folder: Path,
    native: Any = None,
    jit: Any = None,
    times: int = 1,
) -> list[Result]:
    """The results on one of our engines (default: concrete)."""
    from translator.m68k.user import UserProgram

    path = folder / "cases"
    path.write_bytes(build(cases, times))
    program = UserProgram(path, native, jit, model="m68020+m68881")
    while program.status is None:
        program.run(1000 if jit else 1_000_000)
        if jit:
            jit.poll()
    assert program.failure is None, program.failure
    return _split(program.output, cases)
