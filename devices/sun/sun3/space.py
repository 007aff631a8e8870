"""Control space of a Sun-3 (function code 3): what the top four bits of an address select.

0 ID PROM   1 page map   2 segment map   3 context   4 system enable   5 user DVMA enable
6 bus error register     7 diagnostic LEDs            F serial chip, past the MMU
"""

from __future__ import annotations

from collections.abc import Callable

from devices.sun.sun3.control import BusErrorRegister, ByteRegister, Context
from devices.sun.sun3.mmu import VA_MASK, Sun3Mmu
from tme.bus import Bus, BusError, Target, split

ID_PROM, PAGE_MAP, SEGMENT_MAP, CONTEXT, ENABLE, USER_DVMA, BUS_ERROR, LEDS = range(8)
SERIAL_BYPASS = 15
NAMES = {
    ID_PROM: "ID PROM", PAGE_MAP: "page map", SEGMENT_MAP: "segment map", CONTEXT: "context",
    ENABLE: "enable", USER_DVMA: "user DVMA", BUS_ERROR: "bus error", LEDS: "LEDs",
    SERIAL_BYPASS: "serial bypass",
}  # fmt: skip
"""For people."""
SERIAL_OBIO = 0x02_0000


class ControlSpace:
    """Sixteen devices by number; wide accesses are split at their ports as on any bus."""

    def __init__(self, devices: dict[int, Target]) -> None:
        self.devices = devices

    def read(self, va: int, size: int) -> int:
        """A MOVES from `va`; BusError when nothing is there."""
        device = self._find(va)
        if size <= device.width and not va & size - 1:
            return device.read(va & VA_MASK, size)
        value = 0
        for offset, piece in split(va & VA_MASK, size, device.width):
            value = value << 8 * piece | device.read(offset, piece)
        return value

    def write(self, va: int, size: int, value: int) -> None:
        """A MOVES to `va`; BusError when nothing is there."""
        device = self._find(va)
        if size <= device.width and not va & size - 1:
            return device.write(va & VA_MASK, size, value)
        start = va & VA_MASK
        for offset, piece in split(start, size, device.width):
            shift = 8 * (start + size - offset - piece)
            device.write(offset, piece, value >> shift & (1 << 8 * piece) - 1)

    def steady(self, va: int, size: int) -> int | None:
        """See tme.bus.Target; of the serial chip alone."""
        device = self.devices.get(va >> 28)
        return device.steady(va & VA_MASK, size) if isinstance(device, SerialBypass) else None

    def _find(self, va: int) -> Target:
        device = self.devices.get(va >> 28)
        if device is None:
            raise BusError(va)
        return device


class BusErrorView(BusErrorRegister):
    """The bus error register; its value lives in the MMU's struct, where native code latches causes."""

    def __init__(self, mmu: Sun3Mmu) -> None:
        super().__init__()
        self.mmu = mmu

    def latch(self, cause: int) -> None:
        self.mmu.state.bus_error = cause

    def peek(self, offset: int, size: int) -> int:
        return int(self.mmu.state.bus_error)

    def read(self, offset: int, size: int) -> int:
        value = int(self.mmu.state.bus_error)
        self.mmu.state.bus_error = 0
        return value

    def write(self, offset: int, size: int, value: int) -> None:
        self.mmu.state.bus_error = 0


class ContextView(ByteRegister):
    """The context register; its value lives in the MMU's struct, where native code may have changed it."""

    def __init__(self, mmu: Sun3Mmu, changed: Callable[[int], None]) -> None:
        super().__init__(Context())
        self.mmu = mmu
        self.switched = changed

    def read(self, offset: int, size: int) -> int:
        return int(self.mmu.state.context)

    def peek(self, offset: int, size: int) -> int:
        return self.read(offset, size) * 0x0101_0101 & (1 << 8 * size) - 1

    def write(self, offset: int, size: int, value: int) -> None:
        value &= Context.CONTEXT
        if value != self.mmu.state.context:
            self.mmu.state.context = value
            self.switched(value)


class SerialBypass:
    """The console's serial chip without the MMU, for the first self-tests of a PROM."""

    width = 1

    def __init__(self, obio: Bus) -> None:
        self.obio = obio

    def read(self, offset: int, size: int) -> int:
        return self.obio.read(SERIAL_OBIO | offset & 7, size)

    def peek(self, offset: int, size: int) -> int:
        return self.obio.peek(SERIAL_OBIO | offset & 7, size)

    def steady(self, offset: int, size: int) -> int | None:
        return self.obio.steady(SERIAL_OBIO | offset & 7, size)

    def write(self, offset: int, size: int, value: int) -> None:
        self.obio.write(SERIAL_OBIO | offset & 7, size, value)
