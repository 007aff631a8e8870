"""The integer condition codes, how operations set them and branches test them (V8 manual, 4.2 and B.21).

Kept as the operations leave them.  Those of a subtraction are formed from comparisons: after SUBcc the
compiler sees `a <= b` in BLE instead of bit fiddling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..spec.semantics import Semantics
from ..spec.value import Val
from .regs import CC_C, CC_N, CC_V, CC_Z

# By condition number: the mnemonics of Bicc and Ticc behind their first letter.
CONDITIONS = (
    "n", "e", "le", "l", "leu", "cs", "neg", "vs",
    "a", "ne", "g", "ge", "gu", "cc", "pos", "vc",
)  # fmt: skip


def set_icc(s: Semantics, result: Val, overflow: Val, carry: Val) -> None:
    """N and Z of the result; V is the sign of `overflow`, C is 1 bit."""
    s.write(CC_N, result)
    s.write(CC_Z, result)
    s.write(CC_V, overflow.asr(31))
    s.write(CC_C, carry.zext(8))


def set_compared(s: Semantics, a: Val, b: Val, result: Val) -> None:
    """The four of result = a - b."""
    s.write(CC_N, result)
    s.write(CC_Z, (a != b).zext(32))
    s.write(CC_V, (a.slt(b) ^ result.slt(0)).sext(32))
    s.write(CC_C, a.ult(b).zext(8))


def set_logic(s: Semantics, result: Val) -> None:
    """N and Z of the result, V and C cleared."""
    set_icc(s, result, s.const(0, 32), s.const(0, 1))


def negative(s: Semantics) -> Val:
    return s.read(CC_N).slt(0)


def zero(s: Semantics) -> Val:
    return s.read(CC_Z) == 0


def overflowed(s: Semantics) -> Val:
    return s.read(CC_V).slt(0)


def carry(s: Semantics) -> Val:
    """C as 1 bit."""
    return s.read(CC_C).trunc(1)


def _less(s: Semantics) -> Val:
    return negative(s) ^ overflowed(s)


_TESTS: tuple[Callable[[Semantics], Val], ...] = (
    lambda s: s.const(0, 1),
    zero,
    lambda s: zero(s) | _less(s),
    _less,
    lambda s: carry(s) | zero(s),
    carry,
    negative,
    overflowed,
)


def condition(s: Semantics, number: int) -> Val:
    """Condition 0-15 as 1 bit; 8 and above are the opposites of the first eight."""
    test = _TESTS[number & 7](s)
    return ~test if number & 8 else test


def icc(s: Semantics) -> Val:
    """N Z V C in 4 bits of a 32-bit value."""
    bits = (negative(s), zero(s), overflowed(s), carry(s))
    out = s.const(0, 32)
    for bit in bits:
        out = out << 1 | bit.zext(32)
    return out


def write_icc(s: Semantics, value: Val) -> None:
    """Set N Z V C from the low 4 bits of a 32-bit value."""
    s.write(CC_N, value << 28)
    s.write(CC_Z, (value & 4) ^ 4)
    s.write(CC_V, (value << 30).asr(31))
    s.write(CC_C, value.trunc(1).zext(8))


def pack_icc(state: Any) -> int:
    """N Z V C of a state."""
    n, z, v = state.cc_n >> 31, state.cc_z == 0, state.cc_v >> 31
    return int(n << 3 | z << 2 | v << 1 | state.cc_c)


def unpack_icc(state: Any, value: int) -> None:
    """Set N Z V C of a state from outside."""
    state.cc_n = value << 28 & 0xFFFFFFFF
    state.cc_z = value & 4 ^ 4
    state.cc_v = -(value >> 1 & 1) & 0xFFFFFFFF
    state.cc_c = value & 1
