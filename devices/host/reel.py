"""Tapes kept in host files: files of bytes with a mark behind each.

    a list of host files      each is one tape file, a zero-length one too; records have the lengths that the
                              reader asks for; `.gz` files are unpacked while they are read
    one SIMH .tap image       records and marks as they are on the tape

A tape ends behind its last file. Writing cuts off everything behind the place that is written.
"""

from __future__ import annotations

import errno
import fcntl
import gzip
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from tme.errors import TmeError

LOCK_SHARED, LOCK_ALONE = fcntl.LOCK_SH | fcntl.LOCK_NB, fcntl.LOCK_EX | fcntl.LOCK_NB


class TapeFile(Protocol):
    """One file of a tape."""

    @property
    def length(self) -> int: ...

    def read(self, offset: int, count: int) -> bytes: ...

    def record(self, offset: int) -> int | None:
        """Bytes from `offset` to the end of its record; None when records have no length of their own."""

    def previous(self, offset: int) -> int | None:
        """Where the record in front of `offset` begins; None when records have no length of their own."""


class Reel:
    """A tape and where its head is. OSError comes from the host; ENOSPC also means that the tape is full."""

    def __init__(self, read_only: bool) -> None:
        self.read_only = read_only
        self.files: list[TapeFile] = []
        self.file = 0
        self.offset = 0

    @property
    def blank(self) -> bool:
        """Nothing is recorded from here on."""
        return self.file >= len(self.files)

    @property
    def at_mark(self) -> bool:
        """A file mark is next."""
        return not self.blank and self.offset >= self.files[self.file].length

    @property
    def at_start(self) -> bool:
        """The head is at the beginning of the tape."""
        return self.file == 0 and self.offset == 0

    def rewind(self) -> None:
        """To the beginning."""
        self.file = self.offset = 0

    def read(self, count: int) -> bytes:
        """Up to `count` bytes of the present file."""
        if self.blank:
            return b""
        data = self.files[self.file].read(self.offset, count)
        self.offset += len(data)
        return data

    def record(self) -> int | None:
        """Length of the next record when it has one of its own."""
        return None if self.blank else self.files[self.file].record(self.offset)

    def pass_mark(self) -> None:
        """Over the mark behind the present file."""
        self.file, self.offset = self.file + 1, 0

    def back_mark(self) -> None:
        """In front of the mark behind the file before."""
        self.file -= 1
        self.offset = self.files[self.file].length

    def back_record(self, length: int) -> None:
        """To the beginning of the record before, or back by `length` bytes."""
        before = self.files[self.file].previous(self.offset) if not self.blank else None
        self.offset = max(self.offset - length, 0) if before is None else before

    def to_end(self) -> None:
        """Behind everything that is recorded."""
        self.file, self.offset = len(self.files), 0

    def write(self, record: bytes) -> None:
        """Record bytes here."""
        raise NotImplementedError

    def write_mark(self) -> None:
        """Record a file mark here."""
        raise NotImplementedError

    def sync(self) -> None:
        """Bring what was written to the host's disk."""

    def close(self) -> None:
        """Let the files go."""


@dataclass
class HostFile:
    """A host file as a tape file."""

    path: Path
    stream: BinaryIO
    length: int
    writable: bool

    def read(self, offset: int, count: int) -> bytes:
        self.stream.seek(offset)
        return self.stream.read(max(min(count, self.length - offset), 0))

    def record(self, offset: int) -> int | None:
        return None

    def previous(self, offset: int) -> int | None:
        return None

    def cut(self, length: int) -> None:
        """Everything from `length` on is gone."""
        self.stream.truncate(length)
        self.length = length

    def append(self, data: bytes) -> None:
        self.stream.seek(self.length)
        written = 0
        while written < len(data):
            written += self.stream.write(data[written:])
        self.length += len(data)


def lock(file: BinaryIO, path: Path, read_only: bool) -> None:
    """Several may read a file, one alone may write it."""
    try:
        fcntl.flock(file.fileno(), LOCK_SHARED if read_only else LOCK_ALONE)
    except BlockingIOError:
        raise TmeError(f"the tape file {path} is in use by another tape or another machine") from None
    except OSError:
        pass  # a file system without locks


def open_file(path: Path, read_only: bool) -> BinaryIO:
    """An unbuffered, locked file; TmeError says what is wrong with it."""
    try:
        file = open(path, "rb" if read_only else "r+b", buffering=0)  # noqa: SIM115
    except OSError as error:
        cure = ""
        if error.errno == errno.ENOENT:
            cure = "; make an empty one for a blank tape"
        elif not read_only and os.access(path, os.R_OK) and not path.is_dir():
            cure = "; write `read-only` in front of it to use it as it is"
        raise TmeError(f"cannot open the tape file {path}: {error.strerror}{cure}") from None
    stream = cast(BinaryIO, file)
    try:
        if not path.is_file():
            raise TmeError(f"{path} is no file: tapes are made of files")
        lock(stream, path, read_only)
    except TmeError:
        stream.close()
        raise
    return stream


def open_host_file(path: Path, read_only: bool) -> HostFile:
    """A tape file; what a `.gz` holds is found out by unpacking it once."""
    packed = path.suffix == ".gz"
    stream = open_file(path, read_only or packed)
    if not packed:
        return HostFile(path, stream, os.fstat(stream.fileno()).st_size, not read_only)
    try:
        unpacked = cast(BinaryIO, gzip.GzipFile(fileobj=stream, mode="rb"))
        return HostFile(path, unpacked, unpacked.seek(0, os.SEEK_END), False)
    except (OSError, EOFError) as error:
        stream.close()
        raise TmeError(f"the tape file {path} is no sound gzip file: {error}") from None


class FileReel(Reel):
    """A tape made of a list of host files. New tape files take the host files that the tape was cut off
    from."""

    def __init__(self, paths: Sequence[Path], read_only: bool) -> None:
        super().__init__(read_only)
        self.all: list[HostFile] = []
        try:
            for path in paths:
                # the same file may be there twice, on a tape that is only read
                self.all.append(open_host_file(path, read_only))
        except TmeError:
            self.close()
            raise
        self.files = list(self.all)
        self.read_only = read_only or not all(file.writable for file in self.all)

    def _here(self) -> HostFile:
        """The file to write to, cut off at the present place."""
        if self.file >= len(self.all):
            raise OSError(errno.ENOSPC, "the tape has no more files")
        here = self.all[self.file]
        here.cut(self.offset)
        self.files[self.file :] = [here]
        return here

    def write(self, record: bytes) -> None:
        self._here().append(record)
        self.offset += len(record)

    def write_mark(self) -> None:
        self._here()
        self.pass_mark()

    def sync(self) -> None:
        for file in self.all if not self.read_only else ():
            os.fdatasync(file.stream.fileno())

    def close(self) -> None:
        for file in self.all:
            file.stream.close()


@dataclass
class TapFile:
    """One file of a .tap image: where its records are."""

    stream: BinaryIO
    records: list[tuple[int, int, int]] = field(
        default_factory=list
    )  #: offset in the file, in the image, length

    @property
    def length(self) -> int:
        """Bytes of all records."""
        return self.records[-1][0] + self.records[-1][2] if self.records else 0

    def find(self, offset: int) -> int:
        """Index of the record that `offset` is in."""
        low, high = 0, len(self.records)
        while low < high:
            middle = (low + high) // 2
            start, _, length = self.records[middle]
            if offset >= start + length:
                low = middle + 1
            else:
                high = middle
        return low

    def read(self, offset: int, count: int) -> bytes:
        out = bytearray()
        for start, place, length in self.records[self.find(offset) :]:
            if count <= len(out):
                break
            skip = offset + len(out) - start
            self.stream.seek(place + 4 + skip)
            out += self.stream.read(min(length - skip, count - len(out)))
        return bytes(out)

    def record(self, offset: int) -> int | None:
        start, _, length = self.records[self.find(offset)]
        return start + length - offset

    def previous(self, offset: int) -> int | None:
        return self.records[self.find(offset - 1)][0] if offset else 0


END, GAP, ERROR = 0xFFFF_FFFF, 0xFFFF_FFFE, 0x8000_0000
WORD = struct.Struct("<I")


class TapReel(Reel):
    """A SIMH tape image: every record between its length twice, a mark is a zero, padded to even lengths."""

    def __init__(self, path: Path, read_only: bool) -> None:
        super().__init__(read_only)
        self.path = path
        self.stream = open_file(path, read_only)
        self.tap_files: list[TapFile] = []
        try:
            self._scan(os.fstat(self.stream.fileno()).st_size)
        except TmeError:
            self.stream.close()
            raise
        self.files = [*self.tap_files]

    def _scan(self, size: int) -> None:
        """Find records and marks."""
        at, file = 0, TapFile(self.stream)
        while at + 4 <= size:
            self.stream.seek(at)
            length = WORD.unpack(self.stream.read(4))[0]
            if length == END:
                break
            if length == GAP:
                at += 4
            elif length == 0:
                self.tap_files.append(file)
                file = TapFile(self.stream)
                at += 4
            else:
                length &= ~ERROR
                behind = at + 4 + length + (length & 1)
                self.stream.seek(behind)
                if self.stream.read(4)[:3] != WORD.pack(length)[:3]:
                    raise TmeError(f"{self.path} is no sound tape image: its record at {at:#x} has no end")
                file.records.append((file.length, at, length))
                at = behind + 4
        if file.records:
            self.tap_files.append(file)

    def _place(self) -> int:
        """Where the head is in the image. Within a record, the rest of it is cut off."""
        at = 0
        if self.file and not (self.file < len(self.tap_files) and self.offset):
            before = [r for f in self.tap_files[: self.file] for r in f.records]
            at = self._behind(before[-1]) if before else 0
            trailing = 0
            for earlier in reversed(self.tap_files[: self.file]):
                trailing += 1
                if earlier.records:
                    break
            return at + 4 * trailing
        if not self.blank and self.offset:
            file = self.tap_files[self.file]
            index = file.find(self.offset)
            if index < len(file.records) and file.records[index][0] != self.offset:
                start, place, _ = file.records[index]
                keep = file.read(start, self.offset - start)
                del file.records[index:]
                self._append(place, keep)
                file.records.append((start, place, len(keep)))
                index += 1
            del file.records[index:]
            at = self._behind(file.records[-1]) if file.records else at
        return at

    @staticmethod
    def _behind(record: tuple[int, int, int]) -> int:
        _, place, length = record
        return place + 8 + length + (length & 1)

    def _append(self, place: int, record: bytes) -> None:
        """A record as the last one of the image."""
        self._put(place, WORD.pack(len(record)) + record + bytes(len(record) & 1) + WORD.pack(len(record)))

    def _put(self, place: int, data: bytes) -> None:
        self.stream.truncate(place)
        self.stream.seek(place)
        written = 0
        while written < len(data):
            written += self.stream.write(data[written:])

    def _cut(self) -> int:
        """Forget what is behind the head; returns its place."""
        place = self._place()
        if self.file < len(self.tap_files):
            here = self.tap_files[self.file]
            del here.records[here.find(self.offset) :]
            del self.tap_files[self.file + 1 :]
        else:
            self.tap_files.append(TapFile(self.stream))
        self.files = [*self.tap_files]
        return place

    def write(self, record: bytes) -> None:
        place = self._cut()
        self._append(place, record)
        self.tap_files[self.file].records.append((self.offset, place, len(record)))
        self.offset += len(record)

    def write_mark(self) -> None:
        self._put(self._cut(), WORD.pack(0))
        self.pass_mark()

    def sync(self) -> None:
        if not self.read_only:
            os.fdatasync(self.stream.fileno())

    def close(self) -> None:
        self.stream.close()


def open_reel(paths: Sequence[Path], read_only: bool) -> Reel:
    """The tape that host files make; TmeError says what is wrong with one."""
    images = [path for path in paths if path.suffix == ".tap"]
    if images and len(paths) > 1:
        raise TmeError(f"{images[0]} is a whole tape: load it alone")
    return TapReel(images[0], read_only) if images else FileReel(paths, read_only)
