"""The 82586's command unit: it walks the command block list and does one command after the other.

status   C B OK A ...          C: done, B: being done, A: aborted
command  EL S I ... code       EL: last of the list, S: suspend after it, I: interrupt after it
link     offset of the next block
parameters
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from devices.ic.i82586reg import (
    ABORT,
    ABORTED,
    BUSY,
    CNA,
    COMMAND,
    COMPLETE,
    CONFIGURE,
    COUNT,
    CU_ACTIVE,
    CU_IDLE,
    CU_SUSPENDED,
    CX,
    DIAGNOSE,
    DUMP,
    DUMP_SIZE,
    END,
    EOF,
    IA_SETUP,
    INTERRUPTS,
    LEAST,
    LINK,
    MC_SETUP,
    MOST,
    NOP,
    NOTHING,
    OK,
    PARAMETERS,
    RESUME,
    RX_CRC,
    SCB_CBL,
    START,
    STATUS,
    SUSPEND,
    SUSPENDS,
    TBD_BUFFER,
    TBD_COUNT,
    TBD_NEXT,
    TDR,
    TDR_OK,
    TDR_OPEN,
    TDR_TRANSCEIVER,
    TRANSMIT,
    TX_ADDRESS,
    TX_HEARTBEAT,
    TX_LATE,
    TX_NO_CARRIER,
    TX_UNDERRUN,
)

if TYPE_CHECKING:
    from devices.ic.i82586 import I82586
    from tme.clock import Event

COMMAND_TIME = 5_000
"""Nanoseconds that the chip takes to fetch a command and to do a short one."""
SLOWEST_NOP = 100_000
"""A driver may let the chip run round a loop of NOPs until it changes a link; we look at that less often."""
JABBER = 25_000
"""Bytes (20 ms) after which a transceiver cuts a transmitter off, as 802.3 section 8.2.1.5 has it."""
DESCRIPTORS = 1024
"""Buffers of a frame after which its chain is taken to have no end."""
FCS = 4


def multicast_bit(address: bytes) -> int:
    """The bit of the hash table that an address selects: bits 7-2 of its CRC."""
    return 1 << (zlib.crc32(address) >> 2 & 63)


class CommandUnit:
    """State, the block at work, and what comes after it."""

    def __init__(self, chip: I82586) -> None:
        self.chip = chip
        self.state = CU_IDLE
        self._event: Event | None = None
        self._commands: dict[int, Callable[[], int]] = {
            NOP: lambda: OK,
            IA_SETUP: self._ia_setup,
            CONFIGURE: self._configure,
            MC_SETUP: self._mc_setup,
            TRANSMIT: self._transmit,
            TDR: self._tdr,
            DUMP: self._dump,
            DIAGNOSE: lambda: OK,
        }
        self.reset()

    def reset(self) -> None:
        """Idle; a command at work is dropped."""
        self._stop()
        self.state = CU_IDLE
        self._next = NOTHING
        self._block = 0  #: address of the block at work
        self._nops = 0  #: in a row
        self._suspending = False
        self._frame = b""
        self._failed = 0

    def _stop(self) -> None:
        if self._event is not None:
            self._event.cancel()
        self._event = None

    def _later(self, ns: int, step: Callable[[], None]) -> None:
        self._event = self.chip.clock.after(ns, lambda: self.chip.attempt(step))

    # ---- control commands ---------------------------------------------------------------------------------

    def command(self, code: int) -> None:
        """CUC of the SCB. What makes no sense in a state does nothing."""
        if code == START:
            self._next = self.chip.word(self.chip.scb + SCB_CBL)
            self._block = 0
            self._go()
        elif code == RESUME:
            self._suspending = False
            if self.state == CU_SUSPENDED:
                self._go()
        elif code == SUSPEND and self.state == CU_ACTIVE:
            self._suspending = True
        elif code == ABORT and self.state != CU_IDLE:
            self._abort()

    def _go(self) -> None:
        self._stop()
        self.state = CU_ACTIVE
        self._suspending = False
        self._nops = 0
        self._later(COMMAND_TIME, self._begin)

    def _abort(self) -> None:
        self._stop()
        was_active, self.state = self.state == CU_ACTIVE, CU_IDLE
        if self._block:
            self.chip.put(self._block + STATUS, COMPLETE | ABORTED)
            self._block = 0
        if was_active:
            self.chip.events |= CNA

    def _begin(self) -> None:
        """Fetch a block and start on it."""
        chip = self.chip
        if self._suspending:
            self._leave(CU_SUSPENDED, 0)
            return
        self._block = (chip.base + self._next) % (1 << 24)
        chip.put(self._block + STATUS, BUSY)
        code = chip.word(self._block + COMMAND) & 7
        self._nops = self._nops + 1 if code == NOP else 0
        if code == NOP:
            time = min(COMMAND_TIME << min(self._nops, 8), SLOWEST_NOP)
        elif code == TRANSMIT:
            self._frame, self._failed = self._gather()
            time = chip.frame_time(min(len(self._frame), JABBER))
        else:
            time = COMMAND_TIME
        self._later(time, lambda: self._end(self._commands[code]))

    def _end(self, action: Callable[[], int]) -> None:
        """Finish the block at work, and go to the next one."""
        chip, block = self.chip, self._block
        status = action()
        command = chip.word(block + COMMAND)
        self._next = chip.word(block + LINK)
        chip.put(block + STATUS, COMPLETE | status)
        self._block = 0
        events = CX if command & INTERRUPTS else 0
        if command & END:
            self._leave(CU_IDLE, events)
        elif command & SUSPENDS or self._suspending:
            self._leave(CU_SUSPENDED, events)
        else:
            if events:
                chip.signal(events)
            self._later(COMMAND_TIME, self._begin)

    def _leave(self, state: int, events: int) -> None:
        """Not active any more."""
        self._event = None
        self._suspending = False
        self.state = state
        self.chip.signal(events | CNA)

    # ---- action commands: each returns its status bits ----------------------------------------------------

    def _ia_setup(self) -> int:
        chip = self.chip
        chip.address = chip.read(self._block + PARAMETERS, 6)
        return OK

    def _configure(self) -> int:
        chip, at = self.chip, self._block + PARAMETERS
        count = min(max(chip.read(at, 1)[0] & 0x0F, LEAST), MOST)
        chip.config.load(chip.read(at, count))
        return OK

    def _mc_setup(self) -> int:
        chip, length = self.chip, self.chip.config.address_length
        data = chip.read(self._block + PARAMETERS + 2, chip.word(self._block + PARAMETERS) & COUNT)
        chip.hash = 0
        for at in range(0, len(data) - length + 1, length) if length else ():
            chip.hash |= multicast_bit(data[at : at + length])
        return OK

    def _tdr(self) -> int:
        """Time domain reflectometry: no cable, a cable that is open somewhere, or one that is in order."""
        chip = self.chip
        result = TDR_OK
        if chip.board is not None and chip.board.on_air and not chip.config.internal_loopback:
            if chip.port.peer is None:
                result = TDR_TRANSCEIVER
            elif not chip.port.link:
                result = TDR_OPEN | 1
        chip.put(self._block + PARAMETERS, result)
        return OK

    def _dump(self) -> int:
        """What the chip knows of itself; places of what is not modelled stay zero."""
        chip, image = self.chip, bytearray(DUMP_SIZE)

        def word(at: int, value: int) -> None:
            image[at : at + 2] = (value & 0xFFFF).to_bytes(2, "little")

        image[0x00:0x0B] = chip.config.bytes[1:]
        image[0x0C:0x12] = chip.address
        image[0x24:0x2C] = chip.hash.to_bytes(8, "little")
        word(0x8E, chip.ru.offset(chip.ru.rbd))
        word(0x96, chip.ru.offset(chip.ru.rfd))
        word(0xA2, chip.word(self._block + LINK))
        word(0xA4, self._block - chip.base)
        word(0xA8, chip.scb - chip.base)
        chip.write(chip.base + chip.word(self._block + PARAMETERS), bytes(image))
        return OK

    # ---- transmission -------------------------------------------------------------------------------------

    def _gather(self) -> tuple[bytes, int]:
        """The frame of a TRANSMIT as it goes on the cable, and what is wrong with its buffers."""
        chip, block = self.chip, self._block
        length = chip.config.address_length
        frame = bytearray()
        if not chip.config.header_in_buffer:
            header = chip.read(block + TX_ADDRESS, length + 2)
            frame += header[:length] + chip.address[:length] + header[length:]
        offset = chip.word(block + PARAMETERS)
        if offset == NOTHING:
            return bytes(frame), 0
        for _ in range(DESCRIPTORS):
            descriptor = chip.base + offset
            count = chip.word(descriptor + TBD_COUNT)
            frame += chip.read(chip.pointer(descriptor + TBD_BUFFER), count & COUNT)
            if len(frame) > JABBER:
                return bytes(frame), TX_LATE
            if count & EOF:
                return bytes(frame), 0
            offset = chip.word(descriptor + TBD_NEXT)
            if offset == NOTHING:
                break
        return bytes(frame), TX_UNDERRUN  # more was promised than is there

    def _transmit(self) -> int:
        """The last bit is on the cable: who receives it, and with what result."""
        chip, config, frame = self.chip, self.chip.config, self._frame
        self._frame = b""
        if self._failed:
            return self._failed
        if config.internal_loopback:
            self._loop_back(frame)
            return OK
        assert chip.board is not None
        if chip.board.on_air:
            if not chip.port.link:
                return TX_NO_CARRIER
            sound = self._sound(frame)
            if sound is not None:
                chip.port.send(sound)
        if config.external_loopback:
            self._loop_back(frame)
        return OK | TX_HEARTBEAT if chip.board.on_air else OK

    def _sound(self, frame: bytes) -> bytes | None:
        """The frame as receivers see it, without CRC; None when they find its CRC wrong."""
        if not self.chip.config.no_crc:
            return frame
        data, crc = frame[:-FCS], frame[-FCS:]
        return data if crc == zlib.crc32(data).to_bytes(FCS, "little") else None

    def _loop_back(self, frame: bytes) -> None:
        sound = self._sound(frame)
        if sound is None:
            self.chip.ru.receive(frame[:-FCS], RX_CRC)
        else:
            self.chip.ru.receive(sound)
