"""Values of regions that are simplified or taken apart mean the same."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from translator.nodes import Node
from translator.parts import UPPER, join, split, writes_low
from translator.simplify import simplify
from translator.spec.value import FOLD, Val, signed

INTERESTING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def const(x: int, w: int) -> Val:
    return Val(None, w, x & (1 << w) - 1)  # type: ignore[arg-type]


def variable(w: int) -> Node:
    return Node("variable", w, ())


def value(v: Any, variables: dict[Node, int]) -> int:
    """A value when the variables are these."""
    if isinstance(v, Val):
        assert v.known is not None
        return v.known
    if v in variables:
        return variables[v] & (1 << v.w) - 1
    args = [value(a, variables) for a in v.args]
    w = v.args[0].w
    if v.op == "rotl":
        return (args[0] << args[1] | args[0] >> w - args[1]) & (1 << w) - 1
    if v.op in ("sext", "zext", "trunc"):
        return (signed(args[0], w) if v.op == "sext" else args[0]) & (1 << v.w) - 1
    return int(FOLD[v.op](*args, w)) & (1 << v.w) - 1


def sign(v: Node) -> Node:
    return Node("trunc", 1, (Node("lshr", v.w, (v, const(v.w - 1, v.w))),))


def same(one: Any, two: Any, variables: list[Node]) -> None:
    rng = random.Random(1)
    for xs in itertools.product(INTERESTING, repeat=len(variables)):
        numbers = dict(zip(variables, xs, strict=True))
        assert value(one, numbers) == value(two, numbers)
    for _ in range(100):
        numbers = {v: rng.getrandbits(v.w) for v in variables}
        assert value(one, numbers) == value(two, numbers)


@pytest.mark.parametrize("w", [8, 16, 32])
def test_a_comparisons_overflow_and_borrow_come_apart_and_together(w: int) -> None:
    x, y = variable(w), variable(w)
    result = Node("sub", w, (x, y))
    negative = simplify("trunc", 1, sign(result).args, Node)
    assert negative.op == "slt"
    v = Node("sext", 32, (Node("xor", 1, (Node("slt", 1, (x, y)), negative)),))
    c = Node("zext", 8, (Node("ult", 1, (x, y)),))
    for whole, kind in ((v, "overflow"), (c, "carry")):
        pieces = split(kind, whole, Node)
        same(whole, join(kind, whole.w, pieces, Node), [x, y])
        if w == 32:
            assert pieces[:2] == (x, y)


def test_other_values_come_apart_and_together() -> None:
    bit = variable(1)
    for whole, kind in ((Node("sext", 32, (bit,)), "overflow"), (Node("zext", 8, (bit,)), "carry")):
        pieces = split(kind, whole, Node)
        for x in (0, 1):
            got = value(join(kind, whole.w, pieces, Node), {bit: x})
            assert got == value(whole, {bit: x})
    for known, kind, w in ((0, "overflow", 32), (-1, "overflow", 32), (0, "carry", 8), (1, "carry", 8)):
        whole = const(known, w)
        assert value(join(kind, w, split(kind, whole, Node), Node), {}) == whole.known


def test_a_sums_carry_keeps_no_operand() -> None:
    x, y = variable(32), variable(32)
    total = Node("add", 32, (x, y))
    carry = Node("zext", 8, (Node("ult", 1, (total, x)),))
    assert split("carry", carry, Node)[1].args == (carry,)
    other = Node("zext", 8, (Node("ult", 1, (total, variable(32))),))
    assert split("carry", other, Node)[0] is total


@pytest.mark.parametrize("w", [8, 16, 32])
def test_less_than_after_a_comparison_is_one_comparison(w: int) -> None:
    x, y = variable(w), variable(w)
    result = Node("sub", w, (x, y))
    n = simplify("slt", 1, (Node("sext", 32, (result,)), const(0, 32)), Node)
    negative = simplify("trunc", 1, sign(result).args, Node)
    less = Node("slt", 1, (x, y))
    for v in (Node("xor", 1, (less, negative)), Node("xor", 1, (negative, less))):
        overflow = simplify("slt", 1, (Node("sext", 32, (v,)), const(0, 32)), Node)
        assert overflow is v
        assert simplify("xor", 1, (n, overflow), Node) is less
        assert simplify("xor", 1, (overflow, n), Node) is less


def test_a_register_with_a_low_byte_of_its_own() -> None:
    whole, x, byte = variable(32), variable(32), variable(8)
    written = Node("or", 32, (Node("and", 32, (x, const(UPPER, 32))), Node("zext", 32, (byte,))))
    again = Node("or", 32, (Node("and", 32, (written, const(UPPER, 32))), Node("zext", 32, (byte,))))
    for v in (written, again):
        high, low = split("low", v, Node)
        assert high is x
        same(v, join("low", 32, (high, low), Node), [x, byte])
    assert split("low", whole, Node) == (whole, whole)
    same(whole, join("low", 32, (whole, whole), Node), [whole])
    joined = join("low", 32, (whole, x), Node)
    on_top = Node("or", 32, (Node("and", 32, (joined, const(UPPER, 32))), Node("zext", 32, (byte,))))
    assert split("low", on_top, Node)[0] is whole
    assert simplify("trunc", 8, (joined,), Node).args == (x,)
    assert simplify("trunc", 8, (on_top,), Node) is byte
    assert simplify("trunc", 16, (on_top,), Node) is None
    word = Node("or", 32, (Node("and", 32, (x, const(~0xFFFF, 32))), Node("zext", 32, (variable(16),))))
    assert not writes_low(word)


def upper(v: Any) -> Any:
    """Shifted to the top."""
    return v if v.w == 32 else Node("shl", 32, (Node("zext", 32, (v,)), const(32 - v.w, 32)))


@pytest.mark.parametrize("order", ["slt", "sle", "ult", "ule"])
def test_the_opposite_of_an_order_is_an_order(order: str) -> None:
    x, y = variable(32), variable(32)
    args = Node(order, 1, (x, y)), const(1, 1)
    opposite = simplify("xor", 1, args, Node)
    assert opposite.args == (y, x)
    same(opposite, Node("xor", 1, args), [x, y])


@pytest.mark.parametrize("order", ["sle", "ule"])
def test_less_and_not_equal_is_one_comparison(order: str) -> None:
    x, y = variable(32), variable(32)
    for pair in ((x, y), (y, x)):
        args = Node("ne", 1, pair), Node(order, 1, (x, y))
        for both in (args, args[::-1]):
            less = simplify("and", 1, both, Node)
            assert less.op == order.replace("le", "lt")
            same(less, Node("and", 1, both), [x, y])


@pytest.mark.parametrize("op", ["eq", "ne", "slt"])
@pytest.mark.parametrize("how", ["shl", "zext", "sext"])
def test_a_narrow_result_is_looked_at_as_it_is(op: str, how: str) -> None:
    x = variable(8)
    args = upper(x) if how == "shl" else Node(how, 32, (x,)), const(0, 32)
    simpler = simplify(op, 1, args, Node)
    if (op, how) == ("slt", "zext"):
        assert simpler is None
    else:
        assert simpler.args[0] is x
        same(simpler, Node(op, 1, args), [x])


@pytest.mark.parametrize("op", ["or", "xor", "add"])
@pytest.mark.parametrize("n", [1, 13, 31])
def test_two_shifts_are_a_rotation(op: str, n: int) -> None:
    x = variable(32)
    halves = Node("shl", 32, (x, const(n, 32))), Node("lshr", 32, (x, const(32 - n, 32)))
    for args in (halves, halves[::-1]):
        rotated = simplify(op, 32, args, Node)
        assert rotated.op == "rotl"
        same(rotated, Node(op, 32, args), [x])


@pytest.mark.parametrize("op", ["eq", "ne"])
def test_a_comparison_with_zero_is_one_of_what_was_compared(op: str) -> None:
    x, y = variable(32), variable(32)
    zero = const(0, 32)
    for inner, found in (("eq", None), ("ne", None), ("slt", None), ("sub", op)):
        c = Node(inner, 32 if inner == "sub" else 1, (x, y))
        v = c if inner == "sub" else Node("zext", 32, (c,))
        simpler = simplify(op, 1, (v, zero), Node)
        assert found in (None, simpler.op)
        assert all(a is not v for a in simpler.args)
        same(simpler, Node(op, 1, (v, zero)), [x, y])


@pytest.mark.parametrize("order", ["slt", "ult"])
@pytest.mark.parametrize("constant", [False, True])
def test_less_or_equal_is_one_comparison(order: str, constant: bool) -> None:
    x, y = variable(32), variable(32)
    b = [const(77, 32), const(77, 32)] if constant else [y, y]
    pair = Node("eq", 1, (x, b[0])), Node(order, 1, (x, b[1]))
    for args in (pair, pair[::-1]):
        both = simplify("or", 1, args, Node)
        assert both.op == {"slt": "sle", "ult": "ule"}[order]
        same(both, Node("or", 1, args), [x] if constant else [x, y])


def test_what_only_looks_alike_stays() -> None:
    x, y = variable(32), variable(32)
    left, right = Node("shl", 32, (x, const(5, 32))), Node("lshr", 32, (x, const(26, 32)))
    assert simplify("or", 32, (left, right), Node) is None
    assert simplify("or", 32, (left, Node("lshr", 32, (y, const(27, 32)))), Node) is None
    assert simplify("and", 32, (left, Node("lshr", 32, (x, const(27, 32)))), Node) is None
    assert simplify("or", 1, (Node("eq", 1, (x, y)), Node("slt", 1, (y, x))), Node) is None
    assert simplify("eq", 1, (Node("sub", 32, (x, y)), const(1, 32)), Node) is None
    assert simplify("trunc", 1, (Node("lshr", 32, (x, const(30, 32))),), Node) is None
    assert simplify("trunc", 8, (Node("lshr", 32, (x, const(31, 32))),), Node) is None
    assert simplify("slt", 1, (Node("zext", 32, (variable(8),)), const(0, 32)), Node) is None
    assert simplify("slt", 1, (Node("sext", 32, (variable(8),)), const(1, 32)), Node) is None
    one, two = (Node("slt", 1, (v, const(0, 32))) for v in (x, y))
    assert simplify("xor", 1, (one, Node("xor", 1, (two, variable(1)))), Node) is None
    assert simplify("xor", 32, (x, Node("xor", 32, (x, y))), Node) is None
