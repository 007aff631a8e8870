"""Width-typed values: the words in which instruction semantics are written.

A `Val` is `w` bits wide.  Its content `x` is an int (known now) or a `Uop` (known when the guest runs).  The
same arithmetic table folds known values here and gives the concrete engine its meaning, so an instruction
traced with constant operands needs no separate optimiser.  Widths must agree, nothing widens by itself,
signedness is spelt out, and a `Val` has no truth value: conditions go through `select` or `Semantics.if_`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, Union

if TYPE_CHECKING:
    from .semantics import Semantics


class Uop:
    """One micro-operation of a trace: `op`, result width `w` (0: none), arguments."""

    __slots__ = ("op", "w", "args", "n")

    def __init__(self, op: str, w: int, args: tuple[Any, ...], n: int) -> None:
        self.op, self.w, self.args, self.n = op, w, args, n

    def __repr__(self) -> str:
        return f"%{self.n}"


Operand = Union["Val", int]


def signed(x: int, w: int) -> int:
    """The two's complement reading of the w-bit pattern x."""
    return x - (1 << w) if x >> (w - 1) & 1 else x


def _divide(a: int, b: int) -> int:
    """Signed division towards zero."""
    q = abs(a) // abs(b)
    return -q if (a < 0) != (b < 0) else q


def _sdiv(a: int, b: int, w: int) -> int:
    return a if b == 0 else _divide(signed(a, w), signed(b, w))


def _srem(a: int, b: int, w: int) -> int:
    if b == 0:
        return 0
    sa, sb = signed(a, w), signed(b, w)
    return sa - sb * _divide(sa, sb)


# op -> value of op on w-bit patterns; the result is cut to the result width by the caller.
# Shifts by w or more give 0 (ashr: the sign); x / 0 = x and x % 0 = 0: total, so that every engine agrees.
FOLD: dict[str, Callable[[int, int, int], int]] = {
    "add": lambda a, b, w: a + b,
    "sub": lambda a, b, w: a - b,
    "mul": lambda a, b, w: a * b,
    "and": lambda a, b, w: a & b,
    "or": lambda a, b, w: a | b,
    "xor": lambda a, b, w: a ^ b,
    "shl": lambda a, b, w: a << b if b < w else 0,
    "lshr": lambda a, b, w: a >> b if b < w else 0,
    "ashr": lambda a, b, w: signed(a, w) >> min(b, w - 1),
    "udiv": lambda a, b, w: a // b if b else a,
    "urem": lambda a, b, w: a % b if b else 0,
    "sdiv": _sdiv,
    "srem": _srem,
    "eq": lambda a, b, w: a == b,
    "ne": lambda a, b, w: a != b,
    "ult": lambda a, b, w: a < b,
    "ule": lambda a, b, w: a <= b,
    "slt": lambda a, b, w: signed(a, w) < signed(b, w),
    "sle": lambda a, b, w: signed(a, w) <= signed(b, w),
}
COMPARES = frozenset(("eq", "ne", "ult", "ule", "slt", "sle"))
# x op 0 = x for these; a cheap peephole that keeps traces short
_RIGHT_ZERO = frozenset(("add", "sub", "or", "xor", "shl", "lshr", "ashr"))


class Val:
    """A w-bit value; `s` is the engine that computes with it."""

    __slots__ = ("s", "w", "x")

    def __init__(self, s: Semantics, w: int, x: int | Uop) -> None:
        self.s, self.w, self.x = s, w, x

    def __repr__(self) -> str:
        return f"i{self.w}:{self.x:#x}" if isinstance(self.x, int) else f"i{self.w}:{self.x!r}"

    def __bool__(self) -> NoReturn:
        raise TypeError("a Val has no truth value: use select(), s.if_() or s.exception_if()")

    def __eq__(self, other: object) -> Val:  # type: ignore[override]
        return self.s.binary("eq", self, other)  # type: ignore[arg-type]

    def __ne__(self, other: object) -> Val:  # type: ignore[override]
        return self.s.binary("ne", self, other)  # type: ignore[arg-type]

    __hash__ = None  # type: ignore[assignment]

    @property
    def known(self) -> int | None:
        """The content if it is known while tracing, else None."""
        return self.x if isinstance(self.x, int) else None

    def __add__(self, o: Operand) -> Val:
        return self.s.binary("add", self, o)

    def __radd__(self, o: int) -> Val:
        return self.s.binary("add", self, o)

    def __sub__(self, o: Operand) -> Val:
        return self.s.binary("sub", self, o)

    def __rsub__(self, o: int) -> Val:
        return self.s.binary("sub", self.s.const(o, self.w), self)

    def __mul__(self, o: Operand) -> Val:
        return self.s.binary("mul", self, o)

    def __and__(self, o: Operand) -> Val:
        return self.s.binary("and", self, o)

    def __or__(self, o: Operand) -> Val:
        return self.s.binary("or", self, o)

    def __xor__(self, o: Operand) -> Val:
        return self.s.binary("xor", self, o)

    def __invert__(self) -> Val:
        return self.s.binary("xor", self, (1 << self.w) - 1)

    def __neg__(self) -> Val:
        return self.s.binary("sub", self.s.const(0, self.w), self)

    def __lshift__(self, o: Operand) -> Val:
        """Shift left; a count of w or more gives 0."""
        return self.s.binary("shl", self, o)

    def __rshift__(self, o: Operand) -> NoReturn:
        raise TypeError("signedness is explicit: use lsr() or asr()")

    def lsr(self, o: Operand) -> Val:
        """Logical shift right; a count of w or more gives 0."""
        return self.s.binary("lshr", self, o)

    def asr(self, o: Operand) -> Val:
        """Arithmetic shift right; a count of w or more gives the sign."""
        return self.s.binary("ashr", self, o)

    def udiv(self, o: Operand) -> Val:
        """Unsigned quotient; x / 0 = x (guard it: real machines trap)."""
        return self.s.binary("udiv", self, o)

    def urem(self, o: Operand) -> Val:
        """Unsigned remainder; x % 0 = 0."""
        return self.s.binary("urem", self, o)

    def sdiv(self, o: Operand) -> Val:
        """Signed quotient towards zero; x / 0 = x, MIN / -1 = MIN."""
        return self.s.binary("sdiv", self, o)

    def srem(self, o: Operand) -> Val:
        """Signed remainder with the dividend's sign; x % 0 = 0."""
        return self.s.binary("srem", self, o)

    def ult(self, o: Operand) -> Val:
        return self.s.binary("ult", self, o)

    def ule(self, o: Operand) -> Val:
        return self.s.binary("ule", self, o)

    def ugt(self, o: Operand) -> Val:
        return ~self.ule(o)

    def uge(self, o: Operand) -> Val:
        return ~self.ult(o)

    def slt(self, o: Operand) -> Val:
        return self.s.binary("slt", self, o)

    def sle(self, o: Operand) -> Val:
        return self.s.binary("sle", self, o)

    def sgt(self, o: Operand) -> Val:
        return ~self.sle(o)

    def sge(self, o: Operand) -> Val:
        return ~self.slt(o)

    def zext(self, w: int) -> Val:
        """Zero-extended to w bits (w may equal the width)."""
        return self.s.resize("zext", self, w)

    def sext(self, w: int) -> Val:
        """Sign-extended to w bits."""
        return self.s.resize("sext", self, w)

    def trunc(self, w: int) -> Val:
        """The low w bits."""
        return self.s.resize("trunc", self, w)

    def bits(self, hi: int, lo: int) -> Val:
        """Bits hi..lo as a value of that width."""
        return self.lsr(lo).trunc(hi - lo + 1)

    def bit(self, n: int) -> Val:
        """Bit n as a 1-bit value."""
        return self.lsr(n).trunc(1)

    def sign(self) -> Val:
        """The top bit as a 1-bit value."""
        return self.lsr(self.w - 1).trunc(1)

    def clz(self) -> Val:
        """Number of leading zeros (w for 0), same width."""
        return self.s.unary("clz", self)

    def select(self, yes: Operand, no: Operand) -> Val:
        """`yes` if this 1-bit value is 1, else `no`; both are computed."""
        return self.s.select(self, yes, no)


def fold_resize(op: str, x: int, w: int, to: int) -> int:
    """zext, sext and trunc on known patterns."""
    if op == "sext":
        x = signed(x, w)
    return x & ((1 << to) - 1)
