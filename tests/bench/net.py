"""Throughput, round trip and CPU per frame of each network back end, by a load generator on the frame port.

python -m tests.bench.net [SECONDS]        root measures TAP and packet sockets, too

Everything runs in this process, the far end as well (a reflector that sends each frame back), so CPU is that
of both ends and of the way between them; a kernel in the way counts where it works for this process.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hostnet import frames
from hostnet.frames import ARP, IPV4, Arp, Ip, Udp, ethernet
from tests.hostnet.lab import MAC, OTHER, Guest, Machine, Space, join, why_no_namespaces

SIZE, SHORT = 1514, 60
WINDOW = 32
"""Frames on their way at once."""
ME, HOST = bytes((10, 0, 77, 2)), bytes((10, 0, 77, 1))
GATEWAY = bytes((10, 0, 2, 2))


class Reflector(Guest):
    """Sends every frame back."""

    def receive(self, frame: bytes) -> None:
        self.machine.clock.after(1, lambda: self.port.send(frame[6:12] + frame[:6] + frame[12:]))


class Lab:
    """Machines that take turns, a generator and what its frames look like."""

    def __init__(self, *machines: Machine, make: Callable[[int], bytes] | None = None) -> None:
        self.machines = machines
        self.guest: Guest = machines[0].elements["g"]
        self.make = make or (lambda size: ethernet(OTHER, MAC, 0x88B5, bytes(size - 14)))
        self.back = 0

    def turn(self) -> None:
        for machine in self.machines:
            machine.step(0)

    def run(self, size: int, window: int, seconds: float) -> tuple[float, float]:
        """(frames there and back a second, CPU seconds for each)."""
        frame, sent, back = self.make(size), 0, 0
        start, cpu = time.perf_counter(), time.process_time()
        last = start
        while (now := time.perf_counter()) - start < seconds:
            while sent - back < window:
                self.guest.send(frame)
                sent += 1
            self.turn()
            if came := len(self.guest.take()):
                back, last = back + came, now
            elif now - last > 0.1:  # all that were on their way are lost
                sent, last = back, now
            if now - start > seconds / 2 and not back:
                raise RuntimeError("nothing comes back")
        elapsed = time.perf_counter() - start
        return back / elapsed, (time.process_time() - cpu) / max(back, 1)


def pair(a: Machine, b: Machine | None = None) -> None:
    """Generator and reflector."""
    a.elements["g"] = Guest("g", MAC, a)
    there = b or a
    there.elements["r"] = Reflector("r", OTHER, there)


def cable() -> Lab:
    machine = Machine()
    pair(machine)
    machine.connect("g at r")
    return Lab(machine)


def switch() -> Lab:
    machine = Machine()
    pair(machine)
    machine.make("s", "tme/host/switch")
    machine.connect("g at s"), machine.connect("r at s")
    return Lab(machine)


def processes() -> Lab:
    a, b = Machine(), Machine()
    pair(a, b)
    place = Path(tempfile.mkdtemp()) / "net"
    a.make("s", f"tme/host/switch listen {place}")
    b.make("s", f"tme/host/switch join {place}")
    a.connect("g at s"), b.connect("r at s")
    return Lab(a, b)


def port(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


def link(proto: str, secret: bool) -> Lab:
    a, b = Machine(), Machine()
    pair(a, b)
    words = ""
    if secret:
        key = Path(tempfile.mkdtemp()) / "key"
        mark = "OpenVPN Static key V1-----"
        key.write_text(f"-----BEGIN {mark}\n{os.urandom(256).hex()}\n-----END {mark}\n")
        words = f"--secret {key}"
    number = port(socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    server, client = ("tcp-server", "tcp-client") if proto == "tcp" else ("udp", "udp")
    end = "tme/host/openvpn/socket/link rate 0"
    a.make("l", f"{end} --proto {server} --local 127.0.0.1 --lport {number} {words}")
    b.make("l", f"{end} --proto {client} --remote 127.0.0.1 {number} --lport 0 {words}")
    a.connect("g at l"), b.connect("r at l")
    lab = Lab(a, b)
    b.elements["r"].send(ethernet(MAC, OTHER, 0x88B5, b""))
    for _ in range(200):
        lab.turn()
        b.elements["r"].send(ethernet(MAC, OTHER, 0x88B5, b""))
        time.sleep(0.005)
    lab.guest.take()
    return lab


def echo(size: int, ip: bytes, host: bytes, mac: bytes) -> bytes:
    data = frames.build_icmp(frames.ECHO, 0, b"\0\1\0\2", bytes(size - 42))
    return ethernet(mac, MAC, IPV4, frames.build_ip(Ip(ip, host, frames.ICMP, data)))


def user(engine: str, words: str = "") -> Machine:
    """A guest that has introduced itself to the user-mode network."""
    machine = Machine()
    machine.elements["g"] = guest = Guest("g", MAC, machine)
    machine.make("u", f"tme/host/user/net engine {engine} rate 0 {words}")
    machine.connect("g at u")
    ask = Arp(1, MAC, bytes((10, 0, 2, 15)), bytes(6), GATEWAY)
    guest.send(ethernet(frames.BROADCAST, MAC, ARP, ask.build()))
    return machine


def user_ping(engine: str) -> Lab:
    """The user-mode network's own answers."""
    machine = user(engine)
    me = bytes((10, 0, 2, 15))
    return Lab(machine, make=lambda size: echo(size, me, GATEWAY, b"\x52\x55" + GATEWAY))


def user_udp(engine: str) -> Lab:
    """Through a socket of the host and back."""
    machine = user(engine, "host-loopback")
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.setblocking(False)

    def answer() -> None:
        data, who = server.recvfrom(2048)
        server.sendto(data, who)

    machine.add_reader(server.fileno(), answer)
    me = bytes((10, 0, 2, 15))

    def make(size: int) -> bytes:
        udp = frames.build_udp(me, GATEWAY, Udp(1000, server.getsockname()[1], bytes(size - 42)))
        return ethernet(b"\x52\x55" + GATEWAY, MAC, IPV4, frames.build_ip(Ip(me, GATEWAY, frames.UDP, udp)))

    return Lab(machine, make=make)


def tap() -> Lab:
    """The host's kernel answers ping."""
    space, machine = Space(), Machine()
    SPACES.append(space)
    machine.elements["g"] = guest = Guest("g", MAC, machine)
    with space.inside():
        machine.make("t", "tme/host/tun/tap rate 0 inet 10.0.77.1 netmask 255.255.255.0 nat none")
    machine.connect("g at t")
    guest.send(ethernet(frames.BROADCAST, MAC, ARP, Arp(1, MAC, ME, bytes(6), HOST).build()))
    machine.run(0.2)
    host = next(f[6:12] for f in guest.take() if f[12:14] == b"\x08\x06")
    return Lab(machine, make=lambda size: echo(size, ME, HOST, host))


def bpf() -> Lab:
    """Two packet sockets at the ends of a veth."""
    a, b = Machine(), Machine()
    near, far = Space(), Space()
    SPACES.extend((near, far))
    join(near, far)
    pair(a, b)
    for machine, space in ((a, near), (b, far)):
        with space.inside():
            machine.make("p", "tme/host/bsd/bpf rate 0 interface eth0")
    a.connect("g at p"), b.connect("r at p")
    return Lab(a, b)


SPACES: list[Space] = []
BACK_ENDS: dict[str, Callable[[], Lab]] = {
    "cable": cable,
    "switch": switch,
    "switch, two processes": processes,
    "link, UDP": lambda: link("udp", False),
    "link, UDP, encrypted": lambda: link("udp", True),
    "link, TCP": lambda: link("tcp", False),
    "link, TCP, encrypted": lambda: link("tcp", True),
    "user-mode built-in, ping": lambda: user_ping("built-in"),
    "user-mode built-in, UDP": lambda: user_udp("built-in"),
    "user-mode libslirp, ping": lambda: user_ping("slirp"),
    "user-mode libslirp, UDP": lambda: user_udp("slirp"),
    "TAP, the host's ping": tap,
    "packet sockets, veth": bpf,
}
PRIVILEGED = {"TAP, the host's ping", "packet sockets, veth"}


def main(seconds: float) -> None:
    """Print the table."""
    print(f"{'back end':24} {'Mbit/s':>8} {'frames/s':>9} {'round trip':>11} {'CPU/frame':>10}")
    for name, make in BACK_ENDS.items():
        if name in PRIVILEGED and (reason := why_no_namespaces()):
            print(f"{name:24} {reason}")
            continue
        lab = make()
        lab.run(SHORT, 1, 0.3)  # addresses are learned
        single, _ = lab.run(SHORT, 1, seconds)
        lab.guest.take()
        rate, cpu = lab.run(SIZE, WINDOW, seconds)
        mbits, trip, each = rate * SIZE * 8 / 1e6, 1e6 / single, cpu * 1e6 / 2
        print(f"{name:24} {mbits:8.0f} {rate:9.0f} {trip:8.0f} µs {each:7.1f} µs")
        for machine in lab.machines:
            machine.close()
    for space in SPACES:
        space.close()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
