"""Direct virtual memory access: other bus masters reach memory through the MMU, page by page."""

from __future__ import annotations

from collections.abc import Callable

from tme.bus import Bus

Locate = Callable[[int, int, bool], tuple[Bus, int]]
"""(virtual address, bytes within its page, writing) -> where they are; BusError when the board refuses."""


class Dvma:
    """Cycles of other masters at virtual addresses, through the board's `locate`."""

    def __init__(self, page: int, locate: Locate) -> None:
        self.page = page
        self.locate = locate

    def read(self, va: int, count: int) -> bytes:
        """`count` bytes of guest memory."""
        out = bytearray()
        while len(out) < count:
            at = va + len(out)
            piece = min(count - len(out), self.page - at % self.page)
            bus, address = self.locate(at, piece, False)
            found = bus.find(address)
            if (
                found is not None
                and hasattr(found[2], "read_bytes")
                and address + piece <= found[0] + found[1]
            ):
                out += found[2].read_bytes(address - found[0], piece)
            else:
                out += bytes(bus.read(address + i, 1) for i in range(piece))
        return bytes(out)

    def write(self, va: int, data: bytes) -> None:
        """Bytes into guest memory."""
        done = 0
        while done < len(data):
            at = va + done
            piece = data[done : done + self.page - at % self.page]
            bus, address = self.locate(at, len(piece), True)
            found = bus.find(address)
            end = address + len(piece)
            if found is not None and hasattr(found[2], "write_bytes") and end <= found[0] + found[1]:
                if found[2].writable:
                    found[2].write_bytes(address - found[0], piece)
            else:
                for i, byte in enumerate(piece):
                    bus.write(address + i, 1, byte)
            done += len(piece)
