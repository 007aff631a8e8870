"""bootparams: a diskless client asks who it is, and where its root and swap are. Source: bootparam_prot.x."""

from __future__ import annotations

from collections.abc import Callable

from hostnet.services import xdr
from hostnet.services.rpc import Caller, Program
from hostnet.services.xdr import Reader

PROGRAM, PORT = 100_026, 670
NAME, PATH, KEY = 255, 1024, 32
INTERNET = 1


def address(ip: bytes) -> bytes:
    """An address: its type, and each byte in a word."""
    return xdr.uints(INTERNET, *ip)


class Bootparams:
    """name: of the client with an address, or None; files: key -> path on this server."""

    def __init__(
        self,
        server: tuple[str, bytes],
        router: bytes,
        domain: str,
        name: Callable[[bytes], str | None],
        files: dict[str, str],
        netmask: str,
    ) -> None:
        self.server, self.router, self.domain = server, router, domain
        self.name, self.files, self.netmask = name, files, netmask
        self.program = Program(PROGRAM, (1,), PORT, {0: lambda r, c: b"", 1: self._whoami, 2: self._getfile})

    def _whoami(self, reader: Reader, caller: Caller) -> bytes | None:
        kind, *parts = reader.uints(5)
        name = self.name(bytes(part & 0xFF for part in parts)) if kind == INTERNET else None
        if name is None:
            return None
        return xdr.opaque(name.encode()) + xdr.opaque(self.domain.encode()) + address(self.router)

    def _getfile(self, reader: Reader, caller: Caller) -> bytes | None:
        reader.opaque(NAME)
        key = reader.opaque(KEY).decode("ascii", "replace")
        name, ip = self.server
        if key == "gateway":  # NetBSD: the address is the router, the path its netmask
            return xdr.opaque(b"gateway") + address(self.router) + xdr.opaque(self.netmask.encode())
        if key == "dump" and key not in self.files:
            return xdr.opaque(b"") + address(bytes(4)) + xdr.opaque(b"")
        path = self.files.get(key)
        if path is None:
            return None
        return xdr.opaque(name.encode()) + address(ip) + xdr.opaque(path.encode())
