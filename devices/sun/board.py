"""What Sun's main boards have in common: the buses that they drive, and the watchdog."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from tme.args import Args
from tme.bus import Bus
from tme.element import Element
from tme.errors import TmeError
from tme.machine import Machine
from tme.port import BusPort, Port

SECOND = 1_000_000_000
HOPELESS = 3
"""Watchdog resets within a second of guest time after which the machine is stopped."""


class HasBuses(Protocol):
    """A board that drives buses, by the names that descriptions use."""

    name: str
    machine: Machine
    buses: dict[str, Bus]


class ControllerPort(BusPort):
    """The board's end of a connection to a bus that it drives."""

    def __init__(self, element: Element, board: HasBuses, args: Args, bus_name: str) -> None:
        super().__init__(element, "controller", args)
        self.board = board
        self.bus_name = bus_name

    def attached(self) -> None:
        board = self.board
        if self.bus_name in board.buses:
            raise TmeError(f"{board.name} has a bus for {self.bus_name} already")
        if board.machine.powered:
            raise TmeError(f"{board.name} has power: its buses cannot change")
        board.buses[self.bus_name] = self.peer.bus

    def detach(self) -> None:
        self.board.buses.pop(self.bus_name, None)


def bus_slaves(connections: list[Port]) -> Iterator[Element]:
    """The elements on the buses that a board drives, without the board itself."""
    for port in connections:
        if isinstance(port, ControllerPort):
            yield from port.peer.element.slaves()


class Watchdog:
    """Tells a machine that resets itself for ever from one that was reset."""

    def __init__(self, board: Element) -> None:
        self.board = board
        self._times: list[int] = []

    def bite(self, why: str, registers: str) -> None:
        """The processor stands still and is about to be reset; too many of that end the machine."""
        machine = self.board.machine
        machine.log(self.board, f"{why}, watchdog reset; the registers were\n{registers}")
        now = machine.clock.now
        self._times = [when for when in self._times if when > now - SECOND] + [now]
        if len(self._times) >= HOPELESS:
            machine.log(self.board, f"{HOPELESS} watchdog resets within a second: stopped")
            machine.stop(1)
