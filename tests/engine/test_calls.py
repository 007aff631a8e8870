"""Calls in regions: functions that call themselves, and calls by a register."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.engine.fuzz import Bench
from tests.engine.machine import CODE, Machine
from tests.engine.short import program, run, words
from translator.m68k import M68020
from translator.region import Key, Region, discover
from translator.state import EXITS
from translator.steps import OutOfSight

# Calls f(8) as often as d2 says; f(n) counts itself in d1 and calls f(n - 1) twice, down to n = 0.
TWICE = """47fa 000c | lea f(pc),a3
7008 | loop: moveq #8,d0
4e93 | jsr (a3)
5382 | subq.l #1,d2
66f8 | bne.s loop
4e4f | trap #15
5281 | f: addq.l #1,d1
5380 | subq.l #1,d0
6b04 | bmi.s over
4e93 | jsr (a3)
4e93 | jsr (a3)
5280 | over: addq.l #1,d0
4e75 | rts"""
F, FIRST_CALL = CODE + 0x0E, CODE + 0x14

# Calls by a2, which is f and a3 in turn.
IN_TURN = """45fa 000c | lea f(pc),a2
4e92 | loop: jsr (a2)
c54b | exg a2,a3
5382 | subq.l #1,d2
66f8 | bne.s loop
4e4f | trap #15
5281 | f: addq.l #1,d1
4e75 | rts
5681 | addq.l #3,d1
4e75 | rts"""


@pytest.fixture
def machine(bench: Callable[..., Bench]) -> Machine:
    b = bench()
    return Machine(b.model, "jit", b.machines["jit"].native, hot=2)


def region(text: str, entry: int) -> Region:
    bytes_ = words(text)

    def code(address: int, size: int) -> int:
        at = address - CODE
        if not 0 <= at <= len(bytes_) - size:
            raise OutOfSight(f"{address:#x}")
        return int.from_bytes(bytes_[at : at + size], "big")

    return discover(M68020, 1, entry, code)


def has(r: Region, address: int) -> list[Key]:
    return [b.key for b in r.blocks.values() for s in b.steps if s.address == address]


def test_a_function_that_calls_itself_does_not_leave_its_region(machine: Machine) -> None:
    p = program(TWICE, {2: 20}, limit=100_000)
    out = machine.execute(p, itertools.repeat(1000))
    exits = machine.cpu.state.exits[EXITS.index("elsewhere")]
    assert out["d1"] == 20 * 511
    assert exits < 500  # of 20,440 calls and returns


@pytest.mark.parametrize("entry", [F, FIRST_CALL], ids=["its start", "in it"])
def test_such_a_function_is_there_once(entry: int) -> None:
    r = region(TWICE, entry)
    assert len(has(r, F)) == 1
    (last,) = (b for b in r.blocks.values() if b.follow == F + 14)
    assert {k.address for k in last.taken} == {F + 8, F + 10}


def test_a_guess_that_is_wrong_every_other_time(machine: Machine, bench: Callable[..., Bench]) -> None:
    p = program(IN_TURN, {2: 200, 11: CODE + 0x12})
    out = run(machine, p)
    assert out["d1"] == 100 + 300
    assert out["in regions"] > 700
    assert out == {**run(bench().machines["interp"], p), "in regions": out["in regions"]}


def test_a_guess_rests_on_code_above_the_entry() -> None:
    r = region(IN_TURN, CODE + 4)
    assert len(has(r, CODE + 0x0E)) == 1
    assert not has(r, CODE)
    assert r.spans == [(CODE, 12), (CODE + 14, 4)]  # lea and loop, f


@pytest.mark.parametrize(("more", "followed"), [("", True), ("4e71" * 60, False)], ids=["small", "large"])
def test_only_a_small_function_is_followed_by_guess(more: str, followed: bool) -> None:
    r = region(IN_TURN.replace("5281", more + "5281", 1), CODE + 4)
    assert bool(has(r, CODE + 0x0E)) is followed


def test_a_loop_does_not_take_in_what_is_called_behind_it() -> None:
    """The entry comes round without the call, which is rare, then."""
    loop = "5380 | subq.l #1,d0\n66fc | bne.s to the subq\n"
    code = IN_TURN.replace("000c", "0010").replace("66f8", "66f4").replace("4e92", loop + "4e92")
    r = region(code, CODE + 4)
    assert len(has(r, CODE + 8)) == 1
    assert not has(r, CODE + 0x12)
