"""Any instructions at all, in both modes, traps and error mode included: the same state in all engines."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from tests.native import interpreter
from tests.translator.sparc import loops
from tests.translator.sparc.board import CODE, DATA, SIZE, TABLE, Board
from translator.cache import Cache
from translator.engine import Native
from translator.isa import Model
from translator.jit import Jit
from translator.memory import Mmu
from translator.sparc import MB86900, MB86904
from translator.worker import Pool

PILES = 60  # machines full of random instructions
LOOPS = int(os.environ.get("TME_LOOPS", 8))  # programs that loop, by model
COUNTS = (1, 2, 3, 7, 20, 50, 101, 400, 1000)


def fill(b: Board, seed: int) -> None:
    """Random instructions in the code and behind every trap vector, registers that often are addresses."""
    rng = random.Random(seed)
    insns = MB86904.decoder.insns
    values = [rng.choice((rng.getrandbits(32), rng.randrange(CODE, TABLE, 4), 4, 0)) for _ in range(136)]
    values[0] = 0
    b.state.file[0:136] = values

    def word() -> int:
        if rng.random() < 0.03:
            return rng.getrandbits(32)
        p = rng.choice(insns).pattern
        return p.value | rng.getrandbits(32) & ~p.mask

    for base, count in ((CODE, 0x1000), (TABLE, 0x400)):
        b.put(*(word() for _ in range(count)), at=base)
    b.put(*(rng.getrandbits(32) for _ in range(0x400)), at=DATA)
    b.set(y=rng.getrandbits(32), wim=rng.choice((0, 1 << rng.randrange(8))), irl=rng.randrange(16))
    b.set(mode=rng.randrange(2), pil=rng.randrange(16), ps=rng.randrange(2))


def state(b: Board) -> dict[str, Any]:
    out = {r.name: getattr(b.state, r.name) for r in MB86904.isa.regs}
    out = {k: list(v) if hasattr(v, "__len__") else v for k, v in out.items()}
    return {**out, "pc": b.state.pc, "mode": b.state.mode, "halted": b.cpu.halted, "memory": b.ram[:SIZE]}


@pytest.mark.parametrize(
    "block", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)]
)
def test_anything(block: int, sparc_interpreter: Any) -> None:
    executed = 0
    for seed in range(PILES * 10 * block, PILES * (10 * block + (10 if block else 1))):
        one, other = Board(MB86904), Board(MB86904, sparc_interpreter)
        for b in (one, other):
            fill(b, seed)
        for n in (1, 2, 3, 5, 7, 11):
            done = one.cpu.run(n)
            assert other.cpu.run(n) == done, seed
            assert state(one) == state(other), seed
            if one.cpu.halted:  # go on elsewhere
                for b in (one, other):
                    b.cpu.reset()
                    b.set(pc=CODE + 0x800, et=1, tbr=TABLE)
            executed += done
    assert executed > 10 * PILES


def same_at_every_stop(seed: int, model: Model, native: Native, cache: Cache, stops: int) -> int:
    """A program that loops, in the interpreter and with regions; returns the instructions regions did.

    The first stops are shared with the concrete engine.  Interrupts come where it stops.
    """
    boards = [Board(model, native) for _ in range(2)] + [Board(model)]
    hot = boards[0]
    jit = hot.cpu.jit = Jit(model, native, cache, Pool(0), 2)
    jit.attach(hot.cpu)
    for b in boards:
        loops.fill(b, seed)
    rng = random.Random(seed)
    for stop in range(stops):
        if stop == 12:
            boards.pop()
        count = rng.choice(COUNTS)
        assert len({b.cpu.run(count) for b in boards}) == 1
        jit.poll()
        if rng.random() < 0.1:
            level = rng.randrange(16)
            for b in boards:
                b.set(irl=level).step().set(irl=0)
        first = state(hot)
        for b in boards[1:]:
            assert state(b) == first, (seed, stop)
        if hot.cpu.halted:
            break
    jit.close()
    return int(hot.state.insns_jit)


def test_regions(sparc_interpreter: Any, code_cache: Cache) -> None:
    for seed in (12, 15):
        assert same_at_every_stop(seed, MB86904, sparc_interpreter, code_cache, 40) > 1000


@pytest.mark.slow
@pytest.mark.parametrize("model", [MB86900, MB86904], ids=lambda m: m.name)
def test_more_regions(model: Model, code_cache: Cache) -> None:
    """Windows under pressure, in both numbers of them."""
    native = interpreter(model, Mmu(), code_cache)
    done = sum(same_at_every_stop(seed, model, native, code_cache, 60) for seed in range(100, 100 + LOOPS))
    assert done > 2000 * LOOPS
