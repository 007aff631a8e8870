"""SETHI, logic, shifts, addition and subtraction, tagged arithmetic, multiplication and division."""

from __future__ import annotations

from collections.abc import Callable

from ..spec.insn import Fields
from ..spec.semantics import Semantics
from ..spec.value import Val
from .decl import V8, format3, insn, operand2
from .flags import carry, negative, overflowed, set_compared, set_icc, set_logic
from .regs import Y, read_r, write_r
from .traps import DIVISION_BY_ZERO, TAG_OVERFLOW, take_if

Operation = Callable[[Val, Val], Val]


@insn("00 ddddd 100 vvvvvvvvvvvvvvvvvvvvvv", "sethi {hi}, {rd}", "V8 B.9")
def sethi(s: Semantics, f: Fields) -> None:
    write_r(s, f.d, f.v.zext(32) << 10)


# -- logic and shifts ----------------------------------------------------------------------------------------

# op3, mnemonic, operation; 0x10 more sets the condition codes
LOGIC: list[tuple[int, str, Operation]] = [
    (0x01, "and", lambda a, b: a & b),
    (0x02, "or", lambda a, b: a | b),
    (0x03, "xor", lambda a, b: a ^ b),
    (0x05, "andn", lambda a, b: a & ~b),
    (0x06, "orn", lambda a, b: a | ~b),
    (0x07, "xnor", lambda a, b: a ^ ~b),
]
SHIFTS: list[tuple[int, str, Operation]] = [
    (0x25, "sll", lambda a, n: a << n),
    (0x26, "srl", lambda a, n: a.lsr(n)),
    (0x27, "sra", lambda a, n: a.asr(n)),
]


def _logic(op3: int, name: str, operation: Operation) -> None:
    def plain(s: Semantics, f: Fields) -> None:
        write_r(s, f.d, operation(read_r(s, f.s), operand2(s, f)))

    def flags(s: Semantics, f: Fields) -> None:
        result = operation(read_r(s, f.s), operand2(s, f))
        write_r(s, f.d, result)
        set_logic(s, result)

    plain.__name__, flags.__name__ = f"{name}_", f"{name}cc"
    insn(format3(2, op3), name + " {rs1}, {op2}, {rd}", "V8 B.11")(plain)
    insn(format3(2, op3 | 0x10), name + "cc {rs1}, {op2}, {rd}", "V8 B.11")(flags)


def _shift(op3: int, name: str, operation: Operation) -> None:
    def shift(s: Semantics, f: Fields) -> None:
        count = f.v.trunc(5).zext(32) if f.I else operand2(s, f) & 31
        write_r(s, f.d, operation(read_r(s, f.s), count))

    shift.__name__ = name
    insn(format3(2, op3), name + " {rs1}, {count}, {rd}", "V8 B.12")(shift)


for row in LOGIC:
    _logic(*row)
for row in SHIFTS:
    _shift(*row)


# -- addition and subtraction --------------------------------------------------------------------------------


def added(a: Val, b: Val, result: Val) -> tuple[Val, Val]:
    """Overflow (in the sign bit) and carry of result = a + b."""
    return (a ^ result) & (b ^ result), result.ult(a)


def subtracted(a: Val, b: Val, result: Val) -> tuple[Val, Val]:
    """Overflow (in the sign bit) and borrow of result = a - b."""
    return (a.slt(b) ^ result.slt(0)).sext(32), a.ult(b)


def _sum(s: Semantics, f: Fields, minus: bool, extended: bool) -> tuple[Val, Val, Val]:
    """(result, overflow in the sign bit, carry)."""
    a, b = read_r(s, f.s), operand2(s, f)
    result = a - b if minus else a + b
    if not extended:
        return result, *(subtracted if minus else added)(a, b, result)
    c = carry(s).zext(32)
    if minus:
        result = result - c
        return result, (a ^ b) & (a ^ result), ((~a & b) | ((~a | b) & result)).sign()
    result = result + c
    return result, (a ^ result) & (b ^ result), ((a & b) | ((a | b) & ~result)).sign()


def _additive(op3: int, name: str, minus: bool, extended: bool, ref: str) -> None:
    def plain(s: Semantics, f: Fields) -> None:
        write_r(s, f.d, _sum(s, f, minus, extended)[0])

    def flags(s: Semantics, f: Fields) -> None:
        a, b = read_r(s, f.s), operand2(s, f)
        result, overflow, borrow = _sum(s, f, minus, extended)
        write_r(s, f.d, result)
        if minus and not extended:
            set_compared(s, a, b, result)
        else:
            set_icc(s, result, overflow, borrow)

    plain.__name__, flags.__name__ = name, f"{name}cc"
    insn(format3(2, op3), name + " {rs1}, {op2}, {rd}", ref)(plain)
    insn(format3(2, op3 | 0x10), name + "cc {rs1}, {op2}, {rd}", ref)(flags)


_additive(0x00, "add", False, False, "V8 B.13")
_additive(0x08, "addx", False, True, "V8 B.13")
_additive(0x04, "sub", True, False, "V8 B.15")
_additive(0x0C, "subx", True, True, "V8 B.15")


def _tagged(op3: int, name: str, minus: bool, trapping: bool, ref: str) -> None:
    def tagged(s: Semantics, f: Fields) -> None:
        result, overflow, borrow = _sum(s, f, minus, False)
        tags = (read_r(s, f.s) | operand2(s, f)) & 3
        overflow = overflow | (tags != 0).zext(32) << 31
        if trapping:
            take_if(s, overflow.sign(), TAG_OVERFLOW)
        write_r(s, f.d, result)
        set_icc(s, result, overflow, borrow)

    tagged.__name__ = name
    insn(format3(2, op3), name + " {rs1}, {op2}, {rd}", ref)(tagged)


_tagged(0x20, "taddcc", False, False, "V8 B.14")
_tagged(0x21, "tsubcc", True, False, "V8 B.16")
_tagged(0x22, "taddcctv", False, True, "V8 B.14")
_tagged(0x23, "tsubcctv", True, True, "V8 B.16")


# -- multiplication and division -----------------------------------------------------------------------------


@insn(format3(2, 0x24), "mulscc {rs1}, {op2}, {rd}", "V8 B.17")
def mulscc(s: Semantics, f: Fields) -> None:
    a, y = read_r(s, f.s), s.read(Y)
    first = (negative(s) ^ overflowed(s)).zext(32) << 31 | a.lsr(1)
    second = y.trunc(1).select(operand2(s, f), 0)
    result = first + second
    overflow, out = added(first, second, result)
    write_r(s, f.d, result)
    set_icc(s, result, overflow, out)
    s.write(Y, a << 31 | y.lsr(1))


def _multiply(op3: int, name: str, signed: bool, flags: bool) -> None:
    def multiply(s: Semantics, f: Fields) -> None:
        a, b = read_r(s, f.s), operand2(s, f)
        product = a.sext(64) * b.sext(64) if signed else a.zext(64) * b.zext(64)
        low = product.trunc(32)
        write_r(s, f.d, low)
        s.write(Y, product.bits(63, 32))
        if flags:
            set_logic(s, low)

    multiply.__name__ = name
    insn(format3(2, op3), name + " {rs1}, {op2}, {rd}", "V8 B.18", V8)(multiply)


def _unsigned_quotient(a: Val, b: Val) -> tuple[Val, Val]:
    """(quotient, overflow): too large a one is all ones (B.19)."""
    q = a.udiv(b.zext(64))
    over = q.bits(63, 32) != 0
    return over.select(0xFFFFFFFF, q.trunc(32)), over


def _signed_quotient(a: Val, b: Val) -> tuple[Val, Val]:
    """(quotient, overflow): too large a one is the largest of its sign (B.19)."""
    q = a.sdiv(b.sext(64))
    minus = a.sign() ^ b.sign()
    over = q != q.trunc(32).sext(64)
    return over.select(0x7FFFFFFF + minus.zext(32), q.trunc(32)), over


def _divide(op3: int, name: str, signed: bool, flags: bool) -> None:
    def divide(s: Semantics, f: Fields) -> None:
        b = operand2(s, f)
        take_if(s, b == 0, DIVISION_BY_ZERO)
        a = s.read(Y).zext(64) << 32 | read_r(s, f.s).zext(64)
        q, over = (_signed_quotient if signed else _unsigned_quotient)(a, b)
        write_r(s, f.d, q)
        if flags:
            set_icc(s, q, over.zext(32) << 31, s.const(0, 1))

    divide.__name__ = name
    insn(format3(2, op3), name + " {rs1}, {op2}, {rd}", "V8 B.19", V8)(divide)


for signed in (False, True):
    for flags in (False, True):
        names = f"{'us'[signed]}{{}}{'cc' if flags else ''}"
        _multiply(0x0A | signed | flags << 4, names.format("mul"), signed, flags)
        _divide(0x0E | signed | flags << 4, names.format("div"), signed, flags)
