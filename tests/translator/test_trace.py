"""Traces mean what the specification means: random semantics run on ints and as LLVM code end alike."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from translator.llvm import build
from translator.m68k import M68020
from translator.native import function
from translator.region_trace import RegionTrace, Untranslatable
from translator.spec.concrete import Concrete
from translator.spec.semantics import Reg, Semantics
from translator.spec.value import COMPARES, FOLD, Val
from translator.state import Layout
from translator.trace import Trace, dump

FILE, BYTES, WIDE = Reg("file", 32, 4), Reg("bytes", 8, 4), Reg("wide", 64)
LAYOUT = Layout("tracetest", (WIDE, FILE, BYTES), core=False)
WIDTHS = (8, 16, 32, 64)
TYPE = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint32)


class Random:
    """Random semantics of two arguments; the same seed makes the same function."""

    def __init__(self, seed: int, steps: int = 14) -> None:
        self.seed, self.steps = seed, steps

    def __call__(self, s: Semantics, a: Val, b: Val) -> Val:
        self.r = random.Random(self.seed)
        # registers that may be the same
        self.numbers = [a.trunc(8) & 3, b.trunc(8) & 3, (a ^ b).trunc(8) & 3]
        return self.block(s, [a, b, a.zext(64), b.trunc(8)], self.steps)[-1].zext(64)

    def of(self, values: list[Val], w: int) -> Val:
        """A value of that width, made from one at hand."""
        v = self.r.choice(values)
        how = self.r.choice(("zext", "sext"))
        return v.trunc(w) if v.w > w else getattr(v, how)(w)

    def block(self, s: Semantics, values: list[Val], steps: int, depth: int = 0) -> list[Val]:
        values = list(values)
        for _ in range(steps):
            values.append(self.step(s, values, depth))
        return values

    def step(self, s: Semantics, values: list[Val], depth: int) -> Val:
        r = self.r
        kind = r.choice(("op",) * 4 + ("unary", "select") + ("read", "write", "if") * 2)
        if kind == "op":
            w = r.choice(WIDTHS)
            op, x = r.choice(sorted(FOLD)), self.of(values, w)
            y = self.of(values, w) if r.random() < 0.7 else Val(s, w, r.choice((0, 1, 7, 31, (1 << w) - 1)))
            if op in ("shl", "lshr", "ashr") and r.random() < 0.7:
                y = y & 31
            out = s.binary(op, x, y)
            return out.zext(8) if op in COMPARES else out
        if kind == "unary":
            return self.of(values, r.choice(WIDTHS)).clz()
        if kind == "select":
            w = r.choice(WIDTHS)
            return self.of(values, 8).bit(r.randrange(8)).select(self.of(values, w), self.of(values, w))
        reg = r.choice((FILE, FILE, BYTES, WIDE))
        index: Any = 0
        if reg.count > 1:
            index = r.randrange(4) if r.random() < 0.3 else r.choice(self.numbers)
        if kind == "read":
            return s.read(reg, index)
        if kind == "write":
            value = self.of(values, reg.width)
            s.write(reg, value, index)
            return value
        cond = self.of(values, 8).bit(r.randrange(8))
        n, m = r.randrange(1, 4), r.randrange(0, 4)
        if depth == 2:
            n = m = 1

        def side(seed: int, steps: int) -> Callable[[], Val]:
            def run() -> Val:
                self.r = random.Random(seed)
                return self.block(s, values, steps, depth + 1)[-1].zext(64)

            return run

        one, two = r.getrandbits(30), r.getrandbits(30)
        result: Val = s.if_(cond, side(one, n), side(two, m))
        self.r = random.Random(one ^ two)
        return result


class NoMemory:
    pass


def run_on_ints(fn: Random, state: Any, a: int, b: int) -> int:
    s = Concrete(state, NoMemory(), lambda mode, space: 0)  # type: ignore[arg-type]
    result = fn(s, Val(s, 32, a), Val(s, 32, b))
    s.commit()
    assert isinstance(result.x, int)
    return result.x


@pytest.fixture(scope="module")
def linker() -> build.Linker:
    return build.Linker()


@pytest.mark.parametrize("block", range(6))
def test_random_semantics(linker: build.Linker, block: int) -> None:
    for seed in range(20 * block, 20 * block + 20):
        fn = Random(seed)
        text = function("f", M68020, LAYOUT, fn, (32, 32))
        linked = linker.link([build.compile_text(text, 2, 2)], ["f"])
        call = TYPE(linked.addresses["f"])
        rng = random.Random(seed)
        for _ in range(12):
            state: Any
            state, _owner, address = LAYOUT.new()
            ints = SimpleNamespace(wide=rng.getrandbits(64), file=[rng.getrandbits(32) for _ in range(4)],
                                   bytes=[rng.choice((rng.getrandbits(8), 0, 1, 2, 3)) for _ in range(4)])
            state.wide, state.file, state.bytes = ints.wide, ints.file, ints.bytes
            a, b = (rng.choice((0, 1, 3, 0x80000000, 0xFFFFFFFF, rng.getrandbits(32))) for _ in "ab")
            want, got = run_on_ints(fn, ints, a, b), call(address, a, b)
            mine = (want, ints.wide, ints.file, ints.bytes)
            theirs = (got, state.wide, list(state.file), list(state.bytes))
            assert theirs == mine, f"seed {seed} a={a:#x} b={b:#x}\n{text}"


# -- pending writes ------------------------------------------------------------------------------------------


def test_a_run_time_number_may_name_a_pending_register() -> None:
    def both(s: Semantics, i: Val, j: Val) -> Val:
        s.write(FILE, s.const(1, 32), i & 3)
        s.write(FILE, s.const(2, 32), j & 3)
        return s.read(FILE, i & 3).zext(64) << 32 | s.read(FILE, 2).zext(64)

    text = function("f", M68020, LAYOUT, both, (32, 32))
    linked = build.Linker().link([build.compile_text(text, 2)], ["f"])
    call = TYPE(linked.addresses["f"])
    for i in range(4):
        for j in range(4):
            state: Any
            state, _owner, address = LAYOUT.new()
            state.file = [9, 9, 9, 9]
            after = [9, 9, 9, 9]
            after[i] = 1
            after[j] = 2
            assert call(address, i, j) == after[i] << 32 | after[2]
            assert list(state.file) == after


def test_nothing_is_committed_before_the_end() -> None:
    s = Concrete(SimpleNamespace(file=[0] * 4), NoMemory(), lambda m, p: 0)  # type: ignore[arg-type]
    s.write(FILE, s.const(5, 32), 1)
    assert s.state.file[1] == 0
    assert s.read(FILE, 1).x == 5
    s.commit()
    assert s.state.file[1] == 5


def test_writes_have_the_registers_width() -> None:
    t = Trace(M68020)
    with pytest.raises(TypeError, match="file is 32 bits wide"):
        t.write(FILE, t.const(1, 8))


# -- conditions ----------------------------------------------------------------------------------------------


def unknown(t: Trace, w: int = 1) -> Val:
    return t.emit("get", w, WIDE, Val(t, 32, 0))


def test_a_known_condition_leaves_no_trace() -> None:
    t = Trace(M68020)
    assert t.if_(t.const(1, 1), lambda: t.const(3, 8), lambda: t.const(4, 8)).x == 3
    assert t.ops == []


def test_both_sides_must_return_alike() -> None:
    t = Trace(M68020)
    with pytest.raises(TypeError, match="differ in width"):
        t.if_(unknown(t), lambda: t.const(1, 8), lambda: t.const(1, 16))
    t = Trace(M68020)
    with pytest.raises(TypeError, match="different shapes"):
        t.if_(unknown(t), lambda: t.const(1, 8), lambda: (t.const(1, 8), t.const(1, 8)))


def test_a_register_written_on_one_side_is_joined() -> None:
    t = Trace(M68020)
    t.if_(unknown(t), lambda: t.write(FILE, t.const(7, 32), 1))
    t.commit()
    assert [u.op for u in t.ops] == ["get", "if", "else", "get", "end", "phi", "set"]


def test_register_numbers_are_computed_outside() -> None:
    t = Trace(M68020)
    with pytest.raises(TypeError, match="compute it in front"):
        t.if_(unknown(t), lambda: t.write(FILE, t.const(7, 32), unknown(t, 32)))


def test_a_dead_side_needs_no_join() -> None:
    t = Trace(M68020)
    t.if_(unknown(t), lambda: t.goto("illegal"))
    t.finish()
    assert [u.op for u in t.ops] == ["get", "if", "goto", "else", "end", "finish"]


def test_jumps_stand_at_the_top_level() -> None:
    t = Trace(M68020)
    with pytest.raises(TypeError, match="top level"):
        t.if_(unknown(t), lambda: t.jump(t.const(4, 32)), lambda: None)


def test_a_condition_is_one_bit() -> None:
    t = Trace(M68020)
    with pytest.raises(TypeError, match="1 bit wide"):
        t.if_(t.const(1, 8), lambda: None)


def test_run_time_register_numbers_stay_out_of_regions() -> None:
    t = RegionTrace(M68020, 1, lambda at, size: 0)
    t.start(0x1000, 0)
    with pytest.raises(Untranslatable, match="run-time number"):
        t.read(FILE, unknown(t, 32))


def test_dump_nests() -> None:
    t = Trace(M68020)
    t.if_(unknown(t), lambda: t.goto("illegal"))
    assert dump(t.ops) == "%1 i1 = get wide, 0x0\nif %1\n  goto illegal\nelse\nend"
