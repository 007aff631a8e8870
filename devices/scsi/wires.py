"""The SCSI bus as wires: eighteen open-collector lines, the phases they spell, and who drives them.

Every port drives some lines; a line is asserted while anybody asserts it. Each change is told to every port,
which may drive other lines in answer, until all is quiet. Nothing takes guest time. A byte is transferred by
the REQ/ACK handshake, or, since both ends would only count, many bytes at once by `give` and `take` of the
target's port: the lines then look as they do after the last of those handshakes.

Source: ANSI X3.131-1986 (SCSI-1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tme.port import Port

if TYPE_CHECKING:
    from tme.args import Args
    from tme.element import Element

# The lower byte is the current SCSI bus status register of an NCR 5380.
DBP, SEL, IO, CD, MSG, REQ, BSY, RST, ACK, ATN = (1 << bit for bit in range(10))

DATA_OUT, DATA_IN, COMMAND, STATUS = 0, IO, CD, CD | IO
MESSAGE_OUT, MESSAGE_IN = MSG | CD, MSG | CD | IO
PHASE = MSG | CD | IO
"""The lines that say which phase it is."""
PHASES = {
    DATA_OUT: "data out",
    DATA_IN: "data in",
    COMMAND: "command",
    STATUS: "status",
    MESSAGE_OUT: "message out",
    MESSAGE_IN: "message in",
}


def odd_parity(byte: int) -> int:
    """The parity bit that goes with a byte."""
    return ~byte.bit_count() & 1


class Wires:
    """The lines of one bus."""

    def __init__(self) -> None:
        self.control = 0  #: SEL … ATN
        self.data = 0
        self._parity = odd_parity(0)
        self.flip_parity = False  #: a bad cable: every parity bit is wrong
        self._driven: dict[ScsiPort, tuple[int, int]] = {}
        self._settling = False

    @property
    def parity(self) -> int:
        """The DBP line. Nobody drives the lines of a free bus, and then it means nothing."""
        return self._parity ^ self.flip_parity

    @property
    def ports(self) -> list[ScsiPort]:
        """Everybody on the bus."""
        return list(self._driven)

    @property
    def phase(self) -> int | None:
        """The information transfer phase; None unless a target has the bus."""
        return self.control & PHASE if self.control & (BSY | SEL) == BSY else None

    def join(self, port: ScsiPort) -> None:
        """A device is plugged in."""
        self._driven[port] = 0, 0

    def leave(self, port: ScsiPort) -> None:
        """A device is unplugged."""
        self.drive(port, 0)
        del self._driven[port]

    def drive(self, port: ScsiPort, control: int, data: int = 0) -> None:
        """A port asserts these lines and no others from now on. Returns when the bus is quiet, except within
        `changed`: then the bus settles after it."""
        self._driven[port] = control, data
        if self._settling:
            return
        self._settling = True
        try:
            while self._combine():
                for listener in tuple(self._driven):
                    listener.changed()
        finally:
            self._settling = False

    def _combine(self) -> bool:
        """Recompute the lines; true when one changed."""
        control = data = 0
        for lines, byte in self._driven.values():
            control |= lines
            data |= byte
        if (control, data) == (self.control, self.data):
            return False
        self.control, self.data = control, data
        self._parity = odd_parity(data)
        return True

    def driver(self, lines: int) -> ScsiPort | None:
        """Who asserts one of these lines."""
        return next((port for port, (control, _) in self._driven.items() if control & lines), None)

    # Many handshakes at once, for initiators

    def receive(self, count: int) -> bytes:
        """Up to `count` bytes of an input phase; fewer when the target changes the phase."""
        target = self.driver(REQ)
        if target is None or not self.control & IO or self.control & ACK or self.phase != target.phase:
            return b""
        return target.give(count)

    def send(self, data: bytes) -> int:
        """Bytes for an output phase; returns how many the target took before it changed the phase."""
        target = self.driver(REQ)
        if target is None or self.control & (IO | ACK) or self.phase != target.phase:
            return 0
        return target.take(data)


class ScsiPort(Port):
    """A device's connector. Subclasses answer `changed`; those of targets also `give` and `take`."""

    peer: Any

    def __init__(self, element: Element, args: Args | None = None, role: str = "device") -> None:
        super().__init__(element, "scsi", role, args)

    @property
    def wires(self) -> Wires | None:
        """The bus, when there is one."""
        return self.peer.own_wires if self.peer is not None else None

    def drive(self, control: int, data: int = 0) -> None:
        """Assert these lines and no others; without a bus nobody sees it."""
        if self.peer is not None:
            self.peer.own_wires.drive(self, control, data)

    @property
    def phase(self) -> int | None:
        """Target: the phase it is in or about to show; None when it does not have the bus."""
        return None

    def changed(self) -> None:
        """Some line of the bus has changed."""

    def give(self, count: int) -> bytes:
        """Target: hand out up to `count` bytes of this input phase, as after that many handshakes."""
        return b""

    def take(self, data: bytes) -> int:
        """Target: accept bytes of this output phase; returns how many it wanted."""
        return 0
