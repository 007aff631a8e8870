"""The built-in engine of a user-mode network: a station of ours, and a NAT of sockets behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hostnet import frames
from hostnet.dhcp import DNS, MASK, NAME, ROUTER, SERVER, Dhcp, Lease, Pool
from hostnet.frames import Ip, ip_text, mac_text
from hostnet.frames6 import ICMP6
from hostnet.poller import Poller
from hostnet.station import Station
from hostnet.station6 import Six
from hostnet.user.policy import PREFIX, Forward, Policy, Setup, host_nameserver
from hostnet.user.tcpnat import TcpNat
from hostnet.user.udpnat import EchoNat, UdpNat

if TYPE_CHECKING:
    from tme.machine import Machine

CLIENTS = 64


class BuiltIn:
    """ARP, DHCP, ICMP, UDP and TCP by ourselves. send: takes frames for the guest."""

    def __init__(self, machine: Machine, setup: Setup, send: Callable[[bytes], object]) -> None:
        self.setup = setup
        self.poller = Poller(machine)
        addresses = [setup.gateway, setup.dns]
        self.station = Station(machine.clock, PREFIX + setup.gateway, addresses, setup.netmask)
        self.station.send = send
        self.policy = Policy(
            setup.gateway,
            setup.dns,
            setup.local,
            setup.nameserver or host_nameserver(),
            setup.restrict,
            setup.host_loopback,
            setup,
        )
        if setup.gateway6 is not None:
            self.station.six = Six(self.station, [setup.gateway6, setup.dns6], setup.dns6)
        self.tcp = TcpNat(self.station, self.policy, self.poller)
        self.udp = UdpNat(self.station, self.policy, self.poller)
        self.echo = EchoNat(self.station, self.policy, self.poller)
        self.pool = Pool(setup.guest, CLIENTS, self._lease)
        if setup.dhcp:
            Dhcp(self.station, self.pool.lease)
        self.station.protocols = {frames.TCP: self._own_tcp, frames.UDP: self._own_udp}
        self.station.forward = self._forward
        self._closed = False

    def listen(self, rule: Forward) -> None:
        """Lead a port of the host's loopback to the guest; OSError when it cannot be had."""
        nat = self.udp if rule.protocol == frames.UDP else self.tcp
        nat.listen(rule, self.setup.guest)

    def _lease(self, ip: bytes) -> Lease:
        told = {ROUTER: self.setup.gateway, DNS: self.setup.dns, MASK: self.setup.netmask}
        if self.setup.hostname is not None:
            told[NAME] = self.setup.hostname.encode()
        return Lease(ip, options=told)

    def no_dhcp(self) -> None:
        """Something else gives addresses from now on."""
        self.station.udp.pop(SERVER, None)

    # ---- packets ---------------------------------------------------------------------------------------

    def receive(self, frame: bytes) -> None:
        """A frame of the guest."""
        self.station.receive(frame)

    def _own_tcp(self, packet: Ip) -> bool:
        """TCP to the gateway or the name server; only what the policy knows gets an answer other than RST."""
        self.tcp.packet(packet)
        return True

    def _own_udp(self, packet: Ip) -> bool:
        """UDP to us is for one of our services, for a visitor, or for what stands behind the address."""
        six = len(packet.source) == 16
        if (
            not six
            and len(packet.payload) >= 4
            and int.from_bytes(packet.payload[2:4], "big") in self.station.udp
        ):
            return False
        self.udp.packet(packet)
        return True

    def _forward(self, packet: Ip) -> None:
        if len(packet.source) == 4 and not self.setup.local(packet.source):
            return
        if packet.protocol == frames.TCP:
            self.tcp.packet(packet)
        elif packet.protocol == frames.UDP:
            self.udp.packet(packet)
        elif packet.protocol == (frames.ICMP if len(packet.source) == 4 else ICMP6):
            self.echo.packet(packet)
        else:
            self.station.refuse(packet, frames.PROTOCOL)

    # ---- engine ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to serve sockets; again is harmless."""
        self.poller.start()

    def close(self) -> None:
        """End everything; again is harmless."""
        if not self._closed:
            self._closed = True
            for nat in (self.tcp, self.udp, self.echo):
                nat.close()
            self.poller.close()

    def numbers(self) -> dict[str, Any]:
        """Counters for people, by name."""
        return {
            "tcp connections": ", ".join(map(str, self.tcp.flows.values())) or 0,
            "udp ports": len(self.udp.flows),
            "malformed": self.station.bad + self.station.fragments.bad,
            "clients": ", ".join(
                f"{mac_text(m)} {ip_text(lease.ip)}" for m, lease in self.pool.leases.items()
            ),
        }
