"""Traps by a second author: tables from the SPARC manual V8, chapters 4 to 7, appendices B and C.

Whoever wrote this had not read the semantics. A case is instructions at CODE, registers before, and what the
manual wants: the trap type, or nothing. Around it stands what every trap must do and must leave alone.
"""

from __future__ import annotations

from tests.insn.sparc import NOP, bicc, op3
from tests.translator.sparc.board import CODE, DATA, NOTHING, TABLE, Board
from tests.translator.sparc.tables import (
    ALU,
    BA,
    BE,
    BN,
    BNE,
    DIVIDE,
    G3,
    ILLEGAL,
    MEM,
    NO_CODE,
    NO_CP,
    NO_DATA,
    NO_FPU,
    PRIVILEGED,
    TAG,
    UNALIGNED,
    entered,
    fresh,
    in_error,
    look,
)  # fmt: skip

# -- trap types: table 7-1 -----------------------------------------------------------------------------------

UNASSIGNED_ALU = (0x09, 0x0D, 0x19, 0x1D, 0x2C, 0x2D, 0x2E, 0x2F, 0x3E, 0x3F)  # appendix F
UNASSIGNED_MEM = (
    0x08, 0x0B, 0x0C, 0x0E, 0x18, 0x1B, 0x1C, 0x1E, 0x22,
    *range(0x28, 0x30), 0x32, *range(0x38, 0x40),
)  # fmt: skip
ALTERNATE = {0x10: 4, 0x11: 1, 0x12: 2, 0x13: 8, 0x14: 4, 0x15: 1, 0x16: 2, 0x17: 8, 0x19: 1, 0x1A: 2,
             0x1D: 1, 0x1F: 4}  # fmt: skip
PLAIN = {code & 0x0F: size for code, size in ALTERNATE.items()}
FLOATING = (0x20, 0x21, 0x23, 0x24, 0x25, 0x27)
COPROCESSOR = (0x30, 0x31, 0x33, 0x34, 0x35, 0x37)
STDFQ, STDCQ = 0x26, 0x36
SUPER_DATA = 0x0B << 5  # the ASI, in the field that i = 0 leaves

Case = tuple[int, dict[str, int], bool, int | None]  # (word, registers, user mode, trap)


def cases() -> dict[str, Case]:
    """One instruction and the trap it takes (None: none)."""
    out: dict[str, Case] = {"unimp (B.33)": (0x2A, {}, False, ILLEGAL)}
    for code in UNASSIGNED_ALU:
        out[f"op 2, op3 {code:#x} (appendix F)"] = (op3(ALU, code, 2, 1), {}, False, ILLEGAL)
    for code in UNASSIGNED_MEM:
        out[f"op 3, op3 {code:#x} (appendix F)"] = (op3(MEM, code, 2, 1), {"g1": DATA}, False, ILLEGAL)
    for code in (1, 3, 5):
        out[f"op 0, op2 {code} (appendix F)"] = (code << 22 | 3, {}, False, ILLEGAL)
    for name, code in {"psr": 0x29, "wim": 0x2A, "tbr": 0x2B}.items():
        out[f"rd%{name}, user (B.28)"] = (op3(ALU, code, 2, 0), {}, True, PRIVILEGED)
        out[f"rd%{name} (B.28)"] = (op3(ALU, code, 2, 0), {}, False, None)
    for name, code in {"psr": 0x31, "wim": 0x32, "tbr": 0x33}.items():
        out[f"wr%{name}, user (B.29)"] = (op3(ALU, code, 0, 0, imm=0), {}, True, PRIVILEGED)
    out["wr%psr of window 31, user (B.29)"] = (op3(ALU, 0x31, 0, 0, imm=31), {}, True, PRIVILEGED)
    out["rd%y, user (B.28)"] = (op3(ALU, 0x28, 2, 0), {}, True, None)
    out["wr%y, user (B.29)"] = (op3(ALU, 0x30, 0, 0, imm=9), {}, True, None)
    out["rett, ET = 1 (B.26)"] = (op3(ALU, 0x39, 0, 1), {"g1": CODE + 1, "wim": 0xFF}, False, ILLEGAL)
    out["rett, ET = 1, user (B.26)"] = (op3(ALU, 0x39, 0, 1), {"g1": CODE + 1}, True, PRIVILEGED)
    for code, size in ALTERNATE.items():
        at = {"g1": DATA}
        out[f"alternate {code:#x}, user (B.1)"] = (op3(MEM, code, 2, 1) | SUPER_DATA, at, True, PRIVILEGED)
        out[f"alternate {code:#x} (B.1)"] = (op3(MEM, code, 2, 1) | SUPER_DATA, at, False, None)
        out[f"alternate {code:#x}, i = 1 (B.1)"] = (op3(MEM, code, 2, 1, imm=0), at, False, ILLEGAL)
        # Table 7-1: privileged 6, illegal 7, alignment 10, access 13.
        out[f"alternate {code:#x}, i = 1, user (7-1)"] = (op3(MEM, code, 2, 1, imm=0), at, True, PRIVILEGED)
        for space, word in (("", op3(MEM, code & 15, 2, 1)), ("alt ", op3(MEM, code, 2, 1) | SUPER_DATA)):
            nowhere = {"g1": NOTHING}
            out[f"{space}{code:#x} where nothing is"] = (word, nowhere, False, NO_DATA)
            for off in range(1, size):
                there = {"g1": NOTHING + off}  # both: alignment comes first
                out[f"{space}{code:#x}, {off} off (7-1)"] = (word, there, False, UNALIGNED)
            if size > 1:
                user = PRIVILEGED if space else UNALIGNED
                out[f"{space}{code:#x}, off, user (7-1)"] = (word, {"g1": DATA + 1}, True, user)
            if size == 8:
                odd = {"g1": NOTHING + 4}  # odd rd, alignment and access at once
                out[f"{space}{code:#x}, rd odd (B.1)"] = (word | 1 << 25, odd, False, ILLEGAL)
    for code in FLOATING:
        out[f"fp {code:#x}, EF = 0 (B.2)"] = (op3(MEM, code, 2, 1), {"g1": NOTHING + 1}, False, NO_FPU)
        out[f"fp {code:#x}, EF = 0, user"] = (op3(MEM, code, 2, 1), {"g1": NOTHING + 1}, True, NO_FPU)
    for code in COPROCESSOR:
        out[f"cp {code:#x}, EC = 0 (B.3)"] = (op3(MEM, code, 2, 1), {"g1": NOTHING + 1}, False, NO_CP)
        out[f"cp {code:#x}, EC = 0, user"] = (op3(MEM, code, 2, 1), {"g1": NOTHING + 1}, True, NO_CP)
    for name, code, tt in (("stdfq", STDFQ, NO_FPU), ("stdcq", STDCQ, NO_CP)):
        out[f"{name} (B.5)"] = (op3(MEM, code, 2, 1), {"g1": DATA}, False, tt)
        out[f"{name}, user (7-1)"] = (op3(MEM, code, 2, 1), {"g1": DATA}, True, PRIVILEGED)
    for cond in range(16):
        out[f"fbfcc {cond} (B.22)"] = (cond << 25 | 6 << 22 | 4, {}, False, NO_FPU)
        out[f"cbccc {cond} (B.23)"] = (cond << 25 | 7 << 22 | 4, {}, False, NO_CP)
    for name, code, tt in (("fpop1", 0x34, NO_FPU), ("fpop2", 0x35, NO_FPU), ("cpop1", 0x36, NO_CP),
                           ("cpop2", 0x37, NO_CP)):  # fmt: skip
        out[f"{name} (B.30, B.31)"] = (op3(ALU, code, 2, 1), {}, False, tt)
    for off in range(4):
        at, wrong = {"g1": CODE + 8 + off}, UNALIGNED if off else None
        out[f"jmpl {off} off (B.25)"] = (op3(ALU, 0x38, 2, 1), at, False, wrong)
    for name, code in (("udiv", 0x0E), ("sdiv", 0x0F), ("udivcc", 0x1E), ("sdivcc", 0x1F)):
        out[f"{name} by 0 (B.19)"] = (op3(ALU, code, 2, 1, 0), {"g1": 1}, False, DIVIDE)
        # the quotient does not fit: no trap
        out[f"{name} overflow (B.19)"] = (op3(ALU, code, 2, 1, imm=1), {"y": 0x7FFFFFFF}, False, None)
    for name, code, a, b, wrong in (
        ("taddcctv, tag in rs1", 0x22, 1, 4, TAG),
        ("taddcctv, tag in rs2", 0x22, 4, 2, TAG),
        ("taddcctv, overflow", 0x22, 0x7FFFFFFC, 4, TAG),
        ("taddcctv, carry", 0x22, 0xFFFFFFFC, 4, None),
        ("tsubcctv, tag", 0x23, 8, 3, TAG),
        ("tsubcctv, overflow", 0x23, 0x80000000, 4, TAG),
        ("tsubcctv, borrow", 0x23, 0, 4, None),
        ("taddcc, tag", 0x20, 1, 4, None),
        ("tsubcc, overflow", 0x21, 0x80000000, 4, None),
    ):
        out[f"{name} (B.14, B.16)"] = (op3(ALU, code, 3, 1, 2), {"g1": a, "g2": b}, False, wrong)
    for n in (0, 1, 0x7F, 0x80, 0xFF, 0xFFFFFFFF):  # the number is the sum's low seven bits
        out[f"ta {n:#x} (B.27)"] = (op3(ALU, 0x3A, BA, 1, imm=0), {"g1": n}, True, 0x80 | n & 0x7F)
    out["ta of a sum (B.27)"] = (op3(ALU, 0x3A, BA, 1, 2), {"g1": 0x70, "g2": 0x1F}, False, 0x8F)
    return out


CASES = cases()


def test_trap_types(b: Board) -> None:
    """The type, its priority among several causes, the state it is entered in; ET = 0 makes it error mode."""
    for name, (word, values, user, tt) in CASES.items():
        try:
            fresh(b).put(word, NOP).set(**values, mode=int(not user))
            before = look(b)
            b.step()
            if tt is None:
                assert b["psr"] & 0x20, "there was a trap"
                assert b["pc"] == CODE + 4
                continue
            entered(b, before, tt, CODE, CODE + 4)
            if word >> 19 & 0x3F != 0x39:  # RETT has a table of its own
                fresh(b).set(**values, mode=int(not user), et=0)
                in_error(b, tt)
        except AssertionError as e:
            raise AssertionError(f"{name}: {e}") from e


def test_fetch(b: Board) -> None:
    """7-1: instruction_access_exception, also in user mode and where a delayed transfer leads."""
    for user in (False, True):
        before = look(fresh(b).set(pc=NOTHING, mode=int(not user)))
        b.step()
        entered(b, before, NO_CODE, NOTHING, NOTHING + 4)
    fresh(b).put(op3(ALU, 0x38, 2, 1), op3(ALU, 0, 3, 3, imm=1)).set(g1=NOTHING).step(2)
    before = look(b)
    assert b["pc"] == NOTHING
    b.step()
    entered(b, before, NO_CODE, NOTHING, NOTHING + 4)


# -- l1 and l2: chapter 7, appendix C ------------------------------------------------------------------------

TA = op3(ALU, 0x3A, BA, 0, imm=5)
UNIMP = 0
ADD = op3(ALU, 0x00, G3, G3, imm=1)
ANNUL = 1
CALL_4 = 1 << 30 | 4

# (words, instructions until the trap, l1 and l2 as words from CODE)
PLACES: dict[str, tuple[list[int], int, int, int]] = {
    "plain": ([UNIMP], 1, 0, 1),
    "second": ([ADD, UNIMP], 2, 1, 2),
    "slot of a branch that is taken": ([bicc(BA, 0, 9), UNIMP], 2, 1, 9),
    "slot of one that is not": ([bicc(BN, 0, 9), UNIMP], 2, 1, 2),
    "slot of ba with annul": ([bicc(BA, ANNUL, 9), UNIMP, *[NOP] * 7, UNIMP], 2, 9, 10),
    "slot of bn with annul": ([bicc(BN, ANNUL, 9), UNIMP, UNIMP], 2, 2, 3),
    "annulled by be": ([bicc(BE, ANNUL, 9), UNIMP, UNIMP], 2, 2, 3),
    "be taken, not annulled": ([bicc(BNE, ANNUL, 9), UNIMP, UNIMP], 2, 1, 9),
    "backwards": ([ADD, ADD, bicc(BA, 0, -2), TA], 4, 3, 0),
    "slot of call": ([CALL_4, UNIMP], 2, 1, 4),
    "slot of jmpl": ([op3(ALU, 0x38, 2, 1, imm=0x20), TA], 2, 1, 8),
    "second of a couple": ([bicc(BA, 0, 4), bicc(BA, 0, 9), NOP, NOP, TA], 3, 4, 10),
    "behind a couple": ([bicc(BA, 0, 4), bicc(BA, 0, 9), NOP, NOP, NOP, NOP, *[NOP] * 4, TA], 4, 10, 11),
    "couple with call": ([CALL_4, bicc(BA, 0, 9), NOP, NOP, TA], 3, 4, 10),
    "couple, annulled in a slot": ([bicc(BA, 0, 4), bicc(BN, ANNUL, 9), NOP, NOP, TA, TA], 3, 5, 6),
    "a ticc not taken, in a slot": ([bicc(BA, 0, 2), op3(ALU, 0x3A, BN, 0, imm=3), TA], 3, 2, 3),
    "a jmpl that traps, in a slot": ([bicc(BA, 0, 8), op3(ALU, 0x38, 2, 1, imm=1)], 2, 1, 8),
}


def test_places(b: Board) -> None:
    """PC and nPC of the trapped instruction, in and behind delay slots; annulled instructions do not trap."""
    for name, (words, steps, l1, l2) in PLACES.items():
        b.put(*[NOP] * 20)
        fresh(b).put(*words).set(g1=CODE, cc_z=1)
        b.step(steps - 1)
        before = look(b)
        assert b["psr"] & 0x20, name
        b.step()
        assert b["psr"] & 0x20 == 0, name
        assert (b["l1"] - CODE, b["l2"] - CODE) == (4 * l1, 4 * l2), name
        entered(b, before, b.tt, CODE + 4 * l1, CODE + 4 * l2)


# (words, instructions before the interrupt, l1, l2): annulled instructions have gone by then (appendix C)
INTERRUPTED: dict[str, tuple[list[int], int, int, int]] = {
    "before anything": ([UNIMP], 0, 0, 1),
    "before a slot": ([bicc(BA, 0, 9)], 1, 1, 9),
    "before the slot of one not taken": ([bicc(BN, 0, 9)], 1, 1, 2),
    "behind a slot": ([bicc(BA, 0, 9)], 2, 9, 10),
    "ba, annulled": ([bicc(BA, ANNUL, 9)], 1, 9, 10),
    "bn, annulled": ([bicc(BN, ANNUL, 9)], 1, 2, 3),
    "be, annulled": ([bicc(BE, ANNUL, 9)], 1, 2, 3),
    "in a couple": ([bicc(BA, 0, 4), bicc(BA, 0, 9)], 2, 4, 10),
    "bn, annulled, in a slot": ([bicc(BA, 0, 4), bicc(BN, ANNUL, 9)], 2, 5, 6),
}


def test_interrupted(b: Board) -> None:
    """Where an interrupt is taken; RETT brings back exactly this (7.5, B.26)."""
    for name, (words, steps, l1, l2) in INTERRUPTED.items():
        b.put(*[NOP] * 20)
        fresh(b).put(*words).set(cc_z=1).step(steps)
        before = look(b)
        b.set(irl=9)
        b.put(op3(ALU, 0x38, 0, 17), op3(ALU, 0x39, 0, 18), at=TABLE + 0x190)
        before["memory"] = b.memory
        b.step()  # the JMPL of its handler
        assert b.tt == 0x19, name
        assert (b["l1"] - CODE, b["l2"] - CODE) == (4 * l1, 4 * l2), name
        b.set(irl=0).step()
        assert (b["pc"], b["npc"]) == (b["pc"] & -4, CODE + 4 * l2) == (CODE + 4 * l1, CODE + 4 * l2), name
        assert b["psr"] == before["psr"] | 0x40, name  # PS is what the trap found in S
        b.put(NOP, NOP, at=TABLE + 0x190)


def test_interrupts(b: Board) -> None:
    """7.6: taken if ET = 1 and its level is 15 or above PIL; while ET = 0 it waits, and is no error."""
    for level in range(16):
        for pil in range(16):
            for et in (0, 1):
                fresh(b).put(NOP, NOP).set(irl=level, pil=pil, et=et)
                b.step()
                taken = et and level and (level == 15 or level > pil)
                want = TABLE + 0x100 + 16 * level if taken else CODE
                assert (b["pc"], b.cpu.halted) == (want + 4, False), (level, pil, et)
                assert (b["psr"] >> 8 & 15, b["psr"] >> 5 & 1) == (pil, int(et and not taken))


# What the conformance table runs, and how many cases each has.
TABLES = {
    test_trap_types: len(CASES),
    test_places: len(PLACES),
    test_interrupted: len(INTERRUPTED),
    test_interrupts: 16 * 16 * 2,
}
