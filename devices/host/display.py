"""host/display: a screen, keyboard and mouse without a window.

    display0: tme/host/display
    display0 at bwtwo0
    display0 at keyboard0
    display0 at mouse0

It stands for TME's displays (`host/gtk/display`, `host/sdl/display`, `host/rfb/display`) too, so that
descriptions with one run here. `screenshot` saves what it shows, `command keyboard0 type …` presses keys.
"""

from __future__ import annotations

from pathlib import Path

from tme.args import Args, Positional
from tme.element import Element
from tme.errors import TmeError
from tme.framebuffer import FramebufferPort, save
from tme.paths import resolve
from tme.port import Port

KINDS = ("framebuffer", "keyboard", "mouse")


class Display(Element):
    """Any number of screens, keyboards and mice may be at it."""

    module = "host/display"
    summary = "a display without a window: `command display0 screenshot FILE.png`"

    def ports(self, args: Args) -> list[Port]:
        return [Port(self, kind, "display") for kind in KINDS]

    def command(self, words: list[str]) -> str | None:
        match words:
            case ["screenshot", file]:
                save(self._screen().picture(), Path(resolve(file, None)))
            case _:
                raise TmeError(f"usage: command {self.name} screenshot FILE.png")
        return None

    def _screen(self) -> FramebufferPort:
        """The frame buffer that was connected first."""
        for port in self.connections:
            if isinstance(port.peer, FramebufferPort):
                return port.peer
        raise TmeError(f"{self.name} shows no frame buffer; connect one, as in `{self.name} at bwtwo0`")


class WindowDisplay(Display):
    """One of TME's displays with a window, which is not shown."""

    summary = "TME's display; here without a window, as host/display"
    params = (Positional("HINTS", required=False, repeat=True, help="of SDL; not used"),)

    def realize(self) -> None:
        self.log("no window is shown; `screenshot FILE.png` and --screenshot save what is on the screen")


class GtkDisplay(WindowDisplay):
    module = "host/gtk/display"


class SdlDisplay(WindowDisplay):
    module = "host/sdl/display"


class RfbDisplay(WindowDisplay):
    module = "host/rfb/display"
