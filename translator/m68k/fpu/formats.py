"""Operands in memory and data registers: seven formats to and from extended (PRM 1.4, 3.5).

Their bits travel as 96, `hi` (32) and `lo` (64); what is shorter lies in the low bits of `lo`. The format's
code is a value: each routine here is one shared piece.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...softfloat.ieee import from_ieee, to_ieee
from ...softfloat.number import (
    Number,
    Result,
    is_nan,
    is_signalling,
    is_special,
    none,
    round_pack,
    unpack,
)
from ...softfloat.operations import to_integer
from ...spec.semantics import DATA, PROGRAM, Semantics, Space
from ...spec.value import Val
from .decimal import constant, from_decimal, to_decimal
from .regs import (
    BIAS,
    BYTE,
    BYTES,
    DOUBLE,
    DOUBLE_REAL,
    EXTENDED_REAL,
    INEX2,
    LONG,
    OPERR,
    QUIET,
    SINGLE,
    SINGLE_REAL,
    SNAN,
    WORD,
)

Raw = tuple[Val, Val]


def one_of(fmt: Val, *codes: int) -> Val:
    return fmt.s.const(sum(1 << c for c in codes), 8).lsr(fmt.zext(8)).bit(0)


def size_of(s: Semantics, fmt: Val) -> Val:
    """Bytes of a format (32 bits)."""
    table = sum(n << 4 * code for code, n in enumerate(BYTES))
    return s.const(table, 32).lsr(fmt.zext(32) << 2) & 15


# -- memory --------------------------------------------------------------------------------------------------


def read_data(s: Semantics, addr: Val, fmt: Val) -> Raw:
    return _read(s, addr, fmt, DATA)


def read_program(s: Semantics, addr: Val, fmt: Val) -> Raw:
    return _read(s, addr, fmt, PROGRAM)


def _read(s: Semantics, addr: Val, fmt: Val, space: Space) -> Raw:
    zero = s.const(0, 32)

    def long() -> Raw:
        return s.load(addr, 4, space), s.load(addr + 4, 8, space)

    def short() -> Raw:
        wide: Val = s.if_(
            one_of(fmt, LONG, SINGLE_REAL),
            lambda: s.load(addr, 4, space).zext(64),
            lambda: s.if_(
                fmt == WORD,
                lambda: s.load(addr, 2, space).zext(64),
                lambda: s.load(addr, 1, space).zext(64),
            ),
        )
        return zero, wide

    raw: Raw = s.if_(
        size_of(s, fmt) == 12,
        long,
        lambda: s.if_(fmt == DOUBLE_REAL, lambda: (zero, s.load(addr, 8, space)), short),
    )
    return raw


def write(s: Semantics, addr: Val, fmt: Val, hi: Val, lo: Val) -> None:
    """Store an operand; doing it again after a fault does no harm."""

    def long() -> None:
        s.store(addr, hi)
        s.store(addr + 4, lo)

    def short() -> None:
        s.if_(fmt == WORD, lambda: s.store(addr, lo.trunc(16)), lambda: s.store(addr, lo.trunc(8)))

    def middle() -> None:
        s.if_(one_of(fmt, LONG, SINGLE_REAL), lambda: s.store(addr, lo.trunc(32)), short)

    s.if_(
        size_of(s, fmt) == 12,
        long,
        lambda: s.if_(fmt == DOUBLE_REAL, lambda: s.store(addr, lo), middle),
    )


# -- to extended ---------------------------------------------------------------------------------------------


def decode(s: Semantics, fmt: Val, hi: Val, lo: Val, control: Val) -> tuple[Val, Val, Val]:
    """An operand as (se, m, exceptions): exact, but for decimal ones."""

    def integer() -> Result:
        value = (fmt == BYTE).select(
            lo.trunc(8).sext(64), (fmt == WORD).select(lo.trunc(16).sext(64), lo.trunc(32).sext(64))
        )
        sign = value.sign()
        m = sign.select(-value, value)
        n = m.clz()
        exp = (m == 0).select(s.const(0, 16), s.const(BIAS + 63, 16) - n.trunc(16))
        return Result(sign.zext(16) << 15 | exp, m << n, none(s))

    def packed() -> Result:
        return Result(*s.helper(from_decimal, (16, 64, 8), hi, lo, control))

    result: Result = s.if_(
        one_of(fmt, BYTE, WORD, LONG),
        integer,
        lambda: s.if_(
            fmt == EXTENDED_REAL,
            lambda: Result(hi.bits(31, 16), lo, none(s)),
            lambda: s.if_(
                fmt == SINGLE_REAL,
                lambda: from_ieee(s, lo, 8, 23),
                lambda: s.if_(fmt == DOUBLE_REAL, lambda: from_ieee(s, lo, 11, 52), packed),
            ),
        ),
    )
    return tuple(result)  # type: ignore[return-value]


# -- from extended -------------------------------------------------------------------------------------------


def encode(s: Semantics, fmt: Val, se: Val, m: Val, control: Val, k: Val) -> tuple[Val, Val, Val]:
    """A register's number as (hi, lo, exceptions) in a format; k: the k-factor (7 bits in 8) of P."""
    zero = s.const(0, 32)

    def extended() -> tuple[Val, Val, Val]:
        signals = is_signalling(se, m)
        return se.zext(32) << 16, m | signals.zext(64) << 62, signals.select(s.const(SNAN, 8), 0)

    def real(code: int, exponent_bits: int, fraction_bits: int) -> Callable[[], tuple[Val, Val, Val]]:
        def make() -> tuple[Val, Val, Val]:
            lo, exc = to_ieee(s, se, m, control & 0x30 | code << 6, exponent_bits, fraction_bits)
            return zero, lo, exc

        return make

    def integer() -> tuple[Val, Val, Val]:
        return (zero, *_to_integer(s, fmt, se, m, control.bits(5, 4)))

    def packed() -> tuple[Val, Val, Val]:
        hi, lo, exc = s.helper(to_decimal, (32, 64, 8), se, m, k, control)
        return hi, lo, exc

    result: tuple[Val, Val, Val] = s.if_(
        one_of(fmt, BYTE, WORD, LONG),
        integer,
        lambda: s.if_(
            fmt == EXTENDED_REAL,
            extended,
            lambda: s.if_(
                fmt == SINGLE_REAL,
                real(SINGLE, 8, 23),
                lambda: s.if_(fmt == DOUBLE_REAL, real(DOUBLE, 11, 52), packed),
            ),
        ),
    )
    return result


def _to_integer(s: Semantics, fmt: Val, se: Val, m: Val, mode: Val) -> tuple[Val, Val]:
    """Rounded by the mode; too large: the nearest integer of the format, a NaN: its upper bits, both
    OPERR.
    """
    half = (fmt == BYTE).select(s.const(0x80, 64), (fmt == WORD).select(s.const(0x8000, 64), 1 << 31))

    def number() -> tuple[Val, Val]:
        a = unpack(s, se, m)
        large = (s.const(BIAS + 40, 32)).slt(a.exp) | is_special(se)
        near = Number(a.sign, large.select(s.const(BIAS + 40, 32), a.exp), a.m | large.zext(64) << 63)
        value, inexact, _ = to_integer(s, near, mode)
        bad = (half - (~a.sign).zext(64)).ult(value)
        value = bad.select(half - (~a.sign).zext(64), value)
        value = a.sign.select(-value, value)
        return value, bad.select(s.const(OPERR, 8), inexact.select(s.const(INEX2, 8), 0))

    def nan() -> tuple[Val, Val]:
        bits = m | QUIET
        value = (fmt == BYTE).select(bits.lsr(56), (fmt == WORD).select(bits.lsr(48), bits.lsr(32)))
        return value, is_signalling(se, m).select(s.const(SNAN | OPERR, 8), OPERR)

    result: tuple[Val, Val] = s.if_(is_nan(se, m), nan, number)
    return result


def rom(s: Semantics, offset: Val, control: Val) -> tuple[Val, Val, Val]:
    """FMOVECR's constant, rounded: (se, m, exceptions)."""
    final, se, exp, hi, lo, _, _ = s.helper(constant, (1, 16, 32, 64, 64, 8, 8), offset)
    result: tuple[Val, Val, Val] = s.if_(
        final,
        lambda: (se, hi, none(s)),
        lambda: s.call(round_pack, se.sign(), exp, hi, lo, control),
    )
    return result


SHARED: dict[Callable[..., Any], tuple[int, ...]] = {
    read_data: (32, 3), read_program: (32, 3), write: (32, 3, 32, 64), decode: (3, 32, 64, 8),
    encode: (3, 16, 64, 8, 8), rom: (8, 8),
}  # fmt: skip
HELPERS = (from_decimal, to_decimal, constant)
