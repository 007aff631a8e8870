import ctypes
import os
import signal
import subprocess
import sys

import pytest

from tme.errors import TmeError
from tme.memory import Memory


def test_ram_is_big_endian_and_zeroed():
    ram = Memory.ram(0x2000)
    assert ram.read(0, 8) == 0
    ram.write(1, 4, 0x11223344)
    assert ram.read(0, 2) == 0x0011
    assert ram.read(1, 4) == 0x11223344
    assert ram.peek(4, 1) == 0x44
    ram.close()
    ram.close()


def test_native_stores_are_seen():
    ram = Memory.ram(0x2000)
    ctypes.c_uint8.from_address(ram.address + 5).value = 0xA5
    assert ram.read(5, 1) == 0xA5
    ram.write(6, 1, 0x5A)
    assert ctypes.c_uint8.from_address(ram.address + 6).value == 0x5A
    ram.close()


def test_large_ram_costs_nothing_until_used():
    ram = Memory.ram(4 << 30)
    ram.write((4 << 30) - 4, 4, 0xDEADBEEF)
    assert ram.read((4 << 30) - 4, 4) == 0xDEADBEEF
    ram.close()


def test_rom_refuses_writes_and_leaves_the_file(tmp_path):
    image = tmp_path / "rom.bin"
    image.write_bytes(b"\x0f\xef\x00\x00rom!!")
    rom = Memory.rom(image)
    rom.write(0, 4, 0)
    assert not rom.writable
    assert rom.size == 9
    assert rom.read(0, 4) == 0x0FEF0000
    rom.close()
    assert image.read_bytes() == b"\x0f\xef\x00\x00rom!!"


@pytest.mark.parametrize("make", [Memory.rom, Memory.persistent])
def test_missing_directory_and_empty_files(tmp_path, make):
    with pytest.raises(TmeError, match=r"none\.bin"):
        make(tmp_path / "none.bin")
    with pytest.raises(TmeError):
        make(tmp_path)
    (tmp_path / "empty").touch()
    with pytest.raises(TmeError, match="empty"):
        make(tmp_path / "empty")


def test_persistent_size_is_made_or_refused(tmp_path):
    image = tmp_path / "nvram"
    Memory.persistent(image, 2048).close()
    assert image.read_bytes() == bytes(2048)
    image.write_bytes(b"short")
    memory = Memory.persistent(image, 8)
    assert memory.read_bytes(0, 8) == b"short\0\0\0"
    memory.close()
    with pytest.raises(TmeError, match="8 bytes, more than its size 4"):
        Memory.persistent(image, 4)


def test_persistent_survives_a_kill(tmp_path):
    image = tmp_path / "nvram"
    image.write_bytes(bytes(16))
    program = (
        "import os, signal, sys\n"
        "from tme.memory import Memory\n"
        "memory = Memory.persistent(sys.argv[1])\n"
        "memory.write(4, 4, 0x12345678)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run([sys.executable, "-c", program, image], env=path)
    assert done.returncode == -signal.SIGKILL
    assert image.read_bytes()[4:8] == b"\x12\x34\x56\x78"


def test_no_ram_of_no_size():
    with pytest.raises(TmeError):
        Memory.ram(0)
