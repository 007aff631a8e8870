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

from ..isa import Model
from ..spec.value import Uop, Val
from .emit import LIKELY
from .x87_exit import (
    ABS,
    AGAIN,
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
)
from .x87_frame import (
    BIAS,
    CHECKED,
    PILE,
    RAW,
    REGISTER,
    SAFE,
    SMALLEST,
    ZERO,
    Size,
    X87Frame,
    literal,
)


def _size_of(kind: int, a: Size, b: Size) -> Size:
    """The size of b + a, b - a, b * a or b / a; that rounding only makes coarser, but for quotients."""
    if kind == MUL:
        return Size(a.high + b.high, a.grain + b.grain)
    if kind == DIV:
        return Size(b.high + a.grain, b.grain + a.high + 64)
    if a.piled != b.piled and min(a.high, b.high) <= PILE:
        return Size(REGISTER.high, max(a.grain, b.grain), True)
    return Size(max(a.high, b.high) + 1, max(a.grain, b.grain))


ROUND = {INT: "frndint", INTRZ: "fldcw $1\\0Afrndint\\0Afldcw $2"}


UOPS = tuple(
    "x_begin x_get x_raw x_set x_constant x_integer x_real x_whole x_one x_two x_compare x_condition "
    "x_settle x_mantissa x_sign_exponent x_to_real x_to_integer".split()
)


class X87(X87Frame):
    """What a region with such uops has beyond others."""

    _here: tuple[int, int]  # address of the instruction, how many are left of its block

    def __init__(self, model: Model, page_bits: int) -> None:
        super().__init__(model, page_bits)
        self.sizes: dict[int, Size] = {}  # by uop
        self.register_sizes: dict[int, Size] = {}
        self.raws: dict[int, str] = {}  # by uop: doubles as they were in memory
        self.register_raws: dict[int, str] = {}
        self.last_sets: set[int] = set()  # uops that write what the blocks behind need
        self.limits: dict[int, str] = {}  # doubles and their names
        self.asked = False  # whether this block has made sure that the x87 will do
        self.ways_out: list[tuple[str, ...]] = []  # label, then what `way_out` joins

    def _guard(self, hit: str, why: str) -> None:
        raise NotImplementedError

    def fresh_block(self, ops: Iterable[Uop], needed: set[int]) -> None:
        """Forget what was known of registers; `ops`: what this block does, `needed`: registers behind it."""
        self.asked = False
        self.register_sizes, self.register_raws = {}, {}
        last = {u.args[0]: u.n for u in ops if u.op == "x_set"}
        self.last_sets = {n for i, n in last.items() if i in needed}

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
        if i in self.register_raws:
            self.raws[u.n] = self.register_raws[i]

    op_x_raw = op_x_get

    def op_x_set(self, u: Uop) -> None:
        i, v = u.args
        if u.n in self.last_sets:
            self._ensure(v)
        self.put(f"store x86_fp80 {self.text(v)}, ptr %fp.{i}")
        self.register_sizes[i] = self._size(v)
        self.register_raws.pop(i, None)
        if v.x.n in self.raws:
            self.register_raws[i] = self.raws[v.x.n]

    def op_x_constant(self, u: Uop) -> None:
        se, m = u.args
        self.put(f"%t{u.n} = select i1 true, x86_fp80 {literal(se, m)}, x86_fp80 {ZERO}")
        self.sizes[u.n] = Size(max(se - BIAS + 1, 0), 0)

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
        if w == 64:
            self.raws[u.n] = self.text(raw)
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
            if a.x.n in self.raws:
                self.raws[u.n] = self.raws[a.x.n]
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
        repeated = kind in AGAIN
        for name, v in (("a", a), ("b", b)):
            raw = self.raws.get(v.x.n) if repeated else None
            kind |= RAW[name] if raw else 0
            # What nobody will ask for is undefined: kept, it would take one of the few registers.
            self.put(f"store i64 {raw or 'undef'}, ptr %x.raw.{name}")
            self.put(f"store x86_fp80 {self.text(v) if repeated and not raw else 'undef'}, ptr %x.{name}")
        self.put(f"store i32 {kind}, ptr %x.kind")
        self.put(f"store i32 {self._here[0]}, ptr %x.pc")
        if cc is not None:
            self.put(f"store x86_fp80 {self.text(cc)}, ptr %x.cc")

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
