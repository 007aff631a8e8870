"""Machines with a SCSI bus, and drivers for its host adapters at register level."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from devices.scsi.wires import (
    ACK,
    ATN,
    BSY,
    COMMAND,
    IO,
    MESSAGE_IN,
    MESSAGE_OUT,
    PHASE,
    REQ,
    RST,
    SEL,
    STATUS,
    ScsiPort,
)
from tme.element import Element

_spec = importlib.util.spec_from_file_location(
    "devices_conftest", Path(__file__).parent.parent / "conftest.py"
)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
FakeMachine = _module.FakeMachine


class Initiator(Element):
    """A host adapter made of nothing but wires: every handshake is done line by line."""

    module = "test/initiator"
    scsi_id = 7

    def __init__(self, machine):
        self.name, self.machine, self.where, self.connections = "host0", machine, None, []
        self.port = ScsiPort(self)
        self.messages = b""

    def ports(self, args):
        return [self.port]

    @property
    def lines(self):
        return self.port.wires.control

    def select(self, target, attention=False):
        """True when the target answers."""
        atn = ATN if attention else 0
        self.port.drive(SEL | atn, 1 << target | 0x80)
        if not self.lines & BSY:
            self.port.drive(0)
            return False
        self.port.drive(atn)
        return True

    def byte_in(self):
        assert self.lines & REQ
        byte = self.port.wires.data
        self.port.drive(ACK)
        assert not self.lines & REQ
        self.port.drive(0)
        return byte

    def byte_out(self, byte, more=0):
        assert self.lines & REQ
        self.port.drive(more, byte)
        self.port.drive(ACK | more, byte)
        assert not self.lines & REQ
        self.port.drive(more)

    def phase(self):
        return self.lines & PHASE if self.lines & BSY else None

    def send(self, phase, data):
        for byte in data:
            assert self.phase() == phase
            self.byte_out(byte)

    def receive(self, phase):
        out = bytearray()
        while self.phase() == phase:
            out.append(self.byte_in())
        return bytes(out)

    def run(self, target, cdb, data=b"", identify=None):
        """A whole command: (status, data in)."""
        assert self.select(target, identify is not None), "selection time-out"
        if identify is not None:
            assert self.phase() == MESSAGE_OUT
            self.byte_out(identify)
        self.send(COMMAND, cdb)
        return self.finish(data)

    def finish(self, data=b""):
        answer = b""
        if self.phase() == 0:
            self.send(0, data)
        elif self.phase() == IO:
            answer = self.receive(IO)
        status = self.receive(STATUS)
        self.messages = self.receive(MESSAGE_IN)
        assert len(status) == 1
        assert self.messages == b"\0"
        assert self.lines == 0
        return status[0], answer

    def reset_bus(self):
        self.port.drive(RST)
        self.port.drive(0)


@pytest.fixture
def machine():
    made = FakeMachine()
    yield made
    for element in made.elements.values():
        element.close()


@pytest.fixture
def host(machine):
    """An initiator on scsibus0."""
    machine.make("scsibus0", "tme/scsi/bus")
    initiator = machine.elements["host0"] = Initiator(machine)
    machine.connect("host0 at scsibus0")
    return initiator
