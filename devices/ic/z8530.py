"""Z8530 Serial Communications Controller: two serial channels and their interrupts.

Source: Zilog, "SCC/ESCC User's Manual" UM010903. Asynchronous modes are complete; synchronous ones keep their
registers but frame characters as asynchronous ones. How the chip sits on a board is the board's business: it
calls read/write with a channel and the level of D//C.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from devices.ic.z8530chan import RX_AVAILABLE, Channel
from devices.ic.z8530reg import (
    POINT_HIGH,
    READ_ALIAS,
    RESET_A,
    RESET_B,
    RESET_HARDWARE,
    WR0,
    WR9,
)
from tme.element import Element
from tme.line import Line
from tme.register import Pointer

if TYPE_CHECKING:
    from tme.clock import Clock

NOTHING_PENDING = 3  #: vector code when RR2B is read without a pending interrupt


class Z8530:
    """The chip. `irq` is its INT pin (true: asserted); `pclk` in Hz.

    looked: called when software has looked for received characters and there are none (tme.dawdle).
    tx_speedup: how much shorter than its bits a transmitted character takes, see docs/machines/sun3.md.
    """

    def __init__(
        self,
        element: Element,
        clock: Clock,
        pclk: int,
        tx_speedup: int = 1,
        looked: Callable[[], None] = lambda: None,
    ) -> None:
        self.clock = clock
        self.pclk = pclk
        self.tx_speedup = tx_speedup
        self.looked = looked
        self.irq = Line(f"{element.name} INT")
        self.pointer = Pointer(16)
        self.vector = 0  #: WR2
        self.wr9 = 0
        self.ius = 0  #: interrupts under service, laid out as RR3
        self.b = Channel(self, element)
        self.a = Channel(self, element)
        self.reset()

    def reset(self) -> None:
        """Hardware reset: the pins RD and WR low together, or the command in WR9."""
        self.wr9 &= 0x03
        self.ius = 0
        self.pointer.take()
        self.a.reset(hardware=True)
        self.b.reset(hardware=True)
        self.update()

    # ---- bus ----------------------------------------------------------------------------------------------

    def read(self, channel: Channel, data: bool) -> int:
        """A read cycle of the data register or of the register that the pointer selects."""
        if data:
            return channel.read_data()
        register = READ_ALIAS[self.pointer.take()]
        if register == 8:
            return channel.read_data()
        if register == 0:  # what software polls
            value = channel.rr0()
            if not value & RX_AVAILABLE:
                self.looked()
            return value
        value = self._register(channel, register)
        if register == 2 and channel is self.b and self.wr9 & WR9.SOFT_INTACK:
            self._take_highest()
        return value

    def peek(self, channel: Channel, data: bool) -> int:
        """What a read would give."""
        register = READ_ALIAS[self.pointer.index]
        return channel.peek_data() if data or register == 8 else self._register(channel, register)

    def steady(self, channel: Channel, data: bool) -> int | None:
        """RR0, if it is what the next read finds: all that changes it are events, writes and the line."""
        return None if data or self.pointer.index else channel.rr0()

    def write(self, channel: Channel, data: bool, value: int) -> None:
        """A write cycle."""
        if data:
            channel.write_data(value)
            return
        register = self.pointer.take()
        if register == 0:
            high = 8 if (value & WR0.COMMAND) >> 3 == POINT_HIGH else 0
            self.pointer.select(value & WR0.POINTER | high)
            channel.command(value)
        elif register == 2:
            self.vector = value
        elif register == 8:
            channel.write_data(value)
        elif register == 9:
            self._write_wr9(value)
        else:
            channel.write_register(register, value)

    def _register(self, channel: Channel, register: int) -> int:
        if register == 2:
            return self.modified_vector() if channel is self.b else self.vector
        if register == 3:
            return self.rr3 if channel is self.a else 0
        return channel.read_register(register)

    def _write_wr9(self, value: int) -> None:
        reset = (value & WR9.RESET) >> 6
        self.wr9 = value & ~WR9.RESET
        if reset == RESET_HARDWARE:
            self.reset()
        elif reset in (RESET_A, RESET_B):
            self.wr9 &= ~WR9.SOFT_INTACK
            shift = 3 if reset == RESET_A else 0
            self.ius &= ~(7 << shift)
            (self.a if shift else self.b).reset(hardware=False)
        self.update()

    # ---- interrupts ---------------------------------------------------------------------------------------

    @property
    def rr3(self) -> int:
        """Interrupt pending bits of both channels; a higher bit has the higher priority."""
        return self.a.ip << 3 | self.b.ip

    def _highest(self) -> int:
        """The RR3 bit of the interrupt that INT asks for: above everything under service; 0 for none."""
        pending = self.rr3
        if not self.wr9 & WR9.MIE or pending.bit_length() <= self.ius.bit_length():
            return 0
        return 1 << pending.bit_length() - 1

    def update(self) -> None:
        """Recompute INT."""
        self.irq.set(self._highest())

    def modified_vector(self) -> int:
        """The vector with the highest pending interrupt in bits 3-1, or reversed in bits 6-4."""
        pending = self.rr3
        top = 1 << pending.bit_length() - 1 if pending else 0
        if top >= 8:
            code = 4 | self.a.vector_code(top >> 3)
        else:
            code = self.b.vector_code(top) if top else NOTHING_PENDING
        if self.wr9 & WR9.STATUS_HIGH:
            code = (code & 1) << 2 | code & 2 | code >> 2
            return self.vector & 0x8F | code << 4
        return self.vector & 0xF1 | code << 1

    def _take_highest(self) -> None:
        self.ius |= self._highest()
        self.update()

    def acknowledge(self) -> int | None:
        """An interrupt acknowledge cycle: the vector, or None when WR9 says to drive none."""
        if not self._highest():
            return None
        vector = self.modified_vector() if self.wr9 & WR9.VIS else self.vector
        self._take_highest()
        return None if self.wr9 & WR9.NO_VECTOR else vector

    def reset_highest_ius(self) -> None:
        """The command at the end of a service routine."""
        if self.ius:
            self.ius &= ~(1 << self.ius.bit_length() - 1)
        self.update()
