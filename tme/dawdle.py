"""A guest that does nothing but look for input: a PROM's prompt polls its serial chip for ever.

Devices report every look that found nothing. If there was one in every few instructions for so long that it
is no PROM's time-out, a machine that could get some sleeps between short slices; a key press wakes it at
once.
"""

from __future__ import annotations

from collections.abc import Callable

RARE = 100
"""Instructions between two looks from which the guest does something else, too."""
PATIENCE = {"icount": 15.0, "host": 2.0}
"""Host seconds of nothing but looks before the machine naps, by its clock; PROMs give their users ten. By the
host's clock they pass meanwhile, and only what counts its looks is held up."""
NAP, LONGEST = 0.02, 0.05
"""Host seconds of a nap, if no event comes first; it gets longer when that has gone on for a while."""


class Dawdle:
    """Told of looks, and asked between slices whether the guest dawdles."""

    def __init__(self, clock: str = "icount") -> None:
        self.clock = clock
        self.looks = 0
        self.answered: Callable[[], int] = lambda: 0
        """Looks that found what they had found before, at devices that were not asked again."""
        self._looks = self._insns = 0
        self._since: float | None = None  # host time from which there was nothing else

    def look(self) -> None:
        """The guest has asked a device for input of the host's, and there is none."""
        self.looks += 1

    def nap(self, insns: int, now: float) -> float:
        """How long the machine may sleep, after so many instructions, at this host time."""
        all_looks = self.looks + self.answered()
        looks, done = all_looks - self._looks, insns - self._insns
        self._looks, self._insns = all_looks, insns
        if done > looks * RARE:
            self._since = None
        elif self._since is None:
            self._since = now
        waited = 0.0 if self._since is None else now - self._since - PATIENCE[self.clock]
        return min(max(NAP, waited / 20), LONGEST) if waited > 0 else 0.0
