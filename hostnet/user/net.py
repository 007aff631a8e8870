"""host/user/net: a network for the guest that needs no privilege, no set-up and no other program.

    user0 at ie0: tme/host/user/net forward 2222=22

    10.0.2.2    the gateway (inet); answers ping; the host's loopback with `host-loopback`
    10.0.2.3    the name server (dns): questions go to the host's
    10.0.2.4    what a diskless machine boots from (server), when there is something to serve: `boot FILE`
    10.0.2.15   what the first DHCP, BOOTP or RARP client gets (guest), the next ones follow

The guest's TCP, UDP and ping leave as sockets of this process; nobody outside can reach it but through
forwards, which listen on the host's loopback only. With `inet6` IPv6 does the same. The work is done by an
engine: libslirp where it is installed and can do what the description asks for, else the built-in one.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hostnet.end import RATE, HostEnd
from hostnet.frames import ip_text, parse_ip
from hostnet.interface import inet6
from hostnet.services.plan import FILES, SERVED, Clients, host_name
from hostnet.user.policy import Forward, Setup, forward
from tme.args import Args, Flag, Param, choice
from tme.errors import TmeError
from tme.paths import resolve

if TYPE_CHECKING:
    from hostnet.services.servers import Servers
    from tme.machine import Machine

AUTO, BUILT_IN, SLIRP = "auto", "built-in", "slirp"


class Engine(Protocol):
    """What stands behind the gateway."""

    def listen(self, rule: Forward) -> None:
        """Lead a port of the host's loopback to the guest; OSError when it cannot be had."""

    def receive(self, frame: bytes) -> None:
        """A frame of the guest."""

    def no_dhcp(self) -> None:
        """Something else gives addresses from now on."""

    def start(self) -> None:
        """Begin to serve sockets; again is harmless."""

    def close(self) -> None:
        """End everything; again is harmless."""

    def numbers(self) -> dict[str, Any]:
        """Counters for people, by name."""


class UserNet(HostEnd):
    """The gateway of a user-mode network, and everything behind it."""

    module = "host/user/net"
    summary = "a network without privilege: NAT by sockets of this process, DHCP, DNS, host forwards, netboot"
    params = (
        Param("inet", parse_ip, default=bytes((10, 0, 2, 2)), help="the gateway"),
        Param("netmask", parse_ip, default=bytes((255, 255, 255, 0)), help="of the guest's network"),
        Param("inet6", inet6, help="the gateway's IPv6 address with /64, such as fd00:2::2/64"),
        Param("dns", parse_ip, help="the name server that the guest sees; by default the one after `inet`"),
        Param("guest", parse_ip, help="the first address for clients; by default 13 after `inet`"),
        Param("nameserver", parse_ip, help="the real name server; by default the host's"),
        Param("server", parse_ip, help="what machines boot from; by default 2 after `inet`"),
        Param("hostname", host_name, help="of the first client"),
        Param("forward", forward, repeat=True, help="a port of the host's loopback leads to the guest"),
        Param(
            "engine",
            choice(AUTO, BUILT_IN, SLIRP),
            default=AUTO,
            help="who does it; auto: libslirp where it is installed and can do it, else the built-in one",
        ),
        Flag("host-loopback", help="let the guest reach the host's loopback at the gateway's address"),
        Flag("no-dhcp", help="give no addresses: something else on the guest's network does"),
        Flag("restrict", help="let the guest reach nothing outside"),
        *FILES,
        RATE,
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        gateway = args["inet"]
        serving = any(word in args for word in SERVED)
        self.setup = Setup(
            gateway,
            args["netmask"],
            args["dns"] or self._after(gateway, 1),
            args["guest"] or self._after(gateway, 13),
            ip_text(args["nameserver"]) if args["nameserver"] else None,
            args.get("hostname"),
            not args["no-dhcp"],
            args["restrict"],
            args["host-loopback"],
            args["inet6"][0] if "inet6" in args else None,
        )
        self.server = args["server"] or self._after(gateway, 2)
        self._check_addresses(self.setup)
        self.servers = self._serve() if serving else None
        self._started = False
        if args["engine"] == SLIRP or args["forward"]:
            assert self.engine  # its troubles are told now
        for rule in args["forward"]:
            self._listen(rule)

    @functools.cached_property
    def engine(self) -> Engine:
        """Made for the first frame: a machine without a network is not to wait for a library."""
        made = self._choose()
        if self.servers is not None:
            made.no_dhcp()
        if self._started:
            made.start()
        return made

    def _choose(self) -> Engine:
        chosen, rules = self.args["engine"], self.args["forward"]
        if chosen != BUILT_IN:
            from hostnet.user import slirp

            obstacle = slirp.obstacle(self.setup, rules)
            if obstacle is None:
                return slirp.Slirp(self.machine, self.setup, self.wire.send)
            if chosen == SLIRP:
                raise self.error(obstacle)
        from hostnet.user.builtin import BuiltIn

        return BuiltIn(self.machine, self.setup, self.wire.send)

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
        if "inet6" in self.args and self.args["inet6"][1] != 64:
            raise self.error("inet6 needs a network with the prefix /64, as guests choose the other half")

    def _listen(self, rule: Forward) -> None:
        try:
            self.engine.listen(rule)
        except OSError as error:
            self.close()
            raise self.error(f"cannot listen on port {rule.port} of 127.0.0.1: {error.strerror}") from None

    # ---- what machines boot from -----------------------------------------------------------------------

    def _serve(self) -> Servers:
        """The servers beside the gateway; they give the addresses, too."""
        from hostnet.dhcp import DNS
        from hostnet.services.servers import Servers

        args, setup = self.args, self.setup
        if not setup.is_host(self.server) or self.server in (setup.gateway, setup.dns, setup.guest):
            raise self.error(
                f"server must be another host of the guest's network, not {ip_text(self.server)}"
            )
        clients = Clients(
            setup.guest,
            setup.gateway,
            setup.netmask,
            setup.hostname or "sun",
            dhcp=not args["no-dhcp"],
            options=((DNS, setup.dns),),
        )
        try:
            servers = Servers(self.machine, self.server, clients, args)
        except OSError as error:
            raise self.error(f"cannot serve {error.filename}: {error.strerror}") from None
        servers.station.send = self.wire.send
        return servers

    def _boot(self, file: Path) -> None:
        if self.servers is None:
            self.servers = self._serve()
            self.engine.no_dhcp()
        try:
            self.servers.boot(file)
        except OSError as error:
            raise TmeError(f"cannot serve {file}: {error.strerror}") from None

    @property
    def _made(self) -> bool:
        return "engine" in self.__dict__

    # ---- element ---------------------------------------------------------------------------------------

    def from_guest(self, frame: bytes) -> None:
        if self.servers is not None:
            self.servers.station.receive(frame)
        self.engine.receive(frame)

    def reset(self) -> None:
        self._started = True
        if self._made:
            self.engine.start()

    def close(self) -> None:
        super().close()
        if self._made:
            self.engine.close()
        if self.servers is not None:
            self.servers.close()

    def command(self, words: list[str]) -> str | None:
        match words:
            case ["show"]:
                return "\n".join(f"{name}: {value}" for name, value in self.numbers().items())
            case ["boot", file]:
                self._boot(Path(resolve(file, None)))
                return None
        return super().command(words)

    def numbers(self) -> dict[str, Any]:
        found = {**super().numbers(), **self.engine.numbers()}
        if self.servers is not None:
            found |= {f"server: {name}": value for name, value in self.servers.numbers().items()}
        return found
