"""Frames, calls and packets that make no sense: nothing breaks, nothing grows.

TME_FRAMES says how many of each kind (default 4000); 1,000,000 run in `pytest -m slow`.
"""

import errno
import os
import random

import pytest

from hostnet import frames, offload
from hostnet.frames import ARP, BROADCAST, IPV4, RARP, Arp, Ip, Udp, ethernet
from hostnet.openvpn.fragment import Fragmenter
from hostnet.user import tcp
from hostnet.user.segment import ACK, FIN, MASK, RST, SYN, Segment, build, parse
from hostnet.user.tcp import Connection
from tests.hostnet.lab import MAC, Clock
from tests.hostnet.services.client import ME, SERVER, sattr, string, words

COUNT = int(os.environ.get("TME_FRAMES", "4000"))
SEED = int(os.environ.get("TME_SEED", "1"))
MILLION = 1_000_000
GATEWAY = bytes((10, 0, 2, 2))


def open_files():
    return len(os.listdir("/proc/self/fd"))


def udp(to, sport, dport, payload):
    return frames.build_ip(Ip(ME, to, frames.UDP, frames.build_udp(ME, to, Udp(sport, dport, payload)), 7))


def call(program, version, procedure, arguments):
    unix = words(0, 0, 0, 0, 0)
    return words(1, 0, 2, program, version, procedure, 1, len(unix)) + unix + words(0, 0) + arguments


def corpus(server, server_mac, handle):
    """Frames that make sense, one of each kind."""
    bootp = words(0x01010600, 77, 0, 0, 0, 0, 0) + MAC + bytes(202) + b"\x63\x82\x53\x63\x35\1\1\xff"
    nfs = [
        (1, handle), (2, handle + sattr(mode=0o755)), (4, handle + string("file")), (5, handle),
        (6, handle + words(0, 8192, 0)), (8, handle + words(0, 0, 0) + string(bytes(100))),
        (9, handle + string("new") + sattr(mode=0o644)), (10, handle + string("new")),
        (11, handle + string("new") + handle + string("old")), (12, handle + handle + string("l")),
        (13, handle + string("s") + string("file") + sattr()), (14, handle + string("d") + sattr()),
        (15, handle + string("d")), (16, handle + words(0, 512)), (17, handle),
    ]  # fmt: skip
    packets = [
        udp(server, 68, 67, bootp),
        udp(server, 4000, 69, b"\0\1" + b"0A00020F\0octet\0"),
        udp(server, 1000, 111, call(100000, 2, 3, words(100003, 2, 17, 0))),
        udp(server, 1000, 111, call(100000, 2, 5, words(100026, 1, 1) + string(words(1, *ME)))),
        udp(server, 1000, 670, call(100026, 1, 2, string("sun") + string("root"))),
        udp(server, 1000, 671, call(100005, 1, 1, string("/export/root"))),
        *(udp(server, 1000, 2049, call(100003, 2, number, arguments)) for number, arguments in nfs),
        frames.build_ip(Ip(ME, server, frames.ICMP, frames.build_icmp(8, 0, b"\0\1\0\2", bytes(56)))),
        frames.build_ip(build(ME, server, Segment(1000, 80, 1, 0, SYN, 8192, b"", 1460))),
        frames.build_ip(build(ME, bytes((192, 0, 2, 1)), Segment(1000, 80, 1, 0, SYN, 8192, b""))),
        frames.build_ip(Ip(ME, server, frames.UDP, bytes(1480), 9, frames.MORE)),
        frames.build_ip(Ip(ME, server, frames.UDP, bytes(100), 9, 185)),
    ]
    made = [ethernet(server_mac, MAC, IPV4, packet) for packet in packets]
    made.append(ethernet(BROADCAST, MAC, ARP, Arp(1, MAC, ME, bytes(6), server).build()))
    made.append(ethernet(BROADCAST, MAC, RARP, Arp(3, MAC, bytes(4), MAC, bytes(4)).build()))
    return made


def mend(frame, dice):
    """Put the sums right, often: else nothing gets past the first test."""
    if frame[12:14] != b"\x08\x00" or len(frame) < 34 or dice.random() < 0.2:
        return frame
    size = max((frame[14] & 15) * 4, 20)
    header = bytearray(frame[14 : 14 + size])
    if dice.random() < 0.9:
        header[0] = 0x40 | size >> 2
        header[2:4] = (len(frame) - 14).to_bytes(2, "big")
    header[10:12] = b"\0\0"
    header[10:12] = frames.checksum(bytes(header)).to_bytes(2, "big")
    body = bytearray(frame[14 + size :])
    if header[9] == frames.UDP and len(body) >= 8:
        body[4:8] = len(body).to_bytes(2, "big") + b"\0\0"
    elif header[9] in (frames.TCP, frames.ICMP):
        at = 16 if header[9] == frames.TCP else 2
        if len(body) >= at + 2:
            body[at : at + 2] = b"\0\0"
            head = bytes(header[12:20]) + bytes((0, header[9])) + len(body).to_bytes(2, "big")
            total = frames.checksum((head if header[9] == frames.TCP else b"") + bytes(body))
            body[at : at + 2] = total.to_bytes(2, "big")
    return frame[:14] + bytes(header) + bytes(body)


def spoil(frame, dice):
    """A frame that is a little wrong."""
    data = bytearray(frame)
    for _ in range(dice.choice((0, 1, 1, 2, 4, 16))):
        if not data:
            break
        at = dice.randrange(min(len(data), dice.choice((14, 60, 1514))))
        match dice.randrange(5):
            case 0:
                data[at] ^= 1 << dice.randrange(8)
            case 1:
                data[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 2:
                del data[at : at + dice.randrange(1, 20)]
            case 3:
                data[at:at] = dice.randbytes(dice.randrange(1, 40))
            case 4:
                data[at : at + 4] = dice.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"))
    return mend(bytes(data[:1514]), dice)


def attack(machine, element, guest, seeds, count):
    """Send spoilt frames; time passes."""
    dice = random.Random(SEED)
    for number in range(count):
        guest.send(spoil(dice.choice(seeds), dice))
        if number % 16 == 0:
            machine.clock.advance(5_000_000)
            guest.frames.clear()


def diskless(machine, tmp_path, count):
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(bytes(1000))
    (tmp_path / "outside").write_text("untouched")
    boot = tmp_path / "boot"
    boot.write_bytes(bytes(5000))
    words_ = f"boot {boot} tftp {root} root {root} writable rate 0 limit 1000000"
    element = machine.make("net0", f"tme/host/diskless {words_}")
    guest = machine.guest()
    machine.connect("guest0 at net0")
    before = open_files()
    handle = element.servers.nfs.exports[0].handle(())
    attack(machine, element, guest, corpus(SERVER, b"\x52\x56" + SERVER, handle), count)
    machine.clock.advance(120_000_000_000)
    assert open_files() == before
    assert element.servers.rpc.calls > count // 8
    assert element.servers.station.bad > 0
    assert len(element.servers.station.fragments) <= 16
    assert len(element.servers.station.neighbours) <= 1024
    assert (tmp_path / "outside").read_text() == "untouched"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["boot", "outside", "root"]


def user_net(machine, count):
    element = machine.make("user0", "tme/host/user/net engine built-in restrict rate 0")
    guest = machine.guest()
    machine.connect("guest0 at user0")
    before = open_files()
    attack(machine, element, guest, corpus(GATEWAY, b"\x52\x55" + GATEWAY, bytes(32)), count)
    assert open_files() - before <= 520
    assert len(element.engine.tcp.flows) <= 512
    assert len(element.engine.udp.flows) <= 256
    assert len(element.engine.station.fragments) <= 16


def connections(count):
    """A TCP end that is told nonsense by its guest, while the host writes and reads."""
    dice, clock = random.Random(SEED), Clock()
    us, them = (GATEWAY, 80), (ME, 1000)
    sent = []
    end = None
    for number in range(count):
        if end is None or end.dead or number % 500 == 0:
            sent.clear()
            end = Connection(clock, us, them, sent.append, lambda: None, dice.getrandbits(32))
            if dice.random() < 0.5:
                end.connect()
            else:
                end.accept(
                    Segment(1000, 80, dice.getrandbits(32), 0, SYN, 4096, b"", dice.choice((None, 0, 536)))
                )
        near = dice.choice((0, 0, 0, 1, -1, 100, -100, 40_000, 1 << 31, dice.getrandbits(32)))
        ack = dice.choice((end._una, end._nxt, end._nxt + 1, end._una - 5, dice.getrandbits(32))) & MASK
        flags = dice.choice(
            (
                ACK,
                ACK,
                ACK,
                ACK | FIN,
                SYN,
                SYN | ACK,
                RST,
                63,
            )
        )
        data = dice.randbytes(dice.choice((0, 0, 1, 536, 1460, 9000)))
        end.segment(
            Segment(1000, 80, end._rcv + near & MASK, ack, flags, dice.choice((0, 1, 4096, 65535)), data)
        )
        match dice.randrange(8):
            case 0 if end.room:
                end.write(dice.randbytes(min(end.room, dice.choice((1, 5000, 100_000)))))
            case 1:
                end.finish()
            case 2:
                end.take(min(len(end.received), dice.randrange(40_000)))
            case 3:
                clock.advance(dice.choice((1, 10**8, 10**10)))
        assert len(end.received) <= tcp.WINDOW
        assert len(end._out) <= tcp.BUFFER
        assert len(end._stray) <= tcp.STRAY
        for packet in sent:
            assert parse(packet) is not None
            assert len(packet.payload) <= 1480
        sent.clear()


def packets_of_links(count):
    """What a link takes from the net: sealed and cut packets, headers of cards."""
    pytest.importorskip("cryptography")
    from hostnet.openvpn.seal import Seal

    dice, clock, wire, got = random.Random(SEED), Clock(), [], []
    a = Seal(clock, bytes(256), lambda p: wire.append(p), got.append)
    b = Seal(clock, bytes(256), lambda p: wire.append(p), got.append)
    a.start(), b.start()
    joiner, cutter = Fragmenter(500), Fragmenter(500)
    for number in range(count):
        packet = wire.pop() if wire and dice.random() < 0.5 else dice.randbytes(dice.randrange(150))
        if len(wire) > 100:
            wire.clear()
        for end in (a, b):
            end.open(packet)
            end.open(spoil(packet, dice))
        if number % 50 == 0:
            a.seal(b"x" * 60)
            clock.advance(100_000_000)
        for piece in cutter.cut(dice.randbytes(dice.randrange(3000))):
            joiner.join(spoil(piece, dice))
        offload.finish(spoil(offload.HEADER.pack(1, dice.randrange(6), 0, 1448, 34, 16) + bytes(3000), dice))
        if number % 1000 == 0:
            got.clear()
    assert len(joiner._parts) <= 16


def test_diskless(machine, tmp_path):
    diskless(machine, tmp_path, COUNT)


def test_user_net(machine):
    user_net(machine, COUNT)


def test_connections():
    connections(COUNT)


def test_packets_of_links():
    packets_of_links(COUNT // 4)


def test_switch(machine):
    dice = random.Random(SEED)
    element = machine.make("switch0", "tme/host/switch")
    guests = [machine.guest(f"g{n}") for n in range(3)]
    for n in range(3):
        machine.connect(f"g{n} at switch0")
    for number in range(COUNT):
        dice.choice(guests).send(dice.randbytes(dice.randrange(1600)))
        if number % 100 == 0:
            for guest in guests:
                guest.frames.clear()
    assert len(element.stations) <= 4096


@pytest.mark.slow
def test_a_million_frames_for_the_services(machine, tmp_path):
    diskless(machine, tmp_path, MILLION)


@pytest.mark.slow
def test_a_million_frames_for_the_user_net(machine):
    user_net(machine, MILLION)


def test_without_sockets_the_guest_is_refused(machine, monkeypatch):
    """The host has no descriptors left: the guest is told, nothing else happens."""
    element = machine.make("user0", "tme/host/user/net engine built-in rate 0")
    guest = machine.guest()
    machine.connect("guest0 at user0")

    def none_left(*args, **kwargs):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("socket.socket", none_left)
    for frame in corpus(bytes((192, 0, 2, 1)), b"\x52\x55" + GATEWAY, bytes(32)):
        guest.send(frame)
    machine.clock.advance(1_000_000_000)
    monkeypatch.undo()
    assert element.engine.tcp.flows == {}
