"""Integer arithmetic: ADD, SUB, CMP with their A, I, Q, X and M forms, NEG, NEGX, CLR, TST, EXT."""

from __future__ import annotations

from ..spec.insn import Fields
from ..spec.semantics import Semantics
from ..spec.value import Val
from .decl import (
    ALL,
    AN,
    DATA_ALT,
    IMMEDIATE,
    M68020,
    MEM_ALT,
    PC_RELATIVE,
    ea,
    insn,
    sized,
    word_long,
)
from .ea import POSTINC, PREDEC, Memory, immediate, operand, source
from .flags import add_extended, set_add, set_cmp, set_logic, set_sub, sub_extended
from .regs import SIZES, read_a, read_d, write_a, write_d

# -- register with operand -----------------------------------------------------------------------------------


@insn("1101 xxx 0ZZ MMM nnn", "add.{Z} {ea},{Dx}", "PRM ADD", valid=ea(ALL, sized))
def add(s: Semantics, f: Fields) -> None:
    y = source(s, f, SIZES[f.Z]).load()
    x = read_d(s, f.x, SIZES[f.Z])
    result = x + y
    write_d(s, f.x, result)
    set_add(s, x, y, result)


@insn("1001 xxx 0ZZ MMM nnn", "sub.{Z} {ea},{Dx}", "PRM SUB", valid=ea(ALL, sized))
def sub(s: Semantics, f: Fields) -> None:
    y = source(s, f, SIZES[f.Z]).load()
    x = read_d(s, f.x, SIZES[f.Z])
    result = x - y
    write_d(s, f.x, result)
    set_sub(s, x, y, result)


@insn("1011 xxx 0ZZ MMM nnn", "cmp.{Z} {ea},{Dx}", "PRM CMP", valid=ea(ALL, sized))
def cmp(s: Semantics, f: Fields) -> None:
    y = source(s, f, SIZES[f.Z]).load()
    x = read_d(s, f.x, SIZES[f.Z])
    set_cmp(s, x, y, x - y)


@insn("1101 xxx 1ZZ MMM nnn", "add.{Z} {Dx},{ea}", "PRM ADD", valid=ea(MEM_ALT, sized))
def add_to_memory(s: Semantics, f: Fields) -> None:
    place = source(s, f, SIZES[f.Z])
    x, y = place.load(), read_d(s, f.x, SIZES[f.Z])
    result = x + y
    place.store(result)
    set_add(s, x, y, result)


@insn("1001 xxx 1ZZ MMM nnn", "sub.{Z} {Dx},{ea}", "PRM SUB", valid=ea(MEM_ALT, sized))
def sub_from_memory(s: Semantics, f: Fields) -> None:
    place = source(s, f, SIZES[f.Z])
    x, y = place.load(), read_d(s, f.x, SIZES[f.Z])
    result = x - y
    place.store(result)
    set_sub(s, x, y, result)


# -- address registers: no flags, words are sign-extended first ----------------------------------------------


@insn("1101 xxx Z11 MMM nnn", "adda.{Zwl} {ea},{Ax}", "PRM ADDA", valid=ea(ALL))
def adda(s: Semantics, f: Fields) -> None:
    y = source(s, f, 4 if f.Z else 2).load().sext(32)
    write_a(s, f.x, read_a(s, f.x) + y)


@insn("1001 xxx Z11 MMM nnn", "suba.{Zwl} {ea},{Ax}", "PRM SUBA", valid=ea(ALL))
def suba(s: Semantics, f: Fields) -> None:
    y = source(s, f, 4 if f.Z else 2).load().sext(32)
    write_a(s, f.x, read_a(s, f.x) - y)


@insn("1011 xxx Z11 MMM nnn", "cmpa.{Zwl} {ea},{Ax}", "PRM CMPA", valid=ea(ALL))
def cmpa(s: Semantics, f: Fields) -> None:
    y = source(s, f, 4 if f.Z else 2).load().sext(32)
    x = read_a(s, f.x)
    set_cmp(s, x, y, x - y)


# -- immediate and quick -------------------------------------------------------------------------------------


@insn("0000 0110 ZZ MMM nnn", "addi.{Z} #{imm},{ea}", "PRM ADDI", valid=ea(DATA_ALT, sized))
def addi(s: Semantics, f: Fields) -> None:
    y = immediate(s, SIZES[f.Z])
    place = source(s, f, SIZES[f.Z])
    x = place.load()
    result = x + y
    place.store(result)
    set_add(s, x, y, result)


@insn("0000 0100 ZZ MMM nnn", "subi.{Z} #{imm},{ea}", "PRM SUBI", valid=ea(DATA_ALT, sized))
def subi(s: Semantics, f: Fields) -> None:
    y = immediate(s, SIZES[f.Z])
    place = source(s, f, SIZES[f.Z])
    x = place.load()
    result = x - y
    place.store(result)
    set_sub(s, x, y, result)


@insn("0000 1100 ZZ MMM nnn", "cmpi.{Z} #{imm},{ea}", "PRM CMPI", valid=ea(DATA_ALT, sized))
@insn("0000 1100 ZZ MMM nnn", "cmpi.{Z} #{imm},{ea}", "PRM CMPI", valid=ea(PC_RELATIVE, sized), models=M68020)
def cmpi(s: Semantics, f: Fields) -> None:
    y = immediate(s, SIZES[f.Z])
    x = source(s, f, SIZES[f.Z]).load()
    set_cmp(s, x, y, x - y)


def _quick(q: Val, w: int) -> Val:
    """Three bits that mean 1..8."""
    return (q - 1).zext(w) + 1


@insn("0101 qqq 0ZZ MMM nnn", "addq.{Z} #{quick},{ea}", "PRM ADDQ", valid=ea(DATA_ALT, sized))
def addq(s: Semantics, f: Fields) -> None:
    place = source(s, f, SIZES[f.Z])
    x = place.load()
    y = _quick(f.q, x.w)
    result = x + y
    place.store(result)
    set_add(s, x, y, result)


@insn("0101 qqq 1ZZ MMM nnn", "subq.{Z} #{quick},{ea}", "PRM SUBQ", valid=ea(DATA_ALT, sized))
def subq(s: Semantics, f: Fields) -> None:
    place = source(s, f, SIZES[f.Z])
    x = place.load()
    y = _quick(f.q, x.w)
    result = x - y
    place.store(result)
    set_sub(s, x, y, result)


@insn("0101 qqq 0ZZ 001 nnn", "addq.{Z} #{quick},{An}", "PRM ADDQ", valid=word_long)
def addq_address(s: Semantics, f: Fields) -> None:
    write_a(s, f.n, read_a(s, f.n) + _quick(f.q, 32))


@insn("0101 qqq 1ZZ 001 nnn", "subq.{Z} #{quick},{An}", "PRM SUBQ", valid=word_long)
def subq_address(s: Semantics, f: Fields) -> None:
    write_a(s, f.n, read_a(s, f.n) - _quick(f.q, 32))


# -- memory with memory --------------------------------------------------------------------------------------


@insn("1011 xxx 1ZZ 001 yyy", "cmpm.{Z} ({Ay})+,({Ax})+", "PRM CMPM", valid=sized)
def cmpm(s: Semantics, f: Fields) -> None:
    y = operand(s, POSTINC, f.y, SIZES[f.Z]).load()
    x = operand(s, POSTINC, f.x, SIZES[f.Z]).load()
    set_cmp(s, x, y, x - y)


# -- multi-precision: X goes in and out, Z is only cleared ---------------------------------------------------


@insn("1101 xxx 1ZZ 000 yyy", "addx.{Z} {Dy},{Dx}", "PRM ADDX", valid=sized)
def addx(s: Semantics, f: Fields) -> None:
    size = SIZES[f.Z]
    write_d(s, f.x, add_extended(s, read_d(s, f.x, size), read_d(s, f.y, size)))


@insn("1001 xxx 1ZZ 000 yyy", "subx.{Z} {Dy},{Dx}", "PRM SUBX", valid=sized)
def subx(s: Semantics, f: Fields) -> None:
    size = SIZES[f.Z]
    write_d(s, f.x, sub_extended(s, read_d(s, f.x, size), read_d(s, f.y, size)))


@insn("1101 xxx 1ZZ 001 yyy", "addx.{Z} -({Ay}),-({Ax})", "PRM ADDX", valid=sized)
def addx_memory(s: Semantics, f: Fields) -> None:
    y = operand(s, PREDEC, f.y, SIZES[f.Z]).load()
    place = operand(s, PREDEC, f.x, SIZES[f.Z])
    place.store(add_extended(s, place.load(), y))


@insn("1001 xxx 1ZZ 001 yyy", "subx.{Z} -({Ay}),-({Ax})", "PRM SUBX", valid=sized)
def subx_memory(s: Semantics, f: Fields) -> None:
    y = operand(s, PREDEC, f.y, SIZES[f.Z]).load()
    place = operand(s, PREDEC, f.x, SIZES[f.Z])
    place.store(sub_extended(s, place.load(), y))


# -- one operand ---------------------------------------------------------------------------------------------


@insn("0100 0100 ZZ MMM nnn", "neg.{Z} {ea}", "PRM NEG", valid=ea(DATA_ALT, sized))
def neg(s: Semantics, f: Fields) -> None:
    place = source(s, f, SIZES[f.Z])
    y = place.load()
    result = -y
    place.store(result)
    set_sub(s, s.const(0, y.w), y, result)


@insn("0100 0000 ZZ MMM nnn", "negx.{Z} {ea}", "PRM NEGX", valid=ea(DATA_ALT, sized))
def negx(s: Semantics, f: Fields) -> None:
    place = source(s, f, SIZES[f.Z])
    y = place.load()
    place.store(sub_extended(s, s.const(0, y.w), y))


@insn("0100 0010 ZZ MMM nnn", "clr.{Z} {ea}", "PRM CLR", valid=ea(DATA_ALT, sized))
def clr(s: Semantics, f: Fields) -> None:
    place = source(s, f, SIZES[f.Z])
    if s.model == "m68000" and isinstance(place, Memory):
        place.load()  # the 68000 reads what it is about to clear (PRM CLR)
    zero = s.const(0, 8 * SIZES[f.Z])
    place.store(zero)
    set_logic(s, zero)


@insn("0100 1010 ZZ MMM nnn", "tst.{Z} {ea}", "PRM TST", valid=ea(DATA_ALT, sized))
@insn(
    "0100 1010 ZZ MMM nnn", "tst.{Z} {ea}", "PRM TST",
    valid=ea(AN | PC_RELATIVE | IMMEDIATE, sized), models=M68020,
)
def tst(s: Semantics, f: Fields) -> None:
    set_logic(s, source(s, f, SIZES[f.Z]).load())


@insn("0100 1000 1000 0 yyy", "ext.w {Dy}", "PRM EXT")
def ext_w(s: Semantics, f: Fields) -> None:
    value = read_d(s, f.y, 1).sext(16)
    write_d(s, f.y, value)
    set_logic(s, value)


@insn("0100 1000 1100 0 yyy", "ext.l {Dy}", "PRM EXT")
def ext_l(s: Semantics, f: Fields) -> None:
    value = read_d(s, f.y, 2).sext(32)
    write_d(s, f.y, value)
    set_logic(s, value)


@insn("0100 1001 1100 0 yyy", "extb.l {Dy}", "PRM EXT", models=M68020)
def extb(s: Semantics, f: Fields) -> None:
    value = read_d(s, f.y, 1).sext(32)
    write_d(s, f.y, value)
    set_logic(s, value)
