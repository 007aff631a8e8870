"""Direct virtual memory access on a Sun-3: other bus masters reach memory as supervisor data.

On-board masters drive 24 address bits: virtual 0F000000 to 0FFFFFFF. VME masters reach the last megabyte of
it at the start of their address space. The present context's maps are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.sun import dvma
from devices.sun.sun3.mmu import FC_SUPER_DATA, OBMEM, PAGE_BITS, PARITY, SPACE_SHIFT
from tme.bus import Bus, BusError
from translator.softmmu import READ, WRITE

if TYPE_CHECKING:
    from devices.sun.sun3.mainbus import Mainbus

ONBOARD, ONBOARD_SIZE = 0x0F00_0000, 1 << 24
VME, VME_SIZE = 0x0FF0_0000, 1 << 20


class Dvma(dvma.Dvma):
    """The board's answer to cycles of other masters."""

    def __init__(self, board: Mainbus) -> None:
        super().__init__(1 << PAGE_BITS, self._locate)
        self.board = board

    def onboard_read(self, address: int, count: int) -> bytes:
        return self.read(self._place(ONBOARD, ONBOARD_SIZE, address, count), count)

    def onboard_write(self, address: int, data: bytes) -> None:
        self.write(self._place(ONBOARD, ONBOARD_SIZE, address, len(data)), data)

    def vme_read(self, address: int, count: int) -> bytes:
        return self.read(self._place(VME, VME_SIZE, address, count), count)

    def vme_write(self, address: int, data: bytes) -> None:
        self.write(self._place(VME, VME_SIZE, address, len(data)), data)

    def _place(self, base: int, size: int, address: int, count: int) -> int:
        if not self.board.enable.register.SDVMA or not 0 <= address <= address + count <= size:
            raise BusError(address)
        return base + address

    def _locate(self, va: int, count: int, writing: bool) -> tuple[Bus, int]:
        board, cpu = self.board, self.board.cpu
        if cpu is None:
            raise BusError(va)
        causes = int(board.maps.state.bus_error)  # the register is the processor's
        phys = cpu.memory.translate(va, FC_SUPER_DATA, WRITE if writing else READ)
        board.maps.state.bus_error = causes
        if phys is None:
            raise BusError(va, timeout=False)
        number, at = phys >> SPACE_SHIFT, phys & (1 << SPACE_SHIFT) - 1
        if number == PARITY:
            number, phys = OBMEM, at
            if writing:
                board.parity.wrote(at, count)
        if writing:
            cpu.memory.wrote(phys, count)
        return board.bus_of(number, phys), at
