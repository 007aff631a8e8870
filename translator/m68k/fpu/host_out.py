"""FMOVE to memory or a data register, for `host`: rounded to nearest, by integers.

What is not an ordinary number there is left to the whole handler.
"""

from __future__ import annotations

from collections.abc import Callable

from ...spec.insn import Fields
from ...spec.value import Val
from ...trace import Trace
from ..ea import DREG
from ..regs import write_d
from . import late
from .general import address_of
from .host_pieces import bits, complete, extension, require_moderate
from .late import KEEP
from .regs import AINEX, BIAS, DOUBLE_REAL, EXTENDED_REAL, FPSR, INEX2, LONG, SINGLE_REAL, WORD, slot


def out(s: Trace, f: Fields, fmt: int | None) -> None:
    """FMOVE to memory or a data register."""
    word, _ = extension(s, None)
    code = word.bits(12, 10) if fmt is None else s.const(fmt, 3)
    se, m = bits(s, slot(word.bits(9, 7)))
    zero = (se & 0x7FFF).zext(64) | m == 0

    def store(value: Val, lost: Val) -> None:
        if f.M == DREG:
            write_d(s, f.n, value)
        else:
            s.store(address_of(s, f, s.const(value.w // 8, 32)), value)
        end(lost)

    def end(lost: Val) -> None:
        exceptions = lost.select(s.const(INEX2 << 8 | AINEX, 32), 0)
        s.write(FPSR, late.coded(s) & (0xFFFF0000 | KEEP) | exceptions)
        complete(s, 0)

    def real(size: int, exponent_bits: int) -> Callable[[], None]:
        def narrow() -> None:
            value, lost, good = _narrow(s, se, m, exponent_bits, 8 * size - 1 - exponent_bits)
            s.require(good | zero)
            value = zero.select(se.sign().zext(64) << 8 * size - 1, value)
            store(value.trunc(8 * size), lost)

        return narrow

    def extended() -> None:
        require_moderate(s, [(se, m)])
        addr = address_of(s, f, s.const(12, 32))
        s.store(addr, se.zext(32) << 16)
        s.store(addr + 4, m)
        end(s.const(0, 1))

    def integer() -> None:
        value, lost, good = _whole(s, se, m)

        def size(n: int) -> Callable[[], None]:
            def cut() -> None:
                short = value.trunc(8 * n)
                s.require((good & (value == short.sext(64))) | zero)
                store(zero.select(s.const(0, 8 * n), short), lost & ~zero)

            return cut

        s.if_(code == LONG, size(4), lambda: s.if_(code == WORD, size(2), size(1)))

    def shorter() -> None:
        s.if_(code == SINGLE_REAL, real(4, 8), integer)

    def others() -> None:
        s.if_(code == EXTENDED_REAL, extended, shorter)

    if f.M == DREG:
        shorter()
    else:
        s.if_(code == DOUBLE_REAL, real(8, 11), others)


def _narrow(s: Trace, se: Val, m: Val, exponent_bits: int, fraction_bits: int) -> tuple[Val, Val, Val]:
    """(a single or double in 64 bits, whether bits were lost, whether it is normal) to nearest."""
    top, cut = (1 << exponent_bits) - 1, 63 - fraction_bits
    e = (se & 0x7FFF) - (BIAS - (top >> 1))
    good = (e - 1).ult(top - 2) & m.sign()  # with room for the carry of rounding
    rest, half = m & (1 << cut) - 1, 1 << cut - 1
    fraction = m.lsr(cut)
    up = s.const(half, 64).ult(rest) | ((rest == half) & fraction.bit(0))
    value = (fraction & (1 << fraction_bits) - 1 | e.zext(64) << fraction_bits) + up.zext(64)
    return value | se.sign().zext(64) << exponent_bits + fraction_bits, rest != 0, good


def _whole(s: Trace, se: Val, m: Val) -> tuple[Val, Val, Val]:
    """(a number as an integer of 64 bits, whether bits were lost, whether it is one of 32) to nearest."""
    e = (se & 0x7FFF) - (BIAS - 1)  # 0: between a half and one
    good = e.ult(33) & m.sign()
    count = s.const(64, 64) - e.zext(64)
    whole, part = m.lsr(count), m << e.zext(64)
    half = s.const(1 << 63, 64)
    up = half.ult(part) | ((part == half) & whole.bit(0))
    value = whole + up.zext(64)
    return se.sign().select(-value, value), part != 0, good
