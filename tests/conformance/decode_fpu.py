"""The 68881's instructions as objdump (GNU binutils) and we read them: name, registers, length."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

from tests.conformance.tally import Tally

OBJDUMP = "m68k-linux-gnu-objdump"
PITCH, PIECE = 32, 4000
NOP = b"\x4e\x71"  # behind the instruction words: as operands, and until the next case
AT = 0x1000
DATA, INDIRECT, POSTINCREMENT, PREDECREMENT = 0xF201, 0xF212, 0xF21A, 0xF222

# spellings of the same name
SYNONYMS = (
    (r"fmovecrx", "fmovecr"),
    (r"fmovem([lx]) ", r"fmove\1 "),
    (r"fmovem ", "fmovex "),
    (r"^(fb\w+)w ", r"\1 "),
)
EMPTY = "an empty list is FPIAR's, found on silicon"
TRAPS = "objdump prints FTRAPcc's operand but does not count it (PRM 5-139)"


def missing() -> str:
    return "" if shutil.which(OBJDUMP) else f"{OBJDUMP} (Debian: binutils-m68k-linux-gnu) is not installed"


def words() -> Iterator[tuple[int, int]]:
    """Instruction and command word, without reserved bits."""
    for register in range(0x2000):
        yield 0xF200, register
    for command in range(0x4000, 0x5C00):
        yield INDIRECT, command
        if command >> 10 & 7 in (0, 1, 4, 6):  # byte, word, long, single
            yield DATA, command
    for command in range(0x5C00, 0x6000):
        yield 0xF200, command
    for fmt in range(8):
        for n in range(8):
            factors = {3: range(128), 7: range(0, 128, 16)}.get(fmt, range(1))
            yield from ((INDIRECT, 0x6000 | fmt << 10 | n << 7 | k) for k in factors)
    for mask in range(1, 8):
        yield from ((INDIRECT, 0x8000 | mask << 10), (INDIRECT, 0xA000 | mask << 10))
    for mask in range(1, 256):
        yield from ((PREDECREMENT, 0xE000 | mask), (POSTINCREMENT, 0xD000 | mask), (INDIRECT, 0xF000 | mask))
    for empty in (0x8000, 0xA000):  # FPIAR, which objdump does not print
        yield from ((0xF200 | ea, empty) for ea in (1, 0x12, 0x1A, 0x22, 0x39))
    for condition in range(32):
        for ea in (1, 0x12, 0x08, 0x3A, 0x3B, 0x3C):
            yield from ((0xF240 | ea, condition), (0xF240 | ea, condition | 0x20))
        yield from ((0xF280 | condition, 0x10), (0xF2C0 | condition, 0))
    yield from ((0xF322, 0), (0xF312, 0), (0xF35A, 0), (0xF352, 0))


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(first case, step)"""
    everything = sum(1 for _ in words())
    step = 1 if cases is None else max(1, everything // cases)
    return [(first + seed % step, step) for first in range(0, everything, PIECE)]


def theirs(codes: list[bytes]) -> list[tuple[str, int]]:
    """Text and length of each."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(codes))
        file.flush()
        command = [OBJDUMP, "-D", "-z", "-b", "binary", "-m", "m68k:68020", "-w", file.name]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = {}
    for line in listing.splitlines():
        at, _, rest = line.partition(":\t")
        code, _, text = rest.partition("\t")
        if text:
            found[int(at, 16)] = text.replace("\t", " "), len(code.replace(" ", "")) // 2
    return [found.get(k * PITCH, ("", 0)) for k in range(len(codes))]


def ours(code: bytes) -> tuple[str, int]:
    from translator.m68k import SYSTEMS

    m = SYSTEMS["m68020+m68881"]
    return m.isa.disassemble(lambda at, n: int.from_bytes(code[at - AT : at - AT + n], "big"), AT, m.name)


def normal(text: str) -> tuple[str, list[str]]:
    """The name, and the floating-point and control registers in order of appearance."""
    name, _, operands = text.replace("%", "").partition(" ")
    name = name.replace(".", "") + " "
    for pattern, plain in SYNONYMS:
        name = re.sub(pattern, plain, name)
    operands = re.sub(r"fp(\d)-fp(\d)", lambda m: "/".join(f"fp{i}" for i in range(int(m[1]), int(m[2]) + 1)),
                      operands)  # fmt: skip
    return name, sorted(set(re.findall(r"fp[0-9a-z]+", operands)))


def run(model: str, engine: str, first: int, step: int) -> Tally:
    """Cases `first`, `first` + `step`, … of one piece."""
    out = Tally()
    every = list(words())[first : first - first % PIECE + PIECE : step]
    codes = [(w.to_bytes(2, "big") + x.to_bytes(2, "big") + NOP * PITCH)[:PITCH] for w, x in every]
    for code, (b, m) in zip(codes, theirs(codes), strict=True):
        a, n = ours(code)
        illegal = a.startswith("dc.w")
        if illegal == b.startswith(".short") and (illegal or (normal(a), n) == (normal(b), m)):
            out.agreed += 1
        elif normal(a) == normal(b) and a.startswith("ftrap"):
            out.explain(TRAPS)
        elif code[2] & 0xDC == 0x80 and normal(a) == (normal(b)[0], ["fpiar"]) and n == m:
            out.explain(EMPTY)
        else:
            out.fail(f"{code[:8].hex(' ', 2)}: {a} ({n} bytes) | {b} ({m} bytes)")
    return out
