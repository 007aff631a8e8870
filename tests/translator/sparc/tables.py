"""What the tables of the V8 manual's second author share: a fresh board, and what every trap does."""

from __future__ import annotations

from typing import Any

from tests.translator.sparc.board import CODE, TABLE, Board

G1, G2, G3, L0 = 1, 2, 3, 16
ALU, MEM = 2, 3  # op of format 3
BA, BN, BE, BNE = 8, 0, 1, 9
EC, EF = 1 << 13, 1 << 12

# Trap types: table 7-1.
ILLEGAL, PRIVILEGED, NO_FPU, OVERFLOW, UNDERFLOW = 2, 3, 4, 5, 6
UNALIGNED, NO_DATA, TAG, NO_CP, DIVIDE, NO_CODE = 7, 9, 10, 0x24, 0x2A, 1


def fresh(b: Board) -> Board:
    """As the board begins, with no memory that a case may have changed."""
    b.cpu.reset()
    b.state.file[1:136] = [0x5EED0000 | k for k in range(1, 136)]
    values = {"et": 1, "tbr": TABLE, "pc": CODE, "cwp": 3, "wim": 0, "y": 0, "pil": 5, "ps": 0, "irl": 0}
    return b.set(**values, mode=1)


def look(b: Board) -> dict[str, Any]:
    return {"file": list(b.state.file), "memory": b.memory, **{n: b[n] for n in ("y", "wim", "psr", "tbr")}}


def icc(b: Board) -> int:
    return b["psr"] >> 20 & 15


def entered(b: Board, before: dict[str, Any], tt: int, pc: int, npc: int, windows: int = 8) -> None:
    """Chapter 7: what a trap does, and that it does nothing else (execute_trap in appendix C)."""
    psr, cwp = before["psr"], before["psr"] & 31
    new = (cwp - 1) % windows
    want = psr & ~0xFF | psr >> 1 & 0x40 | 0x80 | new  # PS = S, S = 1, ET = 0, CWP - 1; PIL and icc stay
    assert (b.tt, f"{b['psr']:08x}") == (tt, f"{want:08x}")
    assert b["tbr"] == before["tbr"] & 0xFFFFF000 | tt << 4
    assert (b["pc"], b["npc"]) == (b["tbr"], b["tbr"] + 4)
    assert (b["l1"], b["l2"]) == (pc, npc)
    kept = list(before["file"])
    kept[8 + 16 * new + 9], kept[8 + 16 * new + 10] = pc, npc
    assert list(b.state.file) == kept
    assert (b.memory, b["y"], b["wim"]) == (before["memory"], before["y"], before["wim"])
    assert not b.cpu.halted


def in_error(b: Board, tt: int) -> None:
    """7.1: a trap while ET = 0 halts the processor; only a reset helps.

    TBR: as the CY7C601 does it (user's guide 2.8.7), for a monitor to tell why; V8 leaves it open.
    """
    before = look(b)
    at = b["pc"], b["npc"]
    assert b.cpu.run(5) <= 1
    assert b.cpu.halted
    assert (b["pc"], b["npc"]) == at
    assert look(b) == {**before, "tbr": before["tbr"] & ~0xFF0 | tt << 4}
    b.set(irl=15)
    assert b.cpu.run(5) == 0
    b.cpu.reset()
    assert (b.cpu.halted, b["pc"], b["npc"], b["psr"] & 0xA0) == (False, 0, 4, 0x80)
