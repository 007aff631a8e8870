"""Linux 3.4 on the Sun-4/75, under our firmware. Opt-in: TME_LINUX names the folder in which
linux/build_sun4c.py put sun4c.image."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import tme

ROOT = Path(__file__).resolve().parents[2]
IMAGE = Path(os.environ.get("TME_LINUX") or "/nowhere") / "sun4c.image"
DISK = (
    "sd0 at scsibus0: tme/scsi/disk id 3 type tme-scsi-1\ndisk0 at sd0: tme/host/posix/disk file disk.img\n"
)
BLOCKS, BLOCK = 256, 512

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("TME_LINUX" not in os.environ, reason="TME_LINUX names no folder with a sun4c.image"),
    pytest.mark.skipif("TME_LINUX" in os.environ and not IMAGE.exists(), reason=f"there is no {IMAGE}"),
]
PROMPT = "# "
COMMANDS = {
    "cat /proc/cpuinfo": ("Cypress/ROSS CY7C601", "type\t\t: sun4c", "mmupsegs\t: 256"),
    "fib": ("fib(24) is 46368",),
    "fork": ("the child", "its status is 3"),
    "ping": ("sent 64", "bytes back: 84", "type 0"),  # by its own driver of the LANCE
    "cat /proc/scsi/scsi": ("Vendor: TME      Model: SCSI DISK",),  # by its own driver of the ESP
    "write /dev/sda": (f"blocks: {BLOCKS}",),
    "check /dev/sda": (f"blocks: {BLOCKS}",),
}


def session(folder: Path, engine: str) -> tuple[str, int]:
    """Boots, runs all commands; (the whole console text, instructions)."""
    (folder / "disk.img").write_bytes(bytes(1 << 20))
    machine = folder / "machine"
    machine.write_text((ROOT / "tme/machines/SUN4C").read_text() + DISK)
    with tme.Machine(machine, engine=engine, boot=IMAGE, boot_args=("-p",)) as sun:
        sun.expect(PROMPT, 300)
        for command, answers in COMMANDS.items():
            sun.send(f"{command}\r")
            said = sun.expect(PROMPT, 300).partition("\n")[2]
            assert all(answer in said for answer in answers), said
        return sun.text, sun.instructions


def test_linux_finds_a_sun4c_that_works(tmp_path: Path) -> None:
    sessions = {}
    for engine in ("interp", "jit"):
        (tmp_path / engine).mkdir()
        sessions[engine] = session(tmp_path / engine, engine)
        written = (tmp_path / engine / "disk.img").read_bytes()
        expected = b"".join(bytes(b + i & 255 for i in range(BLOCK)) for b in range(BLOCKS))
        assert written[: len(expected)] == expected
    text, _ = sessions["interp"]
    assert "TYPE: Sun4c SparcStation 2" in text
    assert "esp0 is a ESP100" in text
    assert "registered m48t02" in text
    assert "Oops" not in text
    assert sessions["interp"] == sessions["jit"], "every engine does the same"
