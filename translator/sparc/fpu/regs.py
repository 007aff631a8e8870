"""The floating-point registers, the pieces of FSR, and the state of the unit (V8 manual, 4.3 and 4.4).

FSR is put together when it is stored. Exceptions lie in the order of the host's MXCSR, so that what the host
has noticed can be compared and added as it is. cexc belongs to the last operation: usually that is kept with
its operands and done again when somebody looks.
"""

from __future__ import annotations

from typing import Any

from ...spec.semantics import Reg, Semantics
from ...spec.value import Val

FPD = Reg("fpd", 64, 16, real=True)  # %f0:%f1, %f2:%f3 …: the even register is the upper half
FSR = Reg("fsr", 32)  # RD, TEM and NS, in place
FP_MODE = Reg("fp_mode", 8)
FTT = Reg("fp_ftt", 8)
FCC = Reg("fp_fcc", 8)  # 0 equal, 1 less, 2 greater, 3 unordered
ACCRUED = Reg("fp_accrued", 8)  # aexc
CURRENT = Reg("fp_current", 8)  # cexc, if there is no last operation
LAST = Reg("fp_last", 8)  # opf of the last operation, 0: none
LAST_A = Reg("fp_last_a", 64, lazy=True, real=True)  # its operands, rs1 and rs2
LAST_B = Reg("fp_last_b", 64, lazy=True, real=True)
FQ_ADDRESS, FQ_INSN = Reg("fq_address", 32), Reg("fq_insn", 32)  # the queue has one entry

FPU_REGS = (FPD, LAST_A, LAST_B, FSR, FQ_ADDRESS, FQ_INSN, FP_MODE, FTT, FCC, ACCRUED, CURRENT, LAST)

# FP_MODE: 0 if all is as usual.
OFF = 1  # PSR.EF is 0
PENDING, EXCEPTION = 2, 4  # states of the unit: fp_exception_pending, fp_exception; neither: fp_execute
CAREFUL = 8  # FSR asks for another rounding than to nearest, or for traps

# FSR, from the top.
RD_SHIFT, TEM_SHIFT, NS, VER_SHIFT, FTT_SHIFT, QNE, FCC_SHIFT, AEXC_SHIFT = (
    30,
    23,
    1 << 22,
    17,
    14,
    1 << 13,
    10,
    5,
)
RD, TEM = 3 << RD_SHIFT, 31 << TEM_SHIFT
IEEE_EXCEPTION, UNFINISHED, UNIMPLEMENTED, SEQUENCE_ERROR, HARDWARE_ERROR, INVALID_REGISTER = range(
    1, 7
)  # ftt

# Exceptions, as MXCSR has them (its bit 1, a denormal operand, means nothing here).
NV, DZ, OF, UF, NX = 0x01, 0x04, 0x08, 0x10, 0x20
ALL = NV | DZ | OF | UF | NX
_ORDER = ((NV, 4), (OF, 3), (UF, 2), (DZ, 1), (NX, 0))  # bits of aexc, cexc and TEM


def to_fsr(s: Semantics, exceptions: Val) -> Val:
    """Exceptions (8 bits) as FSR's five bits, in 32."""
    out = s.const(0, 32)
    for bit, place in _ORDER:
        out = out | (exceptions & bit != 0).zext(32) << place
    return out


def from_fsr(s: Semantics, bits: Val) -> Val:
    """Five bits of FSR, in 32, as exceptions (8 bits)."""
    out = s.const(0, 8)
    for bit, place in _ORDER:
        out = out | bits.bit(place).select(s.const(bit, 8), 0)
    return out


def has_fpu(s: Semantics) -> bool:
    return s.options.get("fpu") is not None


# -- registers -----------------------------------------------------------------------------------------------


def read_pair(s: Semantics, n: Val) -> Val:
    """%f(n & ~1) and the next, 64 bits."""
    return s.read(FPD, n.lsr(1))


def half(pair: Val, n: Val) -> Val:
    """%fn out of its pair."""
    return n.trunc(1).select(pair.trunc(32), pair.bits(63, 32))


def with_half(pair: Val, n: Val, value: Val) -> Val:
    """The pair with %fn (32 bits) replaced."""
    wide = value.zext(64)
    return n.trunc(1).select(pair & 0xFFFFFFFF00000000 | wide, pair & 0xFFFFFFFF | wide << 32)


def read_single(s: Semantics, n: Val) -> Val:
    return half(read_pair(s, n), n)


def write_single(s: Semantics, n: Val, value: Val) -> None:
    s.write(FPD, with_half(read_pair(s, n), n, value), n.lsr(1))


def write_pair(s: Semantics, n: Val, value: Val) -> None:
    s.write(FPD, value, n.lsr(1))


# -- PSR.EF, and the state for Python ------------------------------------------------------------------------


def enabled(s: Semantics) -> Val:
    """PSR.EF as 1 bit; 0 without a unit (4.2)."""
    return ~s.read(FP_MODE).trunc(1) if has_fpu(s) else s.const(0, 1)


def enable(s: Semantics, ef: Val) -> None:
    """Write PSR.EF (1 bit)."""
    if has_fpu(s):
        s.write(FP_MODE, s.read(FP_MODE) & ~OFF & 0xFF | (~ef).zext(8))


def is_enabled(state: Any) -> bool:
    return hasattr(state, "fp_mode") and not state.fp_mode & OFF


def reset_fpu(state: Any) -> None:
    """FSR is clear and the unit off; the registers keep what they had."""
    if hasattr(state, "fp_mode"):
        state.fp_mode = OFF
        state.fsr = state.fp_ftt = state.fp_fcc = state.fp_accrued = state.fp_current = state.fp_last = 0
        state.fp_last_a = state.fp_last_b = state.fq_address = state.fq_insn = 0
