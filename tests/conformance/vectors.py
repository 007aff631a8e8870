"""Single-instruction vectors of the 68000, from the folder that `VECTORS` or the committed sample names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tests.conformance.flat import ADDRESS_24, BATCH, EARNEST, PAGE_BITS, QUICK, Flat, Place, reader
from tests.conformance.tally import Tally
from tests.insn import vectors
from tests.insn.sample import TARGET as SAMPLE
from translator.m68k import M68000

SPACE = 1 << 24
PAGE = 1 << PAGE_BITS
LONGEST = 10  # bytes of a 68000's instruction
EARNEST_EVERY = 8  # one batch of regions in so many is optimised as in earnest
AFTER_ADDRESS_ERROR = "68000 UM 6.3.9: what an address error leaves behind (tests/insn/vectors.py)"


def folder() -> Path:
    """$TME_VECTORS, or where the project's own copy is expected beside the checkout."""
    return Path(os.environ.get("TME_VECTORS") or Path(__file__).parents[3] / "shared/vectors/m68000")


def files() -> list[Path]:
    """The folder's files, or the sample if there are none."""
    return sorted(folder().glob("*.jsonl.gz")) or [SAMPLE]


def nothing() -> bool:
    """A folder was asked for, and there is nothing in it."""
    return bool(os.environ.get("TME_VECTORS")) and files() == [SAMPLE]


def describe() -> str:
    n = len(list(folder().glob("*.jsonl.gz")))
    return f"{n} files of {folder()}" if n else "the committed sample (no folder of vectors: set TME_VECTORS)"


def missing() -> str:
    return ""


class Steps:
    """A `Flat` that looks like `tests.insn.tiny.Tiny`: a fresh machine each time, one step."""

    def __init__(self, engine: str) -> None:
        self.flat = Flat(M68000, engine, ADDRESS_24)
        self.ram = self.flat.map(0, SPACE)
        self.state = self.flat.state
        self.memory = self
        self.bytes: dict[int, int] = {}
        self.region = self.in_regions = 0
        self._dirty: set[int] = set()

    def fresh(self) -> Steps:
        self.flat.clear()
        for page in self._dirty:
            self.ram[page : page + PAGE] = bytes(PAGE)
        self.bytes = {}
        return self

    def peek(self, va: int, size: int) -> int:
        return int.from_bytes((self.bytes.get(va + i & vectors.ADDRESSES, 0) for i in range(size)), "big")

    @property
    def reason(self) -> Any:
        return self.flat.cpu.reason

    def step(self) -> None:
        flat, ram = self.flat, self.ram
        flat.enter(0, 0, 0)
        self._load()
        flat.forget_writes()
        if self.region:  # a rehearsal, so that the region finds its pages in the soft-TLB
            before = flat.saved()
            flat.run(1)
            for page in self._written():
                ram[page : page + PAGE] = bytes(PAGE)
            self._load()
            flat.restore(before)
            flat.enter(int(self.state.pc), int(self.state.mode), self.region)
        self.in_regions += flat.run(1)
        self._dirty = {a & -PAGE for a in self.bytes}
        for page in self._written():
            self._dirty.add(page)
            for i, b in enumerate(ram[page : page + PAGE]):
                if b or page + i in self.bytes:
                    self.bytes[page + i] = b

    def _load(self) -> None:
        for a, b in self.bytes.items():
            self.ram[a] = b

    def _written(self) -> set[int]:
        return {va & vectors.ADDRESSES for va in self.flat.written()}


def place(case: dict[str, Any]) -> Place:
    """The instruction of a case, for a region."""
    ram = dict(map(tuple, case["initial"]["ram"]))
    pc, sr = case["initial"]["regs"][18] - 4 & 0xFFFFFFFF, case["initial"]["regs"][17]
    code = bytes(ram.get(pc + i & vectors.ADDRESSES, 0) for i in range(LONGEST))
    return Place(pc, sr >> 13 & 1, reader(pc, code))


def blocks(cases: int | None, seed: int) -> list[tuple[str, int | None]]:
    """One block a file; `cases` None: all there are."""
    paths = files()
    each = None if cases is None else max(1, -(-cases // len(paths)))
    return [(str(p), each) for p in paths]


def run(model: str, engine: str, path: str, count: int | None) -> Tally:
    """The first `count` cases of a file."""
    out = Tally()
    every = islice(vectors.cases(Path(path)), count)
    if engine == "concrete":
        for case in every:
            note(out, case, *vectors.judge(case))
        return out
    steps = Steps(engine)
    for k, batch in enumerate(batches(every)):
        hosts = [0] * len(batch)
        if engine == "jit":
            hosts = steps.flat.translate(
                [place(c) for c in batch], EARNEST if k % EARNEST_EVERY == 7 else QUICK
            )
        for case, steps.region in zip(batch, hosts, strict=True):
            note(out, case, *vectors.judge(case, steps.fresh))
    out.in_regions = steps.in_regions
    return out


def batches(every: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(every, BATCH)):
        yield batch


def note(out: Tally, case: dict[str, Any], same: bool, left: dict[str, tuple[int, int]]) -> None:
    if same:
        out.agreed += 1
    elif not left:
        out.explain(AFTER_ADDRESS_ERROR)
    else:
        found = ", ".join(f"{k} {a:x} | {b:x}" for k, (a, b) in left.items())
        out.fail(f"{case['name']}: ours | theirs: {found}")
