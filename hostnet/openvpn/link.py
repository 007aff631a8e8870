"""host/openvpn/socket/link: a cable to another machine, over UDP or TCP.

    link0 at ie0: tme/host/openvpn/socket/link --remote 192.0.2.7 --secret key
    link0 at ie0: tme/host/openvpn/socket/link --proto tcp-server --ca ca.pem --cert me.pem --key me.key

Without a key it is not encrypted, and speaks with `openvpn --dev tap` in point-to-point mode without keys.
With --secret, and with certificates over TCP, the other end has to be one of ours.
"""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from hostnet.end import RATE, HostEnd
from hostnet.openvpn import options, sockets
from hostnet.openvpn.peer import Peer
from hostnet.openvpn.seal import primitives, read_key
from hostnet.openvpn.sockets import Address
from hostnet.openvpn.stream import Stream, tls_context
from hostnet.poller import Poller
from tme.args import Args
from tme.errors import TmeError

if TYPE_CHECKING:
    from tme.machine import Machine

AT_ONCE = 64
CANDIDATES = 8
"""Connections that have not shown yet who they are."""
PATIENCE = 10_000_000_000
"""How long they may take."""


class Link(HostEnd):
    """One end of a link."""

    module = "host/openvpn/socket/link"
    summary = "a link to another machine over UDP or TCP, by options of OpenVPN"
    params = (RATE, options.OPTIONS)

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.poller = Poller(machine)
        try:
            self.settings = options.link(args["--OPTION"])
            key = read_key(self.settings.secret) if self.settings.secret else None
            if key:
                primitives()
            self.context = tls_context(self.settings) if self.settings.tls else None
            self.peer = Peer(self.settings, key, machine.clock, self._nowhere, self.wire.send, self._silent)
            self.carrier: Udp | TcpServer | TcpClient = CARRIERS[self.settings.proto](self)
        except TmeError as error:
            self.poller.close()
            raise self.error(error.message) from None
        if not key and not self.settings.tls:
            self.log("this link is not encrypted", 1)

    @staticmethod
    def _nowhere(packet: bytes) -> None:
        """Nobody is there yet."""

    def from_guest(self, frame: bytes) -> None:
        self.peer.frame(frame)

    def reset(self) -> None:
        self.poller.start()
        self.carrier.start()

    def _silent(self) -> None:
        self.log("the other end is silent", 1)
        self.carrier.restart()

    def close(self) -> None:
        super().close()
        self.peer.stop()
        self.carrier.close()
        self.poller.close()


class Udp:
    """Datagrams. The other end is --remote, or whoever speaks first; with --float it may move."""

    def __init__(self, link: Link) -> None:
        self.link, self.settings = link, link.settings
        self.remote: Address | None = None
        family = None
        if self.settings.remote is not None:
            family, self.remote = sockets.resolve(
                self.settings.remote, self.settings.rport, socket.SOCK_DGRAM
            )
        self._configured = self.remote
        self._asking: Address | None = None
        self.socket = sockets.bound(self.settings, socket.SOCK_DGRAM, family)
        self._started = False

    def start(self) -> None:
        if not self._started:
            self._started = True
            self.link.peer.wire(self._send)
            self.link.poller.watch(self.socket.fileno(), self._readable)
            self.link.peer.start()

    def restart(self) -> None:
        """Try anew, at the address where it all began."""
        self.remote = self._configured
        if self.link.peer.seal:
            self.link.peer.seal.restart()

    def _send(self, packet: bytes) -> None:
        to = self._asking or self.remote
        if to is not None and self.socket.fileno() >= 0:
            try:
                self.socket.sendto(packet, to)
            except OSError:  # nobody there, no route, too large: as on any network
                pass

    def _readable(self) -> None:
        for _ in range(AT_ONCE):
            try:
                data, sender = self.socket.recvfrom(65_536)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error
                continue
            self._datagram(data, sender)

    def _datagram(self, data: bytes, sender: Address) -> None:
        if sender[:2] == (self.remote or ())[:2]:
            self.link.peer.packet(data)
            return
        if self.remote is not None and not self.settings.float:
            return
        self._asking = sender  # what is said during this call goes there
        try:
            good = self.link.peer.packet(data)
        finally:
            self._asking = None
        if good:
            self.link.log(f"the other end is {sockets.show(sender)}", 1)
            self.remote = sender

    def close(self) -> None:
        self.link.poller.forget(self.socket.fileno())
        self.socket.close()


class Tcp:
    """What both ends of TCP have in common: the one stream in use."""

    def __init__(self, link: Link) -> None:
        self.link, self.settings = link, link.settings
        self.current: Stream | None = None
        self.candidates: list[Stream] = []
        self.closed = False

    def stream(self, connection: socket.socket, connecting: bool = False) -> None:
        """Take a new connection; it is used when it has shown who it is."""
        made = Stream(
            self.link.poller, connection, self._ready, self._packet, self._gone, self.link.context,
            self.settings, connecting,
        )  # fmt: skip
        if made is not self.current and not made.closed:
            self.candidates.append(made)
            if not connecting:
                self.link.machine.clock.after(PATIENCE, lambda: self._too_slow(made))

    def _too_slow(self, stream: Stream) -> None:
        if stream in self.candidates:
            self.candidates.remove(stream)
            stream.close()

    def _ready(self, stream: Stream) -> None:
        if self.link.peer.seal is None or self.current is None:
            self._use(stream)

    def _use(self, stream: Stream) -> None:
        old, self.current = self.current, stream
        if old is not None and old is not stream:
            old.close()
        if stream in self.candidates:
            self.candidates.remove(stream)
        self.link.peer.wire(stream.send)
        if self.link.peer.seal and self.link.peer.seal.session is not None:
            self.link.peer.seal.restart()
        self.link.peer.start()

    def _packet(self, stream: Stream, packet: bytes) -> None:
        peer = self.link.peer
        if stream is self.current:
            peer.packet(packet)
            return
        before = self.current
        peer.wire(stream.send)
        good = peer.packet(packet)
        if good:
            if before is not None:
                before.close()
            self.current = stream
        elif before is not None:
            peer.wire(before.send)

    def _gone(self, stream: Stream, why: str) -> None:
        self.link.log(f"connection: {why}", 1)
        if stream in self.candidates:
            self.candidates.remove(stream)
        if stream is self.current or self.current is None:
            self.current = None
            self.link.peer.wire(self.link._nowhere)
            self.lost()

    def lost(self) -> None:
        """The connection in use has ended."""

    def restart(self) -> None:
        if self.current is not None:
            stream = self.current
            stream.close()
            self._gone(stream, "given up")

    def close(self) -> None:
        self.closed = True
        for stream in (self.current, *self.candidates):
            if stream is not None:
                stream.close()


class TcpServer(Tcp):
    """Waits for the other end. Without encryption the first one keeps the line until it has gone."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self.socket = sockets.bound(self.settings, socket.SOCK_STREAM)
        self.socket.listen(CANDIDATES)

    def start(self) -> None:
        self.link.poller.watch(self.socket.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            connection, sender = self.socket.accept()
        except OSError:
            return
        open_line = self.current is not None and self.link.peer.seal is None and self.link.context is None
        if open_line or len(self.candidates) >= CANDIDATES or not self._welcome(sender):
            connection.close()
            return
        self.stream(connection)

    def _welcome(self, sender: Address) -> bool:
        """With --remote only that host may call, unless it may --float."""
        if self.settings.remote is None or self.settings.float:
            return True
        try:
            _, wanted = sockets.resolve(self.settings.remote, 0, socket.SOCK_STREAM)
        except TmeError:
            return False
        return bool(wanted[0] == sender[0])

    def close(self) -> None:
        super().close()
        self.link.poller.forget(self.socket.fileno())
        self.socket.close()


class TcpClient(Tcp):
    """Calls the other end, again and again."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        assert self.settings.remote is not None
        self.family, self.address = sockets.resolve(
            self.settings.remote, self.settings.rport, socket.SOCK_STREAM
        )
        self._started = False

    def start(self) -> None:
        if not self._started:
            self._started = True
            self._call()

    def _call(self) -> None:
        if self.closed:
            return
        connection = socket.socket(self.family, socket.SOCK_STREAM)
        connection.setblocking(False)
        if connection.connect_ex(self.address) in (0, errno.EINPROGRESS):
            self.stream(connection, connecting=True)
        else:
            connection.close()
            self.lost()

    def lost(self) -> None:
        if not self.closed:
            self.link.machine.clock.after(self.settings.retry_ns, self._call)


CARRIERS: dict[str, type[Udp] | type[TcpServer] | type[TcpClient]] = {
    "udp": Udp,
    "tcp-server": TcpServer,
    "tcp-client": TcpClient,
}
