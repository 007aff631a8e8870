"""Remote procedure calls over UDP, and the port mapper. Sources: RFC 1057."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from hostnet.services import xdr
from hostnet.services.xdr import Garbage, Reader
from hostnet.station import Datagram, Station

CALL, REPLY = 0, 1
PORTMAP, PORTMAP_PORT, UDP = 100_000, 111, 17
SUCCESS, PROG_UNAVAIL, PROG_MISMATCH, PROC_UNAVAIL, GARBAGE_ARGS = range(5)
AUTH_BYTES = 400
REMEMBERED, FOR = 128, 30_000_000_000
"""Answers kept, and how long, for callers that repeat themselves: what was removed must not fail then."""


@dataclass
class Caller:
    """Who calls, as far as that matters."""

    ip: bytes


Procedure = Callable[[Reader, Caller], bytes | None]


@dataclass
class Program:
    """A program in some versions. procedures: number -> function from arguments to results, None: no answer;
    once: those that must not be done twice."""

    number: int
    versions: tuple[int, ...]
    port: int
    procedures: dict[int, Procedure] = field(default_factory=dict)
    once: frozenset[int] = frozenset()


class Rpc:
    """All programs of a station. allow: asked before every call, False when there are too many."""

    def __init__(self, station: Station, allow: Callable[[], bool]) -> None:
        self.station, self.allow = station, allow
        self.programs: dict[int, Program] = {}
        self.calls = 0
        self._answers: OrderedDict[tuple[bytes, int, int, bytes], tuple[int, bytes]] = OrderedDict()
        mapper = Program(PORTMAP, (2,), PORTMAP_PORT)
        mapper.procedures = {
            0: lambda r, c: b"",
            1: lambda r, c: xdr.uints(0),
            2: lambda r, c: xdr.uints(0),
            3: self._getport,
            4: lambda r, c: self._dump(),
            5: self._callit,
        }
        self.add(mapper)

    def add(self, program: Program) -> None:
        """Serve a program."""
        self.programs[program.number] = program
        self.station.udp[program.port] = self._datagram

    def _datagram(self, datagram: Datagram) -> None:
        if not self.allow():
            return
        self.calls += 1
        data, now = datagram.payload, self.station.clock.now
        key = datagram.who, datagram.sport, datagram.dport, data
        known = self._answers.get(key)
        if known is not None and now - known[0] < FOR:
            datagram.reply(known[1])
            return
        try:
            answer, once = self._call(Reader(data), datagram)
        except Garbage:
            return
        if answer is None:
            return
        if once:
            self._answers.pop(key, None)
            self._answers[key] = now, answer
            if len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        datagram.reply(answer)

    def _call(self, reader: Reader, datagram: Datagram) -> tuple[bytes | None, bool]:
        """The answer, and whether it has to be remembered."""
        xid, kind, version = reader.uints(3)
        if kind != CALL:
            return None, False
        if version != 2:
            return xdr.uints(xid, REPLY, 1, 0, 2, 2), False
        number, asked, procedure = reader.uints(3)
        for _ in range(2):  # credentials and verifier
            reader.uint()
            reader.opaque(AUTH_BYTES)
        program = self.programs.get(number)
        if program is not None and program.port != datagram.dport:
            program = None
        result = self._run(program, asked, procedure, reader, Caller(datagram.who))
        if result is None:
            return None, False
        return xdr.uints(xid, REPLY, 0, 0, 0) + result, program is not None and procedure in program.once

    @staticmethod
    def _run(
        program: Program | None, version: int, number: int, reader: Reader, caller: Caller
    ) -> bytes | None:
        if program is None:
            return xdr.uints(PROG_UNAVAIL)
        if version not in program.versions:
            return xdr.uints(PROG_MISMATCH, min(program.versions), max(program.versions))
        procedure = program.procedures.get(number)
        if procedure is None:
            return xdr.uints(PROC_UNAVAIL)
        try:
            result = procedure(reader, caller)
        except Garbage:
            return xdr.uints(GARBAGE_ARGS)
        return None if result is None else xdr.uints(SUCCESS) + result

    # ---- the port mapper -------------------------------------------------------------------------------

    def _getport(self, reader: Reader, caller: Caller) -> bytes:
        number, _, protocol, _ = reader.uints(4)
        program = self.programs.get(number)
        known = program is not None and protocol == UDP
        return xdr.uints(program.port if program and known else 0)

    def _dump(self) -> bytes:
        rows = [(p.number, v, UDP, p.port) for p in self.programs.values() for v in p.versions]
        return b"".join(xdr.uints(1, *row) for row in rows) + xdr.uints(0)

    def _callit(self, reader: Reader, caller: Caller) -> bytes | None:
        """A call by broadcast: silence unless it succeeds."""
        number, version, procedure = reader.uints(3)
        arguments = Reader(reader.opaque(8800))
        program = self.programs.get(number)
        if program is None or number == PORTMAP:
            return None
        result = self._run(program, version, procedure, arguments, caller)
        if result is None or result[:4] != xdr.uints(SUCCESS):
            return None
        return xdr.uints(program.port) + xdr.opaque(result[4:])
