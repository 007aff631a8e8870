"""What a diskless Sun boots from, on one station: RARP, BOOTP and DHCP, TFTP, bootparams, NFS.

host/diskless      the servers alone
host/user/net      the same beside the gateway, when it has something to serve
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hostnet.dhcp import NAME, ROOT, ROUTER, Dhcp, Lease, Pool
from hostnet.frames import RARP, Arp, ethernet, ip_text
from hostnet.services.bootparams import Bootparams
from hostnet.services.folder import Folder
from hostnet.services.nfs import Nfs
from hostnet.services.plan import Clients
from hostnet.services.rpc import Rpc
from hostnet.services.tftp import Tftp
from hostnet.station import Station
from tme.args import Args

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


class Servers:
    """The servers at `inet`. files: see FILES. OSError names the file that cannot be served."""

    def __init__(self, machine: Machine, inet: bytes, clients: Clients, files: Args) -> None:
        self.clients = clients
        self.station = Station(machine.clock, PREFIX + inet, [inet], clients.netmask)
        self.limit = Limit(machine, max(files["limit"], 1))
        self.pool = Pool(clients.guest, CLIENTS, self._lease)
        self.nfs = Nfs()
        self.tftp: Tftp | None = None
        try:
            self._serve(files)
        except OSError:
            self.close()
            raise

    def _serve(self, args: Args) -> None:
        station, clients = self.station, self.clients
        folder = Folder(args["tftp"]) if "tftp" in args else None
        self.tftp = Tftp(station, None, folder, self.limit)
        if "boot" in args:
            self.boot(args["boot"])
        files = {}
        if "root" in args:
            self.nfs.export(ROOT_PATH, Folder(args["root"], args["writable"]))
            files["root"] = ROOT_PATH
        if "swap" in args:
            swap: Path = args["swap"]
            open(swap, "r+b").close()
            self.nfs.export(SWAP_PATH, Folder(swap.resolve().parent, writable=True), swap.resolve().name)
            files["swap"] = SWAP_PATH
        self.rooted = "root" in files
        self.rpc = Rpc(station, self.limit)
        parameters = Bootparams(
            ("tmesh", station.address), clients.router, clients.domain, self._client_name, files,
            ip_text(clients.netmask),
        )  # fmt: skip
        for program in (parameters.program, self.nfs.mount, self.nfs.nfs):
            self.rpc.add(program)
        if clients.dhcp:
            Dhcp(station, self.pool.lease)
        station.rarp = self._rarp

    def boot(self, file: Path) -> None:
        """Serve another file to whoever boots; OSError when it cannot be read."""
        open(file, "rb").close()
        assert self.tftp is not None
        self.tftp.boot = file
        self.pool.leases.clear()  # they name it

    # ---- clients ---------------------------------------------------------------------------------------

    def _lease(self, ip: bytes) -> Lease:
        clients = self.clients
        name = clients.numbered(clients.number(ip))
        told = {ROUTER: clients.router, NAME: name.encode(), **dict(clients.options)}
        if self.rooted:
            told[ROOT] = ROOT_PATH.encode()
        return Lease(ip, ip.hex().upper() if self.tftp and self.tftp.boot else "", told)

    def _client_name(self, ip: bytes) -> str | None:
        number = self.clients.number(ip)
        return self.clients.numbered(number) if 0 <= number < CLIENTS else None

    def _rarp(self, arp: Arp) -> None:
        """Who am I? RFC 903."""
        station = self.station
        lease = self.pool.lease(arp.target_mac) if self.limit() else None
        if lease is not None:
            station.learn(lease.ip, arp.target_mac)
            answer = Arp(4, station.mac, station.address, arp.target_mac, lease.ip)
            station.send(ethernet(arp.sender_mac, station.mac, RARP, answer.build()))

    # ---- the end ---------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close all files; again is harmless."""
        if self.tftp is not None:
            self.tftp.close()
            if self.tftp.folder is not None:
                self.tftp.folder.close()
        self.nfs.close()

    def numbers(self) -> dict[str, Any]:
        """Counters for people, by name."""
        return {
            "clients": len(self.pool.leases),
            "remote procedure calls": self.rpc.calls,
            "refused by the limit": self.limit.refused,
            "malformed": self.station.bad,
        }
