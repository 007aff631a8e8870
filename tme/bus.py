"""Address maps and buses: who answers at an address, who interrupts, who may master the bus.

A bus cycle is `read(offset, size)` or `write(offset, size, value)` on a *target*. Values are big-endian: the
byte at the lowest address is the most significant. A target states the width of its port in bytes; wider or
misaligned accesses are split as the dynamic bus sizing of a 680x0 does: naturally aligned pieces, lowest
address first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, runtime_checkable

from tme.errors import TmeError
from tme.line import Line
from tme.memory import Memory


@runtime_checkable
class Target(Protocol):
    """What answers bus cycles. `offset` counts from the base of the target's region.

    What guests poll should say so: `steady(offset, size)` tells, of an aligned access no wider than the port,
    what every such read finds, without any effect, until a write to any device, a read that is not steady
    itself, or something between instructions: an event, an interrupt, input of the host. None: no promise.
    """

    width: int  #: port width in bytes: 1, 2, 4 or 8

    def read(self, offset: int, size: int) -> int: ...

    def write(self, offset: int, size: int, value: int) -> None: ...

    def peek(self, offset: int, size: int) -> int:
        """What a read would give, without any of its side effects (debuggers, traces)."""
        ...


class BusError(Exception):
    """A refused cycle. `timeout` is true when nothing answered, false when the target itself refused."""

    def __init__(self, address: int, timeout: bool = True) -> None:
        super().__init__(f"{'no answer' if timeout else 'refused'} at {address:#x}")
        self.address = address
        self.timeout = timeout


class Region(NamedTuple):
    """A range of an address map and what answers in it."""

    base: int
    size: int
    target: Target
    owner: str

    @property
    def range(self) -> str:
        """The addresses as people write them."""
        return f"{self.base:#x}-{self.base + self.size - 1:#x}"


def split(offset: int, size: int, width: int) -> Iterator[tuple[int, int]]:
    """The (offset, size) pieces of an access on a port `width` bytes wide: each naturally aligned."""
    end = offset + size
    while offset < end:
        piece = min(width, offset & -offset if offset else width)
        while piece > end - offset:
            piece >>= 1
        yield offset, piece
        offset += piece


class AddressMap:
    """Regions of one address space, sorted and never overlapping."""

    def __init__(self, size: int, name: str = "bus") -> None:
        self.name = name
        self.size = size
        self.version = 0  #: increments on every change, so that translated addresses can be cached
        self._bases: list[int] = []
        self._regions: list[Region] = []

    def add(self, base: int, size: int, target: Target, owner_name: str) -> None:
        """Let `target` answer at base … base+size-1; TmeError names both owners of an overlap."""
        new = Region(base, size, target, owner_name)
        if size <= 0:
            raise TmeError(f"{owner_name} has no size, so it cannot be placed on {self.name}")
        if base < 0 or base + size > self.size:
            raise TmeError(
                f"{owner_name} at {new.range} does not fit on {self.name}, which ends at {self.size - 1:#x}"
            )
        at = bisect_right(self._bases, base)
        for other in self._regions[max(at - 1, 0) : at + 1]:
            if other.base < base + size and base < other.base + other.size:
                raise TmeError(
                    f"{owner_name} at {new.range} overlaps {other.owner} at {other.range} on {self.name}; "
                    "move one of them"
                )
        self._bases.insert(at, base)
        self._regions.insert(at, new)
        self.version += 1

    def remove(self, owner_name: str, base: int | None = None) -> None:
        """Take every region of an owner (or only the one at `base`) off the map."""
        keep = [r for r in self._regions if r.owner != owner_name or base not in (None, r.base)]
        if len(keep) != len(self._regions):
            self._regions = keep
            self._bases = [r.base for r in keep]
            self.version += 1

    def regions(self) -> list[Region]:
        """All regions in order of address."""
        return list(self._regions)

    def memories(self) -> list[tuple[int, int, Memory]]:
        """(base, size, Memory) of every region that is plain host memory."""
        return [(r.base, r.size, r.target) for r in self._regions if isinstance(r.target, Memory)]

    def find(self, address: int) -> tuple[int, int, Target] | None:
        """The (base, size, target) that answers at an address, or None."""
        at = bisect_right(self._bases, address) - 1
        if at < 0:
            return None
        base, size, target, _ = self._regions[at]
        return (base, size, target) if address - base < size else None

    def owner_at(self, address: int) -> str | None:
        """Name of what answers at an address."""
        return next((r.owner for r in self._regions if 0 <= address - r.base < r.size), None)

    def read(self, address: int, size: int) -> int:
        """One read access of any size and alignment; BusError when nothing answers."""
        at = bisect_right(self._bases, address) - 1
        if at >= 0:  # as in `find`, without its call: guests poll
            base, length, target, _ = self._regions[at]
            offset = address - base
            if size <= target.width and not offset & (size - 1) and offset + size <= length:
                return target.read(offset, size)
        value = 0
        for at, piece in self._pieces(address, size):
            value = value << (piece * 8) | self.read(at, piece)
        return value

    def write(self, address: int, size: int, value: int) -> None:
        """One write access of any size and alignment; BusError when nothing answers."""
        found = self.find(address)
        if found is None:
            raise BusError(address)
        base, length, target = found
        offset = address - base
        if size <= target.width and not offset & (size - 1) and offset + size <= length:
            return target.write(offset, size, value)
        end = address + size
        for at, piece in self._pieces(address, size):
            self.write(at, piece, value >> (end - at - piece) * 8 & (1 << piece * 8) - 1)

    def peek(self, address: int, size: int) -> int:
        """A read without side effects; BusError when nothing answers."""
        value = 0
        for at, piece in self._pieces(address, size):
            found = self.find(at)
            if found is None:
                raise BusError(at)
            value = value << (piece * 8) | found[2].peek(at - found[0], piece)
        return value

    def steady(self, address: int, size: int) -> int | None:
        """What every such read finds from now on, see Target; None: nothing is promised."""
        found = self.find(address)
        if found is None:
            return None
        base, length, target = found
        offset = address - base
        tell = getattr(target, "steady", None)
        if tell is None or size > target.width or offset & size - 1 or offset + size > length:
            return None
        value: int | None = tell(offset, size)
        return value

    def _pieces(self, address: int, size: int) -> Iterator[tuple[int, int]]:
        """The (address, size) accesses that an access becomes, across ports and regions."""
        end = address + size
        while address < end:
            found = self.find(address)
            if found is None:
                raise BusError(address)
            base, length, target = found
            within = min(end, base + length) - address
            for offset, piece in split(address - base, within, target.width):
                yield base + offset, piece
            address += within


IPL = int | str  #: an interrupt level, or the name of a dedicated wire such as "clock"
Vector = Callable[[], int | None]
InterruptHandler = Callable[[IPL, bool, str, Vector | None], None]


class Interrupts:
    """The interrupt wires of one bus: each level is the OR of its sources."""

    def __init__(self) -> None:
        self._asserted: dict[IPL, dict[str, Vector | None]] = {}
        self._handlers: list[InterruptHandler] = []
        self.levels = 0  #: bit n: somebody requests level n

    def on_interrupt(self, handler: InterruptHandler) -> None:
        """Call `handler(ipl, level, source, vector)` for every edge of every source."""
        self._handlers.append(handler)

    def interrupt(self, ipl: IPL, source: str, level: bool, vector: Vector | None = None) -> None:
        """A source raises or drops its request at a level."""
        sources = self._asserted.setdefault(ipl, {})
        if level is (source in sources):
            return
        if level:
            sources[source] = vector
        else:
            del sources[source]
        if isinstance(ipl, int):
            self.levels = self.levels | 1 << ipl if sources else self.levels & ~(1 << ipl)
        for handler in self._handlers:
            handler(ipl, level, source, vector)

    def pending(self, ipl: IPL) -> bool:
        """Does anyone request this level?"""
        return bool(self._asserted.get(ipl))

    def acknowledge(self, ipl: IPL) -> int | None:
        """The vector of the first source at this level that drives one; None means autovector."""
        for vector in tuple(self._asserted.get(ipl, {}).values()):
            number = vector() if vector else None
            if number is not None:
                return number
        return None

    def line(self, ipl: IPL, source: str, vector: Vector | None = None) -> Line:
        """A Line whose level is this source's request."""
        return Line(f"{source} ipl {ipl}", lambda level: self.interrupt(ipl, source, level, vector))


class Bus(AddressMap, Interrupts):
    """An address map with interrupt wires and, where the board offers it, access for other masters."""

    def __init__(self, size: int, name: str = "bus") -> None:
        AddressMap.__init__(self, size, name)
        Interrupts.__init__(self)
        self._dma_read: Callable[[int, int], bytes] | None = None
        self._dma_write: Callable[[int, bytes], None] | None = None

    def set_dma(self, read: Callable[[int, int], bytes], write: Callable[[int, bytes], None]) -> None:
        """The board's handlers for cycles of other masters; they raise BusError as any target does."""
        self._dma_read, self._dma_write = read, write

    def dma_read(self, address: int, count: int) -> bytes:
        """A master on this bus reads guest memory."""
        if self._dma_read is None:
            raise BusError(address)
        return self._dma_read(address, count)

    def dma_write(self, address: int, data: bytes) -> None:
        """A master on this bus writes guest memory."""
        if self._dma_write is None:
            raise BusError(address)
        self._dma_write(address, data)
