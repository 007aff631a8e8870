"""What broken lists do to the 82586."""

from __future__ import annotations

import random

import pytest

from tests.devices.i82586.driver import ALL, BASE, CNA, CX, ME, OTHER, SCB, C, frame
from tme.machine import Machine
from tme.mesh.session import Session
from tme.options import Options


def test_a_ring_of_empty_buffers(ie):
    ie.listen(buffers=1, size=0, last=0)
    ie.put(ie.rbd(0) + 2, ie.rbd(0) - BASE)
    ie.from_cable(frame())
    assert ie.word(ie.rfd(0)) == C | 0x0200
    assert ie.ru == 2


def test_a_ring_of_buffers_is_used_for_ever(ie):
    ie.listen(frames=1, buffers=2, size=100, last=0)
    ie.put(ie.rfd(0) + 2, 0, ie.rfd(0) - BASE)
    ie.put(ie.rbd(1) + 2, ie.rbd(0) - BASE)
    for seed in range(5):
        ie.from_cable(frame(seed=seed))
        assert ie.data(seed & 1, 60) == frame(seed=seed)
    assert ie.ru == 4


@pytest.mark.parametrize("where", ["scp", "scb", "block", "buffer", "descriptor"])
def test_a_refused_bus_cycle_stops_the_chip(ie, where):
    places = {"scp": 0xFFFFFC, "scb": SCB, "block": 0x3000, "buffer": 0x10000, "descriptor": 0x3100}
    at = places[where]
    ie.refused = range(at, at + 16)
    if where == "scp":
        ie.csr = 0
        ie.csr = 0xD0
        ie.attend()
    else:
        ie.send(frame())
    assert ie.csr & 0x02
    assert any("bus error" in line for line in ie.machine.logged)
    ie.refused = range(0)
    ie.put(SCB + 2, 0x0100)
    ie.attend()
    ie.wait()
    assert ie.word(SCB + 2) == 0x0100  # it does not answer
    assert not ie.station.frames
    ie.start()
    assert not ie.csr & 0x02
    assert ie.word(SCB) == CX | CNA


def test_a_refused_cycle_while_receiving(ie):
    ie.listen()
    ie.refused = range(ie.buffer(0), ie.buffer(1))
    ie.from_cable(frame(), frame())
    assert ie.csr & 0x02


def test_nonsense(machine, driver):
    """Random memory, random commands: no exception, no endless work."""
    rng = random.Random(82586)
    for turn in range(60):
        driver.memory[0x1000:0x21000] = rng.randbytes(0x20000)
        driver.start()
        for _ in range(8):
            driver.put(SCB + 4, rng.randrange(0x10000), rng.randrange(0x10000))
            driver.scb(rng.randrange(0x10000) & (0xFF7F if turn % 8 else 0xFFFF))
            driver.from_cable(frame(rng.choice((ME, ALL, OTHER))), frame(ALL, 1514), wait=3)
    assert driver.csr & 0x80


def test_too_many_frames_at_once(ie):
    ie.listen(frames=100, buffers=1, size=64, last=0)
    ie.put(ie.rbd(0) + 2, ie.rbd(0) - BASE)
    ie.from_cable(*[frame(seed=seed) for seed in range(90)], wait=20)
    taken = sum(bool(ie.word(ie.rfd(at))) for at in range(100))
    assert taken == 64


def test_memory_through_the_main_board():
    """As TME writes it, and the built-in machine: `obie0 memory at mainbus0`."""
    core = Machine(Options())
    session = Session(core)
    session.run("source SUN3")
    try:
        assert not session.errors
        seen = {}
        core.elements["mainbus0"].dvma.set_dma(lambda at, count: b"x" * count, seen.__setitem__)
        assert core.elements["ie0"].word(0x123456) == 0x7878
        core.elements["ie0"].put(0xFFFFFE, 0x1234)
        assert seen == {0xFFFFFE: b"\x34\x12"}
    finally:
        core.close()
        session.graph.close()
