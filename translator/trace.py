"""Traces: the specification recorded as uops, to be rendered as LLVM text.

    Trace         operand fields at run time: one interpreter handler
    RegionTrace   operand fields, instruction words and pc known: one of a region (region_trace.py)

A trace is a list of `Uop`s in execution order; `if`, `else`, `end` nest, `phi` follows its `end`.  Values
defined in a branch leave it only through a phi.  See `OPS` for the vocabulary and `dump` for the text that
--dump-ir=uop shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .isa import Model
from .llvm import sse, x87, x87_handler
from .spec.semantics import DATA, PROGRAM, Reg, Semantics, Space
from .spec.value import FOLD, Uop, Val

# op -> what it does; arithmetic ops are those of spec.value.FOLD
OPS = {
    **dict.fromkeys(FOLD, "arithmetic"),
    "select": "cond ? a : b",
    "zext": "widen",
    "sext": "widen",
    "trunc": "narrow",
    "clz": "leading zeros",
    "get": "committed register",
    "set": "commit register",
    "field": "bits of the instruction word",
    "word": "instruction stream at an offset",
    "pc": "address of the instruction",
    "load": "guest memory, may fault",
    "store": "guest memory, may fault",
    "probe": "may fault as a store would",
    "if": "begin",
    "else": "otherwise",
    "end": "join",
    "phi": "value from either branch",
    "call": "shared routine",
    "result": "n-th result of a call",
    "goto": "continue in a routine",
    "helper": "Python function of Isa.helpers",
    "helped": "its n-th result",
    "done": "end of instruction on this path: (next, leaving, length)",
    "piece": "go on in a function of its own (number, extension)",
    "extension": "what a piece was given",
    "require": "go on if, else do the instruction otherwise",
    "finish": "end of instruction: (next, leaving, length)",
    "insn": "marker: instruction at pc",
    "window": "number of a register window, counted from the one at the region's entry",
    **dict.fromkeys(x87.UOPS, "extended precision, in regions"),
    **dict.fromkeys(x87_handler.UOPS, "extended precision, in handlers"),
    **dict.fromkeys(sse.UOPS, "singles and doubles on the host"),
}
_PURE = frozenset(
    ("field", "zext", "sext", "trunc", "or", "and", "add", "xor", "lshr", "shl", "ashr", "eq", "ne")
)
STREAM = Reg("stream", 32)  # offset of the next instruction byte, carried like a pending register


Pending = dict[tuple[Reg, "int | Uop"], tuple[Val, Val]]


class Trace(Semantics):
    """Records one instruction with run-time operand fields (an interpreter handler or a routine)."""

    def __init__(self, model: Model) -> None:
        self.m = model
        self.model, self.options = model.core, model.options
        self.has_x87 = model.isa.host is not None
        self.ops: list[Uop] = []
        self.count = 0
        # Values made of operand fields alone are computed once, before anything else: they name registers,
        # and the same name must be the same uop wherever it is used.
        self.front: dict[Uop, int] = {}
        self.pieces: list[Callable[[Any, Any], None]] = []
        self._memo: dict[tuple[Any, ...], Val] = {}
        super().__init__()

    def begin(self) -> None:
        super().begin()
        self.pending[STREAM, 0] = (Val(self, 32, 0), Val(self, 32, self.m.isa.word))

    # -- recording -------------------------------------------------------------------------------------------

    def emit(self, op: str, w: int, *args: Any) -> Val:
        if op in _PURE and all(
            not isinstance(a, Val) or isinstance(a.x, int) or a.x in self.front for a in args
        ):
            key = (op, w, *(a.x if isinstance(a, Val) else a for a in args))
            if key not in self._memo:
                self.count += 1
                uop = Uop(op, w, args, self.count)
                self.ops.insert(len(self.front), uop)
                self.front[uop] = len(self.front)
                self._memo[key] = Val(self, w, uop)
            return self._memo[key]
        self.count += 1
        uop = Uop(op, w, args, self.count)
        self.ops.append(uop)
        return Val(self, w, uop)

    def do(self, op: str, *args: Any) -> None:
        """Record an operation without a result."""
        self.emit(op, 0, *args)

    def fork(self, cond: Val, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
        before, next_before, leaving = dict(self.pending), self.next, self.leaving
        born = self.count
        self.do("if", cond)
        mine = then()
        mine_pending, mine_dead = self.pending, self.dead
        front = len(self.front)
        else_at = len(self.ops)
        self.pending, self.dead = dict(before), False
        self.do("else")
        other = otherwise()
        other_dead = self.dead
        if self.next is not next_before or self.leaving is not leaving:
            raise TypeError("jump, branch and leave belong to the top level of an instruction, not into if_")
        changed = [
            k for k in {**mine_pending, **self.pending} if mine_pending.get(k) is not self.pending.get(k)
        ]
        for _, i in changed:
            if isinstance(i, Uop) and i.n > born and i not in self.front and not (mine_dead or other_dead):
                raise TypeError("a register number is computed inside an if_: compute it in front of it")
        if not mine_dead and not other_dead:
            else_at += len(self.front) - front  # values that were put in front have moved the rest
            tail = self.ops[else_at:]
            del self.ops[else_at:]
            other_pending = self.pending
            mine_pending = self._settled(mine_pending, other_pending, changed)
            self.ops += tail
            self.pending = self._settled(other_pending, mine_pending, changed)
        self.do("end")
        self.dead = mine_dead and other_dead
        if mine_dead:
            return other
        if other_dead:
            self.pending = mine_pending
            return mine
        for k in changed:
            index, v = self.pending[k]
            self.pending[k] = (index, self._phi(mine_pending[k][1], v))
        return self._merge(mine, other)

    def _settled(self, pending: Pending, other: Pending, changed: list[tuple[Reg, int | Uop]]) -> Pending:
        """`pending` with the changed registers as this side of an `if_` sees them, behind those that are not.

        A register that only the other side has written keeps its value here, which a write under another
        run-time number may have given it; once all are read like that, their order no longer matters.
        """
        self.pending = pending
        seen = {}
        for k in changed:
            i = pending[k][0] if k in pending else other[k][0]
            seen[k] = (i, self.read(k[0], i))
        return {**{k: v for k, v in pending.items() if k not in seen}, **seen}

    def _phi(self, a: Val, b: Val) -> Val:
        if a.w != b.w:
            raise TypeError(f"the two sides of an if_ differ in width: {a!r}, {b!r}")
        if a.x is b.x or (isinstance(a.x, int) and a.x == b.x):
            return a
        return self.emit("phi", a.w, a, b)

    def _merge(self, a: Any, b: Any) -> Any:
        if a is None and b is None:
            return None
        if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
            return tuple(self._merge(x, y) for x, y in zip(a, b, strict=True))
        if isinstance(a, Val) and isinstance(b, Val):
            return self._phi(a, b)
        raise TypeError(f"the two sides of an if_ return different shapes: {a!r}, {b!r}")

    # -- registers -------------------------------------------------------------------------------------------

    def fetch_reg(self, reg: Reg, index: Val) -> Val:
        return self.emit("get", reg.width, reg, index)

    def store_reg(self, reg: Reg, index: Val, value: Val) -> None:
        if reg is not STREAM:
            self.do("set", reg, index, value)

    def commit(self) -> None:
        stream = self.pending[STREAM, 0]
        super().commit()
        self.pending[STREAM, 0] = stream

    # -- memory and stream -----------------------------------------------------------------------------------

    def load(self, addr: Val, size: int, space: Space = DATA) -> Val:
        return self.emit("load", size * 8, addr, size, space)

    def store(self, addr: Val, value: Val, space: Space = DATA) -> None:
        self.do("store", addr, value, space)

    def probe(self, addr: Val, size: int, space: Space = DATA) -> None:
        self.do("probe", addr, size, space)

    def field(self, lo: int, width: int) -> Val:
        return self.emit("field", width, lo)

    @property
    def at(self) -> Val:
        """Offset of the next instruction byte from the start of the instruction."""
        return self.pending[STREAM, 0][1]

    def advance(self, size: int) -> None:
        at = self.at + size
        self.pending[STREAM, 0] = (self.pending[STREAM, 0][0], at)

    def fetch(self, size: int = 2) -> Val:
        word = self.emit("word", size * 8, self.at)
        self.advance(size)
        return word

    @property
    def pc(self) -> Val:
        return self.emit("pc", 32)

    @property
    def next_pc(self) -> Val:
        return self.pc + self.at

    # -- control ---------------------------------------------------------------------------------------------

    def goto(self, routine: str) -> None:
        self.commit()
        self.do("goto", routine)
        self.dead = True

    def call(self, routine: Callable[..., Any], *args: Val) -> Any:
        if routine not in self.m.isa.shared or all(isinstance(a.x, int) for a in args):
            return routine(self, *args)
        # Shared code gets the stream offset and returns it; the shape of its result is known from a dry run.
        shape = result_widths(self.m, routine, [a.w for a in args])
        widths = shape if isinstance(shape, tuple) else () if shape is None else (shape,)
        called = self.emit("call", 0, routine, self.at, *args)
        out = tuple(self.emit("result", w, called, i + 1) for i, w in enumerate(widths))
        self.pending[STREAM, 0] = (self.pending[STREAM, 0][0], self.emit("result", 32, called, 0))
        return out if isinstance(shape, tuple) else out[0] if out else None

    def helper(
        self, fn: Callable[..., tuple[int, ...]], widths: tuple[int, ...], *args: Val
    ) -> tuple[Val, ...]:
        self.do("helper", self.m.isa.helpers.index(fn), *args)
        return tuple(self.emit("helped", w, k) for k, w in enumerate(widths))

    def host(self, name: str, a: Val, b: Val) -> tuple[Val, Val, Val]:
        if not sse.AVAILABLE:
            return super().host(name, a, b)
        done = self.emit("host", 64, name, a, b)
        return done, self.emit("host_good", 1, done), self.emit("host_plain", 1, name, done)

    def host_clean(self) -> Val:
        return self.emit("host_clean", 1) if sse.AVAILABLE else super().host_clean()

    def host_forget(self) -> None:
        if sse.AVAILABLE:
            self.do("host_forget")

    def x87_accrue(self, reg: Reg, bits: int) -> None:
        self.do("x_accrue", reg, bits)

    def done(self) -> None:
        """The instruction is complete on this path, one side of an `if_`: what follows is for the other."""
        at = self.at
        self.commit()
        self.do("done", self.next, self.leaving, at)
        self.next = self.leaving = None
        self.dead = True

    def require(self, cond: Val) -> None:
        """Go on if cond; else this was in vain, and the instruction is done otherwise (Isa.host)."""
        if cond.known != 1:
            self.do("require", cond)

    def piece(self, make: Callable[[Any, Any], None], word: Val) -> None:
        """End this path in a function of its own, recorded by make(trace, fields); `word`: its extension."""
        self.do("piece", len(self.pieces), word)
        self.pieces.append(make)
        self.dead = True

    def give_up(self) -> None:
        """End this path: the instruction is done otherwise."""
        self.require(Val(self, 1, 0))
        self.dead = True

    def finish(self) -> None:
        """End the instruction: commit, then say where it goes."""
        if self.dead:
            return
        at = self.at
        self.commit()
        self.do("finish", self.next, self.leaving, at)


Widths = tuple[int, ...] | int | None


def result_widths(model: Model, routine: Callable[..., Any], widths: list[int]) -> Widths:
    """Widths of a shared routine's results, from a dry run (remembered: large routines are called often)."""
    known: dict[Any, Widths] = model.shared_results
    key = (routine, *widths)
    if key not in known:
        dry = Trace(model)
        shape = routine(dry, *(dry.emit("field", w, 0) for w in widths))
        several = isinstance(shape, tuple)
        known[key] = tuple(r.w for r in shape) if several else None if shape is None else shape.w
    return known[key]


def dump(ops: list[Uop]) -> str:
    """Uops as text: `%3 i32 = add %1, 0x10`."""
    out, depth = [], 0
    for u in ops:
        if u.op in ("else", "end"):
            depth -= 1
        left = f"%{u.n} i{u.w} = " if u.w else ""
        out.append("  " * depth + f"{left}{u.op} {', '.join(_show(a) for a in u.args)}".rstrip())
        if u.op in ("if", "else"):
            depth += 1
    return "\n".join(out)


def _show(a: Any) -> str:
    if isinstance(a, Val):
        return f"{a.x:#x}" if isinstance(a.x, int) else repr(a.x)
    if isinstance(a, Reg):
        return a.name
    if isinstance(a, tuple):
        return "(" + " ".join(_show(x) for x in a) + ")"
    if callable(a):
        return str(a.__name__)
    return f"{a:#x}" if isinstance(a, int) and a > 9 else str(a)


__all__ = ["OPS", "PROGRAM", "Trace", "dump"]
