"""Captures: Ethernet frames in a file that tcpdump and Wireshark read.

The classic format with nanoseconds: a file header, then for each frame its time, its length and its bytes.
Source: draft-ietf-opsawg-pcap.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tme.errors import TmeError

MAGIC_NANOSECONDS = 0xA1B23C4D
ETHERNET = 1
SNAP_LENGTH = 65_535
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HEADER = struct.pack("<IHHiIII", MAGIC_NANOSECONDS, 2, 4, 0, 0, SNAP_LENGTH, ETHERNET)
RECORD = struct.Struct("<IIII")


class Capture:
    """A new capture file. Each frame is written at once, so that nothing is lost when the process dies.

    Raises TmeError when the file cannot be made. A full disk ends the capture, not the machine.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.frames = 0
        try:
            self._file = open(path, "wb", buffering=0)  # noqa: SIM115
            self._file.write(HEADER)
        except OSError as error:
            raise TmeError(f"cannot capture to {path}: {error.strerror}") from None

    def write(self, when: datetime, frame: bytes) -> None:
        """Add a frame seen at `when` (UTC)."""
        if self._file.closed:
            return
        seconds, rest = divmod((when - EPOCH) // timedelta(microseconds=1), 1_000_000)
        kept = frame[:SNAP_LENGTH]
        try:
            self._file.write(RECORD.pack(seconds, rest * 1000, len(kept), len(frame)) + kept)
            self.frames += 1
        except OSError:
            self._file.close()

    def close(self) -> None:
        """End the capture; harmless when it has ended."""
        self._file.close()
