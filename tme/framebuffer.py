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
GREYSCALE = 0
LEVEL = 6
"""Compression of pictures: mostly white paper, so more effort gains nothing."""


@dataclass(frozen=True)
class Picture:
    """A screen at one moment: rows of one-bit pixels from the top, the leftmost in bit 7, ones are white."""

    width: int
    height: int
    rows: bytes

    @property
    def stride(self) -> int:
        """Bytes of a row."""
        return -(-self.width // 8)

    def pixel(self, x: int, y: int) -> bool:
        """Whether a pixel is white."""
        return bool(self.rows[y * self.stride + x // 8] >> 7 - x % 8 & 1)

    def png(self) -> bytes:
        """The picture as a PNG file. Source: W3C, Portable Network Graphics, second edition."""
        lines = (self.rows[at : at + self.stride] for at in range(0, len(self.rows), self.stride))
        pixels = b"".join(b"\0" + line for line in lines)  # each line begins with its filter: none
        header = struct.pack(">IIBBBBB", self.width, self.height, 1, GREYSCALE, 0, 0, 0)
        data = zlib.compress(pixels, LEVEL)
        return SIGNATURE + b"".join(
            _chunk(kind, body) for kind, body in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
        )


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
