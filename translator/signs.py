"""What conditions of signs come to: after a comparison N ^ V is `a < b`, which LLVM does not always see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .spec.value import Val

Make = Callable[..., Any]  # (op, width, args): a value of the region


def simplify(op: str, w: int, args: tuple[Any, ...], make: Make) -> Any | None:
    """A simpler value than op(args), None if there is none.

    trunc(lshr(c, all but one))  slt(c, 0)          slt(sext(c), 0)  slt(c, 0), or c if it is one bit
    a ^ (b ^ a)                  b, for one bit
    """
    if op == "trunc" and w == 1 and _is(args[0], "lshr"):
        c, count = args[0].args
        return _negative(c, make) if _known(count) == c.w - 1 else None
    if op == "slt" and _known(args[1]) == 0 and _is(args[0], "sext"):
        c = args[0].args[0]
        return c if c.w == 1 else _negative(c, make)
    if op == "xor" and w == 1:
        for a, other in (args, args[::-1]):
            if _is(other, "xor"):
                for b, again in (other.args, other.args[::-1]):
                    if _same(a, again):
                        return b
    return None


def _is(v: Any, op: str) -> bool:
    return not isinstance(v, Val) and v.op == op


def _known(v: Any) -> int | None:
    return v.known if isinstance(v, Val) else None


def _negative(c: Any, make: Make) -> Any:
    zero = Val(None, c.w, 0)  # type: ignore[arg-type]
    return simplify("slt", 1, (c, zero), make) or make("slt", 1, (c, zero))


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if not _is(a, "slt") or not _is(b, "slt"):
        return False
    return _known(a.args[1]) == _known(b.args[1]) == 0 and a.args[0] is b.args[0]
