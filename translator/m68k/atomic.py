"""Indivisible read-modify-write: TAS, CAS, CAS2.  One thread owns the machine: nothing has to be locked."""

from __future__ import annotations

from ..spec.insn import Fields
from ..spec.semantics import Semantics
from ..spec.value import Val
from .decl import DATA_ALT, M68020, MEM_ALT, ea, insn
from .ea import source
from .flags import set_cmp, set_logic
from .regs import R, read_d, write_d


@insn("0100 1010 11 MMM nnn", "tas {ea}", "PRM TAS", valid=ea(DATA_ALT))
def tas(s: Semantics, f: Fields) -> None:
    place = source(s, f, 1)
    value = place.load()
    place.store(value | 0x80)
    set_logic(s, value)


@insn("0000 1ZZ 011 MMM nnn", "cas.{Zcas} {Dcmp},{Dupd},{ea}", "PRM CAS, CAS2",
      valid=ea(MEM_ALT, lambda f: f["Z"] != 0), models=M68020)
def cas(s: Semantics, f: Fields) -> None:
    size = 1 << f.Z - 1
    ext = s.fetch(2)
    place = source(s, f, size)
    old, expected = place.load(), read_d(s, ext.trunc(3), size)
    equal = old == expected
    update = read_d(s, ext.bits(8, 6), size)
    s.if_(equal, lambda: place.store(update))
    write_d(s, ext.trunc(3), old)  # what was compared, if it was equal
    set_cmp(s, old, expected, old - expected)


@insn("0000 11Z 0 1111 1100", "cas2.{Zwl} {cas2}", "PRM CAS, CAS2", models=M68020, traits="interp")
def cas2(s: Semantics, f: Fields) -> None:
    size = 4 if f.Z else 2
    ext = [s.fetch(2), s.fetch(2)]
    addrs = [s.read(R, e.bits(15, 12)) for e in ext]
    olds = [s.load(addr, size) for addr in addrs]
    expected = [read_d(s, e.trunc(3), size) for e in ext]
    first = olds[0] == expected[0]
    both = first & (olds[1] == expected[1])

    def update() -> None:
        for addr in addrs:
            s.probe(addr, size)
        for addr, e in zip(addrs, ext, strict=True):
            s.store(addr, read_d(s, e.bits(8, 6), size))

    s.if_(both, update)
    # Unequal: both compare registers get what memory holds; the first wins if they are the same register (PRM
    # 4-67).
    for e, old in reversed(list(zip(ext, olds, strict=True))):
        n = e.trunc(3)
        write_d(s, n, both.select(read_d(s, n, size), old))
    _compare_flags(s, first, olds, expected)


def _compare_flags(s: Semantics, first: Val, olds: list[Val], expected: list[Val]) -> None:
    """Flags of the second comparison if the first was equal, else of the first."""
    old, e = first.select(olds[1], olds[0]), first.select(expected[1], expected[0])
    set_cmp(s, old, e, old - e)
