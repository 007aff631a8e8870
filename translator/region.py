"""Regions: the control-flow graph behind a hot entry.  `translator.render` makes host code of it.

A call runs into its callee, which is followed anew for every chain of calls that leads there: a block is
known by its address and the return addresses on the way.  So a return has one place to be compared with.
A function that calls itself is there once, and its returns are compared with the places behind its calls.
Where a jump by a register leads is guessed (guess.py).
Register windows are counted from the one at the entry: a region runs in any.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .guess import Guesses
from .isa import Model
from .steps import MASK32, OutOfSight, Step, Steps

MAX_INSNS = 96
MAX_CALLS = 4  # return addresses in a key
SMALL = 48  # instructions of a function to which a jump by a register may lead
MAX_RETURNS = 3  # places that the return of a function that calls itself is compared with


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
    taken: tuple[Key, ...] = ()  # where a jump or branch leads, or what it is compared with

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
    found = _Discovery(steps, entry, limit, set(), False)
    while found.recursive != found.known:
        found = _Discovery(steps, entry, limit, found.recursive, False)
    if not closing(found.blocks, Key(entry)):
        found = _Discovery(steps, entry, limit, found.recursive, True)
    spans = sorted(
        {(s.address, s.length) for b in found.blocks.values() for s in b.steps} | found.guesses.used
    )
    return Region(model, mode, entry, found.blocks, _merge(spans))


class _Discovery:
    """One look at the code.

    known, recursive: functions that call themselves, before and after.  guessing: to go on in a function that
    is called by a register.
    """

    def __init__(self, steps: Steps, entry: int, limit: int, known: set[int], guessing: bool) -> None:
        self.blocks: dict[Key, Block] = {}
        self.known, self.recursive, self._guessing = known, set(known), guessing
        self._steps, self._limit, self._count = steps, limit, 0
        self._turns = steps.model.isa.window is not None
        self._owner: dict[Key, Key] = {}  # of every instruction, its block
        self._todo: deque[Key] = deque([Key(entry)])
        self._functions: dict[tuple[int, ...], int] = {(): entry}  # by chain of calls
        self._chains: dict[int, tuple[int, ...]] = {}  # by address, a chain of calls that leads there
        self._behind: dict[int, Key] = {}  # places behind calls whose returns are any
        self.guesses = Guesses(steps, entry)
        self.guesses.came(Key(entry), None)
        while self._todo:
            key = self._todo.popleft()
            if key in self.blocks:
                continue
            if key in self._owner:  # a branch into the middle of a block: split it there
                _split(self.blocks, self._owner, key)
            else:
                self._follow(key)
        for block in self.blocks.values():
            self._any_return(block)

    def _follow(self, key: Key) -> None:
        """A new block, to its end."""
        block = self.blocks[key] = Block(key, follow=key.address)
        calls, window = key.calls, key.window
        while self._count < self._limit:  # what follows is a region of its own, once it is hot
            at = Key(block.follow, calls, window)
            step = self._steps.at(block.follow, window)
            if step is None:
                block.stuck = self._steps.sees(block.follow)
                break
            block.steps.append(step)
            self._owner[at] = key
            self._meets(at)
            self.guesses.steps[at] = step
            self._count += step.count
            block.follow = (block.follow + step.length) & MASK32
            window = step.window
            block.through = Key(block.follow, calls, window)
            if step.next is not None:
                self._end(block, step, at)
                break
            self.guesses.came(block.through, at)
            if block.through in self._owner:
                if block.through not in self.blocks:
                    _split(self.blocks, self._owner, block.through)
                break
            if block.through in self.blocks:
                break

    def _end(self, block: Block, step: Step, at: Key) -> None:
        """The block ends in a jump or branch."""
        through, block.through = block.through, None
        assert step.next is not None
        assert through is not None
        block.next = step.next
        jump, late = step, block
        if step.slot is not None:  # the delay slot of a branch that has been taken
            jump = step.slot
            key = Key(jump.address, at.calls, at.window, True)
            behind = (jump.address + jump.length) & MASK32
            late = self.blocks[key] = Block(key, [jump], jump.next, behind)
            block.taken = (key,)
            self._count += 1
        to = self._target(jump, late.follow, at)
        if to is not None:
            late.taken = (to,)
            self._go_on(to, at)
        if step.next[0] == "branch":
            block.through = through
            self._go_on(through, at)

    def _meets(self, at: Key) -> None:
        """Code that a call leads to and the entry does, too: the call was the function's own."""
        met = self._chains.setdefault(at.address, at.calls)
        if not met or not at.calls:
            chain = met or at.calls
            if chain:
                self.recursive.add(self._functions[chain[-1:]])

    def _go_on(self, key: Key, at: Key) -> None:
        self.guesses.came(key, at)
        self._todo.append(key)

    def _target(self, step: Step, behind: int, at: Key) -> Key | None:
        """Key of the place that a step jumps or branches to, None if that is not known."""
        assert step.next is not None
        calls = at.calls
        to = step.next[-1].known
        if to is None:
            if "return" in step.traits:
                return Key(calls[0], calls[1:], step.window) if calls else None
            to = self.guesses.value(step.next[-1], at)
            if to is None or (to not in self.recursive and not self._worth(to, step.window)):
                return None
        if "call" not in step.traits:
            return Key(to, calls, step.window)
        self.guesses.came(Key(behind, calls, at.window), at)  # callees put registers back
        if to in (self._functions[calls[n:]] for n in range(len(calls) + 1)):
            self.recursive.add(to)
        if to in self.recursive and self._turns:
            return None  # its calls are in other windows: a region of its own
        if to in self.recursive or len(calls) == MAX_CALLS:  # its return is any return
            if step.window:
                return None
            self._todo.append(self._behind.setdefault(behind, Key(behind, calls)))
            return Key(to)
        self._functions[behind, *calls] = to
        return Key(to, (behind, *calls), step.window)

    def _worth(self, function: int, window: int) -> bool:
        """Whether a function has few instructions, its own callees' not among them, or is the entry's own."""
        seen: set[int] = set()
        todo = [function]
        while todo:
            at = todo.pop()
            while at not in seen and (step := self._steps.at(at, window)) is not None:
                seen.add(at)
                if self._chains.get(at) == ():
                    self.recursive.add(function)
                    return True
                if len(seen) > self._limit:
                    return False
                if step.next is not None:
                    to = step.next[-1].known
                    if to is not None and "call" not in step.traits:
                        todo.append(to)
                    if step.next[0] == "jump" and "call" not in step.traits:
                        break
                at = (at + step.length) & MASK32
        return self._guessing and len(seen) <= SMALL

    def _any_return(self, block: Block) -> None:
        """Compare a return whose call is not known with the places where it may go."""
        if block.steps and not block.taken and "return" in (step := block.steps[-1]).traits:
            block.taken = tuple(k for k in self._behind.values() if k.window == step.window)[:MAX_RETURNS]


def successors(blocks: dict[Key, Block], b: Block) -> list[Key]:
    """Blocks that may follow `b`, one for each edge."""
    return [k for k in (*b.taken, b.through) if k is not None and k in blocks]


def closing(blocks: dict[Key, Block], entry: Key) -> set[Key]:
    """Where loops close: blocks that are reached from what they lead to."""
    heads: set[Key] = set()
    done = {entry: False}  # or on the way
    stack = [(entry, iter(successors(blocks, blocks[entry])))]
    while stack:
        key, ways = stack[-1]
        for to in ways:
            if to not in done:
                done[to] = False
                stack.append((to, iter(successors(blocks, blocks[to]))))
                break
            if not done[to]:
                heads.add(to)
        else:
            done[key] = True
            stack.pop()
    return heads


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
    head.through, head.taken = at, ()
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
