"""Files of the boot folder for programs: descriptors, and no way out of the folder."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from devices.host.files import STATUS, Files
from tme.options import Options

BASE = 0x1F0000
WINDOW = BASE + 0x1000
CREATE, WRITE, READ_WRITE, TRUNCATE, APPEND, DIRECTORY = 0o100, 1, 2, 0o1000, 0o2000, 0o40000


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret").write_text("secret")
    inside = tmp_path / "in"
    (inside / "sub").mkdir(parents=True)
    (inside / "text").write_text("text")
    (inside / "good").symlink_to("text")
    (inside / "bad").symlink_to("../secret")
    (inside / "up").symlink_to("..")
    (inside / "loop").symlink_to("loop")
    os.mkfifo(inside / "fifo")
    return inside


@pytest.fixture
def files(folder):
    files = Files(folder, writable=True)
    yield files
    files.close_all()


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "bad", "up/secret", "sub/../../secret", "sub/../bad"]
)
@pytest.mark.parametrize("flags", [0, CREATE | WRITE])
def test_no_way_out(files, folder, name, flags):
    with pytest.raises(OSError) as caught:
        files.open(name, flags, 0o644)
    assert caught.value.errno == errno.EACCES
    with pytest.raises(OSError) as caught:
        files.status_of(name, follow=True)
    assert caught.value.errno == errno.EACCES
    assert (folder.parent / "secret").read_text() == "secret"


@pytest.mark.parametrize("name", ["../secret", "up/secret", "sub/../../secret", "..", "/etc/passwd"])
def test_nothing_outside_is_removed_or_renamed(files, folder, name):
    actions = (
        lambda: files.unlink(name),
        lambda: files.rename(name, "text"),
        lambda: files.rename("text", name),
    )
    for action in actions:
        with pytest.raises(OSError) as caught:
            action()
        assert caught.value.errno == errno.EACCES
    assert (folder.parent / "secret").read_text() == "secret"
    assert (folder / "text").read_text() == "text"


def test_a_link_is_removed_not_what_it_leads_to(files, folder):
    files.unlink("bad")
    assert not (folder / "bad").is_symlink()
    assert (folder.parent / "secret").read_text() == "secret"


def test_links_inside_lead_on(files, folder):
    fd = files.open(str(folder / "good"), 0, 0)
    assert fd == 3
    assert os.read(files.descriptor(fd), 10) == b"text"


@pytest.mark.parametrize(
    ("name", "error"), [("none", errno.ENOENT), ("", errno.ENOENT), ("loop", errno.ELOOP)]
)
def test_names_that_lead_nowhere(files, name, error):
    with pytest.raises(OSError) as caught:
        files.open(name, 0, 0)
    assert caught.value.errno == error


def test_a_fifo_does_not_stop_the_machine(files):
    with pytest.raises(OSError) as caught:
        files.open("fifo", 0, 0)
    assert caught.value.errno == errno.EACCES


def test_writing_needs_leave(folder):
    files = Files(folder, writable=False)
    actions = (
        lambda: files.open("new", CREATE | WRITE, 0o644),
        lambda: files.open("text", READ_WRITE, 0),
        lambda: files.open("text", TRUNCATE, 0),
        lambda: files.unlink("text"),
        lambda: files.rename("text", "other"),
    )
    for action in actions:
        with pytest.raises(OSError) as caught:
            action()
        assert caught.value.errno == errno.EROFS
    fd = files.open("text", 0, 0)
    with pytest.raises(OSError):
        files.truncate(fd, 0)
    files.close_all()
    assert (folder / "text").read_text() == "text"


def test_descriptors_are_the_lowest_and_limited(files):
    first, second = files.open("text", 0, 0), files.open("text", 0, 0)
    files.close(first)
    assert (first, second, files.open("sub", DIRECTORY, 0)) == (3, 4, 3)
    for _ in range(5, 64):
        files.open("text", 0, 0)
    with pytest.raises(OSError) as caught:
        files.open("text", 0, 0)
    assert caught.value.errno == errno.EMFILE
    with pytest.raises(OSError) as caught:
        files.close(63 + 1)
    assert caught.value.errno == errno.EBADF


def test_through_the_registers(machine, folder):
    machine.options = Options(boot_dir=folder)
    bus = machine.make("obio0", "generic/bus size 16MB").map
    machine.make("boot0", "tme/host/boot")
    machine.connect(f"boot0 at obio0 addr {BASE:#x}")

    def put(data):
        for offset, byte in enumerate(data):
            bus.write(WINDOW + offset, 1, byte)

    def window(count):
        return bytes(bus.read(WINDOW + i, 1) for i in range(count))

    def command(number, arg0=0, arg1=0, arg2=0):
        for offset, value in ((8, arg0), (12, arg1), (16, arg2), (4, number)):
            bus.write(BASE + offset, 4, value)
        return bus.read(BASE + 4, 4), bus.read(BASE + 0x14, 4)

    put(b"new\0")
    assert command(10, CREATE | READ_WRITE, 4, 0o640) == (0, 3)
    put(b"hello world")
    assert command(13, 3, 11) == (0, 11)
    put(struct.pack(">q", -5))
    assert command(14, 3, 2) == (0, 8)
    assert window(8) == struct.pack(">q", 6)
    assert command(12, 3, 100) == (0, 5)
    assert window(5) == b"world"
    put(struct.pack(">q", 5))
    assert command(17, 3) == (0, 0)
    assert command(15, 3) == (0, 0)
    numbers = STATUS.unpack(window(STATUS.size))
    assert (numbers[2], numbers[7]) == (0o100640, 5)
    assert command(11, 3) == (0, 0)
    assert command(12, 3, 1)[0] == errno.EBADF
    assert command(14, 1, 0)[0] == errno.ESPIPE
    put(b"new\0old\0")
    assert command(19, 0, 8) == (0, 0)
    assert (folder / "old").read_bytes() == b"hello"
    put(b"good\0")
    assert command(16, 0, 5) == (0, 0)
    assert STATUS.unpack(window(STATUS.size))[2] >> 12 == 0o12
    put(b"old\0")
    assert command(18, 0, 4) == (0, 0)
    assert not (folder / "old").exists()
