"""Regions: the control-flow graph behind a hot entry.  `translator.render` makes host code of it.

A direct call runs into its callee, which is followed anew for every chain of calls that leads there: a block
is known by its address and the return addresses on the way.  So a return has one place to be compared with.
Register windows are counted from the one at the entry: a region runs in any.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .isa import Model
from .steps import MASK32, OutOfSight, Step, Steps

MAX_INSNS = 96
MAX_CALLS = 4  # return addresses in a key


class Key(NamedTuple):
    """What a block is known by."""

    address: int
    calls: tuple[int, ...] = ()  # return addresses of the calls that led there, innermost first
    window: int = 0
    late: bool = False  # a delay slot that is reached if a branch is taken


@dataclass
class Block:
    """Straight-line code; its last step's `next` is the block's."""

    key: Key
    steps: list[Step] = field(default_factory=list)
    next: tuple[Any, ...] | None = None
    follow: int = 0  # address behind the last instruction
    stuck: bool = False  # the instruction at `follow` is the interpreter's
    through: Key | None = None  # the block at `follow`, unless the block ends in a jump
    taken: Key | None = None  # where a jump or branch leads, for a return: where its call came from

    @property
    def address(self) -> int:
        return self.key.address


@dataclass
class Region:
    """What `discover` found: blocks in order of discovery, and the guest bytes they rest on."""

    model: Model
    mode: int
    entry: int
    blocks: dict[Key, Block]
    spans: list[tuple[int, int]]  # (address, length) of the guest code

    @property
    def insns(self) -> int:
        return sum(s.count for b in self.blocks.values() for s in b.steps)


def discover(
    model: Model,
    mode: int,
    entry: int,
    code: Callable[[int, int], int],
    limit: int = MAX_INSNS,
) -> Region:
    """Trace the code reachable from `entry`; `code(address, size)` raises OutOfSight if it cannot be read."""
    steps = Steps(model, mode, code)
    blocks: dict[Key, Block] = {}
    owner: dict[Key, Key] = {}  # of every instruction, its block
    todo: deque[Key] = deque([Key(entry)])
    count = 0
    while todo:
        key = todo.popleft()
        if key in blocks:
            continue
        if key in owner:  # a branch into the middle of a block: split it there
            _split(blocks, owner, key)
            continue
        block = blocks[key] = Block(key, follow=key.address)
        calls, window = key.calls, key.window
        while count < limit:  # what follows is a region of its own, once it is hot
            at = Key(block.follow, calls, window)
            step = steps.at(block.follow, window)
            if step is None:
                block.stuck = True
                break
            block.steps.append(step)
            owner[at] = key
            count += step.count
            block.follow = (block.follow + step.length) & MASK32
            window = step.window
            if step.next is not None:
                block.next = step.next
                block.taken = _target(step, block.follow, calls)
                taken = block
                if step.slot is not None:
                    taken = _slot(step.slot, calls, window)
                    block.taken, blocks[taken.key] = taken.key, taken
                    count += 1
                if taken.taken is not None:
                    todo.append(taken.taken)
                if step.next[0] == "branch":
                    block.through = Key(block.follow, calls, window)
                    todo.append(block.through)
                break
            block.through = Key(block.follow, calls, window)
            if block.through in owner:
                if block.through not in blocks:
                    _split(blocks, owner, block.through)
                break
            if block.through in blocks:
                break
    spans = sorted({(s.address, s.length) for b in blocks.values() for s in b.steps})
    return Region(model, mode, entry, blocks, _merge(spans))


def _target(step: Step, behind: int, calls: tuple[int, ...]) -> Key | None:
    """Key of the place that a step jumps or branches to, None if that is not known."""
    assert step.next is not None
    to = step.next[-1].known
    if to is None:
        return Key(calls[0], calls[1:], step.window) if calls and "return" in step.traits else None
    if "call" not in step.traits:
        return Key(to, calls, step.window)
    if len(calls) == MAX_CALLS or behind in calls:  # too deep, or recursion: its return is any return
        return None if step.window else Key(to)  # in another window: a region of its own
    return Key(to, (behind, *calls), step.window)


def _slot(step: Step, calls: tuple[int, ...], window: int) -> Block:
    """The delay slot of a branch that has been taken."""
    behind = (step.address + step.length) & MASK32
    key = Key(step.address, calls, window, True)
    return Block(key, [step], step.next, behind, taken=_target(step, behind, calls))


def _merge(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for at, n in spans:
        if out and at <= out[-1][0] + out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], at + n - out[-1][0]))
        else:
            out.append((at, n))
    return out


def _split(blocks: dict[Key, Block], owner: dict[Key, Key], at: Key) -> None:
    head = blocks[owner[at]]
    k = next(i for i, s in enumerate(head.steps) if s.address == at.address)
    tail = Block(at, head.steps[k:], head.next, head.follow, head.stuck, head.through, head.taken)
    head.steps, head.next, head.follow, head.stuck = head.steps[:k], None, at.address, False
    head.through, head.taken = at, None
    blocks[at] = tail
    window = at.window
    for s in tail.steps:
        owner[Key(s.address, at.calls, window)] = at
        window = s.window


def code_reader(pages: dict[int, bytes], page_bits: int, big: bool = True) -> Any:
    """code(address, size) on a snapshot of pages by virtual page address."""
    size_mask = (1 << page_bits) - 1

    def code(address: int, size: int) -> int:
        out = b""
        while len(out) < size:
            at = (address + len(out)) & MASK32
            page = pages.get(at & ~size_mask)
            if page is None:
                raise OutOfSight(f"{at:#x}")
            out += page[at & size_mask :][: size - len(out)]
        return int.from_bytes(out, "big" if big else "little")

    return code


def find_region(model: Model, mode: int, entry: int, page_bits: int, pages: dict[int, bytes]) -> Region:
    """The region at `entry`; raises OutOfSight if not even its first instruction can be had."""
    region = discover(model, mode, entry, code_reader(pages, page_bits, model.isa.big_endian))
    if not region.insns:
        raise OutOfSight(f"nothing to translate at {entry:#x}")
    return region
