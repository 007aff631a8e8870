"""libslirp as the engine of the user-mode network, frame by frame; test_kernel.py lets Linux talk to it."""

import socket

import pytest

from hostnet import frames, frames6
from hostnet.frames import ARP, IPV4, Arp, Ip, Udp, ethernet
from hostnet.user import segment as tcp
from hostnet.user import slirp
from tests.hostnet.lab import MAC, OTHER, needs_libslirp
from tests.hostnet.services.test_dhcp import dhcp
from tests.hostnet.storm import open_files
from tme.errors import TmeError

scapy = pytest.importorskip("scapy.all")
ME, GATEWAY, DNS = (bytes((10, 0, 2, last)) for last in (15, 2, 3))
GATEWAY_MAC = b"\x52\x55" + GATEWAY
SECOND = 1_000_000_000


@pytest.fixture(autouse=True)
def library():
    needs_libslirp()


@pytest.fixture
def net(machine):
    """Makes (element, guest); the guest has introduced itself."""

    def make(words=""):
        element = machine.make("user0", f"tme/host/user/net engine slirp rate 0 {words}")
        guest = machine.guest()
        machine.connect("guest0 at user0")
        guest.send(ethernet(frames.BROADCAST, MAC, ARP, Arp(1, MAC, ME, bytes(6), GATEWAY).build()))
        machine.clock.advance(1000)
        return element, guest

    return make


@pytest.fixture
def server():
    """Makes an echo server's socket on the host's loopback: (socket, its port)."""
    made = []

    def make(kind):
        made.append(socket.socket(socket.AF_INET, kind))
        made[-1].bind(("127.0.0.1", 0))
        made[-1].settimeout(5)
        return made[-1], made[-1].getsockname()[1]

    yield make
    for each in made:
        each.close()


def ip(protocol, payload, to=GATEWAY, source=ME, mac=GATEWAY_MAC, **fields):
    return ethernet(mac, MAC, IPV4, frames.build_ip(Ip(source, to, protocol, payload, **fields)))


def udp(port, data, to=GATEWAY, source=ME, **more):
    return ip(frames.UDP, frames.build_udp(source, to, Udp(1000, port, data)), to, source, **more)


def ping(size, to=GATEWAY, **more):
    return ip(frames.ICMP, frames.build_icmp(frames.ECHO, 0, b"\0\1\0\2", bytes(size)), to, **more)


def packets(guest):
    return [
        packet
        for frame in guest.take()
        if frame[12:14] == b"\x08\0" and (packet := frames.parse_ip_packet(frame[14:]))
    ]


class Call:
    """The guest's side of a TCP connection over a cable that loses nothing."""

    def __init__(self, machine, guest):
        self.machine, self.guest, self.got, self.flags = machine, guest, b"", 0

    def send(self, flags, data=b"", mss=None):
        made = tcp.Segment(self.port, self.other, self.seq, self.ack, flags, 8192, data, mss)
        self.guest.send(ethernet(GATEWAY_MAC, MAC, IPV4, frames.build_ip(tcp.build(ME, GATEWAY, made))))
        self.seq += len(data) + bool(flags & (tcp.SYN | tcp.FIN))

    def call(self, other):
        self.port, self.other, self.seq, self.ack = 1000, other, 5000, 0
        self.send(tcp.SYN, mss=1460)

    def wait(self, condition):
        """Take what comes, and acknowledge it."""

        def step():
            for packet in packets(self.guest):
                self._take(tcp.parse(packet))
            return condition()

        assert self.machine.until(step, 5)

    def _take(self, segment):
        self.flags |= segment.flags
        if segment.flags & tcp.SYN and not segment.flags & tcp.ACK:
            self.port, self.other, self.seq = segment.dport, segment.sport, 5000
            self.ack = segment.seq + 1
            self.send(tcp.SYN | tcp.ACK)
        elif segment.flags & tcp.SYN or segment.seq == self.ack:
            length = len(segment.data) + bool(segment.flags & (tcp.SYN | tcp.FIN))
            self.ack, self.got = segment.seq + length, self.got + segment.data
            if length:
                self.send(tcp.ACK)


def test_arp(machine, net):
    _, guest = net()
    (answer,) = [frames.parse_arp(frame[14:]) for frame in guest.take()]
    assert answer == Arp(2, GATEWAY_MAC, GATEWAY, MAC, ME)
    guest.send(ethernet(frames.BROADCAST, MAC, ARP, Arp(1, MAC, ME, bytes(6), bytes((10, 0, 2, 9))).build()))
    machine.clock.advance(SECOND)
    assert guest.take() == []


@pytest.mark.parametrize(
    ("words", "you"), [("", "10.0.2.15"), ("guest 10.0.2.40 hostname sun", "10.0.2.40"), ("no-dhcp", None)]
)
def test_dhcp(machine, net, words, you):
    _, guest = net(words)
    guest.take()
    guest.send(bytes(dhcp("discover")))
    machine.clock.advance(SECOND)
    answers = [scapy.Ether(frame) for frame in guest.take()]
    assert [answer[scapy.BOOTP].yiaddr for answer in answers] == ([you] if you else [])
    if you:
        told = dict(option for option in answers[0][scapy.DHCP].options if isinstance(option, tuple))
        assert (told["router"], told["name_server"], told["subnet_mask"]) == (
            "10.0.2.2", "10.0.2.3", "255.255.255.0",
        )  # fmt: skip
        assert told.get("hostname") == (b"sun" if "sun" in words else None)


@pytest.mark.parametrize("to", [GATEWAY, DNS])
def test_ping(machine, net, to):
    _, guest = net()
    guest.take()
    guest.send(ping(100, to, mac=b"\x52\x55" + to))
    machine.clock.advance(SECOND)
    (answer,) = packets(guest)
    assert (answer.source, answer.destination, answer.payload[0]) == (to, ME, frames.ECHO_REPLY)
    assert answer.payload[4:] == b"\0\1\0\2" + bytes(100)


def test_udp(machine, net, server):
    _, guest = net("host-loopback")
    guest.take()
    host, port = server(socket.SOCK_DGRAM)
    guest.send(udp(port, b"hello"))
    data, who = host.recvfrom(99)
    host.sendto(data[::-1], who)
    assert machine.until(lambda: guest.frames)
    (answer,) = packets(guest)
    assert frames.parse_udp(answer) == Udp(port, 1000, b"olleh")


def test_tcp(machine, net, server):
    element, guest = net("host-loopback")
    host, port = server(socket.SOCK_STREAM)
    host.listen()
    call = Call(machine, guest)
    call.call(port)
    call.wait(lambda: call.flags & tcp.SYN)
    call.send(tcp.ACK | tcp.PSH, b"hello")
    connection, _ = host.accept()
    with connection:
        connection.settimeout(5)
        machine.run(0.05)
        connection.sendall(connection.recv(99)[::-1])
        call.wait(lambda: call.got == b"olleh")
    assert "TCP" in element.command(["show"])
    call.wait(lambda: call.flags & tcp.FIN)


def test_a_forward(machine, net):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    element, guest = net(f"forward {port}=22")
    call = Call(machine, guest)
    with socket.create_connection(("127.0.0.1", port), 5) as visitor:
        call.wait(lambda: call.flags & tcp.SYN)
        assert call.port == 22
        visitor.sendall(b"hello")
        call.wait(lambda: call.got == b"hello")
    element.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


@pytest.mark.parametrize(
    "frame",
    [
        ping(1473),
        ping(9000),
        b"\0" * 13,
        ping(9).replace(GATEWAY_MAC, OTHER, 1),
        ping(9).replace(MAC, frames.BROADCAST, 1),
        ping(9, bytes((127, 0, 0, 1))),
        ping(9, bytes((0, 0, 0, 0))),
        ping(9, bytes((224, 0, 0, 1))),
        ping(9, bytes((10, 0, 2, 9))),
        udp(9, b"x", source=bytes((192, 0, 2, 1))),
        udp(9, b"x", source=GATEWAY),
        udp(69, b"\0\1name\0octet\0"),
        udp(67, bytes(300)),
        ip(frames.TCP, bytes(20)),
        ip(frames.ICMP, b"\x0d\0\xf2\xff" + bytes(16)),
        ip(2, bytes(20)),
        ethernet(frames.BROADCAST, MAC, ARP, Arp(1, MAC, GATEWAY, bytes(6), ME).build()),
        ethernet(frames.BROADCAST, MAC, ARP, Arp(1, OTHER, ME, bytes(6), GATEWAY).build()),
        ethernet(GATEWAY_MAC, MAC, 0x86DD, bytes(60)),
        ethernet(GATEWAY_MAC, MAC, 0x88F8, bytes(60)),
    ],
)
def test_what_libslirp_does_not_get(net, frame):
    element, guest = net("host-loopback")
    guest.send(frame)
    assert element.engine.gate.dropped == 1
    guest.send(ping(1472))
    assert element.engine.gate.dropped == 1


ME6, GATEWAY6 = (bytes.fromhex("fd000002" + "00" * 11 + last) for last in ("0f", "02"))
MAC6 = b"\x52\x56" + GATEWAY6[12:]


def udp6(to=GATEWAY6, source=ME6, protocol=frames.UDP, port=9, mac=MAC6):
    packet = Ip(source, to, protocol, frames.build_udp(source, to, Udp(1000, port, b"x")))
    return ethernet(mac, MAC, frames.IPV6, frames6.build_ip6(packet))


def ask6(kind, rest, hops=255, to=GATEWAY6, source=ME6):
    packet = frames6.icmp6(source, to, bytes((kind, 0, 0, 0)) + rest, hops)
    return ethernet(MAC6, MAC, frames.IPV6, frames6.build_ip6(packet))


@pytest.mark.parametrize(
    ("frame", "admitted"),
    [
        (udp6(), True),
        (udp6(port=69), False),  # libslirp's own TFTP
        (udp6(to=bytes(15) + b"\1"), False),
        (udp6(to=bytes(10) + b"\xff\xff\x7f\0\0\1"), False),
        (udp6(to=bytes.fromhex("fe80" + "00" * 13 + "09")), False),
        (udp6(to=bytes.fromhex("20010db8" + "00" * 11 + "01")), True),
        (udp6(source=bytes.fromhex("20010db8" + "00" * 11 + "01")), False),
        (udp6(source=GATEWAY6), False),
        (udp6(protocol=44), False),
        (udp6(mac=OTHER), False),
        (ask6(frames6.ECHO, bytes(9)), True),
        (ask6(frames6.ECHO, bytes(9), to=bytes.fromhex("20010db8" + "00" * 11 + "01")), False),
        (ask6(frames6.SOLICITATION, bytes(4) + GATEWAY6), True),
        (ask6(frames6.SOLICITATION, bytes(4) + GATEWAY6, hops=64), False),
        (ask6(frames6.SOLICITATION, bytes(4) + GATEWAY6[:9]), False),
        (ask6(frames6.ADVERTISEMENT, bytes(4) + GATEWAY6), False),  # as if the guest were the gateway
        (ask6(frames6.ADVERTISEMENT, bytes(4) + ME6), True),
        (ask6(137, bytes(40)), False),
    ],
)
def test_what_libslirp_gets_by_ipv6(net, frame, admitted):
    element, guest = net("host-loopback inet6 fd00:2::2/64")
    guest.send(frame)
    assert element.engine.gate.dropped == (not admitted)


def test_fragments_are_put_together_before(machine, net):
    """4.7.0 ends the process at the second part of a packet whose first one is missing."""
    element, guest = net("host-loopback")
    guest.take()
    last = ip(frames.UDP, bytes(100), fragment=185, ident=9)
    for _ in range(100):
        guest.send(last)
    data = frames.build_icmp(frames.ECHO, 0, b"\0\1\0\2", bytes(range(250)) * 16)
    whole = Ip(ME, GATEWAY, frames.ICMP, data, 77)
    for piece in reversed(frames.fragments(whole)):  # out of order
        guest.send(ethernet(GATEWAY_MAC, MAC, IPV4, frames.build_ip(piece)))
    machine.clock.advance(SECOND)
    found = sorted(packets(guest), key=lambda packet: packet.fragment & 0x1FFF)
    assert b"".join(packet.payload for packet in found)[8:] == data[8:]
    assert element.engine.gate.dropped == 0
    assert len(element.engine.gate.fragments) == 1


@pytest.mark.parametrize(
    ("words", "engine"),
    [
        ("", "Slirp"),
        ("engine built-in", "BuiltIn"),
        ("nameserver 192.0.2.1", "BuiltIn"),
        ("forward udp/0=53", "BuiltIn"),
        ("forward udp/0=53 host-loopback", "Slirp"),
    ],
)
def test_which_engine(machine, words, engine):
    first = machine.make("user0", f"tme/host/user/net {words}")
    assert type(first.engine).__name__ == engine
    # libslirp has one clock for all of a process
    assert type(machine.make("user1", "tme/host/user/net").engine).__name__ == (
        "BuiltIn" if engine == "Slirp" else "Slirp"
    )
    with pytest.raises(TmeError, match="libslirp serves one network of a process"):
        machine.make("user2", "tme/host/user/net engine slirp")


def test_the_guest_cannot_use_up_our_descriptors(machine, net, monkeypatch):
    monkeypatch.setattr(slirp, "SOCKETS", 20)
    element, guest = net("host-loopback")
    before = open_files()
    for port in range(100, 200):
        guest.send(ip(frames.UDP, frames.build_udp(ME, GATEWAY, Udp(port, 9, b"x"))))
    machine.clock.advance(1000)
    assert (len(element.engine.sockets), element.engine.gate.dropped) == (20, 80)
    assert open_files() <= before + 20
    machine.clock.advance(300 * SECOND)  # silent ones are forgotten
    assert element.engine.sockets == set()
    element.close()
    element.close()
    guest.send(ping(9))


def test_a_quiet_machine_has_nothing_to_wait_for(machine, net):
    """Its idle time passes at once, and its runs repeat."""
    _, guest = net()
    guest.send(ping(9))
    machine.clock.advance(SECOND)
    assert machine.readers == {}
    assert [event for _, _, event in machine.clock._queue if event.fn] == []


def test_timers_are_the_guest_s(machine, net):
    """libslirp has one for IPv6 only; it gets it by the same three calls."""
    element, _ = net()
    ffi, calls = element.engine.ffi, element.engine._callbacks
    rings = []
    ring = ffi.callback("void(void *)", lambda opaque: rings.append((machine.clock.now, opaque)))
    first, second = (calls.timer_new(ring, ffi.cast("void *", n), ffi.NULL) for n in (7, 8))
    calls.timer_mod(first, 50, ffi.NULL)
    calls.timer_mod(second, 60, ffi.NULL)
    calls.timer_mod(first, 100, ffi.NULL)
    calls.timer_free(second, ffi.NULL)
    machine.clock.advance(SECOND)
    assert rings == [(100_000_000, ffi.cast("void *", 7))]


def test_an_interrupt_in_a_callback_comes_out(net, monkeypatch):
    element, guest = net()

    def interrupted(frame):
        raise KeyboardInterrupt

    monkeypatch.setattr(element.engine, "send", interrupted)
    with pytest.raises(KeyboardInterrupt):
        guest.send(ping(9))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("nameserver 192.0.2.1", "leave out `nameserver`"),
        ("forward udp/0=53", "only with `host-loopback`"),
        ("dns 10.0.3.1", "different hosts of one network"),
    ],
)
def test_mistakes(machine, words, message):
    with pytest.raises(TmeError, match="user0") as caught:
        machine.make("user0", "tme/host/user/net engine slirp", words)
    assert message in str(caught.value)


def test_a_port_that_is_taken(machine, server):
    _, port = server(socket.SOCK_STREAM)
    with pytest.raises(TmeError, match=f"port {port} of 127.0.0.1: Address already in use"):
        machine.make("user0", f"tme/host/user/net engine slirp forward {port}=22")


def test_without_the_library(machine, monkeypatch):
    monkeypatch.setattr(slirp, "LIBRARY", "libslirp-nowhere.so.0")
    slirp.load.cache_clear()
    assert type(machine.make("user1", "tme/host/user/net").engine).__name__ == "BuiltIn"
    with pytest.raises(TmeError, match="install Debian's libslirp0, or use `engine built-in`"):
        machine.make("user0", "tme/host/user/net engine slirp")
    slirp.load.cache_clear()
