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
from ...spec.semantics import Reg

# FP0-FP7: sign and exponent (biased by 16383), and the mantissa with its explicit integer bit.
FP_SE = Reg("fp_se", 16, 8)
FP_M = Reg("fp_m", 64, 8)
FPCR = Reg("fpcr", 32)
FPSR = Reg("fpsr", 32)
FPIAR = Reg("fpiar", 32)
FP_USED = Reg("fp_used", 8)  # 0: as after reset (FSAVE gives a null frame)
FP_PENDING = Reg("fp_pending", 8)  # vector of the exception that the next instruction reports, 0: none
FP_OFF = Reg("fp_off", 8)  # not 0: the board keeps the coprocessor from answering

REGS = (FP_M, FPCR, FPSR, FPIAR, FP_SE, FP_USED, FP_PENDING, FP_OFF)

# The exception byte (FPSR 15-8), enabled by FPCR 15-8; what is between is softfloat's.
BSUN, INEX1 = 0x80, 0x01
# Vectors in the order of priority (PRM table 1-15 has them by number).
VECTORS = ((BSUN, 48), (SNAN, 54), (OPERR, 52), (OVFL, 53), (UNFL, 51), (DZ, 50), (INEX2 | INEX1, 49))
BSUN_VECTOR = 48
FPCR_BITS, FPSR_BITS = 0xFFF0, 0x0FFFFFF8
CC_SHIFT = 24  # FPSR 27-24: N Z I NAN

# Data formats in the order of their codes (PRM table 3-20); 7 in an instruction to memory is P with a
# dynamic k-factor.
LONG, SINGLE_REAL, EXTENDED_REAL, PACKED, WORD, DOUBLE_REAL, BYTE, PACKED_DYNAMIC = range(8)
BYTES = (4, 4, 12, 12, 2, 8, 1, 12)

__all__ = [
    "BIAS", "BSUN", "BSUN_VECTOR", "BYTE", "BYTES", "CC_SHIFT", "DOUBLE", "DOUBLE_REAL", "DOWN", "DZ",
    "EXTENDED", "EXTENDED_REAL", "FPCR", "FPCR_BITS", "FPIAR", "FPSR", "FPSR_BITS", "FP_M", "FP_OFF",
    "FP_PENDING", "FP_SE", "FP_USED", "INEX1", "INEX2", "LONG", "NAN", "NEAREST", "OPERR", "OVFL", "PACKED",
    "PACKED_DYNAMIC", "QUIET", "REGS", "SINGLE", "SINGLE_REAL", "SNAN", "UNFL", "UP", "VECTORS", "WORD",
    "ZERO",
]  # fmt: skip
