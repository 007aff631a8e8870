"""Random m68k programs: valid instructions on registers and memory biased to the edges.

    program = generate(seed, M68020, count=20)          # straight code with short skips, calls and loops
    program.code, program.data, program.regs, program.ccr

Every run of a seed gives the same program.  Memory operands lie in the data area, except where a register
took an unforeseen value; a program may therefore fault, and trap if asked for `traps` or `system`.  Jumps go
forward to the next instruction or over a filler; the program ends at `program.end`, where the caller puts
what stops it.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from translator.isa import Model
from translator.spec.insn import Insn

EDGES = (
    0,
    1,
    2,
    3,
    7,
    8,
    0x7F,
    0x80,
    0x81,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0x8001,
    0xFFFF,
    0x10000,
    0x99,
    0x0909,
    0x7FFFFFFF,
    0x80000000,
    0x80000001,
    0xFFFFFFFE,
    0xFFFFFFFF,
    0xFFFF8000,
    0xFFFFFF80,
    0xFFFF7FFF,
)

PRIVILEGED = frozenset(
    "andi_to_sr ori_to_sr eori_to_sr move_from_sr move_to_sr move_to_usp move_from_usp movec_from_control "
    "movec_to_control moves rte rte_68000 stop reset".split()
)
TRAPS = frozenset(
    "trap trapv trapcc trapcc_w trapcc_l illegal_insn bkpt callm rtm chk_w chk_l chk2_cmp2".split()
)
FLOW = frozenset("jmp jsr rts rtr rtd dbcc bra_b bra_w bra_l bcc_b bcc_w bcc_l bsr_b bsr_w bsr_l".split())
ODD = frozenset("bcc_minus_one bra_minus_one bsr_minus_one".split())  # always an address error
POINTERS = 64  # longs at the start of the data area that point into it: for memory-indirect addresses


@dataclass
class Program:
    """Code at `base`, data at `data_base`; `insns` are (address, length, name)."""

    seed: int
    base: int
    data_base: int
    regs: list[int]
    ccr: int
    data: bytearray
    code: bytearray = field(default_factory=bytearray)
    insns: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.base + len(self.code)


def generate(
    seed: int,
    model: Model,
    count: int = 12,
    base: int = 0x100000,
    data_base: int | None = None,
    size: int = 1024,
    traps: bool = False,
    system: bool = False,
    only: frozenset[str] | None = None,
) -> Program:
    """A program of about `count` random instructions (`only`: of these families)."""
    data_base = base + 0x800 if data_base is None else data_base
    g = _Generator(random.Random(seed), model, seed, base, data_base, size)
    skip = (frozenset() if traps else TRAPS | ODD) | (frozenset() if system else PRIVILEGED)
    choice = [i for i in model.decoder.insns if i.name not in skip and (only is None or i.name in only)]
    for _ in range(count):
        g.random_insn(g.rng.choice(choice))
    return g.p


class _Generator:
    def __init__(
        self, rng: random.Random, model: Model, seed: int, base: int, data_base: int, size: int
    ) -> None:
        self.rng, self.model = rng, model
        data = bytearray(rng.choice((rng.getrandbits(8), 0, 0xFF, 0x80, 0x7F, 0x99)) for _ in range(size))
        self.p = Program(seed, base, data_base, [self.number() for _ in range(16)], rng.getrandbits(5), data)
        for i in range(POINTERS):
            data[4 * i : 4 * i + 4] = self.place(2).to_bytes(4, "big")
        for i in range(8, 16):
            self.p.regs[i] = self.place(4)
        self.p.regs[15] = data_base + size // 2

    # -- numbers ---------------------------------------------------------------------------------------------

    def number(self, bits: int = 32) -> int:
        r = self.rng
        x = r.choice(EDGES) if r.random() < 0.6 else r.getrandbits(32)
        return x & ((1 << bits) - 1)

    def place(self, size: int) -> int:
        """An address in the data area, behind the pointers, away from the ends."""
        p = self.p
        x = self.rng.randrange(p.data_base + 4 * POINTERS + 64, p.data_base + len(p.data) - 128)
        even = self.model.aligned > 1 and size > 1
        return x & ~1 if even or self.rng.random() < 0.7 else x

    # -- code ------------------------------------------------------------------------------------------------

    def emit(self, name: str, *words: int) -> None:
        code = b"".join((w & 0xFFFF).to_bytes(2, "big") for w in words)
        self.p.insns.append((self.p.end, len(code), name))
        self.p.code += code

    def set_a(self, n: int, value: int) -> None:
        """LEA value,An"""
        self.emit("lea", 0x41F9 | n << 9, value >> 16, value)

    def set_x(self, x: int, value: int) -> None:
        """Xn := value"""
        self.emit("move", (0x203C if x < 8 else 0x207C) | (x & 7) << 9, value >> 16, value)

    def filler(self) -> None:
        self.emit("moveq", 0x7000 | self.rng.randrange(8) << 9 | self.number(8))

    def random_insn(self, insn: Insn) -> None:
        if insn.name in FLOW:
            self.flow(insn)
            return
        word, f = self.random_word(insn)
        syntax = insn.syntax if isinstance(insn.syntax, str) else ""
        size = operand_size(insn, f)
        words = self.extension(insn, f, size)
        memory = "-({Ax})" in syntax or "({Ax})+" in syntax
        for letter in "xy" if memory else ():
            self.set_a(f[letter], self.place(size))
        if "d16An" in syntax:
            self.set_a(f["n"], self.place(1))
        if insn.name == "movem_predecrement":
            self.set_a(f["n"], self.place(4))
        if insn.name == "unlk" and f["n"] != 7:
            self.set_a(f["n"], self.p.data_base + len(self.p.data) // 2 + 4 * self.rng.randrange(8))
        if insn.name == "cas2":
            for w in words:
                self.set_x(w >> 12 & 15, self.place(4))
        if "M" in f:
            words = self.address(f["M"], f["n"], size, words)
        if "K" in f:
            words = self.address(f["K"], f["k"], size, words)
        self.emit(insn.name, word, *words)

    def random_word(self, insn: Insn) -> tuple[int, dict[str, int]]:
        while True:
            word = insn.pattern.value | self.rng.getrandbits(16) & ~insn.pattern.mask
            f = insn.fields_of(word)
            # Not the stack pointer where it would be moved out of the data area.
            if f is not None and not (f.get("x") == 7 and insn.name in ("movea", "lea", "adda", "suba")):
                return word, f

    def extension(self, insn: Insn, f: dict[str, int], size: int) -> list[int]:
        """The words between the instruction word and those of its effective addresses."""
        r = self.rng
        words: list[int] = []
        for token in re.findall(r"\{(\w+)\}", insn.syntax):
            if token == "imm":
                value = self.number(8 * size)
                words += [value >> 16, value] if size == 4 else [value]
            elif token in ("imm8", "bit"):
                words += [self.number(8)]
            elif token in ("imm16", "s16") and insn.name.startswith("link"):
                words += [r.randrange(-64, 64)]
            elif token in ("imm16", "s16"):
                words += [self.number(16)]
            elif token in ("s32", "imm32"):
                words += [0, r.randrange(64)]
            elif token in ("list", "tsil"):
                mask = r.getrandbits(16) & r.getrandbits(16)
                # Address registers rarely: what is loaded into them is no address.
                words += [mask if r.random() < 0.3 else mask & (0xFF00 if token == "tsil" else 0x00FF)]
            elif token == "d16An":
                words += [r.randrange(-32, 32)]
            elif token in ("mull", "divl"):
                words += [r.getrandbits(3) << 12 | r.getrandbits(2) << 10 | r.getrandbits(3)]
            elif token == "field":
                ext = r.getrandbits(15)
                if ext & 0x800:  # the offset is in a register: near enough
                    self.set_x(ext >> 6 & 7, r.choice((r.randrange(32), r.randrange(-200, 200) & 0xFFFFFFFF)))
                    ext &= ~0x600
                if ext & 0x20:
                    ext &= ~0x18
                words += [ext]
            elif token in ("Rext", "moves"):
                words += [r.getrandbits(5) << 11]
            elif token == "ctrl":
                register = r.choice((0, 1, 2, 0x800, 0x801, 0x802, 0x803, 0x804, 0x123))
                words[-1:] = [r.getrandbits(4) << 12 | register]
            elif token == "Dcmp":
                words += [r.getrandbits(3) << 6 | r.getrandbits(3)]
            elif token == "cas2":
                words += [r.getrandbits(4) << 12 | r.getrandbits(3) << 6 | r.getrandbits(3) for _ in range(2)]
        return words[:1] if "ctrl" in insn.syntax else words

    def address(self, mode: int, n: int, size: int, before: list[int]) -> list[int]:
        """Prepare registers for an address and give `before` with its extension words."""
        r = self.rng
        if mode < 2:
            return before
        want = self.place(size)
        disp = r.choice((0, 2, -2, r.randrange(-128, 128)))
        if mode in (2, 3, 4):
            if n != 7:
                self.set_a(n, want)
            return before
        if mode == 5:
            if n != 7:
                self.set_a(n, (want - disp) & 0xFFFFFFFF)
            return [*before, disp]
        if mode == 6:
            return before + self.indexed(n, want, disp)
        if n == 0:
            return [*before, want if self.p.data_base < 0x8000 else self.number(16)]
        if n == 1:
            return [*before, want >> 16, want]
        if n == 2:
            return [*before, want - (self.p.end + 2 + 2 * len(before))]
        if n == 3:
            index = r.randrange(8)
            self.set_x(index, (want - disp - (self.p.end + 6 + 2 + 2 * len(before))) & 0xFFFFFFFF)
            return [*before, index << 12 | 0x800 | disp & 0xFF]
        value = self.number(8 * size)
        return [*before, value >> 16, value] if size == 4 else [*before, value]

    def indexed(self, n: int, want: int, disp: int) -> list[int]:
        """The extension words of (…,An,Xn…); An and Xn are set to suit, unless An is the stack pointer."""
        r = self.rng
        index = r.choice([i for i in range(15) if i != 8 + n])
        long, scale = r.getrandbits(1), r.getrandbits(2) if self.model.name == "m68020" else 0
        offset = r.choice((0, 4, 8, -4, r.randrange(-40, 40)))
        head = index << 12 | long << 11 | scale << 9
        garbage = 0 if long or index > 7 else r.getrandbits(16) << 16
        if self.model.name != "m68020" or r.random() < 0.5:
            self.set_x(index, garbage | offset & (0xFFFFFFFF if long or index > 7 else 0xFFFF))
            if n != 7:
                self.set_a(n, (want - disp - (offset << scale)) & 0xFFFFFFFF)
            return [head | disp & 0xFF]
        head |= 0x100
        base_off, index_off = r.random() < 0.3, r.random() < 0.3
        indirect = r.choice((0, 0, 1, 2, 3))
        after = not index_off and indirect != 0 and r.random() < 0.5
        bd_size = r.choice((1, 2, 3)) if not base_off else 3
        if indirect:
            want = self.p.data_base + 4 * r.randrange(16, POINTERS - 16)
            offset = r.choice((0, 4, 8, -4)) if not after else offset
        offset = 0 if index_off else offset
        self.set_x(index, garbage | offset & (0xFFFFFFFF if long or index > 7 else 0xFFFF))
        inside = 0 if after or index_off else offset << scale
        bd = {1: 0, 2: r.randrange(-300, 300), 3: r.randrange(-70000, 70000)}[bd_size]
        if base_off:
            bd = want - inside
        elif n != 7:
            self.set_a(n, (want - inside - bd) & 0xFFFFFFFF)
        head |= base_off << 7 | index_off << 6 | bd_size << 4 | after << 2 | indirect
        words = [head] + {1: [], 2: [bd], 3: [bd >> 16, bd]}[bd_size]
        od = r.randrange(-60, 60)
        return words + {0: [], 1: [], 2: [od], 3: [od >> 16, od]}[indirect]

    # -- control flow ----------------------------------------------------------------------------------------

    def flow(self, insn: Insn) -> None:
        """A jump over a filler or to the next instruction; DBcc also closes short loops."""
        r, name = self.rng, insn.name
        word, f = self.random_word(insn)
        if name in ("jmp", "jsr"):
            mode, n = f["M"], f["n"]
            if mode in (2, 5) and n != 7:
                disp = r.randrange(-64, 64) if mode == 5 else 0
                self.set_a(n, (self.p.end + 8 + (mode == 5) * 2 - disp) & 0xFFFFFFFF)
                self.emit(name, word, *([disp] if mode == 5 else []))
            else:
                to = self.p.end + 6
                self.emit(name, word & ~0x3F | 0o71, to >> 16, to)
        elif name in ("rts", "rtd"):
            to = self.p.end + 6 + (2 if name == "rts" else 4)
            self.emit("pea", 0x4879, to >> 16, to)
            self.emit(name, word, *([r.randrange(0, 16, 2)] if name == "rtd" else []))
        elif name == "rtr":
            to = self.p.end + 6 + 4 + 2
            self.emit("pea", 0x4879, to >> 16, to)
            self.emit("move", 0x3F3C, self.number(16))  # MOVE.W #,-(A7)
            self.emit(name, word)
        elif name == "dbcc" and r.random() < 0.5:
            n = f["y"]
            self.set_x(n, self.number() & 0xFFFF0000 | r.randrange(6))
            self.emit("addq", 0x5280 | r.randrange(8) << 9 | (n + 1) % 8)
            self.emit(name, word, -4)
        elif name.endswith("_b"):
            self.emit(name, word & 0xFF00 | 2)
            self.filler()
        else:
            self.emit(name, word, *([0, 6] if name.endswith("_l") else [4]))
            self.filler()


def operand_size(insn: Insn, f: dict[str, int]) -> int:
    """Bytes of the memory operand, where it matters (alignment, immediate data)."""
    if insn.name == "move" or insn.name == "movea":
        return {1: 1, 3: 2, 2: 4}[f["Z"]]
    if insn.name == "cas":
        return 1 << f["Z"] - 1
    if "{Zwl}" in insn.syntax:
        return 4 if f["Z"] else 2
    if "Z" in f:
        return 1 << f["Z"]
    if insn.name in ("mul_l", "div_l", "chk_l"):
        return 4
    if ".w" in insn.syntax:
        return 2
    return 1
