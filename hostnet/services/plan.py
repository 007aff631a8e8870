"""What descriptions say of the servers for diskless machines; the servers themselves: servers.py.

Machines with a network that serve nothing do not wait for those.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tme.args import Flag, Param, Spec, number, path


def host_name(word: str) -> str:
    """A name of a host. ValueError completes "bad value ...: "."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", word):
        raise ValueError("letters, digits and hyphens are expected")
    return word


host_name.metavar = "NAME"  # type: ignore[attr-defined]

FILES: Sequence[Spec] = (
    Param("boot", path, help="what TFTP gives for an address in hex"),
    Param("tftp", path, help="a folder for other names"),
    Param("root", path, help="the folder that is the client's root"),
    Param("swap", path, help="the file that is the client's swap; it has to exist"),
    Flag("writable", help="let the client change its root; swap can always be written"),
    Param("limit", number, default=2000, help="requests answered in a second"),
)
"""Arguments of both elements."""
SERVED = ("boot", "tftp", "root", "swap")
"""Those that say what there is to serve."""


@dataclass(frozen=True)
class Clients:
    """What is told to clients. guest: the first one's address; options: more for DHCP, number -> value."""

    guest: bytes
    router: bytes
    netmask: bytes
    hostname: str = "sun"
    domain: str = ""
    dhcp: bool = True
    options: tuple[tuple[int, bytes], ...] = ()

    def numbered(self, client: int) -> str:
        """A client's name: sun, sun2, sun3, ..."""
        return f"{self.hostname}{client + 1 if client else ''}"

    def number(self, ip: bytes) -> int:
        """Which client has an address; maybe none."""
        return int.from_bytes(ip, "big") - int.from_bytes(self.guest, "big")
