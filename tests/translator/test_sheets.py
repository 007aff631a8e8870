"""Sheets: many entries of the code cache in a file; what is damaged is not there, nothing grows for ever."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from translator import sheets
from translator.cache import Cache, digest
from translator.sheets import KEY, Sheet

NAME = digest("a sheet")


def key(number: int) -> bytes:
    return bytes([number]) * KEY


def file(directory: Path) -> Path:
    return directory / NAME[:2] / NAME


def test_what_was_put_is_got_again(tmp_path: Path) -> None:
    sheet = Sheet(cache := Cache(tmp_path), NAME)
    for number in (1, 2):
        sheet.put(key(number), [b"", bytes([number]) * 1000])
    sheet.put(key(1), [b"better"])
    for one in (sheet, Sheet(cache, NAME)):
        assert [one.get(key(k)) for k in (1, 2, 3)] == [[b"better"], [b"", b"\2" * 1000], None]
    assert (cache.hits, cache.misses, cache.rejected) == (4, 2, 0)
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 1


def test_two_processes_append(tmp_path: Path) -> None:
    one, two = Sheet(Cache(tmp_path), NAME), Sheet(Cache(tmp_path), NAME)
    one.put(key(1), [b"1"])
    two.put(key(2), [b"2"])
    assert two.get(key(1)) is None
    three = Sheet(Cache(tmp_path), NAME)
    assert [three.get(key(k)) for k in (1, 2)] == [[b"1"], [b"2"]]


def test_nothing_is_kept_without_a_directory() -> None:
    sheet = Sheet(Cache(None), NAME)
    sheet.put(key(1), [b"x"])
    assert sheet.get(key(1)) is None


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda d: d[:-1], id="cut"),
        pytest.param(lambda d: d + b"x", id="longer"),
        pytest.param(lambda d: d[:-1] + bytes([d[-1] ^ 1]), id="a bit at the end"),
        pytest.param(lambda d: d[:-90] + bytes([d[-90] ^ 1]) + d[-89:], id="a bit in the last digest"),
    ],
)
def test_what_is_in_front_of_damage_is_good(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    sheet = Sheet(Cache(tmp_path), NAME)
    sheet.put(key(1), [b"first"])
    sheet.put(key(2), [b"second"])
    file(tmp_path).write_bytes(damage(file(tmp_path).read_bytes()))
    again = Sheet(cache := Cache(tmp_path, warn=pytest.fail), NAME)
    assert again.get(key(1)) == [b"first"]
    assert cache.rejected == 1
    again.put(key(3), [b"third"])
    third = Sheet(cache := Cache(tmp_path), NAME)
    assert [third.get(key(k)) for k in (1, 3)] == [[b"first"], [b"third"]]
    assert cache.rejected == 0


@pytest.mark.parametrize("size", [b"\xff" * 8, b"\0" * 7 + b"\x80"])
def test_a_size_that_cannot_be(tmp_path: Path, size: bytes) -> None:
    Sheet(Cache(tmp_path), NAME).put(key(1), [b"x"])
    data = file(tmp_path).read_bytes()
    file(tmp_path).write_bytes(data[:64] + size + data[72:])
    assert Sheet(cache := Cache(tmp_path), NAME).get(key(1)) is None
    assert cache.rejected == 1


def test_an_entry_of_another_sheet_is_taken_by_its_key_only(tmp_path: Path) -> None:
    Sheet(Cache(tmp_path), NAME).put(key(1), [b"x"])
    data = file(tmp_path).read_bytes()
    file(tmp_path).write_bytes(data[:32] + key(2) + data[64:])
    assert Sheet(Cache(tmp_path), NAME).get(key(2)) is None


def test_a_long_sheet_is_shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "LIMIT", 10_000)
    sheet = Sheet(Cache(tmp_path), NAME)
    for number in range(30):
        sheet.put(key(number), [bytes(1000)])
    assert file(tmp_path).stat().st_size > 30_000
    again = Sheet(Cache(tmp_path), NAME)
    assert again.get(key(0)) is not None  # it has been read
    assert 3_000 < file(tmp_path).stat().st_size < 6_000
    third = Sheet(Cache(tmp_path), NAME)
    assert (third.get(key(0)), third.get(key(29))) == (None, [bytes(1000)])


def test_what_does_not_fit_on_the_disk_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:20]))
    said: list[str] = []
    sheet = Sheet(cache := Cache(tmp_path, warn=said.append), NAME)
    sheet.put(key(1), [b"x"])
    assert said == [f"code cache {tmp_path}: {os.strerror(errno.ENOSPC)}; going on without it"]
    assert cache.directory is None
    assert not file(tmp_path).exists()


def test_it_is_private(tmp_path: Path) -> None:
    Sheet(Cache(tmp_path), NAME).put(key(1), [b"x"])
    assert file(tmp_path).stat().st_mode & 0o077 == 0
    file(tmp_path).rename(tmp_path / "elsewhere")
    file(tmp_path).symlink_to(tmp_path / "elsewhere")
    before = (tmp_path / "elsewhere").stat().st_size
    Sheet(Cache(tmp_path), NAME).put(key(2), [b"x"])
    assert (tmp_path / "elsewhere").stat().st_size == before  # nothing is written through a link


def test_appending_counts_for_the_bound(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=40_000)
    for number in range(20):
        Sheet(cache, name := digest(str(number))).put(key(1), [bytes(5_000)])
        os.utime(tmp_path / name[:2] / name, (number, number))
    total = sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file())
    assert total <= 40_000 * 9 // 8 + 6_000
