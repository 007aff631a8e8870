"""LSI 64854: Sun's SBus DMA controller, its SCSI channel. The SCSI chip is behind it.

    esp0 at sbus0 slot 0 offset 0x800000 ipl 3: tme/ic/lsi64854 revision "1+" channel scsi
    esp0 dma at sbus0 slot 0 offset 0x400000
    ncr0 at esp0 master: tme/ic/ncr53c9x variant esp100
    scsibus0 at ncr0: tme/scsi/bus

The first connection places the chip's registers, a byte every four bytes, and has the interrupt; the second
places the channel's own:   +0 control and status   +4 address   +8 count, 24 bits   +C test

The address counts within 16 MB. Bytes go straight to memory: the pack register is always empty. The Ethernet
and the parallel channel, and chaining of revision 2, are not modelled.

Sources: NetBSD sys/dev/ic/lsi64854{reg.h,.c}; Linux asm-sparc/dma.h; TME.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devices.generic.bus import Slave
from devices.ic.ncr53c9x import REGISTERS as CHIP_REGISTERS
from devices.ic.ncr53c9x import Ncr53c9x
from tme.args import Args, Flag, Param, choice
from tme.bus import BusError
from tme.element import Element
from tme.errors import TmeError
from tme.line import Line
from tme.port import Port
from tme.register import RC, RO, RW, TAG, WO, Register

if TYPE_CHECKING:
    from tme.machine import Machine

SIZE = 16
STRIDE = 4
CSR, ADDRESS, COUNT, TEST = range(0, SIZE, 4)
COUNT_BITS = 0xFF_FFFF
WRAP = 1 << 24
"""The address counter's lower 24 bits count; the upper eight stay."""
REVISIONS = {"1+": 0x9, "2": 0xA}
CHANNELS = ("scsi", "ethernet", "parallel")


class Csr(Register, width=32):
    """Control and status."""

    DEVICE = RO(0xF000_0000)
    CHAINING = TAG(0x0180_0000)
    TERMINAL_COUNT = RO(0x4000)
    COUNT_ENABLE = RW(0x2000)
    BYTE = RO(0x1800)
    REQUEST = RO(0x400)
    DMA_ENABLE = RW(0x200)
    TO_MEMORY = RW(0x100)
    RESET = RW(0x80)
    SLAVE_ERROR = RC(0x40)
    FLUSH = WO(0x20)
    INT_ENABLE = RW(0x10)
    PACKED = RO(0x0C)
    ERROR = RO(0x02)
    INTERRUPT = RO(0x01)


class ChipSocket(Port):
    """Where the SCSI chip is plugged in."""

    element: Lsi64854
    peer: Any

    def __init__(self, element: Lsi64854) -> None:
        super().__init__(element, "ncr53c9x", "board")

    def attached(self) -> None:
        self.element.take_chip(self.peer.chip)

    def detach(self) -> None:
        self.element.drop_chip()


class ChipRegisters:
    """The chip's registers on the bus: one byte of each word."""

    width = 4

    def __init__(self, channel: Lsi64854) -> None:
        self.channel = channel

    def read(self, offset: int, size: int) -> int:
        chip = self.channel.chip
        return self._spread(chip.read(offset // STRIDE) if chip else 0xFF, offset, size)

    def peek(self, offset: int, size: int) -> int:
        chip = self.channel.chip
        return self._spread(chip.peek(offset // STRIDE) if chip else 0xFF, offset, size)

    def steady(self, offset: int, size: int) -> int | None:
        chip = self.channel.chip
        value = chip.steady(offset // STRIDE) if chip else 0xFF
        return None if value is None else self._spread(value, offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        if self.channel.chip is not None and not offset % STRIDE:
            self.channel.chip.write(offset // STRIDE, value >> 8 * (size - 1) & 0xFF)

    def _spread(self, value: int, offset: int, size: int) -> int:
        """The byte is at D31-D24; nobody drives the others."""
        word = value << 24 | 0xFF_FFFF
        return word >> 8 * (STRIDE - size - offset % STRIDE) & (1 << 8 * size) - 1


class Lsi64854(Element):
    """The SCSI channel; also the target of its registers' cycles, and the chip's way to memory."""

    module = "ic/lsi64854"
    summary = "Sun's SBus DMA controller: channel scsi, in front of an ncr53c9x"
    params = (
        Param("revision", choice(*REVISIONS), required=True, help="1+ in a SPARCstation 2"),
        Param("channel", choice(*CHANNELS), required=True, help="scsi"),
    )
    conn_params = (
        Flag("dma", help="place the channel's own registers"),
        Flag("master", help="the chip behind it"),
    )
    width = 4

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        if args["channel"] != "scsi":
            raise self.error(f"channel {args['channel']} is known to TME, not in this version; there is scsi")
        self.irq = Line(f"{name} interrupt")
        self.csr = Csr()
        self.address = self.count = 0
        self.chip: Ncr53c9x | None = None
        self.chip_slave = Slave(self, Args(), ChipRegisters(self), CHIP_REGISTERS * STRIDE, irq=self.irq)
        self.dma_slave = Slave(self, Args(), self, SIZE)
        self.socket = ChipSocket(self)
        self._power()

    def ports(self, args: Args) -> list[Port]:
        if "dma" in args and "master" in args:
            raise TmeError("a connection is `dma` or `master`, not both")
        if "dma" in args:
            return [self.dma_slave]
        return [self.socket] if "master" in args else [self.chip_slave]

    def check(self) -> None:
        if self.chip is None:
            raise self.error(
                f"has no chip; plug one in, as in `ncr0 at {self.name} master: tme/ic/ncr53c9x …`"
            )

    def take_chip(self, chip: Ncr53c9x) -> None:
        """A SCSI chip is plugged in."""
        self.chip = chip
        chip.engine = self
        chip.irq.connect(self._chip_interrupt)

    def drop_chip(self) -> None:
        """The SCSI chip is taken out."""
        if self.chip is not None:
            self.chip.irq.disconnect(self._chip_interrupt)
            self.chip.engine = None
            self.chip = None

    def command(self, words: list[str]) -> str | None:
        if words != ["status"]:
            raise TmeError(f"usage: command {self.name} status")
        return f"{self.csr!r}\naddress {self.address:08x}, count {self.count:06x}"

    # ---- registers ----------------------------------------------------------------------------------------

    def _power(self) -> None:
        self.csr.reset()
        self.csr.DEVICE = REVISIONS[self.args["revision"]]
        self.address = self.count = 0
        self._update()

    def reset(self) -> None:
        self._power()
        if self.chip is not None:
            self.chip.reset()

    def _chip_interrupt(self, level: bool) -> None:
        self.csr.INTERRUPT = level
        self._update()

    def _update(self) -> None:
        self.irq.set(self.csr.INT_ENABLE and (self.csr.INTERRUPT or self.csr.ERROR))

    def _word(self, register: int) -> int:
        return (self.csr.peek(), self.address, self.count, 0)[register // 4]

    def peek(self, offset: int, size: int) -> int:
        return self._word(offset & ~3) >> 8 * (4 - size - (offset & 3)) & (1 << 8 * size) - 1

    def read(self, offset: int, size: int) -> int:
        value = self.peek(offset, size)
        if offset & ~3 == CSR:
            self.csr.read()
        return value

    def steady(self, offset: int, size: int) -> int | None:
        return None if self.csr.SLAVE_ERROR else self.peek(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        register = offset & ~3
        shift, mask = 8 * (4 - size - (offset & 3)), (1 << 8 * size) - 1
        word = self._word(register) & ~(mask << shift) | value << shift
        if register == CSR:
            self._write_csr(word)
        elif register == ADDRESS:
            self.address = word
        elif register == COUNT:
            self.count = word & COUNT_BITS
            self.csr.TERMINAL_COUNT = 0
        if self.chip is not None:
            self.chip.attend()

    def _write_csr(self, value: int) -> None:
        changed = self.csr.write(value)
        if value & Csr.FLUSH:
            self.csr.ERROR = self.csr.TERMINAL_COUNT = 0
        if changed & Csr.RESET and self.csr.RESET:
            self.csr.ERROR = self.csr.TERMINAL_COUNT = self.csr.DMA_ENABLE = 0
            if self.chip is not None:
                self.chip.reset()
        self._update()

    # ---- the chip's side ----------------------------------------------------------------------------------

    def room(self, to_memory: bool) -> int:
        """How many bytes the chip may move now in a direction; zero until the driver has said so."""
        csr = self.csr
        if csr.ERROR or csr.RESET or not csr.DMA_ENABLE or bool(csr.TO_MEMORY) is not to_memory:
            return 0
        left = WRAP - self.address % WRAP
        return min(left, self.count) if csr.COUNT_ENABLE else left

    def fetch(self, count: int) -> bytes | None:
        """Bytes from memory, for the chip; None after a refused cycle."""
        try:
            return self.dma_slave.dma_read(self.address, count)
        except BusError:
            return self._fail()

    def store(self, data: bytes) -> bool:
        """Bytes of the chip to memory; False after a refused cycle."""
        try:
            self.dma_slave.dma_write(self.address, data)
        except BusError:
            self._fail()
            return False
        self.advance(len(data))
        return True

    def advance(self, count: int) -> None:
        """So many bytes have been moved."""
        self.address = self.address & -WRAP | (self.address + count) % WRAP
        if self.csr.COUNT_ENABLE:
            self.count = max(self.count - count, 0)
            self.csr.TERMINAL_COUNT = not self.count

    def _fail(self) -> None:
        self.log(f"bus error in DMA at {self.address:#x}")
        self.csr.ERROR = 1
        self._update()
