"""Where QEMU 7.2 errs or fills in what the processor leaves undefined, and the manual's page.

A `Flaw` says which instructions are concerned, and exactly what may be different behind them: anything else
behind the same instruction is unexplained.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.insn.generate import PRIVILEGED, Program
from translator.m68k import M68020

X, N, Z, V, C = 16, 8, 4, 2, 1


@dataclass(frozen=True)
class Difference:
    """One instruction behind which we and another implementation differ."""

    words: tuple[int, ...]  # the instruction; what is behind it reads as 0
    left: Mapping[str, tuple[int, int]]  # register, "sr" or hexadecimal address of a byte -> (ours, theirs)
    ours: Mapping[str, int]  # registers behind it
    before: Mapping[str, int]  # registers before it
    memory: bytes = b""  # before it, from address 0
    digits: bool = True  # decimal operands have no digit above nine
    died: bool = False  # the other one did not survive

    @property
    def flags(self) -> int:
        a, b = self.left.get("sr", (0, 0))
        return a ^ b

    @property
    def registers(self) -> set[str]:
        return {k for k in self.left if len(k) == 2}

    @property
    def bytes(self) -> list[tuple[int, int, int]]:
        """(address, ours, theirs)"""
        return sorted((int(k, 16), *v) for k, v in self.left.items() if len(k) > 2)

    def only(self, *registers: str, most: int = 0) -> bool:
        """Nothing else differs but these and so many bytes of memory, all in one long."""
        b = self.bytes
        near = not b or b[-1][0] - b[0][0] < 4
        return not self.died and self.registers <= {*registers} and len(b) <= most and near


How = Callable[[Difference], bool]
Where = Callable[[tuple[int, ...]], bool]


@dataclass(frozen=True)
class Flaw:
    """Differences that are explained: of which instructions, of what kind, why."""

    where: Where
    how: How
    why: str


def everywhere(words: tuple[int, ...]) -> bool:
    return True


def flags(mask: int) -> How:
    """Nothing but some of these flags."""
    return lambda d: d.only("sr") and not d.flags & ~mask


def overflow(mask: int) -> How:
    """Nothing but some of these flags, and V is set."""
    return lambda d: flags(mask)(d) and bool(d.ours["sr"] & V)


def digits(d: Difference) -> bool:
    """N and V of decimal operands."""
    return d.digits and flags(N | V)(d)


def no_digits(d: Difference) -> bool:
    """One byte and its flags, of operands that are not decimal."""
    written = d.registers - {"sr"}
    low = all((a ^ b) < 0x100 for a, b in (d.left[k] for k in written))
    one = d.only("sr", *(f"d{i}" for i in range(8)), most=1) and len(written) + len(d.bytes) <= 1
    return not d.digits and low and one


DECIMAL = {"abcd": "ABCD", "abcd_memory": "ABCD", "sbcd": "SBCD", "sbcd_memory": "SBCD", "nbcd": "NBCD"}
QUOTIENTS = {"divs_w": "DIVS", "divu_w": "DIVU", "div_l": "DIVS"}

# -- QEMU 7.2 ------------------------------------------------------------------------------------------------


def byte_at_a7(words: tuple[int, ...]) -> bool:
    """ADDX.B, SUBX.B -(Ay),-(Ax)"""
    return words[0] >> 6 & 3 == 0 and 7 in (words[0] & 7, words[0] >> 9 & 7)


def moves_a7(words: tuple[int, ...]) -> bool:
    """TAS or CAS.B with (A7)+ or -(A7)"""
    size = words[0] >> 9 & 3 if words[0] & 0xF9C0 == 0x08C0 else 1
    return words[0] & 7 == 7 and words[0] >> 3 & 7 in (3, 4) and size == 1


def by_one(d: Difference) -> bool:
    a, b = d.left.get("a7", (0, 0))
    return d.only("a7", "sr", most=2) and abs(a - b) in (1, 2)


def to_the_left(words: tuple[int, ...]) -> bool:
    """ASL in memory"""
    return words[0] >> 8 & 7 == 1


def to_the_right(words: tuple[int, ...]) -> bool:
    """ASR and LSR in memory, where bits 9 and 3 differ."""
    return words[0] >> 8 & 5 == 0 and (words[0] >> 9 ^ words[0] >> 3) & 1 == 1


def upper_bit(d: Difference) -> bool:
    return d.only("sr", most=1) and d.flags in (0, N) and all(a ^ b == 0x80 for _, a, b in d.bytes)


def most_negative(d: Difference) -> bool:
    """An overflow that QEMU does not survive, of the least of all dividends."""
    if not d.died or not d.ours["sr"] & V:
        return False
    if d.words[0] >> 12 == 8:  # DIVS.W
        return d.ours[f"d{d.words[0] >> 9 & 7}"] == 0x80000000
    low, high = d.ours[f"d{d.words[1] >> 12 & 7}"], d.ours[f"d{d.words[1] & 7}"]
    return (high, low) == (0x80000000, 0) if d.words[1] & 0x400 else low == 0x80000000


def one_for_both(words: tuple[int, ...]) -> bool:
    """MULx.L <ea>,Dn:Dn"""
    return bool(words[1] & 0x400) and (words[1] >> 12 ^ words[1]) & 7 == 0


def its_register(d: Difference) -> bool:
    return d.only(f"d{d.words[1] & 7}")


ONE_FOR_BOTH = "of one register for both halves the low one stays, as on a 68040"
A7_BYTE = "a byte at (A7)+ or -(A7) moves A7 by two (PRM 2.2.4); QEMU moves it by one"
FLAWS: dict[str, tuple[Flaw, ...]] = {
    "addx_memory": (Flaw(byte_at_a7, by_one, A7_BYTE),),
    "subx_memory": (Flaw(byte_at_a7, by_one, A7_BYTE),),
    "tas": (Flaw(moves_a7, by_one, A7_BYTE),),
    "cas": (Flaw(moves_a7, by_one, A7_BYTE),),
    "shift_memory": (
        Flaw(to_the_left, flags(V), "QEMU's V is always clear"),
        Flaw(to_the_right, upper_bit, "QEMU tells ASR from LSR by bit 3, which is the address's"),
    ),
    "mul_l": (Flaw(one_for_both, its_register, ONE_FOR_BOTH),),
    "cas2": (
        Flaw(
            lambda w: (w[1] ^ w[2]) & 7 == 0,
            lambda d: d.only(f"d{d.words[1] & 7}"),
            "of equal compare registers the first counts (PRM CAS2), not the second",
        ),
    ),
    "unlk": (
        Flaw(
            lambda w: w[0] & 7 == 7,
            lambda d: d.only("a7"),
            "UNLK A7 ends with the popped value, as the 68000 vectors show",
        ),
    ),
    "chk_w": (Flaw(everywhere, flags(Z | V | C), "undefined flags without a trap (PRM CHK)"),),
    "chk_l": (Flaw(everywhere, flags(Z | V | C), "undefined flags without a trap (PRM CHK)"),),
    **{
        name: (
            Flaw(everywhere, digits, f"N and V are undefined (PRM {title})"),
            Flaw(everywhere, no_digits, f"digits above nine are undefined (PRM {title})"),
        )
        for name, title in DECIMAL.items()
    },
    **{
        name: (Flaw(everywhere, overflow(N | Z), f"N and Z are undefined after overflow (PRM {title})"),)
        for name, title in QUOTIENTS.items()
    },
}
for _name in ("divs_w", "div_l"):
    FLAWS[_name] += (Flaw(everywhere, most_negative, "-1: the host's division traps, and QEMU with it"),)

# QEMU takes PACK and UNPK for OR and their adjustment for an instruction, CMP2 and CHK2.W and .L for illegal;
# CHK2.B makes its translator abort.  See `tests/conformance/bounds.py` and `known_musashi.py` instead.
FATAL = frozenset({"pack", "pack_memory", "unpk", "unpk_memory", "chk2_cmp2"})
# Alone these are right, but it loses track of the flags of what comes behind them.
FORGETFUL = frozenset({"cas2", "move_from_ccr", "trapcc", "trapcc_w", "trapcc_l"})
ALWAYS_TRAP = frozenset({"trap", "illegal_insn", "bkpt", "callm", "rtm"})
FAMILIES = frozenset(i.name for i in M68020.decoder.insns) - PRIVILEGED - ALWAYS_TRAP
# Families that are tried alone, for their flags are undefined.
UNDEFINED = frozenset(name for name, flaws in FLAWS.items() if any(f.where is everywhere for f in flaws))
IN_SEQUENCES = FAMILIES - UNDEFINED - FATAL - FORGETFUL


def words_at(p: Program, at: int) -> tuple[int, ...]:
    """Up to eleven words of the instruction at an address."""
    code = bytes(p.code[at - p.base :][:22]).ljust(22, b"\0")
    return struct.unpack(">11H", code)


def acceptable(p: Program) -> bool:
    """Nothing in it that QEMU is known to do wrong."""
    for at, _, name in p.insns:
        words = words_at(p, at)
        if name in FATAL | FORGETFUL or any(f.where(words) for f in FLAWS.get(name, ())):
            return False
    return True


def why(flaws: tuple[Flaw, ...], d: Difference) -> str:
    """The reason for a difference, or ""."""
    return next((f.why for f in flaws if f.where(d.words) and f.how(d)), "")
