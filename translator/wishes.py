"""Hot places that wait for a translation.

    heat += each time it is heard of;  the hottest is served first
    every so often all heats are halved, and what has none is forgotten: it will be heard of again

So the list is bounded, what is hot now comes before what was hot once, and what never gets hot again is not
done at all.
"""

from __future__ import annotations

AGE = 1024  # wishes heard until heats are halved; the list is never longer than twice that


class Wishes:
    """Jump-cache keys and how badly they are wanted."""

    def __init__(self) -> None:
        self.heat: dict[int, int] = {}
        self._heard = 0

    def __len__(self) -> int:
        return len(self.heat)

    def __contains__(self, key: int) -> bool:
        return key in self.heat

    def add(self, key: int, heat: int = 1) -> None:
        """`key` is hot (again)."""
        self.heat[key] = self.heat.get(key, 0) + heat
        self._heard += 1
        if self._heard >= AGE:
            self._heard = 0
            self.heat = {k: h >> 1 for k, h in self.heat.items() if h > 1}

    def take(self, key: int) -> int:
        """Its heat; the wish is no longer on the list."""
        return self.heat.pop(key)

    def hottest(self, context: int) -> list[int]:
        """Those of a context (the key's upper half), hottest first."""
        return sorted((k for k in self.heat if k >> 32 == context), key=self.heat.__getitem__, reverse=True)
