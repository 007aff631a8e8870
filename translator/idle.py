"""Loops in which a processor waits: a round of them changes nothing.

A SPARC has no STOP; its operating systems load a flag and branch until an interrupt's handler has set it.
When a round leaves every register as it was, stores nothing and does no more to devices than a read that is
steady (memory.Io), then all rounds do, up to the next event, and need not be executed: they are counted.

    look: near the place where it was last? ─► a round or two, alone, in the concrete engine ─► length
    skip: that many instructions, in whole rounds

The instructions of a look are the guest's own and count. So the state is at every instruction what it is
without looks. The marks of used pages in an MMU are set in the first round, if they were not before.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from .state import Reason

if TYPE_CHECKING:
    from .cpu import Cpu

STEPS = 32
"""Instructions that a look takes at most: two rounds, for the first may begin with other condition codes."""
NEAR = 64
"""Bytes around the place of the last look in which a loop has to be found."""
LONGEST_PAUSE = 1024
"""Looks that are left out after vain ones: an instruction of the concrete engine takes 30 us of the host, so
a look costs up to half a quantum."""


class Idle:
    """Is the processor in such a loop? Asked between two quanta."""

    def __init__(self, cpu: Cpu) -> None:
        self.cpu = cpu
        self.skipped = 0
        """Instructions that were only counted."""
        self.length = 0
        """Instructions of a round; 0 if the processor was in no such loop at the last look."""
        self._pc = self._home = -NEAR  # where it was when it was last asked for, and last waited
        self._pause, self._left = 1, 0  # after the next vain look, now
        layout = cpu.model.isa.layout
        first = layout.offset(next(iter(layout.regs)))
        self._registers = cpu.address + first, layout.size - first

    def look(self, budget: int) -> bool:
        """Whether all that the processor does is to wait; executes up to `budget` instructions to see it."""
        pc, last = int(self.cpu.state.pc), (self._pc, self._home)
        self._pc, self.length = pc, 0
        if self._left:
            self._left -= 1
            return False
        if budget <= STEPS or all(abs(pc - at) > NEAR for at in last):
            return False
        self.length = self._round()
        if self.length:
            self._pause, self._home = 1, pc
        else:
            self._left, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        return self.length > 0

    def skip(self, count: int) -> int:
        """Let up to `count` instructions have been executed, after a look that found a loop; how many."""
        done = count // self.length * self.length
        self.cpu.executed += done
        self.skipped += done
        return done

    def _snapshot(self) -> tuple[bytes, int, int, int]:
        """All that tells a processor at one instruction from the same at another."""
        s = self.cpu.state
        return ctypes.string_at(*self._registers), int(s.pc), int(s.mode), int(s.mmu_context)

    def _round(self) -> int:
        """Instructions from the present one to where all is the same again; 0 if they are many, or more."""
        start, length = self._snapshot(), 0
        for _ in range(STEPS):
            if not self._step():
                return 0
            length += 1
            if self.cpu.state.pc == start[1]:
                now = self._snapshot()
                if now == start:
                    return length
                start, length = now, 0
        return 0

    def _step(self) -> bool:
        """One instruction, in the concrete engine; whether it has changed nothing but registers. With
        something in front of it, or under somebody's eyes, it is not executed."""
        cpu = self.cpu
        isa, s, memory = cpu.model.isa, cpu.state, cpu.memory
        if cpu.observer is not None or memory.on_write is not None or cpu.stopped or cpu.halted:
            return False
        if s.redo or isa.tracing(s) or isa.pending(s) is not None:
            return False
        native, cpu.native, memory.quiet = cpu.native, None, True
        try:
            done = cpu.run(1)
        finally:
            cpu.native = native
        if native is not None:
            cpu.edges += done
        whole = cpu.concrete.length is not None  # it did not end in an exception
        return whole and memory.quiet and cpu.reason in (Reason.BUDGET, Reason.RECHECK)
