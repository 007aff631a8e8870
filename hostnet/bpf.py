"""host/bsd/bpf: the guest on an interface of the host, by a packet socket (BSD calls it bpf, and so did TME).

    bpf0 at ie0: tme/host/bsd/bpf interface eth0        the guest on the host's own network
    bpf0 at ie0: tme/host/bsd/bpf interface tap0        a slave on a master's TAP (see host/tun/tap)

A filter in the kernel lets each frame through once. Own frames never come back. What another machine or the
host sends on the same interface is seen when it goes out; if a master writes it back, that copy is dropped,
because its sender is known to send here. On eth0 the guest and the host itself cannot talk to each other: the
guest's frames leave by the wire; use a TAP or a bridge for that.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from typing import TYPE_CHECKING

from hostnet import interface, offload
from hostnet.end import RATE, HostEnd
from hostnet.interface import name_word
from hostnet.poller import Poller
from tme.args import Args, Param, size
from tme.ethernet import microseconds

if TYPE_CHECKING:
    from tme.machine import Machine

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP, PACKET_VNET_HDR = 1, 15
PACKET_MR_PROMISC = 1
PACKET_OUTGOING = 4
SO_ATTACH_FILTER = 26
LARGEST = 1 << 17
OWN, OTHERS = 64, 256
"""Addresses remembered."""
AT_ONCE = 64
SHORTEST = 60

# instructions of the kernel's filter (linux/filter.h)
LOAD_WORD, LOAD_HALF, LOAD_BYTE, JUMP_EQUAL, RETURN = 0x20, 0x28, 0x30, 0x15, 0x06
PACKET_TYPE = 0xFFFFF000 + 4
Instruction = tuple[int, int, int, int]


def program(own: list[bytes], others: list[bytes]) -> list[Instruction]:
    """The filter: nothing from `own` addresses, and what comes in from `others` only when it goes out."""

    def drop_from(mac: bytes) -> list[Instruction]:
        return [
            (LOAD_WORD, 0, 0, 8),
            (JUMP_EQUAL, 0, 3, int.from_bytes(mac[2:], "big")),
            (LOAD_HALF, 0, 0, 6),
            (JUMP_EQUAL, 0, 1, int.from_bytes(mac[:2], "big")),
            (RETURN, 0, 0, 0),
        ]

    made = [step for mac in own for step in drop_from(mac)]
    made += [(LOAD_BYTE, 0, 0, PACKET_TYPE), (JUMP_EQUAL, 0, 1, PACKET_OUTGOING), (RETURN, 0, 0, LARGEST)]
    made += [step for mac in others for step in drop_from(mac)]
    return [*made, (RETURN, 0, 0, LARGEST)]


class Bpf(HostEnd):
    """A packet socket on an interface."""

    module = "host/bsd/bpf"
    summary = "a packet socket on an interface of the host, or a slave on the TAP of another machine"
    params = (
        Param("interface", name_word, help="by default that of the default route"),
        Param("delay", microseconds, default=0, help="pause between two frames for the guest"),
        Param("rbufsz", size, help="the kernel's buffer"),
        RATE,
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.wire.gap_ns = args["delay"] * 1000
        chosen = args.get("interface") or interface.default_interface()
        if chosen is None:
            raise self.error("the host has no default route: name an interface")
        if not interface.exists(chosen):
            raise self.error(f"the host has no interface {chosen}")
        self.interface: str = chosen
        self.poller = Poller(machine)
        self.own: dict[bytes, None] = {}
        self.others: dict[bytes, None] = {}
        self.socket = self._open()
        self.lost = 0

    def _open(self) -> socket.socket:
        try:
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except OSError as error:
            if error.errno in (errno.EPERM, errno.EACCES):
                cure = "or use tme/host/user/net, which needs no privilege"
                raise self.error(interface.privilege("CAP_NET_RAW", "a packet socket", cure)) from None
            raise self.error(f"cannot make a packet socket: {error.strerror}") from None
        try:
            made.setblocking(False)
            if (space := self.args.get("rbufsz")) is not None:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, min(space, 1 << 30))
            made.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
            self._filter(made)
            made.bind((self.interface, ETH_P_ALL))
            index = socket.if_nametoindex(self.interface)
            membership = struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b"")
            made.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
        except OSError as error:
            made.close()
            raise self.error(f"cannot listen on {self.interface}: {error.strerror}") from None
        return made

    def _filter(self, where: socket.socket) -> None:
        """Tell the kernel what it need not pass on."""
        steps = program(list(self.own), list(self.others))
        code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
        where.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(steps), ctypes.addressof(code))
        )

    # ---- frames ----------------------------------------------------------------------------------------

    def reset(self) -> None:
        self.poller.watch(self.socket.fileno(), self._readable)
        self.poller.start()

    def from_guest(self, frame: bytes) -> None:
        if len(frame) < 14 or self.socket.fileno() < 0:
            return
        sender = frame[6:12]
        if sender not in self.own and not sender[0] & 1:
            self._know(self.own, sender, OWN)
            self.others.pop(sender, None)
            self._filter(self.socket)
        try:
            self.socket.send(offload.NOTHING + frame)
        except OSError:  # full, down, or too large for its MTU
            self.lost += 1

    @staticmethod
    def _know(table: dict[bytes, None], mac: bytes, limit: int) -> None:
        if len(table) >= limit:
            del table[next(iter(table))]
        table[mac] = None

    def _readable(self) -> None:
        for _ in range(min(AT_ONCE, self.wire.room)):
            try:
                data, place = self.socket.recvfrom(LARGEST)
            except BlockingIOError:
                return
            except OSError as error:
                self.log(f"{self.interface}: {error.strerror}", 1)
                return
            self._take(data, place[2] == PACKET_OUTGOING)
        if not self.wire.room:
            self.poller.forget(self.socket.fileno())
            self.machine.clock.after(1_000_000, self._resume)

    def _take(self, data: bytes, outgoing: bool) -> None:
        """A frame of the interface. The kernel's filter may be a step behind what we know."""
        start = offload.HEADER.size + 6
        sender = data[start : start + 6]
        if sender in self.own or (not outgoing and sender in self.others):
            return
        if outgoing and sender not in self.others:
            self._know(self.others, sender, OTHERS)
            self._filter(self.socket)
        for frame in offload.finish(data):
            self.wire.send(frame.ljust(SHORTEST, b"\0"))

    def _resume(self) -> None:
        if self.socket.fileno() >= 0:
            self.poller.watch(self.socket.fileno(), self._readable)

    def close(self) -> None:
        super().close()
        self.poller.close()
        self.socket.close()
