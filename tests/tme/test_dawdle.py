"""Guests that do nothing but poll."""

import os
import time

import pytest

from tests.tme.test_machine import Board, Counter
from tme.dawdle import LONGEST, NAP, PATIENCE, Dawdle
from tme.machine import Machine
from tme.options import Options


def looked(guest, times):
    for _ in range(times):
        guest.look()


@pytest.mark.parametrize("clock", ["icount", "host"])
def test_only_a_long_wait_is_a_nap(clock):
    guest = Dawdle(clock)
    for second in range(20):
        looked(guest, 1000)
        assert (guest.nap(20_000 * (second + 1), second) > 0) == (second > PATIENCE[clock])
    assert not guest.nap(500_000, 21)  # it does something
    looked(guest, 1000)
    assert not guest.nap(510_000, 22)


def test_naps_get_longer():
    guest = Dawdle("host")
    lengths = []
    for tenth in range(100):
        looked(guest, 10)
        lengths.append(guest.nap(100 * tenth, tenth / 10))
    assert lengths == sorted(lengths)
    assert set(lengths) > {0, NAP, LONGEST}


def test_looks_that_were_answered_count():
    guest = Dawdle()
    for second in range(20):
        guest.answered = (1000 * (second + 1)).__int__
        assert (guest.nap(20_000 * (second + 1), second) > 0) == (second > PATIENCE["icount"])


def test_one_look_in_a_while_is_no_waiting():
    guest = Dawdle()
    for second in range(30):
        looked(guest, 10)
        assert not guest.nap(10_000 * (second + 1), second)


class Poller(Counter):
    """Looks for input all the time."""

    machine: Machine

    def run(self, budget):
        for _ in range(budget // 50 + 1):
            self.machine.dawdle.look()
        return super().run(budget)


@pytest.mark.parametrize("clock", ["host", "icount"])
def test_the_machine_naps_with_the_host_s_clock(monkeypatch, clock):
    monkeypatch.setitem(PATIENCE, clock, 0.1)
    machine = Machine(Options(clock=clock))
    guest = Poller()
    guest.machine = machine
    Board(machine, guest)
    machine.power(True)
    machine.clock.after(600_000_000 if clock == "host" else 10_000_000, machine.stop)
    start, cpu = time.monotonic(), time.process_time()
    assert machine.run() == 0
    idle = machine.stats()["seconds by stage"]["idle"]
    if clock == "host":
        assert idle > 0.1
        assert time.process_time() - cpu < time.monotonic() - start - 0.15
    else:
        assert idle == 0
    machine.close()


def test_by_icount_it_naps_while_input_may_come_and_no_guest_time_passes(monkeypatch):
    monkeypatch.setitem(PATIENCE, "icount", 0.1)
    machine = Machine(Options(clock="icount"))
    guest = Poller()
    guest.machine = machine
    Board(machine, guest)
    machine.power(True)
    source, sink = os.pipe()
    machine.add_reader(source, machine.stop)
    assert machine.run(0.5) == 0
    os.write(sink, b"x")
    machine.run()
    assert machine.stats()["seconds by stage"]["idle"] > 0.1
    assert machine.clock.now == guest.now * 250
    machine.close()
    os.close(source)
    os.close(sink)
