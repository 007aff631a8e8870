"""Condition codes on their way to a tree's root: what they are computed from, as nobody may ask for them.

    kind        value                               parts      any other value v
    overflow    sext(slt(a, b) ^ sign of c)         a, b, c    v, 0, 0    all bits of it are alike
    carry       zext(ult(a, b))                     a, b       0, v       0 or 1

A data register of the m68k of which only the low byte is written ("low") goes as what has its upper bits and
what has the low ones: most programs only look at these.

After a comparison the parts are what the program has in registers anyway, or constants: a loop that compares
computes no V and no C.  Values of fewer than 32 bits are sign-extended, which keeps both orders.
"""

from __future__ import annotations

from typing import Any

from .simplify import Make, constant, is_op
from .spec.semantics import Reg
from .spec.value import Val, signed

WIDTH = 32
NAMES = {"overflow": tuple("abc"), "carry": tuple("ab"), "low": ("high", "low")}
LOW = 0xFF
UPPER = LOW ^ (1 << WIDTH) - 1


def const(x: int) -> Val:
    return Val(None, WIDTH, x)  # type: ignore[arg-type]


def slots(name: str, kind: str) -> list[Reg]:
    """Where the parts are between trees."""
    return [Reg(f"{name}.{part}", WIDTH) for part in NAMES[kind]]


def split(kind: str, v: Any, make: Make) -> tuple[Any, ...]:
    """The parts of a value."""
    if kind == "low":
        return (_upper(v.args[0].args[0]), v.args[1]) if writes_low(v) else (v, v)
    if isinstance(v, Val):
        assert v.known is not None
        return (v, const(0), const(0)) if kind == "overflow" else (const(0), const(v.known))
    found = (_overflow if kind == "overflow" else _carry)(v)
    if found is not None:
        return tuple(_wide(x, make) for x in found)
    if kind == "overflow":
        return v, const(0), const(0)
    return const(0), make("zext", WIDTH, (v,))


def join(kind: str, width: int, parts: tuple[Any, ...], make: Make) -> Any:
    """The value that has these parts."""
    if kind == "low":
        high, low = (make("and", WIDTH, (x, const(m))) for x, m in zip(parts, (UPPER, LOW), strict=True))
        return make("or", WIDTH, (high, low))
    if kind == "carry":
        return make("zext", width, (make("ult", 1, parts),))
    a, b, c = parts
    return make("sext", width, (make("xor", 1, (make("slt", 1, (a, b)), make("slt", 1, (c, const(0))))),))


def writes_low(v: Any) -> bool:
    """Whether a value, traced or rendered, is x & UPPER | zext(byte)."""
    if getattr(v.x, "op", "") != "or" or v.w != WIDTH:
        return False
    old, new = v.x.args
    if getattr(old.x, "op", "") != "and" or constant(old.x.args[1]) != UPPER:
        return False
    op = getattr(new.x, "op", "")
    return op == "wide" or (op == "zext" and new.x.args[0].w == 8)


def _upper(v: Any) -> Any:
    """Something with the same upper bits."""
    while is_op(v, "or") and is_op(v.args[0], "and") and constant(v.args[0].args[1]) == UPPER:
        low = v.args[1]
        if not writes_low(v) and not (is_op(low, "and") and constant(low.args[1]) == LOW):
            break
        v = v.args[0].args[0]
    return v


def _wide(x: Any, make: Make) -> Any:
    if x.w == WIDTH:
        return x
    if isinstance(x, Val):
        assert x.known is not None
        return const(signed(x.known, x.w) & (1 << WIDTH) - 1)
    return make("sext", WIDTH, (x,))


def _overflow(v: Any) -> tuple[Any, ...] | None:
    if v.op != "sext" or v.w != WIDTH or not is_op(v.args[0], "xor"):
        return None
    less, sign = v.args[0].args
    if not is_op(less, "slt"):
        return None
    if not is_op(sign, "slt") or sign.args[1].known != 0:
        return None
    return *less.args, sign.args[0]


def _carry(v: Any) -> tuple[Any, ...] | None:
    """Of a subtraction: its operands are V's too; those of an addition would only be kept for this."""
    if v.op != "zext" or not is_op(v.args[0], "ult"):
        return None
    a, b = v.args[0].args
    summed = is_op(a, "add") and any(x is b for x in a.args)
    return None if summed else (a, b)
