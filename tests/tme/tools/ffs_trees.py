"""A tree with everything in it, and images to put it on, for the tests of tme.tools.ffs."""

from __future__ import annotations

import random
import stat
from pathlib import Path

from tme.tools.disklabel import Label
from tme.tools.ffs.make import Made, Maker
from tme.tools.ffs.tree import Node, Tree, directory
from tme.tools.ffs.volume import Volume

SIZES = (
    0,
    1,
    511,
    1023,
    1024,
    1025,
    4000,
    7169,
    8191,
    8192,
    8193,
    12 * 8192 - 1,
    12 * 8192,
    12 * 8192 + 1,
    200_000,
)
"""At the edges of fragments, blocks, and the twelve blocks that need no map."""
MEGABYTE = 1 << 20


def file(data: bytes, mode: int = 0o644, uid: int = 0, gid: int = 0) -> Node:
    return Node(stat.S_IFREG | mode, uid, gid, 700_000_000, data.__bytes__)


def everything() -> Tree:
    """Files of all sizes, many names, long names, links, devices; the same each time."""
    chance = random.Random(411)
    tree = Tree()
    for size in SIZES:
        tree.put(f"/sizes/{size}", file(chance.randbytes(size), 0o600 + size % 64, size % 60000, 7))
    for number in range(300):
        tree.put(f"/many/{number:03}" + "x" * chance.randrange(60), file(b"%d" % number))
    tree.put("/long/" + "n" * 255, file(b"long"))
    tree.put("/long/a/b/c/d/e/f/g", file(b"deep"))
    tree.put("/long/empty", directory(0o1777))
    tree.put("/linked", tree.find("/sizes/4000"))
    tree.put("/long/linked", tree.find("/sizes/4000"))
    tree.put("/symlink", Node(stat.S_IFLNK | 0o777, data=b"sizes/../sizes".__bytes__))
    tree.put("/dev/null", Node(stat.S_IFCHR | 0o666, device=3 << 8 | 2))
    tree.put("/dev/sd0h", Node(stat.S_IFBLK | 0o640, gid=5, device=7 << 8 | 7))
    tree.put("/dev/pipe", Node(stat.S_IFIFO | 0o600))
    return tree


def blank(folder: Path, megabytes: int = 8) -> Path:
    """An image without a label."""
    image = folder / "fs.img"
    with open(image, "wb") as file:
        file.truncate(megabytes * MEGABYTE)
    return image


def labelled(folder: Path, label: Label) -> Path:
    """An image with a label and nothing else."""
    image = folder / "disk.img"
    with open(image, "wb") as file:
        file.write(label.pack())
        file.truncate(label.blocks * 512)
    return image


def make(image: Path, tree: Tree, partition: str | None = None, density: int = 2048) -> Made:
    with Volume(image, partition, write=True) as volume:
        return Maker(volume, density).make(tree)
