"""Guest memory as the engines see it: ranges of host memory, devices behind `io`, an MMU in front."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from .isa import Model
from .native import flat
from .replay import Kind, Replay
from .softmmu import EXECUTE, GRANULE_BITS, PEEK, READ, REFUSED, UNCACHED, WRITE
from .spec.concrete import AccessFault, Concrete
from .spec.semantics import Semantics
from .spec.value import Val
from .state import Layout


class Refused(Exception):
    """A device cycle that nobody answered or that was answered with an error."""


class Io(Protocol):
    """Devices: physical accesses that hit no memory; raises Refused.

    `steady(phys, va, size, fc) -> int | None`, which not all have: what every such read finds, without any
    effect, until a write, a read that is not steady itself, or something from outside between instructions;
    None promises nothing.
    """

    def read(self, phys: int, va: int, size: int, fc: int) -> int: ...

    def write(self, phys: int, va: int, size: int, value: int, fc: int) -> None: ...


class NoIo:
    """A machine without devices."""

    def read(self, phys: int, va: int, size: int, fc: int) -> int:
        raise Refused

    def write(self, phys: int, va: int, size: int, value: int, fc: int) -> None:
        raise Refused


@dataclass
class Mmu:
    """Address translation: a semantics function over a struct (traced for native code, run as it is by
    concrete).

    `translate(s, va, fc, how) -> 64-bit Val`: physical address; bit 63 refuses, bit 62 forbids the soft-TLB.
    `registers(s, va, desc, value) -> 64-bit Val`, for speed: does what `io` would for a device cycle behind
    bit 62 (desc: size | fc << 8 | 1 << 16 for a write). Result: bit 63 leaves the cycle, untouched, to `io`;
    bit 62 empties the soft-TLB; with bit 61 the value is the new context, else it is what was read. What
    takes a page of memory from an address, or a right to it, is left to `io`: regions see memory past the
    soft-TLB.
    """

    layout: Layout = field(default_factory=lambda: Layout("flat", (), core=False))
    translate: Callable[..., Val] = flat
    page_bits: int = 12
    state: Any = None
    address: int = 0
    registers: Callable[..., Val] | None = None
    va_mask: int = 0xFFFF_FFFF  # the bits of an address that are translated


@dataclass
class Range:
    """Host memory at a physical address; `code` counts translations by page, `fine` marks them by granule."""

    base: int
    size: int
    host: int
    writable: bool
    page_bits: int
    owner: Any = None  # keeps the memory alive

    def __post_init__(self) -> None:
        self.code = (ctypes.c_uint8 * ((self.size >> self.page_bits) + 1))()
        self.fine = (ctypes.c_uint8 * ((self.size >> GRANULE_BITS) + 2))()
        self.bytes = (ctypes.c_uint8 * self.size).from_address(self.host)

    def read(self, offset: int, size: int, big: bool) -> int:
        return int.from_bytes(memoryview(self.bytes)[offset : offset + size], "big" if big else "little")

    def write(self, offset: int, size: int, value: int, big: bool) -> None:
        memoryview(self.bytes).cast("B")[offset : offset + size] = value.to_bytes(
            size, "big" if big else "little"
        )


class _MmuEngine(Concrete):
    """Runs `Mmu.translate` on ints."""

    def __init__(self, mmu: Mmu) -> None:
        super().__init__(mmu.state, None, lambda mode, space: 0)  # type: ignore[arg-type]
        self.mmu = mmu

    def __call__(self, va: int, fc: int, how: int) -> int:
        self.begin()
        r = self.mmu.translate(self, Val(self, 32, va), Val(self, 32, fc), Val(self, 32, how))
        self.commit()
        assert isinstance(r.x, int)
        return r.x


class GuestMemory:
    """The concrete engine's memory (spec.concrete.Memory) and the debugger's window on the guest."""

    def __init__(
        self,
        model: Model,
        mmu: Mmu,
        io: Io,
        on_code_write: Callable[[Range, int, int], None],
        replay: Replay | None = None,
    ) -> None:
        self.replay = replay
        self.model, self.mmu, self.io, self.on_code_write = model, mmu, io, on_code_write
        self.ranges: list[Range] = []
        self.on_write: Callable[[int, int, int], None] | None = None  # (va, size, value) of every store done
        self._translate = _MmuEngine(mmu)
        self._fetching = False
        self.quiet = False  # whoever sets it finds it False after a store, or a device's cycle
        self.look: Callable[[int, int, int, int], int] | None = None  # native `translate`, many times faster

    def find(self, phys: int) -> tuple[Range, int] | None:
        for r in self.ranges:
            if 0 <= phys - r.base < r.size:
                return r, phys - r.base
        return None

    def _refuse(
        self, va: int, size: int, fc: int, write: bool, data: int, misaligned: bool = False
    ) -> AccessFault:
        return AccessFault(va, size, fc, write, data, misaligned)

    def _access(self, va: int, size: int, fc: int, how: int, value: int, probe: bool = False) -> int:
        write = how == WRITE
        if va & self.model.alignment(size):
            raise self._refuse(va, size, fc, write, value, True)
        last = (va + size - 1) & 0xFFFFFFFF
        if (va ^ last) >> self.mmu.page_bits:
            return self._split(va, size, fc, how, value, probe)
        r = self._locate(va, fc, how)
        if r & REFUSED:
            raise self._refuse(va, size, fc, write, value)
        if probe:
            return 0
        phys = r & ~(REFUSED | UNCACHED)
        try:
            if write:
                self.store(phys, va, size, value, fc)
                return 0
            hit = self.find(phys)
            if hit:
                return hit[0].read(hit[1], size, self.model.isa.big_endian)
            self.quiet = self.quiet and not self._fetching and self._steady(phys, va, size, fc)
            if self.replay is None or self._fetching:  # instructions may be fetched again
                return self.io.read(phys, va, size, fc)
            return self.replay.read(self.io, phys, va, size, fc)
        except Refused:
            raise self._refuse(va, size, fc, write, value) from None

    def _steady(self, phys: int, va: int, size: int, fc: int) -> bool:
        """Does reading there have no effect, and find the same next time?"""
        tell = getattr(self.io, "steady", None)
        return tell is not None and tell(phys, va, size, fc) is not None

    def store(self, phys: int, va: int, size: int, value: int, fc: int) -> bool:
        """The cycle behind a translated write; True if it went to memory.  Raises Refused."""
        self.quiet = False
        hit = self.find(phys)
        plain = hit is not None and hit[0].writable
        if hit is not None and plain:
            memory, offset = hit
            if memory.fine[offset >> GRANULE_BITS] or memory.fine[(offset + 7) >> GRANULE_BITS]:
                self.on_code_write(memory, offset, size)
            memory.write(offset, size, value, self.model.isa.big_endian)
        elif self.replay is None:
            self.io.write(phys, va, size, value, fc)
        else:
            self.replay.write(self.io, phys, va, size, value, fc)
        if self.on_write is not None:
            self.on_write(va, size, value)
        return plain

    def _split(self, va: int, size: int, fc: int, how: int, value: int, probe: bool) -> int:
        """An access across pages: byte by byte, writes probed on both sides first.

        A device behind the page edge comes first: it may refuse, and memory must not have changed then.
        """
        out = first = 0
        behind = (va + size - 1) & -1 << self.mmu.page_bits & 0xFFFFFFFF
        try:
            if how == WRITE:
                self._access(va, 1, fc, how, 0, True)
                self._access(behind, 1, fc, how, 0, True)
                phys = self._translate(behind, fc, how) & ~UNCACHED
                hit = self.find(phys)
                first = 0 if hit is not None and hit[0].writable else (behind - va) & 0xFFFFFFFF
            if probe:
                return 0
            for k in range(size):
                i = (first + k) % size
                shift = 8 * (size - 1 - i if self.model.isa.big_endian else i)
                out |= self._access((va + i) & 0xFFFFFFFF, 1, fc, how, value >> shift & 0xFF) << shift
        except AccessFault as f:
            left = size - ((f.va - va) & 0xFFFFFFFF)  # what is still to be transferred
            rest = value >> (0 if self.model.isa.big_endian else 8 * (size - left)) & (1 << 8 * left) - 1
            raise self._refuse(f.va, left, fc, how == WRITE, rest, f.misaligned) from None
        return out

    def translate(self, va: int, fc: int, how: int) -> int | None:
        """Physical address of a cycle (READ, WRITE, EXECUTE, PEEK), None if the MMU refuses it."""
        r = self._locate(va, fc, how)
        return None if r & REFUSED else r & ~UNCACHED

    def _locate(self, va: int, fc: int, how: int) -> int:
        """`Mmu.translate`, by native code where there is any."""
        return self._translate(va, fc, how) if self.look is None else self.look(self.mmu.address, va, fc, how)

    def wrote(self, phys: int, size: int) -> None:
        """Another bus master is about to write plain memory: regions made from these bytes are stale."""
        hit = self.find(phys)
        if hit is None:
            return
        memory, offset = hit
        first, last = offset >> GRANULE_BITS, (offset + size - 1) >> GRANULE_BITS
        if any(memory.fine[first : last + 1]):
            self.on_code_write(memory, offset, size)

    # -- spec.concrete.Memory --------------------------------------------------------------------------------

    def read(self, va: int, size: int, fc: int) -> int:
        program = fc in (self.model.isa.fcs(0, "program"), self.model.isa.fcs(1, "program"))
        how = EXECUTE if program else READ
        return self._outside_fixes(Kind.READ, va, size, fc, how, 0)

    def write(self, va: int, size: int, value: int, fc: int) -> None:
        self._outside_fixes(Kind.WRITE, va, size, fc, WRITE, value)

    def _outside_fixes(self, kind: Kind, va: int, size: int, fc: int, how: int, value: int) -> int:
        """An access, but for what software has completed of it."""
        replay = self.replay
        if replay is not None and replay.fixes:
            done = replay.fixed(kind, va, size, value, lambda a, n, v: self._access(a, n, fc, how, v))
            if done is not None:
                return done
        return self._access(va, size, fc, how, value)

    def probe(self, va: int, size: int, fc: int) -> None:
        self._access(va, size, fc, WRITE, 0, True)

    def fetch(self, va: int, size: int, fc: int) -> int:
        word = self.model.isa.word
        value = 0
        self._fetching = True
        try:
            for i in range(0, size, word):  # as the processor does, so that a fault names the word
                value = value << word * 8 | self._outside_fixes(
                    Kind.FETCH, (va + i) & 0xFFFFFFFF, word, fc, EXECUTE, 0
                )
        finally:
            self._fetching = False
        return value

    # -- debugger --------------------------------------------------------------------------------------------

    def peek(self, va: int, size: int, fc: int) -> int | None:
        """Plain memory at `va`, None if there is none; leaves no trace anywhere."""
        out = b""
        while len(out) < size:
            at = (va + len(out)) & 0xFFFFFFFF
            hit = self.host_of(at, fc)
            if hit is None:
                return None
            take = min(size - len(out), -at & ((1 << self.mmu.page_bits) - 1) or 1 << self.mmu.page_bits)
            memory, offset = hit
            piece = bytes(memoryview(memory.bytes)[offset : offset + take])
            if len(piece) < take:
                return None
            out += piece
        return int.from_bytes(out, "big" if self.model.isa.big_endian else "little")

    def host_of(self, va: int, fc: int) -> tuple[Range, int] | None:
        """Where program byte `va` lies in host memory; leaves no trace in the MMU."""
        r = self._locate(va, fc, PEEK)
        return None if r & REFUSED else self.find(r & ~(REFUSED | UNCACHED))


__all__ = ["GuestMemory", "Io", "Mmu", "NoIo", "Range", "Refused", "Semantics"]
