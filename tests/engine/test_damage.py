"""What goes wrong with kept code costs time, never a result."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.fuzz import Bench
from tests.engine.machine import Machine, make_mmu
from tests.engine.short import program, run
from translator.cache import Cache
from translator.engine import Native
from translator.jit import Jit
from translator.m68k import M68020
from translator.worker import Pool

LOOP = "5281 | addq.l #1,d1\n5382 | subq.l #1,d2\n66fa | bne.s to the start"
ROUNDS = 300


def machine_with(bench: Callable[..., Bench], cache: Cache) -> Machine:
    """A JIT machine that keeps its regions in `cache`."""
    b = bench()
    m = Machine(M68020, "jit", b.machines["jit"].native, hot=2)
    m.jit = m.cpu.jit = Jit(M68020, m.native, cache, Pool(0), hot=2)
    m.jit.attach(m.cpu)
    return m


def once(bench: Callable[..., Bench], cache: Cache) -> dict[str, Any]:
    """Run the loop; the counts."""
    m = machine_with(bench, cache)
    out = run(m, program(LOOP, {2: ROUNDS}))
    assert out["d1"] == ROUNDS
    assert out["in regions"] > 2 * ROUNDS
    assert m.jit is not None
    return m.jit.counts


def entries(directory: Path) -> list[Path]:
    return sorted(p for p in directory.rglob("*") if p.is_file())


def test_the_second_time_it_is_there(bench: Callable[..., Bench], tmp_path: Path) -> None:
    first = once(bench, Cache(tmp_path))
    assert first["translated"] > 0
    assert len(entries(tmp_path)) == 1  # of one page
    second = once(bench, Cache(tmp_path))
    assert (second["translated"], second["from_cache"]) == (0, first["translated"])


@pytest.mark.parametrize(
    ("at", "lost"),
    [(0, "all"), (40, "all"), (66, "all"), (80, "all"), (-1, "last")],
    ids=["digest", "key", "size", "sizes", "code"],
)
def test_a_damaged_region_is_made_again(
    bench: Callable[..., Bench], tmp_path: Path, at: int, lost: str
) -> None:
    """And all behind it on its sheet."""
    first = once(bench, Cache(tmp_path))
    (path,) = entries(tmp_path)
    data = bytearray(path.read_bytes())
    data[at] ^= 0x20
    path.write_bytes(data)
    cache = Cache(tmp_path, warn=pytest.fail)
    again = once(bench, cache)
    made = first["translated"] if lost == "all" else 1
    assert (again["translated"], again["from_cache"]) == (made, first["translated"] - made)
    assert cache.rejected == 1
    assert once(bench, Cache(tmp_path))["from_cache"] == first["translated"]


def test_other_code_at_the_same_address(bench: Callable[..., Bench], tmp_path: Path) -> None:
    """A kept region is for the bytes it was made from, all of them."""
    tail = "\n4e71" * 20 + "\n5282 | addq.l #1,d2\n5382 | subq.l #1,d2\n5382\n66{:02x} | bne.s"
    code = "5281 | addq.l #1,d1" + tail.format(0x100 - 50)
    for first_word, step in (("5281", 1), ("5281", 1)):
        m = machine_with(bench, Cache(tmp_path))
        assert run(m, program(first_word + code[4:], {2: 90}, limit=9000))["d1"] == 90 * step
    changed = code.replace("5282 | addq.l #1,d2\n5382", "5283 | addq.l #1,d3\n4e71")  # far behind the entry
    m = machine_with(bench, Cache(tmp_path))
    out = run(m, program(changed, {2: 90}, limit=9000))
    assert (out["d1"], out["d3"]) == (90, 90)
    assert m.jit is not None
    assert m.jit.counts["from_cache"] == 0


def test_a_full_disk(bench: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    said: list[str] = []
    once(bench, Cache(tmp_path, warn=said.append))
    assert said == [f"code cache {tmp_path}: No space left on device; going on without it"]


def test_a_damaged_interpreter_is_made_again(
    native: Callable[..., Any], code_cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    native()
    kept: dict[str, list[bytes]] = {}
    original = Cache.get

    def remember(self: Cache, key: str) -> list[bytes] | None:
        blobs = original(self, key)
        if blobs is not None:
            kept[key] = blobs
        return blobs

    monkeypatch.setattr(Cache, "get", remember)
    Native(M68020, make_mmu(8), code_cache, quick=True)
    monkeypatch.setattr(Cache, "get", original)
    key, blobs = max(kept.items(), key=lambda item: sum(map(len, item[1])))
    mine = Cache(tmp_path)
    for k, b in kept.items():
        mine.put(k, b)
    path = tmp_path / key[:2] / key
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    compiled = []

    def known(self: Native, *args: object) -> list[bytes]:
        """What it would compile: that saves half a minute."""
        compiled.append(key)
        return blobs

    monkeypatch.setattr(Native, "_compile", known)
    fresh = Native(M68020, make_mmu(8), mine, quick=True)
    assert compiled == [key]
    assert mine.rejected == 1
    assert mine.get(key) == blobs
    assert run(Machine(M68020, "interp", fresh), program(LOOP, {2: 9}))["d1"] == 9
