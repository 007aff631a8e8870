"""Instructions with operands in registers and memory against qemu-m68k; our engines against each other."""

from __future__ import annotations

import random
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.native import interpreter
from tests.translator.m68k.fpu.numbers import is_nan, number, plain
from tests.translator.m68k.fpu.programs import QEMU, Case, Result, ours, qemu, words
from translator.cache import Cache
from translator.engine import Native
from translator.isa import Model
from translator.m68k import SYSTEMS
from translator.m68k.decl import ISET
from translator.m68k.fpu import arith
from translator.m68k.fpu.arith import FABS, FADD, FCMP, FDIV, FMUL, FNEG, FSGLDIV, FSGLMUL, FSQRT, FSUB
from translator.m68k.fpu.regs import OPERR, OVFL, SNAN, UNFL
from translator.m68k.user import PAGE_BITS
from translator.memory import Mmu
from translator.spec.insn import InsnSet

needs_qemu = pytest.mark.skipif(shutil.which(QEMU) is None, reason="qemu-m68k is not installed")
EXACT = sorted(arith.OPERATIONS - (arith.RARE - {arith.FMOD, arith.FREM}) - set(range(0x30, 0x38)))
ROUNDED = (FADD, FSUB, FMUL, FDIV, FSQRT)
SINGLES = (0, 0x80000000, 0x7F800000, 1, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x3F800000, 0x7FC00001, 0x7F800001)
DOUBLES = (0, 1 << 63, 0x7FF << 52, 1, (1 << 52) - 1, 1 << 52, 0x7FE << 52, 0x7FF << 52 | 1, 0x7FF8 << 48 | 1)
L, S, X, P, W, D, B = range(7)


def in_memory(r: random.Random, fmt: int) -> bytes:
    if fmt == X:
        se, m = number(r, 0.04)
        return struct.pack(">HHQ", se, 0, m)
    if fmt == S and r.randrange(2):
        return struct.pack(">I", r.choice(SINGLES))
    if fmt == D and r.randrange(2):
        return struct.pack(">Q", r.choice(DOUBLES))
    return r.randbytes(12)


def make(r: random.Random) -> Case:
    """`about` is (kind, opmode or predicate, format)."""
    fpcr = r.choice((0, 0, 0x10, 0x20, 0x30, 0x40, 0x50, 0x80, 0x90, 0xA0))
    kind = r.choice(("register", "memory", "data", "out", "out data", "condition"))
    op, fmt, memory = r.choice(EXACT), r.choice((L, S, X, W, D, B)), b""
    if kind == "register":
        code = words(0xF200, 0x0080 | op)
    elif kind == "memory":
        code, memory = words(0xF212, 0x4080 | fmt << 10 | op), in_memory(r, fmt)
    elif kind == "data":
        fmt = r.choice((L, S, W, B))
        code = words(0xF201, 0x4080 | fmt << 10 | op)
    elif kind == "out":
        code = words(0xF212, 0x6000 | fmt << 10)
    elif kind == "out data":
        fmt = r.choice((L, S, W, B))
        code = words(0xF201, 0x6000 | fmt << 10)
    else:
        op = r.randrange(32)
        code = words(0xF200, 0x0080 | r.choice((FCMP, FSUB)), 0xF240, op)  # … fp0,fp1; fScc d0
    operands = number(r, 0.04), number(r, 0.04)
    about = kind, op, fmt
    return Case(code, *operands, fpcr, r.getrandbits(32), r.getrandbits(32), memory, about)


# Where QEMU 7.2 is not a 68881: (does it concern this case and our result, why).
Rule = tuple[Callable[[Case, Result], bool], str]


def exceptions(result: Result) -> int:
    return result.fpsr >> 8 & 0xFF


def is_out(c: Case) -> bool:
    return bool(c.about[0].startswith("out"))


def is_arithmetic(c: Case) -> bool:
    return c.about[0] in ("register", "memory", "data")


def denormal(n: tuple[int, int]) -> bool:
    return n[0] & 0x7FFF == 0 and n[1] != 0


NOT_A_68881: tuple[Rule, ...] = (
    (
        lambda c, x: is_out(c) and bool(exceptions(x) & OPERR) and is_nan(x.fp0),
        "it makes NaNs the greatest integer (PRM 5-56: their upper bits)",
    ),
    (
        lambda c, x: is_out(c) and bool(exceptions(x) & OPERR) and c.about[2] in (W, B),
        "it cuts integers instead of limiting them (PRM 5-56)",
    ),
    (lambda c, x: bool(c.fpcr & 0xC0 and exceptions(x) & (OVFL | UNFL)), "it limits the mantissa only"),
    (lambda c, x: denormal(x.fp0) or denormal(x.fp1), "its extended denormals have the x87's exponent"),
    (
        lambda c, x: bool(c.fpcr & 0xC0 and is_arithmetic(c) and c.about[1] not in ROUNDED),
        "it rounds only some operations to FPCR's precision",
    ),
    (lambda c, x: bool(c.fpcr & 0xC0 and c.about[0] in ("memory", "data")), "it rounds the source as well"),
    (
        lambda c, x: c.about[1] in (FNEG, FABS) and is_nan(x.fp1),
        "it changes the sign of NaNs (PRM 1.6.5: no)",
    ),
    (lambda c, x: bool(exceptions(x) & SNAN), "it leaves signalling NaNs signalling in moves"),
    (
        lambda c, x: is_nan(c.fp1) and is_nan(x.fp1),
        "of two NaNs it takes the greater, not the destination (PRM 1.6.5)",
    ),
    (
        lambda c, x: c.about[1] == FSGLDIV and is_arithmetic(c),
        "it cuts the operands of FSGLDIV (PRM 5-75: the result alone)",
    ),
    (
        lambda c, x: c.about[1] == FSGLMUL and is_arithmetic(c) and bool(exceptions(x) & (OVFL | UNFL)),
        "it limits the exponent of FSGLMUL to single (PRM 5-77: extended)",
    ),
)


def reduce(c: Case, x: Result) -> tuple[Any, ...]:
    """What of a result is compared: QEMU has no exception bytes and no quotients."""
    cc = x.fpsr >> 24
    if c.about[0].startswith("out"):
        cc = 0  # PRM 5-56: not affected; QEMU sets them
    elif cc & 1:
        cc = 1  # N of a NaN: QEMU clears it in comparisons
    elif c.about[1] == FCMP or c.about[0] == "condition":
        cc &= ~8 if cc & 4 else 15  # equal and negative: N and Z (PRM 5-41), QEMU: Z
    d1 = x.d1
    if c.about[0] == "out data":  # QEMU clears the register's other bytes
        d1 &= {W: 0xFFFF, B: 0xFF}.get(c.about[2], 0xFFFFFFFF)
    return plain(x.fp0), plain(x.fp1), cc, x.d0, d1, x.memory


def check(folder: Path, seed: int, count: int) -> int:
    r = random.Random(seed)
    cases = [make(r) for _ in range(count)]
    mine = ours(cases, folder)
    both = [
        (c, a, b)
        for c, a, b in zip(cases, mine, qemu(cases, folder), strict=True)
        if not any(concerns(c, a) for concerns, _ in NOT_A_68881)
    ]
    bad = [(c, a, b) for c, a, b in both if reduce(c, a) != reduce(c, b)]
    assert bad[:3] == [], len(bad)
    return len(both)


@needs_qemu
def test_sample(tmp_path: Path) -> None:
    assert check(tmp_path, 1, 1200) > 700


@needs_qemu
@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_many(tmp_path: Path, block: int) -> None:
    assert check(tmp_path, 100 + block, 5000) > 3000


# -- engines -------------------------------------------------------------------------------------------------

INTEGER = frozenset(
    ("lea", "move", "moveq", "movea", "trap", "trapv", "move_l", "move_w", "movea_l", "rte", "subq", "bcc_w")
)

SMALL = "m68020+small m68881"  # a name of its own: no cache may take it for the whole


def small_model() -> Model:
    """The coprocessor's instructions and what the programs here need besides, so that it compiles at once."""
    full = SYSTEMS["m68020+m68881"]
    insns = InsnSet("m68k", 16, ISET._shape)
    fpu = frozenset(("m68020+m68881", "m68020+m68882"))
    insns.insns = [
        replace(i, models=frozenset({SMALL})) if i.models == fpu else i
        for i in full.decoder.insns
        if i.models == fpu or i.name in INTEGER
    ]
    return Model(replace(full.isa, insns=insns), SMALL, options=full.options)


@pytest.fixture(scope="module")
def native(code_cache: Cache) -> Native:
    return interpreter(small_model(), Mmu(page_bits=PAGE_BITS), code_cache)


def more(r: random.Random, count: int) -> list[Case]:
    """Cases of which some are of the other operations, and decimals."""
    cases = [make(r) for _ in range(count)]
    for c in cases[::5]:
        op = r.choice(sorted(arith.OPERATIONS))
        c.code = r.choice(
            (words(0xF200, 0x0080 | op), words(0xF212, 0x6C00 | r.getrandbits(7)), words(0xF200, 0x5C80))
        )
    return cases


def test_interpreter(native: Native, tmp_path: Path) -> None:
    """The native interpreter gives what the concrete engine gives, exceptions and all."""
    cases = more(random.Random(5), 500)
    assert ours(cases, tmp_path, native) == ours(cases, tmp_path)
