"""UDP and ICMP echo of the guest as sockets of this process."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from hostnet import frames
from hostnet.frames import Ip, Udp, ip_text
from hostnet.user.policy import LOOPBACK, Endpoint, Forward, Policy

if TYPE_CHECKING:
    from hostnet.poller import Poller
    from hostnet.station import Station

FLOWS = 256
PEERS = 256
IDLE = 60_000_000_000
"""Guest nanoseconds after which a silent port is forgotten."""
LARGEST = 65_507
AT_ONCE = 32


class Flow:
    """A port of the guest: a socket, and who it has talked to."""

    def __init__(self, connection: socket.socket, now: int) -> None:
        self.socket = connection
        self.used = now
        self.peers: dict[Endpoint, tuple[bytes, int]] = {}
        """Host address -> the address that the guest sees."""


class Nat:
    """What UDP and ICMP have in common: flows by (guest, port or identifier), the oldest of which go."""

    def __init__(self, station: Station, policy: Policy, poller: Poller) -> None:
        self.station, self.policy, self.poller = station, policy, poller
        self.flows: dict[tuple[bytes, int], Flow] = {}

    def flow(self, key: tuple[bytes, int]) -> Flow | None:
        """The flow of a guest's port; None when the host gives no socket."""
        now = self.station.clock.now
        flow = self.flows.pop(key, None)
        if flow is None:
            for old in [k for k, f in self.flows.items() if now - f.used > IDLE]:
                self.end(old)
            if len(self.flows) >= FLOWS:
                self.end(next(iter(self.flows)))
            connection = self.open()
            if connection is None:
                return None
            connection.setblocking(False)
            flow = Flow(connection, now)
            self.poller.watch(connection.fileno(), lambda: self._readable(key))
        flow.used = now
        self.flows[key] = flow  # newest last
        return flow

    def open(self) -> socket.socket | None:
        """A new socket of the kind."""
        raise NotImplementedError

    def incoming(self, key: tuple[bytes, int], flow: Flow, data: bytes, who: Endpoint) -> None:
        """Something came back."""
        raise NotImplementedError

    def _readable(self, key: tuple[bytes, int]) -> None:
        for _ in range(AT_ONCE):
            flow = self.flows.get(key)
            if flow is None:
                return
            try:
                data, who = flow.socket.recvfrom(65_536)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error: the sender of UDP is not told
                continue
            flow.used = self.station.clock.now
            self.incoming(key, flow, data, who)

    def send(self, key: tuple[bytes, int], data: bytes, place: Endpoint, seen: tuple[bytes, int]) -> bool:
        """Send for the guest; False when the host refuses."""
        flow = self.flow(key)
        if flow is None:
            return False
        if place not in flow.peers and len(flow.peers) >= PEERS:
            del flow.peers[next(iter(flow.peers))]
        flow.peers[place] = seen
        try:
            flow.socket.sendto(data, place)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    def end(self, key: tuple[bytes, int]) -> None:
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
        if place is None or not self.send((packet.source, udp.sport), udp.payload, place, seen):
            self.station.refuse(packet, frames.PORT if place is None else frames.HOST)

    def open(self) -> socket.socket | None:
        try:
            return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        except OSError:
            return None

    def incoming(self, key: tuple[bytes, int], flow: Flow, data: bytes, who: Endpoint) -> None:
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

    def packet(self, packet: Ip) -> None:
        """An ICMP packet of the guest that is not for the gateway."""
        data = packet.payload
        if len(data) < 8 or frames.checksum(data):
            self.station.bad += 1
            return
        if data[0] != frames.ECHO or data[1]:
            return
        place = self.policy.outside(packet.destination, 1)
        ident = int.from_bytes(data[4:6], "big")
        seen = packet.destination, 0
        if place is None:
            self.station.refuse(packet, frames.PROHIBITED)
        elif not self.send((packet.source, ident), data, (place[0], 0), seen):
            self.station.refuse(packet, frames.HOST)

    def open(self) -> socket.socket | None:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
            try:
                made = socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP)
            except OSError:
                continue
            self.raw = kind == socket.SOCK_RAW
            return made
        return None

    def incoming(self, key: tuple[bytes, int], flow: Flow, data: bytes, who: Endpoint) -> None:
        if self.raw:
            packet = frames.parse_ip_packet(data)
            if packet is None:
                return
            data = packet.payload
            if data[4:6] != key[1].to_bytes(2, "big"):
                return
        seen = flow.peers.get((who[0], 0))
        if seen is None or len(data) < 8 or data[0] != frames.ECHO_REPLY:
            return
        answer = frames.build_icmp(frames.ECHO_REPLY, 0, key[1].to_bytes(2, "big") + data[6:8], data[8:])
        self.station.send_ip(Ip(seen[0], key[0], frames.ICMP, answer))

    def __str__(self) -> str:
        return ", ".join(ip_text(guest) for guest, _ in self.flows)
