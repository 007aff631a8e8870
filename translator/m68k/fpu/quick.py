"""Short forms of the frequent instructions for regions, in which the host's x87 does the arithmetic.

They hold while FPCR is 0 (extended precision, to nearest, nothing enabled), nothing is pending and operands
and results are zero or of moderate size (translator.llvm.x87): then the x87 gives the same bits, and no
exception but INEX2. Everything else is a side exit, so that what is rare is written once, in `general`.
"""

from __future__ import annotations

from collections.abc import Callable

from ...llvm import x87_exit as x87
from ...region_trace import RegionTrace
from ...spec.insn import Fields, Insn
from ...spec.semantics import DATA, PROGRAM
from ...spec.value import Val
from ..ea import AREG, DREG, POSTINC, PREDEC
from ..exceptions import branch
from ..regs import read_d, write_d
from . import arith
from .control import fbcc_l, fbcc_w
from .decimal import _EXACT as EXACT_CONSTANTS
from .general import address_of, fpu_general, is_alterable, is_immediate, is_relative
from .regs import BIAS, BYTE, BYTES, DOUBLE_REAL, EXTENDED_REAL, LONG, SINGLE_REAL, WORD
from .status import TRUTH

DYADIC = {arith.FADD: x87.ADD, arith.FSUB: x87.SUB, arith.FMUL: x87.MUL, arith.FDIV: x87.DIV}
MONADIC = {
    arith.FMOVE: x87.MOVE, arith.FNEG: x87.NEG, arith.FABS: x87.ABS, arith.FSQRT: x87.SQRT,
    arith.FINT: x87.INT, arith.FINTRZ: x87.INTRZ,
}  # fmt: skip
FORMATS = {LONG: 32, WORD: 16, BYTE: 8, SINGLE_REAL: 32, DOUBLE_REAL: 64}  # code -> bits
INTEGERS = (LONG, WORD, BYTE)
ARITHMETIC, FROM_MEMORY, OUT, SAVE, RESTORE = 0b000, 0b010, 0b011, 0b111, 0b110  # extension word 15-13


def quick(s: RegionTrace, insn: Insn, f: Fields) -> bool:
    """Record the instruction for the x87; False: it has no short form."""
    form = FORMS.get(insn.fn)
    return form is not None and form(s, f)


def _general(s: RegionTrace, f: Fields) -> bool:
    word = s.fetch(2).known
    assert word is not None
    s.do("x_begin")
    kind = word >> 13
    if kind in (ARITHMETIC, FROM_MEMORY):
        return _arithmetic(s, f, word)
    if kind == OUT:
        return _out(s, f, word)
    return kind in (SAVE, RESTORE) and _several(s, f, word)


def _arithmetic(s: RegionTrace, f: Fields, word: int) -> bool:
    n, op = word >> 7 & 7, word & 0x7F
    if word >> 10 == 0x17:
        a, op = _constant(s, op), arith.FMOVE
    elif word >> 14 & 1:
        a = _operand(s, f, word >> 10 & 7)
    else:
        a = s.emit("x_get", 80, word >> 10 & 7)
    if a is None:
        return False
    if op == arith.FTST:
        s.do("x_settle", x87.MOVE, a, a, a)
    elif op == arith.FCMP:
        s.do("x_settle", x87.MOVE, s.emit("x_compare", 80, a, s.emit("x_get", 80, n)), a, a)
    elif op in MONADIC:
        r = s.emit("x_one", 80, MONADIC[op], a)
        s.do("x_set", n, r)
        s.do("x_settle", MONADIC[op], r, a, a)
    elif op in DYADIC:
        b = s.emit("x_get", 80, n)
        r = s.emit("x_two", 80, DYADIC[op], a, b)
        s.do("x_set", n, r)
        s.do("x_settle", DYADIC[op], r, a, b)
    else:
        return False
    return True


def _constant(s: RegionTrace, offset: int) -> Val | None:
    """A constant of FMOVECR that needs no rounding."""
    value = EXACT_CONSTANTS.get(offset)
    if value is None or (value >> 64 and value % (1 << value.bit_length() - 64)):
        return None
    bits = value.bit_length()
    m = value << 64 - bits if bits <= 64 else value >> bits - 64
    return s.emit("x_constant", 80, BIAS + bits - 1 if value else 0, m)


def _operand(s: RegionTrace, f: Fields, fmt: int) -> Val | None:
    """The operand in memory, a data register or the instruction."""
    if f.M == AREG or (fmt not in FORMATS and (fmt != EXTENDED_REAL or f.M == DREG or is_immediate(f))):
        return None
    bits = FORMATS.get(fmt, 96)
    if f.M == DREG:
        if fmt == DOUBLE_REAL:
            return None
        raw = read_d(s, f.n, bits // 8)
    elif is_immediate(f):
        raw = s.fetch(max(bits // 8, 2)).trunc(bits) if bits < 64 else _long_long(s)
    else:
        space = PROGRAM if is_relative(f) else DATA
        addr = address_of(s, f, s.const(BYTES[fmt], 32))
        if fmt == EXTENDED_REAL:
            se = s.load(addr, 4, space).bits(31, 16)
            return s.emit("x_whole", 80, se, s.load(addr + 4, 8, space))
        raw = s.load(addr, bits // 8, space)
    return s.emit("x_integer", 80, raw.sext(32)) if fmt in INTEGERS else s.emit("x_real", 80, raw)


def _long_long(s: RegionTrace) -> Val:
    high = s.fetch(4).zext(64)
    return high << 32 | s.fetch(4).zext(64)


def _out(s: RegionTrace, f: Fields, word: int) -> bool:
    """FMOVE to memory or a data register: probed first, since the x87's inexact bit cannot be taken back."""
    fmt = word >> 10 & 7
    if f.M == AREG or not is_alterable(f) or (fmt not in FORMATS and fmt != EXTENDED_REAL):
        return False
    if f.M == DREG and fmt in (DOUBLE_REAL, EXTENDED_REAL):
        return False
    a = s.emit("x_get", 80, word >> 7 & 7)
    size = BYTES[fmt]
    addr = None if f.M == DREG else address_of(s, f, s.const(size, 32))
    if fmt == EXTENDED_REAL:
        assert addr is not None
        s.store(addr, s.emit("x_sign_exponent", 16, a).zext(32) << 16)
        s.store(addr + 4, s.emit("x_mantissa", 64, a))
        s.do("x_settle", x87.MOVE, None, a, a)
        return True
    if addr is not None:
        s.probe(addr, size)
    if fmt in INTEGERS:
        value = s.emit("x_to_integer", 32, a, 8 * size).trunc(8 * size)
        kind = x87.TO_INTEGER
    else:
        value = s.emit("x_to_real", 8 * size, a)
        kind = x87.TO_DOUBLE if fmt == DOUBLE_REAL else x87.TO_SINGLE
    if addr is None:
        write_d(s, f.n, value)
    else:
        s.store(addr, value)
    s.do("x_settle", kind, None, a, a)
    return True


def _several(s: RegionTrace, f: Fields, word: int) -> bool:
    """FMOVEM of a fixed list; FP0 at the lowest address."""
    out = word >> 13 & 1
    if word >> 11 & 1 or f.M in (DREG, AREG) or is_immediate(f):
        return False
    if (f.M == POSTINC or not is_alterable(f)) if out else f.M == PREDEC:
        return False
    mask = word & 0xFF
    if word >> 12 & 1:
        mask = int(f"{mask:08b}"[::-1], 2)
    which = [i for i in range(8) if mask >> i & 1]
    addr = address_of(s, f, s.const(12 * len(which), 32))
    space = PROGRAM if is_relative(f) else DATA
    loaded = []
    for k, i in enumerate(which):
        at = addr + 12 * k
        if out:
            a = s.emit("x_raw", 80, i)
            s.store(at, s.emit("x_sign_exponent", 16, a).zext(32) << 16)
            s.store(at + 4, s.emit("x_mantissa", 64, a))
        else:
            se = s.load(at, 4, space).bits(31, 16)
            loaded.append((i, s.emit("x_whole", 80, se, s.load(at + 4, 8, space))))
    for i, value in loaded:
        s.do("x_set", i, value)
    return True


def _condition(s: RegionTrace, f: Fields) -> Val:
    """A predicate of the last result, which is no NaN."""
    s.do("x_begin")
    code = f.c.known
    truths = [TRUTH >> 8 * (code & 15) + 2 * nz & 1 for nz in range(4)]
    return s.emit("x_condition", 1, *truths) if 0 < sum(truths) < 4 else s.const(truths[0], 1)


def _branch_w(s: RegionTrace, f: Fields) -> bool:
    true = _condition(s, f)
    branch(s, true, s.fetch(2).sext(32) + (s.pc + 2))
    return True


def _branch_l(s: RegionTrace, f: Fields) -> bool:
    true = _condition(s, f)
    branch(s, true, s.fetch(4) + (s.pc + 2))
    return True


FORMS: dict[Callable[..., None], Callable[[RegionTrace, Fields], bool]] = {
    fpu_general: _general, fbcc_w: _branch_w, fbcc_l: _branch_l,
}  # fmt: skip
