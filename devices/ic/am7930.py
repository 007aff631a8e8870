"""AMD Am79C30A (7930): the audio and ISDN chip of a SPARCstation, as far as audio drivers and PROMs use it.

    audioamd0 at sbus0 addr 0xf7201000 ipl 13: tme/ic/am7930

     write                       read
  0  command: an indirect bank   interrupt, which reading clears
  1  data of the bank            data of the bank
  4  D channel                   D channel
  5  Bb channel: a sample out    Bb channel: a sample in, which is silence
  6  Bc channel                  Bc channel
  2, 3, 7                        status: nothing happens on the line interface

Banks keep what is written to them. With the multiplexer's interrupt enabled the chip asks for a sample 8000
times a second; samples go nowhere. The line interface and the D channel are not modelled.

Source: AMD, Am79C30A data sheet; NetBSD sys/dev/ic/am7930reg.h, am7930.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.generic.bus import Slave
from tme.args import Args
from tme.element import Element
from tme.line import Line
from tme.port import Port

if TYPE_CHECKING:
    from tme.clock import Event
    from tme.machine import Machine

SIZE = 8
COMMAND, DATA, BB = 0, 1, 5
SAMPLE_TIME = 125_000
"""Nanoseconds."""
SILENCE = 0xFF
"""A sample of zero, in mu-law."""

INIT, MCR_4 = 0x21, 0x44
MUX_ALL, MAP_ALL = 0x45, 0x6B
BANKS = {
    INIT: 1, 0x20: 1,
    0x41: 1, 0x42: 1, 0x43: 1, MCR_4: 1,
    0x61: 16, 0x62: 16, 0x63: 2, 0x64: 2, 0x65: 2, 0x66: 2, 0x67: 2, 0x68: 2, 0x69: 1, 0x6A: 1,
    0x81: 2, 0x82: 2, 0x83: 2, 0x84: 2, 0x85: 2, 0x86: 1, 0x87: 1, 0x88: 1, 0x89: 2, 0x8A: 2, 0x8B: 2,
    0x8E: 1, 0x92: 1, 0xA1: 1, 0xA2: 1, 0xA3: 1, 0xA4: 1, 0xA5: 1,
}  # fmt: skip
"""Command -> bytes of its bank."""
RUNS = {MUX_ALL: range(0x41, 0x45), MAP_ALL: range(0x61, 0x6B)}
"""Commands that reach several banks one after the other."""
INTERRUPT_OFF = 0x04
"""Of INIT: no interrupts at all. INIT bits 0 and 1 are idle and active."""
BUFFER = 0x08
"""Of the interrupt register: channel Bb wants a sample."""
BB_INTERRUPT = 0x08
"""Of MCR4: a buffer of channel Bb or Bc wants a sample."""


class Am7930(Element):
    """The chip on a bus, a register a byte."""

    module = "ic/am7930"
    summary = "AMD 7930 audio chip: registers and sample interrupts, without sound"
    width = 1

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.irq = Line(f"{name} INT")
        self.port = Slave(self, Args(), self, SIZE, irq=self.irq)
        self.banks: dict[int, bytearray] = {}
        self._pending = 0
        self._places: list[tuple[int, int]] = []  #: bank and index of the next data bytes
        self._event: Event | None = None
        self.reset()

    def ports(self, args: Args) -> list[Port]:
        return [self.port]

    def reset(self) -> None:
        """The RESET pin."""
        self.banks = {command: bytearray(length) for command, length in BANKS.items()}
        self._pending = 0
        self._places = []
        self._update()

    @property
    def _enabled(self) -> bool:
        init = self.banks[INIT][0]
        return bool(init & 3 and not init & INTERRUPT_OFF and self.banks[MCR_4][0] & BB_INTERRUPT)

    def _update(self) -> None:
        if not self._enabled:
            self._pending = 0
            if self._event is not None:
                self._event.cancel()
                self._event = None
        elif self._event is None:
            self._event = self.machine.clock.after(SAMPLE_TIME, self._sample)
        self.irq.set(self._pending)

    def _sample(self) -> None:
        self._event = None
        self._pending |= BUFFER
        self._update()

    def _next(self) -> tuple[int, int] | None:
        return self._places.pop(0) if self._places else None

    def peek(self, offset: int, size: int) -> int:
        value = 0
        for register in range(offset, offset + size):
            byte = self._pending if register == COMMAND else SILENCE if register == BB else 0
            if register == DATA and self._places:
                bank, index = self._places[0]
                byte = self.banks[bank][index]
            value = value << 8 | byte
        return value

    def read(self, offset: int, size: int) -> int:
        value = self.peek(offset, size)
        if offset == COMMAND:
            self._pending = 0
            self._update()
        elif offset == DATA:
            self._next()
        return value

    def write(self, offset: int, size: int, value: int) -> None:
        if offset == COMMAND:
            banks = RUNS.get(value, (value,))
            self._places = [(bank, index) for bank in banks for index in range(BANKS.get(bank, 0))]
        elif offset == DATA:
            place = self._next()
            if place is not None:
                self.banks[place[0]][place[1]] = value
                self._update()
