"""host/tun/tap: an Ethernet interface of the host, at the other end of the guest's cable.

    tap0 at ie0: tme/host/tun/tap inet 10.0.77.1 netmask 255.255.255.0
    tap0 at ie0: tme/host/tun/tap interface tap0 bridge br0

With an address, IPv4 or IPv6, the host is on the guest's network, and the guest reaches the world by NAT over
the interface of the default route; `nat IF` names another one, `nat none` leaves it. Without an address the
interface is a mere plug for a bridge. An interface that exists already (made by
`ip tuntap add dev tap0 mode tap user ME`) needs no privilege, keeps its addresses and stays; others vanish
with the machine unless `persist`.

`tap0 at tap0` makes it the master of a network of machines: what other machines put on the interface (each by
a host/bsd/bpf on it) is written back, so that the host sees it too.
"""

from __future__ import annotations

import errno
import fcntl
import ipaddress
import os
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from hostnet import interface
from hostnet.end import RATE, HostEnd
from hostnet.frames import parse_ip
from hostnet.interface import Interface, inet6, name_word
from hostnet.nat.apply import AppliedNat
from hostnet.nat.proxy import Proxy, address
from hostnet.nat.rules import Nat
from hostnet.poller import Poller
from tme.args import Args, Flag, Param, Spec
from tme.errors import TmeError
from tme.port import Port

if TYPE_CHECKING:
    from tme.machine import Machine

CLONE = "/dev/net/tun"
TUNSETIFF, TUNSETPERSIST = 0x400454CA, 0x400454CB
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
AT_ONCE = 64
BUFFER = 65_536
OTHERS = (
    "or make the interface beforehand (`sudo ip tuntap add dev tap0 mode tap user $USER`) and name it; "
    "or use tme/host/user/net, which needs no privilege"
)


class Loop(Port):
    """One of the two ends that `tap0 at tap0` connects."""

    def __init__(self, tap: Tap, role: str) -> None:
        super().__init__(tap, "write-back", role)

    def attached(self) -> None:
        if self.peer.element is not self.element:
            name, other = self.element.name, self.peer.element.name
            raise TmeError(
                f"each has one plug, and at least one is taken; join {name} and {other} at a switch"
            )


class Tap(HostEnd):
    """A TAP interface."""

    module = "host/tun/tap"
    summary = "a TAP interface of the host, with or without addresses, NAT or a bridge"
    params: ClassVar[Sequence[Spec]] = (
        Param("interface", name_word, help="its name; by default the next free tapN"),
        Param("inet", parse_ip, help="the host's IPv4 address on it"),
        Param("netmask", parse_ip, help="by default that of the address's class"),
        Param("bcast", parse_ip, help="the broadcast address"),
        Param("inet6", inet6, help="the host's IPv6 address on it, with /PREFIX"),
        Param("nat", str, help="IF or none: NAT over this interface; by default that of the default route"),
        Param("proxy", name_word, help="instead of NAT: answer on this interface's network for the guest"),
        Param("guest", address, repeat=True, help="an address of the guest there, IPv4 or IPv6"),
        Flag("nat-keep", help="leave the NAT rules there at the end"),
        Param("bridge", name_word, help="put it into this bridge"),
        Flag("persist", help="leave the interface there at the end"),
        RATE,
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        if "inet" not in args and (given := [w for w in ("netmask", "bcast") if w in args]):
            raise self.error(f"'{given[0]}' makes no sense without 'inet'")
        if "nat" in args and "inet" not in args and "inet6" not in args:
            raise self.error("'nat' makes no sense without 'inet' or 'inet6'")
        self.loops = Loop(self, "out"), Loop(self, "in")
        self.poller = Poller(machine)
        if ("proxy" in args) != ("guest" in args):
            raise self.error("'proxy IF' and 'guest ADDRESS' belong together")
        self.nats: list[AppliedNat] = []
        self.proxy: Proxy | None = None
        self.fd = -1
        self.lost = 0
        known = "interface" in args and interface.exists(args["interface"])
        self.interface = Interface(self._open(args.get("interface", "tap%d")))
        try:
            self._configure(known)
        except BaseException:
            self.close()
            raise
        self.log(f"the host's end is {self.interface.name}", 1)

    def ports(self, args: Args) -> list[Port]:
        return [self.port, *self.loops]

    # ---- the interface ---------------------------------------------------------------------------------

    def _open(self, name: str) -> str:
        try:
            self.fd = os.open(CLONE, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                raise self.error(interface.privilege("CAP_NET_ADMIN", f"opening {CLONE}", OTHERS)) from None
            cure = "load the kernel module `tun`, or use tme/host/user/net"
            raise self.error(f"cannot open {CLONE}: {error.strerror}; {cure}") from None
        try:
            request = struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI)
            return fcntl.ioctl(self.fd, TUNSETIFF, request)[:16].rstrip(b"\0").decode()
        except OSError as error:
            os.close(self.fd)
            self.fd = -1
            if error.errno == errno.EPERM:
                raise self.error(
                    interface.privilege("CAP_NET_ADMIN", "making a TAP interface", OTHERS)
                ) from None
            if error.errno == errno.EBUSY:
                raise self.error(f"the interface {name} is in use by another program") from None
            if error.errno == errno.EINVAL:
                raise self.error(f"{name} is an interface of the host, but no TAP interface") from None
            raise self.error(f"cannot make the interface {name}: {error.strerror}") from None

    def _configure(self, known: bool) -> None:
        args, host = self.args, self.interface
        try:
            if "persist" in args:
                fcntl.ioctl(self.fd, TUNSETPERSIST, 1)
            if not known and not any(word in args for word in ("inet", "inet6", "proxy")):
                host.no_inet6()
            if "inet" in args:
                host.inet(args["inet"], self._netmask(), args.get("bcast"))
            if not known or "inet" in args or "inet6" in args:
                host.up()
            if "inet6" in args:
                host.inet6(*args["inet6"])
            if "bridge" in args:
                host.bridge(args["bridge"])
        except OSError as error:
            if error.errno == errno.EPERM:
                action = f"setting up {host.name}"
                raise self.error(
                    interface.privilege("CAP_NET_ADMIN", action, "or set it up beforehand")
                ) from None
            raise self.error(f"cannot set up {host.name}: {error.strerror}") from None
        if "proxy" in args:
            self._start_proxy(args["proxy"])
        else:
            for network, default in self._inside():
                self._start_nat(network, args.get("nat"), default)

    def _netmask(self) -> bytes:
        return self.args.get("netmask") or interface.class_mask(self.args["inet"])

    def _inside(self) -> list[tuple[str, str | None]]:
        """Networks of the guest, each with the interface of the way out."""
        args, found = self.args, []
        if "inet" in args:
            found.append((interface.network(args["inet"], self._netmask()), interface.default_interface()))
        if "inet6" in args:
            inside = ipaddress.IPv6Network(args["inet6"], strict=False)
            if not inside.is_link_local:
                found.append((str(inside), interface.default_interface6()))
        return found

    def _start_nat(self, network: str, outside: str | None, default: str | None) -> None:
        """A NAT that was asked for has to work; the one that comes by itself is dropped with a message."""
        chosen = outside or default
        if chosen is None or chosen == "none":
            return
        if outside and not interface.exists(outside):
            raise self.error(f"nat: the host has no interface {outside}")
        try:
            self.nats.append(AppliedNat(Nat(self.interface.name, chosen, network), self.args["nat-keep"]))
        except TmeError as error:
            if outside:
                raise self.error(error.message) from None
            self.log(f"no NAT for {network}, so from there the guest reaches this host only: {error.message}")

    def _start_proxy(self, outside: str) -> None:
        if not interface.exists(outside):
            raise self.error(f"proxy: the host has no interface {outside}")
        try:
            self.proxy = Proxy(self.interface.name, outside, self.args["guest"])
        except TmeError as error:
            raise self.error(error.message) from None

    # ---- frames ----------------------------------------------------------------------------------------

    def reset(self) -> None:
        self.poller.watch(self.fd, self._readable)
        self.poller.start()

    def from_guest(self, frame: bytes) -> None:
        if self.proxy is not None:
            self.proxy.see(frame)
        self._write(frame)

    def _write(self, frame: bytes) -> None:
        if self.fd >= 0 and len(frame) >= 14:
            try:
                os.write(self.fd, frame)
            except OSError:  # full, down, or too large for its MTU
                self.lost += 1

    def _readable(self) -> None:
        """What the host sends; more than the guest's wire takes is left where it is."""
        for _ in range(min(AT_ONCE, self.wire.room)):
            try:
                frame = os.read(self.fd, BUFFER)
            except BlockingIOError:
                return
            except OSError as error:
                self.poller.forget(self.fd)
                self.log(f"{self.interface.name} has gone: {error.strerror}")
                return
            if self.loops[0].peer is not None and frame[6:12] != self._own_mac():
                self._write(frame)
            self.wire.send(frame.ljust(60, b"\0"))
        if not self.wire.room:
            self.poller.forget(self.fd)
            self.machine.clock.after(1_000_000, self._resume)

    def _resume(self) -> None:
        if self.fd >= 0:
            self.poller.watch(self.fd, self._readable)

    def _own_mac(self) -> bytes:
        """The interface's address: its own frames are not written back to it."""
        if self._mac is None:
            try:
                self._mac = self.interface.mac
            except OSError:
                self._mac = b""
        return self._mac

    _mac: bytes | None = None

    def close(self) -> None:
        super().close()
        while self.nats:
            self.nats.pop().close()
        if self.proxy is not None:
            self.proxy.close()
            self.proxy = None
        self.poller.close()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
