"""Where a jump by a register is likely to lead: to the constant that was put into it.

    on the way from the region's entry     the last instruction that writes the register
    above the entry                        the nearest instruction with the trait "address" that writes it

It is a guess, with which the region compares the register: others are left for the jump cache.
"""

from __future__ import annotations

from typing import Any

from .spec.value import FOLD, Uop, Val
from .steps import OutOfSight, Step, Steps

REACH = 1024  # bytes above the entry
DEEP = 8  # operations behind a value

Slot = tuple[str, int]


class Guesses:
    """What registers hold in the instructions of a region, each known by a key, if that is constant."""

    def __init__(self, steps: Steps, entry: int) -> None:
        self.steps: dict[Any, Step] = {}
        self._all, self._entry = steps, entry
        self._before: dict[Any, Any] = {}
        self._above: dict[Slot, tuple[int, Step]] | None = None
        self.used: set[tuple[int, int]] = set()  # address and length of what guesses rest on above the entry

    def came(self, key: Any, before: Any) -> None:
        """The instruction that led to another one first."""
        self._before.setdefault(key, before)

    def value(self, v: Val, at: Any, deep: int = DEEP) -> int | None:
        """What a value of the instruction `at` is likely to be."""
        u = v.x
        if isinstance(u, int):
            return u
        if not deep:
            return None
        if u.op == "get":
            return self._register((u.args[0].name, u.args[1].x), at, deep - 1)
        if u.op not in FOLD or u.w != 32:
            return None
        a, b = (self.value(x, at, deep - 1) for x in u.args)
        return None if a is None or b is None else FOLD[u.op](a, b, u.w) & (1 << u.w) - 1

    def _register(self, slot: Slot, at: Any, deep: int) -> int | None:
        seen = set()
        while (at := self._before.get(at)) is not None and at not in seen:
            seen.add(at)
            u = _write(self.steps[at], slot)
            if u is not None:
                return self.value(u.args[2], at, deep)
        if self._above is None:
            self._above = self._look_above()
        if slot not in self._above:
            return None
        value, step = self._above[slot]
        self.used.add((step.address, step.length))
        return value

    def _look_above(self) -> dict[Slot, tuple[int, Step]]:
        """Nearest first; bytes that cannot be seen are no reason to stop: a region is found again in its."""
        found: dict[Slot, tuple[int, Step]] = {}
        word = self._all.word
        for address in range(self._entry - word, max(self._entry - REACH, 0) - 1, -word):
            try:
                step = self._all.at(address) if "address" in self._all.traits(address) else None
            except OutOfSight:
                continue
            if step is not None:
                for u in step.ops:
                    if u.op == "set" and u.args[2].known is not None:
                        found.setdefault((u.args[0].name, u.args[1].x), (u.args[2].known, step))
        return found


def _write(step: Step, slot: Slot) -> Uop | None:
    """The last write of a register in an instruction."""
    return next(
        (u for u in reversed(step.ops) if u.op == "set" and (u.args[0].name, u.args[1].x) == slot), None
    )
