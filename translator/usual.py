"""Handlers for values of a field that lie apart (spec.insn.Apart): what is usual, and nothing else.

    all is as usual ─► done ─► next handler
        │ not
        └─► the handler that does all of it, from the instruction's start: nothing has been committed

So they are short, and need neither a call nor a stack.
"""

from __future__ import annotations

from .handlers import HandlerEmitter
from .isa import Model
from .llvm import sse
from .llvm.emit import LIKELY, STATE
from .spec.insn import Insn
from .spec.value import Uop, Val
from .trace import Trace

NX = 0x20  # `inexact` in MXCSR's order


class UsualTrace(Trace):
    """What is asked of the host, and what is expected, is so; the emitter sees to it."""

    def host(self, name: str, a: Val, b: Val) -> tuple[Val, Val, Val]:
        if not sse.AVAILABLE:
            return super().host(name, a, b)
        return self.emit("host", 64, name, a, b), self.const(1, 1), self.const(1, 1)

    def host_clean(self) -> Val:
        return self.const(1, 1) if sse.AVAILABLE else super().host_clean()

    def expect(self, value: Val, usual: int) -> Val:
        self.do("expect", value, usual)
        return self.const(usual, value.w)


class UsualEmitter(HandlerEmitter):
    """Leaves an instruction to the handler at its `rest` if anything is not as usual."""

    def __init__(self, model: Model, page_bits: int, insn: Insn) -> None:
        super().__init__(model, page_bits)
        assert insn.apart is not None
        self.rest = insn.apart.rest

    def _unless(self, usual: str) -> None:
        self.n += 1
        k = self.n
        self.cond(usual, f"usual{k}", f"rest{k}", LIKELY)
        self.block(f"rest{k}")
        self.at_place(str(self.rest))
        self.block(f"usual{k}")

    def op_expect(self, u: Uop) -> None:
        value, usual = u.args
        same = self.new()
        self.put(f"{same} = icmp eq i{value.w} {self.text(value)}, {usual}")
        self._unless(same)

    def op_host(self, u: Uop) -> None:
        """MXCSR is looked at only if it could have something new."""
        name, a, b = u.args
        good = self.operation(name, self.text(a), self.text(b), f"%t{u.n}")
        inexact, known, old = (self.new() for _ in range(3))
        self.put(f"{inexact} = and i8 {self.peek('fp_accrued', 'i8')}, {NX}")
        self.put(f"{known} = icmp ne i8 {inexact}, 0")
        self.put(f"{old} = and i1 {self.plain(name, f'%t{u.n}', good)}, {known}")
        self.n += 1
        k = self.n
        self.cond(old, f"known{k}", f"look{k}")
        self.block(f"look{k}")
        odd, clean = self.host_odd(), self.new()
        self.put(f"{clean} = xor i1 {odd}, true")
        if good != "true":
            both, one = self.new(), clean
            self.put(f"{both} = and i1 {one}, {good}")
            clean = both
        self._unless(clean)
        self.br(f"known{k}")
        self.block(f"known{k}")

    def op_get(self, u: Uop) -> None:
        """Doubles go straight to the host's floating-point registers."""
        reg, index = u.args
        if not reg.real:
            super().op_get(u)
            return
        real = self.new("r")
        self.put(f"{real} = load double, ptr {self._register(reg, index)}, {STATE}")
        self.put(f"%t{u.n} = bitcast double {real} to i64")
        self.doubles[f"%t{u.n}"] = real

    def op_set(self, u: Uop) -> None:
        reg, index, value = u.args
        if not reg.real:
            super().op_set(u)
            return
        p, real = self._register(reg, index), self._real(self.text(value), 64)
        self.put(f"store double {real}, ptr {p}, {STATE}")
