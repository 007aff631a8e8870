"""Regions: when they are made, when they are left, and when they are forgotten."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.fuzz import Bench
from tests.engine.machine import (
    CODE,
    DATA,
    DEVICE_VA,
    FRAME,
    SPACE,
    SWAP_CODE,
    VALID,
    WRITABLE,
    Machine,
    differences,
)
from tests.engine.sequences import SKIPPED
from tests.engine.short import program, run, words
from translator.cache import Cache
from translator.jit import Jit
from translator.softmmu import GRANULE_BITS
from translator.state import JUMP_ENTRIES
from translator.worker import JOBS, Pool

COUNT_DOWN = "5281 | addq.l #1,d1\n5382 | subq.l #1,d2\n66fa | bne.s to the start"


@pytest.fixture
def machine(bench: Callable[..., Bench]) -> Machine:
    b = bench()
    return Machine(b.model, "jit", b.machines["jit"].native, hot=2)


def counts(machine: Machine) -> dict[str, Any]:
    assert machine.jit is not None
    return machine.jit.counts


def test_a_loop_gets_hot(machine: Machine) -> None:
    out = run(machine, program(COUNT_DOWN, {2: 300}))
    assert out["d1"] == 300
    assert counts(machine)["translated"] >= 1
    assert out["in regions"] > 780  # of 905; the tail of each budget is the interpreter's


def test_cold_code_is_not_translated(machine: Machine) -> None:
    run(machine, program(COUNT_DOWN, {2: 1}), 1000)
    assert counts(machine)["translated"] == 0


def test_what_a_region_has_is_not_wanted_for_itself(machine: Machine) -> None:
    """An instruction of a region was hot before there was the region; later is another matter."""
    assert machine.jit is not None
    run(machine, program(COUNT_DOWN, {2: 300}))
    linked = machine.jit.linked
    page = next(iter(linked.by_place))[2]
    now = counts(machine)["linked"]
    assert linked.covered((CODE + 2, 1, page), now - 1)
    assert not linked.covered((CODE + 2, 1, page), now)
    assert not linked.covered((CODE + 2, 0, page), now - 1)
    assert not linked.covered((CODE + 0x40, 1, page), now - 1)


def test_the_budget_is_exact_inside_a_region(machine: Machine) -> None:
    run(machine, program(COUNT_DOWN, {2: 300}))  # translated now
    for budget in (1, 2, 3, 4, 5, 299, 300, 301):
        before = machine.cpu.executed
        machine.cpu.state.pc, machine.cpu.state.r[2], machine.cpu.state.r[1] = CODE, 1000, 0
        machine.cpu.stopped = False
        assert machine.cpu.run(budget) == budget
        assert machine.cpu.executed - before == budget
        done = machine.cpu.state.r[1] * 3 + {0: 0, 2: 1, 4: 2}[machine.cpu.state.pc - CODE]
        assert done - (3 if machine.cpu.state.pc != CODE else 0) == budget


def test_a_region_calls_and_returns(machine: Machine) -> None:
    code = """6108 | bsr.s sub
5382 | subq.l #1,d2
66fa | bne.s to the start
4e4f | trap #15
4e71 | nop
5281 | sub: addq.l #1,d1
4e75 | rts"""
    out = run(machine, program(code, {2: 200}))
    assert out["d1"] == 200
    assert out["in regions"] > 900


@pytest.mark.parametrize(("insn", "register", "value"), [
    ("4a10 | tst.b (a0): a device", 8, DEVICE_VA),
    ("4a10 | tst.b (a0): nothing there", 8, 0xE0000000),
    ("4e41 | trap #1", 0, 0),
    ("4afc | illegal", 0, 0),
    ("46fc 2700 | move #$2700,sr", 0, 0),
    ("80fc 0000 | divu #0,d0", 0, 0),
], ids=lambda x: x.split("|")[-1].strip() if isinstance(x, str) else "")
def test_what_a_region_leaves_to_the_interpreter(
    machine: Machine, bench: Callable[..., Bench], insn: str, register: int, value: int,
) -> None:
    size = len(words(insn))
    code = f"5281 | addq.l #1,d1\n{insn}\n5382 | subq.l #1,d2\n66{(-6 - size) & 0xFF:02x} | bne.s start"
    p = program(code, {2: 30, register: value or 0}, limit=500)
    want = bench().machines["concrete"].execute(p, itertools.repeat(1000))
    got = machine.execute(p, itertools.repeat(20))
    assert not differences(want, got)


# -- code that changes ---------------------------------------------------------------------------------------

# A loop that adds 1 to d1, and after 100 rounds makes that a 2; a0 tells where to write, d3 what.
CHANGES = """5281 | addq.l #1,d1
0c42 0064 | cmpi.w #100,d2
6602 | bne.s over
3083 | move.w d3,(a0)
5382 | over: subq.l #1,d2
66f2 | bne.s start"""


@pytest.mark.parametrize("alias", [0, SPACE // 2], ids=["where it is", "under another address"])
def test_a_store_into_a_regions_code(machine: Machine, alias: int) -> None:
    out = run(machine, program(CHANGES, {2: 200, 3: 0x5481, 8: CODE + alias}))
    assert out["d1"] == 101 + 2 * 99
    assert counts(machine)["invalidated"] >= 1
    assert out["in regions"] > 450  # the ends of quanta are the interpreter's


def test_a_store_beside_the_code_forgets_nothing(machine: Machine) -> None:
    """In its page, even in its granule: only the bytes themselves count."""
    for at in (CODE + 0x40, CODE + (1 << GRANULE_BITS)):
        machine.load(program(COUNT_DOWN))
        before = counts(machine)["invalidated"]
        code = "3083 | move.w d3,(a0)\n5281\n5382\n66f8"
        out = run(machine, program(code, {2: 200, 3: 0x1234, 8: at}))
        assert out["d1"] == 200
        assert out["ram"][at:at + 2] == b"\x12\x34"
        assert counts(machine)["invalidated"] == before


def test_another_master_writes_code(machine: Machine) -> None:
    p = program(COUNT_DOWN, {2: 1000})
    machine.load(p)
    machine.run(program("", limit=300), itertools.repeat(40))
    assert counts(machine)["linked"] >= 1
    machine.cpu.memory.wrote(CODE, 2)
    machine.ram[CODE:CODE + 2] = words("5481")
    machine.run(program("", limit=10_000), itertools.repeat(40))
    assert machine.cpu.stopped
    assert counts(machine)["invalidated"] >= 1
    assert machine.cpu.state.r[1] == 100 + 2 * 900


def test_code_pages_that_change_places(machine: Machine, bench: Callable[..., Bench]) -> None:
    """The same address, other bytes: after the maps have changed a region is looked at again."""
    code = (
        f"4eb9 0000 {CODE + 0x100:04x} | jsr next page\n0c42 0064 | cmpi.w #100,d2\n6606 | bne.s over\n"
        f"11c0 0000 | (replaced below)\n4e71\n5382 | over: subq.l #1,d2\n66ea | bne.s start"
    ).replace("11c0 0000", f"13c0 0000 {SWAP_CODE:04x}").replace("\n4e71", "")
    image = {CODE + 0x100: words("5281\n4e75"), CODE + 0x200: words("5681\n4e75")}  # addq #1, #3; rts
    p = program(code, {2: 200}, image=image)
    out = run(machine, p)
    assert out["d1"] == 101 + 3 * 99
    assert out == {**run(bench().machines["interp"], p), "in regions": out["in regions"]}
    assert out["in regions"] > 500


def test_two_places_in_one_slot_of_the_jump_cache(machine: Machine) -> None:
    def slot(pc: int) -> int:
        return (pc >> 1 ^ pc >> 13) & JUMP_ENTRIES - 1

    other = next(a for a in range(CODE + 0x200, 0x20000, 2) if slot(a) == slot(CODE))
    there = other & 0xFFFF
    pages = {other & ~0xFF: 0x6000 >> 8 << FRAME | VALID | WRITABLE}
    image = {0x6000 + (other & 0xFF): words(f"5283 | addq.l #1,d3\n4ef9 0000 {CODE:04x} | jmp back")}
    code = f"5281 | addq.l #1,d1\n5382 | subq.l #1,d2\n6706 | beq.s\n4ef9 {other >> 16:04x} {there:04x} | jmp"
    out = run(machine, program(code, {2: 200}, image=image, pages=pages))
    assert (out["d1"], out["d3"]) == (200, 199)


def test_a_region_that_cannot_be(machine: Machine) -> None:
    """What begins with an instruction for the interpreter is not asked for again and again."""
    assert machine.jit is not None
    p = program("46fc 2700 | move #$2700,sr\n5382\n66f8", {2: 1 << 20})
    machine.load(p)
    for _ in range(20):
        machine.cpu.run(99)  # always the whole loop
        machine.jit.poll()
    assert counts(machine)["translated"] == 0
    assert counts(machine)["failed"] == 1


def test_interrupts_find_a_way_into_a_loop(machine: Machine) -> None:
    p = program(COUNT_DOWN, {2: 300}, sr=0x2000)
    p.interrupts = [(n, 4, 0xFFFFFFFF) for n in (100, 333, 600)]
    p.image[0x70] = p.image[0][0x70:0x74]
    out = run(machine, p)
    assert out["d1"] == 300
    assert out["ram"][SKIPPED:SKIPPED + 2] == b"\0\0"
    assert len([x for x in out["io"] if x[0] == "write"]) == 3


# -- workers -------------------------------------------------------------------------------------------------


def test_a_killed_worker_does_not_hurt(machine: Machine) -> None:
    assert machine.jit is not None
    cache = machine.jit.cache
    pool = Pool(1)
    jit = Jit(machine.model, machine.native, cache, pool, hot=2)
    machine.jit = jit
    machine.cpu.jit = jit
    jit.attach(machine.cpu)
    try:
        machine.load(program(COUNT_DOWN, {2: 1 << 30}))
        machine.cpu.run(50)
        jit.poll()
        assert jit.pool.busy == 1
        os.kill(pool.workers[0].process.pid, signal.SIGKILL)
        end = time.monotonic() + 60
        s = machine.cpu.state
        while not s.insns_jit:
            assert time.monotonic() < end, "the translation never came"
            machine.cpu.run(1000)
            jit.poll()
        machine.cpu.run(-machine.cpu.executed % 3)
        assert s.r[1] + s.r[2] == 1 << 30
    finally:
        pool.close()


class InTurn(Pool):
    """Does its jobs itself, one a poll."""

    def _feed(self) -> None:
        pass

    def poll(self, timeout: float = 0.0) -> int:
        if not self.queue:
            return 0
        job = self.queue.popleft()
        job.done(JOBS[job.name](*job.args), None)
        return 1


def test_what_was_translated_in_a_hurry_is_made_better(machine: Machine, tmp_path: Path) -> None:
    sizes: list[int] = []

    def start() -> Jit:
        jit = Jit(machine.model, machine.native, Cache(tmp_path), InTurn(1), hot=2)
        jit.on_linked = lambda code, obj: sizes.append(len(obj))
        machine.jit = machine.cpu.jit = jit
        jit.attach(machine.cpu)
        machine.cpu.flush_jumps()
        machine.load(program(COUNT_DOWN, {2: 1 << 30}))
        for _ in range(10):
            machine.cpu.run(99)
            jit.poll()
        s = machine.cpu.state
        machine.cpu.run(-machine.cpu.executed % 3)
        assert s.r[1] + s.r[2] == 1 << 30
        return jit

    first = start()
    assert (first.counts["translated"], first.counts["improved"], first.counts["linked"]) == (1, 1, 2)
    assert not first.hurried
    assert machine.cpu.state.insns_jit > 500
    second = start()
    assert (second.counts["translated"], second.counts["improved"], second.counts["from_cache"]) == (0, 0, 1)
    assert sizes[2] == sizes[1]


def test_stop_is_not_lost_in_a_region(machine: Machine) -> None:
    """Slices of every length around a `stop`."""
    code = f"{COUNT_DOWN}\n4e72 2700 | stop"
    for cut in (1, 2, 7, 1000):
        out = run(machine, program(code, {2: 50}), cut)
        assert out["executed"] == 151
        assert out["pc"] == CODE + 10


def test_data_memory_is_not_code(machine: Machine) -> None:
    """Stores to pages without code need no look: their write tags come and stay."""
    out = run(machine, program("2082 | move.l d2,(a0)\n5382\n66fa", {2: 300, 8: DATA}))
    assert out["in regions"] > 700
    assert counts(machine)["invalidated"] == 0
