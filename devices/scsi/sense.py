"""Status, sense keys and the sense data that tell an initiator what went wrong.

Source: ANSI X3.131-1986; the additional sense codes are SCSI-2's, which later SCSI-1 devices had too.
"""

from __future__ import annotations

from dataclasses import dataclass

GOOD, CHECK_CONDITION, BUSY, RESERVATION_CONFLICT = 0x00, 0x02, 0x08, 0x18

NO_SENSE, RECOVERED, NOT_READY, MEDIUM_ERROR, HARDWARE_ERROR, ILLEGAL_REQUEST = range(6)
UNIT_ATTENTION, DATA_PROTECT, BLANK_CHECK = 6, 7, 8
VOLUME_OVERFLOW = 0xD

FILE_MARK, END_OF_MEDIUM, WRONG_LENGTH = 0x80, 0x40, 0x20
"""Bits that tapes put beside the sense key."""


@dataclass(frozen=True)
class Sense:
    """What REQUEST SENSE will say. code: additional sense code and qualifier; short: the one byte of a
    controller that has non-extended sense only; information: residual length or block address."""

    key: int = NO_SENSE
    code: int = 0
    short: int = 0
    information: int | None = None
    flags: int = 0

    def extended(self) -> bytes:
        """Extended sense, error class 7, with additional sense bytes."""
        valid = 0x80 if self.information is not None else 0
        info = (self.information or 0) & 0xFFFF_FFFF
        head = bytes((0x70 | valid, 0, self.key | self.flags))
        return (
            head + info.to_bytes(4, "big") + bytes((10, 0, 0, 0, 0)) + self.code.to_bytes(2, "big") + bytes(4)
        )

    def non_extended(self) -> bytes:
        """The four bytes of error classes 0 to 6: bit 7 tells that a block address follows."""
        if self.information is None:
            return bytes((self.short, 0, 0, 0))
        return bytes((0x80 | self.short,)) + (self.information & 0x1F_FFFF).to_bytes(3, "big")


class Check(Exception):
    """A command ends with CHECK CONDITION. data: what was read before it went wrong, and is still sent."""

    def __init__(self, sense: Sense, data: bytes = b"") -> None:
        super().__init__(sense)
        self.sense = sense
        self.data = data


# What more than one kind of device says: `short` is the code of Adaptec's and Xebec's controllers.
INVALID_COMMAND = Sense(ILLEGAL_REQUEST, 0x2000, 0x20)
INVALID_LUN = Sense(ILLEGAL_REQUEST, 0x2500, 0x25)
INVALID_FIELD = Sense(ILLEGAL_REQUEST, 0x2400, 0x24)
INVALID_PARAMETER = Sense(ILLEGAL_REQUEST, 0x2600, 0x24)
NO_MEDIUM = Sense(NOT_READY, 0x3A00, 0x04)
CHANGED = Sense(UNIT_ATTENTION, 0x2800, 0x28)
PROTECTED = Sense(DATA_PROTECT, 0x2700, 0x17)
"""Adaptec's short codes: 04 drive not ready, 17 write protected, 20 invalid command, 21 illegal address,
24 bad argument, 25 invalid logical unit."""


def beyond_end(block: int) -> Sense:
    """An address behind the last block."""
    return Sense(ILLEGAL_REQUEST, 0x2100, 0x21, information=block)


def read_error(block: int | None = None) -> Sense:
    """The host could not read its file."""
    return Sense(MEDIUM_ERROR, 0x1100, 0x11, information=block)


def write_error(block: int | None = None) -> Sense:
    """The host could not write its file."""
    return Sense(MEDIUM_ERROR, 0x0C00, 0x03, information=block)
