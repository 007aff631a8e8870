"""Decoding and disassembly against capstone: all instruction words, several extension words, all full
formats.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from translator.m68k import M68K, M68020

capstone = pytest.importorskip("capstone")
PC = 0x1000
EXTENSIONS = (0x0002, 0x0041, 0x1801, 0x00FF, 0x7004)  # as index, register pair, field, mask, …


def ours(code: bytes) -> tuple[str, int]:
    def fetch(at: int, size: int) -> int:
        return int.from_bytes(code[at - PC : at - PC + size], "big")

    return M68K.disassemble(fetch, PC, "m68020")


@pytest.fixture(scope="module")
def theirs() -> Callable[[bytes], tuple[str, int]]:
    cs = capstone.Cs(capstone.CS_ARCH_M68K, capstone.CS_MODE_M68K_020 | capstone.CS_MODE_BIG_ENDIAN)

    def disassemble(code: bytes) -> tuple[str, int]:
        hit = next(cs.disasm(code, PC, 1), None)
        return (f"{hit.mnemonic} {hit.op_str}".strip(), hit.size) if hit else ("", 0)

    return disassemble


def normal(text: str) -> str:
    """Capstone adds sizes where there is but one, and blanks."""
    mnemonic, _, operands = text.partition(" ")
    return re.sub(r"\.[bwl]$", "", mnemonic) + " " + operands.replace(" ", "")


def family(word: int) -> str:
    hit = M68020.decoder.decode(word)
    return hit[0].name if hit else ""


# Families (regular expression), what makes a difference acceptable (our text, theirs, the bytes), the reason.
def without_pc(text: str) -> str:
    return re.sub(r"\$[0-9a-f]+\(pc", "(pc", text)


Accept = Callable[[str, str, bytes], bool]
REASONS: list[tuple[str, Accept, str]] = [
    (".*_(static|ccr)|bf.*|callm|cas|cas2|chk2_cmp2|div_l|mul_l|moves", lambda a, b, c: b.strip() == "",
     "capstone refuses reserved bits of the extension word that are not zero; the processor ignores them"),
    ("bf.*|.*_static|callm|cmpi|div_l|mul_l|movem_to_registers|chk2_cmp2",
     lambda a, b, c: "(pc" in a and without_pc(a) == without_pc(b),
     "a PC displacement counts from its own extension word (PRM 2.2.12), not from the first one"),
    ("bf.*", lambda a, b, c: re.sub(r"d(?=\d+[:}])", "", a.partition("{")[2]) == b.partition("{")[2],
     "offset and width in registers are printed as numbers"),
    ("bf(ext.|ffo|tst)",
     lambda a, b, c: "(pc" in a, "both of the above"),
    ("div_l", lambda a, b, c: (a.split()[0] in ("divul", "divsl") and a.split()[1].rsplit(",", 1)[0] ==
     b.split()[1].rsplit(",", 1)[0]) or "(pc" in a,
     "remainder and quotient in two registers is DIVxL Dr:Dq (PRM DIVS)"),
    ("btst", lambda a, b, c: c[1] == 0x3C, "BTST Dn,#data: the data is a byte (PRM BTST)"),
    ("sbcd_memory", lambda a, b, c: b.startswith(a), "capstone reads PACK's adjustment word"),
    ("shift_by_register", lambda a, b, c: a.startswith("roxr"),
     "ROXR.B Dx,Dy is decoded as ROXR.L #"),
    ("illegal_insn", lambda a, b, c: b.startswith("illegal"), "the word is repeated as an operand"),
    ("move_to_ccr", lambda a, b, c: c[1] == 0xFC, "the immediate is a word (PRM MOVE to CCR)"),
    ("movec.*", lambda a, b, c: c[2:4] not in (b"\0\2", b"\x18\1"), "control registers of other models"),
    ("cas2", lambda a, b, c: a.startswith("cas2"), "address registers' numbers are lost"),
]


def explained(ours_: str, theirs_: str, code: bytes) -> bool:
    name = family(int.from_bytes(code[:2], "big"))
    return any(re.fullmatch(names, name) and accept(ours_, theirs_, code) for names, accept, _ in REASONS)


@pytest.mark.parametrize(
    "extension", [0x0002, *(pytest.param(e, marks=pytest.mark.slow) for e in EXTENSIONS[1:])], ids=hex
)
def test_every_word(theirs: Callable[[bytes], tuple[str, int]], extension: int) -> None:
    """Line F is left out: capstone knows coprocessors, the models here have none."""
    bad = []
    for word in range(0xF000):
        code = word.to_bytes(2, "big") + extension.to_bytes(2, "big") * 10
        (a, n), (b, m) = ours(code), theirs(code)
        if a.startswith("dc.w"):
            if b and not b.startswith("dc.w"):
                bad.append((code[:m].hex(), a, b))
        elif (normal(a), n) != (normal(b), m) and not explained(normal(a), normal(b), code):
            bad.append((code[:n].hex(), a, b))
    assert bad[:10] == []


FULL = [
    ext | 0x100
    for ext in range(0x0800, 0x0A00 + 0x100)
    if not ext & 0x108 and ext >> 4 & 3 and ext & 7 != 4 and not (ext & 0x40 and ext & 4)
]


def numbers(text: str) -> list[int]:
    return [int(sign + digits, 16) & 0xFFFFFFFF for sign, digits in re.findall(r"(-?)\$([0-9a-f]+)", text)]


@pytest.mark.parametrize("ext", FULL, ids=hex)
def test_full_extension_words(theirs: Callable[[bytes], tuple[str, int]], ext: int) -> None:
    """Same length and the same displacements in the same order (capstone names suppressed registers
    "invalid").
    """
    code = b"\x20\x32" + ext.to_bytes(2, "big") + bytes.fromhex("1234 2345 3456 4567")
    (a, n), (b, m) = ours(code), theirs(code)
    assert n == m
    assert numbers(a) == numbers(b)
    assert ("a2" in a) == (not ext & 0x80)
    assert ("d0.l" in a) == (not ext & 0x40)
    assert ("[" in a) == bool(ext & 3) == ("[" in b)


def test_syntax_of_what_capstone_misprints() -> None:
    def text(hexed: str) -> str:
        return ours(bytes.fromhex(hexed) + bytes(8))[0]

    assert text("d1300aee") == "add.b d0,-$12(a0,d0.l*2)"
    assert text("20300115") == "move.l ([a0],d0.w),d0"
    assert text("eac00a0f") == "bfchg d0{d0:15}"
    assert text("4c410002") == "divul.l d1,d2:d0"
    assert text("4c410402") == "divu.l d1,d2:d0"
    assert text("4c410000") == "divu.l d1,d0"
    assert text("0cfc8001f082") == "cas2.w d1:d2,d0:d2,(a0):(a7)"
    assert text("203b01f0") == "move.l $0(zpc),d0"


def test_models() -> None:
    word = bytes.fromhex("60ff00000100")

    def at(a: int, size: int) -> int:
        return int.from_bytes(word[a - PC : a - PC + size], "big")

    assert M68K.disassemble(at, PC, "m68020") == ("bra.l $1102", 6)
    assert M68K.disassemble(at, PC, "m68000") == ("bra.b $1001", 2)
