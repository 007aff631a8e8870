"""Handlers that try the short way first (Isa.host): the host's arithmetic, memory that is at hand.

    handler ─► piece for what the extension word says ─► done ─► next handler
        │          │ not as required, or memory is not at hand
        └──────────┴─► the whole handler, from the instruction's start: nothing that matters has been changed

Each is a function of its own, so that the short ones need neither calls nor a stack.
"""

from __future__ import annotations

from typing import Any

from .handlers import HandlerEmitter
from .isa import Model
from .llvm.emit import LIKELY
from .spec.insn import Fields, Shape
from .spec.semantics import DATA
from .spec.value import Uop, Val
from .trace import Trace

APART = "noinline nounwind"  # else it would be merged into its only caller


class ShortEmitter(HandlerEmitter):
    """Memory that is not at hand, and what is required in vain, are left to the whole handler."""

    def __init__(self, model: Model, page_bits: int, name: str) -> None:
        super().__init__(model, page_bits)
        self.name = name
        self._places: list[dict[Any, str]] = [{}]  # elements of register files that have been found, by scope

    def functions(self, shape: Shape) -> str | None:
        """The handler and its pieces, if there is anything to be tried."""
        host, insn = self.m.isa.host, shape.insn
        trace = Trace(self.m)
        if host is None or not host(trace, insn, Fields(trace, insn.pattern, shape.known)):
            return None
        out = [self.handler(self.name, trace, "internal")]
        for k, make in enumerate(trace.pieces):
            piece = Trace(self.m)
            piece.advance(self.m.isa.word)
            make(piece, Fields(piece, insn.pattern, shape.known))
            out.append(self.handler(f"{self.name}_{k}", piece, "internal", APART))
        return "\n".join(out)

    def handler(self, name: str, trace: Trace, linkage: str = "", attributes: str = "nounwind") -> str:
        assert trace.dead, name
        self._places = [{}]
        text = super().handler(name, trace, linkage, attributes).rstrip().removesuffix("}")
        self.lines = []
        self.block("in_vain")
        op = self.new()
        self.put(f"{op} = and i64 %op, {(1 << 8 * self.m.isa.word) - 1}")
        self.tail(f"@{self.name}_whole", "%ip", "%budget", op)
        return text + "\n".join(self.lines) + "\n}\n"

    def _register(self, reg: Any, index: Val) -> str:
        """Each element is looked for once; one behind an even one is told by the other."""
        x, step = index.x, 0
        if isinstance(x, Uop) and x.op == "or" and x.args[1].known == 1 and x.args[0].x.op == "shl":
            x, step = x.args[0].x, reg.width // 8
        if not isinstance(x, Uop):
            return super()._register(reg, index)
        known = next((d[reg.name, x] for d in self._places if (reg.name, x) in d), None)
        if known is None:
            known = self._places[-1][reg.name, x] = super()._register(reg, Val(index.s, index.w, x))
        if not step:
            return known
        p = self.new("p")
        self.put(f"{p} = getelementptr i8, ptr {known}, i64 {step}")
        return p

    def op_if(self, u: Uop) -> None:
        super().op_if(u)
        self._places.append({})

    def op_else(self, u: Uop) -> None:
        super().op_else(u)
        self._places[-1] = {}

    def op_end(self, u: Uop) -> None:
        super().op_end(u)
        self._places.pop()

    def _only_if(self, cond: str) -> None:
        self.n += 1
        k = self.n
        self.cond(cond, f"on{k}", "in_vain", LIKELY)
        self.block(f"on{k}")

    def op_piece(self, u: Uop) -> None:
        k, word = u.args
        wide, up, op = self.new(), self.new(), self.new()
        self.put(f"{wide} = zext i{word.w} {self.text(word)} to i64")
        self.put(f"{up} = shl i64 {wide}, {8 * self.m.isa.word}")
        self.put(f"{op} = or i64 {up}, %op")
        self.tail(f"@{self.name}_{k}", "%ip", "%budget", op)
        self.n += 1
        self.block(f"dead{self.n}")

    def op_extension(self, u: Uop) -> None:
        up = self.new()
        self.put(f"{up} = lshr i64 %op, {8 * self.m.isa.word}")
        self.put(f"%t{u.n} = trunc i64 {up} to i{u.w}")

    def op_require(self, u: Uop) -> None:
        self._only_if(self.text(u.args[0]))

    def op_load(self, u: Uop) -> None:
        addr, size, space = u.args
        hit, p = self.tlb(self.text(addr), size, "rtag" if space is DATA else "xtag", self._mode())
        self._only_if(hit)
        self.host_load(p, size, f"%t{u.n}")

    def op_store(self, u: Uop) -> None:
        addr, value, space = u.args
        assert space is DATA
        hit, p = self.tlb(self.text(addr), value.w // 8, "wtag", self._mode())
        self._only_if(hit)
        self.host_store(p, value.w // 8, self.text(value))
