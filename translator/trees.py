"""Trees of a region: where registers are merged, and where the budget is looked at.

head    the entry, and where a loop closes: in front of it the budget is checked for the longest way from
        there to the next heads
root    a head, or a block with several predecessors: changed registers come from stack slots there
"""

from __future__ import annotations

from .region import Key, Region, closing, successors


class Trees:
    """Roots and heads of a region."""

    def __init__(self, region: Region) -> None:
        self._blocks = region.blocks
        edges = [to for b in region.blocks.values() for to in successors(region.blocks, b)]
        self.heads = {Key(region.entry)} | closing(region.blocks, Key(region.entry))
        self.roots = self.heads | {k for k in edges if edges.count(k) > 1}
        self._longest: dict[Key, int] = {}

    def longest(self, key: Key) -> int:
        """Instructions on the longest way from a block to the next heads."""
        if key not in self._longest:
            block = self._blocks[key]
            behind = max(
                (self.longest(k) for k in successors(self._blocks, block) if k not in self.heads), default=0
            )
            self._longest[key] = sum(s.count for s in block.steps) + behind
        return self._longest[key]
