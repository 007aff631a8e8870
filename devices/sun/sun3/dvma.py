"""Direct virtual memory access: other bus masters reach memory through the MMU, as supervisor data.

On-board masters drive 24 address bits: virtual 0F000000 to 0FFFFFFF. VME masters reach the last megabyte of
it at the start of their address space. The present context's maps are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.sun.sun3.mmu import FC_SUPER_DATA, OBMEM, PAGE_BITS, PARITY, SPACE_SHIFT
from tme.bus import BusError
from translator.softmmu import READ, WRITE

if TYPE_CHECKING:
    from devices.sun.sun3.mainbus import Mainbus

ONBOARD, ONBOARD_SIZE = 0x0F00_0000, 1 << 24
VME, VME_SIZE = 0x0FF0_0000, 1 << 20
PAGE = 1 << PAGE_BITS


class Dvma:
    """The board's answer to cycles of other masters."""

    def __init__(self, board: Mainbus) -> None:
        self.board = board

    def onboard_read(self, address: int, count: int) -> bytes:
        return self._read(ONBOARD, ONBOARD_SIZE, address, count)

    def onboard_write(self, address: int, data: bytes) -> None:
        self._write(ONBOARD, ONBOARD_SIZE, address, data)

    def vme_read(self, address: int, count: int) -> bytes:
        return self._read(VME, VME_SIZE, address, count)

    def vme_write(self, address: int, data: bytes) -> None:
        self._write(VME, VME_SIZE, address, data)

    def _read(self, base: int, size: int, address: int, count: int) -> bytes:
        out = bytearray()
        while len(out) < count:
            at = address + len(out)
            piece = min(count - len(out), PAGE - at % PAGE)
            out += self._page(base, size, at, piece, READ, None)
        return bytes(out)

    def _write(self, base: int, size: int, address: int, data: bytes) -> None:
        done = 0
        while done < len(data):
            at = address + done
            piece = data[done : done + PAGE - at % PAGE]
            self._page(base, size, at, len(piece), WRITE, piece)
            done += len(piece)

    def _page(self, base: int, size: int, address: int, count: int, how: int, data: bytes | None) -> bytes:
        """One piece within a page."""
        board, cpu = self.board, self.board.cpu
        if cpu is None or not board.enable.register.SDVMA or not 0 <= address < size:
            raise BusError(address)
        causes = int(board.maps.state.bus_error)  # the register is the processor's
        phys = cpu.memory.translate(base + address, FC_SUPER_DATA, how)
        board.maps.state.bus_error = causes
        if phys is None:
            raise BusError(address, timeout=False)
        number, at = phys >> SPACE_SHIFT, phys & (1 << SPACE_SHIFT) - 1
        if number == PARITY:
            number, phys = OBMEM, at
            if data is not None:
                board.parity.wrote(at, count)
        if data is not None:
            cpu.memory.wrote(phys, count)
        bus = board.bus_of(number, phys)
        found = bus.find(at)
        if found is not None and hasattr(found[2], "read_bytes") and at + count <= found[0] + found[1]:
            base_at, _, memory = found
            if data is None:
                return memory.read_bytes(at - base_at, count)
            if memory.writable:
                memory.write_bytes(at - base_at, data)
            return b""
        if data is None:
            return bytes(bus.read(at + i, 1) for i in range(count))
        for i, byte in enumerate(data):
            bus.write(at + i, 1, byte)
        return b""
