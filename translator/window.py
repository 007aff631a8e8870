"""Guest memory as whoever looks at a machine from outside sees it: a run of bytes over pages and memories."""

from __future__ import annotations

from translator.memory import GuestMemory, Range


class Window:
    """`length` bytes of plain memory at `address`; LookupError where there is none.

    fc: function code of a virtual address, None for a physical one. Protection does not count, and looking
    leaves no trace in the MMU. Device registers are no memory.
    """

    def __init__(self, memory: GuestMemory, address: int, length: int, fc: int | None) -> None:
        self.memory = memory
        self.pieces: list[tuple[Range, int, int]] = []
        """(memory, offset, bytes), in the order of the addresses."""
        page = 1 << memory.mmu.page_bits
        at, end = address, address + length
        while at < end:
            hit = memory.find(at) if fc is None else memory.host_of(at & 0xFFFFFFFF, fc)
            if hit is None:
                kind = "physical" if fc is None else "virtual"
                raise LookupError(f"there is no memory at {kind} address {at:#x}")
            inside, offset = hit
            count = min(end - at, page - at % page, inside.size - offset)
            self.pieces.append((inside, offset, count))
            at += count

    def read(self) -> bytes:
        """The bytes as they are now."""
        return b"".join(bytes(r.bytes[offset : offset + count]) for r, offset, count in self.pieces)

    def write(self, data: bytes) -> None:
        """Replace the bytes; code compiled from them is dropped. LookupError for read-only memory."""
        for inside, _, _ in self.pieces:
            if not inside.writable:
                raise LookupError(f"the memory at physical address {inside.base:#x} is read-only")
        at = 0
        for inside, offset, count in self.pieces:
            self.memory.wrote(inside.base + offset, count)
            memoryview(inside.bytes).cast("B")[offset : offset + count] = data[at : at + count]
            at += count
