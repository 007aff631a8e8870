"""Addition, multiplication, division, comparison, square root, integers: exact in 128 bits, rounded once.

Operands are finite `Number`s with their infinities told apart; NaNs have been dealt with. `control` says how
to round (`number`).
"""

from __future__ import annotations

from ..spec.semantics import Semantics
from ..spec.value import Val
from .number import (
    BIAS,
    DOWN,
    DZ,
    NEAREST,
    TINY,
    UP,
    Number,
    Result,
    infinity,
    invalid,
    jam,
    none,
    round_wide,
    zero,
)
from .number import ZERO as TO_ZERO


def add(s: Semantics, a: Number, b: Number, a_inf: Val, b_inf: Val, control: Val) -> Result:
    """b + a."""

    def infinite() -> Result:
        return Result(
            *s.if_(
                a_inf & b_inf & (a.sign ^ b.sign),
                lambda: invalid(s),
                lambda: infinity(s, a_inf.select(a.sign, b.sign)),
            )
        )

    def finite() -> Result:
        swap = b.exp.slt(a.exp)
        big_exp, small_exp = swap.select(a.exp, b.exp), swap.select(b.exp, a.exp)
        big_sign = swap.select(a.sign, b.sign)
        big = swap.select(a.m, b.m).zext(128) << 62
        distance = big_exp - small_exp
        distance = distance.ult(128).select(distance, 128)
        small = jam(swap.select(b.m, a.m).zext(128) << 62, distance.zext(128))
        differ = a.sign ^ b.sign
        total = differ.select(big - small, big + small)
        negative = total.sign()
        total = negative.select(-total, total)
        down = control.bits(5, 4) == DOWN
        sign = (total == 0).select(differ.select(down, a.sign), big_sign ^ negative)
        exp = (total == 0).select(s.const(TINY, 32), big_exp + 2)
        return round_wide(s, sign, exp, total, control)

    return Result(*s.if_(a_inf | b_inf, infinite, finite))


def multiply(s: Semantics, a: Number, b: Number, a_inf: Val, b_inf: Val, control: Val) -> Result:
    sign = a.sign ^ b.sign
    none_ = ((a.m == 0) & ~a_inf) | ((b.m == 0) & ~b_inf)

    def infinite() -> Result:
        return Result(*s.if_(none_, lambda: invalid(s), lambda: infinity(s, sign)))

    def finite() -> Result:
        m = a.m.zext(128) * b.m.zext(128)
        exp = none_.select(s.const(TINY, 32), a.exp + b.exp - (BIAS - 1))
        return round_wide(s, sign, exp, m, control)

    return Result(*s.if_(a_inf | b_inf, infinite, finite))


def divide(s: Semantics, a: Number, b: Number, a_inf: Val, b_inf: Val, control: Val) -> Result:
    """b / a: three digits of 32 bits, each guessed from the divisor's upper half and corrected."""
    sign = a.sign ^ b.sign
    a_zero, b_zero = (a.m == 0) & ~a_inf, (b.m == 0) & ~b_inf

    def special() -> Result:
        return Result(
            *s.if_(
                (a_inf & b_inf) | (a_zero & b_zero),
                lambda: invalid(s),
                lambda: s.if_(
                    a_inf | b_zero,
                    lambda: zero(s, sign),
                    lambda: s.if_(b_inf, lambda: infinity(s, sign), lambda: infinity(s, sign, DZ)),
                ),
            )
        )

    def finite() -> Result:
        over = a.m.ule(b.m)
        rest = over.select(b.m - a.m, b.m).zext(128)
        q = over.zext(128)
        divisor = a.m.zext(128)
        for _ in range(3):
            guess = rest.trunc(64).udiv(a.m.lsr(32))
            guess = guess.ult(1 << 32).select(guess, 0xFFFFFFFF)
            rest = (rest << 32) - guess.zext(128) * divisor
            for _ in range(2):
                below = rest.sign()
                guess = guess - below.zext(64)
                rest = rest + below.select(divisor, 0)
            q = q << 32 | guess.zext(128)
        m = q << 30 | (rest != 0).zext(128)
        return round_wide(s, sign, b.exp - a.exp + (BIAS + 1), m, control)

    return Result(*s.if_(a_inf | b_inf | a_zero | b_zero, special, finite))


def compare(s: Semantics, a: Number, b: Number, a_inf: Val, b_inf: Val) -> Result:
    """A number whose sign and zero are the condition codes of b - a; equal negative ones give -0 (PRM
    5-41).
    """
    top = s.const(0x10000, 32)
    a_exp, b_exp = a_inf.select(top, a.exp), b_inf.select(top, b.exp)
    a_m, b_m = a_inf.select(s.const(0, 64), a.m), b_inf.select(s.const(0, 64), b.m)
    same = (a_exp == b_exp) & (a_m == b_m)
    smaller = b_exp.slt(a_exp) | ((b_exp == a_exp) & b_m.ult(a_m))  # in magnitude
    both_zero = (a.exp == TINY) & (b.exp == TINY) & ~a_inf & ~b_inf
    differ = a.sign ^ b.sign
    equal = (same & ~differ) | both_zero
    negative = (equal | differ).select(b.sign, b.sign ^ smaller)
    return Result(
        negative.zext(16) << 15 | equal.select(s.const(0, 16), BIAS),
        equal.select(s.const(0, 64), 1 << 63),
        none(s),
    )


def root(s: Semantics, a: Number, control: Val) -> Result:
    """One bit of the root at a time; 66 of them and what is left decide the rounding."""

    def positive() -> Result:
        exp = a.exp - BIAS
        odd = exp.bit(0)
        radicand = a.m.zext(128) << (odd.zext(128) + 1)
        rest, found = s.const(0, 128), s.const(0, 128)
        for i in range(66):
            pair = radicand.lsr(64 - 2 * i) & 3 if i <= 32 else s.const(0, 128)
            rest = rest << 2 | pair
            trial = found << 2 | 1
            fits = trial.ule(rest)
            rest = rest - fits.select(trial, 0)
            found = found << 1 | fits.zext(128)
        return round_wide(s, s.const(0, 1), exp.asr(1) + BIAS, found << 62 | (rest != 0).zext(128), control)

    return Result(
        *s.if_(
            a.m == 0,
            lambda: zero(s, a.sign),
            lambda: s.if_(a.sign, lambda: invalid(s), positive),
        )
    )


def to_integer(s: Semantics, a: Number, mode: Val) -> tuple[Val, Val, Val]:
    """The magnitude of a number below 2^64 as an integer (64 bits): (value, inexact, the sum overflowed)."""
    count = s.const(BIAS + 63, 32) - a.exp
    count = count.slt(128).select(count, 128)
    m = jam(a.m.zext(128) << 64, count.zext(128))
    whole, part = m.bits(127, 64), m.trunc(64)
    half = s.const(1 << 63, 64)
    nearest = half.ult(part) | ((part == half) & whole.bit(0))
    up = (mode == NEAREST).select(nearest, (part != 0) & (mode != TO_ZERO) & ((mode == UP) ^ a.sign))
    return whole + up.zext(64), part != 0, up & (whole == 0xFFFFFFFFFFFFFFFF)
