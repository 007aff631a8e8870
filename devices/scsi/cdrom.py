"""scsi/cdrom: a CD-ROM drive with data discs.

    cd0 at scsibus0: tme/scsi/cdrom id 6 type tme-scsi-1
    disc0 at cd0: tme/host/posix/disk file SunOS.iso read-only

Blocks have 512 bytes, as the drives had that Suns boot from; `block-size 2048` or MODE SELECT changes it. The
disc is one data track.

Sources: ANSI X3.131-1994 (SCSI-2), chapter 14; Sun's drive had the Common Command Set of Sony's CDU-541.
"""

from __future__ import annotations

from collections.abc import Iterator

from devices.scsi.block import BlockTarget
from devices.scsi.sense import INVALID_FIELD, INVALID_PARAMETER, Check
from devices.scsi.target import Receive, Reply, Target
from tme.args import Param, choice

SECTOR = 2048
LEAD_OUT = 0xAA
DATA_TRACK = 0x14
FRAMES = 75
SIZES = (512, 1024, 2048)


class Cdrom(BlockTarget):
    """A CD-ROM drive."""

    module = "scsi/cdrom"
    summary = "a SCSI CD-ROM drive; an image is connected to it as to a disk"
    params = (
        *Target.params,
        Param("type", choice("tme-scsi-1", "nme-scsi-1"), required=True, help="how it behaves"),
    )
    removable = True
    always_read_only = True
    commands = {
        0x00: "succeed",  # TEST UNIT READY
        0x01: "succeed",  # REZERO UNIT
        0x03: "request_sense",
        0x08: "read_6",
        0x0B: "seek_6",
        0x12: "inquiry",
        0x15: "mode_select",
        0x16: "succeed",  # RESERVE
        0x17: "succeed",  # RELEASE
        0x1A: "mode_sense",
        0x1B: "start_stop",
        0x1D: "discard",  # SEND DIAGNOSTIC
        0x1E: "prevent_removal",
        0x25: "read_capacity",
        0x28: "read_10",
        0x2B: "seek_10",
        0x2F: "verify",
        0x43: "read_toc",
    }

    def inquiry(self, cdb: bytes) -> Reply:
        return self.inquiry_data(5, self.removable, "CD-ROM")[: cdb[4]]

    def start_stop(self, cdb: bytes) -> Reply:
        """With LoEj and without Start the disc is ejected."""
        if cdb[4] & 3 == 2:
            self.unit.peer.eject()
        return None

    def prevent_removal(self, cdb: bytes) -> Reply:
        self.unit.peer.locked = bool(cdb[4] & 1)
        return None

    def mode_header(self) -> tuple[int, int]:
        return 1, 0  # a 120 mm data disc; CD-ROMs have no write-protect bit

    def mode_pages(self) -> Iterator[tuple[int, bytes]]:
        yield 0x01, bytes((0, 3, 0, 0, 0, 0))  # error recovery: three tries
        yield 0x0D, bytes((0, 0, 0, 60, 0, FRAMES))  # CD-ROM: seconds of a minute, frames of a second

    def mode_select(self, cdb: bytes) -> Reply:
        def check(data: bytes) -> Reply:
            if len(data) >= 12 and data[3] >= 8:
                block = int.from_bytes(data[9:12], "big")
                if block and block not in SIZES:
                    raise Check(INVALID_PARAMETER)
                self.unit.block = block or self.unit.block
            return None

        return Receive(cdb[4], check)

    def read_toc(self, cdb: bytes) -> Reply:
        """One data track and the lead-out."""
        if cdb[9] >> 6 or 1 < cdb[6] < LEAD_OUT:
            raise Check(INVALID_FIELD)
        minutes = bool(cdb[1] & 2)
        tracks = [(1, 0)] if cdb[6] <= 1 else []
        tracks.append((LEAD_OUT, -(-self.unit.medium.size // SECTOR)))
        entries = b"".join(bytes((0, DATA_TRACK, track, 0)) + place(at, minutes) for track, at in tracks)
        toc = (len(entries) + 2).to_bytes(2, "big") + bytes((1, 1)) + entries
        return toc[: int.from_bytes(cdb[7:9], "big")]


def place(sector: int, minutes: bool) -> bytes:
    """An address as a sector, or as minute, second, frame, which begin with two seconds of lead-in."""
    if not minutes:
        return sector.to_bytes(4, "big")
    seconds, frame = divmod(sector + 2 * FRAMES, FRAMES)
    return bytes((0, seconds // 60, seconds % 60, frame))
