"""AMD Am7990 (LANCE): an Ethernet controller with descriptor rings in memory, as in a Sun-3/50 and 3/60.

    le0 at obio0 addr 0x120000 ipl 3: tme/ic/am7990
    le0 memory at mainbus0

RDP, the data of a register, is the word at +0; RAP, the register's number, the word at +2. The chip reaches
memory with 24 address bits, on a Sun-3 virtual 0F000000 to 0FFFFFFF. Registers, block and descriptors:
am7990reg.py; rings: am7990ring.py.

Rings that make no sense end in the chip's error bits. A refused bus cycle (MERR) ends all work until STOP.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from devices.generic.bus import Slave
from devices.ic.am7990reg import (
    ADDRESSES,
    BLOCK_SIZE,
    DRX,
    DTX,
    ERRORS,
    EVENTS,
    FCS,
    INTL,
    LADRF,
    LOOP,
    PADR,
    RDRA,
    RINGS,
    TDRA,
    Csr0,
    Csr1,
    Csr2,
    Csr3,
)
from devices.ic.am7990ring import SHORTEST, Receiver, Ring, Transmitter, fcs
from tme.args import Args, Flag
from tme.bus import BusError
from tme.element import Element
from tme.ethernet import ETHERNET_PARAMS, EthernetPort
from tme.line import Line
from tme.port import Port
from tme.register import Pointer

if TYPE_CHECKING:
    from tme.clock import Event
    from tme.machine import Machine

REGISTERS = 4
"""Bytes: two words."""
BYTE_TIME = 800
"""Nanoseconds at 10 Mbit/s."""
OVERHEAD = 8 + FCS + 12
"""Bytes of preamble, FCS and the gap between frames."""
WAITING = 64
"""Frames that queue up on the cable in front of the chip."""
INIT_TIME = 10_000
"""Nanoseconds to read the initialisation block: twelve words of 600 ns each, and some thought."""


def swapped(data: bytes) -> bytes:
    """The bytes of each word exchanged; the length is even."""
    out = bytearray(data)
    out[::2], out[1::2] = data[1::2], data[::2]
    return bytes(out)


class Am7990(Element):
    """The chip: registers, initialisation, interrupt, and the way to memory and cable."""

    module = "ic/am7990"
    summary = "AMD Am7990 (LANCE) Ethernet chip, as in a Sun-3/50, a 3/60 and a SPARCstation 2"
    conn_params = (
        Flag("memory", help="how the chip reaches memory: a main board, or the bus it is on if left out"),
        *ETHERNET_PARAMS,
    )
    width = 2

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.clock = machine.clock
        self.irq = Line(f"{name} INTR")
        self.registers = Slave(self, Args(), self, REGISTERS, irq=self.irq)
        self.memory = Slave(self, Args(), self, REGISTERS)
        self.port = EthernetPort(self, receive=self._arrive)
        self.csr0, self.csr1, self.csr2, self.csr3 = Csr0(), Csr1(), Csr2(), Csr3()
        self.csrs = (self.csr0, self.csr1, self.csr2, self.csr3)
        self.rap = Pointer(len(self.csrs), sticky=True)
        self.mode = 0
        self.address = bytes(6)
        self.filter = 0  #: of logical addresses: 64 bits
        self.rx = Receiver(self)
        self.tx = Transmitter(self)
        self.queue: deque[bytes] = deque()
        self.cable_free = 0  #: guest time at which the last frame in the queue has arrived
        self._initializing: Event | None = None
        self.reset()

    def ports(self, args: Args) -> list[Port]:
        return [self.memory] if "memory" in args else [self.registers, self.port]

    def check(self) -> None:
        if self.registers.peer is None:
            raise self.error(f"is on no bus; place it, as in `{self.name} at obio0 addr 0x120000 ipl 3`")

    def command(self, words: list[str]) -> str | None:
        return self.port.command(words)

    def reset(self) -> None:
        """The RESET pin."""
        for csr in self.csrs:
            csr.reset()
        self.rap.select(0)
        self.stop()

    def stop(self) -> None:
        """STOP: everything ends, whatever was in CSR0 and CSR3 is gone; rings and addresses stay known."""
        self.csr0.reset()
        self.csr3.reset()
        if self._initializing is not None:
            self._initializing.cancel()
        self._initializing = None
        self.tx.stop()
        self.queue.clear()
        self.signal(0)

    # ---- memory -------------------------------------------------------------------------------------------

    def _read(self, address: int, count: int) -> bytes:
        return (self.memory if self.memory.peer else self.registers).dma_read(address & ADDRESSES, count)

    def _write(self, address: int, data: bytes) -> None:
        (self.memory if self.memory.peer else self.registers).dma_write(address & ADDRESSES, data)

    def word(self, address: int) -> int:
        """A word of memory."""
        return int.from_bytes(self._read(address & ~1, 2), "big")

    def put(self, address: int, value: int) -> None:
        """Store a word."""
        self._write(address & ~1, value.to_bytes(2, "big"))

    def get_bytes(self, address: int, count: int) -> bytes:
        """Bytes of a frame. Without BSWP the chip takes the lower half of a word for its first byte."""
        if self.csr3.BSWP:
            return self._read(address, count)
        odd = address & 1
        data = swapped(self._read(address - odd, odd + count + (odd + count) % 2))
        return data[odd : odd + count]

    def put_bytes(self, address: int, data: bytes) -> None:
        """Store bytes of a frame."""
        if self.csr3.BSWP:
            self._write(address, data)
            return
        if address & 1:
            self._write(address - 1, data[:1])
            address, data = address + 1, data[1:]
        even = len(data) & ~1
        if even:
            self._write(address, swapped(data[:even]))
        if len(data) > even:
            self._write(address + even + 1, data[even:])

    def attempt(self, action: Callable[[], None]) -> None:
        """Do something that needs the bus. A refused cycle ends all activity until STOP."""
        if self.csr0.MERR or self.csr0.STOP:
            return
        try:
            action()
        except BusError as error:
            self.log(f"memory error, {error}")
            self.csr0.RXON = self.csr0.TXON = 0
            self.tx.stop()
            self.queue.clear()
            self.signal(Csr0.MERR)

    # ---- the processor's side -----------------------------------------------------------------------------

    def read(self, offset: int, size: int) -> int:
        return self.peek(offset, size)

    def peek(self, offset: int, size: int) -> int:
        value = self.rap.index if offset & 2 else self.csrs[self.rap.index].peek()
        return value if size == 2 else value & 0xFF if offset & 1 else value >> 8

    steady = peek

    def write(self, offset: int, size: int, value: int) -> None:
        if size == 1:
            value *= 0x101  # what a 68020 drives; the chip has no byte registers
        if offset & 2:
            self.rap.select(value)
        elif self.rap.index == 0:
            self._control(value)
        elif self.csr0.STOP:  # the others are out of reach while the chip runs
            self.csrs[self.rap.index].write(value)

    def _control(self, value: int) -> None:
        """CSR0."""
        csr = self.csr0
        if value & Csr0.STOP:
            self.stop()
            return
        was = csr.value
        if was & Csr0.STOP and not value & (Csr0.INIT | Csr0.STRT):
            return  # nothing but these gets the chip out of it
        csr.write(value & ~Csr0.STOP)
        csr.STOP = 0
        if csr.value & ~was & Csr0.INIT:
            self._initializing = self.clock.after(INIT_TIME, lambda: self.attempt(self._initialize))
        elif csr.value & ~was & Csr0.STRT and self._initializing is None:
            self._start()
        if value & Csr0.TDMD:
            self._demand()
        self.signal(0)

    def _demand(self) -> None:
        if self.csr0.TXON:
            self.tx.demand()
        elif not self._initializing:
            self.csr0.TDMD = 0

    def signal(self, events: int) -> None:
        """Something happened: show it in CSR0, and interrupt."""
        csr = self.csr0
        csr.value |= events
        csr.ERR = bool(csr.value & ERRORS)
        csr.INTR = bool(csr.value & EVENTS)
        self.irq.set(csr.INTR and csr.INEA)

    # ---- initialisation -----------------------------------------------------------------------------------

    def _initialize(self) -> None:
        self._initializing = None
        block = self._read(self.csr2.value << 16 | self.csr1.value, BLOCK_SIZE)
        words = [int.from_bytes(block[at : at + 2], "big") for at in range(0, BLOCK_SIZE, 2)]
        little = swapped(block)  # addresses count from the lower half of a word
        self.mode = words[0]
        self.address = little[PADR:LADRF]
        self.filter = int.from_bytes(little[LADRF:RDRA], "little")
        for half, at in ((self.rx, RDRA), (self.tx, TDRA)):
            low, high = words[at // 2], words[at // 2 + 1]
            half.ring = Ring((high << 16 | low) & RINGS, 1 << (high >> 13))
        self.signal(Csr0.IDON)
        if self.csr0.STRT:
            self._start()

    def _start(self) -> None:
        self.csr0.RXON = not self.mode & DRX
        self.csr0.TXON = not self.mode & DTX
        self.tx.demand()

    # ---- the cable ----------------------------------------------------------------------------------------

    def frame_time(self, count: int) -> int:
        """Nanoseconds that a frame of so many bytes is on the cable."""
        return (count + OVERHEAD) * BYTE_TIME

    def _arrive(self, frame: bytes) -> None:
        """A frame from the cable. It takes its time, as frames on a real one come one after the other."""
        if not self.csr0.RXON or (self.mode & LOOP and self.mode & INTL) or not self.rx.wants(frame):
            return
        if len(self.queue) >= WAITING:
            return
        frame = frame.ljust(SHORTEST - FCS, b"\0")  # host programs leave the padding out
        self.queue.append(frame)
        begin = max(self.clock.now, self.cable_free)
        self.cable_free = begin + self.frame_time(len(frame))
        self.clock.at(self.cable_free, self._received)

    def _received(self) -> None:
        if self.queue:  # a stop meanwhile has emptied it
            frame = self.queue.popleft()
            self.attempt(lambda: self.rx.receive(frame + fcs(frame)))
