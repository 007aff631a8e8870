"""Control space of a sun4c: every address space identifier but the four that are mapped.

2 control registers, by the top four bits of the address     3 segment map     4 page map
5 6 7 C D E F  cache flushes, by stores

ASI 2:  3 context   4 system enable   6 errors   8 cache tags   9 cache data   F zs0, past the MMU
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from devices.sun.sun4c.errors import Errors
from devices.sun.sun4c.mmu import (
    ASI_CONTROL,
    ASI_PAGE_MAP,
    ASI_SEGMENT_MAP,
    CONTEXTS,
    FLUSHES,
    OBIO_BASE,
    Sun4cMmu,
)
from tme.bus import Bus, BusError, split

if TYPE_CHECKING:
    from devices.sun.sun4c.cache import Cache
    from devices.sun.sun4c.control import Enable

CONTEXT, ENABLE, ERRORS, CACHE_TAGS, CACHE_DATA, SERIAL_BYPASS = 3, 4, 6, 8, 9, 15
NAMES = {
    CONTEXT: "context", ENABLE: "enable", ERRORS: "errors", CACHE_TAGS: "cache tags",
    CACHE_DATA: "cache data", SERIAL_BYPASS: "serial bypass",
}  # fmt: skip
ASI_NAMES = {ASI_SEGMENT_MAP: "segment map", ASI_PAGE_MAP: "page map", **dict.fromkeys(FLUSHES, "flush")}
SERIAL_OBIO = OBIO_BASE + 0x100_0000
WORD = 4


def name(asi: int, va: int) -> str:
    """What is there, for people."""
    return NAMES.get(va >> 28, "nothing") if asi == ASI_CONTROL else ASI_NAMES.get(asi, f"ASI {asi:x}")


class ControlSpace:
    """The board's part of it. set_enable(value) and set_context(value) act on the board."""

    def __init__(
        self,
        maps: Sun4cMmu,
        errors: Errors,
        cache: Cache,
        bus: Bus,
        enable: Enable,
        set_enable: Callable[[int], None],
        set_context: Callable[[int], None],
    ) -> None:
        self.maps, self.errors, self.cache, self.bus, self.enable = maps, errors, cache, bus, enable
        self.set_enable, self.set_context = set_enable, set_context

    def read(self, asi: int, va: int, size: int) -> int:
        """A load from an alternate space; BusError where nothing is."""
        if asi == ASI_CONTROL and va >> 28 in (CONTEXT, ENABLE):
            return int(self.maps.state.context) if va >> 28 == CONTEXT else self.enable.read()
        if asi == ASI_SEGMENT_MAP:
            return self.maps.pmeg(va)
        if asi in FLUSHES:
            return 0
        value = 0
        for at, piece in split(va, size, WORD):
            value = value << 8 * piece | self._read_piece(asi, at, piece)
        return value

    def write(self, asi: int, va: int, size: int, value: int) -> None:
        """A store to an alternate space; BusError where nothing is."""
        if asi == ASI_CONTROL and va >> 28 == CONTEXT:
            return self.set_context(value & CONTEXTS - 1)
        if asi == ASI_CONTROL and va >> 28 == ENABLE:
            return self.set_enable(value & 0xFF)
        if asi == ASI_SEGMENT_MAP:
            return self.maps.set_pmeg(va, value & 0xFF)
        if asi in FLUSHES:
            return self.cache.flush(asi, va)
        for at, piece in split(va, size, WORD):
            self._write_piece(asi, at, piece, value >> 8 * (va + size - at - piece) & (1 << 8 * piece) - 1)
        return None

    def _word(self, asi: int, va: int, peek: bool) -> int | None:
        """A register of 32 bits; None where there is none."""
        if asi == ASI_PAGE_MAP:
            return self.maps.page_entry(va)
        if asi == ASI_CONTROL and va >> 28 == ERRORS:
            return (self.errors.peek if peek else self.errors.read)(va & 0x0FFF_FFFC)
        if asi == ASI_CONTROL and va >> 28 == CACHE_TAGS:
            return self.cache.read_tag(va)
        return None

    def _read_piece(self, asi: int, va: int, size: int) -> int:
        word = self._word(asi, va, peek=False)
        if word is not None:
            return word >> 8 * (WORD - size - (va & 3)) & (1 << 8 * size) - 1
        number = va >> 28 if asi == ASI_CONTROL else None
        if number == CACHE_DATA:
            return self.cache.read_data(va, size)
        if number == SERIAL_BYPASS:
            return self.bus.read(SERIAL_OBIO | va & 7, size)
        raise BusError(va)

    def _write_piece(self, asi: int, va: int, size: int, value: int) -> None:
        number = va >> 28 if asi == ASI_CONTROL else None
        old = self._word(asi, va, peek=True)
        if old is not None:
            shift, mask = 8 * (WORD - size - (va & 3)), (1 << 8 * size) - 1
            word = old & ~(mask << shift) | value << shift
            if asi == ASI_PAGE_MAP:
                self.maps.set_page_entry(va, word)
            elif number == ERRORS:
                self.errors.write(va & 0x0FFF_FFFC, word)
            else:
                self.cache.write_tag(va, word)
        elif number == CACHE_DATA:
            self.cache.write_data(va, size, value)
        elif number == SERIAL_BYPASS:
            self.bus.write(SERIAL_OBIO | va & 7, size, value)
        else:
            raise BusError(va)
