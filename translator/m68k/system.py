"""Supervisor and control: SR, CCR, USP, MOVEC, MOVES, RTE, STOP, RESET, traps, BKPT, CALLM, RTM."""

from __future__ import annotations

from ..spec.insn import Fields
from ..spec.semantics import Reg, Semantics
from ..spec.value import Val
from ..state import Reason
from . import exceptions, restart
from .decl import CONTROL, DATA, DATA_ALT, FROM_68010, M68000, M68020, MEM_ALT, FieldMap, ea, insn
from .ea import Memory, areg, source, target
from .exceptions import (
    FORMAT_ERROR,
    TRAPS,
    illegal,
    is_interrupt,
    is_master,
    jump,
    privileged,
    take,
    take_if,
    write_sr,
    write_system,
)
from .flags import ccr, condition, sr, write_ccr
from .regs import CAAR, CACR, CC_V, DFC, ISP, MSP, SFC, SP, SR_SYS, USP, VBR, R, read_a, write_a

# -- status register -----------------------------------------------------------------------------------------


@insn("0100 0000 11 MMM nnn", "move.w sr,{ea}", "PRM MOVE from SR", valid=ea(DATA_ALT), models=M68000)
def move_from_sr_68000(s: Semantics, f: Fields) -> None:
    place = source(s, f, 2)
    if isinstance(place, Memory):
        place.load()  # read before write, like CLR
    place.store(sr(s))


@insn(
    "0100 0000 11 MMM nnn", "move.w sr,{ea}", "PRM MOVE from SR", valid=ea(DATA_ALT), models=FROM_68010,
    traits="interp",
)
def move_from_sr(s: Semantics, f: Fields) -> None:
    privileged(s)
    source(s, f, 2).store(sr(s))


@insn("0100 0010 11 MMM nnn", "move.w ccr,{ea}", "PRM MOVE from CCR", valid=ea(DATA_ALT), models=FROM_68010)
def move_from_ccr(s: Semantics, f: Fields) -> None:
    source(s, f, 2).store(ccr(s).zext(16))


@insn("0100 0100 11 MMM nnn", "move.w {ea},ccr", "PRM MOVE to CCR", valid=ea(DATA))
def move_to_ccr(s: Semantics, f: Fields) -> None:
    write_ccr(s, source(s, f, 2).load().trunc(8))


@insn("0100 0110 11 MMM nnn", "move.w {ea},sr", "PRM MOVE to SR", valid=ea(DATA), traits="interp")
def move_to_sr(s: Semantics, f: Fields) -> None:
    privileged(s)
    write_sr(s, source(s, f, 2).load())


@insn("0100 1110 0110 0 yyy", "move.l {Ay},usp", "PRM MOVE USP", traits="interp")
def move_to_usp(s: Semantics, f: Fields) -> None:
    privileged(s)
    s.write(USP, read_a(s, f.y))


@insn("0100 1110 0110 1 yyy", "move.l usp,{Ay}", "PRM MOVE USP", traits="interp")
def move_from_usp(s: Semantics, f: Fields) -> None:
    privileged(s)
    write_a(s, f.y, s.read(USP))


# -- control registers ---------------------------------------------------------------------------------------

# number -> (register, bits that can be written); the stack pointer in use is A7, not its entry here
CONTROL_REGISTERS: dict[str, dict[int, tuple[Reg, int]]] = {
    "m68010": {0x000: (SFC, 7), 0x001: (DFC, 7), 0x800: (USP, -1), 0x801: (VBR, -1)},
}
CONTROL_REGISTERS["m68020"] = {
    **CONTROL_REGISTERS["m68010"],
    0x002: (CACR, 3),  # E and F; C and CE act at once and read as 0 (68020 UM section 4)
    0x802: (CAAR, -1), 0x803: (MSP, -1), 0x804: (ISP, -1),
}


def _active(s: Semantics, reg: Reg) -> Val:
    """1 if A7 stands for this stack pointer now."""
    if reg is MSP:
        return is_master(s.read(SR_SYS))
    return is_interrupt(s.read(SR_SYS)) if reg is ISP else s.const(0, 1)


@insn("0100 1110 0111 1010", "movec {ctrl},{Rext}", "PRM MOVEC", models=FROM_68010, traits="interp")
def movec_from_control(s: Semantics, f: Fields) -> None:
    privileged(s)
    ext = s.fetch(2)
    number = ext.trunc(12)
    value, found = s.const(0, 32), s.const(0, 1)
    for n, (reg, _) in CONTROL_REGISTERS[s.model].items():
        hit = number == n
        now = _active(s, reg).select(s.read(R, SP), s.read(reg).zext(32))
        value, found = hit.select(now, value), found | hit
    s.if_(~found, lambda: illegal(s))
    s.write(R, value, ext.bits(15, 12))


@insn("0100 1110 0111 1011", "movec {Rext},{ctrl}", "PRM MOVEC", models=FROM_68010, traits="interp")
def movec_to_control(s: Semantics, f: Fields) -> None:
    privileged(s)
    ext = s.fetch(2)
    number, value = ext.trunc(12), s.read(R, ext.bits(15, 12))
    s.if_(~s.any(number == n for n in CONTROL_REGISTERS[s.model]), lambda: illegal(s))
    sp = s.read(R, SP)
    for n, (reg, mask) in CONTROL_REGISTERS[s.model].items():
        hit = number == n
        s.write(reg, hit.select((value & (mask & 0xFFFFFFFF)).trunc(reg.width), s.read(reg)))
        sp = (hit & _active(s, reg)).select(value, sp)
    s.write(R, sp, SP)


def _no_long(f: FieldMap) -> bool:
    return f["Z"] != 3


@insn(
    "0000 1110 ZZ MMM nnn", "moves.{Z} {moves}", "PRM MOVES", valid=ea(MEM_ALT, _no_long), models=FROM_68010,
    traits="interp",
)
def moves(s: Semantics, f: Fields) -> None:
    privileged(s)
    size = 1 << f.Z
    ext = s.fetch(2)
    n = ext.bits(15, 12)
    addr = target(s, f, size)
    register = s.read(R, n)  # of An,(An)+ and An,-(An) the changed value is stored (PRM MOVES)

    def store() -> None:
        s.store(addr, register.trunc(8 * size), s.read(DFC))

    def load() -> None:
        value = s.load(addr, size, s.read(SFC))
        low = register & (-1 << value.w & 0xFFFFFFFF) | value.zext(32)
        s.write(R, ext.bit(15).select(value.sext(32), low), n)

    s.if_(ext.bit(11), store, load)


# -- returning from exceptions -------------------------------------------------------------------------------

# format -> bytes of the frame (68000 UM table 6-4, 68020 UM table 6-5)
FRAMES = {
    "m68010": {0x0: 8, 0x8: 58},
    "m68020": {0x0: 8, 0x1: 8, 0x2: 12, 0x9: 20, 0xA: 32, 0xB: 92},
}


@insn("0100 1110 0111 0011", "rte", "PRM RTE", models=M68000, traits="interp ends")
def rte_68000(s: Semantics, f: Fields) -> None:
    privileged(s)
    sp = s.read(R, SP)
    status, to = s.load(sp, 2), s.load(sp + 2, 4)
    s.write(R, sp + 6, SP)
    write_sr(s, status)
    jump(s, to)


@insn("0100 1110 0111 0011", "rte", "PRM RTE", models=FROM_68010, traits="interp ends")
def rte(s: Semantics, f: Fields) -> None:
    """SR and PC come from the frame.  Bus-error frames have the instruction's own address: it starts again.

    A throwaway frame ($1) only gives SR; the next one lies on the stack that this has selected.
    """
    privileged(s)
    sp, status, to, kind = _frame(s)
    if s.model == "m68020":

        def next_frame() -> tuple[Val, ...]:
            s.write(R, sp + 8, SP)
            write_system(s, status.bits(15, 8))
            return _frame(s)

        first = (sp, status, to, kind)
        sp, status, to, kind = s.if_(kind == 1, next_frame, lambda: first)
    size = s.const(0, 32)
    for number, bytes_ in FRAMES[s.model].items():
        size = (kind == number).select(s.const(bytes_, 32), size)
    take_if(s, size == 0, FORMAT_ERROR, s.pc)
    # The whole frame must be there before anything changes.
    s.if_(size.ugt(8), lambda: s.load(sp + size - 2, 2))
    restart.resume(s, sp, kind)
    s.write(R, sp + size, SP)
    write_sr(s, status)
    if s.model == "m68020":  # a throwaway frame under another: once more
        to = (kind == 1).select(s.pc, to)
    jump(s, to)


def _frame(s: Semantics) -> tuple[Val, ...]:
    """Where the frame at the stack pointer lies; its SR, PC and format."""
    sp = s.read(R, SP)
    return sp, s.load(sp, 2), s.load(sp + 2, 4), s.load(sp + 6, 2).lsr(12)


# -- processor control ---------------------------------------------------------------------------------------


@insn("0100 1110 0111 0010", "stop #{imm16}", "PRM STOP", traits="interp")
def stop(s: Semantics, f: Fields) -> None:
    privileged(s)
    write_sr(s, s.fetch(2))
    s.leave(Reason.STOPPED)


@insn("0100 1110 0111 0000", "reset", "PRM RESET", traits="interp")
def reset(s: Semantics, f: Fields) -> None:
    privileged(s)
    s.leave(Reason.RESET)


# -- traps ---------------------------------------------------------------------------------------------------


@insn("0100 1110 0100 vvvv", "trap #{v4}", "PRM TRAP", traits="interp ends")
def trap(s: Semantics, f: Fields) -> None:
    take(s, f.v.zext(8) + TRAPS, s.next_pc)


@insn("0100 1110 0111 0110", "trapv", "PRM TRAPV")
def trapv(s: Semantics, f: Fields) -> None:
    take_if(s, s.read(CC_V).sign(), exceptions.TRAPV, s.next_pc, 2)


@insn("0101 CCCC 1111 1 100", "trap{cc}", "PRM TRAPcc", models=M68020)
def trapcc(s: Semantics, f: Fields) -> None:
    take_if(s, condition(s, f.C), exceptions.TRAPV, s.next_pc, 2)


@insn("0101 CCCC 1111 1 010", "trap{cc}.w #{imm16}", "PRM TRAPcc", models=M68020)
def trapcc_w(s: Semantics, f: Fields) -> None:
    s.fetch(2)
    take_if(s, condition(s, f.C), exceptions.TRAPV, s.next_pc, 2)


@insn("0101 CCCC 1111 1 011", "trap{cc}.l #{imm32}", "PRM TRAPcc", models=M68020)
def trapcc_l(s: Semantics, f: Fields) -> None:
    s.fetch(4)
    take_if(s, condition(s, f.C), exceptions.TRAPV, s.next_pc, 2)


@insn("0100 1010 1111 1100", "illegal", "PRM ILLEGAL", traits="interp ends")
def illegal_insn(s: Semantics, f: Fields) -> None:
    illegal(s)


@insn("0100 1000 0100 1 vvv", "bkpt #{v3}", "PRM BKPT", models=FROM_68010, traits="interp ends")
def bkpt(s: Semantics, f: Fields) -> None:
    """The breakpoint acknowledge cycle finds no hardware and ends in the illegal instruction exception."""
    illegal(s)


# -- modules (68020 only): type 0, no access-level hardware --------------------------------------------------


def _plain(control: Val) -> Val:
    """Options 0 and 4, arguments on the stack or behind a pointer; type 0."""
    return control.bits(30, 24) == 0


@insn(
    "0000 0110 11 MMM nnn", "callm #{imm8},{ea}", "PRM CALLM", valid=ea(CONTROL), models=M68020,
    traits="interp ends",
)
def callm(s: Semantics, f: Fields) -> None:
    """Descriptor: option and type, entry, data area; frame of 24 bytes (68020 UM figures 9-10 and 9-12)."""
    arguments = s.fetch(2) & 0xFF
    descriptor = target(s, f)
    control = s.load(descriptor, 4)
    take_if(s, ~_plain(control), FORMAT_ERROR, s.pc)
    entry, data = s.load(descriptor + 4, 4), s.load(descriptor + 8, 4)
    first = s.load(entry, 2, "program")
    register = first.bits(15, 12)
    sp = s.read(R, SP)
    frame = sp - 24
    s.probe(frame, 4)
    s.probe(frame + 20, 4)
    s.store(frame, control & 0xFF000000 | ccr(s).zext(32))
    s.store(frame + 4, arguments.zext(32) << 16)
    s.store(frame + 8, descriptor)
    s.store(frame + 12, s.next_pc)
    s.store(frame + 16, s.read(R, register))
    s.store(frame + 20, sp)
    s.write(R, frame, SP)
    s.write(R, data, register)
    jump(s, entry + 2)


@insn("0000 0110 1100 Dyyy", "rtm {Ry}", "PRM RTM", models=M68020, traits="interp ends")
def rtm(s: Semantics, f: Fields) -> None:
    frame = s.read(R, SP)
    control, arguments = s.load(frame, 4), s.load(frame + 4, 2)
    take_if(s, ~_plain(control), FORMAT_ERROR, s.pc)
    to, data, sp = s.load(frame + 12, 4), s.load(frame + 16, 4), s.load(frame + 20, 4)
    write_ccr(s, control.trunc(8))
    s.write(R, data, areg(f.y) if f.D else f.y)
    s.write(R, sp + arguments.zext(32), SP)
    jump(s, to)
