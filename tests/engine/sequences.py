"""Random instruction sequences for the engines: all that can go wrong, in loops, so that regions get hot.

    case = make(seed, M68020)      a list of Items with registers, page layout, interrupts
    case.program()                 assembled: tests.engine.machine.Program
    case.without(...)              fewer items, for shrinking

The items form the body of a loop; its counter lies in memory.  Memory operands are biased to page edges,
devices, ROM, holes and the code itself.  Handlers repair registers and return, skip an instruction, or stop.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field, replace

from tests.engine.machine import (
    ACTIONS,
    CODE,
    DATA,
    DATA_END,
    DEVICE,
    DEVICE_VA,
    FRAME,
    NO_CACHE,
    NOTHING_VA,
    ROM_VA,
    SUPERVISOR_STACK,
    SYSTEM,
    VALID,
    WRITABLE,
    Program,
)
from translator.isa import Model
from translator.spec.insn import Insn

GOOD, COUNT, SKIPPED, LOOPS = 0xC00, 0xC40, 0xC44, 0xC48  # registers for repair, counters
HANDLERS = 0x400
STOP = b"\x4e\x72\x27\x00\x60\xfa"  # stop #$2700; bra.s back to it
EDGES = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE,
         0xFFFFFFFF, 0xFFFF8000)
RARE = {  # they lead away from the sequence: family -> chance of being kept when drawn
    "reset": 0.2, "stop": 0.2, "movec_to_control": 0.3, "rte": 0.2, "rte_68000": 0.2, "callm": 0.2,
    "rtm": 0.2, "move_to_sr": 0.4, "unlk": 0.4, "jmp": 0.1, "jsr": 0.2, "rts": 0.1, "rtr": 0.1, "rtd": 0.1,
    "illegal_insn": 0.3, "bkpt": 0.3, "trap": 0.3,
}
BRANCHES = frozenset("dbcc bra_b bra_w bra_l bcc_b bcc_w bcc_l bsr_b bsr_w bsr_l".split())
LAYOUTS = ("plain", "holes", "readonly", "shuffled", "devices", "system")


def _data() -> bytes:
    """Anything, then pointers for memory-indirect addresses."""
    rng = random.Random(0x5EED)
    pointers = [rng.choice((DATA, CODE, rng.getrandbits(17))) for _ in range(0x300)]
    return rng.randbytes(0x400) + struct.pack(f">{len(pointers)}I", *pointers)


DATA_BYTES = _data()


@dataclass(frozen=True)
class Item:
    """Instruction words; a label to place here; a label that the last word (or long) refers to."""

    words: tuple[int, ...] = ()
    label: int | None = None
    to: int | None = None
    absolute: bool = False  # the reference is a long address, then `tail`; else a displacement
    tail: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        return 2 * (len(self.words) + len(self.tail)) + (0 if self.to is None else 4 if self.absolute else 2)


@dataclass(frozen=True)
class Case:
    """One random sequence; `items` may be thinned out, everything else stays."""

    seed: int
    model: Model
    items: tuple[Item, ...]
    regs: tuple[int, ...]
    sr: int
    base: int
    loops: int
    layout: str
    page_bits: int
    limit: int
    interrupts: tuple[tuple[int, int, int], ...] = ()
    pages: dict[int, int] = field(default_factory=dict)

    def without(self, first: int, last: int) -> Case:
        kept = tuple(x for i, x in enumerate(self.items) if not first <= i < last or x.label is not None)
        return replace(self, items=kept)

    def code(self) -> bytes:
        """The loop, assembled at `base`."""
        at, labels = self.base, {}
        for x in self.items:
            if x.label is not None:
                labels[x.label] = at
            at += x.size
        out = b""
        for x in self.items:
            out += struct.pack(f">{len(x.words)}H", *x.words)
            if x.to is not None:
                to = labels.get(x.to, self.base)
                here = self.base + len(out)
                out += struct.pack(">I", to) if x.absolute else struct.pack(">H", (to - here) & 0xFFFF)
                out += struct.pack(f">{len(x.tail)}H", *x.tail)
        back = self.base - (self.base + len(out) + 6)
        end = (0x5378, LOOPS, 0x6600, back & 0xFFFF, 0x4E4F)  # subq.w #1,LOOPS; bne; trap #15
        return out + struct.pack(">5H", *end)

    def program(self) -> Program:
        image = {self.base: self.code(), **handlers(self.model.name)}
        image[GOOD] = struct.pack(">15I", *self.regs[:15])
        image[COUNT] = struct.pack(">HHHHH", 0, 0, 0, 0, self.loops)
        image[DATA] = DATA_BYTES
        interrupts = list(self.interrupts)
        return Program(image, list(self.regs), self.sr, self.base, self.pages, self.limit, interrupts)

    def listing(self) -> str:
        """The code, disassembled."""
        code = self.code() + bytes(32)
        out, at = [], self.base
        end = self.base + len(code) - 32

        def fetch(address: int, size: int) -> int:
            i = address - self.base
            return int.from_bytes(code[i:i + size].ljust(size, b"\0"), "big")

        while at < end:
            text, length = self.model.isa.disassemble(fetch, at, self.model.name)
            out.append(f"  {at:05x}  {code[at - self.base:at - self.base + length].hex(' ', 2):<30} {text}")
            at += length
        return "\n".join(out)


def handlers(model: str) -> dict[int, bytes]:
    """Vector table and handlers."""
    format_words = model != "m68000"
    discard = b"" if format_words else b"\x50\x8f"  # addq.l #8,a7: the 68000's RTE does not know long frames
    # addq.w #1,COUNT; cmpi.w #3,COUNT; bhi.s to STOP; movem.l GOOD,d0-a6; rte
    repair = struct.pack(">HHHHHH", 0x5278, COUNT, 0x0C78, 3, COUNT, 0x6200 | 8 + len(discard))
    repair += struct.pack(">HHH", 0x4CF8, 0x7FFF, GOOD) + discard + b"\x4e\x73" + STOP
    skip = struct.pack(">HHHHH", 0x5278, SKIPPED, 0x54AF, 2, 0x4E73)  # addq.w, addq.l #2,2(a7), rte
    back = struct.pack(">HHH", 0x5278, SKIPPED, 0x4E73)
    acknowledge = struct.pack(">HHHH", 0x13C0, 0, 0xD0F0, 0x4E73)  # move.b d0,ACKNOWLEDGE; rte
    code, where = b"", {}
    bodies = {"repair": repair, "skip": skip, "back": back, "acknowledge": acknowledge, "stop": STOP}
    for name, body in bodies.items():
        where[name] = HANDLERS + len(code)
        code += body
    table = ["stop"] * 256
    table[2] = table[3] = "repair"
    for v in (4, 8, 10, 11):
        table[v] = "skip"
    for v in (5, 6, 7, 9, *range(32, 47), *range(100, 104)):
        table[v] = "back"
    for v in range(25, 32):
        table[v] = "acknowledge"
    table[64] = "acknowledge"
    vectors = b"".join(struct.pack(">I", where[t]) for t in table)
    return {0: vectors, HANDLERS: code}


def make(seed: int, model: Model, page_bits: int = 8, count: int = 7) -> Case:
    """The case of a seed: about `count` random instructions."""
    return _Maker(seed, model, page_bits).case(count)


class _Maker:
    def __init__(self, seed: int, model: Model, page_bits: int) -> None:
        self.r = random.Random(seed)
        self.seed, self.model, self.page_bits = seed, model, page_bits
        self.calm = self.r.random() < 0.5  # little goes wrong: regions run for long
        self.items: list[Item] = []
        self.labels = 0
        self.here: list[int] = []  # labels placed so far
        self.insns = model.decoder.insns

    def case(self, count: int) -> Case:
        r = self.r
        size = 1 << self.page_bits
        base = CODE + (size - 2 * r.randrange(1, 40) if r.random() < 0.5 else 2 * r.randrange(64))
        regs = [self.number() for _ in range(8)] + [self.place() for _ in range(7)]
        stack = SUPERVISOR_STACK - 4 * r.randrange(8) if r.random() < 0.8 else self.place() & ~1
        regs.append(stack if r.random() < 0.7 else 0)
        while len(self.items) < count:
            self.unit()
        sr = r.choice((0x2000, 0x2000, 0x2700, 0x0000, 0x0000)) | r.getrandbits(5)
        if r.random() < 0.05:
            sr |= 0x8000
        if self.model.name == "m68020":
            sr |= r.choice((0, 0, 0, 0, 0, 0x1000))
            if r.random() < 0.03:
                sr |= 0x4000
        loops = r.choice((9, 20)) if self.calm else r.choice((2, 3, 4, 5, 9))
        limit = r.choice((60, 90, 120)) if self.calm else r.choice((30, 45, 60, 80))
        interrupts = tuple(
            (n, r.randrange(1, 8), r.choice((0xFFFFFFFF, 0xFFFFFFFF, 64)))
            for n in sorted(r.sample(range(1, limit), r.randrange(1, 5)))
        ) if r.random() < 0.3 else ()
        layout = r.choice(("plain", "shuffled")) if self.calm else r.choice(LAYOUTS)
        pages = self.pages(layout, base)
        return Case(
            self.seed, self.model, tuple(self.items), tuple(regs), sr, base, loops, layout, self.page_bits,
            limit, interrupts, pages,
        )

    # -- numbers, addresses, pages ---------------------------------------------------------------------

    def number(self) -> int:
        r = self.r
        return r.choice((r.choice(EDGES), r.getrandbits(32), r.randrange(64), -r.randrange(64) & 0xFFFFFFFF))

    def place(self) -> int:
        """An address, biased to the edges of pages."""
        r = self.r
        size = 1 << self.page_bits
        k = r.random() * (0.8 if self.calm else 1)
        if k < 0.45:
            at = r.randrange(DATA, DATA_END, size) + r.randrange(-6, 6)
        elif k < 0.8:
            at = r.randrange(DATA, DATA_END)
        elif k < 0.86:
            at = r.randrange(CODE, CODE + 2 * size)
        elif k < 0.92:
            at = DEVICE_VA + r.randrange(0x100)
        elif k < 0.95:
            at = ROM_VA + r.randrange(-4, 0x400)
        elif k < 0.97:
            at = NOTHING_VA + r.randrange(-4, 0x100)
        else:
            at = r.getrandbits(17)
        if r.random() < 0.12:
            at ^= 0x10000
        return at & ~1 if r.random() < (1 if self.calm and self.model.aligned > 1 else 0.7) else at

    def pages(self, layout: str, base: int) -> dict[int, int]:
        r, size = self.r, 1 << self.page_bits
        out: dict[int, int] = {}
        data = list(range(DATA, DATA_END, size))
        plain = VALID | WRITABLE
        for va in r.sample(data, len(data) * 2 // 5):
            entry = va >> self.page_bits << FRAME | plain
            if layout == "holes":
                out[va] = r.choice((0, entry & ~VALID))
            elif layout == "readonly":
                out[va] = entry & ~WRITABLE
            elif layout == "shuffled":
                other = r.choice(data) if r.random() < 0.8 else base & -size
                out[va] = other >> self.page_bits << FRAME | plain | r.choice((0, 0, 0, NO_CACHE))
            elif layout == "devices":
                phys = r.choice((0x20000, 0x20000, 0x20800, 0x30000, 0x10000))
                out[va] = phys >> self.page_bits << FRAME | plain
            elif layout == "system":
                out[va] = entry | r.choice((SYSTEM, SYSTEM, NO_CACHE))
        follow = (base & -size) + size  # the page behind the code's first
        if r.random() < 0.1:
            phys = r.choice((0, DATA, DEVICE))
            out[follow] = phys and phys >> self.page_bits << FRAME | plain
        return out

    # -- instructions ----------------------------------------------------------------------------------------

    def emit(self, *words: int, **more: int) -> None:
        self.items.append(Item(tuple(w & 0xFFFF for w in words), **more))  # type: ignore[arg-type]

    def label(self) -> int:
        self.labels += 1
        return self.labels

    def put(self, label: int) -> None:
        self.items.append(Item(label=label))
        self.here.append(label)

    def unit(self) -> None:
        """An instruction, or a few that belong together."""
        r = self.r
        k = r.random()
        if k < 0.80:
            self.random_insn(r.choice(self.insns))
        elif k < 0.86:  # a forward branch
            over = self.label()
            self.emit(0x6000 | r.choice((0, *range(2, 16))) << 8, to=over)
            for _ in range(r.randrange(1, 3)):
                self.random_insn(r.choice(self.insns))
            self.put(over)
        elif k < 0.90:  # a counted loop
            n, again = r.randrange(8), self.label()
            self.emit(0x7000 | n << 9 | r.randrange(4))
            self.put(again)
            for _ in range(r.randrange(1, 3)):
                self.random_insn(r.choice(self.insns))
            self.emit(0x50C8 | r.choice((1, 1, r.randrange(16))) << 8 | n, to=again)
        elif k < 0.94:  # a subroutine and a call of it
            over, sub = self.label(), self.label()
            self.emit(0x6000, to=over)
            self.put(sub)
            self.random_insn(r.choice(self.insns))
            self.emit(*r.choice(((0x4E75,), (0x4E75,), (0x4E77,))))
            self.put(over)
            self.emit(*((0x3F00,) if self.items[-2].words == (0x4E77,) else ()))  # for RTR: move.w d0,-(a7)
            self.emit(0x6100, to=sub)
        elif k < 0.95:  # something happens to the page table
            self.emit(0x13C0 | r.randrange(8), 0, r.choice(ACTIONS))  # move.b Dn,register
        elif k < 0.98 and self.here:  # the code changes itself
            to = r.choice(self.here)
            word = r.choice((0x4E71, 0x7000 | r.getrandbits(12) & 0xEFF, 0x5240, 0x4E40, r.getrandbits(16)))
            self.items.append(Item((0x33FC, word), to=to, absolute=True))
        else:
            at = self.label()
            self.items.append(Item((0x41F9 | r.randrange(7) << 9,), to=at, absolute=True))  # lea label,An
            self.put(at)

    def random_insn(self, insn: Insn) -> None:
        r = self.r
        while insn.name in BRANCHES or r.random() > self.chance(insn):
            insn = r.choice(self.insns)
        while True:
            word = insn.pattern.value | r.getrandbits(16) & ~insn.pattern.mask
            f = insn.fields_of(word)
            if f is None:
                continue
            if (f.get("x") == 7 or (f.get("n") == 7 and f.get("M", 7) < 7)) and r.random() < 0.8:
                continue
            break
        for mode, n in (("M", "n"), ("K", "k")):
            if 2 <= f.get(mode, 0) <= 6 and f[n] != 7 and r.random() < 0.75:
                at = self.place()
                self.emit(0x41F9 | f[n] << 9, at >> 16, at)  # lea at,An
        words = [word, *(self.extension() for _ in range(11))]
        if "imm" not in str(insn.syntax) and r.random() < 0.8:
            self.reach(words, f)

        def fetch(address: int, size: int) -> int:
            i = address // 2
            return words[i] if size == 2 else words[i] << 16 | words[i + 1] if size == 4 else words[i] >> 8

        _, length = self.model.isa.disassemble(fetch, 0, self.model.name)
        self.emit(*words[:length // 2])

    def chance(self, insn: Insn) -> float:
        """Of being kept when drawn."""
        chance = RARE.get(insn.name, 0.5 if "interp" in insn.traits else 1.0)
        return chance * 0.2 if self.calm and chance < 1 else chance

    def reach(self, words: list[int], f: dict[str, int]) -> None:
        """Extension words with which the (first) operand lies where something is."""
        r, mode, n = self.r, f.get("M", 0), f.get("n", 0)
        if (mode, n) == (7, 1):
            at = self.place()
            words[1:3] = at >> 16, at & 0xFFFF
        elif mode == 5:
            words[1] = r.randrange(-16, 16) & 0xFFFF
        elif mode == 6:
            index = r.randrange(8)
            self.emit(0x7000 | index << 9 | r.randrange(32))  # moveq
            words[1] = index << 12 | r.getrandbits(4) << 8 & 0xE00 | r.randrange(-16, 16) & 0xFF

    def extension(self) -> int:
        r = self.r
        k = r.random()
        if k < 0.3:
            return r.choice((0, 0, 0, 1))
        if k < 0.55:
            return self.place() & 0xFFFF
        if k < 0.7:
            return r.randrange(-8, 8) & 0xFFFF
        if k < 0.85:
            return r.getrandbits(16) & 0xFEFF
        return r.getrandbits(16)
