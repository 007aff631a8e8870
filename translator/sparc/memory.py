"""Loads, stores, LDSTUB and SWAP, in the current and in alternate address spaces (V8 manual, B.1-B.8)."""

from __future__ import annotations

from ..spec.insn import Fields
from ..spec.semantics import DATA, Semantics, Space
from ..spec.value import Val
from .decl import V8, format3, insn, operand2
from .regs import read_r, write_r
from .traps import ILLEGAL, privileged, take, take_if

# op3, mnemonic, bytes, sign extension; 0x10 more is the alternate space
LOADS = [
    (0x00, "ld", 4, False),
    (0x01, "ldub", 1, False),
    (0x02, "lduh", 2, False),
    (0x03, "ldd", 8, False),
    (0x09, "ldsb", 1, True),
    (0x0A, "ldsh", 2, True),
]
STORES = [(0x04, "st", 4), (0x05, "stb", 1), (0x06, "sth", 2), (0x07, "std", 8)]


def address(s: Semantics, f: Fields) -> Val:
    return read_r(s, f.s) + operand2(s, f)


def _space(s: Semantics, f: Fields, alternate: bool) -> Space:
    """The address space; an alternate one is for the supervisor, its ASI stands above rs2."""
    if not alternate:
        return DATA
    privileged(s)
    return f.v.bits(12, 5)


def _refused(s: Semantics, f: Fields, size: int, alternate: bool) -> bool:
    """End the path of an illegal form; True if nothing follows."""
    if alternate and f.I:
        privileged(s)
        take(s, ILLEGAL)
        return True
    if size == 8 and s.model in V8:  # a V7 ignores the lowest bit of rd
        if alternate:
            privileged(s)
        take_if(s, f.d.trunc(1) != 0, ILLEGAL)
    return False


def _load(op3: int, name: str, size: int, signed: bool, alternate: bool) -> None:
    def load(s: Semantics, f: Fields) -> None:
        if _refused(s, f, size, alternate):
            return
        value = s.load(address(s, f), size, _space(s, f, alternate))
        if size == 8:
            write_r(s, f.d & 0x1E, value.bits(63, 32))
            write_r(s, f.d | 1, value.trunc(32))
        else:
            write_r(s, f.d, value.sext(32) if signed else value.zext(32))

    _declare(op3, name, alternate, load, "[{addr}]{asi}, {rd}", "V8 B.1")


def _store(op3: int, name: str, size: int, alternate: bool) -> None:
    def store(s: Semantics, f: Fields) -> None:
        if _refused(s, f, size, alternate):
            return
        to, space = address(s, f), _space(s, f, alternate)
        if size == 8:
            high, low = read_r(s, f.d & 0x1E), read_r(s, f.d | 1)
            s.store(to, high.zext(64) << 32 | low.zext(64), space)
        else:
            s.store(to, read_r(s, f.d).trunc(8 * size), space)

    _declare(op3, name, alternate, store, "{rd}, [{addr}]{asi}", "V8 B.4")


def _exchange(op3: int, name: str, size: int, alternate: bool) -> None:
    def exchange(s: Semantics, f: Fields) -> None:
        if _refused(s, f, size, alternate):
            return
        at, space = address(s, f), _space(s, f, alternate)
        new = s.const(0xFF, 8) if size == 1 else read_r(s, f.d)
        old = s.load(at, size, space)
        s.store(at, new, space)
        write_r(s, f.d, old.zext(32))

    _declare(op3, name, alternate, exchange, "[{addr}]{asi}, {rd}", "V8 B.7")


def _declare(op3: int, name: str, alternate: bool, fn: object, operands: str, ref: str) -> None:
    name += "a" * alternate
    fn.__name__ = name  # type: ignore[attr-defined]
    syntax = f"{name} {operands if alternate else operands.replace('{asi}', '')}"
    insn(format3(3, op3 | alternate << 4), syntax, ref)(fn)  # type: ignore[arg-type]


for alternate in (False, True):
    for op3, name, size, signed in LOADS:
        _load(op3, name, size, signed, alternate)
    for op3, name, size in STORES:
        _store(op3, name, size, alternate)
    _exchange(0x0D, "ldstub", 1, alternate)
    _exchange(0x0F, "swap", 4, alternate)
