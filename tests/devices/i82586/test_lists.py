"""Random lists for the 82586: whatever a driver links together ends in the chip's states, never in ours.

TME_RINGS says how many (default 300); `-m slow` does 20,000.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.devices.i82586.driver import ALL, BASE, EL, ME, NONE, OTHER, SCB, TRANSMIT, C, I, S, frame

BLOCKS = range(0x2000, 0x6000, 0x20)
BUFFERS = range(0x80000, 0x100000)
CYCLES = 40_000
"""In a turn of 10 ms: one in 250 ns."""
IDLE, SUSPENDED, ACTIVE, NO_RESOURCES, READY = 0, 1, 2, 2, 4


def count_cycles(driver):
    """A list with one number: the bus cycles of the chip."""
    cycles = [0]

    def counted(do):
        def cycle(address, what):
            cycles[0] += 1
            return do(address, what)

        return cycle

    driver.bus.set_dma(counted(driver.dma_read), counted(driver.dma_write))
    return cycles


def place(dice):
    """The offset of some block; now and then of nothing, or of anything."""
    return dice.choice((NONE, dice.getrandbits(16), *(dice.choice(BLOCKS) - BASE for _ in range(12))))


def fill(driver, dice):
    """Blocks that are commands, frame descriptors and buffer descriptors at once, as it happens."""
    for at in BLOCKS:
        flags = dice.choice((0, 0, I, S, EL, EL | I))
        code = dice.choice((TRANSMIT, TRANSMIT, *range(8)))
        second = dice.choice((flags | code, place(dice)))
        driver.put(
            at, dice.choice((0, C, 0x8000 | dice.randrange(1600), dice.randrange(1600))), second, place(dice)
        )
        driver.put(at + 6, dice.choice((place(dice), 0x0C | 0x0800)), dice.choice((16, 64, 1500, EL | 64, 0)))
        driver.long(at + 10, dice.randrange(BUFFERS.start, BUFFERS.stop))
        driver.put(at + 14, *(dice.getrandbits(16) for _ in range(9)))
        if dice.random() < 0.5:  # as buffer descriptors have it
            driver.long(at + 4, dice.randrange(BUFFERS.start, BUFFERS.stop))


def lists(driver, count, seed=1):
    dice = random.Random(seed)
    cycles = count_cycles(driver)
    done = starved = errors = 0
    for turn in range(count):
        driver.start()
        driver.acknowledge()
        if turn % 20 == 0:
            fill(driver, dice)
        driver.configure(b8=dice.choice((0, 0, 1)))
        cycles[0] = 0
        first, frames = dice.choice(BLOCKS), dice.choice(BLOCKS)
        driver.put(SCB + 4, first - BASE, frames - BASE)
        driver.scb(0x0110)
        for number in range(dice.randrange(4)):
            to, length = dice.choice((ME, ALL, OTHER)), dice.choice((60, 300, 1514))
            driver.station.port.send(frame(to, length, number))
        driver.wait(10)
        assert cycles[0] < CYCLES
        if not driver.csr & 0x02:
            driver.scb(0)  # a dump or a buffer may lie on the SCB: have it written again
            assert driver.cu in (IDLE, SUSPENDED, ACTIVE)
            assert driver.ru in (IDLE, SUSPENDED, NO_RESOURCES, READY)
        else:
            errors += 1  # a buffer that leaves memory
        done += bool(driver.word(first) & C)
        starved += driver.ru == NO_RESOURCES
    assert errors < count // 50
    return done, starved


def test_random_lists(driver):
    done, starved = lists(driver, int(os.environ.get("TME_RINGS", "300")))
    assert done > 100
    assert starved > 2


@pytest.mark.slow
def test_many_random_lists(driver):
    lists(driver, 20_000, 2)
