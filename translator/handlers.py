"""One interpreter handler as LLVM text: registers live in the state struct, uncommon accesses call slow code.

`translator.interp` has the picture.  What a trace's uops mean here, and how a handler goes on to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import softmmu
from .isa import Model
from .llvm.emit import LIKELY, STATE, UNLIKELY
from .llvm.sse import Sse
from .llvm.x87_handler import X87Handler
from .spec.insn import Apart
from .spec.semantics import DATA, MODE, PROGRAM
from .spec.value import Uop, Val
from .trace import Trace, result_widths

SIGNATURE = "(ptr noalias %st, ptr %ip, i64 %budget, i64 %op)"
SAME = "ptr %st, ptr %ip, i64 %budget, i64 %op"


class HandlerEmitter(Sse, X87Handler):
    """Guest registers live in the state struct; uncommon accesses call slow code."""

    fault = "rt_fault"

    def tail(self, target: str, ip: str, budget: str, op: str) -> None:
        self.put(f"musttail call tailcc void {target}(ptr %st, ptr {ip}, i64 {budget}, i64 {op})")
        self.put("ret void")

    def handler(self, name: str, trace: Trace, linkage: str = "", attributes: str = "nounwind") -> str:
        """The finished trace as an LLVM function."""
        self.lines = [f"define {linkage} tailcc void @{name}{SIGNATURE} {attributes} {{"]
        self.block("entry")
        if any(u.op.startswith("host") for u in trace.ops):
            self.host_slot()
        self.render(trace.ops)
        if trace.dead:
            self.put("unreachable")
        self.lines.append("}\n")
        return "\n".join(self.lines)

    # -- registers and operand fields ------------------------------------------------------------------------

    def _register(self, reg: Any, index: Val) -> str:
        if reg.count == 1:
            return self.at(reg.name)
        i = str(index.x)
        if not isinstance(index.x, int):
            i = self.new()
            self.put(f"{i} = zext i{index.w} {self.text(index)} to i64")
        return self.at(reg.name, i, f"i{reg.width}")

    def op_get(self, u: Uop) -> None:
        reg, index = u.args
        p = self._register(reg, index)
        self.put(f"%t{u.n} = load i{reg.width}, ptr {p}, {STATE}")

    def op_set(self, u: Uop) -> None:
        reg, index, value = u.args
        p = self._register(reg, index)
        self.put(f"store i{reg.width} {self.text(value)}, ptr {p}, {STATE}")
        if reg is MODE:
            context, both, wide, base = (self.new() for _ in range(4))
            mmu = self.peek("mmu_context", "i32")
            self.put(f"{context} = shl i32 {mmu}, 1")
            self.put(f"{both} = or i32 {context}, {self.text(value)}")
            self.put(f"{wide} = zext i32 {both} to i64")
            self.put(f"{base} = shl i64 {wide}, 32")
            self.poke("context", "i64", base)
            self.poke("fetch_span", "i32", "0")
            self.poke("fetch_end", "i64", "0")

    def op_field(self, u: Uop) -> None:
        (lo,) = u.args
        shifted = self.new()
        self.put(f"{shifted} = lshr i64 %op, {lo}")
        self.put(f"%t{u.n} = trunc i64 {shifted} to i{u.w}")

    def _stream(self, at: Val) -> str:
        """Host pointer to the instruction byte at offset `at`."""
        p = self.new("p")
        if isinstance(at.x, int):
            self.put(f"{p} = getelementptr i8, ptr %ip, i64 {at.x}")
        else:
            wide = self.new()
            self.put(f"{wide} = zext i32 {self.text(at)} to i64")
            self.put(f"{p} = getelementptr i8, ptr %ip, i64 {wide}")
        return p

    def op_word(self, u: Uop) -> None:
        self.host_load(self._stream(u.args[0]), u.w // 8, f"%t{u.n}")

    def _pc(self, ip: str, result: str = "") -> str:
        host, sum_ = self.new(), self.new()
        result = result or self.new()
        delta = self.peek("fetch_delta", "i64")
        self.put(f"{host} = ptrtoint ptr {ip} to i64")
        self.put(f"{sum_} = add i64 {host}, {delta}")
        self.put(f"{result} = trunc i64 {sum_} to i32")
        return result

    def op_pc(self, u: Uop) -> None:
        self._pc("%ip", f"%t{u.n}")

    # -- memory ----------------------------------------------------------------------------------------------

    def _what(self, addr: str, size: int, space: Any, mode: str, flags: int = 0) -> str:
        """What slow code is told of an access: address | descriptor << 32."""
        wide, what = self.new(), self.new()
        self.put(f"{wide} = zext i32 {addr} to i64")
        if isinstance(space, Val):
            fc, up, d = self.new(), self.new(), self.new()
            self.put(f"{fc} = zext i{space.w} {self.text(space)} to i64")
            self.put(f"{up} = shl i64 {fc}, 40")
            self.put(f"{d} = or i64 {up}, {size << 32}")
        else:
            user, supervisor = (
                (size | self.m.isa.fcs(m, space) << 8 | softmmu.CACHEABLE | flags) << 32 for m in (0, 1)
            )
            is_user, d = self.new(), self.new()
            self.put(f"{is_user} = icmp eq i64 {mode}, 0")
            self.put(f"{d} = select i1 {is_user}, i64 {user}, i64 {supervisor}")
        self.put(f"{what} = or i64 {wide}, {d}")
        return what

    def _mode(self) -> str:
        wide = self.new()
        mode = self.peek("mode", "i32")
        self.put(f"{wide} = zext i32 {mode} to i64")
        return wide

    def _check(self, status: str, go_on: str) -> None:
        self.n += 1
        bad, k = self.new(), self.n
        self.put(f"{bad} = icmp ne i32 {status}, 0")
        self.cond(bad, f"fault{k}", go_on, UNLIKELY)
        self.block(f"fault{k}")
        self.on_fault()

    def on_fault(self) -> None:
        self.tail(f"@{self.fault}", "%ip", "%budget", "%op")

    def op_load(self, u: Uop) -> None:
        addr, size, space = u.args
        a, w = self.text(addr), size * 8
        self.n += 1
        k = self.n
        mode = self._mode()
        value = ""
        if not isinstance(space, Val):
            hit, p = self.tlb(a, size, "rtag" if space is DATA else "xtag", mode)
            self.cond(hit, f"fast{k}", f"slow{k}", LIKELY)
            self.block(f"fast{k}")
            value = self.host_load(p, size)
            self.br(f"done{k}")
            self.block(f"slow{k}")
        what = self._what(a, size, space, mode, softmmu.PROGRAM_READ if space is PROGRAM else 0)
        status = self.new()
        self.put(f"{status} = call preserve_mostcc i32 @slow_load({SAME}, i64 {what})")
        self._check(status, f"ok{k}")
        self.block(f"ok{k}")
        wide, slow = self.peek("slow_value", "i64"), self.new()
        if w == 64:
            slow = wide
        else:
            self.put(f"{slow} = trunc i64 {wide} to i{w}")
        self.br(f"done{k}")
        self.block(f"done{k}")
        incoming = f"[ {slow}, %ok{k} ]" + (f", [ {value}, %fast{k} ]" if value else "")
        self.put(f"%t{u.n} = phi i{w} {incoming}")

    def op_store(self, u: Uop) -> None:
        addr, value, space = u.args
        a, size = self.text(addr), value.w // 8
        self.n += 1
        k = self.n
        mode = self._mode()
        if space is DATA:
            hit, p = self.tlb(a, size, "wtag", mode)
            self.cond(hit, f"fast{k}", f"slow{k}", LIKELY)
            self.block(f"fast{k}")
            self.host_store(p, size, self.text(value))
            self.br(f"done{k}")
            self.block(f"slow{k}")
        what = self._what(a, size, space, mode)
        status, wide = self.new(), self.text(value)
        if size < 8:
            wide = self.new()
            self.put(f"{wide} = zext i{value.w} {self.text(value)} to i64")
        self.put(f"{status} = call preserve_mostcc i32 @slow_store({SAME}, i64 {what}, i64 {wide})")
        self._check(status, f"done{k}")
        self.block(f"done{k}")

    def op_probe(self, u: Uop) -> None:
        addr, size, space = u.args
        self.n += 1
        k = self.n
        what = self._what(self.text(addr), size, space, self._mode())
        status = self.new()
        self.put(f"{status} = call preserve_mostcc i32 @slow_probe({SAME}, i64 {what})")
        self._check(status, f"done{k}")
        self.block(f"done{k}")

    # -- control ---------------------------------------------------------------------------------------------

    def op_call(self, u: Uop) -> None:
        routine, at, *args = u.args
        passed = "".join(f", i{a.w} {self.text(a)}" for a in args)
        self.put(
            f"%t{u.n} = call fastcc {self.call_type(u)} @shared_{routine.__name__}"
            f"({SAME}, i32 {self.text(at)}{passed})"
        )
        self.n += 1
        k, bad = self.n, self.new()
        self.put(f"{bad} = extractvalue {self.call_type(u)} %t{u.n}, {self.call_type(u).count(',')}")
        self.cond(bad, f"fault{k}", f"called{k}", UNLIKELY)
        self.block(f"fault{k}")
        self.on_fault()
        self.block(f"called{k}")

    def op_helper(self, u: Uop) -> None:
        number, *args = u.args
        for k, a in enumerate(args):
            wide = self.text(a)
            if a.w < 64:
                wide = self.new()
                self.put(f"{wide} = zext i{a.w} {self.text(a)} to i64")
            p = self.at("helper_values", str(k), "i64")
            self.put(f"store i64 {wide}, ptr {p}, {STATE}")
        f = self.peek("helper", "ptr")
        self.put(f"call void {f}(ptr %st, i32 {number}, i32 {len(args)})")

    def op_helped(self, u: Uop) -> None:
        p, wide = self.at("helper_values", str(u.args[0]), "i64"), self.new()
        self.put(f"{wide} = load i64, ptr {p}, {STATE}")
        self.put(f"%t{u.n} = " + (f"trunc i64 {wide} to i{u.w}" if u.w < 64 else f"add i64 {wide}, 0"))

    def call_type(self, u: Uop) -> str:
        return shared_type(self.m, u.args[0], [a.w for a in u.args[2:]])

    def op_goto(self, u: Uop) -> None:
        (routine,) = u.args
        self.tail(f"@rt_{routine}", "%ip", "%budget", "%op")
        self.n += 1
        self.block(f"dead{self.n}")

    def op_finish(self, u: Uop) -> None:
        next_, leaving, at = u.args
        left = self.new("b")
        self.put(f"{left} = add i64 %budget, -1")
        if leaving is not None:
            self._leave(leaving, next_, at, left)
            if leaving[0].known:
                return
        if next_ is None:
            self._sequential(self._stream(at), left)
        elif next_[0] == "jump":
            self._jump(next_[1], left)
        else:
            self.n += 1
            k = self.n
            self.cond(self.text(next_[1]), f"taken{k}", f"not{k}")
            self.block(f"taken{k}")
            self._jump(next_[2], left)
            self.block(f"not{k}")
            self._sequential(self._stream(at), left)

    def op_done(self, u: Uop) -> None:
        self.op_finish(u)
        self.n += 1
        self.block(f"dead{self.n}")

    def _leave(self, leaving: tuple[Any, ...], next_: tuple[Any, ...] | None, at: Val, left: str) -> None:
        cond, reason = leaving
        self.n += 1
        k = self.n
        self.cond(self.text(cond), f"leave{k}", f"stay{k}")
        self.block(f"leave{k}")
        if next_ is not None and next_[0] == "branch":
            raise TypeError("an instruction that leaves cannot branch")
        pc = self._pc(self._stream(at)) if next_ is None else self.text(next_[1])
        wide, op = self.new(), self.new()
        self.put(f"{wide} = zext i32 {pc} to i64")
        self.put(f"{op} = or i64 {wide}, {reason << 32}")
        self.tail("@leave", "null", left, op)
        self.block(f"stay{k}")
        if cond.known:
            self.put("unreachable")

    def _jump(self, target: Val, left: str) -> None:
        op = self.new()
        self.put(f"{op} = zext i32 {self.text(target)} to i64")
        self.tail("@enter", "null", left, op)

    def _sequential(self, ip: str, left: str) -> None:
        """Go on at host address `ip` if it is in the window and budget is left."""
        self.n += 1
        k = self.n
        outside, spent, stop, here = (self.new() for _ in range(4))
        end = self.peek("fetch_end", "i64")
        self.put(f"{here} = ptrtoint ptr {ip} to i64")
        self.put(f"{outside} = icmp ugt i64 {here}, {end}")
        self.put(f"{spent} = icmp eq i64 {left}, 0")
        self.put(f"{stop} = or i1 {outside}, {spent}")
        self.cond(stop, f"away{k}", f"on{k}", UNLIKELY)
        self.block(f"away{k}")
        self.tail("@away", ip, left, "0")
        self.block(f"on{k}")
        self.dispatch(ip, left)

    def dispatch(self, ip: str, left: str) -> None:
        """Fetch the instruction word at `ip` and go to its handler."""
        word = self.host_load(ip, self.m.isa.word)
        op, slot, handler = (self.new() for _ in range(3))
        table = self.peek("handlers", "ptr")
        self.put(f"{op} = zext i{self.m.isa.word * 8} {word} to i64")
        self.put(f"{slot} = getelementptr ptr, ptr {table}, i64 {self.place(op)}")
        self.put(f"{handler} = load ptr, ptr {slot}, {STATE}")
        self.tail(handler, ip, left, op)

    def fork(self, name: str, apart: Apart) -> str:
        """The handler that only looks which one it is."""
        self.lines = [f"define internal tailcc void @{name}{SIGNATURE} nounwind {{"]
        self.block("entry")
        shifted, value, place = (self.new() for _ in range(3))
        self.put(f"{shifted} = lshr i64 %op, {apart.lo}")
        self.put(f"{value} = and i64 {shifted}, {(1 << apart.width) - 1}")
        self.put(f"{place} = add i64 {value}, {apart.first}")
        self.at_place(place)
        self.lines.append("}\n")
        return "\n".join(self.lines)

    def at_place(self, place: str) -> None:
        """Go on to a handler for the same instruction word."""
        slot, handler = self.new(), self.new()
        table = self.peek("handlers", "ptr")
        self.put(f"{slot} = getelementptr ptr, ptr {table}, i64 {place}")
        self.put(f"{handler} = load ptr, ptr {slot}, {STATE}")
        self.tail(handler, "%ip", "%budget", "%op")

    def place(self, op: str) -> str:
        """InsnSet.index of the instruction word `op` (an i64)."""
        insns = self.m.isa.insns
        if insns.index_bits == insns.bits:
            return op
        out = ""
        for lo, width in insns.select:
            shifted, cut = self.new(), self.new()
            self.put(f"{shifted} = lshr i64 {op}, {lo}")
            self.put(f"{cut} = and i64 {shifted}, {(1 << width) - 1}")
            if out:
                up, both = self.new(), self.new()
                self.put(f"{up} = shl i64 {out}, {width}")
                self.put(f"{both} = or i64 {up}, {cut}")
                cut = both
            out = cut
        return out


def shared_type(model: Model, routine: Callable[..., Any], widths: list[int]) -> str:
    """LLVM type of a shared routine's result."""
    shape = result_widths(model, routine, widths)
    results = shape if isinstance(shape, tuple) else () if shape is None else (shape,)
    return "{ " + ", ".join(f"i{w}" for w in [32, *results]) + ", i1 }"
