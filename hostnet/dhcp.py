"""A BOOTP and DHCP server on a station: addresses from a range, and what else a client must know.

Sources: RFC 951, 1533, 2131, 2132.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from hostnet import frames
from hostnet.frames import Udp
from hostnet.station import Datagram, Station

SERVER, CLIENT = 67, 68
COOKIE = b"\x63\x82\x53\x63"
FIXED = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
SHORTEST = 300
LEASE = 86_400
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)
MASK, ROUTER, DNS, NAME, DOMAIN, SWAP, ROOT, BROADCAST = 1, 3, 6, 12, 15, 16, 17, 28
WANTED, LEASE_TIME, TYPE, SERVER_ID = 50, 51, 53, 54
PAD, END = 0, 255


@dataclass
class Lease:
    """What one client gets. file: to be loaded by TFTP; options: number -> value."""

    ip: bytes
    file: str = ""
    options: dict[int, bytes] = field(default_factory=dict)


def options(data: bytes) -> dict[int, bytes] | None:
    """Options behind the cookie; None when they are malformed, empty when there are none."""
    found: dict[int, bytes] = {}
    if not data.startswith(COOKIE):
        return found
    at = 4
    while at < len(data) and data[at] != END:
        if data[at] == PAD:
            at += 1
            continue
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            return None
        found.setdefault(data[at], data[at + 2 : at + 2 + data[at + 1]])
        at += 2 + data[at + 1]
    return found


def pack(values: dict[int, bytes]) -> bytes:
    """Options with cookie and end."""
    packed = b"".join(
        bytes((number, len(value))) + value for number, value in values.items() if len(value) < 256
    )
    return COOKIE + packed + bytes((END,))


class Dhcp:
    """Answers on port 67 of a station. lease: the lease of an Ethernet address, None for "not ours"."""

    def __init__(self, station: Station, lease: Callable[[bytes], Lease | None]) -> None:
        self.station = station
        self.lease = lease
        self.answered = 0
        station.udp[SERVER] = self._request

    def _request(self, datagram: Datagram) -> None:
        data = datagram.payload
        if len(data) < FIXED.size:
            return
        op, kind, length, _, xid, secs, flags, ciaddr, _, _, giaddr, chaddr, sname, _ = FIXED.unpack_from(
            data
        )
        asked = options(data[FIXED.size :])
        named = sname.split(b"\0")[0]
        if (op, kind, length) != (1, 1, 6) or asked is None or giaddr != frames.NOWHERE:
            return
        if named and named not in (b"tmesh", frames.ip_text(self.station.address).encode()):
            return
        if asked.get(SERVER_ID, self.station.address) != self.station.address:
            return
        lease = self.lease(chaddr[:6])
        if lease is None:
            return
        answer = self._answer(asked, ciaddr, lease)
        if answer is None:
            return
        refused = answer.get(TYPE) == bytes((NAK,))
        yours = frames.NOWHERE if refused or asked.get(TYPE) == bytes((INFORM,)) else lease.ip
        fixed = FIXED.pack(
            2, 1, 6, 0, xid, secs, flags, ciaddr, yours, self.station.address, giaddr, chaddr,
            b"tmesh", lease.file.encode()[:127],
        )  # fmt: skip
        self._send((fixed + pack(answer)).ljust(SHORTEST, b"\0"), chaddr[:6], flags, ciaddr, yours)

    def _answer(self, asked: dict[int, bytes], ciaddr: bytes, lease: Lease) -> dict[int, bytes] | None:
        """The options of the answer; None when there is none to give."""
        station = self.station
        common = {MASK: station.netmask, BROADCAST: station.broadcast, **lease.options}
        if TYPE not in asked:
            return common
        kind = asked[TYPE][0] if len(asked[TYPE]) == 1 else 0
        head = {TYPE: b"", SERVER_ID: station.address, LEASE_TIME: LEASE.to_bytes(4, "big")}
        if kind == DISCOVER:
            return {**head, TYPE: bytes((OFFER,)), **common}
        if kind == REQUEST:
            wanted = asked.get(WANTED, ciaddr)
            if wanted == lease.ip:
                return {**head, TYPE: bytes((ACK,)), **common}
            return {TYPE: bytes((NAK,)), SERVER_ID: station.address}
        if kind == INFORM:
            return {TYPE: bytes((ACK,)), SERVER_ID: station.address, **common}
        return None

    def _send(self, message: bytes, mac: bytes, flags: int, ciaddr: bytes, yours: bytes) -> None:
        self.answered += 1
        if ciaddr != frames.NOWHERE and self.station.local(ciaddr):
            destination = ciaddr
        elif flags & 0x8000 or yours == frames.NOWHERE:
            destination, mac = frames.EVERYBODY, frames.BROADCAST
        else:
            destination = yours
        self.station.send_udp(self.station.address, destination, Udp(SERVER, CLIENT, message), mac)


class Pool:
    """Leases in order of asking: the first client always gets the first address."""

    def __init__(self, first: bytes, count: int, make: Callable[[bytes], Lease]) -> None:
        self.first = int.from_bytes(first, "big")
        self.count = count
        self.make = make
        self.leases: dict[bytes, Lease] = {}

    def lease(self, mac: bytes) -> Lease | None:
        """The lease of a client; None when all addresses are given away."""
        if mac not in self.leases and len(self.leases) < self.count:
            self.leases[mac] = self.make((self.first + len(self.leases)).to_bytes(4, "big"))
        return self.leases.get(mac)
