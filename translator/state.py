"""The CPU's state: one C struct per model, shared by the engines, Python, the debugger and snapshots.

`CORE` is what every instruction set has; a model appends its registers.  Native code addresses the struct by
the offsets computed here, Python sees it through cffi.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from functools import cache, cached_property
from typing import Any

import _cffi_backend as cffi  # what cffi runs on: our types are a table, there is no C to be parsed

from .spec.semantics import Reg

TLB_ENTRIES = 256  # per privilege mode, direct mapped
TLB_MODES = 2
RANGES = 16
JUMP_ENTRIES = 32768
HOT_ENTRIES = 256
EDGE_BYTES = 24  # of an instruction at the end of a page (translator.edges) …
EDGE_PAGES, EDGE_SLOTS = 64, 16  # … by page and distance from its end
ANSWERS = 8  # reads of devices that native code answers by itself (translator.answers)
LOG_WORDS = 32  # values read from devices by an instruction that may have to be restarted
# Why regions are left: too little budget for the next block, a soft-TLB miss (device, fault, watched page),
# an exception, an instruction that regions do not have, a jump to code that is not in the region, a number
# that the host's floating-point unit does not treat as the guest's.
EXITS = ("budget", "load", "store", "probe", "exception", "interpreter", "elsewhere", "float")
CTYPES = {8: "uint8_t", 16: "uint16_t", 32: "uint32_t", 64: "uint64_t"}
Field = tuple[str, str, int]  # C type, name, count


class Reason(IntEnum):
    """Why native code came back."""

    BUDGET = 0  # the budget is used up
    ATTENTION = 1  # a device or Python asked for a look (interrupt, stop, map change)
    RECHECK = 2  # the guest changed what interrupts or tracing depend on
    STOPPED = 3  # the guest waits for an interrupt
    RESET = 4  # the guest pulled the reset line
    HALTED = 5  # double fault: only a reset helps
    EDGE = 6  # an instruction at the end of a fetchable page: the concrete engine has to do it
    ROUTINE = 7  # an exception has been taken, and somebody watches (state.watch)


# What the engines share.  Order is layout; natural alignment is kept by hand.
CORE: list[Field] = [
    ("uint64_t", "budget", 1),  # instructions left when native code leaves
    ("uint32_t", "pc", 1),
    ("uint32_t", "reason", 1),
    # The fetch window: guest code at fetch_va .. fetch_va + fetch_span - 1 lies at fetch_host.  Invalid:
    # span = end = 0.
    ("uint64_t", "fetch_host", 1),
    ("uint64_t", "fetch_end", 1),  # host address of the last byte at which an instruction may start
    (
        "uint64_t",
        "fetch_delta",
        1,
    ),  # guest pc = host instruction pointer + delta (mod 2^32); outlives the window
    ("uint32_t", "fetch_va", 1),
    ("uint32_t", "fetch_span", 1),
    ("uint32_t", "pad0", 1),
    ("uint32_t", "attention", 1),  # non-zero: leave at the next instruction boundary
    ("uint64_t", "context", 1),  # jump-cache key base: (MMU context << 1 | mode) << 32
    ("uint32_t", "mode", 1),  # privilege: 0 user, 1 supervisor
    ("uint32_t", "mmu_context", 1),
    ("uint32_t", "fault_va", 1),  # the access that faulted last
    ("uint32_t", "fault_fc", 1),
    ("uint32_t", "fault_size", 1),
    ("uint32_t", "fault_write", 1),
    ("uint32_t", "fault_misaligned", 1),
    ("uint32_t", "fault_fetch", 1),
    ("uint64_t", "fault_data", 1),
    ("uint32_t", "fault_routine", 1),  # number + 1 of the routine of Isa.resumable in which the access was
    # Device cycles that the instruction under way has completed (translator.replay): it is the one at which
    # `budget` was log_budget.  Values read are laid one behind the other, in the guest's order.
    ("uint64_t", "log_budget", 1),
    ("uint32_t", "log_count", 1),
    ("uint32_t", "log_used", 1),  # bytes of log_data; all ones: the log is full, it ends here
    ("uint32_t", "redo", 1),  # non-zero: the next instruction is a restarted one; redo_, fix_ are for it
    ("uint16_t", "log_data", LOG_WORDS),
    ("uint16_t", "redo_data", LOG_WORDS),
    ("uint32_t", "redo_count", 1),
    ("uint32_t", "fix_kind", 1),  # replay.Fix: a cycle that software has completed
    ("uint32_t", "fix_va", 1),
    ("uint32_t", "fix_size", 1),
    ("uint64_t", "fix_data", 1),
    ("uint64_t", "slow_value", 1),  # what a slow load found
    ("uint64_t", "slow_status", 1),  # 1: the machine's MMU refused
    ("uint64_t", "slow_phys", 1),
    ("uint64_t", "slow_own", 1),  # non-zero: it was uncached
    ("uint64_t", "translate", 1),  # native functions and what they work on
    ("uint64_t", "mmu", 1),
    ("uint64_t", "io", 1),
    ("uint64_t", "registers", 1),  # Mmu.registers, native; 0: ask io for everything
    ("uint64_t", "chain", 1),  # how regions are left: to any address, in front of an instruction
    ("uint64_t", "exit", 1),
    ("uint64_t", "lengths", 1),  # bytes of an instruction by its first word; 0: not fixed
    (
        "uint64_t",
        "helper",
        1,
    ),  # Python functions (Semantics.helper): arguments, then results, in helper_values
    ("uint64_t", "helper_values", 8),
    ("uint32_t", "watch", 1),  # non-zero: leave with Reason.ROUTINE after every routine …
    ("uint32_t", "routine", 1),  # … whose number (order in Isa.routines) is here
    ("uint64_t", "fast_base", 2),  # by mode: host address of guest byte 0 in a window (translator.fastmem) …
    ("uint64_t", "fast_windows", 1),  # … from this table by context; 0: there are no windows
    ("uint64_t", "insns_jit", 1),  # statistics: instructions that regions executed
    ("uint64_t", "exits", 8),  # by EXITS
    ("uint64_t", "tlb_fills", 1),
    ("uint64_t", "io_count", 1),
    ("uint64_t", "answered", 1),  # of these, without asking the device …
    ("uint64_t", "answer_count", 1),  # … but this table, of so many entries
    ("struct answer", "answers", ANSWERS),
    ("uint32_t", "hot_count", 1),
    ("uint32_t", "hot_limit", 1),  # taken branches to a place before it is called hot; 0: no JIT
    ("uint64_t", "hot", HOT_ENTRIES),
    ("uint8_t", "bounce", 64),  # an instruction that crosses a page is gathered here
    ("uint64_t", "handlers", 1),  # table of interpreter handlers, by instruction word
    ("uint64_t", "range_count", 1),
    ("struct range", "ranges", RANGES),
    ("struct edge", "edges", EDGE_PAGES * EDGE_SLOTS),
    ("struct tlb", "tlb", TLB_ENTRIES * TLB_MODES),
    ("struct jump", "jumps", JUMP_ENTRIES),
    ("uint16_t", "heat", JUMP_ENTRIES),
]
STRUCTS: dict[str, list[Field]] = {
    "struct tlb": [*(("uint32_t", name, 1) for name in ("rtag", "wtag", "xtag", "pad")),
                   ("uint64_t", "addend", 1), ("uint64_t", "pad2", 1)],
    "struct range": [("uint64_t", name, 1) for name in ("base", "size", "host", "code", "writable", "fine")],
    "struct answer": [("uint64_t", "key", 1), ("uint64_t", "value", 1)],
    "struct jump": [("uint64_t", "key", 1), ("uint64_t", "code", 1)],
    "struct edge": [("uint8_t", "bytes", EDGE_BYTES), ("uint32_t", "room", 1), ("uint32_t", "reaches", 1)],
}  # fmt: skip


@cache
def _ctype(name: str) -> Any:
    """A C type by name."""
    if name not in STRUCTS:
        return cffi.new_primitive_type(name)
    made, fields, at = cffi.new_struct_type(name), [], 0
    for ctype, field, count in STRUCTS[name]:
        fields.append((field, _array(ctype, count), -1, at))
        at += cffi.sizeof(_ctype(ctype)) * count
    cffi.complete_struct_or_union(made, fields, None, at, 8)
    return made


def _array(name: str, count: int) -> Any:
    one = _ctype(name)
    return one if count == 1 else cffi.new_array_type(cffi.new_pointer_type(one), count)


class Layout:
    """Offsets and the C struct of a state: CORE (unless bare) followed by `regs`."""

    def __init__(self, name: str, regs: Iterable[Reg], core: bool = True) -> None:
        self.name = name
        self.regs = {r.name: r for r in regs}
        self._fields: list[Field] = list(CORE) if core else []
        self._fields += [(CTYPES[r.width], r.name, r.count) for r in self.regs.values()]
        self.offsets: dict[str, int] = {}
        at = 0
        for ctype, field, count in self._fields:
            size = cffi.sizeof(_ctype(ctype))
            align = min(size, 8)
            at = (at + align - 1) // align * align
            self.offsets[field] = at
            at += size * count
        self.size = (at + 63) // 64 * 64

    @cached_property
    def _pointer(self) -> Any:
        """The type of a pointer to the struct."""
        made = cffi.new_struct_type(f"struct {self.name}")
        fields = [(f, _array(ctype, count), -1, self.offsets[f]) for ctype, f, count in self._fields]
        cffi.complete_struct_or_union(made, fields, None, self.size, 8)
        return cffi.new_pointer_type(made)

    def new(self) -> tuple[Any, object, int]:
        """A zeroed struct: (cffi pointer, its owner to be kept alive, host address)."""
        owner = cffi.newp(cffi.new_pointer_type(_array("uint8_t", self.size + 64)))
        address = (int(cffi.cast(_ctype("uintptr_t"), owner)) + 63) // 64 * 64
        return cffi.cast(self._pointer, address), owner, address

    def offset(self, reg: str) -> int:
        return self.offsets[reg]
