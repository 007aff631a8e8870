"""TCP of the guest as sockets of this process, and connections to host ports as connections to the guest."""

from __future__ import annotations

import errno
import random
import socket
from typing import TYPE_CHECKING

from hostnet import frames
from hostnet.frames import Ip, ip_text
from hostnet.user import segment as tcp
from hostnet.user.policy import LOOPBACK, Endpoint, Forward, Policy, family
from hostnet.user.segment import Segment
from hostnet.user.tcp import Connection

if TYPE_CHECKING:
    from hostnet.poller import Poller
    from hostnet.station import Station

FLOWS = 512
CHUNK = 65_536
Key = tuple[bytes, int, bytes, int]
"""Guest address and port, then address and port that the guest sees."""
FIRST_PORT, LAST_PORT = 49_152, 65_535


class TcpNat:
    """All TCP connections of a user-mode network."""

    def __init__(self, station: Station, policy: Policy, poller: Poller) -> None:
        self.station, self.policy, self.poller = station, policy, poller
        self.flows: dict[Key, Flow] = {}
        self.listeners: list[socket.socket] = []
        self.random = random.Random(0x7E57)  # runs repeat
        self._port = FIRST_PORT

    def packet(self, packet: Ip) -> None:
        """A TCP packet of the guest."""
        segment = tcp.parse(packet)
        if segment is None:
            self.station.bad += 1
            return
        key = packet.source, segment.sport, packet.destination, segment.dport
        flow = self.flows.get(key)
        if flow is not None:
            flow.segment(segment)
            return
        if segment.flags & (tcp.SYN | tcp.ACK | tcp.RST) == tcp.SYN and len(self.flows) < FLOWS:
            place = self.policy.outside(packet.destination, segment.dport)
            if place is not None and (opened := Flow.outward(self, key, packet, segment, place)):
                self.flows[key] = opened
                return
        self.refuse(packet, segment)

    def refuse(self, packet: Ip, segment: Segment) -> None:
        """Answer with a RST."""
        answer = tcp.reset_for(packet, segment)
        if answer is not None:
            self.station.send_ip(answer)

    def listen(self, rule: Forward, guest: bytes) -> None:
        """Lead a port of the host's loopback to the guest; OSError when it cannot be had."""
        listener = socket.create_server((LOOPBACK, rule.port))
        listener.setblocking(False)
        self.listeners.append(listener)
        self.poller.watch(
            listener.fileno(), lambda: self._accept(listener, rule.guest or guest, rule.guest_port)
        )

    def _accept(self, listener: socket.socket, guest: bytes, port: int) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        key = self._free_key(guest, port)
        if key is None:
            connection.close()
        else:
            self.flows[key] = Flow.inward(self, key, connection)

    def _free_key(self, guest: bytes, port: int) -> Key | None:
        if len(self.flows) >= FLOWS:
            return None
        while True:
            self._port = self._port + 1 if self._port < LAST_PORT else FIRST_PORT
            key = guest, port, self.policy.gateway, self._port
            if key not in self.flows:
                return key

    def close(self) -> None:
        """End everything; the guest is not told."""
        for flow in list(self.flows.values()):
            flow.drop()
        for listener in self.listeners:
            self.poller.forget(listener.fileno())
            listener.close()
        self.listeners.clear()


class Flow:
    """One connection: a socket of the host on one side, the guest on the other."""

    def __init__(self, nat: TcpNat, key: Key, connection: socket.socket) -> None:
        self.nat, self.key, self.socket = nat, key, connection
        self.end = Connection(
            nat.station.clock,
            key[2:],
            key[:2],
            nat.station.send_ip,
            self._changed,
            nat.random.getrandbits(32),
        )
        self.syn: tuple[Ip, Segment] | None = None
        """The guest's SYN, while the host's connection is being made."""
        self._ended = self._shut = self._full = self._closed = False

    @classmethod
    def outward(cls, nat: TcpNat, key: Key, packet: Ip, syn: Segment, place: Endpoint) -> Flow | None:
        """The guest connects to `place`; None when that fails at once."""
        try:
            connection = socket.socket(family(place), socket.SOCK_STREAM)
        except OSError:  # out of descriptors
            return None
        connection.setblocking(False)
        if connection.connect_ex(place) not in (0, errno.EINPROGRESS):
            connection.close()
            return None
        flow = cls(nat, key, connection)
        flow.syn = packet, syn
        flow._watch()
        return flow

    @classmethod
    def inward(cls, nat: TcpNat, key: Key, connection: socket.socket) -> Flow:
        """Somebody on the host connects to the guest."""
        connection.setblocking(False)
        flow = cls(nat, key, connection)
        flow.end.connect()
        flow._watch()
        return flow

    def segment(self, segment: Segment) -> None:
        """A segment of the guest."""
        if self.syn is None:
            self.end.segment(segment)
        elif segment.flags & tcp.RST:
            self.drop()

    def drop(self) -> None:
        """Forget the connection."""
        if not self._closed:
            self._closed = True
            self.nat.poller.forget(self.socket.fileno())
            self.socket.close()
            self.nat.flows.pop(self.key, None)

    # ---- the host's side -------------------------------------------------------------------------------

    def _watch(self) -> None:
        if self._closed:
            return
        reading = self.syn is None and not self._ended and self.end.established and self.end.room > 0
        writing = self.syn is not None or self._full
        self.nat.poller.watch(
            self.socket.fileno(), self._readable if reading else None, self._writable if writing else None
        )

    def _writable(self) -> None:
        if self.syn is None:
            self._full = False
            self._changed()
            return
        packet, syn = self.syn
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self.drop()
            if error in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT):
                self.nat.station.refuse(packet, frames.HOST)
            else:
                self.nat.refuse(packet, syn)
            return
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.syn = None
        self.end.accept(syn)
        self._watch()

    def _readable(self) -> None:
        try:
            data = self.socket.recv(min(self.end.room, CHUNK))
        except BlockingIOError:
            return
        except OSError:
            self.end.abort()
            return
        if data:
            self.end.write(data)
        else:
            self._ended = True
            self.end.finish()
        self._watch()

    # ---- the guest's side ------------------------------------------------------------------------------

    def _changed(self) -> None:
        """Something happened at the guest's end: pass on what it sent."""
        if self._closed:
            return
        if not self._flush() or self.end.dead:
            if self.end.reset or not self.end.dead:
                # a reset is handed on as one
                linger = b"\1\0\0\0\0\0\0\0"
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.drop()
            self.end.abort()
            return
        if self.end.finished and not self.end.received and not self._shut:
            self._shut = True
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        self._watch()

    def _flush(self) -> bool:
        """Write what the guest sent; False when the host's side is broken."""
        received = self.end.received
        while received and not self._full:
            try:
                self.end.take(self.socket.send(received[:CHUNK]))
            except BlockingIOError:
                self._full = True
            except OSError:
                return False
        return True

    def __str__(self) -> str:
        guest, port, other, other_port = self.key
        return f"tcp {ip_text(guest)}:{port} - {ip_text(other)}:{other_port}"
