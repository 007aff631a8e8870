"""A program from power-up: trap table, window overflow and underflow handlers, recursion, interrupts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.native import interpreter
from tests.translator.sparc.board import Board
from translator.cache import Cache
from translator.isa import Model
from translator.jit import Jit
from translator.memory import Mmu
from translator.sparc import CY7C601, MB86900, MB86904
from translator.worker import Pool

AS, OBJCOPY = "sparc64-linux-gnu-as", "sparc64-linux-gnu-objcopy"
pytestmark = pytest.mark.skipif(
    shutil.which(AS) is None, reason="binutils-sparc64-linux-gnu is not installed"
)

RESULT, TICKS, DONE = 0x8000, 0x8004, 0x82
FIBONACCI = (0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987)

# The usual handlers: rotate WIM, and move sixteen registers between a window and its stack frame.
SOURCE = """
        .org 0
        ba start; nop
        .org 0x50; ba overflow; nop
        .org 0x60; ba underflow; nop
        .org 0x1e0                      ! interrupt level 14
        ba tick; nop
        .org 0x1000
start:  wr %g0, 0xc0, %psr              ! window 0, traps off
        wr %g0, 2, %wim
        wr %g0, 0, %tbr
        set 0xf000, %sp
        wr %g0, 0xe0, %psr
        mov N, %o0
        call fib
        nop
        set RESULT, %g1
        st %o0, [%g1]
        ta 2
fib:    save %sp, -96, %sp
        cmp %i0, 2
        bl 1f
        sub %i0, 1, %o0
        call fib
        mov %i0, %l5
        mov %o0, %l6
        call fib
        sub %l5, 2, %o0
        add %l6, %o0, %i0
1:      ret
        restore
overflow:
        mov %wim, %l3
        mov %g1, %l7
        srl %l3, 1, %g1
        sll %l3, WINDOWS - 1, %l4
        or %l4, %g1, %g1
        save
        wr %g1, 0, %wim
        std %l0, [%sp]; std %l2, [%sp + 8]; std %l4, [%sp + 16]; std %l6, [%sp + 24]
        std %i0, [%sp + 32]; std %i2, [%sp + 40]; std %i4, [%sp + 48]; std %i6, [%sp + 56]
        restore
        mov %l7, %g1
        jmp %l1
        rett %l2
underflow:
        mov %wim, %l3
        sll %l3, 1, %l4
        srl %l3, WINDOWS - 1, %l5
        or %l5, %l4, %l5
        wr %l5, 0, %wim
        restore
        restore
        ldd [%sp], %l0; ldd [%sp + 8], %l2; ldd [%sp + 16], %l4; ldd [%sp + 24], %l6
        ldd [%sp + 32], %i0; ldd [%sp + 40], %i2; ldd [%sp + 48], %i4; ldd [%sp + 56], %i6
        save
        save
        jmp %l1
        rett %l2
tick:   mov %psr, %l0                   ! the interrupted program's condition codes
        set TICKS, %l3
        ld [%l3], %l4
        addcc %l4, 1, %l4
        st %l4, [%l3]
        wr %l0, 0, %psr
        jmp %l1
        rett %l2
"""


def assemble(folder: Path, windows: int, n: int) -> bytes:
    text = SOURCE.replace(";", "\n")
    for name, value in (("WINDOWS", windows), ("RESULT", RESULT), ("TICKS", TICKS), ("N,", f"{n},")):
        text = text.replace(name, str(value))
    source, obj, image = folder / "p.s", folder / "p.o", folder / "p.bin"
    source.write_text(text)
    subprocess.run([AS, "-32", "-Av8", "-o", obj, source], check=True)
    subprocess.run([OBJCOPY, "-O", "binary", "-j", ".text", obj, image], check=True)
    return image.read_bytes()


def board(folder: Path, model: Model, engine: Any, n: int) -> Board:
    code = assemble(folder, int(model.options["windows"]), n)
    b = Board(model, engine)
    b.ram[: len(code)] = code
    b.cpu.reset()
    return b


def result(b: Board) -> int:
    return int.from_bytes(b.ram[RESULT : RESULT + 4], "big")


@pytest.mark.parametrize("model", [MB86900, CY7C601, MB86904], ids=lambda m: m.name)
def test_recursion(model: Model, tmp_path: Path) -> None:
    """Deeper than there are windows, and back."""
    b = board(tmp_path, model, None, 9)
    b.cpu.run(10_000)
    assert b.cpu.halted
    assert (b["pc"], b.tt) == (DONE << 4, 0x02)  # TA 2 led to memory full of UNIMPs
    assert result(b) == FIBONACCI[9]


@pytest.mark.slow
@pytest.mark.parametrize("model", [MB86900, CY7C601], ids=lambda m: m.name)
def test_recursion_in_the_interpreter(model: Model, tmp_path: Path, code_cache: Cache) -> None:
    b = board(tmp_path, model, interpreter(model, Mmu(), code_cache), 15)
    b.cpu.run(100_000)
    assert (b["pc"], b.tt) == (DONE << 4, 0x02)
    assert result(b) == FIBONACCI[15]


def test_regions_do_no_harm(sparc_interpreter: Any, tmp_path: Path, code_cache: Cache) -> None:
    """What regions there are (few: ADR 9) leave the same state."""
    one, other = (board(tmp_path, MB86904, sparc_interpreter, 14) for _ in range(2))
    jit = Jit(MB86904, sparc_interpreter, code_cache, Pool(0), 2)
    other.cpu.jit = jit
    jit.attach(other.cpu)
    while not one.cpu.halted:
        assert one.cpu.run(501) == other.cpu.run(501)
        jit.poll()
        assert one.cpu.registers() == other.cpu.registers()
    assert result(other) == FIBONACCI[14]
    assert other.state.insns_jit > 0
    jit.close()


def test_deep_recursion_with_interrupts(sparc_interpreter: Any, tmp_path: Path) -> None:
    b = board(tmp_path, MB86904, sparc_interpreter, 16)
    ticks = 0
    while not b.cpu.halted:
        b.cpu.run(997)
        if not b.cpu.halted and b["psr"] & 0x20:
            b.set(irl=14).cpu.run(1)
            b.set(irl=0)
            ticks += 1
        assert ticks < 1000
    assert result(b) == FIBONACCI[16]
    assert int.from_bytes(b.ram[TICKS : TICKS + 4], "big") == ticks
    assert ticks > 20


def test_same_state_at_every_count(sparc_interpreter: Any, tmp_path: Path) -> None:
    """Both engines, stopped at the same counts, wherever that is: in delay slots and in handlers."""
    one, other = (board(tmp_path, MB86904, engine, 8) for engine in (None, sparc_interpreter))
    n = 0
    while not one.cpu.halted:
        n = n % 13 + 1
        assert one.cpu.run(n) == other.cpu.run(n)
        for reg in MB86904.isa.regs:
            mine, its = getattr(one.state, reg.name), getattr(other.state, reg.name)
            assert (list(mine) == list(its)) if reg.count > 1 else (mine == its), reg.name
        assert (one.state.pc, one.state.mode) == (other.state.pc, other.state.mode)
    assert other.cpu.halted
    assert one.memory == other.memory
