"""The coprocessor's registers and the bits in them (68881/68882 UM section 2, PRM 1.2)."""

from __future__ import annotations

from ...softfloat.number import (
    BIAS,
    DOUBLE,
    DOWN,
    DZ,
    EXTENDED,
    INEX2,
    NAN,
    NEAREST,
    OPERR,
    OVFL,
    QUIET,
    SINGLE,
    SNAN,
    UNFL,
    UP,
    ZERO,
)
from ...spec.semantics import Reg, Semantics
from ...spec.value import Operand, Val

# FP0-FP7: of each the mantissa with its explicit integer bit, then sign and exponent (biased by 16383) in the
# low 16 bits: as an x87 has them in memory. `slot` has their places.
FP = Reg("fp", 64, 16)
FPCR = Reg("fpcr", 32)
FPSR = Reg("fpsr", 32)
FPIAR = Reg("fpiar", 32)
FP_USED = Reg("fp_used", 8)  # 0: as after reset (FSAVE gives a null frame)
FP_PENDING = Reg("fp_pending", 8)  # vector of the exception that the next instruction reports, 0: none
FP_OFF = Reg("fp_off", 8)  # not 0: the board keeps the coprocessor from answering
FP_WATCH = Reg("fp_watch", 8)  # not 0: what the host's x87 finds inexact is to be accrued (`late`)

# What native code has not yet put into FPSR (`late`): the last operation, its operands as in FP.
FP_LAST = Reg("fp_last", 16)  # 0: FPSR is as it should be; so it always is when native code has been left
FP_KEPT = Reg("fp_kept", 64, 4)

# FPCR and what follows it are looked at together: 64 bits.
REGS = (FP, FP_KEPT, FPCR, FP_USED, FP_PENDING, FP_OFF, FP_WATCH, FPSR, FPIAR, FP_LAST)

# The exception byte (FPSR 15-8), enabled by FPCR 15-8; what is between is softfloat's.
BSUN, INEX1 = 0x80, 0x01
IOP, AOVFL, AUNFL, ADZ, AINEX = 0x80, 0x40, 0x20, 0x10, 0x08  # accrued exceptions (FPSR 7-3)
# Vectors in the order of priority (PRM table 1-15 has them by number).
VECTORS = ((BSUN, 48), (SNAN, 54), (OPERR, 52), (OVFL, 53), (UNFL, 51), (DZ, 50), (INEX2 | INEX1, 49))
BSUN_VECTOR = 48
FPCR_BITS, FPSR_BITS = 0xFFF0, 0x0FFFFFF8
CC_SHIFT = 24  # FPSR 27-24: N Z I NAN

# Data formats in the order of their codes (PRM table 3-20); 7 in an instruction to memory is P with a
# dynamic k-factor.
LONG, SINGLE_REAL, EXTENDED_REAL, PACKED, WORD, DOUBLE_REAL, BYTE, PACKED_DYNAMIC = range(8)
BYTES = (4, 4, 12, 12, 2, 8, 1, 12)


def slot(n: Val | int) -> tuple[Operand, Operand]:
    """Where in FP register n has its (sign and exponent, mantissa)."""
    if isinstance(n, int):
        return 2 * n + 1, 2 * n
    low = n.zext(32) << 1
    return low | 1, low


def read_number(s: Semantics, at: tuple[Operand, Operand]) -> tuple[Val, Val]:
    """(se, m) of the register at a slot."""
    return s.read(FP, at[0]).trunc(16), s.read(FP, at[1])


def write_number(s: Semantics, at: tuple[Operand, Operand], se: Val, m: Val) -> None:
    s.write(FP, se.zext(64), at[0])
    s.write(FP, m, at[1])


__all__ = [
    "ADZ", "AINEX", "AOVFL", "AUNFL", "BIAS", "BSUN", "BSUN_VECTOR", "BYTE", "BYTES", "CC_SHIFT", "DOUBLE",
    "DOUBLE_REAL", "DOWN", "DZ", "EXTENDED", "EXTENDED_REAL", "FP", "FPCR", "FPCR_BITS", "FPIAR", "FPSR",
    "FPSR_BITS", "FP_KEPT", "FP_LAST", "FP_OFF", "FP_PENDING", "FP_USED", "FP_WATCH", "INEX1", "INEX2",
    "IOP", "LONG", "NAN", "NEAREST", "OPERR", "OVFL", "PACKED", "PACKED_DYNAMIC", "QUIET", "REGS",
    "SINGLE", "SINGLE_REAL", "SNAN", "UNFL", "UP", "VECTORS", "WORD", "ZERO", "read_number", "slot",
    "write_number",
]  # fmt: skip
