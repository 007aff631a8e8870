"""scsi/disk: a disk, or a controller with up to eight disks as logical units.

    sd0 at scsibus0: tme/scsi/disk id 0 type acb4000
    disk0 at sd0: tme/host/posix/disk file sd0.img
    disk1 at sd0 lun 1: tme/host/posix/disk file sd1.img

tme-scsi-1  the Common Command Set: INQUIRY, extended sense, mode pages
acb4000     an Adaptec ACB-4000: no INQUIRY, four bytes of non-extended sense; what SunOS calls "Adaptec"

Sources: ANSI X3.131-1986; ANSI X3T9.2/85-52 (Common Command Set); Adaptec, ACB-4000 User's Manual.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devices.scsi.block import BlockTarget, address_10
from devices.scsi.sense import INVALID_COMMAND, INVALID_PARAMETER, PROTECTED, Check, Sense, write_error
from devices.scsi.target import Receive, Reply, Target
from tme.args import Args, Param, choice, number

if TYPE_CHECKING:
    from tme.machine import Machine

HEADS, SECTORS, RPM = 16, 16, 3600
NOT_ADAPTEC = frozenset({0x12, 0x07, 0x37, 0x35})
"""Commands that the ACB-4000 lacks: INQUIRY, REASSIGN BLOCKS, READ DEFECT DATA, SYNCHRONIZE CACHE."""


def word(value: int) -> bytes:
    """Sixteen bits; larger values stay at the largest."""
    return min(value, 0xFFFF).to_bytes(2, "big")


class Disk(BlockTarget):
    """A SCSI disk."""

    module = "scsi/disk"
    summary = "a SCSI disk; `lun N` connects more images to it"
    params = (
        *Target.params,
        Param("type", choice("tme-scsi-1", "nme-scsi-1", "acb4000"), required=True, help="how it behaves"),
        Param("heads", number, default=HEADS, help="of the geometry it reports"),
        Param("sectors", number, default=SECTORS, help="on a track, of the geometry it reports"),
    )
    commands = {
        0x00: "succeed",  # TEST UNIT READY
        0x01: "succeed",  # REZERO UNIT
        0x03: "request_sense",
        0x04: "format_unit",
        0x07: "reassign",
        0x08: "read_6",
        0x0A: "write_6",
        0x0B: "seek_6",
        0x12: "inquiry",
        0x15: "mode_select",
        0x16: "succeed",  # RESERVE
        0x17: "succeed",  # RELEASE
        0x1A: "mode_sense",
        0x1B: "start_stop",
        0x1D: "discard",  # SEND DIAGNOSTIC
        0x1E: "succeed",  # PREVENT/ALLOW MEDIUM REMOVAL
        0x25: "read_capacity",
        0x28: "read_10",
        0x2A: "write_10",
        0x2B: "seek_10",
        0x2E: "write_10",  # WRITE AND VERIFY
        0x2F: "verify",
        0x35: "synchronize",
        0x37: "read_defects",
    }

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.adaptec = args["type"] == "acb4000"
        for word in ("heads", "sectors"):
            if not 1 <= args[word] <= 255:
                raise self.error(f"{word} is from 1 to 255")

    def sense_data(self, sense: Sense) -> bytes:
        return sense.non_extended() if self.adaptec else sense.extended()

    def check_unit(self, opcode: int) -> None:
        if self.adaptec:
            if opcode in NOT_ADAPTEC:
                raise Check(INVALID_COMMAND)
            for unit in self.units.values():
                unit.new_medium = False  # a controller of fixed disks knows no changed media
        super().check_unit(opcode)

    def inquiry(self, cdb: bytes) -> Reply:
        return self.inquiry_data(0, self.removable, "SCSI DISK")[: cdb[4]]

    def start_stop(self, cdb: bytes) -> Reply:
        return None if cdb[4] & 1 else self.synchronize(cdb)

    # ---- formatting ---------------------------------------------------------------------------------------

    def format_unit(self, cdb: bytes) -> Reply:
        """All blocks become zero. A defect list is read and has no effect: an image has no bad blocks."""
        if self.read_only:
            raise Check(PROTECTED)
        if cdb[1] & 0x10:
            return Receive(4, lambda head: Receive(int.from_bytes(head[2:4], "big"), self._erase))
        return self._erase(b"")

    def _erase(self, defects: bytes) -> Reply:
        try:
            self.unit.medium.erase()
        except OSError as error:
            self.log(f"cannot format: {error.strerror}")
            raise Check(write_error()) from None
        return None

    def reassign(self, cdb: bytes) -> Reply:
        """The block keeps its data: an image has no bad blocks."""

        def check(defects: bytes) -> Reply:
            for at in range(0, len(defects) - 3, 4):
                self.span(int.from_bytes(defects[at : at + 4], "big"), 1)
            return None

        return Receive(4, lambda head: Receive(int.from_bytes(head[2:4], "big"), check))

    def read_defects(self, cdb: bytes) -> Reply:
        """An empty list."""
        return bytes((0, cdb[2] & 0x1F, 0, 0))[: address_10(cdb)[1]]

    # ---- mode parameters ----------------------------------------------------------------------------------

    @property
    def cylinders(self) -> int:
        """Of the geometry it reports: enough for all blocks."""
        count: int = -(-self.blocks // (self.args["heads"] * self.args["sectors"]))
        return count

    def mode_pages(self) -> Iterator[tuple[int, bytes]]:
        heads, sectors, block = self.args["heads"], self.args["sectors"], self.unit.block
        yield 0x01, bytes((0, 8, 0, 0, 0, 0))  # error recovery: eight tries
        yield 0x02, bytes(10)  # disconnection
        fixed_sectors = b"\x40\0\0\0"
        # tracks of a zone, counts of alternates, sectors of a track, bytes of a sector, interleave, skews
        yield 0x03, word(heads) + bytes(6) + word(sectors) + word(block) + word(1) + bytes(4) + fixed_sectors
        three = min(self.cylinders, 0xFF_FFFF).to_bytes(3, "big")
        # no precompensation, no reduced write current: they start behind the last cylinder
        yield 0x04, three + bytes((heads,)) + three + three + bytes(8) + word(RPM) + word(0)

    def mode_sense(self, cdb: bytes) -> Reply:
        if not self.adaptec:
            return super().mode_sense(cdb)
        # a block descriptor, then the shape: format 1, cylinders, heads, two cylinders, landing zone, step
        cylinders = min(self.cylinders, 0xFFFF).to_bytes(2, "big")
        shape = b"\x01" + cylinders + bytes((self.args["heads"],)) + cylinders + cylinders + bytes(2)
        descriptor = bytes(4) + self.unit.block.to_bytes(4, "big")
        body = bytes((0, 0x80 if self.read_only else 0, 8)) + descriptor + shape
        return (bytes((len(body),)) + body)[: cdb[4]]

    def mode_select(self, cdb: bytes) -> Reply:
        """Parameters are accepted when they keep the block size; the geometry stays that of the image."""

        def check(data: bytes) -> Reply:
            if len(data) >= 12 and data[3] >= 8:
                block = int.from_bytes(data[9:12], "big")
                if block not in (0, self.unit.block):
                    raise Check(INVALID_PARAMETER)
            return None

        return Receive(cdb[4], check)
