"""serial/keyboard: a Sun keyboard of type 2, 3, 4 or 5.

    keyboard0 at zs1 channel A: tme/serial/keyboard type sun-type-3
    command keyboard0 type "b sd()\\n"
    command keyboard0 press L1 a

1200 baud, 8 bits. A key sends its code when it goes down and the code with bit 7 when it goes up; when the
last one is up, 7F follows. Keys have their X11 names.

    to the keyboard    01 reset   02 03 bell on, off   0A 0B click on, off   0E leds (type 4, 5)   0F layout
    from it            FF type 7F after a reset        FE layout             7F all keys are up

Sources: NetBSD sys/dev/sun/kbd_reg.h; MAME src/devices/bus/sunkbd.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devices.serial.queue import SendQueue
from devices.serial.sunkeys import TYPE_2, TYPE_3, TYPE_4, strokes
from tme.args import Args, Param, choice, number, path
from tme.element import Element
from tme.errors import TmeError, did_you_mean
from tme.port import Port, SerialPort

if TYPE_CHECKING:
    from tme.machine import Machine

KINDS = {
    "sun-type-2": (2, TYPE_2),
    "sun-type-3": (3, TYPE_3),
    "sun-type-4-us": (4, TYPE_4),
    "sun-type-5-us": (4, TYPE_4),
    "sun-type-5-unix": (4, TYPE_4),
}
"""Type -> the number that the keyboard tells after a reset, its keys."""
RESET, BELL_ON, BELL_OFF, CLICK_ON, CLICK_OFF, LEDS, LAYOUT = 0x01, 0x02, 0x03, 0x0A, 0x0B, 0x0E, 0x0F
SELF_TEST_DONE, LAYOUT_IS, ALL_UP, UP = 0xFF, 0xFE, 0x7F, 0x80
LAYOUTS = {"sun-type-4-us": 0x00, "sun-type-5-us": 0x21, "sun-type-5-unix": 0x22}
"""What the switches under the keyboard say."""
SELF_TEST = 20_000_000
"""Nanoseconds from a reset to its answer."""
LED_NAMES = ("num-lock", "compose", "scroll-lock", "caps-lock")
USAGE = "usage: command {0} type TEXT...\n       command {0} press|down|up KEY...\n       command {0} status"


class Keyboard(Element):
    """The keyboard; programs press its keys with `press`, `down`, `up` and `type`."""

    module = "serial/keyboard"
    summary = "a Sun keyboard; `command keyboard0 type TEXT`, `command keyboard0 press L1 a`"
    params = (
        Param("type", choice(*KINDS), required=True, help="which keyboard"),
        Param("map", path, help="taken for TME's sake: the keys are built in"),
        Param("macros", path, help="taken for TME's sake"),
        Param("rate", number, help="taken for TME's sake: the line has 1200 baud"),
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.number, self.keys = KINDS[args["type"]]
        self.port = SerialPort(self, Args(), receive=self._receive)
        self.plug = Port(self, "keyboard", "keyboard")
        self.queue = SendQueue(machine.clock, self.port)
        self.held: list[str] = []
        self._power()

    def _power(self) -> None:
        self.bell = False
        self.click = self.number == 3
        self.leds = 0
        self._argument = False  #: the next byte belongs to LEDS

    def ports(self, args: Args) -> list[Port]:
        return [self.port, self.plug]

    def reset(self) -> None:
        self._power()
        self.queue.clear()
        self.held.clear()

    # ---- keys ---------------------------------------------------------------------------------------------

    def down(self, key: str) -> None:
        """Hold a key down."""
        code = self._code(key)
        if key not in self.held:
            self.held.append(key)
            self.queue.put(bytes((code,)))

    def up(self, key: str) -> None:
        """Let go of a key."""
        code = self._code(key)
        if key in self.held:
            self.held.remove(key)
            self.queue.put(bytes((code | UP,) if self.held else (code | UP, ALL_UP)))

    def press(self, *keys: str) -> None:
        """Hold keys down in this order, and let go of them in the reverse one."""
        for key in keys:  # all names are right before the first one goes down
            self._code(key)
        for key in keys:
            self.down(key)
        for key in reversed(keys):
            self.up(key)

    def type(self, text: str) -> None:
        """Type characters: ASCII on a US keyboard; \\n is Return."""
        combinations = [strokes(character) for character in text]
        for character, keys in zip(text, combinations, strict=True):
            if keys is None:
                raise TmeError(f"{self.name} has no key for {character!r}")
        for keys in combinations:
            assert keys is not None
            self.press(*keys)

    def _code(self, key: str) -> int:
        if key not in self.keys:
            hint = did_you_mean(key, self.keys)
            raise TmeError(f"a {self.args['type']} keyboard has no key '{key}'{hint}")
        return self.keys[key]

    def command(self, words: list[str]) -> str | None:
        match words:
            case ["type", *texts] if texts:
                self.type(" ".join(texts).replace("\\n", "\n").replace("\\t", "\t"))
            case ["press", *keys] if keys:
                self.press(*keys)
            case ["down" | "up" as way, *keys] if keys:
                for key in keys:
                    self._code(key)
                for key in keys:
                    (self.down if way == "down" else self.up)(key)
            case ["status"]:
                return self._status()
            case _:
                raise TmeError(USAGE.format(self.name))
        return None

    def _status(self) -> str:
        lit = [name for at, name in enumerate(LED_NAMES) if self.leds >> at & 1]
        return "\n".join(
            f"{what}: {' '.join(found) or 'none'}"
            for what, found in (
                ("held", self.held),
                ("LEDs", lit),
                ("sounds", [name for name, on in (("bell", self.bell), ("click", self.click)) if on]),
            )
        )

    # ---- the line -----------------------------------------------------------------------------------------

    def _receive(self, data: bytes) -> None:
        for byte in data:
            if self._argument:
                self._argument = False
                self.leds = byte & 0x0F
            else:
                self._order(byte)

    def _order(self, byte: int) -> None:
        """A command of the machine; those of newer keyboards mean nothing to older ones."""
        if byte == RESET:
            self._power()
            self.queue.clear()
            held = self._code(self.held[-1]) if self.held else ALL_UP
            self.queue.put(bytes((SELF_TEST_DONE, self.number, held)), SELF_TEST)
        elif byte in (BELL_ON, BELL_OFF):
            self.bell = byte == BELL_ON
        elif byte in (CLICK_ON, CLICK_OFF):
            self.click = byte == CLICK_ON
        elif self.number >= 4 and byte == LEDS:
            self._argument = True
        elif self.number >= 4 and byte == LAYOUT:
            self.queue.put(bytes((LAYOUT_IS, LAYOUTS[self.args["type"]])))
