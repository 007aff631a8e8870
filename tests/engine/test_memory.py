"""Accesses of every size at every distance from a page's end, in every engine."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable

import pytest

from tests.engine.fuzz import Bench
from tests.engine.machine import ACCESSED, DATA, DEVICE, FRAME, MODIFIED, SPACE, VALID, WRITABLE, Machine
from tests.engine.sequences import COUNT, GOOD
from tests.engine.short import program, run

ENGINES = ("concrete", "interp", "jit")
PAGE = 0x100
ELSEWHERE = 0x9900  # where the page behind DATA's first really lies
BYTES = bytes((i * 37 + 11) & 0xFF for i in range(PAGE))
MORE = bytes((i * 91 + 5) & 0xFF for i in range(PAGE))
SIZES = {1: "1010", 2: "3010", 4: "2010"}  # move.? (a0),d0
STORES = {1: "1280", 2: "3280", 4: "2280"}  # move.? d0,(a1)
LOOP = "{load} | move (a0),d0\n{store} | move d0,(a1)\n5382 | subq.l #1,d2\n66f8 | bne.s to the start"


@pytest.fixture(params=ENGINES)
def machine(request: pytest.FixtureRequest, bench: Callable[..., Bench]) -> Machine:
    m = bench().machines[request.param]
    return m if m.jit is None else Machine(m.model, "jit", m.native)


def moved(machine: Machine) -> dict[int, int]:
    """DATA's second page lies elsewhere, its fourth does not exist, its sixth is read-only."""
    return {
        DATA + PAGE: ELSEWHERE >> 8 << FRAME | VALID | WRITABLE,
        DATA + 3 * PAGE: 0,
        DATA + 5 * PAGE: machine.entry(DATA + 5 * PAGE) & ~WRITABLE,
    }


@pytest.mark.parametrize("size", SIZES)
def test_across_pages(machine: Machine, size: int) -> None:
    image = {DATA: BYTES, ELSEWHERE: MORE}
    code = LOOP.format(load=SIZES[size], store=STORES[size])
    for offset in range(PAGE - 5, PAGE + 3):
        regs = {8: DATA + offset, 9: DATA + PAGE + offset, 2: 6}
        p = program(code, regs, image=image, pages=moved(machine))
        out = run(machine, p)
        want = (BYTES + MORE)[offset:offset + size]
        assert out["d0"] == int.from_bytes(want, "big")
        at = [ELSEWHERE + offset + i if offset + i < PAGE else DATA + PAGE + offset + i for i in range(size)]
        assert bytes(out["ram"][x] for x in at) == want, hex(offset)
        if machine.jit is not None and offset + size <= PAGE:
            assert out["in regions"] > 6


def faults(machine: Machine, out: dict) -> tuple[int, int]:  # type: ignore[type-arg]
    """How many accesses were refused, and the address of the last."""
    return int.from_bytes(out["ram"][COUNT:COUNT + 2], "big"), out["fault_va"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("page", "write"), [(3, False), (3, True), (5, True)])
def test_a_fault_names_the_first_byte_that_cannot_be_had(
    machine: Machine, size: int, page: int, write: bool,
) -> None:
    """And nothing is written before it is known that all of it can be."""
    edge = DATA + page * PAGE
    for at in range(edge - 4, edge + 2):
        regs = {8: DATA, 9: DATA, 2: 6, 8 + write: at}
        good = struct.pack(">15I", 0, 0, 1, 0, 0, 0, 0, 0, DATA, DATA, 0, 0, 0, 0, 0)  # the handler's cure
        image = {DATA: b"\xff" * 8, GOOD: good}
        code = LOOP.format(load=SIZES[size], store=STORES[size])
        out = run(machine, program(code, regs, image=image, pages=moved(machine)))
        count, where = faults(machine, out)
        refused = at + size > edge
        assert count == refused, hex(at)
        if refused:
            assert where == max(at, edge)
            assert not any(out["ram"][edge - 8:edge])


def test_pages_that_share_a_slot(machine: Machine) -> None:
    """Two addresses 256 pages apart lead to different memory."""
    other = DATA + SPACE // 2
    pages = {other: ELSEWHERE >> 8 << FRAME | VALID | WRITABLE}
    image = {DATA: b"\0\0\0\1", ELSEWHERE: b"\0\0\0\2"}
    code = "d290 | add.l (a0),d1\nd291 | add.l (a1),d1\n5290 | addq.l #1,(a0)\n5382 | subq.l\n66f6 | bne.s"
    out = run(machine, program(code, {8: DATA, 9: other, 2: 9}, image=image, pages=pages))
    assert out["d1"] == sum(range(1, 10)) + 2 * 9
    assert out["ram"][DATA + 3] == 10
    assert out["ram"][ELSEWHERE + 3] == 2


def test_marks_in_the_page_table(machine: Machine) -> None:
    code = LOOP.format(load=SIZES[4], store=STORES[4])
    out = run(machine, program(code, {8: DATA, 9: DATA + 2 * PAGE, 2: 9}))
    entries = [int.from_bytes(out["pages"][4 * (at >> 8):4 * (at >> 8) + 4], "little") for at in
               (DATA, DATA + PAGE, DATA + 2 * PAGE)]
    assert [e & (ACCESSED | MODIFIED) for e in entries] == [ACCESSED, 0, ACCESSED | MODIFIED]


def test_every_device_read_happens_once(machine: Machine) -> None:
    pages = {DATA: DEVICE >> 8 << FRAME | VALID | WRITABLE}
    code = LOOP.format(load=SIZES[2], store=STORES[2])
    out = run(machine, program(code, {8: DATA, 9: DATA + PAGE, 2: 9}, pages=pages))
    times = [entry[-1] for entry in out["io"]]
    assert times == [4 * i for i in range(9)]
    assert all(entry[:5] == ("read", DEVICE, DATA, 2, 5) for entry in out["io"])


def test_misaligned_on_a_68000(bench: Callable[..., Bench]) -> None:
    """Words at odd addresses are refused before anything else is looked at."""
    from tests.engine.sequences import handlers

    m = bench("m68000")
    outs = []
    for engine in ENGINES:
        machine = m.machines[engine]
        p = program("3010\n3280\n5382\n66f8", {8: DATA + 1, 9: DATA, 2: 5})
        p.image.update(handlers("m68000"))
        outs.append(machine.execute(p, itertools.repeat(20)))
        assert outs[-1]["fault_misaligned"] == 1
        assert outs[-1]["fault_va"] == DATA + 1
        assert not outs[-1]["io"]
    assert outs[0]["ram"] == outs[1]["ram"] == outs[2]["ram"]
