"""Ethernet ports: what chips, switches and the host's networks join.

    ie0 at tap0 capture ie0.pcap            whatever crosses this end is kept in a file
    ie0 at tap0 loss 5 delay 2000           every twentieth frame is lost, the others take 2 ms

A frame begins with its destination and has no FCS. A cable joins two ports; more than two join at a switch.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tme.args import Args, Param, number, path
from tme.errors import TmeError
from tme.paths import resolve
from tme.pcap import Capture
from tme.port import Port

if TYPE_CHECKING:
    from tme.element import Element

LARGEST = 65_535
"""Bytes of the largest frame that a port passes on; chips have narrower limits of their own."""


def percent(word: str) -> float:
    """A number from 0 to 100."""
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise ValueError("a number from 0 to 100 is expected")
    return value


percent.metavar = "PERCENT"  # type: ignore[attr-defined]


def microseconds(word: str) -> int:
    """A time, at most a minute."""
    value = number(word)
    if not 0 <= value <= 60_000_000:
        raise ValueError("microseconds, at most 60000000, are expected")
    return value


microseconds.metavar = "USEC"  # type: ignore[attr-defined]

ETHERNET_PARAMS = (
    Param("capture", path, help="keep the frames of this end, for tcpdump and Wireshark"),
    Param("loss", percent, help="lose frames on the way, each way"),
    Param("delay", microseconds, help="frames take this long, each way"),
)
"""Connection arguments of every end of an Ethernet cable."""
COMMANDS = "{link {up|down} | capture {FILE|off} | loss PERCENT | delay USEC}"


def _drop(*_: Any) -> None:
    """What comes in while nobody listens."""


class EthernetPort(Port):
    """One end of an Ethernet cable.

    receive: called with each frame that the other end sends, possibly during our own `send`.
    on_link: called with True and False when the link comes up and goes down.
    """

    def __init__(
        self,
        element: Element,
        args: Args | None = None,
        *,
        receive: Callable[[bytes], None] = _drop,
        on_link: Callable[[bool], None] = _drop,
    ) -> None:
        super().__init__(element, "ethernet", "", args)
        self.receive = receive
        self.on_link = on_link
        self.up = True
        """Whether this end is switched on; see set_link."""
        self.capture: Capture | None = None
        self.loss = 0.0
        self.delay_ns = 0
        # the same frames are lost in every run
        self._dice = random.Random(zlib.crc32(element.name.encode()))

    # The link

    @property
    def link(self) -> bool:
        """Whether frames get across: there is a cable, and both ends are on."""
        return self.peer is not None and self.up and self.peer.up

    def set_link(self, up: bool) -> None:
        """Switch this end on or off; both ends hear of it."""
        before = self.link
        self.up = up
        if self.link != before:
            self.on_link(self.link)
            self.peer.on_link(self.link)

    def attached(self) -> None:
        if (file := self.args.get("capture")) is not None:
            self.capture = Capture(file)
        self.loss = self.args.get("loss", 0.0)
        self.delay_ns = self.args.get("delay", 0) * 1000
        if self.link:
            self.on_link(True)

    def detach(self) -> None:
        if self.link:
            self.on_link(False)
        self.stop_capture()

    def stop_capture(self) -> None:
        """End this end's capture, if there is one."""
        if self.capture is not None:
            self.capture.close()
            self.capture = None

    # Frames

    def send(self, frame: bytes) -> None:
        """Hand a frame (destination first, no FCS) to the other end; without a link it is lost."""
        peer = self.peer
        if peer is None or not (self.up and peer.up) or len(frame) > LARGEST:
            return
        if self.capture is not None:
            self._record(frame)
        if self.loss or self.delay_ns or peer.loss or peer.delay_ns:
            self._travel(frame, peer)
        else:
            self._arrive(frame, peer)

    def _travel(self, frame: bytes, peer: EthernetPort) -> None:
        """Over a cable that loses or delays."""
        if any(end.loss and end._dice.random() * 100 < end.loss for end in (self, peer)):
            return
        delay = self.delay_ns + peer.delay_ns
        if delay:
            self.element.machine.clock.after(delay, lambda: self._arrive(frame, peer))
        else:
            self._arrive(frame, peer)

    def _arrive(self, frame: bytes, peer: EthernetPort) -> None:
        if self.peer is peer and self.link:  # a delayed frame may find the cable pulled
            if peer.capture is not None:
                peer._record(frame)
            peer.receive(frame)

    def _record(self, frame: bytes) -> None:
        assert self.capture is not None
        self.capture.write(self.element.machine.clock.wall(), frame)

    # What the user may change

    def command(self, words: list[str]) -> str | None:
        """`link up`, `link down`, `capture FILE`, `capture off`, `loss PERCENT`, `delay USEC`."""
        match words:
            case ["link", "up" | "down" as state]:
                self.set_link(state == "up")
            case ["capture", "off"]:
                self.stop_capture()
            case ["capture", file]:
                self.stop_capture()
                self.capture = Capture(Path(resolve(file, None)))
            case ["loss" | "delay" as what, word]:
                try:
                    if what == "loss":
                        self.loss = percent(word)
                    else:
                        self.delay_ns = microseconds(word) * 1000
                except ValueError as error:
                    raise TmeError(f"bad {what} '{word}': {error}") from None
            case _:
                raise TmeError(f"usage: command {self.element.name} {COMMANDS}")
        return None
