"""Objects to images, bytes that can lie anywhere: LLVM's linker takes 0.2 ms for what is little more than a
copy, and its library 70 to be loaded.

    objects (ELF, x86-64) ─► sections in a row, what is relative to each other filled in ─► Image
                             │ something else is in them
                             └─► None: LLVM's linker

System V ABI, AMD64 supplement, 4.1, 4.4.1: S + A - P; S + A.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

WRITABLE = 256 << 20  # what may be written is so far below what is executed: the same memory, seen twice
UNIT = 256  # images begin at multiples of it
PROGBITS, SYMTAB, RELA, NOBITS, UNWIND = 1, 2, 4, 8, 0x70000001
WRITE, ALLOC = 1, 2
LOCAL = 0  # a symbol of its object alone
ABSOLUTE = 1  # R_X86_64_64
RELATIVE = {2: "<i", 4: "<i", 24: "<q"}  # R_X86_64_PC32, PLT32, PC64
JUMP = b"\xff\x25\0\0\0\0"  # jmp to the address behind it
_ENTRY, _SYMBOL, _SECTION = struct.Struct("<QQq"), struct.Struct("<IBBHQQ"), struct.Struct("<IIQQQQIIQQ")


class Image(NamedTuple):
    """Bytes, and by offsets: where symbols are, what has to hold an address here or of another library."""

    code: bytes
    symbols: dict[str, int]
    pointers: list[tuple[int, int]]  # (where, offset of what it points to)
    imports: dict[str, int]  # symbol -> where its address belongs


class _Object:
    """One object: its sections, and where they are in the image."""

    def __init__(self, data: bytes, out: bytearray) -> None:
        at, _, _, _, _, size, count = struct.unpack_from("<QIHHHHH", data, 40)
        self.data = data
        self.sections = [_SECTION.unpack_from(data, at + k * size) for k in range(count)]
        self.places: dict[int, int] = {}
        self.good = True
        for k, (_, kind, flags, _, offset, length, _, _, align, _) in enumerate(self.sections):
            if not flags & ALLOC or not length or kind == UNWIND:
                continue
            self.good &= kind in (PROGBITS, NOBITS) and align <= UNIT
            out += bytes(-len(out) % max(align, 1))
            self.places[k] = len(out)
            out += data[offset : offset + length] if kind == PROGBITS else bytes(length)
        self.names: list[str] = []
        self.values: list[int | None] = []
        self.shared: dict[str, int] = {}  # what other objects may use
        table = next((s for s in self.sections if s[1] == SYMTAB), None)
        if table is None:
            self.good = False
            return
        names = self.sections[table[6]][4]
        for name, info, _, section, value, _ in _SYMBOL.iter_unpack(data[table[4] : table[4] + table[5]]):
            text = data[names + name : data.index(b"\0", names + name)].decode()
            place = self.places.get(section)
            if place is not None:
                value += place - (WRITABLE if self.sections[section][2] & WRITE else 0)
                if text and info >> 4 != LOCAL:
                    self.shared[text] = value
            self.names.append(text)
            self.values.append(value if place is not None else None)

    def relocate(self, out: bytearray, outside: dict[str, int], pointers: list[tuple[int, int]]) -> bool:
        """Fill in what is known; False if there is something unknown."""
        for section in self.sections:
            place = self.places.get(section[7]) if section[1] == RELA else None
            if place is None:
                continue
            for where, info, addend in _ENTRY.iter_unpack(self.data[section[4] : section[4] + section[5]]):
                to, form = self.values[info >> 32], RELATIVE.get(info & 0xFFFFFFFF)
                if to is None:
                    to = outside.get(self.names[info >> 32])
                where += place
                if to is None or (form is None and info & 0xFFFFFFFF != ABSOLUTE):
                    return False
                if form is None:
                    pointers.append((where, to + addend))
                else:
                    struct.pack_into(form, out, where, to + addend - where)
        return True


def join(objects: Sequence[bytes], others: Sequence[str] = ()) -> Image | None:
    """An image of objects that know each other by name, and `others` of the process; None if they need
    LLVM's linker. What an image's own code changes is not in the same place as its code (WRITABLE)."""
    out = bytearray()
    parts = [_Object(data, out) for data in objects]
    if not all(part.good for part in parts):
        return None
    symbols = {name: value for part in parts for name, value in part.shared.items()}
    wanted = {n for part in parts for n, value in zip(part.names, part.values, strict=True) if value is None}
    imports, outside = {}, dict(symbols)
    for name in others:
        if name in wanted - symbols.keys():
            out += bytes(-len(out) % 16)
            outside[name] = len(out)
            out += JUMP
            imports[name] = len(out)
            out += bytes(8)
    pointers: list[tuple[int, int]] = []
    if not all(part.relocate(out, outside, pointers) for part in parts):
        return None
    return Image(bytes(out), symbols, pointers, imports)
