"""tme-sun-idprom: make and print the ID PROM of a Sun: machine type, Ethernet address, date, serial number.

    tme-sun-idprom make 3/160 8:0:20:11:22:33 12345 -o my-sun3-idprom.bin
    tme-sun-idprom print my-sun3-idprom.bin
    tme-sun-idprom make 4/75 8:0:20:11:22:33 --nvram -o my-sun4c-nvram.bin

A sun4c has it at the end of its NVRAM: `--nvram` makes the whole image, or changes that in an existing one.

32 bytes: format (1), machine type, Ethernet address, date (seconds since 1970), serial number (3 bytes),
checksum (XOR of bytes 0-14), 16 zero bytes. The same arguments always give the same image.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import xor
from pathlib import Path

from tme.errors import TmeError, did_you_mean
from tme.tools.files import main_with_errors, read_input, write_output

SIZE = 32
FORMAT = 1
NVRAM_SIZE, NVRAM_OFFSET = 0x7F8, 0x7D8
"""An MK48T02 without its clock registers, and where in it Sun puts the ID PROM."""

MACHINES: dict[int, tuple[str, tuple[str, ...]]] = {
    0x01: ("Sun-2 Multibus", ("2/120", "2/170")),
    0x02: ("Sun-2 VME", ("2/50", "2/130", "2/160")),
    0x11: ("Carrera", ("3/160", "3/75", "3/140", "3/150", "3/180")),
    0x12: ("Model 25", ("3/50",)),
    0x13: ("Sirius", ("3/260", "3/280")),
    0x14: ("Prism", ("3/110",)),
    0x17: ("Ferrari", ("3/60",)),
    0x18: ("Sun3E", ("3/E",)),
    0x21: ("Sunrise", ("4/260", "4/280")),
    0x22: ("Cobra", ("4/110", "4/150")),
    0x23: ("Stingray", ("4/330", "4/310", "4/350", "4/360", "4/370", "4/380", "4/390")),
    0x24: ("Sunray", ("4/470", "4/490")),
    0x31: ("Roadrunner", ("386i/150", "386i/250")),
    0x41: ("Pegasus", ("3/460", "3/470", "3/480")),
    0x42: ("Hydra", ("3/80",)),
    0x51: ("Campus", ("4/60", "SS1")),
    0x52: ("Phoenix", ("4/40", "IPC")),
    0x53: ("Campus B", ("4/65", "SS1+")),
    0x54: ("Off-Campus", ("4/20", "SLC")),
    0x55: ("Calvin", ("4/75", "SS2")),
    0x56: ("Node Warrior", ("4/25", "ELC")),
    0x57: ("Hobbes", ("4/50", "IPX")),
    0x61: ("Polaris", ("4/E",)),
    0x71: ("Galaxy", ("4/600", "4/630", "4/670", "4/690")),
    0x72: ("Campus-2", ("SS10", "SS20")),
    0x80: ("Sun-4u or sun4m with OpenBoot", ("SS5", "SS4", "LX", "classic")),
}
"""Machine type -> Sun's code name and the models."""


@dataclass(frozen=True)
class IdProm:
    """What the PROM says."""

    machine: int
    ethernet: bytes
    date: int = 0
    serial: int = 0

    def pack(self) -> bytes:
        """The image."""
        body = bytes((FORMAT, self.machine)) + self.ethernet
        body += self.date.to_bytes(4, "big") + self.serial.to_bytes(3, "big")
        return body + bytes((reduce(xor, body),)) + bytes(16)

    @classmethod
    def unpack(cls, image: bytes) -> IdProm:
        """Read an image; TmeError when it is not one. A wrong format or checksum is told by `warnings`."""
        if len(image) != SIZE:
            raise TmeError(f"an ID PROM has {SIZE} bytes, this file {len(image)}")
        word = int.from_bytes
        return cls(image[1], image[2:8], word(image[8:12], "big"), word(image[12:15], "big"))

    @property
    def model(self) -> str:
        """Model and code name for people."""
        if self.machine not in MACHINES:
            return f"unknown machine type {self.machine:#04x}"
        code, models = MACHINES[self.machine]
        return f'Sun {" or ".join(models)} ("{code}")'


def put_into_nvram(prom: bytes, nvram: bytes) -> bytes:
    """An NVRAM with this ID PROM; an empty one becomes zeros. TmeError when it is none."""
    nvram = nvram or bytes(NVRAM_SIZE)
    if len(nvram) != NVRAM_SIZE:
        raise TmeError(f"an NVRAM has {NVRAM_SIZE} bytes, this file {len(nvram)}")
    return nvram[:NVRAM_OFFSET] + prom + nvram[NVRAM_OFFSET + SIZE :]


def from_nvram(image: bytes) -> bytes:
    """The ID PROM of an NVRAM; any other image as it is."""
    return image[NVRAM_OFFSET : NVRAM_OFFSET + SIZE] if len(image) == NVRAM_SIZE else image


def warnings(image: bytes) -> list[str]:
    """What a real machine would dislike."""
    found = []
    if image[0] != FORMAT:
        found.append(f"the format is {image[0]}, not {FORMAT}")
    checksum = reduce(xor, image[:15])
    if image[15] != checksum:
        found.append(f"the checksum is {image[15]:#04x}, it should be {checksum:#04x}")
    return found


def machine_type(name: str) -> int:
    """The type byte of a model ("3/160"), a code name ("Carrera") or a number ("0x11")."""
    names = {}
    for number, (code, models) in MACHINES.items():
        for word in (code, *models):
            names[word.lower()] = number
    if name.lower() in names:
        return names[name.lower()]
    try:
        number = int(name, 16) if name.lower().startswith("0x") else -1
    except ValueError:
        number = -1
    if not 0 <= number <= 0xFF:
        raise TmeError(f"unknown machine '{name}'{did_you_mean(name, names)}")
    return number


def ethernet_address(text: str) -> bytes:
    """Six hexadecimal bytes with colons between them."""
    try:
        address = bytes(int(part, 16) for part in text.split(":"))
    except ValueError:
        address = b""
    if len(address) != 6:
        raise TmeError(
            f"bad Ethernet address '{text}': six hexadecimal bytes such as 8:0:20:1:2:3 are expected"
        )
    if address[0] & 1:
        raise TmeError(f"the Ethernet address {text} is a multicast address")
    return address


def describe(image: bytes) -> str:
    """The image as a PROM's banner would put it."""
    prom = IdProm.unpack(image)
    lines = [
        prom.model,
        f"Ethernet address {':'.join(f'{byte:x}' for byte in prom.ethernet)}",
        f"Serial number {prom.serial}, host ID {prom.machine:02x}{prom.serial:06x}",
        f"Manufactured {datetime.fromtimestamp(prom.date, UTC):%Y-%m-%d}" if prom.date else "No date",
    ]
    return "\n".join(lines + [f"warning: {text}" for text in warnings(image)])


def _make(args: argparse.Namespace) -> None:
    address = ethernet_address(args.ethernet)
    serial = int.from_bytes(address[3:], "big") if args.serial is None else args.serial
    if not 0 <= serial < 1 << 24:
        raise TmeError(f"the serial number {serial} does not fit in 24 bits")
    date = 0
    if args.date:
        try:
            date = int(datetime.fromisoformat(args.date).replace(tzinfo=UTC).timestamp())
        except ValueError:
            raise TmeError(f"bad date '{args.date}': write YEAR-MONTH-DAY") from None
        if not 0 <= date < 1 << 32:
            raise TmeError(f"the date {args.date} does not fit: 1970 to 2105 can be written")
    image = IdProm(machine_type(args.machine), address, date, serial).pack()
    if args.nvram:
        old = b"" if args.output == "-" or not Path(args.output).exists() else read_input(args.output)
        image = put_into_nvram(image, old)
    write_output(args.output, image)


def _print(args: argparse.Namespace) -> None:
    image = from_nvram(read_input(args.file))
    print(describe(image))
    if warnings(image):
        raise SystemExit(1)


def main(argv: list[str] | None = None) -> int:
    """The program; exit status 1 for a bad image or argument."""
    parser = argparse.ArgumentParser(
        prog="tme-sun-idprom", description="Make and print ID PROM images of Suns."
    )
    commands = parser.add_subparsers(required=True, metavar="make|print")
    make = commands.add_parser("make", help="make an image")
    make.add_argument("machine", help="model, code name or type: 3/160, Carrera, 0x11")
    make.add_argument("ethernet", help="Ethernet address; Sun's begin with 8:0:20")
    make.add_argument("serial", nargs="?", type=int, help="by default the last three bytes of the address")
    make.add_argument("--date", help="of manufacture, YEAR-MONTH-DAY; by default none")
    make.add_argument("--nvram", action="store_true", help="the NVRAM of a sun4c, with the ID PROM in it")
    make.add_argument("-o", "--output", default="-", metavar="FILE", help="by default standard output")
    make.set_defaults(run=_make)
    show = commands.add_parser("print", help="print an image and check it")
    show.add_argument("file", nargs="?", default="-", help="by default standard input")
    show.set_defaults(run=_print)
    return main_with_errors(parser, _compatible(argv))


def _compatible(argv: list[str] | None) -> list[str]:
    """TME's form: `tme-sun-idprom MACHINE ETHERNET [SERIAL] > IMAGE`, `tme-sun-idprom < IMAGE`."""
    words = sys.argv[1:] if argv is None else argv
    if not words and not sys.stdin.isatty():
        return ["print"]
    known = ("make", "print", "-h", "--help")
    return ["make", *words] if len(words) > 1 and words[0] not in known else words


if __name__ == "__main__":
    sys.exit(main())
