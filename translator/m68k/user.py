"""Static Linux programs on a flat memory, without a machine: what reference traces are played on.

The program's segments lie at their addresses. `write` (4) and `exit` (1) are served here, with the numbers
and registers of Linux on the m68k: `trap #0`, D0 the call, D1… its arguments. Other exceptions end the
program.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..cpu import Cpu
from ..memory import Mmu
from . import MODELS, SYSTEMS
from .model import unpack_sr

PAGE_BITS = 13
STACK_TOP = 0x4080_0000
STACK_SIZE = 1 << 20
SUPERVISOR = 0xFFFF_0000
"""A page for the vectors and the supervisor's stack."""
SYS_EXIT, SYS_WRITE = 1, 4
TRAP_0 = 32
"""The vector of `trap #0`."""
PT_LOAD, EM_68K = 1, 4
USER_DATA = 1


class Unsuitable(Exception):
    """A file that is no static m68k program."""


class UserProgram:
    """A program in memory, ready to run; `native` and `jit` choose the engine as in `Cpu`."""

    def __init__(
        self, file: Path, native: Any = None, jit: Any = None, model: str = "m68020",
        stack_top: int = STACK_TOP,
    ) -> None:
        self.output = b""
        self.on_call: Callable[[], None] = lambda: None
        """A system call has been served; the stores of its exception are not the program's."""
        self.status: int | None = None
        self.failure: str | None = None
        self.cpu = Cpu({**MODELS, **SYSTEMS}[model], Mmu(page_bits=PAGE_BITS), native=native, jit=jit)
        self.segments: list[tuple[int, int]] = []
        """(address, size) of what the program may write."""
        image = file.read_bytes()
        entry = self._load(image)
        self._memory(stack_top - STACK_SIZE, STACK_SIZE)
        self._memory(SUPERVISOR, 1 << PAGE_BITS)
        s: Any = self.cpu.state
        s.vbr, s.isp = SUPERVISOR, SUPERVISOR + (1 << PAGE_BITS)
        unpack_sr(s, 0)
        s.pc = entry
        self.set("a7", stack_top - 64)
        self.cpu.mode_changed()
        self.cpu.watch_routines(self._exception)

    # -- memory ---------------------------------------------------------------------------------------------

    def _memory(self, base: int, size: int, writable: bool = True) -> None:
        host = mmap.mmap(-1, size)
        buffer = (ctypes.c_char * size).from_buffer(host)
        self.cpu.map(base, size, ctypes.addressof(buffer), writable, (host, buffer))

    def _load(self, image: bytes) -> int:
        """Map and fill the segments of an ELF file; the entry address."""
        if image[:7] != b"\x7fELF\x01\x02\x01" or struct.unpack_from(">HH", image, 16) != (2, EM_68K):
            raise Unsuitable("not a static big-endian ELF program for the m68k")
        entry, table = struct.unpack_from(">II", image, 24)
        count = struct.unpack_from(">H", image, 44)[0]
        parts = []
        pages: set[int] = set()
        for k in range(count):
            kind, offset, va, _, in_file, size, flags = struct.unpack_from(">7I", image, table + 32 * k)
            if kind != PT_LOAD or not size:
                continue
            parts.append((va, image[offset:offset + in_file]))
            pages |= set(range(va >> PAGE_BITS, (va + size - 1 >> PAGE_BITS) + 1))
            if flags & 2:
                self.segments.append((va, size))
        run: list[int] = []
        for page in [*sorted(pages), -1]:
            if run and page != run[-1] + 1:
                self._memory(run[0] << PAGE_BITS, len(run) << PAGE_BITS)
                run = []
            run.append(page)
        for va, data in parts:
            self.poke(va, data)
        return int(entry)

    def poke(self, va: int, data: bytes) -> None:
        """Write program memory, page by page."""
        while data:
            take = min(len(data), (1 << PAGE_BITS) - (va & (1 << PAGE_BITS) - 1))
            hit = self.cpu.memory.find(va)
            if hit is None:
                raise ValueError(f"the program has no memory at {va:#x}")
            memory, offset = hit
            memoryview(memory.bytes).cast("B")[offset:offset + take] = data[:take]
            va, data = va + take, data[take:]

    def peek(self, va: int, size: int) -> bytes:
        """Program memory; ValueError where there is none."""
        value = self.cpu.memory.peek(va, size, USER_DATA)
        if value is None:
            raise ValueError(f"the program has no memory at {va:#x}")
        return value.to_bytes(size, "big")

    # -- registers ------------------------------------------------------------------------------------------

    def set(self, name: str, value: int) -> None:
        """Set a register by the name that `Cpu.registers` has for it."""
        s: Any = self.cpu.state
        if name == "sr":
            unpack_sr(s, value)
        elif name == "pc":
            s.pc = value
        else:
            s.r["da".index(name[0]) * 8 + int(name[1])] = value

    # -- running --------------------------------------------------------------------------------------------

    def run(self, limit: int) -> int:
        """Up to `limit` instructions, fewer if the program ends; how many."""
        return self.cpu.run(limit) if self.status is None else 0

    def _exception(self, name: str) -> None:
        """An exception has been taken: serve a system call and go on behind it, or end."""
        s: Any = self.cpu.state
        frame = int(s.r[15])
        sr, pc, word = struct.unpack(">HIH", self.peek(frame, 8))
        unpack_sr(s, sr)
        s.isp = SUPERVISOR + (1 << PAGE_BITS)
        s.pc = pc
        self.cpu.mode_changed()
        call, *args = (int(s.r[i]) for i in range(4))
        vector = (word & 0xFFF) >> 2
        if vector != TRAP_0 or call not in (SYS_EXIT, SYS_WRITE):
            self.failure = f"system call {call}" if vector == TRAP_0 else f"{name}, vector {vector}"
            self._end(255)
        elif call == SYS_EXIT:
            self._end(args[0] & 0xFF)
        else:
            self.output += self.peek(args[1], args[2]) if args[2] else b""
            s.r[0] = args[2]
        self.on_call()

    def _end(self, status: int) -> None:
        self.status = status
        self.cpu.limit(self.cpu.executed)
