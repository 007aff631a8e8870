"""SPARC registers, and where the current window lies among them (V8 manual, 4.1 and 4.2).

    file    0-7 globals │ 8 + 16 w: outs and locals of window w │ its ins are the outs of window w + 1

A register number is looked up in `rmap`, a constant table of NWINDOWS rows of 32: file[rmap[cwp << 5 | n]].
SAVE, RESTORE and traps change `cwp`: nothing is copied, and no code depends on which window it is.  In a
region cwp is known, counted from the window that it is entered in, and so is every place.
"""

from __future__ import annotations

from typing import Any

from ..spec.semantics import MODE, Reg, Semantics, Windows
from ..spec.value import Val

MAX_WINDOWS = 8

FILE = Reg("file", 32, 8 + 16 * MAX_WINDOWS, windows=Windows(8, 16))  # entry 0 is %g0: never written
RMAP = Reg("rmap", 8, 32 * MAX_WINDOWS)
CWP = Reg("cwp", 8)
WIM = Reg("wim", 32)
TBR = Reg("tbr", 32)
Y = Reg("y", 32)

# Condition codes as the operations leave them; packed into PSR only when somebody looks (see flags.py).
CC_N = Reg("cc_n", 32, lazy=True)  # N is the sign bit
CC_Z = Reg("cc_z", 32, lazy=True)  # Z is set if this is zero
CC_V = Reg("cc_v", 32, lazy=True, parts="overflow")  # V is every bit
CC_C = Reg("cc_c", 8, lazy=True, parts="carry")  # 0 or 1

# The rest of PSR; S is the engines' `mode`.
PIL, PS, ET = Reg("pil", 8), Reg("ps", 8), Reg("et", 8)

# nPC: 0 if it is pc + 4, else its value with bit 0 set: the instruction at pc is in a delay slot.
DELAY = Reg("delay", 32)

TT = Reg("tt", 8)  # scratch between an instruction and the routine `trap`
IRL = Reg("irl", 8)  # interrupt level asserted now: written by the machine

REGS = (FILE, WIM, TBR, Y, CC_N, CC_Z, CC_V, DELAY, CC_C, CWP, PIL, PS, ET, TT, IRL, RMAP)

# The access that was refused: fields that every state has (translator.state.CORE).
FAULT_MISALIGNED, FAULT_FETCH = Reg("fault_misaligned", 32), Reg("fault_fetch", 32)

# Address space identifiers that every implementation has (V8 manual, 4.6.1): the function codes of accesses.
ASI_USER_CODE, ASI_SUPER_CODE, ASI_USER_DATA, ASI_SUPER_DATA = 0x8, 0x9, 0xA, 0xB

NAMES = tuple(f"{bank}{n}" for bank in "goli" for n in range(8))


def place(windows: int, cwp: int, n: int) -> int:
    """Index in FILE of register n of window cwp."""
    return n if n < 8 else 8 + (16 * cwp + n - 8) % (16 * windows)


def lay_out(state: Any, windows: int) -> None:
    """Fill the table of register places."""
    for cwp in range(windows):
        for n in range(32):
            state.rmap[cwp << 5 | n] = place(windows, cwp, n)


def _index(s: Semantics, n: Val, cwp: Val | None = None) -> Val:
    window = s.read(CWP) if cwp is None else cwp
    if n.known is not None and window.known is not None:
        return s.const(place(s.options["windows"], window.known, n.known), 8)
    return s.read(RMAP, window.zext(32) << 5 | n.zext(32))


def read_r(s: Semantics, n: Val) -> Val:
    """Register n of the current window; %g0 is zero."""
    if n.known == 0:
        return s.const(0, 32)
    return s.read(FILE, _index(s, n))


def write_r(s: Semantics, n: Val, value: Val, cwp: Val | None = None) -> None:
    """Write register n of the current window, or of window cwp; %g0 stays zero."""
    if n.known == 0:
        return
    s.write(FILE, (n == 0).select(0, value), _index(s, n, cwp))


def above(s: Semantics) -> Val:
    """The window that SAVE and traps enter: CWP - 1."""
    cwp = s.read(CWP)
    return (cwp == 0).select(s.const(s.options["windows"] - 1, 8), cwp - 1)


def below(s: Semantics) -> Val:
    """The window that RESTORE and RETT enter: CWP + 1."""
    cwp, last = s.read(CWP), int(s.options["windows"]) - 1
    return (cwp == last).select(s.const(0, 8), cwp + 1)


def invalid(s: Semantics, window: Val) -> Val:
    """1 if WIM marks this window."""
    return s.read(WIM).lsr(s.absolute(window).zext(32)).trunc(1)


def user(s: Semantics) -> Val:
    """1 in user mode; known inside a region."""
    return ~s.read(MODE).trunc(1) if s.known_mode is None else s.const(1 - s.known_mode, 1)
