"""NAT on this host: rules go into the table `tme` of nftables and nowhere else, forwarding is switched on.

Both are put back at the end. Several machines share the table: each has a chain of its own, the last one that
leaves removes the table, and switches forwarding off if it was off before the first came.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from hostnet.nat.rules import FAMILY, NOTE, TABLE, Nat
from tme.errors import TmeError

FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


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


def chains() -> set[str]:
    """Names of the chains in our table."""
    try:
        found = nft([{"list": {"table": {"family": FAMILY, "name": TABLE}}}])
    except TmeError:
        return set()
    return {item["chain"]["name"] for item in (found or {}).get("nftables", ()) if "chain" in item}


class AppliedNat:
    """A NAT in force until `close`. keep: leave it there. Raises TmeError with what is missing."""

    def __init__(self, nat: Nat, keep: bool = False) -> None:
        self.nat = nat
        self.keep = keep
        try:
            was_on = FORWARD.read_text().strip() == "1"
            nft(nat.nft_add(note=not was_on))
            if not was_on:
                FORWARD.write_text("1")
        except OSError as error:
            raise TmeError(f"cannot switch on forwarding ({FORWARD}): {error.strerror}") from None
        self._closed = False

    def close(self) -> None:
        """Remove our rules; harmless when that has been done, or when somebody else did it."""
        if self._closed or self.keep:
            return
        self._closed = True
        try:
            if self.nat.chain in chains():
                nft(self.nat.nft_delete())
            left = chains()
            if left <= {NOTE}:
                nft([{"delete": {"table": {"family": FAMILY, "name": TABLE}}}])
                if NOTE in left:
                    FORWARD.write_text("0")
        except (TmeError, OSError):
            pass
