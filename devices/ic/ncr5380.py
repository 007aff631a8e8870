"""NCR 5380: a SCSI bus interface. The processor drives the lines itself; in DMA mode the chip handshakes.

    ncr0 at si0: tme/ic/ncr5380
    scsibus0 at ncr0: tme/scsi/bus

     write                          read
  0  output data                    current SCSI data
  1  initiator command              initiator command
  2  mode                           mode
  3  target command                 target command
  4  select enable                  current SCSI bus status
  5  start DMA send                 bus and status
  6  start DMA target receive       input data
  7  start DMA initiator receive    reset parity/interrupt

The target role is not modelled: nothing that runs on these machines uses it.

Source: NCR, NCR 5380 Family SCSI Protocol Controller Data Manual.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from devices.scsi.wires import ACK, ATN, BSY, IO, PHASE, REQ, RST, SEL, ScsiPort
from tme.args import Args
from tme.element import Element
from tme.errors import TmeError
from tme.line import Line
from tme.port import Port
from tme.register import RO, RW, TAG, Register

if TYPE_CHECKING:
    from tme.machine import Machine


class InitiatorCommand(Register, width=8):
    """Register 1. Bits 40 and 20 are other things when written: test mode and differential enable."""

    RST = RW(0x80)
    AIP = RO(0x40)
    LA = RO(0x20)
    ACK = RW(0x10)
    BSY = RW(0x08)
    SEL = RW(0x04)
    ATN = RW(0x02)
    DATA = RW(0x01)


class Mode(Register, width=8):
    """Register 2."""

    BLOCK = TAG(0x80)
    TARGET = TAG(0x40)
    CHECK_PARITY = RW(0x20)
    PARITY_INT = RW(0x10)
    EOP_INT = RW(0x08)
    MONITOR_BSY = RW(0x04)
    DMA = RW(0x02)
    ARBITRATE = RW(0x01)


class TargetCommand(Register, width=8):
    """Register 3. An initiator says which phase it expects."""

    REQ = RW(0x08)
    MSG = RW(0x04)
    CD = RW(0x02)
    IO = RW(0x01)


class BusAndStatus(Register, width=8):
    """Register 5; PHASE_MATCH, ATN and ACK are computed when it is read."""

    END_OF_DMA = RO(0x80)
    DRQ = RO(0x40)
    PARITY_ERROR = RO(0x20)
    IRQ = RO(0x10)
    PHASE_MATCH = RO(0x08)
    BUSY_ERROR = RO(0x04)
    ATN = RO(0x02)
    ACK = RO(0x01)


class DmaEngine(Protocol):
    """The board's side of DRQ and DACK."""

    def data_request(self) -> None:
        """The chip has bytes or wants some: move them with `dma_in` or `dma_out`, or do nothing and call the
        chip's `go_on` when there is room."""

    def data_end(self) -> None:
        """The chip has stopped: the phase changed, or DMA mode was left."""


DRIVEN: tuple[tuple[int, int], ...] = (
    (InitiatorCommand.RST, RST),
    (InitiatorCommand.ACK, ACK),
    (InitiatorCommand.BSY, BSY),
    (InitiatorCommand.SEL, SEL),
    (InitiatorCommand.ATN, ATN),
)
"""Bits of register 1 and the lines that they assert."""


class Ncr5380Port(ScsiPort):
    """The chip's connection to the bus."""

    element: Ncr5380

    def changed(self) -> None:
        self.element.bus_changed()


class ChipPort(Port):
    """The chip's connection to a board, which finds the chip through it."""

    def __init__(self, chip: Ncr5380) -> None:
        super().__init__(chip, "ncr5380", "chip")
        self.chip = chip


class Ncr5380(Element):
    """The chip. `irq` is its interrupt; a board sets `engine`."""

    module = "ic/ncr5380"
    summary = "NCR 5380 SCSI interface chip"

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.scsi = Ncr5380Port(self)
        self.board = ChipPort(self)
        self.irq = Line(f"{name} interrupt")
        self.engine: DmaEngine | None = None
        self.command_register = InitiatorCommand()
        self.mode = Mode()
        self.target = TargetCommand()
        self.status = BusAndStatus()
        self.output = self.input = self.select_enable = 0
        self.sending: bool | None = None  #: DMA direction; None when no start register was written
        self._seen = 0  # control lines at the last look
        self._arbitrating = False
        self._moving = self._mismatch = False
        self._moved = 0
        actions: tuple[tuple[Callable[[], int], Callable[[int], None]], ...] = (
            (self._read_data, self._write_output),
            (self._read_command, self._write_command),
            (self.mode.read, self._write_mode),
            (self.target.read, self._write_target),
            (self._read_bus_status, self._write_select),
            (self._read_status, lambda value: self._start(True)),
            (lambda: self.input, lambda value: None),
            (self._read_reset, lambda value: self._start(False)),
        )
        self._reads = [read for read, _ in actions]
        self._writes = [write for _, write in actions]

    def ports(self, args: Args) -> list[Port]:
        return [self.board, self.scsi]

    def command(self, words: list[str]) -> str | None:
        if words != ["status"]:
            raise TmeError(f"usage: command {self.name} status")
        registers = (self.command_register, self.mode, self.target, self.status)
        return "\n".join(map(repr, registers)) + f"\nbus status {self.peek(4):02x}, data {self.peek(0):02x}"

    # ---- the bus side of the board ------------------------------------------------------------------------

    def read(self, register: int) -> int:
        """A register, with side effects (7 resets the interrupt)."""
        return self._reads[register & 7]()

    def peek(self, register: int) -> int:
        """A register without side effects."""
        return 0 if register & 7 == 7 else self._reads[register & 7]()

    def steady(self, register: int) -> int | None:
        """As `peek`, of what only the bus and writes change."""
        return self.peek(register) if register in (0, 1, 2, 3, 4, 5) else None

    def write(self, register: int, value: int) -> None:
        """Write a register."""
        self._writes[register & 7](value & 0xFF)

    def reset(self) -> None:
        """The RESET pin: all registers are zero, the chip leaves the bus."""
        for register in (self.command_register, self.mode, self.target, self.status):
            register.reset()
        self.output = self.input = self.select_enable = 0
        self.sending = None
        self._arbitrating = self._mismatch = False
        self.irq.set(False)
        self._drive()

    # ---- registers ----------------------------------------------------------------------------------------

    def _wires(self) -> tuple[int, int]:
        """Control lines and data of the bus."""
        wires = self.scsi.wires
        return (wires.control, wires.data) if wires else (0, 0)

    def _read_data(self) -> int:
        wires = self.scsi.wires
        return wires.data if wires else 0

    def _read_bus_status(self) -> int:
        """What software polls, more than a million times in a selection that nobody answers."""
        bus = self.scsi.peer
        if bus is None:
            return 0
        wires = bus.own_wires
        status: int = wires.control & 0xFE | wires.parity
        return status

    def _drive(self) -> None:
        """Put on the lines what the registers say."""
        command = self.command_register.value
        lines = sum(line for bit, line in DRIVEN if command & bit)
        data = 0
        control = self._wires()[0]
        if self._arbitrating:
            lines |= BSY
            data = self.output
        # as an initiator it drives data only in the phase that it expects, and never when the target does
        elif command & InitiatorCommand.DATA and not (control & IO and control & (BSY | SEL) == BSY):
            data = self.output
        self.scsi.drive(lines, data)

    def _write_output(self, value: int) -> None:
        self.output = value
        self._drive()

    def _read_command(self) -> int:
        return self.command_register.value

    def _write_command(self, value: int) -> None:
        rising = self.command_register.write(value) & value
        if rising & InitiatorCommand.RST:
            self._after_reset()
        control, data = self._wires()
        if rising & InitiatorCommand.ACK and control & IO:
            self.input = data
            self._check_parity()
        self._drive()

    def _after_reset(self) -> None:
        """RST clears all but its own bit, and interrupts."""
        self.command_register.value &= InitiatorCommand.RST
        self.mode.reset()
        self.target.reset()
        self.sending = None
        self._arbitrating = False
        self._interrupt()

    def _write_mode(self, value: int) -> None:
        old = self.mode.value
        self.mode.write(value)
        changed = old ^ value
        if changed & Mode.ARBITRATE:
            if value & Mode.ARBITRATE:
                self._arbitrate()
            else:
                self._arbitrating = False
                self.command_register.AIP = self.command_register.LA = 0
                self._drive()
        if changed & Mode.DMA:
            if not value & Mode.DMA:
                self._stop()
                self.status.END_OF_DMA = 0
            self.go_on()
        if changed & Mode.MONITOR_BSY and value & Mode.MONITOR_BSY:
            self._look_at_busy()

    def _write_target(self, value: int) -> None:
        self.target.write(value)
        self._drive()
        self.go_on()

    def _write_select(self, value: int) -> None:
        self.select_enable = value

    def _read_status(self) -> int:
        control = self._wires()[0]
        match = BusAndStatus.PHASE_MATCH if self._phase_matches(control) else 0
        lines = (BusAndStatus.ATN if control & ATN else 0) | (BusAndStatus.ACK if control & ACK else 0)
        return self.status.value | match | lines

    def _read_reset(self) -> int:
        """Reset parity error, busy error and interrupt."""
        status = self.status
        status.PARITY_ERROR = status.BUSY_ERROR = status.IRQ = 0
        self.irq.set(False)
        return 0

    def _phase_matches(self, control: int) -> bool:
        # I/O, C/D, MSG are bits 2-4 of the lines and 0-2 of the register
        return (control & PHASE) >> 2 == self.target.value & 7

    def _interrupt(self) -> None:
        self.status.IRQ = 1
        self.irq.set(True)

    # ---- arbitration, selection, reset --------------------------------------------------------------------

    def _arbitrate(self) -> None:
        """Wait for bus free, then put BSY and our id on the lines; the processor looks who won."""
        if self._wires()[0] & (BSY | SEL):
            return  # bus_changed tries again
        self.command_register.AIP = 1
        self._arbitrating = True
        self._drive()

    def bus_changed(self) -> None:
        """Lines have changed."""
        control, data = self._wires()
        old, self._seen = self._seen, control
        rising = control & ~old
        if rising & RST and not self.command_register.RST:
            self._after_reset()
            self._drive()
            return
        if self.mode.ARBITRATE:
            if not self._arbitrating and not control & (BSY | SEL):
                self._arbitrate()
            elif self._arbitrating and rising & SEL and not self.command_register.SEL:
                self.command_register.LA = 1
                self._arbitrating = False
                self._drive()
        if rising & SEL and not self.command_register.SEL and data & self.select_enable and not control & BSY:
            self._interrupt()  # selected or reselected
        if old & BSY and not control & BSY:
            self._look_at_busy()
        if self.command_register.DATA and (control ^ old) & (IO | BSY | SEL):
            self._drive()
        self.go_on()

    def _look_at_busy(self) -> None:
        """With MONITOR_BSY the loss of BSY interrupts, ends DMA and takes the chip off the bus."""
        if not self.mode.MONITOR_BSY or self._wires()[0] & (BSY | SEL):
            return
        self.status.BUSY_ERROR = 1
        self.command_register.value &= InitiatorCommand.RST
        self.mode.DMA = 0
        self._stop()
        self._drive()
        self._interrupt()

    # ---- DMA ----------------------------------------------------------------------------------------------

    def _start(self, sending: bool) -> None:
        """Start DMA send, or initiator receive."""
        if self.mode.DMA and not self.mode.TARGET:
            self.sending = sending
            self.go_on()

    def _stop(self) -> None:
        running, self.sending = self.sending is not None, None
        self.status.DRQ = 0
        if running and self.engine is not None:
            self.engine.data_end()

    def go_on(self) -> None:
        """DMA as far as it goes: bytes move while the target asks for them and the board has room."""
        if self._moving:
            return
        self._moving = True
        try:
            while self._step():
                pass
        finally:
            self._moving = False

    def _step(self) -> bool:
        """Look at the target's request; true when bytes moved."""
        control = self._wires()[0]
        asked = bool(self.mode.DMA) and control & (REQ | BSY | ACK) == REQ | BSY
        mismatch = asked and not self._phase_matches(control)
        if mismatch and not self._mismatch:
            self._stop()
            self._interrupt()
        self._mismatch = mismatch
        if mismatch or not asked or self.sending is None or bool(control & IO) is self.sending:
            return False
        if self.status.END_OF_DMA:
            return False
        self.status.DRQ = 1
        self._moved = 0
        if self.engine is not None:
            self.engine.data_request()
        return self._moved > 0

    @property
    def ready(self) -> bool:
        """DRQ: it wants to move a byte."""
        return bool(self.status.DRQ)

    def dma_in(self, count: int) -> bytes:
        """The board takes up to `count` bytes; fewer when the target changes the phase."""
        wires = self.scsi.wires
        if not self.status.DRQ or self.sending is not False or wires is None:
            return b""
        self.status.DRQ = 0
        data = wires.receive(count)
        self._moved += len(data)
        if data:
            self.input = data[-1]
            self._check_parity()
        return data

    def dma_out(self, data: bytes) -> int:
        """The board gives bytes; returns how many the target took."""
        wires = self.scsi.wires
        if not self.status.DRQ or not self.sending or wires is None:
            return 0
        self.status.DRQ = 0
        count = wires.send(data)
        self._moved += count
        return count

    def _check_parity(self) -> None:
        wires = self.scsi.wires
        if self.mode.CHECK_PARITY and wires is not None and wires.flip_parity:
            self.status.PARITY_ERROR = 1
            if self.mode.PARITY_INT:
                self._interrupt()

    def end_of_process(self) -> None:
        """The EOP pin: the board's counter has reached its end; the chip stops asking for bytes."""
        self.status.END_OF_DMA = 1
        self.status.DRQ = 0
        if self.mode.EOP_INT:
            self._interrupt()
