"""Regions: the control-flow graph behind a hot entry.  `translator.render` makes host code of it.

A direct call runs into its callee, which is followed anew for every chain of calls that leads there: a block
is known by its address and the return addresses on the way.  So a return has one place to be compared with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .isa import Model
from .spec.insn import Fields
from .spec.semantics import MODE
from .spec.value import Uop, Val
from .trace import RegionTrace, Untranslatable

MAX_INSNS = 96
MAX_CALLS = 4  # return addresses in a key
MASK32 = 0xFFFFFFFF

Key = tuple[int, ...]  # address, and the return addresses of the calls that led there, innermost first


class OutOfSight(Exception):
    """Guest code whose bytes the translator was not given."""


@dataclass
class Step:
    """One instruction; `next` is None (goes on behind it), ("jump", Val) or ("branch", cond, Val)."""

    address: int
    ops: list[Uop]
    length: int
    next: tuple[Any, ...] | None = None
    traits: frozenset[str] = frozenset()


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
        return self.key[0]


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
        return sum(len(b.steps) for b in self.blocks.values())


def discover(
    model: Model,
    mode: int,
    entry: int,
    code: Callable[[int, int], int],
    limit: int = MAX_INSNS,
) -> Region:
    """Trace the code reachable from `entry`; `code(address, size)` raises OutOfSight if it cannot be read."""
    steps = _Steps(model, mode, code)
    blocks: dict[Key, Block] = {}
    owner: dict[Key, Key] = {}  # of every instruction, its block
    todo: deque[Key] = deque([(entry,)])
    count = 0
    while todo:
        key = todo.popleft()
        if key in blocks:
            continue
        if key in owner:  # a branch into the middle of a block: split it there
            _split(blocks, owner, key)
            continue
        block = blocks[key] = Block(key, follow=key[0])
        calls = key[1:]
        while count < limit:  # what follows is a region of its own, once it is hot
            at = (block.follow, *calls)
            step = steps.at(block.follow)
            if step is None:
                block.stuck = True
                break
            block.steps.append(step)
            owner[at] = key
            count += 1
            block.follow = (block.follow + step.length) & MASK32
            if step.next is not None:
                block.next = step.next
                block.taken = _target(step, block.follow, calls)
                if block.taken is not None:
                    todo.append(block.taken)
                if step.next[0] == "branch":
                    block.through = (block.follow, *calls)
                    todo.append(block.through)
                break
            block.through = (block.follow, *calls)
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
        return calls if calls and "return" in step.traits else None
    if "call" not in step.traits:
        return (to, *calls)
    if len(calls) == MAX_CALLS or behind in calls:
        return (to,)  # too deep, or recursion: its return is any return
    return (to, behind, *calls)


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
    k = next(i for i, s in enumerate(head.steps) if s.address == at[0])
    tail = Block(at, head.steps[k:], head.next, head.follow, head.stuck, head.through, head.taken)
    head.steps, head.next, head.follow, head.stuck = head.steps[:k], None, at[0], False
    head.through, head.taken = at, None
    blocks[at] = tail
    for s in tail.steps:
        owner[s.address, *at[1:]] = at


class _Steps:
    """Instructions by address, each traced once."""

    def __init__(self, model: Model, mode: int, code: Callable[[int, int], int]) -> None:
        self._trace, self._model, self._code = RegionTrace(model, mode, code), model, code
        self._known: dict[int, Step | None] = {}

    def at(self, address: int) -> Step | None:
        """The instruction at `address`, or None if the interpreter has to do it."""
        if address not in self._known:
            self._known[address] = self._one(address)
        return self._known[address]

    def _one(self, address: int) -> Step | None:
        trace, isa = self._trace, self._model.isa
        first = len(trace.ops)
        try:
            if address % isa.word:
                return None
            word = self._code(address, isa.word)
            hit = self._model.decoder.decode(word)
            if hit is None:
                return None
            insn, known = hit
            fields = Fields(trace, insn.pattern, known)
            if "interp" not in insn.traits:
                trace.start(address, word)
                insn.fn(trace, fields)
            elif isa.quick is not None:
                trace.start(address, word)
                if not isa.quick(trace, insn, fields):
                    raise Untranslatable("no short form")
            else:
                return None
            length = trace.at.known
            trace.finish()
        except (OutOfSight, Untranslatable):
            del trace.ops[first:]
            return None
        ops = trace.ops[first:]
        finish = ops[-1]
        if (
            trace.dead
            or finish.op != "finish"
            or length is None
            or any(
                (u.op == "set" and u.args[0] is MODE)
                or (u.op in ("load", "store", "probe") and isinstance(u.args[2], Val))
                for u in ops
            )
        ):
            return None
        next_, leaving, _ = finish.args
        if leaving is not None and leaving[0].known != 0:
            return None
        return Step(address, ops, length, next_, insn.traits)


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
