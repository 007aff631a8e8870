"""Many sockets of one element, for reading and writing, behind the one reader that a machine watches."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tme.machine import Machine

Ready = Callable[[], None]
AT_ONCE = 64
"""Sockets served between two quanta of the machine."""
PROBLEM = select.EPOLLERR | select.EPOLLHUP


class Poller:
    """Calls functions when sockets are ready. (An epoll descriptor is readable when one of its own is.)"""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._epoll = select.epoll()
        self._watched: dict[int, tuple[Ready | None, Ready | None]] = {}
        self._started = self._reading = False

    def start(self) -> None:
        """Begin to serve; again is harmless."""
        self._started = True
        self._update()

    def _update(self) -> None:
        """The machine looks at us only while there is something to watch: without any host input to wait for
        its runs repeat, and idle time passes at once."""
        wanted = self._started and bool(self._watched) and not self._epoll.closed
        if wanted and not self._reading:
            self.machine.add_reader(self._epoll.fileno(), self.serve)
        elif self._reading and not wanted:
            self.machine.remove_reader(self._epoll.fileno())
        self._reading = wanted

    def watch(self, fd: int, read: Ready | None = None, write: Ready | None = None) -> None:
        """Call `read` and `write` when `fd` is readable or writable; None: not now. Errors count as both."""
        events = (select.EPOLLIN if read else 0) | (select.EPOLLOUT if write else 0)
        if not events:
            self.forget(fd)
        elif fd in self._watched:
            self._epoll.modify(fd, events)
            self._watched[fd] = read, write
        else:
            self._epoll.register(fd, events)
            self._watched[fd] = read, write
            self._update()

    def forget(self, fd: int) -> None:
        """Stop watching; to be called before `fd` is closed. Harmless when it is not watched."""
        if self._watched.pop(fd, None) is not None:
            self._epoll.unregister(fd)
            self._update()

    def serve(self) -> None:
        """Serve what is ready, without waiting."""
        if self._epoll.closed:
            return
        for fd, events in self._epoll.poll(0, AT_ONCE):
            read, write = self._watched.get(fd, (None, None))  # one call may end the watch of another
            if read and events & (select.EPOLLIN | PROBLEM):
                read()
                write = self._watched.get(fd, (None, None))[1]
            if write and events & (select.EPOLLOUT | PROBLEM):
                write()

    def close(self) -> None:
        """Stop serving; the sockets stay open. May be called more than once."""
        if not self._epoll.closed:
            self._started = False
            self._update()
            self._watched.clear()
            self._epoll.close()
