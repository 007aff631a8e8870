"""What the interpreter's handlers try first: the frequent instructions, on the host's x87.

    FPCR 0, nothing pending, a frequent opmode and format ─► a piece for this one, or for those left
        operands moderate, memory at hand ─► x87, extended precision;
            what becomes of FPSR is found when somebody looks (`late`)
    anything else ─► the instruction from its start, as it is specified (`general`)

A moderate number is zero or between 2^-4096 and 2^4096: no single operation on such leaves the normal
numbers, so that INEX2 is the only exception. Its accrued bit is the x87's own until somebody looks. What
moves a number to memory needs no x87.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ...spec.insn import Fields, Insn
from ...spec.value import Val
from ...trace import Trace
from ..ea import AREG, DREG
from ..exceptions import branch
from . import arith, late
from .control import fbcc_l, fbcc_w
from .formats import one_of
from .general import fpu_general, is_alterable
from .host_arith import TWO, constant, from_double, from_elsewhere, from_register
from .host_out import out
from .regs import (
    BYTE,
    DOUBLE_REAL,
    EXTENDED_REAL,
    FP_OFF,
    FP_PENDING,
    FP_USED,
    FP_WATCH,
    FPCR,
    LONG,
    SINGLE_REAL,
    WORD,
)
from .status import NAN_BIT, TRUTH

OWN = (arith.FMOVE, *TWO, arith.FCMP)  # have a piece of their own
OPERATIONS = frozenset((*OWN, arith.FNEG, arith.FABS, arith.FSQRT, arith.FINT, arith.FINTRZ, arith.FTST))
MEMORY = (LONG, SINGLE_REAL, EXTENDED_REAL, WORD, DOUBLE_REAL, BYTE)
DATA_REGISTER = (LONG, SINGLE_REAL, WORD, BYTE)
ARITHMETIC, FROM_MEMORY, OUT, CONSTANT = 0b000, 0b010, 0b011, 0b010111  # extension word 15-13; 15-10
# By predicate and N, Z: its truth if the last result is no NaN.
ORDERED = sum((TRUTH >> 8 * code + 2 * nz & 1) << 4 * code + nz for code in range(16) for nz in range(4))


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
    for at, reg in ((32, FP_USED), (40, FP_PENDING), (48, FP_OFF), (56, FP_WATCH)):
        state = state | s.read(reg).zext(64) << at
    s.require(state == 1 << 32 | 1 << 56)


def _general(s: Trace, f: Fields) -> None:
    _usual(s)
    word = s.fetch(2)
    kind, head = word.bits(15, 13), word.lsr(10)
    if f.M == DREG:
        s.if_(kind == ARITHMETIC, lambda: _choose(s, word, from_register))
        s.if_(head == CONSTANT, lambda: s.piece(constant, word))
    else:
        s.if_(head == FROM_MEMORY << 3 | DOUBLE_REAL, lambda: _choose(s, word, from_double))
        if is_alterable(f):
            s.if_(head == OUT << 3 | DOUBLE_REAL, lambda: s.piece(partial(out, fmt=DOUBLE_REAL), word))
    s.require(one_of(word.bits(12, 10), *(DATA_REGISTER if f.M == DREG else MEMORY)))

    def source() -> None:
        s.require(_among(s, word))
        s.piece(partial(from_elsewhere, op=None), word)

    s.if_(kind == FROM_MEMORY, source)
    if is_alterable(f):
        s.require(kind == OUT)
        s.piece(partial(out, fmt=None), word)
    else:
        s.give_up()


def _among(s: Trace, word: Val) -> Val:
    """Whether an opmode is one of OPERATIONS, all of which are below 64."""
    return s.const(arith.mask(OPERATIONS), 64).lsr(word.trunc(6).zext(64)).bit(0) & ~word.bit(6)


def _choose(s: Trace, word: Val, make: Callable[..., None]) -> None:
    opmode = (word & 0x7F).zext(32)
    for code in OWN:
        s.if_(opmode == code, partial(s.piece, partial(make, op=code), word))
    s.require(_among(s, word))
    s.piece(partial(make, op=None), word)


def _branch(s: Trace, f: Fields, long: bool) -> None:
    _usual(s)
    fpsr = late.coded(s)
    s.require(~fpsr.bit(NAN_BIT))
    index = f.c.trunc(4).zext(64) << 2 | fpsr.bits(27, 26).zext(64)
    to = s.fetch(4) if long else s.fetch(2).sext(32)
    branch(s, s.const(ORDERED, 64).lsr(index).bit(0), to + (s.pc + 2))
    s.done()
