"""serial/mouse: a Sun mouse, in the five-byte protocol of Mouse Systems.

    mouse0 at zs1 channel B: tme/serial/mouse type mousesystems-5
    command mouse0 move 10 -5 left

1200 baud, 8 bits: 80 | buttons (4 left, 2 middle, 1 right; a zero is down), then twice how far to the right
and up. Distances that look like a first byte are not sent.

Source: NetBSD sys/dev/sun/ms.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.serial.queue import SendQueue
from tme.args import Args, Param, choice
from tme.element import Element
from tme.errors import TmeError, did_you_mean
from tme.port import Port, SerialPort

if TYPE_CHECKING:
    from tme.machine import Machine

BUTTONS = {"left": 4, "middle": 2, "right": 1}
SYNC = 0x80
FURTHEST = 0x6F
"""The longest movement of one report: its negative is 91, behind what looks like a first byte."""
FARTHEST = 1 << 16
"""The longest movement of one call."""
USAGE = "usage: command {0} move DX DY [left] [middle] [right]"


class Mouse(Element):
    """The mouse; programs move it with `move`."""

    module = "serial/mouse"
    summary = "a Sun mouse; `command mouse0 move DX DY [left] [middle] [right]`"
    params = (Param("type", choice("mousesystems-5"), required=True, help="its protocol"),)

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.port = SerialPort(self, Args())
        self.plug = Port(self, "mouse", "mouse")
        self.queue = SendQueue(machine.clock, self.port)
        self.buttons = 0

    def ports(self, args: Args) -> list[Port]:
        return [self.port, self.plug]

    def reset(self) -> None:
        self.queue.clear()
        self.buttons = 0

    def move(self, dx: int, dy: int, buttons: int = 0) -> None:
        """Move to the right and up, in mouse steps, with these buttons down (4 left, 2 middle, 1 right)."""
        if max(abs(dx), abs(dy)) > FARTHEST or not 0 <= buttons <= 7:
            raise TmeError(f"{self.name}: a movement has at most {FARTHEST} steps, and buttons are 0 to 7")
        while True:
            pieces = [max(-FURTHEST, min(FURTHEST, way)) for way in (dx, dy)]
            self._report(buttons, *pieces)
            dx, dy = dx - pieces[0], dy - pieces[1]
            if not (dx or dy):
                return

    def _report(self, buttons: int, dx: int, dy: int) -> None:
        self.buttons = buttons
        self.queue.put(bytes((SYNC | ~buttons & 7, dx & 0xFF, dy & 0xFF, 0, 0)))

    def command(self, words: list[str]) -> str | None:
        match words:
            case ["move", dx, dy, *names]:
                for name in names:
                    if name not in BUTTONS:
                        raise TmeError(f"{self.name} has no button '{name}'{did_you_mean(name, BUTTONS)}")
                try:
                    ways = int(dx), int(dy)
                except ValueError:
                    raise TmeError(USAGE.format(self.name)) from None
                self.move(*ways, sum({BUTTONS[name] for name in names}))
            case _:
                raise TmeError(USAGE.format(self.name))
        return None
