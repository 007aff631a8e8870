"""Uops of a region as LLVM text, each where something needs it.

Pure operations wait. If an address, a store or a branch asks for a value, it is computed at its place, that
of its instruction; exits and edges compute for themselves what nobody else has asked for. Exits are rendered
last, when that is known (`_later`). So code that only exits need stands only there, and nobody renders dead
flags. What was computed in a branch or an exit is forgotten behind it (`_open`, `_close`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import parts
from .doubts import Doubting
from .isa import Model
from .llvm.emit import TEXT
from .llvm.fast import FastEmitter
from .llvm.x87 import X87
from .nodes import Local, Node, Operand, Path, Place, Slot, apart
from .simplify import simplify
from .spec.semantics import DATA, PROGRAM, Reg
from .spec.value import Uop, Val

COSTLY = 12  # uncomputed operations behind a lazy register before it is computed where it is written
_SPECIAL = frozenset(("shl", "lshr", "ashr", "udiv", "urem", "sdiv", "srem"))
PURE = frozenset(TEXT) | _SPECIAL | {"window"}


class LazyEmitter(FastEmitter, X87, Doubting):
    """Renders instructions of a region; the sub-class says how it is left.

    slow: addresses of instructions that do without windows on memory (translator.fastmem); None: all do.
    """

    def __init__(self, model: Model, page_bits: int, mode: int, slow: frozenset[int] | None) -> None:
        super().__init__(model, page_bits)
        self.slow = slow
        self._space = str(mode)  # of the soft-TLB
        self._scopes: list[list[Node]] = [[]]
        self._later: list[list[Callable[[], None]]] = [[]]  # side exits to be rendered when their scope ends
        self._top: tuple[Place, list[Node]] = Place(0), []  # of the tree, its scope
        self._leaving = 0  # not 0: what is rendered belongs to an exit or an edge
        self._homes: dict[Slot, Node] = {}
        self.kinds: dict[Slot, str] = {}  # how registers are taken apart here, beside those that always are
        self._sure: dict[tuple[Node, int], Node] = {}  # what has been found to have a value
        self._exits: dict[str, str] = {}  # of the instruction at hand: why -> label
        self._local: Local = {}
        self._path = Path({}, 0)
        self.here = 0  # address of the instruction at hand

    def _leave_if(self, cond: str, path: Path, why: str) -> None:
        raise NotImplementedError

    def _side_exit(self, path: Path, why: str) -> str:
        raise NotImplementedError

    # -- values ----------------------------------------------------------------------------------------------

    def text(self, v: Any) -> str:
        """An operand; it is computed here if it has not been."""
        if isinstance(v, Node):
            if not v.done:
                self._compute(v)
            return f"%t{v.n}"
        return super().text(v)

    def _name(self, v: Node, scope: list[Node] | None = None) -> str:
        self.n += 1
        v.n, v.done = self.n, True
        (self._scopes[-1] if scope is None else scope).append(v)
        return f"%t{v.n}"

    def _compute(self, v: Node) -> None:
        """Here, or where it comes from."""
        if v.place is None or self._leaving:
            self._render(v, None)
            return
        lines, here, self.lines, self.here = self.lines, self.here, v.place, v.place.here
        self._render(v, v.scope)
        self.lines, self.here = lines, here

    def _render(self, v: Node, scope: list[Node] | None) -> None:
        if v.op == "home":
            (reg, i), r = v.args
            if r.real:
                real = self.new("r")
                self.put(f"{real} = load double, ptr %{reg}.{i}")
                self.put(f"{self._name(v, scope)} = bitcast double {real} to i{r.width}")
            else:
                self.put(f"{self._name(v, scope)} = load i{r.width}, ptr %{reg}.{i}")
            return
        for a in v.args:
            self.text(a)
        self._name(v, scope)
        self.render([v])

    def _placed(self, v: Node) -> Node:
        """A new value, to be computed where the text ends now."""
        if not self.lines or not isinstance(self.lines[-1], Place) or self.lines[-1].here != self.here:
            self.lines.append(Place(self.here))
        v.place, v.scope = self.lines[-1], self._scopes[-1]
        return v

    def _make(self, op: str, w: int, args: tuple[Any, ...]) -> Node:
        """A new value of the instruction at hand."""
        return self._placed(Node(op, w, args))

    def _at_top(self, op: str, w: int, args: tuple[Any, ...]) -> Node:
        """A new value of what the tree begins with."""
        v = Node(op, w, args, 0)
        v.place, v.scope = self._top
        return v

    def _open(self) -> None:
        self._scopes.append([])
        self._later.append([])

    def _close(self) -> None:
        """What has been computed since `_open` is not to be had any more; side exits still know it."""
        for exit_ in self._later.pop():
            exit_()
        for v in self._scopes.pop():
            v.done = False

    def _read(self, path: Path, slot: Slot, r: Reg) -> Operand:
        v = path.changed.get(slot)
        if v is None:
            v, kind = self._homes.get(slot), r.parts or self.kinds.get(slot, "")
            if v is None and kind:
                found = tuple(self._read(path, (p.name, slot[1]), p) for p in parts.slots(r.name, kind))
                v = self._homes[slot] = parts.join(kind, r.width, found, self._at_top)
            elif v is None:
                v = self._homes[slot] = self._at_top("home", r.width, (slot, r))
        return v

    # -- instructions ----------------------------------------------------------------------------------------

    def _operand(self, v: Any) -> Operand:
        return v if isinstance(v.x, int) else self._local[v.x.n]

    def _ops(self, ops: list[Uop], at: int, end: int, path: Path) -> None:
        """Render ops[at:end]; what is pure waits until it is needed."""
        local = self._local
        while at < end:
            u = ops[at]
            at += 1
            if u.op in PURE:
                args = tuple(self._operand(a) for a in u.args)
                simpler = simplify(u.op, u.w, args, self._make)
                if u.op == "zext" and u.w == 32 and isinstance(args[0], Node):
                    simpler = args[0].wide
                if simpler is not None:
                    local[u.n] = simpler
                    continue
                cost = 1 + sum(a.cost for a in args if isinstance(a, Node) and not a.done)
                local[u.n] = self._placed(Node(u.op, u.w, args, cost))
            elif u.op == "get":
                reg, index = u.args
                local[u.n] = self._read(path, (reg.name, index.x), reg)
            elif u.op == "set":
                reg, index, value = u.args
                v = self._operand(value)
                if isinstance(v, Node) and v.cost > COSTLY:
                    self.text(v)
                    v.cost = 0
                path.changed[reg.name, index.x] = v
            elif u.op == "if":
                at = self._if(ops, at - 1, path)
            elif u.op == "insn":
                self.op_insn(u)
            elif u.op != "finish" and not (u.op == "load" and self._recalled(u, path)):
                self._path = path
                self._effect(u)

    def _effect(self, u: Uop) -> None:
        """An operation that is done where it stands."""
        args = tuple(self._operand(a) if isinstance(a, Val) else a for a in u.args)
        for a in args:
            if isinstance(a, Node):
                self.text(a)
        v = Node(u.op, u.w, args, 0, u.n)
        if u.w:
            self._local[u.n] = v
            self._name(v)
        getattr(self, "op_" + u.op)(v)

    @property
    def _here(self) -> tuple[int, int]:  # type: ignore[override]
        return self.here, 0

    def _if(self, ops: list[Uop], at: int, path: Path) -> int:
        """The structured condition that begins at ops[at]; returns the index behind its phis."""
        other, end = _arms(ops, at)
        behind = end + 1
        while ops[behind].op == "phi":
            behind += 1
        phis = ops[end + 1 : behind]
        cond = self._operand(ops[at].args[0])
        dead = _dead(ops, at + 1, other), _dead(ops, other + 1, end)
        if any(dead):  # one side is an exception: a side exit, and the other side is all there is
            c = self.text(cond)
            if not dead[0]:
                c, yes = self.new(), c
                self.put(f"{c} = xor i1 {yes}, true")
            self._leave_if(c, path, "exception")
            if not dead[0]:
                self._ops(ops, at + 1, other, path)
            else:
                self._ops(ops, other + 1, end, path)
            return behind
        if all(u.op in PURE or u.op in ("get", "if", "else", "phi", "end") for u in ops[at + 1 : end]):
            self._ops(ops, at + 1, other, path)
            self._ops(ops, other + 1, end, path)
            for u in phis:
                a, b = (self._operand(v) for v in u.args)
                cost = 1 + sum(v.cost for v in (cond, a, b) if isinstance(v, Node) and not v.done)
                self._local[u.n] = self._placed(Node("select", u.w, (cond, a, b), cost))
            return behind
        self._look(path)
        self.n += 1
        k, exits, asked = self.n, self._exits, self.asked
        self.cond(self.text(cond), f"then{k}", f"else{k}")
        incoming: list[list[str]] = [[] for _ in phis]
        before = behind_one = path.memory
        for label, first, last, arm in ((f"then{k}", at + 1, other, 0), (f"else{k}", other + 1, end, 1)):
            self._exits = dict(exits)
            self.asked = asked
            behind_one, path.memory = path.memory, before.copy()
            self._open()
            self.block(label)
            self._ops(ops, first, last, path)
            for into, u in zip(incoming, phis, strict=True):
                into.append(self.text(self._operand(u.args[arm])))
            from_ = self.label
            for into in incoming:
                into[-1] = f"[ {into[-1]}, %{from_} ]"
            assert not path.doubts.lanes, "arithmetic of the host in a branch"
            self.br(f"join{k}")
            self._close()
        self._exits, self.asked = exits, asked
        path.memory.meet(behind_one, before)
        self.block(f"join{k}")
        for into, u in zip(incoming, phis, strict=True):
            v = self._local[u.n] = Node("phi", u.w, (), 0)
            self.put(f"{self._name(v)} = phi i{u.w} {', '.join(into)}")
        return behind

    def op_expect(self, u: Any) -> None:
        """Leave unless a value is what it usually is; once is enough where it does not change."""
        value, usual = u.args
        if isinstance(value, Val):
            assert value.known == usual
            return
        sure = self._sure.setdefault((value, usual), Node("sure", 1, (), 0))
        if not sure.done:
            same = self.new()
            self.put(f"{same} = icmp eq i{value.w} {self.text(value)}, {usual}")
            self._guard(same, "float")
            sure.done = True
            self._scopes[-1].append(sure)

    def op_insn(self, u: Uop) -> None:
        self.lines.append(f"; {u.args[0]:#x}")

    def _guard(self, hit: str, why: str) -> None:
        miss = self.new()
        self.put(f"{miss} = xor i1 {hit}, true")
        self._leave_if(miss, self._path, why)

    @property
    def _fast(self) -> bool:
        """Whether the instruction at hand reaches memory through a window."""
        return self.slow is not None and self.here not in self.slow

    def _view(self, addr: Operand, size: int, why: str) -> tuple[str, str]:
        """Host pointer of an access, and the side exit for when it fails."""
        align = self.m.alignment(size)
        base, displacement = apart(addr)
        if align and not self._path.memory.straighten(base, displacement, align):
            low, odd = self.new(), self.new()
            self.put(f"{low} = and i32 {self.text(addr)}, {align}")
            self.put(f"{odd} = icmp ne i32 {low}, 0")
            self._leave_if(odd, self._path, why)
        if base is None:
            base, displacement = addr, 0
        return self.fast_pointer(self.text(base), displacement), self._side_exit(self._path, why)

    def _recalled(self, u: Uop, path: Path) -> bool:
        """Whether memory is known to hold what would be loaded."""
        addr, size, space = u.args
        if not self._fast or space is not DATA:
            return False
        base, at = apart(self._operand(addr))
        found = path.memory.find(base, at, size)
        if found is None:
            halved = size == 8 and not self.m.alignment(8)
            return halved and self._recalled_halves(u, base, at, path)
        value, before, whole = found
        shift = 8 * (whole - size - before if self.m.isa.big_endian else before)
        if isinstance(value, Val):
            assert value.known is not None
            value = Val(value.s, 8 * size, value.known >> shift & (1 << 8 * size) - 1)
        elif whole != size:
            if shift:
                count = Val(None, value.w, shift)  # type: ignore[arg-type]
                value = self._make("lshr", value.w, (value, count))
            value = self._make("trunc", 8 * size, (value,))
        self._local[u.n] = value
        return True

    def _recalled_halves(self, u: Uop, base: Any, at: int, path: Path) -> bool:
        """The same of two longs: the host would have to wait until both have been stored."""
        halves = [path.memory.find(base, at + k, 4) for k in (0, 4)]
        if any(h is None or h[1:] != (0, 4) for h in halves):
            return False
        high, low = (h[0] for h in (halves if self.m.isa.big_endian else halves[::-1]) if h)
        up = self._make("shl", 64, (self._make("zext", 64, (high,)), Val(None, 64, 32)))  # type: ignore[arg-type]
        self._local[u.n] = self._make("or", 64, (up, self._make("zext", 64, (low,))))
        return True

    def op_load(self, u: Any) -> None:
        addr, size, space = u.args
        if self._fast and space is DATA:
            p, exit_ = self._view(addr, size, "load")
            wide = ""
            if size == 1:
                u.wide = Node("wide", 32, (), 0)
                wide = self._name(u.wide)
            self.fast_load(p, size, f"%t{u.n}", self.here, exit_, wide)
            self._path.memory.loaded(*apart(addr), size, u)
            return
        hit, p = self.tlb(self.text(addr), size, "xtag" if space is PROGRAM else "rtag", self._space)
        self._guard(hit, "load")
        self.host_load(p, size, f"%t{u.n}")

    def op_store(self, u: Any) -> None:
        addr, value, space = u.args
        assert space is DATA, space
        self._look(self._path)
        if self._fast:
            p, exit_ = self._view(addr, value.w // 8, "store")
            self.fast_store(p, value.w // 8, self.text(value), self.here, exit_)
            self._path.memory.stored(*apart(addr), value.w // 8, value)
            return
        self._path.memory.stored(*apart(addr), value.w // 8, None)
        hit, p = self.tlb(self.text(addr), value.w // 8, "wtag", self._space)
        self._guard(hit, "store")
        self.host_store(p, value.w // 8, self.text(value))

    def op_probe(self, u: Any) -> None:
        addr, size, _ = u.args
        if self._fast:
            p, exit_ = self._view(addr, size, "probe")
            self.fast_touch(p, size, self.here, exit_)
            return
        hit, _p = self.tlb(self.text(addr), size, "wtag", self._space)
        self._guard(hit, "probe")


def _arms(ops: list[Uop], at: int) -> tuple[int, int]:
    """Indices of the `else` and the `end` that belong to the `if` at ops[at]."""
    depth, other = 0, at
    while True:
        op = ops[at].op
        if op == "if":
            depth += 1
        elif op == "else" and depth == 1:
            other = at
        elif op == "end":
            depth -= 1
            if not depth:
                return other, at
        at += 1


def _dead(ops: list[Uop], at: int, end: int) -> bool:
    """Whether an arm always ends in an exception."""
    while at < end:
        if ops[at].op == "goto":
            return True
        if ops[at].op == "if":
            other, last = _arms(ops, at)
            if _dead(ops, at + 1, other) and _dead(ops, other + 1, last):
                return True
            at = last
        at += 1
    return False
