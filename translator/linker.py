"""Objects to addresses: in the arena if that can be, by LLVM's linker if not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from .arena import Arena
from .image import join

LIBC = ("memcpy", "memset", "memmove")  # what LLVM calls without being told to


class Linked(Protocol):
    """Host code in place, as long as this is kept."""

    addresses: dict[str, int]


class Linker:
    """Links objects into this process."""

    def __init__(self) -> None:
        self.arena = Arena()
        self._llvm: Any = None

    def link(self, objects: Sequence[bytes], exports: Sequence[str]) -> Linked:
        """Put objects that know each other by name in place; `exports` are found in `addresses`."""
        image = join(objects, LIBC) if self.arena.code else None
        piece = self.arena.put(image) if image is not None else None
        if piece is not None:
            return piece
        if self._llvm is None:
            from .llvm import build

            self._llvm = build.Linker()
        linked: Linked = self._llvm.link(objects, exports)
        return linked
