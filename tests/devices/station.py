"""The far end of an Ethernet cable, for tests of the chips."""

from __future__ import annotations

from tme.element import Element
from tme.ethernet import EthernetPort


class Station(Element):
    """What is at the other end of the cable."""

    module = "test/station"

    def __init__(self, machine):
        self.name, self.machine, self.where, self.connections = "station", machine, None, []
        self.frames = []
        self.port = EthernetPort(self, receive=self.frames.append)

    def ports(self, args):
        return [self.port]

    def close(self):
        pass
