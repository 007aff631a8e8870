"""One far end of a link: fragments, encryption, keep-alive. UDP, TCP and TLS are below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hostnet.openvpn.fragment import Fragmenter
from hostnet.openvpn.options import Settings
from hostnet.openvpn.seal import Seal

if TYPE_CHECKING:
    from tme.clock import Clock

PING = bytes.fromhex("2a187bf3641eb4cb07ed2d0a981fc748")
"""What OpenVPN sends to say that it is alive."""
OPTIONS_CHECK = bytes.fromhex("287f346bd4ef7a812d56b8d3afc5459c")
"""Beginning of OpenVPN's questions about our options, which need no answer."""


class Peer:
    """send: takes packets for the wire; deliver: takes frames; dead: called after a silence."""

    def __init__(
        self,
        settings: Settings,
        key: bytes | None,
        clock: Clock,
        send: Callable[[bytes], object],
        deliver: Callable[[bytes], object],
        dead: Callable[[], object],
    ) -> None:
        self.settings, self.clock = settings, clock
        self._send, self._deliver, self._dead = send, deliver, dead
        self.seal = Seal(clock, key, lambda packet: self._send(packet), self._plain) if key else None
        self._fragmenter = Fragmenter(settings.fragment) if settings.fragment else None
        self.heard = self._spoke = clock.now
        self._running = False

    def start(self) -> None:
        """The wire is there: say hello, keep it alive."""
        self.heard = self.clock.now
        if self.seal:
            self.seal.start()
        if not self._running:
            self._running = True
            self._tick()

    def stop(self) -> None:
        """The wire has gone for good."""
        self._running = False
        if self.seal:
            self.seal.close()

    def wire(self, send: Callable[[bytes], object]) -> None:
        """Send over another wire from now on."""
        self._send = send

    # ---- frames ----------------------------------------------------------------------------------------

    def frame(self, frame: bytes) -> None:
        """Send a frame to the far end."""
        self._spoke = self.clock.now
        for packet in self._fragmenter.cut(frame) if self._fragmenter else (frame,):
            if self.seal:
                self.seal.seal(packet)
            else:
                self._send(packet)

    def packet(self, packet: bytes) -> bool:
        """A packet of the wire; False when it is not from whom it should be."""
        if self.seal:
            return self.seal.open(packet)
        self._plain(packet)
        return True

    def _plain(self, packet: bytes) -> None:
        self.heard = self.clock.now
        frame = self._fragmenter.join(packet) if self._fragmenter else packet
        if frame is not None and len(frame) >= 14 and not frame.startswith((PING, OPTIONS_CHECK)):
            self._deliver(frame)

    # ---- keep-alive ------------------------------------------------------------------------------------

    def _tick(self) -> None:
        if not self._running:
            return
        now, settings = self.clock.now, self.settings
        if settings.ping_ns and now - self._spoke >= settings.ping_ns:
            self.frame(PING)
        if settings.restart_ns and now - self.heard >= settings.restart_ns:
            self.heard = now
            self._dead()
        every = min((ns for ns in (settings.ping_ns, settings.restart_ns) if ns), default=0)
        if every:
            self.clock.after(max(every // 2, 1_000_000), self._tick)
