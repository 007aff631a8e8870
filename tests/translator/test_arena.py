"""Host code put in place by ourselves does what LLVM's linker would have made of it."""

from __future__ import annotations

import ctypes

import pytest

from translator.arena import Arena, flatten
from translator.llvm import build

SQUARES = """
@squares = private constant [8 x i64] [i64 0, i64 1, i64 4, i64 9, i64 16, i64 25, i64 36, i64 49]
@count = global i64 0

define i64 @square(i64 %n) {
  %old = load i64, ptr @count
  %new = add i64 %old, 1
  store i64 %new, ptr @count
  %p = getelementptr i64, ptr @squares, i64 %n
  %v = load i64, ptr %p
  ret i64 %v
}
"""
HALF = 'define double @half(double %x) {\n  %y = fmul double %x, 0x3FE1234500000000\n  ret double %y\n}'
OUTSIDE = "declare i64 @elsewhere()\ndefine i64 @f() {\n  %x = call i64 @elsewhere()\n  ret i64 %x\n}"


@pytest.fixture
def arena() -> Arena:
    made = Arena()
    if not made.code:
        pytest.skip("this host has no arena")
    return made


def test_constants_are_found(arena: Arena) -> None:
    piece = arena.put(build.compile_text(HALF), "")
    assert piece is not None
    half = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(piece.addresses["half"])
    assert half(2.0) == 2 * float.fromhex("0x1.12345p-1")


def test_a_piece_is_used_again(arena: Arena) -> None:
    obj = build.compile_text(HALF)
    first, second = arena.put(obj, ""), arena.put(obj, "")
    assert first is not None
    assert second is not None
    at = first.addresses["half"]
    assert second.addresses["half"] != at
    del first
    third = arena.put(obj, "")
    assert third is not None
    assert third.addresses["half"] == at


@pytest.mark.parametrize("text", [OUTSIDE, SQUARES], ids=["a symbol of others", "a section without bytes"])
def test_what_needs_a_linker(arena: Arena, text: str) -> None:
    obj = build.compile_text(text)
    assert flatten(obj) is None
    assert arena.put(obj, "") is None
