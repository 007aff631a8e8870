"""Packet sockets: a network of machines on a master's TAP, each frame once, nothing comes back."""

import os
import subprocess
import sys

import pytest

from hostnet import frames, offload
from hostnet.bpf import program
from hostnet.frames import ARP, Arp, Ip, ethernet
from hostnet.user import segment as tcp
from hostnet.user.segment import Segment
from tests.hostnet.lab import join, needs
from tests.hostnet.test_tap import tap
from tme.errors import TmeError

scapy = pytest.importorskip("scapy.all")
MACS = [bytes((8, 0, 0x20, 0, 0, n)) for n in range(4)]
KIND = 0x88B5


def bpf(machine, space, *words, name="bpf0"):
    with space.inside():
        return machine.make(name, "tme/host/bsd/bpf", *words)


def everywhere(machines, seconds=0.3):
    """Let several machines run side by side."""
    import time

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for machine in machines:
            machine.step(0.001)


def ours(guest):
    return [frame[14:20] for frame in guest.frames if frame[12:14] == KIND.to_bytes(2, "big")]


@pytest.mark.parametrize("count", [2, 3])
def test_a_network_of_machines(machines, spaces, count):
    """The master's TAP is connected to itself; every machine, the master's too, is a slave on it."""
    needs("ping")
    space = spaces()
    made = [machines() for _ in range(count)]
    tap(made[0], space, "interface tap0 rate 0 inet 10.0.77.1 netmask 255.255.255.0 nat none")
    made[0].connect("tap0 at tap0")
    for number, m in enumerate(made):
        m.guest("g", MACS[number])
        bpf(m, space, "interface tap0 rate 0")
        m.connect("bpf0 at g")
    for turn in range(3):
        for number, m in enumerate(made):
            m.elements["g"].send(ethernet(frames.BROADCAST, MACS[number], KIND, bytes((number, turn)) * 3))
            everywhere(made, 0.1)
    for number, m in enumerate(made):
        wanted = [bytes((n, t)) * 3 for t in range(3) for n in range(count) if n != number]
        assert ours(m.elements["g"]) == wanted
    # unicast, and the host: what the slave asks is heard, what the host answers arrives once
    for m in made:
        m.elements["g"].take()
    host, me = bytes((10, 0, 77, 1)), bytes((10, 0, 77, 9))
    made[-1].elements["g"].send(
        ethernet(frames.BROADCAST, MACS[count - 1], ARP, Arp(1, MACS[count - 1], me, bytes(6), host).build())
    )
    everywhere(made, 0.3)
    found = [frames.parse_arp(f[14:]) for f in made[-1].elements["g"].frames if f[12:14] == b"\x08\x06"]
    assert [arp.op for arp in found if arp.sender_ip == host] == [2]


def test_a_guest_on_the_master_s_own_plug(machines, spaces):
    """As above, but the master's machine is plugged into the TAP itself."""
    space = spaces()
    made = [machines(), machines()]
    tap(made[0], space, "interface tap0 rate 0")
    made[0].connect("tap0 at tap0")
    made[0].guest("g", MACS[0])
    made[0].connect("tap0 at g")
    made[1].guest("g", MACS[1])
    bpf(made[1], space, "interface tap0 rate 0")
    made[1].connect("bpf0 at g")
    for number, m in enumerate(made):
        m.elements["g"].send(ethernet(frames.BROADCAST, MACS[number], KIND, bytes((number,)) * 6))
        everywhere(made, 0.2)
    assert ours(made[0].elements["g"]) == [b"\1" * 6]
    assert ours(made[1].elements["g"]) == [b"\0" * 6]


def test_on_a_real_interface(machine, spaces):
    """A neighbour's frames come, also those for the guest alone; large TCP frames come cut."""
    needs("ping")
    space, far = spaces(), spaces()
    join(space, far)
    space.sh("ip addr add 10.1.1.1/24 dev eth0")
    far.sh("ip addr add 10.1.1.2/24 dev eth0; ip neigh add 10.1.1.9 lladdr 08:00:20:00:00:01 dev eth0")
    guest = machine.guest("g", MACS[1])
    bpf(machine, space, "interface eth0 rate 0 rbufsz 1MB")
    machine.connect("bpf0 at g")
    machine.shell(far, "ping -c 1 -W 0.3 10.1.1.9", check=False)
    assert any(f[:6] == MACS[1] and f[12:14] == b"\x08\x00" for f in guest.take())
    # the two kernels talk over a veth that leaves sums and segmentation to others
    code = """
import socket, threading
s = socket.create_server(("10.1.1.2", 5001)); c, _ = s.accept(); n = 0
while d := c.recv(65536): n += len(d)
"""
    import shlex

    far.start(f"exec {sys.executable} -c {shlex.quote(code)}")
    machine.run(0.5)
    send = "import socket; socket.create_connection(('10.1.1.2', 5001)).sendall(bytes(range(256)) * 400)"
    machine.shell(space, f"{sys.executable} -c {shlex.quote(send)}")
    machine.run(0.3)
    stream = {}
    for frame in guest.frames:
        packet = frames.parse_ip_packet(frame[14:]) if frame[12:14] == b"\x08\x00" else None
        if packet and packet.protocol == frames.TCP:
            assert len(frame) <= 1514
            segment = tcp.parse(packet)
            assert segment is not None, "a wrong checksum"
            if segment.dport == 5001 and segment.data:
                stream[segment.seq] = segment.data
    assert b"".join(stream[seq] for seq in sorted(stream)) == bytes(range(256)) * 400


def test_the_filter_in_the_kernel_is_small(machine, spaces):
    """Many senders: the program stays within the kernel's limit."""
    assert len(program([bytes(6)] * 64, [bytes(6)] * 256)) < 4096
    space = spaces()
    space.sh("ip link add eth0 type veth peer name eth1; ip link set eth0 up; ip link set eth1 up")
    made = bpf(machine, space, "interface eth0")
    guest = machine.guest("g", MACS[0])
    machine.connect("bpf0 at g")
    for number in range(300):
        guest.send(ethernet(frames.BROADCAST, b"\x08" + number.to_bytes(5, "big"), KIND, b""))
    assert len(made.own) == 64


def test_delay_spaces_frames(machine, spaces):
    space, far = spaces(), spaces()
    join(space, far)
    guest = machine.guest("g", MACS[0])
    made = bpf(machine, space, "interface eth0 delay 50000 rate 0")
    machine.connect("bpf0 at g")
    for _ in range(3):
        made.wire.send(bytes(60))
    machine.clock.advance(99_000_000)
    assert len(guest.frames) == 1


def test_mistakes(machine, spaces):
    space = spaces()
    with pytest.raises(TmeError, match="the host has no interface nowhere0"):
        bpf(machine, space, "interface nowhere0")
    with pytest.raises(TmeError, match="no default route: name an interface"):
        bpf(machine, space)


def test_without_privilege_the_capability_is_named(spaces):
    code = (
        "import os; from tests.hostnet.lab import Machine; m = Machine();"
        "m.registry.load('tme/host/bsd/bpf');"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); m.make('b', 'tme/host/bsd/bpf interface lo')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=os.getcwd())
    assert "CAP_NET_RAW" in done.stderr


# ---- what cards do ------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [4, 6])
def test_segmentation_as_scapy_reads_it(version):
    data = os.urandom(5000)
    if version == 4:
        ip = scapy.IP(src="10.0.0.1", dst="10.0.0.2", id=65535)
    else:
        ip = scapy.IPv6(src="fd00::1", dst="fd00::2")
    layer = scapy.TCP(sport=1, dport=2, seq=0xFFFFFF00, flags="FPA", options=[("Timestamp", (1, 2))])
    frame = bytes(scapy.Ether(src="8:0:20:1:2:3", dst="8:0:20:1:2:4") / ip / layer / data)
    gso = offload.GSO_TCPV4 if version == 4 else offload.GSO_TCPV6
    made = offload.finish(offload.HEADER.pack(1, gso, 0, 1448, 0, 0) + frame)
    read = [scapy.Ether(piece) for piece in made]
    assert b"".join(bytes(p[scapy.TCP].payload) for p in read) == data
    assert [str(p[scapy.TCP].flags) for p in read] == ["A"] * 3 + ["FPA"]
    assert read[1][scapy.TCP].seq == (0xFFFFFF00 + 1448) % 2**32
    for packet in read:
        sums = bytes(packet)
        del packet[scapy.TCP].chksum
        if version == 4:
            del packet[scapy.IP].chksum
        assert bytes(packet) == sums


def test_a_checksum_left_to_us():
    a, b = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
    packet = tcp.build(a, b, Segment(1, 2, 3, 4, 16, 5, b"data"))
    whole = ethernet(MACS[0], MACS[1], frames.IPV4, frames.build_ip(Ip(a, b, frames.TCP, packet.payload)))[
        :58
    ]
    partial = 0xFFFF - frames.checksum(frames.pseudo(a, b, frames.TCP, 24))
    left = whole[:50] + partial.to_bytes(2, "big") + whole[52:]
    assert offload.finish(offload.HEADER.pack(1, 0, 0, 0, 34, 16) + left) == [whole]


@pytest.mark.parametrize(
    "data", [b"", bytes(23), b"\1\0\0\0\0\0\xff\xff\xff\xff" + bytes(60), b"\0\1" + bytes(90)]
)
def test_headers_that_make_no_sense(data):
    assert all(len(frame) <= len(data) for frame in offload.finish(data))
