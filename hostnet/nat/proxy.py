"""Instead of NAT: the host answers for the guest on its own network, by proxy ARP and proxy NDP.

The guest has addresses of that network; only those named in the description are led to it, as a guest that
took somebody else's would cut that machine off. Everything is put back at the end.
Sources: Linux ip-sysctl; RFC 1027, 4389.
"""

from __future__ import annotations

import ipaddress
import socket
import subprocess
from pathlib import Path

from tme.errors import TmeError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
SYSCTL = Path("/proc/sys/net")
NEIGHBOURS = 64
"""IPv6 addresses of the network that the host answers for towards the guest."""
SOLICITATION = 135


def address(word: str) -> Address:
    """An IPv4 or IPv6 address. ValueError completes "bad value ...: "."""
    try:
        return ipaddress.ip_address(word)
    except ValueError:
        raise ValueError("an address such as 192.168.1.50 or fd00::50 is expected") from None


address.metavar = "ADDRESS"  # type: ignore[attr-defined]


def ip(*words: str) -> None:
    """Run `ip`. Raises TmeError."""
    try:
        done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=10)
    except FileNotFoundError:
        raise TmeError("a proxy needs the program `ip`: install the package iproute2") from None
    if done.returncode:
        raise TmeError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Proxy:
    """In force until `close`. inside: the TAP; outside: the interface of the network."""

    def __init__(self, inside: str, outside: str, guests: list[Address]) -> None:
        self.inside, self.outside = inside, outside
        self._saved: dict[Path, str] = {}
        self._undo: list[tuple[str, ...]] = []
        self._answered: set[bytes] = set()
        self.inet6 = any(guest.version == 6 for guest in guests)
        try:
            self._switch(any(guest.version == 4 for guest in guests))
            for guest in guests:
                self._lead(guest)
        except (OSError, TmeError) as error:
            self.close()
            if isinstance(error, TmeError):
                raise
            raise TmeError(f"cannot switch on the proxy ({error.filename}): {error.strerror}") from None

    def _switch(self, inet: bool) -> None:
        if inet:
            for name in (self.inside, self.outside):
                self._set(f"ipv4/conf/{name}/proxy_arp", "1")
            self._set(f"ipv4/neigh/{self.outside}/proxy_delay", "0")
            self._set(f"ipv4/neigh/{self.inside}/proxy_delay", "0")
            self._set("ipv4/ip_forward", "1")
        if self.inet6:
            # a host that forwards listens to routers only when told so
            if self._get(f"ipv6/conf/{self.outside}/accept_ra") == "1":
                self._set(f"ipv6/conf/{self.outside}/accept_ra", "2")
            for name in (self.inside, self.outside):
                self._set(f"ipv6/conf/{name}/proxy_ndp", "1")
            self._set("ipv6/conf/all/forwarding", "1")

    @staticmethod
    def _get(name: str) -> str:
        return (SYSCTL / name).read_text().strip()

    def _set(self, name: str, value: str) -> None:
        file = SYSCTL / name
        before = file.read_text().strip()
        if before != value:
            file.write_text(value)
            self._saved[file] = before

    def _lead(self, guest: Address) -> None:
        """Packets for the guest go to the TAP, and the network is told to send them here."""
        family = f"-{guest.version}"
        ip(family, "route", "add", f"{guest}/{guest.max_prefixlen}", "dev", self.inside)
        self._undo.append((family, "route", "del", f"{guest}/{guest.max_prefixlen}", "dev", self.inside))
        if guest.version == 6:
            self._answer(guest.packed, self.outside)

    def _answer(self, target: bytes, interface: str) -> None:
        shown = socket.inet_ntop(socket.AF_INET6, target)
        ip("-6", "neigh", "replace", "proxy", shown, "dev", interface)
        self._undo.append(("-6", "neigh", "del", "proxy", shown, "dev", interface))

    def see(self, frame: bytes) -> None:
        """A frame of the guest. Linux answers by proxy only for single IPv6 addresses: those it asks for."""
        if not self.inet6 or frame[12:14] != b"\x86\xdd" or len(frame) < 78:
            return
        target = frame[62:78]
        if frame[20] != 58 or frame[54] != SOLICITATION or target[0] & 0xFE == 0xFE:
            return
        if frame[22:38] != bytes(16) and target not in self._answered and len(self._answered) < NEIGHBOURS:
            self._answered.add(target)
            try:
                self._answer(target, self.inside)
            except TmeError:
                self._answered.discard(target)

    def close(self) -> None:
        """Put everything back; harmless when that has been done."""
        for words in reversed(self._undo):
            try:
                ip(*words)
            except TmeError:
                pass
        for file, value in reversed(self._saved.items()):
            try:
                file.write_text(value)
            except OSError:
                pass
        self._undo.clear()
        self._saved.clear()
