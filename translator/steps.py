"""The instructions of a region, each traced once; a transfer and its delay slot are one step.

transfer, slot             one step of two instructions; an exit in either goes back to the transfer,
                           which has committed nothing
branch that may annul      a step that decides, and a step of the slot, which is reached if it is taken:
                           an exit in the slot takes the branch back, which has written nothing
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .isa import Model
from .region_trace import RegionTrace, Untranslatable
from .spec.insn import Fields
from .spec.semantics import MODE
from .spec.value import Uop, Val

MASK32 = 0xFFFFFFFF


class OutOfSight(Exception):
    """Guest code whose bytes the translator was not given."""


@dataclass
class Step:
    """One instruction, or two; `next` is None (goes on behind it), ("jump", Val) or ("branch", cond, Val)."""

    address: int
    ops: list[Uop]
    length: int
    next: tuple[Any, ...] | None = None
    traits: frozenset[str] = frozenset()
    count: int = 1  # instructions
    window: int = 0  # the register window behind it
    slot: Step | None = None  # what follows if this branch is taken, and is annulled if it is not
    branch: int | None = None  # of a slot: address of the branch in front, where its exits go


class Steps:
    """Instructions by address and register window; `code(address, size)` raises OutOfSight."""

    def __init__(self, model: Model, mode: int, code: Callable[[int, int], int]) -> None:
        self._trace, self.model, self._code = RegionTrace(model, mode, code), model, code
        self._known: dict[tuple[int, int], Step | None] = {}

    @property
    def word(self) -> int:
        """Bytes of the smallest instruction."""
        return self.model.isa.word

    def sees(self, address: int) -> bool:
        """Whether there are bytes to be had at `address`."""
        try:
            self._code(address, self.word)
        except OutOfSight:
            return False
        return True

    def traits(self, address: int) -> frozenset[str]:
        """Of what may be an instruction at `address`."""
        hit = self.model.decoder.decode(self._code(address, self.word))
        return frozenset() if hit is None else hit[0].traits

    def at(self, address: int, window: int = 0) -> Step | None:
        """The instruction at `address`, or None if the interpreter has to do it."""
        if (address, window) not in self._known:
            self._known[address, window] = self._one(address, window)
        return self._known[address, window]

    def _one(self, address: int, window: int) -> Step | None:
        trace = self._trace
        first = len(trace.ops)
        try:
            traits = self._run(address, lambda word: trace.start(address, word, window))
            if trace.transfer is not None:
                return self._couple(address, window, first, traits | trace.traits)
            length = trace.at.known
            if length is None:
                raise Untranslatable("instruction of unknown length")
            ops, next_ = self._finish(first)
        except (OutOfSight, Untranslatable):
            del trace.ops[first:]
            return None
        return Step(address, ops, length, next_, traits | trace.traits, window=trace.window)

    def _couple(self, address: int, window: int, first: int, traits: frozenset[str]) -> Step:
        """The transfer at `address`, which has been traced, and its delay slot."""
        trace, size = self._trace, self.model.isa.word
        behind = (address + size) & MASK32
        assert trace.transfer is not None
        target, cond, annul = trace.transfer
        if annul and cond is not None:
            trace.branch(cond, trace.const(behind, 32))
            ops, next_ = self._finish(first)
            first = len(trace.ops)
            self._run(behind, lambda word: trace.start(behind, word, window))
            slot_ops, slot_next = self._arrive(first, target, None)
            slot = Step(behind, slot_ops, size, slot_next, window=trace.window, branch=address)
            return Step(address, ops, 2 * size, next_, traits, window=window, slot=slot)
        trace.transfer = None
        self._run(behind, lambda word: trace.go_on(behind, word))
        ops, next_ = self._arrive(first, target, cond)
        return Step(address, ops, 2 * size, next_, traits, count=2, window=trace.window)

    def _arrive(self, first: int, target: Val, cond: Val | None) -> tuple[list[Uop], Any]:
        """The end of a delay slot; a second transfer in it is the interpreter's."""
        trace = self._trace
        if trace.transfer is not None or trace.next is not None:
            raise Untranslatable("a transfer in a delay slot")
        if cond is None:
            trace.jump(target)
        else:
            trace.branch(cond, target)
        return self._finish(first)

    def _run(self, address: int, begin: Callable[[int], None]) -> frozenset[str]:
        """Trace the instruction at `address`, after begin(its word); returns its traits."""
        trace, isa = self._trace, self.model.isa
        if address % isa.word:
            raise Untranslatable("misaligned")
        word = self._code(address, isa.word)
        hit = self.model.decoder.decode(word)
        if hit is None:
            raise Untranslatable("illegal instruction")
        insn, known = hit
        fields = Fields(trace, insn.pattern, known)
        if "interp" not in insn.traits:
            begin(word)
            insn.fn(trace, fields)
        elif isa.quick is not None:
            begin(word)
            if not isa.quick(trace, insn, fields):
                raise Untranslatable("no short form")
        else:
            raise Untranslatable("not for regions")
        return insn.traits

    def _finish(self, first: int) -> tuple[list[Uop], Any]:
        """End what has been traced since ops[first]: its operations, and how it goes on."""
        trace = self._trace
        trace.finish()
        ops = trace.ops[first:]
        if (
            trace.dead
            or ops[-1].op != "finish"
            or any(
                (u.op == "set" and u.args[0] is MODE)
                or (u.op in ("load", "store", "probe") and isinstance(u.args[2], Val))
                for u in ops
            )
        ):
            raise Untranslatable("an exception, another mode or another space")
        next_, leaving, _ = ops[-1].args
        if leaving is not None and leaving[0].known != 0:
            raise Untranslatable("leaves the run loop")
        return ops, next_
