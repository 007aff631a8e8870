"""The 68020's user-level instructions against qemu-m68k, undefined flags masked."""

from __future__ import annotations

import random
import shutil
import struct
from collections.abc import Callable

import pytest

from tests.insn import qemu
from tests.insn.generate import PRIVILEGED, Program, generate
from translator.m68k import M68020

pytestmark = pytest.mark.skipif(
    shutil.which(qemu.QEMU) is None, reason="qemu-m68k (Debian: qemu-user) is not installed"
)

X, N, Z, V, C = 16, 8, 4, 2, 1

# Where QEMU 7.2 is wrong: family -> (instruction and next word concerned, why).  Such programs are not given
# to it.
A7_BYTE = "a byte at (A7)+ or -(A7) moves A7 by two (PRM 2.2.4); QEMU moves it by one"
WRONG: dict[str, tuple[Callable[[int, int], bool], str]] = {
    "pack": (lambda w, x: True, "QEMU aborts: a temporary is freed twice"),
    "unpk": (lambda w, x: True, "QEMU aborts: a temporary is freed twice"),
    "pack_memory": (lambda w, x: True, A7_BYTE),
    "unpk_memory": (lambda w, x: True, A7_BYTE),
    "addx_memory": (lambda w, x: w & 7 == 7 or w >> 9 & 7 == 7, A7_BYTE),
    "subx_memory": (lambda w, x: w & 7 == 7 or w >> 9 & 7 == 7, A7_BYTE),
    "tas": (lambda w, x: w & 7 == 7 and w >> 3 & 7 in (3, 4), A7_BYTE),
    "cas": (lambda w, x: w & 7 == 7 and w >> 3 & 7 in (3, 4), A7_BYTE),
    "shift_memory": (lambda w, x: w >> 10 & 1 == 0, "QEMU tells ASx from LSx by a bit of the address"),
    "cas2": (lambda w, x: True, "of equal compare registers the first counts (PRM 4-67), not the second"),
    "unlk": (lambda w, x: w & 7 == 7, "UNLK A7 ends with the popped value, as the 68000 vectors show"),
    "chk2_cmp2": (lambda w, x: True, "an illegal instruction to QEMU"),
    "move_from_ccr": (lambda w, x: True, "QEMU loses track of later flags behind it"),
    "trapcc": (lambda w, x: True, "as MOVE from CCR"),
    "trapcc_w": (lambda w, x: True, "as MOVE from CCR"),
    "trapcc_l": (lambda w, x: True, "as MOVE from CCR"),
}

# Flags that the manual leaves undefined: family -> (mask, page).  Tested alone, for what is defined.
UNDEFINED: dict[str, tuple[int, str]] = {
    "abcd": (N | V, "PRM 4-3"),
    "abcd_memory": (N | V, "PRM 4-3"),
    "sbcd": (N | V, "PRM 4-171"),
    "sbcd_memory": (N | V, "PRM 4-171"),
    "nbcd": (N | V, "PRM 4-143"),
    "divs_w": (N | Z, "PRM 4-94: undefined after overflow"),
    "divu_w": (N | Z, "PRM 4-98: undefined after overflow"),
    "div_l": (N | Z, "PRM 4-94: undefined after overflow"),
    "chk_w": (Z | V | C, "PRM 4-70; QEMU keeps N too if there is no trap"),
    "chk_l": (Z | V | C, "PRM 4-70"),
}
DECIMAL = frozenset(name for name in UNDEFINED if "bcd" in name)
ALWAYS_TRAP = frozenset({"trap", "illegal_insn", "bkpt", "callm", "rtm"})
FAMILIES = frozenset(i.name for i in M68020.decoder.insns) - PRIVILEGED - ALWAYS_TRAP


def acceptable(p: Program) -> bool:
    """Nothing in it that QEMU is known to do wrong."""
    for at, _, name in p.insns:
        word, ext = struct.unpack_from(">HH", p.code + b"\0\0", at - p.base)
        if name in WRONG and WRONG[name][0](word, ext):
            return False
    return True


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
