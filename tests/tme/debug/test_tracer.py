"""Traces are exact: page crossings, faults in the middle of an instruction, interrupts, code that changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tme.debug.replay import engine
from tme.debug.tracefile import Registers, Step, TraceWriter, read_trace
from tme.debug.tracer import Tracer
from translator.m68k.user import PAGE_BITS, STACK_TOP, SUPERVISOR, UserProgram

PROGRAM = Path(__file__).resolve().parents[2] / "traces/programs/text.elf"
ENTRY = 0x10132
ENGINES = ("concrete", "interp", "jit")
MOVEM = "48d0 0007"
"""movem.l d0-d2,(a0)"""


def traced(code: str, which: str, file: Path, steps: int, **registers: int) -> list[Step]:
    """The trace of machine code given in hexadecimal."""
    user = UserProgram(PROGRAM, *engine(which))
    user.poke(ENTRY, bytes.fromhex(code))
    for name, value in registers.items():
        user.set(name, value)
    writer = TraceWriter(file)
    user.cpu.observe(Tracer(user.cpu, writer))
    user.run(steps)
    writer.close()
    entries = [entry for _, entry in read_trace(file)]
    assert isinstance(entries[0], Registers)
    return [entry for entry in entries if isinstance(entry, Step)]


@pytest.mark.parametrize("which", ENGINES)
def test_stores_of_one_instruction_are_joined(which: str, tmp_path: Path) -> None:
    code = "48e7 c000"  # movem.l d0-d1,-(a7)
    (step,) = traced(code, which, tmp_path / "t", 1, d0=0x11223344, d1=0x55667788)
    assert step.writes == {STACK_TOP - 72: bytes.fromhex("1122334455667788")}
    assert step.changes == {"a7": STACK_TOP - 72}


@pytest.mark.parametrize("which", ENGINES)
def test_writing_the_same_value_is_a_write(which: str, tmp_path: Path) -> None:
    (step,) = traced("42a7", which, tmp_path / "t", 1)  # clr.l -(a7)
    assert step.writes == {STACK_TOP - 68: bytes(4)}


@pytest.mark.parametrize("which", ENGINES)
def test_a_store_across_pages(which: str, tmp_path: Path) -> None:
    at = STACK_TOP - (1 << PAGE_BITS) - 1
    (step,) = traced("2080", which, tmp_path / "t", 1, d0=0x01020304, a0=at)  # move.l d0,(a0)
    assert step.writes == {at: b"\1\2\3\4"}


@pytest.mark.parametrize("which", ENGINES)
def test_a_fault_in_the_middle(which: str, tmp_path: Path) -> None:
    """What had been stored before it and the exception's frame are both there."""
    (step,) = traced(MOVEM, which, tmp_path / "t", 1, d0=1, d1=2, d2=3, a0=STACK_TOP - 4)
    stored = {address: data for address, data in step.writes.items() if address < STACK_TOP}
    assert stored in ({}, {STACK_TOP - 4: b"\0\0\0\1"})
    (frame,) = (data for address, data in step.writes.items() if address >= SUPERVISOR)
    assert frame[:8].hex() == f"0000{ENTRY:08x}b008"
    assert not step.changes  # of the program's: the test's system has left the exception again


def test_a_fault_is_the_same_everywhere(tmp_path: Path) -> None:
    registers = {"d0": 1, "d1": 2, "d2": 3, "a0": STACK_TOP - 4}
    steps = [traced(MOVEM, which, tmp_path / which, 1, **registers) for which in ENGINES]
    assert steps[0] == steps[1] == steps[2]


@pytest.mark.parametrize("which", ENGINES)
def test_stores_into_the_next_instruction(which: str, tmp_path: Path) -> None:
    """move.w #$7005,2(pc)…: the listing shows what is executed, not what was there."""
    code = "30bc 7005 7001"  # move.w #$7005,(a0); moveq #1,d0, overwritten
    steps = traced(code, which, tmp_path / "t", 2, a0=ENTRY + 4)
    assert [step.code for step in steps] == ["30bc7005", "7005"]
    assert steps[0].writes == {ENTRY + 4: b"\x70\x05"}
    assert steps[1].changes == {"d0": 5}


@pytest.mark.parametrize("which", ENGINES)
def test_an_interrupt_has_its_own_line(which: str, tmp_path: Path) -> None:
    user = UserProgram(PROGRAM, *engine(which))
    user.on_call = lambda: None
    writer = TraceWriter(tmp_path / "t")
    user.cpu.observe(Tracer(user.cpu, writer))
    user.run(1)
    user.cpu.state.ipl, user.cpu.state.int_vector = 3, 0xFFFFFFFF
    user.cpu.on_routine = lambda name: user.cpu.limit(0)
    user.run(1)
    writer.close()
    steps = [entry for _, entry in read_trace(tmp_path / "t") if isinstance(entry, Step)]
    assert [(step.pc, step.code) for step in steps[1:2]] == [(None, "interrupt")]
    assert steps[1].changes["sr"] == 0x2300
    assert steps[1].writes == {SUPERVISOR + (1 << PAGE_BITS) - 8: bytes.fromhex(f"0000{ENTRY + 4:08x}006c")}


@pytest.mark.parametrize("which", ENGINES)
def test_watching_may_begin_and_end(which: str, tmp_path: Path) -> None:
    """A traced stretch in a free run: what it does is not changed, and regions are used again behind it."""
    runs = []
    for trace in (False, True):
        native, jit = engine(which)
        user = UserProgram(PROGRAM, native, jit)
        for turn in range(40):
            if trace and turn == 20:
                writer = TraceWriter(tmp_path / "t")
                user.cpu.observe(Tracer(user.cpu, writer))
            if trace and turn == 22:
                user.cpu.observe(None)
                user.cpu.watch_writes(None)
                before = user.cpu.state.insns_jit
            user.run(100)
            if jit is not None:
                jit.poll()
        runs.append((user.cpu.registers(), user.cpu.executed, user.output))
    assert runs[0] == runs[1]
    writer.close()
    assert sum(isinstance(entry, Step) for _, entry in read_trace(tmp_path / "t")) == 200
    assert which != "jit" or user.cpu.state.insns_jit > before
