"""Results in regions that are not the guest's, and what comes before anybody has looked at them."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest

from tests.insn.sparc import BASE, INDEX, NOP, ORIGIN, bicc, load_constant, op3
from tests.translator.sparc.fpu.cases import LDDF, LDF, OPERATIONS, STDF
from tests.translator.sparc.fpu.programs import Engine, fbfcc
from translator.cache import Cache
from translator.engine import Native
from translator.jit import Jit
from translator.sparc import SYSTEMS
from translator.worker import Pool

MODEL = SYSTEMS["mb86904+mb86904"]
AT, NOWHERE = 0x180000, 0x2000000  # operands and results; what INDEX is when there is no memory behind it
SMALLEST = 2.0**-1022
INFINITE, EPSILON = float("inf"), 2.0**-52


def op(name: str, rd: int, rs1: int, rs2: int) -> int:
    code, opf, _, _ = OPERATIONS[name]
    return op3(2, code, rd, rs1, rs2) | opf << 5


FIRST = [
    op3(3, LDDF, 0, BASE, imm=0),
    op3(3, LDDF, 2, BASE, imm=8),
    op("fmuld", 4, 0, 2),
    op("faddd", 6, 4, 0),
    op("fsubd", 8, 6, 2),
]
# What follows may end, or end the region, with all these results in doubt.
TAILS = {
    "store": [op3(3, LDDF, 10, BASE, imm=16), op("faddd", 10, 10, 2), op3(3, STDF, 10, BASE, imm=16)],
    "comparison": [op("fcmpd", 0, 2, 8), NOP, fbfcc(4, 0, 3), op("fmuld", 10, 8, 8), op("faddd", 12, 10, 2)],
    "fault": [op3(3, LDF, 12, INDEX, imm=0), op("fmuld", 10, 8, 8)],
    "integer": [op("fdtoi", 14, 0, 8), op("fmuld", 10, 8, 8)],
    "single": [op("fdtos", 15, 0, 8), op("fadds", 16, 15, 15), op("fmuld", 10, 8, 8)],
    "many": [op("fmuld", 10 + 2 * k, 8, 4 + 2 * k) for k in range(8)],
    "next round": [],
}
ODD = {
    "invalid": (INFINITE, 0.0),
    "a quiet NaN": (float("nan"), 3.0),
    "tiny before rounding": (SMALLEST * (1 + EPSILON), 1 - EPSILON),
    "tiny": (SMALLEST, 0.3),
    "too large": (1e300, 1e300),
    "zero": (0.0, -1.0),
}


def registers(cpu: Any) -> dict[str, Any]:
    values = {r.name: getattr(cpu.state, r.name) for r in MODEL.isa.regs}
    return {"pc": cpu.state.pc, **{k: list(v) if hasattr(v, "__len__") else v for k, v in values.items()}}


def load(e: Engine, words: list[int]) -> None:
    e.ram[ORIGIN : ORIGIN + 4 * len(words)] = struct.pack(f">{len(words)}I", *words)
    s: Any = e.cpu.state
    e.cpu.reset()
    s.mode, s.et, s.pc, s.cwp, s.fp_mode = 0, 1, ORIGIN, 0, 0
    e.cpu.mode_changed()


@pytest.mark.parametrize("tail", TAILS)
def test_what_is_in_doubt(tail: str, fpu_interpreter: Native) -> None:
    body = [*FIRST, *TAILS[tail]]
    words = [*load_constant(BASE, AT), *load_constant(INDEX, AT), *body]
    words += [bicc(8, 0, -len(body)), op("fsubd", 18, 8, 4)]
    jit = Jit(MODEL, fpu_interpreter, Cache(None), Pool(0), 2)
    try:
        one, other = Engine(MODEL, fpu_interpreter, jit), Engine(MODEL, fpu_interpreter)
        rng = random.Random(tail)
        for e in (one, other):
            load(e, words)
        for _ in range(6):  # regions are made
            for e in (one, other):
                e.ram[AT : AT + 16] = struct.pack(">2d", 1.5, 0.7)
                e.cpu.run(100)
            jit.poll()
        for operands in ODD.values():
            for count in (*rng.sample(range(1, 40), 6), 200):
                for pair, n, index in ((operands, count, NOWHERE), ((1.5, 0.7), 60, AT)):
                    for e in (one, other):
                        s: Any = e.cpu.state
                        e.ram[AT : AT + 16] = struct.pack(">2d", *pair)
                        s.file[s.rmap[s.cwp << 5 | INDEX]] = index if tail == "fault" else AT
                        e.cpu.run(n)
                    assert registers(one.cpu) == registers(other.cpu), (operands, n)
                    assert one.ram[AT : AT + 64] == other.ram[AT : AT + 64]
                    if tail == "fault" and index == NOWHERE:
                        for e in (one, other):
                            load(e, words)
                            e.cpu.run(30)
                        jit.poll()
        assert one.cpu.state.insns_jit > 300
    finally:
        jit.close()
