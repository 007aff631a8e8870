"""host/openvpn/socket/server: a switch for machines elsewhere, each of which has a link to it.

    server0: tme/host/openvpn/socket/server --proto tcp-server --ca ca.pem --cert me.pem --key me.key
    ie0 at server0

Any number of ends of this machine may be connected, as to host/switch.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from hostnet.openvpn import options, sockets
from hostnet.openvpn.peer import Peer
from hostnet.openvpn.seal import primitives, read_key
from hostnet.openvpn.sockets import Address
from hostnet.openvpn.stream import Stream, tls_context
from hostnet.switch import Switch
from tme.args import Args
from tme.errors import TmeError

if TYPE_CHECKING:
    from tme.machine import Machine

CLIENTS = 64
SILENT = 120_000_000_000
"""A client over UDP that says nothing for so long has gone, unless --ping-restart says otherwise."""
AT_ONCE = 64
PATIENCE = 10_000_000_000


class Client:
    """A machine elsewhere, as an end of the switch."""

    def __init__(self, server: Server, name: str) -> None:
        self.server, self.name = server, name
        self.address: Address = ()
        self.stream: Stream | None = None
        self.known = False
        self.peer = Peer(
            server.settings,
            server.key,
            server.machine.clock,
            self._nowhere,
            self._frame,
            lambda: server.drop(self),
        )

    @staticmethod
    def _nowhere(packet: bytes) -> None:
        """Not yet."""

    def __str__(self) -> str:
        return self.name

    def send(self, frame: bytes) -> None:
        """A frame of the switch for this machine."""
        self.peer.frame(frame)

    def _frame(self, frame: bytes) -> None:
        if self.known:
            self.server.take(self, frame)


class Server(Switch):
    """Takes any number of links."""

    module = "host/openvpn/socket/server"
    summary = "a switch whose far ends are links over UDP or TCP, by options of OpenVPN"
    params = (options.OPTIONS,)

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, Args(where=args.where), machine)
        self.args = args
        try:
            self.settings = options.link(args["--OPTION"], server=True)
            self.key = read_key(self.settings.secret) if self.settings.secret else None
            if self.key:
                primitives()
            self.context = tls_context(self.settings) if self.settings.tls else None
            self.udp = self.settings.proto == "udp"
            kind = socket.SOCK_DGRAM if self.udp else socket.SOCK_STREAM
            self.socket = sockets.bound(self.settings, kind)
        except TmeError as error:
            self.poller.close()
            raise self.error(error.message) from None
        if not self.udp:
            self.socket.listen(CLIENTS)
        self.clients: dict[Address, Client] = {}
        self._streams: dict[Stream, Client] = {}
        self._stranger = self._new_client("somebody")
        self._to: Address = ()

    def reset(self) -> None:
        self.poller.watch(self.socket.fileno(), self._readable if self.udp else self._accept)
        self.poller.start()

    def close(self) -> None:
        if not self._closed:
            self.poller.forget(self.socket.fileno())
            self.socket.close()
            for client in (*self.clients.values(), *self._streams.values()):
                client.peer.stop()
            for stream in self._streams:
                stream.close()
        super().close()

    def _new_client(self, name: str) -> Client:
        client = Client(self, name)
        client.peer.wire(lambda packet: self._send(client, packet))
        return client

    def _welcome(self, client: Client) -> None:
        """A client has shown who it is."""
        client.known = True
        self.ends.append(client)
        client.peer.start()
        self.log(f"{client.name} is there", 1)

    def drop(self, client: Client) -> None:
        """A client has gone."""
        self.leave(client)
        client.peer.stop()
        self.clients.pop(client.address, None)
        if client.stream is not None:
            self._streams.pop(client.stream, None)
            client.stream.close()

    # ---- UDP -------------------------------------------------------------------------------------------

    def _send(self, client: Client, packet: bytes) -> None:
        if client.stream is not None:
            client.stream.send(packet)
        elif self.udp and (to := client.address or self._to) and self.socket.fileno() >= 0:
            try:
                self.socket.sendto(packet, to)
            except OSError:
                pass

    def _readable(self) -> None:
        for _ in range(AT_ONCE):
            try:
                data, sender = self.socket.recvfrom(65_536)
            except BlockingIOError:
                return
            except OSError:
                continue
            client = self.clients.get(sender)
            if client is not None:
                client.peer.packet(data)
            else:
                self._datagram(data, sender)

    def _datagram(self, data: bytes, sender: Address) -> None:
        """From an address that is not known: a new client, or one that has moved."""
        if self.settings.float and self.key:
            for client in list(self.clients.values()):
                if client.peer.seal and client.peer.seal.session and client.peer.packet(data):
                    del self.clients[client.address]
                    client.address = sender
                    self.clients[sender] = client
                    return
        if len(self.clients) >= CLIENTS:
            self._forget_silent()
            if len(self.clients) >= CLIENTS:
                return
        newcomer = self._stranger
        self._to = sender
        good = newcomer.peer.packet(data)
        self._to = ()
        if good:
            newcomer.address, newcomer.name = sender, sockets.show(sender)
            self.clients[sender] = newcomer
            self._stranger = self._new_client("somebody")
            self._welcome(newcomer)
            if not self.key:
                newcomer.peer.packet(data)  # its first frame counts, too

    def _forget_silent(self) -> None:
        limit = self.machine.clock.now - (self.settings.restart_ns or SILENT)
        for client in [c for c in self.clients.values() if c.peer.heard < limit]:
            self.drop(client)

    # ---- TCP -------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        try:
            connection, sender = self.socket.accept()
        except OSError:
            return
        if len(self._streams) >= CLIENTS:
            connection.close()
            return
        client = self._new_client(sockets.show(sender))
        stream = Stream(
            self.poller, connection, lambda s: self._ready(client, s), lambda s, p: self._packet(client, p),
            lambda s, why: self._gone(client, why), self.context, self.settings,
        )  # fmt: skip
        if stream.closed:
            return
        client.stream = stream
        self._streams[stream] = client
        self.machine.clock.after(PATIENCE, lambda: None if client.known else self.drop(client))

    def _ready(self, client: Client, stream: Stream) -> None:
        client.stream = stream
        if self.key:
            client.peer.start()
        else:
            self._welcome(client)

    def _packet(self, client: Client, packet: bytes) -> None:
        if client.peer.packet(packet) and not client.known:
            self._welcome(client)

    def _gone(self, client: Client, why: str) -> None:
        self.log(f"{client.name}: {why}", 1)
        self.drop(client)
