from datetime import UTC, datetime

import pytest

from tme.clock import HELD, PS_PER_INSN, START, Clock

INSN = PS_PER_INSN // 1000
MS = 1_000_000


class Counter:
    """A processor as a clock sees it."""

    def __init__(self, clock):
        self.count = 0
        clock.count = lambda: self.count
        self.limits = []
        clock.sooner = self.limits.append


@pytest.fixture
def clock():
    made = Clock("icount")
    made.cpu = Counter(made)
    return made


def test_icount_time_is_instructions(clock):
    clock.cpu.count = 12
    assert clock.now == 12 * INSN
    assert clock.count_at(clock.now) == 12
    assert clock.count_at(clock.now + 1) == 13
    assert clock.count_at(clock.now + INSN) == 13


def test_events_happen_in_order_of_time_then_of_asking(clock):
    seen = []
    clock.after(20 * INSN, lambda: seen.append("late"))
    clock.after(10 * INSN, lambda: seen.append("first"))
    clock.after(10 * INSN, lambda: seen.append("second"))
    clock.run_due()
    assert seen == []
    clock.cpu.count = 10
    clock.run_due()
    assert seen == ["first", "second"]
    assert clock.next == 20 * INSN
    clock.cpu.count = 30
    clock.run_due()
    assert seen == ["first", "second", "late"]
    assert clock.next is None
    assert clock.events == 3


def test_cancelled_events_do_not_happen_and_do_not_count(clock):
    seen = []
    event = clock.after(INSN, lambda: seen.append(1))
    kept = clock.after(2 * INSN, lambda: seen.append(2))
    event.cancel()
    assert clock.next == 2 * INSN
    clock.cpu.count = 5
    clock.run_due()
    kept.cancel()
    assert seen == [2]


def test_an_event_in_front_of_all_others_shortens_the_quantum(clock):
    clock.after(100 * INSN, int)
    clock.cpu.count = 7
    clock.after(3 * INSN, int)
    clock.after(50 * INSN, int)
    assert clock.cpu.limits == [100, 10]


def test_an_event_that_asks_for_itself_at_once_lets_the_guest_go_on(clock):
    seen = []

    def again():
        seen.append(clock.now)
        clock.after(0, again)

    clock.after(0, again)
    clock.run_due()
    clock.run_due()
    assert seen == [0, 0]


def test_skipping_never_goes_back(clock):
    clock.cpu.count = 4
    clock.skip_to(MS)
    assert clock.now == MS
    clock.skip_to(5)
    clock.cpu.count = 8
    assert clock.now == MS + 4 * INSN
    assert clock.count_at(MS + 4 * INSN) == 8


def test_sleeping_ends_at_the_next_event(clock):
    clock.after(10 * MS, int)
    clock.slept(4 * MS)
    assert clock.now == 4 * MS
    clock.slept(400 * MS)
    assert clock.now == 10 * MS


def test_date_is_reproducible(clock, monkeypatch):
    clock.cpu.count = 4_000_000
    assert clock.wall().timestamp() == START.timestamp() + 1
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert Clock("icount").wall() == datetime(1970, 1, 2, tzinfo=UTC)
    assert abs(Clock("host").wall().timestamp() - datetime.now(UTC).timestamp()) < 5


# host mode


class Host:
    now = 0


@pytest.fixture
def hosted():
    host = Host()
    clock = Clock("host", lambda: host.now)
    clock.cpu = Counter(clock)
    clock.host = host
    clock.follow()
    return clock


def test_host_time_is_followed(hosted):
    hosted.host.now += 5 * MS
    hosted.cpu.count += 10
    hosted.follow()
    assert hosted.now == 5 * MS


def test_host_time_is_followed_to_the_next_event_only(hosted):
    seen = []
    hosted.after(2 * MS, lambda: seen.append(hosted.now))
    hosted.host.now += 5 * MS
    hosted.follow()
    assert hosted.now == 2 * MS
    hosted.run_due()
    hosted.follow()
    assert seen == [2 * MS]
    assert hosted.now == 5 * MS


def test_the_measured_rate_moves_time_between_two_looks(hosted):
    for _ in range(40):  # 1000 instructions in a microsecond
        hosted.host.now += 1000
        hosted.cpu.count += 1000
        hosted.follow()
    before = hosted.now
    hosted.cpu.count += 1000
    assert hosted.now - before == pytest.approx(1000, rel=0.1)


def test_guest_time_does_not_go_back_when_the_host_was_slower(hosted):
    hosted.cpu.count += 100_000
    before = hosted.now
    assert before == 100_000 * INSN
    hosted.host.now += 10
    hosted.follow()
    assert hosted.now == before


def test_a_machine_that_was_held_does_not_catch_up(hosted):
    hosted.host.now += 10 * HELD
    hosted.follow()
    assert hosted.now == 0
    hosted.host.now += 10 * HELD
    hosted.follow(waited=True)
    assert hosted.now == 10 * HELD


def test_how_far_an_event_is(hosted):
    hosted.host.now += 3 * MS
    hosted.follow()
    assert hosted.ahead(4 * MS) == MS
    assert hosted.ahead(2 * MS) == 0
