"""Files of the host that a guest program may open: a folder, and never a way out of it.

A path is looked up in the folder (an absolute one must lead into it), after all its `..` and symbolic links.
Only regular files and folders are opened: a FIFO would stop the machine. Writing needs `writable`, which the
user gives by naming the folder. Flags are Linux's for m68k (<asm-generic/fcntl.h> has these); descriptors
0, 1 and 2 are not in here.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from pathlib import Path

FIRST, LIMIT = 3, 64
"""The lowest descriptor, and how many there are at most with the standard three."""

FLAGS = {
    0o1: os.O_WRONLY,
    0o2: os.O_RDWR,
    0o100: os.O_CREAT,
    0o200: os.O_EXCL,
    0o1000: os.O_TRUNC,
    0o2000: os.O_APPEND,
    0o40000: os.O_DIRECTORY,
}
"""Bits that mean something here, and the host's for them; the others are ignored."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
STATUS = struct.Struct(">16Q")
"""dev, ino, mode, nlink, uid, gid, rdev, size, block size, blocks; seconds and nanoseconds of last access,
change of contents, change of status."""


def refuse(error: int) -> OSError:
    return OSError(error, os.strerror(error))


def status(found: os.stat_result) -> bytes:
    """What the guest is told of a file."""
    moments = (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)
    return STATUS.pack(
        *(found.st_dev, found.st_ino, found.st_mode, found.st_nlink, found.st_uid, found.st_gid),
        *(found.st_rdev, found.st_size, found.st_blksize, found.st_blocks),
        *(part for moment in moments for part in divmod(max(moment, 0), 1_000_000_000)),
    )


class Files:
    """Open files of one guest; OSError with the error number that the guest shall see."""

    def __init__(self, folder: Path, writable: bool) -> None:
        self.folder, self.writable = folder, writable
        self.open_files: dict[int, int] = {}

    def close_all(self) -> None:
        for guest in list(self.open_files):
            self.close(guest)

    def find(self, name: str, follow: bool = True) -> Path:
        """Where a name leads, which is inside the folder; the file need not exist."""
        if not name:
            raise refuse(errno.ENOENT)
        folder = self.folder.resolve()
        path = folder / name
        try:
            path = path.resolve() if follow or path.name in ("", "..") else path.parent.resolve() / path.name
        except RuntimeError:  # a loop of links
            raise refuse(errno.ELOOP) from None
        if not path.is_relative_to(folder):
            raise refuse(errno.EACCES)
        return path

    def descriptor(self, guest: int) -> int:
        """The host's descriptor; the standard three are the same."""
        if guest in range(FIRST):
            return guest
        try:
            return self.open_files[guest]
        except KeyError:
            raise refuse(errno.EBADF) from None

    def open(self, name: str, flags: int, mode: int) -> int:
        """A new descriptor, the lowest free one."""
        wanted = sum(host for bit, host in FLAGS.items() if flags & bit)
        free = next((n for n in range(FIRST, LIMIT) if n not in self.open_files), None)
        if free is None:
            raise refuse(errno.EMFILE)
        if wanted & WRITES:
            self._may_write()
        path = self.find(name)
        file = os.open(path, wanted | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode & 0o777)
        kind = os.fstat(file).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            os.close(file)
            raise refuse(errno.EACCES)
        self.open_files[free] = file
        return free

    def close(self, guest: int) -> None:
        if guest not in range(FIRST):
            os.close(self.descriptor(guest))
            del self.open_files[guest]

    def seek(self, guest: int, offset: int, whence: int) -> int:
        if guest in range(FIRST):
            raise refuse(errno.ESPIPE)
        if whence not in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END):
            raise refuse(errno.EINVAL)
        return os.lseek(self.descriptor(guest), offset, whence)

    def status(self, guest: int) -> bytes:
        return status(os.fstat(self.descriptor(guest)))

    def status_of(self, name: str, follow: bool) -> bytes:
        return status(os.stat(self.find(name, follow), follow_symlinks=False))

    def truncate(self, guest: int, size: int) -> None:
        os.ftruncate(self.descriptor(guest), size)

    def unlink(self, name: str) -> None:
        self._may_write()
        os.unlink(self.find(name, follow=False))

    def rename(self, old: str, new: str) -> None:
        self._may_write()
        os.rename(self.find(old, follow=False), self.find(new, follow=False))

    def _may_write(self) -> None:
        if not self.writable:
            raise refuse(errno.EROFS)
