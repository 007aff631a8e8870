"""The user-mode network with a Linux kernel as its guest: a TAP in a namespace is the guest's chip."""

import contextlib
import hashlib
import json
import os
import shlex
import socket
import subprocess
import sys
import threading

import pytest

from tests.hostnet.lab import join, needs, needs_libslirp
from tests.hostnet.test_tap import tap

LONG = pytest.param(20_000_000, "", marks=pytest.mark.slow)
LOSSY = pytest.param(1_000_000, "loss 5 delay 500", marks=pytest.mark.slow)


@pytest.fixture(params=["built-in", "slirp"])
def engine(request):
    """Each test is for both, unless it says otherwise."""
    if request.param == "slirp":
        needs_libslirp()
    return request.param


built_in = pytest.mark.parametrize("engine", ["built-in"], indirect=True)


@pytest.fixture
def lab(machine, spaces, engine):
    """Makes (guest namespace, host namespace, element); connection arguments may lose frames."""

    def make(words="", cable=""):
        guest, host = spaces(), spaces()
        with host.inside():
            element = machine.make("user0", f"tme/host/user/net rate 0 engine {engine} {words}")
        tap(
            machine, guest, "interface eth0 rate 0 inet 10.0.2.15 netmask 255.255.255.0 nat none", name="sun0"
        )
        guest.sh("ip route add default via 10.0.2.2")
        machine.connect(f"sun0 {cable} at user0")
        return guest, host, element

    return make


def nothing_open(machine, element):
    """Whether every connection goes, in the time in which a FIN is repeated or its repetition answered."""
    engine = element.engine
    own = element.args["engine"] == "built-in"
    for _ in range(3 if own else 120):
        machine.clock.advance(1_000_000_000)
        machine.step()  # the kernel's answer
        if not (engine.tcp.flows if own else engine.sockets):
            return True
    return False


def serve(host, handler, kind=socket.SOCK_STREAM):
    """A server in the host's namespace, one connection, in a thread; returns its port."""
    with host.inside():
        server = socket.socket(socket.AF_INET, kind)
        server.bind(("127.0.0.1", 0))
    server.settimeout(20)
    if kind == socket.SOCK_STREAM:
        server.listen()

    def run():
        with server, contextlib.suppress(TimeoutError):  # a test may be about nobody coming
            if kind == socket.SOCK_STREAM:
                connection, _ = server.accept()
                connection.settimeout(20)
                with connection:
                    handler(connection)
            else:
                handler(server)

    threading.Thread(target=run, daemon=True).start()
    return server.getsockname()[1]


def inside(machine, host, guest, code, seconds=40):
    """Run Python in the guest's namespace while the machine makes its sockets in the host's."""
    with host.inside():
        process = subprocess.Popen(
            ["ip", "netns", "exec", guest.name, sys.executable, "-c", code],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert machine.until(lambda: process.poll() is not None, seconds), shlex.quote(code)
        output = process.stdout.read()
        process.stdout.close()
        assert process.returncode == 0, output
        return output


def test_ping_the_gateway(machine, lab):
    needs("ping")
    guest, *_ = lab()
    assert "2 received" in machine.shell(guest, "ping -c 2 -i 0.2 10.0.2.2")
    assert "1 received" in machine.shell(guest, "ping -c 1 -s 20000 10.0.2.2")  # in fragments


@pytest.mark.parametrize(
    ("size", "cable"), [(0, ""), (500_000, ""), (50_000, "loss 3"), (30_000, "delay 3000"), LONG, LOSSY]
)
def test_download(machine, lab, size, cable):
    """What the host sends arrives whole, also over a cable that loses frames; then the stream ends."""
    guest, host, element = lab("host-loopback", cable)
    data = os.urandom(size)
    port = serve(host, lambda c: c.sendall(data))
    code = f"""
import socket, hashlib
s = socket.create_connection(("10.0.2.2", {port}), 30); s.settimeout(30)
h, n = hashlib.sha256(), 0
while d := s.recv(65536): h.update(d); n += len(d)
print(n, h.hexdigest())
"""
    found = inside(machine, host, guest, code).split()
    assert found == [str(size), hashlib.sha256(data).hexdigest()]
    machine.run(0.1)
    assert nothing_open(machine, element)


@pytest.mark.parametrize(("size", "cable"), [(500_000, ""), (50_000, "loss 3"), LONG, LOSSY])
def test_upload(machine, lab, size, cable):
    guest, host, element = lab("host-loopback", cable)
    got = hashlib.sha256()
    count = []
    done = threading.Event()

    def handler(connection):
        while data := connection.recv(65536):
            got.update(data)
            count.append(len(data))
        connection.sendall(b"thanks")  # half closed: we may still answer
        done.set()

    port = serve(host, handler)
    code = f"""
import socket, hashlib, random
data = random.Random(1).randbytes({size})
s = socket.create_connection(("10.0.2.2", {port}), 30); s.settimeout(30)
s.sendall(data); s.shutdown(socket.SHUT_WR)
print(hashlib.sha256(data).hexdigest(), s.recv(10).decode())
"""
    digest, answer = inside(machine, host, guest, code).split()
    assert done.wait(5)
    assert (sum(count), got.hexdigest(), answer) == (size, digest, "thanks")
    machine.run(0.1)
    assert nothing_open(machine, element)


@pytest.mark.slow
def test_a_slow_reader_stops_the_sender(machine, lab):
    """Backpressure all the way: the guest's window shuts, nothing is lost, nothing piles up."""
    guest, host, _ = lab("host-loopback")
    data = os.urandom(1_000_000)
    port = serve(host, lambda c: c.sendall(data))
    code = f"""
import socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096); s.settimeout(30)
s.connect(("10.0.2.2", {port})); time.sleep(1.5)
n = 0
while d := s.recv(65536): n += len(d)
print(n)
"""
    assert int(inside(machine, host, guest, code)) == len(data)


def test_refused(machine, lab):
    guest, host, _ = lab("host-loopback")
    code = """
import socket, time
t = time.monotonic()
try: socket.create_connection(("10.0.2.2", 1), 10)
except ConnectionRefusedError: print("refused", time.monotonic() - t < 3)
"""
    assert inside(machine, host, guest, code) == "refused True\n"


def test_the_host_itself_is_closed_by_default(machine, lab):
    guest, host, _ = lab()
    port = serve(host, lambda c: c.sendall(b"secret"))
    code = f"""
import socket
for address in ("10.0.2.2", "127.0.0.1", "0.0.0.0", "10.0.2.3"):
    try: print(socket.create_connection((address, {port}), 3).recv(9))
    except OSError as error: print(type(error).__name__)
"""
    assert "secret" not in inside(machine, host, guest, code)


def test_a_reset_is_handed_on(machine, lab):
    guest, host, element = lab("host-loopback")

    def handler(connection):
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    port = serve(host, handler)
    code = f"""
import socket
s = socket.create_connection(("10.0.2.2", {port}), 10); s.send(b"x")
try: print(s.recv(1))
except ConnectionResetError: print("reset")
"""
    assert inside(machine, host, guest, code) == "reset\n"
    assert nothing_open(machine, element)


def test_udp(machine, lab):
    guest, host, _ = lab("host-loopback")

    def handler(server):
        for _ in range(3):
            data, who = server.recvfrom(65536)
            server.sendto(data[::-1], who)

    port = serve(host, handler, socket.SOCK_DGRAM)
    code = f"""
import random, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
for data in (b"abc", b"", random.Random(1).randbytes(8192)):
    s.sendto(data, ("10.0.2.2", {port}))
    assert s.recvfrom(65536) == (data[::-1], ("10.0.2.2", {port}))
"""
    inside(machine, host, guest, code)


@built_in  # libslirp reads the host's /etc/resolv.conf
def test_names_are_asked_of_the_host_s_server(machine, lab):
    needs("dnsmasq")
    guest, host, _ = lab("nameserver 127.0.0.1")
    host.start("dnsmasq -k -C /dev/null -i lo -R --address=/sun.example/192.0.2.7 -u root --pid-file=")
    machine.run(0.5)
    code = r"""
import socket
question = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\3sun\7example\0\0\1\0\1"
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
s.sendto(question, ("10.0.2.3", 53)); print(s.recv(512)[-4:].hex())
t = socket.create_connection(("10.0.2.3", 53), 5); t.sendall(len(question).to_bytes(2, "big") + question)
print(t.recv(512)[-4:].hex())
"""
    assert inside(machine, host, guest, code).split() == ["c0000207"] * 2


def test_forwards(machine, lab, engine):
    open_to_us = "host-loopback" if engine == "slirp" else ""  # see test_slirp.test_mistakes
    guest, host, _ = lab(f"forward 18022=22 forward udp/18053=10.0.2.15/53 {open_to_us}")
    server = """
import socket
t = socket.create_server(("10.0.2.15", 22)); u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("10.0.2.15", 53)); t.settimeout(20); u.settimeout(20)
c, who = t.accept(); assert who[0] == "10.0.2.2"; c.sendall(b"guest:" + c.recv(99)); c.close()
data, who = u.recvfrom(99); u.sendto(b"guest:" + data, who)
"""
    client = """
import socket, time
time.sleep(.5)
s = socket.create_connection(("127.0.0.1", 18022), 5); s.sendall(b"tcp"); print(s.recv(99).decode())
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(5)
u.sendto(b"udp", ("127.0.0.1", 18053)); print(u.recv(99).decode())
"""
    guest.start(f"exec {sys.executable} -c {shlex.quote(server)}")
    assert inside(machine, host, host, client).split() == ["guest:tcp", "guest:udp"]
    listening = host.sh("cat /proc/net/tcp /proc/net/udp")
    assert "00000000:4666" not in listening  # loopback only
    assert "0100007F:4666" in listening


def test_ping_through(machine, lab, spaces):
    needs("ping")
    guest, host, _ = lab()
    outside = spaces()
    join(host, outside)
    host.sh("ip addr add 192.0.2.1/24 dev eth0")
    outside.sh("ip addr add 192.0.2.2/24 dev eth0")
    with host.inside():
        process = guest.start("exec ping -c 2 -i 0.2 192.0.2.2")
        machine.until(lambda: process.poll() is not None)
    assert "2 received" in process.stdout.read()


@pytest.mark.slow
def test_throughput_with_iperf(machine, lab):
    needs("iperf3")
    guest, host, _ = lab("host-loopback")
    host.start("exec iperf3 -s -1 -p 5299")
    machine.run(0.5)
    with host.inside():
        process = guest.start("exec iperf3 -c 10.0.2.2 -p 5299 -t 2 -J")
        assert machine.until(lambda: process.poll() is not None, 20)
    found = json.loads(process.stdout.read())
    assert found["end"]["sum_received"]["bits_per_second"] > 2e6
