"""host/posix/tape: a tape's contents, kept in host files.

    tape0 at st0: tme/host/posix/tape
    command tape0 load read-only tape/01 tape/02 tape/03.gz
    command tape0 load backup.tap
    command tape0 unload

Each file of the list is one tape file; a SIMH `.tap` image is a whole tape; see `devices.host.reel`. What was
written is brought to the host's disk at file marks, rewinds and `unload`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.host.reel import Reel, open_reel
from tme.args import Args, Flag, Positional, path
from tme.element import Element
from tme.errors import TmeError
from tme.port import Port

if TYPE_CHECKING:
    from tme.machine import Machine

LOAD = (
    Flag("read-only", help="refuse the guest's writes"),
    Positional("FILE", path, repeat=True, help="the files of the tape, or a .tap image"),
)


class ReelPort(Port):
    """The medium's end of the connection to a drive."""

    element: Tape

    @property
    def medium(self) -> Reel | None:
        """What is loaded."""
        return self.element.reel

    def eject(self) -> None:
        """The guest asks for it."""
        self.element.unload()


class Tape(Element):
    """A tape's medium."""

    module = "host/posix/tape"
    summary = "the contents of a tape: host files, or a SIMH .tap image; `command NAME load` puts it in"

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.reel: Reel | None = None
        self.names: list[str] = []
        self.port = ReelPort(self, "tape", "image", args)

    def ports(self, args: Args) -> list[Port]:
        return [self.port]

    def unload(self) -> None:
        """Take the tape out."""
        reel, self.reel = self.reel, None
        if reel is not None:
            try:
                reel.sync()
            except OSError as error:
                raise self.error(f"cannot bring the tape to the host's disk: {error.strerror}") from None
            finally:
                reel.close()

    def command(self, words: list[str]) -> str | None:
        match words:
            case ["load", *rest] if rest:
                if self.reel is not None:
                    raise TmeError(f"{self.name} has a tape loaded; `command {self.name} unload` first")
                args = Args.parse(rest, LOAD, subject=f"command {self.name} load")
                self.reel = open_reel(args["FILE"], "read-only" in args)
                self.names = [str(file) for file in args["FILE"]]
                if self.port.peer is not None:
                    self.port.peer.medium_changed()
            case ["unload"]:
                if self.reel is None:
                    raise TmeError(f"nothing is loaded in {self.name}")
                self.unload()
            case ["status"]:
                reel = self.reel
                if reel is None:
                    return "nothing is loaded"
                mode = ", read-only" if reel.read_only else ""
                return f"{' '.join(self.names)}{mode}; at file {reel.file}, byte {reel.offset}"
            case _:
                raise TmeError(
                    f"usage: command {self.name} load [read-only] FILE...\n"
                    f"       command {self.name} {{unload|status}}"
                )
        return None

    def close(self) -> None:
        self.unload()
