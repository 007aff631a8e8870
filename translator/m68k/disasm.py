"""Disassembly."""

from __future__ import annotations

from typing import Callable


def disassemble(fetch: Callable[[int, int], int], pc: int, model: str) -> tuple[str, int]:
    """Text and length of the instruction at pc."""
    return f"dc.w ${fetch(pc, 2):04x}", 2
