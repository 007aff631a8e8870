"""What disks and CD-ROMs have in common: logical units with blocks, and commands for them.

An image (see devices.host.disk) is connected to each logical unit: `disk0 at sd0 lun 0 block-size 512`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from devices.scsi.sense import (
    CHANGED,
    INVALID_FIELD,
    NO_MEDIUM,
    PROTECTED,
    Check,
    beyond_end,
    read_error,
    write_error,
)
from devices.scsi.target import Receive, Reply, Target
from tme.args import Args, Param, number, size
from tme.errors import TmeError
from tme.port import Port

if TYPE_CHECKING:
    from tme.machine import Machine

LUNS = 8


class Drive(Port):
    """One logical unit's connection to a medium of the host. `peer.medium` is what is loaded, or None."""

    element: Any
    peer: Any

    def __init__(self, element: Target, kind: str, args: Args, lun: int, block: int) -> None:
        super().__init__(element, kind, "drive", args)
        self.lun = lun
        self.block = block
        self.new_medium = False  #: the guest has not heard of it yet

    def attached(self) -> None:
        self.element.units[self.lun] = self

    def detach(self) -> None:
        self.element.units.pop(self.lun, None)

    @property
    def medium(self) -> Any:
        """What is loaded, or None."""
        return self.peer.medium if self.peer is not None else None

    def medium_changed(self) -> None:
        """The host side has loaded or unloaded something."""
        self.new_medium = True


def free_lun(element: Any, args: Args) -> int:
    """The unit that connection arguments ask for, or the first free one."""
    lun: int = args.get("lun", next((n for n in range(LUNS) if n not in element.units), 0))
    if not 0 <= lun < LUNS:
        raise TmeError(f"{element.name} has logical units 0 to {LUNS - 1}, not {lun}")
    if lun in element.units:
        other = element.units[lun].peer.element.name
        raise TmeError(f"logical unit {lun} of {element.name} is {other} already; write `lun N` for another")
    return lun


class BlockTarget(Target):
    """A disk or CD-ROM."""

    conn_params = (
        Param("lun", number, help="logical unit, 0 to 7"),
        Param("block-size", size, help="bytes of a block"),
    )
    default_block: ClassVar[int] = 512
    removable: ClassVar[bool] = False
    always_read_only: ClassVar[bool] = False

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.units: dict[int, Drive] = {}

    def ports(self, args: Args) -> list[Port]:
        block = args.get("block-size", self.default_block)
        if not 256 <= block <= 4096 or block & (block - 1):
            raise TmeError(f"{self.name}: a block has 256, 512, 1024, 2048 or 4096 bytes, not {block}")
        chosen = "lun" in args or "block-size" in args
        ports: list[Port] = [] if chosen else [self.port]
        if chosen or len(self.units) < LUNS:
            ports.append(Drive(self, "disk", args, free_lun(self, args), block))
        return ports

    def has_lun(self, lun: int) -> bool:
        return lun in self.units

    def bus_reset(self) -> None:
        super().bus_reset()
        for unit in self.units.values():
            unit.new_medium = False

    def check_unit(self, opcode: int) -> None:
        unit = self.units.get(self.lun)
        if unit is None or opcode in (0x03, 0x12):
            return
        if unit.new_medium:
            unit.new_medium = False
            raise Check(CHANGED)
        if unit.medium is None:
            raise Check(NO_MEDIUM)

    # ---- blocks -------------------------------------------------------------------------------------------

    @property
    def unit(self) -> Drive:
        """The logical unit of the present command."""
        return self.units[self.lun]

    @property
    def read_only(self) -> bool:
        """Whether the medium is protected."""
        return self.always_read_only or self.unit.medium.read_only

    @property
    def blocks(self) -> int:
        """How many whole blocks the medium has."""
        count: int = self.unit.medium.size // self.unit.block
        return count

    def span(self, block: int, count: int) -> None:
        """Raise Check when blocks are behind the end."""
        if block + count > self.blocks:
            raise Check(beyond_end(max(block, self.blocks)))

    def read_blocks(self, block: int, count: int) -> bytes:
        """Their contents."""
        self.span(block, count)
        length = self.unit.block
        try:
            data: bytes = self.unit.medium.read(block * length, count * length)
        except OSError as error:
            self.log(f"cannot read block {block}: {error.strerror}")
            raise Check(read_error(block)) from None
        return data

    def write_blocks(self, block: int, data: bytes) -> None:
        """Store whole blocks; when this returns they are on the image."""
        try:
            self.unit.medium.write(block * self.unit.block, data)
        except OSError as error:
            self.log(f"cannot write block {block}: {error.strerror}")
            raise Check(write_error(block)) from None

    def _read(self, block: int, count: int) -> Reply:
        return self.read_blocks(block, count)

    def _write(self, block: int, count: int, compare: bool = False) -> Reply:
        if self.read_only:
            raise Check(PROTECTED)
        self.span(block, count)

        def store(data: bytes) -> Reply:
            self.write_blocks(block, data)
            return None

        return Receive(count * self.unit.block, store)

    # ---- commands -----------------------------------------------------------------------------------------

    def read_6(self, cdb: bytes) -> Reply:
        return self._read(address_6(cdb), cdb[4] or 256)

    def write_6(self, cdb: bytes) -> Reply:
        return self._write(address_6(cdb), cdb[4] or 256)

    def read_10(self, cdb: bytes) -> Reply:
        return self._read(*address_10(cdb))

    def write_10(self, cdb: bytes) -> Reply:
        return self._write(*address_10(cdb))

    def verify(self, cdb: bytes) -> Reply:
        block, count = address_10(cdb)
        if cdb[1] & 2:
            raise Check(INVALID_FIELD)  # a comparison of bytes
        self.read_blocks(block, count)
        return None

    def seek_6(self, cdb: bytes) -> Reply:
        self.span(address_6(cdb), 1)
        return None

    def seek_10(self, cdb: bytes) -> Reply:
        self.span(address_10(cdb)[0], 1)
        return None

    def read_capacity(self, cdb: bytes) -> Reply:
        return (self.blocks - 1).to_bytes(4, "big") + self.unit.block.to_bytes(4, "big")

    def synchronize(self, cdb: bytes) -> Reply:
        try:
            self.unit.medium.sync()
        except OSError as error:
            self.log(f"cannot synchronize: {error.strerror}")
            raise Check(write_error()) from None
        return None

    # ---- mode pages ---------------------------------------------------------------------------------------

    def mode_pages(self) -> Iterator[tuple[int, bytes]]:
        """(page code, parameters behind the page's length byte)."""
        yield from ()

    def mode_header(self) -> tuple[int, int]:
        """Medium type and device-specific parameter."""
        return 0, 0x80 if self.read_only else 0

    def mode_sense(self, cdb: bytes) -> Reply:
        wanted = cdb[2] & 0x3F
        pages = b"".join(
            bytes((code, len(data))) + (bytes(len(data)) if cdb[2] >> 6 == 1 else data)
            for code, data in self.mode_pages()
            if wanted in (code, 0x3F)
        )
        if wanted and not pages:
            raise Check(INVALID_FIELD)
        descriptor = b""
        if not cdb[1] & 8:
            descriptor = min(self.blocks, 0xFF_FFFF).to_bytes(4, "big") + self.unit.block.to_bytes(4, "big")
        medium, specific = self.mode_header()
        body = bytes((medium, specific, len(descriptor))) + descriptor + pages
        return (bytes((len(body),)) + body)[: cdb[4]]


def address_6(cdb: bytes) -> int:
    """The block address of a six-byte command."""
    return int.from_bytes(cdb[1:4], "big") & 0x1F_FFFF


def address_10(cdb: bytes) -> tuple[int, int]:
    """Block address and count of a ten-byte command."""
    return int.from_bytes(cdb[2:6], "big"), int.from_bytes(cdb[7:9], "big")
