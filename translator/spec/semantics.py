"""What a semantics function may do: the interface that all engines share.

An instruction reads registers and memory, computes, and ends with what it does to the machine.  Register
writes are *pending* until the instruction is complete, so a fault in any access leaves nothing half-done
(design, section 2).

    Concrete  runs on ints                    (translator.spec.concrete)
    Trace     records uops for LLVM           (translator.trace)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .value import _RIGHT_ZERO, COMPARES, FOLD, Operand, Uop, Val, fold_resize


@dataclass(frozen=True)
class Windows:
    """Of a register file: all but the first `fixed` lie in overlapping windows, `step` apart."""

    fixed: int
    step: int


@dataclass(frozen=True)
class Reg:
    """A register or register file in the CPU's state: `count` values of `width` bits, C field `name`.

    `lazy`: mostly overwritten before anybody looks, so that regions compute it where it is needed.
    `real`: mostly a double, so that regions keep it in a floating-point register.
    `parts`: how regions take it apart from tree to tree (translator.parts).
    """

    name: str
    width: int
    count: int = 1
    lazy: bool = False
    windows: Windows | None = None
    real: bool = False
    parts: str = ""


MODE = Reg("mode", 32)  # the privilege mode; engines act on its being written

# Access spaces of `load` and `store`; a Val is an explicit function code or ASI.
DATA, PROGRAM = "data", "program"
Space = Any  # "data" | "program" | Val


class Semantics:
    """Base of all engines: folding arithmetic, pending registers, structured conditions."""

    model: str = ""  # name of the CPU model, without coprocessors
    options: Mapping[str, Any] = {}  # Model.options
    known_mode: int | None = None  # the privilege mode if it is fixed while tracing

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start an instruction: nothing pending, falls through to the next one."""
        self.pending: dict[tuple[Reg, int | Uop], tuple[Val, Val]] = {}  # (reg, index) -> (index Val, value)
        self.next: tuple[Any, ...] | None = None  # ("jump", target) | ("branch", cond, target)
        self.leaving: tuple[Val, int] | None = None  # leave the run loop afterwards if cond, with this reason
        self.dead = False  # this path has ended in an exception

    # -- values ----------------------------------------------------------------------------------------------

    def const(self, x: int, w: int) -> Val:
        """The w-bit constant x, which must fit as a signed or an unsigned number."""
        if not -(1 << (w - 1)) <= x < 1 << w:
            raise ValueError(f"{x:#x} does not fit in {w} bits: widen the other operand first")
        return Val(self, w, x & ((1 << w) - 1))

    def emit(self, op: str, w: int, *args: Any) -> Val:
        """Record an operation whose operands are not all known (Trace only)."""
        raise TypeError(f"{type(self).__name__} cannot run {op}{args}: its operands must be known")

    def _pair(self, a: Val, b: Operand) -> Val:
        if isinstance(b, Val):
            if a.w != b.w:
                raise TypeError(f"widths differ: {a!r} and {b!r}; use zext, sext or trunc")
            return b
        if isinstance(b, bool) or not isinstance(b, int):
            raise TypeError(f"{b!r} is neither a Val nor an int")
        return self.const(b, a.w)

    def binary(self, op: str, a: Val, b: Operand) -> Val:
        b = self._pair(a, b)
        w = 1 if op in COMPARES else a.w
        x, y = a.x, b.x
        if isinstance(y, int):
            if isinstance(x, int):
                return Val(self, w, int(FOLD[op](x, y, a.w)) & ((1 << w) - 1))
            if y == 0:
                if op in _RIGHT_ZERO:
                    return a
                if op == "and":
                    return b
            elif op == "and" and y == (1 << a.w) - 1:
                return a
        elif isinstance(x, int) and x == 0:
            if op in ("add", "or", "xor"):
                return b
            if op == "and":
                return a
        return self.emit(op, w, a, b)

    def unary(self, op: str, a: Val) -> Val:
        if isinstance(a.x, int):
            assert op == "clz", op
            return Val(self, a.w, a.w - a.x.bit_length())
        return self.emit(op, a.w, a)

    def resize(self, op: str, a: Val, w: int) -> Val:
        if w == a.w:
            return a
        if (w < a.w) != (op == "trunc"):
            raise TypeError(f"{op} of {a!r} to {w} bits")
        if isinstance(a.x, int):
            return Val(self, w, fold_resize(op, a.x, a.w, w))
        return self.emit(op, w, a)

    def select(self, c: Val, yes: Operand, no: Operand) -> Val:
        if c.w != 1:
            raise TypeError(f"a condition is 1 bit wide, not {c!r}")
        if not isinstance(yes, Val):
            if not isinstance(no, Val):
                raise TypeError("select needs a width: make one arm a Val (s.const)")
            yes = self.const(yes, no.w)
        no = self._pair(yes, no)
        if isinstance(c.x, int):
            return yes if c.x else no
        if yes.x is no.x or (isinstance(yes.x, int) and yes.x == no.x):
            return yes
        return self.emit("select", yes.w, c, yes, no)

    def any(self, conds: Iterable[Val]) -> Val:
        """1 if any of the 1-bit values is."""
        out = self.const(0, 1)
        for c in conds:
            out = out | c
        return out

    # -- registers -------------------------------------------------------------------------------------------

    def fetch_reg(self, reg: Reg, index: Val) -> Val:
        """The committed value of a register (engine)."""
        raise NotImplementedError

    def store_reg(self, reg: Reg, index: Val, value: Val) -> None:
        """Commit a register (engine)."""
        raise NotImplementedError

    def _index(self, index: Operand) -> Val:
        return index if isinstance(index, Val) else Val(self, 32, index)

    def read(self, reg: Reg, index: Operand = 0) -> Val:
        """A register as this instruction sees it, its own pending writes included."""
        i = self._index(index)
        value: Val | None = None
        for (r, k), (p, v) in self.pending.items():  # in the order of the writes
            if r is not reg:
                continue
            if k is i.x or (isinstance(k, int) and k == i.x):
                value = v
            elif not (isinstance(k, int) and isinstance(i.x, int)):
                # run-time register numbers: the same register may have been written under another name
                same = self.binary("eq", p.zext(32), i.zext(32))
                value = self.select(same, v, self.fetch_reg(reg, i) if value is None else value)
        return self.fetch_reg(reg, i) if value is None else value

    def write(self, reg: Reg, value: Val, index: Operand = 0) -> None:
        """Write a register when the instruction completes."""
        if value.w != reg.width:
            raise TypeError(f"{reg.name} is {reg.width} bits wide, not {value!r}")
        i = self._index(index)
        self.pending.pop((reg, i.x), None)
        self.pending[reg, i.x] = (i, value)

    def commit(self) -> None:
        """Make the pending registers final."""
        for (reg, _), (i, value) in self.pending.items():
            self.store_reg(reg, i, value)
        self.pending.clear()

    # -- memory and instruction stream (engines) -------------------------------------------------------------

    def load(self, addr: Val, size: int, space: Space = DATA) -> Val:
        """`size` bytes (1, 2, 4, 8) at addr in the guest's byte order; may fault."""
        raise NotImplementedError

    def store(self, addr: Val, value: Val, space: Space = DATA) -> None:
        """value.w / 8 bytes at addr; may fault."""
        raise NotImplementedError

    def probe(self, addr: Val, size: int, space: Space = DATA) -> None:
        """Fault now if `size` bytes at addr could not be written; for instructions with several stores."""
        raise NotImplementedError

    def field(self, lo: int, width: int) -> Val:
        """Bits lo..lo+width-1 of the instruction's first word (run-time operand fields)."""
        raise NotImplementedError

    def fetch(self, size: int = 2) -> Val:
        """The next `size` bytes of the instruction stream."""
        raise NotImplementedError

    @property
    def pc(self) -> Val:
        """Address of this instruction."""
        raise NotImplementedError

    @property
    def next_pc(self) -> Val:
        """Address behind what has been fetched of this instruction."""
        raise NotImplementedError

    # -- control ---------------------------------------------------------------------------------------------

    def if_(self, cond: Val, then: Callable[[], Any], otherwise: Callable[[], Any] | None = None) -> Any:
        """Run one of two closures; both must return the same shape (None, a Val or a tuple of Vals)."""
        if cond.w != 1:
            raise TypeError(f"a condition is 1 bit wide, not {cond!r}")
        if isinstance(cond.x, int):
            if cond.x:
                result = then()
                return result if otherwise else None
            return otherwise() if otherwise else None
        if otherwise is None:
            self.fork(cond, lambda: (then(), None)[1], lambda: None)
            return None
        return self.fork(cond, then, otherwise)

    def fork(self, cond: Val, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
        """`if_` on a condition that is not known yet (Trace only)."""
        raise TypeError(f"{type(self).__name__} cannot decide {cond!r}")

    def jump(self, target: Val) -> None:
        """The next instruction is at target."""
        self.next = ("jump", target)

    def branch(self, cond: Val, target: Val) -> None:
        """The next instruction is at target if cond, else it follows this one."""
        if isinstance(cond.x, int):
            self.next = ("jump", target) if cond.x else None
        else:
            self.next = ("branch", cond, target)

    def after_next(self, target: Val, cond: Val | None = None, annul: bool = False) -> bool:
        """Whether the engine takes over a transfer with a delay slot (regions do): the instruction behind
        this one, which is skipped if `annul` and not cond; then to target, if cond."""
        return False

    def hint(self, trait: str) -> None:
        """What this instruction is because of its operands, beside Insn.traits ("return")."""

    def absolute(self, window: Val) -> Val:
        """The processor's number of a register window; regions count from the one they are entered in."""
        return window

    def leave_if(self, cond: Val, reason: int) -> None:
        """After this instruction leave the run loop with `reason` (translator.state.Reason) if cond."""
        self.leaving = (cond, reason)

    def leave(self, reason: int) -> None:
        """After this instruction leave the run loop with `reason`."""
        self.leave_if(Val(self, 1, 1), reason)

    def goto(self, routine: str) -> None:
        """End this path: commit what is pending and continue in a routine (exceptions)."""
        raise NotImplementedError

    def call(self, routine: Callable[..., Any], *args: Val) -> Any:
        """routine(s, *args); an engine may keep one shared copy of it (see `shared`)."""
        return routine(self, *args)

    def helper(
        self, fn: Callable[..., tuple[int, ...]], widths: tuple[int, ...], *args: Val
    ) -> tuple[Val, ...]:
        """fn, a pure function of Isa.helpers, on up to 8 ints of up to 64 bits; native engines call Python
        for it.

        For what is rare and would be large here: transcendental functions, decimal conversions.
        """
        raise NotImplementedError

    # -- the host's floating-point arithmetic ----------------------------------------------------------------

    def host(self, name: str, a: Val, b: Val) -> tuple[Val, Val, Val]:
        """(result, whether it is the guest's too, whether at most `inexact` can have been raised) of an
        operation of `translator.llvm.sse` on 64-bit values.

        Engines without it say 0; a region goes on only with 1.
        """
        return self.const(0, 64), self.const(0, 1), self.const(0, 1)

    def host_clean(self) -> Val:
        """1 if all exceptions of the host's operations so far are in the register `fp_accrued`."""
        return self.const(0, 1)

    def host_forget(self) -> None:
        """The exceptions of the host's operations so far have been dealt with otherwise."""

    has_x87 = False  # whether the instruction set's short ways (Isa.host) may be used

    def x87_accrue(self, reg: Reg, bits: int) -> None:
        """Set bits of a register if the host's x87 has been inexact since this was asked last.

        At once: an instruction that is refused later has been asked all the same.
        """

    def expect(self, value: Val, usual: int) -> Val:
        """`value`; regions are made for `usual` and leave the rest to the interpreter."""
        return value

    def switch_mode(self, mode: Val) -> None:
        """The privilege mode (8 bits: 0 user, 1 supervisor) is `mode` after this instruction."""
        self.write(MODE, mode.zext(32))
