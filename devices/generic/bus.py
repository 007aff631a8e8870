"""generic/bus: an address map that slaves are placed on, with interrupt wires and slots.

obio0 at mainbus0 obio: tme/generic/bus size 16MB
zs0 at obio0 addr 0x020000 ipl 6: tme/machine/sun3/zs
sbus0 at mainbus0 sbus: tme/generic/bus size 4GB slot-addr 0xf8000000 slot-size 32MB slot 0 slot 1
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tme import bus
from tme.args import Args, Flag, Param, number, size
from tme.element import Element
from tme.errors import TmeError, did_you_mean
from tme.line import Line
from tme.port import BusPort, Port

if TYPE_CHECKING:
    from tme.machine import Machine


Region = tuple[int, int, bus.Target]
"""Part of a device: offset from where it is placed, size, and what answers there."""


class Slave(BusPort):
    """The port of a device on a bus.

    irq: the device's interrupt request; the bus listens to it when the connection has an `ipl`, or when
    `signal` names a dedicated wire of the board ("clock"). vector: asked at an interrupt acknowledge; None is
    autovector. regions: the parts of a device that is more than one target.
    """

    peer: BusSide | None

    def __init__(
        self,
        element: Element,
        args: Args,
        target: bus.Target,
        length: int,
        *,
        irq: Line | None = None,
        signal: str | None = None,
        vector: bus.Vector | None = None,
        regions: Sequence[Region] = (),
    ) -> None:
        super().__init__(element, "slave", args, target=target, size=length)
        self.regions = regions or ((0, length, target),)
        self.irq = irq
        self.signal = signal
        self.vector = vector

    def dma_read(self, address: int, count: int) -> bytes:
        """Read guest memory as a master of the bus; BusError when refused or not connected."""
        side = self.peer
        if side is None:
            raise bus.BusError(address)
        return side.bus.dma_read(address + side.dma_offset, count)

    def dma_write(self, address: int, data: bytes) -> None:
        """Write guest memory as a master of the bus; BusError when refused or not connected."""
        side = self.peer
        if side is None:
            raise bus.BusError(address)
        side.bus.dma_write(address + side.dma_offset, data)


class BusSide(BusPort):
    """The bus's end of one connection: it places the peer on the map and wires its interrupt."""

    element: Bus
    bus: bus.Bus
    dma_offset = 0

    def attached(self) -> None:
        peer, owner = self.peer, self.peer.element.name
        self.base: int | None = self.element.place(self.args)
        self._wire: tuple[Line, Callable[[bool], None]] | None = None
        if peer.role == "controller":
            self.element.take_controller(peer.element)
        elif self.base is None:
            raise TmeError(
                f"{owner} needs a place on {self.element.name}: write `addr ADDRESS` behind its name"
            )
        if self.base is not None and peer.target is not None:
            try:
                self._enter(owner, self.base)
            except TmeError:
                self.element.drop_controller(peer.element)
                raise
        self.dma_offset = self.args.get("dma-offset", 0)
        self._wire_interrupt(owner)

    def _wire_interrupt(self, owner: str) -> None:
        peer = self.peer
        ipl: bus.IPL | None = self.args.get("ipl", getattr(peer, "signal", None))
        if ipl is None:
            return
        vector = getattr(peer, "vector", None)
        if "vector" in self.args:
            fixed: int = self.args["vector"]
            vector = lambda: fixed  # noqa: E731
        # an element may have several connections, so its name alone does not tell sources apart
        source = owner if self.base is None else f"{owner}@{self.base:#x}"
        line = self.bus.line(ipl, source, vector)
        if peer.irq is None:
            peer.irq = line
        else:
            self._wire = (peer.irq, line.set)
            peer.irq.connect(line.set)

    def detach(self) -> None:
        peer = self.peer
        if self._wire:
            self._wire[0].disconnect(self._wire[1])
        elif peer.irq is not None:
            peer.irq.set(False)
            peer.irq = None
        if self.base is not None and peer.target is not None:
            for offset, _, _ in self._regions():
                self.bus.remove(peer.element.name, self.base + offset)
        self.element.drop_controller(peer.element)

    def _regions(self) -> Sequence[Region]:
        """Parts of the peer; one that has none is a single target."""
        peer = self.peer
        parts: Sequence[Region] = getattr(peer, "regions", None) or ((0, peer.size, peer.target),)
        return parts

    def _enter(self, owner: str, base: int) -> None:
        """Put the peer's parts on the map, all or none."""
        placed: list[int] = []
        try:
            for offset, length, target in self._regions():
                self.bus.add(base + offset, length, target, owner)
                placed.append(base + offset)
        except TmeError:
            for at in placed:
                self.bus.remove(owner, at)
            raise


class Bus(Element):
    """A bus; a board drives it, devices answer on it."""

    module = "generic/bus"
    summary = "a bus: addresses, interrupt levels and slots for the devices placed on it"
    params = (
        Param("size", size, required=True, help="of the address space"),
        Param("slot-addr", number, repeat=True, help="address of the next slots"),
        Param("slot-size", size, repeat=True, help="size of the next slots"),
        Param("slot", repeat=True, help="name of a slot"),
    )
    conn_params = (
        Flag("controller", help="the device controls the slots of the bus"),
        Param("addr", number, help="where the device answers"),
        Param("slot", help="the slot the device is in"),
        Param("offset", number, help="where it answers, counted from the start of its slot"),
        Param("dma-offset", number, help="added to every address that the device sends as a master"),
        Param("ipl", number, help="interrupt level of the device"),
        Param("vector", number, help="interrupt vector of the device"),
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.map = bus.Bus(args["size"], name)
        self.slots = self._slots(args)
        self.controller: Element | None = None

    def _slots(self, args: Args) -> dict[str, int]:
        """Slot name -> address. The order of the words matters: each slot follows the one before it."""
        slots: dict[str, int] = {}
        address = length = None
        for word, value in zip(args.words[::2], args.words[1::2], strict=False):
            if word == "slot-addr":
                address = number(value)
            elif word == "slot-size":
                length = size(value)
            elif word == "slot":
                if address is None or not length:
                    raise self.error(f"slot {value} needs a slot-addr and a slot-size in front of it")
                if value in slots:
                    raise self.error(f"slot {value} is there twice")
                slots[value] = address
                address += length
        return slots

    def ports(self, args: Args) -> list[Port]:
        return [BusSide(self, "bus", args, bus=self.map)]

    def place(self, args: Args) -> int | None:
        """The address that connection arguments ask for; None when they say none."""
        if "slot" not in args:
            if "offset" in args:
                raise TmeError(
                    "`offset` counts from the start of a slot: write `slot NAME offset N`, or `addr N`"
                )
            address: int | None = args.get("addr")
            return address
        if "addr" in args:
            raise TmeError("only one of `addr` and `slot` can say where a device is")
        name = args["slot"]
        if name not in self.slots:
            known = f"; it has {', '.join(self.slots)}" if self.slots else "; it has none"
            raise TmeError(f"{self.name} has no slot {name}{known}{did_you_mean(name, self.slots)}")
        offset: int = args.get("offset", 0)
        return self.slots[name] + offset

    def take_controller(self, element: Element) -> None:
        """A board starts to drive this bus; only one can."""
        if self.controller is not None:
            raise TmeError(f"{self.name} is already driven by {self.controller.name}")
        self.controller = element

    def drop_controller(self, element: Element) -> None:
        """The board lets go of the bus."""
        if self.controller is element:
            self.controller = None

    def slaves(self) -> list[Element]:
        """The elements placed on this bus, each once, without the board that drives it."""
        ends = [port.peer for port in self.connections]
        found = [end.element for end in ends if end.role == "slave" and end.element is not self.controller]
        return list(dict.fromkeys(found))

    def reset_slaves(self) -> None:
        """The reset wire of the bus (a RESET instruction): every device on it starts anew."""
        for element in self.slaves():
            element.reset()
