"""Writes a trace: every instruction and every store of a processor, whichever engine runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tme.debug.listing import Listing
from tme.debug.tracefile import Step, TraceWriter, runs

if TYPE_CHECKING:
    from translator.cpu import Cpu


class Tracer:
    """An observer (translator.cpu.Observer); `wanted(pc)` selects instructions."""

    def __init__(self, cpu: Cpu, out: TraceWriter, wanted: Callable[[int], bool] = lambda pc: True) -> None:
        self.cpu, self.out, self.wanted = cpu, out, wanted
        self._listing = Listing(cpu)
        self._written: dict[int, int] = {}
        self._registers: dict[str, int] | None = None
        self._pc = 0
        self._at = ("", "")
        cpu.watch_writes(self.wrote)

    def wrote(self, va: int, size: int, value: int) -> None:
        """A store has been done."""
        big = self.cpu.model.isa.big_endian
        for i in range(size):
            self._written[va + i & 0xFFFFFFFF] = value >> 8 * (size - 1 - i if big else i) & 0xFF

    def forget_writes(self) -> None:
        """What was written just now is not the program's."""
        self._written.clear()

    def before(self, routine: str | None) -> None:
        if self._registers is None:
            self._registers = self.cpu.registers()
            self.out.registers(self._registers)
        self._written.clear()
        if routine is None:
            self._pc = int(self.cpu.state.pc)
            self._at = self._listing.at(self._pc)

    def after(self, routine: str | None) -> None:
        now, old = self.cpu.registers(), self._registers
        assert old is not None
        self._registers = now
        if routine is None and not self.wanted(self._pc):
            return
        changes = {name: value for name, value in now.items() if value != old[name] and name != "pc"}
        writes = runs(self._written)
        if routine is None:
            self.out.step(Step(self._pc, *self._at, changes, writes))
        else:
            self.out.step(Step(None, routine, "", changes, writes))
