"""Effective addresses in three layers: operand field -> effective address -> memory (PRM section 2).

`operand` turns a mode and register field into a Place that can be loaded and stored; `address` computes where
a memory operand lies and consumes its extension words.  The 68000 and 68010 know the brief extension word
without scale; the 68020's full format with memory indirection is one shared routine.
"""

from __future__ import annotations

from ..spec.insn import Fields
from ..spec.semantics import DATA, PROGRAM, Semantics, Space
from ..spec.value import Val
from .regs import R, a, read_a, read_d, step, write_a, write_d

# Modes as the manual numbers them; mode 7 is told apart by its register field.
DREG, AREG, INDIRECT, POSTINC, PREDEC, DISP, INDEX, OTHER = range(8)
ABS_W, ABS_L, PC_DISP, PC_INDEX, IMMEDIATE = range(5)


class Place:
    """Where an operand is: loads give, stores take, values of its size."""

    __slots__ = ()

    def load(self) -> Val:
        raise TypeError(f"{type(self).__name__} cannot be read")

    def store(self, value: Val) -> None:
        raise TypeError(f"{type(self).__name__} cannot be written: the pattern allows too much")


class DataRegister(Place):
    __slots__ = ("n", "s", "size")

    def __init__(self, s: Semantics, n: Val, size: int) -> None:
        self.s, self.n, self.size = s, n, size

    def load(self) -> Val:
        return read_d(self.s, self.n, self.size)

    def store(self, value: Val) -> None:
        write_d(self.s, self.n, value)


class AddressRegister(Place):
    __slots__ = ("n", "s", "size")

    def __init__(self, s: Semantics, n: Val, size: int) -> None:
        self.s, self.n, self.size = s, n, size

    def load(self) -> Val:
        return read_a(self.s, self.n, self.size)

    def store(self, value: Val) -> None:
        write_a(self.s, self.n, value)


class Memory(Place):
    __slots__ = ("addr", "s", "size", "space")

    def __init__(self, s: Semantics, addr: Val, size: int, space: Space) -> None:
        self.s, self.addr, self.size, self.space = s, addr, size, space

    def load(self) -> Val:
        return self.s.load(self.addr, self.size, self.space)

    def store(self, value: Val) -> None:
        self.s.store(self.addr, value, self.space)


class Immediate(Place):
    __slots__ = ("value",)

    def __init__(self, value: Val) -> None:
        self.value = value

    def load(self) -> Val:
        return self.value


def immediate(s: Semantics, size: int) -> Val:
    """The immediate data that follows; a byte is the low half of a word."""
    return s.fetch(max(size, 2)).trunc(8 * size)


def operand(s: Semantics, mode: int, n: Val, size: int) -> Place:
    """The operand of `size` bytes that a mode and a register field name."""
    if mode == DREG:
        return DataRegister(s, n, size)
    if mode == AREG:
        return AddressRegister(s, n, size)
    if mode == OTHER and n.known == IMMEDIATE:
        return Immediate(immediate(s, size))
    return Memory(s, address(s, mode, n, size), size, space_of(mode, n))


def source(s: Semantics, f: Fields, size: int) -> Place:
    """The operand that `MMM nnn` names."""
    return operand(s, f.M, f.n, size)


def target(s: Semantics, f: Fields, size: int = 4) -> Val:
    """The address that `MMM nnn` names (LEA, JMP, …)."""
    return address(s, f.M, f.n, size)


def space_of(mode: int, n: Val) -> Space:
    """Operands addressed relative to the PC lie in program space (PRM 2.2.11)."""
    return PROGRAM if mode == OTHER and n.known in (PC_DISP, PC_INDEX) else DATA


def address(s: Semantics, mode: int, n: Val, size: int) -> Val:
    """The effective address; (An)+ and -(An) update An."""
    if mode == INDIRECT:
        return read_a(s, n)
    if mode == POSTINC:
        addr = read_a(s, n)
        write_a(s, n, addr + step(s, n, size))
        return addr
    if mode == PREDEC:
        addr = read_a(s, n) - step(s, n, size)
        write_a(s, n, addr)
        return addr
    if mode == DISP:
        return s.fetch(2).sext(32) + read_a(s, n)
    if mode == INDEX:
        return _indexed(s, read_a(s, n), DATA)
    kind = n.known
    if kind == ABS_W:
        return s.fetch(2).sext(32)
    if kind == ABS_L:
        return s.fetch(4)
    base = s.next_pc  # the address of the extension word
    if kind == PC_DISP:
        return s.fetch(2).sext(32) + base
    assert kind == PC_INDEX, f"mode {mode} register {n} is no address"
    return _indexed(s, base, PROGRAM)


def _indexed(s: Semantics, base: Val, space: Space) -> Val:
    """(d8,base,Xn), or on a 68020 whatever the full extension word says."""
    ext = s.fetch(2)
    if s.model != "m68020":
        return _brief(ext, base, _index(s, ext))
    full = full_program if space == PROGRAM else full_data
    index = _index(s, ext)
    result: Val = s.if_(ext.bit(8), lambda: s.call(full, ext, base, index), lambda: _brief(ext, base, index))
    return result


def _brief(ext: Val, base: Val, index: Val) -> Val:
    return base + index + ext.trunc(8).sext(32)


def _index(s: Semantics, ext: Val) -> Val:
    """The index register, word or long, scaled (68020; earlier models ignore the scale)."""
    xn = s.read(R, ext.bits(15, 12))
    xn = ext.bit(11).select(xn, xn.trunc(16).sext(32))
    return xn << ext.bits(10, 9).zext(32) if s.model == "m68020" else xn


def full_data(s: Semantics, ext: Val, base: Val, index: Val) -> Val:
    """What a full extension word (16 bits) makes of An and Xn (32 bits each)."""
    return _full(s, ext, base, index, DATA)


def full_program(s: Semantics, ext: Val, base: Val, index: Val) -> Val:
    """What a full extension word makes of the PC and Xn."""
    return _full(s, ext, base, index, PROGRAM)


def _full(s: Semantics, ext: Val, base: Val, index: Val, space: Space) -> Val:
    """The full extension word (PRM 2.1): bit 7 suppresses the base, 6 the index; 5-4 base displacement;
    2 index after the memory indirection, 1-0 memory indirection with outer displacement.  Reserved codes act
    as they read.
    """
    zero = s.const(0, 32)
    index = ext.bit(6).select(zero, index)
    after = ext.bit(2)
    inner = ext.bit(7).select(zero, base) + _displacement(s, ext.bits(5, 4)) + after.select(zero, index)

    def indirect() -> Val:
        outer = _displacement(s, ext.bits(1, 0))
        return s.load(inner, 4, space) + after.select(index, zero) + outer

    result: Val = s.if_(ext.bits(1, 0) != 0, indirect, lambda: inner)
    return result


def _displacement(s: Semantics, size: Val) -> Val:
    """A displacement of no (0, 1), two (2) or four (3) bytes."""

    def present() -> Val:
        wide: Val = s.if_(size.bit(0), lambda: s.fetch(4), lambda: s.fetch(2).sext(32))
        return wide

    result: Val = s.if_(size.bit(1), present, lambda: s.const(0, 32))
    return result


SHARED = {full_data: (16, 32, 32), full_program: (16, 32, 32)}  # with the widths of their arguments


def areg(n: Val) -> Val:
    """Index in the register file of address register n, as a value."""
    index = a(n)
    assert isinstance(index, Val)
    return index
