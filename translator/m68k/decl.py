"""Where m68k instructions are declared: the instruction set, the models, the predicates that patterns use.

Letters in the bit pictures: `MMM nnn` an effective address (mode, register), `kkk KKK` MOVE's destination,
`ZZ` size, `CCCC` condition, lower-case `d`, `x`, `y` register numbers, `q` quick data, `v` vectors and
displacements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..spec.insn import Insn, InsnSet

FieldMap = Mapping[str, int]
Predicate = Callable[[FieldMap], bool]

M68000 = frozenset({"m68000"})
EARLY = frozenset({"m68000", "m68010"})
FROM_68010 = frozenset({"m68010", "m68020"})
M68020 = frozenset({"m68020"})


def _shape(insn: Insn, fields: FieldMap) -> frozenset[str]:
    """Capital fields, and the register of a mode-7 address (there it selects the mode)."""
    keep = {k for k in fields if k.isupper()}
    if fields.get("M") == 7:
        keep.add("n")
    if fields.get("K") == 7:
        keep.add("k")
    return frozenset(keep)


ISET = InsnSet("m68k", 16, _shape)
insn = ISET.insn

# -- effective-address categories (PRM table 2-4): bit (mode << 3 | register) --------------------------------


def _modes(*modes: int, seven: int = 0) -> int:
    return sum(0xFF << 8 * m for m in modes) | seven << 56


DN = _modes(0)
AN = _modes(1)
PC_RELATIVE = _modes(seven=0b01100)
IMMEDIATE = _modes(seven=0b10000)
PREDEC = _modes(4)
POSTINC = _modes(3)
CONTROL = _modes(2, 5, 6, seven=0b01111)
CONTROL_ALT = _modes(2, 5, 6, seven=0b00011)
MEM_ALT = CONTROL_ALT | POSTINC | PREDEC
DATA_ALT = MEM_ALT | DN
ALTERABLE = DATA_ALT | AN
DATA = DATA_ALT | PC_RELATIVE | IMMEDIATE
ALL = DATA | AN


def ea(modes: int, *more: Predicate) -> Predicate:
    """The address `MMM nnn` is one of `modes` (and `more` hold)."""

    def valid(f: FieldMap) -> bool:
        return bool(modes >> (f["M"] << 3 | f["n"]) & 1) and all(p(f) for p in more)

    return valid


def sized(f: FieldMap) -> bool:
    """The size field is byte, word or long; bytes of address registers do not exist."""
    return f["Z"] != 3 and (f["Z"] != 0 or f.get("M") != 1)


def word_long(f: FieldMap) -> bool:
    """The size field is word or long."""
    return f["Z"] in (1, 2)
