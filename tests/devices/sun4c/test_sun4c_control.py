"""Interrupt register, counters, auxiliary and memory error registers, without a processor."""

import itertools

import pytest

from devices.sun.sun4c.control import Aux, InterruptRegister
from devices.sun.sun4c.memerr import MemoryErrors
from devices.sun.sun4c.timer import Timers
from tme.bus import Bus
from tme.line import Line

US = 1000
REACHED = 1 << 31


@pytest.fixture
def interrupts():
    made = InterruptRegister()
    made.bus = Bus(1 << 32)
    made.listen(made.bus)
    return made


def test_priorities_and_gates_of_all_levels(interrupts):
    """Every level alone, and every pair, against a table."""
    gates = {8: 0x10, 10: 0x20, 14: 0x80}
    bus = interrupts.bus
    for value in (0x00, 0x01, 0x11, 0x21, 0x81, 0xB1, 0xB0):
        interrupts.write(0, 1, value)
        passes = [n for n in range(1, 16) if value & 1 and value & gates.get(n, 1)]
        for pair in itertools.combinations(range(1, 16), 2):
            for level in pair:
                bus.interrupt(level, "x", True)
            assert interrupts.level() == max((n for n in pair if n in passes), default=0)
            for level in pair:
                bus.interrupt(level, "x", False)
            assert interrupts.level() == 0


def test_a_level_is_the_or_of_its_sources(interrupts):
    interrupts.write(0, 1, 1)
    interrupts.bus.interrupt(12, "zs0", True)
    interrupts.bus.interrupt(12, "zs1", True)
    interrupts.bus.interrupt(12, "zs0", False)
    assert interrupts.level() == 12
    interrupts.bus.interrupt(12, "zs1", False)
    assert interrupts.level() == 0


def test_soft_interrupts_and_errors(interrupts):
    for value, level in ((0x03, 1), (0x05, 4), (0x0F, 6), (0x0E, 0)):
        interrupts.write(0, 1, value)
        assert interrupts.level() == level
    interrupts.error()
    assert interrupts.level() == 0
    interrupts.write(0, 1, 1)
    assert interrupts.level() == 15
    interrupts.bus.interrupt(14, "x", True)
    interrupts.write(0, 1, 0x80)
    interrupts.write(0, 1, 0x81)
    assert interrupts.level() == 14  # the error is forgotten
    interrupts.reset()
    assert interrupts.level() == 0


@pytest.fixture
def timers(machine):
    lines = Line("10"), Line("14")
    made = Timers(machine.clock, *lines)
    made.lines = lines
    made.clock = machine.clock
    return made


def test_a_period_is_one_less_than_the_limit(timers):
    timers.write(4, 4, 101 << 10)
    assert timers.read(0, 4) == 1 << 10
    timers.clock.advance(100 * US - 1)
    assert timers.read(0, 4) == 100 << 10
    assert not timers.lines[0].level
    timers.clock.advance(1)
    assert timers.lines[0].level
    assert timers.read(0, 4) == REACHED | 1 << 10
    assert timers.peek(4, 4) == REACHED | 101 << 10
    assert timers.lines[0].level
    assert timers.read(4, 4) == REACHED | 101 << 10
    assert timers.read(4, 4) == 101 << 10
    assert not timers.lines[0].level
    assert not timers.lines[1].level


def test_late_acknowledgement_keeps_the_beat(timers):
    timers.write(12, 4, 51 << 10)
    timers.clock.advance(220 * US)
    assert timers.lines[1].level
    timers.read(12, 4)
    timers.clock.advance(29 * US)
    assert not timers.lines[1].level
    timers.clock.advance(1 * US)
    assert timers.lines[1].level  # at 250


@pytest.mark.parametrize("limit", [0, 1])
def test_the_longest_period(timers, limit):
    timers.write(4, 4, limit << 10)
    timers.clock.advance(0x1FFFFE * US)
    assert not timers.lines[0].level
    timers.clock.advance(2 * US)
    assert timers.lines[0].level


def test_the_count_can_be_set(timers):
    timers.write(4, 4, 1001 << 10)
    timers.write(0, 4, 991 << 10)
    assert timers.read(0, 4) == 991 << 10
    timers.clock.advance(10 * US)
    assert timers.lines[0].level
    timers.write(0, 1, 1)  # not a word: nothing
    assert timers.read(0, 2) == 0x8000
    timers.reset()
    assert not timers.lines[0].level


def test_auxiliary_register():
    seen = []
    aux = Aux(lambda register: seen.append(register.LED))
    assert aux.read(0, 1) == 0xF1
    aux.write(0, 1, 0xFE)
    assert aux.read(0, 1) == 0xFE
    aux.write(0, 1, 0x00)
    assert aux.read(0, 1) == 0xF0
    assert seen == [0, 0]


def test_memory_error_registers():
    testing = []
    registers = MemoryErrors(testing.append)
    registers.write(0, 4, 0xFFFF_FFFF)
    assert registers.read(0, 4) == 0x30
    assert testing[-1]
    assert not registers.of(0x0400_0000).TEST
    registers.write(4, 4, 0x1234_5678)
    assert registers.read(4, 4) == 0x1234_5678
    assert registers.latch(0, 1)
    assert registers.latch(3, 8)
    assert not registers.latch(0x0400_0000, 1)  # that pair checks nothing
    assert registers.peek(3, 1) == 0xF9
    assert registers.read(0, 4) == 0xF9
    assert registers.read(0, 4) == 0x30
    assert registers.read(8, 4) == 0
    registers.reset()
    assert not testing[-1]
    assert registers.read(4, 4) == 0
