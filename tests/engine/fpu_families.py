"""Programs for the fault injector that use the coprocessor's memory operands: all formats, lists, frames."""

from __future__ import annotations

import random

from tests.insn.generate import Program

SIZES = (4, 4, 12, 12, 2, 8, 1)  # of the formats long, single, extended, packed, word, double, byte
ADD, POSTINC, PREDEC, DISP = 0x22, 3, 4, 5
NAMES = (
    "fpu operand", "fpu result", "fmovem in", "fmovem out", "fmovem control in", "fmovem control out",
    "fscc", "fsave", "frestore",
)  # fmt: skip
PRIVILEGED = frozenset(("fsave", "frestore"))
IDLE = 0x1F180000  # the first long of a 68881's idle frame


def program(family: str, rng: random.Random, base: int, data: int, size: int) -> Program:
    """One instruction of a family, behind what sets up A1 and a few registers of the coprocessor."""
    mode = rng.choice((POSTINC, PREDEC, DISP))
    memory = bytearray(rng.randbytes(size))
    p = Program(0, base, data, [rng.getrandbits(32) for _ in range(16)], rng.getrandbits(5), memory)
    p.regs[15] = data + size // 2
    fmt, count = rng.randrange(7), rng.randint(1, 8)
    registers = (1 << count) - 1
    setup = [0xF23C, 0x4000 | rng.randrange(8) << 7, 0, rng.getrandbits(16)]  # fmove.l #,fpn
    length = SIZES[fmt]
    match family:
        case "fpu operand":
            words = [0xF200, 0x4000 | fmt << 10 | rng.randrange(8) << 7 | rng.choice((0, ADD))]
        case "fpu result":
            words = [0xF200, 0x6000 | fmt << 10 | rng.randrange(8) << 7]
        case "fmovem in":
            mode, words, length = rng.choice((POSTINC, DISP)), [0xF200, 0xD000 | registers], 12 * count
        case "fmovem out":
            mode = rng.choice((PREDEC, DISP))
            words, length = [0xF200, (0xE000 if mode == PREDEC else 0xF000) | registers], 12 * count
        case "fmovem control in" | "fmovem control out":
            to = 0x8000 if family.endswith("in") else 0xA000
            words, length = [0xF200, to | rng.randint(1, 7) << 10], 12
            memory[:] = bytes(size)  # no traps enabled
        case "fscc":
            words, length = [0xF240, rng.randrange(16)], 1
        case "fsave":
            mode, words, length = rng.choice((PREDEC, DISP)), [0xF300], 0x1C
        case "frestore":
            mode, words, length = rng.choice((POSTINC, DISP)), [0xF340], 0x1C
    at = data + 0x100 * rng.randint(1, 2) - rng.randint(0, length + 2)
    if family == "frestore":
        memory[at - data : at - data + 4] = rng.choice((IDLE, 0)).to_bytes(4, "big")
        memory[at - data + 4 : at - data + 0x1C] = bytes(0x17) + b"\0"
        memory[at - data + 0x18] = 0x78
    start = at + length if mode == PREDEC else at
    for code in (setup, [0x43F9, start >> 16, start & 0xFFFF], [words[0] | mode << 3 | 1, *words[1:]]):
        p.insns.append((p.end, 2 * len(code), family))
        p.code += b"".join(w.to_bytes(2, "big") for w in code)
    if mode == DISP:
        p.code += b"\0\0"
    return p
