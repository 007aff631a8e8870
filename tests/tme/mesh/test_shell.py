"""The prompt: piped and typed statements, completion, history."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tme.fakes import session
from tme.mesh.shell import Shell, history_file


def piped(text: str) -> tuple[Shell, int]:
    read, write = os.pipe()
    os.write(write, text.encode())
    os.close(write)
    made = session()
    shell = Shell(made.session, read)
    shell.loop()
    return shell, read


def test_pipe_leaves_the_rest_to_the_guest(capsys: pytest.CaptureFixture[str]) -> None:
    shell, fd = piped("bus0: tme/generic/bus size 1MB\nbus1: nonsense\nrun\nguest input\n")
    assert shell.session.resume
    assert list(shell.session.machine.elements) == ["bus0"]
    assert shell.session.machine.calls == [("power", True)]  # type: ignore[attr-defined]
    assert os.read(fd, 100) == b"guest input\n"
    assert capsys.readouterr().err == (
        "there is no element 'nonsense'\n  `tmesh --list-elements` shows all\n"
    ), "the prompt itself is no place worth naming"
    os.close(fd)


def test_pipe_ends() -> None:
    shell, fd = piped("bus0: tme/generic/bus size 1MB")
    assert list(shell.session.machine.elements) == ["bus0"], "also without a newline"
    assert not shell.session.resume
    os.close(fd)


def test_a_mistake_does_not_spoil_the_next_line() -> None:
    shell, fd = piped("x: nonsense\nd: tme/test/device\ncommand d go\nquit 4\nrm d\n")
    assert shell.session.machine.elements["d"].history == ["go"]  # type: ignore[attr-defined]
    assert shell.session.exit_code == 4
    os.close(fd)


@pytest.mark.parametrize(
    ("before", "text", "expected"),
    [
        ("", "dis", ["disconnect"]),
        ("", "bu", ["bus0"]),
        ("", "io/", ["io/dev0"]),
        ("", "i", ["io/"]),
        ("ls; ", "al", ["alias"]),
        ("x: ", "tme/test/", ["tme/test/device", "tme/test/explosive"]),
        ("x at bus0: ", "tme/g", ["tme/generic/bus"]),
        ("help ", "tme/g", ["tme/generic/bus"]),
        ("help ", "qu", ["quit"]),
        ("bus0 ", "a", ["at"]),
        ("command ", "b", ["bus0"]),
        ("", "nowhere/", []),
    ],
)
def test_completion(before: str, text: str, expected: list[str]) -> None:
    made = session()
    assert made.run("bus0: tme/generic/bus size 1MB; mkdir io; io/dev0: tme/test/device") == []
    assert Shell(made.session).candidates(before, text) == expected


def test_completion_of_files(tmp_path: Path) -> None:
    (tmp_path / "fragment").touch()
    (tmp_path / "folder").mkdir()
    found = Shell(session().session).candidates("source ", f"{tmp_path}/f")
    assert found == [f"{tmp_path}/folder/", f"{tmp_path}/fragment"]


PROMPT = """
import os, sys
os.login_tty(os.dup(0))
sys.path.insert(0, {root!r})
from tests.tme.fakes import session
from tme.mesh.shell import Shell
made = session()
made.session.out = print
Shell(made.session).loop()
print("code", made.session.exit_code)
"""


def test_typing() -> None:
    """On a terminal: a prompt, Tab, Ctrl-C that only gives up the line, and a history for the next time."""
    master, slave = pty.openpty()
    code = PROMPT.format(root=str(Path(__file__).parents[3]))
    command = [sys.executable, "-c", code]
    shell = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    seen = b""

    def until(text: bytes) -> None:
        nonlocal seen
        deadline = time.monotonic() + 5
        while text not in seen and select.select([master], [], [], deadline - time.monotonic())[0]:
            seen += os.read(master, 1000)
        assert text in seen
        seen = seen.partition(text)[2]

    until(b"tmesh> ")
    os.write(master, b"mkd\tio; cd io; pwd\n")
    until(b"mkdir io; cd io; pwd")
    until(b"/io\r\n")
    until(b"tmesh /io> ")
    os.write(master, b"nonsense")
    until(b"nonsense")
    time.sleep(0.1)  # Python notices a Ctrl-C only once it waits for the next key
    os.write(master, b"\x03")
    until(b"tmesh /io> ")
    os.write(master, b"quit 5\n")
    until(b"code 5")
    assert shell.wait(10) == 0
    os.close(master)
    assert "mkdir io; cd io; pwd" in history_file().read_text()
