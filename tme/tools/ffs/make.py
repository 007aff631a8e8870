"""Making a file system: its geometry, and files put into it one behind the other.

Everything about free space is counted at the end, from the maps. The same tree on the same volume gives the
same bytes. The geometry is what SunOS's newfs(8) would choose for the disk's label.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from math import gcd

from tme.errors import TmeError
from tme.tools.ffs.layout import (
    BOOT_BYTES,
    DIRECT,
    DIRECTORY_BLOCK,
    DYNAMIC,
    ENTRY,
    GROUP_SPACE,
    INDIRECT,
    INODE_BYTES,
    LINK_MAX,
    POSITION_TABLE_AT,
    POSITIONS,
    ROOT,
    SECTOR,
    SPACE_AT,
    SUMMARY,
    SUPER_BYTES,
    SUPER_OFFSET,
    TABLES_AT,
    Group,
    Inode,
    SuperBlock,
    Tables,
    pack_directory,
)
from tme.tools.ffs.space import Space
from tme.tools.ffs.tree import Node, Tree, directory
from tme.tools.ffs.volume import Volume

BLOCK, FRAGMENT = 8192, 1024
CYLINDERS = 16
"""Of a group: a whole number of blocks in every geometry."""
HEADS, SECTORS = 16, 16
"""Of a volume without a label."""
MIN_FREE = 10
LOST = b"lost+found"
LOST_BYTES = 8192

Place = tuple[int, int]
"""First fragment and number of fragments."""


def geometry(size: int, heads: int, sectors: int, density: int) -> SuperBlock:
    """The superblock of an empty file system of `size` bytes, with an inode for each `density` of them.

    TmeError when that is too small, or the disk's geometry does not fit."""
    sb = SuperBlock(bsize=BLOCK, fsize=FRAGMENT, frag=BLOCK // FRAGMENT, fragshift=3, fsbtodb=1)
    sb.bmask, sb.fmask, sb.bshift, sb.fshift = -BLOCK, -FRAGMENT, 13, 10
    sb.nspf, sb.nindir, sb.inopb = FRAGMENT // SECTOR, BLOCK // 4, BLOCK // INODE_BYTES
    sb.minfree, sb.rps, sb.maxcontig, sb.maxbpg = MIN_FREE, 60, 1, BLOCK // 4
    sb.ntrak, sb.nsect, sb.npsect, sb.interleave = heads, sectors, sectors, 1
    sb.spc, sb.cpg = heads * sectors, CYLINDERS
    sb.fpg = sb.cpg * sb.spc // sb.nspf
    sb.csmask, sb.csshift = -(BLOCK // SUMMARY.size), (BLOCK // SUMMARY.size).bit_length() - 1

    sb.sblkno = (BOOT_BYTES + SUPER_BYTES) // FRAGMENT
    sb.cblkno = sb.sblkno + SUPER_BYTES // FRAGMENT
    sb.iblkno = sb.cblkno + sb.frag
    sb.cgoffset = -(-sectors // sb.nspf // sb.frag) * sb.frag
    sb.cgmask = -(1 << (heads - 1).bit_length())
    blocks_of_inodes = -(-sb.fpg * FRAGMENT // density // sb.inopb)
    sb.ipg = max(1, blocks_of_inodes) * sb.inopb
    sb.dblkno = sb.iblkno + sb.ipg * INODE_BYTES // FRAGMENT
    sb.cgsize = _round(GROUP_SPACE + sb.table_bytes())
    if sb.cgsize > BLOCK or sb.group_start(~sb.cgmask) % sb.fpg + sb.dblkno + sb.frag > sb.fpg:
        raise TmeError(
            f"{heads} heads of {sectors} sectors, and an inode for each {density} bytes: a cylinder group of "
            f"{CYLINDERS} cylinders cannot hold its tables; another number of bytes for an inode may help"
        )

    sb.size = size // FRAGMENT
    while True:  # a last group with no room for data is left out
        sb.ncg = -(-sb.size // sb.fpg)
        sb.csaddr = sb.dblkno
        sb.cssize = _round(sb.ncg * SUMMARY.size)
        last = sb.ncg - 1
        if last >= 0 and sb.data_start(last) - last * sb.fpg + sb.frag <= sb.group_fragments(last):
            break
        if last <= 0:
            raise TmeError(
                f"{size} bytes are too few for a file system here: {(sb.dblkno + 16) * FRAGMENT} are needed"
            )
        sb.size = last * sb.fpg
    sb.ncyl = -(-sb.size * sb.nspf // sb.spc)
    cycle = sb.bsize // SECTOR // gcd(sb.bsize // SECTOR, sb.spc)
    sb.sbsize = _round(SPACE_AT + cycle * sb.spc * SECTOR // BLOCK)
    sb.dsize = sum(sb.group_fragments(group) for group in range(sb.ncg))
    for group in range(sb.ncg):
        first = 0 if group == 0 else sb.group_start(group) + sb.sblkno
        sb.dsize -= sb.data_start(group) - first
    return sb


def _round(size: int) -> int:
    return -(-size // FRAGMENT) * FRAGMENT


def positions(sb: SuperBlock) -> tuple[int, bytes, bytes]:
    """Cylinders after which positions repeat, first block of each, distance to the next one of the same."""
    cycle = sb.bsize // SECTOR // gcd(sb.bsize // SECTOR, sb.spc)
    blocks = cycle * sb.spc * SECTOR // BLOCK
    first = [-1] * (cycle * POSITIONS)
    distance = [0] * blocks
    for block in reversed(range(blocks)):
        at = sb.cylinder(block * sb.frag) * POSITIONS + sb.position(block * sb.frag)
        distance[block] = 0 if first[at] < 0 else first[at] - block
        first[at] = block
    if max(distance) > 255 or SPACE_AT + blocks > SUPER_BYTES:
        return 0, b"", b""  # the kernel then does without
    return cycle, struct.pack(f">{len(first)}h", *first), bytes(distance)


@dataclass
class Made:
    """What was made."""

    sb: SuperBlock
    inodes: int


class Maker:
    """Puts a tree into a volume. The boot block is left alone."""

    def __init__(self, volume: Volume, density: int = 2048) -> None:
        """density: bytes for each inode."""
        heads, sectors = HEADS, SECTORS
        if volume.label:
            heads, sectors = volume.label.heads, volume.label.sectors
        self.volume = volume
        self.sb = geometry(volume.size, heads, sectors, density)
        self.space = Space(self.sb, volume.name)
        self.inodes: dict[int, Inode] = {}
        self.numbers: dict[Node, int] = {}
        self.links: dict[Node, int] = {}

    def make(self, tree: Tree) -> Made:
        """Write everything; TmeError when it does not fit."""
        if LOST not in tree.root.children:
            lost = directory(0o700)
            lost.least = LOST_BYTES
            tree.root.children = {LOST: lost, **tree.root.children}
        nodes = list(tree.root.walk())
        for node in nodes:
            self.links[node] = self.links.get(node, 0) + 1
            if self.links[node] > LINK_MAX:
                raise TmeError(f"{self.volume.name}: a file has more than {LINK_MAX} names")
        self.sb.time = max(node.mtime for node in nodes)
        for group in range(self.sb.ncg):
            self.clear(group)
        self.add(tree.root, ROOT)
        self.finish()
        return Made(self.sb, len(self.inodes))

    def clear(self, group: int) -> None:
        """No inodes. What is zero already is not written: a sparse image stays sparse."""
        start = self.sb.inode_offset(group * self.sb.ipg)
        size = self.sb.ipg * INODE_BYTES
        if any(self.volume.read(start, size)):
            self.volume.write(start, bytes(size))

    # files

    def add(self, node: Node, parent: int) -> int:
        """Put a file and what is below it into the file system; returns its inode's number."""
        if node in self.numbers:
            return self.numbers[node]
        if not (0 <= node.uid < 65536 and 0 <= node.gid < 65536):
            raise TmeError(f"{self.volume.name}: the owner {node.uid}/{node.gid} does not fit in 16 bits")
        number = self.numbers[node] = self.space.inode(node.kind == stat.S_IFDIR)
        inode = self.inodes[number] = Inode(node.mode, self.links[node], node.uid, node.gid)
        inode.atime = inode.mtime = inode.ctime = min(max(node.mtime, 0), (1 << 31) - 1)
        match node.kind:
            case stat.S_IFREG | stat.S_IFLNK:
                self.write(inode, node.data())
            case stat.S_IFCHR | stat.S_IFBLK:
                inode.direct = (node.device, *(0,) * (DIRECT - 1))
            case stat.S_IFDIR:
                self.add_directory(node, inode, number, parent)
        return number

    def add_directory(self, node: Node, inode: Inode, number: int, parent: int) -> None:
        inode.nlink = 2 + sum(child.kind == stat.S_IFDIR for child in node.children.values())
        if inode.nlink > LINK_MAX:
            raise TmeError(f"{self.volume.name}: a directory has more than {LINK_MAX} directories in it")
        names = [b".", b"..", *node.children]
        size = max(len(pack_directory([(name, 0) for name in names])), node.least)
        places = list(self.allocate(inode, size))
        numbers = [number, parent, *(self.add(child, number) for child in node.children.values())]
        data = pack_directory(list(zip(names, numbers, strict=True)))
        empty = ENTRY.pack(0, DIRECTORY_BLOCK, 0).ljust(DIRECTORY_BLOCK, b"\0")
        self.fill(places, data + empty * ((size - len(data)) // DIRECTORY_BLOCK))

    def write(self, inode: Inode, data: bytes) -> None:
        self.fill(list(self.allocate(inode, len(data))), data)

    def fill(self, places: list[Place], data: bytes) -> None:
        """Put data into (fragment, fragments); the last fragment is filled up with zeros."""
        at = 0
        for address, count in places:
            length = count * FRAGMENT
            self.volume.write(address * FRAGMENT, data[at : at + length].ljust(length, b"\0"))
            at += length

    def allocate(self, inode: Inode, size: int) -> Iterator[Place]:
        """Give a file its blocks, and write its maps; yields where data goes: (fragment, fragments)."""
        sb = self.sb
        inode.size = size
        blocks, tail = divmod(size, BLOCK)
        if tail and blocks >= DIRECT:
            blocks, tail = blocks + 1, 0
        most = DIRECT + sum(sb.nindir**level for level in range(1, INDIRECT + 1))
        if blocks > most or size >= 1 << 31:
            raise TmeError(f"{self.volume.name}: a file of {size} bytes is too large for SunOS 4")
        addresses = []
        maps: list[int] = []
        self.maps_used = 0
        for index in range(min(blocks, DIRECT)):
            addresses.append(self.space.block())
            yield addresses[index], sb.frag
        if tail:
            addresses.append(self.space.tail(-(-tail // FRAGMENT)))
            yield addresses[-1], -(-tail // FRAGMENT)
        left = blocks - DIRECT
        for level in range(1, INDIRECT + 1):
            if left > 0:
                here = min(left, sb.nindir**level)
                maps.append((yield from self.mapped(level, here)))
                left -= here
        inode.direct = (*addresses, *(0,) * (DIRECT - len(addresses)))
        inode.indirect = (*maps, *(0,) * (INDIRECT - len(maps)))
        fragments = (blocks + self.maps_used) * sb.frag + -(-tail // FRAGMENT)
        inode.blocks = fragments * sb.nspf

    def mapped(self, level: int, blocks: int) -> Generator[Place, None, int]:
        """A map of so many blocks, and the blocks; returns where the map is."""
        place = self.space.block()
        self.maps_used += 1
        below = self.sb.nindir ** (level - 1)
        entries = []
        while blocks > 0:
            if level == 1:
                entries.append(self.space.block())
                yield entries[-1], self.sb.frag
            else:
                entries.append((yield from self.mapped(level - 1, min(blocks, below))))
            blocks -= below
        data = struct.pack(f">{len(entries)}i", *entries)
        self.volume.write(place * FRAGMENT, data.ljust(BLOCK, b"\0"))
        return place

    # the rest

    def finish(self) -> None:
        """Inodes, groups, table of summaries, superblocks."""
        for number, inode in self.inodes.items():
            self.volume.write(self.sb.inode_offset(number), inode.pack())
        totals = [self.finish_group(group) for group in range(self.sb.ncg)]
        table = b"".join(SUMMARY.pack(*each) for each in totals)
        self.volume.write(self.sb.csaddr * FRAGMENT, table.ljust(self.sb.cssize, b"\0"))
        self.sb.ndir, self.sb.nbfree, self.sb.nifree, self.sb.nffree = map(sum, zip(*totals, strict=True))
        data = self.superblock()
        for group in range(self.sb.ncg):
            self.volume.write((self.sb.group_start(group) + self.sb.sblkno) * FRAGMENT, data)
        self.volume.write(SUPER_OFFSET, data)

    def superblock(self) -> bytes:
        cycle, first, distance = positions(self.sb)
        data = bytearray(self.sb.sbsize)
        data[: SuperBlock.format().size] = self.sb.pack()
        struct.pack_into(">i", data, POSITION_TABLE_AT - 4, cycle)
        data[POSITION_TABLE_AT : POSITION_TABLE_AT + len(first)] = first
        data[TABLES_AT:SPACE_AT] = Tables(qbmask=BLOCK - 1, qfmask=FRAGMENT - 1, postblformat=DYNAMIC).pack()
        data[SPACE_AT : SPACE_AT + len(distance)] = distance
        return bytes(data)

    def finish_group(self, index: int) -> tuple[int, int, int, int]:
        """Write a group's block; returns its summary."""
        sb, free = self.sb, self.space.free[index]
        group = Group(time=sb.time, cgx=index, ndblk=sb.group_fragments(index))
        group.ncyl_niblk = sb.group_cylinders(index) << 16 | sb.ipg
        cylinders, places, runs = [0] * sb.cpg, [0] * (sb.cpg * POSITIONS), [0] * 8
        for start in range(0, len(free), sb.frag):
            block = free[start : start + sb.frag]
            if sum(block) == sb.frag:
                group.nbfree += 1
                cylinders[sb.cylinder(start)] += 1
                places[sb.cylinder(start) * POSITIONS + sb.position(start)] += 1
            else:
                group.nffree += sum(block)
                for run in bytes(block).split(b"\0"):
                    runs[len(run)] += bool(run)
        for size, count in enumerate(runs):
            setattr(group, f"run{size}", count)
        used = self.space.used[index]
        group.ndir, group.nifree = self.space.directories[index], sb.ipg - sum(used)
        group.irotor = max((at for at in range(sb.ipg) if used[at]), default=0)
        group.rotor = group.frotor = self.space.last[index]

        group.btotoff = GROUP_SPACE
        group.boff = group.btotoff + 4 * sb.cpg
        group.iusedoff = group.boff + 2 * POSITIONS * sb.cpg
        group.freeoff = group.iusedoff + -(-sb.ipg // 8)
        group.nextfreeoff = group.freeoff + -(-sb.fpg // 8)
        tables = struct.pack(f">{sb.cpg}i{len(places)}h", *cylinders, *places)
        tables += _bits(used, sb.ipg) + _bits(free, sb.fpg)
        data = group.pack().ljust(GROUP_SPACE, b"\0") + tables
        self.volume.write((sb.group_start(index) + sb.cblkno) * FRAGMENT, data.ljust(sb.cgsize, b"\0"))
        return group.ndir, group.nbfree, group.nifree, group.nffree


def _bits(flags: bytearray, count: int) -> bytes:
    """A bit map, lowest bit of each byte first."""
    value = sum(1 << at for at, flag in enumerate(flags) if flag)
    return value.to_bytes(-(-count // 8), "little")
