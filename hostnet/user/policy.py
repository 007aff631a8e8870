"""What the guest of a user-mode network may reach, and which host address stands behind the ones it sees."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hostnet import frames
from hostnet.frames import ip_text, parse_ip

LOOPBACK, LOOPBACK6 = "127.0.0.1", "::1"
RESOLV_CONF = Path("/etc/resolv.conf")
PREFIX = b"\x52\x55"
"""The gateway's Ethernet address is this and its IP address: locally administered, as libslirp's."""
Endpoint = tuple[str, int]


@dataclass(frozen=True)
class Setup:
    """A user-mode network as its statement says. guest: the first client; nameserver: the real one;
    gateway6: in a network of 64 bits, the name server is next to it."""

    gateway: bytes
    netmask: bytes
    dns: bytes
    guest: bytes
    nameserver: str | None = None
    hostname: str | None = None
    dhcp: bool = True
    restrict: bool = False
    host_loopback: bool = False
    gateway6: bytes | None = None

    @property
    def network(self) -> bytes:
        """The address of the guest's network."""
        return bytes(a & b for a, b in zip(self.gateway, self.netmask, strict=True))

    def local(self, ip: bytes) -> bool:
        """Whether an address is on the guest's network."""
        return bytes(a & b for a, b in zip(ip, self.netmask, strict=True)) == self.network

    def is_host(self, ip: bytes) -> bool:
        """Whether an address may be that of a host of the guest's network: neither its first nor its last."""
        host = int.from_bytes(ip, "big") & ~int.from_bytes(self.netmask, "big") & 0xFFFF_FFFF
        last = ~int.from_bytes(self.netmask, "big") & 0xFFFF_FFFF
        return self.local(ip) and host not in (0, last)

    @property
    def dns6(self) -> bytes:
        """The name server that the guest sees by IPv6."""
        assert self.gateway6 is not None
        return (int.from_bytes(self.gateway6, "big") + 1).to_bytes(16, "big")

    def local6(self, ip: bytes) -> bool:
        """Whether an address is on the guest's IPv6 network."""
        return self.gateway6 is not None and ip[:8] == self.gateway6[:8]


def world6(ip: bytes) -> bool:
    """Whether an IPv6 address may be somebody elsewhere: not the host itself, a link's or a group's."""
    return ip[0] not in (0, 0xFF) and not (ip[0] == 0xFE and ip[1] & 0xC0 == 0x80)


@dataclass
class Policy:
    """gateway, dns: addresses that the guest sees; local: whether an address is on its own network."""

    gateway: bytes
    dns: bytes
    local: Callable[[bytes], bool]
    nameserver: str | None = None
    restrict: bool = False
    host_loopback: bool = False
    setup: Setup | None = None

    def outside(self, ip: bytes, port: int) -> Endpoint | None:
        """Where a packet of the guest goes; None when it may not."""
        if len(ip) == 16:
            return self._outside6(ip, port)
        if ip == self.dns and port == 53:
            return (self.nameserver, 53) if self.nameserver else None
        if ip == self.gateway:
            return (LOOPBACK, port) if self.host_loopback else None
        # 0.0.0.0/8 and 127.0.0.0/8 would be this host
        if self.restrict or self.local(ip) or ip[0] in (0, 127) or ip[0] >= 224 or not port:
            return None
        return ip_text(ip), port

    def _outside6(self, ip: bytes, port: int) -> Endpoint | None:
        setup = self.setup
        assert setup is not None
        if ip == setup.dns6 and port == 53:
            return (self.nameserver, 53) if self.nameserver else None
        if ip == setup.gateway6:
            return (LOOPBACK6, port) if self.host_loopback else None
        if self.restrict or setup.local6(ip) or not world6(ip) or not port:
            return None
        return ip_text(ip), port

    def is_world(self, ip: bytes) -> bool:
        """Whether an address means the same to the guest as to the host."""
        if len(ip) == 16:
            return world6(ip) and not (self.setup is not None and self.setup.local6(ip))
        return not self.local(ip) and ip[0] not in (0, 127) and ip[0] < 224


def family(place: Endpoint) -> int:
    """Of sockets for an address."""
    return socket.AF_INET6 if ":" in place[0] else socket.AF_INET


def host_nameserver(file: Path = RESOLV_CONF) -> str | None:
    """The host's first IPv4 name server, None when there is none."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            try:
                return ip_text(parse_ip(words[1]))
            except ValueError:
                continue
    return None


@dataclass(frozen=True)
class Forward:
    """A port of the host's loopback that leads to a port of the guest (guest None: the first client)."""

    protocol: int
    port: int
    guest: bytes | None
    guest_port: int


def forward(word: str) -> Forward:
    """`[tcp/|udp/]PORT=[ADDRESS/]PORT`. ValueError completes "bad value ...: "."""
    match = re.fullmatch(r"(?:(tcp|udp)/)?(\d{1,5})=(?:([\d.]+)/)?(\d{1,5})", word)
    if match is None or not (int(match[2]) < 65536 and 0 < int(match[4]) < 65536):
        raise ValueError(
            "[tcp/|udp/]PORT=[ADDRESS/]PORT such as 2222=22 or udp/5353=10.0.2.15/53 is expected"
        )
    guest = parse_ip(match[3]) if match[3] else None
    return Forward(frames.UDP if match[1] == "udp" else frames.TCP, int(match[2]), guest, int(match[4]))


forward.metavar = "PORT=PORT"  # type: ignore[attr-defined]
