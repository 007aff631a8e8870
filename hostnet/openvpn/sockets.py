"""Sockets of links: names to addresses, bound sockets, errors with their cause."""

from __future__ import annotations

import socket
from typing import Any

from hostnet.openvpn.options import Settings
from tme.errors import TmeError

Address = tuple[Any, ...]


def resolve(host: str, port: int, kind: int) -> tuple[int, Address]:
    """Family and address of a host. Raises TmeError when there is none."""
    try:
        found = socket.getaddrinfo(host, port, type=kind)
    except OSError as error:
        raise TmeError(f"cannot find the host '{host}': {error.strerror}") from None
    return found[0][0], found[0][4]


def bound(settings: Settings, kind: int, family: int | None = None) -> socket.socket:
    """A socket that does not block, bound to --local and --lport. Raises TmeError."""
    if settings.local:
        family, address = resolve(settings.local, settings.lport, kind)
    else:
        family = family or socket.AF_INET
        address = ("::" if family == socket.AF_INET6 else "0.0.0.0", settings.lport)
    made = socket.socket(family, kind)
    try:
        made.setblocking(False)
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except OSError as error:
        made.close()
        raise TmeError(f"cannot use port {settings.lport} of {address[0]}: {error.strerror}") from None
    return made


def show(address: Address) -> str:
    """192.0.2.7:1194"""
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"{host}:{address[1]}"
