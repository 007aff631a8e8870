"""Storms of frames, calls and packets that make no sense, for test_fuzz.py and for the command line:

    python -m tests.hostnet.storm {services|calls|user-net|slirp|tcp|links|switch} COUNT

TME_SEED chooses others. Tells the processor's time, and memory after a tenth and at the end.
"""

import ctypes
import gc
import os
import random
import select
import socket
import sys
import tempfile
import time
from pathlib import Path

from hostnet import frames, frames6, offload
from hostnet.frames import ARP, BROADCAST, IPV4, RARP, Arp, Ip, Udp, ethernet
from hostnet.frames6 import ICMP6
from hostnet.interface import Interface
from hostnet.openvpn.fragment import Fragmenter
from hostnet.user import tcp
from hostnet.user.segment import ACK, FIN, MASK, RST, SYN, Segment, build, parse
from hostnet.user.slirp import SOCKETS
from hostnet.user.tcp import Connection
from tests.hostnet.lab import CLONE_NEWNET, MAC, Clock, Machine
from tests.hostnet.services.client import ME, SERVER, sattr, string, words

COUNT = int(os.environ.get("TME_FRAMES", "4000"))
SEED = int(os.environ.get("TME_SEED", "1"))
GATEWAY = bytes((10, 0, 2, 2))
ME6, GATEWAY6 = (bytes.fromhex("fd000002" + "00" * 11 + last) for last in ("0f", "02"))
PORTS = [port.to_bytes(2, "big") for port in (111, 670, 671, 2049)]


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


def mend6(frame):
    """The same for IPv6."""
    body, at = bytearray(frame[54:]), {frames.TCP: 16, frames.UDP: 6, ICMP6: 2}.get(frame[20])
    if at is None or len(body) < at + 2:
        return frame
    if at == 6:
        body[4:6] = len(body).to_bytes(2, "big")
    body[at : at + 2] = b"\0\0"
    total = frames.checksum(frames.pseudo(frame[22:38], frame[38:54], frame[20], len(body)) + bytes(body))
    body[at : at + 2] = total.to_bytes(2, "big")
    return frame[:18] + len(body).to_bytes(2, "big") + frame[20:54] + bytes(body)


def mend(frame, dice):
    """Put the sums right, often: else nothing gets past the first test."""
    if frame[12:14] == b"\x86\xdd" and len(frame) >= 54 and dice.random() < 0.8:
        return mend6(frame)
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


def corpus6():
    """IPv6 frames that make sense."""

    def packet(to, protocol, payload, mac, hops=64):
        made = Ip(ME6, to, protocol, payload, ttl=hops)
        return ethernet(mac, MAC, frames.IPV6, frames6.build_ip6(made))

    def message(to, kind, rest, mac, hops=255):
        data = frames6.icmp6(ME6, to, bytes((kind, 0, 0, 0)) + rest, hops).payload
        return packet(to, ICMP6, data, mac, hops)

    mac, group = b"\x52\x56" + GATEWAY6[12:], frames6.solicited_node(GATEWAY6)
    syn = build(ME6, GATEWAY6, Segment(1000, 80, 1, 0, SYN, 8192, b"", 1440))
    question = frames.build_udp(ME6, GATEWAY6, Udp(1000, 9, b"question"))
    address = b"\1\1" + MAC
    return [
        packet(GATEWAY6, frames.TCP, syn.payload, mac),
        packet(GATEWAY6, frames.UDP, question, mac),
        packet(bytes.fromhex("20010db8" + "00" * 11 + "01"), frames.UDP, question, mac),
        message(GATEWAY6, frames6.ECHO, bytes(60), mac),
        message(frames6.ALL_ROUTERS, frames6.ROUTER_SOLICITATION, bytes(4) + address, b"\x33\x33\0\0\0\2"),
        message(group, frames6.SOLICITATION, bytes(4) + GATEWAY6 + address, frames6.group_mac(group)),
        message(GATEWAY6, frames6.ADVERTISEMENT, bytes(4) + ME6 + b"\2\1" + MAC, mac),
        ethernet(mac, MAC, frames.IPV6, frames6.build_ip6(Ip(ME6, GATEWAY6, 0, bytes(64)))),
        ethernet(mac, MAC, frames.IPV6, frames6.build_ip6(Ip(ME6, GATEWAY6, 44, bytes(64)))),
    ]


def attack(machine, element, guest, seeds, count, more=lambda dice: None):
    """Send spoilt frames, and what `more` makes; time passes."""
    dice = random.Random(SEED)
    for number in range(count):
        guest.send(more(dice) or spoil(dice.choice(seeds), dice))
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


class Talk:
    """TCP connections of a guest that keeps no rule, to a server on the host that sends everything back."""

    def __init__(self, machine, guest):
        self.machine, self.calls, self.count = machine, {}, 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.setblocking(False)
        machine.add_reader(self.server.fileno(), self._accept)
        guest.port.receive = self._take

    def _accept(self):
        connection, _ = self.server.accept()
        connection.setblocking(False)
        self.machine.add_reader(connection.fileno(), lambda: self._serve(connection))

    def _serve(self, connection):
        try:
            data = connection.recv(9000)
            if data:
                connection.send(data)
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.machine.remove_reader(connection.fileno())
        connection.close()

    def _take(self, frame):
        packet = frames.parse_ip_packet(frame[14:]) if frame[12:14] == b"\x08\0" else None
        segment = packet and packet.protocol == frames.TCP and parse(packet)
        if segment and segment.dport in self.calls:
            self.calls[segment.dport][1] = segment.seq + len(segment.data) + bool(segment.flags & (SYN | FIN))
            if segment.flags & RST:
                del self.calls[segment.dport]

    def frame(self, dice):
        """The next segment; None, often."""
        if dice.random() < 0.5:
            return None
        if self.count % 64 == 0:
            poll = select.poll()
            for fd in self.machine.readers:
                poll.register(fd, select.POLLIN)
            for fd, _ in poll.poll(0):
                if fd in self.machine.readers:
                    self.machine.readers[fd]()
        self.count += 1
        if len(self.calls) < 8:
            port = 2000 + self.count % 60_000
            self.calls[port] = [dice.getrandbits(32), 0]
            return self._segment(port, SYN, b"", 0)
        port = dice.choice(list(self.calls))
        if dice.random() < 0.01:
            del self.calls[port]
            return None
        flags = dice.choice((ACK, ACK, ACK, ACK | 8, ACK | FIN, SYN, RST, 63, ACK | 32, 0))
        data = dice.randbytes(dice.choice((0, 0, 1, 100, 1460)))
        return self._segment(port, flags, data, dice.choice((0, 0, 0, 0, 1, -1, 1460, -5000, 1 << 31)), dice)

    def _segment(self, port, flags, data, near, dice=None):
        seq, ack = self.calls[port]
        made = Segment(
            port, self.server.getsockname()[1], seq + near & MASK, ack & MASK, flags,
            dice.choice((0, 1, 8192, 65_535)) if dice else 8192, data, 1460 if flags & SYN else None,
        )  # fmt: skip
        if not near:
            self.calls[port][0] = seq + len(data) + bool(flags & (SYN | FIN)) & MASK
        frame = ethernet(b"\x52\x55" + GATEWAY, MAC, IPV4, frames.build_ip(build(ME, GATEWAY, made)))
        return spoil(frame, dice) if dice and dice.random() < 0.1 else frame


def user_net(machine, count):
    element = machine.make(
        "user0", "tme/host/user/net engine built-in inet6 fd00:2::2/64 host-loopback rate 0"
    )
    guest = machine.guest()
    machine.connect("guest0 at user0")
    before = open_files()
    seeds = corpus(GATEWAY, b"\x52\x55" + GATEWAY, bytes(32)) + corpus6()
    talk = Talk(machine, guest)
    attack(machine, element, guest, seeds, count, talk.frame)
    talk.server.close()
    assert open_files() - before <= 2 * 512 + 2 * 256 + 8  # both ends of a connection are here
    assert len(element.engine.tcp.flows) <= 512
    assert len(element.engine.udp.flows) <= 256
    assert len(element.engine.station.fragments) <= 16
    still_answers(machine, guest)


def slirp(machine, count):
    """libslirp behind its gate."""
    element = machine.make("user0", "tme/host/user/net engine slirp inet6 fd00:2::2/64 host-loopback rate 0")
    guest = machine.guest()
    machine.connect("guest0 at user0")
    before = open_files()
    seeds = corpus(GATEWAY, b"\x52\x55" + GATEWAY, bytes(32)) + corpus6()
    talk = Talk(machine, guest)
    attack(machine, element, guest, seeds, count, talk.frame)
    talk.server.close()
    assert open_files() - before <= 2 * SOCKETS
    assert 0 < element.engine.gate.dropped < count
    still_answers(machine, guest)


def still_answers(machine, guest):
    """After all that, a ping gets through."""
    guest.port.receive = guest.receive
    data = frames.build_icmp(frames.ECHO, 0, b"\0\1\0\2", b"still there?")
    arp = Arp(1, MAC, ME, bytes(6), GATEWAY)
    guest.send(ethernet(BROADCAST, MAC, ARP, arp.build()))
    packet = frames.build_ip(Ip(ME, GATEWAY, frames.ICMP, data))
    guest.send(ethernet(b"\x52\x55" + GATEWAY, MAC, IPV4, packet))
    machine.clock.advance(1_000_000_000)
    assert any(b"still there?" in frame for frame in guest.take())


def calls(machine, tmp_path, count):
    """Remote procedure calls: arguments that are a little wrong, in packets that are right."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(bytes(1000))
    element = machine.make("net0", f"tme/host/diskless root {root} writable rate 0 limit 100000000")
    guest = machine.guest()
    machine.connect("guest0 at net0")
    rpc, dice, before = element.servers.rpc, random.Random(SEED), open_files()
    seeds = [
        frame[42:]
        for frame in corpus(SERVER, b"\x52\x56" + SERVER, element.servers.nfs.exports[0].handle(()))
        if frame[23] == frames.UDP and len(frame) > 70 and frame[36:38] in PORTS
    ]
    ports = [111, 670, 671, 2049]
    for number in range(count):
        data = bytearray(dice.choice(seeds))
        data[16:20] = dice.randrange(18).to_bytes(4, "big") if dice.random() < 0.1 else data[16:20]
        for _ in range(dice.choice((0, 1, 1, 2, 4))):
            at = dice.randrange(40, max(len(data), 41)) & ~3
            data[at : at + 4] = dice.choice(
                (b"\0\0\0\0", b"\xff" * 4, b"\x7f" + b"\xff" * 3, dice.randbytes(4))
            )
        packet = udp(SERVER, 1000, dice.choice(ports), bytes(data[: dice.choice((28, 200, 1400, 1400))]))
        guest.send(ethernet(b"\x52\x56" + SERVER, MAC, IPV4, packet))
        if number % 16 == 0:
            machine.clock.advance(5_000_000)
            guest.frames.clear()
    assert rpc.calls > count // 2
    assert open_files() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["root"]


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


def switch(machine, count):
    dice = random.Random(SEED)
    element = machine.make("switch0", "tme/host/switch")
    guests = [machine.guest(f"g{n}") for n in range(3)]
    for n in range(3):
        machine.connect(f"g{n} at switch0")
    for number in range(count):
        dice.choice(guests).send(dice.randbytes(dice.randrange(1600)))
        if number % 100 == 0:
            for guest in guests:
                guest.frames.clear()
    assert len(element.stations) <= 4096


STORMS = {
    "services": diskless,
    "calls": calls,
    "user-net": lambda machine, _, count: user_net(machine, count),
    "slirp": lambda machine, _, count: slirp(machine, count),
    "tcp": lambda machine, _, count: connections(count),
    "links": lambda machine, _, count: packets_of_links(count),
    "switch": lambda machine, _, count: switch(machine, count),
}


def memory():
    """Megabytes that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def alone():
    """A network of our own, if we may have one: what is aimed at the world gets nowhere."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0:
        Interface("lo").up()


def main(name, count):
    """One storm; a tenth of it first, after which memory is not to grow any more."""
    alone()
    used = []
    for part in (count // 10, count):
        with tempfile.TemporaryDirectory() as folder:
            machine = Machine()
            STORMS[name](machine, Path(folder), part)
            machine.close()
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        used.append(memory())
    seconds = time.process_time()
    print(f"{name}: {count} in {seconds:.0f} processor seconds, MB: {used[0]:.1f} {used[1]:.1f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
