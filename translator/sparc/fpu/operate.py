"""FPop1 and FPop2: arithmetic, conversions, comparisons, moves (V8 manual, B.33).

    usual: FSR asks for nothing special, the host's arithmetic has a result that is the guest's
        result written; the last operation and its operands kept for whoever looks at cexc
    else: `exact`; its exceptions trap, or are accrued

The two instruction words have one handler each that does all, in which opf is a run-time value. For every
operation there is one beside it, which does what is usual.
"""

from __future__ import annotations

from collections.abc import Callable

from ...spec.insn import Fields
from ...spec.semantics import Semantics
from ...spec.value import Val
from ..decl import format3, insn
from . import exact as fp
from .exact import exact, result_format, rounding, untrapped
from .queue import begin, fail
from .regs import (
    ACCRUED,
    CURRENT,
    DZ,
    FCC,
    FSR,
    FTT,
    IEEE_EXCEPTION,
    INVALID_REGISTER,
    LAST,
    LAST_A,
    LAST_B,
    NV,
    NX,
    OF,
    RD_SHIFT,
    TEM_SHIFT,
    UF,
    UNIMPLEMENTED,
    from_fsr,
    half,
    read_pair,
    with_half,
    write_pair,
)

MOVES = (fp.FMOVS, fp.FNEGS, fp.FABSS)
ROOTS = (fp.FSQRTS, fp.FSQRTD)
ARITHMETIC = (fp.FADDS, fp.FADDD, fp.FSUBS, fp.FSUBD, fp.FMULS, fp.FMULD, fp.FDIVS, fp.FDIVD)
OPERATIONS = (
    *ARITHMETIC, *MOVES, fp.FITOS, fp.FDTOS, fp.FITOD, fp.FSTOD, fp.FSTOI, fp.FDTOI,
)  # fmt: skip

# opf -> the host's operation (translator.llvm.sse)
HOST = {
    fp.FADDS: "add.32", fp.FADDD: "add.64", fp.FSUBS: "sub.32", fp.FSUBD: "sub.64",
    fp.FMULS: "mul.32", fp.FMULD: "mul.64", fp.FDIVS: "div.32", fp.FDIVD: "div.64",
    fp.FSQRTS: "sqrt.32", fp.FSQRTD: "sqrt.64", fp.FSMULD: "wide.64",
    fp.FITOS: "convert.32", fp.FITOD: "convert.64", fp.FSTOD: "widen.64", fp.FDTOS: "narrow.32",
    fp.FSTOI: "whole.32", fp.FDTOI: "whole.64",
    fp.FCMPS: "compare.32", fp.FCMPES: "compare.32", fp.FCMPD: "compare.64", fp.FCMPED: "compare.64",
}  # fmt: skip

Case = tuple[int, Callable[[], tuple[Val, ...]]]


def implemented(s: Semantics) -> tuple[int, ...]:
    """What FPop1 can be; quad precision no processor here has, FsMULd and roots not all."""
    options = s.options
    return (
        OPERATIONS
        + (ROOTS if options["fpu_roots"] else ())
        + ((fp.FSMULD,) if options["fpu_mulwide"] else ())
    )


def member(s: Semantics, code: Val, codes: tuple[int, ...]) -> Val:
    """Whether a code of 8 bits is one of `codes`, without a branch."""
    wide = code.trunc(7).zext(128)
    low, high = (sum(1 << c % 128 for c in codes if c >> 7 == k) for k in (0, 1))
    return code.bit(7).select(s.const(high, 128), low).lsr(wide).bit(0)


def choose(s: Semantics, code: Val, cases: list[Case]) -> tuple[Val, ...]:
    """The case of this code, by halving; the cases are sorted, and there is no other code."""
    if len(cases) == 1:
        return cases[0][1]()
    middle = len(cases) // 2
    result: tuple[Val, ...] = s.if_(
        code.ult(cases[middle][0]),
        lambda: choose(s, code, cases[:middle]),
        lambda: choose(s, code, cases[middle:]),
    )
    return result


def on_host(s: Semantics, op: Val, codes: tuple[int, ...], a: Val, b: Val) -> tuple[Val, ...]:
    """Semantics.host of an operation; singles are in the low half."""

    def one(code: int) -> Case:
        return code, lambda: s.host(HOST[code], a, b)

    return choose(s, op, [one(c) for c in sorted(codes) if c in HOST])


def operands(s: Semantics, f: Fields, op: Val) -> tuple[Val, Val]:
    """rs1 and rs2 in 64 bits; of what has one operand, rs1 is 0."""
    double = op.bit(1)
    pair1, pair2 = read_pair(s, f.s), read_pair(s, f.t)
    two = op.bits(7, 6) == 1
    a = double.select(pair1, half(pair1, f.s).zext(64))
    return two.select(a, 0), double.select(pair2, half(pair2, f.t).zext(64))


def check_registers(s: Semantics, f: Fields, op: Val, compares: bool) -> None:
    """Odd numbers of pairs: ignored, or an exception."""
    if s.options["fpu_strict_pairs"]:
        source = f.t.trunc(1) | ((op.bits(7, 6) == 1) & f.s.trunc(1))
        odd = op.bit(1) & source
        if not compares:
            odd = odd | ((result_format(op) == fp.DOUBLE) & f.d.trunc(1))
        s.if_(odd, lambda: fail(s, INVALID_REGISTER))


def run(
    s: Semantics, op: Val, mode: Val, a: Val, b: Val, codes: tuple[int, ...]
) -> tuple[Val, Val, Val, Val, Val]:
    """Do an operation: (result, LAST, its operands, CURRENT); traps end here."""
    value, good, plain = on_host(s, op, codes, a, b)
    usual = mode == 0
    nothing_new = plain & (s.read(ACCRUED) & NX != 0)
    good = good & s.if_(nothing_new, lambda: s.const(1, 1), s.host_clean)

    def carefully() -> tuple[Val, ...]:
        fsr = s.read(FSR)
        result, exc = s.call(exact, op, a, b, rounding(s, fsr.lsr(RD_SHIFT).trunc(2)))
        s.host_forget()
        mask = from_fsr(s, fsr.lsr(TEM_SHIFT))
        trapping = exc & mask

        def trap() -> None:
            s.write(LAST, s.const(0, 8))
            s.write(CURRENT, _one(s, trapping))
            fail(s, IEEE_EXCEPTION)

        s.if_(trapping != 0, trap)
        done = untrapped(s, exc)
        s.write(ACCRUED, s.read(ACCRUED) | done)
        return (
            result,
            usual.select(op, 0),
            usual.select(a, 0),
            usual.select(b, 0),
            usual.select(s.const(0, 8), done),
        )

    out: tuple[Val, Val, Val, Val, Val] = s.if_(
        usual & good, lambda: (value, op, a, b, s.const(0, 8)), carefully
    )
    return out


def _one(s: Semantics, trapping: Val) -> Val:
    """A trap leaves exactly one exception in cexc: inexact comes last."""
    others = trapping & (NV | DZ | OF | UF)
    return (others != 0).select(others, NX)


def settle(s: Semantics, last: Val, a: Val, b: Val, current: Val) -> None:
    """What an operation that has not failed leaves in FSR."""
    s.write(LAST, last)
    s.write(LAST_A, a)
    s.write(LAST_B, b)
    s.write(CURRENT, current)
    s.write(FTT, s.const(0, 8))


def current_exceptions(s: Semantics) -> Val:
    """cexc (8 bits): the last operation is done again, to nearest, since else it is not kept."""
    last = s.read(LAST)

    def again() -> Val:
        return untrapped(s, s.call(exact, last, s.read(LAST_A), s.read(LAST_B), s.const(0, 8))[1])

    out: Val = s.if_(last == 0, lambda: s.read(CURRENT), again)
    return out


@insn(
    format3(2, 0x34, rest="ooooooooo ttttt"),
    "{fpop}",
    "V8 B.33",
    apart=("o", (*OPERATIONS, *ROOTS, fp.FSMULD)),
)
def fpop1(s: Semantics, f: Fields) -> None:
    mode = begin(s)
    if mode is None:
        return
    op = f.o.trunc(8)
    zero = s.const(0, 64)

    def arithmetic() -> tuple[Val, ...]:
        check_registers(s, f, op, False)
        a, b = operands(s, f, op)
        return run(s, op, mode, a, b, ARITHMETIC)

    def other() -> tuple[Val, ...]:
        codes = tuple(code for code in implemented(s) if code not in ARITHMETIC)
        s.if_(~member(s, op, codes) | f.o.bit(8), lambda: fail(s, UNIMPLEMENTED))
        if s.dead:
            return zero, s.const(0, 8), zero, zero, s.const(0, 8)
        check_registers(s, f, op, False)
        return s.if_(op.ult(0x10), move, lambda: compute(codes))  # type: ignore[no-any-return]

    def move() -> tuple[Val, ...]:
        v = half(read_pair(s, f.t), f.t)
        negated = (op == fp.FNEGS).select(v ^ 1 << 31, v)
        v = (op == fp.FABSS).select(v & 0x7FFFFFFF, negated)
        return v.zext(64), s.const(0, 8), zero, zero, s.const(0, 8)

    def compute(codes: tuple[int, ...]) -> tuple[Val, ...]:
        a, b = operands(s, f, op)
        return run(s, op, mode, a, b, codes)

    frequent = (f.o & 0x1F0 == 0x40) & (op.bit(0) ^ op.bit(1))
    result, *rest = s.if_(frequent, arithmetic, other)
    if s.dead:
        return
    old = read_pair(s, f.d)
    write_pair(s, f.d, (result_format(op) == fp.DOUBLE).select(result, with_half(old, f.d, result.trunc(32))))
    settle(s, *rest)


@insn(format3(2, 0x35, rest="ooooooooo ttttt"), "{fpop}", "V8 B.33, FCMP", apart=("o", fp.COMPARES))
def fpop2(s: Semantics, f: Fields) -> None:
    mode = begin(s)
    if mode is None:
        return
    op = f.o.trunc(8)
    s.if_(~member(s, op, fp.COMPARES) | f.o.bit(8), lambda: fail(s, UNIMPLEMENTED))
    if s.dead:
        return
    check_registers(s, f, op, True)
    a, b = operands(s, f, op)
    result, last, a, b, current = run(s, op, mode, a, b, fp.COMPARES)
    s.write(FCC, result.trunc(8))
    settle(s, last, a, b, current)
