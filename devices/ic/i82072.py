"""Intel 82072: a floppy disk controller. There is no drive: what needs one ends with the error that says so.

    fdc0 at sbus0 addr 0xf7200000 ipl 11: tme/machine/sun4/fdc type tme/ic/i82072

    +0 main status, write: data rate and reset    +1 FIFO: command, parameters, results

Source: Intel, 82072 CHMOS High Integration Floppy Disk Controller data sheet; NetBSD sparc dev/fd.c, fdreg.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from devices.generic.bus import Slave
from tme.args import Args
from tme.element import Element
from tme.line import Line
from tme.port import Port

if TYPE_CHECKING:
    from tme.machine import Machine

SIZE = 4
STATUS, FIFO = 0, 1
REQUEST, TO_CPU, NO_DMA, BUSY = 0x80, 0x40, 0x20, 0x10
"""Main status."""
RESET = 0x80
"""Of the data rate select register."""
DRIVES = 4
SEEK_TIME = 3_000_000
"""Nanoseconds that a drive which is not there is looked for."""
ABNORMAL, INVALID, READY_CHANGED, SEEK_END, EQUIPMENT, NOT_READY = 0x40, 0x80, 0xC0, 0x20, 0x10, 0x08
"""Status register 0; its lower two bits are the drive."""
NO_ADDRESS_MARK = 0x01
"""Status register 1."""
NO_POLL = 0x10
"""Of CONFIGURE's second parameter."""


class Command(NamedTuple):
    """How many parameters follow, and the method that does it."""

    parameters: int
    action: str


COMMANDS = {
    0x02: Command(8, "data"), 0x03: Command(2, "specify"), 0x04: Command(1, "sense_drive"),
    0x05: Command(8, "data"), 0x06: Command(8, "data"), 0x07: Command(1, "recalibrate"),
    0x08: Command(0, "sense_interrupt"), 0x09: Command(8, "data"), 0x0A: Command(1, "read_id"),
    0x0C: Command(8, "data"), 0x0D: Command(5, "data"), 0x0E: Command(0, "dump"),
    0x0F: Command(2, "seek"), 0x13: Command(3, "configure"), 0x16: Command(8, "data"),
}  # fmt: skip
"""By the lower five bits of the first byte; any other is invalid."""


class I82072(Element):
    """The controller on a bus."""

    module = "ic/i82072"
    summary = "Intel 82072 floppy disk controller, without drives"
    width = 1

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.irq = Line(f"{name} INT")
        self.port = Slave(self, Args(), self, SIZE, irq=self.irq)
        self.specified, self.configured = bytes(2), bytes(3)
        self.cylinders = [0] * DRIVES
        self.received = bytearray()
        self.results: list[int] = []
        self.pending: list[int] = []  #: status register 0 of what SENSE INTERRUPT STATUS tells
        self.last_end = 0  #: end of track, of the last data command

    def ports(self, args: Args) -> list[Port]:
        return [self.port]

    def reset(self) -> None:
        """The RESET pin."""
        self.specified, self.configured = bytes(2), bytes(3)
        self._restart()
        self.pending.clear()
        self._update()

    def _restart(self) -> None:
        """Reset by software: commands end, and each drive that is polled has changed."""
        self.received.clear()
        self.results.clear()
        self.cylinders = [0] * DRIVES
        self.pending[:] = [] if self.configured[1] & NO_POLL else [READY_CHANGED | n for n in range(DRIVES)]

    def _update(self) -> None:
        self.irq.set(self.pending or len(self.results) == 7)

    # ---- the bus ------------------------------------------------------------------------------------------

    def peek(self, offset: int, size: int) -> int:
        value = 0
        for register in range(offset, offset + size):
            byte = 0
            if register == STATUS:
                byte = REQUEST | (TO_CPU | BUSY if self.results else BUSY if self.received else 0)
            elif register == FIFO and self.results:
                byte = self.results[0]
            value = value << 8 | byte
        return value

    def read(self, offset: int, size: int) -> int:
        value = self.peek(offset, size)
        if offset == FIFO and self.results:
            self.results.pop(0)
            self._update()
        return value

    def write(self, offset: int, size: int, value: int) -> None:
        if offset == STATUS:
            if value & RESET:
                self._restart()
        elif offset == FIFO and not self.results:
            self.received.append(value)
            self._take()
        self._update()

    def _take(self) -> None:
        """Do the command when its last parameter has come."""
        command = COMMANDS.get(self.received[0] & 0x1F)
        if command is None:
            self.received.clear()
            self.results.append(INVALID)
        elif len(self.received) > command.parameters:
            parameters = bytes(self.received[1:])
            self.received.clear()
            getattr(self, f"_{command.action}")(parameters)

    # ---- commands -----------------------------------------------------------------------------------------

    def _specify(self, parameters: bytes) -> None:
        self.specified = parameters

    def _configure(self, parameters: bytes) -> None:
        self.configured = parameters

    def _sense_drive(self, parameters: bytes) -> None:
        self.results.append(parameters[0] & 7)  # neither ready nor at track 0 nor protected

    def _sense_interrupt(self, parameters: bytes) -> None:
        if not self.pending:
            self.results.append(INVALID)
            return
        status = self.pending.pop(0)
        self.results += [status, self.cylinders[status & 3]]

    def _recalibrate(self, parameters: bytes) -> None:
        drive = parameters[0] & 3
        self._later(ABNORMAL | SEEK_END | EQUIPMENT | drive)

    def _seek(self, parameters: bytes) -> None:
        self.cylinders[parameters[0] & 3] = parameters[1]
        self._later(SEEK_END | parameters[0] & 7)

    def _later(self, status: int) -> None:
        def arrive() -> None:
            self.pending.append(status)
            self._update()

        self.machine.clock.after(SEEK_TIME, arrive)

    def _data(self, parameters: bytes) -> None:
        """Reading, writing and formatting: no disk turns."""
        self.last_end = parameters[5] if len(parameters) == 8 else parameters[2]
        self._fail(parameters[0], (parameters[1:5] + bytes(4))[:4])

    def _read_id(self, parameters: bytes) -> None:
        self._fail(parameters[0], bytes(4))

    def _fail(self, drive: int, address: bytes) -> None:
        self.results += [ABNORMAL | NOT_READY | drive & 7, NO_ADDRESS_MARK, 0, *address]

    def _dump(self, parameters: bytes) -> None:
        self.results += [*self.cylinders, *self.specified, self.last_end, *self.configured]
