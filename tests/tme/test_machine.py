"""The run loop with a processor that only counts."""

import json
import os
import signal
import threading
import time

import pytest

from tme.args import Args
from tme.element import Element
from tme.errors import TmeError
from tme.idling import LEAD
from tme.machine import FAILED, Machine
from tme.options import Options


class Counter:
    """Executes nothing, one instruction at a time; a STOP waits at each count in `stops`."""

    def __init__(self, stops=()):
        self.now = self.answered = 0
        self.waiting = False
        self.stops = set(stops)
        self.end = 0
        self.polls = 0
        self.at = {}

    def run(self, budget):
        assert budget > 0
        if self.waiting:
            return 0
        start, self.end = self.now, self.now + budget
        while self.now < self.end:
            if self.now in self.at:
                self.at.pop(self.now)()
            self.now += 1
            if self.now in self.stops:
                self.waiting = True
                break
        return self.now - start

    def rests(self, budget):
        return False

    def limit(self, count):
        self.end = min(self.end, count)

    def poll(self):
        self.polls += 1

    def stats(self):
        return {"kind": "counter", "inner": {"number": 1234}}


class Board(Element):
    module = "test/board"

    def __init__(self, machine, processor=None, fails=False):
        super().__init__("board0", Args(), machine)
        self.processor, self.fails = processor, fails
        self.calls = []
        machine.elements["board0"] = self

    def check(self):
        if self.fails:
            raise self.error("lacks everything")

    def realize(self):
        self.calls.append("realize")
        if self.processor:
            self.machine.set_processor(self.processor, self)

    def reset(self):
        self.calls.append("reset")


@pytest.fixture
def make():
    made = []

    def build(processor=None, **options):
        machine = Machine(Options(**options))
        machine.board = Board(machine, processor or Counter())
        made.append(machine)
        return machine

    yield build
    for machine in made:
        machine.close()


def test_power_checks_realizes_and_resets_once(make):
    machine = make()
    machine.power(True)
    machine.power(True)
    assert machine.board.calls == ["realize", "reset"]
    machine.power(False)
    machine.power(False)
    machine.power(True)
    assert machine.board.calls == ["realize", "reset", "reset"]
    assert machine.exit_code is None


def test_power_up_is_refused_with_reasons(make):
    machine = make()
    machine.board.fails = True
    with pytest.raises(TmeError, match=r"board0.*lacks everything"):
        machine.power(True)
    assert not machine.powered
    machine.board.fails = False
    machine.board.processor = None
    with pytest.raises(TmeError, match="no processor"):
        machine.power(True)
    with pytest.raises(TmeError, match="powered down"):
        machine.run()


def test_one_processor_only(make):
    machine = make()
    machine.power(True)
    with pytest.raises(TmeError, match="one processor"):
        machine.set_processor(Counter(), machine.board)


def test_events_happen_at_exact_instructions(make):
    machine = make(insns=1_000_000)
    seen = []

    def tick():
        seen.append(machine.processor.now)
        machine.clock.after(333_000, tick)

    machine.power(True)
    machine.clock.after(333_000, tick)
    machine.run()
    assert seen == [1332 * (i + 1) for i in range(len(seen))]
    assert len(seen) == 750


def test_an_event_asked_for_in_a_quantum_is_not_late(make):
    machine = make(insns=10_000)
    seen = []
    machine.board.processor.at[100] = lambda: machine.clock.after(
        2500, lambda: seen.append(machine.processor.now)
    )
    machine.power(True)
    machine.run()
    assert seen == [110]


@pytest.mark.parametrize("insns", [1, 7, 123_456])
def test_insns_is_exact(make, insns):
    machine = make(insns=insns)
    machine.power(True)
    assert machine.run() == 0
    assert machine.processor.now == insns


def test_stop_ends_at_once(make):
    machine = make()
    machine.board.processor.at[5000] = lambda: machine.stop(7)
    machine.power(True)
    assert machine.run() == 7
    assert machine.processor.now == 5001


def test_the_first_stop_counts(make):
    machine = make()
    machine.power(True)
    machine.clock.after(10, lambda: (machine.stop(3), machine.stop(4)))
    assert machine.run() == 3


def test_a_waiting_processor_lets_time_skip(make):
    machine = make(Counter(stops=[100]), insns=200)
    machine.power(True)
    hour = 3599 * 10**9

    def wake():
        machine.processor.waiting = False
        assert machine.processor.now == 100
        assert machine.clock.now == hour

    machine.clock.after(hour, wake)
    start = time.monotonic()
    assert machine.run() == 0
    assert time.monotonic() - start < 60


def test_a_machine_far_ahead_of_the_host_keeps_its_pace(make):
    machine = make(Counter(stops=[100]))
    machine.power(True)
    machine.clock.after(LEAD, lambda: machine.clock.after(50_000_000, machine.stop))
    start = time.monotonic()
    machine.run()
    assert time.monotonic() - start >= 0.045


def test_a_machine_that_nothing_can_wake_ends(make, capsys):
    machine = make(Counter(stops=[100]))
    machine.power(True)
    assert machine.run() == FAILED
    assert "waits for an interrupt" in capsys.readouterr().err


def test_host_time_makes_the_process_sleep(make):
    machine = make(Counter(stops=[100]), clock="host")
    machine.power(True)
    machine.clock.after(50_000_000, lambda: machine.stop(2))
    start, used = time.monotonic(), time.process_time()
    assert machine.run() == 2
    assert time.monotonic() - start >= 0.045
    assert time.process_time() - used < 0.04


# Host files


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("stops", [[], [100]])
@pytest.mark.parametrize("clock", ["icount", "host"])
def test_readers_are_called_between_quanta_and_wake_the_idle(make, pipe, clock, stops):
    machine = make(Counter(stops=stops), clock=clock)
    machine.power(True)
    machine.add_reader(pipe[0], lambda: machine.stop(os.read(pipe[0], 1)[0]))
    writer = threading.Timer(0.02, lambda: os.write(pipe[1], b"\x05"))
    writer.start()
    assert machine.run() == 5
    writer.join()


def test_with_input_open_a_waiting_machine_keeps_the_hosts_time(make, pipe):
    machine = make(Counter(stops=[100]))
    machine.power(True)
    machine.add_reader(pipe[0], int)
    machine.clock.after(30_000_000, machine.stop)
    start = time.monotonic()
    machine.run()
    assert time.monotonic() - start >= 0.025


def test_removed_readers_are_not_called(make, pipe):
    machine = make(insns=100_000)
    machine.power(True)
    machine.add_reader(pipe[0], lambda: machine.stop(9))
    machine.remove_reader(pipe[0])
    machine.remove_reader(pipe[0])
    os.write(pipe[1], b"x")
    assert machine.run() == 0


def test_regular_files_cannot_be_waited_for(make, tmp_path):
    machine = make()
    with (tmp_path / "f").open("w+") as file, pytest.raises(OSError):
        machine.add_reader(file.fileno(), int)
    machine.remove_reader(99)


def test_a_failing_reader_fails_the_run(make, pipe):
    machine = make()
    machine.power(True)
    machine.add_reader(pipe[0], lambda: 1 // 0)
    os.write(pipe[1], b"x")
    with pytest.raises(ZeroDivisionError):
        machine.run()


def test_a_signal_handler_wakes_an_idle_machine(make, pipe):
    machine = make(Counter(stops=[100]))
    machine.power(True)
    machine.add_reader(pipe[0], int)
    before = signal.signal(signal.SIGALRM, lambda *_: machine.stop(142))
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        start = time.monotonic()
        assert machine.run() == 142
        assert time.monotonic() - start < 60
    finally:
        signal.signal(signal.SIGALRM, before)


# Telling


def test_log_goes_to_standard_error_or_a_file(make, capsys, tmp_path):
    machine = make()
    machine.log(machine.board, "hello")
    machine.log(None, "plain")
    assert capsys.readouterr().err == "board0: hello\nplain\n"
    machine = make(log=tmp_path / "log")
    machine.log(machine.board, "hello")
    assert (tmp_path / "log").read_text() == "board0: hello\n"
    machine = make(log=tmp_path / "no" / "log")
    with pytest.raises(TmeError, match="cannot write the log"):
        machine.log(None, "x")


def test_statistics(make, capsys):
    machine = make(insns=5000, stats="json")
    machine.power(True)
    machine.run()
    stats = json.loads(capsys.readouterr().err)
    assert stats["instructions"] == 5000
    assert stats["inner"] == {"number": 1234}
    machine = make(insns=5000, stats="text")
    machine.power(True)
    machine.run()
    lines = dict(line.rsplit("  ", 1) for line in capsys.readouterr().err.splitlines())
    assert {name.strip(): value for name, value in lines.items()}["inner number"] == "1,234"


def test_closing_twice_and_before_power(make):
    machine = make()
    machine.close()
    machine.close()
