"""OpenVPN's options, as far as they mean something here: `--remote 192.0.2.7 --proto udp --secret key`.

Source: openvpn(8).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tme.args import Positional
from tme.errors import TmeError, did_you_mean
from tme.paths import resolve

OPTIONS = Positional("--OPTION", repeat=True, required=False, help="options as openvpn(8) has them")
PORT = 1194

TABLE: dict[str, tuple[int, int]] = {
    # name -> fewest and most values
    "dev": (1, 1), "dev-type": (1, 1), "dev-node": (1, 1), "lladdr": (1, 1), "ifconfig": (2, 2),
    "ifconfig-ipv6": (1, 2), "up": (1, 1), "local": (1, 1), "remote": (1, 3), "port": (1, 1),
    "lport": (1, 1), "rport": (1, 1), "proto": (1, 1), "float": (0, 0), "nobind": (0, 0),
    "connect-retry": (1, 2), "fragment": (1, 1), "ping": (1, 1), "ping-restart": (1, 1),
    "keepalive": (2, 2), "cipher": (1, 1), "auth": (1, 1), "secret": (1, 2), "ca": (1, 1), "cert": (1, 1),
    "key": (1, 1), "tls-server": (0, 0), "tls-client": (0, 0), "verify-x509-name": (1, 2),
}  # fmt: skip
IGNORED = {
    "tun-ipv6": 0, "script-security": 1, "verb": 1, "mute": 1, "persist-tun": 0, "persist-key": 0,
    "resolv-retry": 1, "mssfix": 1, "tun-mtu": 1, "link-mtu": 1, "mtu-test": 0, "data-ciphers": 1,
    "disable-dco": 0, "allow-deprecated-insecure-static-crypto": 0, "data-ciphers-fallback": 1,
    "providers": 2, "topology": 1, "multihome": 0, "fast-io": 0, "nice": 1, "txqueuelen": 1,
}  # fmt: skip
"""What need not be different here, with the number of values."""
PROTOCOLS = {
    "udp": "udp", "udp4": "udp", "udp6": "udp", "tcp-server": "tcp-server", "tcp4-server": "tcp-server",
    "tcp6-server": "tcp-server", "tcp-client": "tcp-client", "tcp4-client": "tcp-client",
    "tcp6-client": "tcp-client",
}  # fmt: skip


@dataclass
class Settings:
    """What the options say. Times in nanoseconds."""

    values: dict[str, list[str]] = field(default_factory=dict)
    proto: str = "udp"
    local: str = ""
    lport: int = PORT
    remote: str | None = None
    rport: int = PORT
    float: bool = False
    retry_ns: int = 1_000_000_000
    fragment: int = 0
    ping_ns: int = 0
    restart_ns: int = 0
    secret: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    tls_server: bool = False
    peer_name: str | None = None

    @property
    def tls(self) -> bool:
        return self.ca is not None


def words(given: Sequence[str]) -> dict[str, list[str]]:
    """Options with their values. Raises TmeError for unknown ones, with near names."""
    found: dict[str, list[str]] = {}
    name = ""
    for word in given:
        if word.startswith("--"):
            name = word[2:]
            if name not in TABLE and name not in IGNORED:
                known = [f"--{option}" for option in (*TABLE, *IGNORED)]
                raise TmeError(f"unknown option '{word}'{did_you_mean(word, known)}")
            if name in found:
                raise TmeError(f"'{word}' is given twice")
            found[name] = []
        elif not name:
            raise TmeError(f"an option such as --remote is expected, not '{word}'")
        else:
            found[name].append(word)
    for name, values in found.items():
        fewest, most = TABLE.get(name) or (0, IGNORED[name])
        if not fewest <= len(values) <= most:
            count = str(most) if fewest == most else f"{fewest} to {most}"
            raise TmeError(f"'--{name}' takes {count} values, not {len(values)}")
    return {name: values for name, values in found.items() if name in TABLE}


def _number(name: str, word: str, low: int, high: int) -> int:
    value = int(word) if word.isascii() and word.isdecimal() else -1
    if not low <= value <= high:
        raise TmeError(f"bad value '{word}' for '--{name}': a number from {low} to {high} is expected")
    return value


def _seconds(name: str, word: str) -> int:
    return _number(name, word, 0, 86_400) * 1_000_000_000


def _file(word: str) -> Path:
    path = resolve(word, None)
    if not path.is_file():
        raise TmeError(f"there is no file '{path}'")
    return path


def link(given: Sequence[str], server: bool = False) -> Settings:
    """The settings of a link. Raises TmeError for values and combinations that cannot be."""
    values = words(given)

    def one(name: str, default: Any = None) -> Any:
        return values[name][0] if name in values else default

    if not one("dev", "tap").startswith("tap") or one("dev-type", "tap") != "tap":
        raise TmeError("only `--dev tap` carries Ethernet; tun does not")
    made = Settings(values)
    remote = values.get("remote", [])
    proto = remote[2] if len(remote) > 2 else one("proto", "tcp-server" if server else "udp")
    if proto not in PROTOCOLS:
        raise TmeError(f"bad value '{proto}' for '--proto': udp, tcp-server or tcp-client is expected")
    made.proto = PROTOCOLS[proto]
    port = _number("port", one("port", str(PORT)), 0, 65_535)
    made.lport = _number("lport", one("lport", str(port)), 0, 65_535)
    if "nobind" in values:
        made.lport = 0
    made.rport = _number("rport", remote[1] if len(remote) > 1 else one("rport", str(port)), 1, 65_535)
    made.local, made.remote = one("local", ""), remote[0] if remote else None
    made.float = "float" in values
    if "connect-retry" in values:
        made.retry_ns = max(_seconds("connect-retry", one("connect-retry")), 100_000_000)
    if "fragment" in values:
        made.fragment = _number("fragment", one("fragment"), 68, 65_535)
    ping, restart = values.get("keepalive", [one("ping", "0"), one("ping-restart", "0")])
    made.ping_ns, made.restart_ns = _seconds("ping", ping), _seconds("ping-restart", restart)
    for name in ("secret", "ca", "cert", "key"):
        if name in values:
            setattr(made, name, _file(one(name)))
    made.tls_server = "tls-server" in values or (made.proto == "tcp-server" and "tls-client" not in values)
    made.peer_name = one("verify-x509-name")
    _combinations(made, server)
    return made


def _combinations(made: Settings, server: bool) -> None:
    values = made.values
    if made.proto == "tcp-client" and made.remote is None:
        raise TmeError("`--proto tcp-client` needs `--remote HOST`")
    if server and made.proto == "tcp-client":
        raise TmeError("a server listens: `--proto udp` or `--proto tcp-server`")
    if made.fragment and made.proto != "udp":
        raise TmeError("`--fragment` is for `--proto udp`; TCP needs none")
    tls = [name for name in ("ca", "cert", "key") if name in values]
    if tls and len(tls) < 3:
        raise TmeError("TLS needs all of `--ca FILE --cert FILE --key FILE`")
    if ("tls-server" in values or "tls-client" in values) and not tls:
        raise TmeError("TLS needs `--ca FILE --cert FILE --key FILE`")
    if tls and made.secret:
        raise TmeError("either `--secret FILE` or certificates, not both")
    if tls and made.proto == "udp":
        raise TmeError(
            "certificates need TCP (`--proto tcp-client`, `tcp-server`); over UDP use `--secret FILE`"
        )
    if (made.secret or tls) and "none" in (*values.get("cipher", ()), *values.get("auth", ())):
        raise TmeError("a link with a key is always encrypted: leave `--cipher none` and `--auth none` out")
    if not (made.secret or tls):
        wanted = [w for w in (*values.get("cipher", ()), *values.get("auth", ())) if w.lower() != "none"]
        if wanted:
            raise TmeError(f"'{wanted[0]}' needs a key: `--secret FILE`, or certificates over TCP")


def tap(given: Sequence[str]) -> tuple[list[str], str | None]:
    """Words for host/tun/tap, and the script to run when the interface is there."""
    values = words(given)
    made = ["nat", "none"] if "ifconfig" in values or "ifconfig-ipv6" in values else []
    device = values.get("dev-node", values.get("dev", ["tap"]))[0]
    if not values.get("dev", ["tap"])[0].startswith("tap") and values.get("dev-type") != ["tap"]:
        raise TmeError("only `--dev tap` carries Ethernet; tun does not")
    if device != "tap":
        made += ["interface", device]
    if "ifconfig" in values:
        ip, mask = values["ifconfig"]
        made += ["inet", ip, "netmask", mask]
    if "ifconfig-ipv6" in values:
        try:
            made += ["inet6", str(ipaddress.IPv6Interface(values["ifconfig-ipv6"][0]))]
        except ValueError as error:
            raise TmeError(f"bad value for '--ifconfig-ipv6': {error}") from None
    return made, values.get("up", [None])[0]
