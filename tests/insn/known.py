"""Where QEMU 7.2 and Musashi err or fill in what the processor leaves undefined, and the manual's page."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tests.insn.generate import PRIVILEGED, Program
from translator.m68k import M68020

X, N, Z, V, C = 16, 8, 4, 2, 1

# QEMU 7.2: family -> (instruction and next word concerned, why).
A7_BYTE = "a byte at (A7)+ or -(A7) moves A7 by two (PRM 2.2.4); QEMU moves it by one"
WRONG: dict[str, tuple[Callable[[int, int], bool], str]] = {
    "pack": (lambda w, x: True, "QEMU aborts: a temporary is freed twice"),
    "unpk": (lambda w, x: True, "QEMU aborts: a temporary is freed twice"),
    "pack_memory": (lambda w, x: True, "as PACK Dx,Dy; what it gives, it takes from elsewhere"),
    "unpk_memory": (lambda w, x: True, "QEMU aborts: a temporary is freed twice"),
    "addx_memory": (lambda w, x: w & 7 == 7 or w >> 9 & 7 == 7, A7_BYTE),
    "subx_memory": (lambda w, x: w & 7 == 7 or w >> 9 & 7 == 7, A7_BYTE),
    "tas": (lambda w, x: w & 7 == 7 and w >> 3 & 7 in (3, 4), A7_BYTE),
    "cas": (lambda w, x: w & 7 == 7 and w >> 3 & 7 in (3, 4), A7_BYTE),
    "shift_memory": (lambda w, x: w >> 10 & 1 == 0, "QEMU tells ASx from LSx by a bit of the address"),
    "cas2": (lambda w, x: True, "of equal compare registers the first counts (PRM 4-67), not the second"),
    "unlk": (lambda w, x: w & 7 == 7, "UNLK A7 ends with the popped value, as the 68000 vectors show"),
    "chk2_cmp2": (lambda w, x: True, "an illegal instruction to QEMU"),
    "move_from_ccr": (lambda w, x: True, "QEMU loses track of later flags behind it"),
    "trapcc": (lambda w, x: True, "as MOVE from CCR"),
    "trapcc_w": (lambda w, x: True, "as MOVE from CCR"),
    "trapcc_l": (lambda w, x: True, "as MOVE from CCR"),
}

# QEMU does not survive these, or goes on with wrong registers.
FATAL = frozenset({"pack", "pack_memory", "unpk", "unpk_memory", "chk2_cmp2"})

# Flags that the manual leaves undefined: family -> (mask, page).  Tested alone, for what is defined.
UNDEFINED: dict[str, tuple[int, str]] = {
    "abcd": (N | V, "PRM 4-3"),
    "abcd_memory": (N | V, "PRM 4-3"),
    "sbcd": (N | V, "PRM 4-171"),
    "sbcd_memory": (N | V, "PRM 4-171"),
    "nbcd": (N | V, "PRM 4-143"),
    "divs_w": (N | Z, "PRM 4-94: undefined after overflow"),
    "divu_w": (N | Z, "PRM 4-98: undefined after overflow"),
    "div_l": (N | Z, "PRM 4-94: undefined after overflow"),
    "chk_w": (Z | V | C, "PRM 4-70; QEMU keeps N too if there is no trap"),
    "chk_l": (Z | V | C, "PRM 4-70"),
}
DECIMAL = frozenset(name for name in UNDEFINED if "bcd" in name)
ALWAYS_TRAP = frozenset({"trap", "illegal_insn", "bkpt", "callm", "rtm"})
FAMILIES = frozenset(i.name for i in M68020.decoder.insns) - PRIVILEGED - ALWAYS_TRAP


def acceptable(p: Program) -> bool:
    """Nothing in it that QEMU is known to do wrong."""
    for at, _, name in p.insns:
        word, ext = struct.unpack_from(">HH", p.code + b"\0\0", at - p.base)
        if name in WRONG and WRONG[name][0](word, ext):
            return False
    return True


# Families in which Musashi is wrong or fills undefined flags otherwise, and why we do not follow it.
MUSASHI_WRONG = {
    "abcd": "N, V and invalid digits are undefined (PRM 4-3); ours are the 68000 vectors'",
    "abcd_memory": "as abcd",
    "sbcd": "N, V and invalid digits are undefined (PRM 4-171); ours are the 68000 vectors'",
    "sbcd_memory": "as sbcd",
    "nbcd": "N, V and invalid digits are undefined (PRM 4-143); ours are the 68000 vectors'",
    "divs_w": "N and Z are undefined after overflow (PRM 4-94)",
    "divu_w": "N and Z are undefined after overflow (PRM 4-98)",
    "div_l": "N, Z are undefined after overflow; C is always cleared (PRM 4-94)",
    "chk_w": "Z, V, C are undefined (PRM 4-70); Musashi keeps N when it does not trap",
    "chk_l": "as chk_w",
    "chk2_cmp2": "a lower bound above the upper one makes a range that goes round (PRM 4-72)",
    "pack_memory": "the digits' bytes are swapped: the low digit has the higher address (PRM 4-157)",
    "unpk_memory": "as pack_memory",
    "cas2": "words do not change the upper half of a compare register (PRM 4-67)",
    "bfchg": "bit fields that end in a fifth byte change too much; QEMU agrees with us",
    "bfclr": "as bfchg",
    "bfset": "as bfchg",
    "bfins": "as bfchg",
    "movem_predecrement": "the 68020 stores its base register decremented (PRM 4-129)",
    "rte": "a format error stacks the address of RTE (68020 UM 6.1.11)",
    "movec_from_control": "CACR on a 68010 is an illegal instruction (PRM 6-22)",
    "link_w": "LINK A7 stores A7 as it was: 68000 vectors, QEMU",
    "link_l": "as link_w",
    "callm": "not in Musashi",
    "rtm": "not in Musashi",
}
