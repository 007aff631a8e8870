"""IEEE singles and doubles on the host's SSE: the uops `host…` as LLVM text, in handlers and in regions.

An operation is done to nearest, and is good if its result is what every IEEE 754 machine has:

    it is no NaN         which one the guest gets is not the host's affair
    it is not ± the smallest normal number, of a product, a quotient or a number made narrower
                         the host notices underflow after rounding, others before it: here it matters

Exceptions stay in MXCSR.  The state's `fp_accrued` has those that the guest knows of, in the same order: a
handler that finds more in MXCSR has its operation done otherwise, a region adds them when it is left.  What
others, Python for one, have left there is cleared when it is in the way.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any

from ..isa import Model
from .emit import STATE, UNLIKELY, Emitter

AVAILABLE = platform.machine() == "x86_64"
UOPS = ("host", "host_good", "host_plain", "host_clean", "host_forget", "expect")

STRICT = 'metadata !"fpexcept.strict"'
MODES = f'metadata !"round.tonearest", {STRICT}'
CONSTRAINED = "@llvm.experimental.constrained"
USUAL = 0x1F80  # MXCSR: no exceptions, all masked, to nearest, denormals as they are
EXCEPTIONS, DENORMAL = 0x3D, 0x02  # that an operand was denormal means nothing

TWO = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
LANES = 4  # doubles that are looked at together, at most
REAL = {32: "float", 64: "double"}
SMALLEST = {32: "0x3810000000000000", 64: "0x0010000000000000"}  # normal numbers, as LLVM writes them

DECLARATIONS = (
    "".join(
        f"declare {t} {CONSTRAINED}.{op}.f{w}({t}, {t}, metadata, metadata)\n"
        for op in TWO.values()
        for w, t in REAL.items()
    )
    + "".join(
        f"declare {t} {CONSTRAINED}.sqrt.f{w}({t}, metadata, metadata)\n"
        f"declare {t} {CONSTRAINED}.sitofp.f{w}.i32(i32, metadata, metadata)\n"
        f"declare i1 {CONSTRAINED}.fcmp.f{w}({t}, {t}, metadata, metadata)\n"
        f"declare {t} @llvm.fabs.f{w}({t})\n"
        for w, t in REAL.items()
    )
    + "".join(f"declare <{n} x double> @llvm.fabs.v{n}f64(<{n} x double>)\n" for n in range(2, LANES + 1))
    + f"declare double {CONSTRAINED}.fpext.f64.f32(float, metadata)\n"
    + f"declare float {CONSTRAINED}.fptrunc.f32.f64(double, metadata, metadata)\n"
)


class Sse(Emitter):
    """What handlers and regions with such uops have beyond others."""

    def __init__(self, model: Model, page_bits: int) -> None:
        super().__init__(model, page_bits)
        self.good: dict[int, str] = {}  # uop -> whether its result is the guest's
        self.doubles: dict[str, str] = {}  # i64 -> the double whose bits it has, where that is known

    def operation(self, name: str, a: str, b: str, result: str) -> str:
        """Do an operation on i64 operands (singles and integers in the low half); i1: it is good."""
        kind, _, size = name.partition(".")
        w = int(size)
        if kind in TWO:
            v = self._strict(w, f"{TWO[kind]}.f{w}", self._real(a, w), self._real(b, w))
            return self._out(v, w, result, kind in ("mul", "div"))
        if kind == "sqrt":
            return self._out(self._strict(w, f"sqrt.f{w}", self._real(b, w)), w, result)
        if kind == "wide":  # a product of singles, as a double: exact
            x, y = (self._widened(self._real(v, 32)) for v in (a, b))
            return self._out(self._strict(64, "fmul.f64", x, y), 64, result)
        if kind == "widen":
            return self._out(self._widened(self._real(b, 32)), 64, result)
        if kind == "narrow":
            v = self.new("r")
            x = self._real(b, 64)
            self.put(f"{v} = call float {CONSTRAINED}.fptrunc.f32.f64(double {x}, {MODES}) strictfp")
            return self._out(v, 32, result, True)
        if kind == "convert":
            v, low = self.new("r"), self.new()
            self.put(f"{low} = trunc i64 {b} to i32")
            self.put(f"{v} = call {REAL[w]} {CONSTRAINED}.sitofp.f{w}.i32(i32 {low}, {MODES}) strictfp")
            self._bits(v, w, result)
            return "true"
        return self._to_integer(b, w, result) if kind == "whole" else self._compare_reals(a, b, w, result)

    def _real(self, v: str, w: int) -> str:
        """The bits of an i64 as a number."""
        if w == 64 and v in self.doubles:
            return self.doubles[v]
        r = self.new("r")
        if w == 32:
            low = self.new()
            self.put(f"{low} = trunc i64 {v} to i32")
            v = low
        self.put(f"{r} = bitcast i{w} {v} to {REAL[w]}")
        return r

    def _strict(self, w: int, op: str, *args: str) -> str:
        r = self.new("r")
        passed = ", ".join(f"{REAL[w]} {a}" for a in args)
        self.put(f"{r} = call {REAL[w]} {CONSTRAINED}.{op}({passed}, {MODES}) strictfp")
        return r

    def _widened(self, v: str) -> str:
        r = self.new("r")
        self.put(f"{r} = call double {CONSTRAINED}.fpext.f64.f32(float {v}, {STRICT}) strictfp")
        return r

    def _out(self, v: str, w: int, result: str, tiny: bool = False) -> str:
        """The number's bits; whether it is good (`tiny`: underflow is possible)."""
        self._bits(v, w, result)
        return self.judge(v, w, result, tiny)

    def _bits(self, v: str, w: int, result: str) -> None:
        if w == 64:
            self.put(f"{result} = bitcast double {v} to i64")
        else:
            low = self.new()
            self.put(f"{low} = bitcast float {v} to i32")
            self.put(f"{result} = zext i32 {low} to i64")

    def judge(self, v: str, w: int, result: str, tiny: bool) -> str:
        """i1: the number with these bits is good; "true" if that will be asked later."""
        return self.judge_now(v, w, tiny)

    def judge_now(self, v: str, w: int, tiny: bool) -> str:
        good, t = self.new("good"), REAL[w]
        if tiny:
            magnitude = self.new("r")
            self.put(f"{magnitude} = call {t} @llvm.fabs.f{w}({t} {v})")
            self.put(f"{good} = fcmp one {t} {magnitude}, {SMALLEST[w]}")  # NaNs compare as equal here
        else:
            self.put(f"{good} = fcmp ord {t} {v}, {v}")
        return good

    def some_odd(self, lanes: Sequence[tuple[str, bool]]) -> str:
        """i1: one of several doubles is not good; each with its `tiny`.  All in one comparison: what is a
        number differs from -1, which no magnitude is."""
        if len(lanes) == 1:
            (v, tiny), odd = lanes[0], self.new("odd")
            self.put(f"{odd} = xor i1 {self.judge_now(v, 64, tiny)}, true")
            return odd
        t, whole = f"<{len(lanes)} x double>", "poison"
        for k, (v, _) in enumerate(lanes):
            more = self.new("r")
            self.put(f"{more} = insertelement {t} {whole}, double {v}, i32 {k}")
            whole = more
        magnitudes, each, bits, odd = self.new("r"), self.new(), self.new(), self.new("odd")
        limits = ", ".join(f"double {SMALLEST[64] if tiny else '-1.0'}" for _, tiny in lanes)
        self.put(f"{magnitudes} = call {t} @llvm.fabs.v{len(lanes)}f64({t} {whole})")
        self.put(f"{each} = fcmp ueq {t} {magnitudes}, <{limits}>")
        self.put(f"{bits} = bitcast <{len(lanes)} x i1> {each} to i{len(lanes)}")
        self.put(f"{odd} = icmp ne i{len(lanes)} {bits}, 0")
        return odd

    def _to_integer(self, v: str, w: int, result: str) -> str:
        """Towards zero; what has no integer gives the smallest one."""
        n, good, x = self.new(), self.new("good"), self._real(v, w)
        asm = f'asm sideeffect "cvtts{"s" if w == 32 else "d"}2si $1, $0", "=r,x"'
        self.put(f"{n} = call i32 {asm}({REAL[w]} {x})")
        self.put(f"{result} = zext i32 {n} to i64")
        self.put(f"{good} = icmp ne i32 {n}, {-1 << 31}")
        return good

    def _compare_reals(self, a: str, b: str, w: int, result: str) -> str:
        """0 equal, 1 a is less, 2 a is greater.

        What compares is pinned behind the question for NaNs: elsewhere a signalling one would be noticed that
        the guest has not looked at.
        """
        t, good = REAL[w], self.new("good")
        x, y = self._real(a, w), self._real(b, w)
        ordered = f'{CONSTRAINED}.fcmp.f{w}({t} {x}, {t} {y}, metadata !"ord", {STRICT})'
        self.put(f"{good} = call i1 {ordered} strictfp")
        x, y = self._pinned(x, w), self._pinned(y, w)
        less, more, not_ = self.new(), self.new(), self.new()
        self.put(f"{less} = fcmp olt {t} {x}, {y}")
        self.put(f"{more} = fcmp ogt {t} {x}, {y}")
        self.put(f"{not_} = select i1 {more}, i64 2, i64 0")
        self.put(f"{result} = select i1 {less}, i64 1, i64 {not_}")
        return good

    def _pinned(self, v: str, w: int) -> str:
        """The same number, which nobody can have sooner."""
        r = self.new("r")
        self.put(f'{r} = call {REAL[w]} asm sideeffect "", "=x,0"({REAL[w]} {v})')
        return r

    # -- MXCSR -----------------------------------------------------------------------------------------------

    def host_slot(self) -> None:
        """At a function's entry: a place for MXCSR."""
        self.put("%mxcsr = alloca i32")

    def _status(self) -> str:
        r = self.new()
        self.put('call void asm sideeffect "stmxcsr $0", "=*m,~{memory}"(ptr elementtype(i32) %mxcsr)')
        self.put(f"{r} = load i32, ptr %mxcsr")
        return r

    def host_reset(self) -> None:
        self.put(f"store i32 {USUAL}, ptr %mxcsr")
        self.put('call void asm sideeffect "ldmxcsr $0", "*m,~{memory}"(ptr elementtype(i32) %mxcsr)')

    def host_odd(self) -> str:
        """i1: MXCSR has an exception that the guest has not, or does not compute as usual."""
        status, accrued, known, unusual, rest, odd = self._status(), *(self.new() for _ in range(5))
        self.put(f"{accrued} = zext i8 {self.peek('fp_accrued', 'i8')} to i32")
        self.put(f"{known} = or i32 {accrued}, {-1 << 16 | DENORMAL}")
        self.put(f"{unusual} = xor i32 {status}, {USUAL}")
        self.put(f"{rest} = xor i32 {known}, -1")
        both = self.new()
        self.put(f"{both} = and i32 {unusual}, {rest}")
        self.put(f"{odd} = icmp ne i32 {both}, 0")
        return odd

    def host_enter(self) -> None:
        """At a region's entry."""
        self.host_slot()
        self.cond(self.host_odd(), "mxcsr.odd", "mxcsr.clean", UNLIKELY)
        self.block("mxcsr.odd")
        self.host_reset()
        self.br("mxcsr.clean")
        self.block("mxcsr.clean")

    def host_leave(self) -> None:
        """At a region's exit: what has been noticed since."""
        status, accrued, low, new, all_ = self._status(), *(self.new() for _ in range(4))
        self.put(f"{low} = trunc i32 {status} to i8")
        self.put(f"{new} = and i8 {low}, {EXCEPTIONS}")
        at = self.at("fp_accrued")
        self.put(f"{accrued} = load i8, ptr {at}, {STATE}")
        self.put(f"{all_} = or i8 {accrued}, {new}")
        self.put(f"store i8 {all_}, ptr {at}, {STATE}")

    def op_host(self, u: Any) -> None:
        name, a, b = u.args
        self.good[u.n] = self.operation(name, self.text(a), self.text(b), f"%t{u.n}")

    def op_host_good(self, u: Any) -> None:
        self.put(f"%t{u.n} = and i1 {self.good[u.args[0].x.n]}, true")

    def plain(self, name: str, bits: str, good: str) -> str:
        """i1: a result is good and has raised at most `inexact`.  Sums are exact if they are tiny, products
        are not: here these have an exponent of 2 at least."""
        kind, _, size = name.partition(".")
        if kind not in TWO and kind != "narrow":
            return good
        fraction, top = (23, 255) if size == "32" else (52, 2047)
        least = 2 if kind in ("mul", "div", "narrow") else 0
        moved, above, exponent, plain = (self.new() for _ in range(4))
        self.put(f"{moved} = lshr i64 {bits}, {fraction}")
        self.put(f"{above} = sub i64 {moved}, {least}")
        self.put(f"{exponent} = and i64 {above}, {top}")
        self.put(f"{plain} = icmp ult i64 {exponent}, {top - least}")
        return plain

    def op_host_plain(self, u: Any) -> None:
        name, done = u.args
        plain = self.plain(name, self.text(done), self.good[done.x.n])
        self.put(f"%t{u.n} = and i1 {plain}, true")

    def op_host_clean(self, u: Any) -> None:
        self.put(f"%t{u.n} = xor i1 {self.host_odd()}, true")

    def op_host_forget(self, u: Any) -> None:
        self.host_reset()
