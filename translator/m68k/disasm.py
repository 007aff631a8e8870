"""Disassembly in Motorola syntax, driven by the syntax texts of the declarations.

A syntax text is what the assembler reads, with `{tokens}`: each names a method of `_Line`.  Extension words
are read in the order of the instruction stream, the instruction's own first, then those of its addresses; so
the address tokens are filled in last.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from ..spec.insn import Decoder
from .decl import ISET
from .flags import CONDITIONS
from .fpu.disasm import FpuText, Reserved

Fetch = Callable[[int, int], int]  # (address, bytes) -> the bytes as a number

CONTROL_NAMES = {
    0x000: "sfc", 0x001: "dfc", 0x002: "cacr",
    0x800: "usp", 0x801: "vbr", 0x802: "caar", 0x803: "msp", 0x804: "isp",
}
_TOKEN = re.compile(r"\{(\w+)\}")
_LATE = ("ea", "eabit", "ea2")  # tokens whose extension words come last


@cache
def _decoder(model: str) -> Decoder:
    return ISET.model(model)


def disassemble(fetch: Fetch, pc: int, model: str) -> tuple[str, int]:
    """Text and length in bytes of the instruction at pc."""
    word = fetch(pc, 2)
    hit = _decoder(model).decode(word)
    if hit is None:
        return f"dc.w {_hex(word)}", 2
    insn, fields = hit
    line = _Line(fetch, pc, fields, model.partition("+")[0])
    text = insn.syntax
    tokens = _TOKEN.findall(text)
    for token in sorted(tokens, key=lambda t: _LATE.index(t) + 1 if t in _LATE else 0):
        if token in _LATE:
            line.size = {"b": 1, "w": 2, "l": 4}.get(text.split(" ")[0].rpartition(".")[2], 1)
        try:
            text = text.replace("{" + token + "}", getattr(line, token)(), 1)
        except Reserved:
            return f"dc.w {_hex(word)}", 2
    return text, line.at - pc


def _hex(x: int) -> str:
    return f"-${-x:x}" if x < 0 else f"${x:x}"


def _signed(x: int, bits: int) -> int:
    return x - (1 << bits) if x >> bits - 1 else x


def _register(number: int) -> str:
    return f"{'da'[number >> 3]}{number & 7}"


def _join(*parts: str) -> str:
    return ",".join(filter(None, parts))


def _list(mask: int) -> str:
    """A register list: bit n is register n."""
    parts = []
    for base in (0, 8):
        i = base
        while i < base + 8:
            j = i
            while j < base + 8 and mask >> j & 1:
                j += 1
            if j > i:
                parts.append(_register(i) + (f"-{_register(j - 1)}" if j > i + 1 else ""))
            i = j + 1
    return "/".join(parts) or "#$0"


class _Line(FpuText):
    """One instruction on its way to text."""

    def __init__(self, fetch: Fetch, pc: int, fields: dict[str, int], model: str) -> None:
        self.fetch, self.pc, self.f, self.model = fetch, pc, fields, model
        self.at = pc + 2
        self.size = 1
        self._ext: int | None = None

    def read(self, size: int = 2) -> int:
        value = self.fetch(self.at & 0xFFFFFFFF, size)
        self.at += size
        return value

    @property
    def ext(self) -> int:
        """The instruction's own extension word."""
        if self._ext is None:
            self._ext = self.read()
        return self._ext

    # -- sizes and mnemonics ---------------------------------------------------------------------------------

    def Z(self) -> str:
        return "bwl"[self.f["Z"]]

    def Zwl(self) -> str:
        return "wl"[self.f["Z"]]

    def Zmove(self) -> str:
        return " blw"[self.f["Z"]]

    def Zcas(self) -> str:
        return " bwl"[self.f["Z"]]

    def cc(self) -> str:
        return CONDITIONS[self.f["C"]]

    def dbcc(self) -> str:
        return "ra" if self.f["C"] == 1 else self.cc()

    def shift(self) -> str:
        return ("as", "ls", "rox", "ro")[self.f["T"]] + "rl"[self.f["L"]]

    def mull(self) -> str:
        return "muls" if self.ext >> 11 & 1 else "mulu"

    def divl(self) -> str:
        long = not self.ext >> 10 & 1 and self.ext >> 12 & 7 != self.ext & 7
        return ("divs" if self.ext >> 11 & 1 else "divu") + ("l" if long else "")

    def chk2(self) -> str:
        return "chk2" if self.ext >> 11 & 1 else "cmp2"

    # -- registers -------------------------------------------------------------------------------------------

    def Dx(self) -> str:
        return f"d{self.f['x']}"

    def Dy(self) -> str:
        return f"d{self.f['y']}"

    def Ax(self) -> str:
        return f"a{self.f['x']}"

    def Ay(self) -> str:
        return f"a{self.f['y']}"

    def An(self) -> str:
        return f"a{self.f['n']}"

    def Ry(self) -> str:
        return f"{'da'[self.f['D']]}{self.f['y']}"

    def Rext(self) -> str:
        return _register(self.ext >> 12)

    def Dext(self) -> str:
        return f"d{self.ext >> 12 & 7}"

    def Dcmp(self) -> str:
        return f"d{self.ext & 7}"

    def Dupd(self) -> str:
        return f"d{self.ext >> 6 & 7}"

    def pair(self) -> str:
        high, low = self.ext & 7, self.ext >> 12 & 7
        multiply = self.fetch(self.pc, 2) & 0x40 == 0
        plain = not self.ext >> 10 & 1 and (multiply or high == low)
        return f"d{low}" if plain else f"d{high}:d{low}"

    def ctrl(self) -> str:
        number = self.ext & 0xFFF
        return CONTROL_NAMES.get(number, _hex(number))

    def list(self) -> str:
        return _list(self.ext)

    def tsil(self) -> str:
        return _list(int(f"{self.ext:016b}"[::-1], 2))

    def field(self) -> str:
        ext = self.ext
        offset = f"d{ext >> 6 & 7}" if ext & 0x800 else str(ext >> 6 & 31)
        width = f"d{ext & 7}" if ext & 0x20 else str(ext & 31 or 32)
        return f"{{{offset}:{width}}}"

    def cas2(self) -> str:
        one, two = self.read(), self.read()
        return (
            f"d{one & 7}:d{two & 7},d{one >> 6 & 7}:d{two >> 6 & 7},"
            f"({_register(one >> 12)}):({_register(two >> 12)})"
        )

    def moves(self) -> str:
        register, out = _register(self.ext >> 12), self.ext >> 11 & 1
        self.size = 1 << self.f["Z"]
        ea = self.ea()
        return f"{register},{ea}" if out else f"{ea},{register}"

    # -- numbers ---------------------------------------------------------------------------------------------

    def imm(self) -> str:
        return self._immediate(1 << self.f["Z"])

    def imm8(self) -> str:
        return self._immediate(1)

    bit = imm8

    def imm16(self) -> str:
        return self._immediate(2)

    def imm32(self) -> str:
        return self._immediate(4)

    def s16(self) -> str:
        return _hex(_signed(self.read(), 16))

    def s32(self) -> str:
        return _hex(_signed(self.read(4), 32))

    def q8(self) -> str:
        return _hex(self.f["q"])

    def quick(self) -> str:
        return _hex(self.f["q"] or 8)

    def v3(self) -> str:
        return _hex(self.f["v"])

    v4 = v3

    def v8(self) -> str:
        return _hex(self.pc + 2 + _signed(self.f.get("v", 255), 8) & 0xFFFFFFFF)

    def v16(self) -> str:
        return _hex(self.pc + 2 + _signed(self.read(), 16) & 0xFFFFFFFF)

    def v32(self) -> str:
        return _hex(self.pc + 2 + self.read(4) & 0xFFFFFFFF)

    def _immediate(self, size: int) -> str:
        return _hex(self.read(max(size, 2)) & ((1 << 8 * size) - 1))

    # -- addresses -------------------------------------------------------------------------------------------

    def d16An(self) -> str:
        return f"{_hex(_signed(self.read(), 16))}(a{self.f['n']})"

    def ea(self) -> str:
        return self.address(self.f["M"], self.f["n"])

    eabit = ea

    def ea2(self) -> str:
        return self.address(self.f["K"], self.f["k"])

    def address(self, mode: int, n: int) -> str:
        if mode < 5:
            return ("d{}", "a{}", "(a{})", "(a{})+", "-(a{})")[mode].format(n)
        if mode == 5:
            return f"{_hex(_signed(self.read(), 16))}(a{n})"
        if mode == 6:
            return self.indexed(f"a{n}", 0)
        if n < 2:
            return f"{_hex(self.read(2))}.w" if n == 0 else f"{_hex(self.read(4))}.l"
        here = self.at
        if n == 2:
            return f"{_hex(here + _signed(self.read(), 16) & 0xFFFFFFFF)}(pc)"
        if n == 3:
            return self.indexed("pc", here)
        return f"#{self._immediate(self.size)}"

    def indexed(self, base: str, origin: int) -> str:
        """Brief or full extension word; displacements from the PC are shown as the address that they give."""
        ext = self.read()
        scale = f"*{1 << (ext >> 9 & 3)}" if self.model == "m68020" and ext >> 9 & 3 else ""
        index = f"{_register(ext >> 12)}.{'wl'[ext >> 11 & 1]}{scale}"
        if not ext & 0x100 or self.model != "m68020":
            short = _signed(ext & 0xFF, 8) + origin
            return f"{_hex(short & 0xFFFFFFFF if origin else short)}({base},{index})"
        if ext & 0x80:
            base, origin = ("zpc" if base == "pc" else ""), 0
        if ext & 0x40:
            index = ""
        disp = self.displacement(ext >> 4, origin)
        if not ext & 3:
            return f"{disp}({_join(base, index)})"
        outer = self.displacement(ext)
        if ext & 4:
            return f"({_join(f'[{_join(disp, base)}]', index, outer)})"
        return f"({_join(f'[{_join(disp, base, index)}]', outer)})"

    def displacement(self, code: int, origin: int = 0) -> str:
        """A base or outer displacement by its size code, counted from origin; nothing if there is none."""
        if not code & 2:
            return ""
        value = _signed(self.read(4), 32) if code & 1 else _signed(self.read(), 16)
        return _hex(value + origin & 0xFFFFFFFF if origin else value)
