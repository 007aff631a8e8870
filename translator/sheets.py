"""Small entries of the code cache, many to a file: what belongs together is read in one go, and appended to.

    sheet: { digest of what follows, key, size, blobs }…        of two with one key the later counts

An entry of its own costs a look at the disk, and 2 ms to replace; in a sheet the first look finds all.  Two
processes may append to one sheet; each sees what was there when it opened it, and what it put there itself.
As in translator.cache, whatever is wrong is "not cached": what stands behind it on the sheet is lost.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

from .cache import Cache, pack, unpack

MAGIC = b"tmesh-sheet-1\n"
LIMIT = 4 << 20  # bytes of a sheet: beyond, the later half is kept
KEY = 32
_HEAD = struct.Struct(f"<32s{KEY}sQ")


class Sheet:
    """Blobs by key (bytes, KEY of them), under one key of a cache."""

    def __init__(self, cache: Cache, name: str) -> None:
        self.cache, self.name = cache, name
        self._known: dict[bytes, bytes] = {}
        data = cache.read(name) or b""
        at = 0
        while at < len(data):
            record = self._record(data, at)
            if record is None:
                cache.reject(name)
                break
            key, body = record
            self._known[key] = body
            at += _HEAD.size + len(body)
        if len(data) > LIMIT or (at < len(data) and self._known):
            self._begin_anew()

    @staticmethod
    def _record(data: bytes, at: int) -> tuple[bytes, bytes] | None:
        """Key and body of the record at an offset, None if it is damaged."""
        if at + _HEAD.size > len(data):
            return None
        digest, key, size = _HEAD.unpack_from(data, at)
        body = data[at + _HEAD.size : at + _HEAD.size + size]
        return (key, body) if len(body) == size and digest == _digest(key, body) else None

    def _begin_anew(self) -> None:
        """Write the sheet again, with what was put there last."""
        kept: list[bytes] = []
        size = 0
        for key, body in reversed(self._known.items()):
            size += len(body)
            if size > LIMIT // 2:
                break
            kept.append(_HEAD.pack(_digest(key, body), key, len(body)) + body)
        self.cache.write(self.name, b"".join(reversed(kept)))

    def get(self, key: bytes) -> list[bytes] | None:
        """The blobs of a key, or None."""
        body = self._known.get(key)
        if body is None:
            self.cache.misses += self.cache.directory is not None
            return None
        self.cache.hits += 1
        return unpack(body)

    def put(self, key: bytes, blobs: Sequence[bytes]) -> None:
        """Keep blobs."""
        if self.cache.directory is None:
            return
        body = pack(blobs)
        self._known.pop(key, None)
        self._known[key] = body
        self.cache.append(self.name, _HEAD.pack(_digest(key, body), key, len(body)) + body)


def _digest(key: bytes, body: bytes) -> bytes:
    return hashlib.sha256(MAGIC + key + body).digest()
