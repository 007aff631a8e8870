"""The guest's side of supervisor tests: a trap table that writes down every trap, and what sets registers up.

    TABLE ─► HANDLER: PSR, PC, nPC, TBR, WIM, interrupts that wait ─► log; then on behind the instruction, or
             again (interrupts; window traps, with WIM turned), or at %g3 (nothing to be fetched)
    ta 127 ─► END: all windows ─► results; NEXT program: SETUP, go; after the last one FINISH: error mode

It works for QEMU's leon3_generic, whose interrupt controller and reference MMU it sets up first (START), and
for our engines, which begin at NEXT. Programs lie in pages of 8 KB; %g6 points to their data, %g7 into their
log, %g4 to the interrupt controller. V8 manual, chapters 4 and 7, appendices B and H.
"""

from __future__ import annotations

import struct

from tests.insn.sparc import NOP, bicc, load_constant, op3

RAM, RAM_SIZE = 0x40000000, 0x4000000
TABLE, SECOND_TABLE, CODE, VARIABLES = RAM, RAM + 0x4000, RAM + 0x1000, RAM + 0x3000
CONTEXTS, LEVEL_1 = RAM + 0x3400, RAM + 0x3800
ORIGIN, PAGE = RAM + 0x100000, 0x2000
NOWHERE = 0x50000000
INTERRUPTS = 0x80000200  # IRQMP of the LEON3
FORCE, MASK = 0x08, 0x40
LAST = 0x7F  # `ta` of this number ends a program

# In a program's page: code, then what %g6 points to; offsets from there.
BODY = 0x1000
DATA_SIZE, INITIAL, RESULT, LOG, LOG_END = 0x200, 0x200, 0x440, 0x6C0, PAGE - BODY
FILE_SIZE = 8 + 16 * 8
Y, WIM, PSR = (INITIAL + 4 * (FILE_SIZE + k) for k in range(3))
STATE = RESULT + 4 * FILE_SIZE
STATE_NAMES = ("psr", "l1", "l2", "tbr", "wim", "waiting", "y")
LOG_NAMES = ("psr", "pc", "npc", "tbr", "wim", "waiting")
ENTRY = 4 * len(LOG_NAMES)

ASI_LEON_MMU = 0x19
G0, G1, G2, G3, G4, G6, G7 = 0, 1, 2, 3, 4, 6, 7
L0, L1, L2, L3, L4, L5 = range(16, 22)
LD, ST = 0x00, 0x04
RD_Y, RD_PSR, RD_WIM, RD_TBR = 0x28, 0x29, 0x2A, 0x2B
WR_Y, WR_PSR, WR_WIM, WR_TBR = 0x30, 0x31, 0x32, 0x33
NOPS = [NOP] * 3  # behind a WRPSR, WRWIM, WRTBR: B.29
S = 0x80


def load(rd: int, rs1: int, offset: int) -> int:
    return op3(3, LD, rd, rs1, imm=offset)


def store(rd: int, rs1: int, offset: int) -> int:
    return op3(3, ST, rd, rs1, imm=offset)


def rd(code: int, to: int) -> int:
    return op3(2, code, to, 0)


def wr(code: int, rs1: int, imm: int = 0) -> list[int]:
    return [op3(2, code, 0, rs1, imm=imm), *NOPS]


class Code:
    """Words at an address; branches to names that are defined later or before."""

    def __init__(self, base: int) -> None:
        self.base, self.words = base, list[int]()
        self.names: dict[str, int] = {}
        self.open: list[tuple[int, int, str]] = []

    @property
    def here(self) -> int:
        return self.base + 4 * len(self.words)

    def name(self, name: str) -> None:
        self.names[name] = self.here

    def put(self, *words: int) -> None:
        self.words += words

    def branch(self, cond: int, name: str, slot: int = NOP) -> None:
        self.open.append((len(self.words), cond, name))
        self.put(0, slot)

    def done(self) -> bytes:
        for k, cond, name in self.open:
            self.words[k] = bicc(cond, 0, (self.names[name] - self.base >> 2) - k)
        return struct.pack(f">{len(self.words)}I", *self.words)


BA, BE, BLU = 8, 1, 5


def _kernel(windows: int) -> Code:
    c = Code(CODE)
    c.name("start")
    c.put(*load_constant(G4, INTERRUPTS), *load_constant(G1, 0xFFFE), store(G1, G4, MASK))
    for register, value in ((0x100, CONTEXTS >> 4), (0x200, 0), (0, 1)):
        c.put(*load_constant(G1, register), *load_constant(G2, value))
        c.put(op3(3, 0x14, G2, G1) | ASI_LEON_MMU << 5)
    c.put(*load_constant(G6, ORIGIN + BODY - PAGE))
    c.branch(BA, "next")
    _handler(c, windows)
    _end(c, windows)
    _setup(c, windows)
    return c


def _handler(c: Code, windows: int) -> None:
    """%l0 is PSR, %l1 and %l2 are PC and nPC, %l3 is TBR."""
    c.name("handler")
    c.put(rd(RD_WIM, L4), load(L5, G4, FORCE))
    c.put(*(store(L0 + k, G7, 4 * k) for k in range(len(LOG_NAMES))))
    c.put(op3(2, 0x00, G7, G7, imm=ENTRY), op3(2, 0x26, L3, L3, imm=4), op3(2, 0x01, L3, L3, imm=0xFF))
    compare = lambda n: op3(2, 0x14, G0, L3, imm=n)  # noqa: E731
    c.put(compare(5))
    c.branch(BE, "overflow", compare(6))
    c.branch(BE, "underflow", compare(1))
    c.branch(BE, "fetch", op3(2, 0x04, L5, L3, imm=0x11))
    c.put(op3(2, 0x14, G0, L5, imm=15))
    c.branch(BLU, "again")
    c.put(*wr(WR_PSR, L0), op3(2, 0x38, G0, L2, imm=0), op3(2, 0x39, 0, L2, imm=4))
    c.name("fetch")
    c.put(*wr(WR_PSR, L0), op3(2, 0x38, G0, G3, imm=0), op3(2, 0x39, 0, G3, imm=4))
    for name, to, fro in (("overflow", 0x26, 0x25), ("underflow", 0x25, 0x26)):
        c.name(name)
        c.put(op3(2, to, L5, L4, imm=1), op3(2, fro, L4, L4, imm=windows - 1), op3(2, 0x02, L4, L4, L5))
        c.put(*wr(WR_WIM, L4))
        c.branch(BA, "again")
    c.name("again")
    c.put(*wr(WR_PSR, L0), op3(2, 0x38, G0, L1, imm=0), op3(2, 0x39, 0, L2, imm=0))


def _end(c: Code, windows: int) -> None:
    """Registers and what waits to the results; the window that this trap has entered is lost."""
    c.name("end")
    c.put(rd(RD_WIM, L4), load(L5, G4, FORCE), rd(RD_Y, L5 + 1), store(G0, G4, FORCE))
    c.put(*(store(L0 + k, G6, STATE + 4 * k) for k in range(len(STATE_NAMES))))
    c.put(*wr(WR_WIM, G0), *(store(n, G6, RESULT + 4 * n) for n in range(8)))
    for w in range(windows):
        c.put(*wr(WR_PSR, G0, S | w))
        c.put(*(store(8 + k, G6, RESULT + 4 * (8 + 16 * w + k)) for k in range(16)))
    c.name("next")
    c.put(*load_constant(G1, PAGE), op3(2, 0x00, G6, G6, G1), *load_constant(G1, VARIABLES))
    c.put(load(G1, G1, 0), op3(2, 0x14, G0, G6, G1))
    c.branch(BLU, "setup")
    c.name("finish")
    c.put(op3(2, 0x3A, 8, 0, imm=0), NOP)


def _setup(c: Code, windows: int) -> None:
    c.name("setup")
    c.put(*wr(WR_WIM, G0))
    for w in range(windows):
        c.put(*wr(WR_PSR, G0, S | w))
        c.put(*(load(8 + k, G6, INITIAL + 4 * (8 + 16 * w + k)) for k in range(16)))
    c.put(load(G1, G6, Y), *wr(WR_Y, G1), *load_constant(G1, TABLE), *wr(WR_TBR, G1))
    c.put(load(G1, G6, WIM), *wr(WR_WIM, G1), *(load(n, G6, INITIAL + 4 * n) for n in (2, 3, 4, 5, 7)))
    c.put(load(G1, G6, PSR), *wr(WR_PSR, G1))
    c.put(op3(2, 0x38, G0, G6, imm=-BODY), load(G1, G6, INITIAL + 4))


def image(windows: int = 8) -> tuple[bytes, dict[str, int]]:
    """Memory from RAM to VARIABLES and beyond, and the addresses of names."""
    kernel = _kernel(windows)
    code = kernel.done()
    out = bytearray(ORIGIN - RAM)
    for table in (TABLE, SECOND_TABLE):
        for tt in range(256):
            target = kernel.names["end" if tt == 0x80 | LAST else "handler"]
            at = table + 16 * tt
            words = [rd(RD_PSR, L0), bicc(BA, 0, target - at - 4 >> 2), rd(RD_TBR, L3), NOP]
            out[at - RAM : at - RAM + 16] = struct.pack(">4I", *words)
    if len(code) > VARIABLES - CODE:
        raise ValueError("the kernel is too long")
    out[CODE - RAM : CODE - RAM + len(code)] = code
    # Reference MMU (appendix H): 16 MB each, all that there is lies where it is.
    struct.pack_into(">I", out, CONTEXTS - RAM, LEVEL_1 >> 4 | 1)
    everywhere = [*range(RAM, RAM + RAM_SIZE, 1 << 24), INTERRUPTS & -1 << 24]
    for va in everywhere:
        struct.pack_into(">I", out, LEVEL_1 - RAM + 4 * (va >> 24), va >> 4 | 3 << 2 | 2)
    return bytes(out), kernel.names
