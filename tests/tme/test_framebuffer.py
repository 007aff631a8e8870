"""Pictures of screens, read back by a PNG reader of its own."""

from __future__ import annotations

import struct
import zlib
from types import SimpleNamespace

import pytest

from tme.errors import TmeError
from tme.framebuffer import FramebufferPort, Picture, save, screenshot


def read_png(data):
    """(width, height, depth, colour type, rows) of a PNG without filters."""
    assert data[:8] == bytes((0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A))
    at, chunks = 8, {}
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + length
    width, height, depth, colour, *methods = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert methods == [0, 0, 0]
    raw = zlib.decompress(chunks[b"IDAT"])
    line = -(-width * depth // 8) + 1
    assert len(raw) == line * height
    assert not any(raw[::line])  # every line says: no filter
    assert chunks[b"IEND"] == b""
    return width, height, depth, colour, b"".join(raw[at + 1 : at + line] for at in range(0, len(raw), line))


PICTURE = Picture(10, 3, bytes((0x80, 0x40, 0xFF, 0xC0, 0x00, 0x00)))


def test_png():
    assert read_png(PICTURE.png()) == (10, 3, 1, 0, PICTURE.rows)


def test_pixels():
    assert [PICTURE.pixel(x, 0) for x in range(10)] == [True] + [False] * 8 + [True]
    assert all(PICTURE.pixel(x, 1) for x in range(10))


def element(name):
    made = SimpleNamespace(name=name)
    made.framebuffer = FramebufferPort(
        made, 10, 3, lambda: PICTURE if name == "b" else Picture(8, 1, b"\xff")
    )
    return made


def test_which_screen():
    machine = SimpleNamespace(elements={"x": SimpleNamespace(), "a": element("a"), "b": element("b")})
    assert screenshot(machine).width == 8
    assert screenshot(machine, "b") == PICTURE
    with pytest.raises(TmeError, match="no frame buffer 'c'"):
        screenshot(machine, "c")
    with pytest.raises(TmeError, match="no screen"):
        screenshot(SimpleNamespace(elements={}))


def test_files(tmp_path):
    save(PICTURE, tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes() == PICTURE.png()
    with pytest.raises(TmeError, match="cannot write the screenshot"):
        save(PICTURE, tmp_path / "absent" / "p.png")
