"""A worker's job: pages of guest code in, the host code of the region that begins at an address out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .llvm import build
from .region import find_region
from .render import RegionEmitter
from .worker import find_model

LEVEL, CODEGEN = 2, 2
HURRIED = ("sroa", "instruction_combine", "simplify_cfg")  # passes of a first translation …
CROWDED = 0  # … and its code generation, if many places wait


@dataclass
class Translation:
    """A region's host code, and what it was made from."""

    obj: bytes
    spans: list[tuple[int, int]]  # guest code: address, length
    insns: int
    slow: list[int] | None  # its instructions that go without windows; None: there are no windows
    hurried: bool = False


def translate(
    isa: str,
    model_name: str,
    mode: int,
    entry: int,
    page_bits: int,
    pages: dict[int, bytes],
    slow: frozenset[int] | None = None,
    hurried: bool = False,
    crowded: bool = False,
) -> Translation:
    """The region at `entry`.

    slow: as LazyEmitter has it.  hurried: it is wanted now, and will be made better later; crowded: others
    are, too.
    """
    model = find_model(isa, model_name)
    region = find_region(model, mode, entry, page_bits, pages)
    text = RegionEmitter(region, page_bits, slow).module()
    obj = build.compile_text(text, HURRIED if hurried else LEVEL, CROWDED if crowded else CODEGEN)
    own = None if slow is None else sorted(within(slow, region.spans))
    return Translation(obj, region.spans, region.insns, own, hurried)


def within(addresses: Iterable[int], spans: list[tuple[int, int]]) -> frozenset[int]:
    """Those of the addresses that are in the spans."""
    return frozenset(a for a in addresses if any(0 <= a - at < n for at, n in spans))
