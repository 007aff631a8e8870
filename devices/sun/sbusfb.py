"""bus/sbus/bwtwo, bus/sbus/cgthree: frame buffers on SBus cards, without their PROMs.

    cgthree0 at sbus0 slot 1 offset 0x0 ipl 7: tme/bus/sbus/cgthree
    cgthreerom0 at sbus0 slot 1 offset 0x0: tme/host/posix/memory rom "SUNW,501-1415.bin"

    +000000  the card's PROM: a memory of its own
    +400000  Bt458 (cgthree), +400010 control, status, timing
    +800000  pixels: a bit each, ones are black (bwtwo), or a byte each (cgthree)

The memory is plain memory of the host: processors and translations write it as any other.

Sources: NetBSD sparc cgthreereg.h, bwtworeg.h, dev/sun/cgthree.c; Linux drivers/video; TME.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from devices.generic.bus import Region, Slave
from devices.ic.bt458 import Bt458
from tme.args import Args, Param, choice
from tme.element import Element
from tme.framebuffer import FramebufferPort, Picture
from tme.line import Line
from tme.memory import Memory
from tme.port import Port
from tme.register import RO, RW, TAG, Register

if TYPE_CHECKING:
    from tme.clock import Event
    from tme.machine import Machine

REGISTERS, REGISTERS_SIZE, MEMORY = 0x40_0000, 0x1000, 0x80_0000
REPEAT = 32
"""Registers repeat through their page."""
CONTROL, STATUS, FIRST, LAST = 0x10, 0x11, 0x10, 0x1F
SENSE = {"1152x900": 3, "1024x768": 1, "1280x1024": 4, "1600x1280": 5}
"""Sizes, and what the monitor's sense lines say (TME; Linux knows others)."""
FRAME_TIME = 1_000_000_000 // 66
"""Nanoseconds between two vertical retraces."""


class Control(Register, reset=0x40):
    """Control."""

    INT_ENABLE = RW(0x80)
    VIDEO = RW(0x40)
    TIMING = TAG(0x20)
    CURSOR_COMPARE = TAG(0x10)
    CRYSTAL = TAG(0x0C)
    DIVISOR = TAG(0x03)


class Status(Register):
    """Status; writing it takes the interrupt back."""

    INT = RO(0x80)
    SENSE = RO(0x70)
    ID = RO(0x0F)


class SbusFramebuffer(Element):
    """What both have; also the target of the register page's cycles."""

    params = (Param("size", choice(*SENSE), default="1152x900", help="pixels"),)
    depth: ClassVar[int]
    identity: ClassVar[int]
    width = 4

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.columns, self.rows = map(int, args["size"].split("x"))
        self.shown = self.columns * self.rows * self.depth // 8
        self.memory = Memory.ram(1 << (self.shown - 1).bit_length())
        self.control, self.status = Control(), Status()
        self.timing = bytearray(LAST + 1 - FIRST)
        self.irq = Line(f"{name} retrace")
        self._retrace: Event | None = None
        regions: list[Region] = [
            (REGISTERS, REGISTERS_SIZE, self),
            (MEMORY, self.memory.size, self.memory),
        ]
        self.slave = Slave(self, Args(), self, MEMORY + self.memory.size, irq=self.irq, regions=regions)
        self.framebuffer = FramebufferPort(self, self.columns, self.rows, self.picture)
        self.reset()

    def ports(self, args: Args) -> list[Port]:
        return [self.slave, self.framebuffer]

    def check(self) -> None:
        if self.slave.peer is None:
            raise self.error(f"is on no bus; place it, as in `{self.name} at sbus0 slot 1 offset 0x0 ipl 7`")

    def reset(self) -> None:
        self.control.reset()
        self.status.reset()
        self.status.SENSE, self.status.ID = SENSE[self.args["size"]], self.identity
        self._update()

    def close(self) -> None:
        self.memory.close()

    def picture(self) -> Picture:
        """What the screen shows now."""
        raise NotImplementedError

    # ---- registers ----------------------------------------------------------------------------------------

    def _byte(self, register: int) -> int:
        if register == CONTROL:
            return self.control.value
        if register == STATUS:
            return self.status.value
        return self.timing[register - FIRST] if register >= FIRST else 0

    def peek(self, offset: int, size: int) -> int:
        return int.from_bytes(bytes(self._byte((offset + i) % REPEAT) for i in range(size)), "big")

    read = peek

    def write(self, offset: int, size: int, value: int) -> None:
        for i, byte in enumerate(value.to_bytes(size, "big")):
            register = (offset + i) % REPEAT
            if register == CONTROL:
                self.control.write(byte)
            elif register == STATUS:
                self.status.INT = 0
            elif register >= FIRST:
                self.timing[register - FIRST] = byte
        self._update()

    def _update(self) -> None:
        """Retraces are counted only while somebody wants to hear of them."""
        if not self.control.INT_ENABLE:
            self.status.INT = 0
            if self._retrace is not None:
                self._retrace.cancel()
                self._retrace = None
        elif self._retrace is None:
            self._retrace = self.machine.clock.after(FRAME_TIME, self._retraced)
        self.irq.set(self.status.INT)

    def _retraced(self) -> None:
        self.status.INT = 1
        self._retrace = None
        self._update()


class Bwtwo(SbusFramebuffer):
    """Monochrome."""

    module = "bus/sbus/bwtwo"
    summary = "monochrome SBus frame buffer"
    depth, identity = 1, 2

    def picture(self) -> Picture:
        if not self.control.VIDEO:
            return Picture(self.columns, self.rows, bytes(self.shown))
        return Picture.on_paper(self.columns, self.rows, self.memory.read_bytes(0, self.shown))


class Cgthree(SbusFramebuffer):
    """256 colours, by a Bt458."""

    module = "bus/sbus/cgthree"
    summary = "colour SBus frame buffer, 8 bits a pixel"
    depth, identity = 8, 1

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        self.dac = Bt458()
        super().__init__(name, args, machine)

    def peek(self, offset: int, size: int) -> int:
        return self.dac.peek(offset, size) if offset % REPEAT < FIRST else super().peek(offset, size)

    def read(self, offset: int, size: int) -> int:
        return self.dac.read(offset, size) if offset % REPEAT < FIRST else super().peek(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        if offset % REPEAT < FIRST:
            self.dac.write(offset, size, value)
        else:
            super().write(offset, size, value)

    def picture(self) -> Picture:
        pixels = self.memory.read_bytes(0, self.shown) if self.control.VIDEO else bytes(self.shown)
        colours = self.dac.colours if self.control.VIDEO else bytes(3 * 256)
        return Picture(self.columns, self.rows, pixels, colours)
