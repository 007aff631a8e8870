"""Transcendental functions against mpmath, remainders and decimal conversions against fractions."""

from __future__ import annotations

import decimal
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from tests.translator.m68k.fpu.numbers import ALL_ONES, Number, is_nan, mantissa, number, plain, run
from translator.m68k.fpu.arith import FMOD, FREM, operate
from translator.m68k.fpu.decimal import from_decimal, to_decimal
from translator.m68k.fpu.exact import FUNCTIONS
from translator.m68k.fpu.formats import rom
from translator.m68k.fpu.regs import BIAS, DZ, INEX1, INEX2, NAN, OPERR, OVFL, UNFL

INFINITY = 0x7FFF, 0


def value(n: Number) -> Fraction:
    x = Fraction(n[1]) * Fraction(2) ** ((n[0] & 0x7FFF) - BIAS - 63)
    return -x if n[0] >> 15 else x


def ask(op: int, a: Number, b: Number = (0, 0), control: int = 0) -> tuple[Number, int, int]:
    """(result, exceptions, quotient byte)"""
    se, m, exc, quotient = run(operate, (8, op), (16, a[0]), (64, a[1]), (16, b[0]), (64, b[1]), (8, control))
    return (se, m), exc, quotient


# -- transcendental functions --------------------------------------------------------------------------------

NAMES: dict[int, Callable[[Any, Any], Any]] = {
    0x02: lambda mp, x: mp.sinh(x),
    0x06: lambda mp, x: mp.log1p(x),
    0x08: lambda mp, x: mp.expm1(x),
    0x09: lambda mp, x: mp.tanh(x),
    0x0A: lambda mp, x: mp.atan(x),
    0x0C: lambda mp, x: mp.asin(x),
    0x0D: lambda mp, x: mp.atanh(x),
    0x0E: lambda mp, x: mp.sin(x),
    0x0F: lambda mp, x: mp.tan(x),
    0x10: lambda mp, x: mp.exp(x),
    0x11: lambda mp, x: mp.mpf(2) ** x,
    0x12: lambda mp, x: mp.mpf(10) ** x,
    0x14: lambda mp, x: mp.log(x),
    0x15: lambda mp, x: mp.log(x) / mp.log(10),
    0x16: lambda mp, x: mp.log(x) / mp.log(2),
    0x19: lambda mp, x: mp.cosh(x),
    0x1C: lambda mp, x: mp.acos(x),
    0x1D: lambda mp, x: mp.cos(x),
}
BELOW_ONE = (0x0C, 0x0D, 0x1C)
POSITIVE = (0x14, 0x15, 0x16)


def argument(r: random.Random, op: int) -> Number:
    """Within the function's domain, from tiny to large, often near one."""
    sign = 0 if op in POSITIVE else r.getrandbits(1) << 15
    top = -1 if op in BELOW_ONE or op == 0x06 else 12 if op not in POSITIVE else 16000
    e = r.choice(
        (-1, -1, -2, -3, r.randrange(-80, 0), r.randrange(-200, -60), min(top, 0), r.randrange(-2, top + 1))
    )
    e = min(e, top)
    m = mantissa(r)
    if op in POSITIVE and r.randrange(4) == 0:
        e, m = r.choice(
            ((0, 1 << 63 | r.getrandbits(r.randrange(1, 62))), (-1, ALL_ONES - r.getrandbits(20)))
        )
    return sign | BIAS + e, m


def check(mp: Any, seed: int, count: int) -> None:
    """Every function in turn, in every rounding mode and precision."""
    r = random.Random(seed)
    for k in range(count):
        op = list(NAMES)[k % len(NAMES)]
        a = argument(r, op)
        precision, mode = r.choice((0, 0, 1, 2)), r.choice((0, 0, 1, 2, 3))
        (se, m), exc, _ = ask(op, a, control=precision << 6 | mode << 4)
        x = mp.ldexp(mp.mpf(a[1]), (a[0] & 0x7FFF) - BIAS - 63)
        true = NAMES[op](mp, -x if a[0] >> 15 else x)
        got = mp.ldexp(mp.mpf(m), (se & 0x7FFF) - BIAS - 63) * (-1 if se >> 15 else 1)
        about = hex(op), hex(a[0]), hex(a[1]), precision, mode
        if exc & (OVFL | UNFL):
            assert abs(mp.log(abs(true), 2)) > (16382, 125, 1021)[precision], about
            continue
        ulp = mp.ldexp(mp.mpf(1), (se & 0x7FFF) - BIAS - (63, 23, 52)[precision])
        assert m % (1, 1 << 40, 1 << 11)[precision] == 0, about
        # Half a unit, and a little for the reference's own error; directed: less than one, on the right side.
        off, little = (got - true) / ulp, mp.mpf(2) ** -100
        away = -off if true < 0 else off
        low, high = {0: (-0.5, 0.5), 1: (-1, 0), 2: (-1, 0), 3: (0, 1)}[mode]
        assert low - little <= (away if mode == 1 else off) <= high + little, (about, off)
        if abs(off) > little:
            assert exc == INEX2, about


def test_functions() -> None:
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workprec(700):
        check(mpmath.mp, 1, 600)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_many_functions(block: int) -> None:
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workprec(700):
        check(mpmath.mp, 100 + block, 3000)


ONE, MINUS_ONE = (BIAS, 1 << 63), (BIAS | 0x8000, 1 << 63)


@pytest.mark.parametrize(
    ("op", "a", "result", "exc"),
    [
        (0x14, ONE, (0, 0), 0),
        (0x14, (0, 0), (0xFFFF, 0), DZ),
        (0x14, MINUS_ONE, NAN, OPERR),
        (0x06, MINUS_ONE, (0xFFFF, 0), DZ),
        (0x0D, ONE, INFINITY, DZ),
        (0x0D, MINUS_ONE, (0xFFFF, 0), DZ),
        (0x0C, (BIAS + 1, 1 << 63), NAN, OPERR),
        (0x1C, ONE, (0, 0), 0),
        (0x0E, INFINITY, NAN, OPERR),
        (0x10, (0xFFFF, 0), (0, 0), 0),
        (0x10, (0, 0), ONE, 0),
        (0x11, (BIAS + 3, 1 << 63), (BIAS + 8, 1 << 63), 0),
        (0x12, (BIAS + 1, 1 << 63), (BIAS + 6, 100 << 57), 0),
        (0x15, (BIAS + 6, 100 << 57), (BIAS + 1, 1 << 63), 0),
        (0x16, (BIAS + 8, 1 << 63), (BIAS + 3, 1 << 63), 0),
        (0x08, (0xFFFF, 0), MINUS_ONE, 0),
        (0x0E, (0x8000, 0), (0x8000, 0), 0),
        (0x10, (BIAS + 20, 1 << 63), INFINITY, OVFL | INEX2),
        (0x10, (BIAS + 20 | 0x8000, 1 << 63), (0, 0), UNFL | INEX2),
    ],
)
def test_special_values(op: int, a: Number, result: Number, exc: int) -> None:
    got, found, _ = ask(op, a)
    assert (plain(got), found) == (result, exc)


def test_every_function_has_a_reference() -> None:
    assert NAMES.keys() == FUNCTIONS.keys()


# -- remainders ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", [FMOD, FREM])
def test_remainders(op: int) -> None:
    r = random.Random(op)
    for _ in range(300):
        a, b = number(r), number(r)
        got, exc, quotient = ask(op, a, b)
        if b[0] & 0x7FFF == 0x7FFF or a[1] == 0:
            assert (got, exc) == (NAN, OPERR)
            continue
        if a[0] & 0x7FFF == 0x7FFF:
            assert got == (b if b[1] else (b[0] & 0x8000, 0))
            continue
        x, y = value(a), value(b)
        whole = int(y / x) if op == FMOD else round(y / x)
        assert value(got) == y - whole * x
        assert quotient == ((a[0] ^ b[0]) >> 15) << 7 | abs(whole) & 0x7F


# -- packed decimal ------------------------------------------------------------------------------------------


def packed(text: str) -> tuple[int, int]:
    """The 96 bits of a number like "-1.2345E-6"."""
    sign, digits, exponent = decimal.Decimal(text).as_tuple()
    assert isinstance(exponent, int)
    power = exponent + len(digits) - 1
    body = "".join(map(str, digits)).ljust(17, "0")
    hi = sign << 31 | (power < 0) << 30 | int(f"{abs(power):03}", 16) << 16 | int(body[0])
    return hi, int(body[1:], 16)


def test_from_decimal() -> None:
    r = random.Random(1)
    for _ in range(300):
        text = f"{r.choice('+-')}{r.randrange(10)}.{r.randrange(10**16):016}E{r.randrange(-400, 400)}"
        mode = r.randrange(4)
        se, m, exc = from_decimal(*packed(text), mode << 4)
        x = Fraction(text)
        error = value((se, m)) - x
        unit = Fraction(2) ** ((se & 0x7FFF) - BIAS - 63)
        assert exc == (INEX1 if error else 0), text
        assert abs(error) <= (unit / 2 if mode == 0 else unit), text
        assert mode != 2 or error <= 0, text
        assert mode != 3 or error >= 0, text
        assert mode != 1 or abs(x) >= abs(value((se, m))), text


def test_to_decimal() -> None:
    r = random.Random(2)
    for _ in range(300):
        a = r.getrandbits(1) << 15 | BIAS + r.randrange(-1000, 1000), mantissa(r)
        k = r.randrange(1, 18)
        hi, lo, exc = to_decimal(*a, k, 0)
        with decimal.localcontext(prec=k, Emax=9999, Emin=-9999) as context:
            exact = value(a)
            context.rounding = decimal.ROUND_HALF_EVEN
            want = decimal.Decimal(exact.numerator) / decimal.Decimal(exact.denominator)
        got = f"{hi & 15}.{lo:016x}E{'-' if hi >> 30 & 1 else ''}{hi >> 16 & 0xFFF:x}"
        assert decimal.Decimal(("-" if hi >> 31 else "") + got) == want
        assert exc == (INEX2 if Fraction(want) != exact else 0)


def test_digits_behind_the_point() -> None:
    """k <= 0: digits to the right of the decimal point."""
    a = run_from("1234.5678")
    assert to_decimal(*a, -2 & 0x7F, 0)[:2] == packed("1234.57")
    assert to_decimal(*a, 0, 0)[:2] == packed("1235")
    assert to_decimal(*a, 18, 0)[2] & OPERR


def run_from(text: str) -> Number:
    se, m, _ = from_decimal(*packed(text), 0)
    return se, m


def test_decimal_specials() -> None:
    assert to_decimal(0xFFFF, 0, 3, 0) == (0xFFFF0000, 0, 0)
    assert from_decimal(0x7FFF0000, 0, 0) == (0x7FFF, 0, 0)
    assert is_nan(from_decimal(0x7FFF0000, 1 << 62, 0)[:2])
    assert to_decimal(0x8000, 0, 3, 0)[:2] == (0x80000000, 0)


# -- constants -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "se", "m"),
    [
        (0x00, 0x4000, 0xC90FDAA22168C235),  # PRM 5-52 names them; these are the correctly rounded values
        (0x0B, 0x3FFD, 0x9A209A84FBCFF799),
        (0x0C, 0x4000, 0xADF85458A2BB4A9B),
        (0x0D, 0x3FFF, 0xB8AA3B295C17F0BC),
        (0x0E, 0x3FFD, 0xDE5BD8A937287195),
        (0x30, 0x3FFE, 0xB17217F7D1CF79AC),
        (0x31, 0x4000, 0x935D8DDDAAA8AC17),
        (0x0F, 0, 0),
        (0x32, 0x3FFF, 1 << 63),
        (0x33, 0x4002, 0xA << 60),
        (0x36, 0x4019, 0xBEBC200000000000),
        (0x3F, 0x7525, 0xC46052028A20979B),
    ],
)
def test_constants(offset: int, se: int, m: int) -> None:
    assert run(rom, (8, offset), (8, 0))[:2] == (se, m)
