"""Intel 82586: an Ethernet coprocessor that shares command and receive lists with the processor in memory.

    obie0: tme/machine/sun3/obie
    ie0 at obie0: tme/ic/i82586

There are no registers. A channel attention makes the chip look at the system control block (SCB), which it
found after the reset through two pointers at the top of its address space. Command unit: i82586cu.py; receive
unit: i82586ru.py; bits and offsets: i82586reg.py.

A list that makes no sense cannot hang anything: one event does one command or one frame, a frame's buffers
are limited, and a refused bus cycle stops the chip until it is reset.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from devices.ic.i82586cu import CommandUnit
from devices.ic.i82586reg import (
    ADDRESSES,
    CNA,
    CUC,
    CX,
    EVENTS,
    ISCP_BASE,
    ISCP_BUSY,
    ISCP_SCB,
    RESET,
    RUC,
    SCB_COMMAND,
    SCB_STATUS,
    SCP,
    SCP_ISCP,
    Configuration,
)
from devices.ic.i82586ru import ReceiveUnit
from tme.args import Args
from tme.bus import BusError
from tme.element import Element
from tme.ethernet import ETHERNET_PARAMS, EthernetPort
from tme.line import Line
from tme.port import Port

if TYPE_CHECKING:
    from tme.machine import Machine

BYTE_TIME = 800
"""Nanoseconds at 10 Mbit/s."""
OVERHEAD = 12
"""Bytes of preamble and CRC around a frame."""
SHORTEST = 60
"""Bytes of a frame without CRC; host programs leave the padding out."""
WAITING = 64
"""Frames that queue up on the cable in front of the chip."""


class Board(Protocol):
    """What the chip needs of its board."""

    on_air: bool
    """The serial side is on the cable; otherwise it is looped back into the chip."""

    def dma_read(self, address: int, count: int) -> bytes: ...

    def dma_write(self, address: int, data: bytes) -> None: ...

    def bus_error(self) -> None:
        """A cycle was refused; the chip has stopped."""


class ChipPort(Port):
    """The chip's end in its socket."""

    element: I82586
    peer: Any

    def __init__(self, element: I82586) -> None:
        super().__init__(element, "i82586", "chip")
        self.chip = element


class I82586(Element):
    """The chip: initialisation, channel attention, interrupt, and the way to memory and cable."""

    module = "ic/i82586"
    summary = "Intel 82586 Ethernet chip"
    conn_params = ETHERNET_PARAMS

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.clock = machine.clock
        self.irq = Line(f"{name} INT")
        self.socket = ChipPort(self)
        self.port = EthernetPort(self, receive=self._arrive)
        self.board: Board | None = None
        self.config = Configuration()
        self.address = bytes(6)
        self.hash = 0
        self.queue: deque[bytes] = deque()
        self.cu = CommandUnit(self)
        self.ru = ReceiveUnit(self)
        self.cable_free = 0  #: guest time at which the last frame in the queue has arrived
        self.reset()

    def ports(self, args: Args) -> list[Port]:
        return [self.socket, self.port]

    def check(self) -> None:
        if self.socket.peer is None:
            raise self.error(f"is on no board; plug it in, as in `{self.name} at obie0`")

    def command(self, words: list[str]) -> str | None:
        return self.port.command(words)

    def reset(self) -> None:
        """The RESET pin, or the bit in a command: everything is forgotten."""
        self.running = True  #: no bus cycle was refused
        self.initialized = False
        self.base = self.scb = 0
        self.events = 0  #: CX, FR, CNA, RNR as far as they are not acknowledged
        self.config = Configuration()
        self.address = b"\xff" * 6
        self.hash = 0  #: of multicast addresses: 64 bits
        self.queue.clear()
        self.cu.reset()
        self.ru.reset()
        self.irq.set(False)

    # ---- memory -------------------------------------------------------------------------------------------

    def read(self, address: int, count: int) -> bytes:
        """Bytes of memory."""
        if self.board is None:
            raise BusError(address)
        return self.board.dma_read(address & ADDRESSES, count) if count else b""

    def write(self, address: int, data: bytes) -> None:
        """Store bytes."""
        if self.board is None:
            raise BusError(address)
        if data:
            self.board.dma_write(address & ADDRESSES, data)

    def word(self, address: int) -> int:
        """A word of memory."""
        return int.from_bytes(self.read(address, 2), "little")

    def put(self, address: int, value: int) -> None:
        """Store a word."""
        self.write(address, value.to_bytes(2, "little"))

    def pointer(self, address: int) -> int:
        """An address of 24 bits in memory."""
        return int.from_bytes(self.read(address, 4), "little") & ADDRESSES

    def attempt(self, action: Callable[[], None]) -> None:
        """Do something that needs the bus. A refused cycle stops the chip: its board never says ready."""
        if not self.running:
            return
        try:
            action()
        except BusError as error:
            self.running = False
            self.cu.reset()
            self.ru.reset()
            self.queue.clear()
            self.log(f"bus error, {error}; the chip stops")
            if self.board is not None:
                self.board.bus_error()

    # ---- system control block -----------------------------------------------------------------------------

    def attention(self) -> None:
        """The CA pin: look at the SCB, or find it."""
        self.attempt(self._attend if self.initialized else self._initialize)

    def _initialize(self) -> None:
        iscp = self.pointer(SCP + SCP_ISCP)
        self.base = self.pointer(iscp + ISCP_BASE)
        self.scb = self.base + self.word(iscp + ISCP_SCB)
        self.write(iscp + ISCP_BUSY, b"\0")
        self.initialized = True
        self.signal(CX | CNA)

    def _attend(self) -> None:
        command = self.word(self.scb + SCB_COMMAND)
        self.put(self.scb + SCB_COMMAND, 0)
        if command & RESET:
            self.reset()
            return
        self.events &= ~command
        self.cu.command((command & CUC) >> 8)
        self.ru.command((command & RUC) >> 4)
        self.signal(0)

    def signal(self, events: int) -> None:
        """Something happened: show it and both units' states in the SCB, and interrupt."""
        self.events |= events
        self.put(self.scb + SCB_STATUS, self.events | self.cu.state << 8 | self.ru.state << 4)
        self.irq.set(bool(self.events & EVENTS))

    # ---- the cable ----------------------------------------------------------------------------------------

    def frame_time(self, count: int) -> int:
        """Nanoseconds that a frame of so many bytes is on the cable."""
        return (count + OVERHEAD) * BYTE_TIME + self.config.spacing * BYTE_TIME // 8

    def _arrive(self, frame: bytes) -> None:
        """A frame from the cable. It takes its time, as frames on a real one come one after the other."""
        if not (self.initialized and self.running and self.board is not None and self.board.on_air):
            return
        if len(self.queue) >= WAITING or not self.ru.is_for_us(frame):
            return
        self.queue.append(frame.ljust(SHORTEST, b"\0"))
        begin = max(self.clock.now, self.cable_free)
        self.cable_free = begin + self.frame_time(max(len(frame), SHORTEST))
        self.clock.at(self.cable_free, self._received)

    def _received(self) -> None:
        if self.queue:  # a reset meanwhile has emptied it
            frame = self.queue.popleft()
            self.attempt(lambda: self.ru.receive(frame))
