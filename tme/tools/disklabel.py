"""Sun disk labels: geometry and partitions in a disk's first sector.

    python -m tme.tools.disklabel make disk.img 2048/16/16 a=0/39936 b=157/40960 g=317/442624
    python -m tme.tools.disklabel print disk.img

`make` makes the image too if it is absent (sparse), and keeps what else is on it. The geometry is cylinders,
heads and sectors of a track; 2 of the cylinders are alternates. A partition is its first cylinder and its
number of 512-byte blocks; c is the whole disk unless it is given. Sources: NetBSD sys/dev/sun/disklabel.h and
labels that SunOS's format(8) wrote.
"""

from __future__ import annotations

import argparse
import os
import re
import struct
import sys
from dataclasses import dataclass, field
from functools import reduce
from operator import xor

from tme.errors import TmeError
from tme.tools.files import lock, main_with_errors

SECTOR = 512
MAGIC = 0xDABE
LETTERS = "abcdefgh"
MOST = 65535
LAYOUT = struct.Struct(">128s292x HHH4xH HHHH4x 16I HH")
"""Text; rpm, physical cylinders, alternates of a cylinder, interleave; cylinders, alternates, heads, sectors;
first cylinder and blocks of each partition; magic number, checksum."""


@dataclass
class Label:
    """What a label says. `cylinders` are for data; partitions are (first cylinder, blocks) by letter."""

    cylinders: int
    heads: int
    sectors: int
    alternates: int = 2
    rpm: int = 3600
    interleave: int = 1
    spare: int = 0
    name: str = ""
    partitions: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def cylinder_blocks(self) -> int:
        return self.heads * self.sectors

    @property
    def blocks(self) -> int:
        """Of the whole disk, alternates included."""
        return (self.cylinders + self.alternates) * self.cylinder_blocks

    def text(self) -> str:
        """The label's first line, as format(8) writes it."""
        name = f"{self.name} " if self.name else ""
        return f"{name}cyl {self.cylinders} alt {self.alternates} hd {self.heads} sec {self.sectors}"

    def pack(self) -> bytes:
        """The sector; TmeError when something does not fit."""
        self.check()
        table = [number for letter in LETTERS for number in self.partitions.get(letter, (0, 0))]
        drive = (self.rpm, self.cylinders + self.alternates, self.spare, self.interleave)
        shape = (self.cylinders, self.alternates, self.heads, self.sectors)
        data = LAYOUT.pack(self.text().encode("ascii"), *drive, *shape, *table, MAGIC, 0)
        return data[:-2] + _checksum(data).to_bytes(2, "big")

    def check(self) -> None:
        """TmeError when something does not fit."""
        for what, least in (("cylinders", 1), ("heads", 1), ("sectors", 1), ("alternates", 0), ("rpm", 1)):
            number = getattr(self, what)
            if not least <= number <= MOST:
                raise TmeError(f"{number} {what}: a label takes {least} to {MOST}")
        if self.cylinders + self.alternates > MOST:
            raise TmeError(f"{self.cylinders + self.alternates} cylinders: a label takes at most {MOST}")
        if len(self.text()) > 127 or not self.name.isascii():
            raise TmeError(f"the name '{self.name}' does not fit: at most 80 ASCII characters")
        end = self.cylinders * self.cylinder_blocks
        for letter, (first, blocks) in self.partitions.items():
            if letter not in LETTERS:
                raise TmeError(f"there is no partition {letter}: a to h are")
            if first < 0 or blocks < 0 or first * self.cylinder_blocks + blocks > end:
                raise TmeError(f"partition {letter}={first}/{blocks} ends behind the last data block, {end}")

    @classmethod
    def unpack(cls, data: bytes) -> Label:
        """Read the sector; TmeError when it is no label."""
        if not is_label(data):
            raise TmeError("no Sun label: the magic number or the checksum of the first sector is wrong")
        text, rpm, _, spare, interleave, *numbers = LAYOUT.unpack(data[:SECTOR])
        cylinders, alternates, heads, sectors = numbers[:4]
        maps = zip(LETTERS, numbers[4:20:2], numbers[5:20:2], strict=True)
        partitions = {letter: (first, blocks) for letter, first, blocks in maps if blocks}
        line = text.split(b"\0")[0].decode("latin-1").strip()
        name = re.sub(r" ?cyl \d+ alt \d+ hd \d+ sec \d+$", "", line)
        return cls(cylinders, heads, sectors, alternates, rpm, interleave, spare, name, partitions)

    def extent(self, letter: str) -> tuple[int, int]:
        """Byte offset and length of a partition; TmeError when there is none."""
        if letter not in self.partitions:
            have = ", ".join(sorted(self.partitions)) or "none"
            raise TmeError(f"the label has no partition {letter} (it has {have})")
        first, blocks = self.partitions[letter]
        return first * self.cylinder_blocks * SECTOR, blocks * SECTOR

    def describe(self) -> str:
        """For people: the text and a line for each partition."""
        lines = [self.text() + f" rpm {self.rpm}"]
        for letter, (first, blocks) in sorted(self.partitions.items()):
            last = first + -(-blocks // self.cylinder_blocks) - 1
            lines.append(f"{letter}={first}/{blocks}  cylinders {first} to {last}, {blocks / 2048:.1f} MB")
        return "\n".join(lines)


def is_label(data: bytes) -> bool:
    """Whether a sector is a label: magic number, checksum."""
    if len(data) < SECTOR or int.from_bytes(data[508:510], "big") != MAGIC:
        return False
    return not _checksum(data[:SECTOR])


def _checksum(data: bytes) -> int:
    return int(reduce(xor, struct.unpack(">256H", data)))


def _numbers(text: str, count: int, what: str) -> list[int]:
    try:
        found = [int(part) for part in text.split("/")]
    except ValueError:
        found = []
    if len(found) != count:
        raise TmeError(f"bad {what} '{text}': {count} decimal numbers with / between them are expected")
    return found


def _make(args: argparse.Namespace) -> None:
    cylinders, heads, sectors = _numbers(args.geometry, 3, "geometry")
    label = Label(cylinders - args.alternates, heads, sectors, args.alternates, args.rpm, name=args.name)
    label.partitions["c"] = (0, label.cylinders * label.cylinder_blocks)
    for text in args.partitions:
        letter, equal, extent = text.partition("=")
        if not equal:
            raise TmeError(f"bad partition '{text}': write LETTER=FIRST-CYLINDER/BLOCKS")
        first, blocks = _numbers(extent, 2, f"partition {letter}")
        label.partitions[letter] = (first, blocks)
    sector = label.pack()
    try:
        with open(os.open(args.image, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
            lock(file, args.image, write=True)
            length, wanted = os.fstat(file.fileno()).st_size, label.blocks * SECTOR
            if not length:
                file.truncate(wanted)
            elif length < wanted:
                raise TmeError(f"{args.image} has {length} bytes, this geometry needs {wanted}")
            file.write(sector)
    except OSError as error:
        raise TmeError(f"cannot write {args.image}: {error.strerror}") from None


def _print(args: argparse.Namespace) -> None:
    try:
        with open(args.image, "rb") as file:
            print(Label.unpack(file.read(SECTOR)).describe())
    except OSError as error:
        raise TmeError(f"cannot read {args.image}: {error.strerror}") from None
    except TmeError as error:
        raise error.at(args.image) from None


def main(argv: list[str] | None = None) -> int:
    """The program; exit status 1 for a bad label or argument."""
    parser = argparse.ArgumentParser(
        prog="python -m tme.tools.disklabel", description="Write and print labels of Sun disks."
    )
    commands = parser.add_subparsers(required=True, metavar="make|print")
    make = commands.add_parser("make", help="label an image; makes it if it is absent")
    make.add_argument("image")
    make.add_argument("geometry", metavar="CYLINDERS/HEADS/SECTORS", help="of the whole disk: 2048/16/16")
    make.add_argument("partitions", nargs="*", metavar="LETTER=CYLINDER/BLOCKS", help="a=0/39936")
    make.add_argument("--alternates", type=int, default=2, help="cylinders of them; by default 2")
    make.add_argument("--rpm", type=int, default=3600)
    make.add_argument("--name", default="", help="of the drive type")
    make.set_defaults(run=_make)
    show = commands.add_parser("print", help="print an image's label")
    show.add_argument("image")
    show.set_defaults(run=_print)
    return main_with_errors(parser, sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
