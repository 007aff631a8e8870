"""The native interpreter, made from the specification: one threaded handler per instruction shape.

    handler(state, ip, budget, op)                  tail calls only: all four stay in host registers
        ├─ end of instruction ─► next handler
        ├─ window left, budget used ─► away ─► refetch ─► next handler | leave
        ├─ taken branch ─► enter: jump cache ─► region | next handler
        └─ guest exception ─► routine (traced like an instruction) ─► enter

`ip` is the host address of the instruction's bytes, valid because every instruction starts inside the fetch
window and the window ends `Isa.longest` bytes before its page does.  What starts later is gathered into
state.bounce.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import softmmu
from .access import DECLARATIONS
from .dispatch import CALL_ROUTINE, DELAY_GATE, GATE, SETTLE, SUPPORT
from .handlers import SAME, SIGNATURE, HandlerEmitter, shared_type
from .isa import Model
from .llvm import sse, x87_handler
from .llvm.emit import INTRINSICS, METADATA, UNLIKELY
from .short import APART, ShortEmitter
from .spec.insn import Fields, Shape
from .spec.semantics import PROGRAM
from .spec.value import Uop, Val
from .state import EDGE_BYTES, EDGE_PAGES, EDGE_SLOTS, EXITS, HOT_ENTRIES, JUMP_ENTRIES, Reason
from .trace import Trace
from .usual import UsualEmitter, UsualTrace

PARAMS = "(ptr, ptr, i64, i64)"
PLACES = ("away", "enter", "resume", "refetch", "leave")


class RoutineEmitter(HandlerEmitter):
    """Exceptions: a fault inside is a bus error of its own; a jump may be watched."""

    def __init__(self, model: Model, page_bits: int, number: int) -> None:
        super().__init__(model, page_bits)
        self.number = number

    def _jump(self, target: Val, left: str) -> None:
        """Into the guest's handler; first to whoever watches exceptions."""
        self.n += 1
        k = self.n
        watch, watched, wide, op = self.peek("watch", "i32"), self.new(), self.new(), self.new()
        self.put(f"{watched} = icmp ne i32 {watch}, 0")
        self.cond(watched, f"watched{k}", f"go{k}", UNLIKELY)
        self.block(f"watched{k}")
        self.poke("routine", "i32", str(self.number))
        self.put(f"{wide} = zext i32 {self.text(target)} to i64")
        self.put(f"{op} = or i64 {wide}, {Reason.ROUTINE << 32}")
        self.tail("@leave", "null", left, op)
        self.block(f"go{k}")
        super()._jump(target, left)

    def on_fault(self) -> None:
        if list(self.m.isa.routines)[self.number] in self.m.isa.resumable:
            self.poke("fault_routine", "i32", str(self.number + 1))
        super().on_fault()


class FaultEmitter(RoutineEmitter):
    """The fault routine: a fault inside it is a double fault."""

    fault = "rt_double_fault"


class SharedEmitter(HandlerEmitter):
    """A piece of semantics kept once: (state, ip, offset, values…) -> {offset, results…, i1 faulted}."""

    def shared(self, routine: Callable[..., Any], widths: list[int]) -> str:
        trace = Trace(self.m)
        trace.begin()
        trace.count = 1000  # arguments are %t1…
        args = [Val(trace, w, Uop("arg", w, (), i + 2)) for i, w in enumerate(widths)]
        at = Val(trace, 32, Uop("arg", 32, (), 1))
        key = next(iter(trace.pending))
        trace.pending[key] = (trace.pending[key][0], at)
        shape = routine(trace, *args)
        if len(trace.pending) > 1 or trace.dead:
            raise TypeError(
                f"shared routine {routine.__name__} may load and compute, but not write registers or end"
            )
        results = list(shape) if isinstance(shape, tuple) else [] if shape is None else [shape]
        self.type = "{ " + ", ".join(f"i{r.w}" for r in [trace.at, *results]) + ", i1 }"
        params = "".join(f", i{w} %t{i + 2}" for i, w in enumerate(widths))
        self.lines = [
            f"define fastcc {self.type} @shared_{routine.__name__}({SAME}, i32 %t1{params}) noinline {{"
        ]
        self.block("entry")
        self.render(trace.ops)
        out = "poison"
        for i, r in enumerate([trace.at, *results]):
            v = self.new()
            self.put(f"{v} = insertvalue {self.type} {out}, i{r.w} {self.text(r)}, {i}")
            out = v
        v = self.new()
        self.put(f"{v} = insertvalue {self.type} {out}, i1 0, {len(results) + 1}")
        self.put(f"ret {self.type} {v}")
        self.lines.append("}\n")
        return "\n".join(self.lines)

    def on_fault(self) -> None:
        v = self.new()
        self.put(f"{v} = insertvalue {self.type} zeroinitializer, i1 1, {self.type.count(',')}")
        self.put(f"ret {self.type} {v}")


class SettleEmitter(HandlerEmitter):
    """What is put right when native code is left (Isa.settle)."""

    def handler(self, name: str, trace: Trace, linkage: str = "", attributes: str = "nounwind") -> str:
        self.lines = [f"define internal void @{name}{SIGNATURE} {attributes} noinline {{"]
        self.block("entry")
        self.render(trace.ops)
        self.lines.append("}\n")
        return "\n".join(self.lines)

    def op_finish(self, u: Uop) -> None:
        self.put("ret void")

    def on_fault(self) -> None:
        self.put("unreachable")


def support(model: Model, page_bits: int) -> str:
    """The module that handlers and regions lean on: slow memory, dispatch, routines, shared pieces."""
    isa = model.isa
    page = 1 << page_bits
    out = [INTRINSICS, METADATA, softmmu.text(model, page_bits)]
    out.append(
        softmmu.fill(
            SUPPORT.replace("$gate", DELAY_GATE if isa.delay else GATE).replace(
                "$settle", SETTLE if isa.settle else ""
            ),
            model,
            page_bits,
            jump_mask=JUMP_ENTRIES - 1,
            hot_entries=HOT_ENTRIES,
            elsewhere=8 * EXITS.index("elsewhere"),
            fc_user=isa.fcs(0, PROGRAM),
            fc_super=isa.fcs(1, PROGRAM),
            longest=isa.longest,
            last_start=page - isa.longest,
            span=page - isa.longest + 1,
            edge_bytes=EDGE_BYTES,
            edge_mask=EDGE_PAGES - 1,
            edge_slots=EDGE_SLOTS,
            wordbits=isa.word * 8,
            word=isa.word,
            attention_reason=Reason.ATTENTION << 32,
            edge_reason=Reason.EDGE << 32,
        )
    )
    if isa.settle is not None:
        trace = Trace(model)
        isa.settle(trace)
        trace.finish()
        out.append(SettleEmitter(model, page_bits).handler("settle", trace))
    dispatcher = HandlerEmitter(model, page_bits)
    dispatcher.lines = [f"define internal tailcc void @dispatch{SIGNATURE} {{"]
    dispatcher.dispatch("%ip", "%budget")
    dispatcher.lines.append("}\n")
    dispatcher.lines.append("define internal i64 @place(i64 %op) alwaysinline {")
    dispatcher.put(f"ret i64 {dispatcher.place('%op')}")
    dispatcher.lines.append("}\n")
    out.append("\n".join(dispatcher.lines))
    for number, (name, routine) in enumerate(isa.routines.items()):
        trace = Trace(model)
        routine(trace)
        trace.finish()
        emitter = FaultEmitter if name in ("fault", "double_fault") else RoutineEmitter
        out.append(emitter(model, page_bits, number).handler(f"rt_{name}", trace))
        out.append(
            f"define void @call_{name}(ptr %st, i32 %pc, i64 %budget) {{\n"
            + softmmu.fill(CALL_ROUTINE, model, page_bits, name_of_routine=f"rt_{name}")
            + "}\n"
        )
    for shared, widths in isa.shared.items():
        out.append(SharedEmitter(model, page_bits).shared(shared, list(widths)))
    return "\n".join(out)


def externals(model: Model) -> list[str]:
    """Names that handler modules take from the support module."""
    return [
        *PLACES,
        "slow_load",
        "slow_store",
        "slow_probe",
        *(f"rt_{n}" for n in model.isa.routines),
        *(f"shared_{f.__name__}" for f in model.isa.shared),
    ]


def declarations(model: Model) -> str:
    out = [INTRINSICS, METADATA, DECLARATIONS, sse.DECLARATIONS, x87_handler.DECLARATIONS]
    out += [f"declare tailcc void @{n}{PARAMS}" for n in [*PLACES, *(f"rt_{n}" for n in model.isa.routines)]]
    for f, widths in model.isa.shared.items():
        params = "".join(f", i{w}" for w in widths)
        out.append(
            f"declare fastcc {shared_type(model, f, list(widths))} "
            f"@shared_{f.__name__}(ptr, ptr, i64, i64, i32{params})"
        )
    return "\n".join(out)


def handler(model: Model, page_bits: int, name: str, shape: Shape) -> tuple[str, int]:
    """The LLVM text of one handler, and the length of its instruction (`length_of`)."""
    insn = shape.insn
    if shape.part == "fork":
        assert insn.apart is not None
        return HandlerEmitter(model, page_bits).fork(name, insn.apart), model.isa.word
    usual = shape.part == "usual"
    trace = UsualTrace(model) if usual else Trace(model)
    insn.fn(trace, Fields(trace, insn.pattern, shape.known))
    trace.finish()
    emitter = UsualEmitter(model, page_bits, insn) if usual else HandlerEmitter(model, page_bits)
    short = None if usual else ShortEmitter(model, page_bits, name).functions(shape)
    if short is None:
        return emitter.handler(name, trace, "internal"), length_of(trace)
    return short + emitter.handler(f"{name}_whole", trace, "internal", APART), length_of(trace)


def shapes(model: Model) -> list[Shape]:
    """Every handler of a model, in a stable order."""
    return list(model.decoder.shapes())


def part(model: Model, page_bits: int, first: int, last: int) -> tuple[str, bytes]:
    """LLVM text of handlers first..last-1 with a table `part_FIRST` of their addresses, and their lengths."""
    out = [declarations(model)]
    lengths = bytearray()
    todo = shapes(model)[first:last]
    for k, shape in enumerate(todo, first):
        text, length = handler(model, page_bits, f"h{k}", shape)
        out += [f"; {shape.insn.name} {shape.known}", text]
        lengths.append(length)
    table = ", ".join(f"ptr @h{k}" for k in range(first, first + len(todo)))
    out.append(f"@part_{first} = constant [{len(todo)} x ptr] [{table}]")
    return "\n".join(out), bytes(lengths)


def length_of(trace: Trace) -> int:
    """Bytes of the instruction, 0 if they depend on extension words; one that only traps has its word."""
    at = trace.at.x
    return at if isinstance(at, int) else 0
