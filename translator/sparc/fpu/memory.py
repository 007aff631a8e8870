"""Loads and stores of floating-point registers, FSR and the queue (V8 manual, B.2 and B.5)."""

from __future__ import annotations

from ...spec.insn import Fields
from ...spec.semantics import Semantics
from ...spec.value import Val
from ..decl import format3, insn, operand2
from ..regs import read_r
from ..traps import FP_EXCEPTION, MISALIGNED, privileged, take, take_if
from .operate import current_exceptions
from .queue import begin_access, fail
from .regs import (
    ACCRUED,
    AEXC_SHIFT,
    CAREFUL,
    CURRENT,
    EXCEPTION,
    FCC,
    FCC_SHIFT,
    FP_MODE,
    FQ_ADDRESS,
    FQ_INSN,
    FSR,
    FTT,
    FTT_SHIFT,
    INVALID_REGISTER,
    LAST,
    NS,
    PENDING,
    QNE,
    RD,
    SEQUENCE_ERROR,
    TEM,
    VER_SHIFT,
    from_fsr,
    read_pair,
    read_single,
    to_fsr,
    write_pair,
    write_single,
)


def _address(s: Semantics, f: Fields) -> Val:
    return read_r(s, f.s) + operand2(s, f)


def _even(s: Semantics, f: Fields) -> None:
    """Odd numbers of pairs: ignored, or an exception."""
    if s.options["fpu_strict_pairs"]:
        s.if_(f.d.trunc(1) != 0, lambda: fail(s, INVALID_REGISTER))


@insn(format3(3, 0x20), "ld [{addr}], {frd}", "V8 B.2")
def ldf(s: Semantics, f: Fields) -> None:
    addr = _address(s, f)
    if begin_access(s, addr, 4, False) is None:
        return
    write_single(s, f.d, s.load(addr, 4))


@insn(format3(3, 0x23), "ldd [{addr}], {frd}", "V8 B.2")
def lddf(s: Semantics, f: Fields) -> None:
    addr = _address(s, f)
    if begin_access(s, addr, 8, False) is None:
        return
    _even(s, f)
    write_pair(s, f.d, s.load(addr, 8))


@insn(format3(3, 0x24), "st {frd}, [{addr}]", "V8 B.5")
def stf(s: Semantics, f: Fields) -> None:
    addr = _address(s, f)
    if begin_access(s, addr, 4, True) is None:
        return
    s.store(addr, read_single(s, f.d))


@insn(format3(3, 0x27), "std {frd}, [{addr}]", "V8 B.5")
def stdf(s: Semantics, f: Fields) -> None:
    addr = _address(s, f)
    if begin_access(s, addr, 8, True) is None:
        return
    _even(s, f)
    s.store(addr, read_pair(s, f.d))


# -- FSR and the queue ---------------------------------------------------------------------------------------


@insn(format3(3, 0x21), "ld [{addr}], %fsr", "V8 B.2", traits="interp")
def ldfsr(s: Semantics, f: Fields) -> None:
    """ver, ftt and qne stay."""
    addr = _address(s, f)
    mode = begin_access(s, addr, 4, False)
    if mode is None:
        return
    value = s.load(addr, 4)
    s.write(FSR, value & (RD | TEM | NS))
    s.write(FCC, value.bits(FCC_SHIFT + 1, FCC_SHIFT).zext(8))
    s.write(ACCRUED, from_fsr(s, value.lsr(AEXC_SHIFT)))
    s.write(CURRENT, from_fsr(s, value))
    s.write(LAST, s.const(0, 8))
    s.write(FP_MODE, mode & ~CAREFUL | (value & (RD | TEM) != 0).select(s.const(CAREFUL, 8), 0))


def fsr(s: Semantics, mode: Val) -> Val:
    """FSR, put together."""
    pieces = (
        (s.read(FTT), FTT_SHIFT),
        (s.read(FCC), FCC_SHIFT),
        (to_fsr(s, s.read(ACCRUED)).trunc(8), AEXC_SHIFT),
        (to_fsr(s, current_exceptions(s)).trunc(8), 0),
    )
    out: Val = s.read(FSR) | int(s.options["fpu"]) << VER_SHIFT
    for value, place in pieces:
        out = out | value.zext(32) << place
    return out | (mode & (PENDING | EXCEPTION) != 0).select(s.const(QNE, 32), 0)


@insn(format3(3, 0x25), "st %fsr, [{addr}]", "V8 B.5", traits="interp")
def stfsr(s: Semantics, f: Fields) -> None:
    addr = _address(s, f)
    mode = begin_access(s, addr, 4, True)
    if mode is None:
        return
    s.store(addr, fsr(s, mode))


@insn(format3(3, 0x26), "std %fq, [{addr}]", "V8 B.5", traits="interp")
def stdfq(s: Semantics, f: Fields) -> None:
    """The address of the FPop that failed, and the instruction itself; then the queue is empty."""
    privileged(s)
    if s.dead:
        return
    addr = _address(s, f)
    mode = begin_access(s, addr, 8, True)
    if mode is None:
        return

    def empty() -> None:
        s.write(FTT, s.const(SEQUENCE_ERROR, 8))
        take(s, FP_EXCEPTION)

    take_if(s, addr & 7 != 0, MISALIGNED)
    s.if_(mode & EXCEPTION == 0, empty)
    s.store(addr, s.read(FQ_ADDRESS).zext(64) << 32 | s.read(FQ_INSN).zext(64))
    s.write(FP_MODE, mode & ~EXCEPTION)
