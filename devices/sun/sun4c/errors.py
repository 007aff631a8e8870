"""The error registers of a sun4c board, and which failure of a bus cycle ends where.

    synchronous    loads and fetches; stores that the MMU refuses: trap 9 or 1; SER causes, SEVAR address
    asynchronous   stores that fail behind the MMU, and other masters' cycles: level 15, ASER, ASEVAR

SER and SEVAR live in the MMU's struct, where native code writes them.

Sources: NetBSD sparc ctlreg.h, locore.s, memreg.c; TME; docs/machines/sun4c.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devices.sun.sun4c.control import AsyncError, SyncError

SBUS_BASE = 0xF800_0000
SER, SEVAR, ASER, ASEVAR, DATA_LOW, DATA_HIGH = range(0, 0x18, 4)


class Errors:
    """What went wrong. `interrupt()` asks for level 15."""

    def __init__(self, state: Any, interrupt: Callable[[], None]) -> None:
        self.state = state
        self.interrupt = interrupt
        self.async_error = AsyncError()
        self.async_va = self.data_low = self.data_high = 0

    def reset(self, causes: int = 0) -> None:
        """Nothing has happened, but for causes of the synchronous kind: SyncError.WATCHDOG."""
        self.state.sync_error, self.state.sync_va = causes, 0
        self.async_error.reset()
        self.async_va = self.data_low = self.data_high = 0

    def latch_sync(self, causes: int, va: int, writing: bool = False) -> None:
        """A cycle of the processor ends in a trap."""
        self.state.sync_error = int(self.state.sync_error) & ~SyncError.WRITE | causes | writing << 15
        self.state.sync_va = va

    def latch_async(self, causes: int, va: int, size: int, value: int = 0) -> None:
        """A failed cycle that nobody waits for; the first one keeps its address, size (log 2) and data."""
        register = self.async_error
        if register.value:
            register.value |= causes | AsyncError.MULTIPLE
        else:
            register.value = causes | min(size.bit_length() - 1, 3) << 8
            self.async_va = va
            self.data_low, self.data_high = value & 0xFFFF_FFFF, value >> 32
        self.interrupt()

    def read(self, offset: int) -> int:
        """A guest reads a register: this clears it, but for the synchronous address, and no other one."""
        value = self.peek(offset)
        if offset == SER:
            self.state.sync_error = 0
        elif offset != SEVAR:
            self._set(offset, 0)
        return value

    def peek(self, offset: int) -> int:
        """What a read would give; zero where there is no register."""
        match offset:
            case 0x00:
                return int(self.state.sync_error)
            case 0x04:
                return int(self.state.sync_va)
            case 0x08:
                return self.async_error.value
            case 0x0C:
                return self.async_va
            case 0x10:
                return self.data_low
            case 0x14:
                return self.data_high
        return 0

    def write(self, offset: int, value: int) -> None:
        """A guest writes a register, which then holds the value."""
        self._set(offset, value)

    def _set(self, offset: int, value: int) -> None:
        if offset == SER:
            self.state.sync_error = value
        elif offset == SEVAR:
            self.state.sync_va = value
        elif offset == ASER:
            self.async_error.value = value
        elif offset == ASEVAR:
            self.async_va = value
        elif offset == DATA_LOW:
            self.data_low = value
        elif offset == DATA_HIGH:
            self.data_high = value


def sync_causes(address: int, timeout: bool) -> int:
    """Causes of a cycle that failed at a bus address."""
    return (SyncError.TIMEOUT if timeout else 0) | (SyncError.SBUS if address >= SBUS_BASE else 0)


def async_causes(address: int, timeout: bool) -> int:
    """The same for the asynchronous register."""
    return (AsyncError.TIMEOUT if timeout else 0) | (AsyncError.SBUS if address >= SBUS_BASE else 0)
