"""File systems that are made here and read back by code that shares only the layout with what made them."""

from __future__ import annotations

import os
import stat
import struct

import pytest

from tests.tme.tools.ffs_trees import MEGABYTE, blank, everything, file, labelled, make
from tme.errors import TmeError
from tme.tools import disklabel
from tme.tools.disklabel import Label
from tme.tools.ffs import boot
from tme.tools.ffs.__main__ import main
from tme.tools.ffs.check import check
from tme.tools.ffs.layout import SuperBlock
from tme.tools.ffs.make import Maker, geometry, positions
from tme.tools.ffs.reader import FileSystem
from tme.tools.ffs.tree import Node, Tree
from tme.tools.ffs.volume import Volume

DISK = Label(
    400, 5, 17, name="odd", partitions={"a": (0, 100 * 85), "b": (100, 40 * 85), "g": (140, 260 * 85)}
)
"""A geometry in which blocks are never at a cylinder's start."""


def wanted(tree: Tree) -> dict[str, Node]:
    found: dict[str, Node] = {}

    def below(path: str, node: Node) -> None:
        found[path or "/"] = node
        for name, child in node.children.items():
            below(f"{path}/{name.decode()}", child)

    below("", tree.root)
    return found


def compare(fs: FileSystem, tree: Tree) -> None:
    """Every file of the tree, and no other, is in the file system as it should be."""
    expected = wanted(tree)
    found = {path: (number, inode) for path, number, inode in fs.walk()}
    assert set(found) == set(expected)
    by_node: dict[Node, int] = {}
    for path, node in expected.items():
        number, inode = found[path]
        assert (inode.mode, inode.uid, inode.gid, inode.mtime) == (
            node.mode,
            node.uid,
            node.gid,
            node.mtime,
        ), path
        assert by_node.setdefault(node, number) == number, path
        if node.kind in (stat.S_IFREG, stat.S_IFLNK):
            assert fs.contents(inode) == node.data(), path
        if node.kind in (stat.S_IFCHR, stat.S_IFBLK):
            assert inode.direct[0] == node.device, path
    assert len(set(by_node.values())) == len(by_node)


@pytest.mark.parametrize("partition", ["a", "g"])
def test_everything_comes_back_from_a_partition(tmp_path, partition):
    image = labelled(tmp_path, DISK)
    tree = everything()
    make(image, tree, partition)
    with Volume(image, partition) as volume:
        fs = FileSystem(volume)
        assert check(fs) == []
        compare(fs, tree)
    assert Label.unpack(image.read_bytes()[:512]) == DISK


def test_the_same_tree_gives_the_same_bytes_and_a_copy_is_the_same_again(tmp_path):
    image = blank(tmp_path)
    make(image, everything())
    first = image.read_bytes()
    again = blank(tmp_path)
    make(again, everything())
    assert again.read_bytes() == first
    make(again, everything())  # over the old one
    assert again.read_bytes() == first

    copied = Tree()
    (tmp_path / "original").write_bytes(first)
    copied.graft(tmp_path / "original")
    make(again, copied)
    assert again.read_bytes() == first


def test_what_sunos_insists_on(tmp_path):
    image = blank(tmp_path)
    tree = everything()
    make(image, tree)
    data = image.read_bytes()
    assert data[:8192] == bytes(8192)
    sb = SuperBlock.unpack(data, 8192)
    assert (sb.bsize, sb.fsize, sb.maxcontig, sb.rotdelay) == (8192, 1024, 1, 0)
    assert sb.bsize * sb.maxcontig <= 63 * 1024
    assert data[8192 + 208 : 8192 + 860 - 4] == bytes(648)  # no flags, mount point, rotor, pointers
    assert struct.unpack_from(">9i", data, 8192 + 1340) == (0, 8191, 0, 1023, 1, 8, 860, 1376, 0x011954)
    root = (sb.group_start(0) + sb.iblkno) * 1024 + 2 * 128
    mode, links, uid, gid, size = struct.unpack_from(">HhHHQ", data, root)
    assert (mode, links, uid, gid, size) == (0o40755, 2 + 5, 0, 0, 512)
    (block,) = struct.unpack_from(">i", data, root + 40)
    assert (
        data[block * 1024 : block * 1024 + 24] == b"\0\0\0\2\0\x0c\0\1.\0\0\0" + b"\0\0\0\2\0\x0c\0\2..\0\0"
    )
    assert data[block * 1024 + 24 : block * 1024 + 32] == b"\0\0\0\3" + struct.pack(">HH", 20, 10)


def test_a_file_with_maps_of_maps(tmp_path):
    image = blank(tmp_path, 40)
    tree = Tree()
    data = os.urandom(8192) * 12 + bytes(range(256)) * 32 * 2048 + b"the end" * 2000
    tree.put("/large", file(data))
    tree.put("/after", file(b"after"))
    make(image, tree, density=8192)
    with Volume(image) as volume:
        fs = FileSystem(volume)
        assert check(fs) == []
        _, inode = fs.find("/large")
        assert all(inode.indirect[:2])
        assert not inode.indirect[2]
        blocks = -(-len(data) // 8192)
        assert inode.blocks == (blocks + 1 + 2) * 16  # one map, and a map of one map
        assert fs.contents(inode) == data
        assert fs.contents(fs.find("/after")[1]) == b"after"


def test_full_to_the_last_block(tmp_path):
    image = blank(tmp_path, 3)
    made = make(image, Tree())
    free = made.sb.nbfree
    tree = Tree()
    tree.put("/all", file(b"x" * (free - 1) * 8192))  # and a map
    made = make(image, tree)
    assert made.sb.nbfree == 0
    with Volume(image) as volume:
        assert check(FileSystem(volume)) == []
    tree.put("/all", file(b"x" * free * 8192))
    with pytest.raises(TmeError, match=r"fs\.img is full: \d+ bytes"):
        make(image, tree)


def test_inodes_run_out(tmp_path):
    image = blank(tmp_path, 3)
    tree = Tree()
    for number in range(400):
        tree.put(f"/{number}", file(b""))
    with pytest.raises(TmeError, match="inodes are too few"):
        make(image, tree, density=16384)
    assert make(image, tree).inodes == 402


@pytest.mark.parametrize("kilobytes", [0, 8, 16, 168])
def test_too_small(tmp_path, kilobytes):
    image = tmp_path / "fs.img"
    image.write_bytes(bytes(kilobytes * 1024))
    with pytest.raises(TmeError, match="too few"):
        make(image, Tree())


@pytest.mark.parametrize(
    ("heads", "sectors"), [(1, 8), (1, 17), (2, 9), (15, 35), (16, 16), (20, 46), (24, 33), (30, 40)]
)
def test_geometries(tmp_path, heads, sectors):
    """Every size around a group's end gives a file system without mistakes."""
    group = heads * sectors * 512 * 16
    start = max(400_000, group * 2 - 20480)
    for size in range(start, start + 200_000, 40960 + 1024):
        image = tmp_path / f"{size}.img"
        with open(image, "wb") as out:
            out.truncate(size)
        with Volume(image, write=True) as volume:
            volume.label = Label(1, heads, sectors)
            tree = Tree()
            tree.put("/file", file(b"x" * 20000))
            Maker(volume, 4096).make(tree)
            assert check(FileSystem(volume)) == []


def test_rotational_positions_are_those_of_sunos():
    """As SunOS made them for its RAM disk: 8 heads of 32 sectors, two blocks on a track."""
    sb = geometry(1536 * 1024, 8, 32, 2048)
    assert (sb.sblkno, sb.cblkno, sb.iblkno, sb.cgoffset, sb.cgmask, sb.spc, sb.fpg) == (
        16,
        24,
        32,
        16,
        -8,
        256,
        2048,
    )
    cycle, first, distance = positions(sb)
    assert cycle == 1
    assert struct.unpack(">8h", first) == (0, -1, -1, -1, 1, -1, -1, -1)
    assert distance == b"\2" * 14 + b"\0\0"


def test_many_groups_start_on_other_heads(tmp_path):
    image = blank(tmp_path, 40)
    make(image, everything())
    with Volume(image) as volume:
        fs = FileSystem(volume)
        starts = [fs.sb.group_start(group) - group * fs.sb.fpg for group in range(fs.sb.ncg)]
        assert starts[:17] == [*range(0, 128, 8), 0]
        assert check(fs) == []


# paths


def test_paths_follow_symbolic_links(tmp_path):
    tree = Tree()
    tree.put("/usr/lib/file", file(b"found"))
    tree.put("/lib", Node(stat.S_IFLNK | 0o777, data=b"usr/lib".__bytes__))
    tree.put("/usr/up", Node(stat.S_IFLNK | 0o777, data=b"../usr/./lib/..".__bytes__))
    tree.put("/abs", Node(stat.S_IFLNK | 0o777, data=b"/usr".__bytes__))
    tree.put("/loop", Node(stat.S_IFLNK | 0o777, data=b"loop".__bytes__))
    image = blank(tmp_path)
    make(image, tree)
    with Volume(image) as volume:
        fs = FileSystem(volume)
        for path in (
            "/usr/lib/file",
            "lib/file",
            "/usr/up/lib/file",
            "//abs/lib/../lib/file",
            "/../usr/lib/file",
        ):
            assert fs.contents(fs.find(path)[1]) == b"found", path
        assert fs.find("/")[0] == fs.find("/usr/..")[0] == 2
        for path in ("/usr/none", "/usr/lib/file/x", "/loop"):
            with pytest.raises(TmeError, match=path):
                fs.find(path)


# boot block


def boot_program(size: int = 3000) -> bytes:
    """An a.out of a boot block with an empty table."""
    code = b"\x4e\xfa\x01\x0a" + bytes(0x108) + b"\x5a" * (size - 0x10C)
    return struct.pack(">8I", 0x20107, size - 100, 100, 5000, 7, 0x240000, 0, 0) + code + b"symbols"


@pytest.mark.parametrize("size", [4, 101_800, 63 * 8192])
def test_a_boot_block_knows_where_the_program_is(tmp_path, size):
    image = labelled(tmp_path, DISK)
    program = os.urandom(size)
    tree = Tree()
    for number in range(9):
        tree.put(f"/a{number}", file(b"x" * 5000))
    tree.put("/boot", file(program))
    made = make(image, tree, "b")
    with Volume(image, "b", write=True) as volume:
        boot.install(FileSystem(volume), boot_program(), "/boot")
        block = volume.read(512, 7680)
        loaded = b""
        for entry in struct.unpack(">64I", block[4:0x104]):
            if not entry & 0xFF:
                break
            loaded += volume.read((entry >> 8) * 512, (entry & 0xFF) * 512)
        assert check(FileSystem(volume)) == []
    assert made.sb.ncg > 1
    assert loaded[:size] == program
    length, total = struct.unpack(">II", block[0x104:0x10C])
    assert (length, total) == (size, sum(struct.unpack(f">{size // 4}I", program)) & 0xFFFFFFFF)
    assert block[:4] == b"\x4e\xfa\x01\x0a"
    assert block[0x10C:3000] == b"\x5a" * (3000 - 0x10C)
    assert not any(block[3000:])


@pytest.mark.parametrize(
    ("block", "path", "message"),
    [
        (boot_program(), "/none", "there is no /none"),
        (boot_program(), "/dir", "not an ordinary file"),
        (boot_program(), "/large", "a boot block loads 1 to 516096"),
        (boot_program(), "/empty", "a boot block loads"),
        (b"x" * 3000, "/boot", "no boot block of a Sun-3"),
        (boot_program(8000), "/boot", "no boot block of a Sun-3"),
    ],
)
def test_boot_blocks_that_cannot_be(tmp_path, block, path, message):
    image = blank(tmp_path)
    tree = Tree()
    tree.put("/boot", file(b"boot"))
    tree.put("/empty", file(b""))
    tree.put("/dir/file", file(b""))
    tree.put("/large", file(bytes(63 * 8192 + 1)))
    make(image, tree)
    with Volume(image, write=True) as volume, pytest.raises(TmeError, match=message):
        boot.install(FileSystem(volume), block, path)
    assert not any(image.read_bytes()[:8192])


# the program


def test_commands(tmp_path, capfd):
    folder = tmp_path / "root"
    (folder / "etc").mkdir(parents=True)
    (folder / "etc/motd").write_text("hello\n")
    (folder / "boot").write_bytes(b"boot" * 1000)
    os.symlink("etc/motd", folder / "motd")
    os.link(folder / "etc/motd", folder / "again")
    (tmp_path / "bootsd").write_bytes(boot_program())
    image = str(labelled(tmp_path, DISK))
    assert not main(["make", image, "--partition", "g", str(folder), "--boot", str(tmp_path / "bootsd")])
    assert "11" not in capfd.readouterr().err
    assert not main(["check", image, "--partition", "g"])
    assert not main(["list", image, "--partition", "g"])
    listing = capfd.readouterr().out
    assert "-> etc/motd" in listing
    assert listing.count(" 2 0/0             6 ") == 2
    assert not main(["extract", image, "/motd", "--partition", "g"])
    assert capfd.readouterr().out == "hello\n"
    assert not main(["extract", image, "/again", "--partition", "g", "-o", str(tmp_path / "out")])
    assert (tmp_path / "out").read_text() == "hello\n"
    assert not main(["boot", image, str(tmp_path / "bootsd"), "--partition", "g"])

    ram = str(tmp_path / "ram.img")
    assert not main(["make", ram, "--size", "1600K", str(folder)])
    assert os.path.getsize(ram) == 1600 << 10
    assert not main(["check", ram])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["make", "{disk}", "{folder}"], "say which partition"),
        (["make", "{disk}", "--partition", "d", "{folder}"], "no partition d"),
        (["make", "{blank}", "--partition", "a", "{folder}"], "no Sun label"),
        (["make", "{blank}", "--size", "3M", "{folder}"], "--size is for a new image"),
        (["make", "{none}", "--size", "much", "{folder}"], "bad size 'much'"),
        (["make", "{none}", "{folder}"], "cannot open"),
        (["make", "{blank}", "{none}"], "cannot read"),
        (["make", "{blank}", "{junk}"], "no 4.2BSD file system"),
        (["list", "{blank}"], "no 4.2BSD file system"),
        (["check", "{junk}"], "no 4.2BSD file system"),
        (["extract", "{disk}", "/x", "--partition", "g"], "no 4.2BSD file system"),
        (["boot", "{blank}", "{junk}"], "no 4.2BSD file system"),
    ],
)
def test_bad_commands(tmp_path, capsys, words, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "junk").write_bytes(b"junk" * (300 if words[0] == "check" else 3000))
    names = {
        "disk": labelled(tmp_path, DISK),
        "blank": blank(tmp_path),
        "none": tmp_path / "none",
        "folder": tmp_path / "folder",
        "junk": tmp_path / "junk",
    }
    assert main([word.format(**names) for word in words]) == 1
    assert message in capsys.readouterr().err


def test_a_partition_that_reaches_beyond_its_image(tmp_path):
    image = labelled(tmp_path, DISK)
    os.truncate(image, MEGABYTE)
    with pytest.raises(TmeError, match="reaches beyond the image, which has 1048576 bytes"):
        Volume(image, "g")


def test_an_image_in_use_is_left_alone(tmp_path, capsys):
    image = labelled(tmp_path, DISK)
    with Volume(image, "g", write=True), pytest.raises(TmeError, match="is in use, by a running machine"):
        Volume(image, "a")
    with Volume(image, "g") as one, Volume(image, "a") as other:
        assert one.read(0, 1) == other.read(512, 1)
        assert disklabel.main(["make", str(image), "400/5/17"]) == 1
    assert "is in use" in capsys.readouterr().err
    assert Label.unpack(image.read_bytes()[:512]) == DISK
