"""The benchmark's own sums, and one short run of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.process import ROOT
from tests.bench.report import slower, slower_around, table
from tests.bench.run import agree, compare
from tests.bench.targets import HERE, TARGETS

SUN3, SUN4C = TARGETS
OLD = {
    "start": {"native": 0.0, "qemu": 0.1, "musashi": 0.1, "interp": 0.5, "cold": 0.5, "jit": 0.5},
    "dhry": {"native": 0.1, "qemu": 2.1, "musashi": 0.6, "interp": 5.5, "cold": 1.5, "jit": 1.0, "long": 2.6},
    "nbody": {"native": 0.1, "qemu": 9.1, "interp": 2.5, "cold": 1.5, "jit": 1.0},
}


def test_ratios_without_start_up() -> None:
    lines = table(SUN3, OLD, {"start": 1_000_000, "dhry": 1_001_000_000})
    dhry = lines[1].split()
    assert dhry[:9] == ["dhry", "0.100", "2.000", "10.000", "5.000", "1.000", "0.500", "0.400", "200"]
    assert dhry[9:] == ["2.00", "2.50", "0.25", "0.20", "4.00", "2.00"]
    assert lines[2].split()[-3:] == ["0.22", "0.06", "2.00"]
    assert lines[3].split()[-6:] == dhry[9:]  # floating point is no part of the means
    assert table(SUN4C, OLD, {})[0].split()[-1] == "cold/jit"


def test_what_got_slower_is_named() -> None:
    new = {name: dict(times) for name, times in OLD.items()}
    new["dhry"].update(jit=1.2, qemu=9.0, cold=1.6)
    new["other"] = {"jit": 7.0}
    assert slower(new, OLD) == ["dhry jit 1.00 -> 1.20 s"]
    assert slower(OLD, OLD) == []
    rows = {"boot, wall s": 1.0, "translation, insns per processor s": 600.0}
    worse = {"boot, wall s": 1.2, "translation, insns per processor s": 500.0}
    assert slower_around(worse, rows) == [
        "boot, wall s 1.00 -> 1.20",
        "translation, insns per processor s 600.00 -> 500.00",
    ]
    assert slower_around(rows, worse) == []
    found = compare(
        {"m68k": {"seconds": new, "around": rows}}, {"m68k": {"seconds": OLD, "around": rows}, "sparc": {}}
    )
    assert found == ["slower: m68k dhry jit 1.00 -> 1.20 s"]


def test_outputs_must_agree() -> None:
    agree("dhry", {"native": "1", "jit": "1"})
    with pytest.raises(SystemExit, match="dhry: outputs differ"):
        agree("dhry", {"native": "1", "jit": "2"})


@pytest.mark.slow
def test_a_short_run(tmp_path: Path) -> None:
    lacks = [tool for tool in ("gcc", *SUN3.tools) if not shutil.which(tool)]
    if lacks:
        pytest.skip(f"needs {', '.join(lacks)}")
    shutil.copy(HERE / "programs/mini.c", tmp_path)
    (tmp_path / "tiny.c").write_text(
        "#include <stdio.h>\nint main(void) { int s = 0; for (int i = 0; i < 3000; i++) s += i * s ^ i; "
        'printf("%d\\n", s); return 0; }\n'
    )
    result = tmp_path / "new.json"
    words = [sys.executable, "-m", "tests.bench.run", "--short", "--targets", "m68k"]
    words += ["--programs", str(tmp_path), "--json", str(result)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(result.read_text())["m68k"]["seconds"]
    assert set(found["tiny"]) >= {"native", "qemu", "interp", "cold", "jit"}
    assert "tiny" in done.stdout
    assert "geometric mean" in done.stdout
