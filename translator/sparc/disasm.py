"""Disassembly in Sun's syntax, driven by the syntax texts of the declarations, with the usual synonyms.

Each `{token}` of a syntax text names a method of `_Line`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

from ..spec.insn import Decoder
from .decl import ISET
from .flags import CONDITIONS
from .fpu.branch import FP_BRANCHES
from .regs import NAMES
from .system import CP_BRANCHES

Fetch = Callable[[int, int], int]  # (address, bytes) -> the bytes as a number

_POINTERS = {14: "sp", 30: "fp"}
_TOKEN = re.compile(r"\{(\w+)\}")

# op3 low bit << 9 | opf -> mnemonic and which operands are printed (1: rs1, 2: rs2, d: rd)
FPOPS = {
    0x001: ("fmovs", "2d"), 0x005: ("fnegs", "2d"), 0x009: ("fabss", "2d"),
    0x029: ("fsqrts", "2d"), 0x02A: ("fsqrtd", "2d"), 0x02B: ("fsqrtq", "2d"),
    0x041: ("fadds", "12d"), 0x042: ("faddd", "12d"), 0x043: ("faddq", "12d"),
    0x045: ("fsubs", "12d"), 0x046: ("fsubd", "12d"), 0x047: ("fsubq", "12d"),
    0x049: ("fmuls", "12d"), 0x04A: ("fmuld", "12d"), 0x04B: ("fmulq", "12d"),
    0x04D: ("fdivs", "12d"), 0x04E: ("fdivd", "12d"), 0x04F: ("fdivq", "12d"),
    0x069: ("fsmuld", "12d"), 0x06E: ("fdmulq", "12d"),
    0x0C4: ("fitos", "2d"), 0x0C6: ("fdtos", "2d"), 0x0C7: ("fqtos", "2d"),
    0x0C8: ("fitod", "2d"), 0x0C9: ("fstod", "2d"), 0x0CB: ("fqtod", "2d"),
    0x0CC: ("fitoq", "2d"), 0x0CD: ("fstoq", "2d"), 0x0CE: ("fdtoq", "2d"),
    0x0D1: ("fstoi", "2d"), 0x0D2: ("fdtoi", "2d"), 0x0D3: ("fqtoi", "2d"),
    0x251: ("fcmps", "12"), 0x252: ("fcmpd", "12"), 0x253: ("fcmpq", "12"),
    0x255: ("fcmpes", "12"), 0x256: ("fcmped", "12"), 0x257: ("fcmpeq", "12"),
}  # fmt: skip

# What people write for some forms (V8 manual, table A-1): whole text, replacement.
SYNONYMS = [
    (r"sethi %hi\(0x0\), %g0", "nop"),
    (r"jmpl %i7 \+ 8, %g0", "ret"),
    (r"jmpl %o7 \+ 8, %g0", "retl"),
    (r"jmpl (.*), %g0", r"jmp \1"),
    (r"jmpl (.*), %o7", r"call \1"),
    (r"(save|restore) %g0, %g0, %g0", r"\1"),
    (r"subcc (%..), (.*), %g0", r"cmp \1, \2"),
    (r"orcc %g0, (%..), %g0", r"tst \1"),
    (r"or %g0, (.*), (%..)", r"mov \1, \2"),
    (r"rd %asr15, %g0", "stbar"),
    (r"wr %g0, (.*), (%\w+)", r"mov \1, \2"),
    (r"rd (%\w+), (%..)", r"mov \1, \2"),
]


@cache
def _decoder(model: str) -> Decoder:
    return ISET.model(model)


def disassemble(fetch: Fetch, pc: int, model: str) -> tuple[str, int]:
    """Text and length in bytes of the instruction at pc."""
    word = fetch(pc, 4)
    hit = _decoder(model).decode(word)
    if hit is None:
        return f".word 0x{word:08x}", 4
    insn, fields = hit
    line = _Line(pc, word, fields)
    text = _TOKEN.sub(lambda m: getattr(line, m[1])(), insn.syntax)
    for whole, shorter in SYNONYMS:
        again, done = re.subn(f"^{whole}$", shorter, text)
        if done:
            return again, 4
    return text, 4


def _signed(x: int, bits: int) -> int:
    return x - (1 << bits) if x >> bits - 1 else x


def _number(x: int) -> str:
    """Small ones in decimal."""
    return str(x) if -10 < x < 10 else f"-0x{-x:x}" if x < 0 else f"0x{x:x}"


class _Line:
    """The operands of one instruction as text."""

    def __init__(self, pc: int, word: int, fields: Mapping[str, int]) -> None:
        self.pc, self.word, self.f = pc, word, fields

    def _register(self, lo: int, bank: str = "") -> str:
        n = self.word >> lo & 31
        return f"%{bank}{n}" if bank else f"%{_POINTERS.get(n, NAMES[n])}"

    def _immediate(self) -> int | None:
        return _signed(self.word & 0x1FFF, 13) if self.word >> 13 & 1 else None

    def rd(self) -> str:
        return self._register(25)

    def rs1(self) -> str:
        return self._register(14)

    def op2(self) -> str:
        n = self._immediate()
        return self._register(0) if n is None else _number(n)

    def count(self) -> str:
        return self._register(0) if self._immediate() is None else _number(self.word & 31)

    def hi(self) -> str:
        return f"%hi(0x{(self.word & 0x3FFFFF) << 10:x})"

    def addr(self) -> str:
        """rs1 + rs2 or rs1 + immediate, without what is zero."""
        base, n = self.word >> 14 & 31, self._immediate()
        if n is None:
            return self.rs1() + (f" + {self._register(0)}" if self.word & 31 else "")
        if base == 0 and n:
            return _number(n)
        return self.rs1() + (f" {'-' if n < 0 else '+'} {_number(abs(n))}" if n else "")

    def asi(self) -> str:
        return "" if self.word >> 13 & 1 else f" {_number(self.word >> 5 & 0xFF)}"

    def trap(self) -> str:
        n = self._immediate()
        if n is None:
            return f"{self.rs1()} + {self._register(0)}"
        return _number(n) if self.word >> 14 & 31 == 0 else f"{self.rs1()} + {_number(n)}"

    def cc(self) -> str:
        return CONDITIONS[self.word >> 25 & 15]

    def fcc(self) -> str:
        return FP_BRANCHES[self.word >> 25 & 15]

    def ccc(self) -> str:
        return CP_BRANCHES[self.word >> 25 & 15]

    def annul(self) -> str:
        return ",a" if self.word >> 29 & 1 else ""

    def _target(self, bits: int) -> str:
        return f"0x{self.pc + 4 * _signed(self.word & (1 << bits) - 1, bits) & 0xFFFFFFFF:x}"

    def disp22(self) -> str:
        return self._target(22)

    def disp30(self) -> str:
        return self._target(30)

    def asr(self) -> str:
        n = self.word >> 14 & 31
        return f"%asr{n}" if n else "%y"

    def const22(self) -> str:
        return f"0x{self.word & 0x3FFFFF:x}"

    def frd(self) -> str:
        return self._register(25, "f")

    def crd(self) -> str:
        return self._register(25, "c")

    def fpop(self) -> str:
        opf = self.word >> 5 & 0x1FF | (self.word >> 19 & 1) << 9
        name, operands = FPOPS.get(opf, (f"fpop{1 + (opf >> 9)} 0x{opf & 0x1FF:x},", "12d"))
        where = {"1": 14, "2": 0, "d": 25}
        return f"{name} " + ", ".join(self._register(where[o], "f") for o in operands)

    def cpop(self) -> str:
        return f"0x{self.word >> 5 & 0x1FF:x}, " + ", ".join(self._register(lo, "c") for lo in (14, 0, 25))
