"""Reads that native code answers itself: the device is asked again when it might say something else."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from tests.engine.fuzz import Bench
from tests.engine.machine import DATA, DEVICE_VA, NOTHING_VA, STEADY, Machine
from tests.engine.sequences import COUNT, GOOD
from tests.engine.short import program, run

ENGINES = ("concrete", "interp", "jit")
REGS = {0: 0, 2: 200, 8: DEVICE_VA + STEADY, 9: DEVICE_VA}
POLL = "d090 | add.l (a0),d0\n5382 | subq.l #1,d2\n66fa | bne.s to the start"
MIXED = (
    "d090 | add.l (a0),d0\nd050 | add.w (a0),d0\n{between}\nd090 | add.l (a0),d0\n"
    "5382 | subq.l #1,d2\n66f4 | bne.s to the start"
)


@pytest.fixture(params=ENGINES)
def machine(request: pytest.FixtureRequest, bench: Callable[..., Bench]) -> Machine:
    return bench().machines[request.param]


def test_a_poll_costs_two_looks_a_slice(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    real = machine.device._steady
    monkeypatch.setattr(machine.device, "_steady", lambda at, size: looks.append(at) or real(at, size))
    answered = int(machine.cpu.state.answered)
    out = run(machine, program(POLL, REGS), 60)
    assert out["d2"] == 0
    count = int(machine.cpu.state.answered) - answered
    if machine.engine == "concrete":
        assert (len(looks), count) == (200, 0)
    else:
        assert count > 150


@pytest.mark.parametrize("between", ["2280 | move.l d0,(a1)", "2211 | move.l (a1),d1"])
def test_a_write_and_another_read_are_seen(bench: Callable[..., Bench], between: str) -> None:
    """What the device says depends on how many of these there were."""
    outs = [run(bench().machines[e], program(MIXED.format(between=between), REGS)) for e in ENGINES]
    for out in outs:
        out.pop("in regions")
        assert out["d2"] == 0
        assert out == outs[0]


@pytest.mark.parametrize("size", [1, 2, 4])
def test_an_answer_is_in_the_log_for_the_restart(bench: Callable[..., Bench], size: int) -> None:
    """The store behind the read is refused; the handler cures its address. The frame is in RAM."""
    read, move = {1: ("d010", "1290"), 2: ("d050", "3290"), 4: ("d090", "2290")}[size]
    text = 3 * f"{read} | add.? (a0),d0\n" + f"{move} | move.? (a0),(a1)"
    good = struct.pack(">15I", 0, 0, 1, 0, 0, 0, 0, 0, DEVICE_VA + STEADY, DATA, 0, 0, 0, 0, 0)
    p = program(text, {8: DEVICE_VA + STEADY, 9: NOTHING_VA}, image={GOOD: good})
    outs = []
    for engine in ENGINES:
        machine = bench().machines[engine]
        answered = int(machine.cpu.state.answered)
        outs.append(run(machine, p, 60))
        outs[-1].pop("in regions")
        assert (int(machine.cpu.state.answered) - answered >= 2) == (engine != "concrete")
        assert int.from_bytes(outs[-1]["ram"][COUNT : COUNT + 2], "big") == 1
    assert outs[0] == outs[1] == outs[2]
