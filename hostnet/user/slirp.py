"""libslirp as the engine of a user-mode network: `engine slirp`.

    guest ── receive ──── Gate ──── slirp_input ──┐            slirp_pollfds_fill ── Poller, one timer
                                               libslirp ◄── turn ◄── a frame, a socket or the timer
    guest ◄── Wire ◄────────────── send_packet ───┘            slirp_pollfds_poll

Everything happens in the machine's thread, and time is the guest's. Frames go through a gate of ours first
(gate.py): what a guest sends could make this library, which is C, end the process.

Source: libslirp.h of 4.7; SlirpConfig version 1, which libslirp knows from 4.1 on.
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hostnet import frames
from hostnet.poller import Poller
from hostnet.user.gate import Gate
from hostnet.user.policy import LOOPBACK, Forward, Setup

if TYPE_CHECKING:
    from tme.clock import Event
    from tme.machine import Machine

LIBRARY = "libslirp.so.0"
VERSION = 1
"""Of SlirpConfig; all that we ask for is in the first one."""
IN, OUT = 1, 2
"""SLIRP_POLL_IN and SLIRP_POLL_OUT; libslirp finds errors by reading and writing."""
MS = 1_000_000
FOREVER = 0xFFFF_FFFF
IDLE = 1000
"""Milliseconds that slirp_pollfds_fill answers when no timer of TCP or of fragments runs."""
SOCKETS = 768
"""With so many open, nothing that could open another gets through. libslirp has no limit of its own."""

DECLARATIONS = """
typedef struct Slirp Slirp;
struct in_addr { uint32_t s_addr; };
struct in6_addr { uint32_t words[4]; };
typedef void (*SlirpTimerCb)(void *opaque);
typedef struct {
    ssize_t (*send_packet)(const void *buf, size_t len, void *opaque);
    void (*guest_error)(const char *msg, void *opaque);
    int64_t (*clock_get_ns)(void *opaque);
    void *(*timer_new)(SlirpTimerCb cb, void *cb_opaque, void *opaque);
    void (*timer_free)(void *timer, void *opaque);
    void (*timer_mod)(void *timer, int64_t expire_time, void *opaque);
    void (*register_poll_fd)(int fd, void *opaque);
    void (*unregister_poll_fd)(int fd, void *opaque);
    void (*notify)(void *opaque);
} SlirpCb;
typedef struct {
    uint32_t version;
    int restricted;
    bool in_enabled;
    struct in_addr vnetwork, vnetmask, vhost;
    bool in6_enabled;
    struct in6_addr vprefix_addr6;
    uint8_t vprefix_len;
    struct in6_addr vhost6;
    const char *vhostname, *tftp_server_name, *tftp_path, *bootfile;
    struct in_addr vdhcp_start, vnameserver;
    struct in6_addr vnameserver6;
    const char **vdnssearch;
    const char *vdomainname;
    size_t if_mtu, if_mru;
    bool disable_host_loopback, enable_emu;
} SlirpConfig;
Slirp *slirp_new(const SlirpConfig *, const SlirpCb *, void *);
void slirp_cleanup(Slirp *);
void slirp_pollfds_fill(Slirp *, uint32_t *timeout, int (*add)(int fd, int events, void *), void *);
void slirp_pollfds_poll(Slirp *, int error, int (*get)(int index, void *), void *);
void slirp_input(Slirp *, const uint8_t *, int);
int slirp_add_hostfwd(Slirp *, int udp, struct in_addr host, int port, struct in_addr guest, int guest_port);
char *slirp_connection_info(Slirp *);
const char *slirp_version_string(void);
void g_free(void *);
"""


@functools.cache
def load() -> tuple[Any, Any]:
    """(cffi, the library). OSError when it is not installed or too old."""
    import cffi  # its parser takes as long to load as everything else here

    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    library = ffi.dlopen(LIBRARY)
    if not hasattr(library, "slirp_new"):
        raise OSError("this one is older")
    return ffi, library


def obstacle(setup: Setup, rules: list[Forward]) -> str | None:
    """Why libslirp cannot do what a description asks for, with the cure; None when it can."""
    if setup.nameserver is not None:
        return "libslirp asks the host's name server: leave out `nameserver`, or use `engine built-in`"
    if not setup.host_loopback and any(rule.protocol == frames.UDP for rule in rules):
        return (
            "libslirp hands on answers to a UDP forward only with `host-loopback`: add it, "
            "or use `engine built-in`"
        )
    try:
        load()
    except (OSError, ImportError) as error:
        return (
            f"`engine slirp` needs libslirp 4.1 or later ({error}): install Debian's libslirp0, "
            "or use `engine built-in`"
        )
    if Slirp.living:
        return "libslirp serves one network of a process, and this one has another: use `engine built-in`"
    return None


class Timer:
    """A timer of libslirp, in guest time."""

    def __init__(self, fire: Callable[[], None]) -> None:
        self.fire = fire
        self.event: Event | None = None

    def cancel(self) -> None:
        """Let it not happen."""
        if self.event is not None:
            self.event.cancel()
            self.event = None


class Slirp:
    """One instance of libslirp. send: takes frames for the guest, and must not lead back here at once."""

    living = 0
    """Instances in this process: libslirp keeps its time in one variable for all of them."""

    def __init__(self, machine: Machine, setup: Setup, send: Callable[[bytes], object]) -> None:
        self.ffi, self.lib = load()
        self.setup, self.clock, self.send = setup, machine.clock, send
        self.poller = Poller(machine)
        self.gate = Gate(machine.clock, setup)
        self.sockets: set[int] = set()
        self.guest_errors = 0
        self._polled: list[tuple[int, int]] = []  # what libslirp waits for: index -> descriptor, events
        self._watched: dict[int, int] = {}
        self._ready: dict[int, int] = {}
        self._timers: dict[int, Timer] = {}
        self._turning = Timer(self._turn)
        self._soon = False
        self._error: BaseException | None = None
        self._functions: list[Any] = []  # kept alive as long as libslirp may call them
        function = self._function
        self._add = function("int(int, int, void *)", self._add_poll)
        self._get = function("int(int, void *)", self._events)
        self._callbacks = self.ffi.new(
            "SlirpCb *",
            {
                "send_packet": function("ssize_t(const void *, size_t, void *)", self._send_packet),
                "guest_error": function("void(const char *, void *)", self._guest_error),
                "clock_get_ns": function("int64_t(void *)", lambda _: self.clock.now),
                "timer_new": function("void *(SlirpTimerCb, void *, void *)", self._timer_new),
                "timer_free": function("void(void *, void *)", self._timer_free),
                "timer_mod": function("void(void *, int64_t, void *)", self._timer_mod),
                "register_poll_fd": function("void(int, void *)", lambda fd, _: self.sockets.add(fd)),
                "unregister_poll_fd": function("void(int, void *)", self._unregister),
                "notify": function("void(void *)", lambda _: self._turn_soon()),
            },
        )
        self._slirp = self._open()
        Slirp.living += 1

    def _open(self) -> Any:
        ffi, setup = self.ffi, self.setup
        hostname = ffi.NULL if setup.hostname is None else ffi.new("char[]", setup.hostname.encode())
        six = setup.gateway6 or bytes(16)
        config = ffi.new(
            "SlirpConfig *",
            {
                "version": VERSION,
                "restricted": setup.restrict,
                "in_enabled": True,
                "vnetwork": self._address(setup.network),
                "vnetmask": self._address(setup.netmask),
                "vhost": self._address(setup.gateway),
                "vhostname": hostname,
                "vdhcp_start": self._address(setup.guest),
                "vnameserver": self._address(setup.dns),
                "in6_enabled": setup.gateway6 is not None,
                "vprefix_addr6": self._address6(six[:8] + bytes(8)),
                "vprefix_len": 64,
                "vhost6": self._address6(six),
                "vnameserver6": self._address6(setup.dns6 if setup.gateway6 else six),
                "disable_host_loopback": not setup.host_loopback,
            },
        )
        slirp = self._call(self.lib.slirp_new, config, self._callbacks, ffi.NULL)
        if slirp == ffi.NULL:
            raise OSError("libslirp refuses its configuration")
        return slirp

    def _address(self, ip: bytes) -> Any:
        """A `struct in_addr`, which is in network order."""
        return {"s_addr": struct.unpack("=I", ip)[0]}

    def _address6(self, ip: bytes) -> Any:
        """A `struct in6_addr`."""
        return {"words": struct.unpack("=4I", ip)}

    def _function(self, kind: str, fn: Callable[..., Any]) -> Any:
        self._functions.append(self.ffi.callback(kind, fn, onerror=self._failed))
        return self._functions[-1]

    def _failed(self, _: Any, error: BaseException, __: Any) -> None:
        """An exception (an interrupt from the keyboard, perhaps) cannot pass through C: it waits outside."""
        self._error = self._error or error

    def _call(self, fn: Any, *args: Any) -> Any:
        found = fn(*args)
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return found

    # ---- from the guest --------------------------------------------------------------------------------

    def receive(self, frame: bytes) -> None:
        """A frame of the guest, as far as libslirp gets to see it."""
        if self._slirp is None:
            return
        made = self.gate.admit(frame, len(self.sockets) < SOCKETS)
        if made is None:
            return
        self._call(self.lib.slirp_input, self._slirp, made, len(made))
        self._turn_soon()

    # ---- called by libslirp ----------------------------------------------------------------------------

    def _send_packet(self, data: Any, length: int, _: Any) -> int:
        self.send(self.ffi.buffer(data, length)[:].ljust(frames.SHORTEST, b"\0"))
        return length

    def _guest_error(self, message: Any, _: Any) -> None:
        self.guest_errors += 1  # a log would let the guest fill the host's disk

    def _timer_new(self, fire: Any, opaque: Any, _: Any) -> Any:
        number = max(self._timers, default=0) + 1  # not 0, which is NULL
        self._timers[number] = Timer(lambda: self._call(fire, opaque))
        return self.ffi.cast("void *", number)

    def _timer_free(self, timer: Any, _: Any) -> None:
        self._timers.pop(self._number(timer)).cancel()

    def _timer_mod(self, timer: Any, expires: int, _: Any) -> None:
        self._arm(self._timers[self._number(timer)], expires * MS - self.clock.now)

    def _number(self, timer: Any) -> int:
        return int(self.ffi.cast("uintptr_t", timer))

    def _unregister(self, fd: int, _: Any) -> None:
        """The descriptor is about to be closed."""
        self.sockets.discard(fd)
        self._ready.pop(fd, None)
        if self._watched.pop(fd, None) is not None:
            self.poller.forget(fd)

    def _add_poll(self, fd: int, events: int, _: Any) -> int:
        self._polled.append((fd, events))
        return len(self._polled) - 1

    def _events(self, index: int, _: Any) -> int:
        fd, wanted = self._polled[index]
        return self._ready.get(fd, 0) & wanted

    # ---- turns -----------------------------------------------------------------------------------------

    def _turn_soon(self) -> None:
        """Once for all frames and sockets of this moment."""
        if not self._soon:
            self._soon = True
            self._arm(self._turning, 1)

    def _arm(self, timer: Timer, ns: int) -> None:
        timer.cancel()
        timer.event = self.clock.after(max(ns, 1), timer.fire)

    def _turn(self) -> None:
        """Serve what is ready and due, then ask what to wait for."""
        if self._slirp is None:
            return
        self._soon = False
        self._call(self.lib.slirp_pollfds_poll, self._slirp, 0, self._get, self.ffi.NULL)
        self._ready.clear()
        self._polled.clear()
        timeout = self.ffi.new("uint32_t *", FOREVER)
        self._call(self.lib.slirp_pollfds_fill, self._slirp, timeout, self._add, self.ffi.NULL)
        self._watch()
        # with nothing open nothing becomes due, and the machine's idle time may pass at once
        if not self._soon and (self.sockets or timeout[0] < IDLE):
            self._arm(self._turning, timeout[0] * MS)

    def _watch(self) -> None:
        """Let the poller watch what libslirp waits for, and nothing else."""
        wanted = {fd: events & (IN | OUT) for fd, events in self._polled if events & (IN | OUT)}
        for fd in self._watched.keys() - wanted.keys():
            self.poller.forget(fd)
        for fd, events in wanted.items():
            if self._watched.get(fd) != events:
                read = functools.partial(self._note, fd, IN) if events & IN else None
                write = functools.partial(self._note, fd, OUT) if events & OUT else None
                self.poller.watch(fd, read, write)
        self._watched = wanted

    def _note(self, fd: int, event: int) -> None:
        self._ready[fd] = self._ready.get(fd, 0) | event
        self._turn_soon()

    # ---- engine ----------------------------------------------------------------------------------------

    def listen(self, rule: Forward) -> None:
        """Lead a port of the host's loopback to the guest; OSError when it cannot be had."""
        host, guest = self._address(frames.parse_ip(LOOPBACK)), self._address(rule.guest or self.setup.guest)
        udp = rule.protocol == frames.UDP
        args = self._slirp, udp, self._struct(host), rule.port, self._struct(guest), rule.guest_port
        if self._call(self.lib.slirp_add_hostfwd, *args) < 0:
            raise OSError(self.ffi.errno, os.strerror(self.ffi.errno))
        self._turn_soon()

    def _struct(self, address: dict[str, int]) -> Any:
        return self.ffi.new("struct in_addr *", address)[0]

    def no_dhcp(self) -> None:
        """Something else gives addresses from now on."""
        self.setup = self.gate.setup = replace(self.setup, dhcp=False)

    def start(self) -> None:
        """Begin to serve sockets; again is harmless."""
        self.poller.start()

    def close(self) -> None:
        """End everything, the guest is not told; again is harmless."""
        slirp, self._slirp = self._slirp, None
        if slirp is not None:
            Slirp.living -= 1
            self._call(self.lib.slirp_cleanup, slirp)
            for timer in (self._turning, *self._timers.values()):
                timer.cancel()
            self.poller.close()

    def numbers(self) -> dict[str, Any]:
        """Counters for people, by name."""
        return {
            "libslirp": self.ffi.string(self.lib.slirp_version_string()).decode(),
            "sockets": len(self.sockets),
            "dropped": self.gate.dropped,
            "errors of the guest": self.guest_errors,
            "connections": self._connections(),
        }

    def _connections(self) -> str:
        """libslirp's own table of them."""
        if self._slirp is None:
            return ""
        text = self._call(self.lib.slirp_connection_info, self._slirp)
        try:
            table: bytes = self.ffi.string(text)
            return "\n" + table.decode(errors="replace").rstrip()
        finally:
            self.lib.g_free(text)
