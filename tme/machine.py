"""A machine: its elements, its clock, and the loop that lets it run.

    run ─► slice: events due ─► quantum of instructions ─► events due ─► …        a few host milliseconds
        ◄─ host files and terminals that are ready (asyncio)

One thread owns everything. The processor runs until the next event, or for a quantum; events happen between
two instructions, at exact instruction counts. While the processor waits the process sleeps until the next
event or input; by `icount`, without any input to wait for, guest time skips to that event at once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from tme.clock import Clock
from tme.element import Element, check_all
from tme.errors import TmeError
from tme.idling import FAILED, Idling
from tme.options import Options
from tme.stats import show

if TYPE_CHECKING:
    import asyncio

    from tme.serial import Line

SLICE = 0.004
"""Host seconds between two looks at the host's files: a key press waits no longer."""
QUANTUM = 0.002
"""Host seconds that a quantum should take."""
SMALLEST, LARGEST = 100, 20_000_000
"""Instructions of a quantum."""
FIRST = 500
"""Instructions of the first quantum after a wait in a loop; the next are each twice as long. Most interrupts
need no more, and then the processor waits again."""


class Processor(Protocol):
    """What the machine asks of its processor."""

    @property
    def now(self) -> int:
        """Instructions executed since power-up, exact also inside a device access."""

    @property
    def answered(self) -> int:
        """Device reads that found what was known already (translator.answers)."""

    @property
    def waiting(self) -> bool:
        """Nothing to do until an interrupt comes."""

    def run(self, budget: int) -> int:
        """Execute up to `budget` instructions; returns how many."""

    def rests(self, budget: int) -> bool:
        """Asked between quanta: is it in a loop in which nothing changes? May execute up to `budget`
        instructions to see it."""

    def skip(self, count: int) -> None:
        """Let up to `count` instructions of that loop have been executed, in whole rounds."""

    def limit(self, count: int) -> None:
        """End a `run` that is under way at instruction `count` at the latest."""

    def poll(self) -> None:
        """Called often, between instructions."""

    def stats(self) -> dict[str, Any]:
        """Numbers by name."""

    def registers(self) -> dict[str, int]:
        """Registers by name."""

    def read(self, address: int, length: int, physical: bool) -> bytes:
        """Plain memory as the processor sees it now, or by physical address. TmeError where there is none."""

    def write(self, address: int, data: bytes, physical: bool) -> None:
        """Change plain memory, protected or not. TmeError where there is none; then nothing is changed."""


class Standard(Protocol):
    """What a script puts in the place of this process's standard input and output."""

    def line(self, machine: Machine, receive: Callable[[bytes], None], want: Callable[[], int]) -> Line:
        """The serial line of `device -`."""

    def output(self, fd: int, data: bytes) -> None:
        """What a booted program writes to file 1 or 2."""

    def input(self, count: int) -> bytes:
        """Up to `count` bytes for a booted program; none are the end."""


class Machine:
    """Elements, clock and host input of one machine. It begins powered down."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.elements: dict[str, Element] = {}
        self.clock = Clock(self.options.clock)
        self.processor: Processor | None = None
        self.exit_code: int | None = None
        self.powered = False
        self.standard: Standard | None = None
        """Set by a script, before the machine is described."""
        self.pause_at: int | None = None
        """`run` pauses at this instruction count."""
        self._paused = False
        self._realized: set[Element] = set()
        self._was_down = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self.readers: set[int] = set()
        """Files of the host that are watched: input may come."""
        self.wake: Callable[[], object] = lambda: None
        """Ends the machine's sleep."""
        self._error: BaseException | None = None
        self._log: TextIO | None = None
        self._quantum, self._piece = 1000, LARGEST
        self.idling = Idling(self)
        self.dawdle = self.idling.dawdle
        self._slices = 0
        self._seconds = self._running = 0.0

    # Power

    def power(self, up: bool) -> None:
        """Check, reset and start, or stop. TmeError when something is missing; again is harmless."""
        if up and not self.powered:
            if self._was_down:
                self.exit_code = None
            self._realize()
            for element in self.elements.values():
                element.reset()
        elif self.powered and not up:
            self._was_down = True
            self.stop()
        self.powered = up

    def _realize(self) -> None:
        check_all(self.elements.values())
        for element in self.elements.values():
            if element not in self._realized:
                element.realize()
                self._realized.add(element)
        if self.processor is None:
            raise TmeError("there is no processor; create one, as in `cpu0 at mainbus0: tme/ic/m68020`")

    def set_processor(self, processor: Processor, owner: Element) -> None:
        """Called by the processor's element when it is realized."""
        if self.processor is not None:
            raise owner.error("a machine has one processor, and there is one already")
        self.processor = processor
        self.clock.count = lambda: processor.now
        self.clock.sooner = processor.limit
        self.dawdle.answered = lambda: processor.answered

    def stop(self, code: int = 0) -> None:
        """End `run` after the present instruction. Signal handlers may call this."""
        if self.exit_code is None:
            self.exit_code = code
        if self.processor is not None:
            self.processor.limit(0)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.wake)

    def pause(self) -> None:
        """End `run` after the present instruction; another `run` goes on from there."""
        self._paused = True
        if self.processor is not None:
            self.processor.limit(0)
        self.wake()

    def close(self) -> None:
        """Give back what the machine itself holds; its elements are closed by who made them."""
        self.powered = False
        if self._loop is not None:
            self._loop.close()
            self._loop = None
        if self._log is not None:
            self._log.close()
            self._log = None

    # Host files

    def add_reader(self, fd: int, fn: Callable[[], None]) -> None:
        """Call `fn` between two quanta when `fd` has something to read. OSError for what is always ready."""

        def ready() -> None:
            try:
                fn()
            except BaseException as error:  # the event loop would only log it
                self._error = error
                self.stop(FAILED)
            self.wake()

        self._host_loop().add_reader(fd, ready)
        self.readers.add(fd)

    def remove_reader(self, fd: int) -> None:
        """Stop watching `fd`; harmless when it is not watched."""
        self.readers.discard(fd)
        if self._loop is not None:
            self._loop.remove_reader(fd)

    def _host_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            import asyncio

            self._loop = asyncio.new_event_loop()
        return self._loop

    # Log

    def log(self, element: Element | None, text: str) -> None:
        """A line to the log: standard error, or the file of --log."""
        line = f"{element.name}: {text}" if element else text
        if self._log is None and self.options.log is not None and str(self.options.log) != "-":
            try:
                self._log = open(self.options.log, "a", buffering=1, encoding="utf-8")  # noqa: SIM115
            except OSError as error:
                raise TmeError(f"cannot write the log '{self.options.log}': {error.strerror}") from None
        print(line, file=self._log or sys.stderr)

    # Running

    def run(self, seconds: float | None = None) -> int:
        """Let the machine run until `stop` or `pause`, or for host seconds; returns the exit status, 0 after
        a pause."""
        if not self.powered:
            raise TmeError("the machine is powered down: `command mainbus0 power up` starts it")
        self._paused = False
        start = time.perf_counter()
        loop = self._host_loop()
        timer = loop.call_later(seconds, self.pause) if seconds is not None else None
        try:
            loop.run_until_complete(self._run())
        finally:
            if timer is not None:
                timer.cancel()
            self._seconds += time.perf_counter() - start
        if self._error is not None:
            raise self._error
        if self.options.stats and not self._paused:
            print(show(self.stats(), self.options.stats), file=sys.stderr)
        return self.exit_code or 0

    async def _run(self) -> None:
        import asyncio

        while self.goes_on:
            wait = self._slice()
            if wait == 0:
                wait = self.idling.nap()
            if self.goes_on:
                await (asyncio.sleep(0) if wait == 0 else self.idling.sleep(wait))

    @property
    def goes_on(self) -> bool:
        """Neither ended nor paused."""
        return self.exit_code is None and not self._paused

    def _slice(self) -> float | None:
        """Run for a while; returns host seconds to sleep, None for "until the host has something"."""
        clock, processor = self.clock, self.processor
        assert processor is not None
        self._slices += 1
        start = time.perf_counter()
        end = start + (QUANTUM if self.idling.napping else SLICE)
        while self.goes_on and start < end:
            processor.poll()
            clock.follow()
            clock.run_due()
            budget = self._budget()
            done = processor.run(budget) if budget and self.goes_on else 0
            now = time.perf_counter()
            self._running += now - start
            if processor.waiting and self.goes_on:
                return self.idling.wait()
            if (
                done == self._quantum or now - start > QUANTUM
            ):  # an event may have cut a quantum that is too long
                self._adapt(done, now - start)
            if self.goes_on and self.idling.rests():
                self._piece = FIRST
                return self.idling.rest()
            start = time.perf_counter()
        return 0

    def _budget(self) -> int:
        """Instructions until something has to be looked at; 0 at the end of --insns."""
        assert self.processor is not None
        budget = self.room(min(self._piece, self._quantum))
        self._piece = min(self._piece * 2, LARGEST)
        if budget > 0:
            return budget
        if self.pause_at is not None and self.pause_at <= self.processor.now:
            self.pause()
        else:
            self.stop()
        return 0

    def room(self, most: int = LARGEST) -> int:
        """Instructions to the next event or the end of the run, if they are not more than `most`."""
        assert self.processor is not None
        now = self.processor.now
        if (due := self.clock.next) is not None:
            most = min(most, max(self.clock.count_at(due) - now, 1))
        return min([most, *(end - now for end in self.ends)])

    @property
    def ends(self) -> list[int]:
        """Instruction counts at which the run ends."""
        return [end for end in (self.pause_at, self.options.insns) if end is not None]

    def _adapt(self, done: int, seconds: float) -> None:
        """Bring the quantum nearer to QUANTUM, after so many instructions in so much host time."""
        best = int(done * min(QUANTUM / max(seconds, 1e-9), 8))
        self._quantum = min(max(best, SMALLEST), LARGEST)

    # Telling

    def stats(self) -> dict[str, Any]:
        """What happened so far, as names and numbers; times in seconds."""
        found: dict[str, Any] = {
            "seconds": self._seconds,
            "guest seconds": self.clock.now / 1e9,
            "events": self.clock.events,
            "slices": self._slices,
        }
        if self.processor is not None:
            insns = self.processor.now
            found["instructions"] = insns
            found["million instructions per second"] = insns / 1e6 / self._seconds if self._seconds else 0.0
            found.update(self.processor.stats())
            stages = found.get("seconds by stage", {})
            run = self._running - stages.get("devices", 0.0)
            found["seconds by stage"] = {"run": run, **stages, "idle": self.idling.seconds}
        return found
