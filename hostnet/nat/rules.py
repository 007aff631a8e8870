"""One description of a NAT, and its text for the packet filters of Linux, NetBSD and FreeBSD/OpenBSD/macOS.

Sources: nft(8), libnftables-json(5), npf.conf(5), pf.conf(5).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

TABLE = "tme"
NOTE = "forwarding_was_off"
"""A chain without rules: whoever leaves last switches forwarding off again."""
RA_NOTE = "listened_to_routers_"
"""With an interface's number behind it, the same for accept_ra."""
NOTES = (NOTE, RA_NOTE)


@dataclass(frozen=True)
class Nat:
    """Packets of `network` (IPv4, IPv6) behind the interface `inside` leave by `outside` with its address."""

    inside: str
    outside: str
    network: str

    @property
    def family(self) -> str:
        """As nftables calls it."""
        return "ip6" if ":" in self.network else "ip"

    @property
    def chain(self) -> str:
        """The name of our chain in the table."""
        return "nat_" + re.sub(r"[^A-Za-z0-9_]", "_", self.inside)

    # ---- nftables --------------------------------------------------------------------------------------

    def nft(self) -> str:
        """The ruleset, for `nft -f`."""
        return (
            f"table {self.family} {TABLE} {{\n"
            f"\tchain {self.chain} {{\n"
            f"\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
            f'\t\t{self.family} saddr {self.network} oifname "{self.outside}" masquerade\n'
            f"\t}}\n}}\n"
        )

    def nft_add(self, notes: list[str]) -> list[dict[str, Any]]:
        """The same as commands of libnftables; notes: chains that are to say what was changed."""
        place = {"family": self.family, "table": TABLE}
        address, _, prefix = self.network.partition("/")
        source = {"payload": {"protocol": self.family, "field": "saddr"}}
        inside = {"prefix": {"addr": address, "len": int(prefix)}}
        matches = [
            {"match": {"op": "==", "left": source, "right": inside}},
            {"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": self.outside}},
        ]
        base = {"type": "nat", "hook": "postrouting", "prio": 100, "policy": "accept"}
        commands: list[dict[str, Any]] = [
            {"add": {"table": {"family": self.family, "name": TABLE}}},
            {"add": {"chain": {**place, "name": self.chain, **base}}},
            {"flush": {"chain": {**place, "name": self.chain}}},
            {"add": {"rule": {**place, "chain": self.chain, "expr": [*matches, {"masquerade": None}]}}},
        ]
        return commands + [{"add": {"chain": {**place, "name": note}}} for note in notes]

    def nft_delete(self) -> list[dict[str, Any]]:
        """Commands that remove what nft_add added, but for the table."""
        chain = {"family": self.family, "table": TABLE, "name": self.chain}
        return [{"flush": {"chain": chain}}, {"delete": {"chain": chain}}]

    # ---- others ----------------------------------------------------------------------------------------

    def npf(self) -> str:
        """The translation, for NPF."""
        addresses = "inet6" if self.family == "ip6" else "inet4"
        return f'map "{self.outside}" dynamic {self.network} -> {addresses}("{self.outside}")\n'

    def pf(self) -> str:
        """The rule, for an anchor of PF."""
        family = "inet6" if self.family == "ip6" else "inet"
        return f"nat on {self.outside} {family} from {self.network} to any -> ({self.outside})\n"


def npf(nats: Sequence[Nat]) -> str:
    """A whole configuration, for NetBSD's `npfctl reload`."""
    text = "".join(nat.npf() for nat in nats) + "\n"
    for outside in dict.fromkeys(nat.outside for nat in nats):
        rules = "\tpass stateful out final all\n\tpass in final all\n"
        text += f'group "{TABLE} {outside}" on "{outside}" {{\n{rules}}}\n\n'
    return text + "group default {\n\tpass final all\n}\n"


def manual(kind: str, nats: Sequence[Nat]) -> str:
    """Rules of a machine with the commands that load them, for `tmesh --nat-rules`."""
    six = {nat.family == "ip6" for nat in nats}
    if kind == "nft":
        switches = {False: "net.ipv4.ip_forward=1", True: "net.ipv6.conf.all.forwarding=1"}
        families = sorted({nat.family for nat in nats})
        return (
            f"# Linux: save as tme.nft; as root: sysctl -w {_all(switches, six)}; nft -f tme.nft\n"
            f"# and to remove it: {'; '.join(f'nft delete table {family} {TABLE}' for family in families)}\n"
            + "".join(nat.nft() for nat in nats)
        )
    switches = {False: "net.inet.ip.forwarding=1", True: "net.inet6.ip6.forwarding=1"}
    if kind == "npf":
        return (
            "# NetBSD: save as /etc/npf.conf (or add to it); as root:\n"
            f"#   sysctl -w {_all(switches, six)}; npfctl validate; npfctl reload; npfctl start\n"
            "# where an interface has several addresses, write one of them for inet4(...) or inet6(...)\n"
            f"# and to remove it: npfctl stop\n{npf(nats)}"
        )
    newer = "; ".join(f"match out on {n.outside} from {n.network} nat-to ({n.outside})" for n in nats)
    return (
        f'# PF: save as tme.pf; /etc/pf.conf needs the line: nat-anchor "{TABLE}"\n'
        f"# as root: sysctl {_all(switches, six)}; pfctl -a {TABLE} -f tme.pf; pfctl -e\n"
        f"# (OpenBSD has `{newer}` instead)\n"
        f"# and to remove it: pfctl -a {TABLE} -F nat\n" + "".join(nat.pf() for nat in nats)
    )


def _all(switches: dict[bool, str], six: set[bool]) -> str:
    """The settings for the families that occur."""
    return " ".join(switches[kind] for kind in sorted(six))


KINDS = ("nft", "npf", "pf")
