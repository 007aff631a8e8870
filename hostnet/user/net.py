"""host/user/net: a network for the guest that needs no privilege, no set-up and no other program.

    user0 at ie0: tme/host/user/net forward 2222=22

    10.0.2.2    the gateway (inet); answers ping; the host's loopback with `host-loopback`
    10.0.2.3    the name server (dns): questions go to the host's
    10.0.2.15   what the first DHCP or BOOTP client gets (guest), the next ones follow

The guest's TCP, UDP and ping leave as sockets of this process; nobody outside can reach it but through
forwards, which listen on the host's loopback only. IPv6 and other protocols are not carried. The work is done
by an engine: the built-in one, or libslirp where it is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from hostnet.end import RATE, HostEnd
from hostnet.frames import UDP, ip_text, parse_ip
from hostnet.user.builtin import BuiltIn
from hostnet.user.policy import Forward, Setup, forward
from tme.args import Args, Flag, Param, choice

if TYPE_CHECKING:
    from tme.machine import Machine

BUILT_IN, SLIRP = "built-in", "slirp"


class Engine(Protocol):
    """What stands behind the gateway."""

    def listen(self, rule: Forward) -> None:
        """Lead a port of the host's loopback to the guest; OSError when it cannot be had."""

    def receive(self, frame: bytes) -> None:
        """A frame of the guest."""

    def start(self) -> None:
        """Begin to serve sockets; again is harmless."""

    def close(self) -> None:
        """End everything; again is harmless."""

    def numbers(self) -> dict[str, Any]:
        """Counters for people, by name."""


class UserNet(HostEnd):
    """The gateway of a user-mode network, and everything behind it."""

    module = "host/user/net"
    summary = "a network without privilege: NAT by sockets of this process, DHCP, DNS, host forwards"
    params = (
        Param("inet", parse_ip, default=bytes((10, 0, 2, 2)), help="the gateway"),
        Param("netmask", parse_ip, default=bytes((255, 255, 255, 0)), help="of the guest's network"),
        Param("dns", parse_ip, help="the name server that the guest sees; by default the one after `inet`"),
        Param("guest", parse_ip, help="the first address for clients; by default 13 after `inet`"),
        Param("nameserver", parse_ip, help="the real name server; by default the host's"),
        Param("hostname", help="for DHCP clients"),
        Param("forward", forward, repeat=True, help="a port of the host's loopback leads to the guest"),
        Param(
            "engine", choice(BUILT_IN, SLIRP), default=BUILT_IN, help="who does it; slirp: libslirp, if there"
        ),
        Flag("host-loopback", help="let the guest reach the host's loopback at the gateway's address"),
        Flag("no-dhcp", help="give no addresses: something else on the guest's network does"),
        Flag("restrict", help="let the guest reach nothing outside"),
        RATE,
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        gateway = args["inet"]
        setup = Setup(
            gateway,
            args["netmask"],
            args["dns"] or self._after(gateway, 1),
            args["guest"] or self._after(gateway, 13),
            ip_text(args["nameserver"]) if args["nameserver"] else None,
            args.get("hostname"),
            not args["no-dhcp"],
            args["restrict"],
            args["host-loopback"],
        )
        self._check_addresses(setup)
        self.engine = self._engine(setup)
        for rule in args["forward"]:
            self._listen(rule)

    def _engine(self, setup: Setup) -> Engine:
        if self.args["engine"] == BUILT_IN:
            return BuiltIn(self.machine, setup, self.wire.send)
        if setup.nameserver is not None:
            raise self.error(
                "libslirp asks the host's name server: leave out `nameserver`, or use `engine built-in`"
            )
        if not setup.host_loopback and any(rule.protocol == UDP for rule in self.args["forward"]):
            raise self.error(
                "libslirp hands on answers to a UDP forward only with `host-loopback`: add it, "
                "or use `engine built-in`"
            )
        from hostnet.user.slirp import Slirp, load

        try:
            load()
        except OSError as error:
            raise self.error(
                f"`engine slirp` needs libslirp 4.1 or later ({error}): install Debian's libslirp0, "
                "or use `engine built-in`"
            ) from None
        return Slirp(self.machine, setup, self.wire.send)

    @staticmethod
    def _after(ip: bytes, count: int) -> bytes:
        return (int.from_bytes(ip, "big") + count & 0xFFFF_FFFF).to_bytes(4, "big")

    def _check_addresses(self, setup: Setup) -> None:
        mask = int.from_bytes(setup.netmask, "big")
        if (~mask & 0xFFFFFFFF) & ((~mask & 0xFFFFFFFF) + 1) or not mask:
            raise self.error(f"{ip_text(setup.netmask)} is no netmask")
        addresses = setup.gateway, setup.dns, setup.guest
        wrong = [ip for ip in addresses if not setup.is_host(ip)]
        if wrong or len(set(addresses)) < len(addresses):
            told = ", ".join(map(ip_text, wrong or addresses))
            raise self.error(f"inet, dns and guest must be different hosts of one network, not {told}")

    def _listen(self, rule: Forward) -> None:
        try:
            self.engine.listen(rule)
        except OSError as error:
            self.close()
            raise self.error(f"cannot listen on port {rule.port} of 127.0.0.1: {error.strerror}") from None

    def from_guest(self, frame: bytes) -> None:
        self.engine.receive(frame)

    def reset(self) -> None:
        self.engine.start()

    def close(self) -> None:
        super().close()
        self.engine.close()

    def command(self, words: list[str]) -> str | None:
        if words == ["show"]:
            return "\n".join(f"{name}: {value}" for name, value in self.numbers().items())
        return super().command(words)

    def numbers(self) -> dict[str, Any]:
        return {**super().numbers(), **self.engine.numbers()}
