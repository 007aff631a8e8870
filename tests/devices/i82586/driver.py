"""A driver of the 82586 through Sun's board, as its tests need it."""

from __future__ import annotations

import random

from tests.devices.station import Station
from tme.bus import BusError

CSR = 0xC0000
RUN, ATTEND, IE = 0xC0, 0x20, 0x10  # running on the cable, channel attention, interrupt enable
SCP, ISCP, SCB, BASE = 0xFFFFF6, 0x1000, 0x1100, 0x1000
CX, FR, CNA, RNR = 0x8000, 0x4000, 0x2000, 0x1000
NOP, IA, CONFIGURE, MC, TRANSMIT, TDR, DUMP, DIAGNOSE = range(8)
EL, S, I = 0x8000, 0x4000, 0x2000  # noqa: E741 the data sheet's names
C, OK, ABORTED = 0x8000, 0x2000, 0x1000
NONE = 0xFFFF
ME = bytes.fromhex("080020112233")
OTHER = bytes.fromhex("080020445566")
ALL = b"\xff" * 6
MILLISECOND = 1_000_000


class Driver:
    """A driver at the level of memory words."""

    def __init__(self, machine):
        self.machine = machine
        self.memory = bytearray(1 << 24)
        self.refused = range(0)
        self.bus = machine.make("obio0", "tme/generic/bus size 16MB").map
        self.bus.set_dma(self.dma_read, self.dma_write)
        self.board = machine.make("obie0", "tme/machine/sun3/obie")
        machine.connect(f"obie0 csr at obio0 addr {CSR:#x} ipl 3")
        self.chip = machine.make("ie0", "tme/ic/i82586")
        machine.connect("ie0 at obie0")
        self.station = machine.elements["station"] = Station(machine)
        machine.connect("station at ie0")
        for element in machine.elements.values():
            element.check()
            element.reset()

    def dma_read(self, address, count):
        if address in self.refused or address + count > len(self.memory):
            raise BusError(address)
        return bytes(self.memory[address : address + count])

    def dma_write(self, address, data):
        if address in self.refused or address + len(data) > len(self.memory):
            raise BusError(address)
        self.memory[address : address + len(data)] = data

    # words in the chip's order

    def word(self, address):
        return int.from_bytes(self.memory[address : address + 2], "little")

    def put(self, address, *words):
        for word in words:
            self.memory[address : address + 2] = word.to_bytes(2, "little")
            address += 2

    def long(self, address, value):
        self.memory[address : address + 4] = value.to_bytes(4, "little")

    @property
    def csr(self):
        return self.bus.read(CSR, 1)

    @csr.setter
    def csr(self, value):
        self.bus.write(CSR, 1, value)

    @property
    def irq(self):
        return self.bus.pending(3)

    def wait(self, ms=1):
        self.machine.clock.advance(ms * MILLISECOND)

    def attend(self, control=RUN | IE):
        self.csr = control | ATTEND
        self.csr = control

    def start(self, control=RUN | IE):
        self.csr = 0
        self.long(SCP + 6, ISCP)
        self.put(ISCP, 1, SCB - BASE)
        self.long(ISCP + 4, BASE)
        self.put(SCB, *[0] * 8)
        self.csr = control
        self.attend(control)
        return self

    def scb(self, command, control=RUN | IE):
        """Give an SCB command."""
        self.put(SCB + 2, command)
        self.attend(control)

    def acknowledge(self):
        """Take what has happened."""
        events = self.word(SCB) & 0xF000
        self.scb(events)
        return events

    def block(self, at, code, *parameters, flags=EL | I, link=NONE, data=b""):
        """Make a command block at `at`."""
        self.put(at, 0, flags | code, link, *parameters)
        start = at + 6 + 2 * len(parameters)
        self.memory[start : start + len(data)] = data
        return at

    def do(self, code, *parameters, data=b"", control=RUN | IE):
        """Have one command done; returns its status."""
        at = self.block(0x2000, code, *parameters, data=data)
        self.put(SCB + 4, at - BASE)
        self.scb(0x0100, control)
        self.wait()
        return self.word(at)

    def configure(self, **bytes_):
        data = bytearray((12, 8, 0x40, 0x2E, 0, 0x60, 0, 0xF2, 0, 0, 64, 0))
        for name, value in bytes_.items():
            data[int(name[1:])] = value
        assert self.do(CONFIGURE, data=bytes(data)) == C | OK
        self.acknowledge()

    def send(self, *pieces, flags=EL | I, wait=2):
        """Transmit from buffers; returns the status."""
        at = self.block(0x3000, TRANSMIT, 0x3100 - BASE, flags=flags)
        for number, piece in enumerate(pieces):
            tbd, buffer = 0x3100 + 8 * number, 0x10000 + 0x4000 * number
            last = number == len(pieces) - 1
            self.put(tbd, len(piece) | (0x8000 if last else 0), NONE if last else tbd + 8 - BASE)
            self.long(tbd + 4, buffer)
            self.memory[buffer : buffer + len(piece)] = piece
        self.put(SCB + 4, at - BASE)
        self.scb(0x0100)
        self.wait(wait)
        return self.word(at)

    # receiving: descriptors at 0x4000 each 0x20, buffer descriptors at 0x5000 each 0x10, buffers at 0x80000

    def rfd(self, number):
        return 0x4000 + 0x20 * number

    def rbd(self, number):
        return 0x5000 + 0x10 * number

    def buffer(self, number):
        return 0x80000 + 0x1000 * number

    def listen(self, frames=4, buffers=4, size=256, last=EL, flags=None):
        for number in range(frames):
            end = number == frames - 1
            flag = (flags or {}).get(number, EL if end else 0)
            link = NONE if end else self.rfd(number + 1) - BASE
            self.put(self.rfd(number), 0, flag, link, self.rbd(0) - BASE if not number and buffers else NONE)
        for number in range(buffers):
            end = number == buffers - 1
            self.put(self.rbd(number), 0, NONE if end else self.rbd(number + 1) - BASE)
            self.long(self.rbd(number) + 4, self.buffer(number))
            self.put(self.rbd(number) + 8, size | (last if end else 0))
        self.put(SCB + 6, self.rfd(0) - BASE)
        self.scb(0x0010)

    @property
    def ru(self):
        return self.word(SCB) >> 4 & 7

    @property
    def cu(self):
        return self.word(SCB) >> 8 & 7

    def data(self, number, count):
        return bytes(self.memory[self.buffer(number) : self.buffer(number) + count])

    def from_cable(self, *frames, wait=2):
        for frame in frames:
            self.station.port.send(frame)
        self.wait(wait)


def frame(to=ME, length=60, seed=0):
    return to + OTHER + b"\x08\x00" + random.Random(seed).randbytes(length - 14)
