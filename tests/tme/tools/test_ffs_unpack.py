"""compress(1)'s format: packed here, unpacked by gzip (which knows it) and by us."""

import gzip
import random
import subprocess

import pytest

from tme.errors import TmeError
from tme.tools.ffs.unpack import uncompress, unpacked

CLEAR = 256


def compress(data: bytes, most: int, clear_every: int = 0) -> bytes:
    """As compress(1): codes in groups of eight, the rest of a group is padding when their length changes."""
    out = bytearray((0x1F, 0x9D, most | 0x80))
    group: list[int] = []
    bits = 9

    def flush() -> None:
        value = sum(code << bits * at for at, code in enumerate(group))
        out.extend(
            value.to_bytes(bits if len(group) == 8 or not last else -(-bits * len(group) // 8), "little")
        )
        group.clear()

    last = False
    table: dict[bytes, int] = {bytes((byte,)): byte for byte in range(256)}
    following, seen, written = 257, b"", 0

    def emit(code: int) -> None:
        nonlocal written
        group.append(code)
        written += 1
        if len(group) == 8:
            flush()

    for byte in data:
        longer = seen + bytes((byte,))
        if longer in table:
            seen = longer
            continue
        emit(table[seen])
        if following < 1 << most:
            table[longer] = following
            following += 1
            if following > 1 << bits and bits < most:
                if group:
                    flush()
                bits += 1
        seen = bytes((byte,))
        if clear_every and written > clear_every:
            emit(CLEAR)
            if group:
                flush()
            table = {bytes((byte,)): byte for byte in range(256)}
            following, bits, written = 257, 9, 0
    if seen:
        emit(table[seen])
    last = True
    if group:
        flush()
    return bytes(out)


def text(size: int) -> bytes:
    chance = random.Random(size)
    words = [chance.randbytes(chance.randrange(1, 9)) for _ in range(200)]
    return b"".join(chance.choice(words) for _ in range(size // 4))[:size]


@pytest.mark.parametrize("most", [10, 12, 16])
@pytest.mark.parametrize("clear_every", [0, 37, 1000])
@pytest.mark.parametrize("size", [0, 1, 2, 700, 20000])
def test_what_compress_packs(most, clear_every, size):
    data = text(size)
    packed = compress(data, most, clear_every)
    if size:
        gzip_says = subprocess.run(["gzip", "-dc"], input=packed, capture_output=True, check=True).stdout
        assert gzip_says == data
    assert uncompress(packed, "x.Z") == data


def test_one_byte_many_times():
    data = b"a" * 100000
    assert uncompress(compress(data, 16), "x.Z") == data


@pytest.mark.parametrize("rest", [b"", b"\x88", b"\x91", b"\x90\x41\xff\xff\xff", b"\x90\xff\xff"])
def test_damaged(rest):
    with pytest.raises(TmeError, match=r"x\.Z"):
        uncompress(b"\x1f\x9d" + rest, "x.Z")


def test_files(tmp_path):
    plain, squeezed, zipped = (tmp_path / name for name in ("plain", "x.Z", "x.gz"))
    data = text(5000)
    plain.write_bytes(data)
    squeezed.write_bytes(compress(data, 16))
    zipped.write_bytes(gzip.compress(data))
    assert unpacked(plain) == unpacked(squeezed) == unpacked(zipped) == data
    zipped.write_bytes(gzip.compress(data)[:100])
    unpacked.cache_clear()
    with pytest.raises(TmeError, match="damaged"):
        unpacked(zipped)
