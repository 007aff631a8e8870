"""Values of a region while it is rendered: each has one definition, which is in the text once it is needed.

A place is where in the text values can still be computed: at the instruction that they come from.
"""

from __future__ import annotations

from typing import Any

from .doubts import Doubts
from .llvm.fast import REACH
from .recall import Memory
from .spec.value import Uop, Val

Slot = tuple[str, int]  # register, index


class Node(Uop):
    """A uop with the operands of this place in the region; `n` names its value once it is computed.

    cost: uncomputed operations behind it.  place: where it is computed, to be had within `scope`; exits, and
    all if there is none, compute it where they need it.  wide: the same with zeros above it, in 32 bits.
    """

    __slots__ = ("done", "cost", "place", "scope", "wide")

    def __init__(self, op: str, w: int, args: tuple[Any, ...], cost: int = 1, n: int = 0) -> None:
        super().__init__(op, w, args, n)
        self.done, self.cost = False, cost
        self.place: Place | None = None
        self.scope: list[Node] | None = None
        self.wide: Node | None = None

    @property
    def x(self) -> Node:
        """As in a Val that is not known."""
        return self

    @property
    def known(self) -> None:
        """As in a Val."""
        return None


Operand = Node | Val
Local = dict[int, Operand]  # values of one instruction by the number of their uop


class Place(list[str]):
    """Lines of the instruction at `here`, perhaps none."""

    def __init__(self, here: int) -> None:
        super().__init__()
        self.here = here


class Path:
    """Where the emitter is in a tree: registers changed since its root, instructions done since then, the
    register window, counted from the one at the region's entry, what memory is known to hold, and what the
    host has computed that nobody has looked at yet."""

    def __init__(
        self,
        changed: dict[Slot, Operand],
        done: int,
        window: int = 0,
        memory: Memory | None = None,
        doubts: Doubts | None = None,
    ) -> None:
        self.changed, self.done, self.window = changed, done, window
        self.memory, self.doubts = memory or Memory(), doubts or Doubts()

    def copy(self) -> Path:
        """For one side of a branch."""
        return Path(dict(self.changed), self.done, self.window, self.memory.copy(), self.doubts.copy())


def apart(addr: Operand) -> tuple[Operand | None, int]:
    """An address as a value, None for 0, and a displacement that is small enough for a window's guard."""
    displacement = 0
    while isinstance(addr, Node) and addr.op in ("add", "sub"):
        a, b = addr.args
        if addr.op == "add" and isinstance(a, Val) and a.known is not None:
            a, b = b, a
        if not isinstance(b, Val) or b.known is None:
            break
        step = (b.known ^ 1 << 31) - (1 << 31)
        if addr.op == "sub":
            step = -step
        if abs(displacement + step) >= REACH:
            break
        addr, displacement = a, displacement + step
    if isinstance(addr, Node):
        return addr, displacement
    assert addr.known is not None
    return None, addr.known + displacement & 0xFFFFFFFF
