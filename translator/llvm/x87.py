"""Extended precision on the host's x87, inside regions: the uops `x_…` of 80 bits as LLVM text.

A region keeps data registers as x86_fp80 values. Between blocks they are below 2^2164 in magnitude and
multiples of 2^-2200, so that no single operation on them overflows or becomes denormal. Within a block the
emitter knows bounds of all values (`Size`) and checks only what could be too large or too fine by then; what
is, is a side exit, and so are division by zero, roots of negative numbers, infinities and NaNs.

What is left of exceptions is INEX2. Its accrued bit is the host's own sticky one. The status byte belongs to
the last operation, which is repeated when the region is left (`x87_settle`): reading the host's status costs
more than the operation itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

from ..isa import Model
from ..spec.value import Uop, Val
from .emit import LIKELY, STATE, UNLIKELY, Emitter
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
SAFE = 16380  # results below 2^SAFE that are multiples of 2^-SAFE are normal numbers, and finite


class Size(NamedTuple):
    """Of a number x: |x| < 2^high, and x is a multiple of 2^-grain.

    piled: |x| is below 2^PILE times one more than the instructions since the region was entered.
    """

    high: int
    grain: int
    piled: bool = False


PILE = 2100
# Between blocks.  There are fewer than 2^64 instructions: what a loop adds to a register needs no check if
# each time it is below 2^PILE, as products of doubles are.
REGISTER = Size(PILE + 64, 2200, True)
# A check is stricter: between 2^-SMALLEST and 2^1024, or zero.
SMALLEST = 1011
CHECKED = Size(1024, SMALLEST + 63)


def _size_of(kind: int, a: Size, b: Size) -> Size:
    """The size of b + a, b - a, b * a or b / a; that rounding only makes coarser, but for quotients."""
    if kind == MUL:
        return Size(a.high + b.high, a.grain + b.grain)
    if kind == DIV:
        return Size(b.high + a.grain, b.grain + a.high + 64)
    if a.piled != b.piled and min(a.high, b.high) <= PILE:
        return Size(REGISTER.high, max(a.grain, b.grain), True)
    return Size(max(a.high, b.high) + 1, max(a.grain, b.grain))


def literal(se: int, m: int) -> str:
    return f"0xK{se:04X}{m:016X}"


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
        self.sizes: dict[int, Size] = {}  # by uop
        self.register_sizes: dict[int, Size] = {}
        self.last_sets: set[int] = set()  # uops that write what the blocks behind need
        self.limits: dict[int, str] = {}  # doubles and their names
        self.asked = False  # whether this block has made sure that the x87 will do
        self.ways_out: list[tuple[str, ...]] = []  # label, then what `way_out` joins

    def _guard(self, hit: str, why: str) -> None:
        raise NotImplementedError

    def fresh_block(self, ops: Iterable[Uop], needed: set[int]) -> None:
        """Forget what was known of registers; `ops`: what this block does, `needed`: registers behind it."""
        self.asked = False
        self.register_sizes = {}
        last = {u.args[0]: u.n for u in ops if u.op == "x_set"}
        self.last_sets = {n for i, n in last.items() if i in needed}

    def registers(self, reals: Usage, entry: Any) -> None:
        """At the region's entry: read FP registers; %x.ok: the x87 will do for those that are live."""
        self.put("%x.work = alloca [48 x i8], align 16")
        self.put("%x.kind = alloca i32")
        self.put("%x.raw = alloca i64, align 8")
        self.put("%x.look = alloca x86_fp80, align 16")
        for name, word in (("usual", USUAL), ("cut", CUT)):
            self.put(f"%x.{name} = alloca i16")
            self.put(f"store i16 {word}, ptr %x.{name}")
        self.put("%x.pc = alloca i32")
        for name in ("cc", "a", "b"):
            self.put(f"%x.{name} = alloca x86_fp80, align 16")
            self.put(f"store x86_fp80 {ZERO}, ptr %x.{name}")
        self.put("store i32 0, ptr %x.kind")
        self.put("store i32 0, ptr %x.pc")
        last, due = self.peek("fp_last", "i16"), self.new()
        self.put(f"{due} = icmp sge i16 {last}, 0")
        self.cond(due, "x.coded", "x.codes", LIKELY)
        self.block("x.codes")
        self.put("call void @x87_codes(ptr %st)")
        self.br("x.coded")
        self.block("x.coded")
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
        and_("icmp eq i8 {}, 0", self.peek("fp_off", "i8"))
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
            if i in reals.live[entry]:
                and_("icmp ne i1 {}, false", self._moderate(se, m))
        self.put(f"%x.ok = and i1 {ok}, true")
        sw, flags, some, accrued, yet, dirty = (self.new() for _ in range(6))
        self.put(f'{sw} = call i16 asm sideeffect "fnstsw %ax", "={{ax}}"() strictfp')
        # What is inexact already need not become so.
        self.put(f"{flags} = and i16 {sw}, 32")
        self.put(f"{some} = icmp ne i16 {flags}, 0")
        self.put(f"{accrued} = and i32 {fpsr}, 8")
        self.put(f"{yet} = icmp eq i32 {accrued}, 0")
        self.put(f"{dirty} = and i1 {some}, {yet}")
        self.cond(dirty, "x.clear", "x.clean", UNLIKELY)
        self.block("x.clear")
        self.put(CLEAR)
        self.br("x.clean")
        self.block("x.clean")

    def _at(self, i: int) -> tuple[str, str]:
        pm, ps = self.new("p"), self.new("p")
        self.put(f"{pm} = getelementptr i8, ptr %st, i64 {self.offsets['fp'] + 16 * i}")
        self.put(f"{ps} = getelementptr i8, ptr %st, i64 {self.offsets['fp'] + 16 * i + 8}")
        return pm, ps

    def way_out(self) -> list[str]:
        """Where the ways out join: one place stores all registers, so that exits are small."""
        names = []
        types = {"how": "i64", "next": "i64", "left": "i64"}
        for k, (name, t) in enumerate(types.items(), 1):
            values = ", ".join(f"[ {way[k]}, %{way[0]} ]" for way in self.ways_out)
            self.put(f"%x.{name} = phi {t} {values}")
            names.append(f"%x.{name}")
        return names

    def store_registers(self, reals: Usage) -> None:
        """At the region's exit: FP registers, and what the last operation leaves behind."""
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
        least = BIAS - REGISTER.grain + 63
        self.put(f"{off} = sub i16 {e}, {least}")
        self.put(f"{inside} = icmp ult i16 {off}, {BIAS + PILE - least}")
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

    def _ensure(self, v: Val) -> None:
        """Leave unless v is small and coarse enough for a register between blocks."""
        value, size = self.text(v), self._size(v)
        if (size.piled or size.high <= PILE) and size.grain <= REGISTER.grain:
            return
        # One look at the exponent in memory. The host hands a store on to a load that is no wider: LLVM would
        # read 32 bits, which takes three times as long as all the rest, unless it is told to read just these.
        at, se, e, off, inside = self.new("p"), self.new(), self.new(), self.new(), self.new()
        self.put(f"store x86_fp80 {value}, ptr %x.look")
        self.put(f"{at} = getelementptr i8, ptr %x.look, i64 8")
        self.put(f"{se} = load volatile i16, ptr {at}")
        self.put(f"{e} = and i16 {se}, 32767")
        self.put(f"{off} = sub i16 {e}, {BIAS - SMALLEST}")
        self.put(f"{inside} = icmp ult i16 {off}, {SMALLEST + CHECKED.high}")
        self._or_zero(inside, value)
        assert isinstance(v.x, Uop)
        self.sizes[v.x.n] = CHECKED

    def _or_zero(self, usual: str, value: str) -> None:
        """Leave unless `usual` holds or the number is zero."""
        self.n += 1
        normal, odd = f"normal{self.n}", f"odd{self.n}"
        self.cond(usual, normal, odd, LIKELY)
        self.block(odd)
        self._guard(self._compare("oeq", value, ZERO), "float")
        self.br(normal)
        self.block(normal)

    def _limit(self, bits: int) -> str:
        """A double, loaded where it is used: LLVM would keep it in one of the few registers."""
        name = self.limits.setdefault(bits, f"@x.limit{len(self.limits)}")
        v = self.new()
        asm = 'asm sideeffect "fldl $1", "={st},*m"'
        self.put(f"{v} = call x86_fp80 {asm}(ptr elementtype(i64) {name}) strictfp")
        return v

    def _size(self, v: Val) -> Size:
        assert isinstance(v.x, Uop)
        return self.sizes.get(v.x.n, REGISTER)

    # -- uops ------------------------------------------------------------------------------------------------

    def op_x_begin(self, u: Uop) -> None:
        if not self.asked:
            self._guard("%x.ok", "float")
            self.asked = True

    def op_x_get(self, u: Uop) -> None:
        (i,) = u.args
        self.put(f"%t{u.n} = load x86_fp80, ptr %fp.{i}")
        self.sizes[u.n] = self.register_sizes.get(i, REGISTER)

    op_x_raw = op_x_get

    def op_x_set(self, u: Uop) -> None:
        i, v = u.args
        if u.n in self.last_sets:
            self._ensure(v)
        self.put(f"store x86_fp80 {self.text(v)}, ptr %fp.{i}")
        self.register_sizes[i] = self._size(v)

    def op_x_constant(self, u: Uop) -> None:
        se, m = u.args
        self.put(f"%t{u.n} = select i1 true, x86_fp80 {literal(se, m)}, x86_fp80 {ZERO}")
        self.sizes[u.n] = Size(max(se - BIAS + 1, 0), 0)

    def _load(self, how: str, w: int, raw: str, result: str) -> None:
        """Through %x.raw, as in `_store`."""
        self.put(f"store i{w} {raw}, ptr %x.raw")
        asm = f'asm sideeffect "{how} $1", "={{st}},*m"'
        self.put(f"{result} = call x86_fp80 {asm}(ptr elementtype(i{w}) %x.raw) strictfp")

    def op_x_integer(self, u: Uop) -> None:
        self._load("fildl", 32, self.text(u.args[0]), f"%t{u.n}")
        self.sizes[u.n] = Size(32, 0)

    def op_x_real(self, u: Uop) -> None:
        (raw,) = u.args
        w, top = (64, 0x7FF << 52) if raw.w == 64 else (32, 0xFF << 23)
        e, finite = self.new(), self.new()
        self.put(f"{e} = and i{w} {self.text(raw)}, {top}")
        self.put(f"{finite} = icmp ne i{w} {e}, {top}")
        self._guard(finite, "float")
        self._load("fldl" if w == 64 else "flds", w, self.text(raw), f"%t{u.n}")
        if raw.known is not None:
            number = Fraction(struct.unpack(">d" if w == 64 else ">f", raw.known.to_bytes(w // 8, "big"))[0])
            over = abs(number.numerator).bit_length() - number.denominator.bit_length() + 1
            self.sizes[u.n] = Size(over, number.denominator.bit_length() - 1)
        else:
            self.sizes[u.n] = Size(1024, 1074) if w == 64 else Size(128, 149)

    def op_x_whole(self, u: Uop) -> None:
        se, m = (self.text(v) for v in u.args)
        self._guard(self._moderate(se, m), "float")
        self._whole(se, m, f"%t{u.n}")
        self.sizes[u.n] = Size(PILE, REGISTER.grain)

    def op_x_one(self, u: Uop) -> None:
        kind, a = u.args
        v, r = self.text(a), f"%t{u.n}"
        self.sizes[u.n] = size = self._size(a)
        if kind == MOVE:
            self.put(f"{r} = select i1 true, x86_fp80 {v}, x86_fp80 {ZERO}")
        elif kind == NEG:
            self.put(f"{r} = fneg x86_fp80 {v}")
        elif kind == ABS:
            self.put(f"{r} = call x86_fp80 @llvm.fabs.f80(x86_fp80 {v}) strictfp")
        elif kind == SQRT:
            self._guard(self._compare("oge", v, ZERO), "float")
            self.put(f"{r} = call x86_fp80 {CONSTRAINED}.sqrt.f80(x86_fp80 {v}, {MODES}) strictfp")
            self.sizes[u.n] = Size(max(size.high + 1 >> 1, 1), size.grain // 2 + 65)
        else:
            words = "ptr elementtype(i16) %x.cut, ptr elementtype(i16) %x.usual"
            asm = f'asm sideeffect "{ROUND[kind]}", "={{st}},*m,*m,0"'
            self.put(f"{r} = call x86_fp80 {asm}({words}, x86_fp80 {v}) strictfp")
            self.sizes[u.n] = Size(max(size.high, 0) + 1, 0)

    def op_x_two(self, u: Uop) -> None:
        kind, a, b = u.args
        while max(size := _size_of(kind, self._size(a), self._size(b))) > SAFE:
            self._ensure(max(a, b, key=lambda v: sum(self._size(v)[:2])))
        self.sizes[u.n] = size
        if kind == DIV:
            self._guard(self._compare("one", self.text(a), ZERO), "float")
        self.put(
            f"%t{u.n} = call x86_fp80 {CONSTRAINED}.{TWO[kind]}.f80(x86_fp80 {self.text(b)}, "
            f"x86_fp80 {self.text(a)}, {MODES}) strictfp"
        )

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

    def _store(self, how: str, w: int, v: str) -> None:
        """To %x.raw by an instruction of the x87, which LLVM would send through other registers."""
        asm = f'asm sideeffect "{how} $0", "=*m,{{st}},~{{st}}"'
        self.put(f"call void {asm}(ptr elementtype(i{w}) %x.raw, x86_fp80 {v}) strictfp")

    def op_x_mantissa(self, u: Uop) -> None:
        m, _ = self._parts(self.text(u.args[0]))
        self.put(f"%t{u.n} = add i64 {m}, 0")

    def op_x_sign_exponent(self, u: Uop) -> None:
        _, se = self._parts(self.text(u.args[0]))
        self.put(f"%t{u.n} = add i16 {se}, 0")

    def op_x_to_real(self, u: Uop) -> None:
        """Leave unless the result is zero or a normal number above the smallest.

        What has been lost is lost by the guest's rules too; it calls an overflow inexact as well.
        """
        (a,) = u.args
        w, fraction = (64, 52) if u.w == 64 else (32, 23)
        r, e0, e1, good = (self.new() for _ in range(4))
        self._store("fstpl" if w == 64 else "fstps", w, self.text(a))
        self.put(f"%t{u.n} = load i{w}, ptr %x.raw")
        top = (1 << w - 1 - fraction) - 1
        self.put(f"{r} = lshr i{w} %t{u.n}, {fraction}")
        self.put(f"{e0} = and i{w} {r}, {top}")
        self.put(f"{e1} = sub i{w} {e0}, 2")
        self.put(f"{good} = icmp ult i{w} {e1}, {top - 2}")
        self._or_zero(good, self.text(a))

    def op_x_to_integer(self, u: Uop) -> None:
        a, bits = u.args
        (most,) = struct.unpack(">Q", struct.pack(">d", (1 << bits - 1) - 1))
        self._guard(self._compare("olt", self._magnitude(self.text(a)), self._limit(most)), "float")
        self._store("fistpl", 32, self.text(a))
        self.put(f"%t{u.n} = load i32, ptr %x.raw")


__all__ = ["UOPS", "X87"]
