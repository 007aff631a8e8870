"""Random rings for the LANCE: whatever a driver writes into its descriptors ends in the chip's error state.

TME_RINGS says how many (default 300); `-m slow` does 20,000.
"""

from __future__ import annotations

import os
import random
import struct

import pytest

from tests.devices.lance.driver import (
    ALL,
    ENP,
    INEA,
    ME,
    OTHER,
    OWN,
    RX,
    RXON,
    STOP,
    STP,
    TDMD,
    TX,
    TXON,
    frame,
)  # fmt: skip

WRONG, BUFF, UFLO = 0x4000, 0x8000, 0x4000
BUFFERS = range(0x80000, 0x100000)
READS = 40_000
"""Words that the chip may look at in a turn of 10 ms: one in 250 ns."""


class Watch:
    """Where the chip writes, and how often it reads."""

    def __init__(self, driver):
        self.reads, self.writes = 0, []
        read, write = driver.dma_read, driver.dma_write

        def counted(address, count):
            self.reads += 1
            return read(address, count)

        def noted(address, data):
            self.writes.append((address, len(data)))
            write(address, data)

        driver.bus.set_dma(counted, noted)


def descriptor(dice):
    """Address, flags, size and result of a descriptor; most of them are the chip's."""
    status = dice.choice((0, OWN, OWN, OWN)) | dice.choice(
        (0, STP, ENP, STP | ENP, STP | ENP, dice.getrandbits(15))
    )
    at = dice.randrange(BUFFERS.start, BUFFERS.stop)
    size = -dice.choice((0, 1, 15, 64, 256, 1518, dice.randrange(4096)))
    return struct.pack(">4H", at & 0xFFFF, status & 0xFF00 | at >> 16, size & 0xFFFF, dice.getrandbits(16))


def rings(driver, count, seed=1):
    dice, watch, broken = random.Random(seed), Watch(driver), 0
    for _ in range(count):
        rx, tx = dice.randrange(5), dice.randrange(5)
        driver.start(mode=dice.choice((0, 0, 0, 0x8000, 0x04, 0x44, 0x08)), rx=rx, tx=tx, go=0)
        for base, log in ((RX, rx), (TX, tx)):
            ring = b"".join(descriptor(dice) for _ in range(1 << log))
            driver.memory[base : base + len(ring)] = ring
        watch.reads, watch.writes[:] = 0, []
        driver.csr(0, 0x0100 | 2 | INEA)
        driver.csr(0, TDMD | INEA)
        for number in range(dice.randrange(4)):
            driver.station.port.send(
                frame(dice.choice((ME, ALL, OTHER)), dice.choice((60, 300, 1514)), number)
            )
        driver.wait(10)
        check(driver, watch, 1 << rx, 1 << tx)
        broken += not driver.csr0 & TXON
        driver.csr(0, STOP)
        assert driver.csr0 == STOP
    return broken


def check(driver, watch, rx, tx):
    """The chip wrote nowhere but where it may, did not run wild, and says what was wrong."""
    assert watch.reads < READS
    own = {
        base + 8 * number + word for base, n in ((RX, rx), (TX, tx)) for number in range(n) for word in (2, 6)
    }
    for address, length in watch.writes:
        assert (length == 2 and address in own) or address in BUFFERS or address - 4096 in BUFFERS
    status = driver.csr0
    assert status & RXON
    failed = False
    for number in range(tx):
        flags, result = (driver.word(driver.tmd(number) + at) for at in (2, 6))
        given_back = driver.tmd(number) + 6 in {at for at, _ in watch.writes}
        if not flags & OWN and flags & WRONG and given_back:
            failed = failed or bool(result & (BUFF | UFLO))
    if not status & TXON:
        assert failed  # a chain that ends too soon: underflow, and the transmitter is off


def test_random_rings(driver):
    assert rings(driver, int(os.environ.get("TME_RINGS", "300"))) > 10


@pytest.mark.slow
def test_many_random_rings(driver):
    assert 1000 < rings(driver, 20_000, 2) < 19_000
