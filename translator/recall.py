"""What guest memory holds, as far as it is known at a place in a region, and which addresses are straight.

An address is a value of the region (the base) and a displacement.  Two addresses with one base are the same
or not; with two bases they may be the same: a store makes us forget what was reached from another base.  What
has been loaded or stored through a window is plain memory: nobody but the region changes it, and what can be
stored to can be loaded from.
"""

from __future__ import annotations

from typing import Any

Base = Any  # compared by identity; None: the displacement is the address


class Memory:
    """Grows and shrinks along a path; a branch has its own copy."""

    def __init__(self) -> None:
        self._held: dict[tuple[Base, int, int], Any] = {}  # base, displacement, bytes -> value
        self._straight: set[tuple[Base, int, int]] = set()  # base, low bits of the displacement, their mask

    def copy(self) -> Memory:
        """For one side of a branch."""
        new = Memory()
        new._held, new._straight = dict(self._held), set(self._straight)
        return new

    def meet(self, other: Memory, before: Memory) -> None:
        """Behind a branch: what was known before it and still is on both sides."""
        self._straight = before._straight
        self._held = {
            k: v for k, v in before._held.items() if self._held.get(k) is v and other._held.get(k) is v
        }

    def loaded(self, base: Base, at: int, size: int, value: Any) -> None:
        self._held[base, at, size] = value

    def stored(self, base: Base, at: int, size: int, value: Any) -> None:
        """value None: perhaps not to memory."""
        self._held = {
            (b, a, n): v
            for (b, a, n), v in self._held.items()
            if b is base and (a + n <= at or at + size <= a)
        }
        if value is not None:
            self._held[base, at, size] = value

    def find(self, base: Base, at: int, size: int) -> tuple[Any, int, int] | None:
        """(value, bytes in front of the wanted ones, bytes of the value)"""
        whole = self._held.get((base, at, size))
        if whole is not None:
            return whole, 0, size
        for (b, a, n), v in self._held.items():
            if b is base and a <= at and at + size <= a + n:
                return v, at - a, n
        return None

    def straighten(self, base: Base, at: int, mask: int) -> bool:
        """Whether the low bits of base + at are known to be 0; from now on they are."""
        known = (base, at & mask, mask) in self._straight
        if not known:
            for m in (1, 3, 7):
                if m <= mask:
                    self._straight.add((base, at & m, m))
        return known
