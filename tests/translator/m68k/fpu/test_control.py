"""Conditions, exceptions, control registers, FMOVEM, FSAVE and FRESTORE."""

from __future__ import annotations

import struct

import pytest

from tests.insn.tiny import Tiny
from tests.translator.m68k.test_exceptions import CODE, STACK, entered, frame, machine
from translator.m68k import M68020, SYSTEMS
from translator.m68k.fpu.regs import BIAS, BSUN, DZ, INEX2, NAN, OPERR, SNAN
from translator.m68k.fpu.status import PREDICATES

M68881, M68882 = SYSTEMS["m68020+m68881"], SYSTEMS["m68020+m68882"]
FDIV_0_1, FADD_0_1, FNOP = "f2000020", "f2000022", "f2800000"  # fdiv.x fp0,fp0 …
ONE = BIAS, 1 << 63
N, Z, UNORDERED = 8, 4, 1


def fpu(code: str, model=M68881, sr: int = 0x2000) -> Tiny:  # type: ignore[no-untyped-def]
    cpu = machine(model, code, sr)
    for i in range(8):
        put(cpu, i, NAN)
    return cpu


def put(cpu: Tiny, n: int, number: tuple[int, int]) -> None:
    cpu.state.fp[2 * n + 1], cpu.state.fp[2 * n] = number


def get(cpu: Tiny, n: int) -> tuple[int, int]:
    return cpu.state.fp[2 * n + 1], cpu.state.fp[2 * n]


def test_line_f_without_a_coprocessor() -> None:
    cpu = machine(M68020, FADD_0_1)
    cpu.step()
    assert entered(cpu) == 11


@pytest.mark.parametrize(
    "code", ["f2000005", "f200007f", "f2004822", "f2084022", "f2002000", "f2008c00", "f240002f"]
)
def test_line_f_for_what_it_does_not_know(code: str) -> None:
    """Opmodes, formats, addresses, lists and predicates that there are not."""
    cpu = fpu(code)
    cpu.step()
    assert entered(cpu) == 11
    assert frame(cpu, "HIH") == (0x2000, CODE, 11 * 4)


# -- conditions ----------------------------------------------------------------------------------------------

# What holds after a comparison: predicate without its signalling prefix -> (less, equal, greater, unordered)
TRUE = {
    "f": "0000", "eq": "0100", "ogt": "0010", "oge": "0110", "olt": "1000", "ole": "1100", "ogl": "1010",
    "or": "1110", "un": "0001", "ueq": "0101", "ugt": "0011", "uge": "0111", "ult": "1001", "ule": "1101",
    "ne": "1011", "t": "1111", "sf": "0000", "seq": "0100", "gt": "0010", "ge": "0110", "lt": "1000",
    "le": "1100",
    "gl": "1010", "gle": "1110", "ngle": "0001", "ngl": "0101", "nle": "0011", "nlt": "0111", "nge": "1001",
    "ngt": "1101", "sne": "1011", "st": "1111",
}  # fmt: skip
OUTCOMES = (N, Z, 0, UNORDERED)


@pytest.mark.parametrize("code", range(32))
def test_predicates(code: int) -> None:
    for outcome, true in zip(OUTCOMES, TRUE[PREDICATES[code]], strict=True):
        cpu = fpu(f"f240{code:04x}")  # fscc d0
        cpu.state.fpsr = outcome << 24
        cpu.step()
        assert cpu.state.r[0] & 0xFF == 255 * int(true)
        signals = code > 15 and outcome == UNORDERED
        assert cpu.state.fpsr >> 8 & 0xFF == (BSUN if signals else 0)
        assert cpu.state.fpsr & 0x80 == 0x80 * signals


def test_branches() -> None:
    for true, cc in ((True, Z), (False, 0)):
        for code, length in (("f2810010", 4), ("f2c100000010", 6)):  # fbeq
            cpu = fpu(code)
            cpu.state.fpsr = cc << 24
            cpu.step()
            assert cpu.state.pc == (CODE + 2 + 16 if true else CODE + length)


def test_loop() -> None:
    for count, cc, to in ((2, 0, CODE + 4 + 16), (0, 0, CODE + 6), (2, Z, CODE + 6)):
        cpu = fpu("f24900010010")  # fdbeq d1,…
        cpu.state.r[1], cpu.state.fpsr = count, cc << 24
        cpu.step()
        assert cpu.state.pc == to
        assert cpu.state.r[1] & 0xFFFF == (count if cc else (count - 1) & 0xFFFF)


def test_trap_on_condition() -> None:
    for code, length in (("f27c000f", 4), ("f27a000f1234", 6), ("f27b000f12345678", 8)):  # ftrapt
        cpu = fpu(code)
        cpu.step()
        assert entered(cpu) == 7
        assert frame(cpu, "HIHI") == (0x2000, CODE + length, 0x2000 | 7 * 4, CODE)
        cpu = fpu(code.replace("000f", "0000"))
        cpu.step()
        assert cpu.state.pc == CODE + length


def test_branch_on_unordered_traps_before_it_branches() -> None:
    cpu = fpu("f2920010")  # fbgt
    cpu.state.fpcr, cpu.state.fpsr = BSUN << 8, UNORDERED << 24
    cpu.step()
    assert entered(cpu) == 48
    assert frame(cpu, "HIH") == (0x2000, CODE, 48 * 4)
    assert cpu.state.fpiar == CODE


# -- exceptions ----------------------------------------------------------------------------------------------


def test_arithmetic_exception_waits_for_the_next_instruction() -> None:
    cpu = fpu(FDIV_0_1 + "4e71" + FNOP)
    put(cpu, 0, (0, 0))
    cpu.state.fpcr = OPERR << 8
    cpu.step()
    assert (get(cpu, 0), cpu.state.pc) == ((0, 0), CODE + 4)  # the destination stays
    cpu.step()  # an integer instruction
    cpu.step()
    assert entered(cpu) == 52
    assert frame(cpu, "HIH") == (0x2000, CODE + 6, 52 * 4)
    assert cpu.state.fpiar == CODE
    cpu.step()  # RTE: the 68881's exception is acknowledged, the instruction is done now
    cpu.step()
    assert cpu.state.pc == CODE + 10


def test_disabled_exceptions_give_a_result() -> None:
    cpu = fpu(FDIV_0_1 + FNOP)
    put(cpu, 0, (0, 0))
    cpu.step()
    cpu.step()
    assert (get(cpu, 0), cpu.state.pc) == (NAN, CODE + 8)
    assert cpu.state.fpsr == UNORDERED << 24 | OPERR << 8 | 0x80


def test_inexact_stores_its_result() -> None:
    cpu = fpu("f20000a0" + FNOP)  # fdiv.x fp0,fp1
    put(cpu, 0, (BIAS + 1, 3 << 62))
    put(cpu, 1, ONE)
    cpu.state.fpcr = INEX2 << 8
    cpu.step()
    cpu.step()
    assert (entered(cpu), get(cpu, 1)) == (49, (BIAS - 2, 0xAAAAAAAAAAAAAAAB))


def test_priority() -> None:
    cpu = fpu("f20000a0" + FNOP)
    put(cpu, 0, (0, 0))
    put(cpu, 1, ONE)
    cpu.state.fpcr = (DZ | OPERR | SNAN) << 8
    cpu.step()
    cpu.step()
    assert entered(cpu) == 50


def test_store_is_interrupted_within_itself() -> None:
    cpu = fpu("f2007000" + FNOP)  # fmove.w fp0,d0
    put(cpu, 0, (BIAS + 20, 1 << 63))
    cpu.state.fpcr, cpu.state.r[0] = OPERR << 8, 0x12345678
    cpu.step()
    assert entered(cpu) == 52
    assert frame(cpu, "HIHI") == (0x2000, CODE + 4, 0x9000 | 52 * 4, CODE)
    assert (cpu.state.r[0], cpu.state.r[15]) == (0x12347FFF, STACK - 20)
    cpu.step()
    assert (cpu.state.pc, cpu.state.r[15]) == (CODE + 4, STACK)


def test_the_68882_keeps_an_exception_until_it_is_saved() -> None:
    cpu = fpu(FDIV_0_1 + FNOP, M68882)
    put(cpu, 0, (0, 0))
    cpu.state.fpcr = OPERR << 8
    cpu.step()
    for _ in range(2):
        cpu.step()
        assert entered(cpu) == 52
        cpu.step()
        assert cpu.state.pc == CODE + 4


# -- registers -----------------------------------------------------------------------------------------------


def test_control_registers() -> None:
    cpu = fpu("f23c9c00ffffffffffffffff12345678" + "f223bc00" + "f2019000" + "f209a400")
    cpu.state.r[11] = 0x3040
    cpu.state.r[1] = 0x50
    cpu.step()  # fmovem.l #…,fpcr/fpsr/fpiar
    assert (cpu.state.fpcr, cpu.state.fpsr, cpu.state.fpiar) == (0xFFF0, 0x0FFFFFF8, 0x12345678)
    cpu.step()  # fmovem.l fpcr/fpsr/fpiar,-(a3)
    assert cpu.state.r[11] == 0x3034
    assert [cpu.memory.peek(0x3034 + i, 4) for i in (0, 4, 8)] == [0xFFF0, 0x0FFFFFF8, 0x12345678]
    cpu.step()  # fmove.l d1,fpcr
    assert cpu.state.fpcr == 0x50
    cpu.step()  # fmove.l fpiar,a1
    assert cpu.state.r[9] == 0x12345678


def test_an_empty_list_of_control_registers_is_fpiar() -> None:
    """fmove.l d0,fpiar; fmove.l fpiar,a2; fmove.l #,fpiar; fmove.l fpiar,-(a3)"""
    cpu = fpu("f2008000" + "f20aa000" + "f23c800012345678" + "f223a000")
    cpu.state.r[0], cpu.state.r[11] = 0x87654321, 0x3044
    cpu.step()
    assert cpu.state.fpiar == 0x87654321
    cpu.step()
    assert cpu.state.r[10] == 0x87654321
    cpu.step()
    assert cpu.state.fpiar == 0x12345678
    cpu.step()
    assert (cpu.state.r[11], cpu.memory.peek(0x3040, 4)) == (0x3040, 0x12345678)


@pytest.mark.parametrize(
    ("code", "text", "length"),
    [
        ("f23c8000 12345678", "fmove.l #$12345678,fpiar", 8),
        ("f200a000", "fmove.l fpiar,d0", 4),
        ("f2400020", "dc.w $f240", 2),  # predicates have five bits
        ("f2480020", "dc.w $f248", 2),
        ("f27c0020", "dc.w $f27c", 2),
        ("f2a00010", "dc.w $f2a0", 2),
    ],
)
def test_text_of_lists_and_predicates(code: str, text: str, length: int) -> None:
    data = bytes.fromhex(code) + bytes(16)
    found = M68881.isa.disassemble(lambda at, n: int.from_bytes(data[at : at + n], "big"), 0, M68881.name)
    assert found == (text, length)



def test_data_registers_in_memory() -> None:
    cpu = fpu("f220e003" + "f218d020")  # fmovem.x fp0-fp1,-(a0); fmovem.x (a0)+,fp2
    cpu.state.r[8] = 0x3040
    put(cpu, 0, (0x8123, 0x1122334455667788))
    put(cpu, 1, ONE)
    cpu.step()
    assert cpu.state.r[8] == 0x3028
    assert cpu.memory.peek(0x3028, 4) == 0x81230000
    assert cpu.memory.peek(0x302C, 8) == 0x1122334455667788
    assert cpu.memory.peek(0x3034, 4) == BIAS << 16
    cpu.step()
    assert (get(cpu, 2), cpu.state.r[8]) == (get(cpu, 0), 0x3034)


def test_dynamic_list() -> None:
    cpu = fpu("f210f830")  # fmovem.x d3,(a0)
    cpu.state.r[8], cpu.state.r[3] = 0x3000, 0b01000001  # fp1, fp7
    for i in range(8):
        put(cpu, i, (i, i))
    cpu.step()
    assert [cpu.memory.peek(0x3004 + at, 8) for at in (0, 12)] == [1, 7]


def test_sine_and_cosine() -> None:
    cpu = fpu("f20004b2")  # fsincos.x fp1,fp2:fp1
    put(cpu, 1, (0, 0))
    cpu.step()
    assert (get(cpu, 2), get(cpu, 1)) == (ONE, (0, 0))
    assert cpu.state.fpsr == Z << 24


def test_constant_and_decimal() -> None:
    cpu = fpu("f2005c00" + "f2106c11")  # fmovecr #0,fp0; fmove.p fp0,(a0){#17}
    cpu.state.r[8] = 0x3000
    cpu.step()
    assert get(cpu, 0) == (0x4000, 0xC90FDAA22168C235)
    cpu.step()
    raw = bytes(cpu.memory.bytes[0x3000 + i] for i in range(12))
    assert raw.hex() == "00000003" + "1415926535897932"


# -- FSAVE, FRESTORE -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "size"), [(M68881, 0x18), (M68882, 0x38)])
def test_idle_frame(model, size: int) -> None:  # type: ignore[no-untyped-def]
    cpu = fpu(FNOP + "f327" + "f35f", model)  # fsave -(sp); frestore (sp)+
    cpu.step()
    cpu.step()
    assert cpu.state.r[15] == STACK - size - 4
    assert frame(cpu, "I") == (0x1F000000 | size << 16,)
    assert cpu.memory.peek(STACK - 4, 1) & 8  # nothing is pending
    cpu.step()
    assert (cpu.state.r[15], cpu.state.pc) == (STACK, CODE + 8)


@pytest.mark.parametrize(("model", "size"), [(M68881, 0xB4), (M68882, 0xD4)])
@pytest.mark.parametrize("pending", [0, 52])
def test_busy_frame(model, size: int, pending: int) -> None:  # type: ignore[no-untyped-def]
    """One that came from elsewhere: the length counts, and the exception that was pending."""
    cpu = fpu("f358" + "f201a400" + FNOP, model)  # frestore (a0)+; fmove.l fpiar,d1
    cpu.state.r[8] = 0x3000
    cpu.memory.write(0x3000, 4, 0x1F000000 | size << 16, 5)
    cpu.memory.write(0x3000 + size, 4, (0x70000000 if pending else 0x78000000) | pending, 5)
    cpu.step()
    assert (cpu.state.r[8], cpu.state.pc) == (0x3004 + size, CODE + 2)
    cpu.step()
    assert cpu.state.pc == CODE + 6 if not pending else entered(cpu) == pending


@pytest.mark.parametrize("code", [FNOP, FADD_0_1, "f2410000", "f310", "f350"])
def test_a_coprocessor_that_is_switched_off_is_not_there(code: str) -> None:
    cpu = fpu(code)
    cpu.state.fp_off = 1
    cpu.step()
    assert entered(cpu) == 11
    assert frame(cpu, "HIH") == (0x2000, CODE, 11 * 4)


def test_null_frame() -> None:
    cpu = fpu("f327" + FNOP + "f35f")
    cpu.step()
    assert (cpu.state.r[15], frame(cpu, "I")) == (STACK - 4, (0,))
    put(cpu, 3, ONE)
    cpu.state.fpcr = cpu.state.fpsr = 0x10
    cpu.step()
    cpu.step()
    assert (cpu.state.r[15], get(cpu, 3), cpu.state.fpcr, cpu.state.fpsr) == (STACK, NAN, 0, 0)
    assert not cpu.state.fp_used


@pytest.mark.parametrize("model", [M68881, M68882])
def test_pending_exception_is_saved(model) -> None:  # type: ignore[no-untyped-def]
    cpu = fpu(FDIV_0_1 + "f327" + FNOP + "f35f" + FNOP, model)
    put(cpu, 0, (0, 0))
    cpu.state.fpcr = OPERR << 8
    for _ in range(3):
        cpu.step()
    assert cpu.state.pc == CODE + 10
    assert not cpu.memory.peek(STACK - 4, 1) & 8
    cpu.step()
    cpu.step()
    assert entered(cpu) == 52


def test_foreign_frame() -> None:
    cpu = fpu("f310" + "f350")  # fsave (a0); frestore (a0)
    cpu.state.r[8] = 0x3000
    cpu.memory.poke(0x3000, 4, 0x1F380000)
    cpu.state.pc = CODE + 2
    cpu.step()
    assert entered(cpu) == 14


def test_saving_is_privileged() -> None:
    for code in ("f327", "f35f"):
        cpu = fpu(code, sr=0)
        cpu.step()
        assert entered(cpu) == 8


def test_a_fault_leaves_everything_as_it_was() -> None:
    cpu = fpu("f21f4822" + "f227e0ff")  # fadd.x (sp)+,fp0; fmovem.x fp0-fp7,-(sp)
    put(cpu, 0, ONE)
    cpu.state.r[15] = STACK - 8  # the operand ends behind the memory
    for at in range(STACK, STACK + 64):
        cpu.memory.bytes.pop(at, None)
    before = get(cpu, 0)
    cpu.step()
    assert (entered(cpu), get(cpu, 0), cpu.state.fpsr) == (2, before, 0)
    assert struct.unpack(">I", bytes(cpu.memory.bytes[cpu.state.r[15] + 2 + i] for i in range(4))) == (CODE,)
