"""State registers, FLUSH, STBAR, UNIMP (V8 manual, B.28-B.32), and what absent coprocessors would do."""

from __future__ import annotations

from ..spec.insn import Fields
from ..spec.semantics import MODE, Semantics
from ..spec.value import Val
from .decl import V7, V8, format3, insn, operand2
from .flags import icc, write_icc
from .regs import CWP, ET, PIL, PS, TBR, WIM, Y, read_r, write_r
from .traps import CP_DISABLED, FP_DISABLED, ILLEGAL, notice, privileged, take, take_if

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
    """Without coprocessors EC and EF are 0 (4.2)."""
    privileged(s)
    s_bit = s.read(MODE) << 7
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


# -- the absent: floating point and coprocessor --------------------------------------------------------------

FP_BRANCHES = ("n", "ne", "lg", "ul", "l", "ug", "g", "u", "a", "e", "ue", "ge", "uge", "le", "ule", "o")
CP_BRANCHES = (
    "n", "123", "12", "13", "1", "23", "2", "3", "a", "0", "03", "02", "023", "01", "013", "012",
)  # fmt: skip
_REST = "I vvvvvvvvvvvvv"


def _absent(name: str, picture: str, syntax: str, ref: str, tt: int, supervisor: bool = False) -> None:
    def disabled(s: Semantics, f: Fields) -> None:
        if supervisor:
            privileged(s)
        take(s, tt)

    disabled.__name__ = name
    insn(picture, syntax, ref)(disabled)


_absent("fbfcc", "00 a cccc 110 vvvvvvvvvvvvvvvvvvvvvv", "fb{fcc}{annul} {disp22}", "V8 B.22", FP_DISABLED)
_absent("cbccc", "00 a cccc 111 vvvvvvvvvvvvvvvvvvvvvv", "cb{ccc}{annul} {disp22}", "V8 B.23", CP_DISABLED)
for _op3, _name, _operands in (
    (0x20, "ld", "[{addr}], {}"),
    (0x21, "ld", "[{addr}], {state}"),
    (0x23, "ldd", "[{addr}], {}"),
    (0x24, "st", "{}, [{addr}]"),
    (0x25, "st", "{state}, [{addr}]"),
    (0x26, "std", "{queue}, [{addr}]"),
    (0x27, "std", "{}, [{addr}]"),
):
    _ref = "V8 B.2" if _op3 < 0x24 else "V8 B.5"
    for _letter, _bit, _tt in (("f", 0, FP_DISABLED), ("c", 0x10, CP_DISABLED)):
        _text = _operands.replace("{}", "{" + _letter + "rd}")
        _text = _text.replace("{state}", f"%{_letter}sr").replace("{queue}", f"%{_letter}q")
        _kind = {1: "sr", 5: "sr", 6: "q"}.get(_op3 & 15, "")
        _absent(
            f"{_name}{_letter}{_kind}", format3(3, _op3 | _bit), f"{_name} {_text}", _ref, _tt,
            supervisor=_kind == "q",
        )  # fmt: skip
_absent("fpop1", format3(2, 0x34, rest="ooooooooo ttttt"), "{fpop}", "V8 B.33", FP_DISABLED)
_absent("fpop2", format3(2, 0x35, rest="ooooooooo ttttt"), "{fpop}", "V8 B.33", FP_DISABLED)
_absent("cpop1", format3(2, 0x36, rest="ooooooooo ttttt"), "cpop1 {cpop}", "V8 B.34", CP_DISABLED)
_absent("cpop2", format3(2, 0x37, rest="ooooooooo ttttt"), "cpop2 {cpop}", "V8 B.34", CP_DISABLED)
