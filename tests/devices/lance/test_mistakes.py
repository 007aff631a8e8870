"""What broken drivers do to the LANCE, and its boards."""

from __future__ import annotations

import random

import pytest

from tests.devices.lance.driver import (
    ALL,
    BLOCK,
    DRX,
    DTX,
    ERR,
    INEA,
    INIT,
    INTR,
    ME,
    MERR,
    MILLISECOND,
    OTHER,
    OWN,
    RX,
    RXON,
    STOP,
    STRT,
    TDMD,
    TX,
    TXON,
    frame,
)
from tme.errors import TmeError
from tme.machine import Machine
from tme.mesh.session import Session
from tme.options import Options


@pytest.mark.parametrize("where", [BLOCK, RX, TX, 0x80000, 0xC0000])
def test_refused_bus_cycles(driver, where):
    if where == BLOCK:
        driver.refused = range(BLOCK, BLOCK + 24)
        driver.csr(1, BLOCK)
        driver.csr(0, INIT | STRT | INEA)
        driver.wait()
    else:
        driver.start()
        driver.offer(frame(OTHER))
        driver.refused = range(where, where + 8)
        driver.csr(0, TDMD | INEA)
        driver.from_cable(frame(), frame())
    assert driver.csr0 & (ERR | MERR | INTR | RXON | TXON) == ERR | MERR | INTR
    assert driver.irq
    assert any("memory error" in line for line in driver.machine.logged)
    driver.refused = range(0)
    before = bytes(driver.memory)
    driver.from_cable(frame())
    assert bytes(driver.memory) == before
    driver.start()
    driver.from_cable(frame(seed=3))
    assert driver.data(0, 60) == frame(seed=3)


def test_nonsense(driver):
    """Random memory, random registers: no exception, no endless work."""
    rng = random.Random(7990)
    for turn in range(60):
        driver.memory[0x1000:0x21000] = rng.randbytes(0x20000)
        driver.refused = range(0x180000, 0x200000) if turn % 3 == 0 else range(0)
        driver.csr(0, STOP)
        for number in (1, 2, 3):
            driver.csr(number, rng.randrange(0x10000) if number != 2 else rng.randrange(2))
        if turn % 2:
            driver.put(
                BLOCK, rng.randrange(0x10000) & ~(DRX | DTX), *[rng.randrange(0x10000) for _ in range(7)]
            )
            driver.put(BLOCK + 16, RX, rng.randrange(8) << 13, TX, rng.randrange(8) << 13)
            driver.csr(1, BLOCK)
            driver.csr(2, 0)
        driver.csr(0, INIT | STRT)
        for _ in range(8):
            driver.csr(0, rng.randrange(0x10000) & ~STOP)
            to = rng.choice((ME, ALL, OTHER, driver.chip.address))
            driver.from_cable(frame(to), frame(to, 1514), wait=3)
    driver.csr(0, STOP)
    assert driver.csr0 == STOP


def test_a_busy_ring_is_bounded_work(driver):
    """Descriptors that a driver gives back at once, all without STP."""
    driver.start(tx=7)
    reads = 0
    original = driver.chip.word

    def counted(address):
        nonlocal reads
        reads += 1
        for number in range(128):
            driver.put(driver.tmd(number) + 2, OWN)
        return original(address)

    driver.chip.word = counted
    driver.csr(0, TDMD)
    driver.wait(10)
    assert reads <= 10 * MILLISECOND // 2000 + 1


def test_too_many_frames_at_once(driver):
    driver.start(rx=7, size=64)
    driver.from_cable(*[frame(seed=seed) for seed in range(90)], wait=20)
    assert sum(not driver.word(driver.rmd(n) + 2) & OWN for n in range(128)) == 64


def test_without_a_bus(machine):
    chip = machine.make("le0", "tme/ic/am7990")
    with pytest.raises(TmeError, match="le0 at obio0 addr 0x120000 ipl 3"):
        chip.check()


def test_memory_through_the_main_board():
    core = Machine(Options())
    session = Session(core)
    session.run(
        "source SUN3\nle0 at obio0 addr 0x120000 ipl 3: tme/ic/am7990\nle0 memory at mainbus0\n"
        "net1 at le0: tme/host/diskless"
    )
    try:
        assert not session.errors
        seen = {}
        core.elements["mainbus0"].dvma.set_dma(lambda at, count: b"x" * count, seen.__setitem__)
        assert core.elements["le0"].word(0x123456) == 0x7878
        core.elements["le0"].put(0xFFFFFE, 0x1234)
        assert seen == {0xFFFFFE: b"\x12\x34"}
    finally:
        core.close()
        session.graph.close()
