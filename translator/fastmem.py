"""Guest memory in windows of the host's addresses: a region's access is one host instruction, no check.

    context, mode ─► window: 4 GB of addresses and a guard on either side, without memory at first
                       │ fault in a region (translator.segv)
                       ├─► the MMU lets it through, to plain memory ─► the page is mapped there too, go on
                       └─► device, guest fault, page of code ─► side exit: the interpreter's; where that is
                           so often, the region is translated anew, with the soft-TLB there

A page may be seen in a window as long as the MMU would let the same access through without noticing anything:
it is there read-only until the MMU has seen a store, and pages that hold translated code stay so.  Whatever
takes a page from an address for good takes it from the windows: `flush` and `revoke`, called by Cpu.  What
only makes room in the soft-TLB does not, and a changed context means other windows.

Regions use them, the interpreter keeps to the soft-TLB.  Linux on x86-64, pages of the host's size or more.
"""

from __future__ import annotations

import bisect
import ctypes
import mmap
import platform
import sys
import weakref
from array import array
from collections import deque
from collections.abc import Iterable
from typing import Any

from .cache import Cache, digest
from .linker import Linker
from .llvm import build
from .llvm.fast import GUARD, SITES
from .mapping import CONTEXTS, ROWS, STRIDE
from .segv import SLOW_ENTRIES, text
from .state import Layout

LOG_ENTRIES = 12288  # pages shown at a time: the host has 65,530 mappings for a process
SHOWN, LEFT = 12e-6, 4e-6  # seconds that a fault costs: the page is shown, the region is left
SHARE = 0.1  # of the machine's processor seconds that faults may take …
PERIOD = 0.5  # … over so many of them
SIGSEGV, SA_SIGINFO, SA_ONSTACK, SA_NODEFER = 11, 4, 0x08000000, 0x40000000
PROT_NONE, PRIVATE_ANONYMOUS_NORESERVE, FIXED_NOREPLACE = 0, 0x4022, 0x100000
FAR = 0x1000_0000_0000  # the host's own addresses begin above …
MACHINES = 64  # … and so many machines of a process find room below


class _Record(ctypes.Structure):
    """As translator.mapping has it."""

    _fields_ = (
        *((n, ctypes.c_uint64) for n in ("arena", "span", "state", "log", "count", "capacity")),
        *((n, ctypes.c_uint64) for n in ("maps", "exits", "slow", "slow_count")),
        ("page_bits", ctypes.c_uint32),
        ("fc", ctypes.c_uint32 * 2),
        ("flat", ctypes.c_uint32),
        ("failures", ctypes.c_uint64),
        ("aligned", ctypes.c_uint64),
    )


class Sigaction(ctypes.Structure):
    """What a signal leads to, as the C library has it."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_uint8 * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


def supported(page_bits: int) -> str:
    """Why windows cannot be had here, "" if they can."""
    if sys.platform != "linux" or platform.machine() != "x86_64" or sys.maxsize < 1 << 32:
        return "only Linux on x86-64 has it"
    if 1 << page_bits < mmap.PAGESIZE:
        return f"the guest's pages are smaller than the host's {mmap.PAGESIZE} bytes"
    return ""


class _Process:
    """The handler, and what it looks up: one for all machines of the process.

    Tables are replaced, not changed: another machine's thread may be in the handler.
    """

    def __init__(self, cache: Cache) -> None:
        source = text(Layout("core", ()))
        key = digest("segv", build.identity(), source)
        blobs = cache.get(key)
        if blobs is None:
            blobs = [build.compile_text(source, 2, 2)]
            cache.put(key, blobs)
        names = ["on_segv", "fast_flush", "fast_hide", "fast_revoke", "process"]
        self._linked = Linker().link(blobs, names)
        at = self._linked.addresses
        u64 = ctypes.c_uint64
        self.flush = ctypes.CFUNCTYPE(None, u64)(at["fast_flush"])
        self.hide = ctypes.CFUNCTYPE(None, *[u64] * 5)(at["fast_hide"])
        self.revoke = ctypes.CFUNCTYPE(None, u64, u64, u64)(at["fast_revoke"])
        self._process = (u64 * 5).from_address(at["process"])
        self._handler = at["on_segv"]
        self._records: list[int] = []
        self._starts: list[int] = []
        self._regions = array("Q")  # start, sites of each, by start
        self._tables: dict[int, array[int]] = {}
        self._old: deque[Any] = deque(maxlen=64)
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.mmap.restype = ctypes.c_void_p
        self.libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        self.libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

    def install(self) -> None:
        """Be the first to hear of faults; whoever was is asked about those that are none of ours."""
        now = Sigaction()
        self.libc.sigaction(SIGSEGV, None, ctypes.byref(now))
        if now.handler == self._handler:
            return
        self._process[2] = now.handler or 0
        flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER
        mine = Sigaction(handler=self._handler, flags=flags)
        self.libc.sigaction(SIGSEGV, ctypes.byref(mine), None)

    def _publish(self, index: int, rows: int, words: Iterable[int]) -> None:
        self._old.append(self._tables.get(index))
        table = self._tables[index] = array("Q", (rows,))
        table.extend(words)
        self._process[index] = table.buffer_info()[0]

    def add_record(self, address: int) -> None:
        self._records.append(address)
        self._publish(0, len(self._records), self._records)

    def remove_record(self, address: int) -> None:
        self._records.remove(address)
        self._publish(0, len(self._records), self._records)

    def add_region(self, start: int, sites: int) -> None:
        at = bisect.bisect(self._starts, start)
        self._starts.insert(at, start)
        self._regions[2 * at : 2 * at] = array("Q", (start, sites))
        self._publish(1, len(self._starts), self._regions)

    def remove_regions(self, starts: Iterable[int]) -> None:
        for start in starts:
            at = bisect.bisect_left(self._starts, start)
            if at < len(self._starts) and self._starts[at] == start:
                del self._starts[at], self._regions[2 * at : 2 * at + 2]
        self._publish(1, len(self._starts), self._regions)

    def reserve(self, span: int) -> int | None:
        """Addresses for windows, far from where the host puts other things: objects are linked into pieces of
        memory that may not lie further apart than 2 GB."""
        for i in range(MACHINES):
            how = PRIVATE_ANONYMOUS_NORESERVE | FIXED_NOREPLACE
            found: int | None = self.libc.mmap(FAR + i * span, span, PROT_NONE, how, -1, 0)
            if found is not None and found != ctypes.c_void_p(-1).value:
                return found
        return None


_process: _Process | None = None


class Unavailable(Exception):
    """The host gives no address space."""


class Fastmem:
    """The windows of one CPU, for its JIT."""

    def __init__(self, cpu: Any, cache: Cache) -> None:
        global _process
        if _process is None:
            _process = _Process(cache)
        self._process = p = _process
        self.cpu = cpu
        span = STRIDE * ROWS
        arena = p.reserve(span)
        if arena is None:
            raise Unavailable(f"the host does not give {span >> 30} GB of addresses")
        self._log = (ctypes.c_uint64 * (2 * LOG_ENTRIES))()
        self._slow = (ctypes.c_uint64 * (2 * SLOW_ENTRIES))()
        isa = cpu.model.isa
        self.record = record = _Record(
            arena=arena,
            span=span,
            state=cpu.address,
            log=ctypes.addressof(self._log),
            capacity=LOG_ENTRIES,
            slow=ctypes.addressof(self._slow),
            page_bits=cpu.mmu.page_bits,
            fc=(isa.fcs(0, "data"), isa.fcs(1, "data")),
            flat=int(cpu.mmu.state is None),
            aligned=cpu.model.aligned,
        )
        self._address = ctypes.addressof(record)
        bases = [arena + i * STRIDE + GUARD for i in range(ROWS)]
        self._table = (ctypes.c_uint64 * (2 * CONTEXTS + 2))(*bases, bases[-1])
        self.regions: dict[int, int] = {}  # start -> sites, of those that are linked
        self.on = True
        self._since = 0.0, 0.0
        s = cpu.state
        s.fast_windows = ctypes.addressof(self._table)
        self.use_context(int(s.mmu_context))
        p.add_record(self._address)
        p.install()
        keep = (record, self._log, self._slow, self._table)
        self._finalizer = weakref.finalize(self, _close, p, self._address, arena, span, self.regions, keep)

    def use_context(self, context: int) -> None:
        """The MMU context has changed."""
        i = 2 * min(context, CONTEXTS)
        self.cpu.state.fast_base = self._table[i : i + 2]

    def flush(self) -> None:
        """No page is to be seen in any window."""
        self._process.flush(self._address)

    def hide(self, context: int, va: int, size: int) -> None:
        """A context's addresses va … va+size-1 show nothing any more."""
        if context < CONTEXTS and self.record.count:
            self._process.hide(self._address, context, va, size, self.cpu.mmu.va_mask)

    def revoke(self, host: int) -> None:
        """A page of host memory is no longer where windows show it."""
        self._process.revoke(self._address, host, 0)

    def protect(self, host: int) -> None:
        """A page of host memory must not be written to unnoticed."""
        self._process.revoke(self._address, host, 1)

    # -- regions ---------------------------------------------------------------------------------------------

    def link(self, linked: Any) -> None:
        """The handler is to know a region's sites."""
        start, sites = linked.addresses["region"], linked.addresses[SITES]
        self.regions[start] = sites
        self._process.add_region(start, sites)

    def forget(self, starts: list[int]) -> None:
        """Regions' host code is about to be freed."""
        known = [s for s in starts if self.regions.pop(s, None) is not None]
        if known:
            self._process.remove_regions(known)

    def slow(self) -> list[tuple[int, int]]:
        """(region's start, address of the guest instruction) of sites that have become slow since."""
        n, self.record.slow_count = int(self.record.slow_count), 0
        return list(zip(self._slow[:n], self._slow[SLOW_ENTRIES : SLOW_ENTRIES + n], strict=True))

    def install(self) -> None:
        """Called often: somebody may have put another handler in the place of ours."""
        self._process.install()

    def poll(self, seconds: float) -> bool:
        """Between quanta, at `seconds` of processor time: False once faults have been too dear."""
        since, before = self._since
        if seconds - since >= PERIOD:
            cost = self.record.maps * SHOWN + self.record.exits * LEFT
            if cost - before > SHARE * (seconds - since):
                self.on = False
            self._since = seconds, cost
        return self.on

    def stats(self) -> dict[str, int]:
        return {
            "fast_pages": int(self.record.maps),
            "fast_exits": int(self.record.exits),
            "fast_failures": int(self.record.failures),
            "fast_off": int(not self.on),
        }

    def close(self) -> None:
        """Give the addresses back; no region may run any more."""
        self._finalizer()


def _close(
    p: _Process, address: int, arena: int, span: int, regions: dict[int, int], keep: tuple[Any, ...]
) -> None:
    p.remove_regions(list(regions))
    p.remove_record(address)
    p.libc.munmap(arena, span)
