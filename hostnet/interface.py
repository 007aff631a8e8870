"""Network interfaces of a Linux host: addresses, flags, bridges, by ioctl; the caller needs CAP_NET_ADMIN.

Sources: netdevice(7), ipv6(7), linux/sockios.h, linux/if.h.
"""

from __future__ import annotations

import errno
import fcntl
import ipaddress
import os
import socket
import struct
from pathlib import Path

from hostnet.frames import ip_text

NAME_SIZE = 16
SIOCADDRT = 0x890B
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
SIOCSIFADDR, SIOCSIFBRDADDR, SIOCSIFNETMASK = 0x8916, 0x891A, 0x891C
SIOCGIFHWADDR, SIOCGIFINDEX = 0x8927, 0x8933
SIOCBRADDIF = 0x89A2
IFF_UP = 1
ROUTES, ROUTES6 = Path("/proc/net/route"), Path("/proc/net/ipv6_route")


def privilege(capability: str, action: str, others: str) -> str:
    """The message for a missing privilege; others: what can be done instead."""
    return (
        f"{action} needs the capability {capability}: run as root, or "
        f"`sudo setcap {capability.lower()}+ep $(readlink -f $(which python3))`; {others}"
    )


def name_word(word: str) -> str:
    """An interface name. ValueError completes "bad value ...: "."""
    if not 0 < len(word) < NAME_SIZE or "/" in word or word in (".", "..") or not word.isascii():
        raise ValueError("the name of a network interface, of at most 15 characters, is expected")
    return word


name_word.metavar = "IF"  # type: ignore[attr-defined]


def inet6(word: str) -> tuple[bytes, int]:
    """An IPv6 address with the length of its prefix. ValueError completes "bad value ...: "."""
    try:
        found = ipaddress.IPv6Interface(word if "/" in word else f"{word}/64")
    except ValueError:
        raise ValueError("an IPv6 address such as fd00:77::1/64 is expected") from None
    return found.packed, found.network.prefixlen


inet6.metavar = "ADDRESS"  # type: ignore[attr-defined]


def network(ip: bytes, netmask: bytes) -> str:
    """The network of an address: 10.0.77.0/24."""
    base = int.from_bytes(ip, "big") & int.from_bytes(netmask, "big")
    return f"{ip_text(base.to_bytes(4, 'big'))}/{int.from_bytes(netmask, 'big').bit_count()}"


def class_mask(ip: bytes) -> bytes:
    """The netmask of an address's class."""
    size = 1 if ip[0] < 128 else 2 if ip[0] < 192 else 3
    return b"\xff" * size + b"\0" * (4 - size)


def default_interface() -> str | None:
    """The interface of the host's default route; None when there is none."""
    try:
        lines = ROUTES.read_text().splitlines()[1:]
    except OSError:
        return None
    routes = [line.split() for line in lines]
    found = [(int(r[6]), r[0]) for r in routes if len(r) > 7 and r[1] == "00000000" and r[7] == "00000000"]
    return min(found)[1] if found else None


def default_interface6() -> str | None:
    """The same for IPv6."""
    try:
        routes = [line.split() for line in ROUTES6.read_text().splitlines()]
    except OSError:
        return None
    found = [(int(r[5], 16), r[9]) for r in routes if r[0] == "0" * 32 and r[1] == "00" and r[9] != "lo"]
    return min(found)[1] if found else None


def exists(name: str) -> bool:
    """Whether there is such an interface."""
    try:
        socket.if_nametoindex(name)
    except OSError:
        return False
    return True


class Interface:
    """One interface. All methods raise OSError."""

    def __init__(self, name: str) -> None:
        self.name = name

    def _request(self, code: int, data: bytes = b"", family: int = socket.AF_INET) -> bytes:
        request = self.name.encode().ljust(NAME_SIZE, b"\0") + data.ljust(24, b"\0")
        with socket.socket(family, socket.SOCK_DGRAM) as control:
            return fcntl.ioctl(control, code, request)

    @property
    def mac(self) -> bytes:
        """Its Ethernet address."""
        return self._request(SIOCGIFHWADDR)[18:24]

    def up(self) -> None:
        """Switch it on."""
        flags = struct.unpack_from("H", self._request(SIOCGIFFLAGS), NAME_SIZE)[0]
        self._request(SIOCSIFFLAGS, struct.pack("H", flags | IFF_UP))

    def inet(self, ip: bytes, netmask: bytes, broadcast: bytes | None = None) -> None:
        """Set its IPv4 address."""
        if broadcast is None:
            mask = int.from_bytes(netmask, "big")
            broadcast = (int.from_bytes(ip, "big") | ~mask & 0xFFFFFFFF).to_bytes(4, "big")
        for code, value in ((SIOCSIFADDR, ip), (SIOCSIFNETMASK, netmask), (SIOCSIFBRDADDR, broadcast)):
            self._request(code, struct.pack("HH4s", socket.AF_INET, 0, value))

    def inet6(self, address: bytes, prefix: int) -> None:
        """Add an IPv6 address; again is harmless."""
        index = socket.if_nametoindex(self.name)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
            try:
                fcntl.ioctl(control, SIOCSIFADDR, struct.pack("16sIi", address, prefix, index))
            except OSError as error:
                if error.errno != errno.EEXIST:
                    raise

    def no_inet6(self) -> None:
        """Keep it free of the automatic IPv6 address; without IPv6 there is nothing to do."""
        file = Path("/proc/sys/net/ipv6/conf") / self.name / "disable_ipv6"
        try:
            file.write_text("1")
        except FileNotFoundError:
            pass

    def bridge(self, bridge: str) -> None:
        """Put it into a bridge; again is harmless."""
        if os.path.exists(f"/sys/class/net/{bridge}/brif/{self.name}"):
            return
        index = struct.pack("i", socket.if_nametoindex(self.name))
        try:
            Interface(bridge)._request(SIOCBRADDIF, index)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
