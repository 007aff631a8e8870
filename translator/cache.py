"""The code cache on disk: private to the user, bounded, checked on every read, never trusted.

An entry is a file named by its key, holding a magic, a digest of what follows, and blobs.  Whatever is wrong
with it (damage, another owner, other permissions, a full disk), the answer is "not cached".
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

BEGUN = time.time()  # our modules are as their files were then
MAGIC = b"tmesh-code-1\n"
LIMIT = 512 << 20  # bytes; the least recently used entries go first
_DIGEST = 32


def default_directory() -> Path:
    """Where the user's caches are (XDG base directory specification)."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "tmesh" / "code"


def digest(*parts: bytes | str) -> str:
    """A key made of parts; no two lists of parts share one."""
    h = hashlib.sha256()
    for p in parts:
        b = p.encode() if isinstance(p, str) else p
        h.update(struct.pack("<Q", len(b)))
        h.update(b)
    return h.hexdigest()


def pack(blobs: Sequence[bytes]) -> bytes:
    """Blobs as one."""
    sizes = struct.pack(f"<{len(blobs)}Q", *map(len, blobs))
    return struct.pack("<I", len(blobs)) + sizes + b"".join(blobs)


def unpack(body: bytes) -> list[bytes]:
    """What `pack` put together."""
    (count,) = struct.unpack_from("<I", body)
    sizes = struct.unpack_from(f"<{count}Q", body, 4)
    out, at = [], 4 + 8 * count
    for size in sizes:
        out.append(body[at : at + size])
        at += size
    return out


def outdated(begun: float = BEGUN) -> bool:
    """Whether a file that is imported here has changed since a process that runs it, too, began: then what
    that process makes is not what the files say."""
    now, package = time.time(), __name__.partition(".")[0]
    files = [m.__file__ for name, m in sys.modules.items() if name.split(".")[0] == package]
    return any(begun < os.stat(f).st_mtime <= now for f in files if f and os.path.exists(f))


class Cache:
    """Blobs by key.  `directory` None keeps nothing.  `warn` is called at most once, with what went wrong."""

    def __init__(
        self,
        directory: Path | None = None,
        limit: int = LIMIT,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.limit, self._warn = limit, warn
        self.hits = self.misses = self.rejected = 0
        self.directory = directory
        self._written = 0
        if directory is not None:
            try:
                self._make(directory)
            except OSError as e:
                self._fail(f"code cache {directory}: {e.strerror or e}; going on without it")

    def _make(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        st = directory.stat()
        if st.st_uid != os.getuid():
            self._fail(f"code cache {directory} belongs to another user; going on without it")
        elif stat.S_IMODE(st.st_mode) & 0o077:
            directory.chmod(0o700)

    def _fail(self, text: str) -> None:
        if self.directory is not None:
            self.directory = None
            self._warn(text)

    def _path(self, key: str) -> str:
        return f"{self.directory}/{key[:2]}/{key}"

    def read(self, key: str) -> bytes | None:
        """The file of a key as it is, which makes it the most recently used one; None if there is none."""
        if self.directory is None:
            return None
        path = self._path(key)
        try:
            with open(path, "rb") as f:
                if os.fstat(f.fileno()).st_uid != os.getuid():
                    raise ValueError
                data = f.read()
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            self.reject(key)
            return None
        try:
            os.utime(path)
        except OSError:
            pass  # only the order of eviction suffers
        return data

    def reject(self, key: str) -> None:
        """What is kept there is damaged: away with it."""
        self.rejected += 1
        try:
            os.unlink(self._path(key))
        except OSError:
            pass  # it will be replaced, or rejected again

    def get(self, key: str) -> list[bytes] | None:
        """The blobs of an entry, or None."""
        rejected = self.rejected
        data = self.read(key)
        if data is None:
            self.misses += self.directory is not None and rejected == self.rejected
            return None
        try:
            blobs = self._checked(key, data)
        except (ValueError, struct.error):
            self.reject(key)
            return None
        self.hits += 1
        return blobs

    @staticmethod
    def _checked(key: str, data: bytes) -> list[bytes]:
        if not data.startswith(MAGIC):
            raise ValueError
        body = data[len(MAGIC) + _DIGEST :]
        if hashlib.sha256(key.encode() + body).digest() != data[len(MAGIC) : len(MAGIC) + _DIGEST]:
            raise ValueError
        return unpack(body)

    def put(self, key: str, blobs: Sequence[bytes]) -> None:
        """Keep blobs; a reader sees all of an entry or nothing."""
        body = pack(blobs)
        self.write(key, MAGIC + hashlib.sha256(key.encode() + body).digest() + body)

    def write(self, key: str, data: bytes) -> None:
        """Replace the file of a key."""
        if self.directory is None:
            return
        path = self._path(key)
        try:
            folder = os.path.dirname(path)
            os.makedirs(folder, exist_ok=True, mode=0o700)
            fd, name = tempfile.mkstemp(dir=folder)
            try:
                with os.fdopen(fd, "wb") as f:
                    f.write(data)
                os.replace(name, path)
            except BaseException:
                os.unlink(name)
                raise
        except OSError as e:
            self._fail(f"code cache {self.directory}: {e.strerror or e}; going on without it")
            return
        self._grown(len(data))

    def append(self, key: str, data: bytes) -> None:
        """Add to the file of a key, all of it or nothing."""
        if self.directory is None:
            return
        path = self._path(key)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True, mode=0o700)
            fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                if os.write(fd, data) != len(data):
                    self.reject(key)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            finally:
                os.close(fd)
        except OSError as e:
            self._fail(f"code cache {self.directory}: {e.strerror or e}; going on without it")
            return
        self._grown(len(data))

    def _grown(self, size: int) -> None:
        """So many bytes more are kept."""
        self._written += size
        if self._written > self.limit // 8:
            self._written = 0
            self.trim()

    def trim(self) -> None:
        """Remove the least recently used entries until the directory is within its limit."""
        if self.directory is None:
            return
        entries = []
        for path in self.directory.glob("??/*"):
            try:
                st = path.stat()
            except OSError:
                continue
            entries.append((st.st_mtime, st.st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= self.limit:
                break
            path.unlink(missing_ok=True)
            total -= size
