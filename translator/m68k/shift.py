"""Shifts and rotates of registers and memory words (PRM ASL, LSL, ROL, ROXL).

C is the last bit shifted out, so each shift is done in twice the width with that bit next to the result.  A
count of 0 clears C (ROXL/ROXR: C = X) and leaves X alone; counts in registers go up to 63.
"""

from __future__ import annotations

from ..spec.insn import Fields
from ..spec.semantics import Semantics
from ..spec.value import Val
from .decl import MEM_ALT, ea, insn, sized
from .ea import source
from .flags import copy_c_to_x, set_nz, set_vc
from .regs import CC_C, CC_X, SIZES, read_d, write_d

ARITHMETIC, LOGICAL, ROTATE_X, ROTATE = range(4)


def _shift_left(s: Semantics, x: Val, count: Val, arithmetic: bool) -> Val:
    w = x.w
    wide = x.zext(2 * w) << count.zext(2 * w)
    result = wide.trunc(w)
    n = count.zext(w)
    lost_sign = (x << n).asr(n) != x if arithmetic else s.const(0, 1)  # V: the sign changed at any time
    return _finish(s, result, lost_sign, wide.bit(w), count)


def _shift_right(s: Semantics, x: Val, count: Val, arithmetic: bool) -> Val:
    w = x.w
    n = count.zext(2 * w)
    wide = (x.sext(2 * w) << 1).asr(n) if arithmetic else (x.zext(2 * w) << 1).lsr(n)
    return _finish(s, wide.bits(w, 1), s.const(0, 1), wide.bit(0), count)


def _finish(s: Semantics, result: Val, v: Val, c: Val, count: Val) -> Val:
    set_nz(s, result)
    set_vc(s, v, c)
    s.write(CC_X, (count == 0).select(s.read(CC_X), s.read(CC_C)))
    return result


def _rotate(s: Semantics, x: Val, count: Val, left: bool) -> Val:
    w = x.w
    n = count.zext(w) & (w - 1)
    back = s.const(w, w) - n
    result = x << n | x.lsr(back) if left else x.lsr(n) | x << back
    set_nz(s, result)
    set_vc(s, 0, (count != 0) & (result.bit(0) if left else result.sign()))
    return result


def _rotate_x(s: Semantics, x: Val, count: Val, left: bool) -> Val:
    """Rotate through X: w + 1 bits, in 64."""
    w = x.w
    ring = s.read(CC_X).zext(64) << w | x.zext(64)
    n = count.urem(w + 1).zext(64)
    back = s.const(w + 1, 64) - n
    ring = ring << n | ring.lsr(back) if left else ring.lsr(n) | ring << back
    result = ring.trunc(w)
    set_nz(s, result)
    set_vc(s, 0, ring.bit(w))
    copy_c_to_x(s)
    return result


def shifted(s: Semantics, kind: int, left: bool, x: Val, count: Val) -> Val:
    """x shifted by an 8-bit count, flags set."""
    if kind == ROTATE:
        return _rotate(s, x, count, left)
    if kind == ROTATE_X:
        return _rotate_x(s, x, count, left)
    return (_shift_left if left else _shift_right)(s, x, count, kind == ARITHMETIC)


@insn("1110 qqq LZZ 0TT yyy", "{shift}.{Z} #{quick},{Dy}", "PRM ASL, LSL, ROL, ROXL", valid=sized)
def shift_by_constant(s: Semantics, f: Fields) -> None:
    x = read_d(s, f.y, SIZES[f.Z])
    write_d(s, f.y, shifted(s, f.T, bool(f.L), x, (f.q - 1).zext(8) + 1))


@insn("1110 xxx LZZ 1TT yyy", "{shift}.{Z} {Dx},{Dy}", "PRM ASL, LSL, ROL, ROXL", valid=sized)
def shift_by_register(s: Semantics, f: Fields) -> None:
    x = read_d(s, f.y, SIZES[f.Z])
    write_d(s, f.y, shifted(s, f.T, bool(f.L), x, read_d(s, f.x, 1) & 63))


@insn("1110 0TT L11 MMM nnn", "{shift}.w {ea}", "PRM ASL, LSL, ROL, ROXL", valid=ea(MEM_ALT))
def shift_memory(s: Semantics, f: Fields) -> None:
    place = source(s, f, 2)
    place.store(shifted(s, f.T, bool(f.L), place.load(), s.const(1, 8)))
