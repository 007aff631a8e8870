"""Multiply and divide, 16 and 32 bits, and CHK, CHK2, CMP2.

Flags that the manual leaves undefined are the silicon's as far as testers have published them (docs/m68k.md).
"""

from __future__ import annotations

from ..spec.insn import Fields
from ..spec.semantics import Semantics
from ..spec.value import Val
from . import exceptions
from .decl import CONTROL, DATA, M68020, ea, insn
from .ea import source, space_of, target
from .exceptions import ZERO_DIVIDE, take, take_if
from .flags import set_logic, set_nz, set_nzvc, set_vc
from .regs import CC_N, CC_Z, SIZES, R, read_d, write_d

# -- 16 bits -------------------------------------------------------------------------------------------------


@insn("1100 xxx 011 MMM nnn", "mulu.w {ea},{Dx}", "PRM MULU", valid=ea(DATA))
def mulu_w(s: Semantics, f: Fields) -> None:
    y = source(s, f, 2).load()
    result = read_d(s, f.x, 2).zext(32) * y.zext(32)
    write_d(s, f.x, result)
    set_logic(s, result)


@insn("1100 xxx 111 MMM nnn", "muls.w {ea},{Dx}", "PRM MULS", valid=ea(DATA))
def muls_w(s: Semantics, f: Fields) -> None:
    y = source(s, f, 2).load()
    result = read_d(s, f.x, 2).sext(32) * y.sext(32)
    write_d(s, f.x, result)
    set_logic(s, result)


def _zero_divide(s: Semantics, dividend: Val, signed: bool) -> None:
    """The trap; the condition codes it leaves are the silicon's, not the manual's."""
    if signed:
        no = s.const(0, 1)
        set_nzvc(s, no, ~no, 0, 0)
    else:
        set_nzvc(s, dividend.sign(), dividend.lsr(16) == 0, int(s.model == "m68020"), 0)
    take(s, ZERO_DIVIDE, s.next_pc, 2)


@insn("1000 xxx 011 MMM nnn", "divu.w {ea},{Dx}", "PRM DIVU", valid=ea(DATA))
def divu_w(s: Semantics, f: Fields) -> None:
    y = source(s, f, 2).load()
    x = s.read(R, f.x)
    s.if_(y == 0, lambda: _zero_divide(s, x, False))
    quotient, remainder = x.udiv(y.zext(32)), x.urem(y.zext(32))
    too_big = quotient.lsr(16) != 0
    write_d(s, f.x, too_big.select(x, remainder << 16 | quotient & 0xFFFF))
    negative = s.const(1, 1)
    if s.model == "m68010":
        negative = ~(x.sign() & y.sign())
    elif s.model == "m68020":
        negative = x.sign()
    _quotient_flags(s, quotient.trunc(16), too_big, negative, s.const(0, 1))


@insn("1000 xxx 111 MMM nnn", "divs.w {ea},{Dx}", "PRM DIVS", valid=ea(DATA))
def divs_w(s: Semantics, f: Fields) -> None:
    y = source(s, f, 2).load()
    x = s.read(R, f.x)
    s.if_(y == 0, lambda: _zero_divide(s, x, True))
    quotient, remainder = x.sdiv(y.sext(32)), x.srem(y.sext(32))
    too_big = quotient != quotient.trunc(16).sext(32)
    write_d(s, f.x, too_big.select(x, remainder << 16 | quotient & 0xFFFF))
    negative, zero = s.const(1, 1), s.const(0, 1)
    if s.model == "m68020":  # what the division has come to when it gives up
        begun = _magnitude(x).lsr(16).ult(_magnitude(y).zext(32))
        byte = _magnitude(quotient).trunc(8)
        negative, zero = begun & byte.sign(), begun & (byte == 0)
    _quotient_flags(s, quotient.trunc(16), too_big, negative, zero)


def _magnitude(x: Val) -> Val:
    return x.sign().select(-x, x)


def _quotient_flags(s: Semantics, quotient: Val, too_big: Val, negative: Val, zero: Val) -> None:
    """N and Z of a quotient; `negative` and `zero` are what an overflow makes of them."""
    wide = quotient.sext(32)
    s.write(CC_N, too_big.select(negative.sext(32), wide))
    s.write(CC_Z, too_big.select((~zero).zext(32), wide))
    set_vc(s, too_big, 0)


# -- 32 bits (68020): the extension word's bit 11 says signed, bit 10 asks for 64 bits -----------------------


@insn("0100 1100 00 MMM nnn", "{mull}.l {ea},{pair}", "PRM MULS", valid=ea(DATA), models=M68020)
def mul_l(s: Semantics, f: Fields) -> None:
    ext = s.fetch(2)
    signed, quad, low, high = ext.bit(11), ext.bit(10), ext.bits(14, 12), ext.bits(2, 0)
    y, x = source(s, f, 4).load(), s.read(R, low)
    product = signed.select(x.sext(64), x.zext(64)) * signed.select(y.sext(64), y.zext(64))
    lo, hi = product.trunc(32), product.bits(63, 32)
    s.write(R, lo, low)
    s.write(R, quad.select(hi, s.read(R, high)), high)  # one register for both: the high half
    s.write(CC_N, quad.select(hi, lo))
    s.write(CC_Z, quad.select(hi | lo, lo))
    fits = hi == signed.select(lo.asr(31), s.const(0, 32))
    set_vc(s, ~quad & ~fits, 0)


@insn("0100 1100 01 MMM nnn", "{divl}.l {ea},{pair}", "PRM DIVS", valid=ea(DATA), models=M68020)
def div_l(s: Semantics, f: Fields) -> None:
    ext = s.fetch(2)
    signed, quad, low, high = ext.bit(11), ext.bit(10), ext.bits(14, 12), ext.bits(2, 0)
    y = source(s, f, 4).load()
    x = s.read(R, low)
    s.if_(y == 0, lambda: _zero_divide_long(s, x, signed))
    long = signed.select(x.sext(64), x.zext(64))
    dividend = quad.select(s.read(R, high).zext(64) << 32 | x.zext(64), long)

    def divide(is_signed: bool) -> tuple[Val, Val, Val]:
        wide = y.sext(64) if is_signed else y.zext(64)
        quotient = dividend.sdiv(wide) if is_signed else dividend.udiv(wide)
        remainder = dividend.srem(wide) if is_signed else dividend.urem(wide)
        cut = quotient.trunc(32)
        return cut, remainder.trunc(32), quotient != (cut.sext(64) if is_signed else cut.zext(64))

    quotient, remainder, too_big = s.if_(signed, lambda: divide(True), lambda: divide(False))
    s.write(R, too_big.select(s.read(R, high), remainder), high)
    s.write(R, too_big.select(x, quotient), low)  # one register for both holds the quotient
    n, z = _long_overflow(dividend, y, signed, quad)
    s.write(CC_N, too_big.select(n.sext(32), quotient))
    s.write(CC_Z, too_big.select((~z).zext(32), quotient))
    set_vc(s, too_big, 0)


def _zero_divide_long(s: Semantics, low: Val, signed: Val) -> None:
    set_nzvc(s, ~signed & low.sign(), signed | (low == 0), ~signed, 0)
    take(s, ZERO_DIVIDE, s.next_pc, 2)


def _long_overflow(dividend: Val, y: Val, signed: Val, quad: Val) -> tuple[Val, Val]:
    """N and Z of the 68020 after an overflow: mostly those of the dividend's lower half."""
    high, low = dividend.bits(63, 32), dividend.trunc(32)
    wide = signed & quad
    neither = wide & high.sign() & y.sign() & high.sgt(y)
    z = ~neither & ((low == 0) | wide & (high == 0))
    n = ~neither & ~z & (low.sign() ^ (wide & high.sign()))
    return n, z


# -- bounds --------------------------------------------------------------------------------------------------


def _chk(s: Semantics, f: Fields, size: int) -> None:
    bound = source(s, f, size).load()
    x = read_d(s, f.x, size)
    low, high = x.slt(0), x.sgt(bound)
    # Z, V and C are undefined: Z is the register's; N says which bound it was.  The 68020 shows V and C of a
    # comparison, if it traps.
    set_nz(s, x)
    if s.model == "m68020":
        outside = low | high
        overflow = ((bound ^ x) & (bound ^ (bound - x))).sign()
        set_vc(s, outside & overflow, outside & (~bound.sign() | x.sign() & high))
    else:
        set_vc(s, 0, 0)
    s.if_(low | high, lambda: take(s, exceptions.CHK, s.next_pc, 2))


@insn("0100 xxx 110 MMM nnn", "chk.w {ea},{Dx}", "PRM CHK", valid=ea(DATA))
def chk_w(s: Semantics, f: Fields) -> None:
    _chk(s, f, 2)


@insn("0100 xxx 100 MMM nnn", "chk.l {ea},{Dx}", "PRM CHK", valid=ea(DATA), models=M68020)
def chk_l(s: Semantics, f: Fields) -> None:
    _chk(s, f, 4)


@insn(
    "0000 0ZZ 011 MMM nnn", "{chk2}.{Z} {ea},{Rext}", "PRM CHK2",
    valid=ea(CONTROL, lambda f: f["Z"] != 3), models=M68020,
)
def chk2_cmp2(s: Semantics, f: Fields) -> None:
    size = SIZES[f.Z]
    ext = s.fetch(2)
    addr = target(s, f)
    space = space_of(f.M, f.n)
    lower = s.load(addr, size, space).sext(32)
    upper = s.load(addr + size, size, space).sext(32)
    x = s.read(R, ext.bits(15, 12))
    x = ext.bit(15).select(x, x.trunc(8 * size).sext(32))
    # lower..upper may be signed or unsigned bounds: what counts is the way round from the lower to the upper.
    outside = (x - lower).ugt(upper - lower)
    n, v = _bounds_flags(lower, upper, x)
    edge = (x == lower) | (x == upper)
    set_nzvc(s, ~edge & n, edge, ~edge & v, outside)
    take_if(s, ext.bit(11) & outside, exceptions.CHK, s.next_pc, 2)


def _bounds_flags(lower: Val, upper: Val, x: Val) -> tuple[Val, Val]:
    """N and V, undefined by the manual, as the 68020 leaves them for an x that is neither bound."""
    low, high, negative = lower.sign(), upper.sign(), x.sign()
    below, above, reverse = x.slt(lower), x.sgt(upper), lower.sgt(upper)
    between = above & below  # of bounds the wrong way round
    both = low & high
    v_low = ~negative & high.select((x - lower).sign(), ~(lower - x).sign())
    v_high = ~negative & x.sgt(lower) & ~(upper - x).sign()
    v_none = negative & (reverse.select(lower, upper) - x).sign()
    v = low.select(v_low, high.select(v_high, v_none))
    n_both = reverse.select(~v & (~negative | between), below | negative & above | v)
    n_low = v.select(above, below | ~negative & x.slt(upper))
    n_none = reverse.select(between | negative & ~v, ~negative & below | above | v)
    n = both.select(n_both, low.select(n_low, high.select(~v & above, n_none)))
    return n, v
