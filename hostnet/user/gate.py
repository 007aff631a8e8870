"""What libslirp gets to see of a guest's frames: those that make sense, written anew.

libslirp is C in our process, and a guest can send anything. So a frame is read here, by the parsers of the
built-in engine, and built again from what they found: without options, fragments, padding or wrong sums.
What the guest may not reach is dropped, too: libslirp reads frames for other stations, and connects to any
address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hostnet import dhcp, frames, frames6
from hostnet.frames import Ip, ethernet
from hostnet.frames6 import ICMP6, LINK_LOCAL
from hostnet.reassembly import Reassembler
from hostnet.user import segment as tcp
from hostnet.user.policy import PREFIX, Setup, world6

if TYPE_CHECKING:
    from tme.clock import Clock

LARGEST = frames.HEADER + frames.MTU
TFTP = 69
PREFIX6 = b"\x52\x56"
"""Of libslirp's Ethernet addresses for its IPv6 addresses; the rest is that address's end."""
HOPS = 255
"""Neighbour messages come from this very network."""
FLAGS = tcp.FIN | tcp.SYN | tcp.RST | tcp.PSH | tcp.ACK


class Gate:
    """The way to one instance. dropped: frames that did not get through."""

    def __init__(self, clock: Clock, setup: Setup) -> None:
        self.setup = setup
        self.fragments = Reassembler(clock)
        self.dropped = 0
        self.stations = {frames.BROADCAST, PREFIX + setup.gateway, PREFIX + setup.dns}
        self.ours6: tuple[bytes, ...] = ()
        if setup.gateway6 is not None:
            router = LINK_LOCAL + setup.gateway6[8:]
            self.ours6 = setup.gateway6, setup.dns6, router, LINK_LOCAL + b"\0\0\0\0\0\0\0\2"
            self.stations |= {PREFIX6 + ip[12:] for ip in self.ours6}

    def admit(self, frame: bytes, sockets: bool) -> bytes | None:
        """The frame that libslirp gets instead; None: nothing. sockets: it may open another one."""
        made = self._admit(frame, sockets)
        if made is None:
            self.dropped += 1
        return made or None

    def _admit(self, frame: bytes, sockets: bool) -> bytes | None:
        if not frames.HEADER <= len(frame) <= LARGEST or frame[6] & 1:
            return None
        to, sender, kind = frame[:6], frame[6:12], int.from_bytes(frame[12:14], "big")
        if to not in self.stations and not (self.ours6 and to[:2] == b"\x33\x33"):
            return None
        data = frame[frames.HEADER :]
        match kind:
            case frames.IPV4:
                packet = frames.parse_ip_packet(data)
                if packet is not None and packet.fragmented:
                    whole = self.fragments.add(packet)
                    if whole is None:
                        return b""
                    packet = whole
                payload = packet and self._ip(packet, sockets)
                if packet is None or payload is None:
                    return None
                packet = Ip(packet.source, packet.destination, packet.protocol, payload, packet.ident)
                return ethernet(to, sender, kind, frames.build_ip(packet))
            case frames.ARP:
                return self._arp(to, sender, data)
            case frames.IPV6 if self.ours6:
                packet = frames6.parse_ip6(data)
                payload = packet and self._ip6(packet, sockets)
                if packet is None or payload is None:
                    return None
                return ethernet(to, sender, kind, frames6.build_ip6(packet._replace(payload=payload)))
        return None

    def _arp(self, to: bytes, sender: bytes, data: bytes) -> bytes | None:
        arp = frames.parse_arp(data)
        if arp is None or arp.op not in (1, 2) or arp.sender_mac != sender:
            return None
        if arp.sender_ip != frames.NOWHERE and not self._guest(arp.sender_ip):
            return None
        return ethernet(to, sender, frames.ARP, arp.build())

    def _guest(self, ip: bytes) -> bool:
        """Whether an address may be the guest's."""
        return self.setup.is_host(ip) and ip not in (self.setup.gateway, self.setup.dns)

    # ---- payloads, written anew ------------------------------------------------------------------------

    def _ip(self, packet: Ip, sockets: bool) -> bytes | None:
        setup, to = self.setup, packet.destination
        if packet.protocol == frames.UDP:
            udp = frames.parse_udp(packet)
            if udp is not None and udp.dport == dhcp.SERVER:
                return self._dhcp(packet, udp)
        # 0.0.0.0/8 and 127.0.0.0/8 would be this host
        outside = not setup.local(to) and to[0] not in (0, 127) and to[0] < 224
        if not self._guest(packet.source) or not (outside or to in (setup.gateway, setup.dns)):
            return None
        if packet.protocol == frames.ICMP:
            data = packet.payload
            if len(data) < 8 or data[:2] != bytes((frames.ECHO, 0)) or frames.checksum(data):
                return None
            return data if sockets or to == setup.gateway else None
        return self._transport(packet, sockets, ours=to == setup.gateway)

    def _dhcp(self, packet: Ip, udp: frames.Udp) -> bytes | None:
        """A question for addresses: as long as it says, and with options that end."""
        setup, data = self.setup, udp.payload
        if not setup.dhcp or packet.destination not in (frames.EVERYBODY, setup.gateway):
            return None
        if len(data) < dhcp.FIXED.size or dhcp.options(data[dhcp.FIXED.size :]) is None:
            return None
        if data[:3] != b"\1\1\6" or (packet.source != frames.NOWHERE and not self._guest(packet.source)):
            return None
        return frames.build_udp(packet.source, packet.destination, udp)

    def _transport(self, packet: Ip, sockets: bool, ours: bool) -> bytes | None:
        """TCP and UDP. ours: to the gateway, where libslirp has servers of its own."""
        source, to = packet.source, packet.destination
        if packet.protocol == frames.UDP:
            udp = frames.parse_udp(packet)
            if udp is None or not sockets or not udp.dport or (ours and udp.dport == TFTP):
                return None
            return frames.build_udp(source, to, udp)
        if packet.protocol != frames.TCP:
            return None
        segment = tcp.parse(packet)
        if segment is None or not segment.dport or (segment.flags & tcp.SYN and not sockets):
            return None
        mss = segment.mss if segment.flags & tcp.SYN else None
        return tcp.build(source, to, segment._replace(flags=segment.flags & FLAGS, mss=mss)).payload

    def _ip6(self, packet: Ip, sockets: bool) -> bytes | None:
        setup, source, to = self.setup, packet.source, packet.destination
        local = source[:8] == LINK_LOCAL or setup.local6(source)
        if packet.protocol == ICMP6:
            if len(packet.payload) < 8 or not frames6.right_sum(packet):
                return None
            return self._icmp6(packet, local)
        outside = world6(to) and not setup.local6(to)
        if not local or source in self.ours6 or not (outside or to in self.ours6):
            return None
        return self._transport(packet, sockets, ours=to in self.ours6)

    def _icmp6(self, packet: Ip, local: bool) -> bytes | None:
        """Echo to the gateway, and what finds neighbours and routers, without its options."""
        data, source, to = packet.payload, packet.source, packet.destination
        if source in self.ours6 or data[1]:
            return None
        match data[0]:
            case frames6.ECHO if local and to in self.ours6:
                return data
            case frames6.ROUTER_SOLICITATION if packet.ttl == HOPS and (local or source == frames6.NOWHERE):
                return self._plain(packet, 8)
            case frames6.SOLICITATION | frames6.ADVERTISEMENT if packet.ttl == HOPS and len(data) >= 24:
                target = data[8:24]
                if target[0] == 0xFF or not (local or source == frames6.NOWHERE):
                    return None
                if data[0] == frames6.ADVERTISEMENT and (not local or target != source):
                    return None
                if source == frames6.NOWHERE and to != frames6.solicited_node(target):
                    return None
                return self._plain(packet, 24)
        return None

    @staticmethod
    def _plain(packet: Ip, size: int) -> bytes:
        """A message's fixed part with a sum of its own: libslirp looks at the frame's sender instead."""
        return frames6.icmp6(packet.source, packet.destination, packet.payload[:size]).payload
