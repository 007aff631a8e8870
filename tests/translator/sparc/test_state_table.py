"""Windows, state registers and conditions by the second author: V8 manual, chapter 4, appendix B."""

from __future__ import annotations

import pytest

from tests.insn.sparc import NOP, bicc, op3
from tests.translator.sparc.board import CODE, DATA, TABLE, Board
from tests.translator.sparc.tables import (
    ALU,
    BA,
    EF,
    G2,
    ILLEGAL,
    MEM,
    OVERFLOW,
    PRIVILEGED,
    UNALIGNED,
    UNDERFLOW,
    entered,
    fresh,
    icc,
    in_error,
    look,
)  # fmt: skip

# -- windows: 4.1, B.20 --------------------------------------------------------------------------------------


def windows(b: Board, count: int) -> None:
    for cwp in range(count):
        for wim in (*(1 << n for n in range(count)), 0, (1 << count) - 1, 0xAA & (1 << count) - 1):
            for code, step, tt in ((0x3C, -1, OVERFLOW), (0x3D, 1, UNDERFLOW)):
                new = (cwp + step) % count
                fresh(b).put(op3(ALU, code, 18, 9, imm=5)).set(cwp=cwp, wim=wim, o1=1000)
                before = look(b)
                b.step()
                if wim >> new & 1:
                    entered(b, before, tt, CODE, CODE + 4, count)  # whatever WIM says of the handler's window
                else:
                    kept = list(before["file"])
                    kept[8 + 16 * new + 10] = 1005  # of the old window's operands, in the new one
                    assert (b["psr"], list(b.state.file)) == (before["psr"] & ~31 | new, kept), (cwp, wim)


def test_windows_8(b: Board) -> None:
    windows(b, 8)


def test_outs_are_ins(b: Board) -> None:
    """4.1: the outs of a window are the ins of the one that SAVE enters; all else is its own."""
    for cwp in range(8):
        fresh(b).put(op3(ALU, 0x3C, 0, 0)).set(cwp=cwp)
        outs, ins, locals_, globals_ = ([b[f"{c}{n}"] for n in range(8)] for c in "oilg")
        b.step()
        assert [b[f"i{n}"] for n in range(8)] == outs
        assert [b[f"g{n}"] for n in range(8)] == globals_
        assert not {b[f"{c}{n}"] for c in "lo" for n in range(8)} & {*outs, *ins, *locals_}


# -- RETT: B.26 ----------------------------------------------------------------------------------------------

# (S, windows that WIM marks, address) -> the trap type of error mode, or None: it returns.  ET = 0; CWP = 3.
RETT: dict[tuple[int, int, int], int | None] = {
    (1, 0x00, 0x80): None,
    (1, 0xEF, 0x80): None,  # of WIM the window CWP + 1 alone counts
    (1, 0x10, 0x80): UNDERFLOW,
    (1, 0x00, 0x82): UNALIGNED,
    (1, 0x10, 0x81): UNDERFLOW,
    (0, 0x10, 0x81): PRIVILEGED,
    (0, 0x00, 0x80): PRIVILEGED,
}


@pytest.mark.parametrize("ps", [0, 1])
def test_rett(b: Board, ps: int) -> None:
    """The checks in their order; where it returns to, in which mode and window; other fields stay."""
    for (s, wim, at), tt in RETT.items():
        fresh(b).put(op3(ALU, 0x38, 0, 1, imm=0x40), op3(ALU, 0x39, 0, 1, imm=at))
        b.set(g1=CODE, wim=wim, mode=s, et=0, ps=ps, cc_z=1).step()
        if tt is not None:
            in_error(b, tt)
            continue
        before = look(b)
        b.step()
        assert (b["pc"], b["npc"]) == (CODE + 0x40, CODE + at)
        psr = before["psr"] & ~0xBF | ps << 7 | 0x20 | 4
        assert look(b) == {**before, "psr": psr}


def test_rett_wraps(b: Board) -> None:
    """CWP + 1 modulo the windows there are."""
    fresh(b).put(op3(ALU, 0x39, 0, 1, imm=0x40)).set(g1=CODE, cwp=7, wim=0xFE, et=0, ps=1).step()
    assert b["psr"] & 0xFF == 0xE0


# -- state registers: 4.2 to 4.4, B.28, B.29 -----------------------------------------------------------------


def test_wrpsr(b: Board) -> None:
    """rs1 XOR operand; a window that is not there is an illegal instruction and changes nothing."""
    for cwp in range(32):
        value = 0xFFF00000 | 0xA00 | 0x80 | 0x40 | 0x20 | cwp
        fresh(b).put(op3(ALU, 0x31, 0, 1, 2), NOP, NOP, NOP).set(g1=0x12345678, g2=0x12345678 ^ value)
        before = look(b)
        b.step()
        if cwp < 8:
            b.step(3)
            assert f"{b['psr'] & 0xFFFFFF:06x}" == f"{value & 0xFFFFFF:06x}"
            assert b["psr"] >> 24 == before["psr"] >> 24  # impl and ver are read-only (4.2)
        else:
            entered(b, before, ILLEGAL, CODE, CODE + 4)


def test_wrpsr_reserved(b: Board) -> None:
    """4.2: reserved bits read as zero; without a coprocessor EC does."""
    fresh(b).put(op3(ALU, 0x31, 0, 1), NOP, NOP, NOP).set(g1=0x000FE0A0).step(4)
    assert b["psr"] & 0x00FFFFFF & ~EF == 0xA0


def test_wrpsr_enables(b: Board) -> None:
    """B.29 note: ET and PIL count from the same instruction on; interrupts that wait are taken behind it."""
    for old, new, level, taken in ((15, 3, 4, True), (0, 4, 4, False), (3, 15, 15, True)):
        fresh(b).put(op3(ALU, 0x31, 0, 1), NOP, NOP, NOP, NOP).set(pil=old, et=0, irl=level)
        b.set(g1=0x83 | 0x20 | new << 8).step(5)
        assert (b["pc"] & -0x1000 == TABLE) == taken
        if taken:
            assert b.tt == 0x10 + level


def test_wim_tbr_y(b: Board) -> None:
    """WIM of windows that are not there reads as zero (4.3); WRTBR leaves tt alone (4.4); all XOR."""
    fresh(b).put(op3(ALU, 0x32, 0, 1, imm=-1), NOP, NOP, NOP, op3(ALU, 0x2A, G2, 0)).set(g1=0xA0).step(5)
    assert (b["g2"], b["wim"]) == (0x5F, 0x5F)
    fresh(b).put(op3(ALU, 0x33, 0, 1, 2), NOP, NOP, NOP, op3(ALU, 0x2B, G2, 0))
    b.set(g1=0x12345FFF, g2=0x10000000, tbr=TABLE | 0x250).step(5)
    assert b["g2"] == b["tbr"] == 0x02345250
    fresh(b).put(op3(ALU, 0x30, 0, 1, imm=-1), NOP, NOP, NOP, op3(ALU, 0x28, G2, 0)).set(g1=0xF0F0).step(5)
    assert b["g2"] == b["y"] == 0xFFFF0F0F


# -- Ticc: B.27 ----------------------------------------------------------------------------------------------


def holds(cond: int, flags: int) -> bool:
    """B.21 and B.27: conditions of N Z V C."""
    n, z, v, c = (bool(flags >> k & 1) for k in (3, 2, 1, 0))
    table = (False, z, z or n != v, n != v, c or z, c, n, v)
    return table[cond & 7] != bool(cond & 8)


def test_conditions(b: Board) -> None:
    """Each of the 16 conditions with each of the 16 flags: Ticc traps, Bicc branches, annulment by both."""
    for flags in range(16):
        for cond in range(16):
            want = holds(cond, flags)
            fresh(b).put(op3(ALU, 0x3A, cond, 0, imm=9)).set(g1=0x83A0 | flags << 20)
            put_flags(b, flags)
            before = look(b)
            b.step()
            if want:
                entered(b, before, 0x89, CODE, CODE + 4)
            else:
                assert look(b) == before
                assert b["pc"] == CODE + 4
            for annul in (0, 1):
                fresh(b).put(bicc(cond, annul, 9), NOP)
                put_flags(b, flags)
                b.step()
                if annul and (cond == BA or not want):
                    at = CODE + 36 if cond == BA else CODE + 8
                    assert (b["pc"], b["npc"]) == (at, at + 4), (cond, flags)
                else:
                    assert (b["pc"], b["npc"]) == (CODE + 4, CODE + (36 if want else 8)), (cond, flags)


def put_flags(b: Board, flags: int) -> None:
    """By the very WRPSR of the tables above."""
    pc = b["pc"]
    b.put(op3(ALU, 0x31, 0, 1), NOP, NOP, NOP, at=CODE + 0x300).set(g1=0x3A3 | flags << 20, pc=CODE + 0x300)
    b.step(4).set(pc=pc)
    assert icc(b) == flags


# -- the V7 processors ---------------------------------------------------------------------------------------

V8_ONLY = (0x0A, 0x0B, 0x0E, 0x0F, 0x1A, 0x1B, 0x1E, 0x1F)


def seven(b: Board, count: int) -> None:
    """What is different: windows, no multiplication, an odd rd of LDD and STD."""
    windows(b, count)
    for cwp in range(32):
        fresh(b).put(op3(ALU, 0x31, 0, 0, imm=0xA0 | cwp), NOP, NOP, NOP).step(4)
        assert (b.tt == ILLEGAL) == (cwp >= count)
    fresh(b).put(op3(ALU, 0x32, 0, 0, imm=-1)).step()
    assert b["wim"] == (1 << count) - 1
    for code in V8_ONLY:
        fresh(b).put(op3(ALU, code, 2, 1, 2)).step()
        assert b.tt == ILLEGAL, hex(code)
    for code, user, tt in ((0x03, 0, None), (0x07, 0, None), (0x13, 1, PRIVILEGED), (0x17, 1, PRIVILEGED)):
        fresh(b).put(op3(MEM, code, 3, 1)).set(g1=DATA, mode=1 - user).step()
        assert b.tt == (tt or 0), hex(code)


@pytest.mark.parametrize("name", ["mb86900", "cy7c601"])
def test_v7(name: str) -> None:
    from translator.sparc import MODELS

    b = Board(MODELS[name])
    seven(b, 7 if name == "mb86900" else 8)


TABLES = {
    test_windows_8: 8 * 11 * 2,
    test_conditions: 16 * 16 * 3,
    test_wrpsr: 32,
}
