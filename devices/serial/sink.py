"""serial/sink: takes everything that is sent to it, and forgets it. Its modem lines say ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tme.args import Args
from tme.element import Element
from tme.port import Port, SerialPort

if TYPE_CHECKING:
    from tme.machine import Machine


class Sink(Element):
    """A line that always looks connected and never answers."""

    module = "serial/sink"
    summary = "a serial line that swallows what is sent to it"

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.port = SerialPort(self, Args())
        self.port.modem.update(cts=True, dcd=True)

    def ports(self, args: Args) -> list[Port]:
        return [self.port]
