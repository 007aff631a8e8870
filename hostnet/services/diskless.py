"""host/diskless: the servers that a diskless Sun boots from, on its own cable, without privilege or set-up.

    net0 at ie0: tme/host/diskless boot netboot root /export/sun3 swap swap.img writable

RARP, BOOTP and DHCP give the client its address (guest), TFTP the file `boot` under the address in hex, as
Sun's PROMs ask for it; bootparams names root and swap, NFS version 2 serves them. A folder that is served
cannot be left, and nothing here listens anywhere but on the guest's cable. tme/host/user/net has all of this,
too, with the world behind it; at a switch with some other router name that one: `gateway 10.0.2.2`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hostnet.end import RATE, HostEnd
from hostnet.frames import parse_ip
from hostnet.services.plan import FILES, Clients, host_name
from hostnet.services.servers import Servers
from tme.args import Args, Param

if TYPE_CHECKING:
    from tme.machine import Machine


class Diskless(HostEnd):
    """Servers for diskless machines."""

    module = "host/diskless"
    summary = "boots diskless Suns: RARP, BOOTP/DHCP, TFTP, bootparams, NFS over folders of the host"
    params = (
        *FILES,
        Param("inet", parse_ip, default=bytes((10, 0, 2, 4)), help="the server's address"),
        Param("netmask", parse_ip, default=bytes((255, 255, 255, 0))),
        Param("guest", parse_ip, default=bytes((10, 0, 2, 15)), help="the first client's address"),
        Param("gateway", parse_ip, help="the clients' router; by default the server itself"),
        Param("hostname", host_name, default="sun", help="of the first client; the next ones get a number"),
        Param("domain", default="", help="for bootparams"),
        RATE,
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        router = args["gateway"] or args["inet"]
        clients = Clients(args["guest"], router, args["netmask"], args["hostname"], args["domain"])
        try:
            self.servers = Servers(machine, args["inet"], clients, args)
        except OSError as error:
            raise self.error(f"cannot serve {error.filename}: {error.strerror}") from None
        if not self.servers.station.local(args["guest"]) or args["guest"] == args["inet"]:
            self.servers.close()
            raise self.error("inet and guest must be different hosts of one network")
        self.servers.station.send = self.wire.send

    def from_guest(self, frame: bytes) -> None:
        self.servers.station.receive(frame)

    def close(self) -> None:
        super().close()
        self.servers.close()

    def command(self, words: list[str]) -> str | None:
        if words == ["show"]:
            return "\n".join(f"{name}: {value}" for name, value in self.numbers().items())
        return super().command(words)

    def numbers(self) -> dict[str, Any]:
        return {**super().numbers(), **self.servers.numbers()}
