"""The client side of RPC, MOUNT and NFS, written from the RFCs for the tests."""

import itertools
import struct

from hostnet import frames
from hostnet.frames import IPV4, Ip, Udp, ethernet
from tests.hostnet.lab import MAC

ME, SERVER = bytes((10, 0, 2, 15)), bytes((10, 0, 2, 4))
SERVER_MAC = b"\x52\x56" + SERVER
UNSET = 0xFFFFFFFF


def words(*values):
    return struct.pack(f"!{len(values)}I", *(value & UNSET for value in values))


def string(data):
    data = data.encode() if isinstance(data, str) else data
    return words(len(data)) + data + bytes(-len(data) & 3)


def sattr(mode=UNSET, uid=UNSET, gid=UNSET, size=UNSET, times=(UNSET,) * 4):
    return words(mode, uid, gid, size, *times)


class Client:
    """Asks by frames; the answer comes within a guest second or is None."""

    def __init__(self, machine, guest):
        self.machine, self.guest = machine, guest
        self.xid = itertools.count(1)

    def udp(self, port, payload, sport=1000, to=SERVER, mac=SERVER_MAC):
        """Datagrams that come back for `sport`, as (source, source port, payload)."""
        self.guest.take()
        datagram = frames.build_udp(ME, to, Udp(sport, port, payload))
        for piece in frames.fragments(Ip(ME, to, frames.UDP, datagram, ident=next(self.xid) & 0xFFFF)):
            self.guest.send(ethernet(mac, MAC, IPV4, frames.build_ip(piece)))
        self.machine.clock.advance(1_000_000_000)
        return self.incoming(sport)

    def incoming(self, sport):
        found, parts = [], {}
        for frame in self.guest.take():
            packet = frames.parse_ip_packet(frame[14:])
            if packet is None or packet.protocol != frames.UDP:
                continue
            assert len(frame) <= 1514
            parts.setdefault(packet.ident, []).append(packet)
            if packet.fragment & frames.MORE:
                continue
            data = b"".join(p.payload for p in parts.pop(packet.ident))
            whole = frames.parse_udp(packet._replace(payload=data))
            assert whole is not None
            if whole.dport == sport:
                found.append((packet.source, whole.sport, whole.payload))
        return found

    def call(self, program, version, procedure, arguments=b"", port=2049, xid=None, **where):
        """The results of a call, the accept status of one that fails, None for silence."""
        xid = next(self.xid) if xid is None else xid
        unix = words(0, 0, 0, 0, 0)
        message = words(xid, 0, 2, program, version, procedure, 1, len(unix)) + unix + words(0, 0) + arguments
        answers = self.udp(port, message, **where)
        if not answers:
            return None
        answer = answers[0][2]
        got, kind, state, _, size, status = struct.unpack("!6I", answer[:24])
        assert (got, kind, state, size) == (xid, 1, 0, 0)
        return answer[24:] if status == 0 else status

    # NFS

    def mount(self, path="/export/root"):
        answer = self.call(100005, 1, 1, string(path), port=671)
        status = struct.unpack("!I", answer[:4])[0]
        return answer[4:36] if status == 0 else status

    def nfs(self, procedure, arguments):
        """(status, the rest)"""
        answer = self.call(100003, 2, procedure, arguments)
        assert isinstance(answer, bytes), answer
        return struct.unpack("!I", answer[:4])[0], answer[4:]

    def lookup(self, handle, name):
        status, rest = self.nfs(4, handle + string(name))
        return (rest[:32], attributes(rest[32:])) if status == 0 else status

    def getattr(self, handle):
        status, rest = self.nfs(1, handle)
        return attributes(rest) if status == 0 else status

    def read(self, handle, offset=0, count=8192):
        status, rest = self.nfs(6, handle + words(offset, count, 0))
        if status:
            return status
        size = struct.unpack("!I", rest[68:72])[0]
        return rest[72 : 72 + size]

    def write(self, handle, offset, data):
        return self.nfs(8, handle + words(0, offset, 0) + string(data))[0]

    def create(self, handle, name, mode=0o644, procedure=9, **more):
        status, rest = self.nfs(procedure, handle + string(name) + sattr(mode, **more))
        return (rest[:32], attributes(rest[32:])) if status == 0 else status

    def readdir(self, handle, count=8192):
        cookie, names = 0, []
        while True:
            status, rest = self.nfs(16, handle + words(cookie, count))
            assert status == 0
            at = 0
            while rest[at : at + 4] == words(1):
                size = struct.unpack("!I", rest[at + 8 : at + 12])[0]
                names.append(rest[at + 12 : at + 12 + size].decode())
                at += 12 + size + (-size & 3)
                cookie = struct.unpack("!I", rest[at : at + 4])[0]
                at += 4
            if rest[at + 4 : at + 8] == words(1):
                return names


def attributes(data):
    keys = "type mode nlink uid gid size blocksize rdev blocks fsid fileid".split()
    values = struct.unpack("!17I", data[:68])
    return dict(zip(keys, values[:11], strict=True)) | {"mtime": values[13]}
