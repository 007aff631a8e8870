"""What software may do to the frame of a bus error before it returns, and what a trace exception follows."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from tests.engine.machine import CODE, DATA, DEVICE, FRAME, NOTHING, VALID, WRITABLE, Machine, Program
from translator.isa import Model
from translator.m68k import M68010, M68020
from translator.m68k.model import pack_sr

PAGE = 0x100
HERE = 0x3000  # where handlers leave things
BUS_ERROR = 0x3800  # its handler
STOP = "4e72 2700"


def machine(model: Model = M68020) -> Machine:
    return Machine(model, "concrete", None)


def run(
    m: Machine, code: str, handlers: dict[int, str], regs: dict[int, int] | None = None, sr: int = 0x2000,
    pages: dict[int, int] | None = None, image: dict[int, bytes] | None = None,
) -> Machine:
    """Code at CODE until it stops; handlers by vector, the others stop."""
    memory = {4 * v: struct.pack(">I", 0x400 + 0x40 * min(v, 20)) for v in range(64)}
    for v in range(3, 21):
        memory[0x400 + 0x40 * v] = bytes.fromhex(handlers.get(v, STOP))
    memory[8], memory[BUS_ERROR] = struct.pack(">I", BUS_ERROR), bytes.fromhex(handlers.get(2, STOP))
    memory[CODE] = bytes.fromhex(code)
    values = [(regs or {}).get(i, 0) for i in range(16)]
    m.load(Program({**memory, **(image or {})}, values, sr, CODE, pages or {}))
    m.cpu.run(400)
    assert m.cpu.stopped
    return m


def word(m: Machine, at: int, size: int = 2) -> int:
    return int.from_bytes(m.ram[at : at + size], "big")


def nothing(at: int) -> dict[int, int]:
    """The page at `at` leads to where no device answers."""
    return {at & -PAGE: NOTHING >> 8 << FRAME | VALID | WRITABLE}


def device(at: int) -> dict[int, int]:
    return {at & -PAGE: DEVICE >> 8 << FRAME | VALID | WRITABLE}


FAR = DATA + PAGE


@pytest.mark.parametrize(
    ("insn", "size", "want"),
    [("2010", 4, 0xCAFEBABE), ("3010", 2, 0xBABE), ("1010", 1, 0xBE)],
    ids=["long", "word", "byte"],
)
def test_a_read_that_software_has_done(insn: str, size: int, want: int) -> None:
    """DF cleared: the data input buffer is what the read finds (68020 UM 6.2.1)."""
    handler = "2f7c cafebabe 002c 026f feff 000a 4e73"  # move.l #…,$2c(sp); andi.w #~DF,$a(sp); rte
    m = run(machine(), f"{insn} {STOP}", {2: handler}, {8: FAR}, pages=nothing(FAR))
    assert m.cpu.state.r[0] == want
    assert m.cpu.state.r[15] == 0x2000


def test_a_write_that_software_has_done() -> None:
    handler = f"23ef 0018 {HERE:08x} 026f feff 000a 4e73"  # the data output buffer is put elsewhere
    m = run(machine(), f"20fc 12345678 {STOP}", {2: handler}, {8: FAR}, pages=nothing(FAR))
    assert word(m, HERE, 4) == 0x12345678
    assert m.cpu.state.r[8] == FAR + 4


def test_cycle_after_cycle_by_software() -> None:
    """MOVEM from where nothing is: every long is done by software, which counts."""
    handler = f"52b9 {HERE:08x} 2f79 {HERE:08x} 002c 026f feff 000a 4e73"
    m = run(machine(), f"4cd8 000f {STOP}", {2: handler}, {8: FAR}, pages=nothing(FAR))
    assert list(m.cpu.state.r[0:4]) == [1, 2, 3, 4]
    assert m.cpu.state.r[8] == FAR + 16


def test_the_rest_of_a_split_operand() -> None:
    """A long of which one byte has been read: SIZE, address and buffer are for the other three."""
    keep = f"33ef 000a {HERE:08x} 23ef 0010 {HERE + 2:08x}"
    handler = keep + "2f7c 00bbccdd 002c 026f feff 000a 4e73"
    m = run(
        machine(), f"2010 {STOP}", {2: handler}, {8: FAR - 1}, pages=nothing(FAR), image={FAR - 1: b"\xaa"}
    )
    assert word(m, HERE) == 0x0175  # DF, read, three bytes, supervisor data
    assert word(m, HERE + 2, 4) == FAR
    assert m.cpu.state.r[0] == 0xAABBCCDD


def test_the_rest_of_a_split_store() -> None:
    handler = f"33ef 000a {HERE:08x} 23ef 0018 {HERE + 2:08x} 026f feff 000a 4e73"
    m = run(machine(), f"20bc 11223344 {STOP}", {2: handler}, {8: FAR - 2}, pages=nothing(FAR))
    assert word(m, HERE) == 0x0125  # DF, write, two bytes
    assert word(m, HERE + 2, 4) == 0x3344
    assert word(m, FAR - 2) == 0x1122


def test_an_instruction_word_by_software() -> None:
    """RB cleared: stage B's image is the word (68020 UM 6.2.1); what is behind it is fetched, and faults."""
    at = CODE + PAGE - 2
    twice_stops = f"52b9 {HERE + 8:08x} 0cb9 00000002 {HERE + 8:08x} 6700 0004 6004 {STOP}"
    keep = f"33ef 000a {HERE:08x} 23ef 0024 {HERE + 2:08x}"
    handler = f"{twice_stops} {keep} 3f7c 0042 000e 026f efff 000a 4e73"
    image = {at: bytes.fromhex("303c")}  # move.w #?,d0, its data on a page that is not there
    m = run(machine(), f"4ef9 {at:08x}", {2: handler}, pages={CODE + PAGE: 0}, image=image)
    assert m.cpu.state.r[0] == 0x42
    assert word(m, HERE) == 0x5066  # FB, RB, read, a word, supervisor program
    assert word(m, HERE + 2, 4) == CODE + PAGE


def test_rerun_by_software_on_a_68010() -> None:
    """RR set: the data input buffer is what the word finds; the second word of a long is the processor's."""
    handler = "3f7c cafe 0014 006f 8000 0008 4e73"  # move.w #…,$14(sp); ori.w #RR,8(sp); rte
    m = run(machine(M68010), f"3010 {STOP}", {2: handler}, {8: FAR}, pages=nothing(FAR))
    assert m.cpu.state.r[0] == 0xCAFE
    handler = f"52b9 {HERE:08x} 3f79 {HERE + 2:08x} 0014 006f 8000 0008 4e73"
    m = run(machine(M68010), f"2010 {STOP}", {2: handler}, {8: FAR}, pages=nothing(FAR))
    assert m.cpu.state.r[0] == 0x00010002


def test_the_log_travels_with_the_frame() -> None:
    """A long from a device to where nothing is; the handler returns from a copy of the frame."""
    copy = HERE + 0x100
    handler = (
        f"41ef 0000 43f9 {copy:08x} 702d 32d8 51c8 fffc"  # 46 words from the stack to the copy …
        "41ef 0000 702d 4258 51c8 fffc"  # … and nothing is left on the stack
        f"23f9 {copy + 0x18:08x} {HERE:08x}"  # what was to be written
        f"0279 feff {copy + 0x0A:08x}"  # DF
        f"207c {DATA:08x} 227c {FAR:08x} 4ff9 {copy:08x} 4e73"
    )
    pages = {**device(DATA), **nothing(FAR)}
    m = run(machine(), f"22d0 {STOP}", {2: handler}, {8: DATA, 9: FAR}, pages=pages)
    reads = [x for x in m.device.log if x[0] == "read"]
    assert len(reads) == 1
    assert m.cpu.state.r[9] == FAR + 4
    assert m.cpu.state.r[15] == copy + 92
    assert word(m, HERE, 4) == (0x9E3779B1 ^ reads[0][5] << 3 ^ DEVICE) & 0xFFFFFFFF


# -- trace ---------------------------------------------------------------------------------------------------

T1, T0 = 0x8000, 0x4000
COUNT_AND_GO = f"52b9 {HERE:08x} 4e73"  # addq.l #1,HERE; rte


def traces(code: str, sr: int, handlers: dict[int, str], **more: Any) -> int:
    """How many trace exceptions there were until the program stopped."""
    m = run(machine(), code, {9: COUNT_AND_GO, **handlers}, sr=sr | 0x2000, **more)
    return word(m, HERE, 4)


NEXT = "54af 0002 4e73"  # addq.l #2,2(sp); rte: on behind an instruction of one word


@pytest.mark.parametrize(
    ("code", "handlers", "count"),
    [
        ("4e71 4e71", {}, 2),
        ("4e41 4e71", {20: "4e73"}, 2),  # TRAP #1 is traced, behind its own exception
        ("4afc 4e71", {4: NEXT}, 1),  # ILLEGAL is not
        ("a000 4e71", {10: NEXT}, 1),
        ("f200 4e71", {11: NEXT}, 1),
        ("80fc 0000", {5: "4e73"}, 1),  # DIVU #0,D0 is
    ],
)
def test_what_is_traced(code: str, handlers: dict[int, str], count: int) -> None:
    stop = "46fc 2700 " + STOP  # move to SR ends tracing; it is traced itself
    assert traces(f"{code} {stop}", T1, handlers) == count + 1


def test_a_faulted_instruction_is_traced_when_it_is_done() -> None:
    handler = "026f feff 000a 4e73"
    stop = "46fc 2700 " + STOP
    assert traces(f"2010 {stop}", T1, {2: handler}, regs={8: FAR}, pages=nothing(FAR)) == 2


def test_order_of_frames() -> None:
    """Trace follows the trap: its frame is on top, and names the trap's handler (68020 UM 6.1.7)."""
    m = run(machine(), f"4e41 {STOP}", {}, sr=T1 | 0x2000)
    sp = m.cpu.state.r[15]
    assert struct.unpack(">HIHI", m.ram[sp : sp + 12]) == (0x2000, 0x400 + 0x40 * 20, 0x2024, CODE)
    assert struct.unpack(">HIH", m.ram[sp + 12 : sp + 20]) == (0xA000, CODE + 2, 0x0084)


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("4e71 4e71", 0),
        ("6000 0002", 1),  # BRA to what follows
        ("6700 0002", 1),  # taken: Z is set
        ("6600 0002", 0),
        ("46fc 6004", 1),  # MOVE to SR
        ("4eb9 {next}", 1),
    ],
)
def test_change_of_flow(code: str, count: int) -> None:
    code = code.format(next=f"{CODE + 6:08x}")
    stop = "46fc 2700 " + STOP
    assert traces(f"{code} {stop}", T0 | 4, {}) == count + 1


def test_stop_that_is_traced_does_not_stop() -> None:
    m = run(machine(), f"4e72 a000 7001 46fc 2700 {STOP}", {9: COUNT_AND_GO}, sr=T1 | 0x2000)
    assert m.cpu.state.r[0] == 1
    assert pack_sr(m.cpu.state) == 0x2700
