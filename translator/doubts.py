"""Results of the host's arithmetic in a region that nobody has looked at yet.

They are looked at together: several doubles in one vector, one branch.  Until then the region goes on with
them; what it does in the meantime is done again by the interpreter if one of them turns out not to be the
guest's, from the first of them on.  So they are looked at before a store, before the region is left (in a
side exit: out of the way), and before a tree's root.  A sum that an operation here depends on needs no look:
if it is no number, neither is the other's result.
"""

from __future__ import annotations

LANES = 4  # at most so many together


class Doubts:
    """In the order of the operations: result -> (the double, whether it could have underflowed)."""

    def __init__(self) -> None:
        self.lanes: dict[str, tuple[str, bool]] = {}
        self.exit = ""  # label of the side exit in front of the first

    def copy(self) -> Doubts:
        """For one side of a branch."""
        new = Doubts()
        new.lanes, new.exit = dict(self.lanes), self.exit
        return new

    def add(self, result: str, double: str, tiny: bool, operands: tuple[str, ...], exit_: str) -> None:
        self.exit = self.exit if self.lanes else exit_
        for a in operands:
            if a in self.lanes and not self.lanes[a][1]:
                del self.lanes[a]
        self.lanes[result] = double, tiny

    @property
    def full(self) -> bool:
        return len(self.lanes) >= LANES
