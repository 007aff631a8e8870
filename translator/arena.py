"""Host code in place without LLVM's linker, which takes 0.2 ms for what is little more than a copy.

    object (ELF, x86-64) ─► its sections in a row, what is relative to each other filled in ─► arena
                            │ something else is in it
                            └─► LLVM's linker

The arena is memory that is there twice: once to be written, once to be executed.  Linux only.

System V ABI, AMD64 supplement, 4.4.1: S + A - P.
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
import platform
import struct
import sys
import weakref
from typing import NamedTuple

SIZE = 256 << 20  # bytes of addresses; memory is used as far as there is code
UNIT = 256  # pieces are multiples of it
PROGBITS, SYMTAB, RELA = 1, 2, 4
ALLOC = 2
RELATIVE = {2: "<i", 4: "<i", 24: "<q"}  # R_X86_64_PC32, PLT32, PC64
MAYMOVE, FIXED, PROT_READ_EXEC, NORESERVE, FIXED_NOREPLACE = 1, 2, 5, 0x4000, 0x100000
FAR = 0x2000_0000_0000  # away from the host's own addresses, between which LLVM's linker must not find gaps
_arenas = itertools.count()


class Image(NamedTuple):
    """Bytes that can lie anywhere, and where symbols are in them."""

    code: bytes
    symbols: dict[str, int]


def flatten(obj: bytes) -> Image | None:
    """An object's image, None if it needs a linker."""
    at, _, _, _, _, size, count = struct.unpack_from("<QIHHHHH", obj, 40)
    sections = [struct.unpack_from("<IIQQQQIIQQ", obj, at + k * size) for k in range(count)]
    out, places = bytearray(), {}
    for k, (_, kind, flags, _, offset, length, _, _, align, _) in enumerate(sections):
        if not flags & ALLOC or not length:
            continue
        if kind != PROGBITS:
            return None
        out += bytes(-len(out) % max(align, 1))
        places[k] = len(out)
        out += obj[offset : offset + length]
    table = next((s for s in sections if s[1] == SYMTAB), None)
    if table is None:
        return None
    names, symbols, values = sections[table[6]][4], {}, []
    for entry in range(table[4], table[4] + table[5], 24):
        name, _, _, section, value, _ = struct.unpack_from("<IBBHQQ", obj, entry)
        values.append(places[section] + value if section in places else None)
        text = obj[names + name : obj.index(b"\0", names + name)].decode()
        if text and section in places:
            symbols[text] = places[section] + value
    for section in sections:
        if section[1] != RELA or section[7] not in places:
            continue
        for entry in range(section[4], section[4] + section[5], 24):
            where, info, addend = struct.unpack_from("<QQq", obj, entry)
            to, form = values[info >> 32], RELATIVE.get(info & 0xFFFFFFFF)
            if to is None or form is None:
                return None
            where += places[section[7]]
            struct.pack_into(form, out, where, to + addend - where)
    return Image(bytes(out), symbols)


class Piece:
    """Host code in the arena, until it is forgotten; `addresses` by symbol, those in `writable` as data."""

    def __init__(self, arena: Arena, at: int, size: int, image: Image, writable: str) -> None:
        self._arena, self._at, self._size = arena, at, size
        self.addresses = {
            name: (arena.data if name == writable else arena.code) + at + offset
            for name, offset in image.symbols.items()
        }

    def __del__(self) -> None:
        self._arena.free.setdefault(self._size, []).append(self._at)


class Arena:
    """Memory for host code."""

    def __init__(self) -> None:
        self.data = self.code = self._used = 0
        self.free: dict[int, list[int]] = {}  # by size
        if sys.platform != "linux" or platform.machine() != "x86_64":
            return
        libc = ctypes.CDLL(None, use_errno=True)
        pointer, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
        libc.mmap.restype = libc.mremap.restype = pointer
        libc.mmap.argtypes = [pointer, size, number, number, number, ctypes.c_long]
        libc.mremap.argtypes = [pointer, size, size, number, pointer]
        libc.mprotect.argtypes = [pointer, size, number]
        libc.munmap.argtypes = [pointer, size]
        data = FAR + next(_arenas) * 2 * SIZE
        flags = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | NORESERVE | FIXED_NOREPLACE
        if libc.mmap(data, SIZE, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0) != data:
            return
        weakref.finalize(self, libc.munmap, data, 2 * SIZE)
        code = data + SIZE
        again = libc.mremap(data, 0, SIZE, MAYMOVE | FIXED, code)  # of nothing: once more
        if again == code and libc.mprotect(code, SIZE, PROT_READ_EXEC) == 0:
            self.data, self.code = data, code

    def put(self, obj: bytes, writable: str) -> Piece | None:
        """An object's code in place, None if it cannot be had here.  writable: a symbol of data."""
        image = flatten(obj) if self.data else None
        if image is None:
            return None
        size = -(-len(image.code) // UNIT) * UNIT
        free = self.free.get(size)
        if free:
            at = free.pop()
        elif self._used + size <= SIZE:
            at, self._used = self._used, self._used + size
        else:
            return None
        ctypes.memmove(self.data + at, image.code, len(image.code))
        return Piece(self, at, size, image, writable)
