"""Traps: hand tables after the V8 manual, chapter 7 and appendix B, in both engines."""

from __future__ import annotations

from typing import Any

import pytest

from tests.insn.sparc import NOP, bicc, op3
from tests.translator.sparc.board import CODE, DATA, NOTHING, TABLE, Board
from translator.isa import Model
from translator.sparc import CY7C601, MB86900, MB86904
from translator.worker import find_model

G1, G2, O0, L1, L2 = 1, 2, 8, 17, 18
UNIMP, RDPSR, RETT = 0, op3(2, 0x29, G1, 0), op3(2, 0x39, 0, L2, imm=0)
TA3 = 8 << 25 | op3(2, 0x3A, 0, 0, imm=3)
FADDS = op3(2, 0x34, 0, 0) | 0x41 << 5


def load(code: int, rd: int = O0, **where: int) -> int:
    """A memory instruction at %g1."""
    return op3(3, code, rd, G1, **where)


# name: (instruction, %g1, in user mode, trap type): tables 7-1 and 7-2; the lower priority loses.
CAUSES: dict[str, tuple[int, int, bool, int]] = {
    "unimp": (UNIMP, 0, False, 0x02),
    "reserved op3": (op3(2, 0x19, 0, 0), 0, False, 0x02),
    "rdpsr in user mode": (RDPSR, 0, True, 0x03),
    "wrtbr in user mode": (op3(2, 0x33, 0, G1), 0, True, 0x03),
    "lda in user mode": (load(0x10), DATA, True, 0x03),
    "lda with i = 1, user: privileged comes first": (load(0x10, imm=0), DATA, True, 0x03),
    "lda with i = 1": (load(0x10, imm=0), DATA, False, 0x02),
    "ldda, odd rd, user": (load(0x13, 9), DATA, True, 0x03),
    "ldda, odd rd": (load(0x13, 9), DATA, False, 0x02),
    "ldd, odd rd: before the alignment": (load(0x03, 9), DATA + 1, False, 0x02),
    "rdasr of none": (op3(2, 0x28, O0, 3), 0, True, 0x02),
    "wrpsr with too high a window": (op3(2, 0x31, 0, G1), 0x88, False, 0x02),
    "rett with traps enabled": (op3(2, 0x39, 0, G1, imm=0), CODE, False, 0x02),
    "rett with traps enabled, user": (op3(2, 0x39, 0, G1, imm=0), CODE, True, 0x03),
    "faddss": (FADDS, 0, True, 0x04),
    "fba": (8 << 25 | 6 << 22 | 2, 0, True, 0x04),
    "ldf: before the alignment": (load(0x20), DATA + 1, True, 0x04),
    "stdfq in user mode": (load(0x26), DATA, True, 0x03),
    "stdfq": (load(0x26), DATA, False, 0x04),
    "cpop1": (op3(2, 0x36, 0, 0), 0, True, 0x24),
    "cba": (8 << 25 | 7 << 22 | 2, 0, True, 0x24),
    "jmpl to an odd word": (op3(2, 0x38, 0, G1, imm=2), CODE, True, 0x07),
    "lduh": (load(0x02), DATA + 1, True, 0x07),
    "ld": (load(0x00), DATA + 2, True, 0x07),
    "ldd": (load(0x03), DATA + 4, True, 0x07),
    "std": (load(0x07), DATA + 4, True, 0x07),
    "st": (load(0x04), DATA + 1, True, 0x07),
    "swap": (load(0x0F), DATA + 2, True, 0x07),
    "ld from nowhere, misaligned": (load(0x00), NOTHING + 1, True, 0x07),
    "ld from nowhere": (load(0x00), NOTHING, True, 0x09),
    "st to nowhere": (load(0x04), NOTHING, True, 0x09),
    "ldstub of nothing": (load(0x0D), NOTHING, True, 0x09),
    "taddcctv, tag": (op3(2, 0x22, O0, G1, imm=0), 1, True, 0x0A),
    "taddcctv, overflow": (op3(2, 0x22, O0, G1, imm=4), 0x7FFFFFFC, True, 0x0A),
    "tsubcctv, overflow": (op3(2, 0x23, O0, G1, imm=4), 0x80000000, True, 0x0A),
    "udiv by zero": (op3(2, 0x0E, O0, G1, imm=0), 5, True, 0x2A),
    "sdivcc by zero": (op3(2, 0x1F, O0, G1, 0), 5, True, 0x2A),
    "ta 3": (TA3, 0, True, 0x83),
    "ta %g1 + 127, seven bits": (8 << 25 | op3(2, 0x3A, 0, G1, imm=127), 2, True, 0x81),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_cause(cause: str, engine: Any) -> None:
    word, g1, user, tt = CAUSES[cause]
    b = Board(MB86904, engine, user).put(word).set(g1=g1, o0=0xABCD, o1=0x1234)
    memory = b.memory
    before = {name: b[name] for name in ("g1", "y", "psr")}
    b.step()
    assert b.tt == tt
    assert (b["pc"], b["npc"]) == (TABLE + (tt << 4), TABLE + (tt << 4) + 4)
    assert (b["l1"], b["l2"]) == (CODE, CODE + 4)
    assert b["psr"] & 0xFF == (0x80 if user else 0xC0) | 2  # S, PS as S was, ET = 0, CWP - 1
    assert b["psr"] >> 8 == before["psr"] >> 8
    assert (b["i0"], b["i1"]) == (0xABCD, 0x1234)  # nothing was done
    assert (b["g1"], b["y"], b.memory) == (before["g1"], before["y"], memory)
    assert not b.cpu.halted


@pytest.mark.parametrize("cause", [c for c in CAUSES if c != "rett with traps enabled"])
def test_error_mode(cause: str, engine: Any) -> None:
    """With ET = 0 the processor stops where it is; RETT then is no illegal instruction (B.26)."""
    word, g1, user, tt = CAUSES[cause]
    b = Board(MB86904, engine, user).put(word).set(g1=g1, et=0)
    assert b.cpu.run(5) == 1
    assert b.cpu.halted
    assert b.tt == tt
    assert (b["pc"], b["psr"] & 0x1F) == (CODE, 3)
    b.cpu.reset()
    assert (b["pc"], b["npc"], b["psr"] & 0xE0) == (0, 4, 0x80)


def test_not_taken(engine: Any) -> None:
    b = Board(MB86904, engine).put(0 << 25 | op3(2, 0x3A, 0, 0, imm=3), 1 << 25 | op3(2, 0x3A, 0, 0, imm=3))
    b.set(cc_z=1).step(2)
    assert b["pc"] == CODE + 8


def test_fetch_fault(engine: Any) -> None:
    b = Board(MB86904, engine).put(op3(2, 0x38, 0, G1, imm=0), NOP).set(g1=NOTHING).step(3)
    assert (b.tt, b["l1"], b["l2"]) == (0x01, NOTHING, NOTHING + 4)


def test_in_a_delay_slot_and_back(engine: Any) -> None:
    """The trap handler sees nPC = target; JMPL %l1 and RETT %l2 go back to both (7.1.2, B.26)."""
    b = Board(MB86904, engine, user=True).put(bicc(8, 0, 8), TA3).step(2)
    assert (b["l1"], b["l2"]) == (CODE + 4, CODE + 32)
    b.put(NOP, at=CODE + 4)
    b.put(op3(2, 0x38, 0, L1, imm=0), RETT, at=TABLE + (0x83 << 4)).step(2)
    assert (b["pc"], b["npc"], b["psr"] & 0xFF) == (CODE + 4, CODE + 32, 0x23)
    assert b.step()["pc"] == CODE + 32


# (WIM, %l2, user mode): the trap that sends RETT with ET = 0 into error mode
RETTS = [(0, CODE, True, 0x03), (1 << 4, CODE + 1, False, 0x06), (0, CODE + 2, False, 0x07)]


@pytest.mark.parametrize(("wim", "target", "user", "tt"), RETTS)
def test_rett_in_error(wim: int, target: int, user: bool, tt: int, engine: Any) -> None:
    b = Board(MB86904, engine, user).put(RETT).set(l2=target, wim=wim, et=0).step()
    assert b.cpu.halted
    assert b.tt == tt


@pytest.mark.parametrize("model", [MB86900, CY7C601, MB86904], ids=lambda m: m.name)
def test_windows(model: Model) -> None:
    """Each window is its own, its ins are the outs of the one above; WIM stops both ways (4.1, B.20)."""
    n = int(model.options["windows"])
    b = Board(model).put(*[op3(2, 0x3C, 14, 14, imm=-96)] * n).set(cwp=0, wim=1, o6=0x9000)
    for k in range(n - 1):
        b.set(l0=k, o0=100 + k).step()
        assert b["psr"] & 31 == (n - 1 - k) % n
        assert (b["i0"], b["i6"], b["o6"]) == (100 + k, 0x9000 - 96 * k, 0x9000 - 96 * (k + 1))
    b.step()
    assert b.tt == 0x05  # window_overflow; the trap itself takes the next window whatever WIM says
    assert b["psr"] & 31 == 0
    b.put(*[op3(2, 0x3D, 0, 0, 0)] * n, at=TABLE + 0x50).set(wim=0, et=1, cwp=1)
    for k in range(n - 2, -1, -1):
        b.step()
        assert b["l0"] == k
        assert b["o0"] == 100 + k
    b.put(op3(2, 0x3D, 0, 0, 0)).set(pc=CODE, delay=0, wim=1 << b["psr"] % 32 + 1).step()
    assert b.tt == 0x06


def test_save_adds_in_the_old_window_and_writes_the_new(engine: Any) -> None:
    b = (
        Board(MB86904, engine)
        .put(op3(2, 0x3C, L1, L1, L2), op3(2, 0x3D, L1, L1, imm=1))
        .set(l1=30, l2=12)
        .step()
    )
    assert b["l1"] == 42
    b.step()
    assert (b["l1"], b["l2"]) == (43, 12)


def test_psr(engine: Any) -> None:
    b = Board(MB86904, engine).put(op3(2, 0x31, 0, G1, imm=0), RDPSR)
    b.set(g1=0xFFFFFFC5).step(2)
    assert b["g1"] == 0x04F00FC5  # implementation, version, EC and EF are read only


def test_wim_has_as_many_bits_as_windows(engine: Any) -> None:
    b = Board(MB86904, engine).put(op3(2, 0x32, 0, G1), op3(2, 0x2A, G2, 0)).set(g1=0xFFFFFFFF).step(2)
    assert b["g2"] == 0xFF


# (interrupt level, PIL, ET, taken): 7.4: level 15 is not masked
INTERRUPTS = [
    (5, 4, 1, True),
    (5, 5, 1, False),
    (5, 4, 0, False),
    (15, 15, 1, True),
    (15, 0, 0, False),
    (0, 0, 1, False),
]


@pytest.mark.parametrize(("level", "pil", "et", "taken"), INTERRUPTS)
def test_interrupt(level: int, pil: int, et: int, taken: bool, engine: Any) -> None:
    b = Board(MB86904, engine).set(irl=level, pil=pil, et=et).step(1)
    assert (b["psr"] & 0x1F == 2) == taken
    if taken:
        assert b.tt == 0x10 + level
        assert (b["l1"], b["pc"]) == (CODE, TABLE + (0x10 + level << 4) + 4)


def test_lowered_mask_lets_an_interrupt_in_at_once(engine: Any) -> None:
    b = Board(MB86904, engine).put(op3(2, 0x31, 0, G1), NOP, NOP).set(g1=0x1A3, irl=2, pil=9).step(4)
    assert (b["l1"], b.tt) == (CODE + 4, 0x12)
    assert b["pc"] == TABLE + 0x120 + 12


@pytest.mark.parametrize("model", [MB86900, CY7C601], ids=lambda m: m.name)
def test_v7(model: Model) -> None:
    """No multiplication nor division; unused bits of LDD and RDY do not matter."""
    for code in (0x0A, 0x0B, 0x0E, 0x0F, 0x1A, 0x1B, 0x1E, 0x1F):
        assert Board(model).put(op3(2, code, O0, G1, G1)).set(g1=1).step().tt == 0x02
    b = Board(model).put(load(0x03, 9), op3(2, 0x28, G2, 7)).set(g1=DATA, y=77)
    b.put(11, 22, at=DATA).step(2)
    assert (b["o0"], b["o1"], b["g2"], b.tt) == (11, 22, 77, 0)


def test_alternate_space_names_its_asi(engine: Any) -> None:
    """What the machine is told of an access: the ASI."""
    b = Board(MB86904, engine)
    seen: list[tuple[int, int]] = []

    class Asi:
        def read(self, phys: int, va: int, size: int, fc: int) -> int:
            seen.append((fc, size))
            return 0x55

        def write(self, phys: int, va: int, size: int, value: int, fc: int) -> None:
            seen.append((fc, size))

    b.cpu.io = Asi()
    b.cpu.memory.io = b.cpu.io
    b.put(load(0x10) | 0x42 << 5, load(0x15) | 2 << 5, load(0x00)).set(g1=NOTHING).step(3)
    assert seen == [(0x42, 4), (2, 1), (0xB, 4)]
    assert b["o0"] == 0x55


@pytest.mark.parametrize("cc", range(16))
@pytest.mark.parametrize("annul", [0, 1])
def test_annul(cc: int, annul: int, engine: Any) -> None:
    """B.21: with `a` the delay slot is skipped if the branch is not taken, and always behind BA,a."""
    taken = cc >= 8  # N = Z = V = C = 0: only ba, bne, bg, bge, bgu, bcc, bpos, bvc
    b = Board(MB86904, engine).put(bicc(cc, annul, 4), op3(2, 0x02, G1, 0, imm=1)).set(cc_z=1).step()
    b.step(2 if not annul else 1)
    skipped = annul and (not taken or cc == 8)
    assert b["g1"] == (0 if skipped else 1)
    assert b["pc"] == (CODE + 16 if taken else CODE + 8) + (4 if skipped or not annul else 0)


@pytest.mark.parametrize("name", ["mb86900", "cy7c601", "mb86904"])
def test_models_are_found_by_name(name: str) -> None:
    """As workers look for them."""
    model = find_model("sparc", name)
    assert (model.name, model.isa.name) == (name, "sparc")
