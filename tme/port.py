"""Ports: the ends of connections between elements, and how two elements find ports that fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tme.args import Args, usage
from tme.errors import TmeError

if TYPE_CHECKING:
    from tme.element import Element
    from tme.line import Line

ROLES: dict[str, tuple[tuple[str, str], ...]] = {
    "bus": (("slave", "bus"), ("controller", "bus")),
    "cpu": (("cpu", "board"),),
    "serial": (("", ""),),
    "ethernet": (("", ""),),
    "scsi": (("device", "bus"),),
    "disk": (("image", "drive"),),
    "tape": (("image", "drive"),),
    "keyboard": (("keyboard", "display"),),
    "mouse": (("mouse", "display"),),
    "framebuffer": (("framebuffer", "display"),),
}
"""Roles that fit together, by kind. Kinds not listed here fit when their roles differ or are both empty."""


def fits(a: Port, b: Port) -> bool:
    """Whether two ports can be connected: equal kinds, complementary roles."""
    if a.kind != b.kind:
        return False
    if a.kind not in ROLES:
        return a.role != b.role or not a.role
    return (a.role, b.role) in ROLES[a.kind] or (b.role, a.role) in ROLES[a.kind]


class Port:
    """One end of a connection. `args` are the connection arguments given on this side."""

    def __init__(self, element: Element, kind: str, role: str = "", args: Args | None = None) -> None:
        self.element = element
        self.kind = kind
        self.role = role
        self.args = args or Args()
        self.peer: Any = None
        """The port at the other end (a Port of the same kind), or None."""

    def attached(self) -> None:
        """Called on both sides once peers are set. Raise TmeError to refuse: then both sides are undone."""

    def detach(self) -> None:
        """Undo what attached() did; peers are still set. Called only after attached() succeeded."""

    def __str__(self) -> str:
        return f"{self.kind} {self.role}".rstrip()

    def __repr__(self) -> str:
        return f"<{self} port of {self.element.name}>"


class BusPort(Port):
    """A bus connection. Role "slave" brings a target of `size` bytes, role "bus" is the bus itself (`bus` is
    its AddressMap), role "controller" is a board that drives the bus."""

    def __init__(
        self,
        element: Element,
        role: str,
        args: Args | None = None,
        *,
        target: Any = None,
        size: int = 0,
        bus: Any = None,
    ) -> None:
        super().__init__(element, "bus", role, args)
        self.target = target
        self.size = size
        self.bus = bus
        self.irq: Line | None = None
        """Set by the bus when the connection has an `ipl`: the slave's interrupt request."""


def _drop(*_: Any) -> None:
    """A signal that nobody listens to."""


class SerialPort(Port):
    """A serial line: bytes, break and modem lines, both ways.

    receive, on_break, on_line: called with what the other side sends; want: how many bytes this side can take
    now (a slow guest says 0 until it has read its data register).
    """

    def __init__(
        self,
        element: Element,
        args: Args | None = None,
        *,
        receive: Callable[[bytes], None] = _drop,
        on_break: Callable[[bool], None] = _drop,
        on_line: Callable[[str, bool], None] = _drop,
        want: Callable[[], int] = lambda: 4096,
    ) -> None:
        super().__init__(element, "serial", "", args)
        self.receive = receive
        self.on_break = on_break
        self.on_line = on_line
        self.want = want
        self.modem = {"rts": False, "dtr": False, "cts": False, "dcd": False}
        """The lines that this side drives."""

    @property
    def ready(self) -> bool:
        """Whether the other side can take more bytes."""
        return self.peer is not None and self.peer.want() > 0

    def send(self, data: bytes) -> None:
        """Deliver bytes to the other side; without one they are lost, as on an open line."""
        if self.peer is not None:
            self.peer.receive(data)

    def break_(self, on: bool) -> None:
        """Start or end a break."""
        if self.peer is not None:
            self.peer.on_break(on)

    def set_line(self, name: str, level: bool) -> None:
        """Drive a modem line; the other side hears of changes only."""
        if self.modem[name] != level:
            self.modem[name] = level
            if self.peer is not None:
                self.peer.on_line(name, level)


def connect(a: Element, a_args: Args, b: Element, b_args: Args) -> tuple[Port, Port]:
    """Connect the first pair of free ports that fit, in order of preference. All or nothing.

    Raises TmeError that names both ends when nothing fits or when a side refuses.
    """
    left, right = a.ports(a_args), b.ports(b_args)
    fitting = [(x, y) for x in left for y in right if x is not y and fits(x, y)]
    free = next(((x, y) for x, y in fitting if x.peer is None and y.peer is None), None)
    if free is None:
        raise TmeError(_why_not(a, left, b, right, fitting))
    mine, other = free
    mine.peer, other.peer = other, mine
    mine.args, other.args = a_args, b_args
    attached: list[Port] = []
    try:
        for port in free:
            port.attached()
            attached.append(port)
    except BaseException as error:
        for port in reversed(attached):
            port.detach()
        mine.peer = other.peer = None
        if isinstance(error, TmeError) and error.where is None:
            raise TmeError(f"cannot connect {a.name} to {b.name}: {error.message}") from error
        raise
    mine.element.connections.append(mine)
    other.element.connections.append(other)
    return free


def disconnect(port: Port) -> None:
    """Undo a connection, given either of its ends."""
    if port.peer is None:
        return
    ends = (port, port.peer)
    for end in ends:
        end.detach()
    for end in ends:
        end.peer = None
        end.element.connections.remove(end)


def _why_not(
    a: Element, left: list[Port], b: Element, right: list[Port], fitting: list[tuple[Port, Port]]
) -> str:
    head = f"cannot connect {a.name} to {b.name}"
    if fitting:
        taken = next(port for port in fitting[0] if port.peer is not None)
        owner, other = taken.element.name, taken.peer.element.name
        return f"{head}: the {taken} port of {owner} is already connected to {other}"

    def offer(element: Element, ports: list[Port]) -> str:
        kinds = ", ".join(dict.fromkeys(map(str, ports))) or "nothing with these arguments"
        accepted = f"; its connection arguments: {usage(element.conn_params)}" if element.conn_params else ""
        return f"\n  {element.name} ({element.module}) offers {kinds}{accepted}"

    return f"{head}: no ports fit{offer(a, left)}{offer(b, right)}"
