"""Guest memory in a window of the host's addresses, as LLVM text: one host instruction an access, no check.

`%base` is the window's address of guest byte 0 (translator.fastmem).  An access is an assembler instruction
that may end in two places, behind it or, if it faults, in a side exit of the region.  Beside it a row of
section `.fast` says so; the handler of SIGSEGV (translator.segv) finds it there:

    struct site { uint32_t at, exit;        the instruction and the side exit, from the region's start
                  uint32_t guest;           address of the guest's instruction
                  uint16_t size, faults; }  bytes; faults that the handler could not mend

A row with `at` 0 ends the table.  Displacements are folded into the host's addresses as far as the guard on
either side of a window reaches: what leaves the guest's 4 GB there faults, and the interpreter wraps it.
"""

from __future__ import annotations

from .build import has
from .emit import Emitter

GUARD = 1 << 16  # bytes without memory on either side of a window
REACH = GUARD // 2  # of displacements
REGION, SITES = "region", "fast_sites"  # symbols

# Rows are in subsection 1, between the table's name and its end.
TABLE = "".join(
    f'module asm "{line}"\n'
    for line in (
        r".pushsection .fast, 0, \22aw\22, @progbits",
        f".globl {SITES}",
        f"{SITES}:",
        ".popsection",
        r".pushsection .fast, 2, \22aw\22, @progbits",
        ".quad 0, 0",
        ".popsection",
    )
)
_LOAD = {1: "movzbl", 2: "movzwl", 4: "movl", 8: "movq"}
_STORE = {1: "movb", 2: "movw", 4: "movl", 8: "movq"}
_SWAPPED = {4: "movbel", 8: "movbeq"}  # in the other byte order, where the host has that
_TOUCH = {1: "orb", 2: "orw", 4: "orl", 8: "orq"}


def site(instruction: str, size: int, guest: int, exit_operand: int) -> str:
    """The assembler text of an access and of its row."""
    lines = (
        f"1: {instruction}",
        r".pushsection .fast, 1, \22aw\22, @progbits",
        f".long 1b - {REGION}, ${{{exit_operand}:l}} - {REGION}, {guest}",
        f".short {size}, 0",
        ".popsection",
    )
    return r"\0A".join(lines)


class FastEmitter(Emitter):
    """What a region's emitter needs to reach guest memory without a check."""

    def fast_pointer(self, base: str, displacement: int) -> str:
        """Host pointer of guest address base + displacement (less than REACH)."""
        wide, p = self.new(), self.new("p")
        self.put(f"{wide} = zext i32 {base} to i64")
        self.put(f"{p} = getelementptr i8, ptr %base, i64 {wide}")
        if displacement:
            p, q = self.new("p"), p
            self.put(f"{p} = getelementptr i8, ptr {q}, i64 {displacement}")
        return p

    def _access(self, call: str, exit_: str) -> None:
        self.n += 1
        self.put(f"{call} to label %on{self.n} [label %{exit_}]")
        self.block(f"on{self.n}")

    def fast_load(self, p: str, size: int, result: str, guest: int, exit_: str, wide: str = "") -> None:
        """Load `size` bytes in the guest's order; `wide`: a single one, with zeros above it, too."""
        t, raw = f"i{8 * size}", wide or self.new("m")
        w = f"i{max(8 * size, 32)}"
        big = size > 1 and self.m.isa.big_endian
        swapped = big and size in _SWAPPED and has("movbe")
        asm = site(f"{(_SWAPPED if swapped else _LOAD)[size]} $1, $0", size, guest, 2)
        args = f"ptr elementtype({t}) {p}"
        self._access(f'{raw} = callbr {w} asm sideeffect "{asm}", "=r,*m,!i"({args})', exit_)
        if w != t:
            raw, whole = self.new("m"), raw
            self.put(f"{raw} = trunc {w} {whole} to {t}")
        if big and not swapped:
            self.put(f"{result} = call {t} @llvm.bswap.{t}({t} {raw})")
        else:
            self.put(f"{result} = add {t} {raw}, 0")

    def fast_store(self, p: str, size: int, value: str, guest: int, exit_: str) -> None:
        t = f"i{8 * size}"
        constant = not value.startswith("%")  # LLVM swaps it
        big = size > 1 and self.m.isa.big_endian
        swapped = big and size in _SWAPPED and not constant and has("movbe")
        if big and not swapped:
            value, plain = self.new("m"), value
            self.put(f"{value} = call {t} @llvm.bswap.{t}({t} {plain})")
        asm = site(f"{(_SWAPPED if swapped else _STORE)[size]} $1, $0", size, guest, 2)
        args = f"ptr elementtype({t}) {p}, {t} {value}"
        constraint = "r" if size == 8 or swapped else "ri"
        self._access(f'callbr void asm sideeffect "{asm}", "=*m,{constraint},!i"({args})', exit_)

    def fast_touch(self, p: str, size: int, guest: int, exit_: str) -> None:
        """Find out whether bytes can be stored to; they stay as they are."""
        t = f"i{8 * size}"
        asm = site(f"{_TOUCH[size]} $$0, $0", size, guest, 1)
        self._access(
            f'callbr void asm sideeffect "{asm}", "=*m,!i,~{{flags}}"(ptr elementtype({t}) {p})', exit_
        )
