"""NAT on this host: rules go into the table `tme` of nftables and nowhere else, forwarding is switched on.

Both are put back at the end. Several machines share the table: each has a chain of its own, the last one that
leaves removes the table, and switches forwarding off if it was off before the first came.
"""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

from hostnet.nat.rules import NOTE, NOTES, RA_NOTE, TABLE, Nat
from tme.errors import TmeError

SYSCTL = Path("/proc/sys/net")
FORWARD = {"ip": SYSCTL / "ipv4/ip_forward", "ip6": SYSCTL / "ipv6/conf/all/forwarding"}


def nft(commands: list[dict[str, Any]]) -> Any:
    """Run commands of libnftables' JSON as one transaction; returns what it answers, parsed or None."""
    try:
        done = subprocess.run(
            ["nft", "-j", "-f", "-"],
            input=json.dumps({"nftables": commands}),
            capture_output=True,
            text=True,
            timeout=30,
        )
    except FileNotFoundError:
        raise TmeError(
            "NAT needs the program `nft`: install the package nftables, or say `nat none`"
        ) from None
    except subprocess.TimeoutExpired:
        raise TmeError("`nft` does not answer") from None
    if done.returncode:
        raise TmeError(f"nft refuses: {(done.stderr or done.stdout).strip().splitlines()[0]}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def chains(family: str) -> set[str]:
    """Names of the chains in our table."""
    try:
        found = nft([{"list": {"table": {"family": family, "name": TABLE}}}])
    except TmeError:
        return set()
    return {item["chain"]["name"] for item in (found or {}).get("nftables", ()) if "chain" in item}


class AppliedNat:
    """A NAT in force until `close`. keep: leave it there. Raises TmeError with what is missing."""

    def __init__(self, nat: Nat, keep: bool = False) -> None:
        self.nat = nat
        self.keep = keep
        self._closed = False
        try:
            self._apply()
        except OSError as error:
            raise TmeError(f"cannot switch on forwarding ({error.filename}): {error.strerror}") from None

    def _apply(self) -> None:
        """Rules first, with notes in them of what is about to change."""
        forward, notes = FORWARD[self.nat.family], []
        if forward.read_text().strip() == "0":
            notes.append(NOTE)
        routers = self._accept_ra()
        if routers.exists() and routers.read_text().strip() == "1":
            # a host that forwards listens to routers only when told so
            notes.append(f"{RA_NOTE}{socket.if_nametoindex(self.nat.outside)}")
        nft(self.nat.nft_add(notes))
        if len(notes) > 1 or (notes and notes[0] != NOTE):
            routers.write_text("2")
        if NOTE in notes:
            forward.write_text("1")

    def _accept_ra(self, name: str | None = None) -> Path:
        """The setting for IPv6; there is none for IPv4."""
        family = "ipv6" if self.nat.family == "ip6" else "none"
        return SYSCTL / family / "conf" / (name or self.nat.outside) / "accept_ra"

    def close(self) -> None:
        """Remove our rules; harmless when that has been done, or when somebody else did it."""
        if self._closed or self.keep:
            return
        self._closed = True
        family = self.nat.family
        try:
            if self.nat.chain in chains(family):
                nft(self.nat.nft_delete())
            left = chains(family)
            if all(name.startswith(NOTES) for name in left):
                nft([{"delete": {"table": {"family": family, "name": TABLE}}}])
                for note in left:
                    self._put_back(note)
        except (TmeError, OSError):
            pass

    def _put_back(self, note: str) -> None:
        if note == NOTE:
            FORWARD[self.nat.family].write_text("0")
            return
        name = socket.if_indextoname(int(note.removeprefix(RA_NOTE)))
        self._accept_ra(name).write_text("1")
