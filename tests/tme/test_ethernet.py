"""A cable between two ends: frames, and whether the link is up."""

from __future__ import annotations

from tme.args import Args
from tme.element import Element
from tme.ethernet import EthernetPort
from tme.port import connect, disconnect

FRAME = bytes(range(60))


class Station(Element):
    module = "test/station"

    def __init__(self, name):
        self.name, self.where, self.connections = name, None, []
        self.frames, self.links = [], []
        self.port = EthernetPort(self, receive=self.frames.append, on_link=self.links.append)

    def ports(self, args):
        return [self.port]


def test_frames_go_both_ways():
    a, b = Station("a"), Station("b")
    a.port.send(FRAME)  # nobody is there: lost
    connect(a, Args(), b, Args())
    a.port.send(FRAME)
    b.port.send(FRAME[::-1])
    assert (a.frames, b.frames) == ([FRAME[::-1]], [FRAME])


def test_a_pulled_plug_is_heard_at_both_ends():
    a, b = Station("a"), Station("b")
    assert not a.port.link
    connect(a, Args(), b, Args())
    assert a.links == b.links == [True]
    a.port.set_link(False)
    a.port.set_link(False)
    assert a.links == b.links == [True, False]
    b.port.send(FRAME)
    assert not a.frames
    a.port.set_link(True)
    assert b.port.link
    disconnect(a.port)
    assert a.links == b.links == [True, False, True, False]
    assert not b.port.link
