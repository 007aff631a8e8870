"""Decimal arithmetic: ABCD, SBCD, NBCD, PACK, UNPK.

The manual leaves N and V undefined; they are set here as the 68000 does: N from the corrected result, V where
the correction changed the sign bit.  Digits above 9 follow the same adder.
"""

from __future__ import annotations

from ..spec.insn import Fields
from ..spec.semantics import Semantics
from ..spec.value import Val
from .decl import DATA_ALT, M68020, ea, insn
from .ea import PREDEC, address, operand, source
from .flags import set_vc
from .regs import CC_N, CC_X, CC_Z, read_d, write_d


def _finish(s: Semantics, result: Val, v: Val, carry: Val) -> Val:
    byte = result.trunc(8)
    s.write(CC_N, byte.sext(32))
    s.write(CC_Z, s.read(CC_Z) | byte.zext(32))  # Z is only cleared
    set_vc(s, v, carry)
    s.write(CC_X, carry.zext(8))
    return byte


def _extend(s: Semantics) -> Val:
    return s.read(CC_X).trunc(1).zext(16)


def add_decimal(s: Semantics, x: Val, y: Val) -> Val:
    """x + y + X of two packed bytes."""
    x, y = x.zext(16), y.zext(16)
    low = (x & 15) + (y & 15) + _extend(s)
    binary = (x & 0xF0) + (y & 0xF0) + low
    value = binary + low.ugt(9).zext(16) * 6
    carry = (value & 0x3F0).ugt(0x90)
    result = value + carry.zext(16) * 0x60
    return _finish(s, result, ~binary.bit(7) & result.bit(7), carry)


def sub_decimal(s: Semantics, x: Val, y: Val) -> Val:
    """x - y - X of two packed bytes."""
    x, y = x.zext(16), y.zext(16)
    extend = _extend(s)
    binary = x - y - extend
    low_borrow = ((x & 15) - (y & 15) - extend).sign()
    six = low_borrow.zext(16) * 6
    result = binary - six - binary.sign().zext(16) * 0x60
    return _finish(s, result, binary.bit(7) & ~result.bit(7), (binary - six).sign())


@insn("1100 xxx 10000 0 yyy", "abcd {Dy},{Dx}", "PRM ABCD")
def abcd(s: Semantics, f: Fields) -> None:
    write_d(s, f.x, add_decimal(s, read_d(s, f.x, 1), read_d(s, f.y, 1)))


@insn("1100 xxx 10000 1 yyy", "abcd -({Ay}),-({Ax})", "PRM ABCD")
def abcd_memory(s: Semantics, f: Fields) -> None:
    y = operand(s, PREDEC, f.y, 1).load()
    place = operand(s, PREDEC, f.x, 1)
    place.store(add_decimal(s, place.load(), y))


@insn("1000 xxx 10000 0 yyy", "sbcd {Dy},{Dx}", "PRM SBCD")
def sbcd(s: Semantics, f: Fields) -> None:
    write_d(s, f.x, sub_decimal(s, read_d(s, f.x, 1), read_d(s, f.y, 1)))


@insn("1000 xxx 10000 1 yyy", "sbcd -({Ay}),-({Ax})", "PRM SBCD")
def sbcd_memory(s: Semantics, f: Fields) -> None:
    y = operand(s, PREDEC, f.y, 1).load()
    place = operand(s, PREDEC, f.x, 1)
    place.store(sub_decimal(s, place.load(), y))


@insn("0100 1000 00 MMM nnn", "nbcd {ea}", "PRM NBCD", valid=ea(DATA_ALT))
def nbcd(s: Semantics, f: Fields) -> None:
    place = source(s, f, 1)
    place.store(sub_decimal(s, s.const(0, 8), place.load()))


# -- PACK and UNPK: no flags ---------------------------------------------------------------------------------


def _pack(unpacked: Val) -> Val:
    return (unpacked.lsr(4) & 0xF0 | unpacked & 0x0F).trunc(8)


def _unpack(packed: Val) -> Val:
    wide = packed.zext(16)
    return (wide & 0xF0) << 4 | wide & 0x0F


@insn("1000 xxx 10100 0 yyy", "pack {Dy},{Dx},#{s16}", "PRM PACK", models=M68020)
def pack(s: Semantics, f: Fields) -> None:
    write_d(s, f.x, _pack(s.fetch(2) + read_d(s, f.y, 2)))


@insn("1000 xxx 10100 1 yyy", "pack -({Ay}),-({Ax}),#{s16}", "PRM PACK", models=M68020)
def pack_memory(s: Semantics, f: Fields) -> None:
    adjustment = s.fetch(2)
    low = operand(s, PREDEC, f.y, 1).load().zext(16)
    high = operand(s, PREDEC, f.y, 1).load().zext(16)
    operand(s, PREDEC, f.x, 1).store(_pack((high << 8 | low) + adjustment))


@insn("1000 xxx 11000 0 yyy", "unpk {Dy},{Dx},#{s16}", "PRM UNPK", models=M68020)
def unpk(s: Semantics, f: Fields) -> None:
    write_d(s, f.x, s.fetch(2) + _unpack(read_d(s, f.y, 1)))


@insn("1000 xxx 11000 1 yyy", "unpk -({Ay}),-({Ax}),#{s16}", "PRM UNPK", models=M68020)
def unpk_memory(s: Semantics, f: Fields) -> None:
    adjustment = s.fetch(2)
    value = _unpack(operand(s, PREDEC, f.y, 1).load()) + adjustment
    low, high = address(s, PREDEC, f.x, 1), address(s, PREDEC, f.x, 1)
    s.probe(high, 1)  # the first store may change the source
    s.store(low, value.trunc(8))
    s.store(high, value.bits(15, 8))
