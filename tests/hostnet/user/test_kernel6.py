"""IPv6 of the user-mode network, and what the net says of packets: Linux is the guest."""

import contextlib
import socket
import threading

import pytest

from tests.hostnet.lab import join, needs, needs_libslirp
from tests.hostnet.test_tap import tap
from tests.hostnet.user.test_kernel import inside


@pytest.fixture(params=["built-in", "slirp"])
def lab(request, machine, spaces):
    """Makes (guest, host, outside); the guest knows the outside by IPv4, and finds its way by IPv6 itself."""
    if request.param == "slirp":
        needs_libslirp()

    def make(words="", engine=request.param):
        guest, host, outside = spaces(), spaces(), spaces()
        join(host, outside)
        for space, last in ((host, 1), (outside, 2)):
            space.sh(f"ip addr add 192.0.2.{last}/24 dev eth0; ip addr add fd01::{last}/64 dev eth0 nodad")
        guest.sh("echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad")
        with host.inside():
            machine.make("user0", f"tme/host/user/net rate 0 engine {engine} {words}")
        chip = "interface eth0 rate 0 inet 10.0.2.15 netmask 255.255.255.0 nat none"
        tap(machine, guest, chip, name="sun0")
        guest.sh("ip route add default via 10.0.2.2")
        machine.connect("sun0 at user0")
        return guest, host, outside

    return make


built_in = pytest.mark.parametrize("lab", ["built-in"], indirect=True)


def advertised(machine, guest):
    """Wait until the guest has made itself an address."""
    assert machine.until(lambda: "fd00:2:" in guest.sh("ip -6 addr show dev eth0"), 20)


def test_a_guest_finds_its_way(machine, lab):
    needs("ping")
    guest, _, _ = lab("inet6 fd00:2::2/64")
    advertised(machine, guest)
    assert "default via fe80::2" in guest.sh("ip -6 route")
    for address in ("fd00:2::2", "fe80::2%eth0"):
        assert " 0% packet loss" in machine.shell(guest, f"ping -c 2 -i 0.2 {address}")


def test_without_it_there_is_none(machine, lab):
    guest, _, _ = lab()
    machine.run(1.0)
    assert "default" not in guest.sh("ip -6 route")


def serve(host, handler, kind, address="::1"):
    with host.inside():
        server = socket.socket(socket.AF_INET6, kind)
        server.bind((address, 0))
    server.settimeout(20)
    if kind == socket.SOCK_STREAM:
        server.listen()

    def run():
        with server, contextlib.suppress(TimeoutError):  # a test may be about nobody coming
            if kind == socket.SOCK_STREAM:
                connection, _ = server.accept()
                with connection:
                    handler(connection)
            else:
                handler(server)

    threading.Thread(target=run, daemon=True).start()
    return server.getsockname()[1]


@pytest.mark.parametrize("outside", [False, True])
def test_tcp_and_udp(machine, lab, outside):
    guest, host, far = lab("inet6 fd00:2::2/64 host-loopback")
    data = bytes(range(256)) * 800

    def stream(connection):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(9) == b"thanks"

    def datagrams(server):
        for _ in range(3):
            told, who = server.recvfrom(65536)
            server.sendto(told[::-1], who)

    where, target, local = (far, "fd01::2", "fd01::2") if outside else (host, "fd00:2::2", "::1")
    tcp, udp = (
        serve(where, stream, socket.SOCK_STREAM, local),
        serve(where, datagrams, socket.SOCK_DGRAM, local),
    )
    advertised(machine, guest)
    code = f"""
import socket
s = socket.create_connection(("{target}", {tcp}), 20); s.settimeout(20); got = b""
while d := s.recv(65536): got += d
s.sendall(b"thanks"); s.close(); assert got == bytes(range(256)) * 800
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u.settimeout(5)
for data in (b"abc", b"", bytes(range(200)) * 7):
    u.sendto(data, ("{target}", {udp})); told, who = u.recvfrom(65536)
    assert (told, who[0]) == (data[::-1], "{target}")
"""
    inside(machine, host, guest, code)


def test_the_host_is_closed_by_default(machine, lab):
    guest, host, _ = lab("inet6 fd00:2::2/64")
    port = serve(host, lambda c: c.sendall(b"secret"), socket.SOCK_STREAM)
    advertised(machine, guest)
    code = f"""
import socket
for address in ("fd00:2::2", "fd00:2::3"):
    try: print(socket.create_connection((address, {port}), 3).recv(9))
    except OSError as error: print(type(error).__name__)
"""
    assert "secret" not in inside(machine, host, guest, code)


@built_in  # libslirp has no sockets for this
def test_ping_through(machine, lab):
    needs("ping")
    guest, host, _ = lab("inet6 fd00:2::2/64")
    advertised(machine, guest)
    with host.inside():
        assert " 0% packet loss" in machine.shell(guest, "ping -c 2 -i 0.2 fd01::2")


@built_in  # libslirp tells some, in its own name
@pytest.mark.parametrize("target", ["192.0.2.2", "fd01::2"])
def test_what_the_net_says(machine, lab, target):
    """Nobody listens there; no such host; the packet's time is over, at the gateway and behind it."""
    guest, host, _ = lab("inet6 fd00:2::2/64")
    host.sh("ip route add unreachable 198.51.100.0/24; ip -6 route add unreachable fd05::/64")
    six = ":" in target
    if six:
        advertised(machine, guest)
    nowhere, gateway = ("fd05::1", "fd00:2::2") if six else ("198.51.100.1", "10.0.2.2")
    code = f"""
import errno, socket, struct, time
family = socket.AF_INET6 if {six} else socket.AF_INET
level, ttl, recverr = (41, 16, 25) if {six} else (0, 2, 11)
def ask(address, hops=64):
    u = socket.socket(family, socket.SOCK_DGRAM)
    u.setsockopt(level, ttl, hops); u.setsockopt(level, recverr, 1)
    u.connect((address, 9)); u.send(b"hello"); u.settimeout(5)
    try: u.recv(9)
    except OSError as error: pass
    _, told, _, _ = u.recvmsg(512, 512, 0x2000)
    number, origin, kind, code, *_ = struct.unpack_from("=IBBBBII", told[0][2])
    at = 16 + (8 if {six} else 4)
    who = socket.inet_ntop(family, told[0][2][at : at + (16 if {six} else 4)])
    return errno.errorcode[number], who
assert ask("{target}") == ("ECONNREFUSED", "{target}"), ask("{target}")
assert ask("{nowhere}") == ("EHOSTUNREACH", "{gateway}"), ask("{nowhere}")
assert ask("{target}", 1) == ("EHOSTUNREACH", "{gateway}"), ask("{target}", 1)
"""
    inside(machine, host, guest, code)
