"""host/boot: how firmware reaches the file that the user gave with `--boot`, and the host's standard files.

    boot0 at obio0 addr 0x1f0000: tme/host/boot

Not a device that any Sun had: it takes the place of the disk or server that a real machine boots from.
Registers are 32 bits wide, big-endian; a command runs to its end during the write that starts it.

    0x00  magic "TMEB"            0x04  write: command, read: status (0 or a positive host error number)
    0x08  arg0   0x0C  arg1   0x10  arg2   0x14  result          0x1000-0x1FFF  window

    1 INFO     result = size of the boot file; status 2 when there is none
    2 READ     arg0 offset, arg1 length: file -> window, result = count
    3 WRITE    arg0 descriptor (1, 2), arg1 length: window -> host, result = count
    4 EXIT     arg0 exit code
    5 ARGS     NUL-separated arguments -> window, arg0 = how many, result = bytes
    6 TIME     result = seconds since 1970, arg0 = nanoseconds, by the guest's clock
    7 OPTIONS  result bit 0 verbose, bit 1 a boot file was given
    8 STDIN    arg1 length: standard input -> window, result = count, 0 at its end
    9 NAME     arg1 length: window holds the name of a file in the boot folder (or of a packaged demo), from
               now on the boot file

Files of the boot folder, for programs (devices/host/files.py; written only when `--boot-dir` names it):

    10 OPEN    arg0 flags, arg1 length, arg2 mode; name in the window: result = descriptor
    11 CLOSE   arg0 descriptor
    12 INPUT   arg0 descriptor, arg1 length: file -> window, result = count
    13 OUTPUT  arg0 descriptor, arg1 length: window -> file, result = count
    14 SEEK    arg0 descriptor, arg1 whence, window: offset (64 bits); window = new offset
    15 STATUS  arg0 descriptor: 16 numbers of 64 bits -> window (files.STATUS), result = 1 for a terminal
    16 LOOK    arg0 1: follow a link, arg1 length: name in the window; as STATUS
    17 RESIZE  arg0 descriptor, window: size (64 bits)
    18 REMOVE  arg1 length: name in the window
    19 RENAME  arg1 length: old and new name in the window, each ended by NUL

With 0x100 added READ, WRITE, STDIN, INPUT and OUTPUT leave the window alone: their data is in the guest's
memory, at the supervisor's virtual address arg2, and up to 1 MB of it; status 14 where there is no memory.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from devices.generic.bus import Slave
from devices.host import files
from devices.host.files import FIRST, Files
from tme.args import Args
from tme.console import Console
from tme.element import Element
from tme.errors import TmeError
from tme.paths import resolve
from tme.port import Port

if TYPE_CHECKING:
    from tme.machine import Machine, Processor

T = TypeVar("T")
MAGIC = 0x544D4542
SIZE = 0x2000
WINDOW = 0x1000
WINDOW_SIZE = 0x1000
DIRECT = 0x100
MOST = 1 << 20
"""Bytes of guest memory that a command transfers."""

COMMAND, ARG0, ARG1, ARG2, RESULT = 0x04, 0x08, 0x0C, 0x10, 0x14


class BootRegisters:
    """The bus side: registers and window. Commands are given to `run`."""

    width = 4

    def __init__(self, run: Callable[[int], None]) -> None:
        self.run = run
        self.regs = {COMMAND: 0, ARG0: 0, ARG1: 0, ARG2: 0, RESULT: 0}
        self.window = bytearray(WINDOW_SIZE)

    def peek(self, offset: int, size: int) -> int:
        if offset >= WINDOW:
            return int.from_bytes(self.window[offset - WINDOW : offset - WINDOW + size], "big")
        value = MAGIC if offset < 4 else self.regs.get(offset & ~3, 0)
        return value >> (4 - size - (offset & 3)) * 8 & (1 << size * 8) - 1

    read = peek

    def write(self, offset: int, size: int, value: int) -> None:
        if offset >= WINDOW:
            self.window[offset - WINDOW : offset - WINDOW + size] = value.to_bytes(size, "big")
        elif offset == COMMAND and size == 4:
            self.run(value)
        elif offset in (ARG0, ARG1, ARG2) and size == 4:
            self.regs[offset] = value


class Boot(Element):
    """The boot file, arguments and standard files of the host, as a device."""

    module = "host/boot"
    summary = "gives firmware the boot file, its arguments, standard input and output, and exit"

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.registers = BootRegisters(self.run)
        self._direct = False  # the command under way is for guest memory
        self.path: Path | None = None
        self.file: int | None = None
        options = machine.options
        self.folder = options.boot_dir or (options.boot.parent if options.boot else Path("."))
        self.files = Files(self.folder, writable=options.boot_dir is not None)
        self.arguments = [str(options.boot or ""), *options.boot_args]
        if options.boot:
            self.open(options.boot)

    def ports(self, args: Args) -> list[Port]:
        return [Slave(self, args, self.registers, SIZE)]

    def reset(self) -> None:
        for register in self.registers.regs:
            self.registers.regs[register] = 0
        self.files.close_all()

    def close(self) -> None:
        self.files.close_all()
        self._close_boot_file()

    def _close_boot_file(self) -> None:
        if self.file is not None:
            os.close(self.file)
            self.file = None

    def open(self, path: Path) -> None:
        """Make `path` the boot file; TmeError when it cannot be read."""
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise self.error(f"cannot read the boot file {path}: {error.strerror}") from None
        self._close_boot_file()
        self.file, self.path = file, path

    def run(self, command: int) -> None:
        """Run one command; the guest sees the result and the status when its write ends."""
        regs = self.registers.regs
        self._direct = bool(command & DIRECT)
        action = self.COMMANDS.get(command & ~DIRECT)
        regs[RESULT] = 0
        try:
            if action is None or (self._direct and action not in self.TRANSFERS):
                raise OSError(errno.ENOSYS, "")
            regs[RESULT] = action(self) & 0xFFFF_FFFF
            regs[COMMAND] = 0
        except OSError as error:
            regs[COMMAND] = error.errno or errno.EIO

    def _fill(self, data: bytes) -> int:
        """Give the guest what it asked for."""
        if self._direct:
            self._in_memory(lambda processor, at: processor.write(at, data, physical=False))
        else:
            self.registers.window[: len(data)] = data
        return len(data)

    def _data(self) -> bytes:
        """What the guest has given."""
        length = self._length()
        if self._direct:
            return self._in_memory(lambda processor, at: processor.read(at, length, physical=False))
        return bytes(self.registers.window[:length])

    def _in_memory(self, access: Callable[[Processor, int], T]) -> T:
        processor = self.machine.processor
        assert processor is not None  # it gave the command
        try:
            return access(processor, self.registers.regs[ARG2])
        except TmeError:
            raise OSError(errno.EFAULT, "") from None

    def _length(self) -> int:
        length = self.registers.regs[ARG1]
        if length > (MOST if self._direct else WINDOW_SIZE):
            raise OSError(errno.EINVAL, "")
        return length

    def _boot_file(self) -> int:
        if self.file is None:
            raise OSError(errno.ENOENT, "")
        return self.file

    def _info(self) -> int:
        return os.fstat(self._boot_file()).st_size

    def _read(self) -> int:
        return self._fill(os.pread(self._boot_file(), self._length(), self.registers.regs[ARG0]))

    def _write(self) -> int:
        data = self._data()
        streams = {1: sys.stdout, 2: sys.stderr}
        stream = streams.get(self.registers.regs[ARG0])
        if stream is None:
            raise OSError(errno.EBADF, "")
        if self.machine.standard is not None:
            self.machine.standard.output(self.registers.regs[ARG0], data)
            return len(data)
        try:
            stream.buffer.write(data)
            stream.flush()
        except ValueError:  # closed by the host
            raise OSError(errno.EPIPE, "") from None
        return len(data)

    def _exit(self) -> int:
        self.machine.stop(self.registers.regs[ARG0] & 0xFF)
        return 0

    def _args(self) -> int:
        packed = b"".join(os.fsencode(word) + b"\0" for word in self.arguments)
        if len(packed) > WINDOW_SIZE:
            raise OSError(errno.E2BIG, "")
        self.registers.regs[ARG0] = len(self.arguments)
        return self._fill(packed)

    def _time(self) -> int:
        now = self.machine.clock.wall().timestamp()
        self.registers.regs[ARG0] = int(now % 1 * 1_000_000_000)
        return int(now)

    def _options(self) -> int:
        options = self.machine.options
        return int(options.verbose) | bool(options.boot) << 1

    def _stdin(self) -> int:
        if self.machine.standard is not None:
            return self._fill(self.machine.standard.input(self._length()))
        return self._fill(Console.take(sys.stdin.fileno(), self._length()))

    def _name(self) -> int:
        name = self._window_name()
        path = self._find(name)
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.close()  # a program that ended has left nothing open
        self.file, self.path = file, path
        self.arguments[0] = name
        return os.fstat(file).st_size

    def _find(self, name: str) -> Path:
        """The file `name` of the boot folder, which cannot be left, or else of the firmware's demos."""
        path = self.files.find(name)
        if not path.is_file() and "/" not in name:
            path = resolve(f"@firmware/demos/{name}", None)
        if not path.is_file():
            raise OSError(errno.ENOENT, "")
        return path

    def _window_name(self) -> str:
        return os.fsdecode(bytes(self.registers.window[: self._length()]).split(b"\0")[0])

    def _window_number(self) -> int:
        return int.from_bytes(self.registers.window[:8], "big", signed=True)

    def _open(self) -> int:
        return self.files.open(self._window_name(), self.registers.regs[ARG0], self.registers.regs[ARG2])

    def _close(self) -> int:
        self.files.close(self.registers.regs[ARG0])
        return 0

    def _input(self) -> int:
        if self.registers.regs[ARG0] == 0:
            return self._stdin()
        return self._fill(os.read(self._file_of_guest(), self._length()))

    def _output(self) -> int:
        if self.registers.regs[ARG0] in range(FIRST):
            return self._write()
        return os.write(self._file_of_guest(), self._data())

    def _file_of_guest(self) -> int:
        if self.registers.regs[ARG0] in range(FIRST):  # reading from 1 or 2
            raise OSError(errno.EBADF, "")
        return self.files.descriptor(self.registers.regs[ARG0])

    def _seek(self) -> int:
        regs = self.registers.regs
        at = self.files.seek(regs[ARG0], self._window_number(), regs[ARG1])
        return self._fill(at.to_bytes(8, "big"))

    def _status(self) -> int:
        guest = self.registers.regs[ARG0]
        if self.machine.standard is not None and guest in range(FIRST):
            self._fill(files.STATUS.pack(0, 0, stat.S_IFIFO | 0o600, 1, *[0] * 12))
            return 0
        self._fill(self.files.status(guest))
        return int(os.isatty(self.files.descriptor(guest)))

    def _look(self) -> int:
        self._fill(self.files.status_of(self._window_name(), bool(self.registers.regs[ARG0])))
        return 0

    def _resize(self) -> int:
        self.files.truncate(self.registers.regs[ARG0], self._window_number())
        return 0

    def _remove(self) -> int:
        self.files.unlink(self._window_name())
        return 0

    def _rename(self) -> int:
        old, new, *_ = bytes(self.registers.window[: self._length()] + b"\0\0").split(b"\0")
        self.files.rename(os.fsdecode(old), os.fsdecode(new))
        return 0

    COMMANDS: ClassVar[dict[int, Callable[[Boot], int]]] = {
        1: _info,
        2: _read,
        3: _write,
        4: _exit,
        5: _args,
        6: _time,
        7: _options,
        8: _stdin,
        9: _name,
        10: _open,
        11: _close,
        12: _input,
        13: _output,
        14: _seek,
        15: _status,
        16: _look,
        17: _resize,
        18: _remove,
        19: _rename,
    }
    TRANSFERS: ClassVar = (_read, _write, _stdin, _input, _output)
