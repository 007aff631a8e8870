"""Hot places that wait for a translation.

    heat += each time it is heard of;  the hottest is served first
    every so often all heats are halved, and what has none is forgotten: it will be heard of again

So the list is bounded, what is hot now comes before what was hot once, and what never gets hot again is not
done at all.
"""

from __future__ import annotations

import heapq

LINE = 32  # hottest wishes that are known in order; looking for them takes a look at all
AGE = 1024  # wishes heard until heats are halved; the list is never longer than twice that


class Wishes:
    """Jump-cache keys and how badly they are wanted."""

    def __init__(self) -> None:
        self.heat: dict[int, int] = {}
        self.since: dict[int, int] = {}  # when each was first heard of, as the caller counts time
        self._heard = 0
        self._line: list[int] = []  # coldest first

    def __len__(self) -> int:
        return len(self.heat)

    def __contains__(self, key: int) -> bool:
        return key in self.heat

    def add(self, key: int, heat: int = 1, now: int = 0) -> None:
        """`key` is hot (again)."""
        if key in self.heat:
            self.heat[key] += heat
        else:
            self.heat[key], self.since[key] = heat, now
        self._heard += 1
        if self._heard >= AGE:
            self._heard = 0
            self.heat = {k: h >> 1 for k, h in self.heat.items() if h > 1}
            self.since = {k: self.since[k] for k in self.heat}

    def take(self, key: int) -> tuple[int, int]:
        """Its heat, and since when; the wish is no longer on the list."""
        return self.heat.pop(key), self.since.pop(key)

    def hottest(self, context: int, count: int) -> list[int]:
        """The hottest `count` of a context (the key's upper half), hottest first."""
        own = (k for k in self.heat if k >> 32 == context)
        return heapq.nlargest(count, own, key=self.heat.__getitem__)

    def next(self, context: int) -> int | None:
        """One of the hottest of a context, None if there is none."""
        for again in (True, False):
            while self._line:
                key = self._line.pop()
                if key in self.heat and key >> 32 == context:
                    return key
            if again:
                self._line = self.hottest(context, LINE)[::-1]
        return None
