"""Time spent in devices, for --stats."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from translator.cpu import Cpu
    from translator.memory import Io


class TimedIo:
    """Stands between a processor and its devices (translator.memory.Io) and holds the watch."""

    def __init__(self, cpu: Cpu) -> None:
        self.io: Io = cpu.io
        self.seconds = 0.0
        cpu.io = cpu.memory.io = self

    def read(self, phys: int, va: int, size: int, fc: int) -> int:
        start = perf_counter()
        try:
            return self.io.read(phys, va, size, fc)
        finally:
            self.seconds += perf_counter() - start

    def steady(self, phys: int, va: int, size: int, fc: int) -> int | None:
        tell = getattr(self.io, "steady", None)
        return None if tell is None else tell(phys, va, size, fc)

    def write(self, phys: int, va: int, size: int, value: int, fc: int) -> None:
        start = perf_counter()
        try:
            self.io.write(phys, va, size, value, fc)
        finally:
            self.seconds += perf_counter() - start
