"""What a guest was told to be written is on the image, however the emulator ends; a second one is refused."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.firmware.cross import ROOT, boot_program
from tests.firmware.test_scsi import BLOCK, BOARDS

FIRST, ENOUGH = 64, 100
"""Where writer.c begins, and how many blocks it may write before the end comes."""
DISK = """
sd0 at scsibus0: tme/scsi/disk id 0 type acb4000
disk0 at sd0: tme/host/posix/disk file "{image}"
command mainbus0 power up
"""


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """The command of a machine whose disk, disk.img, holds nothing but writer.c."""
    image = tmp_path / "disk.img"
    program = boot_program(tmp_path, ROOT / "tests/machine/writer.c")
    image.write_bytes((bytes(BLOCK) + program).ljust(4096 * BLOCK, b"\0"))
    text = (ROOT / "tme/machines/SUN3").read_text() + BOARDS["sc"] + DISK.format(image=image)
    (tmp_path / "machine").write_text(text)
    return [sys.executable, "-m", "tme", "--interp", "--clock", "icount", str(tmp_path / "machine")]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_acknowledged_writes_survive(tmp_path: Path, words: list[str], how: signal.Signals) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said = b""
        try:
            process.stdin.write(b"b sd()\n")
            process.stdin.flush()
            while b"wrote %d\r" % ENOUGH not in said:
                line = process.stdout.readline()
                assert line, said
                said += line
            if how == signal.SIGTERM:
                second = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, cwd=ROOT)
                assert second.returncode == 1
                assert b"disk.img is in use by another disk or another machine" in second.stderr
            process.send_signal(how)
            said += process.stdout.read()
            process.wait(30)
        finally:
            process.kill()
        assert process.returncode == (-how if how == signal.SIGKILL else 128 + how)
    told = [int(number) for number in re.findall(rb"wrote (\d+)\r\n", said)]
    assert told == list(range(len(told)))
    written = (tmp_path / "disk.img").read_bytes()[FIRST * BLOCK :]
    for n in told:
        assert written[n * BLOCK :][:BLOCK] == bytes((n & 0xFF,)) * BLOCK, n
