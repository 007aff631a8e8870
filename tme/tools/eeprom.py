"""tme-sun-eeprom: make and print the EEPROM (NVRAM) of a Sun-3: console, memory size, boot device, …

    tme-sun-eeprom make settings.txt -o my-sun3-eeprom.bin
    tme-sun-eeprom print my-sun3-eeprom.bin
    tme-sun-eeprom set my-sun3-eeprom.bin console-device ttya installed-#megs 32

The text has one `name value` a line, `#` starts a comment in the first column, and what it does not name
has its default. Names are those of TME, so its files are accepted. Source of the layout: Sun, "PROM User's
Manual" 800-1736, and NetBSD sun3/include/eeprom.h.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

from tme.errors import TmeError, did_you_mean
from tme.tools.files import main_with_errors, read_input, write_output

SIZE = 2048
TRUE = 0x12


@dataclass(frozen=True)
class Kind:
    """How a value is written: `pack` raises ValueError with what is expected."""

    size: int
    pack: Callable[[str], bytes]
    unpack: Callable[[bytes], str]


def _byte(text: str) -> bytes:
    try:
        return bytes((int(text, 0),))
    except ValueError:
        raise ValueError("a number from 0 to 255") from None


def decimal() -> Kind:
    """A byte in decimal."""
    return Kind(1, _byte, lambda data: str(data[0]))


def choice(**names: int) -> Kind:
    """A byte with named values; others are numbers."""
    words = {name.replace("_", "-"): value for name, value in names.items()}

    def pack(text: str) -> bytes:
        try:
            return bytes((words[text],)) if text in words else _byte(text)
        except ValueError:
            raise ValueError(f"one of {', '.join(words)}, or a number") from None

    def unpack(data: bytes) -> str:
        return next((word for word, value in words.items() if value == data[0]), f"{data[0]:#04x}")

    return Kind(1, pack, unpack)


def boolean() -> Kind:
    """0x12 is true, as the PROM writes it."""
    return choice(true=TRUE, false=0)


def resolution() -> Kind:
    """Screen resolutions."""
    sizes = ("1152x900", 0x00), ("1024x1024", 0x12), ("1600x1280", 0x13), ("1440x1440", 0x14)
    return choice(**dict(sizes), **{"640x480": 0x15, "1280x1024": 0x16})


def string(size: int) -> Kind:
    """Characters, filled up with zeros."""

    def pack(text: str) -> bytes:
        try:
            data = text.encode("ascii")
        except UnicodeEncodeError:
            raise ValueError("plain ASCII text") from None
        if len(data) > size:
            raise ValueError(f"at most {size} characters")
        return data.ljust(size, b"\0")

    return Kind(size, pack, lambda data: data.split(b"\0")[0].decode("ascii", "backslashreplace"))


def hexadecimal(size: int) -> Kind:
    """Bytes in hexadecimal; nothing means zeros, and trailing zeros are not shown."""

    def pack(text: str) -> bytes:
        digits = re.sub(r"0x|[ ,]", "", text)
        try:
            data = bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)
        except ValueError:
            raise ValueError("hexadecimal bytes") from None
        if len(data) > size:
            raise ValueError(f"at most {size} bytes")
        return data.ljust(size, b"\0") if size > 4 else data.rjust(size, b"\0")

    def unpack(data: bytes) -> str:
        if not any(data):
            return ""
        return data.hex() if size <= 4 else data.rstrip(b"\0").hex()

    return Kind(size, pack, unpack)


def boot_device() -> Kind:
    """`sd(0,0,0)`: two letters, controller, unit, partition."""

    def pack(text: str) -> bytes:
        match = re.fullmatch(r"([a-z]{2})\((\w+),(\w+),(\w+)\)", text)
        try:
            return (
                match[1].encode() + bytes(int(number, 0) for number in match.groups()[1:])
                if match
                else _fail()
            )
        except ValueError:
            raise ValueError("a boot device such as sd(0,0,0)") from None

    def unpack(data: bytes) -> str:
        if not any(data):
            return ""
        return data[:2].decode("ascii", "replace") + "({},{},{})".format(*data[2:])

    return Kind(5, lambda text: pack(text) if text else bytes(5), unpack)


def _fail() -> bytes:
    raise ValueError


def tty_mode() -> Kind:
    """`9600,8,n,1,-`: only the rate and the handshake (`h` or `-`) can be chosen."""

    def pack(text: str) -> bytes:
        match = re.fullmatch(r"(\d+),8,n,1,([-h])", text)
        if not match or not 0 < int(match[1]) < 65536:
            raise ValueError("a mode such as 9600,8,n,1,- (h instead of - for RTS/DTR handshake)")
        rate = int(match[1])
        start = bytes((0 if rate == 9600 else TRUE,)) + rate.to_bytes(2, "big")
        return start + bytes((0 if match[2] == "h" else TRUE,)) + bytes(4)

    def unpack(data: bytes) -> str:
        rate = int.from_bytes(data[1:3], "big") if data[0] else 9600
        return f"{rate},8,n,1,{'-' if data[3] else 'h'}"

    return Kind(8, pack, unpack)


FIELDS: dict[str, tuple[int, Kind, str]] = {
    "installed-#megs": (0x014, decimal(), "8"),
    "selftest-#megs": (0x015, decimal(), "0"),
    "screen-resolution": (0x016, resolution(), "1152x900"),
    "screen-#columns": (0x050, decimal(), "80"),
    "screen-#rows": (0x051, decimal(), "34"),
    "console-device": (
        0x01F,
        choice(onboard_bwtwo=0, ttya=0x10, ttyb=0x11, color_fb=0x12, p4_option=0x20),
        "ttya",
    ),
    "watchdog-reboot?": (0x017, boolean(), "false"),
    "boot-device?": (0x018, boolean(), "false"),
    "boot-device": (0x019, boot_device(), "sd(0,0,0)"),
    "oem-banner?": (0x020, boolean(), "false"),
    "oem-banner": (0x068, string(80), ""),
    "oem-logo?": (0x18F, boolean(), "false"),
    "oem-logo": (0x290, hexadecimal(512), ""),
    "keyboard-type": (0x01E, choice(sun=0), "sun"),
    "keyboard-locale": (0x18D, hexadecimal(1), ""),
    "keyboard-id": (0x18E, hexadecimal(1), ""),
    "keyboard-click?": (0x021, boolean(), "false"),
    "diag-device": (0x022, boot_device(), "ie(0,0,0)"),
    "diag-file": (0x028, string(40), ""),
    "inverse-video?": (0x027, boolean(), "false"),
    "ttya-mode": (0x058, tty_mode(), "9600,8,n,1,-"),
    "ttyb-mode": (0x060, tty_mode(), "9600,8,n,1,-"),
    "security-mode": (0x492, choice(none=0, command=1, full=0x5E), "none"),
    "security-password": (0x493, string(8), ""),
    "diag-switch?": (0x70B, choice(false=0x06, true=TRUE), "false"),
    "last-hardware-update": (0x010, hexadecimal(4), ""),
}
"""Name -> offset, kind, default; printed in this order."""

TEST_PATTERN = (0x0B8, b"\xaa\x55")


def store(image: bytearray, name: str, value: str) -> None:
    """Write one value into an image; TmeError names the field and what it takes."""
    if name not in FIELDS:
        raise TmeError(f"unknown name '{name}'{did_you_mean(name, FIELDS)}")
    offset, kind, _ = FIELDS[name]
    try:
        image[offset : offset + kind.size] = kind.pack(value)
    except ValueError as error:
        raise TmeError(f"bad value '{value}' for {name}: {error} is expected") from None


def make(text: str, where: str = "settings") -> bytes:
    """The image of a text."""
    image = bytearray(SIZE)
    at, pattern = TEST_PATTERN
    image[at : at + len(pattern)] = pattern
    for name, (_, _, default) in FIELDS.items():
        store(image, name, default)
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            name, _, value = line.strip().partition(" ")
            try:
                store(image, name, value.strip())
            except TmeError as error:
                raise error.at(f"{where}:{number}") from None
    return bytes(image)


def describe(image: bytes) -> str:
    """The text of an image."""
    check_size(image)
    lines = []
    for name, (offset, kind, _) in FIELDS.items():
        lines.append(f"{name} {kind.unpack(image[offset : offset + kind.size])}".rstrip())
    return "\n".join(lines)


def check_size(image: bytes | bytearray) -> None:
    """TmeError unless the image has the size of the chip."""
    if len(image) != SIZE:
        raise TmeError(f"an EEPROM image has {SIZE} bytes, this file {len(image)}")


def _make(args: argparse.Namespace) -> None:
    data = read_input(args.text)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise TmeError(f"{args.text} is not a text of `name value` lines") from None
    write_output(args.output, make(text, "standard input" if args.text == "-" else args.text))


def _print(args: argparse.Namespace) -> None:
    print(describe(read_input(args.file)))


def _set(args: argparse.Namespace) -> None:
    image = bytearray(read_input(args.file))
    check_size(image)
    if len(args.values) % 2:
        raise TmeError(f"the last name, '{args.values[-1]}', has no value")
    for name, value in zip(args.values[::2], args.values[1::2], strict=True):
        store(image, name, value)
    write_output(args.file, bytes(image))


def main(argv: list[str] | None = None) -> int:
    """The program; exit status 1 for a bad text or image."""
    parser = argparse.ArgumentParser(
        prog="tme-sun-eeprom", description="Make and print EEPROM images of Sun-3s."
    )
    commands = parser.add_subparsers(required=True, metavar="make|print|set")
    new = commands.add_parser("make", help="make an image from a text")
    new.add_argument("text", nargs="?", default="-", help="by default standard input")
    new.add_argument("-o", "--output", default="-", metavar="FILE", help="by default standard output")
    new.set_defaults(run=_make)
    show = commands.add_parser("print", help="print an image as such a text")
    show.add_argument("file", nargs="?", default="-", help="by default standard input")
    show.set_defaults(run=_print)
    change = commands.add_parser("set", help="change values in an image")
    change.add_argument("file")
    change.add_argument("values", nargs="+", metavar="NAME VALUE")
    change.set_defaults(run=_set)
    return main_with_errors(parser, sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
