"""Exceptions: frames of each model, return, restart after faults, interrupts, trace, double faults."""

from __future__ import annotations

import struct

import pytest

from tests.insn.tiny import Tiny
from translator.isa import Model
from translator.m68k import M68000, M68010, M68020
from translator.m68k.model import pack_sr, unpack_sr
from translator.state import Reason

CODE, STACK, USER, MASTER = 0x1000, 0x8000, 0x6000, 0x7000
HANDLER = 0x2000


def machine(model: Model, code: str, sr: int = 0x2000, memory: bool = True) -> Tiny:
    """A machine at CODE; vectors lead to HANDLER + 16 * number; stacks and 0x3000-0x30FF are memory."""
    cpu = Tiny(model, holes=True)
    s = cpu.state
    s.sr_sys = 0x27
    s.usp, s.isp, s.msp = USER, STACK, MASTER
    s.r[15] = STACK
    unpack_sr(s, sr)
    s.pc = CODE
    for v in range(64):
        cpu.memory.poke(4 * v, 4, HANDLER + 16 * v)
        cpu.memory.poke(HANDLER + 16 * v, 2, 0x4E73)  # RTE
    for top in (STACK, USER, MASTER):
        for i in range(256):
            cpu.memory.bytes[top - i - 1] = 0
    for i in range(256 if memory else 0):
        cpu.memory.bytes[0x3000 + i] = i
    raw = bytes.fromhex(code)
    cpu.memory.bytes.update((CODE + i, b) for i, b in enumerate(raw))
    return cpu


def frame(cpu: Tiny, layout: str) -> tuple[int, ...]:
    """What lies at the stack pointer, as a struct layout."""
    size = struct.calcsize(">" + layout)
    sp = cpu.state.r[15]
    return struct.unpack(">" + layout, bytes(cpu.memory.bytes[sp + i] for i in range(size)))


def entered(cpu: Tiny) -> int:
    """Number of the vector whose handler is next."""
    return (cpu.state.pc - HANDLER) // 16


@pytest.mark.parametrize(
    ("model", "layout", "expected"),
    [
        (M68000, "HI", (0x0004, CODE + 2)),
        (M68010, "HIH", (0x0004, CODE + 2, 0x0084)),
        (M68020, "HIH", (0x0004, CODE + 2, 0x0084)),
    ],
    ids=lambda x: getattr(x, "name", None),
)
def test_trap(model: Model, layout: str, expected: tuple[int, ...]) -> None:
    cpu = machine(model, "4e41", sr=0x0004)
    cpu.step()
    assert entered(cpu) == 33
    assert frame(cpu, layout) == expected
    assert pack_sr(cpu.state) == 0x2004
    assert cpu.state.usp == USER
    cpu.step()
    assert (cpu.state.pc, pack_sr(cpu.state), cpu.state.r[15], cpu.state.isp) == (CODE + 2, 4, USER, STACK)


def test_format_2_names_the_instruction() -> None:
    cpu = machine(M68020, "81fc0000")  # DIVS.W #0,D0
    cpu.step()
    assert entered(cpu) == 5
    assert frame(cpu, "HIHI") == (0x2004, CODE + 4, 0x2014, CODE)


@pytest.mark.parametrize(("word", "vector"), [("a000", 10), ("f200", 11), ("4afc", 4), ("4848", 4)])
def test_undefined_words(word: str, vector: int) -> None:
    cpu = machine(M68020, word)
    cpu.step()
    assert entered(cpu) == vector
    assert frame(cpu, "HIH") == (0x2000 | pack_sr(cpu.state) & 0x1F, CODE, 4 * vector)


@pytest.mark.parametrize(
    "code", ["46fc0000", "4e73", "4e720000", "4e70", "4e60", "4e7a0801", "40c0", "0e100000", "007c0700"]
)
def test_privilege(code: str) -> None:
    cpu = machine(M68020, code, sr=0)
    cpu.step()
    assert entered(cpu) == 8
    assert frame(cpu, "HIH")[1:] == (CODE, 0x20)


# SSW: FC FB RC RB DF at 15, 14, 13, 12, 8; RM 7, RW 6, SIZE 5-4, FC 2-0.
@pytest.mark.parametrize(
    ("code", "va", "ssw", "out"),
    [
        ("1039 0000 5001", 0x5001, 0x0151, 0),  # MOVE.B: read of a byte, user data
        ("3039 0000 5001", 0x5001, 0x0161, 0),  # a word
        ("2039 0000 5002", 0x5002, 0x0141, 0),  # a long
        ("23fc 1234 5678 0000 5002", 0x5002, 0x0101, 0x12345678),
        ("13fc 00ab 0000 5002", 0x5002, 0x0111, 0xAB),
        ("4af9 0000 5002", 0x5002, 0x01D1, 0),  # TAS: read-modify-write
        ("203a 4000", 0x5002, 0x0142, 0),  # MOVE.L (d16,PC),D0: user program space
    ],
)
def test_bus_error_frame(code: str, va: int, ssw: int, out: int) -> None:
    cpu = machine(M68020, code, sr=0x0013)
    cpu.step()
    assert entered(cpu) == 2
    assert pack_sr(cpu.state) & 0xFF00 == 0x2000
    got = frame(cpu, "HIHHHHHIHHI")
    assert got[:3] == (0x0013, CODE, 0xB008)
    assert got[4] == ssw
    assert got[7] == va
    assert got[10] == out
    assert cpu.state.r[15] == STACK - 92


@pytest.mark.parametrize(("code", "va"), [("2039 0000", CODE + 4), ("", CODE), ("33fc 1234 0000", CODE + 6)])
def test_instruction_fetch_fault(code: str, va: int) -> None:
    cpu = machine(M68020, code, sr=0)
    cpu.step()
    assert entered(cpu) == 2
    status, pc, kind, _, ssw = frame(cpu, "HIHHH")
    assert (status, pc, kind) == (0, CODE, 0xB008)
    assert ssw & 0xF100 == 0x5000  # FB and RB, no data fault
    assert ssw & 7 == 2
    sp = cpu.state.r[15]
    assert cpu.memory.peek(sp + 0x24, 4) == va  # stage B address


def test_odd_jump_is_an_address_error() -> None:
    for model in (M68000, M68010, M68020):
        cpu = machine(model, "4ef9 0000 2001")
        cpu.step()
        assert entered(cpu) == 3


def test_68010_bus_error_frame() -> None:
    cpu = machine(M68010, "33fc 1234 0000 5002", sr=0)
    cpu.step()
    assert entered(cpu) == 2
    got = frame(cpu, "HIHHIHHHHHH")
    assert got[:5] == (0, CODE, 0x8008, 0x1001, 0x5002)
    assert got[6] == 0x1234
    assert cpu.state.r[15] == STACK - 58


def test_68000_address_error_frame() -> None:
    cpu = machine(M68000, "3039 0000 3001", sr=0x2700)
    cpu.step()
    assert entered(cpu) == 3
    access, va, word, status, _ = frame(cpu, "HIHHI")
    assert (access, va, word, status) == (0x3020 | 0x10 | 5, 0x3001, 0x3039, 0x2700)


def test_double_fault_halts() -> None:
    cpu = machine(M68020, "2039 0000 5002")
    cpu.state.r[15] = 0x5000
    cpu.step()
    assert cpu.reason == Reason.HALTED


@pytest.mark.parametrize(("mask", "level", "due"), [(3, 3, False), (3, 4, True), (7, 6, False), (7, 7, True)])
def test_pending(mask: int, level: int, due: bool) -> None:
    cpu = machine(M68020, "4e71", sr=0x2000 | mask << 8)
    cpu.state.ipl = level
    assert (M68020.isa.pending(cpu.state) == "interrupt") == due


def test_level_7_is_an_edge() -> None:
    cpu = machine(M68020, "4e71")
    s = cpu.state
    s.ipl, s.int_vector = 7, 0xFFFFFFFF
    cpu.engine.routine("interrupt")
    assert entered(cpu) == 31
    assert M68020.isa.pending(s) is None
    s.ipl = 0
    assert M68020.isa.pending(s) is None
    s.ipl = 7
    assert M68020.isa.pending(s) == "interrupt"


def test_interrupt_on_the_master_stack() -> None:
    cpu = machine(M68020, "4e71", sr=0x1005)  # user mode, M set: the next supervisor stack is the master's
    s = cpu.state
    s.ipl, s.int_vector = 4, 0x20
    cpu.engine.routine("interrupt")
    assert entered(cpu) == 32
    assert pack_sr(s) == 0x2405
    assert frame(cpu, "HIH") == (0x3005, CODE, 0x1080)  # the throwaway frame says S
    assert s.r[15] == STACK - 8
    assert s.msp == MASTER - 8
    assert cpu.memory.peek(s.msp, 8) == 0x1005_00001000_0080
    s.ipl = 0
    cpu.step()  # RTE: throwaway, on to the master stack
    assert s.isp == STACK
    assert (pack_sr(s), s.pc, s.r[15], s.msp) == (0x1005, CODE, USER, MASTER)


def test_format_error() -> None:
    cpu = machine(M68020, "4e73")
    cpu.state.r[15] -= 8
    cpu.memory.poke(STACK - 2, 2, 0x7000)
    cpu.step()
    assert entered(cpu) == 14
    assert frame(cpu, "HIH")[1] == CODE


def test_trace_frame() -> None:
    cpu = machine(M68020, "4e71", sr=0x8000)
    assert M68020.isa.tracing(cpu.state)
    cpu.step()
    cpu.state.exc_addr = CODE
    cpu.engine.routine("trace")
    assert entered(cpu) == 9
    assert frame(cpu, "HIHI") == (0x8000, CODE + 2, 0x2024, CODE)
    assert not M68020.isa.tracing(cpu.state)


def test_recheck_and_stop() -> None:
    cpu = machine(M68020, "46fc2000", sr=0x2700)
    cpu.state.ipl = 3
    cpu.step()
    assert cpu.reason == Reason.RECHECK
    cpu = machine(M68020, "4e722000", sr=0x2700)
    cpu.step()
    assert (cpu.reason, cpu.state.pc, pack_sr(cpu.state)) == (Reason.STOPPED, CODE + 4, 0x2000)


def test_stack_pointers_by_movec() -> None:
    """MSP and ISP mean A7 while it is the one in use (PRM MOVEC)."""
    code = "4e7a 0803 4e7a 1804 4e7b 2804 4e7a 3804"  # MSP to D0, ISP to D1, D2 to ISP, ISP to D3
    cpu = machine(M68020, code, sr=0x3000)
    cpu.state.r[2] = 0x4444
    for _ in range(4):
        cpu.step()
    assert cpu.state.r[:4] == [MASTER, STACK, 0x4444, 0x4444]
    assert cpu.state.r[15] == MASTER


@pytest.mark.parametrize("control", [0x01, 0x10, 0x1F, 0x20, 0x40, 0x60, 0xA0, 0xE0])
def test_modules_of_other_kinds_are_format_errors(control: int) -> None:
    """Options other than 0 and 4, types other than 0 (68020 UM 9.7.1)."""
    cpu = machine(M68020, "06f9 0008 0000 3010", sr=0x2015)
    cpu.memory.poke(0x3010, 1, control)
    cpu.step()
    assert entered(cpu) == 14
    cpu = machine(M68020, "06cc", sr=0x2015)  # RTM
    cpu.state.r[15] = 0x3010
    cpu.memory.poke(0x3010, 1, control)
    cpu.step()
    assert entered(cpu) == 14


@pytest.mark.parametrize("option", [0x00, 0x80])
def test_callm_and_rtm(option: int) -> None:
    cpu = machine(M68020, "06f9 0008 0000 3010", sr=0x2015)  # CALLM #8,$3010
    m, s = cpu.memory, cpu.state
    m.poke(0x3010, 4, option << 24)  # type 0
    m.poke(0x3014, 4, 0x3040)  # entry
    m.poke(0x3018, 4, 0xDA7A)  # data area
    m.poke(0x3040, 4, 0xC000_06CC)  # register A4; RTM A4
    s.r[12] = 0x1234
    cpu.step()
    assert (s.pc, s.r[12], s.r[15]) == (0x3042, 0xDA7A, STACK - 24)
    unpack_sr(s, 0x2000)
    s.r[15] = STACK - 24
    cpu.step()
    assert (s.pc, s.r[12], s.r[15], pack_sr(s)) == (CODE + 8, 0x1234, STACK + 8, 0x2015)
