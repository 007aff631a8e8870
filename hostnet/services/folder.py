"""A folder of the host that cannot be left: files by number, paths walked without following symbolic links.

What the host should not get from a guest (owners, set-uid bits, device nodes) is kept beside the file, in the
extended attribute `user.tmesh`; where the file system has none, in memory until the end.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

Name = tuple[str, ...]
"""The way from the folder to a file."""
ATTRIBUTE = "user.tmesh"
LISTINGS = 64
DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
LONGEST = 255


class Refused(OSError):
    """A name that is not allowed or does not exist; errno says which."""


@dataclass
class Attributes:
    """What the guest sees of a file."""

    mode: int
    links: int
    uid: int
    gid: int
    size: int
    rdev: int
    atime: tuple[int, int]
    mtime: tuple[int, int]
    ctime: tuple[int, int]
    number: int


class Folder:
    """root: the folder; writable: whether the guest may change it. Methods raise OSError."""

    def __init__(self, root: Path, writable: bool = False) -> None:
        self.root, self.writable = root, writable
        self.fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._names: dict[int, Name] = {}
        self._numbers: dict[Name, int] = {}
        self._next = 2
        self._listings: OrderedDict[int, list[str]] = OrderedDict()
        self._kept: dict[Name, str] = {}
        self.number(())

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    # ---- names and numbers -----------------------------------------------------------------------------

    def number(self, name: Name) -> int:
        """The number of a file, a new one at first."""
        found = self._numbers.get(name)
        if found is None:
            found = self._next
            self._next += 1
            self._numbers[name], self._names[found] = found, name
        return found

    def name(self, number: int) -> Name:
        """The name of a numbered file; ESTALE when it has gone."""
        try:
            return self._names[number]
        except KeyError:
            raise Refused(errno.ESTALE, "gone") from None

    def _forget(self, name: Name) -> None:
        number = self._numbers.pop(name, None)
        if number is not None:
            del self._names[number]
            self._listings.pop(number, None)
        self._kept.pop(name, None)

    def child(self, directory: Name, word: bytes) -> Name:
        """The name of something in a directory: never `.`, never `..`, nothing with a slash."""
        text = os.fsdecode(word)
        if not text or "/" in text or "\0" in text or text in (".", ".."):
            raise Refused(errno.EACCES, "not a name")
        if len(word) > LONGEST:
            raise Refused(errno.ENAMETOOLONG, "too long")
        return (*directory, text)

    def find(self, path: str) -> Name:
        """The file that a path from the root of the folder names. ENOENT or EACCES."""
        name: Name = ()
        for part in path.split("/"):
            if part not in ("", "."):
                name = self.child(name, os.fsencode(part))
        self.stat(name)
        return name

    @contextmanager
    def _parent(self, name: Name) -> Iterator[tuple[int, str]]:
        """A descriptor of the directory that a file is in, and its last name."""
        if not name:
            yield self.fd, "."
            return
        here, mine = self.fd, False
        try:
            for part in name[:-1]:
                there = os.open(part, DIRECTORY, dir_fd=here)
                if mine:
                    os.close(here)
                here, mine = there, True
            yield here, name[-1]
        finally:
            if mine:
                os.close(here)

    # ---- reading ---------------------------------------------------------------------------------------

    def stat(self, name: Name) -> Attributes:
        """What there is to know about a file."""
        with self._parent(name) as (parent, last):
            found = os.stat(last, dir_fd=parent, follow_symlinks=False)
            kept = self._load(name, parent, last) if not stat.S_ISLNK(found.st_mode) else ""
        mode, uid, gid, rdev = found.st_mode, found.st_uid, found.st_gid, 0
        if found.st_rdev:
            rdev = os.major(found.st_rdev) << 8 | os.minor(found.st_rdev) & 0xFF
        if kept:
            mode, uid, gid, rdev = self._overlay(kept, mode, uid, gid, rdev)
        times = [
            divmod(ns // 1000, 1_000_000) for ns in (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)
        ]
        return Attributes(
            mode,
            found.st_nlink,
            uid,
            gid,
            found.st_size,
            rdev,
            times[0],
            times[1],
            times[2],
            self.number(name),
        )

    @staticmethod
    def _overlay(kept: str, mode: int, uid: int, gid: int, rdev: int) -> tuple[int, int, int, int]:
        try:
            known = [int(word, 0) if word != "-" else None for word in kept.split()]
        except ValueError:
            known = []
        if len(known) != 4:
            return mode, uid, gid, rdev
        now = (mode, uid, gid, rdev)
        told = [old if new is None else new for old, new in zip(now, known, strict=True)]
        special = stat.S_ISREG(mode) and stat.S_IFMT(told[0])
        kind = stat.S_IFMT(told[0]) if special else stat.S_IFMT(mode)
        return kind | told[0] & 0o7777, told[1], told[2], told[3]

    def _load(self, name: Name, parent: int, last: str) -> str:
        if name in self._kept:
            return self._kept[name]
        try:
            value = os.getxattr(f"/proc/self/fd/{parent}/{last}", ATTRIBUTE, follow_symlinks=False)
        except OSError:
            return ""
        return value.decode("ascii", "replace")

    def open(self, name: Name, flags: int = os.O_RDONLY) -> int:
        """A descriptor of a regular file; devices, pipes and links are not opened."""
        with self._parent(name) as (parent, last):
            self._regular(os.stat(last, dir_fd=parent, follow_symlinks=False).st_mode)
            fd = os.open(
                last, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=parent
            )
        try:
            self._regular(os.fstat(fd).st_mode)
        except OSError:
            os.close(fd)
            raise
        return fd

    @staticmethod
    def _regular(mode: int) -> None:
        if stat.S_ISDIR(mode):
            raise Refused(errno.EISDIR, "is a directory")
        if not stat.S_ISREG(mode):
            raise Refused(errno.EACCES, "is no file")

    def read(self, name: Name, offset: int, count: int) -> bytes:
        fd = self.open(name)
        try:
            return os.pread(fd, count, offset)
        finally:
            os.close(fd)

    def readlink(self, name: Name) -> bytes:
        with self._parent(name) as (parent, last):
            return os.fsencode(os.readlink(last, dir_fd=parent))

    def list(self, name: Name, anew: bool) -> list[str]:
        """Names in a directory; the same list until `anew`: what is removed meanwhile shifts nothing."""
        number = self.number(name)
        if anew or number not in self._listings:
            with self._parent(name) as (parent, last):
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                fd = os.open(last, flags, dir_fd=parent)
            try:
                self._listings[number] = sorted(os.listdir(fd))
            finally:
                os.close(fd)
            if len(self._listings) > LISTINGS:
                self._listings.popitem(last=False)
        self._listings.move_to_end(number)
        return self._listings[number]

    def space(self) -> os.statvfs_result:
        return os.statvfs(f"/proc/self/fd/{self.fd}")

    # ---- writing ---------------------------------------------------------------------------------------

    def _change(self) -> None:
        if not self.writable:
            raise Refused(errno.EROFS, "read only")

    def write(self, name: Name, offset: int, data: bytes) -> None:
        self._change()
        fd = self.open(name, os.O_WRONLY)
        try:
            while data:
                count = os.pwrite(fd, data, offset)
                data, offset = data[count:], offset + count
        finally:
            os.close(fd)

    def create(self, name: Name) -> bool:
        """A new regular file, or the one that is there; True when it is new."""
        self._change()
        with self._parent(name) as (parent, last):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                os.close(os.open(last, flags, 0o600, dir_fd=parent))
                return True
            except FileExistsError:
                return False

    def truncate(self, name: Name, size: int) -> None:
        self._change()
        fd = self.open(name, os.O_WRONLY)
        try:
            os.ftruncate(fd, size)
        finally:
            os.close(fd)

    def set_times(self, name: Name, atime_ns: int | None, mtime_ns: int | None) -> None:
        self._change()
        with self._parent(name) as (parent, last):
            now = os.stat(last, dir_fd=parent, follow_symlinks=False)
            times = (
                now.st_atime_ns if atime_ns is None else atime_ns,
                now.st_mtime_ns if mtime_ns is None else mtime_ns,
            )
            os.utime(last, ns=times, dir_fd=parent, follow_symlinks=False)

    def set_mode(
        self, name: Name, mode: int | None, uid: int | None, gid: int | None, rdev: int | None = None
    ) -> None:
        """Permissions become the host's; owner, set-uid bits and kinds of devices are only written down."""
        self._change()
        with self._parent(name) as (parent, last):
            found = os.stat(last, dir_fd=parent, follow_symlinks=False)
            if stat.S_ISLNK(found.st_mode):
                return
            old = self._load(name, parent, last).split()
            if len(old) != 4:
                old = ["-"] * 4
            place = f"/proc/self/fd/{parent}/{last}"
            if mode is not None and (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
                # the host's user has to be able to go on working with it
                os.chmod(place, mode & 0o777 | (0o700 if stat.S_ISDIR(found.st_mode) else 0o600))
            new = [mode, uid, gid, rdev]
            text = " ".join(
                before if value is None else f"{value:#o}" for before, value in zip(old, new, strict=True)
            )
            try:
                os.setxattr(place, ATTRIBUTE, text.encode(), follow_symlinks=False)
            except OSError:
                self._kept[name] = text

    def mkdir(self, name: Name) -> None:
        self._change()
        with self._parent(name) as (parent, last):
            os.mkdir(last, 0o700, dir_fd=parent)

    def symlink(self, name: Name, target: bytes) -> None:
        self._change()
        with self._parent(name) as (parent, last):
            os.symlink(os.fsdecode(target), last, dir_fd=parent)

    def link(self, old: Name, new: Name) -> None:
        self._change()
        with self._parent(old) as (a, first), self._parent(new) as (b, second):
            os.link(first, second, src_dir_fd=a, dst_dir_fd=b, follow_symlinks=False)

    def remove(self, name: Name, directory: bool) -> None:
        self._change()
        if not name:
            raise Refused(errno.EACCES, "the root")
        with self._parent(name) as (parent, last):
            (os.rmdir if directory else os.unlink)(last, dir_fd=parent)
        self._forget(name)

    def rename(self, old: Name, new: Name) -> None:
        self._change()
        with self._parent(old) as (a, first), self._parent(new) as (b, second):
            os.rename(first, second, src_dir_fd=a, dst_dir_fd=b)
        if old == new:
            return
        size = len(old)
        for name in [n for n in self._numbers if n[: len(new)] == new]:
            self._forget(name)
        for name in [n for n in self._numbers if n[:size] == old]:
            number = self._numbers.pop(name)
            self._names[number] = moved = (*new, *name[size:])
            self._numbers[moved] = number
            if name in self._kept:
                self._kept[moved] = self._kept.pop(name)
