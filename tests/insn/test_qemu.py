"""The 68020's user-level instructions against qemu-m68k, undefined flags masked."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable

import pytest

from tests.insn import qemu
from tests.insn.generate import Program, generate
from tests.insn.known import DECIMAL, FAMILIES, UNDEFINED, acceptable
from translator.m68k import M68020

pytestmark = pytest.mark.skipif(
    shutil.which(qemu.QEMU) is None, reason="qemu-m68k (Debian: qemu-user) is not installed"
)

def makers(seeds: range, count: int, names: frozenset[str]) -> list[Callable[[int], Program]]:
    def make(seed: int) -> Callable[[int], Program]:
        return lambda base: generate(seed, M68020, count, base=base, traps=True, only=names)

    return [m for m in map(make, seeds) if acceptable(m(qemu.ORIGIN))]


def check(seeds: range, count: int, names: frozenset[str], mask: int = 0) -> int:
    """How many ran and agreed; fails with the seed and first differing instruction otherwise."""
    ran, bad = qemu.compare(makers(seeds, count, names), M68020)
    for p, mine, its in bad:
        if mine[0] != its[0] or mine[2] != its[2] or (mine[1] ^ its[1]) & ~mask:
            again = generate(p.seed, M68020, count, base=qemu.ORIGIN, traps=True, only=names)
            pytest.fail(f"seed {p.seed}: {qemu.first_difference(again, M68020)}")
    return ran


def test_programs() -> None:
    assert check(range(400), 6, FAMILIES - UNDEFINED.keys()) > 150


@pytest.mark.slow
@pytest.mark.parametrize("block", range(40))
def test_many_programs(block: int) -> None:
    assert check(range(10_000 + 1000 * block, 11_000 + 1000 * block), 8, FAMILIES - UNDEFINED.keys()) > 300


@pytest.mark.parametrize("name", sorted(UNDEFINED.keys() - DECIMAL))
def test_defined_flags(name: str) -> None:
    assert check(range(400), 1, frozenset({name}), UNDEFINED[name][0]) > 10


@pytest.mark.parametrize("name", ["abcd", "nbcd", "sbcd"])
def test_decimal(name: str) -> None:
    """With digits 0..9 in the registers; what others give is undefined."""

    def make(seed: int) -> Callable[[int], Program]:
        def at(base: int) -> Program:
            p = generate(seed, M68020, 1, base=base, only=frozenset({name}))
            rng = random.Random(seed)
            p.regs[:8] = [int(f"{rng.randrange(10**8)}", 16) for _ in range(8)]
            return p

        return at

    code = {seed: make(seed)(qemu.ORIGIN).code for seed in range(400)}
    programs = [make(seed) for seed, c in code.items() if len(c) == 2 and not c[1] & 0x38]
    ran, bad = qemu.compare(programs, M68020)
    mask = UNDEFINED[name][0]
    assert ran > 20
    assert [p.seed for p, mine, its in bad if mine[0] != its[0] or (mine[1] ^ its[1]) & ~mask] == []


def test_every_family_is_reached() -> None:
    seen = {name for seed in range(600) for _, _, name in generate(seed, M68020, 12, traps=True).insns}
    assert seen >= FAMILIES
