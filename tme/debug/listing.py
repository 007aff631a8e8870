"""Guest code as people read it: bytes and disassembly at an address, read without a trace in the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from translator.cpu import Cpu


class Unreadable(Exception):
    """No plain memory behind an address."""


class Listing:
    """Disassembly of what a processor would execute now."""

    def __init__(self, cpu: Cpu) -> None:
        self.cpu = cpu
        self._isa = cpu.model.isa
        self._known: dict[tuple[int, int], tuple[int, int, str]] = {}  # (pc, mode) -> length, code, text

    def at(self, pc: int) -> tuple[str, str]:
        """(bytes in hexadecimal, text) of the instruction at `pc` in the present privilege mode."""
        mode = int(self.cpu.state.mode)
        fc = self._isa.fcs(mode, "program")
        known = self._known.get((pc, mode))
        if known is None or self.cpu.memory.peek(pc, known[0], fc) != known[1]:

            def fetch(address: int, size: int) -> int:
                value = self.cpu.memory.peek(address, size, fc)
                if value is None:
                    raise Unreadable
                return value

            try:
                text, length = self._isa.disassemble(fetch, pc, self.cpu.model.name)
                known = self._known[pc, mode] = length, fetch(pc, length), text
            except Unreadable:
                return "-", "cannot be read"
        length, code, text = known
        return code.to_bytes(length, "big" if self._isa.big_endian else "little").hex(), text

    def line(self, pc: int) -> str:
        """`at` on one line."""
        code, text = self.at(pc)
        return f"{pc:08x} {code:20} {text}"
