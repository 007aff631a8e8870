"""Guest time: one clock, and a queue of events that happen at exact instructions.

    icount  time is the number of instructions times a constant: the same input gives the same run
    host    time follows the host's: between two looks at the host's clock it advances with the instructions,
            at the rate measured so far

Guest time never runs backwards and never passes an event that has not happened yet, in either mode.
"""

from __future__ import annotations

import heapq
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

PS_PER_INSN = 250_000
"""Picoseconds an instruction takes by `icount`: 4 MIPS. A 68020 at 16.67 MHz does 2 to 4 million of its mixed
instructions a second, and PROMs measure their delay loops against the clock chip: the result has to be
plausible."""
SLOWEST, FASTEST = 10_000_000, 20
"""Bounds of the measured rate in `host` mode, picoseconds for an instruction."""
MEASURED = 1000
"""Instructions between two looks from which a rate is taken."""
HELD = 1_000_000_000
"""Host nanoseconds between two looks from which the machine was held."""
START = datetime(1992, 1, 1, tzinfo=UTC)
"""The date at which an `icount` machine starts, unless SOURCE_DATE_EPOCH says otherwise."""


class Event:
    """Something that will happen; `cancel` prevents it."""

    __slots__ = ("fn", "when")

    def __init__(self, when: int, fn: Callable[[], None]) -> None:
        self.when = when
        self.fn: Callable[[], None] | None = fn

    def cancel(self) -> None:
        """Let it not happen; harmless when it already has."""
        self.fn = None


class Clock:
    """Guest time in nanoseconds since power-up.

    `count` tells the instructions executed, exactly even in the middle of a device access; `sooner` hears of
    the instruction count of an event that came in front of all others.
    """

    def __init__(
        self, mode: Literal["icount", "host"] = "icount", host: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self.mode = mode
        self.count: Callable[[], int] = lambda: 0
        self.sooner: Callable[[int], None] = lambda count: None
        self.events = 0
        """How many have happened."""
        self._host = host
        self._host_offset = 0  # host time - guest time
        self._last: tuple[int, int] | None = None  # host time and instructions at the last look
        self._rate = PS_PER_INSN
        self._base = 0  # guest time at instruction _origin
        self._origin = 0
        self._queue: list[tuple[int, int, Event]] = []
        self._number = 0
        self._start = self._start_date()

    def _start_date(self) -> datetime:
        if self.mode == "host":
            return datetime.now(UTC)
        epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
        return datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else START

    # Time

    @property
    def now(self) -> int:
        """Guest nanoseconds."""
        return self.time_at(self.count())

    def wall(self) -> datetime:
        """The guest's date and time, UTC, for clock chips that are set at power-up."""
        return self._start + timedelta(microseconds=self.now // 1000)

    def time_at(self, count: int) -> int:
        """Guest time at an instruction count, if no time passes without instructions."""
        return self._base + (count - self._origin) * self._rate // 1000

    def count_at(self, ns: int) -> int:
        """The instruction count at which guest time is `ns` or just past it."""
        return self._origin - (self._base - ns) * 1000 // self._rate

    def skip_to(self, ns: int) -> None:
        """Let time pass without instructions: the processor waits."""
        now = self.now
        if ns > now:
            self._origin, self._base = self.count(), ns

    def follow(self, waited: bool = False) -> None:
        """In `host` mode look at the host's clock: guest time catches up, at most to the next event, and the
        rate is measured anew. waited: the machine has slept; else a long gap means that it was held (the
        prompt, a debugger), and guest time stood still."""
        if self.mode == "icount":
            return
        host, now, count = self._host(), self.now, self.count()
        if self._last is None:
            self._last, self._host_offset = (host, count), host - now
        passed, done = host - self._last[0], count - self._last[1]
        if passed > HELD and not waited:
            self._host_offset += passed
        elif done >= MEASURED:
            rate = (self._rate * 3 + passed * 1000 // done) // 4
            self._rate = min(max(rate, FASTEST), SLOWEST)
        self._last = host, count
        target, next_ = host - self._host_offset, self.next
        if next_ is not None:
            target = min(target, next_)
        self._origin, self._base = count, max(now, target)

    def ahead(self, ns: int) -> int:
        """How long guest time `ns` lies ahead, in nanoseconds of the host."""
        if self._last is None:
            return max(ns - self.now, 0)
        return max(ns - (self._host() - self._host_offset), 0)

    def slept(self, ns: int) -> None:
        """The machine waited for `ns` host nanoseconds; guest time follows, at most to the next event."""
        if self.mode == "host":
            self.follow(waited=True)
            return
        until, next_ = self.now + ns, self.next
        self.skip_to(until if next_ is None else min(until, next_))

    # Events

    def at(self, ns: int, fn: Callable[[], None]) -> Event:
        """Call `fn` at guest time `ns`; at once after the present instruction if that has passed."""
        event = Event(ns, fn)
        self._number += 1
        entry = (ns, self._number, event)
        heapq.heappush(self._queue, entry)
        if self._queue[0] is entry:
            self.sooner(self.count_at(ns))
        return event

    def after(self, ns: int, fn: Callable[[], None]) -> Event:
        """Call `fn` in `ns` nanoseconds of guest time."""
        return self.at(self.now + ns, fn)

    @property
    def next(self) -> int | None:
        """When the next event is due; None when none waits."""
        queue = self._queue
        while queue and queue[0][2].fn is None:
            heapq.heappop(queue)
        return queue[0][0] if queue else None

    def run_due(self) -> None:
        """Let everything happen that is due, in order of time, then of asking. What comes up meanwhile for
        the same moment waits for the next call, so that the guest goes on."""
        now, last = self.now, self._number
        later = []
        while (when := self.next) is not None and when <= now:
            entry = heapq.heappop(self._queue)
            if entry[1] > last:
                later.append(entry)
                continue
            event = entry[2]
            fn, event.fn = event.fn, None
            assert fn is not None
            self.events += 1
            fn()
        for entry in later:
            heapq.heappush(self._queue, entry)
