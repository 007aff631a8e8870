"""The coprocessor's registers and the bits in them (68881/68882 UM section 2, PRM 1.2)."""

from __future__ import annotations

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

BIAS = 16383
NAN = (0x7FFF, (1 << 64) - 1)  # the non-signalling NaN that the coprocessor makes (PRM 1.6.6)
QUIET = 1 << 62  # set in the mantissa of a non-signalling NaN

# The exception byte (FPSR 15-8), enabled by FPCR 15-8.
BSUN, SNAN, OPERR, OVFL, UNFL, DZ, INEX2, INEX1 = (1 << n for n in range(7, -1, -1))
# Vectors in the order of priority (PRM table 1-15 has them by number).
VECTORS = ((BSUN, 48), (SNAN, 54), (OPERR, 52), (OVFL, 53), (UNFL, 51), (DZ, 50), (INEX2 | INEX1, 49))
BSUN_VECTOR = 48
FPCR_BITS, FPSR_BITS = 0xFFF0, 0x0FFFFFF8
CC_SHIFT = 24  # FPSR 27-24: N Z I NAN

# Rounding precision (FPCR 7-6) and mode (FPCR 5-4).
EXTENDED, SINGLE, DOUBLE = 0, 1, 2
NEAREST, ZERO, DOWN, UP = range(4)

# Data formats in the order of their codes (PRM table 3-20); 7 in an instruction to memory is P with a
# dynamic k-factor.
LONG, SINGLE_REAL, EXTENDED_REAL, PACKED, WORD, DOUBLE_REAL, BYTE, PACKED_DYNAMIC = range(8)
BYTES = (4, 4, 12, 12, 2, 8, 1, 12)
