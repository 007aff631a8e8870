"""Results of the host's arithmetic in a region that nobody has looked at yet.

They are looked at together: several doubles in one vector, one branch.  Until then the region goes on with
them; what it does in the meantime is done again by the interpreter if one of them turns out not to be the
guest's, from the first of them on.  So they are looked at before a store, before the region is left (in a
side exit: out of the way), and before a tree's root.  A sum that an operation here depends on needs no look:
if it is no number, neither is the other's result.
"""

from __future__ import annotations

from typing import Any

from .llvm.emit import UNLIKELY
from .llvm.sse import LANES, Sse


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


class Doubting(Sse):
    """Arithmetic of the host in a region; the sub-class knows the path and its side exits."""

    _path: Any
    _sources: tuple[str, str]

    def _side_exit(self, path: Any, why: str) -> str:
        raise NotImplementedError

    def _guard(self, hit: str, why: str) -> None:
        raise NotImplementedError

    def op_host(self, u: Any) -> None:
        name, a, b = u.args
        self._sources = self.text(a), self.text(b)
        good = self.operation(name, self.text(a), self.text(b), f"%t{u.n}")
        if good != "true":
            self._guard(good, "float")

    def judge(self, v: str, w: int, result: str, tiny: bool) -> str:
        if w != 64:
            return super().judge(v, w, result, tiny)
        path = self._path
        if path.doubts.full:
            self._look(path)
        path.doubts.add(result, v, tiny, self._sources, self._side_exit(path, "float"))
        return "true"

    def _look(self, path: Any) -> None:
        """At the results of the host's arithmetic so far, once and for all."""
        if path.doubts.lanes:
            self._look_or_leave(path)
            path.doubts = Doubts()

    def _look_or_leave(self, path: Any) -> None:
        self.n += 1
        odd = self.some_odd(list(path.doubts.lanes.values()))
        self.cond(odd, path.doubts.exit, f"sound{self.n}", UNLIKELY)
        self.block(f"sound{self.n}")
