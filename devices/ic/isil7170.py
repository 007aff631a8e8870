"""Intersil ICM7170 real-time clock: calendar, alarm, periodic interrupts.

Source: Intersil, "ICM7170 Microprocessor-Compatible, Real-Time Clock". Registers:

    0 1/100 s   1 hours   2 minutes   3 seconds   4 month   5 date   6 year   7 day of week
    8 … F       alarm: the same units, with a mask bit each (0: this unit is compared)
    10          write: interrupt mask; read: interrupt status, cleared by reading
    11          command (write only)

The counters are one number, hundredths of a second since the start of year 0 of the chip, that follows the
guest's clock. Reading register 0 latches all counters; registers 1 … 7 show the latch until register 0 is
read again. The chip has no reset pin. What year 0 means is up to the software: for Suns it is 1968.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from devices.generic.bus import Slave
from tme.args import Args, Param, number
from tme.element import Element
from tme.line import Line
from tme.port import Port
from tme.register import RO, RW, TAG, Register

if TYPE_CHECKING:
    from tme.clock import Event
    from tme.machine import Machine

SIZE = 0x20
CSEC, HOUR, MIN, SEC, MONTH, DATE, YEAR, WEEKDAY = range(8)
INTERRUPT, COMMAND = 0x10, 0x11

TICK = 10_000_000  #: nanoseconds in 1/100 s
DAY_TICKS = 8_640_000
CRYSTALS = (32_768, 1_048_576, 2_097_152, 4_194_304)
CENTURY = 100
YEAR_0 = 1968
PM = 0x80  #: of an hours register in the 12-hour format
ALARM_MASK = (0x80, 0x40, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80)
ALARM_VALUE = (0x7F, 0x9F, 0x3F, 0x3F, 0x0F, 0x1F, 0x7F, 0x07)
_EPOCH = date(YEAR_0, 1, 1).toordinal()
_CENTURY_DAYS = CENTURY * 1461 // 4


class Interrupt(Register):
    """Mask and status have the same bits."""

    PENDING = RO(0x80)
    DAY = RW(0x40)
    HOUR = RW(0x20)
    MINUTE = RW(0x10)
    SECOND = RW(0x08)
    TENTH = RW(0x04)
    HUNDREDTH = RW(0x02)
    ALARM = RW(0x01)


PERIODS = {
    Interrupt.HUNDREDTH: 1,
    Interrupt.TENTH: 10,
    Interrupt.SECOND: 100,
    Interrupt.MINUTE: 6_000,
    Interrupt.HOUR: 360_000,
    Interrupt.DAY: DAY_TICKS,
}
"""Ticks between the periodic interrupts, shortest first."""


class Command(Register):
    """Command register; the test mode speeds the counters up in the factory and does nothing here."""

    TEST = TAG(0x20)
    INT_ENABLE = RW(0x10)
    RUN = RW(0x08)
    HOURS_24 = RW(0x04)
    CRYSTAL = RW(0x03)


def _days(year: int, month: int, day: int) -> int:
    """Days since the start of year 0. A date that no calendar has counts on from the one before it."""
    month = min(max(month, 1), 12)
    return date(YEAR_0 + year, month, 1).toordinal() - _EPOCH + max(day, 1) - 1


class Isil7170(Element):
    """The chip on a bus, one register a byte."""

    module = "ic/isil7170"
    summary = "Intersil 7170 clock: date, alarm, 100 Hz to daily interrupts"
    params = (Param("scale", number, default=1, help="makes the chip's time run N times slower"),)
    width = 1
    signal: str | None = None
    """The board's wire that INT is soldered to, when a connection gives no ipl."""
    crystal = 32_768

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        if args["scale"] < 1:
            raise self.error("scale must be 1 or more")
        self.clock = machine.clock
        self.irq = Line(f"{name} INT")
        self.port = Slave(self, Args(), self, SIZE, irq=self.irq, signal=self.signal)
        self.command_register = Command()
        self.mask = Interrupt()
        self.status = Interrupt()
        self.alarm = bytearray(8)
        self._tick_event: Event | None = None
        self._alarm_event: Event | None = None
        self._weekday_offset = 0
        self._count = 0  #: ticks of the calendar at guest time _since
        self._since = 0
        self._written: tuple[int, bytes] | None = None  #: counters as written, at which tick
        self._stopped_part = 0  #: nanoseconds of the unfinished tick while the chip is stopped
        self.command_register.write(Command.RUN | Command.HOURS_24)
        self.set_time(machine.clock.wall())
        self._latch = self._counters(self._count)

    def ports(self, args: Args) -> list[Port]:
        return [self.port]

    def reset(self) -> None:
        """The chip knows no reset; interrupts start disabled as after its battery-backed sleep."""
        self.mask.reset()
        self.status.reset()
        self.command_register.INT_ENABLE = 0
        self._schedule()

    # ---- time ---------------------------------------------------------------------------------------------

    @property
    def tick(self) -> int:
        """Guest nanoseconds in a hundredth of a second of the chip: more if the crystal is set wrongly."""
        scale: int = self.args["scale"]
        declared: int = CRYSTALS[self.command_register.CRYSTAL]
        return TICK * scale * declared // self.crystal

    def set_time(self, when: datetime) -> None:
        """Set calendar and weekday; the chip keeps time on from here."""
        when = when.astimezone(UTC)
        days = when.date().toordinal() - _EPOCH
        ticks = ((when.hour * 60 + when.minute) * 60 + when.second) * 100 + when.microsecond // 10_000
        self._count = (days % _CENTURY_DAYS) * DAY_TICKS + ticks
        self._weekday_offset = (when.isoweekday() - days) % 7
        self._written = None
        self._since = self.clock.now

    def now(self) -> int:
        """Ticks since the start of year 0."""
        if not self.command_register.RUN:
            return self._count
        return self._count + (self.clock.now - self._since) // self.tick

    def _counters(self, count: int) -> bytes:
        """The eight counters at a tick. What was written stays as it is until the next tick, even "31
        February": software sets one counter after the other."""
        if self._written and count == self._written[0]:
            return self._written[1]
        days, ticks = divmod(count, DAY_TICKS)
        day = date.fromordinal(_EPOCH + days % _CENTURY_DAYS)
        seconds, csec = divmod(ticks, 100)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        weekday = (days + self._weekday_offset) % 7
        return bytes(
            (csec, self._hours(hours), minutes, seconds, day.month, day.day, day.year - YEAR_0, weekday)
        )

    def _hours(self, hours: int) -> int:
        if self.command_register.HOURS_24:
            return hours
        return (hours % 12 or 12) | (PM if hours >= 12 else 0)

    def _from_hours(self, value: int) -> int:
        if self.command_register.HOURS_24:
            return value & 0x1F
        return (value & 0x0F) % 12 + (12 if value & PM else 0)

    def _write_counter(self, register: int, value: int) -> None:
        now = self.now()
        counters = bytearray(self._counters(now))
        counters[register] = value
        days = _days(counters[YEAR] % CENTURY, counters[MONTH], counters[DATE])
        seconds = (self._from_hours(counters[HOUR]) * 60 + counters[MIN]) * 60 + counters[SEC]
        if self.command_register.RUN:
            self._since += (now - self._count) * self.tick  # the running hundredth stays as it is
        self._count = (days % _CENTURY_DAYS) * DAY_TICKS + seconds * 100 + counters[CSEC]
        self._weekday_offset = (counters[WEEKDAY] - days) % 7
        self._written = (self._count, bytes(counters))
        self._latch = bytes(counters)
        self._schedule()

    def _write_command(self, value: int) -> None:
        now, part = self.now(), self._stopped_part
        if self.command_register.RUN:
            part = (self.clock.now - self._since) % self.tick
        changed = self.command_register.write(value)
        if changed & Command.TEST and value & Command.TEST:
            self.log("test mode was set: it has no effect here")
        if changed & Command.HOURS_24:
            self._written = None
        self._count, self._stopped_part = now, part
        self._since = self.clock.now - part
        self._schedule()

    # ---- bus ----------------------------------------------------------------------------------------------

    def read(self, offset: int, size: int) -> int:
        """Register 0 latches the counters, the interrupt status is cleared."""
        if offset == CSEC:
            self._latch = self._counters(self.now())
        value = self.peek(offset, size)
        if offset == INTERRUPT:
            self.status.reset()
            self._update()
        return value

    def peek(self, offset: int, size: int) -> int:
        """What reads would give; without latching the fresh hundredths are still shown."""
        value = 0
        for register in range(offset, offset + size):
            value = value << 8 | self._peek_byte(register)
        return value

    def _peek_byte(self, register: int) -> int:
        if register == CSEC:
            return self._counters(self.now())[CSEC]
        if register < 8:
            return self._latch[register]
        if register < INTERRUPT:
            return self.alarm[register - 8]
        return self.status.peek() if register == INTERRUPT else 0xFF

    def write(self, offset: int, size: int, value: int) -> None:
        if offset < 8:
            self._write_counter(offset, value)
        elif offset < INTERRUPT:
            self.alarm[offset - 8] = value
            self._schedule()
        elif offset == INTERRUPT:
            self.mask.write(value)
            self.status.value &= self.mask.value
            self._schedule()
        elif offset == COMMAND:
            self._write_command(value)

    # ---- interrupts ---------------------------------------------------------------------------------------

    def _update(self) -> None:
        """Recompute the pending bit and INT."""
        self.status.PENDING = 0
        self.status.PENDING = 1 if self.status.value else 0
        self.irq.set(self.status.PENDING and self.command_register.INT_ENABLE)

    def _schedule(self) -> None:
        """Only enabled sources cost anything: the next periodic one, and the next match of the alarm."""
        for event in (self._tick_event, self._alarm_event):
            if event:
                event.cancel()
        self._tick_event = self._alarm_event = None
        self._update()
        if self.command_register.RUN:
            self._schedule_tick()
            if self.mask.ALARM:
                self._schedule_alarm(self.now() + 1)

    def _when(self, count: int) -> int:
        """Guest time of a tick."""
        return self._since + (count - self._count) * self.tick

    def _schedule_tick(self) -> None:
        for bit, period in PERIODS.items():
            if self.mask.value & bit:
                count = (self.now() // period + 1) * period
                self._tick_event = self.clock.at(self._when(count), self._periodic)
                return

    def _periodic(self) -> None:
        now = self.now()
        for bit, period in PERIODS.items():
            if self.mask.value & bit and now % period == 0:
                self.status.value |= bit
        self._update()
        self._schedule_tick()

    def _schedule_alarm(self, start: int) -> None:
        count = self._next_match(start)
        if count is not None:
            self._alarm_event = self.clock.at(self._when(count), self._alarm)

    def _alarm(self) -> None:
        self.status.ALARM = 1
        self._update()
        # the match lasts as long as the finest compared unit: look for the next one behind it
        lasts = next((ticks for unit, ticks in _UNIT_TICKS if self._wanted(unit) is not None), None)
        if lasts:
            self._schedule_alarm((self.now() // lasts + 1) * lasts)

    def _wanted(self, unit: int) -> int | None:
        """The value that an alarm register compares; None when it is masked."""
        value = self.alarm[unit]
        if value & ALARM_MASK[unit]:
            return None
        value &= ALARM_VALUE[unit]
        return self._from_hours(value) if unit == HOUR else value

    def _next_match(self, start: int) -> int | None:
        """The first tick at or after `start` where every compared unit matches, within a century."""
        wanted = [self._wanted(unit) for unit in range(8)]
        first_day, ticks = divmod(start, DAY_TICKS)
        for days in range(first_day, first_day + _CENTURY_DAYS):
            if self._day_matches(days, wanted):
                found = _time_match(ticks, wanted)
                if found is not None:
                    return days * DAY_TICKS + found
            ticks = 0
        return None

    def _day_matches(self, days: int, wanted: list[int | None]) -> bool:
        weekday = (days + self._weekday_offset) % 7
        if wanted[WEEKDAY] not in (None, weekday):
            return False
        day = date.fromordinal(_EPOCH + days % _CENTURY_DAYS)
        pairs = ((MONTH, day.month), (DATE, day.day), (YEAR, day.year - YEAR_0))
        return all(wanted[unit] in (None, value) for unit, value in pairs)


_UNIT_TICKS = (
    (CSEC, 1),
    (SEC, 100),
    (MIN, 6000),
    (HOUR, 360000),
    *tuple((unit, DAY_TICKS) for unit in (DATE, WEEKDAY, MONTH, YEAR)),
)


def _time_match(start: int, wanted: list[int | None]) -> int | None:
    """The first tick of a day at or after `start` whose hour, minute, second and hundredth are wanted."""
    ticks = start
    while ticks < DAY_TICKS:
        for unit, length, count in ((HOUR, 360_000, 24), (MIN, 6_000, 60), (SEC, 100, 60), (CSEC, 1, 100)):
            value = wanted[unit]
            if value is not None and ticks // length % count != value:
                if value >= count:
                    return None
                ticks = (ticks // length + 1) * length
                break
        else:
            return ticks
    return None
