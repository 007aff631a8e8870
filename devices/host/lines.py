"""Host ends of serial lines that somebody connects to later: pseudo terminals and TCP ports."""

from __future__ import annotations

import os
import select
import socket
import tty
from collections.abc import Callable
from typing import TYPE_CHECKING

from tme.errors import TmeError
from tme.serial import ABSENT_RETRY, FdLine

if TYPE_CHECKING:
    from tme.machine import Machine

LOOPBACK = "127.0.0.1"


class PtyLine(FdLine):
    """The master of a new pseudo terminal. Users open the slave (`slave_name`), one after the other."""

    def __init__(self, machine: Machine, receive: Callable[[bytes], None], want: Callable[[], int]) -> None:
        master, slave = os.openpty()
        self.slave_name = os.ttyname(slave)
        tty.setraw(slave)
        # with the slave closed the master reports a hang-up until somebody opens it
        os.close(slave)
        super().__init__(machine, receive, want, master, master)

    @property
    def present(self) -> bool:
        if self.output_fd is None:
            return False
        poll = select.poll()
        poll.register(self.output_fd, 0)
        return not any(event & select.POLLHUP for _, event in poll.poll(0))

    def _resume(self) -> None:
        if self.present:
            super()._resume()
        else:
            self._pause()
            self._poll(ABSENT_RETRY)

    def _tick(self) -> None:
        super()._tick()
        if not self._reading and not self._input:
            self._resume()

    def _gone(self) -> None:
        self._pause()
        self._poll(ABSENT_RETRY)


def tcp_address(device: str) -> tuple[str, int]:
    """The (host, port) of `tcp:PORT` or `tcp:HOST:PORT`; loopback unless a host is named."""
    host, _, port = device.removeprefix("tcp:").rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise TmeError(f"bad TCP port in '{device}': write tcp:PORT or tcp:HOST:PORT")
    return host.strip("[]") or LOOPBACK, int(port)


class TcpLine(FdLine):
    """A listening TCP port with one user at a time, who sees the newest output first. Plain bytes, no
    telnet."""

    def __init__(
        self,
        machine: Machine,
        receive: Callable[[bytes], None],
        want: Callable[[], int],
        host: str,
        port: int,
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self.socket = socket.create_server((host, port), family=family)
        except OSError as error:
            reason = error.strerror or str(error)
            raise TmeError(f"cannot listen on TCP port {port} of {host}: {reason}") from None
        self.socket.setblocking(False)
        super().__init__(machine, receive, want)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self.socket.getsockname()[:2]
        return host, port

    def start(self) -> None:
        self.machine.add_reader(self.socket.fileno(), self._accept)
        super().start()

    def close(self) -> None:
        if not self._closed:
            self.machine.remove_reader(self.socket.fileno())
            self.socket.close()
        super().close()

    def _accept(self) -> None:
        try:
            user, _ = self.socket.accept()
        except OSError:  # it has gone already
            return
        if self.input_fd is not None:
            with user:
                user.send(b"this serial line is in use\r\n")
            return
        user.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fd = user.detach()
        self._input.clear()
        self._attach(fd, fd)
        super().start()
