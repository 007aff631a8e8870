"""Reads that native code answers itself: the device is asked again when it might say something else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engine.fuzz import Bench
from tests.engine.machine import DEVICE_VA, STEADY, Machine
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
