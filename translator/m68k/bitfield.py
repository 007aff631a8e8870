"""Bit fields (68020): BFTST, BFEXTU, BFCHG, BFEXTS, BFCLR, BFFFO, BFSET, BFINS.

Bit 0 of a field is its most significant one.  In memory the offset counts from the addressed byte, in either
direction, and the field touches one to five bytes: no others are read or written, so that none of them can
fault. A field in a register wraps round.  Extension word: - Rn(3) Do offset(5) Dw width(5), width 0 meaning
32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..spec.insn import Fields
from ..spec.semantics import DATA, PROGRAM, Semantics, Space
from ..spec.value import Val
from .decl import CONTROL, CONTROL_ALT, DN, M68020, ea, insn
from .ea import DREG, space_of, target
from .flags import set_vc
from .regs import CC_N, CC_Z, R


class Field:
    """The field an instruction names, left-aligned in `value`, and what to do with it."""

    def __init__(self, s: Semantics, f: Fields) -> None:
        self.s = s
        self.ext = ext = s.fetch(2)
        offset = ext.bits(10, 6)
        self.offset = ext.bit(11).select(s.read(R, offset.trunc(3)), offset.zext(32))
        width = ext.bit(5).select(s.read(R, ext.trunc(3)), ext.trunc(5).zext(32))
        self.width = ((width - 1) & 31) + 1
        self.mask = s.const(0xFFFFFFFF, 32) << (s.const(32, 32) - self.width)
        self.register = f.M == DREG
        if self.register:
            self.n, self.at = f.n, self.offset & 31
            self.offset = self.at
            value = s.read(R, f.n)
            self.value = (value << self.at | value.lsr(s.const(32, 32) - self.at)) & self.mask
        else:
            self.space = space_of(f.M, f.n)
            self.addr = target(s, f) + self.offset.asr(3)
            self.at = self.offset & 7
            self.bytes = (self.at + self.width + 7).lsr(3)
            load = load_program if self.space == PROGRAM else load_data
            self.raw: Val = s.call(load, self.addr, self.bytes)
            self.value = (self.raw << self.at.zext(64)).bits(63, 32) & self.mask

    def flags(self, value: Val) -> None:
        """N and Z of a left-aligned field."""
        self.s.write(CC_N, value)
        self.s.write(CC_Z, value)
        set_vc(self.s, 0, 0)

    def put(self, value: Val) -> None:
        """Replace the field by the left-aligned value."""
        s = self.s
        if self.register:
            back = s.const(32, 32) - self.at
            old, value = s.read(R, self.n), value & self.mask
            mask = self.mask.lsr(self.at) | self.mask << back
            s.write(R, old & ~mask | value.lsr(self.at) | value << back, self.n)
        else:
            at = self.at.zext(64)
            mask = (self.mask.zext(64) << 32).lsr(at)
            new = ((value & self.mask).zext(64) << 32).lsr(at)
            s.call(store_data, self.addr, self.bytes, self.raw & ~mask | new)

    def low(self, signed: bool) -> Val:
        """The field as a number."""
        back = self.s.const(32, 32) - self.width
        return self.value.asr(back) if signed else self.value.lsr(back)


def load_data(s: Semantics, addr: Val, count: Val) -> Val:
    """The 1..5 bytes at addr, left-aligned in 64 bits."""
    return _load(s, addr, count, DATA)


def load_program(s: Semantics, addr: Val, count: Val) -> Val:
    return _load(s, addr, count, PROGRAM)


def _load(s: Semantics, addr: Val, count: Val, space: Space) -> Val:
    def at(offset: int, size: int) -> Val:
        return s.load(addr + offset, size, space).zext(64) << 64 - 8 * (offset + size)

    def long() -> Val:
        high = at(0, 4)
        more: Val = s.if_(count == 5, lambda: at(4, 1), lambda: s.const(0, 64))
        return high | more

    def short() -> Val:
        high = at(0, 2)
        more: Val = s.if_(count == 3, lambda: at(2, 1), lambda: s.const(0, 64))
        return high | more

    result: Val = s.if_(count.uge(4), long, lambda: s.if_(count.uge(2), short, lambda: at(0, 1)))
    return result


def store_data(s: Semantics, addr: Val, count: Val, value: Val) -> None:
    """Store the left 1..5 bytes of a 64-bit value, all or none: the last byte is tried first."""

    def put(offset: int, size: int) -> None:
        s.store(addr + offset, value.lsr(64 - 8 * (offset + size)).trunc(8 * size))

    def two(first: int, longer: int) -> None:
        s.if_(count == longer, lambda: s.probe(addr + first, 1))
        put(0, first)
        s.if_(count == longer, lambda: put(first, 1))

    s.if_(
        count.uge(4), lambda: two(4, 5),
        lambda: s.if_(count.uge(2), lambda: two(2, 3), lambda: put(0, 1)),
    )  # fmt: skip


SHARED: dict[Callable[..., Any], tuple[int, ...]] = {
    load_data: (32, 32), load_program: (32, 32), store_data: (32, 32, 64),
}
READ = ea(DN | CONTROL)
CHANGE = ea(DN | CONTROL_ALT)


@insn("1110 1000 11 MMM nnn", "bftst {ea}{field}", "PRM BFTST", valid=READ, models=M68020)
def bftst(s: Semantics, f: Fields) -> None:
    field = Field(s, f)
    field.flags(field.value)


@insn("1110 1010 11 MMM nnn", "bfchg {ea}{field}", "PRM BFCHG", valid=CHANGE, models=M68020)
def bfchg(s: Semantics, f: Fields) -> None:
    field = Field(s, f)
    field.put(~field.value)
    field.flags(field.value)


@insn("1110 1100 11 MMM nnn", "bfclr {ea}{field}", "PRM BFCLR", valid=CHANGE, models=M68020)
def bfclr(s: Semantics, f: Fields) -> None:
    field = Field(s, f)
    field.put(s.const(0, 32))
    field.flags(field.value)


@insn("1110 1110 11 MMM nnn", "bfset {ea}{field}", "PRM BFSET", valid=CHANGE, models=M68020)
def bfset(s: Semantics, f: Fields) -> None:
    field = Field(s, f)
    field.put(s.const(0xFFFFFFFF, 32))
    field.flags(field.value)


@insn("1110 1001 11 MMM nnn", "bfextu {ea}{field},{Dext}", "PRM BFEXTU", valid=READ, models=M68020)
def bfextu(s: Semantics, f: Fields) -> None:
    field = Field(s, f)
    s.write(R, field.low(False), field.ext.bits(14, 12))
    field.flags(field.value)


@insn("1110 1011 11 MMM nnn", "bfexts {ea}{field},{Dext}", "PRM BFEXTS", valid=READ, models=M68020)
def bfexts(s: Semantics, f: Fields) -> None:
    field = Field(s, f)
    s.write(R, field.low(True), field.ext.bits(14, 12))
    field.flags(field.value)


@insn("1110 1101 11 MMM nnn", "bfffo {ea}{field},{Dext}", "PRM BFFFO", valid=READ, models=M68020)
def bfffo(s: Semantics, f: Fields) -> None:
    field = Field(s, f)
    zeros = (field.value == 0).select(field.width, field.value.clz())
    s.write(R, field.offset + zeros, field.ext.bits(14, 12))
    field.flags(field.value)


@insn("1110 1111 11 MMM nnn", "bfins {Dext},{ea}{field}", "PRM BFINS", valid=CHANGE, models=M68020)
def bfins(s: Semantics, f: Fields) -> None:
    field = Field(s, f)
    value = s.read(R, field.ext.bits(14, 12)) << (s.const(32, 32) - field.width)
    field.put(value)
    field.flags(value)
