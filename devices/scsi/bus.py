"""scsi/bus: the cable that joins a host adapter and up to seven targets.

    scsibus0 at sc0: tme/scsi/bus
    sd0 at scsibus0: tme/scsi/disk id 0 type acb4000

`command scsibus0 status` shows the lines and who is on the bus, `command scsibus0 reset` asserts RST for a
moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.scsi.wires import ACK, ATN, BSY, PHASES, REQ, RST, SEL, ScsiPort, Wires
from tme.args import Args
from tme.element import Element
from tme.errors import TmeError
from tme.port import Port

if TYPE_CHECKING:
    from tme.machine import Machine

NAMES = ((BSY, "BSY"), (SEL, "SEL"), (RST, "RST"), (ATN, "ATN"), (REQ, "REQ"), (ACK, "ACK"))


class Socket(Port):
    """The bus's end of one connection."""

    peer: ScsiPort

    def __init__(self, element: Bus, args: Args) -> None:
        super().__init__(element, "scsi", "bus", args)
        self.own_wires = element.wires

    def attached(self) -> None:
        number = getattr(self.peer.element, "scsi_id", None)
        for other in self.own_wires.ports:
            if number is not None and getattr(other.element, "scsi_id", None) == number:
                raise TmeError(
                    f"{other.element.name} has id {number} on {self.element.name} already; "
                    f"give {self.peer.element.name} another one"
                )
        self.own_wires.join(self.peer)

    def detach(self) -> None:
        self.own_wires.leave(self.peer)


class Bus(Element):
    """A SCSI bus."""

    module = "scsi/bus"
    summary = "a SCSI bus: joins a host adapter and its disks, tapes and CD-ROMs"

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.wires = Wires()
        self._reset_port = ScsiPort(self)

    def ports(self, args: Args) -> list[Port]:
        return [Socket(self, args)]

    def pulse_reset(self) -> None:
        """Assert and release RST."""
        self.wires.join(self._reset_port)
        self.wires.drive(self._reset_port, RST)
        self.wires.leave(self._reset_port)

    def command(self, words: list[str]) -> str | None:
        if words == ["reset"]:
            self.pulse_reset()
            return None
        if words != ["status"]:
            raise TmeError(f"usage: command {self.name} {{status|reset}}")
        wires = self.wires
        phase = wires.phase
        lines = [name for mask, name in NAMES if wires.control & mask]
        shown = "bus free" if not wires.control else " ".join(lines)
        if phase is not None:
            shown += f", {PHASES.get(phase, 'reserved')} phase"
        devices = []
        for port in wires.ports:
            number = getattr(port.element, "scsi_id", None)
            devices.append(f"  {port.element.name}" + ("" if number is None else f" id {number}"))
        return "\n".join([f"{shown}, data {wires.data:02x}", *devices])
