"""STOP, RESET, interrupts, stacks, trace bits, frames, control registers: on a whole processor."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from tests.engine.machine import CODE, Machine, Program
from translator.isa import Model
from translator.m68k import M68000, M68010, M68020
from translator.m68k.model import pack_sr, unpack_sr
from translator.m68k.system import CONTROL_REGISTERS

VECTORS = 0x800  # where the vector base register points
HANDLER = 0x400  # of vector n: HANDLER + 2 * n, a STOP of all handlers
AUTOVECTOR, SPURIOUS, USER = 0xFFFFFFFF, 24, 64
ISP, MSP, USP = 0x2000, 0x2400, 0x2800
ALL = (M68000, M68010, M68020)
PLAIN = {"m68000": "HI", "m68010": "HIH", "m68020": "HIH"}


def load(model: Model, code: str, sr: int) -> Machine:
    """A machine at CODE; each vector has a handler that loops in one instruction of two bytes."""
    m = Machine(model, "concrete", None)
    base = 0 if model is M68000 else VECTORS
    vectors = b"".join(struct.pack(">I", HANDLER + 2 * n) for n in range(256))
    m.load(
        Program(
            {base: vectors, HANDLER: b"\x60\xfe" * 256, CODE: bytes.fromhex(code)}, [0] * 16, 0x2700, CODE, {}
        )
    )
    s = m.cpu.state
    s.isp, s.msp, s.usp = ISP, MSP, USP
    s.r[15] = ISP
    if model is not M68000:
        s.vbr = VECTORS
    unpack_sr(s, sr)
    s.int_vector = AUTOVECTOR
    m.cpu.mode_changed()
    return m


def vector(m: Machine) -> int:
    return (int(m.cpu.state.pc) - HANDLER) // 2


def frame(m: Machine, layout: str, at: int | None = None) -> tuple[Any, ...]:
    at = int(m.cpu.state.r[15]) if at is None else at
    return struct.unpack_from(">" + layout, m.ram, at)


# -- interrupts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ALL, ids=lambda m: m.name)
@pytest.mark.parametrize(
    ("given", "level", "want"),
    [
        (AUTOVECTOR, 1, 25),
        (AUTOVECTOR, 7, 31),
        (SPURIOUS, 3, 24),  # a bus error in the acknowledge cycle (68020 UM 6.1.9)
        (15, 4, 15),  # a device that has not been told its vector
        (USER, 5, 64),
        (255, 6, 255),
    ],
)
def test_interrupt_vectors(model: Model, given: int, level: int, want: int) -> None:
    m = load(model, "4e71 60fe", 0x2004)
    s = m.cpu.state
    s.ipl, s.int_vector = level, given
    m.cpu.run(1)
    assert vector(m) == want
    assert pack_sr(s) == 0x2004 | level << 8
    assert frame(m, PLAIN[model.name]) == (0x2004, CODE, want << 2)[: len(PLAIN[model.name])]


@pytest.mark.parametrize("model", ALL, ids=lambda m: m.name)
def test_interrupt_waits_until_it_is_let_in(model: Model) -> None:
    m = load(model, "4e71 46fc 2200 4e71 60fe", 0x2700)  # nop; move #$2200,sr; nop
    m.cpu.state.ipl = 3
    m.cpu.run(2)
    assert m.cpu.state.pc == CODE + 6
    m.cpu.run(1)
    assert vector(m) == 27
    assert frame(m, "HI") == (0x2200, CODE + 6)


def test_interrupt_from_user_mode_ends_tracing_and_keeps_it_in_the_frame() -> None:
    for model in ALL:
        m = load(model, "4e71", 0x8000)
        m.cpu.state.ipl = 2
        m.cpu.run(1)
        assert pack_sr(m.cpu.state) == 0x2200
        assert m.cpu.state.usp == USP
        assert frame(m, "HI") == (0x8000, CODE)


@pytest.mark.parametrize("sr", [0x1000, 0x3000, 0x9015, 0x7007])
def test_interrupt_in_master_mode(sr: int) -> None:
    """The frame on the master stack; on the interrupt stack one whose SR has S set (68020 UM 6.1.9)."""
    m = load(M68020, "60fe", sr)
    s = m.cpu.state
    s.ipl, s.int_vector = 4, USER
    m.cpu.run(1)
    assert vector(m) == USER
    assert pack_sr(s) == 0x2400 | sr & 0x1F
    assert (s.r[15], s.msp) == (ISP - 8, MSP - 8)
    assert frame(m, "HIH") == (sr | 0x2000, CODE, 0x1000 | USER << 2)
    assert frame(m, "HIH", MSP - 8) == (sr, CODE, USER << 2)


def test_return_through_the_throwaway_frame() -> None:
    m = load(M68020, "60fe", 0x1005)
    s = m.cpu.state
    s.ipl, s.int_vector = 4, USER
    m.ram[HANDLER + 2 * USER : HANDLER + 2 * USER + 2] = b"\x4e\x73"  # RTE
    m.cpu.run(1)
    s.ipl = 0
    assert (pack_sr(s), s.pc, s.r[15], s.msp, s.isp) == (0x1005, CODE, USP, MSP, ISP)


def test_exceptions_in_master_mode_stay_there() -> None:
    """Only interrupts change to the interrupt stack (68020 UM 6.1.9)."""
    m = load(M68020, "4e41", 0x3000)
    m.cpu.run(1)
    assert vector(m) == 33
    assert pack_sr(m.cpu.state) == 0x3000
    assert m.cpu.state.r[15] == MSP - 8
    assert m.cpu.state.isp == ISP


def test_throwaway_frame_that_leads_to_the_same_stack() -> None:
    """SR of the throwaway has M clear: the next frame is the one behind it."""
    m = load(M68020, "4e73", 0x2000)
    s = m.cpu.state
    s.r[15] = ISP - 16
    struct.pack_into(">HIHHIH", m.ram, ISP - 16, 0x2000, 0xBAD, 0x1000, 0x2015, CODE + 0x20, 0)
    m.cpu.run(1)
    assert (pack_sr(s), s.pc, s.r[15]) == (0x2015, CODE + 0x20, ISP)


# -- STOP and RESET ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ALL, ids=lambda m: m.name)
def test_stop_waits_for_an_interrupt_above_its_mask(model: Model) -> None:
    m = load(model, "4e72 2315 60fe", 0x2700)
    cpu, s = m.cpu, m.cpu.state
    assert cpu.run(10) == 1
    assert cpu.stopped
    assert (s.pc, pack_sr(s)) == (CODE + 4, 0x2315)
    s.ipl = 3
    assert cpu.run(10) == 0
    s.ipl = 4
    cpu.run(1)
    assert not cpu.stopped
    assert vector(m) == 28
    assert frame(m, "HI") == (0x2315, CODE + 4)


@pytest.mark.parametrize("model", ALL, ids=lambda m: m.name)
def test_stop_with_an_interrupt_pending(model: Model) -> None:
    """What the new mask lets in is taken at once, behind STOP."""
    m = load(model, "4e72 2000", 0x2700)
    m.cpu.state.ipl = 1
    m.cpu.run(2)
    assert vector(m) == 25
    assert frame(m, "HI") == (0x2000, CODE + 4)
    assert not m.cpu.stopped


@pytest.mark.parametrize("model", ALL, ids=lambda m: m.name)
def test_stop_is_left_by_level_7_whatever_the_mask(model: Model) -> None:
    m = load(model, "4e72 2700", 0x2700)
    m.cpu.run(5)
    assert m.cpu.stopped
    m.cpu.state.ipl = 7
    m.cpu.run(1)
    assert vector(m) == 31


@pytest.mark.parametrize("model", ALL, ids=lambda m: m.name)
@pytest.mark.parametrize("code", ["4e72 2000", "4e70"])
def test_stop_and_reset_are_the_supervisors(model: Model, code: str) -> None:
    m = load(model, code, 0x0000)
    m.cpu.run(1)
    assert vector(m) == 8
    assert frame(m, "HI") == (0x0000, CODE)
    assert not m.cpu.stopped


@pytest.mark.parametrize("model", ALL, ids=lambda m: m.name)
def test_reset_pulls_the_line_and_changes_nothing_else(model: Model) -> None:
    m = load(model, "4e70 60fe", 0x271F)
    calls: list[int] = []
    m.cpu.on_reset = lambda: calls.append(m.cpu.now)
    m.cpu.run(1)
    assert calls == [1]
    assert (m.cpu.state.pc, pack_sr(m.cpu.state), m.cpu.state.r[15]) == (CODE + 2, 0x271F, ISP)


# -- trace bits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ALL, ids=lambda m: m.name)
def test_trace_frames(model: Model) -> None:
    m = load(model, "4e71 60fe", 0xA000)
    m.cpu.run(1)
    assert vector(m) == 9
    assert pack_sr(m.cpu.state) == 0x2000
    if model is M68020:
        assert frame(m, "HIHI") == (0xA000, CODE + 2, 0x2024, CODE)
    else:
        assert frame(m, PLAIN[model.name]) == (0xA000, CODE + 2, 0x24)[: len(PLAIN[model.name])]


@pytest.mark.parametrize("model", [M68000, M68010], ids=lambda m: m.name)
def test_earlier_models_have_one_trace_bit_and_no_master_state(model: Model) -> None:
    m = load(model, "46fc 7fff 40c0 60fe", 0x2000)  # move #$7fff,sr; move sr,d0
    m.cpu.run(2)
    assert m.cpu.state.r[0] & 0xFFFF == 0x271F
    assert m.cpu.state.r[15] == ISP


@pytest.mark.parametrize(
    ("sr", "code", "traced"),
    [
        (0xA000, "4e71", True),
        (0x6000, "4e71", False),
        (0x6000, "6002", True),
        (0x6000, "46fc 6000", True),
        (0xE000, "6002", True),  # T1 and T0: reserved; the 68020 has the one of them that says more
        (0xE000, "4e71", True),
    ],
)
def test_trace_bits(sr: int, code: str, traced: bool) -> None:
    m = load(M68020, f"{code} 60fe", sr)
    m.cpu.run(1)
    assert (vector(m) == 9) == traced


def test_an_interrupt_comes_behind_the_trace() -> None:
    """Trace first: the interrupt finds its handler's first instruction (68020 UM 6.1.11)."""
    m = load(M68020, "4e71 60fe", 0xA700)
    s = m.cpu.state
    s.sr_sys = 0xA2
    s.ipl = 0
    m.cpu.run(1)
    s.ipl = 5
    m.cpu.run(1)
    assert vector(m) == 29
    assert frame(m, "HI") == (0x2200, HANDLER + 2 * 9)


def test_stop_that_sets_a_trace_bit_stops() -> None:
    """Only tracing that was on when STOP began ends it."""
    m = load(M68020, "4e72 a000 60fe", 0x2700)
    m.cpu.run(5)
    assert m.cpu.stopped
    m.cpu.state.ipl = 1
    m.cpu.run(1)
    assert frame(m, "HI") == (0xA000, CODE + 4)


# -- formats, control registers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "number", "behind"),
    [
        ("4e41", 33, True),
        ("80fc 0000", 5, True),
        ("41bc 8000", 6, True),  # CHK #$8000,D0
        ("4e76", 7, True),
        ("4afc", 4, False),
        ("a000", 10, False),
        ("f000", 11, False),
        ("4e7b 0fff", 4, False),
    ],
)
def test_frames_of_each_model(code: str, number: int, behind: bool) -> None:
    length = len(bytes.fromhex(code))
    for model in ALL:
        m = load(model, code, 0x2002)
        m.cpu.run(1)
        assert vector(m) == number
        pc = CODE + length if behind else CODE
        long = model is M68020 and number in (5, 6, 7)
        want = (pc, number << 2 | (0x2000 if long else 0), CODE)
        assert (
            frame(m, PLAIN[model.name] + ("I" if long else ""))[1:]
            == want[: 1 + (model is not M68000) + long]
        )
        assert m.cpu.state.r[15] == ISP - struct.calcsize(">" + PLAIN[model.name] + ("I" if long else ""))


@pytest.mark.parametrize("bad", range(16))
def test_frame_formats_that_rte_takes(bad: int) -> None:
    for model, good in ((M68010, {0, 8}), (M68020, {0, 1, 2, 9, 10, 11})):
        m = load(model, "4e73", 0x2700)
        m.cpu.state.r[15] = ISP - 0x100
        struct.pack_into(">HIH", m.ram, ISP - 0x100, 0x2700, CODE + 0x40, bad << 12)
        struct.pack_into(">HIH", m.ram, ISP - 0x100 + 8, 0x2700, CODE + 0x40, 0)
        m.cpu.run(1)
        if bad in good:
            assert m.cpu.state.pc == CODE + 0x40
        else:
            assert vector(m) == 14
            assert frame(m, "HIH") == (0x2700, CODE, 14 << 2)


NAMES = {0: "sfc", 1: "dfc", 2: "cacr", 0x800: "usp", 0x801: "vbr", 0x802: "caar", 0x803: "msp", 0x804: "isp"}
HAVE = {"m68010": (0, 1, 0x800, 0x801), "m68020": tuple(NAMES)}


@pytest.mark.parametrize("model", [M68010, M68020], ids=lambda m: m.name)
def test_control_register_numbers(model: Model) -> None:
    assert set(CONTROL_REGISTERS[model.name]) == set(HAVE[model.name])
    m = load(model, "60fe", 0x2700)
    s = m.cpu.state
    for number in (*range(0x20), *range(0x7F8, 0x820), *range(0x20, 0x1000, 37), 0xFFF):
        for word in (0x4E7A, 0x4E7B):
            struct.pack_into(">HH", m.ram, CODE, word, 0x1000 | number)  # D1
            s.pc, s.r[15], s.r[1] = CODE, ISP, 0x12345678
            s.vbr = VECTORS
            m.cpu.run(1)
            assert (vector(m) == 4) == (number not in HAVE[model.name]), hex(number)


@pytest.mark.parametrize("model", [M68010, M68020], ids=lambda m: m.name)
def test_what_control_registers_hold(model: Model) -> None:
    masks = {0: 7, 1: 7, 2: 3}
    for number in HAVE[model.name]:
        read, write = f"4e7a {0x2000 | number:04x}", f"4e7b {0x1000 | number:04x}"
        m = load(model, f"{write} {read} 60fe", 0x2700)
        s = m.cpu.state
        s.r[1] = 0xFFFFFFFC | 3
        m.cpu.run(2)
        assert s.r[2] == 0xFFFFFFFF & masks.get(number, 0xFFFFFFFF)
        if NAMES[number] != "isp":
            assert getattr(s, NAMES[number]) == s.r[2]
        else:
            assert s.r[15] == s.r[2]


def test_a_68000_has_no_control_registers() -> None:
    for code in ("4e7a 1801", "4e7b 1801", "0e10 1000", "42c0", "4e74 0000", "4848"):
        m = load(M68000, code, 0x2700)
        m.cpu.run(1)
        assert vector(m) == 4


def test_move_from_sr_is_the_supervisors_from_the_68010_on() -> None:
    for model in ALL:
        m = load(model, "40c0 60fe", 0x0015)
        m.cpu.run(1)
        assert (vector(m) == 8) == (model is not M68000)
