"""NCR 53C90: a SCSI controller that does whole phases by itself, as an initiator.

    ncr0 at esp0 master: tme/ic/ncr53c9x variant esp100
    scsibus0 at ncr0: tme/scsi/bus

     read                              write
  0  transfer counter, low             transfer count, low
  1  transfer counter, high            transfer count, high
  2  FIFO, 16 bytes                    FIFO
  3  command                           command; 80 by DMA
  4  status                            id to select
  5  interrupt, which reading clears   selection time-out
  6  sequence step                     synchronous period
  7  bytes in the FIFO                 synchronous offset
  8  configuration 1                   configuration 1
  9  –                                 clock conversion factor
  A  –                                 test
  B  configuration 2 (53C90A)          configuration 2 (53C90A)

A command begins a few microseconds after it was written and goes on as bus, FIFO and DMA let it. What it does
on the bus is in ncr53c9xcmd.py. The target role is not modelled, nor are synchronous transfers: the target
refuses them by message.

Sources: NCR, 53C90/53C90A Advanced SCSI Controller data manual; NetBSD sys/dev/ic/ncr53c9x{reg.h,.c}; Linux
drivers/scsi/esp.c; TME.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Protocol

from devices.ic import ncr53c9xcmd as commands
from devices.scsi.wires import BSY, IO, RST, SEL, ScsiPort
from tme.args import Args, Param, choice
from tme.element import Element
from tme.errors import TmeError
from tme.line import Line
from tme.port import Port
from tme.register import RO, RW, TAG, Register

if TYPE_CHECKING:
    from tme.clock import Event
    from tme.machine import Machine

REGISTERS = 16
FIFO, COMMAND, INTERRUPT = 2, 3, 5
DEPTH = 16
DMA = 0x80
FREQUENCY = 20_000_000
"""Of the chip's clock on a SPARCstation 2, in hertz."""
COMMAND_TIME = 3_000
"""Nanoseconds from the write to the command's first deed."""
FINISHED = object()
NOTHING = 0xFF
"""What registers that are not there read."""


class Status(Register):
    """Status; the lower three bits are the bus's phase lines."""

    INT = RO(0x80)
    GROSS_ERROR = RO(0x40)
    PARITY_ERROR = RO(0x20)
    TERMINAL_COUNT = RO(0x10)
    VALID_GROUP = RO(0x08)
    PHASE = RO(0x07)


class Interrupt(Register):
    """Why the chip interrupts."""

    RESET = RO(0x80)
    ILLEGAL = RO(0x40)
    DISCONNECTED = RO(0x20)
    BUS_SERVICE = RO(0x10)
    DONE = RO(0x08)
    RESELECTED = RO(0x04)
    SELECTED_ATN = RO(0x02)
    SELECTED = RO(0x01)


class Config1(Register):
    """Configuration 1."""

    SLOW_CABLE = TAG(0x80)
    NO_RESET_INT = RW(0x40)
    PARITY_TEST = TAG(0x20)
    CHECK_PARITY = RW(0x10)
    CHIP_TEST = TAG(0x08)
    ID = RW(0x07)


class DmaEngine(Protocol):
    """The board's side of DMA. It calls the chip's `attend` when there is more room."""

    def room(self, to_memory: bool) -> int: ...

    def fetch(self, count: int) -> bytes | None: ...

    def store(self, data: bytes) -> bool: ...

    def advance(self, count: int) -> None: ...


class BusPort(ScsiPort):
    """The chip's connection to the bus."""

    element: Ncr53c9x

    def changed(self) -> None:
        self.element.bus_changed()


class ChipPort(Port):
    """The chip's connection to a board, which finds the chip through it."""

    def __init__(self, chip: Ncr53c9x) -> None:
        super().__init__(chip, "ncr53c9x", "chip")
        self.chip = chip


class Ncr53c9x(Element):
    """The chip. `irq` is its interrupt; a board sets `engine`."""

    module = "ic/ncr53c9x"
    summary = "NCR 53C90 SCSI controller: variant esp100, or esp100a for a 53C90A"
    params = (Param("variant", choice("esp100", "esp100a"), required=True, help="which chip"),)

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.clock = machine.clock
        self.has_config_2: bool = args["variant"] == "esp100a"
        self.scsi = BusPort(self)
        self.board = ChipPort(self)
        self.irq = Line(f"{name} interrupt")
        self.engine: DmaEngine | None = None
        self.status, self.interrupt, self.config_1 = Status(), Interrupt(), Config1()
        self.fifo: deque[int] = deque()
        self.start_count = self.counter = 0
        self.command_code = self.step = 0
        self.select_id = self.timeout = self.period = self.offset = self.factor = self.config_2 = 0
        self.lines = 0  #: ATN and ACK, as long as this chip asserts them
        self.connected = False  #: it is the initiator of what goes on on the bus
        self.may_be_reselected = False
        self.timed_out = False
        self._in_reset = False
        self._running: Generator[None, None, None] | None = None
        self._moving = self._looking = False
        self._event: Event | None = None
        self._deadline: Event | None = None

    def ports(self, args: Args) -> list[Port]:
        return [self.board, self.scsi]

    def command(self, words: list[str]) -> str | None:
        if words != ["status"]:
            raise TmeError(f"usage: command {self.name} status")
        held = " ".join(f"{byte:02x}" for byte in self.fifo) or "empty"
        return (
            f"{self.status!r}\n{self.interrupt!r}\n{self.config_1!r}\n"
            f"command {self.command_code:02x}, step {self.step}, counter {self.counter}, FIFO {held}"
        )

    def reset(self) -> None:
        """The RESET pin, or the command: the chip leaves the bus and forgets all but its clock factor."""
        self._cancel()
        for register in (self.status, self.interrupt, self.config_1):
            register.reset()
        self.fifo.clear()
        self.counter = self.command_code = self.step = self.period = self.offset = self.config_2 = 0
        self.may_be_reselected = False
        self._update()
        self.leave_bus()

    def _cancel(self) -> None:
        """No command is under way."""
        for event in (self._event, self._deadline):
            if event is not None:
                event.cancel()
        self._event = self._deadline = None
        if self._running is not None and not self._moving:
            self._running.close()
        self._running = None

    # ---- registers ----------------------------------------------------------------------------------------

    def peek(self, register: int) -> int:
        """A register without side effects."""
        match register:
            case 0 | 1:
                return self.counter >> 8 * register & 0xFF
            case 0x2:
                return self.fifo[0] if self.fifo else 0
            case 0x3:
                return self.command_code
            case 0x4:
                return self.status.value | self.phase_bits
            case 0x5:
                return self.interrupt.value
            case 0x6:
                return self.step
            case 0x7:
                return self.step << 5 | len(self.fifo)
            case 0x8:
                return self.config_1.value
            case 0xB:
                return self.config_2 if self.has_config_2 else NOTHING
        return NOTHING

    def read(self, register: int) -> int:
        """A register, with side effects."""
        value = self.peek(register)
        if register == FIFO and self.fifo:
            self.fifo.popleft()
        elif register == INTERRUPT and self.interrupt.value:
            self.interrupt.reset()
            self.status.value &= Status.TERMINAL_COUNT
            self.step = 0
            self._update()
        return value

    def steady(self, register: int) -> int | None:
        """As `peek`, if reading has no effect now."""
        if register == FIFO or (register == INTERRUPT and self.interrupt.value):
            return None
        return self.peek(register)

    def write(self, register: int, value: int) -> None:
        """Write a register."""
        match register:
            case 0:
                self.start_count = self.start_count & 0xFF00 | value
            case 1:
                self.start_count = self.start_count & 0xFF | value << 8
            case 0x2:
                self.push(value)
                self.go_on()
            case 0x3:
                self._write_command(value)
            case 0x4:
                self.select_id = value & 7
            case 0x5:
                self.timeout = value
            case 0x6:
                self.period = value & 0x1F
            case 0x7:
                self.offset = value & 0x0F
            case 0x8:
                self.config_1.write(value)
            case 0x9:
                self.factor = value & 7
            case 0xB:
                self.config_2 = value

    @property
    def phase_bits(self) -> int:
        """MSG, C/D and I/O as the status register has them."""
        control = self.scsi.wires.control if self.scsi.wires is not None else 0
        lines = commands.PHASE_BITS
        return sum(bit for line, bit in lines if control & line)

    def push(self, byte: int) -> None:
        """A byte into the FIFO; one too many replaces the last one."""
        if len(self.fifo) == DEPTH:
            self.fifo.pop()
            self.status.GROSS_ERROR = 1
        self.fifo.append(byte)

    def _update(self) -> None:
        self.status.INT = bool(self.interrupt.value)
        self.irq.set(self.interrupt.value)

    def raise_interrupt(self, causes: int) -> None:
        """Bits of `Interrupt`."""
        self.interrupt.value |= causes
        self._update()

    # ---- commands -----------------------------------------------------------------------------------------

    def _write_command(self, code: int) -> None:
        self.command_code = code
        if code & DMA:
            self.counter = self.start_count or 0x10000
            self.status.TERMINAL_COUNT = 0
        code &= ~DMA
        if code == commands.FLUSH_FIFO:
            self.fifo.clear()
        elif code == commands.RESET_CHIP:
            self.reset()
        elif code != commands.NOP:
            if self._event is not None:  # the second of two commands takes the place of the first
                self._event.cancel()
                self.status.GROSS_ERROR = 1
            self._event = self.clock.after(COMMAND_TIME, lambda: self._begin(self.command_code))

    def _begin(self, code: int) -> None:
        self._event = None
        start = commands.find(code & ~DMA, self.connected)
        if start is None:
            self.raise_interrupt(Interrupt.ILLEGAL)
            return
        self._cancel()
        self._running = start(self, bool(code & DMA))
        self.go_on()

    def go_on(self) -> None:
        """The command under way, as far as it goes."""
        if self._moving:
            return
        self._moving = True
        try:
            running = self._running
            if running is not None and next(running, FINISHED) is FINISHED and self._running is running:
                self._running = None
        finally:
            self._moving = False

    def attend(self) -> None:
        """The board has room, perhaps: look in a moment."""
        if self._running is not None:
            self.clock.after(COMMAND_TIME, self.go_on)

    @property
    def timeout_ns(self) -> int:
        """How long a selection waits for an answer."""
        clocks = (self.timeout or 256) * 8192 * (self.factor or 8)
        return clocks * 1_000_000_000 // FREQUENCY

    def start_timeout(self) -> None:
        """`timed_out` becomes true in a while."""
        self.timed_out = False
        self._deadline = self.clock.after(self.timeout_ns, self._time_out)

    def _time_out(self) -> None:
        self._deadline = None
        self.timed_out = True
        self.go_on()

    def stop_timeout(self) -> None:
        """There was an answer."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    # ---- the bus ------------------------------------------------------------------------------------------

    @property
    def own_id(self) -> int:
        """As a line of the data bus."""
        return 1 << self.config_1.ID

    def leave_bus(self) -> None:
        """Assert nothing."""
        self.connected = False
        self.lines = 0
        self.scsi.drive(0)

    def bus_changed(self) -> None:
        """Lines have changed. What follows is done when all are quiet."""
        wires = self.scsi.wires
        if wires is None:
            return
        control = wires.control
        reset = bool(control & RST)
        if reset and not self._in_reset:
            self.clock.after(0, self._bus_reset)
        self._in_reset = reset
        reselection = control & (SEL | IO | BSY) == SEL | IO and wires.data & self.own_id
        lost = self.connected and not control & (BSY | SEL)
        waiting = self._running is not None and not self._moving
        if (waiting or lost or (reselection and self.may_be_reselected)) and not self._looking:
            self._looking = True
            self.clock.after(0, self.look)

    def _bus_reset(self) -> None:
        self._cancel()
        self.leave_bus()
        if not self.config_1.NO_RESET_INT:
            self.raise_interrupt(Interrupt.RESET)

    def look(self) -> None:
        """Does the bus want something?"""
        self._looking = False
        wires = self.scsi.wires
        if wires is None:
            return
        control, data = wires.control, wires.data
        if control & (SEL | IO | BSY) == SEL | IO and data & self.own_id and not self.connected:
            if self.may_be_reselected:
                self._cancel()
                self._running = commands.reselected(self, data)
        elif self.connected and not control & (BSY | SEL):
            self._cancel()
            self.leave_bus()
            self.raise_interrupt(Interrupt.DISCONNECTED)
        self.go_on()

    @property
    def requested(self) -> int | None:
        """The phase in which the target asks for a handshake; None while it does not."""
        return commands.requested(self.scsi.wires)

    @property
    def bus_is_free(self) -> bool:
        wires = self.scsi.wires
        return wires is None or not wires.control & (BSY | SEL)
