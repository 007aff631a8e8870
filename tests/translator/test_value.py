"""Val: widths agree or it is an error, signedness is explicit, nothing has a truth value."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from translator.spec.concrete import Concrete
from translator.spec.value import FOLD, Val, signed


class NoMemory:
    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"no memory here, yet {name}")


@pytest.fixture
def s() -> Concrete:
    return Concrete(SimpleNamespace(mode=0), NoMemory(), lambda mode, space: 0)


def test_widths_must_agree(s: Concrete) -> None:
    with pytest.raises(TypeError, match="zext, sext or trunc"):
        s.const(1, 8) + s.const(1, 16)
    with pytest.raises(TypeError):
        s.const(1, 1).select(s.const(0, 8), s.const(0, 16))


def test_no_truth_value(s: Concrete) -> None:
    with pytest.raises(TypeError, match="no truth value"):
        bool(s.const(1, 1))
    with pytest.raises(TypeError):
        assert s.const(1, 8) == 1


@pytest.mark.parametrize("other", [True, 1.0, "1", None])
def test_operands_are_vals_or_ints(s: Concrete, other: Any) -> None:
    with pytest.raises(TypeError, match="neither a Val nor an int"):
        s.const(1, 8) + other


def test_constants_must_fit(s: Concrete) -> None:
    assert s.const(-1, 8).x == 0xFF
    assert s.const(255, 8).x == 0xFF
    for wrong in (256, -129):
        with pytest.raises(ValueError, match="does not fit in 8 bits"):
            s.const(wrong, 8)
    with pytest.raises(ValueError, match="does not fit"):
        s.const(0, 8) + 256


def test_right_shift_says_which(s: Concrete) -> None:
    with pytest.raises(TypeError, match="lsr"):
        s.const(4, 8) >> 1
    assert s.const(0x80, 8).lsr(7).x == 1
    assert s.const(0x80, 8).asr(7).x == 0xFF


def test_shifts_by_the_width_and_more(s: Concrete) -> None:
    for n in (8, 9, 255):
        assert (s.const(0x81, 8) << n).x == 0
        assert s.const(0x81, 8).lsr(n).x == 0
        assert s.const(0x81, 8).asr(n).x == 0xFF


def test_resizing(s: Concrete) -> None:
    v = s.const(0x80, 8)
    assert (v.zext(16).x, v.sext(16).x, s.const(0x1280, 16).trunc(8).x) == (0x80, 0xFF80, 0x80)
    assert v.zext(8) is v
    for resize, w in ((v.zext, 4), (v.sext, 4), (v.trunc, 16)):
        with pytest.raises(TypeError):
            resize(w)


def test_division_is_total(s: Concrete) -> None:
    zero, x, least = s.const(0, 8), s.const(0x93, 8), s.const(0x80, 8)
    assert (x.udiv(zero).x, x.urem(zero).x, x.sdiv(zero).x, x.srem(zero).x) == (0x93, 0, 0x93, 0)
    assert (least.sdiv(-1).x, least.srem(-1).x) == (0x80, 0)


def test_bits(s: Concrete) -> None:
    v = s.const(0xA5C3, 16)
    assert v.bits(15, 12).x == 0xA
    assert v.bits(15, 12).w == 4
    assert (v.bit(0).x, v.bit(2).x, v.sign().x, v.sign().w) == (1, 0, 1, 1)
    assert (v.clz().x, s.const(0, 16).clz().x, s.const(1, 16).clz().x) == (0, 16, 15)


@pytest.mark.parametrize("op", sorted(FOLD))
@pytest.mark.parametrize("w", [1, 4, 8, 32, 64])
def test_fold_against_plain_arithmetic(s: Concrete, op: str, w: int) -> None:
    """An independent statement of what each operation means."""
    rng = random.Random(f"{op}{w}")
    mask = (1 << w) - 1
    meanings: dict[str, Callable[[int, int], int]] = {
        "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
        "and": lambda a, b: a & b, "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b,
        "shl": lambda a, b: a * 2**b if b < w else 0, "lshr": lambda a, b: a // 2**b if b < w else 0,
        "ashr": lambda a, b: signed(a, w) // 2 ** min(b, w),
        "udiv": lambda a, b: a // b if b else a, "urem": lambda a, b: a - b * (a // b) if b else 0,
        "sdiv": lambda a, b: int(_towards_zero(signed(a, w), signed(b, w))) if b else a,
        "srem": lambda a, b: (
            signed(a, w) - signed(b, w) * _towards_zero(signed(a, w), signed(b, w)) if b else 0
        ),
        "eq": lambda a, b: a == b, "ne": lambda a, b: a != b,
        "ult": lambda a, b: a < b, "ule": lambda a, b: a <= b,
        "slt": lambda a, b: signed(a, w) < signed(b, w), "sle": lambda a, b: signed(a, w) <= signed(b, w),
    }
    meaning = meanings[op]
    for _ in range(200):
        a, b = (rng.choice((0, 1, mask, 1 << w - 1, rng.getrandbits(w))) & mask for _ in "ab")
        got = s.binary(op, Val(s, w, a), Val(s, w, b))
        assert got.x == int(meaning(a, b)) & ((1 << got.w) - 1), (a, b)


def _towards_zero(a: int, b: int) -> int:
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q
