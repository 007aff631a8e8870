"""A small IPv4 host on the guest's Ethernet: ARP, fragments both ways, echo, UDP ports.

The user-mode network and the services for diskless machines stand on it. Everything that a guest can make it
keep is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from hostnet import frames, frames6
from hostnet.frames import ARP, IPV4, IPV6, RARP, Arp, Ip, Udp, ethernet
from hostnet.reassembly import LARGEST, Reassembler

if TYPE_CHECKING:
    from hostnet.station6 import Six
    from tme.clock import Clock

NEIGHBOURS = 1024
WAITING = 8
"""Packets kept for an address that ARP has not found yet."""
WAITING_FOR = 32
ASK_AGAIN = 1_000_000_000
UNREACHABLE6 = {
    frames.HOST: frames6.ADDRESS, frames.PORT: frames6.PORT, frames.PROHIBITED: frames6.PROHIBITED
}  # fmt: skip
"""Codes of ICMP as those of ICMPv6."""

UdpHandler = Callable[["Datagram"], None]


class Datagram:
    """A UDP datagram for one of our ports; `reply` answers it."""

    __slots__ = ("dport", "mac", "payload", "sport", "station", "to", "who")

    def __init__(self, station: Station, packet: Ip, udp: Udp, mac: bytes) -> None:
        self.station, self.mac = station, mac
        self.who, self.to = packet.source, packet.destination
        self.sport, self.dport, self.payload = udp.sport, udp.dport, udp.payload

    def reply(self, payload: bytes, source: bytes | None = None, port: int | None = None) -> None:
        """Answer to where the datagram came from, from our address unless `source` says otherwise."""
        if source is None:
            source = self.to if self.to in self.station.addresses else self.station.address
        sent = Udp(self.dport if port is None else port, self.sport, payload)
        self.station.send_udp(source, self.who, sent, self.mac)


class Station:
    """addresses: ours, the first is the main one; send: takes frames for the guest.

    udp: port -> handler, for our addresses and for broadcasts. protocols: IP protocol -> handler of packets
    to us that is asked before. forward: takes whole packets for other addresses. rarp: takes RARP requests.
    """

    def __init__(self, clock: Clock, mac: bytes, addresses: list[bytes], netmask: bytes) -> None:
        self.clock = clock
        self.mac = mac
        self.addresses = addresses
        self.network = int.from_bytes(addresses[0], "big") & int.from_bytes(netmask, "big")
        self.netmask = netmask
        self.send: Callable[[bytes], object] = lambda frame: None
        self.udp: dict[int, UdpHandler] = {}
        self.protocols: dict[int, Callable[[Ip], bool]] = {}
        self.forward: Callable[[Ip], None] | None = None
        self.rarp: Callable[[Arp], None] | None = None
        self.neighbours: dict[bytes, bytes] = {}
        self.bad = 0
        """Malformed frames and packets, but for what `fragments` counts."""
        self._ident = 0
        self._waiting: dict[bytes, deque[Ip]] = {}
        self.fragments = Reassembler(clock)
        self.six: Six | None = None
        """What is done with IPv6; None: nothing."""

    @property
    def address(self) -> bytes:
        return self.addresses[0]

    @property
    def broadcast(self) -> bytes:
        """The directed broadcast address."""
        return (self.network | ~int.from_bytes(self.netmask, "big") & 0xFFFFFFFF).to_bytes(4, "big")

    def local(self, ip: bytes) -> bool:
        """Whether an address is on the guest's network."""
        return int.from_bytes(ip, "big") & int.from_bytes(self.netmask, "big") == self.network

    def is_broadcast(self, ip: bytes) -> bool:
        """All ones, directed, or with a host part of zeros, as SunOS 3 and 4 send them."""
        host = int.from_bytes(ip, "big") & ~int.from_bytes(self.netmask, "big")
        if ip in (frames.EVERYBODY, self.broadcast) or (self.local(ip) and not host):
            return True
        return self._classful(ip)

    def _classful(self, ip: bytes) -> bool:
        """The all-zeros or all-ones host of the address's class: a client that knows no netmask yet."""
        size = 1 if self.address[0] < 128 else 2 if self.address[0] < 192 else 3
        return ip[:size] == self.address[:size] and ip[size:] in (b"\0" * (4 - size), b"\xff" * (4 - size))

    # ---- in --------------------------------------------------------------------------------------------

    def receive(self, frame: bytes) -> None:
        """A frame of the guest."""
        if len(frame) < frames.HEADER:
            self.bad += 1
            return
        destination, source = frame[:6], frame[6:12]
        if source[0] & 1 or source == self.mac or (destination != self.mac and not destination[0] & 1):
            return
        kind = frame[12] << 8 | frame[13]
        if kind == IPV4:
            self._ip(frame[14:], source, destination)
        elif kind in (ARP, RARP):
            self._arp(frame[14:], kind)
        elif kind == IPV6 and self.six is not None:
            self.six.receive(frame[14:], source, destination)

    def _arp(self, payload: bytes, kind: int) -> None:
        arp = frames.parse_arp(payload)
        if arp is None:
            self.bad += 1
        elif kind == RARP:
            if arp.op == 3 and self.rarp:
                self.rarp(arp)
        elif arp.op in (1, 2):
            if arp.sender_ip not in self.addresses:
                self.learn(arp.sender_ip, arp.sender_mac)
            if arp.op == 1 and arp.target_ip in self.addresses:
                answer = Arp(2, self.mac, arp.target_ip, arp.sender_mac, arp.sender_ip)
                self.send(ethernet(arp.sender_mac, self.mac, ARP, answer.build()))

    def _ip(self, data: bytes, mac: bytes, destination: bytes) -> None:
        packet = frames.parse_ip_packet(data)
        if packet is None:
            self.bad += 1
            return
        if packet.source[0] >= 224 or packet.source == frames.EVERYBODY:
            return
        if self.local(packet.source) and packet.source not in self.addresses:
            self.learn(packet.source, mac)
        if packet.fragmented:
            whole = self.fragments.add(packet)
            if whole is None:
                return
            packet = whole
        ours, everybody = packet.destination in self.addresses, self.is_broadcast(packet.destination)
        if ours or everybody:
            self._mine(packet, mac, everybody)
        elif self.forward and destination == self.mac and packet.destination[0] < 224:
            self.forward(packet)

    def _mine(self, packet: Ip, mac: bytes, everybody: bool) -> None:
        handler = self.protocols.get(packet.protocol)
        if handler and not everybody and handler(packet):
            return
        if packet.protocol == frames.UDP:
            udp = frames.parse_udp(packet)
            if udp is None:
                self.bad += 1
            elif taker := self.udp.get(udp.dport):
                taker(Datagram(self, packet, udp, mac))
            elif not everybody:
                self.refuse(packet, frames.PORT)
        elif packet.protocol == frames.ICMP and not everybody:
            self._echo(packet)

    def _echo(self, packet: Ip) -> None:
        data = packet.payload
        if len(data) < 8 or frames.checksum(data):
            self.bad += 1
        elif data[0] == frames.ECHO:
            answer = frames.build_icmp(frames.ECHO_REPLY, 0, data[4:8], data[8:])
            self.send_ip(Ip(packet.destination, packet.source, frames.ICMP, answer))

    def refuse(self, packet: Ip, code: int) -> None:
        """Tell the sender that its packet cannot be delivered; code: as of ICMP for IPv4."""
        if len(packet.source) == 16:
            self.report(packet, frames6.UNREACHABLE, UNREACHABLE6.get(code, frames6.NO_ROUTE))
        else:
            self.report(packet, frames.UNREACHABLE, code)

    def report(self, packet: Ip, kind: int, code: int, source: bytes | None = None) -> None:
        """Tell the sender what became of its packet. source: who says so; else who it was for, or we."""
        if len(packet.source) == 16:
            if self.six is not None:
                self.six.report(packet, kind, code, source)
        elif packet.source != frames.NOWHERE:
            if source is None:
                source = packet.destination if packet.destination in self.addresses else self.address
            self.send_ip(Ip(source, packet.source, frames.ICMP, frames.unreachable(packet, code, kind)))

    # ---- out -------------------------------------------------------------------------------------------

    def send_udp(self, source: bytes, destination: bytes, udp: Udp, mac: bytes | None = None) -> None:
        """Send a datagram, to a known Ethernet address or one that ARP finds. Too large ones are dropped."""
        if len(udp.payload) <= LARGEST - 28:
            self.send_ip(Ip(source, destination, frames.UDP, frames.build_udp(source, destination, udp)), mac)

    def send_ip(self, packet: Ip, mac: bytes | None = None) -> None:
        """Send a packet, in fragments when it is large."""
        if len(packet.source) == 16:
            if self.six is not None:
                self.six.send(packet)
            return
        if mac is None:
            if self.is_broadcast(packet.destination):
                mac = frames.BROADCAST
            else:
                mac = self.neighbours.get(packet.destination)
        if mac is None:
            self._ask(packet)
            return
        self._ident = self._ident + 1 & 0xFFFF
        for piece in frames.fragments(packet._replace(ident=self._ident)):
            self.send(ethernet(mac, self.mac, IPV4, frames.build_ip(piece)))

    def learn(self, ip: bytes, mac: bytes) -> None:
        """Remember where an address lives; packets that waited for it go out."""
        if ip == frames.NOWHERE or mac[0] & 1 or not self.local(ip):
            return
        if ip not in self.neighbours and len(self.neighbours) >= NEIGHBOURS:
            del self.neighbours[next(iter(self.neighbours))]
        self.neighbours[ip] = mac
        for packet in self._waiting.pop(ip, ()):
            self.send_ip(packet, mac)

    def _ask(self, packet: Ip) -> None:
        ip = packet.destination
        if not self.local(ip):
            return
        waiting = self._waiting.get(ip)
        if waiting is None:
            if len(self._waiting) >= WAITING_FOR:
                del self._waiting[next(iter(self._waiting))]
            waiting = self._waiting[ip] = deque(maxlen=WAITING)
            self._request(ip, packet.source, 5)
        waiting.append(packet)

    def _request(self, ip: bytes, source: bytes, tries: int) -> None:
        if ip not in self._waiting:
            return
        if not tries:
            del self._waiting[ip]
            return
        if source not in self.addresses:
            source = self.address
        ask = Arp(1, self.mac, source, b"\0" * 6, ip)
        self.send(ethernet(frames.BROADCAST, self.mac, ARP, ask.build()))
        self.clock.after(ASK_AGAIN, lambda: self._request(ip, source, tries - 1))
