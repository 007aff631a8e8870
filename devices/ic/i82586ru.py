"""The 82586's receive unit: it puts frames into the buffers that two lists offer.

    frame descriptors (RFD)    status, EL S, link, offset of the first buffer descriptor, header
    buffer descriptors (RBD)   EOF F count, next, address of the buffer, EL size

Each frame takes one RFD and as many RBDs as it needs. The chip follows the list of RBDs on its own and writes
into each RFD where its buffers begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.ic.i82586cu import DESCRIPTORS, FCS, multicast_bit
from devices.ic.i82586reg import (
    ABORT,
    ALIGNMENT_ERRORS,
    COMMAND,
    COMPLETE,
    COUNT,
    CRC_ERRORS,
    END,
    EOF,
    FILLED,
    FR,
    LINK,
    NOTHING,
    OK,
    OVERRUN_ERRORS,
    RBD_BUFFER,
    RBD_COUNT,
    RBD_NEXT,
    RBD_SIZE,
    RESOURCE_ERRORS,
    RESUME,
    RFD_HEADER,
    RFD_RBD,
    RNR,
    RU_IDLE,
    RU_NO_RESOURCES,
    RU_READY,
    RU_SUSPENDED,
    RX_ALIGNMENT,
    RX_CRC,
    RX_ERRORS,
    RX_NO_BUFFERS,
    RX_OVERRUN,
    RX_SHORT,
    SCB_RFA,
    START,
    STATUS,
    SUSPEND,
    SUSPENDS,
)

if TYPE_CHECKING:
    from devices.ic.i82586 import I82586

COUNTERS = ((RX_ALIGNMENT, ALIGNMENT_ERRORS), (RX_CRC, CRC_ERRORS), (RX_OVERRUN, OVERRUN_ERRORS))
"""An error and the counter in the SCB that it adds to; a frame counts once."""
ODD = 0x3FFE
"""Buffers have an even size."""


class ReceiveUnit:
    """State and the addresses of the next RFD and RBD; None when the list is used up."""

    def __init__(self, chip: I82586) -> None:
        self.chip = chip
        self.reset()

    def reset(self) -> None:
        """Idle."""
        self.state = RU_IDLE
        self.rfd: int | None = None
        self.rbd: int | None = None

    def offset(self, address: int | None) -> int:
        """As it stands in memory."""
        return NOTHING if address is None else address - self.chip.base & 0xFFFF

    def _follow(self, offset: int) -> int | None:
        return None if offset == NOTHING else self.chip.base + offset

    def command(self, code: int) -> None:
        """RUC of the SCB. What makes no sense in a state does nothing."""
        chip = self.chip
        if code == START:
            self.rfd = self._follow(chip.word(chip.scb + SCB_RFA))
            self.rbd = None if self.rfd is None else self._follow(chip.word(self.rfd + RFD_RBD))
            self.state = RU_READY
            if self.rfd is None:
                self.state = RU_NO_RESOURCES
                chip.events |= RNR
        elif code == RESUME and self.state == RU_SUSPENDED:
            self.state = RU_READY
        elif code in (SUSPEND, ABORT) and self.state != RU_IDLE:
            if self.state == RU_READY:
                chip.events |= RNR
            self.state = RU_SUSPENDED if code == SUSPEND else RU_IDLE

    # ---- frames -------------------------------------------------------------------------------------------

    def is_for_us(self, frame: bytes) -> bool:
        """The address filter. That of multicasts is a hash: it lets others through."""
        chip, config = self.chip, self.chip.config
        length = config.address_length
        to = frame[:length]
        if config.promiscuous or to == chip.address[:length]:
            return True
        if to == b"\xff" * length:
            return not config.no_broadcast
        return bool(to and to[0] & 1 and chip.hash & multicast_bit(to))

    def receive(self, frame: bytes, errors: int = 0) -> None:
        """A frame is complete. errors: RX_CRC, RX_ALIGNMENT, RX_OVERRUN, RX_NO_EOF as the receiver saw it."""
        chip = self.chip
        if self.state not in (RU_READY, RU_NO_RESOURCES) or not self.is_for_us(frame):
            return
        if len(frame) + FCS < chip.config.shortest:
            errors |= RX_SHORT
        self._count(errors)
        if errors and not chip.config.save_bad:
            return
        if self.state == RU_NO_RESOURCES or self.rfd is None:
            self._add(RESOURCE_ERRORS)
        else:
            self._store(self.rfd, frame, errors)

    def _count(self, errors: int) -> None:
        for error, counter in COUNTERS:
            if errors & error:
                self._add(counter)
                return

    def _add(self, counter: int) -> None:
        """Counters stop at their greatest value; the processor clears them."""
        at = self.chip.scb + counter
        self.chip.put(at, min(self.chip.word(at) + 1, 0xFFFF))

    def _store(self, rfd: int, frame: bytes, errors: int) -> None:
        """Fill descriptor and buffers."""
        chip = self.chip
        if not chip.config.header_in_buffer:
            header = chip.config.header
            chip.write(rfd + RFD_HEADER, frame[:header])
            frame = frame[header:]
        chip.put(rfd + RFD_RBD, self.offset(self.rbd) if frame else NOTHING)
        complete = self._fill(frame)
        status = COMPLETE | errors & RX_ERRORS
        if not complete:
            status |= RX_NO_BUFFERS
        elif not errors:
            status |= OK
        command = chip.word(rfd + COMMAND)
        self.rfd = None if command & END else self._follow(chip.word(rfd + LINK))
        chip.put(rfd + STATUS, status)
        events = FR
        if not complete or self.rfd is None:  # at once: the Carrera PROM's self-test waits for it
            self.state = RU_NO_RESOURCES
            events |= RNR
        elif command & SUSPENDS:
            self.state = RU_SUSPENDED
            events |= RNR
        chip.signal(events)

    def _fill(self, data: bytes) -> bool:
        """Put data into buffers; False when they end before it does."""
        chip = self.chip
        for _ in range(DESCRIPTORS):
            if not data:
                return True
            if self.rbd is None:
                return False
            at, size = self.rbd, chip.word(self.rbd + RBD_SIZE)
            piece, data = data[: size & ODD], data[size & ODD :]
            chip.write(chip.pointer(at + RBD_BUFFER), piece)
            self.rbd = None if size & END else self._follow(chip.word(at + RBD_NEXT))
            chip.put(at + RBD_COUNT, FILLED | (0 if data else EOF) | len(piece) & COUNT)
        self.rbd = None  # a ring of buffers without room
        return not data
