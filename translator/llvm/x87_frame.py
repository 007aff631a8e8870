"""What stands around a region's x87 code: registers at the entry, what the ways out leave behind."""

from __future__ import annotations

from typing import Any, NamedTuple

from .emit import LIKELY, STATE, UNLIKELY, Emitter
from .x87_exit import CLEAR, Usage

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


def literal(se: int, m: int) -> str:
    return f"0xK{se:04X}{m:016X}"


ZERO = literal(0, 0)
RAW = {"a": 16, "b": 32}  # in %x.kind: an operand of the last operation is a double, kept as it was in memory
USUAL, CUT = 0x37F, 0xF7F  # control words: to nearest, to zero


class X87Frame(Emitter):
    """The sub-class renders what is between."""

    ways_out: list[tuple[str, ...]]  # label, then what `way_out` joins

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
        for name in RAW:
            self.put(f"%x.raw.{name} = alloca i64")
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
        wide, bit, with_ = (self.new() for _ in range(3))  # what the interpreter has not yet accrued
        self.put(f"{wide} = zext i8 {self.peek('fp_watch', 'i8')} to i32")
        self.put(f"{bit} = shl i32 {wide}, 3")
        self.put(f"{with_} = or i32 {fpsr}, {bit}")
        self.poke("fpsr", "i32", with_)
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
            if name in RAW:
                flag, some, raw, x = (self.new() for _ in range(4))
                self.put(f"{flag} = and i32 {kind}, {RAW[name]}")
                self.put(f"{some} = icmp ne i32 {flag}, 0")
                self.cond(some, f"x.raw.{at}", f"x.real.{at}")
                self.block(f"x.raw.{at}")
                self.put(f"{raw} = load i64, ptr %x.raw.{name}")
                self._load("fldl", 64, raw, x)
                self.put(f"store x86_fp80 {x}, ptr {p}")
                self.br(f"x.real.{at}")
                self.block(f"x.real.{at}")
        what = self.new()
        self.put(f"{what} = and i32 {kind}, {min(RAW.values()) - 1}")
        self.put(f"{pc} = load i32, ptr %x.pc")
        self.put(f"call void @x87_settle(ptr %st, ptr %x.work, i32 {what}, i32 {pc}) strictfp")
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

    def _load(self, how: str, w: int, raw: str, result: str) -> None:
        """Through %x.raw, as in `_store`.  It changes nothing: LLVM may put it off or leave it out."""
        self.put(f"store i{w} {raw}, ptr %x.raw")
        asm = f'asm "{how} $1", "={{st}},*m"'
        self.put(f"{result} = call x86_fp80 {asm}(ptr elementtype(i{w}) %x.raw) strictfp")
