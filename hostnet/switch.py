"""host/switch: an Ethernet switch that any number of ends join, of this process and of others on this host.

    switch0: tme/host/switch                        ie0 at switch0; ie1 at switch0; user0 at switch0
    switch0: tme/host/switch listen /tmp/lab.net    one process
    switch0: tme/host/switch join /tmp/lab.net      any number of others

Frames between processes are packets of a Unix socket (SOCK_SEQPACKET), one frame each. A switch that joins
tries again while nobody listens, and when the other process has ended. There must be no loops of switches;
within a process one is found and broken.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from hostnet.frames import mac_text
from hostnet.poller import Poller
from tme.args import Args, Param, Spec, path
from tme.element import Element
from tme.errors import TmeError
from tme.ethernet import COMMANDS, ETHERNET_PARAMS, LARGEST, EthernetPort
from tme.port import Port

if TYPE_CHECKING:
    from tme.machine import Machine

STATIONS = 4096
AGE = 300_000_000_000
"""Guest nanoseconds after which a silent station is forgotten, as IEEE 802.1D has it."""
AT_ONCE = 64
"""Frames taken from one process between two quanta."""
RETRY = 500_000_000
BUFFER = 1 << 20


class SwitchPort(EthernetPort):
    """One socket of the switch: there are always enough of them."""

    def __init__(self, switch: Switch) -> None:
        super().__init__(switch, receive=lambda frame: switch.take(self, frame))
        self.switch = switch

    def attached(self) -> None:
        super().attached()
        self.switch.ends.append(self)

    def detach(self) -> None:
        self.switch.leave(self)
        super().detach()


class Neighbour:
    """Another process at the other end of a Unix socket."""

    def __init__(self, switch: Switch, connection: socket.socket) -> None:
        self.switch = switch
        self.socket = connection
        self.lost = 0
        connection.setblocking(False)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            connection.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        switch.ends.append(self)
        switch.poller.watch(connection.fileno(), self._readable)

    def __str__(self) -> str:
        return "another process"

    def send(self, frame: bytes) -> None:
        """Hand over a frame; lost while the other process does not read."""
        try:
            self.socket.send(frame)
        except BlockingIOError:
            self.lost += 1
        except OSError:
            pass  # reading finds out that nobody is there

    def _readable(self) -> None:
        for _ in range(AT_ONCE):
            try:
                frame = self.socket.recv(LARGEST + 1)
            except BlockingIOError:
                return
            except OSError:
                frame = b""
            if not frame:
                self.switch.hung_up(self)
                return
            self.switch.take(self, frame)

    def close(self) -> None:
        self.switch.poller.forget(self.socket.fileno())
        self.socket.close()


class End(Protocol):
    """What a frame can be sent to."""

    def send(self, frame: bytes) -> None: ...


class Switch(Element):
    """Learns which station is behind which end; floods what it does not know."""

    module = "host/switch"
    summary = "a learning Ethernet switch, within one process or between processes (listen FILE, join FILE)"
    params: ClassVar[Sequence[Spec]] = (
        Param("listen", path, help="let other processes join at this Unix socket"),
        Param("join", path, help="join the switch of another process"),
    )
    conn_params = ETHERNET_PARAMS

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.ends: list[End] = []
        self.stations: dict[bytes, tuple[End, int]] = {}
        self.poller = Poller(machine)
        self._listener: socket.socket | None = None
        self._closed = False
        self._flying: set[int] = set()
        self._loop_told = False
        self._joining = False
        self._joined: Neighbour | None = None
        if (file := args.get("listen")) is not None:
            self._listen(file)

    def ports(self, args: Args) -> list[Port]:
        return [SwitchPort(self)]

    def reset(self) -> None:
        self.poller.start()
        if "join" in self.args and not self._joining:
            self._joining = True
            self._join()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for end in list(self.ends):
            if isinstance(end, Neighbour):
                end.close()
            elif isinstance(end, SwitchPort):
                end.stop_capture()
        if self._listener is not None:
            self._listener.close()
            self.args["listen"].unlink(missing_ok=True)
        self.poller.close()

    def command(self, words: list[str]) -> str | None:
        if words == ["stations"]:
            return "\n".join(f"{mac_text(mac)}  {self._tell(end)}" for mac, (end, _) in self.stations.items())
        if len(words) >= 2:
            for end in self.ends:
                if isinstance(end, SwitchPort) and end.peer.element.name == words[0]:
                    return end.command(words[1:])
        raise TmeError(f"usage: command {self.name} {{stations | NAME {COMMANDS}}}")

    @staticmethod
    def _tell(end: End) -> str:
        return end.peer.element.name if isinstance(end, SwitchPort) else str(end)

    # ---- switching -------------------------------------------------------------------------------------

    def take(self, source: End, frame: bytes) -> None:
        """A frame that came in at an end goes out at the right one, or at all others."""
        if len(frame) < 14:
            return
        now = self.machine.clock.now
        sender, receiver = frame[6:12], frame[:6]
        if not sender[0] & 1:
            if sender not in self.stations and len(self.stations) >= STATIONS:
                del self.stations[next(iter(self.stations))]
            self.stations[sender] = source, now
        known = self.stations.get(receiver)
        if known is not None and now - known[1] <= AGE:
            if known[0] is not source:
                known[0].send(frame)
            return
        if id(frame) in self._flying:  # it came back while it still goes out
            if not self._loop_told:
                self._loop_told = True
                self.log("there is a loop of switches; what comes back is dropped")
            return
        self._flying.add(id(frame))
        try:
            for end in tuple(self.ends):
                if end is not source:
                    end.send(frame)
        finally:
            self._flying.discard(id(frame))

    def leave(self, end: End) -> None:
        """An end goes: forget it and who was behind it."""
        if end in self.ends:
            self.ends.remove(end)
        for mac in [mac for mac, (where, _) in self.stations.items() if where is end]:
            del self.stations[mac]

    # ---- other processes -------------------------------------------------------------------------------

    def hung_up(self, neighbour: Neighbour) -> None:
        """The other process has ended."""
        self.leave(neighbour)
        neighbour.close()
        if neighbour is self._joined and not self._closed:
            self.machine.clock.after(RETRY, self._join)

    def _listen(self, file: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._sweep(file)
            # nobody but the user may join, not even for a moment
            mask = os.umask(0o177)
            try:
                self._listener.bind(str(file))
            finally:
                os.umask(mask)
            self._listener.listen(64)
        except OSError as error:
            self._listener.close()
            self._listener = None
            raise self.error(f"cannot listen at {file}: {error.strerror or error}") from None
        self._listener.setblocking(False)
        self.poller.watch(self._listener.fileno(), self._accept)

    @staticmethod
    def _sweep(file: Path) -> None:
        """Remove the socket of a process that died; one that lives keeps its name."""
        try:
            if not stat.S_ISSOCK(file.lstat().st_mode):
                return
        except FileNotFoundError:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as trial:
            try:
                trial.connect(str(file))
            except ConnectionRefusedError:
                file.unlink(missing_ok=True)
            except OSError:
                pass

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        Neighbour(self, connection)

    def _join(self) -> None:
        if self._closed:
            return
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.connect(str(self.args["join"]))
        except OSError as error:
            connection.close()
            self.log(f"cannot join {self.args['join']} yet: {error.strerror or error}", 1)
            self.machine.clock.after(RETRY, self._join)
            return
        self._joined = Neighbour(self, connection)
