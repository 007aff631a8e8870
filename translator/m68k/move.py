"""Data movement: MOVE, MOVEA, MOVEQ, MOVEM, MOVEP, LEA, PEA, LINK, UNLK, EXG, SWAP."""

from __future__ import annotations

from ..spec.insn import Fields
from ..spec.semantics import Semantics, Space
from ..spec.value import Val
from .decl import ALL, CONTROL, CONTROL_ALT, DATA_ALT, M68020, POSTINC, FieldMap, ea, insn
from .ea import INDEX, address, areg, operand, source, space_of, target
from .flags import set_logic
from .regs import SP, R, push, read_a, read_d, write_a, write_d

MOVE_SIZES = {1: 1, 3: 2, 2: 4}  # MOVE's own size field -> bytes


def _movable(f: FieldMap) -> bool:
    """MOVE: any source, no bytes from address registers; data alterable destination."""
    return f["Z"] != 0 and (f["Z"] != 1 or f["M"] != 1) and bool(DATA_ALT >> (f["K"] << 3 | f["k"]) & 1)


@insn("00ZZ kkk KKK MMM nnn", "move.{Zmove} {ea},{ea2}", "PRM MOVE", valid=ea(ALL, _movable))
def move(s: Semantics, f: Fields) -> None:
    size = MOVE_SIZES[f.Z]
    value = source(s, f, size).load()
    operand(s, f.K, f.k, size).store(value)
    set_logic(s, value)


@insn(
    "00ZZ xxx 001 MMM nnn",
    "movea.{Zmove} {ea},{Ax}",
    "PRM MOVEA",
    valid=ea(ALL, lambda f: f["Z"] > 1),
    traits="address",
)
def movea(s: Semantics, f: Fields) -> None:
    write_a(s, f.x, source(s, f, MOVE_SIZES[f.Z]).load())


@insn("0111 xxx 0 qqqqqqqq", "moveq #{q8},{Dx}", "PRM MOVEQ")
def moveq(s: Semantics, f: Fields) -> None:
    value = f.q.sext(32)
    write_d(s, f.x, value)
    set_logic(s, value)


# -- MOVEM: several registers; bit n of the mask is register n, reversed for -(An) ---------------------------


def _in_list(bit: Val) -> bool:
    """False if a register is known not to be in the list (then there is nothing to do)."""
    return bit.known != 0


def _put(s: Semantics, wanted: Val, addr: Val, value: Val, down: bool = False) -> Val:
    """Store value at (or below) addr if wanted; the address for the next one."""
    size = value.w // 8

    def put() -> Val:
        if down:
            s.store(addr - size, value)
            return addr - size
        s.store(addr, value)
        return addr + size

    result: Val = s.if_(wanted, put, lambda: addr)
    return result


def _get(s: Semantics, wanted: Val, addr: Val, size: int, space: Space, old: Val) -> tuple[Val, Val]:
    """A register's new value, loaded if wanted, and the address for the next one."""

    def get() -> tuple[Val, Val]:
        return s.load(addr, size, space).sext(32), addr + size

    value, addr = s.if_(wanted, get, lambda: (old, addr))
    return value, addr


@insn("0100 1000 1Z MMM nnn", "movem.{Zwl} {list},{ea}", "PRM MOVEM", valid=ea(CONTROL_ALT))
def movem_to_memory(s: Semantics, f: Fields) -> None:
    size = 4 if f.Z else 2
    mask = s.fetch(2)
    addr = address(s, f.M, f.n, size)
    if f.M == INDEX and s.model == "m68020":
        # The address may come from memory that the first registers go to: the last one must have its place.
        last = s.const(0, 32)
        for i in range(16):
            last = last + (mask.bit(i).zext(32) << (1 if size == 2 else 2))
        s.if_(mask != 0, lambda: s.probe(addr + last - size, size))
    for i in range(16):
        if _in_list(bit := mask.bit(i)):
            addr = _put(s, bit, addr, s.read(R, i).trunc(8 * size))


@insn("0100 1000 1Z 100 nnn", "movem.{Zwl} {tsil},-({An})", "PRM MOVEM")
def movem_predecrement(s: Semantics, f: Fields) -> None:
    size = 4 if f.Z else 2
    mask = s.fetch(2)
    addr = base = read_a(s, f.n)
    for i in reversed(range(16)):
        if _in_list(bit := mask.bit(15 - i)):
            value = s.read(R, i)
            if s.model == "m68020" and i >= 8:  # the base register itself is stored decremented once
                value = (f.n == i - 8).select(base - size, value)
            addr = _put(s, bit, addr, value.trunc(8 * size), down=True)
    write_a(s, f.n, addr)


@insn("0100 1100 1Z MMM nnn", "movem.{Zwl} {ea},{list}", "PRM MOVEM", valid=ea(CONTROL | POSTINC))
def movem_to_registers(s: Semantics, f: Fields) -> None:
    size = 4 if f.Z else 2
    mask = s.fetch(2)
    increment = f.M == 3
    addr = read_a(s, f.n) if increment else address(s, f.M, f.n, size)
    space = space_of(f.M, f.n)

    loaded = []  # written below: until the last load nothing is, so that a fault can restart the instruction
    for i in range(16):
        if _in_list(bit := mask.bit(i)):
            value, addr = _get(s, bit, addr, size, space, s.read(R, i))
            loaded.append((i, value))
    for i, value in loaded:
        s.write(R, value, i)
    if increment:
        write_a(s, f.n, addr)  # wins over a loaded base register


# -- MOVEP: every other byte, for 8-bit peripherals on a 16-bit bus ------------------------------------------


@insn("0000 xxx 11Z 001 nnn", "movep.{Zwl} {Dx},{d16An}", "PRM MOVEP")
def movep_to_memory(s: Semantics, f: Fields) -> None:
    size = 4 if f.Z else 2
    addr = s.fetch(2).sext(32) + read_a(s, f.n)
    value = read_d(s, f.x, size)
    for i in range(size):
        s.store(addr + 2 * i, value.lsr(8 * (size - 1 - i)).trunc(8))


@insn("0000 xxx 10Z 001 nnn", "movep.{Zwl} {d16An},{Dx}", "PRM MOVEP")
def movep_to_register(s: Semantics, f: Fields) -> None:
    size = 4 if f.Z else 2
    addr = s.fetch(2).sext(32) + read_a(s, f.n)
    value = s.const(0, 8 * size)
    for i in range(size):
        value = value << 8 | s.load(addr + 2 * i, 1).zext(8 * size)
    write_d(s, f.x, value)


# -- addresses and the stack ---------------------------------------------------------------------------------


@insn("0100 xxx 111 MMM nnn", "lea {ea},{Ax}", "PRM LEA", valid=ea(CONTROL), traits="address")
def lea(s: Semantics, f: Fields) -> None:
    write_a(s, f.x, target(s, f))


@insn("0100 1000 01 MMM nnn", "pea {ea}", "PRM PEA", valid=ea(CONTROL))
def pea(s: Semantics, f: Fields) -> None:
    push(s, target(s, f))


def _link(s: Semantics, f: Fields, size: int) -> None:
    disp = s.fetch(size).sext(32)
    sp = s.read(R, SP) - 4
    s.store(sp, read_a(s, f.n))  # LINK A7 stores the stack pointer as it was
    write_a(s, f.n, sp)
    s.write(R, sp + disp, SP)


@insn("0100 1110 0101 0 nnn", "link.w {An},#{s16}", "PRM LINK")
def link_w(s: Semantics, f: Fields) -> None:
    _link(s, f, 2)


@insn("0100 1000 0000 1 nnn", "link.l {An},#{s32}", "PRM LINK", models=M68020)
def link_l(s: Semantics, f: Fields) -> None:
    _link(s, f, 4)


@insn("0100 1110 0101 1 nnn", "unlk {An}", "PRM UNLK")
def unlk(s: Semantics, f: Fields) -> None:
    frame = read_a(s, f.n)
    value = s.load(frame, 4)
    s.write(R, frame + 4, SP)
    write_a(s, f.n, value)  # UNLK A7 ends with what was on the stack


# -- between registers ---------------------------------------------------------------------------------------


@insn("1100 xxx 1 01000 yyy", "exg {Dx},{Dy}", "PRM EXG")
def exg_data(s: Semantics, f: Fields) -> None:
    _exchange(s, f.x.zext(4), f.y.zext(4))


@insn("1100 xxx 1 01001 yyy", "exg {Ax},{Ay}", "PRM EXG")
def exg_address(s: Semantics, f: Fields) -> None:
    _exchange(s, areg(f.x), areg(f.y))


@insn("1100 xxx 1 10001 yyy", "exg {Dx},{Ay}", "PRM EXG")
def exg_mixed(s: Semantics, f: Fields) -> None:
    _exchange(s, f.x.zext(4), areg(f.y))


def _exchange(s: Semantics, i: Val, j: Val) -> None:
    x, y = s.read(R, i), s.read(R, j)
    s.write(R, y, i)
    s.write(R, x, j)


@insn("0100 1000 0100 0 yyy", "swap {Dy}", "PRM SWAP")
def swap(s: Semantics, f: Fields) -> None:
    value = s.read(R, f.y)
    value = value << 16 | value.lsr(16)
    s.write(R, value, f.y)
    set_logic(s, value)
