"""machine/sun3/zs, machine/sun4/zs: a Z8530 as Sun wires it, with two serial lines.

    zs0 at obio0 addr 0x020000 ipl 6: tme/machine/sun3/zs
    zs0 at mainbus0 addr 0xf1000000 ipl 12: tme/machine/sun4/zs
    console0 at zs0 channel A: tme/host/posix/serial device -

Eight bytes on D31-D24: +0 B control, +2 B data, +4 A control, +6 A data. PCLK is 4.9152 MHz, so a time
constant of 14 makes 9600 baud. An interrupt acknowledge cycle gives the vector that the chip was told; there
are none on a SPARC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.generic.bus import Slave
from devices.ic.z8530 import Z8530
from tme.args import Args, Param, choice
from tme.element import Element
from tme.errors import TmeError
from tme.port import Port

if TYPE_CHECKING:
    from tme.machine import Machine

SIZE = 8
PCLK = 4_915_200
SPEEDUP = {"fast": 16, "real": 1}


class ZsRegisters:
    """The bus side: the chip on the even bytes; odd ones read as the same register, as nothing decodes A0."""

    width = 1

    def __init__(self, chip: Z8530) -> None:
        self.chip = chip

    def read(self, offset: int, size: int) -> int:
        chip = self.chip
        return chip.read(chip.a if offset & 4 else chip.b, bool(offset & 2))

    def steady(self, offset: int, size: int) -> int | None:
        chip = self.chip
        return chip.steady(chip.a if offset & 4 else chip.b, bool(offset & 2))

    def peek(self, offset: int, size: int) -> int:
        chip = self.chip
        value = 0
        for at in range(offset, offset + size):
            value = value << 8 | chip.peek(chip.a if at & 4 else chip.b, bool(at & 2))
        return value

    def write(self, offset: int, size: int, value: int) -> None:
        chip = self.chip
        chip.write(chip.a if offset & 4 else chip.b, bool(offset & 2), value)


class Zs(Element):
    """Two serial lines: keyboard and mouse, or ttya and ttyb."""

    module = "machine/sun3/zs"
    summary = "a Z8530: two serial lines, `channel A` and `channel B`"
    params = (
        Param("speed", choice("fast", "real"), default="fast", help="of output: real keeps the baud rate"),
    )
    conn_params = (Param("channel", choice("A", "B"), help="which of the two serial lines"),)

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.chip = Z8530(self, machine.clock, PCLK, SPEEDUP[args["speed"]], machine.dawdle.look)
        self.registers = ZsRegisters(self.chip)
        self.bus_port = Slave(
            self, Args(), self.registers, SIZE, irq=self.chip.irq, vector=self.chip.acknowledge
        )

    def ports(self, args: Args) -> list[Port]:
        if "channel" in args:
            return [self.chip.a.port if args["channel"] == "A" else self.chip.b.port]
        return [self.bus_port]

    def command(self, words: list[str]) -> str | None:
        if words != ["status"]:
            raise TmeError(f"usage: command {self.name} status")
        lines = []
        for name, channel in (("A", self.chip.a), ("B", self.chip.b)):
            time = channel.character_time(receive=False)
            rate = f"{1e9 / time:.0f} characters/s" if time else "no clock"
            lines.append(f"channel {name}: {rate}, RR0 {channel.rr0():02x}, RR1 {channel.rr1():02x}")
        return "\n".join(lines)

    def reset(self) -> None:
        self.chip.reset()


class Sun4Zs(Zs):
    """The same on a Sun-4."""

    module = "machine/sun4/zs"
