"""A machine with nothing to do: how that is noticed, and what becomes of the time.

the processor waits (STOP) ──────────► to the next event │ by icount, without any input to wait for: at once
it waits in a loop that changes nothing ─► the same      │ else: sleep until then, or until input comes
it only polls for input (tme.dawdle) ──► naps            │
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tme.dawdle import Dawdle

if TYPE_CHECKING:
    from tme.machine import Machine, Processor

WORTH = 100_000
"""Instructions of a waiting loop that are executed as quickly as it is recognized."""
LONGEST_REST = 0.1
"""Host seconds between two looks at such a loop: another process may have written to its memory."""
LEAD = 3600 * 10**9
"""Guest nanoseconds that an idle `icount` machine may be ahead of the host; then it keeps its pace, and
leaves it in peace."""
FAILED = 1
"""Exit status of a machine that cannot go on."""


class Idling:
    """What a machine asks between quanta and between slices."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.icount = machine.options.clock == "icount"
        self.dawdle = Dawdle(machine.options.clock)
        self.napping = False
        """The last slice did nothing but poll."""
        self.seconds = 0.0
        """Host time slept."""
        self._started = time.monotonic_ns()

    @property
    def _processor(self) -> Processor:
        processor = self.machine.processor
        assert processor is not None
        return processor

    @property
    def _skips(self) -> bool:
        """Time may pass as quickly as it can: nothing comes from outside."""
        return self.icount and not self.machine.readers

    def _horizon(self) -> int:
        """Guest time that may be skipped to now."""
        return time.monotonic_ns() - self._started + LEAD

    def wait(self) -> float | None:
        """The processor waits: host seconds to sleep, None for "until the host has something"."""
        machine, clock = self.machine, self.machine.clock
        due = clock.next
        if due is not None:
            if self._skips and due < self._horizon():
                clock.skip_to(due)
                return 0
            return clock.ahead(due) / 1e9
        if not machine.readers:
            machine.log(
                None, "the processor waits for an interrupt, and nothing is left that could cause one"
            )
            machine.stop(FAILED)
            return 0
        return None

    # A loop in which nothing changes

    def rests(self) -> bool:
        """Does the processor wait in a loop? By the host's clock one cannot tell when it will have executed
        a number of instructions there."""
        machine = self.machine
        if machine.ends and not self.icount:
            return False
        room = machine.room()
        return not (self._skips and room < WORTH) and self._processor.rests(room)

    def rest(self) -> float:
        """As `wait`, but time passes with the loop's instructions, and by `icount` also to the run's end."""
        clock = self.machine.clock
        clock.follow()  # the rate of instructions is not to be taken from a sleep
        ends = map(clock.time_at, self.machine.ends)
        due = min([t for t in (clock.next, *ends) if t is not None], default=None)
        if due is None:
            return LONGEST_REST
        if self._skips and due < self._horizon():
            self._skip_to(due)
            return 0
        return min(clock.ahead(due) / 1e9, LONGEST_REST)

    def _skip_to(self, ns: int) -> None:
        """Let the loop go on to a guest time."""
        machine, processor = self.machine, self._processor
        processor.skip(machine.room(max(machine.clock.count_at(ns) - processor.now, 0)))

    # A loop that looks for input

    def nap(self) -> float:
        """How long to sleep after a slice, as the guest only polls; 0 if it does not. By `icount` guest time
        has nothing to wait for but input."""
        watched = not self.icount or bool(self.machine.readers)
        length = self.dawdle.nap(self._processor.now, time.monotonic()) if watched else 0.0
        self.napping = length > 0
        if not self.napping:
            return 0
        clock = self.machine.clock
        clock.follow()  # the rate of instructions is not to be taken from a nap
        due = clock.next
        return length if due is None else min(clock.ahead(due) / 1e9, length)

    # Asleep

    async def sleep(self, seconds: float | None) -> None:
        """Until something of the host is ready, or for a time. In a nap the guest's instructions go on, so
        that by `icount` no time passes."""
        import asyncio

        machine, loop = self.machine, asyncio.get_running_loop()
        woken = loop.create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        machine.wake = wake
        handle = loop.call_later(seconds, wake) if seconds is not None else None
        start = time.monotonic_ns()
        if machine.goes_on:
            await woken
        machine.wake = lambda: None
        if handle is not None:
            handle.cancel()
        slept = time.monotonic_ns() - start
        self.seconds += slept / 1e9
        if self.napping and self.icount:
            return
        if not self.icount or self._processor.waiting:
            machine.clock.slept(slept)
        else:
            self._skip_to(machine.clock.now + slept)
