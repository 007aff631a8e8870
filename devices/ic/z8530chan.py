"""One channel of a Z8530 in asynchronous use: transmitter, receiver, baud rate generator, external status.

The line is a SerialPort. What the peer sends waits outside of the chip, on the "line", and is shifted in one
character time after the other while the receiver has room: host input is never lost. What the transmitter
sends to itself in local loopback is not held back, so there the receiver overruns as the real one does.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from devices.ic.z8530fifo import ReceiveFifo
from devices.ic.z8530reg import (
    CHARACTER_BITS,
    CLOCK_BRG,
    CLOCK_MODES,
    ERROR_RESET,
    INT_NEXT_RX,
    IP_EXT,
    IP_RX,
    IP_TX,
    RESET_EXT,
    RESET_IUS,
    RESET_TX_IP,
    RESET_TX_UNDERRUN,
    RESIDUE_ASYNC,
    RR0,
    RR1,
    STOP_HALF_BITS,
    WR0,
    WR1,
    WR3,
    WR4,
    WR5,
    WR11,
    WR14,
    WR15,
)
from tme.args import Args
from tme.element import Element
from tme.port import SerialPort

if TYPE_CHECKING:
    from tme.clock import Clock, Event

LINE_SIZE = 16  #: bytes that the line holds before it asks the peer to wait
SECOND = 1_000_000_000

BREAK_START, BREAK_END = -1, -2  #: on the line, between characters

EXTERNAL = RR0.BREAK | RR0.CTS | RR0.DCD  #: the conditions whose edges interrupt
MODEM = {"cts": RR0.CTS, "rts": RR0.CTS, "dcd": RR0.DCD, "dtr": RR0.DCD}
"""What the peer's lines are here: a modem drives cts and dcd, another terminal (null modem) rts and dtr."""
TX_EMPTY, RX_AVAILABLE = int(RR0.TX_EMPTY), int(RR0.RX_AVAILABLE)
"""Plain numbers: software polls these."""


def _field(value: int, field: int) -> int:
    """The value of a field in a register byte."""
    return (value & field) // (field & -field)


class ChipSide(Protocol):
    """What a channel needs of its chip."""

    clock: Clock
    pclk: int
    tx_speedup: int

    def update(self) -> None: ...

    def reset_highest_ius(self) -> None: ...


class LinePort(SerialPort):
    """The channel's serial port: on connection it learns what the peer's modem lines already say."""

    def __init__(self, element: Element, channel: Channel) -> None:
        super().__init__(
            element,
            Args(),
            receive=channel.receive,
            on_break=channel.on_break,
            on_line=channel.on_line,
            want=channel.want,
        )
        self.channel = channel

    def attached(self) -> None:
        for name, level in self.peer.modem.items():
            self.channel.on_line(name, level)

    def detach(self) -> None:
        for name in MODEM:
            self.channel.on_line(name, False)


class Channel:
    """The registers and the two shift registers of one channel."""

    def __init__(self, chip: ChipSide, element: Element) -> None:
        self.chip = chip
        self.line: deque[int] = deque()
        self.inputs = 0  #: RR0.CTS and RR0.DCD as they are now
        self._rx_event: Event | None = None
        self._tx_event: Event | None = None
        self._zc_event: Event | None = None
        self._break_seen = False
        self._sending_break = False
        self.fifo = ReceiveFifo()
        self.tx_shift: int | None = None
        self.wr = [0] * 16
        self.port = LinePort(element, self)
        self.reset(hardware=True)

    def reset(self, hardware: bool) -> None:
        """Channel or hardware reset: table "SCC Register Reset Values" of the manual."""
        wr = self.wr
        if self.tx_shift is not None and self.port.peer is not None:
            self.port.send(bytes((self.tx_shift,)))  # a peer without room has held it back: do not lose it
        if self._sending_break:
            self._sending_break = self._break_seen = False
            self.port.break_(False)
        wr[1] &= 0x24
        wr[3] &= ~WR3.RX_ENABLE
        wr[4] |= 0x04
        wr[5] &= 0x61
        wr[10] = 0 if hardware else wr[10] & 0x60
        if hardware:
            wr[11] = 0x08
        wr[14] = (wr[14] & 0xC0) | 0x30 if hardware else wr[14] & 0xC3 | 0x20
        wr[15] = 0xF8
        self.ip = 0
        self.fifo.reset()
        self.fifo.write_wr1(wr[1])
        self.tx_buffer: int | None = None
        self.tx_shift = None
        self.underrun: int = RR0.TX_UNDERRUN
        self._latched: int | None = None
        self._brg_start = 0
        for event in (self._tx_event, self._rx_event, self._zc_event):
            if event:
                event.cancel()
        self._tx_event = self._rx_event = self._zc_event = None
        self._drive_modem()

    # ---- clocks -------------------------------------------------------------------------------------------

    def character_time(self, receive: bool) -> int | None:
        """Nanoseconds of one character with the format and clock of a direction; None without a clock.

        The pins RTxC and TRxC carry the same clock as PCLK.
        """
        wr = self.wr
        clocks_per_bit = CLOCK_MODES[_field(wr[4], WR4.CLOCK_MODE)]
        if _field(wr[11], WR11.RX_CLOCK if receive else WR11.TX_CLOCK) == CLOCK_BRG:
            if not wr[14] & WR14.BRG_ENABLE:
                return None
            clocks_per_bit *= 2 * ((wr[13] << 8 | wr[12]) + 2)
        code = _field(wr[3], WR3.RX_BITS) if receive else _field(wr[5], WR5.TX_BITS)
        half_bits = 2 * CHARACTER_BITS[code]
        stop = STOP_HALF_BITS[_field(wr[4], WR4.STOP_BITS)]
        if stop:
            half_bits += 2 + stop
        if wr[4] & WR4.PARITY_ENABLE:
            half_bits += 2
        return max(half_bits * clocks_per_bit * SECOND // (2 * self.chip.pclk), 1)

    def _tx_time(self) -> int | None:
        time = self.character_time(receive=False)
        return time and max(time // self.chip.tx_speedup, 1)

    # ---- register access ----------------------------------------------------------------------------------

    def read_register(self, register: int) -> int:
        """RR0, RR1, RR10 … RR15; RR2 and RR3 belong to the chip, RR8 has side effects."""
        if register == 0:
            return self.rr0()
        if register == 1:
            return self.rr1()
        return self.wr[register] if register in (12, 13, 15) else 0

    def rr0(self) -> int:
        """Status: latched external bits as far as WR15 enables them, the present ones otherwise."""
        now = self._status()
        if self._latched is not None:
            now = now & ~self.wr[15] | self._latched & self.wr[15]
        if self.tx_buffer is None:
            now |= TX_EMPTY
        return now | RX_AVAILABLE if self.fifo.entries else now

    def rr1(self) -> int:
        """Errors of the character at the top of the FIFO, latched ones, and All Sent."""
        value = RESIDUE_ASYNC | self.fifo.errors
        return value | RR1.ALL_SENT if self.tx_buffer is None and self.tx_shift is None else value

    def command(self, value: int) -> None:
        """A write to WR0, as far as it is not the pointer."""
        if _field(value, WR0.CRC_RESET) == RESET_TX_UNDERRUN:
            self.underrun = 0
        code = _field(value, WR0.COMMAND)
        if code == RESET_EXT:
            self._reset_ext()
        elif code == INT_NEXT_RX:
            self.fifo.arm()
        elif code == RESET_TX_IP:
            self.ip &= ~IP_TX
        elif code == ERROR_RESET:
            self.fifo.error_reset()
            self._start_rx()
        elif code == RESET_IUS:
            self.chip.reset_highest_ius()
        self._update_rx()

    def write_register(self, register: int, value: int) -> None:
        """WR1 … WR15 but for WR2, WR8 and WR9."""
        old, self.wr[register] = self.wr[register], value
        if register == 1:
            if not value & WR1.TX_INT:
                self.ip &= ~IP_TX
            if not value & WR1.EXT_INT:
                self.ip &= ~IP_EXT
                self._latched = None
            self.fifo.write_wr1(value)
        elif register == 5:
            self._write_wr5(old)
        elif register == 14 and (old ^ value) & WR14.BRG_ENABLE:
            self._brg_start = self.chip.clock.now
        elif register == 15:
            self.wr[15] = value & 0xFA
        if register in (1, 12, 13, 14, 15):
            self._schedule_zero_count()
        self._update_rx()
        self._start_tx()
        self._start_rx()

    # ---- transmitter --------------------------------------------------------------------------------------

    @property
    def tx_enabled(self) -> bool:
        """WR5, and with auto enables CTS, which local loopback ignores."""
        if not self.wr[5] & WR5.TX_ENABLE:
            return False
        auto = self.wr[3] & WR3.AUTO_ENABLES and not self.wr[14] & WR14.LOCAL_LOOPBACK
        return not auto or bool(self.inputs & RR0.CTS)

    def write_data(self, value: int) -> None:
        """WR8: fill the transmit buffer."""
        self.tx_buffer = value
        self.ip &= ~IP_TX
        self._start_tx()
        self.chip.update()

    def _start_tx(self) -> None:
        """Move the buffer to the shift register when that is free and the transmitter runs."""
        if self.tx_shift is not None or self.tx_buffer is None or not self.tx_enabled:
            return
        time = self._tx_time()
        if time is None or self._sending_break:
            return
        self.tx_shift, self.tx_buffer = self._on_the_wire(self.tx_buffer, self.wr[5], WR5.TX_BITS), None
        self._tx_event = self.chip.clock.after(time, self._sent)
        if self.wr[1] & WR1.TX_INT:
            self.ip |= IP_TX
        self.chip.update()

    def _sent(self) -> None:
        """The last bit of a character has left; a peer that has no room stretches it."""
        loopback, peer = self.wr[14] & WR14.LOCAL_LOOPBACK, self.port.peer
        to_peer = peer is not None and not self.wr[14] & WR14.AUTO_ECHO
        if to_peer and not self.port.ready:
            self._tx_event = self.chip.clock.after(self._tx_time() or SECOND // 1000, self._sent)
            return
        character, self.tx_shift, self._tx_event = self.tx_shift or 0, None, None
        if to_peer:
            self.port.send(bytes((character,)))
        if loopback and self.rx_enabled:
            self._shift_in(character)
        self._drive_modem()
        self._start_tx()
        self.chip.update()

    def _on_the_wire(self, value: int, register: int, field: int) -> int:
        """The character with its parity bit, cut to its width."""
        bits = CHARACTER_BITS[_field(register, field)]
        value &= (1 << bits) - 1
        if bits < 8 and self.wr[4] & WR4.PARITY_ENABLE:
            odd = value.bit_count() & 1
            value |= (odd if self.wr[4] & WR4.PARITY_EVEN else 1 - odd) << bits
        return value

    def _write_wr5(self, old: int) -> None:
        sending = bool(self.wr[5] & WR5.SEND_BREAK)
        if sending is not self._sending_break:
            self._sending_break = sending
            self.port.break_(sending)
            if self.wr[14] & WR14.LOCAL_LOOPBACK:
                self._see_break(sending)
        self._drive_modem()

    def _drive_modem(self) -> None:
        """RTS and DTR. With auto enables RTS stays until the last character has left."""
        busy = self.tx_shift is not None or self.tx_buffer is not None
        rts = self.wr[5] & WR5.RTS or (self.port.modem["rts"] and busy and self.wr[3] & WR3.AUTO_ENABLES)
        self.port.set_line("rts", bool(rts))
        if not self.wr[14] & WR14.DTR_REQUEST:
            self.port.set_line("dtr", bool(self.wr[5] & WR5.DTR))

    # ---- receiver -----------------------------------------------------------------------------------------

    @property
    def rx_enabled(self) -> bool:
        """WR3, and with auto enables DCD, which local loopback ignores."""
        if not self.wr[3] & WR3.RX_ENABLE:
            return False
        auto = self.wr[3] & WR3.AUTO_ENABLES and not self.wr[14] & WR14.LOCAL_LOOPBACK
        return not auto or bool(self.inputs & RR0.DCD)

    def want(self) -> int:
        """How many bytes the line takes now: none while nobody listens, so that input waits on the host."""
        if not self.rx_enabled or self.wr[14] & WR14.LOCAL_LOOPBACK:
            return 0
        return max(LINE_SIZE - len(self.line), 0)

    def receive(self, data: bytes) -> None:
        """The peer sends characters."""
        self.line.extend(data)
        self._start_rx()

    def on_break(self, on: bool) -> None:
        """The peer starts or ends a break: it stays in order with the characters around it."""
        self.line.append(BREAK_START if on else BREAK_END)
        self._start_rx()

    def on_line(self, name: str, level: bool) -> None:
        """The peer drives a modem line."""
        bit = MODEM[name]
        before = self._status()
        self.inputs = self.inputs | bit if level else self.inputs & ~bit
        self._status_changed(before)
        self._start_tx()
        self._start_rx()

    def _start_rx(self) -> None:
        """Shift the next character in, unless one is on its way or the FIFO is full."""
        if self._rx_event or not self.line or not self.rx_enabled or self.wr[14] & WR14.LOCAL_LOOPBACK:
            return
        if self.line[0] >= 0 and self.fifo.full:
            return
        time = self.character_time(receive=True)
        if time is not None:
            self._rx_event = self.chip.clock.after(time, self._arrive)

    def _arrive(self) -> None:
        self._rx_event = None
        if not self.rx_enabled or self.wr[14] & WR14.LOCAL_LOOPBACK or not self.line:
            return
        item = self.line[0]
        if item in (BREAK_START, BREAK_END):
            self.line.popleft()
            self._see_break(item == BREAK_START)
        elif not self.fifo.full:
            self.line.popleft()
            self._shift_in(item)
            if self.wr[14] & WR14.AUTO_ECHO:
                self.port.send(bytes((item,)))
        self._start_rx()

    def _shift_in(self, character: int, errors: int = 0) -> None:
        """A character is complete: bring it to eight bits and into the FIFO."""
        bits = CHARACTER_BITS[_field(self.wr[3], WR3.RX_BITS)]
        if bits < 8:
            character = self._on_the_wire(character, self.wr[3], WR3.RX_BITS)
            used = bits + (1 if self.wr[4] & WR4.PARITY_ENABLE else 0)
            character |= 0xFF & ~((1 << used) - 1)  # the stop bits follow
        self.fifo.push(character, errors)
        self._update_rx()

    def _see_break(self, on: bool) -> None:
        """RxD is held low, or is released: that leaves one NUL character."""
        before = self._status()
        self._break_seen = on
        if not on:
            self._shift_in(0)
        self._status_changed(before)

    def read_data(self) -> int:
        """RR8: take the character at the top of the FIFO."""
        character = self.fifo.take()
        self._update_rx()
        self._start_rx()
        return character

    def peek_data(self) -> int:
        """What read_data would give."""
        return self.fifo.peek()

    def _update_rx(self) -> None:
        """Recompute the receiver's interrupt pending bit."""
        self.ip = self.ip | IP_RX if self.fifo.pending else self.ip & ~IP_RX
        self.chip.update()

    def vector_code(self, pending: int) -> int:
        """V3-V1 of the modified vector for one of this channel's interrupts, without the channel bit."""
        if pending == IP_RX:
            return 3 if self.fifo.special else 2
        return 1 if pending == IP_EXT else 0

    # ---- external status ----------------------------------------------------------------------------------

    def _status(self) -> int:
        """The external bits of RR0 as they are now."""
        return self.inputs | self.underrun | (RR0.BREAK if self._break_seen else 0)

    def _status_changed(self, before: int) -> None:
        """Latch and interrupt when a bit that WR15 enables has changed."""
        now = self._status()
        if (before ^ now) & self.wr[15] & EXTERNAL and self.wr[1] & WR1.EXT_INT and self._latched is None:
            self._latched = now
            self.ip |= IP_EXT
            self.chip.update()

    def _reset_ext(self) -> None:
        """Open the latches. A change that happened behind them interrupts at once."""
        self.ip &= ~IP_EXT
        latched, self._latched = self._latched, None
        if latched is not None:
            self._status_changed(latched)
            self._schedule_zero_count()

    def _schedule_zero_count(self) -> None:
        """The baud rate generator's next zero matters only while it is wanted and not latched already."""
        if self._zc_event:
            self._zc_event.cancel()
            self._zc_event = None
        wanted = self.wr[15] & WR15.ZERO_COUNT and self.wr[1] & WR1.EXT_INT
        if not wanted or not self.wr[14] & WR14.BRG_ENABLE or self._latched is not None:
            return
        period = max(((self.wr[13] << 8 | self.wr[12]) + 2) * SECOND // self.chip.pclk, 1)
        elapsed = self.chip.clock.now - self._brg_start
        self._zc_event = self.chip.clock.after(period - elapsed % period, self._zero_count)

    def _zero_count(self) -> None:
        self._zc_event = None
        if self._latched is None:
            self._latched = self._status() | RR0.ZERO_COUNT
            self.ip |= IP_EXT
            self.chip.update()
