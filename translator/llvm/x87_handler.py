"""Extended precision on the host's x87, in the interpreter's handlers: uops `x_…` as LLVM text.

Registers lie in the state as an x87 stores them. Whoever records these uops has seen to it that operands and
results are ordinary numbers, so that the x87's status says no more than whether something was inexact; and
that is asked when the guest wants to know what it has accrued (`x_accrue`): looking takes longer than adding.
"""

from __future__ import annotations

from typing import Any

from ..spec.value import Uop, Val
from .emit import STATE, UNLIKELY, Emitter
from .x87_exit import ABS, CLEAR, CONSTRAINED, INEXACT, INT, INTRZ, MODES, NEG, SQRT, STRICT, TWO
from .x87_exit import DECLARATIONS as OPERATIONS

UOPS = tuple("x_load x_sign_exponent x_put x_double x_real x_two x_one x_less x_equal x_accrue".split())
CONTROL = {"usual": 0x37F, "cut": 0xF7F}  # to nearest, to zero
DECLARATIONS = OPERATIONS + "".join(
    f"@x.{name} = private constant i16 {word}\n" for name, word in CONTROL.items()
)
CUT = "fldcw $1\\0Afrndint\\0Afldcw $2"


class X87Handler(Emitter):
    """What handlers with such uops have beyond others."""

    def _register(self, reg: Any, index: Val) -> str:
        raise NotImplementedError

    def op_phi(self, u: Uop) -> None:
        if u.w != 80:
            super().op_phi(u)
            return
        _, one, two = self._last_join
        a, b = (self.text(v) for v in u.args)
        self.put(f"%t{u.n} = phi x86_fp80 [ {a}, %{one} ], [ {b}, %{two} ]")

    def op_x_load(self, u: Uop) -> None:
        """The number at element `index` of a register file of 64 bits."""
        p = self._register(*u.args)
        self.put(f"%t{u.n} = load x86_fp80, ptr {p}, align 8, {STATE}")

    def op_x_sign_exponent(self, u: Uop) -> None:
        """The lowest 16 bits of an element."""
        p = self._register(*u.args)
        self.put(f"%t{u.n} = load i16, ptr {p}, {STATE}")

    def op_x_put(self, u: Uop) -> None:
        reg, index, v = u.args
        p = self._register(reg, index)
        self.put(f"store x86_fp80 {self.text(v)}, ptr {p}, align 8, {STATE}")

    def op_x_double(self, u: Uop) -> None:
        """A single or an integer of 32 bits as a double."""
        how, raw = u.args
        v = self.text(raw)
        r = self.new()
        if how == "real":
            single = self.new()
            self.put(f"{single} = bitcast i32 {v} to float")
            self.put(f"{r} = fpext float {single} to double")
        else:
            self.put(f"{r} = sitofp i32 {v} to double")
        self.put(f"%t{u.n} = bitcast double {r} to i64")

    def op_x_real(self, u: Uop) -> None:
        """The double at the beginning of a register file; LLVM would send it through other registers."""
        p = self.at(u.args[0].name)
        asm = 'asm sideeffect "fldl $1", "={st},*m"'
        self.put(f"%t{u.n} = call x86_fp80 {asm}(ptr elementtype(i64) {p}) strictfp")

    def op_x_two(self, u: Uop) -> None:
        kind, a, b = u.args
        self.put(
            f"%t{u.n} = call x86_fp80 {CONSTRAINED}.{TWO[kind]}.f80(x86_fp80 {self.text(b)}, "
            f"x86_fp80 {self.text(a)}, {MODES}) strictfp"
        )

    def op_x_one(self, u: Uop) -> None:
        kind, a = u.args
        v, r = self.text(a), f"%t{u.n}"
        if kind == NEG:
            self.put(f"{r} = fneg x86_fp80 {v}")
        elif kind == ABS:
            self.put(f"{r} = call x86_fp80 @llvm.fabs.f80(x86_fp80 {v})")
        elif kind == SQRT:
            self.put(f"{r} = call x86_fp80 {CONSTRAINED}.sqrt.f80(x86_fp80 {v}, {MODES}) strictfp")
        elif kind == INT:
            self.put(f'{r} = call x86_fp80 asm sideeffect "frndint", "={{st}},0"(x86_fp80 {v}) strictfp')
        else:
            assert kind == INTRZ, kind
            words = "ptr elementtype(i16) @x.cut, ptr elementtype(i16) @x.usual"
            asm = f'asm sideeffect "{CUT}", "={{st}},*m,*m,0"'
            self.put(f"{r} = call x86_fp80 {asm}({words}, x86_fp80 {v}) strictfp")

    def _compare(self, predicate: str, u: Uop) -> None:
        a, b = (self.text(v) for v in u.args)
        self.put(
            f"%t{u.n} = call i1 {CONSTRAINED}.fcmp.f80(x86_fp80 {a}, x86_fp80 {b}, "
            f'metadata !"{predicate}", {STRICT}) strictfp'
        )

    def op_x_less(self, u: Uop) -> None:
        self._compare("olt", u)

    def op_x_equal(self, u: Uop) -> None:
        self._compare("oeq", u)

    def op_x_accrue(self, u: Uop) -> None:
        """Set bits of a register if anything has been inexact since this was asked last."""
        reg, bits = u.args
        sw, flag, some, new = (self.new() for _ in range(4))
        self.n += 1
        k = self.n
        self.put(f'{sw} = call i16 asm sideeffect "fnstsw %ax", "={{ax}}"() strictfp')
        self.put(f"{flag} = and i16 {sw}, {INEXACT}")
        self.put(f"{some} = icmp ne i16 {flag}, 0")
        self.cond(some, f"inexact{k}", f"exact{k}", UNLIKELY)
        self.block(f"inexact{k}")
        old = self.peek(reg.name, f"i{reg.width}")
        self.put(f"{new} = or i{reg.width} {old}, {bits}")
        self.poke(reg.name, f"i{reg.width}", new)
        self.put(CLEAR)
        self.br(f"exact{k}")
        self.block(f"exact{k}")
