"""Host code in place: memory that is there twice, once to be written and once to be executed.  Linux only.

Such memory stays shared in a fork; the child makes itself its own before it does anything else.
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
import os
import platform
import sys
import weakref

from .image import UNIT, WRITABLE, Image

SIZE = WRITABLE  # bytes of addresses; memory is used as far as there is code
MAYMOVE, FIXED = 1, 2  # of mremap
PROT_READ_EXEC, FIXED_HERE, NORESERVE, FIXED_NOREPLACE = 5, 0x10, 0x4000, 0x100000
FAR = 0x2000_0000_0000  # away from the host's own addresses, between which LLVM's linker must not find gaps
_arenas = itertools.count()
_all: weakref.WeakSet[Arena] = weakref.WeakSet()


class Piece:
    """Host code in the arena, until it is forgotten; `addresses` by symbol."""

    def __init__(self, arena: Arena, at: int, size: int, image: Image) -> None:
        self._arena, self._at, self._size = arena, at, size
        self.addresses = {name: arena.code + at + offset for name, offset in image.symbols.items()}

    def __del__(self) -> None:
        self._arena.free.setdefault(self._size, []).append(self._at)


class Arena:
    """Memory for host code; data … and code …, SIZE bytes each, are the same."""

    def __init__(self) -> None:
        self.data = self.code = self._used = 0
        self.free: dict[int, list[int]] = {}  # by size
        if sys.platform != "linux" or platform.machine() != "x86_64":
            return
        self._libc = libc = ctypes.CDLL(None, use_errno=True)
        pointer, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
        libc.mmap.restype = libc.mremap.restype = pointer
        libc.mmap.argtypes = [pointer, size, number, number, number, ctypes.c_long]
        libc.mremap.argtypes = [pointer, size, size, number, pointer]
        libc.mprotect.argtypes = [pointer, size, number]
        libc.munmap.argtypes = [pointer, size]
        data = FAR + next(_arenas) * 2 * SIZE
        if self._map(data, FIXED_NOREPLACE):
            weakref.finalize(self, libc.munmap, data, 2 * SIZE)
            self.data, self.code = data, data + SIZE
            _all.add(self)

    def _map(self, data: int, how: int) -> bool:
        """Fresh memory, seen twice."""
        libc, code = self._libc, data + SIZE
        flags = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | NORESERVE | how
        if libc.mmap(data, SIZE, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0) != data:
            return False
        again = libc.mremap(data, 0, SIZE, MAYMOVE | FIXED, code)  # of nothing: once more
        if again == code and libc.mprotect(code, SIZE, PROT_READ_EXEC) == 0:
            return True
        libc.munmap(data, 2 * SIZE)
        return False

    def part(self) -> None:
        """Have the same in memory that no other process sees."""
        held = ctypes.string_at(self.data, self._used)
        if not self._map(self.data, FIXED_HERE):
            os.abort()  # the code of this process would be another's
        ctypes.memmove(self.data, held, len(held))

    def put(self, image: Image) -> Piece | None:
        """An image in place, None if there is no room for it here."""
        size = -(-len(image.code) // UNIT) * UNIT
        free = self.free.get(size)
        if not self.code:
            return None
        if free:
            at = free.pop()
        elif self._used + size <= SIZE:
            at, self._used = self._used, self._used + size
        else:
            return None
        ctypes.memmove(self.data + at, image.code, len(image.code))
        for where, to in image.pointers:
            self._set(at + where, self.code + at + to)
        for name, where in image.imports.items():
            function = ctypes.cast(getattr(self._libc, name), ctypes.c_void_p).value
            assert function is not None
            self._set(at + where, function)
        return Piece(self, at, size, image)

    def _set(self, at: int, value: int) -> None:
        ctypes.c_uint64.from_address(self.data + at).value = value


def _part_all() -> None:
    for arena in _all:
        arena.part()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_part_all)
