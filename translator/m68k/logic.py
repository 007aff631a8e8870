"""Logic: AND, OR, EOR, NOT, their immediate forms, and those on CCR and SR."""

from __future__ import annotations

from ..spec.insn import Fields
from ..spec.semantics import Semantics
from .decl import DATA, DATA_ALT, MEM_ALT, ea, insn, sized
from .ea import immediate, source
from .exceptions import privileged, write_sr
from .flags import ccr, set_logic, sr, write_ccr
from .regs import SIZES, read_d, write_d


@insn("1100 xxx 0ZZ MMM nnn", "and.{Z} {ea},{Dx}", "PRM AND", valid=ea(DATA, sized))
def and_(s: Semantics, f: Fields) -> None:
    result = source(s, f, SIZES[f.Z]).load() & read_d(s, f.x, SIZES[f.Z])
    write_d(s, f.x, result)
    set_logic(s, result)


@insn("1000 xxx 0ZZ MMM nnn", "or.{Z} {ea},{Dx}", "PRM OR", valid=ea(DATA, sized))
def or_(s: Semantics, f: Fields) -> None:
    result = source(s, f, SIZES[f.Z]).load() | read_d(s, f.x, SIZES[f.Z])
    write_d(s, f.x, result)
    set_logic(s, result)


@insn("1100 xxx 1ZZ MMM nnn", "and.{Z} {Dx},{ea}", "PRM AND", valid=ea(MEM_ALT, sized))
def and_to_memory(s: Semantics, f: Fields) -> None:
    place = source(s, f, SIZES[f.Z])
    result = place.load() & read_d(s, f.x, SIZES[f.Z])
    place.store(result)
    set_logic(s, result)


@insn("1000 xxx 1ZZ MMM nnn", "or.{Z} {Dx},{ea}", "PRM OR", valid=ea(MEM_ALT, sized))
def or_to_memory(s: Semantics, f: Fields) -> None:
    place = source(s, f, SIZES[f.Z])
    result = place.load() | read_d(s, f.x, SIZES[f.Z])
    place.store(result)
    set_logic(s, result)


@insn("1011 xxx 1ZZ MMM nnn", "eor.{Z} {Dx},{ea}", "PRM EOR", valid=ea(DATA_ALT, sized))
def eor(s: Semantics, f: Fields) -> None:
    place = source(s, f, SIZES[f.Z])
    result = place.load() ^ read_d(s, f.x, SIZES[f.Z])
    place.store(result)
    set_logic(s, result)


@insn("0000 0010 ZZ MMM nnn", "andi.{Z} #{imm},{ea}", "PRM ANDI", valid=ea(DATA_ALT, sized))
def andi(s: Semantics, f: Fields) -> None:
    y = immediate(s, SIZES[f.Z])
    place = source(s, f, SIZES[f.Z])
    result = place.load() & y
    place.store(result)
    set_logic(s, result)


@insn("0000 0000 ZZ MMM nnn", "ori.{Z} #{imm},{ea}", "PRM ORI", valid=ea(DATA_ALT, sized))
def ori(s: Semantics, f: Fields) -> None:
    y = immediate(s, SIZES[f.Z])
    place = source(s, f, SIZES[f.Z])
    result = place.load() | y
    place.store(result)
    set_logic(s, result)


@insn("0000 1010 ZZ MMM nnn", "eori.{Z} #{imm},{ea}", "PRM EORI", valid=ea(DATA_ALT, sized))
def eori(s: Semantics, f: Fields) -> None:
    y = immediate(s, SIZES[f.Z])
    place = source(s, f, SIZES[f.Z])
    result = place.load() ^ y
    place.store(result)
    set_logic(s, result)


@insn("0100 0110 ZZ MMM nnn", "not.{Z} {ea}", "PRM NOT", valid=ea(DATA_ALT, sized))
def not_(s: Semantics, f: Fields) -> None:
    place = source(s, f, SIZES[f.Z])
    result = ~place.load()
    place.store(result)
    set_logic(s, result)


# -- the status register -------------------------------------------------------------------------------------


@insn("0000 0010 0011 1100", "andi #{imm8},ccr", "PRM ANDI to CCR")
def andi_to_ccr(s: Semantics, f: Fields) -> None:
    write_ccr(s, ccr(s) & immediate(s, 1))


@insn("0000 0000 0011 1100", "ori #{imm8},ccr", "PRM ORI to CCR")
def ori_to_ccr(s: Semantics, f: Fields) -> None:
    write_ccr(s, ccr(s) | immediate(s, 1))


@insn("0000 1010 0011 1100", "eori #{imm8},ccr", "PRM EORI to CCR")
def eori_to_ccr(s: Semantics, f: Fields) -> None:
    write_ccr(s, ccr(s) ^ immediate(s, 1))


@insn("0000 0010 0111 1100", "andi #{imm16},sr", "PRM ANDI to SR", traits="interp")
def andi_to_sr(s: Semantics, f: Fields) -> None:
    privileged(s)
    write_sr(s, sr(s) & immediate(s, 2))


@insn("0000 0000 0111 1100", "ori #{imm16},sr", "PRM ORI to SR", traits="interp")
def ori_to_sr(s: Semantics, f: Fields) -> None:
    privileged(s)
    write_sr(s, sr(s) | immediate(s, 2))


@insn("0000 1010 0111 1100", "eori #{imm16},sr", "PRM EORI to SR", traits="interp")
def eori_to_sr(s: Semantics, f: Fields) -> None:
    privileged(s)
    write_sr(s, sr(s) ^ immediate(s, 2))
