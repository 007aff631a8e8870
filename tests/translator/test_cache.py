"""The code cache: whatever is wrong with it, the answer is "not cached", said once, and nothing breaks."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from translator import engine
from translator.cache import MAGIC, Cache, default_directory, digest, outdated

KEY, OTHER = digest("a"), digest("b")


def entry(directory: Path, key: str = KEY) -> Path:
    return directory / key[:2] / key


def test_what_was_put_is_got(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    blobs = [b"", b"one", bytes(range(256)) * 100]
    cache.put(KEY, blobs)
    assert cache.get(KEY) == blobs
    assert Cache(tmp_path).get(KEY) == blobs
    assert cache.get(OTHER) is None
    assert (cache.hits, cache.misses, cache.rejected) == (1, 1, 0)


def test_without_a_directory_nothing_is_kept() -> None:
    cache = Cache(None)
    cache.put(KEY, [b"x"])
    assert cache.get(KEY) is None


def test_keys_of_different_parts_differ() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("a", "") != digest("a")
    assert digest("a") == digest(b"a")


@pytest.mark.parametrize("damage", [
    pytest.param(lambda d: d[:-1], id="cut"),
    pytest.param(lambda d: d[:10], id="cut to its magic"),
    pytest.param(lambda d: b"", id="empty"),
    pytest.param(lambda d: d + b"x", id="longer"),
    pytest.param(lambda d: d[:-2] + bytes([d[-2] ^ 1]) + d[-1:], id="a bit in the data"),
    pytest.param(lambda d: d[:60] + bytes([d[60] ^ 1]) + d[61:], id="a bit in the sizes"),
    pytest.param(lambda d: b"x" + d[1:], id="another magic"),
    pytest.param(lambda d: d.replace(MAGIC, MAGIC[:-2] + b"0\n"), id="another version"),
    pytest.param(lambda d: b"\xff" * 100_000, id="noise"),
])
def test_damage_is_noticed_and_repaired(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    cache = Cache(tmp_path, warn=pytest.fail)
    cache.put(KEY, [b"hello", b"world"])
    path = entry(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert cache.get(KEY) is None
    assert cache.rejected == 1
    assert not path.exists()
    cache.put(KEY, [b"again"])
    assert cache.get(KEY) == [b"again"]


def test_an_entry_under_another_key_is_not_taken(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put(KEY, [b"hello"])
    entry(tmp_path, OTHER).parent.mkdir(exist_ok=True)
    entry(tmp_path).rename(entry(tmp_path, OTHER))
    assert cache.get(OTHER) is None
    assert cache.rejected == 1


def test_a_directory_where_an_entry_should_be(tmp_path: Path) -> None:
    entry(tmp_path).mkdir(parents=True)
    said: list[str] = []
    cache = Cache(tmp_path, warn=said.append)
    assert cache.get(KEY) is None
    cache.put(KEY, [b"x"])
    assert len(said) == 1


def test_it_is_private(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "code"
    cache = Cache(directory)
    cache.put(KEY, [b"x"])
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(entry(directory).stat().st_mode) & 0o077 == 0
    directory.chmod(0o777)
    Cache(directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_what_belongs_to_others_is_not_trusted(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "mine")
    cache.put(KEY, [b"x"])
    os.chown(entry(tmp_path / "mine"), 12345, 12345)
    assert cache.get(KEY) is None
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 12345, 12345)
    said: list[str] = []
    cache = Cache(theirs, warn=said.append)
    cache.put(KEY, [b"x"])
    assert cache.get(KEY) is None
    assert said == [f"code cache {theirs} belongs to another user; going on without it"]


def test_a_path_that_cannot_be_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said: list[str] = []
    cache = Cache(tmp_path / "file" / "code", warn=said.append)
    cache.put(KEY, [b"x"])
    assert cache.get(KEY) is None
    assert len(said) == 1
    assert str(tmp_path / "file" / "code") in said[0]
    assert "Not a directory" in said[0]


def test_a_full_disk_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    cache = Cache(tmp_path, warn=said.append)

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    cache.put(KEY, [b"x"])
    cache.put(OTHER, [b"x"])
    assert said == [f"code cache {tmp_path}: No space left on device; going on without it"]
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_it_is_bounded(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=100_000)
    for i in range(60):
        key = digest(str(i))
        cache.put(key, [bytes(5_000)])
        os.utime(entry(tmp_path, key), (i, i))
    total = sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file())
    assert total <= 100_000 * 9 // 8 + 6_000
    assert cache.get(digest("59")) is not None
    assert cache.get(digest("0")) is None


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=12_000)
    for i in range(4):
        cache.put(digest(str(i)), [bytes(2_500)])
        os.utime(entry(tmp_path, digest(str(i))), (i, i))
    cache.limit = 6_000
    assert cache.get(digest("0")) is not None  # used again
    cache.trim()
    assert [cache.get(digest(str(i))) is not None for i in range(4)] == [True, False, False, True]


def test_writers_do_not_disturb_readers(tmp_path: Path) -> None:
    one, two = [b"1" * 300_000], [b"2" * 300_000]
    Cache(tmp_path).put(KEY, one)
    stop = threading.Event()

    def write() -> None:
        cache = Cache(tmp_path)
        while not stop.is_set():
            cache.put(KEY, one)
            cache.put(KEY, two)

    thread = threading.Thread(target=write)
    thread.start()
    reader = Cache(tmp_path)
    try:
        assert all(reader.get(KEY) in (one, two) for _ in range(100))
    finally:
        stop.set()
        thread.join()
    assert reader.rejected == 0


def test_default_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_directory() == tmp_path / "tmesh" / "code"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_directory() == tmp_path / ".cache" / "tmesh" / "code"


def test_nobody_finds_what_a_process_makes_whose_code_is_not_that_of_the_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert outdated(0.0)
    assert not outdated(time.time())
    digests = engine.sources.__wrapped__
    monkeypatch.setattr(engine, "outdated", lambda: False)
    same = {digests("m68k", engine.INTERPRETER) for _ in range(2)}
    monkeypatch.setattr(engine, "outdated", lambda: True)
    others = {digests("m68k", engine.INTERPRETER) for _ in range(2)}
    assert len(same) == 1
    assert len(others - same) == 2
