"""machine/sun3/obie: the on-board Ethernet of a Sun-3/160 and 3/260, a control register around an 82586.

    obie0: tme/machine/sun3/obie
    obie0 csr at obio0 addr 0x0c0000 ipl 3
    obie0 memory at mainbus0
    ie0 at obie0: tme/ic/i82586

The chip reaches memory by DVMA: its 24 address bits are virtual 0F000000 to 0FFFFFFF. The data bus is crossed
so that bytes keep their addresses; the chip's little-endian words are swapped for the processor.

Sources: NetBSD sys/arch/sun3/dev/if_ie_obio.c; Linux drivers/net/ethernet/i825xx/sun3_82586.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devices.generic.bus import Slave
from devices.ic.i82586 import I82586
from tme.args import Args, Flag
from tme.element import Element
from tme.line import Line
from tme.port import Port
from tme.register import RO, RW, Register

if TYPE_CHECKING:
    from tme.machine import Machine

SIZE = 2
"""The register is a byte; drivers may write a word, of which it takes the upper one."""


class Control(Register, width=8):
    """Control register. After a reset the chip is held in reset, off the cable."""

    NO_RESET = RW(0x80)
    ON_AIR = RW(0x40)
    ATTENTION = RW(0x20)
    INT_ENABLE = RW(0x10)
    LEVEL_2 = RO(0x04)
    BUS_ERROR = RO(0x02)
    INT = RO(0x01)


class ChipSocket(Port):
    """Where the 82586 is plugged in."""

    element: Obie
    peer: Any

    def __init__(self, element: Obie) -> None:
        super().__init__(element, "i82586", "board")

    def attached(self) -> None:
        self.element.take_chip(self.peer.chip)

    def detach(self) -> None:
        self.element.drop_chip()


class Obie(Element):
    """The board's part; also the target of its register's bus cycles and the chip's way to memory."""

    module = "machine/sun3/obie"
    summary = "on-board Ethernet of the 3/160 and 3/260: control register and DVMA for an 82586"
    conn_params = (
        Flag("csr", help="place the control register"),
        Flag("memory", help="how the chip reaches memory: a main board, or the bus of `csr` if left out"),
    )
    width = 1

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.control = Control()
        self.irq = Line(f"{name} interrupt")
        self.csr = Slave(self, Args(), self, SIZE, irq=self.irq)
        self.memory = Slave(self, Args(), self, SIZE)
        self.socket = ChipSocket(self)
        self.chip: I82586 | None = None

    def ports(self, args: Args) -> list[Port]:
        if "memory" in args:
            return [self.memory]
        return [self.csr] if "csr" in args else [self.socket]

    def check(self) -> None:
        if self.csr.peer is None:
            raise self.error(f"is on no bus; place it, as in `{self.name} csr at obio0 addr 0x0c0000 ipl 3`")
        if self.chip is None:
            raise self.error(f"has no 82586; plug one in, as in `ie0 at {self.name}: tme/ic/i82586`")

    def take_chip(self, chip: I82586) -> None:
        """An 82586 is plugged in."""
        self.chip = chip
        chip.board = self
        chip.irq.connect(self._chip_interrupt)

    def drop_chip(self) -> None:
        """The 82586 is taken out."""
        if self.chip is not None:
            self.chip.irq.disconnect(self._chip_interrupt)
            self.chip.board = None
            self.chip = None

    def reset(self) -> None:
        self.control.reset()
        if self.chip is not None:
            self.chip.reset()
        self._update()

    # ---- the chip's side (devices.ic.i82586.Board) --------------------------------------------------------

    @property
    def on_air(self) -> bool:
        return bool(self.control.ON_AIR)

    def dma_read(self, address: int, count: int) -> bytes:
        return (self.memory if self.memory.peer else self.csr).dma_read(address, count)

    def dma_write(self, address: int, data: bytes) -> None:
        (self.memory if self.memory.peer else self.csr).dma_write(address, data)

    def bus_error(self) -> None:
        self.control.BUS_ERROR = 1

    def _chip_interrupt(self, level: bool) -> None:
        self.control.INT = level
        self._update()

    def _update(self) -> None:
        self.irq.set(bool(self.control.INT and self.control.INT_ENABLE))

    # ---- the processor's side -----------------------------------------------------------------------------

    def read(self, offset: int, size: int) -> int:
        return 0 if offset & 1 else self.control.read()

    def peek(self, offset: int, size: int) -> int:
        value = self.control.peek() << 8
        return value if size == 2 else 0 if offset & 1 else value >> 8

    def write(self, offset: int, size: int, value: int) -> None:
        if offset & 1:
            return
        changed = self.control.write(value)
        chip = self.chip
        if chip is not None:
            if changed & Control.NO_RESET:  # either edge: the chip does nothing while it is held
                chip.reset()
                self.control.BUS_ERROR = 0
            if changed & value & Control.ATTENTION and self.control.NO_RESET:
                chip.attention()
        self._update()
