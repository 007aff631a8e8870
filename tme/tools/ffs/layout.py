"""A 4.2BSD file system on a big-endian disk: superblock, cylinder groups, inodes, directories.

Numbers in the superblock are in fragments unless a name says otherwise; those of a cylinder group's maps
count from the group's first fragment. Both forms of a group's tables are known: the fixed ones of 4.2BSD, and
those with offsets that 4.3BSD Tahoe brought and SunOS 4.1 writes.

Sources: McKusick et al., "A Fast File System for UNIX" (1984); SunOS 4.1.1 ufs/{fs,fsdir,inode}.h; NetBSD
sys/ufs/ffs/fs.h, sbin/newfs; file systems made by SunOS.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Self

from tme.errors import TmeError

SECTOR = 512
BOOT_BYTES = 8192
"""Boot block in front of the first superblock, label included."""
SUPER_OFFSET = 8192
SUPER_BYTES = 8192
"""Room for a superblock; `sbsize` says how much of it is used."""
SUPER_MAGIC, GROUP_MAGIC = 0x011954, 0x090255
DIRECT, INDIRECT = 12, 3
INODE_BYTES = 128
ROOT = 2
DIRECTORY_BLOCK = 512
"""No directory entry crosses such a boundary."""
NAME_MAX = 255
LINK_MAX = 32767
SUMMARY = struct.Struct(">4i")
"""Directories, free blocks, free inodes, free fragments: of a group, of all."""
DYNAMIC = 1
"""`postblformat` of tables with offsets; -1 is 4.2BSD's."""
POSITIONS = 8

MOUNT_AT, POSITION_TABLE_AT, FORMAT_AT, SPACE_AT = 212, 860, 1356, 1376
"""Offsets in the superblock: mount point, table of positions, format of tables, behind the magic number."""


class Words:
    """A dataclass of signed 32-bit words, in the order of its fields."""

    @classmethod
    def format(cls) -> struct.Struct:
        return struct.Struct(f">{len(fields(cls))}i")  # type: ignore[arg-type]

    @classmethod
    def unpack(cls, data: bytes | memoryview, at: int = 0) -> Self:
        return cls(*cls.format().unpack_from(data, at))

    def pack(self) -> bytes:
        return self.format().pack(*(getattr(self, each.name) for each in fields(self)))  # type: ignore[arg-type]


@dataclass
class SuperBlock(Words):
    """The superblock's words up to its summary; the rest is made from them."""

    link: int = 0
    rlink: int = 0
    sblkno: int = 0  # superblock, group, inodes, data: from a group's start
    cblkno: int = 0
    iblkno: int = 0
    dblkno: int = 0
    cgoffset: int = 0  # a group starts so much later than the one before, as long as cgmask lets it
    cgmask: int = 0
    time: int = 0
    size: int = 0
    dsize: int = 0  # of it for data
    ncg: int = 0
    bsize: int = 0  # bytes
    fsize: int = 0
    frag: int = 0  # fragments of a block
    minfree: int = 0  # per cent
    rotdelay: int = 0  # ms
    rps: int = 0
    bmask: int = 0
    fmask: int = 0
    bshift: int = 0
    fshift: int = 0
    maxcontig: int = 0
    maxbpg: int = 0
    fragshift: int = 0
    fsbtodb: int = 0
    sbsize: int = 0  # bytes
    csmask: int = 0
    csshift: int = 0
    nindir: int = 0
    inopb: int = 0
    nspf: int = 0  # sectors of a fragment
    optim: int = 0
    npsect: int = 0  # sectors of a track, spares included
    interleave: int = 0
    trackskew: int = 0
    id0: int = 0
    id1: int = 0
    csaddr: int = 0  # table of the groups' summaries
    cssize: int = 0  # bytes
    cgsize: int = 0  # bytes
    ntrak: int = 0
    nsect: int = 0
    spc: int = 0  # sectors of a cylinder
    ncyl: int = 0
    cpg: int = 0  # cylinders, inodes, fragments of a group
    ipg: int = 0
    fpg: int = 0
    ndir: int = 0
    nbfree: int = 0
    nifree: int = 0
    nffree: int = 0

    def group_start(self, group: int) -> int:
        """Where the group's superblock copy, inodes and so on are counted from."""
        return self.fpg * group + self.cgoffset * (group & ~self.cgmask)

    def group_fragments(self, group: int) -> int:
        """Fragments of the group; the last one may be shorter."""
        return min(self.fpg, self.size - self.fpg * group)

    def group_cylinders(self, group: int) -> int:
        return min(self.cpg, self.ncyl - self.cpg * group)

    def data_start(self, group: int) -> int:
        """The first fragment that files of this group can have behind the inodes."""
        start = self.group_start(group) + self.dblkno
        return start if group else start + self.cssize // self.fsize

    def inode_offset(self, number: int) -> int:
        """Bytes from the file system's start."""
        group, index = divmod(number, self.ipg)
        return (self.group_start(group) + self.iblkno) * self.fsize + index * INODE_BYTES

    def cylinder(self, fragment: int) -> int:
        """Of a fragment that is counted from its group's first."""
        return fragment * self.nspf // self.spc

    def position(self, fragment: int) -> int:
        """Rotational position, 0 to 7, of a fragment that is counted from its group's first."""
        track, sector = divmod(fragment * self.nspf % self.spc, self.nsect)
        turned = (track * self.trackskew + sector * self.interleave) % self.nsect
        return turned * POSITIONS // (self.npsect or self.nsect)

    def table_bytes(self) -> int:
        """What a group's block needs behind its words: totals and positions of cylinders, two bit maps."""
        return self.cpg * (4 + 2 * POSITIONS) + (self.ipg + 7) // 8 + (self.fpg + 7) // 8


@dataclass
class Tables(Words):
    """The superblock's words in front of the magic number."""

    qbmask_high: int = 0
    qbmask: int = 0
    qfmask_high: int = 0
    qfmask: int = 0
    postblformat: int = DYNAMIC
    nrpos: int = POSITIONS
    postbloff: int = POSITION_TABLE_AT
    rotbloff: int = SPACE_AT
    magic: int = SUPER_MAGIC


TABLES_AT = SPACE_AT - Tables.format().size
assert TABLES_AT + 16 == FORMAT_AT


def read_super(data: bytes | memoryview, where: str) -> SuperBlock:
    """A superblock; TmeError when it is none or makes no sense."""
    if len(data) < SPACE_AT or struct.unpack_from(">i", data, SPACE_AT - 4)[0] != SUPER_MAGIC:
        raise TmeError(
            f"{where}: no 4.2BSD file system (big-endian) begins here; is this the right partition?"
        )
    sb = SuperBlock.unpack(data)
    sizes = (
        sb.bsize == sb.fsize * sb.frag
        and sb.fsize in (512, 1024, 2048, 4096, 8192)
        and sb.frag in (1, 2, 4, 8)
    )
    counts = min(sb.size, sb.ncg, sb.ipg, sb.fpg, sb.cpg, sb.spc, sb.nsect, sb.nspf, sb.inopb, sb.nindir) > 0
    if not sizes or not counts or sb.ncg != -(-sb.size // sb.fpg) or sb.ipg % sb.inopb:
        raise TmeError(f"{where}: the superblock makes no sense (sizes, or the number of groups)")
    return sb


@dataclass
class Group(Words):
    """The words of a cylinder group; its tables stand behind them. Old ones end with `run7`."""

    link: int = 0
    magic: int = GROUP_MAGIC
    time: int = 0
    cgx: int = 0
    ncyl_niblk: int = 0  # two 16-bit numbers: cylinders, inodes
    ndblk: int = 0
    ndir: int = 0
    nbfree: int = 0
    nifree: int = 0
    nffree: int = 0
    rotor: int = 0  # where the last block, fragment, inode was taken
    frotor: int = 0
    irotor: int = 0
    run0: int = 0  # frsum: runs of so many free fragments in blocks that are not free
    run1: int = 0
    run2: int = 0
    run3: int = 0
    run4: int = 0
    run5: int = 0
    run6: int = 0
    run7: int = 0
    btotoff: int = (
        0  # free blocks of each cylinder; at each rotational position; used inodes; free fragments; end
    )
    boff: int = 0
    iusedoff: int = 0
    freeoff: int = 0
    nextfreeoff: int = 0


GROUP_SPACE = 168
"""Where the tables of a group begin."""
OLD_GROUP = {"btotoff": 84, "boff": 212, "iusedoff": 724, "magic": 980, "freeoff": 984}
"""Offsets of 4.2BSD's tables, and of its magic number."""


@dataclass
class Inode:
    """A file as the disk has it. `blocks` are 512 bytes, maps included; a device is the first of `direct`."""

    mode: int = 0
    nlink: int = 0
    uid: int = 0
    gid: int = 0
    size: int = 0
    atime: int = 0
    mtime: int = 0
    ctime: int = 0
    direct: Sequence[int] = field(default=(0,) * DIRECT)
    indirect: Sequence[int] = field(default=(0,) * INDIRECT)
    flags: int = 0
    blocks: int = 0
    generation: int = 0

    FORMAT = struct.Struct(">HhHHQ i4x i4x i4x 12i 3i i i i 16x")

    @classmethod
    def unpack(cls, data: bytes | memoryview, at: int = 0) -> Inode:
        words = cls.FORMAT.unpack_from(data, at)
        inode = cls(*words[:8])
        inode.direct, inode.indirect = words[8:20], words[20:23]
        inode.flags, inode.blocks, inode.generation = words[23:]
        return inode

    def pack(self) -> bytes:
        head = (self.mode, self.nlink, self.uid, self.gid, self.size, self.atime, self.mtime, self.ctime)
        return self.FORMAT.pack(*head, *self.direct, *self.indirect, self.flags, self.blocks, self.generation)

    @property
    def kind(self) -> int:
        return stat.S_IFMT(self.mode)

    @property
    def has_data(self) -> bool:
        """Files, directories and symbolic links; not devices, pipes, sockets."""
        return self.kind in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)


ENTRY = struct.Struct(">IHH")
"""Directory entry: inode, length of the entry, length of the name; then the name and a zero."""


def entry_bytes(name: bytes) -> int:
    """The least room for an entry."""
    return ENTRY.size + (len(name) + 4 & ~3)


def pack_directory(entries: list[tuple[bytes, int]]) -> bytes:
    """A directory's data: the last entry of each 512 bytes takes what is left."""
    blocks: list[bytes] = []
    current: list[tuple[bytes, int]] = []

    def flush() -> None:
        data = bytearray()
        for index, (name, number) in enumerate(current):
            last = index == len(current) - 1
            length = DIRECTORY_BLOCK - len(data) if last else entry_bytes(name)
            data += (ENTRY.pack(number, length, len(name)) + name).ljust(length, b"\0")
        blocks.append(bytes(data))
        current.clear()

    for name, number in entries:
        if sum(entry_bytes(other) for other, _ in current) + entry_bytes(name) > DIRECTORY_BLOCK:
            flush()
        current.append((name, number))
    flush()
    return b"".join(blocks)
