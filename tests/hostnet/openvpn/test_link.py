"""Links: over UDP and TCP, plain and encrypted, that break, move and come back; with Debian's openvpn."""

import os
import shlex
import shutil
import socket
import subprocess

import pytest

from hostnet import frames
from hostnet.frames import ARP, IPV4, Arp, Ip, ethernet
from tests.hostnet.lab import MAC, OTHER, join, needs
from tme.errors import TmeError

FRAME = ethernet(OTHER, MAC, 0x88B5, b"to the other side" * 80)
NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
ANSWER = ethernet(MAC, OTHER, 0x88B5, b"and back")


def free(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def key(tmp_path):
    pytest.importorskip("cryptography")
    file = tmp_path / "static.key"
    lines = os.urandom(256).hex()
    file.write_text(f"-----BEGIN OpenVPN Static key V1-----\n{lines}\n-----END OpenVPN Static key V1-----\n")
    return file


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("not installed: openssl")
    folder = tmp_path_factory.mktemp("ca")

    def run(text):
        subprocess.run(shlex.split(text), cwd=folder, check=True, capture_output=True)

    for ca in ("ca", "foreign"):
        run(f"openssl req -x509 {NEW_KEY} -keyout {ca}.key -out {ca}.pem -subj /CN={ca} -days 2")
    for name, ca in (("a", "ca"), ("b", "ca"), ("x", "foreign")):
        run(f"openssl req {NEW_KEY} -keyout {name}.key -out {name}.csr -subj /CN={name}")
        run(f"openssl x509 -req -in {name}.csr -CA {ca}.pem -CAkey {ca}.key -out {name}.pem -days 2")
    return folder


def tls(folder, name):
    return f"--ca {folder}/ca.pem --cert {folder}/{name}.pem --key {folder}/{name}.key"


def make(machine, words, name="link0", module="link", mac=MAC):
    made = machine.make(
        name, f"tme/host/openvpn/socket/{module} {'rate 0' if module == 'link' else ''}", words
    )
    made.log_level = 1
    if "g" not in machine.elements:
        machine.guest("g", mac)
        machine.connect(f"g at {name}")
    return made


def both(machines, condition, seconds=8):
    """Run several machines until something is true."""
    import time

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        for machine in machines:
            machine.step(0.001)
    return False


def talk(a, b, seconds=8):
    """A frame each way; what is not there yet is sent again, as any protocol would."""
    ga, gb = a.elements["g"], b.elements["g"]
    ga.take(), gb.take()

    def arrived():
        for guest, frame, other in ((ga, FRAME, gb), (gb, ANSWER, ga)):
            if frame not in other.frames:
                guest.send(frame)
        return FRAME in gb.frames and ANSWER in ga.frames

    return both((a, b), arrived, seconds)


@pytest.mark.parametrize("more", ["", "--fragment 300", "--cipher none --auth none --ping 1"])
def test_udp(machines, more):
    a, b, p, q = machines(), machines(), free(), free()
    make(a, f"--dev tap --local 127.0.0.1 --lport {p} --remote 127.0.0.1 --rport {q} {more}")
    make(b, f"--dev tap --local 127.0.0.1 --lport {q} --remote 127.0.0.1 --rport {p} {more}")
    assert talk(a, b)


@pytest.mark.parametrize("more", ["", "--fragment 300"])
def test_udp_with_a_key(machines, key, more):
    a, b, p = machines(), machines(), free()
    make(a, f"--local 127.0.0.1 --lport {p} --secret {key} {more}")
    make(b, f"--remote 127.0.0.1 {p} --lport 0 --secret {key} {more}")
    assert talk(a, b)


def test_a_stranger_is_not_heard(machines, key, tmp_path):
    a, b, p = machines(), machines(), free()
    other = tmp_path / "other.key"
    other.write_text(key.read_text().replace("0", "1"))
    link = make(a, f"--local 127.0.0.1 --lport {p} --secret {key}")
    make(b, f"--remote 127.0.0.1 {p} --lport 0 --secret {other}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.sendto(FRAME, ("127.0.0.1", p))
    assert not talk(a, b, 0.7)
    assert a.elements["g"].frames == []
    assert link.carrier.remote is None


def test_a_fixed_remote_is_the_only_one(machines):
    a, p, q = machines(), free(), free()
    make(a, f"--local 127.0.0.1 --lport {p} --remote 127.0.0.1 --rport {q}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.sendto(ANSWER, ("127.0.0.1", p))
        a.run(0.2)
        assert a.elements["g"].frames == []


@pytest.mark.parametrize("secret", [False, True])
def test_floating(machines, key, secret):
    """The other end moves to another port; with a key the one with the key is followed, nobody else."""
    words = f"--secret {key}" if secret else ""
    a, b, c, p, q = machines(), machines(), machines(), free(), free()
    make(a, f"--local 127.0.0.1 --lport {p} --remote 127.0.0.1 --rport {q} --float {words}")
    first = make(b, f"--lport {q} --remote 127.0.0.1 --rport {p} {words}")
    assert talk(a, b)
    first.close()
    make(c, f"--lport {free()} --remote 127.0.0.1 --rport {p} {words}")
    assert talk(a, c)


@pytest.mark.parametrize("secret", [False, True])
def test_tcp_and_coming_back(machines, key, secret):
    words = f"--secret {key}" if secret else ""
    a, b, p = machines(), machines(), free(socket.SOCK_STREAM)
    make(b, f"--proto tcp-client --remote 127.0.0.1 {p} --connect-retry 0 {words}")  # too early
    b.run(0.2)
    first = make(a, f"--proto tcp-server --local 127.0.0.1 --lport {p} {words}")
    assert talk(a, b)
    first.close()
    c = machines()
    make(c, f"--proto tcp-server --local 127.0.0.1 --lport {p} {words}")
    assert talk(c, b)


def test_tls(machines, certificates):
    a, b, p = machines(), machines(), free(socket.SOCK_STREAM)
    make(a, f"--proto tcp-server --local 127.0.0.1 --lport {p} {tls(certificates, 'a')} --verify-x509-name b")
    make(b, f"--proto tcp-client --remote 127.0.0.1 {p} {tls(certificates, 'b')} --verify-x509-name a")
    assert talk(a, b)


@pytest.mark.parametrize(
    ("name", "more"), [("x", ""), ("b", "--verify-x509-name somebody")], ids=["foreign", "wrong name"]
)
def test_tls_refuses(machines, certificates, name, more):
    a, b, p = machines(), machines(), free(socket.SOCK_STREAM)
    make(a, f"--proto tcp-server --local 127.0.0.1 --lport {p} {tls(certificates, 'a')} {more}")
    make(b, f"--proto tcp-client --remote 127.0.0.1 {p} --connect-retry 0 {tls(certificates, name)}")
    assert not talk(a, b, 0.7)
    assert any("TLS" in line for line in a.logged + b.logged)


def test_a_line_in_use_is_kept(machines):
    """Without a key whoever came first keeps the line."""
    a, b, p = machines(), machines(), free(socket.SOCK_STREAM)
    make(a, f"--proto tcp-server --local 127.0.0.1 --lport {p}")
    make(b, f"--proto tcp-client --remote 127.0.0.1 {p}")
    assert talk(a, b)
    with socket.create_connection(("127.0.0.1", p)) as other:
        other.sendall(len(ANSWER).to_bytes(2, "big") + ANSWER)
        a.elements["g"].take()
        a.run(0.3)
        assert a.elements["g"].frames == []
    assert talk(a, b)


def test_strangers_cannot_take_an_encrypted_line(machines, key):
    a, b, p = machines(), machines(), free(socket.SOCK_STREAM)
    make(a, f"--proto tcp-server --local 127.0.0.1 --lport {p} --secret {key}")
    strangers = [socket.create_connection(("127.0.0.1", p)) for _ in range(3)]
    for stranger in strangers:
        stranger.sendall(b"\0\x40" + os.urandom(64))
    a.run(0.2)
    make(b, f"--proto tcp-client --remote 127.0.0.1 {p} --secret {key}")
    assert talk(a, b)
    for stranger in strangers:
        stranger.close()
    assert talk(a, b)


@pytest.mark.slow
def test_silence_begins_anew(machines, key):
    a, b, p = machines(), machines(), free()
    link = make(a, f"--local 127.0.0.1 --lport {p} --secret {key} --keepalive 1 2")
    first = make(b, f"--remote 127.0.0.1 {p} --lport 0 --secret {key}")
    assert talk(a, b)
    first.close()
    a.run(3)
    assert link.carrier.remote is None
    c = machines()
    make(c, f"--remote 127.0.0.1 {p} --lport 0 --secret {key}")
    assert talk(a, c)


@pytest.mark.parametrize("proto", ["udp", "udp with a key", "tcp", "tcp with a key", "tls"])
def test_a_server_of_three(machines, key, certificates, proto):
    a, b, c, p = machines(), machines(), machines(), free(socket.SOCK_STREAM)
    secret = f"--secret {key}" if "key" in proto else ""
    server, client = ("udp", "udp") if "udp" in proto else ("tcp-server", "tcp-client")
    end = dict.fromkeys("ab", secret) if proto != "tls" else {n: tls(certificates, n) for n in "ab"}
    make(a, f"--proto {server} --local 127.0.0.1 --lport {p} {end['a']}", module="server")
    make(b, f"--proto {client} --remote 127.0.0.1 {p} --lport 0 {end['b']}", mac=OTHER)
    make(c, f"--proto {client} --remote 127.0.0.1 {p} --lport 0 {end['b']}", mac=OTHER)
    guests = [m.elements["g"] for m in (a, b, c)]

    def everybody_heard():
        for number, guest in enumerate(guests):
            guest.send(
                ethernet(frames.BROADCAST, bytes((8, 0, 0x20, 9, 9, number)), 0x88B5, bytes((number,)))
            )
        senders = [{frame[11] for frame in guest.frames if frame[6:8] == b"\x08\0"} for guest in guests]
        return senders == [{1, 2}, {0, 2}, {0, 1}]

    assert both((a, b, c), everybody_heard)


def test_ends_that_vanish_leave_the_server(machines):
    a, b, p = machines(), machines(), free(socket.SOCK_STREAM)
    server = make(a, f"--proto tcp-server --local 127.0.0.1 --lport {p}", module="server")
    link = make(b, f"--proto tcp-client --remote 127.0.0.1 {p}")
    assert talk(a, b)
    link.close()
    a.until(lambda: len(server.ends) == 1, 3)
    assert len(server.ends) == 1


@pytest.mark.parametrize(
    "garbage", [b"\0\0", b"\xff\xff" + bytes(70_000), b"GET / HTTP/1.0\r\n\r\n", os.urandom(5000)]
)
def test_garbage_over_tcp(machine, garbage):
    p = free(socket.SOCK_STREAM)
    make(machine, f"--proto tcp-server --local 127.0.0.1 --lport {p}")
    with socket.create_connection(("127.0.0.1", p)) as other:
        other.sendall(garbage)
        machine.run(0.1)
    machine.run(0.1)
    assert machine.elements["link0"].carrier.current is None


def test_mistakes(machine, machines, tmp_path):
    p = free()
    make(machine, f"--local 127.0.0.1 --lport {p}")
    with pytest.raises(TmeError, match=rf"cannot use port {p} of 127\.0\.0\.1: Address already in use"):
        make(machines(), f"--local 127.0.0.1 --lport {p}")
    with pytest.raises(TmeError, match=r"cannot find the host 'nowhere\.invalid'"):
        make(machines(), "--remote nowhere.invalid --lport 0")
    wrong = tmp_path / "x"
    wrong.write_text("x")
    with pytest.raises(TmeError, match=r"cannot use .*x"):
        make(machines(), f"--proto tcp-server --lport 0 --ca {wrong} --cert {wrong} --key {wrong}")


# ---- Debian's openvpn ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("--proto udp", "--proto udp"),
        ("--proto udp --fragment 600", "--proto udp --fragment 600"),
        ("--proto tcp-server", "--proto tcp-client"),
        ("--proto tcp-client", "--proto tcp-server"),
    ],
)
def test_openvpn(machine, spaces, ours, theirs):
    """A frame each way through the real program: its kernel answers our ping, large enough to be cut."""
    needs("openvpn")
    near, far = spaces(), spaces()
    join(near, far)
    near.sh("ip addr add 192.0.2.1/24 dev eth0")
    far.sh("ip addr add 192.0.2.2/24 dev eth0")
    peer = far.start(
        "exec openvpn --dev tap7 --ifconfig 10.0.77.2 255.255.255.0 --remote 192.0.2.1"
        f" --cipher none --auth none --ping 1 {theirs}"
    )
    with near.inside():
        make(machine, f"--dev tap --remote 192.0.2.2 --cipher none --auth none --connect-retry 0 {ours}")
        guest = machine.elements["g"]
        me, host = bytes((10, 0, 77, 1)), bytes((10, 0, 77, 2))
        ask = ethernet(frames.BROADCAST, MAC, ARP, Arp(1, MAC, me, bytes(6), host).build())

        def answers():
            found = [frames.parse_arp(f[14:]) for f in guest.frames if f[12:14] == b"\x08\x06"]
            return [arp.sender_mac for arp in found if arp.op == 2]

        def heard():
            if not answers():
                guest.send(ask)
                machine.run(0.1)
            return answers()

        assert machine.until(heard, 12), peer.poll() is not None and peer.stdout.read()
        echo = frames.build_icmp(frames.ECHO, 0, b"\0\1\0\2", bytes(1400))
        guest.send(ethernet(answers()[0], MAC, IPV4, frames.build_ip(Ip(me, host, frames.ICMP, echo))))
        reply = frames.build_icmp(frames.ECHO_REPLY, 0, b"\0\1\0\2", bytes(1400))
        assert machine.until(lambda: any(f.endswith(reply) for f in guest.frames), 5)
