"""The command line: options, exit statuses, and the order in which a machine is built, run and closed."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.tme.fakes import FakeMachine, registry
from tme import cli
from tme.console import Console
from tme.options import Options

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _fake_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Class Machine and the elements of tests.tme.fakes instead of the real ones; no terminal."""
    module = ModuleType("tme.machine")
    module.Machine = FakeMachine  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tme.machine", module)
    monkeypatch.setattr("tme.mesh.session.Registry", registry)
    monkeypatch.setattr(Console, "on_escape", None)
    FakeMachine.last = None
    before = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    yield
    os.dup2(before, 0)
    os.close(before)
    os.close(null)


@pytest.fixture
def machine_file(tmp_path: Path) -> str:
    file = tmp_path / "machine"
    file.write_text("bus0: tme/generic/bus size 1MB\ndev0 at bus0 addr 0: tme/test/device\n")
    return str(file)


def run(*words: str) -> tuple[int, FakeMachine]:
    code = cli.main(words)
    assert FakeMachine.last is not None
    return code, FakeMachine.last


def stdin(text: str) -> None:
    read, write = os.pipe()
    os.write(write, text.encode())
    os.close(write)
    os.dup2(read, 0)
    os.close(read)


def test_a_machine_runs(machine_file: str) -> None:
    code, machine = run(machine_file)
    assert code == 0
    assert machine.calls == [("power", True), "run", "close"]
    assert machine.options == Options()
    assert machine.elements["dev0"].history == ["close"]  # type: ignore[attr-defined]


def test_options(machine_file: str, tmp_path: Path) -> None:
    program = tmp_path / "prog.elf"
    program.touch()
    _, machine = run(
        *("--interp", machine_file, "--boot", str(program), "--boot-dir", str(tmp_path), "--verbose"),
        *("--clock", "host", "--insns", "0x10", "--jit-workers", "3", "--no-fastmem"),
        *("--cache-dir", "c", "--no-cache"),
        *("--dump-ir=uop,asm", "--dfilter", "0x100..0x1ff", "-d", "int,mmu", "--trace", "t", "--stats=json"),
        *("--log", "l", "-c", "--", "-x", "--stats"),
    )
    assert machine.options == Options(
        engine="interp", clock="host", insns=16, boot=program, boot_args=("-x", "--stats"), boot_dir=tmp_path,
        verbose=True, jit_workers=3, fastmem=False, cache_dir=Path("c"), cache=False, dump_ir=("uop", "asm"),
        dfilter=(0x100, 0x1FF), debug=frozenset({"int", "mmu"}), trace=Path("t"), stats="json", log=Path("l"),
    )  # fmt: skip


def test_stats_does_not_swallow_the_machine(machine_file: str) -> None:
    _, machine = run("--stats", machine_file)
    assert machine.options.stats == "text"


def test_exit_status_of_the_guest(machine_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeMachine, "run", lambda self: 42)
    assert run(machine_file)[0] == 42


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["SUM3"], "tmesh: there is no machine 'SUM3'; did you mean 'SUN3'?"),
        ([], "no machine is given; try `tmesh SUN3`"),
        (["SUN3", "--", "arg"], "arguments after '--' go to the program of --boot, but there is none"),
        (["SUN3", "--boot", "nowhere.elf"], "--boot: there is no file 'nowhere.elf'"),
        (["SUN3", "--boot-dir", "nowhere"], "--boot-dir: there is no folder 'nowhere'"),
        (["--graph", "x.png", "SUN3"], "the name must end in .dot or .svg"),
    ],
)
def test_mistakes(words: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 1
    captured = capsys.readouterr()
    assert expected in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--jit", "--interp", "SUN3"], "not allowed with argument"),
        (["-d", "mmoi", "SUN3"], "did you mean 'mmio'?"),
        (["--dump-ir=llvn", "SUN3"], "did you mean 'llvm'?"),
        (["--dfilter", "5", "SUN3"], "write LO..HI"),
        (["--dfilter", "9..5", "SUN3"], "write LO..HI"),
        (["--insns", "-5", "SUN3"], "insns"),
        (["--jit-workers", "many", "SUN3"], "'many' is not a number"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
    ],
)
def test_wrong_options(words: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    assert caught.value.code == 2
    assert expected in capsys.readouterr().err


def test_all_mistakes_of_a_file_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m").write_text("x: nonsense\nbus0: tme/generic/bus\nb: tme/ic/am9513\ncommand x power up\n")
    code, machine = run(str(tmp_path / "m"))
    assert code == 1
    assert machine.calls == ["close"], "nothing was powered up"
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tmesh: ")]
    assert [line.split(":")[2] for line in lines] == ["1", "2", "3"]


def test_quit_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("quit 7")
    code, machine = run(str(tmp_path / "m"))
    assert code == 7
    assert "run" not in machine.calls


def test_interactive_on_a_pipe(machine_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    stdin("ls\nrun\n")
    code, machine = run("-i", machine_file)
    assert code == 0
    assert machine.calls == [("power", True), ("power", True), "run", "close"]
    assert "dev0 at bus0 addr 0: tme/test/device" in capsys.readouterr().out


def test_interactive_without_starting(machine_file: str) -> None:
    stdin("ls\n")
    assert run("-i", machine_file)[1].calls == ["close"]
    stdin("quit 3\n")
    assert run("-i", machine_file) == (3, FakeMachine.last)


def test_escape_prompt(machine_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-] gives the prompt on the running machine."""

    def use_the_prompt(self: FakeMachine) -> int:
        stdin("quit 9\n")
        assert Console.on_escape is not None
        Console.on_escape()
        return self.exit_code or 0

    monkeypatch.setattr(FakeMachine, "run", use_the_prompt)
    assert run(machine_file)[0] == 9


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signals_stop_in_order(
    machine_file: str, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, status: int
) -> None:
    def interrupted(self: FakeMachine) -> int:
        os.kill(os.getpid(), number)
        deadline = time.monotonic() + 5
        while self.exit_code is None and time.monotonic() < deadline:
            time.sleep(0.001)
        return self.exit_code or 0

    monkeypatch.setattr(FakeMachine, "run", interrupted)
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    code, machine = run(machine_file)
    assert code == status
    assert machine.calls[-1] == "close", "files are flushed"
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == handlers


@pytest.mark.parametrize(("words", "expected"), [(["-d", "help"], "mmio"), (["--dump-ir=help"], "opt")])
def test_item_lists(words: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    assert expected in capsys.readouterr().out


def test_graph(machine_file: str, tmp_path: Path) -> None:
    (tmp_path / "m").write_text("bus0: tme/generic/bus size 1MB")
    assert cli.main(["--graph", str(tmp_path / "m.dot"), str(tmp_path / "m")]) == 0
    assert '"bus0"' in (tmp_path / "m.dot").read_text()


def test_help_and_version_are_quick() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(
        [sys.executable, "-m", "tme", "--help"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 1, "0.1 s on a quiet machine"
    assert "tmesh SUN3 --boot prog.elf -- a b" in done.stdout
    done = subprocess.run(
        [sys.executable, "-m", "tme", "--version"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.startswith("tmesh ")


def test_list_elements_into_a_closed_pipe() -> None:
    command = f"{sys.executable} -m tme --list-elements | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.startswith("tme/")
    assert done.stderr == ""


def test_interrupt_while_loading(machine_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tme.mesh.session.Session.load", interrupted)
    code, machine = run(machine_file)
    assert code == 130
    assert machine.calls == ["close"]


def test_boot_file_of_the_package(machine_file: str) -> None:
    _, machine = run(machine_file, "--boot", "@firmware/demos/demo.elf")
    assert machine.options.boot is not None
    assert machine.options.boot.read_bytes()[:4] == b"\x7fELF"
