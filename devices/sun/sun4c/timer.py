"""The two counter-timers of a sun4c: microseconds from 1 up to a limit, then again; levels 10 and 14.

    +0 counter of level 10   +4 its limit   +8 counter of level 14   +C its limit
    31 limit reached   30-10 microseconds

Reaching the limit sets bit 31 of both words and the interrupt; reading the limit clears them, after it was
read. Writing the limit starts the count anew.

Sources: NetBSD sparc timerreg.h, timer.c; TME; docs/machines/sun4c.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tme.line import Line

if TYPE_CHECKING:
    from tme.clock import Clock, Event

SIZE = 16
REACHED = 1 << 31
SHIFT, BITS = 10, 21
FIELD = (1 << BITS) - 1
MICROSECOND = 1000
"""In nanoseconds."""


class Counter:
    """One counter and its limit; `irq` is its interrupt."""

    def __init__(self, clock: Clock, irq: Line) -> None:
        self.clock, self.irq = clock, irq
        self._event: Event | None = None
        self.limit = 0
        self._since = 0  #: guest time at which the count was 1
        self.reset()

    @property
    def period(self) -> int:
        """Microseconds from 1 to the limit. Limits of 0 and 1 are the longest ones (TME: a guess)."""
        return (self.limit - 1) & FIELD or FIELD + 1

    @property
    def count(self) -> int:
        """Now."""
        return (self.clock.now - self._since) // MICROSECOND % self.period + 1

    def reset(self) -> None:
        """Counts to the longest limit, no interrupt."""
        self.irq.set(False)
        self.set_limit(0)

    def set_limit(self, limit: int) -> None:
        """Start anew, with another limit; an interrupt stays."""
        self.limit = limit & FIELD
        self._since = self.clock.now
        self._schedule()

    def set_count(self, count: int) -> None:
        """Go on from a count."""
        self._since = self.clock.now - ((count & FIELD) - 1) % self.period * MICROSECOND
        self._schedule()

    def acknowledge(self) -> None:
        """The limit was read: no interrupt until it is reached again."""
        if self.irq.level:
            self.irq.set(False)
            self._schedule()

    def _schedule(self) -> None:
        """One event at the limit. While the interrupt is there nothing more can happen, so none is needed."""
        if self._event is not None:
            self._event.cancel()
            self._event = None
        if not self.irq.level:
            length = self.period * MICROSECOND
            rounds = (self.clock.now - self._since) // length + 1
            self._event = self.clock.at(self._since + rounds * length, self._reach)

    def _reach(self) -> None:
        self._event = None
        self.irq.set(True)


class Timers:
    """Both, on the bus."""

    width = 4

    def __init__(self, clock: Clock, irq_10: Line, irq_14: Line) -> None:
        self.counters = Counter(clock, irq_10), Counter(clock, irq_14)

    def reset(self) -> None:
        for counter in self.counters:
            counter.reset()

    def _word(self, offset: int) -> int:
        counter = self.counters[offset >> 3 & 1]
        value = counter.limit if offset & 4 else counter.count & FIELD
        return (REACHED if counter.irq.level else 0) | value << SHIFT

    def peek(self, offset: int, size: int) -> int:
        value = self._word(offset)
        if size > 4:
            return value << 32 | self._word(offset + 4)
        return value >> 8 * (4 - size - (offset & 3)) & (1 << 8 * size) - 1

    def read(self, offset: int, size: int) -> int:
        value = self.peek(offset, size)
        if offset & 4:
            self.counters[offset >> 3 & 1].acknowledge()
        return value

    def write(self, offset: int, size: int, value: int) -> None:
        if size != self.width:
            return  # the chip has no byte enables
        counter = self.counters[offset >> 3 & 1]
        if offset & 4:
            counter.set_limit(value >> SHIFT)
        else:
            counter.set_count(value >> SHIFT)
