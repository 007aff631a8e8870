"""The console on pipes, files and terminals: what arrives, what stays, and that the terminal comes back."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tme.fakes import FakeMachine
from tme.console import BUFFER, PIPE_CLOSED, Console
from tme.errors import TmeError


class Guest:
    """Collects what it gets; `room` limits how much it takes."""

    def __init__(self) -> None:
        self.got = b""
        self.room = 4096

    def receive(self, data: bytes) -> None:
        assert len(data) <= self.room
        self.got += data


@pytest.fixture
def guest() -> Guest:
    return Guest()


Opener = Callable[..., Console]


@pytest.fixture
def open_console(guest: Guest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """Makes consoles and closes them at the end."""
    made: list[Console] = []
    monkeypatch.setattr(Console, "on_escape", None)

    def make(input_fd: int, output_fd: int = 1) -> Console:
        machine = FakeMachine()
        made.append(Console(machine, guest.receive, lambda: guest.room, input_fd, output_fd))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for console in made:
        console.close()


def step(console: Console) -> None:
    """What the machine does between quanta."""
    readers = console.machine.readers  # type: ignore[attr-defined]
    for fd in select.select(list(readers), [], [], 0.01)[0]:
        readers[fd]()
    console.machine.clock.run()  # type: ignore[attr-defined]


def test_pipe(guest: Guest, open_console: Opener) -> None:
    read, write = os.pipe()
    console = open_console(read)
    os.write(write, b"hello\x1d")
    step(console)
    assert guest.got == b"hello\x1d", "Ctrl-] is an ordinary byte in a pipe"
    os.close(write)
    step(console)
    assert console.machine.readers == {}, "the end of the input is waited for once"  # type: ignore[attr-defined]
    assert console.machine.exit_code is None, "and does not end the machine"
    os.close(read)


def test_slow_guest_gets_everything_in_order(guest: Guest, open_console: Opener) -> None:
    read, write = os.pipe()
    console = open_console(read)
    guest.room = 0
    os.write(write, b"abcdef")
    step(console)
    console.machine.clock.run()  # type: ignore[attr-defined]
    assert guest.got == b""
    guest.room = 2
    for _ in range(3):
        console.machine.clock.run()  # type: ignore[attr-defined]
    assert guest.got == b"abcdef"
    assert console.machine.clock.events == [], "nothing polls once all is delivered"  # type: ignore[attr-defined]
    os.close(write)
    os.close(read)


def test_a_pipe_has_to_wait_for_a_dead_guest(guest: Guest, open_console: Opener, tmp_path: Path) -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    console = open_console(read)
    guest.room = 0
    sent = 0
    for _ in range(100):
        try:
            sent += os.write(write, bytes(4096))
        except BlockingIOError:
            break
        if console.machine.readers:  # type: ignore[attr-defined]
            step(console)
    assert BUFFER <= sent < 100 * 4096
    guest.room = 4096
    for _ in range(100):
        step(console)
    assert len(guest.got) == sent
    os.close(write)
    os.close(read)


def test_regular_file(
    guest: Guest, open_console: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """epoll refuses regular files; they are read all the same, at the guest's pace."""
    content = bytes(range(256)) * 64
    (tmp_path / "in").write_bytes(content)

    def refuse(self: FakeMachine, fd: int, fn: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(FakeMachine, "add_reader", refuse)
    fd = os.open(tmp_path / "in", os.O_RDONLY)
    console = open_console(fd)
    for _ in range(20):
        console.machine.clock.run()  # type: ignore[attr-defined]
    assert guest.got == content
    assert console.machine.clock.events == []  # type: ignore[attr-defined]
    os.close(fd)


def test_closed_output_stops_the_machine(open_console: Opener) -> None:
    read, write = os.pipe()
    console = open_console(read, write)
    console.write(b"x")
    os.close(read)
    console.write(b"y")
    assert console.machine.exit_code == PIPE_CLOSED
    os.close(write)


def test_only_one(open_console: Opener) -> None:
    read, write = os.pipe()
    console = open_console(read)
    with pytest.raises(TmeError, match="can serve one serial line only"):
        open_console(read)
    console.close()
    open_console(read)
    os.close(read)
    os.close(write)


def flags(fd: int) -> int:
    return termios.tcgetattr(fd)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)


def test_terminal_is_raw_and_comes_back(guest: Guest, open_console: Opener) -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    console = open_console(slave, slave)
    assert flags(slave) == 0
    os.write(master, b"ls\r\x03\x04")
    step(console)
    assert guest.got == b"ls\r\x03\x04", "Ctrl-C and Ctrl-D belong to the guest"
    console.write(b"ok\n")
    assert os.read(master, 100) == b"ok\r\n"
    console.close()
    assert termios.tcgetattr(slave) == before
    console.close()
    os.close(master)
    os.close(slave)


def test_escape_key(guest: Guest, open_console: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    console = open_console(slave, slave)
    seen: list[object] = []
    monkeypatch.setattr(
        Console, "on_escape", lambda: seen.append((flags(slave) != 0, dict(console.machine.readers)))
    )
    guest.room = 0  # also a guest that hangs can be interrupted
    os.write(master, b"ab\x1dthrown away")
    step(console)
    assert seen == [(True, {})], "the prompt has a normal terminal for itself"
    assert flags(slave) == 0
    guest.room = 10
    os.write(master, b"c")
    step(console)
    assert guest.got == b"abc"
    os.close(master)
    os.close(slave)


CRASH = """
import sys
sys.path.insert(0, {root!r})
from tests.tme.fakes import FakeMachine
from tme.console import Console
Console(FakeMachine(), print)
raise RuntimeError("something went wrong")
"""


def test_terminal_comes_back_after_a_crash() -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    code = CRASH.format(root=str(Path(__file__).parents[2]))
    done = subprocess.run([sys.executable, "-c", code], stdin=slave, capture_output=True, check=False)
    assert b"something went wrong" in done.stderr
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)
