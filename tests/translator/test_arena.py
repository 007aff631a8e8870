"""Host code put in place by ourselves does what LLVM's linker would have made of it."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.native import interpreter
from translator.arena import Arena
from translator.image import Image, join
from translator.linker import LIBC, Linker
from translator.llvm import build
from translator.m68k import M68020
from translator.m68k.user import PAGE_BITS, UserProgram
from translator.memory import Mmu

PROGRAM = Path(__file__).resolve().parents[1] / "traces/programs/text.elf"
SQUARES = """
@squares = private constant [8 x i64] [i64 0, i64 1, i64 4, i64 9, i64 16, i64 25, i64 36, i64 49]
@count = dso_local global i64 0

define i64 @square(i64 %n) {
  %old = load i64, ptr @count
  %new = add i64 %old, 1
  store i64 %new, ptr @count
  %p = getelementptr i64, ptr @squares, i64 %n
  %v = load i64, ptr %p
  ret i64 %v
}
"""
HALF = "define double @half(double %x) {\n  %y = fmul double %x, 0x3FE1234500000000\n  ret double %y\n}"
OUTSIDE = "declare i64 @elsewhere()\ndefine i64 @f() {\n  %x = call i64 @elsewhere()\n  ret i64 %x\n}"
ELSEWHERE = (
    "define i64 @elsewhere() {\n  ret i64 77\n}\n@table = constant [2 x ptr] [ptr @g, ptr @elsewhere]\n"
)
ELSEWHERE += "define internal i64 @g() {\n  ret i64 78\n}"
GLOBAL = "@far = external global i64\ndefine i64 @f() {\n  %x = load i64, ptr @far\n  ret i64 %x\n}"
FILL = """
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
define void @fill(ptr %p, i64 %n) {
  call void @llvm.memset.p0.i64(ptr %p, i8 90, i64 %n, i1 false)
  ret void
}
"""
INT = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)


@pytest.fixture
def arena() -> Arena:
    made = Arena()
    if not made.code:
        pytest.skip("this host has no arena")
    return made


def image(*texts: str) -> Image:
    found = join([build.compile_text(text) for text in texts], LIBC)
    assert found is not None
    return found


def test_constants_are_found(arena: Arena) -> None:
    piece = arena.put(image(HALF))
    assert piece is not None
    half = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(piece.addresses["half"])
    assert half(2.0) == 2 * float.fromhex("0x1.12345p-1")


def test_what_code_changes_is_where_it_can_be_changed(arena: Arena) -> None:
    piece = arena.put(image(SQUARES))
    assert piece is not None
    square = INT(piece.addresses["square"])
    assert [square(n) for n in range(8)] == [n * n for n in range(8)]
    assert ctypes.c_uint64.from_address(piece.addresses["count"]).value == 8


@pytest.mark.parametrize("arena_there", [True, False])
def test_objects_know_each_other(arena: Arena, arena_there: bool) -> None:
    linker = Linker()
    if not arena_there:
        linker.arena.code = 0  # as on other hosts: LLVM's linker
    linked = linker.link([build.compile_text(t) for t in (OUTSIDE, ELSEWHERE)], ["f", "table"])
    assert INT(linked.addresses["f"])(0) == 77
    table = (ctypes.c_uint64 * 2).from_address(linked.addresses["table"])
    assert [INT(at)(0) for at in table] == [78, 77]


def test_an_interpreter_by_llvms_linker(monkeypatch: pytest.MonkeyPatch) -> None:
    made = interpreter(M68020, Mmu(page_bits=PAGE_BITS))
    monkeypatch.setattr("translator.linker.Arena", lambda: SimpleNamespace(code=0))
    ends = []
    for native in (made, interpreter(M68020, Mmu(page_bits=PAGE_BITS))):
        user = UserProgram(PROGRAM, native)
        user.run(20_000)
        ends.append(user.cpu.registers())
    assert ends[0] == ends[1]
    assert user.cpu.executed > 100


def test_functions_of_the_c_library(arena: Arena) -> None:
    found = image(FILL)
    assert list(found.imports) == ["memset"]
    piece = arena.put(found)
    assert piece is not None
    buffer = ctypes.create_string_buffer(1000)
    fill = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64)(piece.addresses["fill"])
    fill(ctypes.addressof(buffer), 999)
    assert buffer.raw == b"Z" * 999 + b"\0"


def test_a_piece_is_used_again(arena: Arena) -> None:
    half = image(HALF)
    first, second = arena.put(half), arena.put(half)
    assert first is not None
    assert second is not None
    at = first.addresses["half"]
    assert second.addresses["half"] != at
    del first
    third = arena.put(half)
    assert third is not None
    assert third.addresses["half"] == at


def test_a_fork_has_its_own(arena: Arena) -> None:
    piece = arena.put(image(SQUARES))
    assert piece is not None
    count = ctypes.c_uint64.from_address(piece.addresses["count"])
    child = os.fork()
    if not child:
        os._exit(INT(piece.addresses["square"])(5) if count.value == 0 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 25
    assert count.value == 0


@pytest.mark.parametrize("text", [OUTSIDE, GLOBAL], ids=["a function of others", "a variable of others"])
def test_what_needs_a_linker(text: str) -> None:
    assert join([build.compile_text(text)], LIBC) is None


def test_llvm_is_not_loaded_for_what_is_cached() -> None:
    run = "import sys, tme\nwith tme.Machine('SUN3') as sun:\n    sun.run(instructions=1000)\n"
    run += "print('llvmlite.binding' in sys.modules)"
    for _ in range(2):  # the first may have to compile
        done = subprocess.run([sys.executable, "-c", run], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
