"""Memory through windows: the same states as without, whatever is not plain memory, whatever moves."""

from __future__ import annotations

import ctypes
import faulthandler
import itertools
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.engine.fuzz import Bench
from tests.engine.machine import (
    CODE,
    CONTEXT,
    DATA,
    DEVICE_VA,
    FORGET,
    FRAME,
    MOVE_DATA,
    NO_CACHE,
    NOTHING_VA,
    ROM_VA,
    SWAP_DATA,
    VALID,
    WRITABLE,
    Machine,
    differences,
    make_mmu,
)
from tests.engine.short import program
from translator import fastmem
from translator.cache import Cache
from translator.engine import Native
from translator.isa import Model
from translator.m68k import M68020
from translator.segv import FAULTY
from translator.spec.insn import InsnSet

PAGE_BITS, PAGE = 12, 4096
SEEDS = 400
pytestmark = pytest.mark.skipif(bool(fastmem.supported(PAGE_BITS)), reason=fastmem.supported(PAGE_BITS))
NAMES = {
    "add", "addq", "bcc_b", "cmpi", "move", "movem_predecrement", "movem_to_registers", "rte", "stop", "subq",
    "trap",
}  # fmt: skip


@pytest.fixture(scope="module")
def small() -> Native:
    """An interpreter of some instructions, with pages of the host's size."""
    insns = InsnSet("m68k", 16, M68020.isa.insns._shape)
    insns.insns = [i for i in M68020.decoder.insns if i.name in NAMES]
    model = Model(replace(M68020.isa, insns=insns), M68020.name, options=M68020.options)
    return Native(model, make_mmu(PAGE_BITS), Cache(None), quick=True)


def make(small: Any, engine: str = "jit") -> Machine:
    return Machine(M68020, engine, small, PAGE_BITS, hot=2)


@pytest.fixture
def machine(small: Native) -> Machine:
    return make(small)


def windows(machine: Machine) -> fastmem.Fastmem:
    found = machine.cpu.fastmem
    assert found is not None
    return found


def loop(*body: str) -> str:
    """d1 + 1, the body, until d2 is 0."""
    text = "5281 | addq.l #1,d1\n" + "\n".join(body)
    size = sum(len(line.split("|")[0].replace(" ", "")) // 2 for line in text.splitlines())
    return f"{text}\n5382 | subq.l #1,d2\n66{-(size + 4) & 0xFF:02x} | bne.s to the start"


COPY = "20d9 | move.l (a1)+,(a0)+"
CASES: dict[str, tuple[str, dict[int, int], dict[int, int]]] = {
    "copying": (loop(COPY), {2: 900, 8: DATA + 2 * PAGE, 9: DATA}, {}),
    "bytes": (loop("10d9 | move.b (a1)+,(a0)+"), {2: 900, 8: DATA + 2 * PAGE, 9: DATA}, {}),
    "across pages": (loop(COPY), {2: 300, 8: DATA + PAGE - 601, 9: DATA + 2 * PAGE - 399}, {}),
    "displacements": (loop("2169 fff0 0ff2 | move.l -16(a1),4082(a0)"), {2: 90, 8: DATA, 9: DATA + 64}, {}),
    "known memory": (
        loop("2081 | move.l d1,(a0)", "d690 | add.l (a0),d3", "2142 0002 | move.l d2,2(a0)",
             "d690 | add.l (a0),d3", "1828 0003 | move.b 3(a0),d4", "d684 | add.l d4,d3",
             "2282 | move.l d2,(a1)", "d690 | add.l (a0),d3", "3a28 fffe | move.w -2(a0),d5",
             "d685 | add.l d5,d3", "1828 0003 | move.b 3(a0),d4", "d684 | add.l d4,d3"),
        {2: 300, 8: DATA + 100, 9: DATA + 99}, {},
    ),
    "into nothing": (loop(COPY), {2: 900, 8: NOTHING_VA - 0x800, 9: DATA}, {}),
    "into a page that is not there": (
        loop(COPY), {2: 900, 8: DATA + 0x800, 9: DATA + 2 * PAGE}, {DATA + PAGE: 0},
    ),
    "into a page that cannot be written": (
        loop(COPY), {2: 900, 8: DATA + 0x802, 9: DATA + 2 * PAGE},
        {DATA + PAGE: (DATA + PAGE) >> PAGE_BITS << FRAME | VALID},
    ),
    "from a page that is not there": (
        loop(COPY), {2: 900, 8: DATA + 2 * PAGE, 9: DATA + 0x801}, {DATA + PAGE: 0},
    ),
    "a page behind the caches": (
        loop(COPY), {2: 900, 8: DATA + 0x800, 9: DATA + 2 * PAGE},
        {DATA + PAGE: (DATA + PAGE) >> PAGE_BITS << FRAME | VALID | WRITABLE | NO_CACHE},
    ),
    "over the end of addresses": (loop(COPY), {2: 90, 8: DATA, 9: 0xFFFFFF80}, {}),
    "into ROM": (loop(COPY), {2: 90, 8: ROM_VA, 9: DATA}, {}),
    "from ROM": (loop(COPY), {2: 90, 8: DATA, 9: ROM_VA}, {}),
    "a device": (loop("2090 | move.l (a0),(a0)", COPY.replace("20d9", "26d9")),
                 {2: 90, 8: DEVICE_VA, 9: DATA, 11: DATA + PAGE}, {}),
    "moved pages": (loop("2090 | move.l (a0),(a0)", "22c1 | move.l d1,(a1)+", "d691 | add.l (a1),d3"),
                    {2: 90, 8: SWAP_DATA, 9: DATA + PAGE - 100}, {}),
    "moved segments": (loop("2090 | move.l (a0),(a0)", "22c1 | move.l d1,(a1)+", "d691 | add.l (a1),d3"),
                       {2: 90, 8: MOVE_DATA, 9: DATA + PAGE - 100}, {}),
    "changed contexts": (loop("2090 | move.l (a0),(a0)", "22c1 | move.l d1,(a1)+", "d691 | add.l (a1),d3"),
                         {2: 90, 8: CONTEXT, 9: DATA + PAGE - 100}, {}),
    "forgotten use": (loop("2090 | move.l (a0),(a0)", "22c1 | move.l d1,(a1)+", "d691 | add.l (a1),d3"),
                      {2: 90, 8: FORGET, 9: DATA + PAGE - 100}, {}),
    "several registers": (
        loop("48e7 0f0e | movem.l d4-d7/a4-a6,-(sp)", "4cdf 70f0 | movem.l (sp)+,d4-d7/a4-a6"), {2: 200}, {},
    ),
    "its own code": (loop("0c81 0000 0050 | cmpi.l #80,d1", "6602 | bne.s over", "3083 | move.w d3,(a0)"),
                     {2: 200, 3: 0x5481, 8: CODE}, {}),
    "beside its code": (loop("2081 | move.l d1,(a0)"), {2: 200, 8: CODE + 0x800}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_same_state(small: Native, machine: Machine, name: str) -> None:
    code, regs, pages = CASES[name]
    data = {DATA: bytes(i * 7 & 0xFF for i in range(3 * PAGE))}
    p = program(code, {**regs}, image=data, pages=pages, limit=5000)
    want = make(small, "concrete").execute(p, itertools.repeat(5000))
    got = machine.execute(p, itertools.repeat(40))
    assert not differences(want, got)
    again = machine.execute(p, itertools.repeat(40))  # translated from the start, windows full
    assert not differences(want, again)
    assert machine.cpu.state.insns_jit > (0 if name == "forgotten use" else 100)


def test_pages_are_shown_once(machine: Machine) -> None:
    p = program(loop("d690 | add.l (a0),d3", "2083 | move.l d3,(a0)"), {2: 300, 8: DATA})
    machine.execute(p, itertools.repeat(100))
    first = int(windows(machine).record.maps)
    assert 0 < first <= 2  # for the load and for the store
    assert windows(machine).record.exits <= 1
    machine.run(p, itertools.repeat(100))
    assert windows(machine).record.maps == first


def test_a_site_that_faults_often_is_translated_anew(machine: Machine) -> None:
    p = program(loop("2090 | move.l (a0),(a0)"), {2: 300, 8: DEVICE_VA})
    machine.execute(p, itertools.repeat(100))
    assert machine.jit is not None
    assert (1, CODE + 2) in machine.jit.slow
    before = int(windows(machine).record.exits)
    machine.execute(p, itertools.repeat(100))
    assert windows(machine).record.exits == before


def test_pages_reached_at_their_start_are_no_fault_of_a_site(machine: Machine) -> None:
    """An access there may have begun in the page before: it waits for the interpreter, once."""
    p = program(loop("d698 | add.l (a0)+,d3"), {2: 30}, limit=80)
    machine.load(p)
    for _ in range(2 * FAULTY):
        machine.cpu.flush()
        machine.cpu.state.pc, machine.cpu.state.r[8] = CODE, DATA + PAGE - 40
        machine.cpu.state.r[2] = 30
        machine.run(p, itertools.repeat(40))
    assert machine.jit is not None
    assert windows(machine).record.exits > FAULTY
    assert not machine.jit.slow


def test_room_for_few_pages(small: Native, machine: Machine) -> None:
    windows(machine).record.capacity = 2
    code, regs, pages = CASES["copying"]
    p = program(code, regs, pages=pages, limit=5000)
    want = make(small, "concrete").execute(p, itertools.repeat(5000))
    assert not differences(want, machine.execute(p, itertools.repeat(40)))
    assert windows(machine).record.count <= 2


def test_faults_that_cost_too_much_end_it(
    small: Native, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fastmem, "PERIOD", 0.0)
    monkeypatch.setattr(fastmem, "SHOWN", 1e3)
    code, regs, pages = CASES["copying"]
    p = program(code, regs, pages=pages, limit=5000)
    want = make(small, "concrete").execute(p, itertools.repeat(5000))
    assert not differences(want, machine.execute(p, itertools.repeat(40)))
    assert machine.jit is not None
    assert machine.jit.fast is None
    assert not any(code.fast for code in machine.jit.codes.values())
    jit, faults = int(machine.cpu.state.insns_jit), int(windows(machine).record.maps)
    assert not differences(want, machine.execute(p, itertools.repeat(40)))
    assert machine.cpu.state.insns_jit > jit
    assert windows(machine).record.maps == faults


def test_machines_side_by_side(small: Native) -> None:
    """Each in a thread of its own, each with its own windows."""
    machines = [make(small) for _ in range(3)]
    code, regs, _ = CASES["across pages"]
    programs = [program(code, {**regs, 8: regs[8] - 8 * k}, limit=5000) for k in range(3)]
    want = [make(small, "concrete").execute(p, itertools.repeat(5000)) for p in programs]
    got: dict[int, Any] = {}

    def run(k: int) -> None:
        for _ in range(3):
            got[k] = machines[k].execute(programs[k], itertools.repeat(40))

    threads = [threading.Thread(target=run, args=(k,)) for k in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for k in range(3):
        assert not differences(want[k], got[k])


@pytest.mark.parametrize("when", ["before", "after"])
def test_faults_of_others_are_told_to_python(small: Native, when: str) -> None:
    """faulthandler was there before us, or came behind us; then the process dies of what killed it."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        try:
            faulthandler.disable()
            if when == "before":
                faulthandler.enable(theirs)
            machine = make(small)
            if when == "after":
                faulthandler.enable(theirs)
            code, regs, _ = CASES["copying"]
            out = machine.execute(program(code, regs, limit=5000), itertools.repeat(40))
            os.write(theirs, b"guest %d." % out["d1"])
            signal.alarm(20)
            ctypes.string_at(8)
        finally:
            os._exit(3)
    os.close(theirs)
    with open(ours, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    assert said.startswith(b"guest 900.")
    assert said.count(b"Fatal Python error: Segmentation fault") == 1
    assert os.WTERMSIG(status) == signal.SIGSEGV


def test_where_there_are_no_windows(small: Native) -> None:
    assert "smaller" in fastmem.supported(11)
    from translator.jit import Jit
    from translator.worker import Pool

    machine = make(small)
    machine.cpu.fastmem = None
    jit = Jit(M68020, small, Cache(None), Pool(0), 2, fastmem=False)
    jit.attach(machine.cpu)
    machine.jit = machine.cpu.jit = jit
    code, regs, _ = CASES["copying"]
    p = program(code, regs, limit=5000)
    want = make(small, "concrete").execute(p, itertools.repeat(5000))
    assert not differences(want, machine.execute(p, itertools.repeat(40)))
    assert jit.fast is None
    assert jit.counts["linked"]


def test_addresses_go_back_to_the_host(small: Native) -> None:
    def held() -> int:
        with open("/proc/self/maps") as maps:
            return sum(_span(line) for line in maps)

    before = held()
    machine = make(small)
    arena = held()
    assert machine.jit is not None
    machine.jit.close()
    assert arena - before >= fastmem.STRIDE
    assert held() < arena - fastmem.STRIDE


def _span(line: str) -> int:
    low, high = line.split()[0].split("-")
    return int(high, 16) - int(low, 16)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["m68020", "m68010"])
def test_random_sequences(bench: Callable[..., Bench], model: str) -> None:
    """As test_fuzz has them, with pages of the host's size."""
    b = bench(model, PAGE_BITS)
    for seed in range(SEEDS):
        failure = b.check(seed, ("concrete", "jit", "mixed") if seed % 8 == 0 else ("concrete", "jit"))
        assert failure is None, failure
    assert windows(b.machines["jit"]).record.maps > SEEDS // 10


