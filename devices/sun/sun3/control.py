"""The registers of a Sun-3 main board: control space (function code 3) and the two on the on-board I/O bus.

Sources: NetBSD sun3 control.h, enable.h, intreg.h, memerr.h and the drivers that use them; where they and
other emulators disagree, the class says what was chosen. All are small and know nothing of the board: the
main board maps them and listens to their callbacks.
"""

from __future__ import annotations

from collections.abc import Callable

from tme.bus import IPL, Bus, Vector
from tme.register import RO, RW, TAG, Register

ENCODED = 0xFE  # levels that the priority encoder knows, as bits
VIDEO_LEVEL, SCC_LEVEL = 4, 6
AUTOVECTORED_SCCS = (0x12, 0x17, 0x18)
"""Machine types of the ID PROM (3/50, 3/60, 3/E) whose Z8530s are not asked for a vector. SunOS's zs driver
goes by the same list; elsewhere it relies on the vectors."""
CLOCK_SIGNAL = "clock"
"""Name of the wire from the 7170 (see devices.generic.bus.Slave.signal)."""


class ByteRegister:
    """A register in the top byte of its address, as the 8-bit ports of control space are.

    changed(new, old) is called after a guest's write.
    """

    width = 1

    def __init__(self, register: Register, changed: Callable[[int, int], None] | None = None) -> None:
        self.register = register
        self.changed = changed

    def read(self, offset: int, size: int) -> int:
        return self.register.read()

    def peek(self, offset: int, size: int) -> int:
        value = 0
        for _ in range(size):
            value = value << 8 | self.register.peek()
        return value

    def write(self, offset: int, size: int, value: int) -> None:
        old = self.register.value
        self.register.write(value)
        if self.changed:
            self.changed(self.register.value, old)

    def reset(self) -> None:
        """Power-on value, without a call."""
        self.register.reset()


class Enable(Register):
    """System enable register (control space 4). After reset everything is off: the boot state, in which
    supervisor instruction fetches come from the PROM."""

    NOT_BOOT = RW(0x80)
    FPP = RW(0x40)
    SDVMA = RW(0x20)
    CACHE = TAG(0x10)
    VIDEO = RW(0x08)
    COPY = TAG(0x04)
    FPA = TAG(0x02)
    DIAG = RO(0x01)


class Context(Register):
    """Context register (control space 3): which of the eight segment maps is used. Other bits read as
    zero."""

    CONTEXT = RW(0x07)


class UserDvma(Register):
    """User DVMA enable (control space 5): one bit for each context. No device here uses it."""

    CONTEXTS = TAG(0xFF)


class BusErrorBits(Register):
    """Why the last bus error happened."""

    INVALID = RO(0x80)
    PROTECTION = RO(0x40)
    TIMEOUT = RO(0x20)
    VME = RO(0x10)
    FPA_ERROR = RO(0x08)
    FPA_ENABLE = RO(0x04)
    WATCHDOG = RO(0x01)


class BusErrorRegister(ByteRegister):
    """Bus error register (control space 6). Any access clears it, as Sun's kernels expect, who read it once
    for each fault; the drivers' comments contradict each other about that."""

    register: BusErrorBits

    def __init__(self) -> None:
        super().__init__(BusErrorBits())

    def latch(self, cause: int) -> None:
        """Record the cause of a bus error (a mask such as BusErrorBits.INVALID): the latest one is kept."""
        self.register.value = cause

    def read(self, offset: int, size: int) -> int:
        value = self.register.value
        self.register.value = 0
        return value

    def write(self, offset: int, size: int, value: int) -> None:
        self.register.value = 0


class Leds(ByteRegister):
    """Diagnostic LEDs (control space 7): eight of them on the board's edge, lit by zeros. `show` hears of
    every change with their state as a row of characters, bit 7 first."""

    def __init__(self, show: Callable[[str], None] | None = None) -> None:
        super().__init__(LedBits())
        self.show = show

    def write(self, offset: int, size: int, value: int) -> None:
        if self.register.write(value) and self.show:
            self.show(self.picture)

    @property
    def picture(self) -> str:
        """`*` for a lit LED, `.` for a dark one."""
        return "".join(".*"[not self.register.value >> bit & 1] for bit in range(7, -1, -1))


class LedBits(Register):
    """A zero lights its LED: all are lit after reset."""

    LEDS = RW(0xFF)


class IdProm:
    """ID PROM (control space 0): 32 bytes that repeat through its range."""

    width = 1

    def __init__(self, image: bytes) -> None:
        if len(image) != 32:
            raise ValueError(f"an ID PROM has 32 bytes, not {len(image)}")
        self.image = image

    def read(self, offset: int, size: int) -> int:
        return self.image[offset & 31]

    def peek(self, offset: int, size: int) -> int:
        return int.from_bytes(bytes(self.image[at & 31] for at in range(offset, offset + size)), "big")

    def write(self, offset: int, size: int, value: int) -> None:
        """A PROM takes no notice."""


class InterruptBits(Register):
    """Interrupt register (on-board I/O 0x0A0000)."""

    CLOCK_7 = RW(0x80)
    UNUSED = TAG(0x40)
    CLOCK_5 = RW(0x20)
    VIDEO = RW(0x10)
    SOFT_3 = RW(0x08)
    SOFT_2 = RW(0x04)
    SOFT_1 = RW(0x02)
    ENABLE = RW(0x01)


CLOCKS = InterruptBits.CLOCK_5 | InterruptBits.CLOCK_7
OWN_BITS = {
    1: InterruptBits.SOFT_1,
    2: InterruptBits.SOFT_2,
    3: InterruptBits.SOFT_3,
    5: InterruptBits.CLOCK_5,
    7: InterruptBits.CLOCK_7,
}
"""The register's own interrupt of each level: the bit has its number."""
SOFT = InterruptBits.SOFT_1 | InterruptBits.SOFT_2 | InterruptBits.SOFT_3


class InterruptRegister(ByteRegister):
    """The interrupt register and the priority encoder behind it.

    It gathers the wires of the buses (`listen`), the soft interrupts and the clock, and tells the board the
    level to show the processor (`changed_level`). Soft interrupts stay until software clears their bits.
    The clock's wire sets a flip-flop for level 5 or 7, and only a zero in the enable bit resets it: that is
    why handlers read the clock's status and then pulse the bit. Level 4 on board (video) needs its bit; VME
    boards do not. On-board interrupts are autovectored, but for the Z8530s', who drive their own vectors
    unless `scc_vectors` is false.
    """

    register: InterruptBits

    def __init__(self, changed_level: Callable[[int], None] | None = None, scc_vectors: bool = True) -> None:
        super().__init__(InterruptBits())
        self.changed_level = changed_level
        self.scc_vectors = scc_vectors
        self._buses: list[tuple[Bus, bool]] = []
        self._clock = False
        self._flip_flops = 0  #: of CLOCK_5 and CLOCK_7
        self._level = 0

    def listen(self, bus: Bus, onboard: bool = True) -> None:
        """Take the interrupts of a bus. The order of calls is the order in which buses answer an acknowledge
        cycle."""
        self._buses.append((bus, onboard))
        bus.on_interrupt(self._edge)

    def level(self) -> int:
        """What the priority encoder shows: 0 … 7."""
        return self._level

    def acknowledge(self, level: int) -> int | None:
        """The vector that a VME board or a Z8530 drives for a level; None is an autovector."""
        if self._own(level):
            return None
        for bus, onboard in self._buses:
            if self._wired(bus, onboard, level):
                asked = not onboard or (level == SCC_LEVEL and self.scc_vectors)
                return bus.acknowledge(level) if asked else None
        return None

    def write(self, offset: int, size: int, value: int) -> None:
        old = self.register.value
        self.register.write(value)
        self._flip_flops &= self.register.value
        if self._clock:
            self._flip_flops |= self.register.value & ~old & CLOCKS
        self._update()

    def reset(self) -> None:
        """All interrupts off."""
        self.register.reset()
        self._flip_flops = 0
        self._update()

    def _edge(self, ipl: IPL, level: bool, source: str, vector: Vector | None) -> None:
        if ipl == CLOCK_SIGNAL:
            self._clock = level
            if level:
                self._flip_flops |= self.register.value & CLOCKS
        self._update()

    def _own(self, level: int) -> bool:
        """Does the register itself ask for a level?"""
        bit = OWN_BITS.get(level, 0)
        return bool(bit & (self._flip_flops if bit & CLOCKS else self.register.value))

    def _wired(self, bus: Bus, onboard: bool, level: int) -> bool:
        """Does a device on a bus ask for a level, and may it?"""
        if onboard and level == VIDEO_LEVEL and not self.register.VIDEO:
            return False
        return bus.pending(level)

    def _update(self) -> None:
        value, level = self.register.value, 0
        if value & InterruptBits.ENABLE:
            asked = value & SOFT | self._flip_flops  # bit n is of level n
            for bus, onboard in self._buses:
                hidden = onboard and not value & InterruptBits.VIDEO
                asked |= bus.levels & ~(1 << VIDEO_LEVEL) if hidden else bus.levels
            level = (asked & ENCODED).bit_length() - 1 if asked & ENCODED else 0
        if level != self._level:
            self._level = level
            if self.changed_level:
                self.changed_level(level)


class MemoryErrorBits(Register):
    """Memory error control, parity boards. Writing the address register clears the error."""

    PENDING = RO(0x80)
    ENABLE = RW(0x40)
    TEST = RW(0x20)
    CHECK = RW(0x10)
    LANES = RO(0x0F)


class MemoryErrorRegister:
    """Memory error register (on-board I/O 0x080000): control byte at +0, fault address at +4.

    Level 7 through `irq(level)`; `test(on)` hears of the bit that writes wrong parity. The address holds
    bit 31 for a DVMA cycle, the context in bits 30-28 and the virtual address below. Reading the control
    byte clears nothing; a write to +4 unlatches, as NetBSD's handler expects.
    """

    width = 4

    def __init__(
        self, irq: Callable[[bool], None] | None = None, test: Callable[[bool], None] | None = None
    ) -> None:
        self.control = MemoryErrorBits()
        self.address = 0
        self.irq = irq
        self.test = test

    def reset(self) -> None:
        """Nothing latched, nothing enabled."""
        self.control.reset()
        self.address = 0
        if self.test:
            self.test(False)
        self._update()

    def read(self, offset: int, size: int) -> int:
        image = bytes((self.control.peek(), 0, 0, 0)) + self.address.to_bytes(4, "big")
        return int.from_bytes((image * 2)[offset & 7 :][:size], "big")

    peek = read

    def write(self, offset: int, size: int, value: int) -> None:
        offset &= 7
        if offset == 0:
            changed = self.control.write(value >> 8 * (size - 1))
            if changed & MemoryErrorBits.TEST and self.test:
                self.test(bool(self.control.TEST))
        elif offset <= 4 < offset + size:
            self.control.PENDING = self.control.LANES = 0
            self.address = 0
        self._update()

    def latch(self, lanes: int, address: int, context: int = 0, dvma: bool = False) -> None:
        """A parity error in some byte lanes (8: D31-24 … 1: D7-0). The first one is kept; only while
        checking."""
        if not self.control.CHECK or self.control.PENDING:
            return
        self.control.PENDING = 1
        self.control.LANES = lanes
        self.address = dvma << 31 | (context & 7) << 28 | address & 0x0FFF_FFFF
        self._update()

    def _update(self) -> None:
        if self.irq:
            self.irq(bool(self.control.PENDING and self.control.ENABLE))
