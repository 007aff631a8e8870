"""Wrong parity, written and found as the PROM's self-test does it."""

import pytest

from devices.sun.parity import Parity
from devices.sun.sun3.control import MemoryErrorRegister
from tme.bus import Bus
from tme.memory import Memory


class Board:
    def __init__(self):
        self.bus = Bus(1 << 20)
        self.bus.add(0, 0x2000, Memory.ram(0x2000), "ram0")
        self.watched = []
        self.parity = Parity(self.watched.append, lambda lanes, va: self.register.latch(lanes, va, 2))
        self.irq = False
        self.register = MemoryErrorRegister(self.set_irq, self.parity.test)

    def set_irq(self, level):
        self.irq = level


@pytest.mark.parametrize("lane", range(4))
def test_one_lane(lane):
    board = Board()
    board.register.write(0, 1, 0x20)
    board.parity.write(board.bus, 0x1000 + lane, 1, 0x55)
    board.register.write(0, 1, 0x50)
    assert board.parity.read(board.bus, 0x1000 + (lane ^ 1), 0x5000, 1) == 0
    assert not board.irq
    assert board.parity.read(board.bus, 0x1000 + lane, 0x5000 + lane, 1) == 0x55
    assert board.irq
    assert board.register.read(0, 1) == 0xD0 | 8 >> lane
    assert board.register.read(4, 4) == 2 << 28 | 0x5000 + lane
    board.register.write(4, 1, 0)
    assert not board.irq
    assert board.register.read(0, 1) == 0x50


def test_a_long_read_tells_all_lanes():
    board = Board()
    board.register.write(0, 1, 0x20)
    board.parity.write(board.bus, 0x100, 2, 0x1234)
    board.register.write(0, 1, 0x50)
    board.parity.read(board.bus, 0x100, 0x100, 4)
    assert board.register.read(0, 1) == 0xDC


def test_right_parity_again_ends_the_watch():
    board = Board()
    board.register.write(0, 1, 0x20)
    assert board.watched == [True]
    board.parity.write(board.bus, 0x100, 2, 0x1234)
    board.register.write(0, 1, 0x50)
    assert board.watched[-1]
    board.parity.write(board.bus, 0x100, 4, 0)
    assert not board.watched[-1]
    board.parity.read(board.bus, 0x100, 0x100, 4)
    assert not board.irq


def test_nothing_is_found_without_check():
    board = Board()
    board.register.write(0, 1, 0x20)
    board.parity.write(board.bus, 0x100, 1, 0)
    board.register.write(0, 1, 0x40)
    board.parity.read(board.bus, 0x100, 0x100, 1)
    assert not board.irq
    board.register.reset()
    assert board.watched[-1]  # what was written keeps its wrong parity
