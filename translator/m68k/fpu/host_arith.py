"""Arithmetic on the host's x87, for `host`: operands, constants, the operations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ...llvm.x87_exit import ABS, ADD, DIV, INT, INTRZ, MUL, NEG, SQRT, SUB
from ...spec.insn import Fields
from ...spec.semantics import DATA, PROGRAM
from ...spec.value import Val
from ...trace import Trace
from ..ea import DREG
from ..regs import read_d
from . import arith
from .decimal import _EXACT as EXACT_CONSTANTS
from .formats import size_of
from .general import address_of, is_immediate, is_relative
from .host_pieces import REGISTER, Pair, bits, complete, extension, moved, number, require_moderate
from .late import KEEP, LAST
from .regs import (
    BIAS,
    CC_SHIFT,
    DOUBLE_REAL,
    EXTENDED_REAL,
    FP,
    FP_KEPT,
    FPSR,
    LONG,
    SINGLE_REAL,
    WORD,
    slot,
    write_number,
)

TWO = {arith.FMUL: MUL, arith.FADD: ADD, arith.FSUB: SUB, arith.FDIV: DIV}
DOUBLE_BIAS, DOUBLE_TOP, SINGLE_TOP = 1023, 0x7FF << 52, 0xFF << 23

Parts = tuple[Val, Val, Val, Val, Val]  # bits for FP_KEPT (two), sign, whether it is zero, format


class Source(NamedTuple):
    """The source operand: what makes an x87 number of it, what is asked of it, its format in FP_KEPT."""

    x: Callable[[], Val]
    sign: Val
    zero: Val
    fmt: Val
    read: Callable[[], Pair] | None = None  # a register, which FP_KEPT has not yet
    raw: Val | None = None  # a double


def constant(s: Trace, f: Fields) -> None:
    """FMOVECR of what fits into 64 bits."""
    word, _ = extension(s, None)
    offset, good = word.trunc(7), s.const(0, 1)
    se, m = s.const(0, 16), s.const(0, 64)
    for at, value in EXACT_CONSTANTS.items():
        length = value.bit_length()
        if length > 64 and value % (1 << length - 64):
            continue
        here = offset == at
        good = good | here
        se = here.select(s.const(BIAS + length - 1 if value else 0, 16), se)
        m = here.select(s.const(value << 64 - length if length <= 64 else value >> length - 64, 64), m)
    s.require(good)
    write_number(s, slot(word.bits(9, 7)), se, m)
    moved(s, word)


def from_register(s: Trace, f: Fields, op: int | None) -> None:
    word, opmode = extension(s, op)
    at = slot(word.bits(12, 10))
    se, m = bits(s, at)

    def move() -> None:
        require_moderate(s, [(se, m)])
        sign = (opmode == arith.FABS).select(s.const(0, 1), se.sign() ^ (opmode == arith.FNEG))
        write_number(s, slot(word.bits(9, 7)), se & 0x7FFF | sign.zext(16) << 15, m)
        moved(s, word)

    s.if_(opmode & ~0x1A & 0xFF == 0, move)
    if not s.dead:
        x = partial(number, s, FP, at[1])
        a = Source(x, se.sign(), m == 0, s.const(EXTENDED_REAL, 3), partial(bits, s, at))
        _operate(s, word, opmode, a)


def from_double(s: Trace, f: Fields, op: int | None) -> None:
    from_elsewhere(s, f, op, DOUBLE_REAL)


def from_elsewhere(s: Trace, f: Fields, op: int | None, only: int | None = None) -> None:
    """The operand is in memory, a data register or the instruction; in one format only, or in any."""
    word, opmode = extension(s, op)
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
        require_moderate(s, [(se, m)])
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

    def source() -> Val:
        x: Val = s.if_(
            kept == DOUBLE_REAL, lambda: s.emit("x_real", 80, FP_KEPT), lambda: number(s, FP_KEPT, 0)
        )
        return x

    double_ = raw if only == DOUBLE_REAL else None
    _operate(s, word, opmode, Source(source, sign, zero, kept, raw=double_))


# -- arithmetic ----------------------------------------------------------------------------------------------


def _operate(s: Trace, word: Val, op: Val, a: Source) -> None:
    """Operation op on a and the destination; ends the instruction.

    All that is required comes before there are x87 numbers: none must be left where this is given up.
    """
    at = slot(word.bits(9, 7))
    b = partial(bits, s, at)

    def put(x: Val) -> None:
        s.do("x_put", FP, s._index(at[1]), x)

    def look(*numbers: Callable[[], Pair], keep: bool = False) -> None:
        """Require what is asked of numbers in registers; keep: what doing the operation again takes.

        That comes before: what is required in vain ends in the whole handler, which has no use for what was
        kept for the instruction before, and will not be refused the memory that was at hand here.
        """
        mine = (a.read,) if a.read else ()
        pairs = {read: read() for read in (*mine, *numbers, *((b,) if keep else ()))}
        if keep:
            for i, read in ((2, b), *((0, read) for read in mine)):
                se, m = pairs[read]
                s.do("set", FP_KEPT, s._index(i), m)
                s.do("set", FP_KEPT, s._index(i + 1), se.zext(64))
        asked = [*mine, *numbers]
        require_moderate(s, [pairs[read] for read in asked], asked)

    def move() -> None:
        def changed() -> None:
            s.if_(op == arith.FNEG, partial(monadic, NEG), partial(monadic, ABS))

        def double(raw: Val) -> None:
            """An ordinary one needs no x87: the host's is slow to store and to load."""
            e = raw.bits(62, 52).zext(16)

            def ordinary() -> None:
                se = raw.bits(63, 48) & 0x8000 | e + (BIAS - DOUBLE_BIAS)
                s.do("set", FP, s._index(at[0]), se.zext(64))
                s.do("set", FP, s._index(at[1]), raw << 11 | 1 << 63)

            s.if_((e - 1).ult(2 * DOUBLE_BIAS), ordinary, lambda: put(a.x()))

        if a.raw is not None and op.known == arith.FMOVE:
            double(a.raw)
        else:
            s.if_(op == arith.FMOVE, lambda: put(a.x()), changed)
        moved(s, word)

    def codes(sign: Val, zero: Val) -> None:
        new = (sign.zext(32) << 3 | zero.zext(32) << 2) << CC_SHIFT
        s.write(FPSR, s.read(FPSR) & KEEP | new)
        complete(s, 0)

    def test() -> None:
        look()
        codes(a.sign, a.zero)

    def compare() -> None:
        look(b)
        x, y = a.x(), number(s, FP, at[1])
        less, equal = s.emit("x_less", 1, y, x), s.emit("x_equal", 1, y, x)
        codes(equal.select(b()[0].sign(), less), equal)

    def monadic(kind: int) -> None:
        put(s.emit("x_one", 80, kind, a.x()))

    def root() -> None:
        s.require(~a.sign | a.zero)
        monadic(SQRT)

    def rounded() -> None:
        s.if_(op == arith.FINT, partial(monadic, INT), partial(monadic, INTRZ))

    def one_operand() -> None:
        look(keep=True)
        s.if_(op == arith.FSQRT, root, rounded)

    def dyadic() -> None:
        look(b, keep=True)
        s.require(~((op == arith.FDIV) & a.zero))
        x = a.x()
        y = number(s, FP, at[1])

        def one(code: int, *others: int) -> Val:
            def this() -> Val:
                return s.emit("x_two", 80, TWO[code], x, y)

            value: Val = s.if_(op == code, this, partial(one, *others)) if others else this()
            return value

        put(one(*TWO))

    if a.read is None:
        s.if_(op & ~0x1A & 0xFF == 0, move)
    if not s.dead:
        s.if_(op == arith.FTST, test)
        s.if_(op == arith.FCMP, compare)
    if s.dead:
        return
    s.if_(op.bit(5), dyadic, one_operand)
    complete(s, (word & REGISTER | a.fmt.zext(32) << 10 | op.zext(32) | LAST).trunc(16))
