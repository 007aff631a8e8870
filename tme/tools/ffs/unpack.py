"""Files that are packed: compress(1)'s .Z, gzip's .gz, others as they are."""

from __future__ import annotations

import gzip
import zlib
from functools import lru_cache
from pathlib import Path

from tme.errors import TmeError

CLEAR = 256
FIRST_BITS = 9


@lru_cache(2)
def unpacked(file: Path) -> bytes:
    """A file's contents, unpacked if its first bytes say so. OSError as usual, TmeError if damaged."""
    data = file.read_bytes()
    if data[:2] == b"\x1f\x9d":
        return uncompress(data, str(file))
    if data[:2] == b"\x1f\x8b":
        try:
            return gzip.decompress(data)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise TmeError(f"{file} is damaged: gzip data ends or is wrong") from None
    return data


def uncompress(data: bytes, where: str) -> bytes:
    """What compress(1) packed: LZW, codes of 9 to at most 16 bits, lowest bit first.

    Codes come in groups of eight; when their length changes and after a clear code a group's rest is skipped.
    Source: files that compress made.
    """
    most, clears = data[2] & 0x1F if len(data) > 2 else 0, len(data) > 2 and data[2] & 0x80
    if not FIRST_BITS <= most <= 16:
        raise TmeError(f"{where}: codes of {most} bits, compress(1) makes 9 to 16")
    table = [bytes((byte,)) for byte in range(256)] + ([b""] if clears else [])
    start = len(table)
    out: list[bytes] = []
    at, bits, previous = 3, FIRST_BITS, b""
    while at < len(data):
        group = int.from_bytes(data[at : at + bits], "little")
        count = min(8, (len(data) - at) * 8 // bits)
        at += bits
        mask = (1 << bits) - 1
        for _ in range(count):
            code = group & mask
            group >>= bits
            if code == CLEAR and clears:
                del table[start:]
                bits, previous = FIRST_BITS, b""
                break
            if code < len(table):
                entry = table[code]
            elif previous and code == len(table):
                entry = previous + previous[:1]
            else:
                raise TmeError(
                    f"{where} is damaged: code {code} of {len(table)} after {sum(map(len, out))} bytes"
                )
            out.append(entry)
            if previous and len(table) < 1 << most:
                table.append(previous + entry[:1])
            previous = entry
            if len(table) > mask and bits < most:
                bits += 1
                break
    return b"".join(out)
