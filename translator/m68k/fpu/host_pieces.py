"""What the pieces of `host` share: the extension word, registers as an x87 has them, the end."""

from __future__ import annotations

from ...spec.semantics import Reg
from ...spec.value import Operand, Val
from ...trace import Trace
from .late import EXACT, LAST
from .regs import BIAS, FP, FP_LAST, FPIAR

REACH = 4096  # moderate exponents
REGISTER = 7 << 7  # the destination in extension word and FP_LAST


def extension(s: Trace, op: int | None) -> tuple[Val, Val]:
    """A piece's extension word and opmode (8 bits)."""
    word = s.emit("extension", 16)
    return word, word.trunc(6).zext(8) if op is None else s.const(op, 8)


def require_moderate(s: Trace, se: Val, m: Val) -> None:
    e = se & 0x7FFF
    s.if_(
        (e - (BIAS - REACH)).ult(2 * REACH),
        lambda: s.require(m.sign()),
        lambda: s.require(e.zext(64) | m == 0),
    )


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
    complete(s, word & REGISTER | (LAST | EXACT))
