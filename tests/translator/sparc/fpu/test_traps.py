"""Traps of the floating-point unit, its states and its queue, by the V8 manual's text (4.4, 7.1, B, N)."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from tests.insn.sparc import NOP, bicc, op3
from tests.translator.sparc.board import CODE, DATA, Board
from tests.translator.sparc.fpu.cases import (
    FPOP1,
    FPOP2,
    LDDF,
    LDF,
    LDFSR,
    OPERATIONS,
    STDF,
    STDFQ,
    STF,
    STFSR,
)
from tests.translator.sparc.fpu.programs import fbfcc
from translator.sparc import MB86904, SYSTEMS

MODEL = SYSTEMS["mb86904+mb86904"]
VER = 4 << 17
NVM, OFM, UFM, DZM, NXM = (1 << n for n in range(27, 22, -1))
NV, OF, UF, DZ, NX = 16, 8, 4, 2, 1  # cexc; aexc is 5 bits above it
FTT, QNE = 14, 1 << 13
ONE, THREE, HUGE, SMALL = 1.0, 3.0, 1e308, 1e-308


def fpop(name: str, rd: int = 4, rs1: int = 0, rs2: int = 2) -> int:
    code, opf, _, _ = OPERATIONS[name]
    return op3(2, code, rd, rs1, rs2) | opf << 5


def memory(code: int, n: int = 0, imm: int = 0) -> int:
    """An access at %g1 + imm."""
    return op3(3, code, n, 1, imm=imm)


DIVIDE, ADD, STORE_FSR = fpop("fdivd"), fpop("faddd"), memory(STFSR, 0, 64)
EVERY = {
    "fpop1": ADD, "fpop2": fpop("fcmpd", 0), "no such fpop": op3(2, FPOP1, 0, 0), "fbfcc": fbfcc(9, 0, 4),
    "ldf": memory(LDF), "lddf": memory(LDDF), "ldfsr": memory(LDFSR), "stf": memory(STF),
    "stdf": memory(STDF), "stfsr": memory(STFSR), "stdfq": memory(STDFQ),
}  # fmt: skip
STORES = ("stf", "stdf", "stfsr")


def bits(x: float) -> int:
    return int.from_bytes(struct.pack(">d", x), "big")


class Fpu(Board):
    """%f0 and %f2 hold operands, %g1 points to the data."""

    def __init__(self, model: Any, native: Any, fsr: int = 0, a: float = ONE, b: float = THREE) -> None:
        super().__init__(model, native)
        s = self.state
        s.fp_mode = 0
        self.set(g1=DATA)
        self.ram[DATA + 128 : DATA + 132] = struct.pack(">I", fsr)
        self.put(memory(LDFSR, 0, 128)).step()
        s.pc = CODE
        s.fpd[0], s.fpd[1], s.fpd[2] = bits(a), bits(b), 0x1122334455667788

    def word(self, at: int) -> int:
        return int.from_bytes(self.ram[DATA + at : DATA + at + 4], "big")

    def fsr(self) -> int:
        """As STFSR stores it, without the version; the pc stays."""
        pc, delay = self.state.pc, self.state.delay
        self.put(STORE_FSR, at=CODE + 0x800)
        self.state.pc, self.state.delay = CODE + 0x800, 0
        self.step()
        assert self.state.pc == CODE + 0x804, "STFSR trapped"
        self.state.pc, self.state.delay = pc, delay
        value = self.word(64)
        assert value & 7 << 17 == VER
        return value & ~VER


@pytest.mark.parametrize("name", EVERY)
def test_disabled(fpu_engine: Any, name: str) -> None:
    b = Fpu(MODEL, fpu_engine).put(EVERY[name])
    b.state.fp_mode |= 1
    before = b.memory
    b.step()
    assert (b.tt, b["l1"], b.memory) == (4, CODE, before)


@pytest.mark.parametrize("name", EVERY)
def test_none(engine: Any, name: str) -> None:
    """A processor without a unit."""
    b = Board(MB86904, engine).set(g1=DATA).put(EVERY[name])
    b.step()
    assert (b.tt, b["l1"]) == (4, CODE)


def test_ef(fpu_engine: Any, engine: Any) -> None:
    """PSR.EF can be written, and is 0 without a unit."""
    for board, there in ((Fpu(MODEL, fpu_engine), 1), (Board(MB86904, engine), 0)):
        for ef in (0, 1):
            psr = board["psr"] & ~0x1000 | ef << 12
            board.state.pc = CODE
            board.set(g2=psr).put(op3(2, 0x31, 0, 2), op3(2, 0x29, 3, 0)).step(2)
            assert board["g3"] == psr & ~(0x1000 * (1 - there)) == board["psr"]


@pytest.mark.parametrize("name", EVERY)
def test_deferred(fpu_engine: Any, name: str) -> None:
    """The FPop goes into the queue, and the next floating-point instruction, whichever, traps."""
    b = Fpu(MODEL, fpu_engine, DZM, b=0.0).put(DIVIDE, NOP, op3(2, 0, 3, 0, imm=5), EVERY[name], NOP)
    b.step(3)
    assert (b["pc"], b["g3"], b.tt) == (CODE + 12, 5, 0)
    before = b.memory
    b.step()
    assert (b.tt, b["l1"], b["l2"], b.memory) == (8, CODE + 12, CODE + 16, before)
    assert b.fsr() == DZM | 1 << FTT | QNE | DZ
    assert b.state.fpd[2] == 0x1122334455667788
    b.state.pc = CODE + 0x100
    b.put(memory(STDFQ, 0, 72), ADD, at=CODE + 0x100).step()
    assert (b.word(72), b.word(76)) == (CODE, DIVIDE)
    assert b.fsr() == DZM | 1 << FTT | DZ
    b.step()
    assert (b.fsr(), b.state.fpd[2]) == (DZM, bits(ONE))


def test_disabled_comes_first(fpu_engine: Any) -> None:
    """Priorities of table 7-1: fp_disabled, then misaligned, then fp_exception."""
    b = Fpu(MODEL, fpu_engine, DZM, b=0.0).put(DIVIDE, memory(LDF, 0, 2)).step(2)
    assert b.tt == 7
    b = Fpu(MODEL, fpu_engine, DZM, b=0.0).put(DIVIDE, memory(STDF, 0, 4)).step(2)
    assert b.tt == 7
    b = Fpu(MODEL, fpu_engine, DZM, b=0.0).put(DIVIDE, ADD).step()
    b.state.fp_mode |= 1
    b.step()
    assert b.tt == 4


def test_privileged(fpu_engine: Any) -> None:
    """STDFQ is the supervisor's, before anything else."""
    b = Fpu(MODEL, fpu_engine, DZM, b=0.0).put(DIVIDE, memory(STDFQ)).step()
    b.set(mode=0).step()
    assert b.tt == 3


@pytest.mark.parametrize("name", [n for n in EVERY if n not in (*STORES, "stdfq")])
def test_sequence_error(fpu_engine: Any, name: str) -> None:
    """In fp_exception only stores are executed; another is lost, and the next one traps again."""
    b = Fpu(MODEL, fpu_engine, DZM, b=0.0).put(DIVIDE, ADD).step(2)
    assert b.tt == 8
    b.put(EVERY[name], STORE_FSR, at=CODE + 0x100)
    b.set(et=1, pc=CODE + 0x100, tbr=b["tbr"] & ~0xFF0).step()
    assert (b["pc"], b.tt) == (CODE + 0x104, 0)
    b.step()
    assert (b.tt, b["l1"]) == (8, CODE + 0x104)
    assert b.fsr() == DZM | 4 << FTT | QNE | DZ
    b.put(memory(STDFQ, 0, 72), at=CODE + 0x200).set(pc=CODE + 0x200).step()
    assert (b.word(72), b.word(76)) == (CODE, DIVIDE)


@pytest.mark.parametrize("name", STORES)
def test_stores(fpu_engine: Any, name: str) -> None:
    b = Fpu(MODEL, fpu_engine, DZM, b=0.0).put(DIVIDE, ADD).step(2)
    b.put(EVERY[name], at=CODE + 0x100).set(pc=CODE + 0x100, tbr=b["tbr"] & ~0xFF0).step()
    assert (b["pc"], b.tt) == (CODE + 0x104, 0)


def test_empty_queue(fpu_engine: Any) -> None:
    b = Fpu(MODEL, fpu_engine).put(memory(STDFQ, 0, 72)).step()
    assert (b.tt, b["l1"], b.word(72)) == (8, CODE, 0)
    assert b.fsr() == 4 << FTT
    b.put(ADD, at=CODE + 0x100).set(pc=CODE + 0x100).step()
    assert b.fsr() == 0


def test_slot(fpu_engine: Any) -> None:
    """An FPop that fails in a delay slot is followed by the target."""
    b = Fpu(MODEL, fpu_engine, DZM, b=0.0).put(bicc(8, 0, 4), DIVIDE).step(2)
    assert b["pc"] == CODE + 16
    b.put(ADD, at=CODE + 16).step()
    assert (b.tt, b["l1"]) == (8, CODE + 16)


# name, a, b, TEM: whether it traps, cexc.  A trap leaves exactly one bit, and aexc and rd as they were.
EXCEPTIONS: list[tuple[str, float, float, int, bool, int]] = [
    ("fdivd", 1.0, 3.0, 0, False, NX),
    ("fdivd", 1.0, 3.0, NXM, True, NX),
    ("fdivd", 1.0, 3.0, NVM | OFM | UFM | DZM, False, NX),
    ("fdivd", 1.0, 0.0, 0, False, DZ),
    ("fdivd", 1.0, 0.0, NXM, False, DZ),
    ("fdivd", 0.0, 0.0, 0, False, NV),
    ("fdivd", 0.0, 0.0, NVM, True, NV),
    ("fmuld", HUGE, HUGE, 0, False, OF | NX),
    ("fmuld", HUGE, HUGE, OFM, True, OF),
    ("fmuld", HUGE, HUGE, OFM | NXM, True, OF),
    ("fmuld", HUGE, HUGE, NXM, True, NX),
    ("fmuld", SMALL, SMALL, 0, False, UF | NX),
    ("fmuld", SMALL, SMALL, UFM | NXM, True, UF),
    ("fmuld", SMALL, SMALL, NXM, True, NX),
    ("fmuld", 2.0**-1000, 2.0**-40, 0, False, 0),
    ("fmuld", 2.0**-1000, 2.0**-40, UFM, True, UF),
    ("fmuld", float("inf"), 0.0, NVM, True, NV),
    ("fsubd", float("inf"), float("inf"), NVM, True, NV),
    ("faddd", float("inf"), 1.0, NVM | OFM | NXM, False, 0),
    ("faddd", 1.0, 2.0**-60, NXM, True, NX),
    ("fsqrtd", 0.0, -1.0, NVM, True, NV),
    ("fsqrtd", 0.0, -0.0, NVM, False, 0),
    ("fdtoi", 0.0, 1.5, NXM, True, NX),
    ("fdtoi", 0.0, 3e9, NVM | NXM, True, NV),
    ("fdtos", 0.0, 1e300, OFM, True, OF),
    ("fdtos", 0.0, 1e-300, UFM, True, UF),
    ("fcmpd", float("nan"), 1.0, NVM, False, 0),
    ("fcmped", float("nan"), 1.0, NVM, True, NV),
    ("fcmped", float("nan"), 1.0, 0, False, NV),
]


@pytest.mark.parametrize(("name", "a", "b", "tem", "traps", "cexc"), EXCEPTIONS)
def test_exceptions(fpu_engine: Any, name: str, a: float, b: float, tem: int, traps: bool, cexc: int) -> None:
    for aexc in (0, NV | NX):
        board = Fpu(MODEL, fpu_engine, tem | aexc << 5 | 0x1F, a, b)
        board.put(fpop(name, 0 if "cmp" in name else 4), NOP, ADD if traps else NOP).step(3)
        assert (board.tt == 8) == traps
        fcc = 3 << 10 if "cmp" in name and not traps else 0
        expected = tem | cexc | fcc | (aexc << 5 | 1 << FTT | QNE if traps else (aexc | cexc) << 5)
        assert board.fsr() == expected
        if traps:
            assert board.state.fpd[2] == 0x1122334455667788


def test_last_operation(fpu_engine: Any) -> None:
    """cexc is that of the last operation; moves clear it; aexc gathers."""
    b = Fpu(MODEL, fpu_engine)
    seen = []
    for name in ("fdivd", "faddd", "fdivd", "fmovs", "fdivd", "fcmpd"):
        b.put(fpop(name, 0 if name == "fcmpd" else 4)).set(pc=CODE).step()
        seen.append(b.fsr() & 0x3FF)
    assert seen == [NX << 5 | NX, NX << 5, NX << 5 | NX, NX << 5, NX << 5 | NX, NX << 5]


def test_ldfsr(fpu_engine: Any) -> None:
    """ver, ftt and qne cannot be written, and there is nothing in the unused bits."""
    b = Fpu(MODEL, fpu_engine, 0xFFFFFFFF)
    assert b.fsr() == 0xCFC00FFF
    b = Fpu(MODEL, fpu_engine, 0).put(op3(2, FPOP1, 4, 0, 2) | 0x43 << 5, NOP).step(2)
    b.set(pc=CODE + 0x100, et=0).put(STORE_FSR, at=CODE + 0x100)
    assert b.state.fp_ftt == 3


def unimplemented(model: str, word: int) -> int:
    """ftt after an FPop."""
    b = Fpu(SYSTEMS[model], None, 0x1F).put(word).step()
    assert (b.tt, b["pc"], b.state.fpd[2]) == (
        0,
        CODE + 4,
        0x1122334455667788 if b.state.fp_ftt else b.state.fpd[2],
    )
    assert b.state.fp_ftt == 0 or (b.state.fq_insn, b.state.fq_address) == (word, CODE)
    return int(b.state.fp_ftt)


@pytest.mark.parametrize("model", SYSTEMS)
def test_models(model: str) -> None:
    """Quad precision is nobody's; FsMULd is the MB86904's; the MB86900's units have no roots."""
    quad = (0x43, 0x47, 0x4B, 0x4F, 0x6E, 0x2B, 0xC7, 0xCB, 0xCC, 0xCD, 0xCE, 0xD3)
    assert {unimplemented(model, op3(2, FPOP1, 4, 0, 8) | opf << 5) for opf in quad} == {3}
    assert {unimplemented(model, op3(2, FPOP2, 0, 0, 8) | opf << 5) for opf in (0x53, 0x57, 0, 0x151)} == {3}
    assert unimplemented(model, fpop("fsmuld")) == (0 if model.startswith("mb86904") else 3)
    assert unimplemented(model, fpop("fsqrtd")) == (3 if model.startswith("mb86900") else 0)
    odd = 6 if model.startswith("mb86900") else 0
    assert unimplemented(model, fpop("faddd", 5)) == unimplemented(model, fpop("faddd", 4, 1)) == odd
    assert unimplemented(model, fpop("fstod", 4, 0, 3)) == 0
    core, _, unit = model.partition("+")
    vers = {"l64812/act8847": 0, "l64814": 1, "tms390-c602A": 2, "wtl3171/cy7c602": 3, "mb86904": 4}
    if core != "mb86900":
        assert SYSTEMS[model].options["fpu"] == vers[unit]


# By condition number: whether it branches for fcc 0 (equal), 1 (less), 2 (greater), 3 (unordered): B.22.
TAKEN = (
    "----", "-lgu", "-lg-", "-l-u", "-l--", "--gu", "--g-", "---u",
    "elgu", "e---", "e--u", "e-g-", "e-gu", "el--", "el-u", "elg-",
)  # fmt: skip


@pytest.mark.parametrize("cond", range(16))
def test_fbfcc(fpu_engine: Any, cond: int) -> None:
    for fcc in range(4):
        for annul in (0, 1):
            b = Fpu(MODEL, fpu_engine, fcc << 10)
            b.put(fbfcc(cond, annul, 4), op3(2, 0, 3, 0, imm=1), op3(2, 0, 2, 0, imm=1), NOP, NOP).step(2)
            taken = TAKEN[cond][fcc] != "-"
            slot = not annul or (taken and cond != 8)
            count = 1 + slot
            assert b["g3"] == slot
            at = CODE + 16 if taken else CODE + 8
            assert b["pc"] == (at if count == 2 else at + 4)
