"""host/posix/memory: guest memory kept in host memory.

ram0 at obmem0 addr 0x0: tme/host/posix/memory ram 8MB
rom0 at obmem0 addr 0x0fef0000: tme/host/posix/memory rom sun3.bin
eeprom0 at obio0 addr 0x040000: tme/host/posix/memory persistent my-eeprom.bin
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.generic.bus import Slave
from tme.args import Args, OneOf, Param, path, size
from tme.element import Element
from tme.errors import TmeError
from tme.memory import Memory
from tme.port import Port

if TYPE_CHECKING:
    from tme.machine import Machine


class HostMemory(Element):
    """RAM, a ROM image, or a file that keeps what the guest writes. It may answer at several places."""

    module = "host/posix/memory"
    summary = "memory: ram of a size, a rom image, or a persistent image file"
    params = (
        OneOf(
            Param("ram", size, help="zeroed RAM of this size"),
            Param("rom", path, help="image file, read only"),
            Param("persistent", path, help="image file that keeps what is written"),
        ),
        Param("size", size, help="of a persistent image: made or grown with zeros to this"),
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        try:
            if "ram" in args:
                self.memory = Memory.ram(args["ram"])
            elif "rom" in args:
                self.memory = Memory.rom(args["rom"])
            else:
                self.memory = Memory.persistent(args["persistent"], args["size"])
        except TmeError as error:
            raise self.error(error.message) from None

    def ports(self, args: Args) -> list[Port]:
        return [Slave(self, args, self.memory, self.memory.size)]

    def close(self) -> None:
        self.memory.close()
