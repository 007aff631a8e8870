"""Simpler values: what LLVM does not always see, or sees too late for what only side exits need.

After a comparison N ^ V is `a < b`. The halves of a rotated value are then computed in exits only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .spec.value import Val

_OPPOSITES = {"eq": "ne", "ne": "eq"}
_ORDERS = {"slt": "sle", "ult": "ule"}
_STRICT = {"sle": "slt", "ule": "ult"}
_REVERSE = {"slt": "sle", "ult": "ule", "sle": "slt", "ule": "ult"}
Make = Callable[..., Any]  # (op, width, args): a value of the region


def simplify(op: str, w: int, args: tuple[Any, ...], make: Make) -> Any | None:
    """A simpler value than op(args), None if there is none.

    zext(c), sext(c), c shifted to the top == 0     c == 0; likewise with !=
    trunc(lshr(c, all but one))  slt(c, 0)          slt(sext(c), 0)  slt(c, 0), or c if it is one bit
    slt(c shifted to the top, 0) slt(c, 0)
    a ^ (b ^ a)                  b, for one bit
    zext(c) == 0                 not c              zext(c) != 0     c
    a - b == 0                   a == b; likewise with !=
    a == b | a < b               a <= b             a != b & a <= b  a < b
    not a < b                    b <= a; likewise with the others
    shl(a, n) | lshr(a, w - n)   rotl(a, n); likewise with + and ^
    """
    if op in ("eq", "ne") and constant(args[1]) == 0:
        if is_op(args[0], "zext") and args[0].args[0].w == 1:
            c = args[0].args[0]
            return c if op == "ne" else _not(c, make)
        if is_op(args[0], "sub"):
            return make(op, 1, args[0].args)
        if is_op(args[0], "zext") or is_op(args[0], "sext"):
            return make(op, 1, (args[0].args[0], _zero(args[0].args[0].w)))
        if _is_upper(args[0]):
            low = args[0].args[0].args[0]
            return simplify(op, 1, (low, _zero(low.w)), make) or make(op, 1, (low, _zero(low.w)))
    if op == "or" and w == 1:
        for a, b in (args, args[::-1]):
            if is_op(a, "eq") and not isinstance(b, Val) and b.op in _ORDERS and _alike(a.args, b.args):
                return make(_ORDERS[b.op], 1, b.args)
    if op in ("or", "xor", "add"):
        for a, b in (args, args[::-1]):
            if is_op(a, "shl") and is_op(b, "lshr") and a.args[0] is b.args[0]:
                n, m = constant(a.args[1]), constant(b.args[1])
                if n and m and n + m == w:
                    return make("rotl", w, a.args)
    if op == "trunc":
        low = _low(args[0], w)
        if low is not args[0]:
            return low if low.w == w else make("trunc", w, (low,))
    if op == "trunc" and w == 1 and is_op(args[0], "lshr"):
        c, count = args[0].args
        return _negative(c, make) if constant(count) == c.w - 1 else None
    if op == "slt" and constant(args[1]) == 0:
        if is_op(args[0], "sext"):
            c = args[0].args[0]
            return c if c.w == 1 else _negative(c, make)
        if _is_upper(args[0]):
            return _negative(args[0].args[0].args[0], make)
    if op == "and" and w == 1:
        for a, b in (args, args[::-1]):
            strict = None if isinstance(b, Val) else _STRICT.get(b.op)
            if strict and is_op(a, "ne") and (_alike(a.args, b.args) or _alike(a.args[::-1], b.args)):
                return make(strict, 1, b.args)
    if op == "xor" and w == 1 and constant(args[1]) == 1 and not isinstance(args[0], Val):
        return _opposite(args[0], make)
    if op == "xor" and w == 1:
        for a, other in (args, args[::-1]):
            if is_op(other, "xor"):
                for b, again in (other.args, other.args[::-1]):
                    if _same(a, again):
                        return b
    return None


def is_op(v: Any, op: str) -> bool:
    """Whether a value is made by an operation."""
    return not isinstance(v, Val) and v.op == op


def constant(v: Any) -> int | None:
    """A value's bits, if they are known."""
    return v.known if isinstance(v, Val) else None


def _not(c: Any, make: Make) -> Any:
    opposite = None if isinstance(c, Val) else _opposite(c, make)
    return opposite or make("xor", 1, (c, Val(None, 1, 1)))  # type: ignore[arg-type]


def _opposite(c: Any, make: Make) -> Any | None:
    """The opposite of a comparison."""
    if c.op in _OPPOSITES:
        return make(_OPPOSITES[c.op], 1, c.args)
    return make(_REVERSE[c.op], 1, c.args[::-1]) if c.op in _REVERSE else None


def _low(v: Any, w: int) -> Any:
    """A simpler value with the same low bits."""
    mask = (1 << w) - 1
    while not isinstance(v, Val):
        if v.op == "or" and is_op(v.args[0], "and") and not (_ones(v.args[0].args[1]) & mask):
            v = v.args[1]
        elif (v.op == "and" and not ~(constant(v.args[1]) or 0) & mask) or (
            v.op == "zext" and v.args[0].w >= w
        ):
            v = v.args[0]
        else:
            break
    return v


def _ones(v: Any) -> int:
    """Bits that may be 1."""
    known = constant(v)
    return -1 if known is None else known


def _is_upper(v: Any) -> bool:
    """Whether it is a value of fewer bits, shifted as far left as it goes."""
    return is_op(v, "shl") and is_op(v.args[0], "zext") and constant(v.args[1]) == v.w - v.args[0].args[0].w


def _zero(w: int) -> Val:
    return Val(None, w, 0)  # type: ignore[arg-type]


def _alike(a: Any, b: Any) -> bool:
    return all(
        x is y or (constant(x) is not None and constant(x) == constant(y)) for x, y in zip(a, b, strict=True)
    )


def _negative(c: Any, make: Make) -> Any:
    args = c, _zero(c.w)
    return simplify("slt", 1, args, make) or make("slt", 1, args)


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if not is_op(a, "slt") or not is_op(b, "slt"):
        return False
    return constant(a.args[1]) == constant(b.args[1]) == 0 and a.args[0] is b.args[0]
