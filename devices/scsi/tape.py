"""scsi/tape: a tape drive.

    st0 at scsibus0: tme/scsi/tape id 4 type emulex-mt02
    tape0 at st0: tme/host/posix/tape

tme-scsi-1   records of any length or fixed blocks, as MODE SELECT says; extended sense
emulex-mt02  an Emulex MT-02 with a QIC-24 drive: blocks of 512 bytes only, sense with its own codes

Sources: ANSI X3.131-1986; Emulex MT02 manual; NetBSD sys/dev/scsipi/st.c and TME for what drivers expect.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from devices.scsi import sense as codes
from devices.scsi.block import LUNS, Drive, free_lun
from devices.scsi.sense import (
    BLANK_CHECK,
    END_OF_MEDIUM,
    FILE_MARK,
    INVALID_COMMAND,
    INVALID_FIELD,
    INVALID_PARAMETER,
    NO_MEDIUM,
    NO_SENSE,
    PROTECTED,
    VOLUME_OVERFLOW,
    WRONG_LENGTH,
    Check,
    Sense,
)
from devices.scsi.target import Receive, Reply, Target
from tme.args import Args, Param, choice, number
from tme.port import Port

if TYPE_CHECKING:
    from tme.machine import Machine

QIC_BLOCK = 512
QIC_24 = 0x05
QIC_BLOCKS = 60 << 20 >> 9
LARGEST = 0xFF_FFFF
MT02_ONLY, MT02_LACKS = frozenset({0x0D}), frozenset({0x16, 0x17})
BLOCKS, MARKS, SEQUENTIAL_MARKS, END_OF_DATA = range(4)
"""What SPACE counts."""
MT02_CODES = {
    codes.RECOVERED: 0x18,
    codes.NOT_READY: 0x04,
    codes.MEDIUM_ERROR: 0x11,
    codes.HARDWARE_ERROR: 0x0B,
    codes.ILLEGAL_REQUEST: 0x20,
    codes.UNIT_ATTENTION: 0x30,
    codes.DATA_PROTECT: 0x17,
    codes.BLANK_CHECK: 0x19,
    codes.VOLUME_OVERFLOW: 0x34,
}
"""Sense key -> the MT-02's code. Without a key the flags decide."""
MT02_FLAGS = ((END_OF_MEDIUM, 0x34), (WRONG_LENGTH, 0x19), (FILE_MARK, 0x1C))


class Tape(Target):
    """A SCSI tape drive."""

    module = "scsi/tape"
    summary = "a SCSI tape drive; `tme/host/posix/tape` is the tape"
    params = (
        *Target.params,
        Param(
            "type", choice("tme-scsi-1", "nme-scsi-1", "emulex-mt02"), required=True, help="how it behaves"
        ),
    )
    conn_params = (Param("lun", number, help="logical unit, 0 to 7"),)
    commands = {
        0x00: "succeed",  # TEST UNIT READY
        0x01: "rewind",
        0x03: "request_sense",
        0x05: "block_limits",
        0x08: "read",
        0x0A: "write",
        0x0D: "succeed",  # MT-02: QIC-02 commands
        0x10: "write_marks",
        0x11: "space",
        0x12: "inquiry",
        0x15: "mode_select",
        0x16: "succeed",  # RESERVE UNIT
        0x17: "succeed",  # RELEASE UNIT
        0x19: "erase",
        0x1A: "mode_sense",
        0x1B: "load_unload",
        0x1D: "discard",  # SEND DIAGNOSTIC
        0x1E: "succeed",  # PREVENT/ALLOW MEDIUM REMOVAL
    }

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.emulex = args["type"] == "emulex-mt02"
        self.units: dict[int, Drive] = {}

    def ports(self, args: Args) -> list[Port]:
        ports: list[Port] = [] if "lun" in args else [self.port]
        if "lun" in args or len(self.units) < LUNS:
            block = QIC_BLOCK if self.emulex else 0
            ports.append(Drive(self, "tape", args, free_lun(self, args), block))
        return ports

    def has_lun(self, lun: int) -> bool:
        return lun in self.units

    def bus_reset(self) -> None:
        super().bus_reset()
        for unit in self.units.values():
            unit.new_medium = False

    @property
    def unit(self) -> Drive:
        """The logical unit of the present command. Its `block` is 0 while records have any length."""
        return self.units[self.lun]

    @property
    def reel(self) -> Any:
        """Its tape."""
        return self.unit.medium

    def check_unit(self, opcode: int) -> None:
        if (self.emulex and opcode in MT02_LACKS) or (not self.emulex and opcode in MT02_ONLY):
            raise Check(INVALID_COMMAND)
        unit = self.units.get(self.lun)
        if unit is None or opcode in (0x03, 0x12):
            return
        if unit.new_medium:
            unit.new_medium = False
            raise Check(codes.CHANGED)
        if unit.medium is None:
            raise Check(NO_MEDIUM)

    def sense_data(self, sense: Sense) -> bytes:
        if not self.emulex:
            return sense.extended()
        data = bytearray(sense.extended()[:16])
        code = MT02_CODES.get(sense.key, 0)
        if sense.key == NO_SENSE:
            code = next((code for flag, code in MT02_FLAGS if sense.flags & flag), 0)
        data[4] |= 1  # the Sun-2 PROM insists on this bit
        data[7:13] = 8, code, 0, 16, 0, 0
        return bytes(data)

    def inquiry(self, cdb: bytes) -> Reply:
        """The MT-02 has no INQUIRY data but the type, unless the description gives it a vendor."""
        if self.emulex and "vendor" not in self.args:
            return bytes((1, 0, 0, 0, 0))[: cdb[4]]
        return self.inquiry_data(1, True, "SCSI TAPE")[: cdb[4]]

    # ---- reading and writing ------------------------------------------------------------------------------

    def _fixed(self, cdb: bytes) -> bool:
        if self.emulex:
            return True
        if cdb[1] & 1 and not self.unit.block:
            raise Check(INVALID_FIELD)
        return bool(cdb[1] & 1)

    def read(self, cdb: bytes) -> Reply:
        count = int.from_bytes(cdb[2:5], "big")
        try:
            return (
                self._read_blocks(count) if self._fixed(cdb) else self._read_record(count, bool(cdb[1] & 2))
            )
        except OSError as error:
            self.log(f"cannot read: {error.strerror}")
            raise Check(codes.read_error()) from None

    def _read_blocks(self, count: int) -> bytes:
        """Fixed blocks until the count or a mark; the last block of a file is filled up with zeros."""
        reel, block = self.reel, self.unit.block
        data: bytes = reel.read(count * block)
        blocks = -(-len(data) // block)
        data = data.ljust(blocks * block, b"\0")
        if blocks < count:
            raise Check(self._stopped(count - blocks), data)
        return data

    def _stopped(self, left: int) -> Sense:
        """Why there is no more: a mark, which is passed, or the end of what is recorded."""
        if self.reel.blank:
            return Sense(BLANK_CHECK, 0x0005, information=left, flags=END_OF_MEDIUM if self.emulex else 0)
        self.reel.pass_mark()
        return Sense(NO_SENSE, 0x0001, information=left, flags=FILE_MARK)

    def _read_record(self, length: int, any_length: bool) -> bytes:
        if not length:
            return b""
        reel = self.reel
        if reel.blank or reel.at_mark:
            raise Check(self._stopped(length))
        own = reel.record()
        data: bytes = reel.read(length if own is None else min(own, length))
        actual = len(data) if own is None else own
        reel.read(actual - len(data))
        if actual == length or (any_length and actual < length):
            return data
        raise Check(Sense(NO_SENSE, 0, information=length - actual, flags=WRONG_LENGTH), data)

    def _writable(self) -> None:
        if self.reel.read_only:
            raise Check(PROTECTED)

    def write(self, cdb: bytes) -> Reply:
        self._writable()
        count = int.from_bytes(cdb[2:5], "big")
        block = self.unit.block if self._fixed(cdb) else 0

        def store(data: bytes) -> Reply:
            step = block or max(len(data), 1)
            for at in range(0, len(data), step):
                self._record(partial(self.reel.write, data[at : at + step]), (len(data) - at) // (block or 1))
            return None

        return Receive(count * (block or 1), store)

    def _record(self, action: Callable[[], object], left: int) -> None:
        """Write something; Check tells how much is left when the tape is full or the host fails."""
        try:
            action()
        except OSError as error:
            self.log(f"cannot write: {error.strerror}")
            if error.errno == 28:  # ENOSPC
                full = Sense(VOLUME_OVERFLOW, 0x0002, information=left, flags=END_OF_MEDIUM)
                raise Check(full) from None
            raise Check(codes.write_error()) from None

    def write_marks(self, cdb: bytes) -> Reply:
        count = int.from_bytes(cdb[2:5], "big")
        if count:
            self._writable()
        for done in range(count):
            self._record(self.reel.write_mark, count - done)
        self._record(self.reel.sync, 0)
        return None

    def erase(self, cdb: bytes) -> Reply:
        """From the beginning on, for the MT-02; from here on, for others."""
        self._writable()
        if self.emulex:
            self.reel.rewind()
        self._record(lambda: self.reel.write(b""), 0)
        return None

    # ---- motion -------------------------------------------------------------------------------------------

    def rewind(self, cdb: bytes) -> Reply:
        self._record(self.reel.sync, 0)
        self.reel.rewind()
        return None

    def load_unload(self, cdb: bytes) -> Reply:
        """Both rewind; the tape stays in: only the host can take it out."""
        return self.rewind(cdb)

    def space(self, cdb: bytes) -> Reply:
        count = int.from_bytes(cdb[2:5], "big", signed=True)
        what = cdb[1] & 7
        reel = self.reel
        if what == END_OF_DATA:
            reel.to_end()
        elif what == MARKS:
            for done in range(abs(count)):
                self._over_mark(count > 0, abs(count) - done)
        elif what == BLOCKS:
            for done in range(abs(count)):
                self._over_block(count > 0, abs(count) - done)
        else:
            raise Check(INVALID_FIELD)
        return None

    def _over_mark(self, forward: bool, left: int) -> None:
        reel = self.reel
        if forward:
            if reel.blank:
                raise Check(Sense(BLANK_CHECK, 0x0005, information=left))
            reel.pass_mark()
        elif reel.file == 0:
            reel.rewind()
            raise Check(Sense(NO_SENSE, 0x0004, information=left, flags=END_OF_MEDIUM))
        else:
            reel.back_mark()

    def _over_block(self, forward: bool, left: int) -> None:
        reel, block = self.reel, self.unit.block or 1
        if forward:
            if reel.blank or reel.at_mark:
                raise Check(self._stopped(left))
            own = None if self.unit.block else reel.record()
            reel.read(own or block)
        elif reel.offset:
            reel.back_record(block)
        else:
            self._over_mark(False, left)
            raise Check(Sense(NO_SENSE, 0x0001, information=left, flags=FILE_MARK))

    # ---- parameters ---------------------------------------------------------------------------------------

    def block_limits(self, cdb: bytes) -> Reply:
        smallest, largest = (QIC_BLOCK, QIC_BLOCK) if self.emulex else (1, LARGEST)
        return b"\0" + largest.to_bytes(3, "big") + smallest.to_bytes(2, "big")

    def mode_sense(self, cdb: bytes) -> Reply:
        blocks = QIC_BLOCKS if self.emulex else 0
        descriptor = bytes((QIC_24,)) + blocks.to_bytes(3, "big") + b"\0" + self.unit.block.to_bytes(3, "big")
        body = bytes((0, 0x80 if self.reel.read_only else 0, len(descriptor))) + descriptor
        return (bytes((len(body),)) + body)[: cdb[4]]

    def mode_select(self, cdb: bytes) -> Reply:
        """The block length; 0 for records of any length. The MT-02 takes its parameters and ignores them."""

        def check(data: bytes) -> Reply:
            if self.emulex or len(data) < 12 or data[3] < 8:
                return None
            block = int.from_bytes(data[9:12], "big")
            if block > 1 << 20:
                raise Check(INVALID_PARAMETER)
            self.unit.block = block
            return None

        return Receive(cdb[4], check)
