"""The clock of a Sun-4, read and set as NetBSD and Linux do. The fake clock starts 1996-02-28 23:59:58."""

import pytest

from tme.errors import TmeError

CONTROL, SEC, MIN, HOUR, WEEKDAY, DATE, MONTH, YEAR = range(8)
WRITE, READ, STOP = 0x80, 0x40, 0x80
S = 1_000_000_000
WEDNESDAY = 4


@pytest.fixture
def clock(machine):
    return machine.make("clock0", "tme/machine/sun4/clock type tme/ic/mk48t02")


def read_all(clock):
    clock.write(CONTROL, 1, READ)
    found = [clock.read(at, 1) for at in range(1, 8)]
    clock.write(CONTROL, 1, 0)
    return found


def set_all(clock, *values):
    clock.write(CONTROL, 1, WRITE)
    for at, value in enumerate(values, 1):
        clock.write(at, 1, value)
    clock.write(CONTROL, 1, 0)


def test_the_right_date(clock):
    assert read_all(clock) == [0x58, 0x59, 0x23, WEDNESDAY, 0x28, 0x02, 0x28]


def test_time_passes_through_a_leap_day(machine, clock):
    machine.clock.advance(2 * S)
    assert read_all(clock) == [0, 0, 0, WEDNESDAY + 1, 0x29, 0x02, 0x28]
    machine.clock.advance(24 * 3600 * S)
    assert read_all(clock) == [0, 0, 0, WEDNESDAY + 2, 0x01, 0x03, 0x28]


def test_reading_is_of_one_moment(machine, clock):
    clock.write(CONTROL, 1, READ)
    machine.clock.advance(3 * S)
    assert clock.read(SEC, 1) == 0x58
    clock.write(CONTROL, 1, 0)
    assert clock.read(SEC, 1) == 0x01
    assert clock.peek(0, 4) == 0x00010000


def test_setting_goes_on_when_the_write_bit_falls(machine, clock):
    clock.write(CONTROL, 1, WRITE)
    for at, value in enumerate((0x59, 0x59, 0x23, 7, 0x31, 0x12, 0x31), 1):
        clock.write(at, 1, value)
    machine.clock.advance(10 * S)
    assert clock.read(SEC, 1) == 0x59
    clock.write(CONTROL, 1, 0)
    assert read_all(clock) == [0x59, 0x59, 0x23, 7, 0x31, 0x12, 0x31]
    machine.clock.advance(S)
    assert read_all(clock) == [0, 0, 0, 1, 0x01, 0x01, 0x32]


def test_a_write_without_the_bit_lasts_a_second(machine, clock):
    clock.write(MIN, 1, 0x11)
    assert clock.read(MIN, 1) == 0x11
    machine.clock.advance(S)
    assert clock.read(MIN, 1) == 0x59


def test_stopped_until_started(machine, clock):
    set_all(clock, STOP | 0x30, 0, 0x80, 0x41, 1, 1, 0)
    machine.clock.advance(100 * S)
    assert read_all(clock) == [STOP | 0x30, 0, 0x80, 0x41, 1, 1, 0]
    clock.write(CONTROL, 1, WRITE)
    clock.write(SEC, 1, 0x30)
    clock.write(CONTROL, 1, 0)
    machine.clock.advance(40 * S)
    assert read_all(clock)[:2] == [0x10, 0x01]


def test_no_date_of_any_calendar_harms(machine, clock):
    for values in ((0xFF,) * 7, (0,) * 7, (0x7F, 0x99, 0x3F, 0, 0x3F, 0x1F, 0xFF)):
        set_all(clock, *values)
        machine.clock.advance(S)
        found = read_all(clock)
        assert 1 <= (found[MONTH - 1] >> 4) * 10 + (found[MONTH - 1] & 15) <= 12


def test_bits_that_do_not_exist(clock):
    clock.write(CONTROL, 1, WRITE)
    for at in range(1, 8):
        clock.write(at, 1, 0xFF)
    assert [clock.read(at, 1) for at in range(1, 8)] == [0xFF, 0x7F, 0xBF, 0x47, 0x3F, 0x1F, 0xFF]


def test_behind_an_nvram_of_2040_bytes(machine, tmp_path):
    bus = machine.make("sbus0", "generic/bus size 4GB")
    machine.make("nvram0", f"host/posix/memory persistent {tmp_path / 'nvram'} size 0x7f8")
    machine.make("clock0", "nme/machine/sun4/clock type nme/ic/mk48t02")
    machine.connect("nvram0 at sbus0 addr 0xf2000000")
    machine.connect("clock0 at sbus0 addr 0xf20007f8")
    bus.map.write(0xF20007F6, 2, 0xABCD)
    assert bus.map.read(0xF20007F4, 8) == 0x0000ABCD_00585923
    machine.elements["nvram0"].close()
    assert (tmp_path / "nvram").read_bytes()[-2:] == b"\xab\xcd"


def test_there_is_one_chip(machine):
    with pytest.raises(TmeError, match="mk48t02 is expected"):
        machine.make("clock0", "tme/machine/sun4/clock type tme/ic/mk48t59")
