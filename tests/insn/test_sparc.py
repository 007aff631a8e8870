"""SPARC V8: random user-level programs, with delay slots, annulment and windows, against qemu-sparc."""

from __future__ import annotations

import random
import re
import shutil
from collections import Counter
from copy import copy

import pytest

from tests.insn import sparc
from tests.insn.tiny import Bytes, Tiny
from tests.native import interpreter
from translator.cache import Cache
from translator.engine import Native
from translator.isa import Model
from translator.memory import Mmu
from translator.sparc import MB86904
from translator.sparc.regs import DELAY, FILE
from translator.sparc.traps import DATA_EXCEPTION, FETCH_EXCEPTION
from translator.spec.concrete import AccessFault

LENGTH = 14
ABSENT = re.compile(r"[fc]b[fc]cc|[fc]pop[12]|(ld|st)d?[fc](sr|q)?")  # of the coprocessors
needs_qemu = pytest.mark.skipif(
    shutil.which(sparc.QEMU) is None, reason="qemu-sparc (Debian: qemu-user) is not installed"
)


@pytest.fixture(scope="module")
def mb86904(code_cache: Cache) -> Native:
    return interpreter(MB86904, Mmu(), code_cache)


def check(programs: list[tuple[sparc.Program, bytes]]) -> int:
    """Random instructions that ran; fails with the first program that QEMU brings to another end."""
    its = sparc.theirs([p for p, _ in programs])
    for (p, mine), other in zip(programs, its, strict=True):
        if mine != other:
            pytest.fail(sparc.difference(p, mine, other))
    return sum(p.body for p, _ in programs)


@needs_qemu
def test_concrete() -> None:
    assert check(sparc.acceptable(range(60), LENGTH, sparc.concrete(MB86904))) > 500


@needs_qemu
def test_interpreter(mb86904: Native) -> None:
    engine = sparc.NativeEngine(MB86904, mb86904)
    assert check(sparc.acceptable(range(1000, 1400), LENGTH, engine)) > 3000


@needs_qemu
@pytest.mark.slow
def test_regions(code_cache: Cache) -> None:
    mmu = Mmu(page_bits=8)
    engine = sparc.RegionEngine(MB86904, interpreter(MB86904, mmu, code_cache), code_cache, mmu)
    assert check(sparc.acceptable(range(300_000, 300_100), 40, engine)) > 1500
    assert engine.cpu.state.insns_jit > 1000
    engine.jit.close()


@needs_qemu
@pytest.mark.parametrize(
    ("code", "rs1", "flags"),
    [(0x18, 1, "icc 00000007 00000004"), (0x1C, 0, "icc 0000000b 00000008")],
    ids=["addxcc", "subxcc"],
)
def test_flaw_of_qemu(code: int, rs1: int, flags: str) -> None:
    """ADDXcc, SUBXcc behind what clears C: V and C are those of the instruction before (V8 B.12, B.13)."""
    end = sparc.ORIGIN + sparc.PAGE
    p = sparc.make(1, sparc.ORIGIN, 1, end)
    last = p.words[sparc.SETUP + p.body :]
    clears = sparc.op3(2, 0x12, 0, 0, imm=0)  # ORcc
    p.words = [*p.words[: sparc.SETUP], *sparc.load_constant(1, 0x80000000), clears]
    p.words += [sparc.op3(2, code, 2, rs1, 1), *last]
    mine = sparc.concrete(MB86904)(sparc.ORIGIN, sparc.page(p), end)
    assert mine is not None
    assert sparc.difference(p, mine, sparc.theirs([p])[0]).startswith(f"seed 1: {flags}; ")


def test_engines_agree(mb86904: Native) -> None:
    """Also on which programs trap."""
    mine = sparc.acceptable(range(5000, 5050), LENGTH, sparc.concrete(MB86904))
    its = sparc.acceptable(range(5000, 5050), LENGTH, sparc.NativeEngine(MB86904, mb86904))
    assert [(p.seed, after) for p, after in mine] == [(p.seed, after) for p, after in its]
    assert 30 < len(mine) < 50


@needs_qemu
@pytest.mark.slow
def test_many_concrete() -> None:
    assert check(sparc.acceptable(range(20_000, 21_000), LENGTH, sparc.concrete(MB86904))) > 10_000


@needs_qemu
@pytest.mark.slow
@pytest.mark.parametrize("block", range(12))
def test_many(mb86904: Native, block: int) -> None:
    engine = sparc.NativeEngine(MB86904, mb86904)
    start = 100_000 + 1000 * block
    assert check(sparc.acceptable(range(start, start + 1000), LENGTH, engine)) > 10_000


class Refusing(Bytes):
    """Memory that refuses access number `left` (data, or with `fetches` instructions), once."""

    def __init__(self, model: Model, left: int, fetches: bool) -> None:
        super().__init__(model)
        self.left, self.fetches = left, fetches

    def _count(self, va: int, size: int, fc: int, write: bool, data: int = 0) -> None:
        self.left -= 1
        if self.left == 0:
            raise AccessFault(va, size, fc, write, data)

    def read(self, va: int, size: int, fc: int) -> int:
        if not self.fetches:
            self._count(va, size, fc, False)
        return super().read(va, size, fc)

    def write(self, va: int, size: int, value: int, fc: int) -> None:
        if not self.fetches:
            self._count(va, size, fc, True, value)
        super().write(va, size, value, fc)

    def fetch(self, va: int, size: int, fc: int) -> int:
        if self.fetches:
            self._count(va, size, fc, False)
        return super().fetch(va, size, fc)


def disturbed(p: sparc.Program, end: int, refuse: int, fetches: bool) -> tuple[bytes, bool]:
    """The page of a program one of whose accesses is refused and then done again; whether there was one."""
    cpu = Tiny(MB86904)
    cpu.memory = cpu.engine.memory = memory = Refusing(MB86904, refuse, fetches)
    s = cpu.state
    MB86904.isa.reset(s, lambda a, n: 0)
    s.mode, s.et, s.pc = 0, 1, sparc.ORIGIN
    memory.bytes.update(enumerate(sparc.page(p), sparc.ORIGIN))
    met = False
    while s.pc != end:
        old = {reg: copy(getattr(s, reg.name)) for reg in MB86904.isa.regs}
        at = s.pc
        cpu.step()
        if s.mode:  # what the handler would find; nothing else has happened; then back
            met = True
            assert s.tbr >> 4 & 0xFF == (FETCH_EXCEPTION if fetches else DATA_EXCEPTION)
            places = [s.rmap[s.cwp << 5 | n] for n in (17, 18)]
            assert {k for k in range(FILE.count) if old[FILE][k] != s.file[k]} <= set(places)
            assert [s.file[k] for k in places] == [at, old[DELAY] - 1 if old[DELAY] else at + 4]
            for reg, value in old.items():
                setattr(s, reg.name, value)
            s.pc, s.mode = at, 0
    return bytes(memory.bytes[sparc.ORIGIN + i] for i in range(sparc.PAGE)), met


@pytest.mark.parametrize("fetches", [False, True], ids=["data", "fetches"])
def test_refused_once(fetches: bool) -> None:
    """A refused access leaves nothing half-done: done again, the program ends as it does undisturbed."""
    rng, end, met = random.Random(17), sparc.ORIGIN + sparc.PAGE, 0
    first = (sparc.SETUP if fetches else sparc.SETUP_LOADS) + 1
    for seed in range(30_000, 30_040):
        p = sparc.make(seed, sparc.ORIGIN, LENGTH, end)
        after = sparc.concrete(MB86904)(sparc.ORIGIN, sparc.page(p), end)
        if after is not None:
            again, refused = disturbed(p, end, rng.randrange(first, first + 6), fetches)
            met += refused
            assert again == after, f"seed {seed}"
    assert met > 20


def test_every_instruction_is_reached() -> None:
    """All that a user may do, but FLUSH, traps, and what only a supervisor may."""
    seen: Counter[str] = Counter()
    for seed in range(400):
        p = sparc.make(seed, sparc.ORIGIN, LENGTH, 0)
        for word in p.words:
            hit = MB86904.decoder.decode(word)
            assert hit is not None
            seen[hit[0].name] += 1
    others = {"ticc", "rett", "unimp", "flush", "rdpsr", "rdwim", "rdtbr", "wrpsr", "wrwim", "wrtbr"}
    families = {
        i.name
        for i in MB86904.decoder.insns
        if i.name not in others and not (i.name.endswith("a") and i.name != "sra")
    }
    assert {n for n in families - seen.keys() if not ABSENT.fullmatch(n)} == set()
