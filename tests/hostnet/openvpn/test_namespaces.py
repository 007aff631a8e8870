"""Links between two hosts, each in a namespace of its own; guests behind them ping each other."""

import time

import pytest

from tests.hostnet.lab import join, needs
from tests.hostnet.openvpn.test_link import certificates, key, tls
from tests.hostnet.test_tap import tap

assert certificates
assert key
A, B = "192.0.2.1", "192.0.2.2"
WAYS = {
    "udp": (f"--remote {B}", f"--remote {A}"),
    "udp in pieces": (f"--remote {B} --fragment 600", f"--remote {A} --fragment 600"),
    "udp with a key": (f"--remote {B} --secret KEY", "--float --secret KEY"),
    "tcp with a key": ("--proto tcp-server --secret KEY", f"--proto tcp-client --remote {A} --secret KEY"),
    "tls": ("--proto tcp-server TLSa", f"--proto tcp-client --remote {A} TLSb"),
}
SLOWLY = ("udp", "udp with a key", "tcp with a key", "tls")


@pytest.mark.parametrize(
    "way", ["udp in pieces", *(pytest.param(way, marks=pytest.mark.slow) for way in SLOWLY)]
)
def test_ping_from_guest_to_guest(machines, spaces, request, way):
    needs("ping")
    words = list(WAYS[way])
    if "key" in way:
        secret = request.getfixturevalue("key")
        words = [word.replace("KEY", str(secret)) for word in words]
    if way == "tls":
        folder = request.getfixturevalue("certificates")
        words = [word.replace(f"TLS{n}", tls(folder, n)) for word, n in zip(words, "ab", strict=True)]
    hosts, guests = (spaces(), spaces()), (spaces(), spaces())
    join(*hosts)
    made = machines(), machines()
    for machine, host, guest, ip, word, last in zip(made, hosts, guests, (A, B), words, "12", strict=True):
        host.sh(f"ip addr add {ip}/24 dev eth0")
        with host.inside():
            machine.make("link0", f"tme/host/openvpn/socket/link rate 0 --dev tap --connect-retry 0 {word}")
        tap(machine, guest, f"inet 10.0.77.{last} netmask 255.255.255.0 rate 0 nat none")
        machine.connect("tap0 at link0")

    ping = guests[0].start("exec ping -c 6 -i 0.2 -W 3 -s 1400 10.0.77.2")
    end = time.monotonic() + 30
    while ping.poll() is None and time.monotonic() < end:
        for machine, host in zip(made, hosts, strict=True):
            with host.inside():  # a client of TCP makes its socket when it calls
                machine.step(0.001)
    told = ping.stdout.read()
    received = int(told.split(" received")[0].split()[-1])
    assert received > 1, told
