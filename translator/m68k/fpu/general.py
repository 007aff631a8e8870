"""The general instructions of the coprocessor: arithmetic, moves in and out, control registers, FMOVEM,
FMOVECR.

All have one instruction word, `1111 001 000` and an effective address; the extension word says what is meant
(PRM 5, tables 5-1 ff.). So there is one handler for each address mode, and all else is decided at run time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ...spec.insn import Fields
from ...spec.semantics import DATA, PROGRAM, Reg, Semantics
from ...spec.value import Val
from ..decl import ALL, ea, insn
from ..ea import AREG, DREG, IMMEDIATE, OTHER, PC_INDEX, POSTINC, PREDEC, address, areg
from ..regs import R, read_a, read_d, write_a
from . import late
from .arith import FCMP, FCOS, FMOD, FMOVE, FREM, FSIN, FSINCOS, FTST, OPERATIONS, member, operate
from .formats import decode, encode, read_data, read_program, rom, size_of, write
from .formats import one_of as format_in
from .regs import (
    BYTE,
    DZ,
    FP_PENDING,
    FPCR,
    FPCR_BITS,
    FPIAR,
    FPSR,
    FPSR_BITS,
    LONG,
    OPERR,
    PACKED_DYNAMIC,
    SINGLE_REAL,
    SNAN,
    WORD,
    read_number,
    slot,
    write_number,
)
from .status import begin, finish, line_f, mid_instruction, settle, settle_result

FPU = frozenset({"m68020+m68881", "m68020+m68882"})
Operand = tuple[Val, Val, Val]  # se, m, exceptions


class Ext:
    """The extension word and its register numbers, which have to be had before anything is decided."""

    def __init__(self, s: Semantics) -> None:
        self.word = s.fetch(2)
        self.source = self.word.bits(12, 10)  # a register or a format
        self.at = slot(self.word.bits(9, 7))
        self.cosine = slot(self.word.trunc(3))
        self.dynamic = self.word.bits(6, 4)

    def bit(self, n: int) -> Val:
        return self.word.bit(n)

    def bits(self, hi: int, lo: int) -> Val:
        return self.word.bits(hi, lo)


def mode(f: Fields) -> tuple[int, int]:
    """The address mode and, of mode 7, which one."""
    return f.M, f.n.known if f.M == OTHER else 0


def is_immediate(f: Fields) -> bool:
    return mode(f) == (OTHER, IMMEDIATE)


def is_alterable(f: Fields) -> bool:
    return bool(f.M != OTHER or f.n.known < 2)


def is_relative(f: Fields) -> bool:
    return f.M == OTHER and f.n.known in (2, PC_INDEX)


def address_of(s: Semantics, f: Fields, size: Val) -> Val:
    """The address of a memory operand whose size (32 bits) is known at run time only."""
    if f.M in (POSTINC, PREDEC):
        stack = (areg(f.n) == 15) & (size == 1)
        step = stack.select(s.const(2, 32), size)
        addr = read_a(s, f.n)
        moved = addr + step if f.M == POSTINC else addr - step
        write_a(s, f.n, moved)
        return addr if f.M == POSTINC else moved
    return address(s, f.M, f.n, 4)


def refuse_unless(s: Semantics, good: Val) -> None:
    s.if_(~good, lambda: line_f(s))


def control_of(s: Semantics) -> Val:
    """Rounding precision and mode."""
    return s.read(FPCR).trunc(8) & 0xF0


@insn("1111 001 000 MMM nnn", "{fpu}", "PRM 5", valid=ea(ALL), models=FPU, traits="interp")
def fpu_general(s: Semantics, f: Fields) -> None:
    ext = Ext(s)
    begin(s)
    s.if_(
        ext.bit(15),
        lambda: s.if_(ext.bit(14), lambda: _data_registers(s, f, ext), lambda: _control_registers(s, f, ext)),
        lambda: s.if_(ext.bit(13), lambda: _out(s, f, ext), lambda: _arithmetic(s, f, ext)),
    )


# -- arithmetic ----------------------------------------------------------------------------------------------


def _arithmetic(s: Semantics, f: Fields, ext: Ext) -> None:
    fmt, opmode = ext.source, ext.word.trunc(7).zext(8)
    control = control_of(s)
    constant = ext.bits(14, 10) == 0x17
    op = constant.select(s.const(FMOVE, 8), opmode)
    refuse_unless(s, member(s, op, OPERATIONS))
    a_se, a_m, read_exc = s.if_(
        ext.bit(14),
        lambda: s.if_(
            constant,
            lambda: s.call(rom, opmode, control),
            lambda: _source(s, f, fmt, control),
        ),
        lambda: (*read_number(s, slot(fmt)), s.const(0, 8)),
    )
    at, second = ext.at, ext.cosine
    b_se, b_m = read_number(s, at)
    both = op & 0x78 == FSINCOS
    cos_se, cos_m, cos_exc = s.if_(
        both,
        lambda: s.call(operate, s.const(FCOS, 8), a_se, a_m, b_se, b_m, control)[:3],
        lambda: (a_se, a_m, s.const(0, 8)),
    )
    op = both.select(s.const(FSIN, 8), op)
    se, m, exc, quotient = s.call(operate, op, a_se, a_m, b_se, b_m, control)
    exc = exc | cos_exc | read_exc
    fpsr = s.read(FPSR)
    remainder = (op == FMOD) | (op == FREM)
    kept = remainder.select(quotient.zext(32) << 16, fpsr & 0xFF0000)
    settled = s.call(settle_result, exc, se, m, kept, fpsr, s.read(FPCR))
    s.write(FP_PENDING, finish(s, settled))
    # With these enabled the operands stay (UM 6.1.2 ff.).
    stopped = exc & s.read(FPCR).bits(15, 8) & (SNAN | OPERR | DZ) != 0
    idle = (op == FCMP) | (op == FTST) | stopped
    put_cos = both & ~stopped
    old_se, old_m = read_number(s, second)
    write_number(s, second, put_cos.select(cos_se, old_se), put_cos.select(cos_m, old_m))
    old_se, old_m = read_number(s, at)
    write_number(s, at, idle.select(old_se, se), idle.select(old_m, m))


def _source(s: Semantics, f: Fields, fmt: Val, control: Val) -> Operand:
    """The operand in memory, a data register or the instruction."""
    zero = s.const(0, 32)
    if f.M == AREG:
        line_f(s)
        return s.const(0, 16), s.const(0, 64), s.const(0, 8)
    if f.M == DREG:
        refuse_unless(s, format_in(fmt, BYTE, WORD, LONG, SINGLE_REAL))
        raw = zero, read_d(s, f.n, 4).zext(64)
    elif is_immediate(f):
        raw = _immediate(s, fmt)
    else:
        addr = address_of(s, f, size_of(s, fmt))
        raw = s.call(read_program if is_relative(f) else read_data, addr, fmt)
    operand: Operand = s.call(decode, fmt, *raw, control)
    return operand


def _immediate(s: Semantics, fmt: Val) -> tuple[Val, Val]:
    zero, size = s.const(0, 32), size_of(s, fmt)

    def pair() -> Val:
        high = s.fetch(4).zext(64)
        return high << 32 | s.fetch(4).zext(64)

    def long() -> tuple[Val, Val]:
        hi = s.if_(size == 12, lambda: s.fetch(4), lambda: zero)
        return hi, pair()

    def short() -> tuple[Val, Val]:
        return zero, s.if_(size == 4, lambda: s.fetch(4).zext(64), lambda: s.fetch(2).zext(64))

    raw: tuple[Val, Val] = s.if_(size.ugt(4), long, short)
    return raw


# -- to memory and data registers ----------------------------------------------------------------------------


def _out(s: Semantics, f: Fields, ext: Ext) -> None:
    fmt = ext.source
    if f.M == AREG or not is_alterable(f):
        line_f(s)
        return
    refuse_unless(s, ext.bit(14))
    if f.M == DREG:
        refuse_unless(s, format_in(fmt, BYTE, WORD, LONG, SINGLE_REAL))
    se, m = read_number(s, ext.at)
    k = (fmt == PACKED_DYNAMIC).select(read_d(s, ext.dynamic, 4).trunc(8), ext.word.trunc(8)) & 0x7F
    hi, lo, exc = s.call(encode, fmt, se, m, control_of(s), k)
    if f.M == DREG:
        mask = (fmt == BYTE).select(s.const(0xFF, 32), (fmt == WORD).select(s.const(0xFFFF, 32), 0xFFFFFFFF))
        s.write(R, read_d(s, f.n, 4) & ~mask | lo.trunc(32) & mask, f.n)
    else:
        s.call(write, address_of(s, f, size_of(s, fmt)), fmt, hi, lo)
    fpsr = late.coded(s)
    vector = finish(s, s.call(settle, exc, fpsr & 0xFFFF0000, fpsr, s.read(FPCR)))
    s.if_(vector != 0, lambda: mid_instruction(s, vector))


# -- control registers ---------------------------------------------------------------------------------------

# (register, its bit in the list, bits that it has)
CONTROLS = ((FPCR, 12, FPCR_BITS), (FPSR, 11, FPSR_BITS), (FPIAR, 10, 0xFFFFFFFF))


def _set_if(s: Semantics, cond: Val, reg: Reg, value: Callable[[], Val], mask: int) -> None:
    s.write(reg, s.if_(cond, lambda: value() & mask, lambda: s.read(reg)))


def _control_registers(s: Semantics, f: Fields, ext: Ext) -> None:
    """FMOVE and FMOVEM of FPCR, FPSR, FPIAR: in this order in memory, lowest address first.

    An empty list, which the manual has not, is taken for FPIAR by the silicon.
    """
    late.settle(s)
    names = ext.source
    names = (names == 0).select(s.const(1, 3), names)
    named = {bit: names.bit(bit - 10) for _, bit, _ in CONTROLS}
    out = ext.bit(13)
    if not is_alterable(f):
        refuse_unless(s, ~out)
    if f.M == DREG:
        refuse_unless(s, (names == 4) | (names == 2) | (names == 1))
    if f.M == AREG:
        refuse_unless(s, names == 1)
    if f.M in (DREG, AREG):
        n = f.n if f.M == DREG else areg(f.n)

        def to_register() -> None:
            value = s.const(0, 32)
            for reg, bit, _ in CONTROLS:
                value = named[bit].select(s.read(reg), value)
            s.write(R, value, n)

        def from_register() -> None:
            for reg, bit, mask in CONTROLS:
                s.write(reg, named[bit].select(s.read(R, n) & mask, s.read(reg)))

        s.if_(out, to_register, from_register)
        return
    if is_immediate(f):
        for reg, bit, mask in CONTROLS:
            _set_if(s, named[bit], reg, partial(s.fetch, 4), mask)
        return
    count = s.const(0, 32)
    for _, bit, _ in CONTROLS:
        count = count + named[bit].zext(32)
    addr = address_of(s, f, count << 2)
    space = PROGRAM if is_relative(f) else DATA

    def store() -> None:
        at = addr
        for reg, bit, _ in CONTROLS:
            s.if_(named[bit], partial(s.store, at, s.read(reg)))
            at = at + (named[bit].zext(32) << 2)

    def load() -> None:
        at = addr
        for reg, bit, mask in CONTROLS:
            _set_if(s, named[bit], reg, partial(s.load, at, 4, space), mask)
            at = at + (named[bit].zext(32) << 2)

    if is_alterable(f):
        s.if_(out, store, load)
    else:
        load()


# -- data registers ------------------------------------------------------------------------------------------


def _data_registers(s: Semantics, f: Fields, ext: Ext) -> None:
    """FMOVEM: FP0 at the lowest address; the list's order is that of the address mode (PRM 5-60)."""
    out = ext.bit(13)
    if f.M in (DREG, AREG) or is_immediate(f):
        line_f(s)
        return
    if f.M == POSTINC or not is_alterable(f):
        refuse_unless(s, ~out)
    if f.M == PREDEC:
        refuse_unless(s, out)
    given = ext.bit(11).select(read_d(s, ext.dynamic, 4).trunc(8), ext.word.trunc(8))
    turned = s.const(0, 8)
    for i in range(8):
        turned = turned | given.bit(i).zext(8) << 7 - i
    which = ext.bit(12).select(turned, given)
    count = s.const(0, 32)
    for i in range(8):
        count = count + which.bit(i).zext(32)
    addr = address_of(s, f, (count << 3) + (count << 2))

    def load() -> None:
        values = s.call(restore_program if is_relative(f) else restore_data, addr, which)
        late.settle_codes(s)
        for i in range(8):
            write_number(s, slot(i), values[2 * i], values[2 * i + 1])

    if f.M == PREDEC:
        s.call(fpu_save, addr, which)
    elif f.M == POSTINC or not is_alterable(f):
        load()
    else:
        s.if_(out, lambda: s.call(fpu_save, addr, which), load)


def fpu_save(s: Semantics, addr: Val, which: Val) -> None:
    """Store the registers of a mask."""
    for i in range(8):

        def store(i: int = i, at: Val = addr) -> None:
            se, m = read_number(s, slot(i))
            s.store(at, se.zext(32) << 16)
            s.store(at + 4, m)

        s.if_(which.bit(i), store)
        addr = addr + which.bit(i).select(s.const(12, 32), 0)


def restore_data(s: Semantics, addr: Val, which: Val) -> tuple[Val, ...]:
    return _restore(s, addr, which, DATA)


def restore_program(s: Semantics, addr: Val, which: Val) -> tuple[Val, ...]:
    return _restore(s, addr, which, PROGRAM)


def _load(s: Semantics, addr: Val, space: Any) -> tuple[Val, Val]:
    return s.load(addr, 4, space).bits(31, 16), s.load(addr + 4, 8, space)


def _restore(s: Semantics, addr: Val, which: Val, space: Any) -> tuple[Val, ...]:
    """All registers, those of the mask from memory."""
    values: list[Val] = []
    for i in range(8):
        values += s.if_(which.bit(i), partial(_load, s, addr, space), partial(read_number, s, slot(i)))
        addr = addr + which.bit(i).select(s.const(12, 32), 0)
    return tuple(values)


SHARED: dict[Callable[..., Any], tuple[int, ...]] = {
    fpu_save: (32, 8),
    restore_data: (32, 8),
    restore_program: (32, 8),
}
