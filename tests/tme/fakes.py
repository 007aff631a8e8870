"""A machine and elements that only remember what was done to them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

from tme.args import Args, Flag, Param, choice, number, path, size
from tme.element import Element
from tme.errors import TmeError
from tme.mesh.session import Session
from tme.options import Options
from tme.port import BusPort, Port, SerialPort
from tme.registry import Registry


class FakeClock:
    """Events run when the test says so."""

    def __init__(self) -> None:
        self.events: list[Callable[[], None]] = []

    def after(self, ns: int, fn: Callable[[], None]) -> Any:
        self.events.append(fn)

    def run(self) -> None:
        events, self.events = self.events, []
        for event in events:
            event()


class FakeMachine:
    """The interface of tme.machine.Machine, as far as the language and the command line use it."""

    last: ClassVar[FakeMachine | None] = None

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.elements: dict[str, Element] = {}
        self.clock = FakeClock()
        self.calls: list[Any] = []
        self.readers: dict[int, Callable[[], None]] = {}
        self.exit_code: int | None = None
        self.powered = False
        FakeMachine.last = self

    def power(self, up: bool) -> None:
        self.powered = up
        self.calls.append(("power", up))

    def run(self) -> int:
        self.calls.append("run")
        return self.exit_code or 0

    def stop(self, code: int = 0) -> None:
        self.exit_code = code
        self.calls.append(("stop", code))

    def close(self) -> None:
        self.calls.append("close")

    def log(self, element: Element, text: str) -> None:
        self.calls.append(("log", element.name, text))

    def add_reader(self, fd: int, fn: Callable[[], None]) -> None:
        self.readers[fd] = fn

    def remove_reader(self, fd: int) -> None:
        del self.readers[fd]


class Bus(Element):
    """A bus that refuses overlapping addresses."""

    module = "generic/bus"
    summary = "a bus for tests"
    params = (Param("size", size, required=True, help="of the address space"),)
    conn_params = (Param("addr", number), Param("ipl", number))

    def __init__(self, name: str, args: Args, machine: Any) -> None:
        super().__init__(name, args, machine)
        self.taken: dict[int, str] = {}

    def ports(self, args: Args) -> list[Port]:
        return [FakeBusPort(self, "bus", args)]


class FakeBusPort(BusPort):
    def attached(self) -> None:
        addr, taken = self.args.get("addr"), self.element.taken  # type: ignore[attr-defined]
        if addr in taken:
            raise TmeError(f"address {addr:#x} of {self.element.name} already belongs to {taken[addr]}")
        if addr is not None:
            taken[addr] = self.peer.element.name

    def detach(self) -> None:
        self.element.taken.pop(self.args.get("addr"), None)  # type: ignore[attr-defined]


class Device(Element):
    """A device with two serial channels."""

    module = "test/device"
    summary = "a device for tests"
    params = (Param("file", path, help="some file"), Flag("slow"))
    conn_params = (Param("channel", choice("A", "B")), Flag("csr"))

    def __init__(self, name: str, args: Args, machine: Any) -> None:
        super().__init__(name, args, machine)
        self.channels = {channel: SerialPort(self) for channel in "AB"}
        self.history: list[str] = []

    def ports(self, args: Args) -> list[Port]:
        if "channel" in args:
            return [self.channels[args["channel"]]]
        return [BusPort(self, "slave", args)]

    def command(self, words: list[str]) -> str | None:
        self.history.append(" ".join(words))
        return f"{self.name} did {' '.join(words)}" if words != ["quietly"] else None

    def check(self) -> None:
        if not self.connections:
            raise self.error("is not connected to a bus")

    def reset(self) -> None:
        self.history.append("reset")

    def close(self) -> None:
        self.history.append("close")


class Terminal(Element):
    """Something with one serial line."""

    module = "host/terminal"
    summary = "a terminal for tests"

    def ports(self, args: Args) -> list[Port]:
        return [SerialPort(self)]


class Explosive(Element):
    """Cannot be created: the host refuses."""

    module = "test/explosive"
    summary = "fails"

    def __init__(self, name: str, args: Args, machine: Any) -> None:
        raise FileNotFoundError(2, "No such file or directory", "missing.bin")


def registry() -> Registry:
    """The elements of this file, and no others."""
    found = Registry(tables=(), entry_points=False)
    for cls in (Bus, Device, Terminal, Explosive):
        found.add(cls.module, cls)
    return found


def session() -> SimpleNamespace:
    """A session: what it printed (`out`), its `machine`, and `run(text)` that returns mistakes as text."""
    machine = FakeMachine()
    printed: list[str] = []
    made = Session(machine, registry(), printed.append)  # type: ignore[arg-type]

    def run(text: str) -> list[str]:
        made.run(text, "T")
        return [str(error) for error in made.take_errors()]

    return SimpleNamespace(session=made, machine=machine, out=printed, run=run, graph=made.graph)
