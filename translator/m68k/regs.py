"""The m68k's registers, and how operands of 1, 2 and 4 bytes lie in them (PRM section 1)."""

from __future__ import annotations

from ..spec.semantics import Reg, Semantics
from ..spec.value import Val
from ..state import LOG_WORDS

R = Reg("r", 32, 16)  # D0-D7, A0-A7; A7 is the stack pointer in use
SP = 15

# Condition codes, as the operations leave them: packed into SR only when somebody looks (see flags.py).
CC_N = Reg("cc_n", 32, lazy=True)  # N is the sign bit
CC_Z = Reg("cc_z", 32, lazy=True)  # Z is set if this is zero
CC_V = Reg("cc_v", 32, lazy=True, parts="overflow")  # V is every bit
CC_C = Reg("cc_c", 8, lazy=True, parts="carry")  # 0 or 1
CC_X = Reg("cc_x", 8, lazy=True)  # 0 or 1

SR_SYS = Reg("sr_sys", 8)  # the status register's upper byte: T1 T0 S M 0 I2 I1 I0
T1, T0, S_BIT, M_BIT = 7, 6, 5, 4
USP = Reg("usp", 32)  # the stack pointers that are not in use; the active one's entry here is stale
ISP = Reg("isp", 32)
MSP = Reg("msp", 32)
VBR = Reg("vbr", 32)
SFC = Reg("sfc", 8)
DFC = Reg("dfc", 8)
CACR = Reg("cacr", 32)
CAAR = Reg("caar", 32)

# Scratch between an instruction and the routine `exception`.
EXC_VECTOR = Reg("exc_vector", 8)
EXC_FORMAT = Reg("exc_format", 8)  # 0 or 2: the frame that a 68020 builds
EXC_PC = Reg("exc_pc", 32)  # what to stack: this instruction's address or the next one's
EXC_ADDR = Reg("exc_addr", 32)  # the instruction's address, for format $2

# Interrupts: written by the machine.
IPL = Reg("ipl", 8)  # level asserted now
IPL_SEEN = Reg("ipl_seen", 8)  # level taken last while it stayed asserted: 7 is an edge
INT_VECTOR = Reg("int_vector", 32)  # vector number the device gives, 0xFFFFFFFF: autovector
AUTOVECTOR = 0xFFFFFFFF

TRACE_NOTE = Reg("trace_note", 8)  # NOT_DONE, FLOW: what an instruction has done that `traced` must know
NOT_DONE, FLOW = 1, 2

REGS = (
    R, CC_N, CC_Z, CC_V, USP, ISP, MSP, VBR, CACR, CAAR, EXC_PC, EXC_ADDR, INT_VECTOR,
    CC_C, CC_X, SR_SYS, SFC, DFC, EXC_VECTOR, EXC_FORMAT, IPL, IPL_SEEN, TRACE_NOTE,
)

# The access that was refused: fields that every state has (translator.state.CORE).
FAULT_VA = Reg("fault_va", 32)
FAULT_FC = Reg("fault_fc", 32)
FAULT_SIZE = Reg("fault_size", 32)
FAULT_WRITE = Reg("fault_write", 32)
FAULT_MISALIGNED = Reg("fault_misaligned", 32)
FAULT_FETCH = Reg("fault_fetch", 32)
FAULT_DATA = Reg("fault_data", 64)
FAULT_ROUTINE = Reg("fault_routine", 32)
# For instructions that are restarted (translator.replay).
BUDGET, LOG_BUDGET = Reg("budget", 64), Reg("log_budget", 64)
LOG_COUNT, LOG_DATA = Reg("log_count", 32), Reg("log_data", 16, LOG_WORDS)
REDO, REDO_COUNT, REDO_DATA = Reg("redo", 32), Reg("redo_count", 32), Reg("redo_data", 16, LOG_WORDS)
FIX_KIND, FIX_VA, FIX_SIZE = Reg("fix_kind", 32), Reg("fix_va", 32), Reg("fix_size", 32)
FIX_DATA = Reg("fix_data", 64)

# Function codes (68020 UM section 2, address spaces).
FC_USER_DATA, FC_USER_PROGRAM, FC_SUPER_DATA, FC_SUPER_PROGRAM, FC_CPU = 1, 2, 5, 6, 7

SIZES = {0: 1, 1: 2, 2: 4}  # the usual size field -> bytes

Number = Val | int  # a register number as it stands in an instruction


def d(n: Number) -> Number:
    """Index in R of data register n."""
    return n


def a(n: Number) -> Number:
    """Index in R of address register n."""
    return n + 8 if isinstance(n, int) else n.zext(4) | 8


def read_d(s: Semantics, n: Number, size: int) -> Val:
    """The low `size` bytes of data register n."""
    return s.read(R, n).trunc(8 * size)


def read_a(s: Semantics, n: Number, size: int = 4) -> Val:
    """The low `size` bytes of address register n."""
    return s.read(R, a(n)).trunc(8 * size)


def write_low(s: Semantics, index: Number, value: Val) -> None:
    """Replace the low bytes of register `index`; the others stay."""
    if value.w < 32:
        value = s.read(R, index) & (-1 << value.w & 0xFFFFFFFF) | value.zext(32)
    s.write(R, value, index)


def write_d(s: Semantics, n: Number, value: Val) -> None:
    """Write the low bytes of data register n."""
    write_low(s, n, value)


def write_a(s: Semantics, n: Number, value: Val) -> None:
    """Write an address register: always whole, words sign-extended (PRM 1.1.2)."""
    s.write(R, value.sext(32), a(n))


def step(s: Semantics, n: Number, size: int) -> Val:
    """What (An)+ and -(An) add and subtract: bytes keep A7 even (PRM 2.2.4)."""
    if size > 1:
        return s.const(size, 32)
    if isinstance(n, int):
        return s.const(2 if n == 7 else 1, 32)
    return (n == 7).zext(32) + 1


def push(s: Semantics, value: Val) -> None:
    """Push a word or long on the stack in use."""
    sp = s.read(R, SP) - value.w // 8
    s.store(sp, value)
    s.write(R, sp, SP)


def pop(s: Semantics, size: int) -> Val:
    """Pop `size` bytes off the stack in use."""
    sp = s.read(R, SP)
    value = s.load(sp, size)
    s.write(R, sp + size, SP)
    return value
