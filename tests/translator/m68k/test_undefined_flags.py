"""Flags that the manual leaves undefined, as testers of real processors have published them."""

from __future__ import annotations

import pytest

from tests.insn.tiny import Tiny
from translator.isa import Model
from translator.m68k import M68000, M68010, M68020
from translator.m68k.model import pack_sr, unpack_sr

CODE, DATA, HANDLER = 0x1000, 0x2000, 0x3000


def flags(model: Model, code: str, d0: int, d1: int, ccr: int, data: bytes = b"") -> str:
    """NZVC behind one instruction, or as an exception has found them; A0 is the address of `data`."""
    cpu = Tiny(model)
    s = cpu.state
    unpack_sr(s, 0x2700 | ccr)
    s.r[0], s.r[1], s.r[8], s.r[15], s.pc = d0 & 0xFFFFFFFF, d1 & 0xFFFFFFFF, DATA, 0x8000, CODE
    for vector in (5, 6):
        cpu.memory.poke(4 * vector, 4, HANDLER)
    for at, raw in ((CODE, bytes.fromhex(code)), (DATA, data)):
        cpu.memory.bytes.update((at + i, b) for i, b in enumerate(raw))
    cpu.step()
    assert s.pc in (CODE + len(bytes.fromhex(code)), HANDLER)
    now = pack_sr(s)
    return "".join(name if now >> 3 - i & 1 else "-" for i, name in enumerate("NZVC"))


DIVU, DIVS, CHK_W, CHK_L = "80c1", "81c1", "4181", "4101"  # D1 is the divisor or bound, D0 the other


@pytest.mark.parametrize("ccr", [0, 0x1F])
@pytest.mark.parametrize(
    ("insn", "dividend", "divisor", "m68000", "m68010", "m68020"),
    [
        (DIVU, 0x00001234, 0, "-Z--", "-Z--", "-ZV-"),
        (DIVU, 0x80000000, 0, "N---", "N---", "N-V-"),
        (DIVU, 0x7FFF0000, 0, "----", "----", "--V-"),
        (DIVS, 0x80001234, 0, "-Z--", "-Z--", "-Z--"),
        (DIVU, 0x7FFFFFFF, 1, "N-V-", "N-V-", "--V-"),
        (DIVU, 0x80000000, 1, "N-V-", "N-V-", "N-V-"),
        (DIVU, 0xFFFF0000, 0x8001, "N-V-", "--V-", "N-V-"),
        (DIVU, 0x7FFF8000, 0x0002, "N-V-", "N-V-", "--V-"),
        (DIVS, 0x7FFFFFFF, 1, "N-V-", "N-V-", "--V-"),  # at once: |dividend| / 65536 >= |divisor|
        (DIVS, 0x80000000, 0xFFFF, "N-V-", "N-V-", "--V-"),
        (DIVS, 0x00008000, 1, "N-V-", "N-V-", "-ZV-"),  # the quotient's magnitude ends in 00,
        (DIVS, 0x00008080, 1, "N-V-", "N-V-", "N-V-"),  # in 80,
        (DIVS, 0x0000807F, 1, "N-V-", "N-V-", "--V-"),  # in 7F
        (DIVS, 0xFFFF7F80, 1, "N-V-", "N-V-", "N-V-"),  # and of a negative one too
    ],
)
def test_division_of_words(
    insn: str, dividend: int, divisor: int, m68000: str, m68010: str, m68020: str, ccr: int
) -> None:
    for model, want in ((M68000, m68000), (M68010, m68010), (M68020, m68020)):
        assert flags(model, insn, dividend, divisor, ccr) == want


UNSIGNED, SIGNED, LONG = 0x0000, 0x0800, 0x0400  # DIVx.L D1,D2:D0 or D1,D0


@pytest.mark.parametrize("ccr", [0, 0x1F])
@pytest.mark.parametrize(
    ("kind", "high", "low", "divisor", "want"),
    [
        (UNSIGNED, 0, 0, 0, "-ZV-"),
        (UNSIGNED, 0, 0x80000000, 0, "N-V-"),
        (SIGNED, 0, 0x80000000, 0, "-Z--"),
        (UNSIGNED | LONG, 2, 0, 1, "-ZV-"),
        (UNSIGNED | LONG, 2, 0x80000000, 1, "N-V-"),
        (UNSIGNED | LONG, 2, 1, 1, "--V-"),
        (SIGNED, 0, 0x80000000, 0xFFFFFFFF, "N-V-"),
        (SIGNED | LONG, 0, 0x80000000, 1, "-ZV-"),
        (SIGNED | LONG, 2, 0x80000000, 1, "N-V-"),
        (SIGNED | LONG, -2, 0x80000000, 1, "--V-"),
        (SIGNED | LONG, -2, 1, 1, "N-V-"),
        (SIGNED | LONG, -2, 1, -3, "--V-"),
        (SIGNED | LONG, -4, 1, -3, "N-V-"),
        (SIGNED | LONG, 2, 0, 1, "-ZV-"),
    ],
)
def test_division_of_longs(kind: int, high: int, low: int, divisor: int, want: str, ccr: int) -> None:
    cpu_code = f"4c41{kind | 2:04x}"
    move = "7400" if high == 0 else f"74{high & 0xFF:02x}"  # moveq #high,d2
    cpu = Tiny(M68020)
    s = cpu.state
    s.r[0], s.r[1], s.r[15], s.pc = low, divisor & 0xFFFFFFFF, 0x8000, CODE
    cpu.memory.bytes.update((CODE + i, b) for i, b in enumerate(bytes.fromhex(move + cpu_code)))
    cpu.step()
    unpack_sr(s, 0x2700 | ccr)
    before = s.r[:8]
    cpu.step()
    assert s.r[:8] == before
    now = pack_sr(s)
    assert "".join(name if now >> 3 - i & 1 else "-" for i, name in enumerate("NZVC")) == want


@pytest.mark.parametrize("ccr", [0, 0x1F])
@pytest.mark.parametrize(
    ("value", "bound", "earlier", "m68020"),
    [
        (5, 5, "----", "----"),
        (0, 5, "-Z--", "-Z--"),
        (6, 5, "----", "---C"),
        (6, -5, "----", "----"),
        (-6, 5, "N---", "N--C"),
        (-6, -5, "N---", "N---"),
        (-5, -6, "N---", "N--C"),
        (-0x8000, 0x7FFF, "N---", "N-VC"),
        (0x7FFF, -0x8000, "----", "--V-"),
    ],
)
def test_chk(value: int, bound: int, earlier: str, m68020: str, ccr: int) -> None:
    for model, want in ((M68000, earlier), (M68010, earlier), (M68020, m68020)):
        assert flags(model, CHK_W, value, bound, ccr) == want
    assert flags(M68020, CHK_L, value << 16, bound << 16, ccr) == m68020


@pytest.mark.parametrize("ccr", [0, 0x1F])
@pytest.mark.parametrize("trap", [0, 0x800])
@pytest.mark.parametrize(
    ("lower", "upper", "value", "want"),
    [
        (1, 5, 1, "-Z--"),
        (1, 5, 5, "-Z--"),
        (1, 5, 3, "----"),
        (1, 5, 0, "N--C"),
        (1, 5, 6, "N--C"),
        (1, 5, -1, "---C"),
        (1, 5, -0x80000000, "N-VC"),
        (-5, 5, 0, "N---"),
        (-5, 5, 6, "---C"),
        (-5, 5, -6, "N--C"),
        (-5, 5, -1, "----"),
        (-5, 0x7FFFFFFF, 0x7FFFFFFE, "--V-"),
        (-0x80000000, 5, 6, "N-VC"),
        (-0x80000000, 5, 4, "--V-"),
        (-5, -1, -6, "N--C"),
        (-5, -1, -3, "----"),
        (-5, -1, 0, "---C"),
        (-5, -1, 0x7FFFFFFF, "N-VC"),
        (5, -5, 6, "N---"),  # the way round, from 5 up to -5: unsigned bounds
        (5, -5, 4, "N--C"),
        (5, -5, -6, "----"),
        (5, -5, -4, "N--C"),
        (5, -0x80000000, 6, "--V-"),
        (5, 1, 3, "N--C"),
        (5, 1, -1, "N---"),
        (5, 1, -0x80000000, "--V-"),
        (-1, -5, -3, "N--C"),
        (-1, -5, 3, "N---"),
        (-1, -5, 0x7FFFFFFF, "--V-"),
    ],
)
def test_chk2_and_cmp2(lower: int, upper: int, value: int, want: str, trap: int, ccr: int) -> None:
    data = b"".join((n & 0xFFFFFFFF).to_bytes(4, "big") for n in (lower, upper))
    assert flags(M68020, f"04d0{trap:04x}", value, 0, ccr, data) == want


@pytest.mark.parametrize("ccr", [0, 0x1F])
@pytest.mark.parametrize("code", ["e1a8", "e0a8", "e1a0", "e0a0", "e3a8", "e2a8"])
def test_shift_by_zero_clears_carry_and_leaves_extend(code: str, ccr: int) -> None:
    word = int(code, 16) & 0xF1FF | 1 << 9  # the count is in D1
    assert flags(M68020, f"{word:04x}", 0x80000000, 64, ccr) == "N---"
    rotate_x = word & ~0x18 | 0x10
    assert flags(M68020, f"{rotate_x:04x}", 0, 64, ccr) == ("-Z-C" if ccr & 0x10 else "-Z--")


def test_one_register_for_both_halves_of_a_product() -> None:
    cpu = Tiny(M68020)
    s = cpu.state
    s.r[0], s.r[1], s.pc = 0x80000000, 6, CODE
    cpu.memory.poke(CODE, 4, 0x4C01_0400)  # mulu.l d1,d0:d0
    cpu.step()
    assert s.r[0] == 3
