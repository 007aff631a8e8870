"""Uops to LLVM text: a table for what is plain, a method for what is not.

Sub-classes decide where guest registers live and what an uncommon memory access does: `translator.interp`
calls slow code, `translator.region` leaves.  Everything here is text; `translator.llvm.build` parses and
compiles it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..isa import Model
from ..spec.semantics import Reg
from ..spec.value import Uop, Val
from ..state import TLB_ENTRIES

TEXT = {
    "add": "{r} = add {t} {0}, {1}",
    "sub": "{r} = sub {t} {0}, {1}",
    "mul": "{r} = mul {t} {0}, {1}",
    "and": "{r} = and {t} {0}, {1}",
    "or": "{r} = or {t} {0}, {1}",
    "xor": "{r} = xor {t} {0}, {1}",
    "eq": "{r} = icmp eq {t} {0}, {1}",
    "ne": "{r} = icmp ne {t} {0}, {1}",
    "ult": "{r} = icmp ult {t} {0}, {1}",
    "ule": "{r} = icmp ule {t} {0}, {1}",
    "slt": "{r} = icmp slt {t} {0}, {1}",
    "sle": "{r} = icmp sle {t} {0}, {1}",
    "zext": "{r} = zext {t} {0} to {w}",
    "sext": "{r} = sext {t} {0} to {w}",
    "trunc": "{r} = trunc {t} {0} to {w}",
    "select": "{r} = select i1 {0}, {w} {1}, {w} {2}",
    "rotl": "{r} = call {w} @llvm.fshl.{w}({t} {0}, {t} {0}, {t} {1})",
    "clz": "{r} = call {w} @llvm.ctlz.{w}({w} {0}, i1 false)",
}
LIKELY, UNLIKELY, SELDOM = "!prof !1", "!prof !2", "!prof !8"
# Guest memory, CPU state and the instruction stream never overlap.
STATE, GUEST = "!tbaa !4", "!tbaa !5"
METADATA = """
!1 = !{!"branch_weights", i32 1000, i32 1}
!2 = !{!"branch_weights", i32 1, i32 1000}
!3 = !{!"tmesh"}
!6 = !{!"state", !3, i64 0}
!7 = !{!"guest", !3, i64 0}
!8 = !{!"branch_weights", i32 1, i32 20}
!4 = !{!6, !6, i64 0}
!5 = !{!7, !7, i64 0}
"""
INTRINSICS = "".join(f"declare i{w} @llvm.bswap.i{w}(i{w})\n" for w in (16, 32, 64)) + "".join(
    f"declare i{w} @llvm.ctlz.i{w}(i{w}, i1)\ndeclare i{w} @llvm.fshl.i{w}(i{w}, i{w}, i{w})\n"
    for w in (8, 16, 32, 64, 128)
)


class Emitter:
    """Renders the uops of one function.  `page_bits` is the granule of the machine's soft-TLB."""

    def __init__(self, model: Model, page_bits: int) -> None:
        self.m, self.page_bits = model, page_bits
        self.offsets = model.isa.layout.offsets
        self.lines: list[Any] = []
        self.n = 0
        self.label = "entry"
        self._joins: list[list[Any]] = []

    # -- names -----------------------------------------------------------------------------------------------

    def new(self, stem: str = "v") -> str:
        self.n += 1
        return f"%{stem}{self.n}"

    def text(self, v: Val | int) -> str:
        """A value as an LLVM operand."""
        x = v.x if isinstance(v, Val) else v
        return str(x) if isinstance(x, int) else f"%t{x.n}"

    def put(self, line: str) -> None:
        self.lines.append("  " + line)

    def block(self, label: str) -> None:
        self.lines.append(f"{label}:")
        self.label = label

    def br(self, label: str) -> None:
        self.put(f"br label %{label}")

    def cond(self, c: str, yes: str, no: str, hint: str = "") -> None:
        self.put(f"br i1 {c}, label %{yes}, label %{no}{', ' + hint if hint else ''}")

    # -- state struct ----------------------------------------------------------------------------------------

    def at(self, field: str, index: str = "", ctype: str = "i8") -> str:
        """Pointer to a state field, optionally to an element of it (index: an i64 operand)."""
        p = self.new("p")
        self.put(f"{p} = getelementptr i8, ptr %st, i64 {self.offsets[field]}")
        if index:
            q = self.new("p")
            self.put(f"{q} = getelementptr {ctype}, ptr {p}, i64 {index}")
            return q
        return p

    def peek(self, field: str, ctype: str) -> str:
        r = self.new("f")
        p = self.at(field)
        self.put(f"{r} = load {ctype}, ptr {p}, {STATE}")
        return r

    def poke(self, field: str, ctype: str, value: str) -> None:
        p = self.at(field)
        self.put(f"store {ctype} {value}, ptr {p}, {STATE}")

    # -- uops ------------------------------------------------------------------------------------------------

    def render(self, ops: Iterable[Uop]) -> None:
        for u in ops:
            template = TEXT.get(u.op)
            if template:
                a = u.args
                t = f"i{a[0].w}"
                self.put(template.format(*(self.text(v) for v in a), r=f"%t{u.n}", t=t, w=f"i{u.w}"))
            else:
                getattr(self, "op_" + u.op.rstrip("_"))(u)

    def _shift(self, u: Uop) -> None:
        a, b = u.args
        t, r = f"i{a.w}", f"%t{u.n}"
        if isinstance(b.x, int):
            if b.x >= a.w and u.op != "ashr":
                self.put(f"{r} = and {t} {self.text(a)}, 0")
            else:
                self.put(f"{r} = {u.op} {t} {self.text(a)}, {min(b.x, a.w - 1)}")
            return
        ok, count = self.new(), self.new()
        self.put(f"{ok} = icmp ult {t} {self.text(b)}, {a.w}")
        self.put(f"{count} = select i1 {ok}, {t} {self.text(b)}, {t} {a.w - 1 if u.op == 'ashr' else 0}")
        if u.op == "ashr":
            self.put(f"{r} = ashr {t} {self.text(a)}, {count}")
        else:
            raw = self.new()
            self.put(f"{raw} = {u.op} {t} {self.text(a)}, {count}")
            self.put(f"{r} = select i1 {ok}, {t} {raw}, {t} 0")

    op_shl = op_lshr = op_ashr = _shift

    def _divide(self, u: Uop) -> None:
        """x / 0 = x, x % 0 = 0 and MIN / -1 = MIN without the host's trap (spec.value.FOLD)."""
        a, b = u.args
        t, r = f"i{a.w}", f"%t{u.n}"
        x, y = self.text(a), self.text(b)
        bad = self.new()
        self.put(f"{bad} = icmp eq {t} {y}, 0")
        if u.op[0] == "s":
            minimum, minus, both, either = self.new(), self.new(), self.new(), self.new()
            self.put(f"{minimum} = icmp eq {t} {x}, {-(1 << (a.w - 1))}")
            self.put(f"{minus} = icmp eq {t} {y}, -1")
            self.put(f"{both} = and i1 {minimum}, {minus}")
            self.put(f"{either} = or i1 {bad}, {both}")
            bad = either
        safe = self.new()
        self.put(f"{safe} = select i1 {bad}, {t} 1, {t} {y}")
        self.put(f"{r} = {u.op} {t} {x}, {safe}")

    op_udiv = op_urem = op_sdiv = op_srem = _divide

    def op_if(self, u: Uop) -> None:
        self.n += 1
        k = self.n
        self.cond(self.text(u.args[0]), f"then{k}", f"else{k}")
        self._joins.append([k, None, None])
        self.block(f"then{k}")

    def op_else(self, u: Uop) -> None:
        join = self._joins[-1]
        join[1] = self.label
        self.br(f"join{join[0]}")
        self.block(f"else{join[0]}")

    def op_end(self, u: Uop) -> None:
        join = self._joins.pop()
        join[2] = self.label
        self.br(f"join{join[0]}")
        self.block(f"join{join[0]}")
        self._last_join = join

    def op_phi(self, u: Uop) -> None:
        _, one, two = self._last_join
        a, b = u.args
        self.put(f"%t{u.n} = phi i{u.w} [ {self.text(a)}, %{one} ], [ {self.text(b)}, %{two} ]")

    def op_result(self, u: Uop) -> None:
        called, k = u.args
        self.put(f"%t{u.n} = extractvalue {self.call_type(called.x)} %t{called.x.n}, {k}")

    # -- guest memory ----------------------------------------------------------------------------------------

    def tlb(self, addr: str, size: int, tag: str, mode: str) -> tuple[str, str]:
        """Probe the soft-TLB: (i1 hit, host pointer).  `mode` is an i64 operand or a number."""
        page = self.page_bits
        index, entry = self.new(), self.new("e")
        self.put(f"{index} = lshr i32 {addr}, {page}")
        masked, wide = self.new(), self.new()
        self.put(f"{masked} = and i32 {index}, {TLB_ENTRIES - 1}")
        self.put(f"{wide} = zext i32 {masked} to i64")
        base = self.offsets["tlb"]
        if mode.isdigit():
            p = self.new("p")
            self.put(f"{p} = getelementptr i8, ptr %st, i64 {base + int(mode) * TLB_ENTRIES * 32}")
        else:
            scaled, q, p = self.new(), self.new("p"), self.new("p")
            self.put(f"{scaled} = shl i64 {mode}, {(TLB_ENTRIES * 32).bit_length() - 1}")
            self.put(f"{q} = getelementptr i8, ptr %st, i64 {base}")
            self.put(f"{p} = getelementptr i8, ptr {q}, i64 {scaled}")
        self.put(f"{entry} = getelementptr [32 x i8], ptr {p}, i64 {wide}")
        if tag != "rtag":
            tp = self.new("p")
            self.put(f"{tp} = getelementptr i8, ptr {entry}, i64 {4 if tag == 'wtag' else 8}")
        else:
            tp = entry
        have, want, hit = self.new(), self.new(), self.new("hit")
        self.put(f"{have} = load i32, ptr {tp}, {STATE}")
        align = self.m.alignment(size)
        mask = -(1 << page) | align
        last = addr
        if size - 1 > align:  # unaligned is legal: the last byte must lie in the same page
            last = self.new()
            self.put(f"{last} = add i32 {addr}, {size - 1}")
            if align:
                low, high = self.new(), self.new()
                self.put(f"{low} = and i32 {addr}, {align}")
                self.put(f"{high} = and i32 {last}, {-(1 << page)}")
                self.put(f"{want} = or i32 {low}, {high}")
                mask = 0
        if mask:
            self.put(f"{want} = and i32 {last}, {mask}")
        self.put(f"{hit} = icmp eq i32 {have}, {want}")
        ap, addend, wide_addr, host, pointer = (self.new() for _ in range(5))
        self.put(f"{ap} = getelementptr i8, ptr {entry}, i64 16")
        self.put(f"{addend} = load i64, ptr {ap}, {STATE}")
        self.put(f"{wide_addr} = zext i32 {addr} to i64")
        self.put(f"{host} = add i64 {addend}, {wide_addr}")
        self.put(f"{pointer} = inttoptr i64 {host} to ptr")
        return hit, pointer

    def host_load(self, pointer: str, size: int, result: str = "") -> str:
        """Load `size` bytes in the guest's order."""
        t = f"i{size * 8}"
        result = result or self.new("m")
        if size == 1 or not self.m.isa.big_endian:
            self.put(f"{result} = load {t}, ptr {pointer}, align 1, {GUEST}")
        else:
            raw = self.new("m")
            self.put(f"{raw} = load {t}, ptr {pointer}, align 1, {GUEST}")
            self.put(f"{result} = call {t} @llvm.bswap.{t}({t} {raw})")
        return result

    def host_store(self, pointer: str, size: int, value: str) -> None:
        t = f"i{size * 8}"
        if size > 1 and self.m.isa.big_endian:
            swapped = self.new("m")
            self.put(f"{swapped} = call {t} @llvm.bswap.{t}({t} {value})")
            value = swapped
        self.put(f"store {t} {value}, ptr {pointer}, align 1, {GUEST}")

    def call_type(self, u: Uop) -> str:
        raise TypeError("no shared routines here")

    # Where registers live, what finish and slow accesses do: op_get, op_set, op_field, op_word, op_pc,
    # op_load, op_store, op_probe, op_call, op_goto, op_finish, op_insn are the sub-class's.

    def reg_type(self, reg: Reg) -> str:
        return f"i{reg.width}"
