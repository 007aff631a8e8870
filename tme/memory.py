"""Guest memory in host memory: RAM, ROM and persistent images.

Translated code loads and stores at `address` directly, so there is never a second copy and the address never
changes while the object is open.
"""

from __future__ import annotations

import ctypes
import mmap
import os

from tme.errors import TmeError

PAGE = mmap.PAGESIZE


class Memory:
    """`size` bytes of guest memory; a bus target that answers any size and alignment."""

    width = 8

    def __init__(
        self, buffer: mmap.mmap, size: int, *, writable: bool, name: str, fd: int | None = None
    ) -> None:
        self.buffer = buffer
        self.size = size
        self.writable = writable
        self.name = name
        self.fd = fd  #: of the RAM object, so that it can be mapped a second time; None when there is none
        # the export pins the mapping: it cannot be closed or resized under running code
        self._pin: ctypes.c_char | None = ctypes.c_char.from_buffer(buffer)
        self.address = ctypes.addressof(self._pin)

    @classmethod
    def ram(cls, size: int) -> Memory:
        """Zeroed memory that the host gives page by page, when the guest first touches it."""
        if size <= 0:
            raise TmeError("RAM needs a size of at least one byte")
        length = -(-size // PAGE) * PAGE
        fd = None
        try:
            if hasattr(os, "memfd_create"):
                fd = os.memfd_create("guest-ram", os.MFD_CLOEXEC)
                os.ftruncate(fd, length)
                buffer = mmap.mmap(fd, length)
            else:
                buffer = mmap.mmap(-1, length)
        except (OSError, ValueError, OverflowError) as error:
            if fd is not None:
                os.close(fd)
            raise TmeError(f"the host does not give {size >> 20} MB of RAM: {error}") from None
        if hasattr(mmap, "MADV_HUGEPAGE"):
            try:
                buffer.madvise(mmap.MADV_HUGEPAGE)
            except OSError:
                pass  # a host without huge pages
        return cls(buffer, size, writable=True, name="ram", fd=fd)

    @classmethod
    def rom(cls, path: str | os.PathLike[str]) -> Memory:
        """A private copy of a file; guest writes are refused and the file is left alone."""
        try:
            with open(path, "rb") as file:
                image = file.read()
        except OSError as error:
            raise TmeError(f"cannot read the ROM image {os.fspath(path)}: {error.strerror}") from None
        if not image:
            raise TmeError(f"the ROM image {os.fspath(path)} is empty")
        buffer = mmap.mmap(-1, len(image))
        buffer[:] = image
        return cls(buffer, len(image), writable=False, name=os.fspath(path))

    @classmethod
    def persistent(cls, path: str | os.PathLike[str], size: int | None = None) -> Memory:
        """The file itself, shared: every guest write is in the host's page cache at once, so that neither
        Ctrl-C nor kill -9 loses one. With `size` an absent or shorter file is grown with zeros and a longer
        one refused.
        """
        name = os.fspath(path)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if size else 0), 0o644)
        except FileNotFoundError:
            raise TmeError(f"there is no persistent image {name}; make it first, or give its size") from None
        except OSError as error:
            raise TmeError(f"cannot open the persistent image {name} for writing: {error.strerror}") from None
        try:
            length = os.fstat(fd).st_size
            if size and length > size:
                raise TmeError(f"the persistent image {name} has {length} bytes, more than its size {size}")
            if size and length < size:
                # really allocated: a hole on a full disk would be a SIGBUS in the middle of a guest store
                os.posix_fallocate(fd, 0, size)
                length = size
            if not length:
                raise TmeError(f"the persistent image {name} is empty; make it first, or give its size")
            return cls(mmap.mmap(fd, length), length, writable=True, name=name)
        except (OSError, ValueError) as error:
            raise TmeError(f"cannot map the persistent image {name}: {error}") from None
        finally:
            os.close(fd)

    def read(self, offset: int, size: int) -> int:
        """A big-endian integer of `size` bytes."""
        return int.from_bytes(self.buffer[offset : offset + size], "big")

    peek = read

    def write(self, offset: int, size: int, value: int) -> None:
        """Store a big-endian integer; a write to ROM changes nothing."""
        if self.writable:
            self.buffer[offset : offset + size] = value.to_bytes(size, "big")

    def read_bytes(self, offset: int, count: int) -> bytes:
        """A copy of `count` bytes."""
        return self.buffer[offset : offset + count]

    def write_bytes(self, offset: int, data: bytes) -> None:
        """Store bytes, ROM or not: this is the host's own access (loaders)."""
        if offset < 0 or offset + len(data) > self.size:
            raise ValueError(
                f"{len(data)} bytes at {offset:#x} do not fit in {self.name} ({self.size:#x} bytes)"
            )
        self.buffer[offset : offset + len(data)] = data

    def close(self) -> None:
        """Write a persistent image back and give the memory to the host; idempotent."""
        if self._pin is None:
            return
        if self.writable and self.fd is None:
            self.buffer.flush()
        self._pin = None
        self.address = 0
        self.buffer.close()
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
