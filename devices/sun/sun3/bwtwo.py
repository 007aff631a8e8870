"""machine/sun3/bwtwo: the monochrome frame buffer.

    bwtwo0 at obmem0 addr 0xff000000: tme/machine/sun3/bwtwo type old-onboard

One bit a pixel, the leftmost in the most significant bit; a one is black. The memory is plain memory of the
host: processors and translations write it as any other. `old-onboard` has a control register at +20000, which
`onboard` has not. The screen is dark unless the main board's enable register (and that control register) let
it show something.

Sources: NetBSD sys/arch/sun3/dev/bw2.c, sys/dev/sun/bw2reg.h.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from devices.generic.bus import Region, Slave
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

TYPES = ("multibus", "old-onboard", "onboard", "P4", "sbus")
"""As TME names them."""
WITH_REGISTER = "old-onboard"
OURS = (WITH_REGISTER, "onboard")
SIZES = ("1152x900", "1024x1024", "1600x1280", "1280x1024", "1440x1440", "640x480", "1024x768")
REGISTER_SIZES = SIZES[:2]
SQUARE = "1024x1024"
REGISTER, REGISTER_PAGE = 0x2_0000, 0x800
"""Offset of the control register; it answers in a whole page."""
FRAME_TIME = 1_000_000_000 // 66
"""Nanoseconds between two vertical retraces."""


class Control(Register, width=16, reset=0x8000):
    """Control register. COPY would repeat main memory writes in the frame buffer: nothing uses that."""

    VIDEO = RW(0x8000)
    COPY = TAG(0x4000)
    INT_ENABLE = RW(0x2000)
    INT = RO(0x1000)
    JUMPER_B = RO(0x0800)
    JUMPER_A = RO(0x0400)
    COLOR = RO(0x0200)
    SQUARE = RO(0x0100)
    COPY_BASE = TAG(0x007E)


class ControlTarget:
    """The register's page: one word that repeats. `written()` is called after each write."""

    width = 2

    def __init__(self, control: Control, written: Callable[[], None]) -> None:
        self.control = control
        self.written = written

    def read(self, offset: int, size: int) -> int:
        value = self.control.read()
        return value if size == 2 else value >> (0 if offset & 1 else 8) & 0xFF

    def peek(self, offset: int, size: int) -> int:
        page = self.control.peek().to_bytes(2, "big") * (size + 1)
        return int.from_bytes(page[offset & 1 :][:size], "big")

    def write(self, offset: int, size: int, value: int) -> None:
        if size == 1:
            old = self.control.value
            value = old & 0xFF00 | value if offset & 1 else old & 0xFF | value << 8
        self.control.write(value)
        self.written()


class Bwtwo(Element):
    """Memory, control register, and the picture that they make."""

    module = "machine/sun3/bwtwo"
    summary = "monochrome frame buffer on obmem: type old-onboard or onboard"
    params = (
        Param("type", choice(*TYPES), required=True, help="which board"),
        Param("size", choice(*SIZES), default=SIZES[0], help="pixels"),
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        kind, size = args["type"], args["size"]
        if kind not in OURS:
            raise self.error(
                f"type {kind} is known to TME, not in this version; there are {' and '.join(OURS)}"
            )
        has_register = kind == WITH_REGISTER
        if has_register and size not in REGISTER_SIZES:
            raise self.error(f"type {kind} has size {' or '.join(REGISTER_SIZES)}, not {size}")
        self.width, self.height = map(int, size.split("x"))
        self.stride = self.width // 8
        shown = self.stride * self.height
        self.memory = Memory.ram(max(1 << (shown - 1).bit_length(), REGISTER))
        self.control = Control()
        self.irq = Line(f"{name} retrace")
        self._retrace: Event | None = None
        regions: list[Region] = [(0, self.memory.size, self.memory)]
        if has_register:
            regions.append((REGISTER, REGISTER_PAGE, ControlTarget(self.control, self._written)))
        self.slave = Slave(self, Args(), self.memory, self.memory.size, irq=self.irq, regions=regions)
        self.framebuffer = FramebufferPort(self, self.width, self.height, self.picture)
        self._power()

    def ports(self, args: Args) -> list[Port]:
        return [self.slave, self.framebuffer]

    def check(self) -> None:
        if self.slave.peer is None:
            raise self.error(f"is on no bus; place it, as in `{self.name} at obmem0 addr 0xff000000`")

    def _power(self) -> None:
        self.control.reset()
        self.control.SQUARE = (self.width, self.height) == (1024, 1024)

    def reset(self) -> None:
        self._power()
        self._written()

    def close(self) -> None:
        self.memory.close()

    # ---- the screen ---------------------------------------------------------------------------------------

    @property
    def video(self) -> bool:
        """Whether the screen shows the memory: the board's enable register can turn it off."""
        side = self.slave.peer
        board = side.element.controller if side is not None else None
        return bool(self.control.VIDEO) and bool(getattr(board, "video", True))

    def picture(self) -> Picture:
        """What the screen shows: ones of the memory are black, and so is a screen that is off."""
        count = self.stride * self.height
        if not self.video:
            return Picture(self.width, self.height, bytes(count))
        return Picture.on_paper(self.width, self.height, self.memory.read_bytes(0, count))

    # ---- the vertical retrace -----------------------------------------------------------------------------

    def _written(self) -> None:
        """The interrupt goes on and off with its enable bit, which a handler takes down and up again."""
        if not self.control.INT_ENABLE:
            self.control.INT = 0
            if self._retrace is not None:
                self._retrace.cancel()
                self._retrace = None
        elif self._retrace is None:
            self._retrace = self.machine.clock.after(FRAME_TIME, self._retraced)
        self.irq.set(bool(self.control.INT))

    def _retraced(self) -> None:
        self.control.INT = 1
        self.irq.set(True)
        self._retrace = self.machine.clock.after(FRAME_TIME, self._retraced)
