"""Where SPARC instructions are declared, and how they end: PC and nPC (V8 manual, 2.2 and 5.1.1).

Letters in the bit pictures: lower-case `d`, `s` rd and rs1, `v` the 13 bits behind `I` (an immediate, or rs2
in its low bits with an ASI above it), `C` and `A` condition and annul bit.  What selects an instruction lies
in op, rd, op3 and i (SELECT).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from ..spec.insn import Fields, InsnSet, SemanticsFn
from ..spec.semantics import Semantics
from ..spec.value import Val
from .regs import DELAY, read_r

V7 = frozenset({"mb86900", "cy7c601"})
V8 = frozenset({"mb86904"})

SELECT = ((19, 13), (13, 1))  # (lowest bit, width): op, rd, op3 or op2; i
ISET = InsnSet("sparc", 32, select=SELECT)

Declare = Callable[[SemanticsFn], SemanticsFn]


def transfer(
    pattern: str, syntax: str, ref: str, models: frozenset[str] | None = None, traits: str = "ends"
) -> Declare:
    """Declare an instruction that says itself where it goes."""
    return ISET.insn(pattern, syntax, ref, models=models, traits=traits)


def insn(
    pattern: str,
    syntax: str,
    ref: str,
    models: frozenset[str] | None = None,
    traits: str = "",
    apart: tuple[str, tuple[int, ...]] | None = None,
) -> Declare:
    """Declare an instruction after which the one at nPC comes."""
    declare = ISET.insn(pattern, syntax, ref, models=models, traits=traits, apart=apart)

    def wrap(fn: SemanticsFn) -> SemanticsFn:
        @wraps(fn)
        def whole(s: Semantics, f: Fields) -> None:
            fn(s, f)
            if not s.dead:
                advance(s)

        declare(whole)
        return fn

    return wrap


def format3(op: int, op3: int, rd: str = "ddddd", rs1: str = "sssss", rest: str = "I vvvvvvvvvvvvv") -> str:
    """The picture of a format 3 instruction."""
    return f"{op:02b} {rd} {op3:06b} {rs1} {rest}"


def operand2(s: Semantics, f: Fields) -> Val:
    """r[rs2] or the sign-extended immediate."""
    return f.v.sext(32) if f.I else read_r(s, f.v.trunc(5))


# -- PC and nPC ----------------------------------------------------------------------------------------------


def delayed(s: Semantics) -> Val:
    """1 if this instruction is in the delay slot of a transfer."""
    return s.read(DELAY).trunc(1)


def npc(s: Semantics) -> Val:
    """The address of the next instruction."""
    return delayed(s).select(s.read(DELAY) ^ 1, s.pc + 4)


def advance(s: Semantics) -> None:
    """PC = nPC, nPC = nPC + 4."""
    if s.leaving is not None:
        s.jump(npc(s))
    else:
        s.branch(delayed(s), s.read(DELAY) ^ 1)
    s.write(DELAY, s.const(0, 32))


def go(s: Semantics, target: Val, cond: Val | None = None) -> None:
    """PC = nPC, nPC = target (if cond, else nPC + 4)."""
    if s.after_next(target, cond):
        return
    late, old = delayed(s), s.read(DELAY) ^ 1
    after = target | 1
    s.write(DELAY, after if cond is None else cond.select(after, 0))
    s.branch(late, old)


def go_or_annul(s: Semantics, target: Val, cond: Val) -> None:
    """As `go` if cond; else the instruction at nPC is annulled."""
    if s.after_next(target, cond, annul=True):
        return
    following = npc(s)
    late = delayed(s)
    s.write(DELAY, cond.select(target | 1, 0))
    s.branch(~cond | late, cond.select(following, following + 4))
