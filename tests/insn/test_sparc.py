"""SPARC V8: random user-level programs, with delay slots, annulment and windows, against qemu-sparc."""

from __future__ import annotations

import re
import shutil
from collections import Counter

import pytest

from tests.insn import sparc
from translator.cache import Cache
from translator.engine import Native
from translator.memory import Mmu
from translator.sparc import MB86904

LENGTH = 14
ABSENT = re.compile(r"[fc]b[fc]cc|[fc]pop[12]|(ld|st)d?[fc](sr|q)?")  # of the coprocessors
needs_qemu = pytest.mark.skipif(
    shutil.which(sparc.QEMU) is None, reason="qemu-sparc (Debian: qemu-user) is not installed"
)


@pytest.fixture(scope="module")
def interpreter(code_cache: Cache) -> Native:
    return Native(MB86904, Mmu(), code_cache)


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
def test_interpreter(interpreter: Native) -> None:
    engine = sparc.NativeEngine(MB86904, interpreter)
    assert check(sparc.acceptable(range(1000, 1400), LENGTH, engine)) > 3000


def test_engines_agree(interpreter: Native) -> None:
    """Also on which programs trap."""
    mine = sparc.acceptable(range(5000, 5050), LENGTH, sparc.concrete(MB86904))
    its = sparc.acceptable(range(5000, 5050), LENGTH, sparc.NativeEngine(MB86904, interpreter))
    assert [(p.seed, after) for p, after in mine] == [(p.seed, after) for p, after in its]
    assert 30 < len(mine) < 50


@needs_qemu
@pytest.mark.slow
def test_many_concrete() -> None:
    assert check(sparc.acceptable(range(20_000, 21_000), LENGTH, sparc.concrete(MB86904))) > 10_000


@needs_qemu
@pytest.mark.slow
@pytest.mark.parametrize("block", range(12))
def test_many(interpreter: Native, block: int) -> None:
    engine = sparc.NativeEngine(MB86904, interpreter)
    start = 100_000 + 1000 * block
    assert check(sparc.acceptable(range(start, start + 1000), LENGTH, engine)) > 10_000


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
