"""Frame buffers: what a screen shows, and pictures of it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tme.args import Args
from tme.errors import TmeError, did_you_mean
from tme.port import Port

if TYPE_CHECKING:
    from tme.element import Element
    from tme.machine import Machine

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREYSCALE, PALETTE = 0, 3
LEVEL = 6
"""Compression of pictures: mostly white paper, so more effort gains nothing."""


@dataclass(frozen=True)
class Picture:
    """A screen at one moment: rows of one-bit pixels from the top, the leftmost in bit 7, ones are white.
    With a palette of 256 colours (red, green, blue) pixels are bytes instead."""

    width: int
    height: int
    rows: bytes
    palette: bytes | None = None

    @classmethod
    def on_paper(cls, width: int, height: int, rows: bytes) -> Picture:
        """From the memory of a monochrome frame buffer of Sun's: ones are black."""
        ones = int.from_bytes(rows, "big")
        return cls(width, height, (ones ^ (1 << 8 * len(rows)) - 1).to_bytes(len(rows), "big"))

    @property
    def stride(self) -> int:
        """Bytes of a row."""
        return -(-self.width // 8) if self.palette is None else self.width

    def pixel(self, x: int, y: int) -> bool:
        """Whether a pixel is white."""
        if self.palette is not None:
            return self.colour(x, y) == (255, 255, 255)
        return bool(self.rows[y * self.stride + x // 8] >> 7 - x % 8 & 1)

    def colour(self, x: int, y: int) -> tuple[int, int, int]:
        """Red, green and blue of a pixel, 0 to 255."""
        if self.palette is None:
            return (255, 255, 255) if self.pixel(x, y) else (0, 0, 0)
        red, green, blue = self.palette[3 * self.rows[y * self.stride + x] :][:3]
        return red, green, blue

    def png(self) -> bytes:
        """The picture as a PNG file. Source: W3C, Portable Network Graphics, second edition."""
        lines = (self.rows[at : at + self.stride] for at in range(0, len(self.rows), self.stride))
        pixels = b"".join(b"\0" + line for line in lines)  # each line begins with its filter: none
        depth, kind = (1, GREYSCALE) if self.palette is None else (8, PALETTE)
        header = struct.pack(">IIBBBBB", self.width, self.height, depth, kind, 0, 0, 0)
        data = zlib.compress(pixels, LEVEL)
        colours = b"" if self.palette is None else _chunk(b"PLTE", self.palette)
        return SIGNATURE + _chunk(b"IHDR", header) + colours + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


class FramebufferPort(Port):
    """A frame buffer's end towards a display. `picture()` is what the screen shows now."""

    def __init__(self, element: Element, width: int, height: int, picture: Callable[[], Picture]) -> None:
        super().__init__(element, "framebuffer", "framebuffer", Args())
        self.width = width
        self.height = height
        self.picture = picture


def screens(machine: Machine) -> dict[str, FramebufferPort]:
    """The frame buffers of a machine by the names of their elements, in the order of the description."""
    found = {}
    for name, element in machine.elements.items():
        port = getattr(element, "framebuffer", None)
        if isinstance(port, FramebufferPort):
            found[name] = port
    return found


def screenshot(machine: Machine, name: str | None = None) -> Picture:
    """What a screen shows: that of the element `name`, or the first one. TmeError when there is none."""
    found = screens(machine)
    if not found:
        raise TmeError("the machine has no frame buffer, so there is no screen to take a picture of")
    if name is None:
        name = next(iter(found))
    if name not in found:
        raise TmeError(f"there is no frame buffer '{name}'{did_you_mean(name, found)}")
    return found[name].picture()


def save(picture: Picture, file: Path) -> None:
    """Write a picture as PNG."""
    try:
        file.write_bytes(picture.png())
    except OSError as error:
        raise TmeError(f"cannot write the screenshot {file}: {error.strerror}") from None
