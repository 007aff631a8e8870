"""Frames that make no sense, for storm.py: some of each kind that does, and ways to spoil them."""

from __future__ import annotations

import select
import socket

from hostnet import frames, frames6
from hostnet.frames import ARP, BROADCAST, IPV4, RARP, Arp, Ip, Udp, ethernet
from hostnet.frames6 import ICMP6
from hostnet.user.segment import ACK, FIN, MASK, RST, SYN, Segment, build, parse
from tests.hostnet.lab import MAC
from tests.hostnet.services.client import ME, sattr, string, words

GATEWAY = bytes((10, 0, 2, 2))
ME6, GATEWAY6 = (bytes.fromhex("fd000002" + "00" * 11 + last) for last in ("0f", "02"))


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
