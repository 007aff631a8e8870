"""Random programs that loop and call, so that they become regions; with handlers for window traps.

Machine code from power-up to error mode: an endless loop over pieces of `tests.insn.sparc`, calls of
subroutines with and without windows of their own, recursion deeper than there are windows, branches into
delay slots, code that writes itself.
"""

from __future__ import annotations

import random

from tests.insn.sparc import BASE, INDEX, RESTORE, SAVE, WRY, Maker, bicc, load_constant, op3
from tests.translator.sparc.board import CODE, DATA, TABLE, Board

RETL, RET = op3(2, 0x38, 0, 15, imm=8), op3(2, 0x38, 0, 31, imm=8)
STACK_TOP, SP = 0xE000, 14
COUNTER = 4  # %g4: depth of recursion
RDWIM, WRWIM, JMPL, RETT = 0x2A, 0x32, 0x38, 0x39
INTERRUPTS = 0x10
OVERFLOW, UNDERFLOW = TABLE + 0x50, TABLE + 0x60
HANDLERS = TABLE + 0x1000
L1, L2, L3, L4, L5, L7 = 17, 18, 19, 20, 21, 23


def _move(store: bool) -> list[int]:
    """Locals and ins of the window to or from its stack frame."""
    return [op3(3, 7 if store else 3, 16 + 2 * k, SP, imm=8 * k) for k in range(8)]


def handlers(windows: int) -> list[int]:
    """What keeps the windows on the stack: (overflow, then underflow); %sp is aligned by the programs."""
    rotate = [op3(2, RDWIM, L3, 0), op3(2, 0x02, L7, 0, 1)]
    over = [
        *rotate, op3(2, 0x26, 1, L3, imm=1), op3(2, 0x25, L4, L3, imm=windows - 1), op3(2, 0x02, 1, 1, L4),
        op3(2, SAVE, 0, 0, 0), op3(2, WRWIM, 0, 1, imm=0), *_move(True), op3(2, RESTORE, 0, 0, 0),
        op3(2, 0x02, 1, 0, L7), op3(2, JMPL, 0, L1, imm=0), op3(2, RETT, 0, L2, imm=0),
    ]  # fmt: skip
    under = [
        op3(2, RDWIM, L3, 0), op3(2, 0x25, L4, L3, imm=1), op3(2, 0x26, L5, L3, imm=windows - 1),
        op3(2, 0x02, L5, L5, L4), op3(2, WRWIM, 0, L5, imm=0), op3(2, RESTORE, 0, 0, 0),
        op3(2, RESTORE, 0, 0, 0), *_move(False), op3(2, SAVE, 0, 0, 0), op3(2, SAVE, 0, 0, 0),
        op3(2, JMPL, 0, L1, imm=0), op3(2, RETT, 0, L2, imm=0),
    ]  # fmt: skip
    return over + under


OVER_LENGTH = len(handlers(8)) - 19


class Loops(Maker):
    """Pieces that may be repeated for ever."""

    def target(self) -> int:
        """%sp, %fp, return addresses and %g4 stay what they are."""
        n = super().target()
        return n if n not in (SP, 30, 15, 31, COUNTER) else self.target()

    def piece(self, subroutines: list[int], at: int) -> None:
        """One piece; `at` is the address of the program."""
        rng = self.rng
        here = at + 4 * len(self.out)
        kind = rng.random()
        if kind < 0.2 and subroutines:
            to = rng.choice(subroutines)
            self.put(1 << 30 | (to - here) // 4 & 0x3FFFFFFF, self.simple())
        elif kind < 0.3 and subroutines:  # by register
            words = load_constant(15, rng.choice(subroutines))
            self.put(*words, op3(2, JMPL, 15, 15, imm=0), self.simple())
        elif kind < 0.4:  # a loop of its own
            self.put(op3(2, 0x02, 3, 0, imm=rng.randrange(1, 9)))
            body = [w for w in (self.simple() for _ in range(3)) if w >> 25 & 31 not in (3, 2)]
            annul = rng.randrange(2)
            self.put(*body, op3(2, 0x14, 3, 3, imm=1), bicc(9, annul, -1 - len(body)), self.safe())
        elif kind < 0.45:  # a branch past a slot that is also a target
            self.put(bicc(rng.randrange(16), 1, 3), self.simple(), bicc(rng.randrange(16), 0, 2))
            self.put(self.simple(), self.simple())
        else:
            self.plain()

    def safe(self) -> int:
        """A simple instruction that leaves %g3 alone."""
        word = self.simple()
        return word if word >> 25 & 31 not in (2, 3) else self.safe()

    def plain(self) -> None:
        """A piece of `Maker`, without its windows."""
        rng = self.rng
        if rng.random() < 0.7:
            self.put(self.simple())
        else:
            skipped = [self.simple() for _ in range(rng.randrange(4))]
            words = 2 + len(skipped)
            self.put(bicc(rng.randrange(16), rng.randrange(2), words), self.simple(), *skipped)

    def pieces(self, count: int, subroutines: list[int], at: int) -> None:
        for _ in range(count):
            self.piece(subroutines, at)


def _subroutine(rng: random.Random, at: int, others: list[int], kind: int) -> list[int]:
    """A leaf (0), a function in a window of its own (1), or a recursion (2) at an address."""
    m = Loops(rng)
    if kind == 0:
        m.pieces(rng.randrange(1, 5), [], at)
        return [*m.out, RETL, m.simple()]
    m.put(op3(2, SAVE, SP, SP, imm=-96))
    m.pieces(rng.randrange(1, 5), others, at)
    if kind == 2:
        m.put(op3(2, 0x14, COUNTER, COUNTER, imm=1))
        m.put(bicc(12, 0, 4), m.simple())  # bpos over the return
        m.put(RET, op3(2, RESTORE, 0, 0, 0))
        for _ in range(rng.randrange(1, 3)):
            m.put(1 << 30 | -len(m.out) & 0x3FFFFFFF, m.simple())
        m.pieces(rng.randrange(2), others, at)
    return [*m.out, RET, op3(2, RESTORE, m.target(), *(rng.randrange(32) for _ in range(2)))]


def fill(b: Board, seed: int) -> None:
    """A random program on a board."""
    rng = random.Random(seed)
    windows = b.cpu.model.options["windows"]
    words = handlers(windows)
    b.put(*words, at=HANDLERS)
    for tt in range(0x100):  # others: the next instruction; interrupts: the same
        again = INTERRUPTS <= tt < INTERRUPTS + 16
        first, second = (L1, L2) if again else (L2, L2)
        words = [op3(2, JMPL, 0, first, imm=0), op3(2, RETT, 0, second, imm=0 if again else 4)]
        b.put(*words, at=TABLE + 16 * tt)
    for vector, to in ((OVERFLOW, HANDLERS), (UNDERFLOW, HANDLERS + 4 * OVER_LENGTH)):
        b.put(bicc(8, 0, (to - vector) // 4), 0x01000000, at=vector)
    at, subroutines = CODE + 0x1000, []
    for k in range(rng.randrange(2, 6)):
        code = _subroutine(rng, at, list(subroutines), k % 3)
        b.put(*code, at=at)
        subroutines.append(at)
        at += 4 * len(code) + 4 * rng.randrange(3)
    m = Loops(rng)
    m.put(*load_constant(BASE, DATA), op3(2, 0x02, INDEX, 0, imm=rng.randrange(0, 128, 4)))
    m.put(op3(2, 0x02, COUNTER, 0, imm=rng.randrange(3, 12)), op3(2, WRY, 0, rng.randrange(32)))
    m.pieces(rng.randrange(3, 12), subroutines, CODE)
    if rng.random() < 0.3:  # writes an instruction of its own
        k = rng.randrange(5, len(m.out))
        m.put(*load_constant(2, m.safe()), *load_constant(1, CODE + 4 * len(m.out)))
        m.put(op3(3, 4, 2, 1, imm=20), m.safe(), m.safe(), m.safe(), m.safe())
    m.put(bicc(8, 0, -len(m.out)), m.simple())
    b.put(*m.out)
    values = [rng.choice((rng.getrandbits(32), rng.randrange(64), 4, 0)) for _ in range(136)]
    values[0] = 0
    b.state.file[0:136] = values
    b.put(*(rng.getrandbits(32) for _ in range(0x400)), at=DATA)
    cwp = rng.randrange(windows)
    b.set(y=rng.getrandbits(32), wim=1 << rng.choice([w for w in range(windows) if w != cwp]), cwp=cwp)
    b.set(mode=rng.randrange(2), pil=rng.randrange(16), i6=STACK_TOP, o6=STACK_TOP - 96)
