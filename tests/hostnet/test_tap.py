"""TAP interfaces against the kernel: addresses, ping, bridges, names, what stays and what goes, mistakes."""

import os
import socket
import subprocess

import pytest

from hostnet import frames
from hostnet.frames import ARP, IPV4, Arp, Ip, ethernet
from tests.hostnet.lab import MAC, OTHER, join
from tme.errors import TmeError

HOST, GUEST = bytes((10, 0, 77, 1)), bytes((10, 0, 77, 2))


def tap(machine, space, *words, name="tap0"):
    with space.inside():
        made = machine.make(name, "tme/host/tun/tap", *words)
    return made


def ask(machine, guest):
    """The host's Ethernet address, found by ARP."""
    guest.send(ethernet(frames.BROADCAST, MAC, ARP, Arp(1, MAC, GUEST, bytes(6), HOST).build()))

    def answer():
        arps = [frames.parse_arp(f[14:]) for f in guest.frames if f[12:14] == b"\x08\x06"]
        return [arp.sender_mac for arp in arps if arp.op == 2]

    assert machine.until(answer, 5)
    return answer()[0]


def echoes(guest):
    packets = [frames.parse_ip_packet(f[14:]) for f in guest.frames if f[12:14] == b"\x08\x00"]
    return [p.payload for p in packets if p and p.protocol == frames.ICMP and p.payload[0] == 0]


def test_the_host_answers_ping(machine, spaces):
    space = spaces()
    guest = machine.guest()
    tap(machine, space, "inet 10.0.77.1 netmask 255.255.255.0 inet6 fd00:77::1/64 nat none")
    machine.connect("tap0 at guest0")
    shown = space.sh("ip addr show dev tap0")
    assert "10.0.77.1/24 brd 10.0.77.255" in shown
    assert "fd00:77::1/64" in shown
    host = ask(machine, guest)
    echo = frames.build_icmp(frames.ECHO, 0, b"\0\1\0\2", b"ping" * 20)
    guest.send(ethernet(host, MAC, IPV4, frames.build_ip(Ip(GUEST, HOST, frames.ICMP, echo))))
    assert machine.until(lambda: echoes(guest), 5) == [frames.build_icmp(0, 0, b"\0\1\0\2", b"ping" * 20)]


def test_the_class_gives_the_netmask(machine, spaces):
    space = spaces()
    tap(machine, space, "inet 192.168.9.1 bcast 192.168.9.0 nat none")
    assert "192.168.9.1/24 brd 192.168.9.0" in space.sh("ip addr show dev tap0")


def test_an_interface_goes_with_the_machine(machine, spaces):
    space = spaces()
    made = tap(machine, space, "interface sun0")
    assert "sun0" in space.sh("ip link")
    made.close()
    made.close()
    assert "sun0" not in space.sh("ip link")


def test_an_interface_that_persists(machine, spaces):
    space = spaces()
    tap(machine, space, "interface sun0 persist").close()
    assert "sun0" in space.sh("ip link")


def test_an_interface_that_exists_keeps_what_it_has(machine, spaces):
    space = spaces()
    space.sh("ip tuntap add dev tap7 mode tap; ip addr add 10.1.1.1/24 dev tap7; ip link set tap7 up")
    tap(machine, space, "interface tap7").close()
    assert "10.1.1.1/24" in space.sh("ip addr show dev tap7")


def test_without_an_address_it_says_nothing(machine, spaces):
    """A plug for a bridge sends no packets of its own."""
    space = spaces()
    guest = machine.guest()
    tap(machine, space)
    machine.connect("tap0 at guest0")
    assert "inet" not in space.sh("ip addr show dev tap0")
    machine.run(1.0)
    assert guest.frames == []


def test_a_bridge_of_two_machines_and_a_namespace(machine, machines, spaces):
    space, far = spaces(), spaces()
    join(space, far, "port1", "eth0")
    space.sh("ip link add br0 type bridge forward_delay 0; ip link set port1 master br0; ip link set br0 up")
    far.sh("ip addr add 10.0.77.9/24 dev eth0")
    other = machines()
    for m, mac, name in ((machine, MAC, "tap0"), (other, OTHER, "tap1")):
        m.guest("g", mac)
        tap(m, space, "bridge br0 interface", name, name=name)
        m.connect(f"{name} at g")
    frame = ethernet(frames.BROADCAST, MAC, 0x88B5, b"hello")
    assert other.until(lambda: machine.elements["g"].send(frame) or frame in other.elements["g"].frames, 5)
    far_ip = bytes((10, 0, 77, 9))
    machine.elements["g"].send(
        ethernet(frames.BROADCAST, MAC, ARP, Arp(1, MAC, GUEST, bytes(6), far_ip).build())
    )
    assert machine.until(lambda: any(f[28:32] == far_ip for f in machine.elements["g"].frames), 5)


def test_names_and_mistakes(machine, spaces):
    space = spaces()
    tap(machine, space, "interface sun0")
    with pytest.raises(TmeError, match="sun0 is in use by another program"):
        tap(machine, space, "interface sun0", name="b")
    with pytest.raises(TmeError, match="lo is an interface of the host, but no TAP"):
        tap(machine, space, "interface lo", name="c")
    with pytest.raises(TmeError, match="the host has no interface nowhere0"):
        tap(machine, space, "inet 10.0.77.1 nat nowhere0", name="d")
    with pytest.raises(TmeError, match=r"cannot set up tap.*: No such device"):
        tap(machine, space, "bridge nobridge", name="e")


@pytest.mark.parametrize(
    "words", ["inet 10.0.77", "interface averyverylongname0", "inet6 10.0.0.1", "inet6 ::/200"]
)
def test_bad_values(machine, words):
    with pytest.raises(TmeError, match="bad value"):
        machine.make("tap0", "tme/host/tun/tap", words)


def test_nat_needs_an_address(machine):
    with pytest.raises(TmeError, match="'nat' makes no sense without 'inet'"):
        machine.make("tap0", "tme/host/tun/tap nat eth0")


def test_without_privilege_the_capability_is_named(spaces):
    """As nobody: the message says what is missing and what else works."""
    code = (
        "import os; from tests.hostnet.lab import Machine; m = Machine();"
        "m.registry.load('tme/host/tun/tap');"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); m.make('tap0', 'tme/host/tun/tap')"
    )
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=os.getcwd())
    assert "CAP_NET_ADMIN" in done.stderr
    assert "tme/host/user/net" in done.stderr


def test_a_flood_for_the_guest_is_bounded(machine, spaces):
    space = spaces()
    guest = machine.guest()
    made = tap(machine, space, "inet 10.0.77.1 nat none")
    machine.connect("tap0 at guest0")
    space.sh("ip neigh add 10.0.77.2 lladdr 08:00:20:01:02:03 dev tap0")
    with space.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(3000):
            sender.sendto(bytes(1000), ("10.0.77.2", 9))
    machine.step()
    assert len(made.wire) <= 512
    assert machine.until(lambda: len(guest.frames) > 100, 5)


def test_it_goes_down_under_us(machine, spaces):
    space = spaces()
    guest = machine.guest()
    tap(machine, space, "interface sun0")
    machine.connect("tap0 at guest0")
    space.sh("ip link del sun0")
    machine.run(0.1)
    guest.send(ethernet(OTHER, MAC, 0x88B5, b""))
    assert any("sun0 has gone" in line for line in machine.logged)
