"""A driver of the LANCE, as its tests need it."""

from __future__ import annotations

import random
import zlib

from tests.devices.station import Station
from tme.bus import BusError

RDP, RAP = 0x120000, 0x120002
ERR, BABL, CERR, MISS, MERR, RINT, TINT, IDON = (0x8000 >> n for n in range(8))
INTR, INEA, RXON, TXON, TDMD, STOP, STRT, INIT = (0x80 >> n for n in range(8))
ON = RXON | TXON | STRT | INIT
BSWP = 4
OWN, STP, ENP = 0x8000, 0x0200, 0x0100
FRAM, OFLO, CRC, BUFF = 0x2000, 0x1000, 0x0800, 0x0400
BLOCK, RX, TX = 0x1000, 0x2000, 0x3000
ME = bytes.fromhex("080020112233")
OTHER = bytes.fromhex("080020445566")
ALL = b"\xff" * 6
MULTICAST = bytes.fromhex("01005e000001")
MILLISECOND = 1_000_000
PROM, INTL, DRTY, COLL, DTCR, LOOP, DTX, DRX = 0x8000, 0x40, 0x20, 0x10, 8, 4, 2, 1


class Driver:
    """A driver at the level of registers and memory words."""

    def __init__(self, machine):
        self.machine = machine
        self.memory = bytearray(1 << 24)
        self.refused = range(0)
        self.bus = machine.make("obio0", "tme/generic/bus size 16MB").map
        self.bus.set_dma(self.dma_read, self.dma_write)
        self.chip = machine.make("le0", "tme/ic/am7990")
        machine.connect(f"le0 at obio0 addr {RDP:#x} ipl 3")
        self.station = machine.elements["station"] = Station(machine)
        machine.connect("station at le0")
        for element in machine.elements.values():
            element.check()
            element.reset()

    def dma_read(self, address, count):
        if any(at in self.refused for at in range(address, address + count)):
            raise BusError(address)
        return bytes(self.memory[address : address + count])

    def dma_write(self, address, data):
        if any(at in self.refused for at in range(address, address + len(data))):
            raise BusError(address)
        self.memory[address : address + len(data)] = data

    def word(self, address):
        return int.from_bytes(self.memory[address : address + 2], "big")

    def put(self, address, *words):
        for word in words:
            self.memory[address : address + 2] = (word & 0xFFFF).to_bytes(2, "big")
            address += 2

    def csr(self, number, value=None):
        self.bus.write(RAP, 2, number)
        if value is None:
            return self.bus.read(RDP, 2)
        self.bus.write(RDP, 2, value)
        return None

    @property
    def csr0(self):
        return self.csr(0)

    @property
    def irq(self):
        return self.bus.pending(3)

    def wait(self, ms=1):
        self.machine.clock.advance(ms * MILLISECOND)

    # rings: descriptors from RX and TX; buffers at 80000 and C0000, each 1000 further

    def rmd(self, number):
        return RX + 8 * number

    def tmd(self, number):
        return TX + 8 * number

    def start(self, mode=0, rx=2, tx=2, size=1536, filters=(0, 0, 0, 0), csr3=BSWP, go=STRT | INEA):
        """Initialise as drivers do; rx, tx: powers of two."""
        self.csr(0, STOP)
        address = [ME[at + 1] << 8 | ME[at] for at in (0, 2, 4)]
        self.put(BLOCK, mode, *address, *filters, RX, rx << 13, TX, tx << 13)
        for number in range(1 << rx):
            self.put(self.rmd(number), 0x1000 * number & 0xFFFF, OWN | 8 + (number >> 4), -size, 0)
        for number in range(1 << tx):
            self.put(self.tmd(number), 0, 0, 0xF000, 0)
        self.csr(1, BLOCK)
        self.csr(2, 0)
        self.csr(3, csr3)
        self.csr(0, INIT)
        self.wait()
        assert self.csr0 == IDON | INTR | INIT
        if go:
            self.csr(0, IDON | go)
        return self

    def buffer(self, number):
        return 0x80000 + 0x1000 * number

    def data(self, number, count):
        return bytes(self.memory[self.buffer(number) : self.buffer(number) + count])

    def offer(self, *pieces, first=0, flags=None):
        """Put a frame into the transmit ring."""
        for number, piece in reversed(list(enumerate(pieces, first))):
            at = 0xC0000 + 0x1000 * number
            self.memory[at : at + len(piece)] = piece
            mark = (STP if number == first else 0) | (ENP if number == first + len(pieces) - 1 else 0)
            high = 0x0C + (number >> 4)
            status = OWN | (mark if flags is None else flags) | high
            self.put(self.tmd(number), at, status, -len(piece) | 0xF000, 0)

    def send(self, *pieces, first=0, flags=None, wait=3):
        """Transmit; returns the last descriptor's status without the address."""
        self.offer(*pieces, first=first, flags=flags)
        self.csr(0, TDMD | INEA)
        self.wait(wait)
        return self.word(self.tmd(first + len(pieces) - 1) + 2) & 0xFF00

    def from_cable(self, *frames, wait=2):
        for frame in frames:
            self.station.port.send(frame)
        self.wait(wait)

    def take(self):
        """What has happened, acknowledged."""
        happened = self.csr0
        self.csr(0, happened & 0x7F00 | INEA)
        return happened & ~(ON | INEA)


def frame(to=ME, length=60, seed=0):
    return to + OTHER + b"\x08\x00" + random.Random(seed).randbytes(length - 14)


def fcs(data):
    return zlib.crc32(data).to_bytes(4, "little")
