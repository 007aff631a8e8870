"""host/diskless: the servers that a diskless Sun boots from, on its own cable, without privilege or set-up.

    net0 at ie0: tme/host/diskless boot netboot root /export/sun3 swap swap.img writable

RARP, BOOTP and DHCP give the client its address (guest), TFTP the file `boot` under the address in hex, as
Sun's PROMs ask for it; bootparams names root and swap, NFS version 2 serves them. A folder that is served
cannot be left, and nothing here listens anywhere but on the guest's cable. At a switch it goes together with
tme/host/user/net, whose gateway is then the clients' router: `gateway 10.0.2.2` here, `no-dhcp` there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hostnet.dhcp import NAME, ROOT, ROUTER, Dhcp, Lease, Pool
from hostnet.end import RATE, HostEnd
from hostnet.frames import RARP, Arp, ethernet, ip_text, parse_ip
from hostnet.services.bootparams import Bootparams
from hostnet.services.folder import Folder
from hostnet.services.nfs import Nfs
from hostnet.services.rpc import Rpc
from hostnet.services.tftp import Tftp
from hostnet.station import Station
from tme.args import Args, Flag, Param, number, path

if TYPE_CHECKING:
    from tme.machine import Machine

PREFIX = b"\x52\x56"
CLIENTS = 16
ROOT_PATH, SWAP_PATH = "/export/root", "/export/swap"
SECOND = 1_000_000_000


class Limit:
    """So many a second of guest time, and as many at once."""

    def __init__(self, machine: Machine, rate: int) -> None:
        self.clock, self.rate = machine.clock, rate
        self.refused = 0
        self._left, self._last = float(rate), machine.clock.now

    def __call__(self) -> bool:
        now = self.clock.now
        self._left = min(self.rate, self._left + (now - self._last) * self.rate / SECOND)
        self._last = now
        if self._left < 1:
            self.refused += 1
            return False
        self._left -= 1
        return True


def host_name(word: str) -> str:
    """A name of a host. ValueError completes "bad value ...: "."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", word):
        raise ValueError("letters, digits and hyphens are expected")
    return word


host_name.metavar = "NAME"  # type: ignore[attr-defined]


class Diskless(HostEnd):
    """Servers for diskless machines."""

    module = "host/diskless"
    summary = "boots diskless Suns: RARP, BOOTP/DHCP, TFTP, bootparams, NFS over folders of the host"
    params = (
        Param("boot", path, help="what TFTP gives for an address in hex"),
        Param("tftp", path, help="a folder for other names"),
        Param("root", path, help="the folder that is the client's root"),
        Param("swap", path, help="the file that is the client's swap; it has to exist"),
        Flag("writable", help="let the client change its root; swap can always be written"),
        Param("inet", parse_ip, default=bytes((10, 0, 2, 4)), help="the server's address"),
        Param("netmask", parse_ip, default=bytes((255, 255, 255, 0))),
        Param("guest", parse_ip, default=bytes((10, 0, 2, 15)), help="the first client's address"),
        Param("gateway", parse_ip, help="the clients' router; by default the server itself"),
        Param("hostname", host_name, default="sun", help="of the first client; the next ones get a number"),
        Param("domain", default="", help="for bootparams"),
        Param("limit", number, default=2000, help="requests answered in a second"),
        RATE,
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.station = Station(machine.clock, PREFIX + args["inet"], [args["inet"]], args["netmask"])
        self.station.send = self.wire.send
        if not self.station.local(args["guest"]) or args["guest"] == args["inet"]:
            raise self.error("inet and guest must be different hosts of one network")
        self.limit = Limit(machine, max(args["limit"], 1))
        self.router = args["gateway"] or args["inet"]
        self.pool = Pool(args["guest"], CLIENTS, self._lease)
        self.nfs = Nfs()
        self.tftp: Tftp | None = None
        try:
            self._serve()
        except OSError as error:
            self.close()
            raise self.error(f"cannot serve {error.filename}: {error.strerror}") from None

    def _serve(self) -> None:
        args, station = self.args, self.station
        if (boot := args.get("boot")) is not None:
            open(boot, "rb").close()
        folder = Folder(args["tftp"]) if "tftp" in args else None
        self.tftp = Tftp(station, boot, folder, self.limit)
        files = {}
        if "root" in args:
            self.nfs.export(ROOT_PATH, Folder(args["root"], args["writable"]))
            files["root"] = ROOT_PATH
        if "swap" in args:
            swap: Path = args["swap"]
            open(swap, "r+b").close()
            self.nfs.export(SWAP_PATH, Folder(swap.resolve().parent, writable=True), swap.resolve().name)
            files["swap"] = SWAP_PATH
        self.rpc = Rpc(station, self.limit)
        mask = ip_text(args["netmask"])
        server = "tmesh", args["inet"]
        parameters = Bootparams(server, self.router, args["domain"], self._client_name, files, mask)
        for program in (parameters.program, self.nfs.mount, self.nfs.nfs):
            self.rpc.add(program)
        Dhcp(station, self.pool.lease)
        station.rarp = self._rarp

    def _lease(self, ip: bytes) -> Lease:
        number = int.from_bytes(ip, "big") - int.from_bytes(self.args["guest"], "big")
        told = {ROUTER: self.router, NAME: self._numbered(number).encode()}
        if "root" in self.args:
            told[ROOT] = ROOT_PATH.encode()
        return Lease(ip, ip.hex().upper() if "boot" in self.args else "", told)

    def _numbered(self, number: int) -> str:
        return f"{self.args['hostname']}{number + 1 if number else ''}"

    def _client_name(self, ip: bytes) -> str | None:
        number = int.from_bytes(ip, "big") - int.from_bytes(self.args["guest"], "big")
        return self._numbered(number) if 0 <= number < CLIENTS else None

    def _rarp(self, arp: Arp) -> None:
        """Who am I? RFC 903."""
        lease = self.pool.lease(arp.target_mac) if self.limit() else None
        if lease is not None:
            self.station.learn(lease.ip, arp.target_mac)
            answer = Arp(4, self.station.mac, self.station.address, arp.target_mac, lease.ip)
            self.station.send(ethernet(arp.sender_mac, self.station.mac, RARP, answer.build()))

    def from_guest(self, frame: bytes) -> None:
        self.station.receive(frame)

    def close(self) -> None:
        super().close()
        if self.tftp is not None:
            self.tftp.close()
            if self.tftp.folder is not None:
                self.tftp.folder.close()
        self.nfs.close()

    def command(self, words: list[str]) -> str | None:
        if words == ["show"]:
            return "\n".join(f"{name}: {value}" for name, value in self.numbers().items())
        return super().command(words)

    def numbers(self) -> dict[str, Any]:
        return {
            **super().numbers(),
            "clients": len(self.pool.leases),
            "remote procedure calls": self.rpc.calls,
            "refused by the limit": self.limit.refused,
            "malformed": self.station.bad,
        }
