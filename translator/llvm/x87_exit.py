"""What a region with floating point needs around it: which registers it uses, and how it leaves.

`x87_settle` writes FPSR and FPIAR: it repeats the last operation between two looks at the x87's status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# What an operation was (`x_settle`).
MOVE, NEG, ABS, SQRT, INT, INTRZ, ADD, SUB, MUL, DIV, TO_DOUBLE, TO_SINGLE, TO_INTEGER = range(1, 14)
TWO = {ADD: "fadd", SUB: "fsub", MUL: "fmul", DIV: "fdiv"}

MODES = 'metadata !"round.tonearest", metadata !"fpexcept.strict"'
STRICT = 'metadata !"fpexcept.strict"'
CONSTRAINED = "@llvm.experimental.constrained"


@dataclass
class Usage:
    """Data registers that a region uses, those that it writes, and those that a block needs from before."""

    used: set[int]
    written: set[int]
    live: dict[Any, set[int]]


def usage(blocks: Mapping[Any, Any], successors: Callable[[Any], list[Any]]) -> Usage | None:
    """None: no floating point."""
    reads: dict[Any, set[int]] = {}
    writes: dict[Any, set[int]] = {}
    used: set[int] = set()
    some = False
    for at, block in blocks.items():
        reads[at], writes[at] = set(), set()
        for u in (u for step in block.steps for u in step.ops):
            some |= u.op == "x_begin"
            if u.op == "x_get":
                reads[at] |= {u.args[0]} - writes[at]
            elif u.op == "x_set":
                writes[at].add(u.args[0])
            if u.op in ("x_get", "x_set", "x_raw"):
                used.add(u.args[0])
    if not some:
        return None
    live = dict(reads)
    changed = True
    while changed:
        changed = False
        for at, block in blocks.items():
            now = reads[at].union(*(live[to] for to in successors(block)), set()) - (writes[at] - reads[at])
            changed |= now != live[at]
            live[at] = now
    return Usage(used, set().union(*writes.values()), live)


DECLARATIONS = (
    "".join(
        f"declare x86_fp80 {CONSTRAINED}.{op}.f80(x86_fp80, x86_fp80, metadata, metadata)\n"
        for op in TWO.values()
    )
    + f"""declare x86_fp80 {CONSTRAINED}.sqrt.f80(x86_fp80, metadata, metadata)
declare i1 {CONSTRAINED}.fcmp.f80(x86_fp80, x86_fp80, metadata, metadata)
declare x86_fp80 @llvm.fabs.f80(x86_fp80)
"""
)

# FPSR and FPIAR of a region that is left; %work holds the last result, and the last operation's operands.
INEXACT, CLEAR = 32, 'call void asm sideeffect "fnclex", ""() strictfp'
SETTLE = """
define internal void @x87_settle(ptr %st, ptr %work, i32 %kind, i32 %pc) noinline nounwind strictfp {
  %sw = call i16 asm sideeffect "fnstsw %ax", "={ax}"() strictfp
  %some = and i16 %sw, 32
  %any = icmp ne i16 %some, 0
  br i1 %any, label %clear, label %exact         ; or nothing has been inexact at all
clear:
  call void asm sideeffect "fnclex", ""() strictfp
  %a = getelementptr i8, ptr %work, i64 16
  %b = getelementptr i8, ptr %work, i64 32
  switch i32 %kind, label %exact [ $cases ]
$operations
exact:
  br label %done
done:
  %its = phi i16 [ 0, %exact ]$results
  %m = load i64, ptr %work
  %sep = getelementptr i8, ptr %work, i64 8
  %se = load i16, ptr %sep
  %zero = icmp eq i64 %m, 0
  %z = zext i1 %zero to i32
  %se32 = zext i16 %se to i32
  %n0 = lshr i32 %se32, 15
  %n = shl i32 %n0, 27
  %z1 = shl i32 %z, 26
  %nz = or i32 %n, %z1
  %its32 = zext i16 %its to i32
  %inexact0 = and i32 %its32, 32
  %inexact = shl i32 %inexact0, 4
  %sw32 = zext i16 %sw to i32
  %accrued0 = and i32 %sw32, 32
  %accrued = lshr i32 %accrued0, 2
  %fp = getelementptr i8, ptr %st, i64 $fpsr
  %old = load i32, ptr %fp
  %kept = and i32 %old, 16711928
  %w1 = or i32 %kept, %nz
  %w2 = or i32 %w1, %inexact
  %w3 = or i32 %w2, %accrued
  store i32 %w3, ptr %fp
  %lp = getelementptr i8, ptr %st, i64 $fp_last
  store i16 0, ptr %lp
  %ip = getelementptr i8, ptr %st, i64 $fpiar
  store i32 %pc, ptr %ip
  ret void
}
"""
# Condition codes that the interpreter has put off (m68k.fpu.late): those of a register, as FPSR has them.
CODES = """
define internal void @x87_codes(ptr %st) noinline nounwind {
  %lp = getelementptr i8, ptr %st, i64 $fp_last
  %last = load i16, ptr %lp
  %flag = and i16 %last, 64
  %coded = icmp ne i16 %flag, 0
  br i1 %coded, label %done, label %codes
codes:
  %n0 = lshr i16 %last, 7
  %n1 = and i16 %n0, 7
  %n = zext i16 %n1 to i64
  %all = getelementptr i8, ptr %st, i64 $fp
  %at = getelementptr [16 x i8], ptr %all, i64 %n
  %m = load i64, ptr %at
  %sep = getelementptr i8, ptr %at, i64 8
  %se = load i16, ptr %sep
  %zero = icmp eq i64 %m, 0
  %z = select i1 %zero, i32 67108864, i32 0
  %minus = icmp slt i16 %se, 0
  %s = select i1 %minus, i32 134217728, i32 0
  %fpsr = getelementptr i8, ptr %st, i64 $fpsr
  %old = load i32, ptr %fpsr
  %kept = and i32 %old, 16711928
  %cc = or i32 %z, %s
  %new = or i32 %kept, %cc
  store i32 %new, ptr %fpsr
  %last1 = or i16 %last, 64
  store i16 %last1, ptr %lp
  br label %done
done:
  ret void
}
"""
# kind -> what is done again between loading the operands and looking at the status
AGAIN = {
    SQRT: "fldt $1; fsqrt", INT: "fldt $1; frndint", INTRZ: "fldt $1; frndint",
    ADD: "fldt $2; fldt $1; faddp", SUB: "fldt $2; fldt $1; fsubrp %st, %st(1)",
    MUL: "fldt $2; fldt $1; fmulp", DIV: "fldt $2; fldt $1; fdivrp %st, %st(1)",
    TO_DOUBLE: "fldt $1; fldt $1; fstpl $2", TO_SINGLE: "fldt $1; fldt $1; fstps $2",
    TO_INTEGER: "fldt $1; fldt $1; fistpl $2",
}  # fmt: skip


def declarations(offsets: Mapping[str, int], limits: Mapping[int, str]) -> str:
    """What a region's module needs, SETTLE included."""
    operations = []
    for kind, asm in AGAIN.items():
        text = asm.replace("; ", "\\0A") + "\\0Afnstsw %ax\\0Afstp %st(0)"
        operations.append(
            f"kind{kind}:\n"
            f'  %sw{kind} = call i16 asm sideeffect "{text}", "={{ax}},*m,*m,~{{memory}}"'
            "(ptr elementtype(x86_fp80) %a, ptr elementtype(x86_fp80) %b) strictfp\n"
            "  br label %done"
        )
    constants = "".join(f"{name} = private constant i64 {x}, align 8\n" for x, name in limits.items())
    return (
        DECLARATIONS
        + constants
        + (
            (CODES + SETTLE)
            .replace("$cases", " ".join(f"i32 {k}, label %kind{k}" for k in AGAIN))
            .replace("$operations", "\n".join(operations))
            .replace("$results", "".join(f", [ %sw{k}, %kind{k} ]" for k in AGAIN))
            .replace("$fp_last", str(offsets["fp_last"]))
            .replace("$fp\n", str(offsets["fp"]) + "\n")
            .replace("$fpsr", str(offsets["fpsr"]))
            .replace("$fpiar", str(offsets["fpiar"]))
        )
    )
