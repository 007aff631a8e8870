"""Counts of one row, and what is to be said about them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

KEPT = 5  # failures that are shown in full


@dataclass
class Tally:
    """Cases of one oracle and engine: agreed, explained by a table, unexplained.

    `reasons` counts explained cases by reason, `failures` describe unexplained ones with their seeds,
    `in_regions` are instructions that ran in translated regions.
    """

    agreed: int = 0
    explained: int = 0
    unexplained: int = 0
    in_regions: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        return self.agreed + self.explained + self.unexplained

    def explain(self, reason: str) -> None:
        self.explained += 1
        self.reasons[reason] += 1

    def fail(self, text: str) -> None:
        self.unexplained += 1
        if text and len(self.failures) < KEPT:
            self.failures.append(text)

    def add(self, other: Tally) -> None:
        self.agreed += other.agreed
        self.explained += other.explained
        self.unexplained += other.unexplained
        self.in_regions += other.in_regions
        self.reasons += other.reasons
        self.failures = (self.failures + other.failures)[:KEPT]
