"""Regions as LLVM text: guest registers in SSA, no slow paths, only side exits.

    at a tree's root     registers come from stack slots
    within the tree      values are computed where something needs them: an address, a store, a branch
    side exit (cold)     changed registers are stored, conditions computed from what they depend on;
                         op = pc | why << 32, and `exit` goes on in the interpreter with that instruction
    edge to a root       budget check, where a loop closes (trees.py); changed registers go to stack slots, of
                         which LLVM makes phis

A tree is a block with several predecessors (or the entry) and what can only be reached through it.  So a
value has one definition wherever it is used, and code that only an exit needs stands only there.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from . import parts
from .lazy import LazyEmitter
from .llvm import sse, x87_exit
from .llvm.emit import INTRINSICS, METADATA, SELDOM, STATE, UNLIKELY
from .llvm.fast import TABLE
from .nodes import Node, Operand, Path, Place, Slot
from .region import Block, Key, Region, successors
from .spec.semantics import Reg, Windows
from .spec.value import Val
from .state import EXITS
from .steps import Step
from .trees import Trees


def written(step: Step) -> set[Slot]:
    """Registers that an instruction may write."""
    return {(u.args[0].name, u.args[1].x) for u in step.ops if u.op == "set"}


def dirty_registers(region: Region) -> dict[Key, set[Slot]]:
    """Per block, the registers that may have been written since the region was entered."""
    dirty: dict[Key, set[Slot]] = {k: set() for k in region.blocks}
    own = {k: {slot for s in b.steps for slot in written(s)} for k, b in region.blocks.items()}
    todo = [Key(region.entry)]
    seen = set()
    while todo:
        k = todo.pop()
        seen.add(k)
        out = dirty[k] | own[k]
        for to in successors(region.blocks, region.blocks[k]):
            if to not in seen or not out <= dirty[to]:
                dirty[to] |= out
                todo.append(to)
    return dirty


def _flat(lines: list[Any]) -> Iterator[str]:
    for x in lines:
        if isinstance(x, Place):
            yield from x
        else:
            yield x


class RegionEmitter(LazyEmitter):
    """Renders a region."""

    def __init__(self, region: Region, page_bits: int, slow: frozenset[int] | None = None) -> None:
        super().__init__(region.model, page_bits, region.mode, slow)
        self.region = region
        self.hosts = any(u.op == "host" for b in region.blocks.values() for s in b.steps for u in s.ops)
        self.slots: dict[Slot, Reg] = {}
        for b in region.blocks.values():
            for s in b.steps:
                for u in s.ops:
                    if u.op in ("get", "set"):
                        self.slots[u.args[0].name, u.args[1].x] = u.args[0]
                    if u.op == "set" and not self.hosts and parts.writes_low(u.args[2]):
                        self.kinds[u.args[0].name, u.args[1].x] = "low"
        self._dirty = dirty_registers(region)
        self._trees = Trees(region)
        self._labels = {k: f"at{i}_{k.address:x}" for i, k in enumerate(region.blocks)}
        self._cold: list[Any] = []
        self.here = region.entry
        self.back = 0  # instructions that an exit here takes back
        self._at_root: set[Slot] = set()  # registers that may have changed before the tree
        self._have, self._spared = "%budget", 0  # what is left at its root, beyond what it has been granted
        self._late: set[Slot] = set()  # registers that are stored where the ways out join
        self.reals = x87_exit.usage(region.blocks, lambda b: successors(region.blocks, b))

    def module(self, name: str = "region") -> str:
        """The region as an LLVM module with one function."""
        self.lines = [
            f"define tailcc void @{name}(ptr noalias %st, ptr %ip, i64 %budget, i64 %op) nounwind {{"
        ]
        self.block("entry")
        self.put("%left = alloca i64")
        self._windows()
        for (reg, i), r in self.slots.items():
            t = "double" if r.real else f"i{r.width}"
            kind = r.parts or self.kinds.get((reg, i), "")
            if kind:
                names = [f"%{p.name}.{i}" for p in parts.slots(reg, kind)]
                for name in names:
                    self.put(f"{name} = alloca i{parts.WIDTH}")
            else:
                names = [f"%{reg}.{i}"]
                self.put(f"{names[0]} = alloca {t}")
            p, v = self._state(reg, i, r), self.new()
            self.put(f"{v} = load {t}, ptr {p}, {STATE}")
            if kind:
                whole = Node("loaded", r.width, (), 0)
                self.put(f"{self._name(whole)} = add {t} {v}, 0")
                for name, x in zip(names, parts.split(kind, whole, Node), strict=True):
                    self.put(f"store i{parts.WIDTH} {self.text(x)}, ptr {name}")
            else:
                self.put(f"store {t} {v}, ptr {names[0]}")
        if self.slow is not None:
            bases = self.at("fast_base", str(self.region.mode), "ptr")
            self.put(f"%base = load ptr, ptr {bases}, {STATE}")
        if self.reals:
            self.registers(self.reals, Key(self.region.entry))
        if self.hosts:
            self.host_enter()
        self._open()
        self._pay(Key(self.region.entry), Path({}, 0))
        self.br(self._labels[Key(self.region.entry)])
        self._close()
        for key in self.region.blocks:
            if key in self._trees.roots:
                self._tree(key)
        self.lines += self._cold
        if self.reals:
            self.block("x.leave")
            fields = self.way_out()
            self.store_registers(self.reals)
            self._gone(*fields)
        elif self.hosts:
            self.block("x.leave")
            fields = self.way_out()
            for slot in sorted(self._late):
                r, v = self.slots[slot], self.new()
                t = "double" if r.real else f"i{r.width}"
                self.put(f"{v} = load {t}, ptr %{slot[0]}.{slot[1]}")
                self.put(f"store {t} {v}, ptr {self._state(*slot, r)}, {STATE}")
            self.host_leave()
            self._gone(*fields)
        self.lines.append("}\n")
        declared = x87_exit.declarations(self.offsets, self.limits) if self.reals else ""
        declared += sse.DECLARATIONS if self.hosts else ""
        table = TABLE if self.slow is not None else ""
        return table + INTRINSICS + METADATA + declared + "\n".join(_flat(self.lines))

    def _state(self, reg: str, i: int, r: Reg) -> str:
        p = self.new("p")
        w = r.windows
        if w is None or i < w.fixed:
            self.put(f"{p} = getelementptr i8, ptr %st, i64 {self.offsets[reg] + i * r.width // 8}")
        else:
            k, rest = divmod(i - w.fixed, w.step)
            self.put(f"{p} = getelementptr i8, ptr %{reg}.window{k}, i64 {rest * r.width // 8}")
        return p

    # -- register windows ------------------------------------------------------------------------------------

    def _windows(self) -> None:
        """At the entry: the number of each window that the region uses, and where its registers are."""
        files: dict[str, tuple[Reg, Windows, set[int]]] = {}
        for (reg, i), r in self.slots.items():
            if r.windows is not None and i >= r.windows.fixed:
                used = files.setdefault(reg, (r, r.windows, set()))[2]
                used.add((i - r.windows.fixed) // r.windows.step)
        steps = [s for b in self.region.blocks.values() for s in b.steps]
        numbers = {s.window for s in steps} - {0}
        numbers |= {u.args[0].x for s in steps for u in s.ops if u.op == "window"}
        numbers = numbers.union(*(used for _, _, used in files.values()))
        if not numbers:
            return
        current = self.m.isa.window
        assert current is not None
        count = self.m.options["windows"]
        now, wide = self.peek(current.name, f"i{current.width}"), self.new()
        self.put(f"{wide} = zext i{current.width} {now} to i64")
        for k in sorted(numbers):
            on, over, wraps = self.new(), self.new(), self.new()
            self.put(f"{on} = add nuw nsw i64 {wide}, {k}")
            self.put(f"{over} = sub nsw i64 {on}, {count}")
            self.put(f"{wraps} = icmp uge i64 {on}, {count}")
            self.put(f"%window{k} = select i1 {wraps}, i64 {over}, i64 {on}")
        for reg, (r, w, used) in files.items():
            for k in sorted(used):
                bytes_, at = self.new(), self.new("p")
                self.put(f"{bytes_} = mul nuw nsw i64 %window{k}, {w.step * r.width // 8}")
                self.put(
                    f"{at} = getelementptr i8, ptr %st, i64 {self.offsets[reg] + w.fixed * r.width // 8}"
                )
                self.put(f"%{reg}.window{k} = getelementptr i8, ptr {at}, i64 {bytes_}")

    def op_window(self, u: Any) -> None:
        self.put(f"%t{u.n} = trunc i64 %window{u.args[0].x} to i{u.w}")

    # -- blocks ----------------------------------------------------------------------------------------------

    def _tree(self, root: Key) -> None:
        self._homes = {}
        self._at_root = self._dirty[root]
        self._open()
        self.here, self.back = root.address, 0
        self.block(self._labels[root])
        self._top = Place(self.here), self._scopes[-1]
        self.lines.append(self._top[0])
        self._have, self._spared = self.new(), self._trees.longest(root)
        self.put(f"{self._have} = load i64, ptr %left")
        self._blocks(self.region.blocks[root], Path({}, 0, root.window))
        self._close()

    def _blocks(self, b: Block | None, path: Path) -> None:
        """A block and what can only be reached through it."""
        while b is not None:
            if self.reals:
                behind = (self.reals.live[to] for to in successors(self.region.blocks, b))
                self.fresh_block((u for s in b.steps for u in s.ops), set().union(*behind))
            for s in b.steps:
                self.here, self.back = (s.address, 0) if s.branch is None else (s.branch, 1)
                self._exits, self._local = {}, {}
                self._ops(s.ops, 0, len(s.ops), path)
                path.done += s.count
                path.window = s.window
            how, *operands = b.next or (None,)
            if how is None:
                b = self._edge(b.through, b.follow, path, b.stuck)
            elif how == "jump":
                b = self._jump(b, self._operand(operands[0]), path)
            else:
                b = self._branch(b, self._operand(operands[0]), self._operand(operands[1]), path)

    def _branch(self, b: Block, cond: Operand, to: Operand, path: Path) -> Block | None:
        taken = b.taken[0] if b.taken else None
        if isinstance(cond, Val):
            key, address = (taken, to) if cond.known else (b.through, b.follow)
            return self._edge(key, address, path)
        self.n += 1
        yes, no = f"taken{self.n}", f"not{self.n}"
        self.cond(self.text(cond), yes, no)
        for label, key, address in ((yes, taken, to), (no, b.through, b.follow)):
            self._open()
            self.block(label)
            way = path.copy()
            self._blocks(self._edge(key, address, way), way)
            self._close()
        return None

    def _jump(self, b: Block, to: Operand, path: Path) -> Block | None:
        places = [k for k in b.taken if k in self.region.blocks]
        if isinstance(to, Val) or not places:
            return self._edge(b.taken[0] if b.taken else None, to, path)
        for place in places:
            self.n += 1
            on, off, same = f"same{self.n}", f"other{self.n}", self.new()
            self.put(f"{same} = icmp eq i32 {self.text(to)}, {place.address}")
            self.cond(same, on, off, SELDOM)
            self._open()
            self.block(on)
            way = path.copy()
            self._blocks(self._edge(place, place.address, way), way)
            self._close()
            self.block(off)
        self._leave(to, path, "elsewhere")
        return None

    def _edge(self, key: Key | None, address: Any, path: Path, stuck: bool = False) -> Block | None:
        """Go on at a block, which is returned if it comes here; `stuck`: it is the interpreter's."""
        if key is None or key not in self.region.blocks:
            self._leave(address, path, "interpreter" if stuck else "elsewhere")
            return None
        if key not in self._trees.roots:
            return self.region.blocks[key]
        self._look(path)
        self._pay(key, path)
        self._leaving += 1
        self._open()
        values = []
        for (reg, i), x in path.changed.items():
            r = self.slots[reg, i]
            kind = r.parts or self.kinds.get((reg, i), "")
            if kind:
                several = zip(parts.slots(reg, kind), parts.split(kind, x, Node), strict=True)
                values += [(p, i, self.text(y)) for p, y in several]
            else:
                values.append((r, i, self.text(x)))
        for r, i, v in values:
            self._keep(r, i, v)
        self.br(self._labels[key])
        self._close()
        self._leaving -= 1
        return None

    def _pay(self, root: Key, path: Path) -> None:
        """Leave unless the budget is enough to the next heads; what it has beyond that goes to %left."""
        more = self._trees.longest(root) - self._spared + path.done
        over = self._less(more)
        self.put(f"store i64 {over}, ptr %left")
        if more > 0:
            short = self.new()
            self.put(f"{short} = icmp ult i64 {self._have}, {more}")
            self._exits, self.here, self.back = {}, root.address, 0
            self._leave_if(short, path, "budget")

    def _less(self, count: int) -> str:
        """What there is of the budget beyond what the tree needs, less an amount."""
        rest = self.new()
        self.put(f"{rest} = add i64 {self._have}, {-count}")
        return rest

    # -- leaving ---------------------------------------------------------------------------------------------

    def _leave(self, pc: Any, path: Path, why: str, taken_back: int = 0) -> None:
        """Store what has changed and go on at pc in other code."""
        if path.doubts.lanes:
            self._look_or_leave(path)
        self._leaving += 1
        self._open()
        kept = []  # once nothing reads stack slots any more
        for slot in sorted(self._at_root | path.changed.keys()):
            r = self.slots[slot]
            if self._stays(r):
                self._late.add(slot)
                if slot in path.changed:
                    kept.append((r, slot[1], self.text(path.changed[slot])))
                continue
            v = self.text(self._read(path, slot, r))
            self.put(f"store i{r.width} {v}, ptr {self._state(*slot, r)}, {STATE}")
        if path.window:
            current = self.m.isa.window
            assert current is not None
            number = self.new()
            self.put(f"{number} = trunc i64 %window{path.window} to i{current.width}")
            self.poke(current.name, f"i{current.width}", number)
        back = self._less(path.done - taken_back - self._spared)
        how = "chain" if why == "elsewhere" else "exit"
        known = pc if isinstance(pc, int) else pc.known if isinstance(pc, Val) else None
        if known is not None:
            op = str(known if how == "chain" else known | EXITS.index(why) << 32)
        else:
            op = self.new()
            self.put(f"{op} = zext i32 {self.text(pc)} to i64")
        for r, i, v in kept:
            self._keep(r, i, v)
        fields = str(self.offsets[how]), op, back
        if self.reals or self.hosts:
            self.ways_out.append((self.label, *fields))
            self.br("x.leave")
        else:
            self._gone(*fields)
        self._close()
        self._leaving -= 1

    def _stays(self, r: Reg) -> bool:
        """Whether exits leave a register in its stack slot: with many, of many exits."""
        return self.hosts and (r.real or not r.lazy)

    def _keep(self, r: Reg, i: int, v: str) -> None:
        """Put a register into its stack slot."""
        if r.real:
            real = self.new("r")
            self.put(f"{real} = bitcast i{r.width} {v} to double")
            self.put(f"store double {real}, ptr %{r.name}.{i}")
        else:
            self.put(f"store i{r.width} {v}, ptr %{r.name}.{i}")

    def _gone(self, how: str, op: str, left: str) -> None:
        """To the code whose address is at an offset in the state."""
        p, target = self.new("p"), self.new("f")
        self.put(f"{p} = getelementptr i8, ptr %st, i64 {how}")
        self.put(f"{target} = load ptr, ptr {p}, {STATE}")
        self.put(f"musttail call tailcc void {target}(ptr %st, ptr null, i64 {left}, i64 {op})")
        self.put("ret void")

    def _side_exit(self, path: Path, why: str) -> str:
        """Label of an exit before the current instruction, out of the way."""
        if why not in self._exits:
            self.n += 1
            label = self._exits[why] = f"side{self.n}"
            then = Path(dict(path.changed), path.done, path.window, None, path.doubts.copy())
            self._later[-1].append(partial(self._render_exit, label, self.here, then, why, self.back))
        return self._exits[why]

    def _render_exit(self, label: str, address: int, path: Path, why: str, taken_back: int) -> None:
        lines, self.lines = self.lines, self._cold
        now, here, self.here = self.label, self.here, address
        self.block(label)
        self._leave(address, path, why, taken_back)
        self.lines, self.label, self.here = lines, now, here

    def _leave_if(self, cond: str, path: Path, why: str) -> None:
        exit_ = self._side_exit(path, why)
        self.n += 1
        self.cond(cond, exit_, f"on{self.n}", UNLIKELY)
        self.block(f"on{self.n}")
