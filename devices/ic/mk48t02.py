"""ST MK48T02: the eight clock registers of a battery-backed RAM with a clock. The RAM below them is a memory.

    nvram0 at sbus0 addr 0xf2000000: tme/host/posix/memory persistent my-nvram.bin      2040 bytes
    clock0 at sbus0 addr 0xf20007f8: tme/machine/sun4/clock type tme/ic/mk48t02

    0 control   1 seconds   2 minutes   3 hours   4 day of the week   5 date   6 month   7 year; BCD, 24 hours

READ freezes what is seen; WRITE too, and when it is taken back the clock goes on from what was written. A
write without it lasts until the next second. What year 0 means is up to the software: 1968 for Suns. The
clock is set to the guest's date at power-up; setting it changes the guest's idea of it, not the host's.

Source: ST, MK48T02 data sheet; NetBSD sparc clockreg.h.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from devices.generic.bus import Slave
from tme.args import Args
from tme.element import Element
from tme.port import Port
from tme.register import RW, TAG, Register

if TYPE_CHECKING:
    from tme.machine import Machine

SIZE = 8
CONTROL, SECONDS, MINUTES, HOURS, WEEKDAY, DATE, MONTH, YEAR = range(SIZE)
STOP, KICK_START, FREQUENCY_TEST = 0x80, 0x80, 0x40
"""Of seconds, hours and day of the week."""
KEPT = {SECONDS: STOP, HOURS: KICK_START, WEEKDAY: FREQUENCY_TEST}
BITS = (0xFF, 0xFF, 0x7F, 0xBF, 0x47, 0x3F, 0x1F, 0xFF)
"""The bits that the registers have."""
YEAR_0 = 1968
SECOND, DAY = 1_000_000_000, 86_400
_EPOCH = date(YEAR_0, 1, 1).toordinal()


class Control(Register):
    """Control; the calibration is kept and has no effect."""

    WRITE = RW(0x80)
    READ = RW(0x40)
    SIGN = TAG(0x20)
    CALIBRATION = TAG(0x1F)


def bcd(value: int) -> int:
    """Two decimal digits."""
    return value // 10 % 10 << 4 | value % 10


def number(digits: int) -> int:
    """What two digits say, also those that are none."""
    return (digits >> 4) * 10 + (digits & 15)


class Mk48t02(Element):
    """The registers on a bus, a byte each."""

    module = "ic/mk48t02"
    summary = "ST MK48T02 clock: eight registers behind its RAM, which is a memory of its own"
    width = 1

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.clock = machine.clock
        self.port = Slave(self, Args(), self, SIZE)
        self.control = Control()
        self.flags = dict.fromkeys(KEPT, 0)  #: bits beside the time
        self._count = 0  #: seconds since the start of year 0 at guest time _since
        self._since = 0
        self._weekday = 0  #: of the first day of year 0
        self._written: tuple[int, bytes] | None = None  #: registers as written, in which second
        self._frozen: bytearray | None = None
        self.set_time(machine.clock.wall())

    def ports(self, args: Args) -> list[Port]:
        return [self.port]

    def set_time(self, when: datetime) -> None:
        """Set date and day of the week; the chip keeps time on from here."""
        start = datetime(YEAR_0, 1, 1, tzinfo=UTC)
        self._count = int((when - start).total_seconds()) % (100 * 1461 // 4 * DAY)
        self._since = self.clock.now
        self._weekday = date(YEAR_0, 1, 1).isoweekday() % 7

    @property
    def seconds(self) -> int:
        """Since the start of year 0, now."""
        if self.flags[SECONDS] & STOP:
            return self._count
        return self._count + (self.clock.now - self._since) // SECOND

    def _registers(self) -> bytearray:
        """Registers as they are now, but for control."""
        if self._frozen is not None:
            return self._frozen
        count = self.seconds
        if self._written is not None and self._written[0] == count:
            return bytearray(self._written[1])
        days, second = divmod(count, DAY)
        today = date.fromordinal(_EPOCH + days % (100 * 1461 // 4))
        values = (
            0,
            bcd(second % 60),
            bcd(second // 60 % 60),
            bcd(second // 3600),
            (days + self._weekday) % 7 + 1,
            bcd(today.day),
            bcd(today.month),
            bcd(today.year - YEAR_0),
        )
        return bytearray(value | self.flags.get(at, 0) for at, value in enumerate(values))

    def _load(self, registers: bytearray) -> None:
        """The clock goes on from these registers; an impossible date counts on from the one before."""
        for at, bit in KEPT.items():
            self.flags[at] = registers[at] & bit
        plain = [number(value & ~KEPT.get(at, 0)) for at, value in enumerate(registers)]
        year, month, day = plain[YEAR] % 100, min(max(plain[MONTH], 1), 12), max(plain[DATE], 1)
        days = date(YEAR_0 + year, month, 1).toordinal() - _EPOCH + day - 1
        self._count = days * DAY + plain[HOURS] % 24 * 3600 + plain[MINUTES] % 60 * 60 + plain[SECONDS] % 60
        self._since = self.clock.now
        self._weekday = (plain[WEEKDAY] - 1 - days) % 7
        self._written = None

    def read(self, offset: int, size: int) -> int:
        return self.control.read() if offset == CONTROL else self._registers()[offset]

    def peek(self, offset: int, size: int) -> int:
        image = bytes((self.control.peek(),)) + bytes(self._registers()[1:])
        return int.from_bytes(image[offset : offset + size], "big")

    def write(self, offset: int, size: int, value: int) -> None:
        if offset == CONTROL:
            self._write_control(value)
            return
        registers = self._registers()
        registers[offset] = value & BITS[offset]
        if self._frozen is None:
            self._written = self.seconds, bytes(registers)

    def _write_control(self, value: int) -> None:
        changed = self.control.write(value)
        if changed & Control.WRITE and not self.control.WRITE:
            self._load(self._registers())
        halted = self.control.WRITE or self.control.READ
        self._frozen = self._registers() if halted else None
