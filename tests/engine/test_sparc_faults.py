"""SPARC: every fetch and every access fails once, in every engine, and nothing is lost or done twice."""

from __future__ import annotations

import pytest

from tests.engine import sparc_fault_machine, sparc_faults


def check(found: dict, least: int) -> None:  # type: ignore[type-arg]
    assert not found["unexplained"], "\n".join(found["unexplained"][:20])
    assert found["agreed"] + found["explained"] == found["cases"] >= least
    assert found["explained"] < found["cases"] / 5


def test_a_sample() -> None:
    check(sparc_faults.run("concrete", "mb86904", 100, 250), 250)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["concrete", "interp"])
def test_all_families(engine: str) -> None:
    found = sparc_faults.run(engine, "mb86904", 1, 6000)
    check(found, 6000)
    assert found["families"] > 0.9 * len(sparc_faults.FAMILIES) * len(sparc_faults.CONTEXTS)


@pytest.mark.slow
def test_in_regions() -> None:
    found = sparc_faults.run("jit", "mb86904", 2, 500)
    check(found, 500)
    assert found["in regions"] > 2000


def test_what_is_done_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that goes on behind the instruction, instead of doing it again."""
    system = sparc_fault_machine.system()
    system[sparc_fault_machine.HANDLER][-2:] = [0x81C4A000, 0x81CCA004]  # jmpl %l2; rett %l2 + 4
    monkeypatch.setattr(sparc_fault_machine, "system", lambda: system)
    found = sparc_faults.run("concrete", "mb86904", 7, 100)
    assert len(found["unexplained"]) > 20
