"""host/user/net: a network for the guest that needs no privilege, no set-up and no other program.

    user0 at ie0: tme/host/user/net forward 2222=22

    10.0.2.2    the gateway (inet); answers ping; the host's loopback with `host-loopback`
    10.0.2.3    the name server (dns): questions go to the host's
    10.0.2.15   what the first DHCP or BOOTP client gets (guest), the next ones follow

The guest's TCP, UDP and ping leave as sockets of this process; nobody outside can reach it but through
forwards, which listen on the host's loopback only. IPv6 and other protocols are not carried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hostnet import frames
from hostnet.dhcp import DNS, MASK, NAME, ROUTER, Dhcp, Lease, Pool
from hostnet.end import RATE, HostEnd
from hostnet.frames import Ip, ip_text, mac_text, parse_ip
from hostnet.poller import Poller
from hostnet.station import Station
from hostnet.user.policy import Forward, Policy, forward, host_nameserver
from hostnet.user.tcpnat import TcpNat
from hostnet.user.udpnat import EchoNat, UdpNat
from tme.args import Args, Flag, Param

if TYPE_CHECKING:
    from tme.machine import Machine

PREFIX = b"\x52\x55"
"""Our Ethernet address is this and the gateway's IP address: locally administered, as libslirp's."""
CLIENTS = 64


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
        Flag("host-loopback", help="let the guest reach the host's loopback at the gateway's address"),
        Flag("no-dhcp", help="give no addresses: something else on the guest's network does"),
        Flag("restrict", help="let the guest reach nothing outside"),
        RATE,
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        gateway = args["inet"]
        dns, self.guest = args["dns"] or self._after(gateway, 1), args["guest"] or self._after(gateway, 13)
        self.poller = Poller(machine)
        self.station = Station(machine.clock, PREFIX + gateway, [gateway, dns], args["netmask"])
        self.station.send = self.wire.send
        self._check_addresses(gateway, dns, self.guest)
        nameserver = ip_text(args["nameserver"]) if args["nameserver"] else host_nameserver()
        self.policy = Policy(
            gateway, dns, self.station.local, nameserver, args["restrict"], args["host-loopback"]
        )
        self.tcp = TcpNat(self.station, self.policy, self.poller)
        self.udp = UdpNat(self.station, self.policy, self.poller)
        self.echo = EchoNat(self.station, self.policy, self.poller)
        self.pool = Pool(self.guest, CLIENTS, self._lease)
        if not args["no-dhcp"]:
            Dhcp(self.station, self.pool.lease)
        self.station.protocols = {frames.TCP: self._own_tcp, frames.UDP: self._own_udp}
        self.station.forward = self._forward
        self._closed = False
        for rule in args["forward"]:
            self._listen(rule)

    @staticmethod
    def _after(ip: bytes, count: int) -> bytes:
        return (int.from_bytes(ip, "big") + count & 0xFFFF_FFFF).to_bytes(4, "big")

    def _check_addresses(self, *addresses: bytes) -> None:
        mask = int.from_bytes(self.args["netmask"], "big")
        if (~mask & 0xFFFFFFFF) & ((~mask & 0xFFFFFFFF) + 1) or not mask:
            raise self.error(f"{ip_text(self.args['netmask'])} is no netmask")
        wrong = [ip for ip in addresses if not self.station.local(ip) or self.station.is_broadcast(ip)]
        if wrong or len(set(addresses)) < len(addresses):
            told = ", ".join(map(ip_text, wrong or addresses))
            raise self.error(f"inet, dns and guest must be different hosts of one network, not {told}")

    def _listen(self, rule: Forward) -> None:
        nat = self.udp if rule.protocol == frames.UDP else self.tcp
        try:
            nat.listen(rule, self.guest)
        except OSError as error:
            self.close()
            raise self.error(f"cannot listen on port {rule.port} of 127.0.0.1: {error.strerror}") from None

    def _lease(self, ip: bytes) -> Lease:
        told = {ROUTER: self.station.address, DNS: self.policy.dns, MASK: self.station.netmask}
        if (hostname := self.args.get("hostname")) is not None:
            told[NAME] = hostname.encode()
        return Lease(ip, options=told)

    # ---- packets ---------------------------------------------------------------------------------------

    def from_guest(self, frame: bytes) -> None:
        self.station.receive(frame)

    def _own_tcp(self, packet: Ip) -> bool:
        """TCP to the gateway or the name server; only what the policy knows gets an answer other than RST."""
        self.tcp.packet(packet)
        return True

    def _own_udp(self, packet: Ip) -> bool:
        """UDP to us is for one of our services, for a visitor, or for what stands behind the address."""
        if len(packet.payload) >= 4 and int.from_bytes(packet.payload[2:4], "big") in self.station.udp:
            return False
        self.udp.packet(packet)
        return True

    def _forward(self, packet: Ip) -> None:
        if not self.station.local(packet.source):
            return
        if packet.protocol == frames.TCP:
            self.tcp.packet(packet)
        elif packet.protocol == frames.UDP:
            self.udp.packet(packet)
        elif packet.protocol == frames.ICMP:
            self.echo.packet(packet)
        else:
            self.station.refuse(packet, frames.PROTOCOL)

    # ---- element ---------------------------------------------------------------------------------------

    def reset(self) -> None:
        self.poller.start()

    def close(self) -> None:
        super().close()
        if not self._closed:
            self._closed = True
            for nat in (self.tcp, self.udp, self.echo):
                nat.close()
            self.poller.close()

    def command(self, words: list[str]) -> str | None:
        if words == ["show"]:
            return "\n".join(f"{name}: {value}" for name, value in self.numbers().items())
        return super().command(words)

    def numbers(self) -> dict[str, Any]:
        return {
            **super().numbers(),
            "tcp connections": ", ".join(map(str, self.tcp.flows.values())) or 0,
            "udp ports": len(self.udp.flows),
            "malformed": self.station.bad,
            "clients": ", ".join(
                f"{mac_text(m)} {ip_text(lease.ip)}" for m, lease in self.pool.leases.items()
            ),
        }
