"""Text of the coprocessor's instructions: the tokens that the declarations here use (see ..disasm)."""

from __future__ import annotations

from .regs import BYTES
from .status import PREDICATES

OPERATIONS = {
    0x00: "move", 0x01: "int", 0x02: "sinh", 0x03: "intrz", 0x04: "sqrt", 0x06: "lognp1", 0x08: "etoxm1",
    0x09: "tanh", 0x0A: "atan", 0x0C: "asin", 0x0D: "atanh", 0x0E: "sin", 0x0F: "tan", 0x10: "etox",
    0x11: "twotox", 0x12: "tentox", 0x14: "logn", 0x15: "log10", 0x16: "log2", 0x18: "abs", 0x19: "cosh",
    0x1A: "neg", 0x1C: "acos", 0x1D: "cos", 0x1E: "getexp", 0x1F: "getman", 0x20: "div", 0x21: "mod",
    0x22: "add", 0x23: "mul", 0x24: "sgldiv", 0x25: "rem", 0x26: "scale", 0x27: "sglmul", 0x28: "sub",
    **{0x30 + n: "sincos" for n in range(8)}, 0x38: "cmp", 0x3A: "tst",
}  # fmt: skip
MOVE, TST = 0x00, 0x3A
TWO_WORDS = frozenset(OPERATIONS) - {MOVE, TST}
DREG = 0


def _registers(mask: int) -> str:
    """A list of data registers: bit n is FPn."""
    parts, i = [], 0
    while i < 8:
        j = i
        while j < 8 and mask >> j & 1:
            j += 1
        if j > i:
            parts.append(f"fp{i}" + (f"-fp{j - 1}" if j > i + 1 else ""))
        i = j + 1
    return "/".join(parts) or "#$0"


class Reserved(Exception):
    """An extension word that makes no instruction."""


class FpuText:
    """Mixed into the disassembler's line."""

    f: dict[str, int]
    size: int

    @property
    def ext(self) -> int:
        raise NotImplementedError

    def ea(self) -> str:
        raise NotImplementedError

    def fcc(self) -> str:
        return PREDICATES[self.f["c"]]

    def fccext(self) -> str:
        if self.ext & 0x20:
            raise Reserved
        return PREDICATES[self.ext & 31]

    def fpu(self) -> str:
        """A whole general instruction."""
        ext = self.ext
        if ext >> 14 == 3:
            return self._fmovem_data(ext)
        if ext >> 14 == 2:
            return self._fmovem_control(ext)
        if ext >> 13 == 3:
            return self._out(ext)
        return self._arithmetic(ext) if ext >> 13 != 1 else self._unknown()

    def _unknown(self) -> str:
        return f"dc.w ${0xF200 | self.f['M'] << 3 | self.f['n']:x},${self.ext:x}"

    def _operand(self, fmt: int) -> str:
        self.size = BYTES[fmt]
        return self.ea()

    def _arithmetic(self, ext: int) -> str:
        fmt, op, to = ext >> 10 & 7, ext & 0x7F, f"fp{ext >> 7 & 7}"
        if ext >> 10 == 0x17:
            return f"fmovecr #${op:x},{to}"
        if op not in OPERATIONS:
            return self._unknown()
        memory = ext >> 14 & 1
        if memory and (self.f["M"] == 1 or (self.f["M"] == DREG and fmt in (2, 3, 5))):
            return self._unknown()
        source = self._operand(fmt) if memory else f"fp{fmt}"
        name = f"f{OPERATIONS[op]}.{'lsxpwdb'[fmt] if memory else 'x'}"
        if op == TST:
            return f"{name} {source}"
        if op & 0x78 == 0x30:
            return f"{name} {source},fp{ext & 7}:{to}"
        monadic = op < 0x20 and op != MOVE
        return f"{name} {source}" if monadic and source == to else f"{name} {source},{to}"

    def _out(self, ext: int) -> str:
        fmt = ext >> 10 & 7
        mode, n = self.f["M"], self.f["n"]
        if mode == 1 or (mode == 7 and n > 1) or (mode == DREG and fmt in (2, 3, 5, 7)):
            return self._unknown()
        k = ext & 0x7F
        factor = ""
        if fmt == 3:
            factor = f"{{#{k - 128 if k & 64 else k}}}"
        elif fmt == 7:
            factor = f"{{d{ext >> 4 & 7}}}"
        return f"fmove.{'lsxpwdbp'[fmt]} fp{ext >> 7 & 7},{self._operand(fmt)}{factor}"

    def _fmovem_control(self, ext: int) -> str:
        names = "/".join(name for bit, name in ((12, "fpcr"), (11, "fpsr"), (10, "fpiar")) if ext >> bit & 1)
        names = names or "fpiar"
        several = names.count("/")
        mode, n = self.f["M"], self.f["n"]
        if mode < 2 and (several or (mode == 1 and names != "fpiar")):
            return self._unknown()
        if ext >> 13 & 1 and mode == 7 and n > 1:
            return self._unknown()
        self.size = 4
        longs = several + 1 if (mode, n) == (7, 4) else 1
        ea = "/".join(self.ea() for _ in range(longs))
        name = "fmovem.l" if several else "fmove.l"
        return f"{name} {names},{ea}" if ext >> 13 & 1 else f"{name} {ea},{names}"

    def _fmovem_data(self, ext: int) -> str:
        mode, n, out = self.f["M"], self.f["n"], ext >> 13 & 1
        if mode < 2 or (mode == 7 and n == 4) or mode == (3 if out else 4) or (out and mode == 7 and n > 1):
            return self._unknown()
        mask = ext & 0xFF
        if ext >> 12 & 1:
            mask = int(f"{mask:08b}"[::-1], 2)
        which = f"d{ext >> 4 & 7}" if ext >> 11 & 1 else _registers(mask)
        ea = self.ea()
        return f"fmovem.x {which},{ea}" if out else f"fmovem.x {ea},{which}"
