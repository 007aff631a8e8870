"""Short programs for engine tests: hexadecimal words with the assembler text beside them."""

from __future__ import annotations

import itertools
from typing import Any

from tests.engine.machine import CODE, Machine, Outcome, Program
from tests.engine.sequences import handlers


def words(text: str) -> bytes:
    """Lines `7001 4e71 | comment` to bytes."""
    return b"".join(bytes.fromhex(line.split("|")[0]) for line in text.splitlines())


def program(
    text: str, regs: dict[int, int] | None = None, *, limit: int = 2000, sr: int = 0x2700, **more: Any,
) -> Program:
    """A program of such lines at CODE, registers 0–14 (D0–A6) as given, that ends with `trap #15`.

    `image` adds memory, `pages` page-table entries.
    """
    values = [(regs or {}).get(i, 0) for i in range(16)]
    image = {**handlers("m68020"), **more.get("image", {}), CODE: words(text) + words("4e4f")}
    return Program(image, values, sr, CODE, more.get("pages", {}), limit)


def run(machine: Machine, p: Program, cut: int = 10) -> Outcome:
    """Run it in slices of `cut`; it must have ended by itself."""
    before = int(machine.cpu.state.insns_jit)
    out = machine.execute(p, itertools.repeat(cut))
    assert out["stopped"], machine.cpu.registers()
    out["in regions"] = int(machine.cpu.state.insns_jit) - before
    return out
