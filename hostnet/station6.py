"""IPv6 on a station: neighbours, a router's word for guests that ask, echo. No fragments, no unasked word.

A guest that asks for a router makes itself an address in the /64 of `addresses[0]`.
Sources: RFC 4861, 4862, 4443, 8106.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from hostnet import frames, frames6
from hostnet.frames import IPV6, Ip, ethernet
from hostnet.frames6 import ICMP6, LINK_LOCAL, group_mac, icmp6, solicited_node

if TYPE_CHECKING:
    from hostnet.station import Station

HOPS = 255
"""Of neighbour messages: they come from this very network."""
LIFETIME = 1800
"""Seconds that a router's word is good for."""
NEIGHBOURS, WAITING = 256, 8
ROUTER = struct.Struct("!BBHBBHII")
PREFIX = struct.Struct("!BBBBIII16s")
SERVERS = struct.Struct("!BBHI16s")
ON_LINK_AND_OURS = 0xC0
IS_ROUTER, SOLICITED, OVERRIDE = 0x80, 0x40, 0x20


class Six:
    """addresses: the gateway's and the name server's, of one /64; the link-local one is made of the first."""

    def __init__(self, station: Station, addresses: list[bytes], dns: bytes) -> None:
        self.station = station
        self.link_local = LINK_LOCAL + addresses[0][8:]
        self.addresses = [*addresses, self.link_local]
        self.dns = dns
        self.neighbours: dict[bytes, bytes] = {}
        self._waiting: dict[bytes, list[Ip]] = {}

    def local(self, ip: bytes) -> bool:
        """Whether an address is on the guest's network."""
        return ip[:8] in (LINK_LOCAL, self.addresses[0][:8])

    # ---- in --------------------------------------------------------------------------------------------

    def receive(self, data: bytes, mac: bytes, destination: bytes) -> None:
        """A packet of the guest."""
        station, packet = self.station, frames6.parse_ip6(data)
        if packet is None:
            station.bad += 1
            return
        source, to = packet.source, packet.destination
        local = self.local(source)
        if source in self.addresses or not (local or source == frames6.NOWHERE):
            return
        if local:
            self.learn(source, mac)
        if packet.protocol == ICMP6 and (to in self.addresses or to[0] == 0xFF):
            self._icmp6(packet, mac)
        elif to[0] == 0xFF or source == frames6.NOWHERE:
            return
        elif to in self.addresses:
            handler = station.protocols.get(packet.protocol)
            if handler is None or not handler(packet):
                station.refuse(packet, frames.PORT)
        elif station.forward and destination == station.mac:
            station.forward(packet)

    def _icmp6(self, packet: Ip, mac: bytes) -> None:
        data, source, to = packet.payload, packet.source, packet.destination
        if len(data) < 8 or not frames6.right_sum(packet):
            self.station.bad += 1
            return
        match data[0]:
            case frames6.ECHO if to in self.addresses and source != frames6.NOWHERE:
                self.send(icmp6(to, source, bytes((frames6.ECHO_REPLY, 0, 0, 0)) + data[4:]))
            case frames6.ROUTER_SOLICITATION if packet.ttl == HOPS:
                self._advertise(frames6.ALL_NODES if source == frames6.NOWHERE else source)
            case frames6.SOLICITATION if packet.ttl == HOPS and data[8:24] in self.addresses:
                self._tell(data[8:24], source, mac)

    def _tell(self, target: bytes, asker: bytes, mac: bytes) -> None:
        """Where one of our addresses lives. Who asks without an address wants it for itself: RFC 4862."""
        known = asker != frames6.NOWHERE
        flags = IS_ROUTER | OVERRIDE | (SOLICITED if known else 0)
        body = bytes((frames6.ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0)) + target + b"\2\1" + self.station.mac
        to = asker if known else frames6.ALL_NODES
        self._emit(icmp6(target, to, body, HOPS), mac if known else group_mac(to))

    def _advertise(self, to: bytes) -> None:
        """A router's word: the network, in which guests choose addresses, the way out, the name server."""
        body = ROUTER.pack(frames6.ROUTER_ADVERTISEMENT, 0, 0, 64, 0, LIFETIME, 0, 0)
        body += b"\1\1" + self.station.mac
        network = self.addresses[0][:8] + bytes(8)
        body += PREFIX.pack(3, 4, 64, ON_LINK_AND_OURS, LIFETIME * 2, LIFETIME, 0, network)
        body += SERVERS.pack(25, 3, 0, LIFETIME, self.dns)
        self.send(icmp6(self.link_local, to, body, HOPS))

    # ---- out -------------------------------------------------------------------------------------------

    def report(self, packet: Ip, kind: int, code: int, source: bytes | None) -> None:
        """Tell a sender what became of its packet."""
        if packet.source != frames6.NOWHERE and packet.destination[0] != 0xFF:
            teller = packet.destination if packet.destination in self.addresses else self.addresses[0]
            self.send(frames6.unreachable(packet, source or teller, code, kind))

    def send(self, packet: Ip) -> None:
        """Send a packet; what is too large for a frame is dropped."""
        to = packet.destination
        if len(packet.payload) > frames.MTU - frames6.HEADER:
            return
        if to[0] == 0xFF:
            self._emit(packet, group_mac(to))
        elif (mac := self.neighbours.get(to)) is not None:
            self._emit(packet, mac)
        elif self.local(to):
            self._ask(packet)

    def _emit(self, packet: Ip, mac: bytes) -> None:
        self.station.send(ethernet(mac, self.station.mac, IPV6, frames6.build_ip6(packet)))

    def _ask(self, packet: Ip) -> None:
        """Find who has an address; a guest that has never sent anything from it, as a rule."""
        to = packet.destination
        if to not in self._waiting and len(self._waiting) >= WAITING:
            del self._waiting[next(iter(self._waiting))]
        waiting = self._waiting.setdefault(to, [])
        if len(waiting) < WAITING:
            waiting.append(packet)
        group = solicited_node(to)
        body = bytes((frames6.SOLICITATION, 0, 0, 0, 0, 0, 0, 0)) + to + b"\1\1" + self.station.mac
        self._emit(icmp6(self.link_local, group, body, HOPS), group_mac(group))

    def learn(self, ip: bytes, mac: bytes) -> None:
        """Remember where an address lives; packets that waited for it go out."""
        if ip not in self.neighbours and len(self.neighbours) >= NEIGHBOURS:
            del self.neighbours[next(iter(self.neighbours))]
        self.neighbours[ip] = mac
        for packet in self._waiting.pop(ip, ()):
            self._emit(packet, mac)
