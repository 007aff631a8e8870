"""What the host's ends of Ethernet cables share: a port, a queue towards the guest, commands."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from tme.args import Args, Param, number
from tme.element import Element
from tme.ethernet import ETHERNET_PARAMS, EthernetPort
from tme.port import Port

if TYPE_CHECKING:
    from tme.machine import Machine

RATE = Param("rate", number, default=10, help="Mbit/s towards the guest, as its wire had; 0 for no limit")
LIMIT = 512
"""Frames waiting for the guest; what comes on top is lost, as in any switch."""
OVERHEAD = 24
"""Bytes on the wire besides the frame: preamble, FCS and the gap behind it."""
SHORTEST = 60


class Wire:
    """Frames towards a guest, one after the other at the speed of its Ethernet.

    Never delivers during a call of `send`: chips need not expect an answer while they transmit. rate: Mbit/s
    of guest time, 0 for "at the next instruction".
    """

    def __init__(self, machine: Machine, port: EthernetPort, rate: int) -> None:
        self.clock = machine.clock
        self.port = port
        self.rate = rate
        self.gap_ns = 0
        """An additional pause between frames."""
        self.lost = 0
        self._queue: deque[bytes] = deque()
        self._busy = False

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def room(self) -> int:
        """Frames that can be taken now."""
        return LIMIT - len(self._queue)

    def send(self, frame: bytes) -> bool:
        """Queue a frame; False when it is lost because too many wait."""
        if len(self._queue) >= LIMIT:
            self.lost += 1
            return False
        self._queue.append(frame)
        if not self._busy:
            self._busy = True
            self.clock.after(self._time(frame), self._deliver)
        return True

    def _time(self, frame: bytes) -> int:
        """Nanoseconds that a frame is on the wire."""
        wire = (max(len(frame), SHORTEST) + OVERHEAD) * 8000 // self.rate if self.rate else 1
        return wire + self.gap_ns

    def _deliver(self) -> None:
        count = 1 if self.rate or self.gap_ns else len(self._queue)
        for _ in range(count):
            self.port.send(self._queue.popleft())
        self._busy = bool(self._queue)
        if self._queue:
            self.clock.after(self._time(self._queue[0]), self._deliver)


class HostEnd(Element):
    """Base of elements with one Ethernet port: `from_guest` takes frames, `wire.send` gives them."""

    conn_params = ETHERNET_PARAMS

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.port = EthernetPort(self, receive=self.from_guest, on_link=self.link_changed)
        self.wire = Wire(machine, self.port, args["rate"] if "rate" in args.defaults else 0)

    def ports(self, args: Args) -> list[Port]:
        return [self.port]

    def from_guest(self, frame: bytes) -> None:
        """A frame from the cable."""
        raise NotImplementedError

    def link_changed(self, up: bool) -> None:
        """The cable's link came up or went down."""

    def command(self, words: list[str]) -> str | None:
        return self.port.command(words)

    def close(self) -> None:
        self.port.stop_capture()

    def numbers(self) -> dict[str, Any]:
        """Counters for people, by name."""
        return {"lost towards the guest": self.wire.lost}
