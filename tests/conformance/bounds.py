"""CHK2 and CMP2 against Unicorn, of which CHK2.B alone works: words and longs get the same bytes, shifted.

What is compared: Z, C, whether CHK2 traps, and that nothing else changes.  N and V are undefined (PRM CHK2).
"""

from __future__ import annotations

import random
import struct
from importlib.util import find_spec
from typing import Any

from tests.conformance.flat import QUICK
from tests.conformance.guest import CODE, DATA, DATA_SIZE
from tests.conformance.operands import SLOT, Subject
from tests.conformance.qemu import Ours, place, registers
from tests.conformance.tally import Tally
from tests.insn.generate import Program
from tests.insn.known import C, X, Z

PIECE = 20_000
EDGES = (0, 1, 2, 0x7E, 0x7F, 0x80, 0x81, 0xFE, 0xFF)
POINTER = 8  # A0: where the bounds are


def missing() -> str:
    return "" if find_spec("unicorn") else "the Python package unicorn is not installed"


def blocks(cases: int | None, seed: int) -> list[tuple[int, int]]:
    """(seed, cases)"""
    cases = cases or PIECE
    return [(seed * 1_000_000 + b, min(PIECE, cases - b)) for b in range(0, cases, PIECE)]


class Theirs:
    """CHK2.B (A0),D0 on Unicorn."""

    def __init__(self) -> None:
        import unicorn
        from unicorn import m68k_const

        self.const: Any = m68k_const
        self.error = unicorn.UcError
        self.uc: Any = unicorn.Uc(unicorn.UC_ARCH_M68K, unicorn.UC_MODE_BIG_ENDIAN)
        self.uc.ctl_set_cpu_model(m68k_const.UC_CPU_M68K_M68020)
        self.uc.mem_map(0, 0x10000)
        self.uc.mem_write(0x1000, bytes.fromhex("00d0 0800 4e71"))

    def flags(self, lower: int, upper: int, x: int) -> int:
        """Z and C; with C it traps."""
        uc, const = self.uc, self.const
        uc.mem_write(DATA, bytes((lower, upper)))
        uc.reg_write(const.UC_M68K_REG_SR, 0)
        uc.reg_write(const.UC_M68K_REG_D0, x)
        uc.reg_write(const.UC_M68K_REG_A0, DATA)
        trapped = False
        try:
            uc.emu_start(0x1000, 0x1004, count=1)
        except self.error:
            trapped = True
        found = int(uc.reg_read(const.UC_M68K_REG_SR)) & (Z | C)
        assert trapped == bool(found & C)
        return found


def programs() -> list[tuple[Subject, int, int, bool]]:
    """(program, size of the bounds, register, whether it traps): all there are of them at (A0)."""
    out = []
    for z in range(3):
        for n in range(16):
            for traps in (False, True):
                if n == POINTER:
                    continue
                base = CODE + len(out) * SLOT
                code = bytearray(struct.pack(">HH", 0x00D0 | z << 9, n << 12 | traps << 11))
                p = Program(0, base, DATA, [0] * 16, 0, bytearray(DATA_SIZE), code, [(base, 4, "chk2_cmp2")])
                out.append((Subject(p, "chk2_cmp2"), 1 << z, n, traps))
    return out


def operands(r: random.Random) -> tuple[int, int, int]:
    """Two bounds and a value, all bytes, often next to each other."""
    a, b = (r.choice(EDGES) if r.random() < 0.5 else r.getrandbits(8) for _ in range(2))
    near = r.choice((a, b)) + r.choice((-1, 0, 1)) & 0xFF
    return a, b, near if r.random() < 0.5 else r.getrandbits(8)


def run(model: str, engine: str, seed: int, count: int) -> Tally:
    out, ours, theirs, r = Tally(), Ours(engine), Theirs(), random.Random(seed)
    every = programs()
    hosts = [0] * len(every)
    if engine == "jit":
        hosts = ours.flat.translate([place(s, s.code) for s, *_ in every], QUICK)
    for (s, size, n, traps), host in zip(every, hosts, strict=True):
        ours.put(s, s.code)
        for _ in range(-(-count // len(every))):
            lower, upper, x = operands(r)
            want, shift = theirs.flags(lower, upper, x), 8 * size - 8
            low = r.getrandbits(shift) if shift else 0
            values = [b << shift | low for b in (lower, upper, x)]
            bounds = b"".join(v.to_bytes(size, "big") for v in values[:2])
            regs = [r.getrandbits(32) for _ in range(16)]
            regs[POINTER], regs[15] = DATA, DATA + 0x200
            if n < 8:
                regs[n] = (regs[n] & -1 << 8 * size | values[2]) & 0xFFFFFFFF
            else:  # of an address register all bits count
                regs[n] = (values[2] - (x >> 7 << 8 * size)) & 0xFFFFFFFF
            ccr = r.getrandbits(5)
            task = bounds.ljust(DATA_SIZE, b"\0") + struct.pack(">16IHHI", *regs, ccr, 0, s.program.base)
            mine = ours.result(s, task, host)
            if agree(mine, task, want, ccr, traps):
                out.agreed += 1
            else:
                got = "traps" if mine is None else f"sr {registers(mine)['sr']:x}"
                what = (
                    f"{'chk2' if traps else 'cmp2'} of {size}: {x:x} in {lower:x}..{upper:x}, shifted {shift}"
                )
                out.fail(f"{what}: {got} | {want:x}")
    out.in_regions = ours.in_regions
    return out


def agree(mine: bytes | None, task: bytes, want: int, ccr: int, traps: bool) -> bool:
    if mine is None:
        return traps and bool(want & C)
    found, before = registers(mine), registers(task)
    sr = found.pop("sr")
    before.pop("sr")
    quiet = not (traps and want & C) and mine[:DATA_SIZE] == task[:DATA_SIZE] and found == before
    return quiet and sr & (Z | C) == want and (sr ^ ccr) & X == 0
