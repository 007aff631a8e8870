"""The registers of a sun4c main board: system enable, errors, interrupts, auxiliary.

Sources: NetBSD sparc ctlreg.h, intreg.h, auxreg.h and the code that uses them; Linux contregs.h, auxio.h;
TME. Where they disagree, docs/machines/sun4c.md says what was chosen.
"""

from __future__ import annotations

from collections.abc import Callable

from tme.bus import IPL, Bus
from tme.register import RO, RW, TAG, Register

LEVELS = 15
ASYNC_LEVEL = 15


class Enable(Register):
    """System enable register. All bits off is the boot state."""

    NOT_BOOT = RW(0x80)
    IO_CACHE = TAG(0x40)
    SDVMA = RW(0x20)
    CACHE = RW(0x10)
    VIDEO = TAG(0x08)
    RESET = RW(0x04)


class SyncError(Register, width=32):
    """Why the last accesses trapped; causes gather until the register is read."""

    WRITE = RO(0x8000)
    INVALID = RO(0x80)
    PROTECTION = RO(0x40)
    TIMEOUT = RO(0x20)
    SBUS = RO(0x10)
    MEMORY = RO(0x08)
    SIZE = RO(0x02)
    WATCHDOG = RO(0x01)


class AsyncError(Register, width=32):
    """What happened to stores after the processor had gone on, and to other masters."""

    LOG_SIZE = RO(0x300)
    INVALID = RO(0x80)
    PROTECTION = RO(0x40)
    TIMEOUT = RO(0x20)
    DVMA = RO(0x10)
    MEMORY = RO(0x08)
    SBUS = RO(0x02)
    MULTIPLE = RO(0x01)


class InterruptBits(Register):
    """Interrupt register (OBIO 5000000)."""

    LEVEL_14 = RW(0x80)
    UNUSED = TAG(0x40)
    LEVEL_10 = RW(0x20)
    LEVEL_8 = RW(0x10)
    SOFT_6 = RW(0x08)
    SOFT_4 = RW(0x04)
    SOFT_1 = RW(0x02)
    ENABLE = RW(0x01)


SOFT = {1: InterruptBits.SOFT_1, 4: InterruptBits.SOFT_4, 6: InterruptBits.SOFT_6}
"""The register's own requests."""
GATES = {8: InterruptBits.LEVEL_8, 10: InterruptBits.LEVEL_10, 14: InterruptBits.LEVEL_14}
"""Levels of devices that need a bit."""


def _masks(value: int) -> tuple[int, int]:
    """(levels that devices may ask for, levels that the register itself asks for), a bit each."""
    if not value & InterruptBits.ENABLE:
        return 0, 0
    open_ = sum(1 << level for level in range(1, LEVELS + 1) if level not in GATES or value & GATES[level])
    return open_, sum(1 << level for level, bit in SOFT.items() if value & bit)


MASKS = [_masks(value) for value in range(256)]


class InterruptRegister:
    """The interrupt register and the priority encoder behind it.

    It gathers the wires of the bus (`listen`), soft interrupts and asynchronous errors, and tells the board
    the level to show the processor (`changed_level`). Soft interrupts stay until software clears their bits;
    the error interrupt, level 15, until it clears the enable bit.
    """

    width = 1

    def __init__(self, changed_level: Callable[[int], None] | None = None) -> None:
        self.register = InterruptBits()
        self.changed_level = changed_level
        self._wires = 0  #: levels that devices ask for
        self._error = 0  #: the bit of the level, while there is one
        self._level = 0

    def listen(self, bus: Bus) -> None:
        """Take the interrupts of the bus."""
        bus.on_interrupt(lambda ipl, level, source, vector: self._edge(bus, ipl))

    def level(self) -> int:
        """What the priority encoder shows: 0 to 15."""
        return self._level

    def error(self) -> None:
        """An asynchronous error."""
        self._error = 1 << ASYNC_LEVEL
        self._update()

    def read(self, offset: int, size: int) -> int:
        return self.register.read()

    def peek(self, offset: int, size: int) -> int:
        return self.register.peek() << 8 * (size - 1)

    def write(self, offset: int, size: int, value: int) -> None:
        self.register.write(value)
        if not self.register.ENABLE:
            self._error = 0
        self._update()

    def reset(self) -> None:
        """All interrupts off."""
        self.register.reset()
        self._error = 0
        self._update()

    def _edge(self, bus: Bus, ipl: IPL) -> None:
        if isinstance(ipl, int) and 0 < ipl <= LEVELS:
            bit = 1 << ipl
            self._wires = self._wires | bit if bus.pending(ipl) else self._wires & ~bit
            self._update()

    def _update(self) -> None:
        open_, soft = MASKS[self.register.value]
        asked = (self._wires | self._error) & open_ | soft
        level = max(asked.bit_length() - 1, 0)
        if level != self._level:
            self._level = level
            if self.changed_level:
                self.changed_level(level)


class AuxBits(Register, reset=0xF1):
    """Auxiliary register (OBIO 7400003). The upper half and the floppy's inputs read as ones; the LED is lit
    after a reset."""

    ONES = RO(0xC0)
    DENSITY = RO(0x20)
    DISK_CHANGED = RO(0x10)
    DRIVE_SELECT = RW(0x08)
    TERMINAL_COUNT = RW(0x04)
    EJECT = RW(0x02)
    LED = RW(0x01)


class Aux:
    """The auxiliary register on the bus; `changed(register)` is called when a guest changes it."""

    width = 1

    def __init__(self, changed: Callable[[AuxBits], None] = lambda register: None) -> None:
        self.register = AuxBits()
        self.changed = changed

    def read(self, offset: int, size: int) -> int:
        return self.register.read()

    def peek(self, offset: int, size: int) -> int:
        return self.register.peek() << 8 * (size - 1)

    def write(self, offset: int, size: int, value: int) -> None:
        if self.register.write(value):
            self.changed(self.register)
