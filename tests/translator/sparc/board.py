"""A SPARC on 64 KB of memory at 0, in either engine; traps lead to TABLE + (tt << 4), which holds NOPs."""

from __future__ import annotations

import ctypes
import mmap
import struct
from typing import Any

from tests.insn.sparc import NOP
from translator.cpu import Cpu
from translator.isa import Model

SIZE, CODE, DATA, TABLE = 0x10000, 0x4000, 0x8000, 0xA000
NOTHING = 0x100000  # no memory here
FLAGS = {"n": 8, "z": 4, "v": 2, "c": 1}


class Board:
    """`put` instructions, set registers by name, `step`, look at registers by name."""

    def __init__(self, model: Model, native: Any = None, user: bool = False) -> None:
        self.cpu = Cpu(model, native=native)
        self.ram = mmap.mmap(-1, SIZE)
        self.cpu.map(0, SIZE, ctypes.addressof(ctypes.c_char.from_buffer(self.ram)), True, self.ram)
        for at in (*range(TABLE, TABLE + 0x1000, 4), *range(CODE, CODE + 0x400, 4)):
            self.ram[at : at + 4] = struct.pack(">I", NOP)
        self.state: Any = self.cpu.state
        self.cpu.reset()
        s = self.state
        s.mode, s.et, s.tbr, s.pc, s.cwp = int(not user), 1, TABLE, CODE, 3
        self.cpu.mode_changed()

    def put(self, *words: int, at: int = CODE) -> Board:
        self.ram[at : at + 4 * len(words)] = struct.pack(f">{len(words)}I", *words)
        return self

    def place(self, name: str) -> int:
        n = "goli".index(name[0]) * 8 + int(name[1])
        return int(self.state.rmap[self.state.cwp << 5 | n])

    def set(self, **values: int) -> Board:
        """Registers of the current window (g1=…), or fields of the state (y=…)."""
        for name, value in values.items():
            if len(name) == 2 and name[0] in "goli":
                self.state.file[self.place(name)] = value
            else:
                setattr(self.state, name, value)
        if "mode" in values:
            self.cpu.mode_changed()
        return self

    def step(self, count: int = 1) -> Board:
        self.cpu.run(count)
        return self

    def __getitem__(self, name: str) -> int:
        return self.cpu.registers()[name]

    @property
    def tt(self) -> int:
        return self["tbr"] >> 4 & 0xFF

    @property
    def memory(self) -> bytes:
        return self.ram[:]
