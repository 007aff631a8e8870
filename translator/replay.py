"""Restarted instructions: a device sees each of their cycles once.

A faulted instruction is started again from its beginning.  That it uses plain memory twice, nobody sees; what
it has done to devices before the fault is logged, and the frame of the exception carries the log:

    device cycle ─► Replay ─► state.log_ ─► fault: into the frame's internal words
    RTE ─► state.redo_, fix_ ─► the next instruction, alone, in the concrete engine: cycles come from the log

The log: values read from devices lie from the front, in the order of the cycles; a cycle that software has
completed in the processor's stead (a *fix*) is a record at the back: kind and size, address, value.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal

from .isa import Model

if TYPE_CHECKING:
    from .memory import Io

FULL = 0xFFFF_FFFF  # log_used of a log that has ended before its instruction
NOBODY = 0xFFFF_FFFF_FFFF_FFFF  # log_budget that no instruction has
COUNT_BITS = 6  # of log_count: cycles; above them the number of fixes
FIX = struct.Struct(">BBII")


class Kind(IntEnum):
    """What a completed cycle was; the numbers stand in state.fix_kind."""

    NONE = 0
    READ = 1
    WRITE = 2
    FETCH = 3


@dataclass
class Fix:
    """A cycle that software has completed: `size` bytes at va; for reads and fetches what they found."""

    kind: int
    va: int
    size: int
    data: int

    def covers(self, kind: int, va: int) -> bool:
        return kind == self.kind and (va - self.va) & 0xFFFF_FFFF < self.size

    def byte(self, va: int, big: bool) -> int:
        k = (va - self.va) & 0xFFFF_FFFF
        return self.data >> 8 * (self.size - 1 - k if big else k) & 0xFF


class Replay:
    """The device cycles of instructions: those that a restarted one has done already are not done again."""

    def __init__(self, model: Model, state: Any, address: int) -> None:
        self.state = state
        self.order: Literal["big", "little"] = "big" if model.isa.big_endian else "little"
        self.room = model.log_bytes
        data, offset = ctypes.c_uint8 * self.room, model.isa.layout.offset
        self._log = memoryview(data.from_address(address + offset("log_data"))).cast("B")
        self._old = memoryview(data.from_address(address + offset("redo_data"))).cast("B")
        self.fixes: list[Fix] = []
        self.paused = False  # what is done now belongs to no instruction
        self._left = self._at = 0  # cycles of the old log that are still to come, where their data are

    def read(self, io: Io, phys: int, va: int, size: int, fc: int) -> int:
        if self._left:
            self._left -= 1
            value = int.from_bytes(self._old[self._at : self._at + size], self.order)
            self._at = self.state.log_used = self._at + size
            return value
        value = io.read(phys, va, size, fc)
        self._note(size, value)
        return value

    def write(self, io: Io, phys: int, va: int, size: int, value: int, fc: int) -> None:
        if self._left:
            self._left -= 1
            return
        io.write(phys, va, size, value, fc)
        self._note(0, 0)

    def _note(self, size: int, value: int) -> None:
        s = self.state
        budget = s.budget
        if s.log_budget != budget:  # the first cycle of an instruction, mostly its only one
            if self.paused or not self.room:  # no room: a processor that cannot restart
                return
            self._log[:size] = value.to_bytes(size, self.order)
            s.log_budget, s.log_count = budget, 1
            s.log_used = size
            return
        used = s.log_used
        if used == FULL or self.paused:
            return
        count = s.log_count
        end = used + size
        if end > self.room - FIX.size * (count >> COUNT_BITS) or (count + 1) & (1 << COUNT_BITS) - 1 == 0:
            s.log_used = FULL  # the cycles from here on are repeated
            return
        self._log[used:end] = value.to_bytes(size, self.order)
        s.log_used = end
        s.log_count = count + 1

    # -- one instruction -------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Other instructions begin."""
        self.state.log_budget = NOBODY

    def restart(self) -> None:
        """The next instruction is the one whose log RTE has put into state.redo_ and fix_.

        All of it is in the new log from the start: the next fault may come before it is used up.
        """
        s = self.state
        count = int(s.redo_count)
        self._left, self._at = count & (1 << COUNT_BITS) - 1, 0
        self.fixes = []
        for k in range(count >> COUNT_BITS & 15):
            record = self._old[max(self.room - FIX.size * (k + 1), 0) :][: FIX.size]
            kind, size, va, data = FIX.unpack(record) if len(record) == FIX.size else (0, 0, 0, 0)
            self.fixes.append(Fix(kind, va, size, data))
        if s.fix_kind:
            self.fixes.append(Fix(s.fix_kind, s.fix_va, s.fix_size, s.fix_data & 0xFFFF_FFFF))
        self._log[:] = self._old
        fixes = self.fixes[-(self.room // FIX.size) :]
        for k, fix in enumerate(fixes):
            at = self.room - FIX.size * (k + 1)
            self._log[at : at + FIX.size] = FIX.pack(fix.kind, fix.size & 0xFF, fix.va, fix.data)
        s.log_budget, s.log_count = s.budget, len(fixes) << COUNT_BITS | self._left
        s.log_used = 0

    def reset(self) -> None:
        """As after power-up: frames carry what is left of older logs too, the same each time."""
        self.done()
        self.forget()
        self._log[:] = self._old[:] = bytes(self.room)
        self.state.log_count = self.state.redo_count = 0

    def done(self) -> None:
        """The restarted instruction has ended, or has faulted again."""
        self.state.redo = self.state.fix_kind = 0
        self.fixes, self._left = [], 0

    def fixed(
        self, kind: int, va: int, size: int, value: int, cycle: Callable[[int, int, int], int]
    ) -> int | None:
        """An access parts of which software has completed: the other parts by `cycle(va, size, value)`.

        None if it has completed nothing of it.
        """
        fixes = [next((f for f in self.fixes if f.covers(kind, va + i)), None) for i in range(size)]
        if not any(fixes):
            return None
        out, i, big = 0, 0, self.order == "big"
        while i < size:
            fix, n = fixes[i], 1
            if fix is None and i + 1 < size and fixes[i + 1] is None and not (va + i) & 1:
                n = 2
            shift = 8 * (size - i - n if big else i)
            if fix is not None:
                piece = fix.byte(va + i, big)
            else:
                piece = cycle((va + i) & 0xFFFF_FFFF, n, value >> shift & (1 << 8 * n) - 1)
            out |= piece << shift
            i += n
        return out
