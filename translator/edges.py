"""Instructions at a page's end whose first word does not tell how long they are.

Only an instruction that extends into the next page may touch it: that leaves marks in the MMU, and may be
refused.  Whether it does follows from its bytes on this page, but to say so natively would take a second
decoder.  So the concrete engine does such an instruction once, and what it consumed is remembered.

    refetch ─► length by first word? ─ 0 ─► state.edges: the same bytes here? ─► reaches over, or not
                                                  │ no
                                                  └─► Reason.EDGE ─► concrete, learn
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .state import EDGE_BYTES, EDGE_PAGES, EDGE_SLOTS

if TYPE_CHECKING:
    from .cpu import Cpu


def slot(page: int, room: int) -> int:
    """Where an instruction `room` bytes before its page ends is looked for (dispatch.refetch likewise)."""
    return (page & EDGE_PAGES - 1) * EDGE_SLOTS + (room >> 1)


class Edges:
    """What the concrete engine does for native code, and what is learnt from it."""

    def __init__(self, cpu: Cpu) -> None:
        self.cpu = cpu
        self.longest = cpu.model.isa.longest
        assert self.longest <= EDGE_BYTES
        assert self.longest >> 1 < EDGE_SLOTS

    def instruction(self) -> None:
        """Execute the instruction at state.pc."""
        cpu = self.cpu
        pc, bits = int(cpu.state.pc), cpu.mmu.page_bits
        room = -pc & (1 << bits) - 1
        fc = cpu.model.isa.fcs(int(cpu.state.mode), "program")
        here = cpu.memory.peek(pc, room, fc) if 0 < room < self.longest else None
        cpu.concrete.instruction()
        length = cpu.concrete.length
        if here is None or length is None:
            return
        known = cpu.state.edges[slot(pc >> bits, room)]
        whole = here.to_bytes(room, "big" if cpu.model.isa.big_endian else "little")
        known.bytes = list(whole.ljust(EDGE_BYTES, b"\0"))
        known.room, known.reaches = room, int(length > room)
