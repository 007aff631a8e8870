"""Where the time went: two loops whose shares are known, and what stands in the table besides."""

from __future__ import annotations

import itertools
import json
import signal
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tme.debug.test_attach import ENTRY, PROGRAM, FakeMachine
from tme.debug.attach import Debugger
from tme.debug.replay import engine
from tme.debug.symbols import FAR, FUNCTION, NOTYPE, Symbols
from tme.debug.whereabouts import Whereabouts, mapped_files
from tme.options import Options
from tme.stats import ROWS, show
from translator import samples
from translator.m68k.user import UserProgram

ROUNDS = 120_000_000, 40_000_000
FIRST, SECOND = ENTRY + 10, ENTRY + 22
"""Where the loops begin."""
LOOP = "82c2 5380 66fa"  # 1: divu.w d2,d1; subq.l #1,d0; bne 1b
CODE = bytes.fromhex(f"7201 7401 203c{ROUNDS[0]:08x} {LOOP} 203c{ROUNDS[1]:08x} {LOOP} 60fe")


@pytest.fixture
def debuggers() -> Iterator[list[Debugger]]:
    """Those to be closed, whatever happens."""
    opened: list[Debugger] = []
    yield opened
    for debugger in opened:
        debugger.close()


def loops(which: str, debuggers: list[Debugger], rounds: float = 1.0) -> list[dict[str, Any]]:
    """The table after a part of the two loops, by an engine."""
    native, jit = engine(which)
    user = UserProgram(PROGRAM, native, jit)
    user.poke(ENTRY, CODE)
    machine = FakeMachine(Options(stats="json"))
    debuggers.append(Debugger(machine, user.cpu))  # type: ignore[arg-type]
    end = int(3 * sum(ROUNDS) * rounds)
    while user.cpu.executed < end:
        user.run(min(end - user.cpu.executed, 2_000_000))
        if jit is not None:
            jit.poll()
        debuggers[-1].poll()
    debuggers[-1].close()
    rows = debuggers[-1].where()
    assert isinstance(rows, list), rows
    return rows


def test_two_loops(debuggers: list[Debugger]) -> None:
    rows = loops("jit", debuggers)
    regions = {row["at"]: row for row in rows if row["what"] == "region"}
    first, second = regions[f"{FIRST:08x}"], regions[f"{SECOND:08x}"]
    assert first["samples"] + second["samples"] > 30
    assert 0.55 < first["samples"] / (first["samples"] + second["samples"]) < 0.92
    assert (first["mode"], second["instructions"]) == ("user", 4)
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert [row["share"] for row in rows] == sorted((row["share"] for row in rows), reverse=True)


def test_handlers_of_the_interpreter(debuggers: list[Debugger]) -> None:
    rows = loops("interp", debuggers, 0.08)
    names = [row["name"] for row in rows if row["what"] == "interpreter"]
    assert names[0].startswith("insn_divu"), rows
    assert "region" not in {row["what"] for row in rows}


def test_the_signal_is_left_as_it_was(debuggers: list[Debugger]) -> None:
    before = signal.getsignal(signal.SIGPROF)
    loops("interp", debuggers, 0.01)
    debuggers[-1].close()
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)
    assert signal.getsignal(signal.SIGPROF) == before


def test_why_not(debuggers: list[Debugger], monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserProgram(PROGRAM)
    assert Whereabouts(user.cpu, None).rows() == "not known: there is no host code"
    user = UserProgram(PROGRAM, *engine("interp"))
    running = Whereabouts(user.cpu, None)
    try:
        assert "something else" in str(Whereabouts(user.cpu, None).rows())
    finally:
        running.close()
    monkeypatch.setattr(samples.sys, "platform", "netbsd10")
    where = Whereabouts(user.cpu, None)
    assert where.rows() == "not known: only Linux on x86-64 has it"
    where.close()


def test_a_full_table_is_counted() -> None:
    taken = samples.Samples()
    taken._table[0] = samples.ENTRIES + 5
    assert len(taken.take()) == samples.ENTRIES
    assert (taken.lost, len(taken.take())) == (5, 0)


def test_files_of_the_host() -> None:
    files = mapped_files()
    assert {"Python", "[vdso]"} <= {name for _, _, name in files}
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(files))


def elf(*known: tuple[str, int, int, int, int]) -> bytes:
    """An ELF file with nothing but symbols: name, type, address, size, section."""
    names, entries = b"\0", b""
    for name, kind, address, size, section in known:
        entries += struct.pack(">IIIBBH", len(names), address, size, kind, 0, section)
        names += name.encode() + b"\0"
    head = b"\x7fELF\x01\x02\x01".ljust(16, b"\0") + struct.pack(
        ">HHIIIIIHHHHHH", 2, 4, 1, 0, 0, 52, 0, 52, 0, 0, 40, 3, 0
    )
    at = 52 + 3 * 40
    table = bytes(40) + struct.pack(">10I", 0, 2, 0, 0, at, len(entries), 2, 0, 4, 16)
    return (
        head
        + table
        + struct.pack(">10I", 0, 3, 0, 0, at + len(entries), len(names), 0, 0, 1, 0)
        + entries
        + names
    )


def test_symbols(tmp_path: Path) -> None:
    file = tmp_path / "program"
    image = elf(
        ("f", FUNCTION, 0x1000, 16, 1),
        ("label", NOTYPE, 0x1000, 0, 1),
        ("table", 1, 0x1008, 4, 1),
        ("elsewhere", FUNCTION, 0x100C, 4, 0),
        ("g", NOTYPE, 0x2000, 0, 1),
    )
    file.write_bytes(image)
    names = Symbols(file)
    assert [names.name(a) for a in (0xFFF, 0x1000, 0x100E, 0x1010)] == ["", "f", "f+0xe", ""]
    assert [names.name(a) for a in (0x2000, 0x2000 + FAR - 1, 0x2000 + FAR)] == ["g", f"g+{FAR - 1:#x}", ""]
    for damaged in (image[:60], image[:-1], b"", b"MZ"):
        file.write_bytes(damaged)
        assert Symbols(file).name(0x1000) == ""
    assert Symbols(None).name(0x1000) == Symbols(tmp_path / "none").name(0x1000) == ""


def test_a_table_for_people() -> None:
    rows = [{"share": 0.5, "name": "f"}, {"share": 0.25, "at": "00001000"}, *({"share": 0.0},) * ROWS]
    lines = show({"n": 1, "where": rows}, "text").splitlines()
    assert lines[:5] == ["n  1", "", "where:", "share  name  at", "0.500  f"]
    assert lines[5] == "0.250        00001000"
    assert lines[-1] == "… and 2 more (--stats=json has them)"
    assert json.loads(show({"where": rows}, "json"))["where"] == rows


def test_brief_takes_no_samples(debuggers: list[Debugger]) -> None:
    user = UserProgram(PROGRAM, *engine("interp"))
    debuggers.append(Debugger(FakeMachine(Options(stats="brief")), user.cpu))  # type: ignore[arg-type]
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)
    assert debuggers[-1].where() == "not known without --stats"
    assert json.loads(show({"n": 1}, "brief")) == {"n": 1}
