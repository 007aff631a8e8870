"""Host functions made from semantics functions over a small struct: what a machine's MMU needs."""

from __future__ import annotations

from collections.abc import Callable

from .handlers import HandlerEmitter
from .isa import Model
from .llvm.emit import INTRINSICS, METADATA
from .spec.semantics import Semantics
from .spec.value import Uop, Val
from .state import Layout
from .trace import Trace


class FunctionEmitter(HandlerEmitter):
    """Registers live in the struct `layout`; there is no guest memory and no instruction stream."""

    def __init__(self, model: Model, layout: Layout) -> None:
        super().__init__(model, 12)
        self.offsets = layout.offsets


def function(
    name: str,
    model: Model,
    layout: Layout,
    fn: Callable[..., Val],
    widths: tuple[int, ...],
) -> str:
    """LLVM text of `i64 name(ptr struct, args…)`: fn(s, args…) on the struct's fields."""
    trace = Trace(model)
    args = [Val(trace, w, Uop("arg", w, (), i + 1)) for i, w in enumerate(widths)]
    trace.count = len(args)
    result = fn(trace, *args)
    trace.commit()
    e = FunctionEmitter(model, layout)
    params = "".join(f", i{w} %t{i + 1}" for i, w in enumerate(widths))
    e.lines = [f"define i64 @{name}(ptr %st{params}) {{"]
    e.block("entry")
    e.render(trace.ops)
    e.put(f"ret i64 {e.text(result)}")
    e.lines.append("}\n")
    return INTRINSICS + METADATA + "\n".join(e.lines)


def flat(s: Semantics, va: Val, fc: Val, how: Val) -> Val:
    """The MMU of a machine without one: physical = virtual."""
    return va.zext(64)
