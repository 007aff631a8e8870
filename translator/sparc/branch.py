"""Transfers of control: Bicc, CALL, JMPL, RETT, Ticc; and the windows: SAVE and RESTORE."""

from __future__ import annotations

from collections.abc import Callable

from ..spec.insn import Fields
from ..spec.semantics import Semantics
from ..spec.value import Val
from .decl import advance, format3, go, go_or_annul, insn, npc, operand2, transfer
from .flags import condition
from .regs import CWP, DELAY, ET, PS, above, below, invalid, read_r, user, write_r
from .traps import (
    ILLEGAL,
    OVERFLOW,
    PRIVILEGED,
    SOFTWARE,
    UNDERFLOW,
    aligned,
    notice,
    take,
    take_if,
)

NEVER, ALWAYS = 0, 8
LINK = 15  # %o7
LINKS = (LINK, 31)  # RETL and RET jump behind what stands in %o7 or %i7


def conditional(s: Semantics, f: Fields, condition: Callable[[Semantics, int], Val]) -> None:
    """Go on as one of the branches with condition C, annul bit A and displacement v."""
    target = s.pc + (f.v.sext(32) << 2)
    if f.C == NEVER and f.A:
        following = npc(s)
        s.write(DELAY, s.const(0, 32))
        s.jump(following + 4)
    elif f.C == NEVER:
        advance(s)
    elif f.C == ALWAYS and f.A:
        s.write(DELAY, s.const(0, 32))
        s.jump(target)
    elif f.C == ALWAYS:
        go(s, target)
    elif f.A:
        go_or_annul(s, target, condition(s, f.C))
    else:
        go(s, target, condition(s, f.C))


@transfer("00 A CCCC 010 vvvvvvvvvvvvvvvvvvvvvv", "b{cc}{annul} {disp22}", "V8 B.21")
def bicc(s: Semantics, f: Fields) -> None:
    conditional(s, f, condition)


@transfer("01 vvvvvvvvvvvvvvvvvvvvvvvvvvvvvv", "call {disp30}", "V8 B.24", traits="ends call")
def call(s: Semantics, f: Fields) -> None:
    target = s.pc + (f.v.zext(32) << 2)
    write_r(s, s.const(LINK, 5), s.pc)
    go(s, target)


@transfer(format3(2, 0x38), "jmpl {addr}, {rd}", "V8 B.25")
def jmpl(s: Semantics, f: Fields) -> None:
    target = read_r(s, f.s) + operand2(s, f)
    aligned(s, target)
    write_r(s, f.d, s.pc)
    if f.d.known == 0 and f.s.known in LINKS:
        s.hint("return")
    go(s, target)


@transfer(format3(2, 0x39, rd="-----"), "rett {addr}", "V8 B.26")
def rett(s: Semantics, f: Fields) -> None:
    """With ET = 0 each of these traps ends in error mode."""
    target = read_r(s, f.s) + operand2(s, f)
    window = below(s)
    take_if(s, user(s), PRIVILEGED)
    take_if(s, s.read(ET) != 0, ILLEGAL)
    take_if(s, invalid(s, window), UNDERFLOW)
    aligned(s, target)
    following = npc(s)
    s.write(CWP, window)
    s.write(ET, s.const(1, 8))
    s.switch_mode(s.read(PS))
    s.write(DELAY, (target == following + 4).select(0, target | 1))
    notice(s)
    s.jump(following)


@insn("10 - CCCC 111010 sssss I vvvvvvvvvvvvv", "t{cc} {trap}", "V8 B.27")
def ticc(s: Semantics, f: Fields) -> None:
    number = (read_r(s, f.s) + operand2(s, f)).trunc(8) & 0x7F | SOFTWARE
    s.if_(condition(s, f.C), lambda: take(s, number))


def _turn(s: Semantics, f: Fields, window: Val, trap: int) -> None:
    """The sum of the old window's registers goes into the new one's."""
    take_if(s, invalid(s, window), trap)
    result = read_r(s, f.s) + operand2(s, f)
    write_r(s, f.d, result, window)
    s.write(CWP, window)


@insn(format3(2, 0x3C), "save {rs1}, {op2}, {rd}", "V8 B.20")
def save(s: Semantics, f: Fields) -> None:
    _turn(s, f, above(s), OVERFLOW)


@insn(format3(2, 0x3D), "restore {rs1}, {op2}, {rd}", "V8 B.20")
def restore(s: Semantics, f: Fields) -> None:
    _turn(s, f, below(s), UNDERFLOW)
