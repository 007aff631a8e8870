"""Make, list, extract and check file systems of SunOS 4 disks.

    python -m tme.tools.ffs make disk.img --partition a root.txt
    python -m tme.tools.ffs list disk.img --partition a
    python -m tme.tools.ffs check disk.img --partition a

Without --partition the image is one file system, as a RAM disk's is.
"""

from __future__ import annotations

import argparse
import os
import re
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

from tme.errors import TmeError
from tme.tools.ffs import boot
from tme.tools.ffs.check import check
from tme.tools.ffs.make import Maker
from tme.tools.ffs.reader import FileSystem
from tme.tools.ffs.tree import Tree, read_file
from tme.tools.ffs.volume import Volume
from tme.tools.files import main_with_errors

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+)([KMG]?)B?", text)
    if not match:
        raise TmeError(f"bad size '{text}': a number with K, M or G behind it is expected")
    return int(match[1]) * UNITS[match[2]]


def _make(args: argparse.Namespace) -> None:
    tree = Tree()
    for name in args.sources:
        source = Path(name)
        if source.suffix == ".txt":
            tree.read_list(source)
        else:
            tree.graft(source)
    if args.boot:
        tree.boot = read_file(Path(), args.boot).data(), args.boot_file
    if args.size:
        if os.path.exists(args.image):
            raise TmeError(f"{args.image} exists: --size is for a new image")
        try:
            with open(args.image, "wb") as file:
                file.truncate(_size(args.size))
        except OSError as error:
            raise TmeError(f"cannot write {args.image}: {error.strerror}") from None
    with Volume(args.image, args.partition, write=True) as volume:
        if volume.label and not args.partition:
            raise TmeError(f"{args.image} has a label: say which partition, --partition a")
        made = Maker(volume, args.bytes_per_inode).make(tree)
        if tree.boot:
            boot.install(FileSystem(volume), *tree.boot)
        sb = made.sb
        print(
            f"{volume.name}: {sb.size * sb.fsize} bytes in {sb.ncg} cylinder groups, {made.inodes} files, "
            f"{(sb.nbfree * sb.frag + sb.nffree) * sb.fsize} bytes and {sb.nifree} inodes free"
        )


def _list(args: argparse.Namespace) -> None:
    with Volume(args.image, args.partition) as volume:
        fs = FileSystem(volume)
        for path, number, inode in fs.walk():
            size = f"{inode.size}"
            if inode.kind in (stat.S_IFCHR, stat.S_IFBLK):
                size = f"{inode.direct[0] >> 8 & 0xFF}, {inode.direct[0] & 0xFF}"
            target = ""
            if inode.kind == stat.S_IFLNK:
                target = " -> " + fs.contents(inode).decode("utf-8", "surrogateescape")
            when = datetime.fromtimestamp(inode.mtime, UTC)
            owner = f"{inode.uid}/{inode.gid}"
            line = f"{number:6} {stat.filemode(inode.mode)} {inode.nlink:3} {owner:7} {size:>9} "
            line += f"{when:%Y-%m-%d %H:%M} {path}{target}\n"
            sys.stdout.buffer.write(os.fsencode(line))
    sys.stdout.flush()


def _extract(args: argparse.Namespace) -> None:
    with Volume(args.image, args.partition) as volume:
        fs = FileSystem(volume)
        _, inode = fs.find(args.path)
        if inode.kind != stat.S_IFREG:
            raise TmeError(f"{args.path} is not an ordinary file")
        try:
            with open(args.output, "wb") if args.output != "-" else os.fdopen(os.dup(1), "wb") as file:
                for piece in fs.data(inode):
                    file.write(piece)
        except OSError as error:
            raise TmeError(f"cannot write {args.output}: {error.strerror}") from None


def _check(args: argparse.Namespace) -> None:
    with Volume(args.image, args.partition) as volume:
        problems = check(FileSystem(volume))
    for problem in problems:
        print(problem)
    if problems:
        raise TmeError(f"{volume.name}: {len(problems)} problem{'s' * (len(problems) > 1)}")


def _boot(args: argparse.Namespace) -> None:
    block = read_file(Path(), args.block).data()
    with Volume(args.image, args.partition, write=True) as volume:
        boot.install(FileSystem(volume), block, args.path)


def main(argv: list[str] | None = None) -> int:
    """The program; exit status 1 when something is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tme.tools.ffs", description="Make, list, extract and check SunOS 4 file systems."
    )
    commands = parser.add_subparsers(required=True, metavar="make|list|extract|check|boot")

    def command(name: str, about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about)
        added.add_argument("image")
        added.add_argument(
            "--partition", metavar="LETTER", help="of the disk's Sun label; by default the whole image"
        )
        return added

    make = command("make", "make a file system, all that was there is lost")
    make.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="folder, tar archive, file system, or list (.txt)"
    )
    make.add_argument("--size", help="of a new image: 1600K, 100M")
    make.add_argument("--bytes-per-inode", type=int, default=2048, metavar="N", help="by default 2048")
    make.add_argument("--boot", metavar="FILE", help="boot block, such as sun3_kvm.tar.Z:mdec/bootsd")
    make.add_argument(
        "--boot-file", metavar="PATH", default="/boot", help="what that loads; by default /boot"
    )
    make.set_defaults(run=_make)
    command("list", "list all files").set_defaults(run=_list)
    extract = command("extract", "copy a file out")
    extract.add_argument("path")
    extract.add_argument("-o", "--output", default="-", metavar="FILE", help="by default standard output")
    extract.set_defaults(run=_extract)
    command("check", "say what is wrong").set_defaults(run=_check)
    install = command("boot", "write a boot block, like installboot(8)")
    install.add_argument("block", help="such as sun3_kvm.tar.Z:mdec/bootsd")
    install.add_argument(
        "path", nargs="?", default="/boot", help="the program that it loads; by default /boot"
    )
    install.set_defaults(run=_boot)
    return main_with_errors(parser, sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
