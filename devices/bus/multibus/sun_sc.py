"""bus/multibus/sun-sc: Sun's first SCSI board ("sc", "SCSI-2" as a VME board), discrete logic around the bus.

    sc0 at vme0 addr 0xff200000 ipl 2: tme/bus/multibus/sun-sc vme
    scsibus0 at sc0: tme/scsi/bus

    +0  data               the lines as they are; a handshake in the data phases
    +2  command/status     a byte with its REQ/ACK handshake
    +4  interface control  lines, DMA and interrupt control
    +8  DMA address, 32 bits    +C  DMA count, one's complement, counts up to FFFF
    +F  interrupt vector (VME)

The board has no ATN, so targets get no messages and take the logical unit from the command. It asks for an
interrupt when the status phase comes, when its count runs out, and after a bus error. Reading or writing the
control register takes the request back.

Sources: NetBSD sys/arch/sun2/dev/screg.h and sunscpal(4)'s core; TME's element for what Sun's PROMs rely on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.generic.bus import Slave
from devices.scsi.wires import BSY, CD, IO, MSG, PHASE, REQ, RST, SEL, STATUS, ScsiPort
from tme.args import Args, Flag
from tme.bus import BusError
from tme.element import Element
from tme.line import Line
from tme.port import Port
from tme.register import RO, RW, Register

if TYPE_CHECKING:
    from tme.machine import Machine

SIZE = 0x10
"""Bytes that answer. The board decodes 4 KB, but its serial ports are at +800 and +1000."""
DATA, COMMAND_STATUS, ICR, DMA_ADDRESS, DMA_COUNT, VECTOR = 0x0, 0x2, 0x4, 0x8, 0xC, 0xF
IDLE = 0xFFFF


class InterfaceControl(Register, width=16):
    """REQUEST to BUSY show the bus and are computed when the register is read."""

    PARITY_ERROR = RO(0x8000)
    BUS_ERROR = RO(0x4000)
    ODD_LENGTH = RO(0x2000)
    INT_REQUEST = RO(0x1000)
    REQUEST = RO(0x0800)
    MESSAGE = RO(0x0400)
    COMMAND_DATA = RO(0x0200)
    INPUT_OUTPUT = RO(0x0100)
    PARITY = RO(0x0080)
    BUSY = RO(0x0040)
    SELECT = RW(0x0020)
    RESET = RW(0x0010)
    PARITY_ENABLE = RW(0x0008)
    WORD_MODE = RW(0x0004)
    DMA_ENABLE = RW(0x0002)
    INT_ENABLE = RW(0x0001)


SHOWN = (
    (REQ, int(InterfaceControl.REQUEST)),
    (MSG, int(InterfaceControl.MESSAGE)),
    (CD, int(InterfaceControl.COMMAND_DATA)),
    (IO, int(InterfaceControl.INPUT_OUTPUT)),
    (BSY, int(InterfaceControl.BUSY)),
)
PARITY = int(InterfaceControl.PARITY)


class ScScsi(ScsiPort):
    """The board's end of the SCSI bus."""

    element: SunSc

    def changed(self) -> None:
        self.element.bus_changed()


class SunSc(Element):
    """The board, also the target of its registers' bus cycles."""

    module = "bus/multibus/sun-sc"
    summary = "Sun's first SCSI board, for Multibus or VME; SunOS calls it sc"
    params = (Flag("vme", help="the VME board: it has a vector register"),)
    width = 2

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.vme = "vme" in args
        self.icr = InterfaceControl()
        self.irq = Line(f"{name} interrupt")
        self.output = self.vector = 0
        self.address = 0
        self.count = IDLE
        self._phase: int | None = None
        self._moving = False
        self.scsi = ScScsi(self)
        vector = (lambda: self.vector) if self.vme else None
        self.slave = Slave(self, Args(), self, SIZE, irq=self.irq, vector=vector)

    def ports(self, args: Args) -> list[Port]:
        return [self.slave, self.scsi]

    def reset(self) -> None:
        self.icr.reset()
        self.output = self.vector = self.address = 0
        self.count = IDLE
        self._phase = None
        self._drive()
        self._update()

    # ---- registers ----------------------------------------------------------------------------------------

    def _lines(self) -> int:
        wires = self.scsi.wires
        return wires.control if wires else 0

    def _icr(self) -> int:
        wires = self.scsi.wires
        if not wires or not wires.control:
            return self.icr.value
        shown = PARITY if wires.parity else 0
        for line, bit in SHOWN:
            if wires.control & line:
                shown |= bit
        return self.icr.value | shown

    def peek(self, offset: int, size: int) -> int:
        if size == 1:
            return self.peek(offset & ~1, 2) >> (0 if offset & 1 else 8) & 0xFF
        if offset == ICR:  # polled
            return self._icr()
        wires = self.scsi.wires
        data = wires.data if wires else 0
        values = {
            DATA: data << 8 | 0xFF,
            COMMAND_STATUS: data << 8 | 0xFF,
            DMA_ADDRESS: self.address >> 16,
            DMA_ADDRESS + 2: self.address & 0xFFFF,
            DMA_COUNT: self.count,
            VECTOR & ~1: self.vector,
        }
        return values.get(offset, 0xFFFF)

    def read(self, offset: int, size: int) -> int:
        register = offset & ~1
        value = self.peek(offset, size)
        if register == ICR:
            self._take_back()
        elif register == COMMAND_STATUS or (register == DATA and self._data_requested()):
            byte = self._handshake_in()
            value = byte if size == 1 else byte << 8 | 0xFF
        return value

    def steady(self, offset: int, size: int) -> int | None:
        return self._icr() if offset == ICR and size == 2 and not self.icr.INT_REQUEST else None

    def write(self, offset: int, size: int, value: int) -> None:
        register = offset & ~1
        if size == 1 and register in (ICR, DMA_ADDRESS, DMA_ADDRESS + 2, DMA_COUNT):
            old = self.peek(register, 2)
            value = old & 0xFF00 | value if offset & 1 else old & 0xFF | value << 8
        byte = value >> 8 if size == 2 else value
        if register == DATA:
            self._write_data(byte)
        elif register == COMMAND_STATUS:
            self._handshake_out(byte)
        elif register == ICR:
            self._write_icr(value)
        elif register == DMA_ADDRESS:
            self.address = value << 16 | self.address & 0xFFFF
        elif register == DMA_ADDRESS + 2:
            self.address = self.address & 0xFFFF_0000 | value
        elif register == DMA_COUNT:
            self.count = value
        elif offset == VECTOR or size == 2:
            self.vector = value & 0xFF

    def _data_requested(self) -> bool:
        return self._lines() & (REQ | BSY | MSG | CD) == REQ | BSY

    def _write_data(self, byte: int) -> None:
        if self._data_requested():
            self._handshake_out(byte)
        else:
            self.output = byte
            self._drive()

    def _handshake_in(self) -> int:
        """One byte of an input phase; without a request the lines as they are."""
        wires = self.scsi.wires
        if wires is None:
            return 0
        self._check_parity()
        data = wires.receive(1)
        return data[0] if data else wires.data

    def _handshake_out(self, byte: int) -> None:
        wires = self.scsi.wires
        if wires is not None:
            wires.send(bytes((byte,)))

    def _check_parity(self) -> None:
        wires = self.scsi.wires
        if wires is not None and wires.flip_parity and self.icr.PARITY_ENABLE:
            self.icr.PARITY_ERROR = 1

    def _take_back(self) -> None:
        if self.icr.INT_REQUEST:
            self.icr.INT_REQUEST = 0
            self._update()

    def _write_icr(self, value: int) -> None:
        changed = self.icr.write(value)
        self.icr.INT_REQUEST = 0
        if changed & InterfaceControl.PARITY_ENABLE:
            self.icr.PARITY_ERROR = 0
        if changed & value & InterfaceControl.DMA_ENABLE:
            self.icr.BUS_ERROR = self.icr.ODD_LENGTH = 0
        if changed & (InterfaceControl.SELECT | InterfaceControl.RESET):
            if changed & InterfaceControl.RESET:
                self.output = 0
            self._drive()
        self._transfer()
        self._update()

    # ---- lines --------------------------------------------------------------------------------------------

    def _drive(self) -> None:
        """Selection and reset. In other phases the data lines are driven by the handshakes."""
        icr = self.icr
        if icr.RESET:
            self.scsi.drive(RST)
        elif icr.SELECT:
            self.scsi.drive(SEL, self.output)
        else:
            self.scsi.drive(0, 0 if self._lines() & BSY else self.output)

    def _update(self) -> None:
        self.irq.set(self.icr.INT_REQUEST and self.icr.INT_ENABLE)

    def bus_changed(self) -> None:
        """Lines have changed: the status phase interrupts, a data phase lets DMA go on."""
        control = self._lines()
        phase = control & PHASE if control & BSY and not control & SEL else None
        if phase == STATUS and self._phase != STATUS:
            self.icr.INT_REQUEST = 1
        self._phase = phase
        self._transfer()
        self._update()

    # ---- DMA ----------------------------------------------------------------------------------------------

    def _transfer(self) -> None:
        """Move bytes while the target asks, the board may and the count lasts."""
        if self._moving:
            return
        self._moving = True
        try:
            while self._move():
                pass
        finally:
            self._moving = False

    def _move(self) -> bool:
        """One run of bytes; false when there is nothing more to do now."""
        icr = self.icr
        if not icr.DMA_ENABLE or not self._data_requested() or icr.BUS_ERROR:
            return False
        left = self.count ^ 0xFFFF
        receiving = bool(self._lines() & IO)
        if icr.WORD_MODE and left == 1 and receiving:
            icr.ODD_LENGTH = 1  # half a word: the driver takes it from the data register
        if left == 0 or icr.ODD_LENGTH:
            icr.INT_REQUEST = 1
            return False
        if icr.WORD_MODE and receiving:
            left &= ~1
        try:
            moved = self._move_in(left) if receiving else self._move_out(left)
        except BusError as error:
            self.log(f"DMA: {error}")
            icr.BUS_ERROR = 1
            icr.INT_REQUEST = 1
            return False
        self.address = self.address + moved & 0xFFFF_FFFF
        self.count += moved
        return moved > 0

    def _move_in(self, count: int) -> int:
        wires = self.scsi.wires
        assert wires is not None
        self.slave.dma_read(self.address, 1)  # an address that does not answer costs no bytes
        self._check_parity()
        data = wires.receive(count)
        if data:
            self.slave.dma_write(self.address, data)
        return len(data)

    def _move_out(self, count: int) -> int:
        wires = self.scsi.wires
        assert wires is not None
        return wires.send(self.slave.dma_read(self.address, count))
