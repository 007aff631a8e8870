"""The concrete engine at work for a Cpu: single instructions and routines, exceptions included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .edges import end_of_page, extends
from .softmmu import EXECUTE
from .spec.concrete import AccessFault, Concrete, Goto
from .spec.insn import Fields, Insn
from .state import Reason

if TYPE_CHECKING:
    from .cpu import Cpu


class ConcreteCpu(Concrete):
    """The specification executed on a CPU's state."""

    length: int | None = None
    """Bytes of the last instruction, if it came to its end."""

    def __init__(self, cpu: Cpu) -> None:
        self.cpu = cpu
        self.model, self.options = cpu.model.core, cpu.model.options
        super().__init__(cpu.state, cpu.memory, cpu.model.isa.fcs)

    def on_mode(self) -> None:
        self.cpu.mode_changed()

    def instruction(self) -> None:
        """Execute the instruction at state.pc."""
        state, isa = self.cpu.state, self.cpu.model.isa
        pc = int(state.pc)
        self.start(pc)
        self.length = None
        self.word = 0  # what a fault of the fetch itself stacks
        fetching = True
        try:
            word = self.fetch(isa.word).x
            assert isinstance(word, int)
            fetching = False
            hit = self.cpu.model.decoder.decode(word)
            if hit is None:
                self.word = word
                self._routine("illegal", pc)
                return
            insn, known = hit
            self.word = word
            self._ahead(pc, insn, known)
            insn.fn(self, Fields(self, insn.pattern, known))
            self.commit()
        except Goto as g:
            self._routine(g.routine, pc)
            return
        except AccessFault as f:
            self._fault(
                f, fetching or (f.fc in (isa.fcs(0, "program"), isa.fcs(1, "program")) and self._was_fetch(f))
            )
            self._routine("fault", pc)
            return
        self.length = self._at - pc
        self._done()

    def _ahead(self, pc: int, insn: Insn, known: Mapping[str, int]) -> None:
        """Touch the next page if the instruction extends into it (see `edges`)."""
        here = end_of_page(self.cpu, pc)
        if here is not None and extends(self.cpu.model, insn, known, here):
            fc = self.cpu.model.isa.fcs(int(self.cpu.state.mode), "program")
            self.cpu.memory.translate((pc + len(here)) & 0xFFFFFFFF, fc, EXECUTE)

    def _was_fetch(self, f: AccessFault) -> bool:
        """A program-space access of the instruction stream (not a pc-relative operand)."""
        return self.fetching

    def fetch(self, size: int = 2) -> Any:
        self.fetching = True
        value = super().fetch(size)
        self.fetching = False
        return value

    def routine(self, name: str) -> None:
        """Run a routine between instructions."""
        self.word = 0
        self._routine(name, int(self.cpu.state.pc))

    def _routine(self, name: str, pc: int) -> None:
        self.start(pc)
        try:
            self.cpu.model.isa.routines[name](self)
            self.commit()
        except Goto as g:
            self._routine(g.routine, pc)
            return
        except AccessFault as f:
            self._fault(f, False)
            if name in self.cpu.model.isa.resumable:
                self.cpu.state.fault_routine = list(self.cpu.model.isa.routines).index(name) + 1
            self._routine("double_fault" if name in ("fault", "double_fault") else "fault", pc)
            return
        if not self._done() and self.cpu.state.watch:
            self.cpu.state.routine = list(self.cpu.model.isa.routines).index(name)
            self.cpu.reason = Reason.ROUTINE

    def _done(self) -> bool:
        """Go to the next instruction; whether the one that is done leaves the run loop."""
        next_ = self.next
        if next_ is None:
            self.cpu.state.pc = self.next_pc.x
        else:
            self.cpu.state.pc = next_[1].x
        leaves = self.leaving is not None and bool(self.leaving[0].x)
        if self.leaving is not None and leaves:
            self.cpu.reason = Reason(self.leaving[1])
        return leaves

    def _fault(self, f: AccessFault, fetch: bool) -> None:
        s = self.cpu.state
        s.fault_va, s.fault_fc, s.fault_size, s.fault_write = f.va, f.fc, f.size, int(f.write)
        s.fault_data, s.fault_misaligned, s.fault_fetch = f.data, int(f.misaligned), int(fetch)
