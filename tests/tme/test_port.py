"""Ports: which fit, and that a refused connection leaves no trace."""

from __future__ import annotations

import pytest

from tests.tme.fakes import FakeMachine
from tme.args import Args
from tme.element import Element
from tme.errors import TmeError
from tme.port import Port, SerialPort, connect, disconnect, fits


class Part(Element):
    """An element that offers the ports it is given."""

    module = "test/part"

    def __init__(self, name: str, *ports: Port) -> None:
        super().__init__(name, Args(), FakeMachine())  # type: ignore[arg-type]
        self.offered = list(ports)
        for port in ports:
            port.element = self

    def ports(self, args: Args) -> list[Port]:
        return self.offered


class Watched(Port):
    """Records its life; may refuse."""

    def __init__(self, kind: str, role: str, refuse: bool = False) -> None:
        super().__init__(None, kind, role)  # type: ignore[arg-type]
        self.refuse = refuse
        self.history: list[str] = []

    def attached(self) -> None:
        self.history.append(f"attached to {self.peer.element.name}")
        if self.refuse:
            raise TmeError("no room")

    def detach(self) -> None:
        self.history.append(f"detached from {self.peer.element.name}")


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (("bus", "slave"), ("bus", "bus"), True),
        (("bus", "bus"), ("bus", "controller"), True),
        (("bus", "slave"), ("bus", "slave"), False),
        (("bus", "slave"), ("bus", "controller"), False),
        (("cpu", "cpu"), ("cpu", "board"), True),
        (("serial", ""), ("serial", ""), True),
        (("serial", ""), ("ethernet", ""), False),
        (("private", ""), ("private", ""), True),
        (("private", "a"), ("private", "b"), True),
        (("private", "a"), ("private", "a"), False),
    ],
)
def test_fits(left: tuple[str, str], right: tuple[str, str], expected: bool) -> None:
    a, b = Watched(*left), Watched(*right)
    assert fits(a, b) is expected
    assert fits(b, a) is expected


def test_first_fitting_pair_wins() -> None:
    a = Part("a", Watched("serial", ""), Watched("bus", "slave"), Watched("cpu", "cpu"))
    b = Part("b", Watched("cpu", "board"), Watched("bus", "bus"))
    mine, other = connect(a, Args(), b, Args())
    assert (mine.kind, other.kind) == ("bus", "bus")
    assert (mine.peer, other.peer) == (other, mine)
    assert (a.connections, b.connections) == ([mine], [other])
    mine, _ = connect(a, Args(), b, Args())
    assert mine.kind == "cpu", "a port that is taken is passed over"
    with pytest.raises(TmeError, match="the bus slave port of a is already connected to b"):
        connect(a, Args(), b, Args())


@pytest.mark.parametrize("refusing", ["left", "right"])
def test_refusal_is_undone(refusing: str) -> None:
    left = Watched("bus", "slave", refusing == "left")
    right = Watched("bus", "bus", refusing == "right")
    a, b = Part("a", left), Part("b", right)
    with pytest.raises(TmeError, match="cannot connect a to b: no room"):
        connect(a, Args(), b, Args())
    assert left.peer is None
    assert right.peer is None
    assert a.connections == b.connections == []
    assert left.history == (["attached to b"] if refusing == "left" else ["attached to b", "detached from b"])


def test_disconnect_from_either_end() -> None:
    for end in (0, 1):
        left, right = Watched("bus", "slave"), Watched("bus", "bus")
        a, b = Part("a", left), Part("b", right)
        disconnect(connect(a, Args(), b, Args())[end])
        assert left.history[-1] == "detached from b"
        assert right.history[-1] == "detached from a"
        assert (left.peer, right.peer, a.connections, b.connections) == (None, None, [], [])
        disconnect(left)  # twice does no harm


def test_serial() -> None:
    heard: list[object] = []
    room = 0
    a = SerialPort(None)  # type: ignore[arg-type]
    b = SerialPort(
        None,  # type: ignore[arg-type]
        receive=heard.append,
        on_break=heard.append,
        on_line=lambda name, level: heard.append((name, level)),
        want=lambda: room,
    )
    a.send(b"lost")
    assert not a.ready
    connect(Part("a", a), Args(), Part("b", b), Args())
    assert not a.ready
    room = 1
    assert a.ready
    a.send(b"x")
    a.break_(True)
    a.set_line("rts", True)
    a.set_line("rts", True)
    assert heard == [b"x", True, ("rts", True)]
    assert a.modem["rts"]
