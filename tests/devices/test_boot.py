import io
import os
import struct
import sys
from types import SimpleNamespace

import pytest

from tme.errors import TmeError
from tme.options import Options

BASE = 0x1F0000
WINDOW = BASE + 0x1000


class Firmware:
    """Drives the registers as the firmware does."""

    def __init__(self, machine):
        self.bus = machine.make("obio0", "generic/bus size 16MB").map
        self.boot = machine.make("boot0", "tme/host/boot")
        machine.connect(f"boot0 at obio0 addr {BASE:#x}")

    def __call__(self, command, arg0=0, arg1=0):
        self.bus.write(BASE + 8, 4, arg0)
        self.bus.write(BASE + 12, 4, arg1)
        self.bus.write(BASE + 4, 4, command)
        return self.bus.read(BASE + 4, 4), self.bus.read(BASE + 0x14, 4)

    def window(self, count):
        return bytes(self.bus.read(WINDOW + i, 1) for i in range(count))


@pytest.fixture
def program(tmp_path, machine):
    path = tmp_path / "prog.elf"
    path.write_bytes(bytes(range(256)) * 40)
    machine.options = Options(boot=path, boot_args=("one", "two three"))
    return path


def test_magic(machine):
    firmware = Firmware(machine)
    assert firmware.bus.read(BASE, 4) == struct.unpack(">I", b"TMEB")[0]
    assert firmware.bus.read(BASE + 1, 1) == ord("M")
    assert firmware.bus.peek(BASE + 2, 2) == 0x4542


def test_no_boot_file(machine):
    firmware = Firmware(machine)
    assert firmware(1) == (2, 0)
    assert firmware(2, 0, 10) == (2, 0)
    assert firmware(7) == (0, 0)


def test_read_the_boot_file(machine, program):
    firmware = Firmware(machine)
    assert firmware(1) == (0, 10240)
    assert firmware(2, 0x101, 4096) == (0, 4096)
    assert firmware.window(3) == b"\1\2\3"
    assert firmware(2, 10200, 4096) == (0, 40)
    assert firmware(2, 20000, 4096) == (0, 0)
    assert firmware(2, 0, 4097)[0] == 22
    assert firmware(7) == (0, 2)


def test_arguments(machine, program):
    firmware = Firmware(machine)
    packed = os.fsencode(program) + b"\0one\0two three\0"
    assert firmware(5) == (0, len(packed))
    assert firmware.bus.read(BASE + 8, 4) == 3
    assert firmware.window(len(packed)) == packed


def test_write_and_exit(machine, monkeypatch):
    firmware = Firmware(machine)
    out = SimpleNamespace(buffer=io.BytesIO(), flush=lambda: None)
    monkeypatch.setattr(sys, "stdout", out)
    for offset, byte in enumerate(b"hello"):
        firmware.bus.write(WINDOW + offset, 1, byte)
    assert firmware(3, 1, 5) == (0, 5)
    assert out.buffer.getvalue() == b"hello"
    assert firmware(3, 7, 5)[0] == 9
    firmware(4, 3)
    assert machine.exit_code == 3


def test_time_is_the_guests(machine):
    firmware = Firmware(machine)
    machine.clock.advance(1_500_000_000)
    assert firmware(6) == (0, int(machine.clock.wall().timestamp()))
    assert firmware.bus.read(BASE + 8, 4) == 500_000_000


def test_names_stay_in_the_boot_folder(machine, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "kernel").write_bytes(b"kernel")
    (tmp_path / "secret").write_bytes(b"secret")
    machine.options = Options(boot_dir=tmp_path / "in")
    firmware = Firmware(machine)

    def name(text):
        for offset, byte in enumerate(text + b"\0"):
            firmware.bus.write(WINDOW + offset, 1, byte)
        return firmware(9, 0, len(text) + 1)

    assert name(b"../secret")[0] == 13
    assert name(b"/etc/passwd")[0] == 13
    assert name(b"none")[0] == 2
    assert name(b"kernel") == (0, 6)
    assert firmware(2, 0, 100) == (0, 6)
    assert firmware.window(6) == b"kernel"


def test_standard_input(machine, monkeypatch):
    firmware = Firmware(machine)
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "stdin", os.fdopen(reading))
    os.write(writing, b"input")
    os.close(writing)
    assert firmware(8, 0, 100) == (0, 5)
    assert firmware.window(5) == b"input"
    assert firmware(8, 0, 100) == (0, 0)
    sys.stdin.close()


def test_unknown_command(machine):
    assert Firmware(machine)(99)[0] == 38


def test_unreadable_boot_file(machine, tmp_path):
    machine.options = Options(boot=tmp_path / "none.elf")
    with pytest.raises(TmeError, match=r"boot0 .*none\.elf"):
        Firmware(machine)


class Memory:
    """A processor whose memory has 4 KB at 0x2000."""

    def __init__(self):
        self.bytes = bytearray(0x1000)

    def _where(self, address, length):
        if not 0x2000 <= address <= address + length <= 0x3000:
            raise TmeError("no memory")
        return slice(address - 0x2000, address - 0x2000 + length)

    def read(self, address, length, physical):
        assert not physical
        return bytes(self.bytes[self._where(address, length)])

    def write(self, address, data, physical):
        assert not physical
        self.bytes[self._where(address, len(data))] = data


DIRECT = 0x100


def test_transfers_to_and_from_memory(machine, program, monkeypatch):
    firmware = Firmware(machine)
    machine.processor = memory = Memory()

    def at(address):
        firmware.bus.write(BASE + 16, 4, address)

    at(0x2010)
    assert firmware(DIRECT | 2, 0x101, 0xFF0) == (0, 0xFF0)
    assert memory.bytes[0x0E:0x13] == b"\0\0\1\2\3"
    assert firmware.window(3) == b"\0\0\0"
    assert firmware(DIRECT | 2, 10200, 1 << 20) == (0, 40)
    assert firmware(DIRECT | 2, 0, (1 << 20) + 1)[0] == 22
    assert firmware(DIRECT | 2, 0, 0xFF1) == (14, 0)
    assert firmware(DIRECT | 1)[0] == 38
    assert firmware(DIRECT | 19, 0, 4)[0] == 38
    out = SimpleNamespace(buffer=io.BytesIO(), flush=lambda: None)
    monkeypatch.setattr(sys, "stdout", out)
    memory.bytes[:5] = b"hello"
    at(0x2000)
    assert firmware(DIRECT | 3, 1, 5) == (0, 5)
    assert out.buffer.getvalue() == b"hello"
    at(0x1FFF)
    assert firmware(DIRECT | 3, 1, 5) == (14, 0)
    assert firmware(2, 0, 4096) == (0, 4096)
    assert firmware.window(3) == b"\0\1\2"
