"""UDP and ICMP echo of the guest as sockets of this process.

What the net says of a datagram (nobody listens, no such host, its time is over) is handed on to the guest, so
that its traceroute works. Sources: ip(7), ipv6(7) on IP_RECVERR.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

from hostnet import frames, frames6
from hostnet.frames import Ip, Udp, ip_text
from hostnet.user.policy import LOOPBACK, Endpoint, Forward, Policy, family

if TYPE_CHECKING:
    from hostnet.poller import Poller
    from hostnet.station import Station

FLOWS = 256
PEERS = 256
IDLE = 60_000_000_000
"""Guest nanoseconds after which a silent port is forgotten."""
LARGEST = 65_507
AT_ONCE = 32
IP_RECVERR, IPV6_RECVERR, IPV6_HOPLIMIT = 11, 25, 52
MSG_ERRQUEUE = 0x2000
ERROR = struct.Struct("=IBBBBII")
"""struct sock_extended_err: error, origin, type, code, padding, information, data; who said it follows."""
FROM_ICMP = {2: (frames.UNREACHABLE, frames.TIME_EXCEEDED), 3: (frames6.UNREACHABLE, frames6.TIME_EXCEEDED)}
"""Origin -> types of messages that are handed on."""
Key = tuple[bytes, int, int]
"""Guest address, port or identifier, family of the host's socket."""


class Flow:
    """A port of the guest: a socket, and who it has talked to."""

    def __init__(self, connection: socket.socket, now: int) -> None:
        self.socket = connection
        self.used = now
        self.peers: dict[Endpoint, tuple[bytes, int]] = {}
        """Host address -> the address that the guest sees."""


class Nat:
    """What UDP and ICMP have in common: flows, the oldest of which go."""

    ports = True
    """Whether peers have ports."""

    def __init__(self, station: Station, policy: Policy, poller: Poller) -> None:
        self.station, self.policy, self.poller = station, policy, poller
        self.flows: dict[Key, Flow] = {}

    def flow(self, key: Key) -> Flow | None:
        """The flow of a guest's port; None when the host gives no socket."""
        now = self.station.clock.now
        flow = self.flows.pop(key, None)
        if flow is None:
            for old in [k for k, f in self.flows.items() if now - f.used > IDLE]:
                self.end(old)
            if len(self.flows) >= FLOWS:
                self.end(next(iter(self.flows)))
            connection = self.open(key[2])
            if connection is None:
                return None
            connection.setblocking(False)
            if key[2] == socket.AF_INET:
                connection.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            else:
                connection.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
            flow = Flow(connection, now)
            self.poller.watch(connection.fileno(), lambda: self._readable(key))
        flow.used = now
        self.flows[key] = flow  # newest last
        return flow

    def open(self, family: int) -> socket.socket | None:
        """A new socket of the kind."""
        raise NotImplementedError

    def incoming(self, key: Key, flow: Flow, data: bytes, who: Endpoint) -> None:
        """Something came back."""
        raise NotImplementedError

    def original(self, key: Key, seen: tuple[bytes, int], data: bytes) -> Ip:
        """The packet of the guest that an error is about; data: what of it the error contains."""
        raise NotImplementedError

    def _readable(self, key: Key) -> None:
        for _ in range(AT_ONCE):
            flow = self.flows.get(key)
            if flow is None:
                return
            try:
                data, who = flow.socket.recvfrom(65_536)
            except BlockingIOError:
                self._errors(key, flow)
                return
            except OSError:
                self._errors(key, flow)
                continue
            flow.used = self.station.clock.now
            self.incoming(key, flow, data, who[:2])

    def _errors(self, key: Key, flow: Flow) -> None:
        """Hand on what the net says of our datagrams."""
        for _ in range(AT_ONCE):
            try:
                data, told, _, who = flow.socket.recvmsg(512, 512, MSG_ERRQUEUE)
            except OSError:
                return
            seen = flow.peers.get((who[0], who[1] if self.ports else 0)) if who else None
            for *_, error in told:
                if seen is not None and len(error) >= ERROR.size:
                    self._hand_on(self.original(key, seen, data), seen[0], error)

    def _hand_on(self, packet: Ip, seen: bytes, error: bytes) -> None:
        _, origin, kind, code, *_ = ERROR.unpack_from(error)
        if kind not in FROM_ICMP.get(origin, ()) or (origin == 3) != (len(seen) == 16):
            return
        at = ERROR.size + (8 if origin == 3 else 4)  # in the address of who said it
        teller = error[at : at + len(seen)]
        if len(teller) < len(seen) or not self.policy.is_world(teller):
            teller = seen
        self.station.report(packet, kind, code, teller)

    def send(self, packet: Ip, port: int, data: bytes, place: Endpoint, seen: tuple[bytes, int]) -> bool:
        """Send for the guest; False when the host refuses."""
        if packet.ttl <= 1:
            kind = frames6.TIME_EXCEEDED if len(packet.source) == 16 else frames.TIME_EXCEEDED
            self.station.report(packet, kind, 0)
            return True
        key = packet.source, port, family(place)
        flow = self.flow(key)
        if flow is None:
            return False
        if place not in flow.peers and len(flow.peers) >= PEERS:
            del flow.peers[next(iter(flow.peers))]
        flow.peers[place] = seen
        level, option = (
            (socket.IPPROTO_IP, socket.IP_TTL)
            if key[2] == socket.AF_INET
            else (socket.IPPROTO_IPV6, IPV6_HOPLIMIT)
        )
        hops = [(level, option, struct.pack("i", packet.ttl - 1))]
        for _ in range(2):  # the first error may be about an earlier one
            try:
                flow.socket.sendmsg([data], hops, 0, place)
            except BlockingIOError:
                return True
            except OSError:
                self._errors(key, flow)
                continue
            return True
        return False

    def end(self, key: Key) -> None:
        """Forget a flow."""
        flow = self.flows.pop(key)
        self.poller.forget(flow.socket.fileno())
        flow.socket.close()

    def close(self) -> None:
        for key in list(self.flows):
            self.end(key)


class UdpNat(Nat):
    """UDP, and host ports that lead to the guest."""

    def __init__(self, station: Station, policy: Policy, poller: Poller) -> None:
        super().__init__(station, policy, poller)
        self.listeners: list[socket.socket] = []
        # what the guest sees of somebody on the host: (guest, guest port, port of the gateway) -> who that is
        self.visitors: dict[tuple[bytes, int, int], tuple[socket.socket, Endpoint]] = {}

    def packet(self, packet: Ip) -> None:
        """A UDP packet of the guest."""
        udp = frames.parse_udp(packet)
        if udp is None:
            self.station.bad += 1
            return
        visitor = self.visitors.get((packet.source, udp.sport, udp.dport))
        if visitor is not None and packet.destination == self.policy.gateway:
            try:
                visitor[0].sendto(udp.payload, visitor[1])
            except OSError:
                pass
            return
        place = self.policy.outside(packet.destination, udp.dport)
        seen = packet.destination, udp.dport
        if place is None or not self.send(packet, udp.sport, udp.payload, place, seen):
            self.station.refuse(packet, frames.PORT if place is None else frames.HOST)

    def open(self, family: int) -> socket.socket | None:
        try:
            return socket.socket(family, socket.SOCK_DGRAM)
        except OSError:
            return None

    def original(self, key: Key, seen: tuple[bytes, int], data: bytes) -> Ip:
        payload = frames.build_udp(key[0], seen[0], Udp(key[1], seen[1], data))
        return Ip(key[0], seen[0], frames.UDP, payload)

    def incoming(self, key: Key, flow: Flow, data: bytes, who: Endpoint) -> None:
        seen = flow.peers.get(who)
        if seen is not None:  # strangers are not let in
            self.station.send_udp(seen[0], key[0], Udp(seen[1], key[1], data))

    def listen(self, rule: Forward, guest: bytes) -> None:
        """Lead a port of the host's loopback to the guest; OSError when it cannot be had."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            listener.bind((LOOPBACK, rule.port))
        except OSError:
            listener.close()
            raise
        listener.setblocking(False)
        self.listeners.append(listener)
        self.poller.watch(
            listener.fileno(), lambda: self._visit(listener, rule.guest or guest, rule.guest_port)
        )

    def _visit(self, listener: socket.socket, guest: bytes, port: int) -> None:
        try:
            data, who = listener.recvfrom(65_536)
        except OSError:
            return
        shown = who[1]
        while self.visitors.get((guest, port, shown), (listener, who)) != (listener, who):
            shown = shown % 65_535 + 1
        if len(self.visitors) >= PEERS:
            del self.visitors[next(iter(self.visitors))]
        self.visitors[guest, port, shown] = listener, who
        self.station.send_udp(self.policy.gateway, guest, Udp(shown, port, data))

    def close(self) -> None:
        super().close()
        for listener in self.listeners:
            self.poller.forget(listener.fileno())
            listener.close()
        self.listeners.clear()


class EchoNat(Nat):
    """Ping: an ICMP socket where the host allows them to everybody, else a raw one, else nothing."""

    raw = False
    ports = False

    def packet(self, packet: Ip) -> None:
        """An ICMP packet of the guest that is not for the gateway."""
        data, six = packet.payload, len(packet.source) == 16
        if len(data) < 8 or (not frames6.right_sum(packet) if six else frames.checksum(data)):
            self.station.bad += 1
            return
        if data[0] != (frames6.ECHO if six else frames.ECHO) or data[1]:
            return
        place = self.policy.outside(packet.destination, 1)
        ident = int.from_bytes(data[4:6], "big")
        seen = packet.destination, 0
        if place is None:
            self.station.refuse(packet, frames.PROHIBITED)
        elif not self.send(packet, ident, data, (place[0], 0), seen):
            self.station.refuse(packet, frames.HOST)

    def open(self, family: int) -> socket.socket | None:
        protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
        for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
            try:
                made = socket.socket(family, kind, protocol)
            except OSError:
                continue
            self.raw = kind == socket.SOCK_RAW
            return made
        return None

    def original(self, key: Key, seen: tuple[bytes, int], data: bytes) -> Ip:
        return self._message(seen[0], key[0], key, data, asked=True)

    def incoming(self, key: Key, flow: Flow, data: bytes, who: Endpoint) -> None:
        if self.raw:
            if key[2] == socket.AF_INET:
                packet = frames.parse_ip_packet(data)
                if packet is None:
                    return
                data = packet.payload
            if data[4:6] != key[1].to_bytes(2, "big"):
                return
        seen = flow.peers.get((who[0], 0))
        reply = frames.ECHO_REPLY if key[2] == socket.AF_INET else frames6.ECHO_REPLY
        if seen is not None and len(data) >= 8 and data[0] == reply:
            self.station.send_ip(self._message(seen[0], key[0], key, data))

    @staticmethod
    def _message(source: bytes, guest: bytes, key: Key, data: bytes, asked: bool = False) -> Ip:
        """An answer for the guest, or what it asked, with the guest's own identifier."""
        rest = key[1].to_bytes(2, "big") + data[6:8].ljust(2, b"\0")
        ends = (guest, source) if asked else (source, guest)
        if len(guest) == 16:
            kind = frames6.ECHO if asked else frames6.ECHO_REPLY
            return frames6.icmp6(*ends, bytes((kind, 0, 0, 0)) + rest + data[8:])
        kind = frames.ECHO if asked else frames.ECHO_REPLY
        return Ip(*ends, frames.ICMP, frames.build_icmp(kind, 0, rest, data[8:]))

    def __str__(self) -> str:
        return ", ".join(ip_text(guest) for guest, *_ in self.flows)
