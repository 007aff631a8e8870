"""Every access of every instruction family fails once, in every engine, and nothing is lost or done twice."""

from __future__ import annotations

import pytest

from tests.engine import fault_cases, faults
from translator.m68k import MODELS

RESTARTABLE = ("m68010", "m68020")


def check(found: dict, least: int) -> None:  # type: ignore[type-arg]
    assert not found["unexplained"], "\n".join(found["unexplained"][:20])
    assert found["agreed"] + found["explained"] == found["cases"] >= least
    assert found["explained"] < found["cases"] / 5


@pytest.mark.parametrize("seed", range(3))
def test_a_sample(seed: int) -> None:
    check(faults.run("concrete", RESTARTABLE[seed % 2], 100 + seed, 250), 250)


def test_a_sample_of_the_coprocessor() -> None:
    check(faults.run("concrete", "m68020+m68881", 105, 300), 300)


def test_a_sample_in_the_interpreter() -> None:
    check(faults.run("interp", "m68020", 103, 600), 600)


def test_a_sample_in_regions() -> None:
    found = faults.run("jit", "m68020", 104, 40)
    check(found, 40)
    assert found["in regions"] > 200


def test_a_68000_cannot_go_on() -> None:
    assert faults.run("concrete", "m68000", 1)["cases"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["concrete", "interp"])
@pytest.mark.parametrize("model", RESTARTABLE)
def test_all_families(engine: str, model: str) -> None:
    found = faults.run(engine, model, 1)
    check(found, 4000)
    assert found["families"] > 0.95 * len(fault_cases.families(MODELS[model]))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["concrete", "interp"])
def test_the_coprocessor(engine: str) -> None:
    check(faults.run(engine, "m68020+m68881", 1, 3000), 3000)


@pytest.mark.slow
@pytest.mark.parametrize("model", RESTARTABLE)
def test_all_families_in_regions(model: str) -> None:
    found = faults.run("jit", model, 1, 1200)
    check(found, 1200)
