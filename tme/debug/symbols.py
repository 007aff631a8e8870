"""Names of guest addresses, from the symbol table of the program that was booted.

ELF: TIS Portable Formats Specification 1.1, 1-17.
"""

from __future__ import annotations

import bisect
import struct
from pathlib import Path

MAGIC = b"\x7fELF\x01\x02\x01"  # 32 bits, big-endian
SYMBOL_TABLE = 2
NOTYPE, FUNCTION = 0, 2
FAR = 0x10000
"""Bytes that a symbol without a size may name, at most."""


class Symbols:
    """What the functions of a program are called."""

    def __init__(self, file: Path | None) -> None:
        found: dict[int, tuple[int, str]] = {}
        try:
            image = file.read_bytes() if file is not None else b""
            if image.startswith(MAGIC):
                for kind, address, size, name in symbols(image):
                    if address not in found or kind == FUNCTION:
                        found[address] = size, name
        except (OSError, ValueError, struct.error):
            found.clear()  # it has been booted; that it has no names is no reason to stop
        self._known = found
        self._addresses = sorted(found)

    def name(self, address: int) -> str:
        """`function+0x10`, or "" if nothing is known there."""
        at = bisect.bisect(self._addresses, address)
        if not at:
            return ""
        start = self._addresses[at - 1]
        size, name = self._known[start]
        offset = address - start
        if offset >= (size or FAR):
            return ""
        return f"{name}+{offset:#x}" if offset else name


def symbols(image: bytes) -> list[tuple[int, int, int, str]]:
    """(type, address, size, name) of what an ELF file defines; ValueError, struct.error if it is damaged."""
    (at,) = struct.unpack_from(">I", image, 32)
    size, count = struct.unpack_from(">HH", image, 46)
    sections = [struct.unpack_from(">10I", image, at + k * size) for k in range(count)]
    out = []
    for section in sections:
        if section[1] != SYMBOL_TABLE or section[6] >= count:
            continue
        texts = sections[section[6]][4]
        for entry in range(section[4], section[4] + section[5], 16):
            text, address, length, info, _, where = struct.unpack_from(">IIIBBH", image, entry)
            start = texts + text
            name = image[start : image.index(b"\0", start)].decode("ascii", "replace")
            if name and where and info & 15 in (NOTYPE, FUNCTION):
                out.append((info & 15, address, length, name))
    return out
