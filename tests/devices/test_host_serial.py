"""Lines of the host: what goes in comes out, slow sides wait, breaks arrive, mistakes are told."""

import os
import pty
import socket
import tty

import pytest

from tme.args import Args
from tme.element import Element
from tme.errors import TmeError
from tme.port import SerialPort
from tme.serial import BREAK, BreakCarets

MS = 1_000_000


class Guest(Element):
    """A serial chip that takes what it has room for."""

    module = "test/guest"

    def __init__(self, machine):
        super().__init__("guest0", Args(), machine)
        self.got, self.breaks, self.lines, self.room = b"", [], {}, 1 << 20
        self.port = SerialPort(
            self,
            receive=self.receive,
            on_break=self.breaks.append,
            on_line=self.lines.__setitem__,
            want=lambda: self.room,
        )
        machine.elements["guest0"] = self

    def receive(self, data):
        assert len(data) <= self.room
        self.got += data
        self.room -= len(data)

    def ports(self, args):
        return [self.port]


@pytest.fixture
def guest(machine):
    return Guest(machine)


@pytest.fixture
def line(machine, guest):
    """Makes the element, connects it and powers it up."""

    def make(words):
        element = machine.make("tty0", f"tme/host/posix/serial {words}")
        machine.connect("tty0 at guest0")
        element.reset()
        return element

    return make


def step(machine, ms=1):
    """What the run loop does between quanta: readable descriptors, then time."""
    import select

    ready = select.select(list(machine.readers), [], [], 0.05)[0] if machine.readers else ()
    for fd in ready:
        if fd in machine.readers:
            machine.readers[fd]()
    machine.clock.advance(ms * MS)


def until(machine, condition):
    """Run until something has come through; the kernel moves terminal data when it likes."""
    for _ in range(200):
        if condition():
            return True
        step(machine, 60)
    return condition()


def read_exactly(fd, count):
    """Bytes of a terminal, as they come."""
    import select

    data = b""
    while len(data) < count and select.select([fd], [], [], 2)[0]:
        data += os.read(fd, count - len(data))
    return data


def terminal():
    """A pseudo terminal: the user's end, and the name that the element opens."""
    master, slave = pty.openpty()
    name = os.ttyname(slave)
    return master, slave, name


# ---- breaks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "items"),
    [
        ([b"abc"], [b"abc"]),
        ([b"a^^^b"], [b"a", BREAK, b"b"]),
        ([b"^", b"^", b"^"], [BREAK]),
        ([b"^x"], [b"^x"]),
        ([b"^^", b"x"], [b"^^x"]),
        ([b"^^^^"], [BREAK]),
        ([b"^^^^^^"], [BREAK, BREAK]),
    ],
)
def test_three_carets_are_a_break(typed, items):
    scanner = BreakCarets()
    assert [item for data in typed for item in scanner.feed(data)] == items


def test_break_lasts_a_while_and_keeps_its_place(machine, guest, line):
    master, _, name = terminal()
    line(f"device {name} break-carats")
    os.write(master, b"a^^^b")
    assert until(machine, lambda: guest.got == b"ab")
    assert guest.breaks[0] is True
    machine.clock.advance(10 * MS)
    assert guest.breaks == [True, False]


def test_carets_are_carets_without_the_flag(machine, guest, line):
    master, _, name = terminal()
    line(f"device {name}")
    os.write(master, b"^^^")
    assert until(machine, lambda: guest.got == b"^^^")
    assert guest.breaks == []


def test_break_command(machine, guest, line):
    element = line(f"device {terminal()[2]}")
    element.command(["break"])
    assert guest.breaks == [True]
    with pytest.raises(TmeError, match="usage"):
        element.command(["brake"])


# ---- devices ----------------------------------------------------------------------------------------------


def test_device_is_raw_and_comes_back(machine, guest, line):
    master, slave, name = terminal()
    before = tty.tcgetattr(slave)
    element = line(f"device {name}")
    assert not tty.tcgetattr(slave)[3] & tty.ECHO
    guest.port.send(b"hello\n")
    assert read_exactly(master, 6) == b"hello\n"
    os.write(master, b"\x03\r")
    assert until(machine, lambda: guest.got == b"\x03\r")
    element.close()
    element.close()
    assert tty.tcgetattr(slave) == before


def test_the_guest_sees_a_carrier(guest, line):
    line(f"device {terminal()[2]}")
    assert guest.port.peer.modem["cts"]
    assert guest.port.peer.modem["dcd"]


def test_input_waits_until_the_guest_wants_it(machine, guest, line, tmp_path):
    source = tmp_path / "in"
    os.mkfifo(source)
    writer = os.open(source, os.O_RDWR | os.O_NONBLOCK)
    guest.room = 0
    line(f"device-input {source} device-output /dev/null")
    os.write(writer, b"0123456789")
    step(machine)
    assert guest.got == b""
    assert machine.readers == {}
    for taken in range(1, 11):
        guest.room = 1
        machine.clock.advance(MS)
        assert guest.got == b"0123456789"[:taken]
    guest.room = 100
    step(machine, 5)
    assert machine.readers
    os.close(writer)


def test_files_both_ways(machine, guest, line, tmp_path):
    (tmp_path / "in").write_bytes(b"typed ahead")
    line(f"device-input {tmp_path / 'in'} device-output {tmp_path / 'out'}")
    for _ in range(5):
        step(machine)
    guest.port.send(b"answer")
    assert guest.got == b"typed ahead"
    assert (tmp_path / "out").read_bytes() == b"answer"


def test_output_waits_for_a_slow_reader(machine, guest, line, tmp_path):
    sink = tmp_path / "out"
    os.mkfifo(sink)
    reader = os.open(sink, os.O_RDONLY | os.O_NONBLOCK)
    line(f"device-input /dev/null device-output {sink}")
    sent = 0
    while guest.port.ready:
        guest.port.send(b"x" * 1000)
        sent += 1000
    assert sent > 65_536
    read = 0
    for _ in range(100):
        try:
            read += len(os.read(reader, 65_536))
        except BlockingIOError:
            pass
        machine.clock.advance(2 * MS)
    assert read == sent
    assert guest.port.ready
    os.close(reader)


def test_standard_input_and_output_are_taken_at_power_up(machine, guest, monkeypatch):
    seen = []

    class FakeConsole:
        def __init__(self, machine, receive, want, input_fd, output_fd):
            seen.append((input_fd, output_fd))
            receive(b"typed")

        def write(self, data):
            seen.append(data)

        def close(self):
            seen.append("closed")

    monkeypatch.setattr("tme.console.Console", FakeConsole)
    element = machine.make("tty0", "tme/host/posix/serial device -")
    machine.connect("tty0 at guest0")
    assert seen == []
    element.reset()
    element.reset()
    guest.port.send(b"out")
    element.close()
    assert seen == [(0, 1), b"out", "closed"]
    assert guest.got == b"typed"


# ---- pseudo terminals -------------------------------------------------------------------------------------


def test_pty(machine, guest, line):
    element = line("device /dev/ptmx")
    name = element.line.slave_name
    assert name in machine.logged[0]
    guest.port.send(b"early")
    for expected in (b"early>", b">", b">"):
        user = os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        step(machine, 60)
        guest.port.send(b">")
        assert read_exactly(user, len(expected)) == expected
        os.write(user, b"typed\r")
        assert until(machine, lambda: guest.got == b"typed\r")
        guest.got = b""
        os.close(user)
        assert until(machine, lambda: machine.readers == {}), "nobody is there: nothing may spin"


def test_without_a_user_the_guest_goes_on(machine, guest, line):
    line("device /dev/ptmx")
    for _ in range(1000):
        assert guest.port.ready
        guest.port.send(b"x" * 100)


# ---- TCP --------------------------------------------------------------------------------------------------


def test_tcp(machine, guest, line):
    element = line("device tcp:0")
    host, port = element.line.address
    assert host == "127.0.0.1"
    assert str(port) in machine.logged[0]
    guest.port.send(b"boot messages ")
    with socket.create_connection((host, port)) as user:
        step(machine)
        assert user.recv(100) == b"boot messages "
        user.sendall(b"hi\r")
        step(machine)
        assert guest.got == b"hi\r"
        with socket.create_connection((host, port)) as other:
            step(machine)
            assert b"in use" in other.recv(100)
    step(machine)
    guest.port.send(b"later")
    with socket.create_connection((host, port)) as user:
        step(machine)
        assert user.recv(100) == b"later"
    element.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((host, port))


def test_a_port_that_is_taken(machine):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = f"device tcp:{taken.getsockname()[1]}"
        with pytest.raises(TmeError, match=r"tty0 .*cannot listen on TCP port"):
            machine.make("tty0", f"host/posix/serial {words}")


# ---- mistakes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "say `device D`"),
        ("device-input -", "say `device D`"),
        ("device - device-input -", "leave device-input"),
        ("device /dev/none", "cannot open /dev/none: No such file"),
        ("device tcp:", "tcp:PORT"),
        ("device tcp:70000", "tcp:PORT"),
        ("device - break-carets", "did you mean 'break-carats'"),
    ],
)
def test_mistakes(machine, words, message):
    with pytest.raises(TmeError, match=message):
        machine.make("tty0", f"host/posix/serial {words}")
