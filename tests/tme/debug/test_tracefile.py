"""Traces as text, and their comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from tme.debug import compare
from tme.debug.tracefile import MemoryBefore, Registers, Step, TraceWriter, read_trace, runs
from tme.errors import TmeError

STEPS = [
    Step(0x10000, "7001", "moveq #$1,d0", {"d0": 1}),
    Step(0x10002, "4cf9ffff00012345", "movem.l $12345.l,d0-d7/a0-a7", {"a7": 0x1234, "sr": 4}),
    Step(0x1000A, "21fc0011223344556677", "move.l #$112233,$44556677.w", {}, {0x44556677: b"\0\x11\x22\x33"}),
    Step(0x10014, "21bc001122330170445566770011", "an instruction that is longer than its column"),
    Step(None, "interrupt", "", {"sr": 0x2700}, {0xFF8: bytes(8)}),
    Step(0x10016, "-", "cannot be read"),
]


def write(file: Path, steps: list[Step], d0: int = 0) -> Path:
    out = TraceWriter(file, "made by a test")
    out.registers({"d0": d0, "pc": 0x10000, "sr": 0})
    out.memory(0x2000, b"\1\2")
    for step in steps:
        out.step(step)
    out.close()
    return file


@pytest.mark.parametrize("name", ["a.trace", "a.trace.gz"])
def test_reads_what_it_writes(tmp_path: Path, name: str) -> None:
    entries = [entry for _, entry in read_trace(write(tmp_path / name, STEPS))]
    assert entries == [Registers({"d0": 0, "pc": 0x10000, "sr": 0}), MemoryBefore(0x2000, b"\1\2"), *STEPS]


def test_the_same_trace_is_the_same_file(tmp_path: Path) -> None:
    one, two = (write(tmp_path / name, STEPS).read_bytes() for name in ("a.gz", "b.gz"))
    assert one == two


def test_line() -> None:
    assert STEPS[2].line() == (
        "0001000a 21fc0011223344556677 move.l #$112233,$44556677.w      | [44556677]=00112233"
    )
    assert STEPS[4].line().split("|")[1] == " sr=2700 [00000ff8]=0000000000000000"


def test_runs_join_what_touches() -> None:
    assert runs({5: 1, 3: 9, 4: 8, 7: 7}) == {3: b"\x09\x08\x01", 7: b"\x07"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense\n", "is no trace"),
        ("# tmesh trace 1\nxyz 7001 moveq\n", r":2: .*no line of a trace"),
        ("# tmesh trace 1\n00010000 7001 moveq | d0\n", r":2: .*no line of a trace"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "x"
    file.write_text(text)
    with pytest.raises(TmeError, match=message):
        list(read_trace(file))


def test_a_cut_file(tmp_path: Path) -> None:
    file = write(tmp_path / "a.gz", STEPS * 100)
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(TmeError, match="cannot be read to its end"):
        list(read_trace(file))


# Comparison


def test_equal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = [Step(s.pc, s.code, "in other words", s.changes, s.writes) for s in STEPS]
    a, b = write(tmp_path / "a", STEPS), write(tmp_path / "b.gz", other)
    assert compare.main([str(a), str(b)]) == 0
    assert capsys.readouterr().out == "equal: 6 steps\n"


@pytest.mark.parametrize(
    ("at", "other", "reason"),
    [
        (0, Step(0x10000, "7001", "", {"d0": 2}), "d0: 00000001 in A, 00000002 in B"),
        (0, Step(0x10000, "7001"), "d0: 00000001 in A, not changed in B"),
        (1, Step(0x10004, "4e71"), "not the same instruction"),
        (2, Step(0x1000A, STEPS[2].code, "", {}, {0x44556677: b"\0\0\0\0"}), "[44556677]: 00112233"),
        (2, Step(0x1000A, STEPS[2].code), "[44556677]: 00112233 in A, not written in B"),
    ],
)
def test_the_first_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], at: int, other: Step, reason: str
) -> None:
    a = write(tmp_path / "a", STEPS)
    b = write(tmp_path / "b", [*STEPS[:at], other, *STEPS[at + 1 :]])
    assert compare.main([str(a), str(b)]) == 1
    said = capsys.readouterr().out
    assert f"after {at} equal steps" in said
    assert reason in said
    assert f"A>  {STEPS[at].line()}" in said
    assert f"B>  {other.line()}" in said
    assert STEPS[at + 1].line() in said


def test_registers_that_one_side_does_not_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = write(tmp_path / "a", STEPS), write(tmp_path / "b", STEPS)
    b.write_text(b.read_text().replace("= d0=00000000", "= d0=00000000 fp0=3fff00008000000000000000"))
    assert compare.main([str(a), str(b)]) == 0
    b.write_text(b.read_text().replace("= d0=00000000", "= d0=00000001"))
    capsys.readouterr()
    assert compare.main([str(a), str(b)]) == 1
    said = capsys.readouterr().out
    assert "d0: 00000000 in A, 00000001 in B" in said
    assert "fp0:" not in said.splitlines()[-1]


def test_one_ends_early(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main([str(write(tmp_path / "a", STEPS)), str(write(tmp_path / "b", STEPS[:4]))]) == 1
    assert "ends here" in capsys.readouterr().out


def test_other_registers_at_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main([str(write(tmp_path / "a", STEPS)), str(write(tmp_path / "b", STEPS, d0=7))]) == 1
    assert "d0: 00000000 in A, 00000007 in B" in capsys.readouterr().out


def test_unreadable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main([str(tmp_path / "none"), str(write(tmp_path / "b", STEPS))]) == 2
    assert "No such file" in capsys.readouterr().err
