"""A raw disk image of the host: a file or block device, locked against a second user.

What a write gave back is in the host's page cache: it survives every end of the emulator. `sync` (a guest's
SYNCHRONIZE CACHE, unloading, closing) brings it to the host's disk, as does every write with `durable`.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from tme.errors import TmeError

SECTOR = 512


class Image:
    """An open image. Offsets and sizes in bytes."""

    def __init__(
        self, path: Path, *, read_only: bool = False, size: int | None = None, durable: bool = False
    ) -> None:
        """size: make the image, sparse, when it is not there or empty; refuse one of another size.
        TmeError says what is wrong with the file."""
        self.path = path
        self.read_only = read_only
        self.durable = durable
        self.fd = self._open(size)
        try:
            self._lock()
            self.size = self._measure(size)
        except BaseException:
            os.close(self.fd)
            raise

    def _open(self, size: int | None) -> int:
        flags = os.O_RDONLY if self.read_only else os.O_RDWR | (os.O_CREAT if size else 0)
        try:
            return os.open(self.path, flags | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            cure = "write `size SIZE` behind it to make one" if not self.read_only else "check its name"
            raise TmeError(f"there is no disk image {self.path}; {cure}") from None
        except OSError as error:
            cure = ""
            if not self.read_only and os.access(self.path, os.R_OK) and not self.path.is_dir():
                cure = "; write `read-only` behind it to use it as it is"
            raise TmeError(f"cannot open the disk image {self.path}: {error.strerror}{cure}") from None

    def _lock(self) -> None:
        """Readers may share an image, a writer has it alone."""
        try:
            fcntl.flock(self.fd, (fcntl.LOCK_SH if self.read_only else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TmeError(
                f"the disk image {self.path} is in use by another disk or another machine"
            ) from None
        except OSError:
            pass  # a file system without locks

    def _measure(self, size: int | None) -> int:
        status = os.fstat(self.fd)
        self.regular = stat.S_ISREG(status.st_mode)
        if not self.regular and not stat.S_ISBLK(status.st_mode):
            raise TmeError(f"{self.path} is no disk image: neither a file nor a block device")
        length = status.st_size if self.regular else os.lseek(self.fd, 0, os.SEEK_END)
        if size is not None and size % SECTOR:
            raise TmeError(f"a disk image has whole blocks of {SECTOR} bytes; {size} bytes are not")
        if size and not length and self.regular and not self.read_only:
            os.ftruncate(self.fd, size)
            length = size
        if size and length != size:
            raise TmeError(f"the disk image {self.path} has {length} bytes, not the {size} of its size")
        if not length:
            raise TmeError(f"the disk image {self.path} is empty; write `size SIZE` behind it")
        if length % SECTOR:
            raise TmeError(
                f"the disk image {self.path} has {length} bytes, which are no whole blocks of {SECTOR}: "
                "it is short or no disk image"
            )
        return length

    def read(self, offset: int, count: int) -> bytes:
        """Bytes of the image; OSError when the host cannot read them all."""
        data = os.pread(self.fd, count, offset)
        while len(data) < count:
            more = os.pread(self.fd, count - len(data), offset + len(data))
            if not more:
                raise OSError(5, "the image has become shorter")
            data += more
        return data

    def write(self, offset: int, data: bytes) -> None:
        """Store bytes; when this returns they are on the image."""
        view = memoryview(data)
        while view:
            done = os.pwrite(self.fd, view, offset)
            view = view[done:]
            offset += done
        if self.durable:
            os.fdatasync(self.fd)

    def sync(self) -> None:
        """Everything written is on the host's disk when this returns."""
        if not self.read_only:
            os.fdatasync(self.fd)

    def erase(self) -> None:
        """All bytes become zero. A block device keeps its data: writing all of it would take hours."""
        if self.regular:
            os.ftruncate(self.fd, 0)
            os.ftruncate(self.fd, self.size)
            self.sync()

    def close(self) -> None:
        """Bring everything to the host's disk and let others have the image."""
        try:
            self.sync()
        finally:
            os.close(self.fd)
