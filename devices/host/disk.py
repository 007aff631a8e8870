"""host/posix/disk: a disk's contents, kept in a raw image or block device of the host.

    disk0 at sd0: tme/host/posix/disk file sun3.img
    disk1 at sd1: tme/host/posix/disk file new.img size 300MB
    command disk0 unload
    command disk0 load other.img read-only

An image is locked while it is loaded. A write is on the image before the guest is told that it is done, so
nothing acknowledged is lost when the emulator ends, however it ends; SYNCHRONIZE CACHE, `unload` and the end
of the machine also wait for the host's disk, and with `sync write` every write does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from devices.host.image import Image
from tme.args import Args, Flag, Param, Positional, choice, number, path, size
from tme.element import Element
from tme.errors import TmeError
from tme.port import Port

if TYPE_CHECKING:
    from tme.machine import Machine

LOAD = (
    Positional("FILE", path, help="the image"),
    Flag("read-only", help="refuse the guest's writes"),
)


class ImagePort(Port):
    """The medium's end of the connection to a drive."""

    element: Disk

    @property
    def medium(self) -> Image | None:
        """What is loaded."""
        return self.element.image

    @property
    def locked(self) -> bool:
        """The guest prevents removal."""
        return self.element.locked

    @locked.setter
    def locked(self, locked: bool) -> None:
        self.element.locked = locked

    def eject(self) -> None:
        """The guest asks for it."""
        self.element.unload()


class Disk(Element):
    """A disk's medium."""

    module = "host/posix/disk"
    summary = "the contents of a disk: a raw image or a block device"
    params = (
        Param("file", path, help="the image; without it nothing is loaded at first"),
        Flag("read-only", help="refuse the guest's writes"),
        Param("size", size, help="make the image, sparse, of this size when there is none"),
        Param("sync", choice("command", "write"), default="command", help="when to wait for the host's disk"),
        # The host's page cache does what these asked for; descriptions written for TME have them.
        Param("buffers", number, help="accepted, has no effect"),
        Param("read-behind", size, help="accepted, has no effect"),
        Param("read-ahead", size, help="accepted, has no effect"),
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.image: Image | None = None
        self.locked = False
        self.port = ImagePort(self, "disk", "image", args)
        if "file" in args:
            try:
                self._load(args["file"], "read-only" in args, args["size"])
            except TmeError as error:
                raise self.error(error.message) from None
        elif "size" in args:
            raise self.error("`size` is the size of an image: write `file FILE` too")

    def ports(self, args: Args) -> list[Port]:
        return [self.port]

    def _load(self, file: Path, read_only: bool, length: int | None = None) -> None:
        durable = self.args["sync"] == "write"
        self.image = Image(file, read_only=read_only, size=length, durable=durable)

    def unload(self) -> None:
        """Take the medium out; the guest finds a drive that is not ready."""
        image, self.image = self.image, None
        self.locked = False
        if image is None:
            return
        try:
            image.close()
        except OSError as error:
            raise self.error(f"cannot bring {image.path} to the host's disk: {error.strerror}") from None

    def command(self, words: list[str]) -> str | None:
        match words:
            case ["load", *rest] if rest:
                if self.image is not None:
                    raise TmeError(
                        f"{self.name} has {self.image.path} loaded; `command {self.name} unload` first"
                    )
                args = Args.parse(rest, LOAD, subject=f"command {self.name} load")
                self._load(args["FILE"], "read-only" in args)
                if self.port.peer is not None:
                    self.port.peer.medium_changed()
            case ["unload"]:
                if self.image is None:
                    raise TmeError(f"nothing is loaded in {self.name}")
                if self.locked:
                    raise TmeError(
                        f"the guest holds {self.image.path} in {self.name}: unmount it there first"
                    )
                self.unload()
            case ["status"]:
                if self.image is None:
                    return "nothing is loaded"
                mode = ", read-only" if self.image.read_only else ""
                return f"{self.image.path}, {self.image.size} bytes{mode}"
            case _:
                raise TmeError(
                    f"usage: command {self.name} load FILE [read-only]\n"
                    f"       command {self.name} {{unload|status}}"
                )
        return None

    def close(self) -> None:
        self.unload()
