"""What the pieces of `host` share: the extension word, registers as an x87 has them, the end."""

from __future__ import annotations

from collections.abc import Callable

from ...spec.semantics import Reg
from ...spec.value import Operand, Val
from ...trace import Trace
from .late import EXACT, LAST
from .regs import BIAS, FP, FP_LAST, FPIAR

REACH = 4096  # moderate exponents: from BIAS + 1 - REACH to BIAS + REACH
Pair = tuple[Val, Val]  # se, m
REGISTER = 7 << 7  # the destination in extension word and FP_LAST


def extension(s: Trace, op: int | None) -> tuple[Val, Val]:
    """A piece's extension word (32 bits, or LLVM would shift in 16) and opmode (8 bits)."""
    word = s.emit("extension", 32)
    return word, word.trunc(6).zext(8) if op is None else s.const(op, 8)


def require_moderate(s: Trace, pairs: list[Pair], again: list[Callable[[], Pair]] | None = None) -> None:
    """That numbers are zero, or normal and of a moderate exponent, which two of its bits tell.

    again: reads them for the second look, so that they need not be kept in the host's registers for it.
    """
    odd, normal = s.const(0, 32), s.const((1 << 64) - 1, 64)
    for se, m in pairs:
        odd = odd | (se.zext(32) + REACH ^ BIAS + 1)
        normal = normal & m

    def look() -> None:
        for se, m in [read() for read in again] if again else pairs:
            good = (se + REACH & 3 << 13 == BIAS + 1) & m.sign()
            s.require(good | ((se & 0x7FFF).zext(64) | m == 0))

    s.if_((odd & 3 << 13 == 0) & normal.sign(), lambda: None, look)


def bits(s: Trace, at: tuple[Operand, Operand]) -> tuple[Val, Val]:
    """(se, m) of the register at a slot, by loads as wide as the x87's stores: others would have to wait."""
    return s.emit("x_sign_exponent", 16, FP, s._index(at[0])), s.emit("get", 64, FP, s._index(at[1]))


def number(s: Trace, reg: Reg, at: Operand) -> Val:
    return s.emit("x_load", 80, reg, s._index(at))


def complete(s: Trace, last: Val | int) -> None:
    s.write(FP_LAST, last if isinstance(last, Val) else s.const(last, 16))
    s.write(FPIAR, s.pc)
    s.done()


def moved(s: Trace, word: Val) -> None:
    complete(s, (word & REGISTER | (LAST | EXACT)).trunc(16))
