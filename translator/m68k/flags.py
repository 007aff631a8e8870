"""Condition codes: kept as the operations leave them, computed when a condition or SR asks (PRM table 3-18).

Results are sign-extended into cc_n and cc_z.  A subtraction's V is formed from comparisons, so that after CMP
the compiler sees `a < b` in LT and GE instead of bit fiddling.
"""

from __future__ import annotations

from ..spec.semantics import Semantics
from ..spec.value import Val
from .regs import CC_C, CC_N, CC_V, CC_X, CC_Z, SR_SYS

CONDITIONS = ("t", "f", "hi", "ls", "cc", "cs", "ne", "eq", "vc", "vs", "pl", "mi", "ge", "lt", "gt", "le")


def set_nz(s: Semantics, result: Val) -> None:
    """N and Z from a result."""
    wide = result.sext(32)
    s.write(CC_N, wide)
    s.write(CC_Z, wide)


def set_vc(s: Semantics, v: Val | int, c: Val | int) -> None:
    """V and C from 1-bit values."""
    s.write(CC_V, v.sext(32) if isinstance(v, Val) else s.const(-v, 32))
    s.write(CC_C, c.zext(8) if isinstance(c, Val) else s.const(c, 8))


def set_nzvc(s: Semantics, n: Val, z: Val, v: Val | int, c: Val | int) -> None:
    """All four from 1-bit values, where no result shows N and Z."""
    s.write(CC_N, n.sext(32))
    s.write(CC_Z, (~z).zext(32))
    set_vc(s, v, c)


def set_logic(s: Semantics, result: Val) -> None:
    """N and Z from the result, V and C cleared: MOVE, AND, TST, …"""
    set_nz(s, result)
    set_vc(s, 0, 0)


def copy_c_to_x(s: Semantics) -> None:
    s.write(CC_X, s.read(CC_C))


def set_add(s: Semantics, x: Val, y: Val, result: Val) -> None:
    """Flags of result = x + y, X included."""
    set_nz(s, result)
    set_vc(s, ((x ^ result) & (y ^ result)).sign(), result.ult(x))
    copy_c_to_x(s)


def set_cmp(s: Semantics, x: Val, y: Val, result: Val) -> None:
    """Flags of result = x - y, X left alone."""
    set_nz(s, result)
    set_vc(s, x.slt(y) ^ result.sign(), x.ult(y))


def set_sub(s: Semantics, x: Val, y: Val, result: Val) -> None:
    """Flags of result = x - y, X included."""
    set_cmp(s, x, y, result)
    copy_c_to_x(s)


def add_extended(s: Semantics, x: Val, y: Val) -> Val:
    """x + y + X with all flags; Z is only ever cleared (PRM ADDX)."""
    result = x + y + s.read(CC_X).trunc(1).zext(x.w)
    _sticky_z(s, result)
    set_vc(s, ((x ^ result) & (y ^ result)).sign(), ((x & y) | ((x | y) & ~result)).sign())
    copy_c_to_x(s)
    return result


def sub_extended(s: Semantics, x: Val, y: Val) -> Val:
    """x - y - X with all flags; Z is only ever cleared (PRM SUBX)."""
    result = x - y - s.read(CC_X).trunc(1).zext(x.w)
    _sticky_z(s, result)
    set_vc(s, ((x ^ y) & (x ^ result)).sign(), ((~x & y) | (~(x ^ y) & result)).sign())
    copy_c_to_x(s)
    return result


def _sticky_z(s: Semantics, result: Val) -> None:
    wide = result.sext(32)
    s.write(CC_N, wide)
    s.write(CC_Z, s.read(CC_Z) | wide)


def condition(s: Semantics, cc: int) -> Val:
    """Condition `cc` (0 T, 1 F, 2 HI, …, 15 LE) as a 1-bit value."""
    kind = cc >> 1
    if kind == 0:
        true = s.const(1, 1)
    elif kind == 1:
        true = (s.read(CC_C) == 0) & (s.read(CC_Z) != 0)
    elif kind == 2:
        true = s.read(CC_C) == 0
    elif kind == 3:
        true = s.read(CC_Z) != 0
    elif kind == 4:
        true = ~s.read(CC_V).slt(0)
    elif kind == 5:
        true = ~s.read(CC_N).slt(0)
    else:
        true = ~(s.read(CC_N).slt(0) ^ s.read(CC_V).slt(0))
        if kind == 7:
            true = true & (s.read(CC_Z) != 0)
    return ~true if cc & 1 else true


def ccr(s: Semantics) -> Val:
    """The condition code register, 8 bits: 0 0 0 X N Z V C."""
    return (
        s.read(CC_X) << 4
        | s.read(CC_N).sign().zext(8) << 3
        | (s.read(CC_Z) == 0).zext(8) << 2
        | s.read(CC_V).sign().zext(8) << 1
        | s.read(CC_C)
    )


def write_ccr(s: Semantics, value: Val) -> None:
    """Set all five from the low bits of `value`."""
    set_nzvc(s, value.bit(3), value.bit(2), value.bit(1), value.bit(0))
    s.write(CC_X, value.bit(4).zext(8))


def sr(s: Semantics) -> Val:
    """The status register, 16 bits."""
    return s.read(SR_SYS).zext(16) << 8 | ccr(s).zext(16)
