"""Regions in the code cache on disk: a sheet for each page of virtual addresses; in it they are found by
address and first bytes, and checked against the guest's bytes."""

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
from .sheets import Sheet
from .translation import Translation, within

HEAD = 32  # bytes at a region's entry that are part of its key
Page = tuple[int, int, bool]  # number of a virtual page, mode, with windows or not
Slot = tuple[Page, bytes]


class Shelf:
    """The translations of one CPU model."""

    def __init__(self, cache: Cache, model: Model, page_bits: int, places: Places) -> None:
        self.cache, self.model, self.page_bits, self.places = cache, model, page_bits, places
        self._sheets: dict[Page, Sheet] = {}

    def slot(self, entry: int, mode: int, fast: bool) -> Slot:
        """Where the translations are that begin at an address with the bytes that are there now."""
        size = 1 << self.page_bits
        hit = self.places.page(entry, mode)
        assert hit is not None
        r, offset = hit
        at = offset + (entry & size - 1)
        head = bytes(memoryview(r.bytes)[at : min(at + HEAD, offset + size)])
        return (entry >> self.page_bits, mode, fast), hashlib.sha256(entry.to_bytes(4) + head).digest()

    def _sheet(self, page: Page) -> Sheet:
        """The translations that begin in a page."""
        sheet = self._sheets.get(page)
        if sheet is None:
            number, mode, fast = page
            isa, name = self.model.isa.name, self.model.name
            made_by = f"{sources(isa, REGIONS)} {translation.LEVEL} {translation.CODEGEN}"
            where = str(self.page_bits), str(mode), str(number), "fast" if fast else "soft"
            key = digest("regions", made_by, build.identity(), isa, name, *where)
            sheet = self._sheets[page] = Sheet(self.cache, key)
        return sheet

    def get(self, slot: Slot, mode: int, slow: Iterable[int]) -> tuple[Translation, list[Home]] | None:
        """What was kept, if it was made from what is there now and takes account of all instructions
        at `slow` addresses; and where that is."""
        page, key = slot
        blobs = self._sheet(page).get(key)
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

    def put(self, slot: Slot, made: Translation, homes: list[Home]) -> None:
        """Keep a translation of what is at `homes`."""
        about = {
            "spans": made.spans,
            "code": hashlib.sha256(contents(homes)).hexdigest(),
            "insns": made.insns,
            "slow": made.slow,
            "hurried": made.hurried,
        }
        page, key = slot
        self._sheet(page).put(key, [json.dumps(about).encode(), made.obj])
