"""Instructions at a page's end: which of them touch the next page, and when.

Processors prefetch: an instruction's words have been read before its operands are (the 68000 and 68010 hold
two words; 68020 UM 8.1). So an instruction that extends into the next page touches that page first, even if
it then ends in an exception, and no other does: touching leaves marks in the MMU. A page that refuses is
heard of only when its word is wanted (68020 UM 6.1.2).

The concrete engine asks `extends`. Native code knows most instructions' lengths by their first word; to
know all would take a second decoder. So the concrete engine does the others once, and what they consumed is
remembered.

    refetch ─► length by first word? ─ 0 ─► state.edges: the same bytes here? ─► reaches over, or not
                                                  │ no
                                                  └─► Reason.EDGE ─► concrete, learn
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .isa import Model
from .spec.insn import Fields, Insn
from .spec.value import Val
from .state import EDGE_BYTES, EDGE_PAGES, EDGE_SLOTS
from .trace import Trace

if TYPE_CHECKING:
    from .cpu import Cpu


class _Behind(Exception):
    """The instruction has words behind those that are there."""


class _Words(Trace):
    """An instruction of which only the words count; `words` are those that there are."""

    def __init__(self, model: Model, words: bytes) -> None:
        super().__init__(model)
        self._words = words
        self.begin()

    def _number(self, at: int, size: int) -> int:
        if at + size > len(self._words):
            raise _Behind
        return int.from_bytes(self._words[at : at + size], "big" if self.m.isa.big_endian else "little")

    def field(self, lo: int, width: int) -> Val:
        return Val(self, width, self._number(0, self.m.isa.word) >> lo & ((1 << width) - 1))

    def fetch(self, size: int = 2) -> Val:
        at = self.at.known
        assert at is not None, "the words so far say where the next one is"
        value = self._number(at, size)
        self.advance(size)
        return Val(self, size * 8, value)

    def call(self, routine: Callable[..., Any], *args: Val) -> Any:
        return routine(self, *args)


def extends(model: Model, insn: Insn, known: Mapping[str, int], words: bytes) -> bool:
    """Whether an instruction that begins with these words, all that are on its page, has more."""
    trace = _Words(model, words)
    try:
        insn.fn(trace, Fields(trace, insn.pattern, known))
    except _Behind:
        return True
    return False


def slot(page: int, room: int) -> int:
    """Where an instruction `room` bytes before its page ends is looked for (dispatch.refetch likewise)."""
    return (page & EDGE_PAGES - 1) * EDGE_SLOTS + (room >> 1)


def end_of_page(cpu: Cpu, pc: int) -> bytes | None:
    """What is on its page of an instruction at pc that might extend into the next one."""
    isa = cpu.model.isa
    room = -pc & (1 << cpu.mmu.page_bits) - 1
    if not 0 < room < isa.longest:
        return None
    here = cpu.memory.peek(pc, room, isa.fcs(int(cpu.state.mode), "program"))
    return None if here is None else here.to_bytes(room, "big" if isa.big_endian else "little")


class Edges:
    """What the concrete engine does for native code, and what is learnt from it."""

    def __init__(self, cpu: Cpu) -> None:
        self.cpu = cpu
        longest = cpu.model.isa.longest
        assert longest <= EDGE_BYTES
        assert longest >> 1 < EDGE_SLOTS

    def instruction(self) -> None:
        """Execute the instruction at state.pc."""
        cpu = self.cpu
        pc, here = int(cpu.state.pc), end_of_page(cpu, int(cpu.state.pc))
        cpu.concrete.instruction()
        length = cpu.concrete.length
        if here is None or length is None:
            return
        room = len(here)
        known = cpu.state.edges[slot(pc >> cpu.mmu.page_bits, room)]
        known.bytes = list(here.ljust(EDGE_BYTES, b"\0"))
        known.room, known.reaches = room, int(length > room)
