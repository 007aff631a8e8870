"""The Sun-3 clock, read and set as PROM, SunOS and NetBSD do. The fake clock starts 1996-02-28 23:59:58."""

from datetime import UTC, datetime, timedelta

import pytest

from tme.errors import TmeError

CSEC, HOUR, MIN, SEC, MONTH, DATE, YEAR, WEEKDAY = range(8)
INT, CMD = 0x10, 0x11
RUN, RUN_INTS, STOP = 0x0C, 0x1C, 0x14
S = 1_000_000_000


@pytest.fixture
def clock(machine):
    return machine.make("clock0", "tme/machine/sun3/clock")


def read_all(clock):
    return [clock.read(register, 1) for register in range(8)]


def set_all(clock, *values):
    for register, value in enumerate(values):
        clock.write(register, 1, value)


def test_the_right_date(clock):
    assert read_all(clock) == [0, 23, 59, 58, 2, 28, 1996 - 1968, 3]


def test_time_passes_through_a_leap_day(machine, clock):
    machine.clock.advance(2 * S + 340_000_000)
    assert read_all(clock) == [34, 0, 0, 0, 2, 29, 28, 4]
    machine.clock.advance(24 * 3600 * S)
    assert read_all(clock) == [34, 0, 0, 0, 3, 1, 28, 5]


def test_reading_hundredths_latches_the_rest(machine, clock):
    read_all(clock)
    machine.clock.advance(3 * S)
    assert clock.read(SEC, 1) == 58
    assert clock.peek(CSEC, 1) == 0
    assert clock.read(SEC, 1) == 58
    clock.read(CSEC, 1)
    assert clock.read(SEC, 1) == 1


def test_a_long_read_goes_over_four_registers(machine, clock):
    bus = machine.make("obio0", "generic/bus size 16MB")
    machine.connect("clock0 at obio0 addr 0x060000")
    machine.clock.advance(120_000_000)
    assert bus.map.read(0x60000, 4) == 0x0C173B3A
    assert bus.map.peek(0x60004, 4) == 0x021C1C03


def test_setting_the_time(machine, clock):
    clock.write(CMD, 1, STOP)
    set_all(clock, 99, 23, 59, 59, 12, 31, 31, 5)
    machine.clock.advance(5 * S)
    assert read_all(clock) == [99, 23, 59, 59, 12, 31, 31, 5]
    clock.write(CMD, 1, RUN)
    machine.clock.advance(10_000_000)
    assert read_all(clock) == [0, 0, 0, 0, 1, 1, 32, 6]


def test_counters_are_set_one_after_the_other(machine, clock):
    clock.write(CMD, 1, STOP)
    set_all(clock, 0, 1, 2, 3, 1, 31, 22, 0)
    set_all(clock, 0, 4, 5, 6, 2, 14, 23, 2)  # 31 February on the way
    clock.write(CMD, 1, RUN)
    machine.clock.advance(S)
    assert read_all(clock) == [0, 4, 5, 7, 2, 14, 23, 2]


def test_setting_while_it_runs_keeps_the_other_counters(machine, clock):
    machine.clock.advance(125_000_000)
    clock.write(MIN, 1, 7)
    machine.clock.advance(5_000_000)
    assert read_all(clock) == [13, 23, 7, 58, 2, 28, 28, 3]


def test_twelve_hours(machine, clock):
    clock.write(CMD, 1, 0x08)
    assert read_all(clock)[HOUR] == 0x80 | 11
    machine.clock.advance(2 * S)
    assert read_all(clock)[HOUR] == 12
    clock.write(HOUR, 1, 0x80 | 12)
    clock.write(CMD, 1, RUN)
    assert read_all(clock)[HOUR] == 12
    clock.write(CMD, 1, 0x08)
    clock.write(HOUR, 1, 0x80 | 1)
    clock.write(CMD, 1, RUN)
    assert read_all(clock)[HOUR] == 13


def test_the_century_wraps(machine, clock):
    clock.write(CMD, 1, STOP)
    set_all(clock, 99, 23, 59, 59, 12, 31, 99, 6)
    clock.write(CMD, 1, RUN)
    machine.clock.advance(10_000_000)
    assert read_all(clock) == [0, 0, 0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("mask", "period"), [(0x02, S // 100), (0x04, S // 10), (0x08, S), (0x10, 60 * S), (0x20, 3600 * S)]
)
def test_periodic_interrupts(machine, clock, mask, period):
    # start on the hour, so that every period begins here
    machine.clock.advance(2 * S)
    clock.write(INT, 1, mask)
    clock.write(CMD, 1, RUN_INTS)
    for _ in range(3):
        machine.clock.advance(period - 1)
        assert not clock.irq.level
        machine.clock.advance(1)
        assert clock.irq.level
        assert clock.peek(INT, 1) == 0x80 | mask
        assert clock.read(INT, 1) == 0x80 | mask
        assert not clock.irq.level
        assert clock.read(INT, 1) == 0


def test_daily_interrupt_and_several_at_once(machine, clock):
    clock.write(INT, 1, 0x58)
    clock.write(CMD, 1, RUN_INTS)
    machine.clock.advance(S)
    assert clock.read(INT, 1) == 0x88
    machine.clock.advance(S)
    assert clock.read(INT, 1) == 0xD8


def test_hundred_interrupts_a_second_do_not_drift(machine, clock):
    clock.write(INT, 1, 0x02)
    clock.write(CMD, 1, RUN_INTS)
    times = []
    clock.irq.connect(lambda level: level and times.append(machine.clock.now))
    for _ in range(1000):
        machine.clock.advance(10_000_000)
        clock.read(INT, 1)
    assert times == [10_000_000 * n for n in range(1, 1001)]


def test_interrupt_enable_gates_the_pin_not_the_status(machine, clock):
    clock.write(INT, 1, 0x02)
    machine.clock.advance(S)
    assert not clock.irq.level
    assert clock.peek(INT, 1) == 0x82
    clock.write(CMD, 1, RUN_INTS)
    assert clock.irq.level


def test_masked_sources_leave_no_status(machine, clock):
    clock.write(CMD, 1, RUN_INTS)
    machine.clock.advance(S)
    assert clock.read(INT, 1) == 0


def test_a_stopped_chip_does_not_interrupt(machine, clock):
    clock.write(INT, 1, 0x02)
    clock.write(CMD, 1, STOP)
    machine.clock.advance(S)
    assert clock.read(INT, 1) == 0


def test_reset_silences_but_keeps_time(machine, clock):
    clock.write(INT, 1, 0x02)
    clock.write(CMD, 1, RUN_INTS)
    machine.clock.advance(S)
    clock.reset()
    assert not clock.irq.level
    machine.clock.advance(S)
    assert not clock.irq.level
    assert read_all(clock)[:4] == [0, 0, 0, 0]


def test_the_command_register_cannot_be_read(clock):
    assert clock.read(CMD, 1) == 0xFF


# ---- alarm ------------------------------------------------------------------------------------------------


def set_alarm(clock, **units):
    names = {"csec": CSEC, "hour": HOUR, "min": MIN, "sec": SEC, "month": MONTH, "date": DATE, "year": YEAR}
    names["weekday"] = WEEKDAY
    for name, register in names.items():
        masked = 0x40 if name == "hour" else 0x80
        clock.write(8 + register, 1, units.get(name, masked))
    clock.write(INT, 1, 0x01)
    clock.write(CMD, 1, RUN_INTS)


def alarms(machine, clock, seconds):
    """The times at which the alarm goes off, read as the guest would."""
    seen = []

    def heard(level):
        if level:
            seen.append(machine.clock.wall())
            machine.clock.after(1000, lambda: clock.read(INT, 1))

    clock.irq.connect(heard)
    machine.clock.advance(seconds * S)
    return seen


@pytest.mark.parametrize(
    ("units", "first"),
    [
        ({"csec": 50}, datetime(1996, 2, 28, 23, 59, 58, 500_000)),
        ({"csec": 0, "sec": 0}, datetime(1996, 2, 29)),
        ({"min": 7}, datetime(1996, 2, 29, 0, 7)),
        ({"hour": 13, "min": 30, "sec": 5, "csec": 0}, datetime(1996, 2, 29, 13, 30, 5)),
        ({"weekday": 1, "hour": 4}, datetime(1996, 3, 4, 4)),
        ({"date": 1}, datetime(1996, 3, 1)),
        ({"month": 2, "date": 29, "year": 32, "hour": 0, "min": 0}, datetime(2000, 2, 29)),
    ],
)
def test_alarm(machine, clock, units, first):
    set_alarm(clock, **units)
    first = first.replace(tzinfo=UTC)
    before = (first - machine.clock.wall()) // timedelta(microseconds=1)
    machine.clock.advance((before - 1) * 1000)
    assert not clock.irq.level
    machine.clock.advance(1000)
    assert clock.irq.level
    assert clock.read(INT, 1) == 0x81


def test_alarm_repeats_once_a_match(machine, clock):
    set_alarm(clock, sec=30)
    assert [when.strftime("%H:%M:%S") for when in alarms(machine, clock, 180)] == [
        "00:00:30",
        "00:01:30",
        "00:02:30",
    ]


def test_alarm_in_the_twelve_hour_format(machine, clock):
    set_alarm(clock, hour=0x80 | 1)
    clock.write(CMD, 1, 0x18)
    assert alarms(machine, clock, 86400)[0].hour == 13


def test_an_impossible_alarm_never_rings(machine, clock):
    set_alarm(clock, sec=61)
    assert alarms(machine, clock, 200) == []


# ---- arguments and state ----------------------------------------------------------------------------------


def test_scale_slows_the_chip(machine):
    slow = machine.make("clock1", "ic/isil7170 scale 10")
    machine.clock.advance(20 * S)
    assert read_all(slow)[:4] == [0, 0, 0, 0]
    with pytest.raises(TmeError, match="scale"):
        machine.make("clock2", "ic/isil7170 scale 0")


def test_a_wrong_crystal_setting_slows_it_too(machine, clock):
    clock.write(CMD, 1, RUN | 0x01)
    machine.clock.advance(64 * S)
    assert read_all(clock)[:4] == [0, 0, 0, 0]


def test_the_interrupt_goes_to_the_clock_wire(machine, clock):
    bus = machine.make("obio0", "generic/bus size 16MB")
    machine.connect("clock0 at obio0 addr 0x060000")
    clock.write(INT, 1, 0x02)
    clock.write(CMD, 1, RUN_INTS)
    machine.clock.advance(S)
    assert bus.map.pending("clock")


def test_test_mode_is_logged(machine, clock):
    clock.write(CMD, 1, RUN | 0x20)
    assert "test mode" in machine.logged[0]
