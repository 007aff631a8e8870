"""Random programs for QEMU, and many sets of operands for each of them."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from tests.conformance.guest import CODE, DATA, DATA_SIZE, LEAP
from tests.insn.generate import EDGES, POINTERS, Program, generate
from tests.insn.known import DECIMAL, FAMILIES, FATAL, IN_SEQUENCES, acceptable
from translator.m68k import M68020

SLOT = 512  # bytes of a program
ONES = sorted(FAMILIES - FATAL)  # families that are tried alone
BYTES = (0, 0xFF, 0x80, 0x7F, 0x99, 1)
POOL = 16 * 1024  # random bytes that data areas are cut from


@dataclass
class Subject:
    """A program: one instruction (and what prepares its addresses) or a sequence of them."""

    program: Program
    family: str  # "": a sequence

    @property
    def code(self) -> bytes:
        return bytes(self.program.code) + LEAP


def subject(seed: int, slot: int, ones: Sequence[str] = ONES) -> Subject | None:
    """The program of a seed; None where QEMU is known to be wrong in the middle of it."""
    r = random.Random(seed)
    base = CODE + slot * SLOT
    family = "" if seed % 4 == 0 else r.choice(ones)
    only = frozenset({family}) if family else IN_SEQUENCES
    p = generate(seed, M68020, 1 if family else 6, base, DATA, DATA_SIZE, traps=True, only=only)
    if len(p.code) + len(LEAP) > SLOT or not (family or acceptable(p)):
        return None
    return Subject(p, family)


def number(r: random.Random) -> int:
    return r.choice(EDGES) if r.random() < 0.6 else r.getrandbits(32)


class Operands:
    """Sets of registers, flags and memory."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        r = self.r
        self.pool = bytes(r.getrandbits(8) if r.random() < 0.4 else r.choice(BYTES) for _ in range(POOL))
        self.digits = bytes(r.randrange(10) << 4 | r.randrange(10) for _ in range(POOL))

    def task(self, s: Subject, k: int) -> bytes:
        """Set `k` of a program, as `guest` wants it; the first is the program's own."""
        p, r = s.program, self.r
        regs, ccr, data = list(p.regs), p.ccr, bytes(p.data)
        if k or valid_digits(s, k):
            pool = self.pool
            for i in range(8):
                regs[i] = number(r)
            if valid_digits(s, k):
                pool = self.digits
                for i in range(8):
                    regs[i] = int.from_bytes(r.choices(self.digits, k=4), "big")
            at = r.randrange(POOL - DATA_SIZE)
            data = data[: 4 * POINTERS] + pool[at : at + DATA_SIZE - 4 * POINTERS]
            ccr = r.getrandbits(5)
        return data + struct.pack(">16IHHI", *regs, ccr, 0, p.base)


def valid_digits(s: Subject, k: int) -> bool:
    """Whether set `k` of a decimal instruction has no digit above nine."""
    return s.family in DECIMAL and k % 2 == 0
