"""The host's x87 in handlers and regions against the portable arithmetic: registers, status, memory."""

from __future__ import annotations

import platform
import random
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from tests.native import interpreter
from tests.translator.m68k.fpu.numbers import Number, number
from tests.translator.m68k.fpu.programs import ORIGIN, elf, words
from tests.translator.m68k.fpu.test_qemu import small_model
from translator.cache import Cache
from translator.engine import Native
from translator.isa import Model
from translator.jit import Jit
from translator.m68k import SYSTEMS
from translator.m68k.decl import ISET
from translator.m68k.fpu import arith
from translator.m68k.fpu.quick import DYADIC, MONADIC
from translator.m68k.fpu.regs import BIAS, BYTE, DOUBLE_REAL, EXTENDED_REAL, LONG, SINGLE_REAL, WORD
from translator.m68k.user import PAGE_BITS, UserProgram
from translator.memory import Mmu
from translator.spec.insn import InsnSet
from translator.worker import Pool

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the short forms are for an x87")

RECORD, RESULT = 68, 112
QUANTUM = 97  # instructions between two looks at the registers
MODEL = small_model()
FULL = SYSTEMS["m68020+m68881"]  # of which regions are made
OPERATIONS = (*DYADIC, *MONADIC, arith.FCMP, arith.FTST)
TO_MEMORY = (LONG, SINGLE_REAL, EXTENDED_REAL, WORD, DOUBLE_REAL, BYTE)
NUMBER_OF_REGIONS = 12


def without_x87(code_cache: Cache | None = None) -> Native:
    """An interpreter as on hosts that have none."""
    name = MODEL.name + " portable"  # of its own: no cache may take it for the other
    insns = InsnSet("m68k", 16, ISET._shape)
    insns.insns = [replace(i, models=frozenset({name})) for i in MODEL.decoder.insns]
    model = Model(replace(MODEL.isa, host=None, insns=insns), name, options=MODEL.options)
    return interpreter(model, Mmu(page_bits=PAGE_BITS), code_cache)


@pytest.fixture(scope="module")
def portable(code_cache: Cache) -> Native:
    return without_x87(code_cache)


@pytest.fixture(scope="module")
def native(code_cache: Cache) -> Native:
    return interpreter(MODEL, Mmu(page_bits=PAGE_BITS), code_cache)


EXPONENTS = (0, 1), (-70, 70), (-520, 520), (-1080, 1030), (-2300, 2300), (-4200, 4200), (-9000, 9000)


def operand(r: random.Random) -> Number:
    """Mostly what regions deal with themselves, near its limits too."""
    if r.randrange(4) == 0:
        return number(r, 0.1)
    exponent = r.randrange(*r.choice(EXPONENTS))
    if r.randrange(8) == 0:
        return r.getrandbits(1) << 15, 0
    return r.getrandbits(1) << 15 | exponent + BIAS, 1 << 63 | r.choice(
        (r.getrandbits(63), r.getrandbits(8) << 55)
    )


def memory(r: random.Random) -> bytes:
    """An operand of any format that may be read there."""
    e = r.choice((r.getrandbits(11), 0x3FF + r.randrange(-3, 40)))
    double = struct.pack(">Q", r.getrandbits(1) << 63 | e << 52 | r.getrandbits(52))
    single = struct.pack(
        ">I", r.getrandbits(1) << 31 | r.choice((r.getrandbits(8), 130)) << 23 | r.getrandbits(23)
    )
    se, m = operand(r)
    extended = struct.pack(">HHQ", se, 0, m)
    return r.choice((double, single, extended, struct.pack(">i", r.randrange(-200, 200)))).ljust(16, b"\1")


def instruction(r: random.Random) -> bytes:
    kind, n = r.randrange(10), r.randrange(4)
    op = r.choice(OPERATIONS) if r.randrange(3) else r.choice(tuple(DYADIC))
    if kind < 5:
        return words(0xF200, r.randrange(4) << 10 | n << 7 | op)
    if kind == 5:
        return words(0xF212, 0x4000 | r.choice(TO_MEMORY) << 10 | n << 7 | op)
    if kind == 6:
        return words(0xF200, 0x4000 | r.choice((LONG, WORD, BYTE, SINGLE_REAL)) << 10 | n << 7 | op)
    if kind == 7:
        return words(0xF229, 0x6000 | r.choice(TO_MEMORY) << 10 | n << 7, 64 + 12 * r.randrange(4))
    if kind == 8:
        return words(0xF280 | r.randrange(32), 4, 0x5380)  # fbcc over subq.l #1,d0
    return r.choice(
        (words(0xF200, 0x5C00 | n << 7 | r.choice((0x0F, 0x32, 0x34))), words(0xF200, 0x6000 | n << 7))
    )


def program(r: random.Random, count: int) -> bytes:
    """A loop over operands: registers and memory in, some instructions, everything out."""
    data, results = ORIGIN, ORIGIN + RECORD * count
    code = struct.pack(">HIHIHI", 0x41F9, data, 0x43F9, results, 0x2C3C, count)
    # fmove.l #…,fpcr: mostly what the short forms are for
    code += struct.pack(">HHI", 0xF23C, 0x9000, r.choice((0, 0, 0, 0, 0, r.getrandbits(4) << 4)))
    again = len(code)
    code += words(
        0xF210, 0xD0F0, 0x2028, 48, 0x45E8, 52
    )  # fmovem.x (a0),fp0-fp3; move.l 48(a0),d0; lea 52(a0),a2
    code += b"".join(instruction(r) for _ in range(r.randrange(1, 7)))
    code += words(0xF211, 0xF0F0, 0x2340, 48, 0xF229, 0xA800, 52, 0xF229, 0xA400, 56)
    if r.randrange(2):
        code += words(0xF23C, 0x8800, 0, 0)  # fmove.l #0,fpsr
    code += words(0x41E8, RECORD, 0x43E9, RESULT, 0x5386)
    code += words(0x6600, again - len(code) - 2 & 0xFFFF)
    image = b"".join(
        b"".join(struct.pack(">HHQ", se, 0, m) for se, m in (operand(r) for _ in range(4)))
        + struct.pack(">I", r.choice((r.getrandbits(32), r.getrandbits(7), 0x3FC00000)))
        + memory(r)
        for _ in range(count)
    )
    return elf(image, results, RESULT * count, code)


def run(file: Path, native: Native, jit: Jit | None) -> tuple[bytes, list[dict[str, int]], int]:
    """What the program writes, its registers every now and then, how many instructions regions did."""
    run = UserProgram(file, native, jit, model=FULL.name)
    registers = []
    while run.status is None:
        run.run(QUANTUM)
        registers.append(FULL.isa.registers(run.cpu.state))
        assert (
            run.cpu.state.fp_last == run.cpu.state.fp_watch == 0
        )  # nothing is put off that anybody could see
        if jit:
            jit.poll()
    assert run.failure is None
    return run.output, registers, int(run.cpu.state.insns_jit)


def check(portable: Native, native: Native, folder: Path, seed: int, programs: int, count: int) -> None:
    r = random.Random(seed)
    done = 0
    for k in range(programs):
        path = folder / f"loop{k}"
        path.write_bytes(program(r, count))
        want, states, _ = run(path, portable, None)
        for jit in None, Jit(FULL, native, Cache(None), Pool(0), hot=5):
            got, others, insns = run(path, native, jit)
            places = range(0, RESULT * count, RESULT)
            wrong = [(x, y) for n in places if (x := got[n : n + RESULT]) != (y := want[n : n + RESULT])]
            assert not wrong, (
                f"program {k} of seed {seed}, {'regions' if jit else 'handlers'}, {len(wrong)} of {count}:\n"
                + "\n".join(x.hex(" ", 4) for x in wrong[0])
            )
            assert others == states
            done += insns
    assert done > programs * count  # regions did most of it


def test_sample(portable: Native, native: Native, tmp_path: Path) -> None:
    check(portable, native, tmp_path, 1, 12, 200)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_many(portable: Native, native: Native, tmp_path: Path, block: int) -> None:
    """120 programs with 1,000 operands each."""
    check(portable, native, tmp_path, 100 + block, 12, 1000)


def repeated(values: list[Number], count: int, body: bytes) -> bytes:
    """A loop over fp0-fp3 that carries them on; they and FPSR are written each time."""
    data, results = ORIGIN, ORIGIN + 64
    code = struct.pack(">HIHIHI", 0x41F9, data, 0x43F9, results, 0x2C3C, count) + words(0xF210, 0xD0F0)
    again = len(code)
    code += body + words(0xF211, 0xF0F0, 0xF229, 0xA800, 52, 0x43E9, RESULT, 0x5386)
    code += words(0x6600, again - len(code) - 2 & 0xFFFF)
    image = b"".join(struct.pack(">HHQ", se, 0, m) for se, m in values)
    return elf(image.ljust(64, b"\0"), results, RESULT * count, code)


@pytest.mark.parametrize(
    "body",
    [
        words(0xF200, 0x0422),  # fadd fp1,fp0: what a loop adds up is not looked at
        words(0xF200, 0x0422, 0xF200, 0x04A8),  # and fsub fp1,fp1
        words(0xF200, 0x0022),  # fadd fp0,fp0: doubled until it is infinite
        words(0xF200, 0x0422, 0xF200, 0x00A2),  # sums of sums: as fast as Fibonacci's
        words(0xF200, 0x0422, 0xF200, 0x0828, 0xF200, 0x0023),  # and squared
        words(0xF200, 0x0422, 0xF200, 0x0004),  # and its root
        # move.l d1,-(sp); move.l d6,-(sp); fadd.d (sp)+,fp0: a double that was stored by halves
        words(0x2F01, 0x2F06, 0xF21F, 0x5422),
    ],
)
@pytest.mark.parametrize("high", [0, 2040, 2098, 2160, 16380])
def test_sums_in_loops(portable: Native, native: Native, tmp_path: Path, body: bytes, high: int) -> None:
    values = [(BIAS, 1 << 63), (BIAS + high, 3 << 62), (0x8000 | BIAS + high, 5 << 61), (BIAS, 1 << 63)]
    path = tmp_path / "loop"
    path.write_bytes(repeated(values, 120, body))
    want, states, _ = run(path, portable, None)
    for jit in None, Jit(FULL, native, Cache(None), Pool(0), hot=5):
        got, others, insns = run(path, native, jit)
        assert got == want
        assert others == states
        assert insns or jit is None or high or len(body) > 4
