"""Reading a file system: inodes, the blocks of files, directories, paths."""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from tme.errors import TmeError
from tme.tools.ffs.layout import (
    DIRECT,
    DIRECTORY_BLOCK,
    ENTRY,
    INODE_BYTES,
    ROOT,
    SUPER_BYTES,
    SUPER_OFFSET,
    Inode,
    read_super,
)
from tme.tools.ffs.volume import Volume

LINKS_MOST = 16
"""Symbolic links in one path."""


@dataclass(frozen=True)
class Piece:
    """Part of a file: so many fragments from `address` (0 is a hole). `level` > 0 marks a map of blocks."""

    address: int
    fragments: int
    level: int = 0


class FileSystem:
    """A file system on a volume. TmeError names the volume, and what is wrong with it."""

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        room = min(SUPER_BYTES, volume.size - SUPER_OFFSET)
        self.sb = read_super(volume.read(SUPER_OFFSET, room) if room > 0 else b"", volume.name)
        length = self.sb.size * self.sb.fsize
        if length > volume.size:
            raise TmeError(f"{volume.name}: the file system has {length} bytes, the volume {volume.size}")

    def fragments(self, address: int, count: int) -> bytes:
        """The contents of so many fragments."""
        if not 0 < address <= self.sb.size - count:
            raise TmeError(f"{self.volume.name}: there is no fragment {address}")
        return self.volume.read(address * self.sb.fsize, count * self.sb.fsize)

    def inode(self, number: int) -> Inode:
        """An inode by number."""
        if not 0 < number < self.sb.ncg * self.sb.ipg:
            raise TmeError(f"{self.volume.name}: there is no inode {number}")
        return Inode.unpack(self.volume.read(self.sb.inode_offset(number), INODE_BYTES))

    def pieces(self, inode: Inode) -> Iterator[Piece]:
        """Everything the file occupies, in the order of its data; a map comes in front of what it lists."""
        sb = self.sb
        blocks = -(-inode.size // sb.bsize)
        for index, address in enumerate(inode.direct[: min(blocks, DIRECT)]):
            left = inode.size - index * sb.bsize
            whole = blocks > DIRECT or left >= sb.bsize
            yield Piece(address, sb.frag if whole else -(-left // sb.fsize))
        blocks -= DIRECT
        for level, address in enumerate(inode.indirect, 1):
            if blocks <= 0:
                return
            covered = sb.nindir**level
            yield from self._mapped(address, level, min(blocks, covered))
            blocks -= covered

    def _mapped(self, address: int, level: int, blocks: int) -> Iterator[Piece]:
        """The blocks that a map lists; all of them holes if there is no map."""
        if not level:
            yield Piece(address, self.sb.frag)
            return
        if not address:
            yield from (Piece(0, self.sb.frag) for _ in range(blocks))
            return
        yield Piece(address, self.sb.frag, level)
        below = self.sb.nindir ** (level - 1)
        for entry in struct.unpack(f">{self.sb.nindir}i", self.fragments(address, self.sb.frag)):
            yield from self._mapped(entry, level - 1, min(blocks, below))
            blocks -= below
            if blocks <= 0:
                return

    def data(self, inode: Inode) -> Iterator[bytes]:
        """A file's contents, in pieces of at most a block."""
        left = inode.size
        if inode.kind == stat.S_IFLNK and not inode.blocks and left:
            words = struct.pack(">15i", *inode.direct, *inode.indirect)
            if left > len(words):
                raise TmeError(f"{self.volume.name}: a symbolic link of {left} bytes without blocks")
            yield words[:left]  # what later systems do with short links
            return
        for piece in self.pieces(inode):
            if not piece.level:
                length = min(left, piece.fragments * self.sb.fsize)
                yield (
                    self.fragments(piece.address, piece.fragments)[:length]
                    if piece.address
                    else bytes(length)
                )
                left -= length

    def contents(self, inode: Inode) -> bytes:
        """A file's contents."""
        return b"".join(self.data(inode))

    def entries(self, inode: Inode) -> Iterator[tuple[bytes, int]]:
        """A directory's names and inode numbers, `.` and `..` too."""
        data = self.contents(inode)
        at = 0
        while at < len(data):
            if len(data) - at < ENTRY.size:
                raise TmeError(f"{self.volume.name}: a directory is damaged")
            number, length, size = ENTRY.unpack_from(data, at)
            fits = at % DIRECTORY_BLOCK + length <= DIRECTORY_BLOCK
            if length < ENTRY.size + size or length % 4 or not fits:
                raise TmeError(f"{self.volume.name}: a directory is damaged")
            if number:
                yield data[at + ENTRY.size : at + ENTRY.size + size], number
            at += length

    def walk(self) -> Iterator[tuple[str, int, Inode]]:
        """Every path with its inode, a directory in front of what is in it, names in the disk's order."""
        seen: set[int] = set()

        def below(path: str, number: int, inode: Inode) -> Iterator[tuple[str, int, Inode]]:
            yield path, number, inode
            if inode.kind != stat.S_IFDIR:
                return
            if number in seen:
                raise TmeError(f"{self.volume.name}: directory {path} is in more than one place")
            seen.add(number)
            for name, child in self.entries(inode):
                if name not in (b".", b".."):
                    text = name.decode("utf-8", "surrogateescape")
                    yield from below(f"{path.rstrip('/')}/{text}", child, self.inode(child))

        yield from below("/", ROOT, self.inode(ROOT))

    def find(self, path: str) -> tuple[int, Inode]:
        """The file of a path, symbolic links followed; TmeError when there is none."""
        parts = [part for part in reversed(path.split("/")) if part]
        trail, links = [ROOT], 0
        while parts:
            part = parts.pop()
            here = self.inode(trail[-1])
            if here.kind != stat.S_IFDIR:
                break
            number = dict(self.entries(here)).get(part.encode("utf-8", "surrogateescape"))
            if number is None:
                break
            inode = self.inode(number)
            if inode.kind == stat.S_IFLNK:
                links += 1
                target = self.contents(inode).decode("utf-8", "surrogateescape")
                if links > LINKS_MOST:
                    raise TmeError(f"{self.volume.name}: too many symbolic links in {path}")
                parts += [each for each in reversed(target.split("/")) if each]
                trail = trail if not target.startswith("/") else [ROOT]
            elif part == "..":
                trail = trail[:-1] or [ROOT]
            elif part != ".":
                trail.append(number)
        else:
            return trail[-1], self.inode(trail[-1])
        raise TmeError(f"{self.volume.name}: there is no {path}")
