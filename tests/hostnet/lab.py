"""A machine without a processor whose time passes with the host's, and namespaces with real peers in them."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import heapq
import itertools
import os
import select
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest

from tme.args import Args
from tme.element import Element
from tme.ethernet import ETHERNET_PARAMS, EthernetPort
from tme.options import Options
from tme.port import connect
from tme.registry import Registry

MS = 1_000_000
CLONE_NEWNET = 0x4000_0000
MAC = bytes.fromhex("080020010203")
OTHER = bytes.fromhex("080020010204")


class Event:
    def __init__(self, fn):
        self.fn = fn

    def cancel(self):
        self.fn = None


class Clock:
    """Guest time that a test moves; events run in order of time."""

    def __init__(self):
        self.now = 0
        self._queue = []
        self._order = itertools.count()

    def at(self, ns, fn):
        event = Event(fn)
        heapq.heappush(self._queue, (max(ns, self.now), next(self._order), event))
        return event

    def after(self, ns, fn):
        return self.at(self.now + ns, fn)

    def wall(self):
        return datetime(1992, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.now // 1000)

    def advance(self, ns):
        end = self.now + ns
        while self._queue and self._queue[0][0] <= end:
            self.now, _, event = heapq.heappop(self._queue)
            if event.fn:
                event.fn()
        self.now = end


class Machine:
    """As much of tme.machine.Machine as elements use."""

    def __init__(self):
        self.clock = Clock()
        self.options = Options()
        self.elements = {}
        self.readers = {}
        self.logged = []
        self.registry = Registry(entry_points=False)
        self._last = time.monotonic_ns()

    def add_reader(self, fd, fn):
        self.readers[fd] = fn

    def remove_reader(self, fd):
        self.readers.pop(fd, None)

    def log(self, element, text):
        self.logged.append(text)

    def stop(self, code=0):
        raise AssertionError("the machine ended")

    def make(self, name, *words):
        """Create an element from its statement, powered up."""
        module, *words = " ".join(words).split()
        cls = self.registry.load(module)
        element = cls(name, Args.parse(words, cls.params, subject=name), self)
        self.elements[name] = element
        element.check()
        element.reset()
        return element

    def guest(self, name="guest0", mac=MAC):
        self.elements[name] = guest = Guest(name, mac, self)
        return guest

    def connect(self, text):
        """`NAME [args] at OTHER [args]`."""
        ends = []
        for side in text.split(" at "):
            name, *words = side.split()
            element = self.elements[name]
            ends += [element, Args.parse(words, element.conn_params, subject=name)]
        return connect(*ends)

    def step(self, seconds=0.002):
        """What the run loop does between quanta: descriptors that are ready, then time."""
        if self.readers:
            for fd in select.select(list(self.readers), [], [], seconds)[0]:
                if fd in self.readers:
                    self.readers[fd]()
        elif seconds:
            time.sleep(seconds)
        now = time.monotonic_ns()
        self.clock.advance(now - self._last)
        self._last = now

    def until(self, condition, seconds=10.0):
        """Run until something is true; False when it never was."""
        end = time.monotonic() + seconds
        self._last = time.monotonic_ns()
        while not (found := condition()) and time.monotonic() < end:
            self.step()
        return found or condition()

    def run(self, seconds):
        self.until(lambda: False, seconds)

    def shell(self, space, command, check=True, seconds=30):
        """Run a command in a namespace while this machine runs; returns its output."""
        process = space.start(command)
        assert self.until(lambda: process.poll() is not None, seconds), f"{command} does not end"
        output = process.stdout.read()
        assert not check or process.returncode == 0, f"{command}: {output}"
        return output

    def close(self):
        for element in self.elements.values():
            element.close()


class Guest(Element):
    """A chip that keeps what it gets."""

    module = "test/guest"
    conn_params = ETHERNET_PARAMS

    def __init__(self, name, mac, machine):
        super().__init__(name, Args(), machine)
        self.mac = mac
        self.frames = []
        self.links = []
        self.port = EthernetPort(self, receive=self.receive, on_link=self.links.append)

    def receive(self, frame):
        self.frames.append(frame)

    def ports(self, args):
        return [self.port]

    def send(self, frame):
        self.port.send(bytes(frame))

    def take(self):
        """What came since the last call."""
        found, self.frames[:] = list(self.frames), []
        return found


# ---- namespaces ---------------------------------------------------------------------------------------


@functools.cache
def why_no_namespaces():
    """Why tests with real peers cannot run here; None when they can."""
    if os.geteuid():
        return "needs root"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "no /dev/net/tun"
    if shutil.which("ip") is None:
        return "no `ip`: install iproute2"
    done = subprocess.run(["ip", "netns", "add", f"tmeprobe{os.getpid()}"], capture_output=True, text=True)
    if done.returncode:
        return f"no network namespaces: {done.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", f"tmeprobe{os.getpid()}"], check=True)
    return None


def needs(*programs):
    """Skip without namespaces or one of the programs, saying why."""
    reason = why_no_namespaces()
    if reason is None:
        missing = [program for program in programs if shutil.which(program) is None]
        reason = f"not installed: {', '.join(missing)}" if missing else None
    if reason:
        pytest.skip(reason)


def needs_libslirp():
    """Skip without libslirp, saying why."""
    from hostnet.user.slirp import load

    try:
        load()
    except OSError as error:
        pytest.skip(f"no libslirp ({error}): install libslirp0")


class Space:
    """A network namespace of its own, with a loopback that is up."""

    numbers = itertools.count()

    def __init__(self):
        self.name = f"tme{os.getpid()}n{next(self.numbers)}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.running = []
        self.sh("ip link set lo up")

    def sh(self, command, check=True, timeout=30):
        """Run a command inside; returns its output."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, "sh", "-c", command],
            capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, command):
        """Start a program inside, in the background."""
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.name, "sh", "-c", command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.running.append(process)
        return process

    @contextlib.contextmanager
    def inside(self):
        """This thread makes its sockets and interfaces in the namespace."""
        libc = ctypes.CDLL(None, use_errno=True)
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            assert libc.setns(there, CLONE_NEWNET) == 0
            yield self
        finally:
            assert libc.setns(home, CLONE_NEWNET) == 0
            os.close(home)
            os.close(there)

    def close(self):
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
        subprocess.run(["ip", "netns", "del", self.name], check=True)


def join(a, b, name_a="eth0", name_b="eth0"):
    """A cable between two namespaces."""
    subprocess.run(
        [
            "ip",
            "link",
            "add",
            name_a,
            "netns",
            a.name,
            "type",
            "veth",
            "peer",
            "name",
            name_b,
            "netns",
            b.name,
        ],
        check=True,
    )
    for space, name in ((a, name_a), (b, name_b)):
        space.sh(f"ip link set {name} up")
