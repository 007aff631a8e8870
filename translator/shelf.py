"""Regions in the code cache on disk: found by address and first bytes, checked against the guest's bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from . import translation
from .cache import Cache, digest
from .engine import REGIONS, sources
from .isa import Model
from .llvm import build
from .places import Home, Places, contents
from .translation import Translation, within

HEAD = 32  # bytes at a region's entry that are part of its key


class Shelf:
    """The translations of one CPU model."""

    def __init__(self, cache: Cache, model: Model, page_bits: int, places: Places) -> None:
        self.cache, self.model, self.page_bits, self.places = cache, model, page_bits, places

    def slot(self, entry: int, mode: int, fast: bool) -> str:
        """Key of the translations that begin at an address with the bytes that are there now."""
        size = 1 << self.page_bits
        hit = self.places.page(entry, mode)
        assert hit is not None
        r, offset = hit
        at = offset + (entry & size - 1)
        head = bytes(memoryview(r.bytes)[at : min(at + HEAD, offset + size)])
        isa, name = self.model.isa.name, self.model.name
        made_by = (
            f"{sources(isa, REGIONS)} {translation.LEVEL} {translation.CODEGEN} {'fast' if fast else 'soft'}"
        )
        where = str(self.page_bits), str(mode), str(entry)
        return digest("region", made_by, build.identity(), isa, name, *where, head)

    def get(self, slot: str, mode: int, slow: Iterable[int]) -> tuple[Translation, list[Home]] | None:
        """What was kept, if it was made from what is there now and takes account of all instructions
        at `slow` addresses; and where that is."""
        blobs = self.cache.get(slot)
        if blobs is None or len(blobs) != 2:
            return None
        about = json.loads(blobs[0])
        spans = [(a, n) for a, n in about["spans"]]
        homes = self.places.homes(spans, mode)
        if homes is None or hashlib.sha256(contents(homes)).hexdigest() != about["code"]:
            return None
        if not within(slow, spans) <= set(about["slow"] or ()):
            return None
        return Translation(blobs[1], spans, about["insns"], about["slow"], about["hurried"]), homes

    def put(self, slot: str, made: Translation, homes: list[Home]) -> None:
        """Keep a translation of what is at `homes`."""
        about = {
            "spans": made.spans,
            "code": hashlib.sha256(contents(homes)).hexdigest(),
            "insns": made.insns,
            "slow": made.slow,
            "hurried": made.hurried,
        }
        self.cache.put(slot, [json.dumps(about).encode(), made.obj])
