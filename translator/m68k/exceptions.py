"""Exceptions: how instructions raise them, and the routines that build each model's stack frames (UM 6).

An instruction calls `take`; the routine `exception` stacks what the model stacks and jumps through the
vector. `fault` does this for a refused access whose particulars the engine left in the state.  After a bus
error RTE starts the instruction again: no instruction commits anything before its last access that can fault.
What the internal words of the frames carry is in `restart`.
"""

from __future__ import annotations

from ..spec.semantics import Semantics
from ..spec.value import Val
from ..state import Reason
from . import regs, restart
from .flags import sr, write_ccr
from .regs import (
    AUTOVECTOR,
    EXC_ADDR,
    EXC_FORMAT,
    EXC_PC,
    EXC_VECTOR,
    FAULT_DATA,
    FAULT_FC,
    FAULT_FETCH,
    FAULT_MISALIGNED,
    FAULT_ROUTINE,
    FAULT_SIZE,
    FAULT_VA,
    FAULT_WRITE,
    FLOW,
    INT_VECTOR,
    IPL,
    IPL_SEEN,
    ISP,
    M_BIT,
    MSP,
    NOT_DONE,
    REDO,
    S_BIT,
    SP,
    SR_SYS,
    TRACE_NOTE,
    USP,
    VBR,
    R,
)

BUS_ERROR, ADDRESS_ERROR, ILLEGAL, ZERO_DIVIDE, CHK, TRAPV, PRIVILEGE, TRACE, LINE_A, LINE_F = range(2, 12)
FORMAT_ERROR, AUTOVECTORS, TRAPS = 14, 24, 32
COPROCESSOR = range(48, 55)

# Bits of SR's upper byte that a model has.
SYSTEM_BITS = {"m68000": 0xA7, "m68010": 0xA7, "m68020": 0xF7}
TRACE_BITS = 0xC0

# -- what instructions use -----------------------------------------------------------------------------------


def supervisor(s: Semantics) -> Val:
    """1 in supervisor mode; known inside a region."""
    return s.read(SR_SYS).bit(S_BIT) if s.known_mode is None else s.const(s.known_mode, 1)


def take(s: Semantics, vector: int | Val, pc: Val, frame: int = 0) -> None:
    """End this path with an exception that stacks `pc`; frame 2 (68020) adds the instruction's address."""
    s.write(EXC_VECTOR, s.const(vector, 8) if isinstance(vector, int) else vector)
    s.write(EXC_FORMAT, s.const(frame, 8))
    s.write(EXC_PC, pc)
    s.write(EXC_ADDR, s.pc)
    s.goto("exception")


def take_if(s: Semantics, cond: Val, vector: int, pc: Val, frame: int = 0) -> None:
    s.if_(cond, lambda: take(s, vector, pc, frame))


def illegal(s: Semantics) -> None:
    """End this path as an illegal instruction."""
    take(s, ILLEGAL, s.pc)


def privileged(s: Semantics) -> None:
    """The rest of the instruction is for the supervisor."""
    take_if(s, ~supervisor(s), PRIVILEGE, s.pc)


def jump(s: Semantics, target: Val) -> None:
    """Continue at target; an odd one is an address error."""
    s.if_(target.bit(0), lambda: odd_target(s, target))
    s.jump(target)


def branch(s: Semantics, cond: Val, target: Val) -> None:
    """Continue at target if cond; odd as in `jump`."""
    s.if_(cond & target.bit(0), lambda: odd_target(s, target))
    s.branch(cond, target)


def odd_target(s: Semantics, target: Val, routine: str = "fault") -> None:
    """End this path: instructions lie at even addresses."""
    s.write(FAULT_VA, target)
    s.write(FAULT_FC, supervisor(s).select(s.const(regs.FC_SUPER_PROGRAM, 32), regs.FC_USER_PROGRAM))
    s.write(FAULT_SIZE, s.const(2, 32))
    s.write(FAULT_WRITE, s.const(0, 32))
    s.write(FAULT_MISALIGNED, s.const(1, 32))
    s.write(FAULT_FETCH, s.const(1, 32))
    s.write(FAULT_DATA, s.const(0, 64))
    s.goto(routine)


def write_sr(s: Semantics, value: Val) -> None:
    """Write the whole status register."""
    write_ccr(s, value.trunc(8))
    write_system(s, value.bits(15, 8))
    s.write(TRACE_NOTE, s.const(FLOW, 8))
    notice(s)


def notice(s: Semantics) -> None:
    """Let the machine see what the new status register lets in: an interrupt, tracing; or a restart."""
    system = s.read(SR_SYS)
    noticed = s.read(IPL).ugt(system & 7) | (s.read(IPL) == 7) | (system & TRACE_BITS != 0)
    s.leave_if(noticed | (s.read(REDO) != 0), Reason.RECHECK)


def write_system(s: Semantics, value: Val) -> None:
    """Write SR's upper byte: trace, mode, stack and interrupt mask."""
    old, new = s.read(SR_SYS), value & SYSTEM_BITS[s.model]
    sp = s.read(R, SP)
    for reg, was in ((USP, is_user(old)), (ISP, is_interrupt(old)), (MSP, is_master(old))):
        s.write(reg, was.select(sp, s.read(reg)))
    s.write(R, is_user(new).select(s.read(USP), is_master(new).select(s.read(MSP), s.read(ISP))), SP)
    s.write(SR_SYS, new)
    s.switch_mode(new.bit(S_BIT).zext(8))


def is_user(system: Val) -> Val:
    return ~system.bit(S_BIT)


def is_interrupt(system: Val) -> Val:
    return system.bit(S_BIT) & ~system.bit(M_BIT)


def is_master(system: Val) -> Val:
    return system.bit(S_BIT) & system.bit(M_BIT)


# -- routines ------------------------------------------------------------------------------------------------


def _data(s: Semantics) -> Val:
    """Frames and vectors lie in supervisor data space."""
    return s.const(regs.FC_SUPER_DATA, 8)


def _push(s: Semantics, sp: Val, *items: Val) -> Val:
    """Store items from low to high addresses below sp; the new stack pointer."""
    at = sp = sp - sum(v.w // 8 for v in items)
    for v in items:
        s.store(at, v, _data(s))
        at = at + v.w // 8
    return sp


def _vector_word(s: Semantics, frame: int, vector: Val) -> Val:
    """Frame format and vector offset, as 68010 and later stack them."""
    return vector.zext(16) << 2 | frame << 12


def _go(s: Semantics, vector: Val, odd: str = "fault") -> None:
    """Jump through a vector."""
    target = s.load(s.read(VBR) + (vector.zext(32) << 2), 4, _data(s))
    s.if_(target.bit(0), lambda: odd_target(s, target, odd))
    s.jump(target)


def _enter(s: Semantics, keep: int = 0x17) -> Val:
    """Supervisor mode without tracing, `keep` bits of SR's upper byte kept; the stack pointer for a frame."""
    write_system(s, s.read(SR_SYS) & keep | 1 << S_BIT)
    return s.read(R, SP)


def exception(s: Semantics) -> None:
    """What `take` asked for.  Some come before the instruction and keep it from being traced (68020 UM 6.1.7,
    group 3 of 6.1.11)."""
    vector = s.read(EXC_VECTOR)
    before = s.any(vector == n for n in (ILLEGAL, PRIVILEGE, LINE_A, LINE_F))
    before = before | (vector - COPROCESSOR.start).ult(len(COPROCESSOR))
    s.write(TRACE_NOTE, before.select(s.const(NOT_DONE, 8), FLOW))
    _stack(s, vector, s.read(EXC_PC), s.read(EXC_FORMAT) == 2)


def _stack(s: Semantics, vector: Val, pc: Val, long_frame: Val) -> None:
    status = sr(s)
    sp = _enter(s)
    if s.model == "m68000":
        sp = _push(s, sp, status, pc)
    elif s.model == "m68010":
        sp = _push(s, sp, status, pc, _vector_word(s, 0, vector))
    else:
        sp = s.if_(long_frame, lambda: _push(s, sp, s.read(EXC_ADDR)), lambda: sp)
        word = _vector_word(s, 0, vector) | long_frame.zext(16) << 13
        sp = _push(s, sp, status, pc, word)
    s.write(R, sp, SP)
    _go(s, vector)


def undefined(s: Semantics) -> None:
    """The word decodes to nothing: line A, line F or illegal."""
    line = s.field(12, 4)
    vector = (line == 0xA).select(s.const(LINE_A, 8), (line == 0xF).select(s.const(LINE_F, 8), ILLEGAL))
    s.write(TRACE_NOTE, s.const(NOT_DONE, 8))
    _stack(s, vector, s.pc, s.const(0, 1))


def trace(s: Semantics) -> None:
    """After a traced instruction, whose address the machine has put into exc_addr."""
    _stack(s, s.const(TRACE, 8), s.pc, s.const(1, 1))


def interrupt(s: Semantics) -> None:
    """Between instructions, at the level asserted."""
    level = s.read(IPL)
    given = s.read(INT_VECTOR)
    vector = (given == AUTOVECTOR).select(level + AUTOVECTORS, given.trunc(8))
    status = sr(s)
    sp = _enter(s, 0x10)
    s.write(SR_SYS, s.read(SR_SYS) | level)
    s.write(IPL_SEEN, level)
    if s.model == "m68000":
        s.write(R, _push(s, sp, status, s.pc), SP)
    else:
        s.write(R, _push(s, sp, status, s.pc, _vector_word(s, 0, vector)), SP)
    if s.model == "m68020":
        s.if_(s.read(SR_SYS).bit(M_BIT), lambda: _throwaway(s, status, vector))
    _go(s, vector)


def _throwaway(s: Semantics, status: Val, vector: Val) -> None:
    """After a frame on the master stack one of format $1 goes on the interrupt stack (68020 UM 6.1.9)."""
    write_system(s, s.read(SR_SYS) & ~(1 << M_BIT) & 0xFF)
    sp = s.read(R, SP)
    s.write(R, _push(s, sp, status | 1 << S_BIT + 8, s.pc, _vector_word(s, 1, vector)), SP)


def fault(s: Semantics) -> None:
    """A bus or address error: the access is described in the state's fault_ fields."""
    vector = (s.read(FAULT_MISALIGNED) != 0).select(s.const(ADDRESS_ERROR, 8), BUS_ERROR)
    status = sr(s)
    word = s.field(0, 16)
    fc = s.read(FAULT_FC).trunc(16) & 7
    wrote = s.read(FAULT_WRITE).trunc(1)
    s.write(TRACE_NOTE, s.const(NOT_DONE, 8))
    s.write(REDO, s.const(0, 32))
    routine = s.read(FAULT_ROUTINE)
    s.write(FAULT_ROUTINE, s.const(0, 32))
    sp = _enter(s)
    if s.model == "m68000":
        sp = _frame_68000(s, sp, status, word, fc, wrote)
    elif s.model == "m68010":
        sp = _frame_8(s, sp, status, vector, word, fc, wrote)
    else:
        sp = _frame_b(s, sp, status, vector, word, fc, wrote)
    if s.model != "m68000":
        restart.save(s, sp, routine)
    s.write(R, sp, SP)
    _go(s, vector, "double_fault")
    notice(s)  # RTE to an odd address has changed SR and come here


def _frame_68000(s: Semantics, sp: Val, status: Val, word: Val, fc: Val, wrote: Val) -> Val:
    """Seven words (68000 UM, bus error).  The stacked PC is somewhere behind the instruction's first word."""
    access = (word & 0xFFE0) | (~wrote).zext(16) << 4 | fc
    return _push(s, sp, access, s.read(FAULT_VA), word, status, s.pc + 2)


def _read_modify_write(word: Val) -> Val:
    """TAS, CAS and CAS2 lock the bus; 1 if `word` is one of them."""
    tas = word & 0xFFC0 == 0x4AC0
    cas = (word & 0xF9C0 == 0x08C0) & (word & 0x0600 != 0)
    return tas | cas


def _frame_8(s: Semantics, sp: Val, status: Val, vector: Val, word: Val, fc: Val, wrote: Val) -> Val:
    """Format $8, 29 words (68000 UM, bus error of the 68010)."""
    fetch = (s.read(FAULT_FETCH) != 0).zext(16)
    byte = (s.read(FAULT_SIZE) == 1).zext(16)
    va = s.read(FAULT_VA)
    ssw = (
        fetch << 13 | (fetch ^ 1) << 12 | _read_modify_write(word).zext(16) << 11
        | (byte & ~va.trunc(16)) << 10 | byte << 9 | (~wrote).zext(16) << 8 | fc
    )
    none = s.const(0, 16)
    out = s.read(FAULT_DATA).trunc(32)  # of a long, the upper word is on the bus first
    out = (s.read(FAULT_SIZE) == 4).select(out.lsr(16), out).trunc(16)
    return _push(
        s, sp, status, s.pc, _vector_word(s, 8, vector), ssw, va, none, out, none, none, none, word,
        *[none] * 16,
    )  # fmt: skip


def _frame_b(s: Semantics, sp: Val, status: Val, vector: Val, word: Val, fc: Val, wrote: Val) -> Val:
    """Format $B, 46 words (68020 UM table 6-5): within an instruction, which is where all our faults are.

    SSW: FC FB RC RB - - - DF | RM RW SIZE(2) - FC2-0.  An instruction word that could not be fetched is
    reported as pipe stage B, whose address the frame carries.  SIZE is what is left of an operand when the
    cycle fails, and the data output buffer has it, right-justified.
    """
    fetch = (s.read(FAULT_FETCH) != 0).zext(16)
    data = fetch ^ 1
    va = s.read(FAULT_VA)
    ssw = (
        fetch << 14 | fetch << 12 | data << 8 | (_read_modify_write(word).zext(16) & data) << 7
        | (~wrote).zext(16) << 6 | (s.read(FAULT_SIZE).trunc(16) & 3) << 4 | fc
    )
    none, long = s.const(0, 16), s.const(0, 32)
    out = s.read(FAULT_DATA)  # eight bytes go as two longs
    out = (s.read(FAULT_SIZE).ugt(4)).select(out.lsr(32), out).trunc(32)
    return _push(
        s, sp,
        status, s.pc, _vector_word(s, 0xB, vector), none, ssw,  # 00
        none, word,  # 0C: pipe stages C and B
        va, long, out,  # 10: data cycle fault address, internal, data output buffer
        long, long, va, long,  # 1C: internal, internal, stage B address, internal
        long, none, none, none, none,  # 2C: data input buffer, internal, version
        *[none] * 18,  # 38
    )


def double_fault(s: Semantics) -> None:
    """A fault while a fault was being stacked: the processor halts."""
    s.write(FAULT_ROUTINE, s.const(0, 32))
    s.jump(s.pc)
    s.leave(Reason.HALTED)


ROUTINES = {
    "exception": exception,
    "fault": fault,
    "illegal": undefined,
    "interrupt": interrupt,
    "trace": trace,
    "double_fault": double_fault,
}
