"""The checker finds what is broken, one thing at a time, and reads 4.2BSD's old groups as well."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tme.tools.ffs_trees import blank, everything, make
from tme.tools.ffs.__main__ import main
from tme.tools.ffs.check import check
from tme.tools.ffs.layout import GROUP_MAGIC, Group, Inode
from tme.tools.ffs.reader import FileSystem
from tme.tools.ffs.volume import Volume


class Patient:
    """A file system, and the means to break it."""

    def __init__(self, fs: FileSystem) -> None:
        self.fs, self.volume = fs, fs.volume

    def number(self, path: str) -> int:
        return self.fs.find(path)[0]

    def inode(self, path: str, **changes: object) -> None:
        number, inode = next((number, inode) for name, number, inode in self.fs.walk() if name == path)
        for name, value in changes.items():
            setattr(inode, name, value)
        self.volume.write(self.fs.sb.inode_offset(number), inode.pack())

    def group(self, index: int = 0) -> int:
        """Byte offset of a group's block."""
        return (self.fs.sb.group_start(index) + self.fs.sb.cblkno) * self.fs.sb.fsize

    def flip(self, offset: int, mask: int = 1) -> None:
        self.volume.write(offset, bytes((self.volume.read(offset, 1)[0] ^ mask,)))

    def flip_bit(self, table: str, bit: int) -> None:
        at = getattr(Group.unpack(self.volume.read(self.group(), 168)), table)
        self.flip(self.group() + at + bit // 8, 1 << bit % 8)

    def add(self, offset: int, change: int = 1) -> None:
        (value,) = struct.unpack(">i", self.volume.read(offset, 4))
        self.volume.write(offset, struct.pack(">i", value + change))

    def directory(self, path: str) -> int:
        """Byte offset of a directory's first block."""
        return self.fs.find(path)[1].direct[0] * self.fs.sb.fsize


def blocks(p: Patient, path: str) -> list[int]:
    return list(p.fs.find(path)[1].direct)


DAMAGE: dict[str, tuple[Callable[[Patient], object], str]] = {
    "free fragment": (
        lambda p: p.flip_bit("freeoff", blocks(p, "/sizes/8192")[0] % p.fs.sb.fpg),
        "free fragment map",
    ),
    "used inode": (lambda p: p.flip_bit("iusedoff", p.number("/symlink")), "inode map is wrong for 1"),
    "links": (lambda p: p.inode("/linked", nlink=2), "2 links are said, 3 counted"),
    "sectors": (lambda p: p.inode("/sizes/8193", blocks=4), "4 sectors are said, 18 counted"),
    "mode": (lambda p: p.inode("/sizes/1", mode=0o030644), "is of no kind"),
    "beyond": (lambda p: p.inode("/sizes/1024", direct=(p.fs.sb.size, *[0] * 11)), "is not its own"),
    "crossing": (lambda p: p.inode("/sizes/4000", direct=(8 * 100 + 7, *[0] * 11)), "cross a block"),
    "summary": (lambda p: p.add(8192 + 196), "summary: "),
    "group's summary": (lambda p: p.add(p.group() + 28), "group 0: "),
    "table of summaries": (lambda p: p.add(p.fs.sb.csaddr * 1024 + 8), "table of summaries"),
    "runs": (lambda p: p.add(p.group() + 56), "runs of free fragments"),
    "cylinders": (lambda p: p.add(p.group() + 168), "free blocks of cylinders"),
    "positions": (lambda p: p.flip(p.group() + 168 + 64 + 1), "rotational positions"),
    "rotor": (lambda p: p.add(p.group() + 40, 1 << 20), "rotor points outside"),
    "tables": (lambda p: p.add(p.group() + 96, 1 << 16), "its tables are outside of it"),
    "magic": (lambda p: p.add(p.group() + 4), "no cylinder group is there"),
    "cylinders of a group": (lambda p: p.flip(p.group() + 17), "17 cylinders"),
    "copy": (lambda p: p.add((p.fs.sb.group_start(1) + 16) * 1024 + 152), "its copy of the superblock"),
    "no copy": (lambda p: p.add((p.fs.sb.group_start(1) + 16) * 1024 + 1372), "group 1: no 4.2BSD"),
    "unused inode": (lambda p: p.add(p.directory("/dev") + 24, 1000), "is not in use"),
    "dot": (lambda p: p.add(p.directory("/dev")), "does not begin with . and .."),
    "entry too long": (lambda p: p.flip(p.directory("/dev") + 4, 8), "a directory is damaged"),
    "entry of no length": (
        lambda p: p.volume.write(p.directory("/dev") + 28, b"\0\0"),
        "a directory is damaged",
    ),
    "slash": (lambda p: p.volume.write(p.directory("/dev") + 33, b"/"), "a bad name"),
    "size of directory": (lambda p: p.inode("/dev", size=500), "a directory of 500 bytes"),
    "root": (lambda p: p.inode("/", mode=0o100644), "no root directory"),
    "second name of a directory": (
        lambda p: p.volume.write(p.directory("/long"), struct.pack(">I", 2)),
        "does not begin with",
    ),
    "no name": (lambda p: p.volume.write(p.directory("/dev") + 24, bytes(4)), "no name"),
}


@pytest.fixture
def patient(tmp_path: Path):
    image = blank(tmp_path)
    make(image, everything())
    with Volume(image, write=True) as volume:
        yield Patient(FileSystem(volume))


def test_healthy(patient):
    assert check(patient.fs) == []


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found(patient, what):
    harm, message = DAMAGE[what]
    harm(patient)
    problems = check(FileSystem(patient.volume))
    assert any(message in problem for problem in problems), problems


def test_a_block_in_two_files(patient):
    patient.inode("/sizes/8192", direct=patient.fs.find("/sizes/98304")[1].direct)
    problems = check(patient.fs)
    assert any("is used twice" in problem for problem in problems), problems


def test_a_block_twice_in_one_file(patient):
    direct = patient.fs.find("/sizes/98304")[1].direct
    patient.inode("/sizes/98304", direct=(direct[0], *direct[:11]))
    assert any("is used twice" in problem for problem in check(patient.fs))


def test_holes_are_no_damage(patient):
    direct = patient.fs.find("/sizes/98304")[1].direct
    patient.inode("/sizes/98304", direct=(direct[0], 0, *direct[2:]), blocks=11 * 16)
    problems = check(patient.fs)
    assert not any(problem.startswith("inode") for problem in problems), problems  # a block is lost, no more
    _, inode = patient.fs.find("/sizes/98304")
    assert patient.fs.contents(inode)[8192:16384] == bytes(8192)


def test_short_links_in_the_inode_can_be_read(patient):
    words = struct.unpack(">15i", b"to/somewhere".ljust(60, b"\0"))
    patient.inode("/symlink", size=12, blocks=0, direct=words[:12], indirect=words[12:])
    inode = patient.fs.inode(dict(patient.fs.entries(patient.fs.inode(2)))[b"symlink"])
    assert patient.fs.contents(inode) == b"to/somewhere"


def test_the_command_says_how_much_is_wrong(patient, capsys):
    patient.flip_bit("iusedoff", 5)
    patient.volume.file.close()
    assert main(["check", str(patient.volume.path)]) == 1
    shown = capsys.readouterr()
    assert "inode map is wrong for 1, first 5" in shown.out
    assert f"fs.img: {len(shown.out.splitlines())} problem" in shown.err


def to_old_groups(p: Patient) -> None:
    """The groups as 4.2BSD wrote them: the same words, tables of fixed size, the magic number behind them."""
    sb = p.fs.sb
    for index in range(sb.ncg):
        data = p.volume.read(p.group(index), sb.cgsize)
        new = Group.unpack(data)
        old = bytearray(8192)
        old[8:84] = data[8:84]
        totals = data[new.btotoff : new.btotoff + 4 * sb.cpg]
        positions = data[new.boff : new.boff + 16 * sb.cpg]
        old[84 : 84 + len(totals)] = totals
        old[212 : 212 + len(positions)] = positions
        old[724 : 724 + sb.ipg // 8] = data[new.iusedoff : new.iusedoff + sb.ipg // 8]
        struct.pack_into(">i", old, 980, GROUP_MAGIC)
        old[984 : 984 + sb.fpg // 8] = data[new.freeoff : new.freeoff + sb.fpg // 8]
        p.volume.write(p.group(index), bytes(old))
    for group in range(sb.ncg):
        place = (sb.group_start(group) + sb.sblkno) * sb.fsize
        for offset in (place, 8192):
            p.volume.write(offset + 1356, struct.pack(">i", -1))
            p.volume.write(offset + 160, struct.pack(">i", 2048))


def test_old_groups(patient):
    to_old_groups(patient)
    fs = FileSystem(patient.volume)
    assert check(fs) == []
    patient.flip(patient.group() + 984 + 100)
    assert any("free fragment map" in problem for problem in check(fs))


def test_inodes_are_packed_as_they_are_read():
    inode = Inode(0o100644, 3, 65535, 1, 1 << 30, 1, 2, 3, tuple(range(12)), (7, 8, 9), 0, 99, -5)
    assert Inode.unpack(inode.pack()) == inode
    assert len(inode.pack()) == 128
