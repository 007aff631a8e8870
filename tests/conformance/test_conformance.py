"""The table's own tests, a fast sample of every row, and a larger one among the slow tests."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import guest, musashi, qemu, sparc_system, sparc_user, table, vectors
from tests.conformance.flat import ADDRESS_24, native
from tests.conformance.rows import ROWS, Row
from tests.conformance.runner import Result, run
from tests.conformance.tally import Tally
from tests.insn import sparc_leon
from tests.insn.known import FLAWS
from tests.insn.sample import TARGET as SAMPLE
from tests.insn.vectors import cases
from translator.llvm import emit

ROOT = Path(__file__).parents[2]
SILENT: Any = lambda result: None  # noqa: E731


def complain(results: list[Result]) -> None:
    bad = [r for r in results if r.tally.unexplained or (not r.missing and r.tally.cases == 0)]
    assert not bad, "\n".join([*table.lines(bad), *table.notes(bad)])


def name(row: Row) -> str:
    return f"{row.oracle}-{row.model}-{row.engine}"


@pytest.mark.parametrize("row", [r for r in ROWS if r.quick], ids=name)
def test_sample(row: Row) -> None:
    complain(run([row], "quick", None, 1, 0, SILENT))


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=name)
def test_more(row: Row) -> None:
    complain(run([row], "slow", None, 2, os.cpu_count() or 1, SILENT))


# -- what the table is worth ---------------------------------------------------------------------------------


def test_a_wrong_region_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """SUB that adds, in what is compiled from now on: every oracle of regions must say so."""
    native("m68000", ADDRESS_24)
    native("m68020")  # before: the interpreter stays right
    notices(monkeypatch, (vectors, "m68000"), (qemu, "m68020"), (musashi, "m68020"))


@pytest.mark.slow
def test_a_wrong_region_of_a_sparc_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    native("mb86904")
    notices(monkeypatch, (sparc_user, "mb86904"))


def notices(monkeypatch: pytest.MonkeyPatch, *oracles: tuple[Any, str]) -> None:
    monkeypatch.setitem(emit.TEXT, "sub", "{r} = add {t} {0}, {1}")
    for module, model in oracles:
        if module.missing():
            continue
        tally = Tally()
        for block in module.blocks(254, 1):
            tally.add(module.run(model, "jit", *block))
        assert tally.unexplained > 2, module
        assert tally.failures


@pytest.mark.skipif(bool(qemu.missing()), reason=qemu.missing())
def test_a_wrong_answer_of_qemu_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(programs: Any, tasks: list[bytes]) -> list[bytes] | None:
        out = guest.qemu(programs, tasks)
        return out and [bytes([out[0][0] ^ 1]) + out[0][1:], *out[1:]]

    monkeypatch.setattr(qemu, "qemu", wrong)
    tally = qemu.run("m68020", "interp", 1, 50)
    assert tally.unexplained == 1
    assert tally.failures[0].startswith("seed ")
    assert "4000: " in tally.failures[0]


@pytest.mark.skipif(bool(sparc_system.missing()), reason=sparc_system.missing())
def test_a_wrong_answer_of_the_leon_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*args: Any) -> list[bytes]:
        first, *others = theirs(*args)
        return [first[:-1] + bytes([first[-1] ^ 1]), *others]

    theirs = sparc_leon.theirs
    monkeypatch.setattr(sparc_leon, "theirs", wrong)
    tally = sparc_system.run("mb86904", "interp", 1, 20)
    assert tally.unexplained == 1
    assert tally.failures[0].startswith("seed ")


@pytest.mark.skipif(bool(qemu.missing()), reason=qemu.missing())
@pytest.mark.parametrize("name", sorted(FLAWS))
def test_flaws_of_qemu(name: str) -> None:
    """Every one is met, and nothing else differs in its families."""
    tally, every = Tally(), {f"{name}: {flaw.why}" for flaw in FLAWS[name]}
    for seed in range(0, 4_000_000, 100_000):
        tally.add(qemu.run("m68020", "interp", seed, 2000, [name]))
        if every <= set(tally.reasons):
            break
    assert tally.failures == []
    assert set(tally.reasons) == every


def test_command(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    command = [sys.executable, "-m", "tests.conformance", "--only", "vectors", "--engine", "concrete",
               "--cases", "127", "--jobs", "0", "--json", str(out)]  # fmt: skip
    shutil.copy(SAMPLE, tmp_path)
    env = {**os.environ, "TME_VECTORS": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [x.strip() for x in lines[0].strip("|").split("|")] == list(table.HEAD)
    assert f"1 files of {tmp_path}" in done.stdout
    (row,) = json.loads(out.read_text())
    assert row["cases"] == row["agreed"] + row["explained"] > 100
    assert row["unexplained"] == 0


def test_command_fails_if_something_is_unexplained(tmp_path: Path) -> None:
    """A folder of vectors with one wrong answer: status 1, and the case is named."""
    case = next(cases(SAMPLE))
    case["final"]["regs"][0] ^= 1
    with gzip.open(tmp_path / "wrong.jsonl.gz", "wt") as f:
        f.write(json.dumps(case) + "\n")
    command = [sys.executable, "-m", "tests.conformance", "--only", "vectors", "--jobs", "0",
               "--engine", "concrete"]  # fmt: skip
    env = {**os.environ, "TME_VECTORS": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert case["name"] in done.stdout


def test_a_folder_without_vectors_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.conformance", "--only", "vectors"]
    env = {**os.environ, "TME_VECTORS": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr


def test_unknown_oracle_is_named() -> None:
    command = [sys.executable, "-m", "tests.conformance", "--only", "oracle-of-delphi"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "oracle-of-delphi" in done.stderr
    assert "musashi" in done.stderr
