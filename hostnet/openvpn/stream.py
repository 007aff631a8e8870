"""Packets over TCP as OpenVPN sends them, each behind its length in two bytes; with certificates in TLS."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from typing import Any

from hostnet.openvpn.options import Settings
from hostnet.poller import Poller
from tme.errors import TmeError

WAITING = 1 << 20
"""Bytes for a slow network; then frames are lost."""
CHUNK = 65_536
LARGEST = 65_535


def tls_context(settings: Settings) -> ssl.SSLContext:
    """Both ends show certificates of the same authority. Raises TmeError for files that are none."""
    assert settings.ca is not None
    assert settings.cert is not None
    kind = ssl.PROTOCOL_TLS_SERVER if settings.tls_server else ssl.PROTOCOL_TLS_CLIENT
    context = ssl.SSLContext(kind)
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    path = settings.ca
    try:
        context.load_verify_locations(path)
        path = settings.cert
        context.load_cert_chain(path, settings.key)
    except (ssl.SSLError, OSError) as error:
        raise TmeError(f"cannot use {path}: {error.strerror or error}") from None
    return context


def common_name(tls: ssl.SSLObject) -> str | None:
    """The name in the far end's certificate."""
    certificate: Any = tls.getpeercert() or {}
    parts = [pair for part in certificate.get("subject", ()) for pair in part]
    return next((value for name, value in parts if name == "commonName"), None)


class Stream:
    """A TCP connection. ready: it can be used (TLS has agreed); packet: one came; gone: it has ended."""

    def __init__(
        self,
        poller: Poller,
        connection: socket.socket,
        ready: Callable[[Stream], object],
        packet: Callable[[Stream, bytes], object],
        gone: Callable[[Stream, str], object],
        context: ssl.SSLContext | None = None,
        settings: Settings | None = None,
        connecting: bool = False,
    ) -> None:
        self.poller, self.socket = poller, connection
        self._ready, self._packet, self._gone = ready, packet, gone
        self._settings = settings
        self._out = bytearray()
        self._in = bytearray()
        self._connecting = connecting
        self.usable = self.closed = False
        self.lost = 0
        self._tls: ssl.SSLObject | None = None
        if context is not None:
            assert settings is not None
            self._from_net, self._to_net = ssl.MemoryBIO(), ssl.MemoryBIO()
            self._tls = context.wrap_bio(self._from_net, self._to_net, server_side=settings.tls_server)
        connection.setblocking(False)
        if not connecting:
            self._connected()
        else:
            self._watch()

    def send(self, packet: bytes) -> None:
        """Send a packet; lost while the connection is not ready or too slow."""
        if not self.usable or len(packet) > LARGEST or len(self._out) > WAITING:
            self.lost += 1
            return
        data = len(packet).to_bytes(2, "big") + packet
        if self._tls is not None:
            try:
                self._tls.write(data)
            except ssl.SSLError as error:
                self._end(f"TLS: {error.reason or error}")
                return
            data = self._to_net.read()
        self._out += data
        self._flush()

    def close(self) -> None:
        """End it; `gone` is not called."""
        if not self.closed:
            self.closed, self.usable = True, False
            self.poller.forget(self.socket.fileno())
            self.socket.close()

    # ---- the socket ------------------------------------------------------------------------------------

    def _watch(self) -> None:
        if not self.closed:
            read = None if self._connecting else self._readable
            write = self._writable if self._connecting or self._out else None
            self.poller.watch(self.socket.fileno(), read, write)

    def _end(self, why: str) -> None:
        if not self.closed:
            self.close()
            self._gone(self, why)

    def _connected(self) -> None:
        self._connecting = False
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            self._usable()
        else:
            self._handshake()
        self._watch()

    def _usable(self) -> None:
        self.usable = True
        self._ready(self)

    def _writable(self) -> None:
        if self._connecting:
            error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                self._end(os.strerror(error))
            else:
                self._connected()
            return
        self._flush()

    def _flush(self) -> None:
        if self._out and not self.closed and not self._connecting:
            try:
                del self._out[: self.socket.send(self._out)]
            except BlockingIOError:
                pass
            except OSError as error:
                self._end(error.strerror or str(error))
                return
        self._watch()

    def _readable(self) -> None:
        try:
            data = self.socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error.strerror or str(error))
            return
        if not data:
            self._end("closed by the other end")
            return
        if self._tls is None:
            self._in += data
        else:
            self._from_net.write(data)
            if not self._decrypt():
                return
        self._packets()

    def _packets(self) -> None:
        while len(self._in) >= 2 and not self.closed:
            size = self._in[0] << 8 | self._in[1]
            if not size:
                self._end("not a link")
                return
            if len(self._in) < 2 + size:
                return
            packet = bytes(self._in[2 : 2 + size])
            del self._in[: 2 + size]
            self._packet(self, packet)

    # ---- TLS -------------------------------------------------------------------------------------------

    def _handshake(self) -> bool:
        assert self._tls is not None
        assert self._settings is not None
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._out += self._to_net.read()
            self._flush()
            return False
        except ssl.SSLError as error:
            self._out += self._to_net.read()
            self._flush()
            self._end(f"TLS: {error.reason or error}")
            return False
        self._out += self._to_net.read()
        self._flush()
        wanted = self._settings.peer_name
        if wanted is not None and common_name(self._tls) != wanted:
            self._end(f"TLS: the other end is '{common_name(self._tls)}', not '{wanted}'")
            return False
        self._usable()
        return True

    def _decrypt(self) -> bool:
        assert self._tls is not None
        if not self.usable and not self._handshake():
            return False
        try:
            while not self.closed:
                data = self._tls.read(CHUNK)
                if not data:
                    raise ssl.SSLZeroReturnError
                self._in += data
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._end(f"TLS: {error.reason or 'closed by the other end'}")
            return False
        self._out += self._to_net.read()
        self._flush()
        return not self.closed
