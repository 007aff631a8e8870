"""Single bits: BTST, BCHG, BCLR, BSET; numbered modulo 32 in registers, modulo 8 in memory bytes."""

from __future__ import annotations

from ..spec.insn import Fields
from ..spec.semantics import Semantics
from ..spec.value import Val
from .decl import DATA, DATA_ALT, IMMEDIATE, ea, insn
from .ea import DREG, immediate, source
from .regs import CC_Z, read_d


def _bit(s: Semantics, f: Fields, number: Val, change: str = "") -> None:
    """Z from the old bit; then `change` it."""
    place = source(s, f, 4 if f.M == DREG else 1)
    old = place.load()
    mask = s.const(1, old.w) << (number.zext(old.w) & (old.w - 1))
    if change:
        place.store({"chg": old ^ mask, "clr": old & ~mask, "set": old | mask}[change])
    s.write(CC_Z, (old & mask).zext(32))


@insn("0000 xxx 100 MMM nnn", "btst {Dx},{eabit}", "PRM BTST", valid=ea(DATA))
def btst(s: Semantics, f: Fields) -> None:
    _bit(s, f, read_d(s, f.x, 1))


@insn("0000 xxx 101 MMM nnn", "bchg {Dx},{eabit}", "PRM BCHG", valid=ea(DATA_ALT))
def bchg(s: Semantics, f: Fields) -> None:
    _bit(s, f, read_d(s, f.x, 1), "chg")


@insn("0000 xxx 110 MMM nnn", "bclr {Dx},{eabit}", "PRM BCLR", valid=ea(DATA_ALT))
def bclr(s: Semantics, f: Fields) -> None:
    _bit(s, f, read_d(s, f.x, 1), "clr")


@insn("0000 xxx 111 MMM nnn", "bset {Dx},{eabit}", "PRM BSET", valid=ea(DATA_ALT))
def bset(s: Semantics, f: Fields) -> None:
    _bit(s, f, read_d(s, f.x, 1), "set")


@insn("0000 1000 00 MMM nnn", "btst #{bit},{eabit}", "PRM BTST", valid=ea(DATA & ~IMMEDIATE))
def btst_static(s: Semantics, f: Fields) -> None:
    _bit(s, f, immediate(s, 1))


@insn("0000 1000 01 MMM nnn", "bchg #{bit},{eabit}", "PRM BCHG", valid=ea(DATA_ALT))
def bchg_static(s: Semantics, f: Fields) -> None:
    _bit(s, f, immediate(s, 1), "chg")


@insn("0000 1000 10 MMM nnn", "bclr #{bit},{eabit}", "PRM BCLR", valid=ea(DATA_ALT))
def bclr_static(s: Semantics, f: Fields) -> None:
    _bit(s, f, immediate(s, 1), "clr")


@insn("0000 1000 11 MMM nnn", "bset #{bit},{eabit}", "PRM BSET", valid=ea(DATA_ALT))
def bset_static(s: Semantics, f: Fields) -> None:
    _bit(s, f, immediate(s, 1), "set")
