"""What the options show of a processor: a user program stands for the machine."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from tme.debug.attach import Debugger
from tme.debug.compare import compare
from tme.debug.perfmap import function_size
from tme.debug.replay import engine
from tme.debug.timing import TimedIo
from tme.errors import TmeError
from tme.options import DEBUG_ITEMS, IR_STAGES, Options
from translator.inspect import region_of
from translator.m68k.user import UserProgram
from translator.memory import Refused

PROGRAM = Path(__file__).resolve().parents[2] / "traces/programs/text.elf"
ENTRY = 0x10132
FIRST = "00010132 4fefffe8             lea -$18(a7),a7"


class FakeMachine:
    """Options and a log."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.lines: list[str] = []

    def log(self, element: Any, text: str) -> None:
        self.lines.append(text)


def run(
    options: Options, which: str = "concrete", limit: int = 200
) -> tuple[list[str], UserProgram, Debugger]:
    """The log of a program's first instructions."""
    native, jit = engine(which)
    machine, user = FakeMachine(options), UserProgram(PROGRAM, native, jit)
    debugger = Debugger(machine, user.cpu)  # type: ignore[arg-type]
    while user.cpu.executed < limit and user.status is None:
        user.run(min(limit - user.cpu.executed, 300))
        if jit is not None:
            jit.poll()
    debugger.close()
    return machine.lines, user, debugger


@pytest.mark.parametrize("which", ["concrete", "interp", "jit"])
def test_exec_and_cpu(which: str) -> None:
    lines, _, _ = run(Options(debug=frozenset({"exec", "cpu"})), which, 3)
    assert lines[0] == f"exec {FIRST}"
    assert lines[1].startswith("cpu d0=00000000")
    assert lines[1].endswith("pc=00010132 sr=0000")
    assert len(lines) == 6


def test_filter() -> None:
    lines, _, _ = run(Options(debug=frozenset({"exec"}), dfilter=(ENTRY, ENTRY + 4)), limit=50)
    assert [line.split()[1] for line in lines] == ["00010132", "00010136"]


@pytest.mark.parametrize("which", ["concrete", "interp"])
def test_in_asm_without_regions_shows_each_instruction_once(which: str) -> None:
    lines, _, _ = run(Options(debug=frozenset({"in_asm"})), which, 2000)
    assert lines[0] == f"in_asm {FIRST}"
    assert len(lines) == len(set(lines)) > 50


def test_in_asm_shows_regions() -> None:
    lines, user, _ = run(Options(debug=frozenset({"in_asm", "jit"})), "jit", 2000)
    assert user.cpu.state.insns_jit  # it ran freely
    linked = [line for line in lines if line.startswith("jit linked region")]
    heads = [line for line in lines if re.match(r"in_asm region [0-9a-f]{8} mode 0, \d+ instructions", line)]
    assert len(linked) == len(heads) == len(user.cpu.jit.codes)
    shown: list[list[int]] = []  # addresses, by region
    for line in lines:
        if line in heads:
            shown.append([])
        elif line not in linked:
            shown[-1].append(int(line.split()[1], 16))
    found = [region_of(code, user.cpu.model) for code in user.cpu.jit.codes.values()]
    there = [sorted({step.address for block in r.blocks.values() for step in block.steps}) for r in found]
    assert sorted(map(sorted, shown)) == sorted(
        there
    )  # each once, of several callers, too


@pytest.mark.parametrize("which", ["concrete", "interp", "jit"])
def test_exceptions(which: str) -> None:
    native, jit = engine(which)
    machine, user = FakeMachine(Options(debug=frozenset({"int"}))), UserProgram(PROGRAM, native, jit)
    serve = user.cpu.on_routine
    Debugger(machine, user.cpu)  # type: ignore[arg-type]
    show = user.cpu.on_routine
    user.cpu.watch_routines(lambda name: (show(name), serve(name))[1])
    user.poke(ENTRY, bytes.fromhex("4e41"))  # trap #1
    user.run(1)
    user.cpu.state.pc, user.status = ENTRY, None
    user.poke(ENTRY, bytes.fromhex("4e7b 0801"))  # movec d0,vbr
    user.run(1)
    user.cpu.state.pc, user.status = ENTRY, None
    user.poke(ENTRY, bytes.fromhex("4afc"))  # illegal
    user.run(1)
    assert machine.lines == [
        "int vector 33 trap #1, pc 00010134 sr 0000, handler 00000000",
        "int vector 8 privilege violation, pc 00010132 sr 0000, handler 00000000",
        "int vector 4 illegal instruction, pc 00010132 sr 0000, handler 00000000",
    ]


@pytest.mark.parametrize("which", ["concrete", "interp", "jit"])
def test_trace(which: str, tmp_path: Path) -> None:
    run(Options(trace=tmp_path / "a.gz"), which, 500)
    run(Options(trace=tmp_path / "b"), limit=500)
    assert compare(tmp_path / "a.gz", tmp_path / "b") == 500


def test_a_trace_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(TmeError, match="cannot open the trace"):
        run(Options(trace=tmp_path / "none" / "a"))


def test_dump(tmp_path: Path) -> None:
    file = tmp_path / "dump"
    _, user, _ = run(Options(dump_ir=tuple(IR_STAGES), dump_to=file), "jit", 2000)
    titles = re.findall(r"^== (\w+) of region (0x[0-9a-f]+)", file.read_text(), re.MULTILINE)
    regions = user.cpu.jit.codes.values()
    assert titles == [(stage, f"{code.entry:#x}") for code in regions for stage in IR_STAGES]


def test_dump_filtered(tmp_path: Path) -> None:
    run(Options(dump_ir=("uop",), dump_to=tmp_path / "dump", dfilter=(1, 2)), "jit", 2000)
    assert (tmp_path / "dump").read_text() == ""


def test_dump_needs_the_jit() -> None:
    with pytest.raises(TmeError, match="--jit"):
        run(Options(dump_ir=("uop",)), "interp")


def test_perf_map() -> None:
    _, user, _ = run(Options(perf_map=True), "jit", 2000)
    file = Path(f"/tmp/perf-{os.getpid()}.map")
    names = {line.split(None, 2)[2].strip(): line.split() for line in file.read_text().splitlines()}
    file.unlink()
    code = next(iter(user.cpu.jit.codes.values()))
    address, size, _ = names[f"region_{code.entry:x}"]
    assert (int(address, 16), 0 < int(size, 16) < code.size) == (code.address, True)
    assert {"enter", "rt_exception"} <= set(names)
    assert any(name.startswith("insn_move") for name in names)


def test_perf_map_needs_host_code() -> None:
    with pytest.raises(TmeError, match="--concrete"):
        run(Options(perf_map=True))


def test_function_size() -> None:
    from translator.llvm import build

    obj = build.compile_text("define i32 @f() {\n  ret i32 7\n}\ndefine void @g() {\n  ret void\n}\n")
    assert function_size(obj, "g") < function_size(obj, "f") < 16
    with pytest.raises(ValueError, match="no function h"):
        function_size(obj, "h")


def test_statistics() -> None:
    _, user, debugger = run(Options(stats="json"), "jit", 2000)
    found = debugger.stats()
    assert found["translate"] > found["link"] > 0
    assert found["translate in workers"] == 0
    assert sum(user.cpu.state.exits) > 0


class Slow:
    def read(self, phys: int, va: int, size: int, fc: int) -> int:
        if phys == 1:
            raise Refused
        return 7

    write = read


def test_devices_are_timed() -> None:
    user = UserProgram(PROGRAM)
    user.cpu.io = Slow()  # type: ignore[assignment]
    timed = TimedIo(user.cpu)
    assert user.cpu.io.read(0, 0, 1, 1) == 7
    before = timed.seconds
    with pytest.raises(Refused):
        user.cpu.memory.io.read(1, 0, 1, 1)
    assert timed.seconds > before > 0


def test_nothing_is_attached_without_options() -> None:
    assert not Options().watched
    assert all(Options(debug=frozenset({item})).watched for item in DEBUG_ITEMS)
