"""Bytes on their way from a keyboard or mouse to the machine, at the pace of a 1200 baud line."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tme.clock import Clock, Event
    from tme.port import SerialPort

BYTE_TIME = 10 * 1_000_000_000 // 1200
"""Nanoseconds of a byte with start and stop bit."""


class SendQueue:
    """Sends one byte at a time; while the other side has no room it waits, so that nothing is lost."""

    def __init__(self, clock: Clock, port: SerialPort) -> None:
        self.clock = clock
        self.port = port
        self._waiting: deque[bytes] = deque()
        self._event: Event | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, data: bytes, delay: int = 0) -> None:
        """Send bytes behind those that wait; when nothing waits, after `delay` nanoseconds."""
        self._waiting.extend(bytes((byte,)) for byte in data)
        if self._event is None and self._waiting:
            self._event = self.clock.after(max(delay, BYTE_TIME), self._send)

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        if self._event is not None:
            self._event.cancel()
            self._event = None

    def _send(self) -> None:
        self._event = None
        if self.port.peer is None:
            self._waiting.clear()
        elif self.port.ready:
            self.port.send(self._waiting.popleft())
        if self._waiting:
            self._event = self.clock.after(BYTE_TIME, self._send)
