"""What fsck(8) would say: reads everything, trusts nothing, changes nothing.

Counts blocks, links and free space by itself, from the inodes and directories alone, and compares them with
what the superblock, the groups and the bit maps say.
"""

from __future__ import annotations

import stat
import struct
from collections import Counter
from collections.abc import Iterator

from tme.errors import TmeError
from tme.tools.ffs.layout import (
    DYNAMIC,
    FORMAT_AT,
    GROUP_MAGIC,
    OLD_GROUP,
    POSITIONS,
    ROOT,
    SUMMARY,
    SUPER_OFFSET,
    Group,
    Inode,
    read_super,
)
from tme.tools.ffs.reader import FileSystem

SAME = "sblkno cblkno iblkno dblkno cgoffset cgmask size ncg bsize fsize cpg ipg fpg csaddr cgsize".split()
"""What every copy of the superblock must say."""


class Checker:
    """One check of one file system; `problems` says what was found, in the order of finding."""

    def __init__(self, fs: FileSystem) -> None:
        self.fs, self.sb = fs, fs.sb
        self.problems: list[str] = []
        self.owner: dict[int, int] = {}
        """Fragment -> inode that has it; 0 is the file system itself."""
        self.inodes: dict[int, Inode] = {}
        self.links: Counter[int] = Counter()
        self.run()

    def say(self, text: str) -> None:
        self.problems.append(text)

    def run(self) -> None:
        for group in range(self.sb.ncg):
            self.reserve(group)
        self.reserve_summary()
        for number in range(2, self.sb.ncg * self.sb.ipg):
            inode = self.fs.inode(number)
            if inode.mode:
                self.inodes[number] = inode
                self.occupy(number, inode)
        self.tree()
        totals = [self.group(group) for group in range(self.sb.ncg)]
        self.compare("summary", SUMMARY.unpack(self.total()), tuple(map(sum, zip(*totals, strict=True))))
        self.copies()

    def total(self) -> bytes:
        return SUMMARY.pack(self.sb.ndir, self.sb.nbfree, self.sb.nifree, self.sb.nffree)

    def compare(self, what: str, said: tuple[int, ...], counted: tuple[int, ...]) -> None:
        if said != counted:
            self.say(
                f"{what}: {said} is said, {counted} counted (directories, free blocks, inodes, fragments)"
            )

    # what is occupied

    def take(self, address: int, count: int, number: int) -> None:
        for fragment in range(address, address + count):
            if self.owner.setdefault(fragment, number) != number or not 0 <= fragment < self.sb.size:
                self.say(f"inode {number}: fragment {fragment} is not its own ({self.owner.get(fragment)})")
                return

    def reserve(self, group: int) -> None:
        """From the superblock copy to the data; in group 0 what is in front of it too."""
        start = self.sb.group_start(group)
        first = start + self.sb.sblkno if group else 0
        for fragment in range(first, start + self.sb.dblkno):
            self.owner[fragment] = 0

    def reserve_summary(self) -> None:
        for fragment in range(self.sb.csaddr, self.sb.csaddr + -(-self.sb.cssize // self.sb.fsize)):
            self.owner[fragment] = 0

    def occupy(self, number: int, inode: Inode) -> None:
        if inode.kind not in (*KINDS, stat.S_IFIFO, stat.S_IFSOCK):
            self.say(f"inode {number}: mode {inode.mode:o} is of no kind")
            return
        if not inode.has_data:
            return
        before, fragments = len(self.problems), 0
        seen: set[int] = set()
        try:
            for piece in self.fs.pieces(inode):
                if piece.address:
                    if piece.address in seen or any(
                        self.owner.get(piece.address + at, number) != number for at in range(piece.fragments)
                    ):
                        self.say(f"inode {number}: fragment {piece.address} is used twice")
                    seen.add(piece.address)
                    self.take(piece.address, piece.fragments, number)
                    fragments += piece.fragments
                    if piece.fragments == self.sb.frag and piece.address % self.sb.frag:
                        self.say(f"inode {number}: block {piece.address} is not aligned")
                    if piece.address % self.sb.frag + piece.fragments > self.sb.frag:
                        self.say(f"inode {number}: fragments at {piece.address} cross a block")
                if len(self.problems) > before + 10:
                    return
        except TmeError as error:
            self.say(f"inode {number}: {error}")
            return
        if inode.blocks != fragments * self.sb.nspf:
            self.say(f"inode {number}: {inode.blocks} sectors are said, {fragments * self.sb.nspf} counted")

    # what has a name

    def tree(self) -> None:
        if ROOT not in self.inodes or self.inodes[ROOT].kind != stat.S_IFDIR:
            self.say("there is no root directory")
            return
        reached: set[int] = set()
        waiting = [(ROOT, ROOT, "/")]
        while waiting:
            number, parent, path = waiting.pop()
            if number in reached:
                self.say(f"{path}: the directory has another name")
                continue
            reached.add(number)
            waiting += self.directory(number, parent, path)
        for number, inode in self.inodes.items():
            if not self.links[number]:
                self.say(f"inode {number}: no name")
            elif inode.nlink != self.links[number]:
                self.say(f"inode {number}: {inode.nlink} links are said, {self.links[number]} counted")

    def directory(self, number: int, parent: int, path: str) -> Iterator[tuple[int, int, str]]:
        """Count the links of a directory; yields the directories in it."""
        if self.inodes[number].size % 512 or not self.inodes[number].size:
            self.say(f"{path}: a directory of {self.inodes[number].size} bytes")
        try:
            entries = list(self.fs.entries(self.inodes[number]))
        except TmeError as error:
            self.say(f"{path}: {error}")
            return
        if entries[:2] != [(b".", number), (b"..", parent)]:
            self.say(f"{path}: does not begin with . and ..")
        names = Counter(name for name, _ in entries)
        for name, child in entries:
            where = path.rstrip("/") + "/" + name.decode("utf-8", "replace")
            if names[name] > 1 or b"/" in name or b"\0" in name or not name:
                self.say(f"{where}: a bad name, or twice in one directory")
            if child not in self.inodes:
                self.say(f"{where}: inode {child} is not in use")
                continue
            self.links[child] += 1
            if self.inodes[child].kind == stat.S_IFDIR and name not in (b".", b".."):
                yield child, number, where

    # what the groups say

    def group(self, index: int) -> tuple[int, int, int, int]:
        """Compare a group's block with what was counted; returns the count."""
        sb = self.sb
        base, count = index * sb.fpg, sb.group_fragments(index)
        data = self.fs.fragments(sb.group_start(index) + sb.cblkno, sb.frag)[: sb.cgsize]
        group, tables = Group.unpack(data), {}
        if group.magic != GROUP_MAGIC:
            magic = int.from_bytes(data[980:984], "big")
            group.magic, tables = magic, OLD_GROUP
        if group.magic != GROUP_MAGIC or group.cgx != index:
            self.say(f"group {index}: no cylinder group is there")
            return 0, 0, 0, 0
        sizes = {"btotoff": 4 * sb.cpg, "boff": 2 * POSITIONS * sb.cpg}
        sizes |= {"iusedoff": -(-sb.ipg // 8), "freeoff": -(-count // 8)}
        at = {table: tables.get(table, getattr(group, table)) for table in sizes}
        if not all(0 <= at[table] <= len(data) - size for table, size in sizes.items()):
            self.say(f"group {index}: its tables are outside of it")
            return 0, 0, 0, 0
        name = f"group {index}"
        cylinders, inodes = divmod(group.ncyl_niblk, 1 << 16)
        if (cylinders, inodes, group.ndblk) != (sb.group_cylinders(index), sb.ipg, count):
            self.say(f"{name}: {cylinders} cylinders, {inodes} inodes, {group.ndblk} fragments are said")
        used = bits(data[at["iusedoff"] :], sb.ipg)
        numbers = range(index * sb.ipg, (index + 1) * sb.ipg)
        mine = [number < ROOT or number in self.inodes for number in numbers]
        self.same_bits(f"{name}: inode", used, mine, numbers.start)
        free = bits(data[at["freeoff"] :], count)
        self.same_bits(
            f"{name}: free fragment", free, [base + n not in self.owner for n in range(count)], base
        )

        counted = self.count(base, count)
        if tuple(data[52:84]) != tuple(struct.pack(">8i", *counted.runs)):
            self.say(
                f"{name}: runs of free fragments {struct.unpack('>8i', data[52:84])}, counted {counted.runs}"
            )
        totals = struct.unpack_from(f">{sb.cpg}i", data, at["btotoff"])
        if totals != tuple(counted.cylinders[: sb.cpg]):
            self.say(f"{name}: free blocks of cylinders are {totals}, counted {tuple(counted.cylinders)}")
        positions = struct.unpack_from(f">{sb.cpg * POSITIONS}h", data, at["boff"])
        if positions != tuple(counted.positions):
            self.say(f"{name}: free blocks at rotational positions are wrong")
        directories = sum(self.inodes[n].kind == stat.S_IFDIR for n in numbers if n in self.inodes)
        found = (directories, counted.blocks, sb.ipg - sum(mine), counted.fragments)
        self.compare(name, (group.ndir, group.nbfree, group.nifree, group.nffree), found)
        table = self.fs.volume.read(sb.csaddr * sb.fsize + index * SUMMARY.size, SUMMARY.size)
        self.compare(f"{name}, table of summaries", SUMMARY.unpack(table), found)
        if not all(0 <= rotor < limit for rotor, limit in ((group.rotor, count), (group.irotor, sb.ipg))):
            self.say(f"{name}: a rotor points outside")
        return found

    def same_bits(self, what: str, said: list[bool], counted: list[bool], base: int) -> None:
        wrong = [
            base + at for at, (left, right) in enumerate(zip(said, counted, strict=True)) if left != right
        ]
        if wrong:
            self.say(
                f"{what} map is wrong for {len(wrong)}, first {wrong[0]} ({said[wrong[0] - base]:d} is said)"
            )

    def count(self, base: int, count: int) -> Free:
        """The free space of a group by what nobody owns."""
        sb, free = self.sb, Free(self.sb.cpg)
        for start in range(0, count, sb.frag):
            block = [base + at not in self.owner for at in range(start, min(start + sb.frag, count))]
            if all(block) and len(block) == sb.frag:
                free.blocks += 1
                free.cylinders[sb.cylinder(start)] += 1
                free.positions[sb.cylinder(start) * POSITIONS + sb.position(start)] += 1
                continue
            free.fragments += sum(block)
            for run in "".join("x" if each else " " for each in block).split():
                free.runs[len(run)] += 1
        return free

    def copies(self) -> None:
        """Every group has a copy of the superblock; fsck -b would use it."""
        for group in range(1, self.sb.ncg):
            offset = (self.sb.group_start(group) + self.sb.sblkno) * self.sb.fsize
            try:
                copy = read_super(self.fs.volume.read(offset, self.sb.sbsize), f"group {group}")
            except TmeError as error:
                self.say(str(error))
                continue
            if any(getattr(copy, name) != getattr(self.sb, name) for name in SAME):
                self.say(f"group {group}: its copy of the superblock is another one")
        data = self.fs.volume.read(SUPER_OFFSET, self.sb.sbsize)
        if int.from_bytes(data[FORMAT_AT : FORMAT_AT + 4], "big", signed=True) not in (DYNAMIC, -1):
            self.say("the superblock's table format is unknown")


KINDS = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK)


class Free:
    """Free space of a group, counted."""

    def __init__(self, cylinders: int) -> None:
        self.blocks = self.fragments = 0
        self.runs = [0] * 8
        self.cylinders = [0] * cylinders
        self.positions = [0] * (cylinders * POSITIONS)


def bits(data: bytes, count: int) -> list[bool]:
    """A bit map, lowest bit of each byte first."""
    return [bool(data[at >> 3] >> (at & 7) & 1) for at in range(count)]


def check(fs: FileSystem) -> list[str]:
    """What is wrong with a file system; nothing if nothing is."""
    return Checker(fs).problems
