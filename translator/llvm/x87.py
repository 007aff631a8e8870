"""Extended precision on the host's x87, inside regions: the uops `x_…` of 80 bits as LLVM text.

A region keeps data registers as x86_fp80 values. They are zero or between 2^-8000 and 2^8000 in magnitude
(`LIMIT`), so that no single operation on them overflows or becomes denormal; a result beyond is a side exit,
and so is a division by zero or the root of a negative number. Where the sizes of the operands say enough,
nothing is checked: `sizes` knows that a double is below 2^1100.

What is left of exceptions is INEX2. Its accrued bit is the host's own sticky one. The status byte belongs to
the last operation, which is repeated when the region is left (`x87_settle`): reading the host's status costs
more than the operation itself.
"""

from __future__ import annotations

from typing import Any

from ..isa import Model
from ..spec.value import Uop
from .emit import STATE, UNLIKELY, Emitter
from .x87_exit import (
    ABS,
    AGAIN,
    CLEAR,
    CONSTRAINED,
    DIV,
    INT,
    INTRZ,
    MODES,
    MOVE,
    MUL,
    NEG,
    SQRT,
    STRICT,
    TWO,
    Usage,
)

BIAS = 16383
LIMIT = 8000  # largest |exponent| of what a register holds between instructions
SAFE = 16000  # no operation on exponents below this is in danger of over- or underflow


def literal(se: int, m: int) -> str:
    return f"0xK{se:04X}{m:016X}"


def power(e: int) -> str:
    """2^e as a literal."""
    return literal(BIAS + e, 1 << 63)


ZERO = literal(0, 0)
USUAL, CUT = 0x37F, 0xF7F  # control words: to nearest, to zero
ROUND = {INT: "frndint", INTRZ: "fldcw $1\\0Afrndint\\0Afldcw $2"}


UOPS = tuple(
    "x_begin x_get x_raw x_set x_constant x_integer x_real x_whole x_one x_two x_compare x_condition "
    "x_settle x_mantissa x_sign_exponent x_to_real x_to_integer".split()
)


class X87(Emitter):
    """What a region with such uops has beyond others."""

    _here: tuple[int, int]  # address of the instruction, how many are left of its block

    def __init__(self, model: Model, page_bits: int) -> None:
        super().__init__(model, page_bits)
        self.sizes: dict[int, int] = {}  # uop -> bound of |exponent|
        self.register_sizes: dict[int, int] = {}
        self.asked = False  # whether this block has made sure that the x87 will do
        self.ways_out: list[tuple[str, str, str, str]] = []

    def _guard(self, hit: str, why: str) -> None:
        raise NotImplementedError

    def fresh_block(self) -> None:
        self.asked = False
        self.register_sizes = {}

    def registers(self, reals: Usage) -> None:
        """At the region's entry: read FP registers; %x.ok: the x87 will do for those that are live."""
        self.put("%x.work = alloca [48 x i8], align 16")
        self.put("%x.kind = alloca i32")
        self.put("%x.int = alloca i32")
        for name, word in (("usual", USUAL), ("cut", CUT)):
            self.put(f"%x.{name} = alloca i16")
            self.put(f"store i16 {word}, ptr %x.{name}")
        self.put("%x.pc = alloca i32")
        for name in ("cc", "a", "b"):
            self.put(f"%x.{name} = alloca x86_fp80, align 16")
            self.put(f"store x86_fp80 {ZERO}, ptr %x.{name}")
        self.put("store i32 0, ptr %x.kind")
        self.put("store i32 0, ptr %x.pc")
        ok = "true"

        def and_(text: str, *args: str) -> None:
            nonlocal ok
            c, both = self.new(), self.new()
            self.put(f"{c} = {text.format(*args)}")
            self.put(f"{both} = and i1 {ok}, {c}")
            ok = both

        fpsr, special = self.peek("fpsr", "i32"), self.new()
        and_("icmp eq i32 {}, 0", self.peek("fpcr", "i32"))
        and_("icmp eq i8 {}, 0", self.peek("fp_pending", "i8"))
        and_("icmp eq i8 {}, 1", self.peek("fp_used", "i8"))
        self.put(f"{special} = and i32 {fpsr}, {3 << 24}")
        and_("icmp eq i32 {}, 0", special)
        # The condition codes as a number that has them.
        n, n16, z, z1, m = (self.new() for _ in range(5))
        self.put(f"{n} = lshr i32 {fpsr}, 27")
        self.put(f"{n16} = trunc i32 {n} to i16")
        self.put(f"{z} = and i32 {fpsr}, {1 << 26}")
        self.put(f"{z1} = icmp ne i32 {z}, 0")
        self.put(f"{m} = select i1 {z1}, i64 0, i64 {-1 << 63}")
        e, se, sign = self.new(), self.new(), self.new()
        self.put(f"{sign} = shl i16 {n16}, 15")
        self.put(f"{e} = select i1 {z1}, i16 0, i16 {BIAS}")
        self.put(f"{se} = or i16 {sign}, {e}")
        self.put(f"store x86_fp80 {self._whole(se, m)}, ptr %x.cc")
        for i in sorted(reals.used):
            m, se = self.new(), self.new()
            pm, ps = self._at(i)
            self.put(f"{m} = load i64, ptr {pm}, {STATE}")
            self.put(f"{se} = load i16, ptr {ps}, {STATE}")
            self.put(f"%fp.{i} = alloca x86_fp80, align 16")
            self.put(f"store x86_fp80 {self._whole(se, m)}, ptr %fp.{i}")
            if i in reals.live:
                and_("icmp ne i1 {}, false", self._moderate(se, m))
        self.put(f"%x.ok = and i1 {ok}, true")
        sw, flags, dirty = self.new(), self.new(), self.new()
        self.put(f'{sw} = call i16 asm sideeffect "fnstsw %ax", "={{ax}}"() strictfp')
        self.put(f"{flags} = and i16 {sw}, 63")
        self.put(f"{dirty} = icmp ne i16 {flags}, 0")
        self.cond(dirty, "x.clear", "x.clean", UNLIKELY)
        self.block("x.clear")
        self.put(CLEAR)
        self.br("x.clean")
        self.block("x.clean")

    def _at(self, i: int) -> tuple[str, str]:
        pm, ps = self.new("p"), self.new("p")
        self.put(f"{pm} = getelementptr i8, ptr %st, i64 {self.offsets['fp_m'] + 8 * i}")
        self.put(f"{ps} = getelementptr i8, ptr %st, i64 {self.offsets['fp_se'] + 2 * i}")
        return pm, ps

    def leave_with(self, target: str, left: str, op: str) -> None:
        """One way out for all exits, so that registers are stored in one place."""
        incoming = self.ways_out
        incoming.append((self.label, target, left, op))
        self.br("x.leave")

    def store_registers(self, reals: Usage) -> None:
        """At the region's exit: FP registers, and what the last operation leaves behind."""
        for k, (name, t) in enumerate((("target", "ptr"), ("left", "i64"), ("next", "i64")), 1):
            values = ", ".join(f"[ {way[k]}, %{way[0]} ]" for way in self.ways_out)
            self.put(f"%x.{name} = phi {t} {values}")
        for i in sorted(reals.written):
            v = self.new()
            self.put(f"{v} = load x86_fp80, ptr %fp.{i}")
            m, se = self._parts(v)
            pm, ps = self._at(i)
            self.put(f"store i64 {m}, ptr {pm}, {STATE}")
            self.put(f"store i16 {se}, ptr {ps}, {STATE}")
        kind, none, pc = self.new(), self.new(), self.new()
        self.put(f"{kind} = load i32, ptr %x.kind")
        self.put(f"{none} = icmp eq i32 {kind}, 0")
        self.cond(none, "x.settled", "x.settle")
        self.block("x.settle")
        for at, name in ((0, "cc"), (16, "a"), (32, "b")):
            v, p = self.new(), self.new("p")
            self.put(f"{v} = load x86_fp80, ptr %x.{name}")
            self.put(f"{p} = getelementptr i8, ptr %x.work, i64 {at}")
            self.put(f"store x86_fp80 {v}, ptr {p}")
        self.put(f"{pc} = load i32, ptr %x.pc")
        self.put(f"call void @x87_settle(ptr %st, ptr %x.work, i32 {kind}, i32 {pc}) strictfp")
        self.br("x.settled")
        self.block("x.settled")

    # -- bits ------------------------------------------------------------------------------------------------

    def _whole(self, se: str, m: str, result: str = "") -> str:
        """Sign, exponent and mantissa together."""
        bits, low, high, up = (self.new() for _ in range(4))
        v = result or self.new()
        self.put(f"{low} = zext i64 {m} to i80")
        self.put(f"{high} = zext i16 {se} to i80")
        self.put(f"{up} = shl i80 {high}, 64")
        self.put(f"{bits} = or i80 {up}, {low}")
        self.put(f"{v} = bitcast i80 {bits} to x86_fp80")
        return v

    def _parts(self, v: str) -> tuple[str, str]:
        """(mantissa, sign and exponent)."""
        bits, m, high, se = (self.new() for _ in range(4))
        self.put(f"{bits} = bitcast x86_fp80 {v} to i80")
        self.put(f"{m} = trunc i80 {bits} to i64")
        self.put(f"{high} = lshr i80 {bits}, 64")
        self.put(f"{se} = trunc i80 {high} to i16")
        return m, se

    def _moderate(self, se: str, m: str) -> str:
        """Whether a number is one that registers hold here."""
        e, off, inside, normal, good, zero, e0, none, both = (self.new() for _ in range(9))
        self.put(f"{e} = and i16 {se}, 32767")
        self.put(f"{off} = sub i16 {e}, {BIAS - LIMIT}")
        self.put(f"{inside} = icmp ult i16 {off}, {2 * LIMIT}")
        self.put(f"{normal} = icmp slt i64 {m}, 0")
        self.put(f"{good} = and i1 {inside}, {normal}")
        self.put(f"{zero} = icmp eq i64 {m}, 0")
        self.put(f"{e0} = icmp eq i16 {e}, 0")
        self.put(f"{none} = and i1 {zero}, {e0}")
        self.put(f"{both} = or i1 {good}, {none}")
        return both

    # -- checks ----------------------------------------------------------------------------------------------

    def _compare(self, predicate: str, a: str, b: str) -> str:
        r = self.new()
        self.put(
            f"{r} = call i1 {CONSTRAINED}.fcmp.f80(x86_fp80 {a}, x86_fp80 {b}, "
            f'metadata !"{predicate}", {STRICT}) strictfp'
        )
        return r

    def _magnitude(self, v: str) -> str:
        r = self.new()
        self.put(f"{r} = call x86_fp80 @llvm.fabs.f80(x86_fp80 {v}) strictfp")
        return r

    def _between(self, v: str, low: int | None, high: str) -> None:
        """Leave unless v is zero or 2^low <= |v| < high."""
        size = self._magnitude(v)
        self._guard(self._compare("olt", size, high), "float")
        if low is None:
            return
        self.n += 1
        k = self.n
        self.cond(self._compare("oge", size, power(low)), f"large{k}", f"small{k}", "!prof !1")
        self.block(f"small{k}")
        self._guard(self._compare("oeq", size, ZERO), "float")
        self.br(f"large{k}")
        self.block(f"large{k}")

    def _size(self, v: Any) -> int:
        return self.sizes.get(v.x.n, LIMIT)

    def _result(self, u: Uop, size: int) -> None:
        """A result whose |exponent| is at most `size`: checked if that is too much for a register."""
        assert size <= SAFE + 64, size
        if size > LIMIT:
            self._between(f"%t{u.n}", -LIMIT + 1, power(LIMIT - 1))
            size = LIMIT
        self.sizes[u.n] = size

    # -- uops ------------------------------------------------------------------------------------------------

    def op_x_begin(self, u: Uop) -> None:
        if not self.asked:
            self._guard("%x.ok", "float")
            self.asked = True

    def op_x_get(self, u: Uop) -> None:
        (i,) = u.args
        self.put(f"%t{u.n} = load x86_fp80, ptr %fp.{i}")
        self.sizes[u.n] = self.register_sizes.get(i, LIMIT)

    op_x_raw = op_x_get

    def op_x_set(self, u: Uop) -> None:
        i, v = u.args
        self.put(f"store x86_fp80 {self.text(v)}, ptr %fp.{i}")
        self.register_sizes[i] = self._size(v)

    def op_x_constant(self, u: Uop) -> None:
        se, m = u.args
        self.put(f"%t{u.n} = select i1 true, x86_fp80 {literal(se, m)}, x86_fp80 {ZERO}")
        self.sizes[u.n] = abs(se - BIAS) + 1 if m else 0

    def op_x_integer(self, u: Uop) -> None:
        (raw,) = u.args
        self.put(
            f"%t{u.n} = call x86_fp80 {CONSTRAINED}.sitofp.f80.i32(i32 {self.text(raw)}, {MODES}) strictfp"
        )
        self.sizes[u.n] = 32

    def op_x_real(self, u: Uop) -> None:
        (raw,) = u.args
        w, name = raw.w, "double" if raw.w == 64 else "float"
        top = 0x7FF << 52 if w == 64 else 0xFF << 23
        e, finite, real = (self.new() for _ in range(3))
        self.put(f"{e} = and i{w} {self.text(raw)}, {top}")
        self.put(f"{finite} = icmp ne i{w} {e}, {top}")
        self._guard(finite, "float")
        self.put(f"{real} = bitcast i{w} {self.text(raw)} to {name}")
        self.put(f"%t{u.n} = call x86_fp80 {CONSTRAINED}.fpext.f80.f{w}({name} {real}, {STRICT}) strictfp")
        self.sizes[u.n] = 1100 if w == 64 else 160

    def op_x_whole(self, u: Uop) -> None:
        se, m = (self.text(v) for v in u.args)
        self._guard(self._moderate(se, m), "float")
        self._whole(se, m, f"%t{u.n}")

    def op_x_one(self, u: Uop) -> None:
        kind, a = u.args
        v, r = self.text(a), f"%t{u.n}"
        size = self._size(a)
        if kind == MOVE:
            self.put(f"{r} = select i1 true, x86_fp80 {v}, x86_fp80 {ZERO}")
        elif kind == NEG:
            self.put(f"{r} = fneg x86_fp80 {v}")
        elif kind == ABS:
            self.put(f"{r} = call x86_fp80 @llvm.fabs.f80(x86_fp80 {v}) strictfp")
        elif kind == SQRT:
            self._guard(self._compare("oge", v, ZERO), "float")
            self.put(f"{r} = call x86_fp80 {CONSTRAINED}.sqrt.f80(x86_fp80 {v}, {MODES}) strictfp")
        else:
            words = "ptr elementtype(i16) %x.cut, ptr elementtype(i16) %x.usual"
            asm = f'asm sideeffect "{ROUND[kind]}", "={{st}},*m,*m,0"'
            self.put(f"{r} = call x86_fp80 {asm}({words}, x86_fp80 {v}) strictfp")
        self._result(u, max(size, 64) if kind in (INT, INTRZ) else size)

    def op_x_two(self, u: Uop) -> None:
        kind, a, b = u.args
        x, y = self._size(a), self._size(b)
        if kind == DIV:
            self._guard(self._compare("one", self.text(a), ZERO), "float")
        self.put(
            f"%t{u.n} = call x86_fp80 {CONSTRAINED}.{TWO[kind]}.f80(x86_fp80 {self.text(b)}, "
            f"x86_fp80 {self.text(a)}, {MODES}) strictfp"
        )
        self._result(u, x + y + 1 if kind in (MUL, DIV) else max(x, y) + 65)

    def op_x_compare(self, u: Uop) -> None:
        """A number whose sign and zero are the condition codes of b - a; of equal ones the sign is theirs."""
        a, b = (self.text(v) for v in u.args)
        less, equal = self._compare("olt", b, a), self._compare("oeq", b, a)
        _, se = self._parts(b)
        minus, n, e, sign, both = (self.new() for _ in range(5))
        self.put(f"{minus} = icmp slt i16 {se}, 0")
        self.put(f"{n} = select i1 {equal}, i1 {minus}, i1 {less}")
        self.put(f"{sign} = select i1 {n}, i16 -32768, i16 0")
        self.put(f"{e} = select i1 {equal}, i16 0, i16 {BIAS}")
        self.put(f"{both} = or i16 {sign}, {e}")
        m = self.new()
        self.put(f"{m} = select i1 {equal}, i64 0, i64 {-1 << 63}")
        self._whole(both, m, f"%t{u.n}")

    def op_x_condition(self, u: Uop) -> None:
        """By N and Z of the last result: N * 2 + Z chooses one of four truths."""
        v = self.new()
        self.put(f"{v} = load x86_fp80, ptr %x.cc")
        m, se = self._parts(v)
        n, z, a, b = (self.new() for _ in range(4))
        self.put(f"{n} = icmp slt i16 {se}, 0")
        self.put(f"{z} = icmp eq i64 {m}, 0")
        t = u.args
        self.put(f"{a} = select i1 {z}, i1 {t[3]}, i1 {t[2]}")
        self.put(f"{b} = select i1 {z}, i1 {t[1]}, i1 {t[0]}")
        self.put(f"%t{u.n} = select i1 {n}, i1 {a}, i1 {b}")

    def op_x_settle(self, u: Uop) -> None:
        kind, cc, a, b = u.args
        self.put(f"store i32 {kind}, ptr %x.kind")
        self.put(f"store i32 {self._here[0]}, ptr %x.pc")
        if cc is not None:
            self.put(f"store x86_fp80 {self.text(cc)}, ptr %x.cc")
        if kind in AGAIN:
            self.put(f"store x86_fp80 {self.text(a)}, ptr %x.a")
            self.put(f"store x86_fp80 {self.text(b)}, ptr %x.b")

    # -- out -------------------------------------------------------------------------------------------------

    def op_x_mantissa(self, u: Uop) -> None:
        m, _ = self._parts(self.text(u.args[0]))
        self.put(f"%t{u.n} = add i64 {m}, 0")

    def op_x_sign_exponent(self, u: Uop) -> None:
        _, se = self._parts(self.text(u.args[0]))
        self.put(f"%t{u.n} = add i16 {se}, 0")

    def op_x_to_real(self, u: Uop) -> None:
        """Numbers that are normal ones there, a factor of two off the ends: else leave."""
        (a,) = u.args
        name, w = ("double", 64) if u.w == 64 else ("float", 32)
        top = 1022 if u.w == 64 else 126
        if self._size(a) > top:
            self._between(self.text(a), -top + 1, power(top))
        r = self.new()
        self.put(
            f"{r} = call {name} {CONSTRAINED}.fptrunc.f{w}.f80(x86_fp80 {self.text(a)}, {MODES}) strictfp"
        )
        self.put(f"%t{u.n} = bitcast {name} {r} to i{w}")

    def op_x_to_integer(self, u: Uop) -> None:
        a, bits = u.args
        self._between(self.text(a), None, literal(BIAS + bits - 2, (1 << bits - 1) - 1 << 65 - bits))
        self.put(
            'call void asm sideeffect "fistpl $0", "=*m,{st},~{st}"'
            f"(ptr elementtype(i32) %x.int, x86_fp80 {self.text(a)}) strictfp"
        )
        self.put(f"%t{u.n} = load i32, ptr %x.int")


__all__ = ["UOPS", "X87"]
