"""machine/sun3/si: Sun's SCSI boards with an NCR 5380 ("SCSI-3"), on the VMEbus and on board.

    si0: tme/machine/sun3/si type vme              si0: tme/machine/sun3/si type onboard
    si0 csr at vme0 addr 0xff200000 ipl 2          si0 csr at obio0 addr 0x140000 ipl 2
    ncr0 at si0: tme/ic/ncr5380
    scsibus0 at ncr0: tme/scsi/bus

    +00  the 5380's eight registers
    +08  DMA address (VME)                 +18  control and status
    +0C  DMA count (VME)                   +1A  byte pack register (VME)
    +10  UDC data, +12 UDC address (on board: an Am9516)
    +14  FIFO data, +16 FIFO count         +1E  address modifier and vector (VME)
                                           +20  upper half of the FIFO count (VME)

DMA begins when the 5380 is told to start and ends with the phase: the 5380's interrupt is the only one of a
good transfer.

Sources: NetBSD sys/arch/sun3/dev/{sireg.h,si.c,si_vme.c,si_obio.c}; Linux drivers/scsi/sun3_scsi.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devices.generic.bus import Slave
from devices.ic.am9516 import Am9516
from devices.ic.ncr5380 import Ncr5380
from tme.args import Args, Flag, Param, choice
from tme.bus import BusError
from tme.element import Element
from tme.line import Line
from tme.port import Port
from tme.register import RO, RW, Register

if TYPE_CHECKING:
    from tme.machine import Machine

ONBOARD_SIZE, VME_SIZE = 0x20, 0x22
CHIP = 8
DMA_ADDRESS, DMA_COUNT = 0x08, 0x0C
UDC_DATA, UDC_ADDRESS = 0x10, 0x12
FIFO_DATA, FIFO_COUNT, CSR, BYTE_PACK, VECTOR, FIFO_COUNT_HIGH = 0x14, 0x16, 0x18, 0x1A, 0x1E, 0x20


class Status(Register, width=16):
    """Control and status. RESET_FIFO and RESET are active while zero."""

    DMA_ACTIVE = RO(0x8000)
    CONFLICT = RO(0x4000)
    BUS_ERROR = RO(0x2000)
    ID = RO(0x1000)
    FIFO_FULL = RO(0x0800)
    FIFO_EMPTY = RO(0x0400)
    CHIP_INT = RO(0x0200)
    DMA_INT = RO(0x0100)
    LEFT_OVER = RO(0x00C0)
    BYTE_PACK = RW(0x0020)
    DMA_ENABLE = RW(0x0010)
    SEND = RW(0x0008)
    INT_ENABLE = RW(0x0004)
    RESET_FIFO = RW(0x0002)
    RESET = RW(0x0001)


INTERRUPTS = Status.CONFLICT | Status.BUS_ERROR | Status.CHIP_INT | Status.DMA_INT
VME_ONLY = Status.BYTE_PACK | Status.DMA_ENABLE


class ChipSocket(Port):
    """Where the 5380 is plugged in."""

    element: Si
    peer: Any

    def __init__(self, element: Si) -> None:
        super().__init__(element, "ncr5380", "board")

    def attached(self) -> None:
        self.element.take_chip(self.peer.chip)

    def detach(self) -> None:
        self.element.drop_chip()


class Si(Element):
    """The board, also the target of its registers' bus cycles and the 5380's DMA engine."""

    module = "machine/sun3/si"
    summary = "Sun's SCSI board with an NCR 5380: type vme, or onboard as on 3/50 and 3/60"
    params = (Param("type", choice("vme", "onboard"), required=True, help="which board"),)
    conn_params = (
        Flag("csr", help="place the registers"),
        Flag("memory", help="as csr: these boards reach memory through the bus that they are on"),
    )
    width = 2

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.vme: bool = args["type"] == "vme"
        self.address = self.count = self.fifo_data = self.modifier = 0
        self.irq = Line(f"{name} interrupt")
        vector = (lambda: self.modifier & 0xFF) if self.vme else None
        size = VME_SIZE if self.vme else ONBOARD_SIZE
        self.slave = Slave(self, Args(), self, size, irq=self.irq, vector=vector)
        self.socket = ChipSocket(self)
        self.chip: Ncr5380 | None = None
        self.csr = Status()
        self.udc = Am9516(self._fetch)
        self._power()

    def _power(self) -> None:
        self.csr.reset()
        self.csr.FIFO_EMPTY = 1
        self.csr.ID = self.vme
        self.address = self.count = self.fifo_data = self.modifier = 0
        self.udc.reset()

    def ports(self, args: Args) -> list[Port]:
        if "csr" in args or "memory" in args:
            return [self.slave]
        return [self.socket, self.slave]

    def check(self) -> None:
        if self.chip is None:
            raise self.error("has no 5380; plug one in, as in `ncr0 at si0: tme/ic/ncr5380`")

    def reset(self) -> None:
        self._power()
        if self.chip is not None:
            self.chip.reset()
        self._update()

    def take_chip(self, chip: Ncr5380) -> None:
        """A 5380 is plugged in."""
        self.chip = chip
        chip.engine = self
        chip.irq.connect(self._chip_interrupt)

    def drop_chip(self) -> None:
        """The 5380 is taken out."""
        if self.chip is not None:
            self.chip.irq.disconnect(self._chip_interrupt)
            self.chip.engine = None
            self.chip = None

    def _chip_interrupt(self, level: bool) -> None:
        self.csr.CHIP_INT = level
        self._update()

    def _update(self) -> None:
        csr = self.csr
        reaches = csr.INT_ENABLE and (csr.DMA_ENABLE or not self.vme)
        self.irq.set(reaches and csr.value & INTERRUPTS)

    # ---- registers ----------------------------------------------------------------------------------------

    def _is_active(self) -> bool:
        return not self.vme and self.udc.enabled and self.chip is not None and self.chip.ready

    def _word(self, register: int) -> int:
        """A 16-bit register."""
        if register == CSR:
            return self.csr.value | (Status.DMA_ACTIVE if self._is_active() else 0)
        if register == FIFO_DATA:
            return self.fifo_data
        if register == FIFO_COUNT:
            return self.count & 0xFFFF
        if not self.vme:
            return self.udc.read() if register == UDC_DATA else 0
        values = {
            DMA_ADDRESS: self.address >> 16,
            DMA_ADDRESS + 2: self.address & 0xFFFF,
            DMA_COUNT: self.count >> 16,
            DMA_COUNT + 2: self.count & 0xFFFF,
            VECTOR: self.modifier,
            FIFO_COUNT_HIGH: self.count >> 16,
        }
        return values.get(register, 0)

    def _bytes(self, offset: int, size: int) -> int:
        if self.vme and offset & ~3 == DMA_COUNT and size == 1:
            raise BusError(
                offset, timeout=False
            )  # the board answers no bytes there: SunOS tells si from sc so
        word = self._word(offset & ~1)
        return word if size == 2 else word >> (0 if offset & 1 else 8) & 0xFF

    def read(self, offset: int, size: int) -> int:
        if offset < CHIP:
            chip, value = self.chip, 0
            if chip is not None and size == 1:
                return chip.read(offset)
            for register in range(offset, offset + size):
                value = value << 8 | (chip.read(register) if chip else 0xFF)
            return value
        return self._bytes(offset, size)

    def peek(self, offset: int, size: int) -> int:
        if offset < CHIP:
            value = 0
            for register in range(offset, offset + size):
                value = value << 8 | (self.chip.peek(register) if self.chip else 0xFF)
            return value
        return self._bytes(offset, size)

    def steady(self, offset: int, size: int) -> int | None:
        if offset < CHIP:
            return self.chip.steady(offset) if self.chip is not None and size == 1 else None
        return self._bytes(offset, size) if offset == CSR and size == 2 else None

    def write(self, offset: int, size: int, value: int) -> None:
        if offset < CHIP:
            for register in range(offset, offset + size):
                if self.chip is not None:
                    self.chip.write(register, value >> (offset + size - 1 - register) * 8 & 0xFF)
            return
        old = self._bytes(offset, size) if size == 2 else self._word(offset & ~1)
        if size == 1:
            self._bytes(offset, 1)  # refuses what the board refuses
            value = old & 0xFF00 | value if offset & 1 else old & 0xFF | value << 8
        self._write_word(offset & ~1, value, old)

    def _write_word(self, register: int, value: int, old: int) -> None:
        if register == CSR:
            self._write_csr(value)
        elif register == FIFO_DATA:
            self.fifo_data = value
        elif register == FIFO_COUNT:
            self.count = self.count & 0xFFFF_0000 | value
        elif not self.vme:
            if register == UDC_DATA:
                self.udc.write(value)
            elif register == UDC_ADDRESS:
                self.udc.pointer = value & 0xFF
        elif register == DMA_ADDRESS:
            self.address = value << 16 | self.address & 0xFFFF
        elif register == DMA_ADDRESS + 2:
            self.address = self.address & 0xFFFF_0000 | value
        elif register in (DMA_COUNT, FIFO_COUNT_HIGH):
            self.count = value << 16 | self.count & 0xFFFF
        elif register == DMA_COUNT + 2:
            self.count = self.count & 0xFFFF_0000 | value
        elif register == VECTOR:
            self.modifier = value
        if self.chip is not None:
            self.chip.go_on()
        self._update()

    def _write_csr(self, value: int) -> None:
        if not self.vme:
            value &= ~VME_ONLY
        changed = self.csr.write(value)
        fell = changed & ~value
        if fell & Status.RESET_FIFO:
            self.csr.BUS_ERROR = self.csr.CONFLICT = self.csr.DMA_INT = self.csr.LEFT_OVER = 0
            self.fifo_data = 0
            if self.vme:
                self.address = self.count = 0
        if fell & Status.RESET:
            self.udc.reset()
            if self.chip is not None:
                self.chip.reset()

    # ---- DMA ----------------------------------------------------------------------------------------------

    def _fetch(self, address: int) -> int:
        """A word of the UDC's chain table."""
        try:
            return int.from_bytes(self.slave.dma_read(address, 2), "big")
        except BusError:
            self._bus_error()
            return 0

    def _bus_error(self) -> None:
        self.log(f"bus error in DMA at {self.address:#x}")
        self.csr.BUS_ERROR = 1
        self.udc.enabled = False
        self._update()

    def data_request(self) -> None:
        """The 5380 has a byte or wants one."""
        chip = self.chip
        assert chip is not None
        sending = bool(chip.sending)
        if self.csr.value & (Status.BUS_ERROR | Status.CONFLICT) or sending != bool(self.csr.SEND):
            return
        if self.vme:
            if self.csr.DMA_ENABLE and self.count:
                moved = self._move(chip, sending, self.address, self.count)
                self.address = self.address + moved & 0xFFFF_FFFF
                self.count -= moved
        elif self.udc.words and self.count:
            at = self.udc.address(sending)
            moved = self._move(chip, sending, at, min(self.count, 2 * self.udc.words))
            self.count -= moved
            self.udc.moved((moved + 1 if sending else moved) // 2, sending)

    def _move(self, chip: Ncr5380, sending: bool, address: int, count: int) -> int:
        """Move up to `count` bytes; returns how many. The FIFO keeps an odd last byte that was received."""
        try:
            if sending:
                return chip.dma_out(self.slave.dma_read(address, count))
            self.slave.dma_read(address, 1)  # an address that does not answer costs no bytes
            data = chip.dma_in(count)
            if not self.vme and len(data) & 1:
                self.fifo_data = data[-1] << 8
                self.slave.dma_write(address, data[:-1])
            elif data:
                self.slave.dma_write(address, data)
        except BusError:
            self._bus_error()
            return 0
        return len(data)

    def data_end(self) -> None:
        """The 5380 has stopped; what is left shows in the counters."""
        self._update()
