"""A bus error in any access of any instruction is invisible to the program: RTE restarts the instruction."""

from __future__ import annotations

import pytest

from tests.insn.generate import generate
from tests.insn.tiny import Bytes, Tiny
from translator.isa import Model
from translator.m68k import M68010, M68020
from translator.m68k.model import pack_sr, unpack_sr
from translator.spec.concrete import AccessFault

HANDLER, STACK = 0x2000, 0x4000
SEEDS = range(500)


class Faulty(Bytes):
    """Refuses data access number `countdown` outside the supervisor's own, once."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.countdown = -1
        self.armed = False

    def _check(self, va: int, size: int, fc: int, write: bool, data: int = 0) -> None:
        super()._check(va, size, fc, write, data)
        if self.armed:
            self.countdown -= 1
            if self.countdown < 0:
                self.armed = False
                raise AccessFault(va, size, fc, write, data)


def start(model: Model, seed: int) -> tuple[Tiny, Faulty, list[int]]:
    """A machine in user mode at the program of `seed`, and where its instructions begin."""
    p = generate(seed, model, 1, traps=True)
    cpu = Tiny(model)
    memory = cpu.memory = cpu.engine.memory = Faulty(model)
    memory.poke(8, 4, HANDLER)
    memory.poke(HANDLER, 2, 0x4E73)
    for i in range(64):
        if i != 2:
            memory.poke(4 * i, 4, HANDLER + 0x100)
    s = cpu.state
    s.isp = STACK
    unpack_sr(s, p.ccr)
    s.r[:] = p.regs
    s.pc = p.base
    memory.bytes |= {p.base + i: b for i, b in enumerate(p.code)}
    memory.bytes |= {p.data_base + i: b for i, b in enumerate(p.data)}
    return cpu, memory, [at for at, _, _ in p.insns]


def result(cpu: Tiny) -> tuple[list[int], int, int, dict[int, int]]:
    """Registers, SR, PC and memory; below the supervisor's stack pointer everything may differ."""
    memory = {a: b for a, b in cpu.memory.bytes.items() if b and not STACK - 0x100 <= a < STACK}
    return list(cpu.state.r), pack_sr(cpu.state), cpu.state.pc, memory


@pytest.mark.parametrize("model", [M68010, M68020], ids=lambda m: m.name)
def test_restart(model: Model) -> None:
    restarted = 0
    for seed in SEEDS:
        cpu, memory, starts = start(model, seed)
        for _ in starts[:-1]:
            cpu.step()
        if cpu.state.pc != starts[-1]:
            continue
        before = len(memory.log)
        cpu.step()
        if cpu.state.mode:
            continue  # it traps by itself
        expected = result(cpu)
        for k in range(len(memory.log) - before):
            cpu, memory, starts = start(model, seed)
            for _ in starts[:-1]:
                cpu.step()
            memory.countdown, memory.armed = k, True
            cpu.step()
            assert cpu.state.pc == HANDLER, f"seed {seed}: access {k} did not fault"
            assert cpu.state.fault_write in (0, 1)
            cpu.step()
            cpu.step()
            assert result(cpu) == expected, f"seed {seed}: fault in access {k}"
            restarted += 1
    assert restarted > 300
