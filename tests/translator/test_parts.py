"""Values of regions that are simplified or taken apart mean the same."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from translator.nodes import Node
from translator.parts import join, split
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
