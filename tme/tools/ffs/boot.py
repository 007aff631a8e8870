"""The boot block of a Sun-3 disk: a program behind the label that reads another one from the file system.

It knows no file system, so it has a table of where that program is, and a checksum. Source: installboot(8) of
SunOS 4.1.1, and what it makes of mdec/bootsd.
"""

from __future__ import annotations

import stat
import struct

from tme.errors import TmeError
from tme.tools.ffs.layout import BOOT_BYTES, SECTOR
from tme.tools.ffs.reader import FileSystem

HEADER = struct.Struct(">8I")
OMAGIC = 0x107
TABLE_AT, TABLE_ENTRIES = 4, 64
"""First 512-byte block of the partition (24 bits) and number of blocks (8 bits); a zero ends the table."""
SIZE_AT = 0x104
"""Bytes of the program, then the sum of its 32-bit words."""


def program(data: bytes) -> bytes:
    """A boot block without its a.out header."""
    if len(data) > HEADER.size and int.from_bytes(data[2:4], "big") == OMAGIC:
        _, text, initialised, *_ = HEADER.unpack_from(data)
        data = data[HEADER.size : HEADER.size + text + initialised]
    if not SIZE_AT + 8 < len(data) <= BOOT_BYTES - SECTOR or any(data[TABLE_AT : SIZE_AT + 8]):
        raise TmeError("this is no boot block of a Sun-3: it has no empty table of blocks, or is too long")
    return data


def install(fs: FileSystem, block: bytes, path: str) -> None:
    """Write the boot block `block` so that it loads the program `path`. TmeError if it cannot.

    Like installboot(8) it lists each block of the program, and all of the last one."""
    code = bytearray(program(block))
    _, inode = fs.find(path)
    if inode.kind != stat.S_IFREG:
        raise TmeError(f"{path} is not an ordinary file")
    sectors = fs.sb.bsize // SECTOR
    places = [piece for piece in fs.pieces(inode) if not piece.level]
    if not 0 < len(places) < TABLE_ENTRIES or not all(piece.address for piece in places):
        most = (TABLE_ENTRIES - 1) * fs.sb.bsize
        raise TmeError(f"{path} has {inode.size} bytes: a boot block loads 1 to {most}, without holes")
    for index, piece in enumerate(places):
        first = piece.address * fs.sb.nspf
        count = min(sectors, fs.sb.size * fs.sb.nspf - first)
        struct.pack_into(">I", code, TABLE_AT + 4 * index, first << 8 | count)
    words = inode.size // 4
    total = sum(struct.unpack_from(f">{words}I", fs.contents(inode)))
    struct.pack_into(">II", code, SIZE_AT, inode.size, total & 0xFFFFFFFF)
    fs.volume.write(SECTOR, bytes(code).ljust(BOOT_BYTES - SECTOR, b"\0"))
