"""What the interpreter's handlers try first: the frequent instructions, on the host's x87.

    FPCR 0, nothing pending, a frequent opmode and format ─► a piece for this one, or for those left
        operands moderate, memory at hand, not inexact for the first time ─► x87, extended precision;
            what becomes of FPSR is found when somebody looks (`late`)
    anything else ─► the instruction from its start, as it is specified (`general`)

A moderate number is zero or between 2^-4096 and 2^4096: no single operation on such leaves the normal
numbers, so that INEX2 is the only exception. Its accrued bit is looked for only while it is not set. What
moves a number to memory needs no x87.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ...llvm.x87_exit import ABS, ADD, DIV, INT, INTRZ, MUL, NEG, SQRT, SUB
from ...spec.insn import Fields, Insn
from ...spec.semantics import DATA, PROGRAM, Reg
from ...spec.value import Operand, Val
from ...trace import Trace
from ..ea import AREG, DREG
from ..exceptions import branch
from ..regs import read_d, write_d
from . import arith, late
from .control import fbcc_l, fbcc_w
from .decimal import _EXACT as EXACT_CONSTANTS
from .formats import one_of, size_of
from .general import address_of, fpu_general, is_alterable, is_immediate, is_relative
from .late import EXACT, KEEP, LAST
from .regs import (
    BIAS,
    BYTE,
    CC_SHIFT,
    DOUBLE_REAL,
    EXTENDED_REAL,
    FP,
    FP_KEPT,
    FP_LAST,
    FP_OFF,
    FP_PENDING,
    FP_USED,
    FPCR,
    FPIAR,
    FPSR,
    INEX2,
    LONG,
    SINGLE_REAL,
    WORD,
    slot,
    write_number,
)
from .status import AINEX, NAN_BIT, TRUTH

MOVES = (arith.FMOVE, arith.FNEG, arith.FABS)
TWO = {arith.FMUL: MUL, arith.FADD: ADD, arith.FSUB: SUB, arith.FDIV: DIV}
ONE = {arith.FSQRT: SQRT, arith.FINT: INT, arith.FINTRZ: INTRZ}
OPERATIONS = frozenset((*MOVES, *TWO, *ONE, arith.FCMP, arith.FTST))
OWN = (arith.FMOVE, *TWO, arith.FCMP)  # have a piece of their own
MEMORY = (LONG, SINGLE_REAL, EXTENDED_REAL, WORD, DOUBLE_REAL, BYTE)
DATA_REGISTER = (LONG, SINGLE_REAL, WORD, BYTE)
ARITHMETIC, FROM_MEMORY, OUT, CONSTANT = 0b000, 0b010, 0b011, 0b010111  # extension word 15-13; 15-10
REACH = 4096  # moderate exponents
DOUBLE_TOP, SINGLE_TOP = 0x7FF << 52, 0xFF << 23
REGISTER = 7 << 7  # the destination in extension word and FP_LAST
# By predicate and N, Z: its truth if the last result is no NaN.
ORDERED = sum((TRUTH >> 8 * code + 2 * nz & 1) << 4 * code + nz for code in range(16) for nz in range(4))

Parts = tuple[Val, Val, Val, Val, Val]  # bits for FP_KEPT (two), sign, whether it is zero, format
Piece = Callable[[Trace, Fields], None]


def host(s: Trace, insn: Insn, f: Fields) -> bool:
    """Record the short way; False: there is none."""
    if insn.fn is fpu_general and f.M != AREG:
        _general(s, f)
    elif insn.fn is fbcc_w or insn.fn is fbcc_l:
        _branch(s, f, insn.fn is fbcc_l)
    else:
        return False
    return True


def _usual(s: Trace) -> None:
    state = s.read(FPCR).zext(64)
    for at, reg in ((32, FP_USED), (40, FP_PENDING), (48, FP_OFF)):
        state = state | s.read(reg).zext(64) << at
    s.require(state == 1 << 32)


def _general(s: Trace, f: Fields) -> None:
    _usual(s)
    word = s.fetch(2)
    kind, head = word.bits(15, 13), word.lsr(10)
    if f.M == DREG:
        s.if_(kind == ARITHMETIC, lambda: _choose(s, word, _from_register))
        s.if_(head == CONSTANT, lambda: s.piece(_constant, word))
    else:
        s.if_(head == FROM_MEMORY << 3 | DOUBLE_REAL, lambda: _choose(s, word, _from_double))
        if is_alterable(f):
            s.if_(head == OUT << 3 | DOUBLE_REAL, lambda: s.piece(partial(_out, fmt=DOUBLE_REAL), word))
    s.require(one_of(word.bits(12, 10), *(DATA_REGISTER if f.M == DREG else MEMORY)))

    def source() -> None:
        s.require(_among(s, word))
        s.piece(partial(_from, op=None), word)

    s.if_(kind == FROM_MEMORY, source)
    if is_alterable(f):
        s.require(kind == OUT)
        s.piece(partial(_out, fmt=None), word)
    else:
        s.give_up()


def _among(s: Trace, word: Val) -> Val:
    """Whether an opmode is one of OPERATIONS, all of which are below 64."""
    return s.const(arith.mask(OPERATIONS), 64).lsr(word.trunc(6).zext(64)).bit(0) & ~word.bit(6)


def _choose(s: Trace, word: Val, make: Callable[..., None]) -> None:
    for code in OWN:
        s.if_(word.trunc(7) == code, partial(s.piece, partial(make, op=code), word))
    s.require(_among(s, word))
    s.piece(partial(make, op=None), word)


def _extension(s: Trace, op: int | None) -> tuple[Val, Val]:
    """A piece's extension word and opmode (8 bits)."""
    word = s.emit("extension", 16)
    return word, word.trunc(6).zext(8) if op is None else s.const(op, 8)


def _moderate(s: Trace, se: Val, m: Val) -> None:
    e = se & 0x7FFF
    s.if_(
        (e - (BIAS - REACH)).ult(2 * REACH),
        lambda: s.require(m.sign()),
        lambda: s.require(e.zext(64) | m == 0),
    )


def _bits(s: Trace, at: tuple[Operand, Operand]) -> tuple[Val, Val]:
    """(se, m) of the register at a slot, by loads as wide as the x87's stores: others would have to wait."""
    return s.emit("x_sign_exponent", 16, FP, s._index(at[0])), s.emit("get", 64, FP, s._index(at[1]))


def _number(s: Trace, reg: Reg, at: Operand) -> Val:
    return s.emit("x_load", 80, reg, s._index(at))


def _complete(s: Trace, last: Val | int) -> None:
    s.write(FP_LAST, last if isinstance(last, Val) else s.const(last, 16))
    s.write(FPIAR, s.pc)
    s.done()


def _moved(s: Trace, word: Val) -> None:
    _complete(s, word & REGISTER | (LAST | EXACT))


# -- operands ------------------------------------------------------------------------------------------------


class Source(NamedTuple):
    """The source operand: what makes an x87 number of it, what is asked of it, its format in FP_KEPT."""

    x: Callable[[], Val]
    sign: Val
    zero: Val
    fmt: Val
    bits: tuple[Val, Val] | None = None  # (m, se) of a register, which FP_KEPT has not yet


def _constant(s: Trace, f: Fields) -> None:
    """FMOVECR of what fits into 64 bits."""
    word, _ = _extension(s, None)
    offset, good = word.trunc(7), s.const(0, 1)
    se, m = s.const(0, 16), s.const(0, 64)
    for at, value in EXACT_CONSTANTS.items():
        bits = value.bit_length()
        if bits > 64 and value % (1 << bits - 64):
            continue
        here = offset == at
        good = good | here
        se = here.select(s.const(BIAS + bits - 1 if value else 0, 16), se)
        m = here.select(s.const(value << 64 - bits if bits <= 64 else value >> bits - 64, 64), m)
    s.require(good)
    write_number(s, slot(word.bits(9, 7)), se, m)
    _moved(s, word)


def _from_register(s: Trace, f: Fields, op: int | None) -> None:
    word, opmode = _extension(s, op)
    at = slot(word.bits(12, 10))
    se, m = _bits(s, at)
    _moderate(s, se, m)

    def move() -> None:
        sign = (opmode == arith.FABS).select(s.const(0, 1), se.sign() ^ (opmode == arith.FNEG))
        write_number(s, slot(word.bits(9, 7)), se & 0x7FFF | sign.zext(16) << 15, m)
        _moved(s, word)

    s.if_(opmode & ~0x1A & 0xFF == 0, move)
    if op == arith.FMOVE:
        return
    a = Source(partial(_number, s, FP, at[1]), se.sign(), m == 0, s.const(EXTENDED_REAL, 3), (m, se))
    _operate(s, word, opmode, a)


def _from_double(s: Trace, f: Fields, op: int | None) -> None:
    _from(s, f, op, DOUBLE_REAL)


def _from(s: Trace, f: Fields, op: int | None, only: int | None = None) -> None:
    """The operand is in memory, a data register or the instruction; in one format only, or in any."""
    word, opmode = _extension(s, op)
    fmt = word.bits(12, 10) if only is None else s.const(only, 3)
    addr = None if f.M == DREG or is_immediate(f) else address_of(s, f, size_of(s, fmt))
    space = PROGRAM if is_relative(f) else DATA

    def load(at: int, size: int) -> Val:
        if f.M == DREG:
            return read_d(s, f.n, size)
        if addr is not None:
            return s.load(addr + at, size, space)
        if size == 8:
            high = s.fetch(4).zext(64)
            return high << 32 | s.fetch(4).zext(64)
        return s.fetch(max(size, 2)).trunc(8 * size)

    def double() -> Parts:
        raw = load(0, 8)
        s.require(raw & DOUBLE_TOP != DOUBLE_TOP)
        return real(raw)

    def single() -> Parts:
        raw = load(0, 4)
        s.require(raw & SINGLE_TOP != SINGLE_TOP)
        return real(s.emit("x_double", 64, "real", raw))

    def real(raw: Val) -> Parts:
        return raw, s.const(0, 16), raw.sign(), raw << 1 == 0, s.const(DOUBLE_REAL, 3)

    def extended() -> Parts:
        se = load(0, 4).bits(31, 16)
        m = load(4, 8)
        _moderate(s, se, m)
        return m, se, se.sign(), m == 0, s.const(EXTENDED_REAL, 3)

    def integer() -> Parts:
        value = s.if_(
            fmt == LONG,
            lambda: load(0, 4),
            lambda: s.if_(fmt == WORD, lambda: load(0, 2).sext(32), lambda: load(0, 1).sext(32)),
        )
        return real(s.emit("x_double", 64, "integer", value))

    def shorter() -> Parts:
        parts: Parts = s.if_(fmt == SINGLE_REAL, single, integer)
        return parts

    def others() -> Parts:
        parts: Parts = s.if_(fmt == EXTENDED_REAL, extended, shorter)
        return parts

    parts = shorter() if f.M == DREG else s.if_(fmt == DOUBLE_REAL, double, others)
    raw, se, sign, zero, kept = parts
    s.do("set", FP_KEPT, s._index(0), raw)
    s.do("set", FP_KEPT, s._index(1), se.zext(64))

    def number() -> Val:
        x: Val = s.if_(
            kept == DOUBLE_REAL, lambda: s.emit("x_real", 80, FP_KEPT), lambda: _number(s, FP_KEPT, 0)
        )
        return x

    _operate(s, word, opmode, Source(number, sign, zero, kept))


# -- arithmetic ----------------------------------------------------------------------------------------------


def _operate(s: Trace, word: Val, op: Val, a: Source) -> None:
    """Operation op on a and the destination; ends the instruction.

    All that is required comes before there are x87 numbers: none must be left where this is given up.
    """
    at = slot(word.bits(9, 7))

    def put(x: Val) -> None:
        s.do("x_put", FP, s._index(at[1]), x)

    def move() -> None:
        def changed() -> None:
            s.if_(op == arith.FNEG, partial(monadic, NEG), partial(monadic, ABS))

        s.if_(op == arith.FMOVE, lambda: put(a.x()), changed)
        _moved(s, word)

    def codes(sign: Val, zero: Val) -> None:
        new = (sign.zext(32) << 3 | zero.zext(32) << 2) << CC_SHIFT
        s.write(FPSR, s.read(FPSR) & KEEP | new)
        _complete(s, 0)

    def compare() -> None:
        b_se, b_m = _bits(s, at)
        _moderate(s, b_se, b_m)
        x, b = a.x(), _number(s, FP, at[1])
        less, equal = s.emit("x_less", 1, b, x), s.emit("x_equal", 1, b, x)
        codes(equal.select(b_se.sign(), less), equal)

    def monadic(kind: int) -> None:
        put(s.emit("x_one", 80, kind, a.x()))

    def root() -> None:
        s.require(~a.sign | a.zero)
        monadic(SQRT)

    def rounded() -> None:
        s.if_(op == arith.FINT, partial(monadic, INT), partial(monadic, INTRZ))

    def dyadic() -> None:
        _moderate(s, b_se, b_m)
        s.require(~((op == arith.FDIV) & a.zero))
        x = a.x()
        b = _number(s, FP, at[1])

        def one(code: int, *others: int) -> Val:
            def this() -> Val:
                return s.emit("x_two", 80, TWO[code], x, b)

            value: Val = s.if_(op == code, this, partial(one, *others)) if others else this()
            return value

        put(one(*TWO))

    def undo() -> None:
        write_number(s, at, b_se, b_m)
        s.commit()
        s.give_up()

    if a.bits is None:
        s.if_(op & ~0x1A & 0xFF == 0, move)
    if not s.dead:
        s.if_(op == arith.FTST, lambda: codes(a.sign, a.zero))
        s.if_(op == arith.FCMP, compare)
    if s.dead:
        return
    b_se, b_m = _bits(s, at)
    s.if_(op.bit(5), dyadic, lambda: s.if_(op == arith.FSQRT, root, rounded))
    s.if_(s.read(FPSR) & AINEX == 0, lambda: s.if_(s.emit("x_inexact", 1), undo))
    kept = (*(a.bits or ()), b_m, b_se)
    for i, bits in enumerate(kept, 4 - len(kept)):
        s.write(FP_KEPT, bits.zext(64), i)
    _complete(s, word & REGISTER | a.fmt.zext(16) << 10 | op.zext(16) | LAST)


# -- to memory and data registers ----------------------------------------------------------------------------


def _out(s: Trace, f: Fields, fmt: int | None) -> None:
    """FMOVE to memory or a data register."""
    word, _ = _extension(s, None)
    code = word.bits(12, 10) if fmt is None else s.const(fmt, 3)
    se, m = _bits(s, slot(word.bits(9, 7)))
    zero = (se & 0x7FFF).zext(64) | m == 0

    def store(value: Val, lost: Val) -> None:
        if f.M == DREG:
            write_d(s, f.n, value)
        else:
            s.store(address_of(s, f, s.const(value.w // 8, 32)), value)
        end(lost)

    def end(lost: Val) -> None:
        exceptions = lost.select(s.const(INEX2 << 8 | AINEX, 32), 0)
        s.write(FPSR, late.coded(s) & (0xFFFF0000 | KEEP) | exceptions)
        _complete(s, 0)

    def real(size: int, exponent_bits: int) -> Callable[[], None]:
        def narrow() -> None:
            value, lost, good = _narrow(s, se, m, exponent_bits, 8 * size - 1 - exponent_bits)
            s.require(good | zero)
            value = zero.select(se.sign().zext(64) << 8 * size - 1, value)
            store(value.trunc(8 * size), lost)

        return narrow

    def extended() -> None:
        _moderate(s, se, m)
        addr = address_of(s, f, s.const(12, 32))
        s.store(addr, se.zext(32) << 16)
        s.store(addr + 4, m)
        end(s.const(0, 1))

    def integer() -> None:
        value, lost, good = _whole(s, se, m)

        def size(n: int) -> Callable[[], None]:
            def cut() -> None:
                short = value.trunc(8 * n)
                s.require((good & (value == short.sext(64))) | zero)
                store(zero.select(s.const(0, 8 * n), short), lost & ~zero)

            return cut

        s.if_(code == LONG, size(4), lambda: s.if_(code == WORD, size(2), size(1)))

    def shorter() -> None:
        s.if_(code == SINGLE_REAL, real(4, 8), integer)

    def others() -> None:
        s.if_(code == EXTENDED_REAL, extended, shorter)

    if f.M == DREG:
        shorter()
    else:
        s.if_(code == DOUBLE_REAL, real(8, 11), others)


def _narrow(s: Trace, se: Val, m: Val, exponent_bits: int, fraction_bits: int) -> tuple[Val, Val, Val]:
    """(a single or double in 64 bits, whether bits were lost, whether it is normal) to nearest."""
    top, cut = (1 << exponent_bits) - 1, 63 - fraction_bits
    e = (se & 0x7FFF) - (BIAS - (top >> 1))
    good = (e - 1).ult(top - 2) & m.sign()  # with room for the carry of rounding
    rest, half = m & (1 << cut) - 1, 1 << cut - 1
    fraction = m.lsr(cut)
    up = s.const(half, 64).ult(rest) | ((rest == half) & fraction.bit(0))
    value = (fraction & (1 << fraction_bits) - 1 | e.zext(64) << fraction_bits) + up.zext(64)
    return value | se.sign().zext(64) << exponent_bits + fraction_bits, rest != 0, good


def _whole(s: Trace, se: Val, m: Val) -> tuple[Val, Val, Val]:
    """(a number as an integer of 64 bits, whether bits were lost, whether it is one of 32) to nearest."""
    e = (se & 0x7FFF) - (BIAS - 1)  # 0: between a half and one
    good = e.ult(33) & m.sign()
    count = s.const(64, 64) - e.zext(64)
    whole, part = m.lsr(count), m << e.zext(64)
    half = s.const(1 << 63, 64)
    up = half.ult(part) | ((part == half) & whole.bit(0))
    value = whole + up.zext(64)
    return se.sign().select(-value, value), part != 0, good


# -- branches ------------------------------------------------------------------------------------------------


def _branch(s: Trace, f: Fields, long: bool) -> None:
    _usual(s)
    fpsr = late.coded(s)
    s.require(~fpsr.bit(NAN_BIT))
    index = f.c.trunc(4).zext(64) << 2 | fpsr.bits(27, 26).zext(64)
    to = s.fetch(4) if long else s.fetch(2).sext(32)
    branch(s, s.const(ORDERED, 64).lsr(index).bit(0), to + (s.pc + 2))
    s.done()
