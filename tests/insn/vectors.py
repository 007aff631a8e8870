"""Single-instruction vectors: reader, runner, and the table of explained differences.

A file holds one JSON object per line: `initial` and `final` states (19 registers D0-D7, A0-A6, USP, SSP, SR,
PC; two prefetched words; [address, byte] pairs) of one instruction on a 68000.  PC is the prefetch address:
four bytes ahead of the instruction.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.insn.tiny import Tiny
from translator.m68k import M68000
from translator.m68k.model import pack_sr, unpack_sr
from translator.state import Reason

NAMES = [f"d{i}" for i in range(8)] + [f"a{i}" for i in range(7)] + ["usp", "ssp", "sr", "pc"]
ADDRESSES = 0xFFFFFF  # the 68000 has 24 address lines
Maker = Callable[[], Any]  # of a fresh machine: Tiny, or what looks like it


def cases(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        for line in lines:
            yield json.loads(line)


def tiny() -> Tiny:
    return Tiny(M68000, mask=ADDRESSES)


def start(case: dict[str, Any], make: Maker = tiny) -> Any:
    """A machine in the case's initial state."""
    cpu = make()
    regs = dict(zip(NAMES, case["initial"]["regs"], strict=True))
    s = cpu.state
    for i in range(15):
        s.r[i] = regs[NAMES[i]]
    s.usp, s.isp = regs["usp"], regs["ssp"]
    s.sr_sys = 0x20 if regs["sr"] & 0x2000 else 0
    s.r[15] = s.isp if s.sr_sys else s.usp
    unpack_sr(s, regs["sr"])
    s.pc = regs["pc"] - 4 & 0xFFFFFFFF
    cpu.memory.bytes.update((a, b) for a, b in case["initial"]["ram"])
    return cpu


def final(cpu: Tiny) -> dict[str, int]:
    """Registers of a machine, named and ordered as in the vectors (a stopped one does not prefetch)."""
    s = cpu.state
    ahead = 0 if cpu.reason == Reason.STOPPED else 4
    supervisor = s.sr_sys & 0x20
    values = [*s.r[0:15], s.usp if supervisor else s.r[15], s.r[15] if supervisor else s.isp]
    return dict(zip(NAMES, [*values, pack_sr(s), s.pc + ahead & 0xFFFFFFFF], strict=True))


def differences(case: dict[str, Any], cpu: Any) -> dict[str, tuple[int, int]]:
    """What differs after the case's step, as name or address -> (ours, theirs)."""
    ours, theirs = final(cpu), dict(zip(NAMES, case["final"]["regs"], strict=True))
    out: dict[str, tuple[int, int]] = {k: (ours[k], theirs[k]) for k in NAMES if ours[k] != theirs[k]}
    ram = dict(map(tuple, case["final"]["ram"]))
    for address in sorted({*ram, *cpu.memory.bytes}):
        a, b = cpu.memory.bytes.get(address, 0), ram.get(address, 0)
        if a != b:
            out[f"{address:06x}"] = (a, b)
    return out


# The 68000 cannot restart an instruction that an address error has ended, and says so: "the value saved for
# the program counter is advanced by some amount, from 2 to 10 bytes beyond the address of the first word" and
# the rest is internal state (68000 UM 6.3.9.1, 6.3.9.2).  The vectors show how far its microcode had got;
# here an instruction that faults has changed nothing.  What may differ after an address error, and nothing
# else:
EXPLAINED = {
    "pc": "the stacked PC: prefetches already made; BSR's is the odd target itself",
    "ccr": "condition codes: MOVE sets them before its write",
    "an": "address registers that -(An) and (An)+ had already moved",
    "low": "the address: a long at -(An) is accessed low word first",
    "ir": "the instruction: MOVE.W to -(An) writes when the next word has already taken its place",
}
STEPS = {n & 0xFFFFFFFF for n in (0, 2, 4, 8, -2, -4, -8)}  # how far operands move a register
FRAME = 14  # bytes of the frame: access word, address, instruction, SR, PC


def judge(case: dict[str, Any], make: Maker = tiny) -> tuple[bool, dict[str, tuple[int, int]]]:
    """Run a case: (whether all is the same, the differences that EXPLAINED does not explain)."""
    cpu = start(case, make)
    cpu.step()
    found = differences(case, cpu)
    if not found or not case["address_error"]:
        return not found, found
    ours, theirs = final(cpu), dict(zip(NAMES, case["final"]["regs"], strict=True))
    out = {}
    for name in NAMES:
        a, b = ours[name], theirs[name]
        if name == "sr":
            a, b = a & ~0x1F, b & ~0x1F
        moved = (name[0] == "a" or name in ("usp", "ssp")) and (b - a) & 0xFFFFFFFF in STEPS
        if a != b and not moved:
            out[name] = (a, b)
    ram = dict(map(tuple, case["final"]["ram"]))
    mine, other = (_frame(m, regs["ssp"]) for m, regs in ((cpu.memory.bytes, ours), (ram, theirs)))
    predecrement = "-(A" in case["name"]
    if predecrement and other["address"] == mine["address"] + 2:
        other["address"] = mine["address"]
    if predecrement and " MOVE.w " in case["name"]:
        pc = case["initial"]["regs"][18] - 4
        if other["word"] in [cpu.memory.peek(pc + i, 2) for i in (2, 4, 6)]:
            other |= _with_word(mine["word"], other)
    out |= {k: (mine[k], other[k]) for k in mine if mine[k] != other[k]}
    frames = {regs["ssp"] + i & 0xFFFFFF for regs in (ours, theirs) for i in range(FRAME)}
    return False, out | {k: v for k, v in found.items() if len(k) == 6 and int(k, 16) not in frames}


def _with_word(word: int, frame: dict[str, int]) -> dict[str, int]:
    """A frame as it were with this instruction word, whose upper bits the access word repeats."""
    return {"word": word, "access": word & ~0x1F | frame["access"] & 0x1F}


def _frame(memory: dict[int, int], sp: int) -> dict[str, int]:
    def number(offset: int, size: int) -> int:
        return int.from_bytes((memory.get(sp + offset + i & 0xFFFFFF, 0) for i in range(size)), "big")

    return {
        "access": number(0, 2),
        "address": number(2, 4),
        "word": number(6, 2),
        "status": number(8, 2) & ~0x1F,
    }
