"""The Am7990's two descriptor rings: reception into one, transmission out of the other.

A frame takes one buffer, or several in a row: STP marks the first, ENP the last. Whose a descriptor is, its
OWN bit says; the chip gives a descriptor back with the outcome in it, and goes on to the next.

No ring can keep the chip busy: a frame goes round it once at most, and each look at a descriptor takes time.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from devices.ic.am7990reg import (
    COLL,
    COUNT,
    DESCRIPTOR,
    DTCR,
    ENP,
    ERR,
    FCS,
    HIGH,
    INTL,
    LOOP,
    LOW,
    OWN,
    PROM,
    RESULT,
    RX_BUFF,
    RX_CRC,
    RX_OFLO,
    SIZE,
    STATUS,
    STP,
    TX_BUFF,
    TX_LCAR,
    TX_LCOL,
    TX_RTRY,
    TX_UFLO,
    Csr0,
)

if TYPE_CHECKING:
    from devices.ic.am7990 import Am7990
    from tme.clock import Event

SHORTEST, LONGEST = 64, 1518
"""Bytes of a frame with its FCS. Shorter ones are rejected, longer ones babble."""
SILO = 48
"""Bytes that the chip keeps itself, between cable and memory."""
JABBER = 25_000
"""Bytes (20 ms) after which a transceiver cuts a transmitter off with a collision: 802.3 section 8.2.1.5."""
POLL = 1_600_000
"""Nanoseconds between two looks at a descriptor that is not ours."""
LOOK = 2_000
"""Nanoseconds that a look at a descriptor takes."""


def fcs(frame: bytes) -> bytes:
    """The frame check sequence as it follows a frame."""
    return zlib.crc32(frame).to_bytes(FCS, "little")


def filter_bit(address: bytes) -> int:
    """The bit of the logical address filter that an address selects: the upper six of its CRC."""
    return 1 << ((zlib.crc32(address) ^ 0xFFFF_FFFF) >> 26)


class Ring:
    """Descriptors in memory, and the one whose turn it is."""

    def __init__(self, base: int = 0, length: int = 1) -> None:
        self.base = base
        self.length = length
        self.index = 0

    @property
    def here(self) -> int:
        """Address of the descriptor whose turn it is."""
        return self.base + self.index * DESCRIPTOR

    def ahead(self, steps: int) -> int:
        """Address of the descriptor so many further on."""
        return self.base + (self.index + steps) % self.length * DESCRIPTOR

    def advance(self, steps: int = 1) -> None:
        """The next one's turn."""
        self.index = (self.index + steps) % self.length


class Half:
    """What both halves of the chip do with their ring."""

    def __init__(self, chip: Am7990) -> None:
        self.chip = chip
        self.ring = Ring()

    def status(self, at: int) -> int:
        return self.chip.word(at + STATUS)

    def buffer(self, at: int, status: int) -> tuple[int, int]:
        """Address and size of a descriptor's buffer."""
        size = -self.chip.word(at + SIZE) & COUNT
        return (status & HIGH) << 16 | self.chip.word(at + LOW), size or COUNT + 1


class Receiver(Half):
    """Frames that are for us go to memory, their FCS with them."""

    def wants(self, frame: bytes) -> bool:
        """The address filter."""
        chip = self.chip
        to = frame[:6]
        if chip.mode & PROM or to == chip.address or to == b"\xff" * 6:
            return True
        if not to or not to[0] & 1:
            return False
        # in loopback the one CRC generator is at the transmitter's service, unless software makes the FCS
        hashing = not chip.mode & LOOP or chip.mode & DTCR
        return bool(hashing and chip.filter & filter_bit(to))

    def receive(self, frame: bytes, errors: int = 0) -> None:
        """A frame with its FCS is complete. errors: RX_CRC, RX_FRAM as the receiver saw it."""
        chip = self.chip
        if not chip.csr0.RXON or not self.wants(frame):
            return
        if len(frame) < SHORTEST and not chip.mode & LOOP:
            return
        chip.signal(self._store(frame, errors))

    def _store(self, frame: bytes, errors: int) -> int:
        """Fill buffers; returns what CSR0 shall show of it."""
        chip, ring, rest = self.chip, self.ring, frame
        status = self.status(ring.here)
        if not status & OWN:
            return Csr0.MISS
        flags = STP
        for used in range(ring.length):
            at = ring.here
            address, size = self.buffer(at, status)
            chip.put_bytes(address, rest[:size])
            rest = rest[size:]
            following = self.status(ring.ahead(1)) if used < ring.length - 1 else 0
            if not rest:
                flags |= ENP | errors
                chip.put(at + RESULT, len(frame) & COUNT)
            elif not following & OWN:
                flags |= RX_BUFF | (RX_OFLO if len(rest) > SILO else 0)
            chip.put(at + STATUS, status & HIGH | flags | (ERR if flags & ~(STP | ENP) else 0))
            ring.advance()
            if not rest or flags & RX_BUFF:
                break
            flags, status = 0, following
        return Csr0.RINT


class Transmitter(Half):
    """It looks for a descriptor of its own, gathers the frame, and sends it in the time that takes."""

    def __init__(self, chip: Am7990) -> None:
        super().__init__(chip)
        self._event: Event | None = None
        self._sending = False

    def stop(self) -> None:
        """Whatever is on its way is dropped."""
        if self._event is not None:
            self._event.cancel()
        self._event = None
        self._sending = False

    def demand(self) -> None:
        """Look at the ring now, unless a frame is on its way: after it that happens anyway."""
        if not self._sending:
            self._look_in(LOOK)

    def _look_in(self, ns: int) -> None:
        self.stop()
        if self.chip.csr0.TXON:
            self._event = self.chip.clock.after(ns, lambda: self.chip.attempt(self._look))

    def _look(self) -> None:
        chip, ring = self.chip, self.ring
        chip.csr0.TDMD = 0
        at = ring.here
        status = self.status(at)
        if not status & OWN:
            self._look_in(POLL)
        elif not status & STP:  # the rest of a frame whose beginning is lost
            chip.put(at + STATUS, status & ~OWN)
            ring.advance()
            self._look_in(LOOK)
        else:
            frame, used, result = self._gather(status)
            time = chip.frame_time(min(len(frame), JABBER))
            self._sending = True
            self._event = chip.clock.after(
                time, lambda: chip.attempt(lambda: self._sent(frame, used, result))
            )

    def _gather(self, status: int) -> tuple[bytes, int, int]:
        """The frame from here on, how many descriptors it takes, and what is wrong with them."""
        chip, ring = self.chip, self.ring
        frame = bytearray()
        for used in range(1, ring.length + 1):
            frame += chip.get_bytes(*self.buffer(ring.ahead(used - 1), status))
            if len(frame) > JABBER:
                return bytes(frame), used, TX_LCOL
            if status & ENP:
                return bytes(frame), used, 0
            status = self.status(ring.ahead(used))
            if not status & OWN:
                break
        return bytes(frame), used, TX_BUFF | TX_UFLO

    def _sent(self, frame: bytes, used: int, result: int) -> None:
        """The last bit is on the cable: give the descriptors back, then see who receives it."""
        chip, ring = self.chip, self.ring
        self.stop()
        result = result or self._fate()
        events = int(Csr0.TINT)
        if len(frame) + (0 if chip.mode & DTCR else FCS) > LONGEST:
            events |= Csr0.BABL
        if result & TX_LCAR:
            events |= Csr0.CERR  # without a transceiver there is no heartbeat
        for number in range(used):
            at = ring.ahead(number)
            status = self.status(at) & (STP | ENP | HIGH)
            if number == used - 1 and result:
                chip.put(at + RESULT, result)
                status |= ERR
            chip.put(at + STATUS, status)
        ring.advance(used)
        if result & TX_UFLO:
            chip.csr0.TXON = 0
        chip.signal(events)
        if not result:
            self._deliver(frame)
        self._look_in(LOOK)

    def _fate(self) -> int:
        """What becomes of a frame that is all right."""
        chip = self.chip
        if chip.mode & LOOP and chip.mode & INTL:
            return TX_RTRY if chip.mode & COLL else 0
        return 0 if chip.port.link else TX_LCAR

    def _deliver(self, frame: bytes) -> None:
        """To the cable and, in loopback, to our own receiver."""
        chip = self.chip
        bad = False
        whole = frame + fcs(frame)
        if chip.mode & DTCR:  # software has made the FCS, or something else
            whole, frame = frame, frame[:-FCS]
            bad = whole[-FCS:] != fcs(frame)
        if chip.mode & LOOP:
            chip.rx.receive(whole, RX_CRC if bad else 0)
        if not bad and not (chip.mode & LOOP and chip.mode & INTL):
            chip.port.send(frame)
