"""Program control: Bcc, BRA, BSR, DBcc, Scc, JMP, JSR, RTS, RTR, RTD, NOP."""

from __future__ import annotations

from ..spec.insn import Fields
from ..spec.semantics import Semantics
from ..spec.value import Val
from .decl import CONTROL, DATA_ALT, EARLY, FROM_68010, M68020, FieldMap, ea, insn
from .ea import Memory, source, target
from .exceptions import branch, jump
from .flags import condition, write_ccr
from .regs import SP, R, pop, push, read_d, write_d

# A displacement byte of 0 means that a word follows, of 255 a long on a 68020; before that it is just -1.


def _short(f: FieldMap) -> bool:
    return f["v"] not in (0, 255)


def _conditional(f: FieldMap) -> bool:
    return f["C"] > 1


def _both(f: FieldMap) -> bool:
    return _conditional(f) and _short(f)


def _base(s: Semantics) -> Val:
    """Displacements count from behind the instruction's first word."""
    return s.pc + 2


@insn("0110 CCCC vvvv vvvv", "b{cc}.b {v8}", "PRM Bcc", valid=_both, traits="ends")
def bcc_b(s: Semantics, f: Fields) -> None:
    branch(s, condition(s, f.C), f.v.sext(32) + _base(s))


@insn("0110 CCCC 1111 1111", "b{cc}.b {v8}", "PRM Bcc", valid=_conditional, models=EARLY, traits="ends")
def bcc_minus_one(s: Semantics, f: Fields) -> None:
    branch(s, condition(s, f.C), s.pc + 1)


@insn("0110 CCCC 0000 0000", "b{cc}.w {v16}", "PRM Bcc", valid=_conditional, traits="ends")
def bcc_w(s: Semantics, f: Fields) -> None:
    branch(s, condition(s, f.C), s.fetch(2).sext(32) + _base(s))


@insn("0110 CCCC 1111 1111", "b{cc}.l {v32}", "PRM Bcc", valid=_conditional, models=M68020, traits="ends")
def bcc_l(s: Semantics, f: Fields) -> None:
    branch(s, condition(s, f.C), s.fetch(4) + _base(s))


@insn("0110 0000 vvvv vvvv", "bra.b {v8}", "PRM BRA", valid=_short, traits="ends")
def bra_b(s: Semantics, f: Fields) -> None:
    jump(s, f.v.sext(32) + _base(s))


@insn("0110 0000 1111 1111", "bra.b {v8}", "PRM BRA", models=EARLY, traits="ends")
def bra_minus_one(s: Semantics, f: Fields) -> None:
    jump(s, s.pc + 1)


@insn("0110 0000 0000 0000", "bra.w {v16}", "PRM BRA", traits="ends")
def bra_w(s: Semantics, f: Fields) -> None:
    jump(s, s.fetch(2).sext(32) + _base(s))


@insn("0110 0000 1111 1111", "bra.l {v32}", "PRM BRA", models=M68020, traits="ends")
def bra_l(s: Semantics, f: Fields) -> None:
    jump(s, s.fetch(4) + _base(s))


def _call(s: Semantics, to: Val) -> None:
    push(s, s.next_pc)
    jump(s, to)


@insn("0110 0001 vvvv vvvv", "bsr.b {v8}", "PRM BSR", valid=_short, traits="ends call")
def bsr_b(s: Semantics, f: Fields) -> None:
    _call(s, f.v.sext(32) + _base(s))


@insn("0110 0001 1111 1111", "bsr.b {v8}", "PRM BSR", models=EARLY, traits="ends call")
def bsr_minus_one(s: Semantics, f: Fields) -> None:
    _call(s, s.pc + 1)


@insn("0110 0001 0000 0000", "bsr.w {v16}", "PRM BSR", traits="ends call")
def bsr_w(s: Semantics, f: Fields) -> None:
    _call(s, s.fetch(2).sext(32) + _base(s))


@insn("0110 0001 1111 1111", "bsr.l {v32}", "PRM BSR", models=M68020, traits="ends call")
def bsr_l(s: Semantics, f: Fields) -> None:
    _call(s, s.fetch(4) + _base(s))


@insn("0100 1110 11 MMM nnn", "jmp {ea}", "PRM JMP", valid=ea(CONTROL), traits="ends")
def jmp(s: Semantics, f: Fields) -> None:
    jump(s, target(s, f))


@insn("0100 1110 10 MMM nnn", "jsr {ea}", "PRM JSR", valid=ea(CONTROL), traits="ends call")
def jsr(s: Semantics, f: Fields) -> None:
    to = target(s, f)
    jump(s, to)  # an odd address stops it before it stacks
    push(s, s.next_pc)


@insn("0101 CCCC 11001 yyy", "db{dbcc} {Dy},{v16}", "PRM DBcc", traits="ends")
def dbcc(s: Semantics, f: Fields) -> None:
    to = s.fetch(2).sext(32) + _base(s)
    going = ~condition(s, f.C)
    count = read_d(s, f.y, 2)
    branch(s, going & (count != 0), to)  # an odd address stops it before it counts
    write_d(s, f.y, count - going.zext(16))


@insn("0101 CCCC 11 MMM nnn", "s{cc} {ea}", "PRM Scc", valid=ea(DATA_ALT))
def scc(s: Semantics, f: Fields) -> None:
    place = source(s, f, 1)
    if s.model == "m68000" and isinstance(place, Memory):
        place.load()  # the 68000 reads first (PRM Scc)
    place.store(condition(s, f.C).sext(8))


@insn("0100 1110 0111 0101", "rts", "PRM RTS", traits="ends return")
def rts(s: Semantics, f: Fields) -> None:
    jump(s, pop(s, 4))


@insn("0100 1110 0111 0111", "rtr", "PRM RTR", traits="ends")
def rtr(s: Semantics, f: Fields) -> None:
    flags = pop(s, 2)
    to = pop(s, 4)
    write_ccr(s, flags.trunc(8))
    jump(s, to)


@insn("0100 1110 0111 0100", "rtd #{s16}", "PRM RTD", models=FROM_68010, traits="ends return")
def rtd(s: Semantics, f: Fields) -> None:
    extra = s.fetch(2).sext(32)
    to = pop(s, 4)
    s.write(R, s.read(R, SP) + extra, SP)
    jump(s, to)


@insn("0100 1110 0111 0001", "nop", "PRM NOP")
def nop(s: Semantics, f: Fields) -> None:
    pass
