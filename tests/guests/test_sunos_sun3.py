"""A real Sun-3 PROM and SunOS 4.1.1's tape, on both SCSI boards. Opt-in: see tests/guests/sunos.py."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import reduce
from operator import xor

import pytest

from tests.guests.sunos import CYLINDERS, DISK, HEADS, PARTITIONS, SECTORS, Sun, description, label, needed

pytestmark = needed


@pytest.mark.parametrize("engine", ["interp", "jit"])
@pytest.mark.parametrize("board", ["sc", "si"])
def test_from_the_prom_to_a_shell_that_labels_a_disk(tmp_path, board, engine):
    with Sun(description(tmp_path, board), engine=engine) as sun:
        said = sun.prompt()
        assert "Selftest Completed." in said
        assert "No label found - attempting boot anyway." in said
        said = sun.menu()
        assert "Size: 507912+123920+79144 bytes" in said
        assert "mem = 32768K (0x2000000)" in said
        assert f"{board}0 at vme24d16 0x200000 vec 0x40" in said
        assert f"st0 at {board}0 slave 32" in said
        assert "WARNING: clock gained 443 days" in said  # from the last mount of the RAM disk to 1992
        sun.leave_menu()

        assert {"bin", "dev", "etc", "usr"} <= set(sun.sh("ls /").split())
        assert "localhost" in sun.sh("cat /etc/hosts")
        assert sun.sh("expr 6 \\* 7") == "42\n"

        # the tape: a table of contents as its second file, between file marks
        sun.sh("mt -f /dev/nrst8 rew")
        assert "64+0 records in" in sun.sh("dd if=/dev/nrst8 of=/dev/null bs=512")
        assert "16+0 records out" in sun.sh("dd if=/dev/nrst8 of=/tmp/toc bs=512")
        assert "Emulex MT-02" in sun.sh("mt -f /dev/nrst8 status")
        sun.sh("mt -f /dev/nrst8 rew; mt -f /dev/nrst8 fsf 2")
        assert "1+0 records in" in sun.sh("dd if=/dev/nrst8 of=/tmp/munix bs=512 count=1")

        # the disk: label it, look at it with format again, put an archive on it
        assert "<drive type unknown>" in sun.label()
        sun.send("format\r")
        said = sun.expect("(enter its number): ")
        assert f"<tmesh cyl {CYLINDERS - 2} alt 2 hd {HEADS} sec {SECTORS}>" in said
        sun.send("0\r")
        while not sun.expect(re.compile(r"(\]: |format> )$"), 120).endswith("format> "):
            sun.send("\r")  # what an ACB-4000 does not tell: skew, precompensation
        sun.sh("quit")
        assert sun.sh("tar cf /dev/rsd0g etc") == ""
        listing = sun.sh("tar tvf /dev/rsd0g")
        assert re.search(r" 122 Oct 14 23:12 1990 etc/hosts\n", listing)
        sun.sh("cd /tmp; rm toc munix; tar xf /dev/rsd0g etc/hosts; cd /")
        assert sun.sh("cat /tmp/etc/hosts") == sun.sh("cat /etc/hosts")

    image = (tmp_path / "disk.img").read_bytes()
    assert len(image) == DISK
    check_label(label())
    check_label(image[:512])
    archive = PARTITIONS[-1][1] * HEADS * SECTORS * 512
    assert image[archive : archive + 4] == b"etc/"


def check_label(sector: bytes) -> None:
    """Sun's disk label: geometry, partitions, magic number, checksum."""
    words = struct.unpack(">256H", sector)
    assert words[254] == 0xDABE
    assert reduce(xor, words) == 0
    assert words[216:219] == (CYLINDERS - 2, 2, HEADS)
    assert words[219] == SECTORS
    maps = struct.unpack(">16I", sector[444:508])
    found = {chr(97 + at): maps[2 * at : 2 * at + 2] for at in range(8)}
    assert all(found[name] == (cylinder, blocks) for name, cylinder, blocks in PARTITIONS)


def test_the_same_every_time_and_in_every_engine(tmp_path):
    runs = []
    for engine in ("jit", "interp", "jit"):
        folder = tmp_path / str(len(runs))
        folder.mkdir()
        with Sun(description(folder, "si"), engine=engine) as sun:
            sun.shell()
            sun.sh("ls -l /; dd if=/dev/rsd0c of=/dev/null bs=8k count=4")
            runs.append((sun.text, sun.instructions, sun.seconds))
    assert runs[0] == runs[1]
    assert runs[0] == runs[2]


def test_the_host_clock_gives_today_s_date(tmp_path):
    with Sun(description(tmp_path, "sc"), engine="jit", clock="host") as sun:
        sun.prompt()
        said = sun.menu()
        today = datetime.now(UTC)
        gained = re.search(r"clock gained (\d+) days", said)
        assert gained
        days = (today - datetime(1990, 10, 14, 23, 12, tzinfo=UTC)).days
        assert abs(int(gained[1]) - days) <= 1
        sun.leave_menu()
        sun.sh("cat /dev/null > /tmp/now")
        listing = sun.sh("ls -l /tmp/now")
        assert re.search(rf"{today:%b} ( {today.day}|{today.day}) ", listing)


@pytest.mark.parametrize("clock", ["icount", "host"])
@pytest.mark.parametrize(("board", "engine"), [("sc", "interp"), ("si", "jit")])
def test_the_diagnostic_switch(tmp_path, board, engine, clock):
    text = description(tmp_path, board, megabytes=4) + "command mainbus0 diag-switch true\n"
    with Sun(text, engine=engine, clock=clock) as sun:
        said = sun.prompt()
    assert "Memory Test (Testing 0x00000004 MBytes)" in said
    assert "Selftest passed." in said
    assert "Auto-boot in progress...Boot: ie(0,0,0)" in said


def test_what_a_command_has_written_survives_kill_9(tmp_path):
    (tmp_path / "disk.img").write_bytes(label())
    os.truncate(tmp_path / "disk.img", DISK)
    (tmp_path / "SUN").write_text(description(tmp_path, "sc") + "command mainbus0 power up\n")
    words = [sys.executable, "-m", "tme", "--jit", "--clock", "icount", str(tmp_path / "SUN")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            converse(
                process,
                ("\n>", "b st()"),
                ("Enter a 1 or 2: ", "2"),
                ("\n# ", "echo acknowledged | dd of=/dev/rsd0c bs=512 conv=sync seek=77"),
                ("1+0 records out", ""),
            )
        finally:
            process.kill()
    with (tmp_path / "disk.img").open("rb") as image:
        image.seek(77 * 512)
        assert image.read(512) == b"acknowledged\n".ljust(512, b"\0")


def converse(process, *dialogue):
    """Wait for each text on a process's output, without parity and carriage returns, then answer it."""
    said, end = "", time.monotonic() + 600
    for text, reply in dialogue:
        while text not in said:
            assert time.monotonic() < end, f"no {text!r} in {said}"
            data = process.stdout.read1()
            assert data, f"the machine has ended: {said}"
            said += bytes(byte & 0x7F for byte in data).decode("ascii").replace("\r", "")
        said = said.partition(text)[2]
        process.stdin.write(f"{reply}\r".encode())
        process.stdin.flush()
