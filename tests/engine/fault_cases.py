"""What the fault injector runs: a random instruction of a family, with what sets up its operands."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.engine import fpu_families
from tests.insn.generate import PRIVILEGED, Program, generate
from translator.isa import Model

CODE, DATA, DATA_SIZE = 0x4000, 0x6000, 0x400
STACKS, ISP, MSP, STACKS_END = 0x1000, 0x1F00, 0x2700, 0x2800
LAYOUTS = ("ram", "device", "even", "odd")  # which pages of the data area are the device's


@dataclass
class Case:
    """A program, its mode, and where its data lie."""

    family: str
    seed: int
    program: Program
    layout: str
    sr: int
    image: dict[int, bytes] = field(default_factory=dict)
    goes_astray: bool = False  # it ends in an address error

    def __str__(self) -> str:
        p = self.program
        where = f"{self.family} seed {self.seed} {self.layout} sr {self.sr:04x} at {p.base:x}"
        return f"{where}: {p.code.hex(' ', 2)}"


def families(model: Model) -> list[str]:
    """The names of the specification's instructions; of a coprocessor's, what they do in memory."""
    core = sorted({i.name for i in model.decoder.insns if i.pattern.value >> 12 != 0xF})
    return core if "+" not in model.name else list(fpu_families.NAMES)


def make(model: Model, family: str, layout: str, seed: int) -> Case:
    """A random program of a family, near a page's end or not; supervisor's ones on its own stack."""
    rng = random.Random(f"{family} {layout} {seed}")
    base = CODE + 0x100 - rng.choice((2, 4, 6, 8, 10, 12, 14, 16, 20, 26, 0x80))
    if "+" in model.name:
        p = fpu_families.program(family, rng, base, DATA, DATA_SIZE)
        return Case(family, seed, p, layout, p.ccr | (0x2700 if family in fpu_families.PRIVILEGED else 0))
    only = frozenset((family,))
    p = generate(rng.getrandbits(32), model, 1, base, DATA, DATA_SIZE, traps=True, system=True, only=only)
    supervisor = family in PRIVILEGED
    sr = p.ccr | (0x2700 if supervisor else 0)
    case = Case(family, seed, p, layout, sr)
    if family in ("rte", "rte_68000"):
        case.image[ISP] = _frames(model, p.end, rng)
    return case


def _frames(model: Model, to: int, rng: random.Random) -> bytes:
    """What RTE may find at the stack pointer."""
    plain = struct.pack(">HIH", rng.choice((0x0000, 0x2700, 0x271F)), to, 0)
    throwaway = struct.pack(">HIH", 0x2700, 0xBAD, 0x1000)
    longer = struct.pack(">HIHI", 0x2700, to, 0x2000, 0xBAD)
    return rng.choice((plain, throwaway + plain, longer) if model.name == "m68020" else (plain,))


def uses_own_stack(case: Case, model: Model) -> bool:
    """A supervisor's operand at A7: below it lies whatever exceptions have left."""
    at, _, _ = case.program.insns[-1]
    word = int.from_bytes(case.program.code[at - case.program.base :][:2], "big")
    hit = model.decoder.decode(word)
    f = (hit and hit[0].fields_of(word)) or {}
    return bool(case.sr & 0x2000) and 7 in (f.get("n"), f.get("k"))


def programs(model: Model, seed: int) -> Iterator[tuple[str, str, int]]:
    """(family, layout, seed) without end; each round has every family in every layout, in random order."""
    pairs = [(family, layout) for family in families(model) for layout in LAYOUTS]
    while True:
        for family, layout in random.Random(seed).sample(pairs, len(pairs)):
            yield family, layout, seed
        seed += 1
