"""One description of a NAT, and its text for the packet filters of Linux, NetBSD and FreeBSD/OpenBSD/macOS.

Sources: nft(8), libnftables-json(5), npf.conf(5), pf.conf(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

FAMILY, TABLE = "ip", "tme"
NOTE = "forwarding_was_off"
"""A chain without rules: whoever leaves last switches forwarding off again."""


@dataclass(frozen=True)
class Nat:
    """Packets of `network` behind the interface `inside` leave by `outside` with its address."""

    inside: str
    outside: str
    network: str

    @property
    def chain(self) -> str:
        """The name of our chain in the table."""
        return "nat_" + re.sub(r"[^A-Za-z0-9_]", "_", self.inside)

    # ---- nftables --------------------------------------------------------------------------------------

    def nft(self) -> str:
        """The ruleset, for `nft -f`."""
        return (
            f"table {FAMILY} {TABLE} {{\n"
            f"\tchain {self.chain} {{\n"
            f"\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
            f'\t\tip saddr {self.network} oifname "{self.outside}" masquerade\n'
            f"\t}}\n}}\n"
        )

    def nft_add(self, note: bool) -> list[dict[str, Any]]:
        """The same as commands of libnftables; note: leave word that forwarding was off."""
        place = {"family": FAMILY, "table": TABLE}
        address, _, prefix = self.network.partition("/")
        source = {"payload": {"protocol": "ip", "field": "saddr"}}
        inside = {"prefix": {"addr": address, "len": int(prefix)}}
        matches = [
            {"match": {"op": "==", "left": source, "right": inside}},
            {"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": self.outside}},
        ]
        base = {"type": "nat", "hook": "postrouting", "prio": 100, "policy": "accept"}
        commands: list[dict[str, Any]] = [
            {"add": {"table": {"family": FAMILY, "name": TABLE}}},
            {"add": {"chain": {**place, "name": self.chain, **base}}},
            {"flush": {"chain": {**place, "name": self.chain}}},
            {"add": {"rule": {**place, "chain": self.chain, "expr": [*matches, {"masquerade": None}]}}},
        ]
        if note:
            commands.append({"add": {"chain": {**place, "name": NOTE}}})
        return commands

    def nft_delete(self) -> list[dict[str, Any]]:
        """Commands that remove what nft_add added, but for the table."""
        chain = {"family": FAMILY, "table": TABLE, "name": self.chain}
        return [{"flush": {"chain": chain}}, {"delete": {"chain": chain}}]

    # ---- others ----------------------------------------------------------------------------------------

    def npf(self) -> str:
        """The configuration, for NetBSD's `npfctl reload`."""
        return (
            f'$ext_if = "{self.outside}"\n'
            f"$ext_addrs = ifaddrs($ext_if)\n"
            f"$int_net = {{ {self.network} }}\n\n"
            f"map $ext_if dynamic $int_net -> $ext_addrs\n\n"
            f'group "{TABLE}" on $ext_if {{\n\tpass stateful out final all\n\tpass in final all\n}}\n\n'
            f"group default {{\n\tpass final all\n}}\n"
        )

    def pf(self) -> str:
        """The rule, for an anchor of PF."""
        return f"nat on {self.outside} inet from {self.network} to any -> ({self.outside})\n"


def manual(kind: str, nat: Nat) -> str:
    """Rules with the commands that load them, for `tmesh --nat-rules`."""
    if kind == "nft":
        return (
            "# Linux: save as tme.nft; as root: sysctl -w net.ipv4.ip_forward=1; nft -f tme.nft\n"
            f"# and to remove it: nft delete table {FAMILY} {TABLE}\n{nat.nft()}"
        )
    if kind == "npf":
        return (
            "# NetBSD: save as /etc/npf.conf (or add to it); as root:\n"
            "#   sysctl -w net.inet.ip.forwarding=1; npfctl validate; npfctl reload; npfctl start\n"
            f"# and to remove it: npfctl stop\n{nat.npf()}"
        )
    return (
        f'# PF: save as tme.pf; /etc/pf.conf needs the line: nat-anchor "{TABLE}"\n'
        f"# as root: sysctl net.inet.ip.forwarding=1; pfctl -a {TABLE} -f tme.pf; pfctl -e\n"
        f"# (OpenBSD has `match out on {nat.outside} from {nat.network} nat-to ({nat.outside})` instead)\n"
        f"# and to remove it: pfctl -a {TABLE} -F nat\n{nat.pf()}"
    )


KINDS = ("nft", "npf", "pf")
