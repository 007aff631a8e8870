"""The m68k for the engines: instructions, registers, routines, and its models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..isa import Isa, Model
from . import (  # noqa: F401  (they declare the instructions)
    arith,
    atomic,
    bcd,
    bitfield,
    bits,
    branch,
    logic,
    move,
    muldiv,
    restart,
    shift,
    system,
)
from .decl import ISET
from .describe import exception
from .disasm import disassemble
from .ea import SHARED
from .exceptions import ROUTINES, TRACE_BITS
from .regs import FLOW, M_BIT, NOT_DONE, REGS, S_BIT, T1


def _function_code(mode: int, space: str) -> int:
    return (4 if mode else 0) + (1 if space == "data" else 2)


def _pending(state: Any) -> str | None:
    """An interrupt above the mask; level 7 on its edge, whatever the mask."""
    if state.ipl < state.ipl_seen:
        state.ipl_seen = state.ipl
    if state.ipl > state.sr_sys & 7 or (state.ipl == 7 and state.ipl_seen != 7):
        return "interrupt"
    return None


def _tracing(state: Any) -> int:
    on = int(state.sr_sys & TRACE_BITS)
    if on:
        state.trace_note = 0
    return on


def _traced(state: Any, mode: int, pc: int, jumped: bool) -> str | None:
    """T1 traces every instruction, T0 those that change the flow or SR (68020 UM 6.1.7).

    Those that were not carried out are not traced: illegal, unimplemented, privileged; nor are those that
    ended in a bus or address error, until they are done at last.
    """
    note = int(state.trace_note)
    if note & NOT_DONE or not (mode >> T1 & 1 or jumped or note & FLOW):
        return None
    state.exc_addr = pc
    return "trace"


def _reset(state: Any, read: Callable[[int, int], int]) -> None:
    """Supervisor, interrupts masked, SP and PC from the first two longs (68020 UM 6.1.1)."""
    state.sr_sys = 0x27
    state.mode = 1
    state.vbr = state.cacr = 0
    state.ipl_seen = 0
    state.r[15] = read(0, 4)
    state.pc = read(4, 4)


def pack_sr(state: Any) -> int:
    """The status register of a state."""
    n, z, v = state.cc_n >> 31, state.cc_z == 0, state.cc_v >> 31
    return int(state.sr_sys << 8 | state.cc_x << 4 | n << 3 | z << 2 | v << 1 | state.cc_c)


def unpack_sr(state: Any, value: int) -> None:
    """Set the status register of a state from outside; the stack pointers follow the mode."""
    setattr(state, _pointer(state.sr_sys), state.r[15])
    state.sr_sys = value >> 8
    state.mode = value >> 13 & 1
    state.r[15] = getattr(state, _pointer(state.sr_sys))
    state.cc_x, state.cc_c = value >> 4 & 1, value & 1
    state.cc_n = 0xFFFFFFFF if value & 8 else 0
    state.cc_z = 0 if value & 4 else 1
    state.cc_v = 0xFFFFFFFF if value & 2 else 0


def _pointer(upper: int) -> str:
    """Where the stack pointer in use is kept while it is not."""
    if not upper >> S_BIT & 1:
        return "usp"
    return "msp" if upper >> M_BIT & 1 else "isp"


def _registers(state: Any) -> dict[str, int]:
    out = {f"{'da'[i >> 3]}{i & 7}": int(state.r[i]) for i in range(16)}
    return {**out, "pc": int(state.pc), "sr": pack_sr(state)}


M68K = Isa(
    name="m68k",
    insns=ISET,
    regs=REGS,
    routines=ROUTINES,
    fcs=_function_code,
    disassemble=disassemble,
    pending=_pending,
    tracing=_tracing,
    traced=_traced,
    reset=_reset,
    registers=_registers,
    exception=exception,
    resumable=("exception", "trace", "fpu_exception"),
    shared={**SHARED, **bitfield.SHARED},
)

M68000 = Model(M68K, "m68000", aligned=2, log_bytes=0)
M68010 = Model(M68K, "m68010", aligned=2, log_bytes=restart.room("m68010"))
M68020 = Model(M68K, "m68020")
MODELS = {m.name: m for m in (M68000, M68010, M68020)}
