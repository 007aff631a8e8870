"""Program and system control of the coprocessor: FBcc, FScc, FDBcc, FTRAPcc, FSAVE, FRESTORE (PRM 5, 6)."""

from __future__ import annotations

from ...spec.insn import Fields
from ...spec.semantics import PROGRAM, Semantics
from ...spec.value import Val
from ..decl import CONTROL, CONTROL_ALT, DATA_ALT, POSTINC, PREDEC, ea, insn
from ..ea import PREDEC as PREDEC_MODE
from ..ea import source
from ..exceptions import FORMAT_ERROR, TRAPV, branch, privileged, take, take_if
from ..regs import read_a, read_d, write_a, write_d
from . import late
from .general import FPU, address_of, is_relative, refuse_unless
from .regs import FP_LAST, FP_PENDING, FP_USED, FPCR, FPIAR, FPSR, NAN, read_number, slot, write_number
from .status import answer, begin, predicate

NOTHING_PENDING = 27  # in the frame's last long, the bus interface flags
# Bytes behind the format word of an idle and of a busy frame (UM 6.4.2).
FRAMES = {"m68881": (0x18, 0xB4), "m68882": (0x38, 0xD4)}
VERSION = 0x1F


@insn("1111 001 010 0 ccccc", "fb{fcc}.w {v16}", "PRM 5-34", models=FPU, traits="interp ends")
def fbcc_w(s: Semantics, f: Fields) -> None:
    begin(s)
    branch(s, predicate(s, f.c), s.fetch(2).sext(32) + (s.pc + 2))


@insn("1111 001 011 0 ccccc", "fb{fcc}.l {v32}", "PRM 5-34", models=FPU, traits="interp ends")
def fbcc_l(s: Semantics, f: Fields) -> None:
    begin(s)
    branch(s, predicate(s, f.c), s.fetch(4) + (s.pc + 2))


def _condition(s: Semantics) -> Val:
    """The extension word's predicate."""
    ext = s.fetch(2)
    begin(s)
    refuse_unless(s, ~ext.bit(5))
    return predicate(s, ext.trunc(5))


@insn("1111 001 001 MMM nnn", "fs{fccext} {ea}", "PRM 5-73", valid=ea(DATA_ALT), models=FPU, traits="interp")
def fscc(s: Semantics, f: Fields) -> None:
    true = _condition(s)
    source(s, f, 1).store(true.sext(8))


@insn("1111 001 001 001 yyy", "fdb{fccext} {Dy},{v16}", "PRM 5-45", models=FPU, traits="interp ends")
def fdbcc(s: Semantics, f: Fields) -> None:
    true = _condition(s)
    base = s.next_pc  # the displacement word's own address
    to = s.fetch(2).sext(32) + base
    count = read_d(s, f.y, 2)
    branch(s, ~true & (count != 0), to)
    write_d(s, f.y, count - (~true).zext(16))


@insn("1111 001 001 111 010", "ftrap{fccext}.w #{imm16}", "PRM 5-98", models=FPU, traits="interp")
def ftrapcc_w(s: Semantics, f: Fields) -> None:
    true = _condition(s)
    s.fetch(2)
    take_if(s, true, TRAPV, s.next_pc, 2)


@insn("1111 001 001 111 011", "ftrap{fccext}.l #{imm32}", "PRM 5-98", models=FPU, traits="interp")
def ftrapcc_l(s: Semantics, f: Fields) -> None:
    true = _condition(s)
    s.fetch(4)
    take_if(s, true, TRAPV, s.next_pc, 2)


@insn("1111 001 001 111 100", "ftrap{fccext}", "PRM 5-98", models=FPU, traits="interp")
def ftrapcc(s: Semantics, f: Fields) -> None:
    true = _condition(s)
    take_if(s, true, TRAPV, s.next_pc, 2)


# -- context switches ----------------------------------------------------------------------------------------


@insn(
    "1111 001 100 MMM nnn",
    "fsave {ea}",
    "PRM 6-12",
    valid=ea(CONTROL_ALT | PREDEC),
    models=FPU,
    traits="interp",
)
def fsave(s: Semantics, f: Fields) -> None:
    """A null frame if the coprocessor is as after reset, else an idle one; what was pending goes into the
    frame.

    Between instructions the coprocessor is never busy here, so there are no busy frames. The vector of a
    pending exception lies in the last long, whose other bits are as the chip leaves them.
    """
    privileged(s)
    answer(s)
    body, _ = FRAMES[s.options["fpu"]]
    idle = s.read(FP_USED) != 0
    size = idle.select(s.const(body + 4, 32), 4)
    addr = address_of(s, f, size)
    pending = s.read(FP_PENDING)

    def frame() -> None:
        for at in range(4, body, 4):
            s.store(addr + at, s.const(0, 32))
        flags = s.const(0x70000000, 32) | (pending == 0).zext(32) << NOTHING_PENDING | pending.zext(32)
        s.store(addr + body, flags)

    s.if_(idle, frame)
    s.store(addr, idle.select(s.const(VERSION << 24 | body << 16, 32), 0))
    s.write(FP_PENDING, s.const(0, 8))


@insn(
    "1111 001 101 MMM nnn",
    "frestore {ea}",
    "PRM 6-9",
    valid=ea(CONTROL | POSTINC),
    models=FPU,
    traits="interp",
)
def frestore(s: Semantics, f: Fields) -> None:
    """A null frame resets the coprocessor; one of another chip or version is a format error.

    A busy frame can only come from elsewhere. What it says of the exception that was pending counts; the
    instruction that it had interrupted is over.
    """
    privileged(s)
    answer(s)
    late.settle(s)
    short, long = FRAMES[s.options["fpu"]]
    space = PROGRAM if is_relative(f) else "data"
    register = f.M in (PREDEC_MODE, 3)
    addr = read_a(s, f.n) if register else address_of(s, f, s.const(4, 32))
    word = s.load(addr, 4, space)
    null = word.bits(31, 24) == 0
    busy = word.bits(31, 16) == VERSION << 8 | long
    used = (word.bits(31, 16) == VERSION << 8 | short) | busy
    s.if_(~(null | used), lambda: take(s, FORMAT_ERROR, s.pc))
    body = busy.select(s.const(long, 32), short)
    flags = s.if_(used, lambda: s.load(addr + body, 4, space), lambda: s.const(1 << NOTHING_PENDING, 32))
    s.write(FP_PENDING, flags.bit(NOTHING_PENDING).select(s.const(0, 8), flags.trunc(8)))
    s.write(FP_USED, used.zext(8))
    for reg in (FPCR, FPSR, FPIAR):
        s.write(reg, null.select(s.const(0, 32), s.read(reg)))
    s.write(FP_LAST, null.select(s.const(0, 16), s.read(FP_LAST)))
    for i in range(8):
        se, m = read_number(s, slot(i))
        write_number(s, slot(i), null.select(s.const(NAN[0], 16), se), null.select(s.const(NAN[1], 64), m))
    if register:
        write_a(s, f.n, addr + null.select(s.const(0, 32), body) + 4)
