"""Sequences of the 68020's user-level instructions against qemu-m68k.

Of instructions that QEMU has wrong, or whose flags are undefined, see `tests/conformance`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from tests.insn import qemu
from tests.insn.generate import Program, generate
from tests.insn.known import FAMILIES, IN_SEQUENCES, acceptable
from translator.m68k import M68020

pytestmark = pytest.mark.skipif(
    shutil.which(qemu.QEMU) is None, reason="qemu-m68k (Debian: qemu-user) is not installed"
)


def makers(seeds: range, count: int, names: frozenset[str]) -> list[Callable[[int], Program]]:
    def make(seed: int) -> Callable[[int], Program]:
        return lambda base: generate(seed, M68020, count, base=base, traps=True, only=names)

    return [m for m in map(make, seeds) if acceptable(m(qemu.ORIGIN))]


def check(seeds: range, count: int, names: frozenset[str]) -> int:
    """How many ran and agreed; fails with the seed and first differing instruction otherwise."""
    ran, bad = qemu.compare(makers(seeds, count, names), M68020)
    for p, _, _ in bad:
        again = generate(p.seed, M68020, count, base=qemu.ORIGIN, traps=True, only=names)
        pytest.fail(f"seed {p.seed}: {qemu.first_difference(again, M68020)}")
    return ran


def test_programs() -> None:
    assert check(range(400), 6, IN_SEQUENCES) > 150


@pytest.mark.slow
@pytest.mark.parametrize("block", range(40))
def test_many_programs(block: int) -> None:
    assert check(range(10_000 + 1000 * block, 11_000 + 1000 * block), 8, IN_SEQUENCES) > 300


def test_every_family_is_reached() -> None:
    seen = {name for seed in range(600) for _, _, name in generate(seed, M68020, 12, traps=True).insns}
    assert seen >= FAMILIES
