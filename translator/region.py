"""Regions: the control-flow graph behind a hot entry, compiled as one host function.

Guest registers live in SSA, direct branches are host branches, a direct call runs into its callee.  There are
no slow paths, only side exits: registers are stored, the pc is that of the instruction which was not done,
and the interpreter does it from its start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .isa import Model
from .llvm import x87_exit
from .llvm.emit import INTRINSICS, METADATA, STATE, UNLIKELY
from .llvm.x87 import X87
from .spec.insn import Fields
from .spec.semantics import DATA, MODE, PROGRAM, Reg
from .spec.value import Uop, Val
from .state import EXITS
from .trace import RegionTrace, Untranslatable

MAX_INSNS = 96  # the cost of compiling grows faster than the region


class OutOfSight(Exception):
    """Guest code whose bytes the translator was not given."""


@dataclass
class Step:
    """One instruction of a block."""

    address: int
    ops: list[Uop]
    length: int


@dataclass
class Block:
    """Straight-line code; `next` is None (falls into `follow`), ("jump", Val) or ("branch", cond, Val)."""

    address: int
    steps: list[Step] = field(default_factory=list)
    next: tuple[Any, ...] | None = None
    follow: int = 0  # address behind the last instruction
    stuck: bool = False  # the instruction at `follow` is the interpreter's


@dataclass
class Region:
    """What `discover` found: blocks by address, in order of discovery, and the guest bytes they rest on."""

    model: Model
    mode: int
    entry: int
    blocks: dict[int, Block]
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
    trace = RegionTrace(model, mode, code)
    blocks: dict[int, Block] = {}
    owner: dict[int, int] = {}  # instruction address -> block address
    todo = [entry]
    count = 0
    while todo:
        at = todo.pop(0)
        if at in blocks:
            continue
        if at in owner:  # a branch into the middle of a block: split it there
            _split(blocks, owner, at)
            continue
        block = blocks[at] = Block(at, follow=at)
        while True:
            if count >= limit:
                break  # what follows is a region of its own, once it is hot
            step = _trace_one(trace, model, block.follow, code)
            if step is None:
                block.stuck = True
                break
            ops, length, next_ = step
            block.steps.append(Step(block.follow, ops, length))
            owner[block.follow] = at
            count += 1
            block.follow = (block.follow + length) & 0xFFFFFFFF
            if next_ is not None:
                block.next = next_
                if next_[-1].known is not None:
                    todo.append(next_[-1].known)
                if next_[0] == "branch":
                    todo.append(block.follow)
                break
            if block.follow in blocks or block.follow in owner:
                if block.follow not in blocks:
                    _split(blocks, owner, block.follow)
                break
    spans = sorted((s.address, s.length) for b in blocks.values() for s in b.steps)
    return Region(model, mode, entry, blocks, _merge(spans))


def _merge(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for at, n in spans:
        if out and at <= out[-1][0] + out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], at + n - out[-1][0]))
        else:
            out.append((at, n))
    return out


def _split(blocks: dict[int, Block], owner: dict[int, int], at: int) -> None:
    head = blocks[owner[at]]
    k = next(i for i, s in enumerate(head.steps) if s.address == at)
    tail = Block(at, head.steps[k:], head.next, head.follow, head.stuck)
    head.steps, head.next, head.follow, head.stuck = head.steps[:k], None, at, False
    blocks[at] = tail
    for s in tail.steps:
        owner[s.address] = at


def _trace_one(
    trace: RegionTrace,
    model: Model,
    at: int,
    code: Callable[[int, int], int],
) -> tuple[list[Uop], int, tuple[Any, ...] | None] | None:
    """(uops, length, next) of the instruction at `at`, or None if the interpreter has to do it."""
    first = len(trace.ops)
    try:
        if at % model.isa.word:
            return None
        word = code(at, model.isa.word)
        hit = model.decoder.decode(word)
        if hit is None:
            return None
        insn, known = hit
        fields = Fields(trace, insn.pattern, known)
        if "interp" not in insn.traits:
            trace.start(at, word)
            insn.fn(trace, fields)
        elif model.isa.quick is not None:
            trace.start(at, word)
            if not model.isa.quick(trace, insn, fields):
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
    return ops, length, next_


Slot = tuple[str, int]  # register, index


def written(step: Step) -> set[Slot]:
    """Registers that an instruction may write."""
    return {(u.args[0].name, u.args[1].x) for u in step.ops if u.op == "set"}


def successors(region: Region, b: Block) -> list[int]:
    """Blocks of the region that may follow `b`."""
    out = []
    if b.next is None or b.next[0] == "branch":
        out.append(b.follow)
    if b.next is not None and b.next[-1].known is not None:
        out.append(b.next[-1].known)
    return [a for a in out if a in region.blocks]


def dirty_registers(region: Region) -> dict[int, set[Slot]]:
    """Per block, the registers that may have been written since the region was entered."""
    dirty: dict[int, set[Slot]] = {a: set() for a in region.blocks}
    todo = [region.entry]
    seen = set()
    while todo:
        a = todo.pop()
        seen.add(a)
        b = region.blocks[a]
        out = dirty[a].union(*(written(s) for s in b.steps)) if b.steps else dirty[a]
        for to in successors(region, b):
            if to not in seen or not out <= dirty[to]:
                dirty[to] |= out
                todo.append(to)
    return dirty


class RegionEmitter(X87):
    """Renders a region."""

    def __init__(self, region: Region, page_bits: int) -> None:
        super().__init__(region.model, page_bits)
        self.region = region
        self.slots: dict[tuple[str, int], Reg] = {}
        self.dirty: set[Slot] = set()  # registers that may differ from the state struct's at this point
        self._exits: list[
            tuple[str, int, int, str, set[Slot]]
        ] = []  # label, pc, instructions not done, why, dirty
        self._here = (0, 0)
        for b in region.blocks.values():
            for s in b.steps:
                for u in s.ops:
                    if u.op in ("get", "set"):
                        self.slots[u.args[0].name, u.args[1].x] = u.args[0]
        self._dirty_at = dirty_registers(region)
        self.reals = x87_exit.usage(region.blocks, lambda b: successors(region, b))

    def module(self, name: str = "region") -> str:
        """The region as an LLVM module with one function."""
        self.lines = [
            f"define tailcc void @{name}(ptr noalias %st, ptr %ip, i64 %budget, i64 %op) nounwind {{"
        ]
        self.block("entry")
        self.put("%left = alloca i64")
        self.put("store i64 %budget, ptr %left")
        for (reg, i), r in self.slots.items():
            self.put(f"%{reg}.{i} = alloca i{r.width}")
            p, v = self._home(reg, i, r), self.new()
            self.put(f"{v} = load i{r.width}, ptr {p}, {STATE}")
            self.put(f"store i{r.width} {v}, ptr %{reg}.{i}")
        if self.reals:
            self.registers(self.reals, self.region.entry)
        self.br(f"at_{self.region.entry:x}")
        for b in self.region.blocks.values():
            self._block(b)
        for label, pc, undone, why, dirty in self._exits:
            self.block(label)
            self.dirty = dirty
            self._exit("resume", str(pc), undone, why)
        if self.reals:
            self.block("x.leave")
            self.dirty = set().union(*(written(s) for b in self.region.blocks.values() for s in b.steps))
            fields = self.way_out()
            self.store_registers(self.reals)
            self._leave(*fields)
        self.lines.append("}\n")
        declared = x87_exit.declarations(self.offsets, self.limits) if self.reals else ""
        return INTRINSICS + METADATA + declared + "\n".join(self.lines)

    def _home(self, reg: str, i: int, r: Reg) -> str:
        p = self.new("p")
        self.put(f"{p} = getelementptr i8, ptr %st, i64 {self.offsets[reg] + i * r.width // 8}")
        return p

    def _block(self, b: Block) -> None:
        self.block(f"at_{b.address:x}")
        self.dirty = set(self._dirty_at[b.address])
        if self.reals:
            behind = (self.reals.live[to] for to in successors(self.region, b))
            self.fresh_block((u for s in b.steps for u in s.ops), set().union(*behind))
        n = len(b.steps)
        if not n:
            self._leave_at(b.address, b.stuck)
            return
        have, short, rest = self.new(), self.new(), self.new()
        self.put(f"{have} = load i64, ptr %left")
        self.put(f"{short} = icmp ult i64 {have}, {n}")
        self.n += 1
        go, stop = f"go{self.n}", f"stop{self.n}"
        self.cond(short, stop, go, UNLIKELY)
        self._exits.append((stop, b.address, 0, "budget", set(self.dirty)))
        self.block(go)
        self.put(f"{rest} = sub i64 {have}, {n}")
        self.put(f"store i64 {rest}, ptr %left")
        for k, s in enumerate(b.steps):
            self._here = (s.address, n - k)
            self.render(s.ops)
            self.dirty |= written(s)
        if b.next is None:
            self._goto_known(b.follow, b.stuck)
        elif b.next[0] == "jump":
            self._goto(b.next[1])
        else:
            self.n += 1
            k = self.n
            self.cond(self.text(b.next[1]), f"taken{k}", f"not{k}")
            self.block(f"taken{k}")
            self._goto(b.next[2])
            self.block(f"not{k}")
            self._goto_known(b.follow)

    def _goto(self, target: Val) -> None:
        if target.known is not None:
            self._goto_known(target.known)
            return
        self._exit("jump_to", self.text(target), 0, "elsewhere")

    def _goto_known(self, address: int, stuck: bool = False) -> None:
        """Go on at `address`; `stuck`: the instruction there is the interpreter's."""
        if address in self.region.blocks:
            self.br(f"at_{address:x}")
        else:
            self._leave_at(address, stuck)

    def _leave_at(self, address: int, stuck: bool) -> None:
        if stuck:
            self._exit("resume", str(address), 0, "interpreter")
        else:
            self._exit("jump_to", str(address), 0, "elsewhere")

    def _exit(self, how: str, pc: str, undone: int, why: str) -> None:
        """Store what has changed and go on at pc, `undone` instructions of the block being left over."""
        fields = str(self.offsets[how]), pc, str(undone), str(self.offsets["exits"] + 8 * EXITS.index(why))
        if self.reals:
            self.ways_out.append((self.label, *fields))
            self.br("x.leave")
        else:
            self._leave(*fields)

    def _leave(self, how: str, pc: str, undone: str, counter: str) -> None:
        """The same for offsets in the state: of the code to go on with and of a statistic."""
        for key in sorted(self.dirty):
            r = self.slots[key]
            v, p = self.new(), self._home(*key, r)
            self.put(f"{v} = load i{r.width}, ptr %{key[0]}.{key[1]}")
            self.put(f"store i{r.width} {v}, ptr {p}, {STATE}")
        left, back, done, total = (self.new() for _ in range(4))
        self.put(f"{left} = load i64, ptr %left")
        self.put(f"{back} = add i64 {left}, {undone}")
        so_far = self.peek("insns_jit", "i64")
        self.put(f"{done} = sub i64 %budget, {back}")
        self.put(f"{total} = add i64 {so_far}, {done}")
        self.poke("insns_jit", "i64", total)
        at, count, more = self.new("p"), self.new(), self.new()
        self.put(f"{at} = getelementptr i8, ptr %st, i64 {counter}")
        self.put(f"{count} = load i64, ptr {at}, {STATE}")
        self.put(f"{more} = add i64 {count}, 1")
        self.put(f"store i64 {more}, ptr {at}, {STATE}")
        p, target, op = self.new("p"), self.new("f"), self.new()
        self.put(f"{p} = getelementptr i8, ptr %st, i64 {how}")
        self.put(f"{target} = load ptr, ptr {p}, {STATE}")
        self.put(f"{op} = zext i32 {pc} to i64")
        self.put(f"musttail call tailcc void {target}(ptr %st, ptr null, i64 {back}, i64 {op})")
        self.put("ret void")

    def _side_exit(self, why: str) -> str:
        """Label of an exit before the current instruction."""
        self.n += 1
        label = f"side{self.n}"
        self._exits.append((label, *self._here, why, set(self.dirty)))
        return label

    # -- uops ------------------------------------------------------------------------------------------------

    def op_insn(self, u: Uop) -> None:
        self.lines.append(f"; {u.args[0]:#x}")

    def op_finish(self, u: Uop) -> None:
        pass  # the block knows

    def op_get(self, u: Uop) -> None:
        reg, index = u.args
        self.put(f"%t{u.n} = load i{reg.width}, ptr %{reg.name}.{index.x}")

    def op_set(self, u: Uop) -> None:
        reg, index, value = u.args
        self.put(f"store i{reg.width} {self.text(value)}, ptr %{reg.name}.{index.x}")

    def op_goto(self, u: Uop) -> None:
        self.br(self._side_exit("exception"))
        self.n += 1
        self.block(f"dead{self.n}")

    def _guard(self, hit: str, why: str) -> None:
        self.n += 1
        exit_ = self._side_exit(why)
        label = f"hit{self.n}"
        unlucky = self.new()
        self.put(f"{unlucky} = xor i1 {hit}, true")
        self.cond(unlucky, exit_, label, UNLIKELY)
        self.block(label)

    def op_load(self, u: Uop) -> None:
        addr, size, space = u.args
        hit, p = self.tlb(
            self.text(addr), size, "xtag" if space is PROGRAM else "rtag", str(self.region.mode)
        )
        self._guard(hit, "load")
        self.host_load(p, size, f"%t{u.n}")

    def op_store(self, u: Uop) -> None:
        addr, value, space = u.args
        assert space is DATA, space
        hit, p = self.tlb(self.text(addr), value.w // 8, "wtag", str(self.region.mode))
        self._guard(hit, "store")
        self.host_store(p, value.w // 8, self.text(value))

    def op_probe(self, u: Uop) -> None:
        addr, size, _ = u.args
        hit, _p = self.tlb(self.text(addr), size, "wtag", str(self.region.mode))
        self._guard(hit, "probe")
