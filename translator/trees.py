"""Trees of a region: where registers are merged, and where the budget is looked at.

head    the entry, and where a loop closes: in front of it the budget is checked for the longest way from
        there to the next heads
root    a head, or a block with several predecessors: changed registers come from stack slots there
"""

from __future__ import annotations

from collections.abc import Callable

from .region import Block, Key, Region


class Trees:
    """Roots and heads of a region; `below(block)` are its successors, one for each edge."""

    def __init__(self, region: Region, below: Callable[[Block], list[Key]]) -> None:
        self._blocks, self._below = region.blocks, below
        edges = [to for b in region.blocks.values() for to in below(b)]
        self.heads = {Key(region.entry)} | self._closing(Key(region.entry))
        self.roots = self.heads | {k for k in edges if edges.count(k) > 1}
        self._longest: dict[Key, int] = {}

    def _closing(self, entry: Key) -> set[Key]:
        """Where loops close: blocks that are reached from what they lead to."""
        heads: set[Key] = set()
        done = {entry: False}  # or on the way
        stack = [(entry, iter(self._below(self._blocks[entry])))]
        while stack:
            key, ways = stack[-1]
            for to in ways:
                if to not in done:
                    done[to] = False
                    stack.append((to, iter(self._below(self._blocks[to]))))
                    break
                if not done[to]:
                    heads.add(to)
            else:
                done[key] = True
                stack.pop()
        return heads

    def longest(self, key: Key) -> int:
        """Instructions on the longest way from a block to the next heads."""
        if key not in self._longest:
            block = self._blocks[key]
            behind = max((self.longest(k) for k in self._below(block) if k not in self.heads), default=0)
            self._longest[key] = sum(s.count for s in block.steps) + behind
        return self._longest[key]
