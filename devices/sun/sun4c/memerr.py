"""The memory error registers of a SPARCstation 2: one pair for the board's memory, one for the expansion's.

    +0 control and status   +4 parity control   +8, +C the same for memory from 64 MB up

Wrong parity in a load is a synchronous error, in a cycle of another master an asynchronous one; the register
says which bytes.

Sources: NetBSD sparc memreg.h, memecc.c; TME.
"""

from __future__ import annotations

from collections.abc import Callable

from tme.register import RC, RW, TAG, Register

SIZE = 16
EXPANSION = 0x0400_0000
"""Where the second pair's memory begins."""
LANES = (1, 2, 4, 8)
"""Of the bytes at D31-D24 to D7-D0."""


class MemoryErrorBits(Register, width=32):
    """Control and status; reading clears what is latched."""

    ERROR = RC(0x80)
    MULTIPLE = RC(0x40)
    TEST = RW(0x20)
    CHECK = RW(0x10)
    LANES = RC(0x0F)


class ParityControl(Register, width=32):
    """Kept and read back."""

    BITS = TAG(0xFFFF_FFFF)


class MemoryErrors:
    """Both pairs on the bus; `test(on)` hears whether some pair's TEST bit is set."""

    width = 4

    def __init__(self, test: Callable[[bool], None]) -> None:
        self.test = test
        self.status = MemoryErrorBits(), MemoryErrorBits()
        self.control = ParityControl(), ParityControl()

    def reset(self) -> None:
        """Nothing latched, nothing checked."""
        for register in (*self.status, *self.control):
            register.reset()
        self.test(False)

    def of(self, address: int) -> MemoryErrorBits:
        """The status register of a memory address."""
        return self.status[address >= EXPANSION]

    def latch(self, address: int, lanes: int) -> bool:
        """Bytes with wrong parity were read; true if that is an error."""
        register = self.of(address)
        if not register.CHECK:
            return False
        register.value |= MemoryErrorBits.MULTIPLE if register.ERROR else MemoryErrorBits.ERROR
        register.value |= lanes
        return True

    def _register(self, offset: int) -> Register:
        return (self.control if offset & 4 else self.status)[offset >> 3 & 1]

    def peek(self, offset: int, size: int) -> int:
        value = self._register(offset).peek() << 32 | self._register(offset + 4).peek()
        return value >> 8 * (8 - size - (offset & 3)) & (1 << 8 * size) - 1

    def read(self, offset: int, size: int) -> int:
        value = self.peek(offset, size)
        self._register(offset).read()
        return value

    def write(self, offset: int, size: int, value: int) -> None:
        register = self._register(offset)
        shift, mask = 8 * (4 - size - (offset & 3)), (1 << 8 * size) - 1
        register.write(register.value & ~(mask << shift) | value << shift)
        self.test(any(register.TEST for register in self.status))
