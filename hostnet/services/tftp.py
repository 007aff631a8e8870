"""TFTP, for reading only: a boot file for every name that is an address in hex, and a folder for other names.

A Sun asks for its own address in eight hex digits, some with a suffix: C0A8001C, C0A8001C.SUN4C.
Sources: RFC 1350, 1123 (no sorcerer's apprentice).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hostnet.services.folder import Folder
from hostnet.station import Datagram, Station

PORT, FIRST_PORT = 69, 32_768
READ, WRITE, DATA, ACK, ERROR = range(1, 6)
BLOCK = 512
TRANSFERS = 16
AGAIN, TRIES = 2_000_000_000, 6
HEX_NAME = re.compile(r"[0-9A-Fa-f]{8}(\.[A-Za-z0-9]+)?")


def error(code: int, text: str) -> bytes:
    return bytes((0, ERROR, 0, code)) + text.encode() + b"\0"


class Tftp:
    """boot: the file for names in hex; folder: where other names are; allow: see Rpc."""

    def __init__(
        self, station: Station, boot: Path | None, folder: Folder | None, allow: Callable[[], bool]
    ) -> None:
        self.station, self.boot, self.folder, self.allow = station, boot, folder, allow
        self.transfers: dict[tuple[bytes, int], Transfer] = {}
        self._port = FIRST_PORT
        station.udp[PORT] = self._request

    def _request(self, datagram: Datagram) -> None:
        data = datagram.payload
        if len(data) < 4 or not self.allow():
            return
        op, words = data[0] << 8 | data[1], data[2:].split(b"\0")
        if op == WRITE:
            datagram.reply(error(2, "read only"))
        elif op == READ and len(words) >= 3:
            key = datagram.who, datagram.sport
            if key in self.transfers:  # it did not hear us
                self.transfers[key].end()
            if words[1].lower() not in (b"octet", b"netascii") or len(self.transfers) >= TRANSFERS:
                datagram.reply(error(0, "try again later"))
                return
            file = self._open(words[0].decode("latin-1"))
            if file is None:
                if datagram.to in self.station.addresses:  # a question to everybody: others may know it
                    datagram.reply(error(1, "no such file"))
                return
            self._port = self._port + 1 if self._port < 65_000 else FIRST_PORT
            self.transfers[key] = Transfer(self, key, datagram, file, self._port)

    def _open(self, name: str) -> int | None:
        if self.folder is not None:
            with suppress(OSError):
                return self.folder.open(self.folder.find(name))
        if self.boot is not None and HEX_NAME.fullmatch(name.rsplit("/", 1)[-1]):
            with suppress(OSError):
                return os.open(self.boot, os.O_RDONLY | os.O_CLOEXEC)
        return None

    def close(self) -> None:
        for transfer in list(self.transfers.values()):
            transfer.end()


class Transfer:
    """One file on its way; it has a port of its own."""

    def __init__(self, server: Tftp, key: tuple[bytes, int], request: Datagram, file: int, port: int) -> None:
        self.server, self.key, self.request, self.file, self.port = server, key, request, file, port
        self.block = 1
        self._tries = 0
        self._data = b""
        server.station.udp[port] = self._answer
        self._send()

    def _send(self) -> None:
        self._data = os.pread(self.file, BLOCK, (self.block - 1) * BLOCK)
        self._say()
        self._wait(self.block)

    def _say(self) -> None:
        head = bytes((0, DATA)) + (self.block & 0xFFFF).to_bytes(2, "big")
        self.request.reply(head + self._data, port=self.port)

    def _wait(self, block: int) -> None:
        self.server.station.clock.after(AGAIN, lambda: self._late(block))

    def _late(self, block: int) -> None:
        if self.file < 0 or block != self.block:
            return
        self._tries += 1
        if self._tries >= TRIES:
            self.end()
        else:
            self._say()
            self._wait(block)

    def _answer(self, datagram: Datagram) -> None:
        data = datagram.payload
        if (datagram.who, datagram.sport) != self.key:
            datagram.reply(error(5, "unknown transfer"))
        elif data[:2] == bytes((0, ERROR)):
            self.end()
        elif data[:2] == bytes((0, ACK)) and data[2:4] == (self.block & 0xFFFF).to_bytes(2, "big"):
            if len(self._data) < BLOCK:
                self.end()
                return
            self._tries = 0
            self.block += 1
            self._send()

    def end(self) -> None:
        """The file is through, or nobody wants it any more."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1
            self.server.station.udp.pop(self.port, None)
            self.server.transfers.pop(self.key, None)
