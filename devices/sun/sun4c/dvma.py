"""Direct virtual memory access on a sun4c: SBus masters go through the MMU as supervisor data.

A LANCE drives 24 address bits; the `dma-offset` of its connection gives the upper eight. A refused cycle is
an asynchronous error, and the master sees it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.sun import dvma
from devices.sun.sun4c.control import AsyncError, SyncError
from devices.sun.sun4c.errors import async_causes
from devices.sun.sun4c.mmu import (
    ASI_SUPER_DATA,
    BUS,
    INVALID,
    OBIO_BASE,
    PAGE_BITS,
    PARITY,
    PROTECTION,
    SPACE_SHIFT,
)
from tme.bus import Bus, BusError
from translator.softmmu import READ, WRITE

if TYPE_CHECKING:
    from devices.sun.sun4c.mainbus import Mainbus

REFUSED = {INVALID: AsyncError.INVALID, PROTECTION: AsyncError.PROTECTION}


class Dvma(dvma.Dvma):
    """The board's answer to cycles of other masters, at 32-bit virtual addresses."""

    def __init__(self, board: Mainbus) -> None:
        super().__init__(1 << PAGE_BITS, self._locate)
        self.board = board

    def read(self, va: int, count: int) -> bytes:
        try:
            return super().read(va, count)
        except BusError as error:
            raise self._failed(error, va, count) from None

    def write(self, va: int, data: bytes) -> None:
        try:
            super().write(va, data)
        except BusError as error:
            raise self._failed(error, va, len(data)) from None

    def _failed(self, error: BusError, va: int, count: int) -> BusError:
        """Something on the bus did not answer; what the MMU refused is known already."""
        if not isinstance(error, _Latched):
            self._latch(async_causes(error.address, error.timeout), va, count)
        return error

    def _latch(self, causes: int, va: int, count: int) -> None:
        self.board.errors.latch_async(causes | AsyncError.DVMA, va, min(count, 4) or 1)

    def _refuse(self, causes: int, va: int, count: int) -> BusError:
        self._latch(causes, va, count)
        return _Latched(va, timeout=False)

    def _locate(self, va: int, count: int, writing: bool) -> tuple[Bus, int]:
        board, cpu = self.board, self.board.cpu
        va &= 0xFFFF_FFFF
        if cpu is None or not board.enable.SDVMA:
            raise self._refuse(AsyncError.TIMEOUT | AsyncError.SBUS, va, count)
        state = board.maps.state
        kept = int(state.sync_error), int(state.sync_va)  # these registers are the processor's
        state.sync_error = 0
        phys = board.locate(va, ASI_SUPER_DATA, WRITE if writing else READ)
        cause = int(state.sync_error) & ~SyncError.WRITE
        state.sync_error, state.sync_va = kept
        if phys is None:
            raise self._refuse(REFUSED[cause], va, count)
        number, address = phys >> SPACE_SHIFT, phys & (1 << SPACE_SHIFT) - 1
        if number == PARITY:
            if writing:
                board.write_parity(address, count)
            elif self._is_damaged(address, count):
                raise self._refuse(AsyncError.MEMORY, va, count)
        elif number != BUS:
            raise self._refuse(AsyncError.TIMEOUT, va, count)
        if writing:
            cpu.memory.wrote(address, count)
        if address < OBIO_BASE and board.bus.find(address) is None:
            return board.nothing, address
        return board.bus, address

    def _is_damaged(self, address: int, count: int) -> bool:
        """Some byte has wrong parity, and that counts."""
        lanes = self.board.parity.wrong_lanes(address, count)
        return bool(lanes) and self.board.memory_errors.latch(address, lanes)


class _Latched(BusError):
    """A refused cycle that the error registers know of."""
