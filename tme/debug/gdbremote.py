"""A small client of the GDB remote protocol: enough to single-step a program under an emulator."""

from __future__ import annotations

import socket


class RemoteError(Exception):
    """The other side refused, or went away."""


class Remote:
    """One connection; `registers` and `read` talk about the stopped program."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._have = b""

    def command(self, text: str) -> str:
        """Send a packet, return the answer's text."""
        body = text.encode()
        self._socket.sendall(b"$%s#%02x" % (body, sum(body) & 0xFF))
        return self._answer()

    def _answer(self) -> str:
        while True:
            start, end = self._have.find(b"$"), self._have.find(b"#")
            if 0 <= start < end and len(self._have) >= end + 3:
                body, check = self._have[start + 1 : end], self._have[end + 1 : end + 3]
                self._have = self._have[end + 3 :]
                if int(check, 16) != sum(body) & 0xFF:
                    self._socket.sendall(b"-")
                    continue
                self._socket.sendall(b"+")
                return _unfold(body).decode("ascii")
            piece = self._socket.recv(65536)
            if not piece:
                raise RemoteError("the connection ended")
            self._have += piece

    def registers(self) -> bytes:
        """All registers, in the target's order and byte order."""
        answer = self.command("g")
        if answer.startswith("E"):
            raise RemoteError(f"cannot read the registers: {answer}")
        return bytes.fromhex(answer)

    def read(self, address: int, size: int) -> bytes:
        """Memory; RemoteError where there is none."""
        out = b""
        while len(out) < size:
            answer = self.command(f"m{address + len(out):x},{min(size - len(out), 1024):x}")
            if not answer or answer[0] == "E":
                raise RemoteError(f"no memory at {address + len(out):#x}")
            out += bytes.fromhex(answer)
        return out

    def step(self) -> int | None:
        """One instruction; the exit status if it ended the program, RemoteError if a signal did."""
        return self._resume("s")

    def run_to(self, address: int) -> int | None:
        """On to the instruction at `address`; otherwise as `step`."""
        breakpoint = f"0,{address:x},2"
        if self.command(f"Z{breakpoint}") != "OK":
            raise RemoteError("it knows no breakpoints")
        status = self._resume("c")
        if status is None:
            self.command(f"z{breakpoint}")
        return status

    def _resume(self, command: str) -> int | None:
        answer = self.command(command)
        if answer[0] == "W":
            return int(answer[1:3], 16)
        if answer[0] not in "ST" or answer[1:3] != "05":
            raise RemoteError(f"the program was stopped by {answer}")
        return None


def _unfold(body: bytes) -> bytes:
    """Without the protocol's run-length encoding (`x*c`: x, c - 29 more times) and escapes (`}c`)."""
    out = bytearray()
    at = 0
    while at < len(body):
        c = body[at]
        if c == 0x2A and out and at + 1 < len(body):
            out += out[-1:] * (body[at + 1] - 29)
            at += 1
        elif c == 0x7D and at + 1 < len(body):
            at += 1
            out.append(body[at] ^ 0x20)
        else:
            out.append(c)
        at += 1
    return bytes(out)
