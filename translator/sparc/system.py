"""State registers, FLUSH, STBAR, UNIMP (V8 manual, B.28-B.32), and what the absent coprocessor does."""

from __future__ import annotations

from ..spec.insn import Fields
from ..spec.semantics import MODE, Semantics
from ..spec.value import Val
from .decl import V7, V8, format3, insn, operand2
from .flags import icc, write_icc
from .fpu.regs import enable, enabled
from .regs import CWP, ET, PIL, PS, TBR, WIM, Y, read_r, write_r
from .traps import CP_DISABLED, ILLEGAL, notice, privileged, take, take_if

ASR = "- -------------"
STBAR = 15  # RDASR of this register with rd = 0


@insn(format3(2, 0x28, rest=ASR), "rd {asr}, {rd}", "V7 RDY: rs1 is ignored", V7)
def rdy_v7(s: Semantics, f: Fields) -> None:
    write_r(s, f.d, s.read(Y))


@insn(format3(2, 0x28, rest=ASR), "rd {asr}, {rd}", "V8 B.28, B.30: no other state registers here", V8)
def rdasr(s: Semantics, f: Fields) -> None:
    barrier = (f.s == STBAR) & (f.d == 0)
    take_if(s, (f.s != 0) & ~barrier, ILLEGAL)
    write_r(s, f.d, s.read(Y))


@insn(format3(2, 0x29, rs1="-----", rest=ASR), "rd %psr, {rd}", "V8 B.28")
def rdpsr(s: Semantics, f: Fields) -> None:
    """Without a coprocessor EC is 0, without a floating-point unit EF (4.2)."""
    privileged(s)
    s_bit = s.read(MODE) << 7 | enabled(s).zext(32) << 12
    value = s.const(s.options["implementation"] << 24, 32) | icc(s) << 20 | s.read(PIL).zext(32) << 8
    value = value | s_bit | s.read(PS).zext(32) << 6 | s.read(ET).zext(32) << 5
    value = value | s.absolute(s.read(CWP)).zext(32)
    write_r(s, f.d, value)


@insn(format3(2, 0x2A, rs1="-----", rest=ASR), "rd %wim, {rd}", "V8 B.28")
def rdwim(s: Semantics, f: Fields) -> None:
    privileged(s)
    write_r(s, f.d, s.read(WIM))


@insn(format3(2, 0x2B, rs1="-----", rest=ASR), "rd %tbr, {rd}", "V8 B.28")
def rdtbr(s: Semantics, f: Fields) -> None:
    privileged(s)
    write_r(s, f.d, s.read(TBR))


def _written(s: Semantics, f: Fields) -> Val:
    return read_r(s, f.s) ^ operand2(s, f)


# The writes may take up to three instructions before they show (B.29); here they are immediate.


@insn(format3(2, 0x30, rd="-----"), "wr {rs1}, {op2}, %y", "V7 WRY: rd is ignored", V7)
def wry_v7(s: Semantics, f: Fields) -> None:
    s.write(Y, _written(s, f))


@insn(format3(2, 0x30, rd="00000"), "wr {rs1}, {op2}, %y", "V8 B.29", V8)
def wry(s: Semantics, f: Fields) -> None:
    s.write(Y, _written(s, f))


@insn(format3(2, 0x31, rd="-----"), "wr {rs1}, {op2}, %psr", "V8 B.29")
def wrpsr(s: Semantics, f: Fields) -> None:
    privileged(s)
    value = _written(s, f)
    cwp = value.trunc(5).zext(8)
    take_if(s, cwp.uge(s.options["windows"]), ILLEGAL)
    write_icc(s, value.lsr(20))
    s.write(PIL, value.bits(11, 8).zext(8))
    s.write(PS, value.bit(6).zext(8))
    s.write(ET, value.bit(5).zext(8))
    enable(s, value.bit(12))
    s.write(CWP, cwp)
    s.switch_mode(value.bit(7).zext(8))
    notice(s)


@insn(format3(2, 0x32, rd="-----"), "wr {rs1}, {op2}, %wim", "V8 B.29")
def wrwim(s: Semantics, f: Fields) -> None:
    privileged(s)
    s.write(WIM, _written(s, f) & (1 << s.options["windows"]) - 1)


@insn(format3(2, 0x33, rd="-----"), "wr {rs1}, {op2}, %tbr", "V8 B.29")
def wrtbr(s: Semantics, f: Fields) -> None:
    privileged(s)
    s.write(TBR, s.read(TBR) & 0xFF0 | _written(s, f) & 0xFFFFF000)


@insn(format3(2, 0x3B, rd="-----"), "flush {addr}", "V8 B.32")
def flush(s: Semantics, f: Fields) -> None:
    """Stores are seen by the very next fetch here."""


@insn("00 ----- 000 vvvvvvvvvvvvvvvvvvvvvv", "unimp {const22}", "V8 B.31")
def unimp(s: Semantics, f: Fields) -> None:
    take(s, ILLEGAL)


# -- the absent coprocessor ----------------------------------------------------------------------------------

CP_BRANCHES = (
    "n", "123", "12", "13", "1", "23", "2", "3", "a", "0", "03", "02", "023", "01", "013", "012",
)  # fmt: skip


def _absent(name: str, picture: str, syntax: str, ref: str, supervisor: bool = False) -> None:
    def disabled(s: Semantics, f: Fields) -> None:
        if supervisor:
            privileged(s)
        take(s, CP_DISABLED)

    disabled.__name__ = name
    insn(picture, syntax, ref)(disabled)


_absent("cbccc", "00 a cccc 111 vvvvvvvvvvvvvvvvvvvvvv", "cb{ccc}{annul} {disp22}", "V8 B.23")
_absent("ldc", format3(3, 0x30), "ld [{addr}], {crd}", "V8 B.2")
_absent("ldcsr", format3(3, 0x31), "ld [{addr}], %csr", "V8 B.2")
_absent("lddc", format3(3, 0x33), "ldd [{addr}], {crd}", "V8 B.2")
_absent("stc", format3(3, 0x34), "st {crd}, [{addr}]", "V8 B.5")
_absent("stcsr", format3(3, 0x35), "st %csr, [{addr}]", "V8 B.5")
_absent("stdcq", format3(3, 0x36), "std %cq, [{addr}]", "V8 B.5", supervisor=True)
_absent("stdc", format3(3, 0x37), "std {crd}, [{addr}]", "V8 B.5")
_absent("cpop1", format3(2, 0x36, rest="ooooooooo ttttt"), "cpop1 {cpop}", "V8 B.34")
_absent("cpop2", format3(2, 0x37, rest="ooooooooo ttttt"), "cpop2 {cpop}", "V8 B.34")
