"""Puts on a processor what the command line asks to see. Without such options this is not even imported."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TextIO

from tme.debug.items import Instructions, Observers, Regions, show_exceptions
from tme.debug.perfmap import PerfMap
from tme.debug.timing import TimedIo
from tme.debug.tracefile import TraceWriter
from tme.debug.tracer import Tracer
from tme.debug.whereabouts import Row, Whereabouts
from tme.errors import TmeError

if TYPE_CHECKING:
    from tme.machine import Machine
    from translator.cpu import Cpu, Observer

PER_INSTRUCTION = {"exec", "cpu"}


class Debugger:
    """What is attached to one processor; `close` ends its files."""

    def __init__(self, machine: Machine, cpu: Cpu) -> None:
        self.machine, self.cpu, self.options = machine, cpu, machine.options
        self._files = ExitStack()
        self._devices = TimedIo(cpu) if self.options.stats else None
        self._exceptions()
        self._regions()
        self._observers()
        self._perf_map()
        self._where = Whereabouts(cpu, self.options.boot) if self.options.stats in ("text", "json") else None

    def log(self, text: str) -> None:
        self.machine.log(None, text)

    def in_range(self, pc: int) -> bool:
        """Whether --dfilter lets a guest address through."""
        limits = self.options.dfilter
        return limits is None or limits[0] <= pc <= limits[1]

    def _exceptions(self) -> None:
        if self.options.debug & {"int", "mmu"}:
            show_exceptions(self.cpu, self.options.debug, self.log)

    def _regions(self) -> None:
        options, jit = self.options, self.cpu.jit
        if options.dump_ir and jit is None:
            raise TmeError("--dump-ir shows what --jit translates; it cannot be used with another engine")
        if jit is None or not (options.dump_ir or options.debug & {"in_asm", "jit"}):
            return
        regions = Regions(self.cpu, jit, options.debug, self.log, self.in_range)
        regions.stages = options.dump_ir
        out = self._open_dump() if options.dump_to is not None and options.dump_ir else sys.stderr
        regions.dump = lambda text: print(text, file=out)

    def _open_dump(self) -> TextIO:
        file = self.options.dump_to
        assert file is not None
        try:
            return self._files.enter_context(file.open("w", encoding="utf-8"))
        except OSError as error:
            raise TmeError(f"cannot write the dump '{file}': {error.strerror}") from None

    def _observers(self) -> None:
        options = self.options
        observers: list[Observer] = []
        single = PER_INSTRUCTION if self.cpu.jit is not None else PER_INSTRUCTION | {"in_asm"}
        if options.debug & single:
            observers.append(Instructions(self.cpu, options.debug & single, self.log, self.in_range))
        if options.trace is not None:
            writer = TraceWriter(options.trace)
            self._files.callback(writer.close)
            observers.append(Tracer(self.cpu, writer, self.in_range))
        if observers:
            self.cpu.observe(Observers(observers) if len(observers) > 1 else observers[0])

    def _perf_map(self) -> None:
        if not self.options.perf_map:
            return
        if self.cpu.native is None:
            raise TmeError("--perf-map names host code; --concrete has none")
        self._files.callback(PerfMap(self.cpu.native, self.cpu.jit).close)

    def stats(self) -> dict[str, Any]:
        """Seconds by stage, as far as the processor knows."""
        found: dict[str, Any] = {"devices": self._devices.seconds if self._devices else 0.0}
        jit = self.cpu.jit
        if jit is not None:
            found |= {
                "translate": jit.inline_seconds,
                "translate in workers": jit.pool.seconds,
                "link": jit.link_seconds,
            }
        return found

    def where(self) -> list[Row] | str:
        """The processor seconds of this process by region; only with --stats."""
        return self._where.rows() if self._where is not None else "not known without --stats"

    def poll(self) -> None:
        """Between quanta."""
        if self._where is not None:
            self._where.sort()

    def close(self) -> None:
        """The trace and the other files are complete."""
        if self._where is not None:
            self._where.close()
        self._files.close()
