"""Parity of main memory, which only self-tests see: bytes written with wrong parity, and who reads them.

Memory of the host has no parity bits. While the memory error register's TEST bit is on, or some byte has
wrong parity, the MMU sends all main memory to the space PARITY instead of to memory itself, and every access
comes here. Otherwise nothing does, and nothing is slower for it.
"""

from __future__ import annotations

from collections.abc import Callable

from tme.bus import Bus


class Parity:
    """Bytes with wrong parity. `watch(on)`: send accesses here, or no more; `found(lanes, va)`: such a byte
    was read, its lane is 8 for D31-D24 to 1 for D7-D0, or what `lanes` says of the four."""

    def __init__(
        self,
        watch: Callable[[bool], None],
        found: Callable[[int, int], None],
        lanes: tuple[int, int, int, int] = (8, 4, 2, 1),
    ) -> None:
        self.watch, self.found, self.lanes = watch, found, lanes
        self.wrong: set[int] = set()
        self.testing = False

    def test(self, on: bool) -> None:
        """The TEST bit: writes store wrong parity while it is on."""
        self.testing = on
        self.watch(on or bool(self.wrong))

    def read(self, bus: Bus, address: int, va: int, size: int) -> int:
        """A read of main memory."""
        value = bus.read(address, size)
        if self.wrong:
            lanes = self.wrong_lanes(address, size)
            if lanes:
                self.found(lanes, va)
        return value

    def wrong_lanes(self, address: int, size: int) -> int:
        """The lanes of a range that have wrong parity somewhere."""
        lanes = 0
        for at in range(address, address + size):
            if at in self.wrong:
                lanes |= self.lanes[at & 3]
        return lanes

    def write(self, bus: Bus, address: int, size: int, value: int) -> None:
        """A write to main memory."""
        bus.write(address, size, value)
        self.wrote(address, size)

    def wrote(self, address: int, size: int) -> None:
        """Bytes get the parity that is written now."""
        if self.testing:
            self.wrong.update(range(address, address + size))
        elif self.wrong:
            self.wrong.difference_update(range(address, address + size))
            if not self.wrong:
                self.watch(False)
