"""Linux's conventions on SPARC: the headers' numbers and layouts, and the same programs under QEMU."""

from __future__ import annotations

import random
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

import firmware
from tests.firmware.sun4c.cross import FIRMWARE, HERE, link, program, run, tool
from tests.firmware.sun4c.test_sun4c import FILES

MASK = 0xFFFF_FFFF_FFFF_FFFF


def qemu(file: Path, *words: str, feed: bytes = b"", folder: Path | None = None) -> tuple[int, str]:
    emulator = shutil.which("qemu-sparc")
    if emulator is None:
        pytest.skip("qemu-sparc is not installed (Debian: qemu-user)")
    command = [emulator, str(file), *words]
    done = subprocess.run(command, input=feed, capture_output=True, cwd=folder, timeout=60)
    return done.returncode, done.stdout.decode()


def headers() -> Path:
    """The folder of Linux's headers for the cross compiler."""
    for folder in (Path("/usr/sparc64-linux-gnu/include"),):
        if (folder / "asm/unistd_32.h").exists():
            return folder
    pytest.skip("Linux's headers are not installed (Debian: linux-libc-dev-sparc64-cross)")


def test_system_call_numbers_are_those_of_the_headers() -> None:
    theirs = dict(re.findall(r"#define __NR_(\w+)\s+(\d+)", (headers() / "asm/unistd_32.h").read_text()))
    text = (FIRMWARE / "common/linux_calls.h").read_text().partition("__sparc__")[2]
    ours = dict(re.findall(r"NR_(\w+) = (\d+)", text))
    assert len(ours) > 60
    assert {name: theirs[name] for name in ours} == ours


def test_layouts_and_constants_are_those_of_the_headers(tmp_path: Path) -> None:
    flags = f"-m32 -mcpu=v7 -std=gnu11 -ffreestanding -I{headers()} -I{FIRMWARE}/common -c".split()
    subprocess.run(
        [tool("gcc"), *flags, str(HERE / "layouts.c"), "-o", str(tmp_path / "layouts.o")], check=True
    )


def test_files_under_qemu(tmp_path: Path) -> None:
    file = program(tmp_path, "files", FILES)
    said = []
    for name in ("here", "there"):
        folder = tmp_path / name
        folder.mkdir()
        if name == "here":
            said.append(run(file, folder=folder, feed=b"typed\n")[:2])
        else:
            said.append(qemu(file, folder=folder, feed=b"typed\n"))
    assert said[0] == said[1]


@pytest.mark.slow
def test_demo_under_qemu() -> None:
    status, out = qemu(firmware.demo("demo-sparc"))
    assert status == 0
    assert out.splitlines()[-2].endswith(" sorted, checksum 641dbfa3")


def test_64_bit_arithmetic(tmp_path: Path) -> None:
    source = tmp_path / "numbers.c"
    source.write_text((HERE / "arith64.c").read_text())
    demos, common = FIRMWARE / "demos", FIRMWARE / "common"
    parts = [
        source, FIRMWARE / "sun4c/arith64.c", demos / "start_sparc.S", demos / "runtime.c",
        common / "string.c", common / "format.c",
    ]  # fmt: skip
    flags = (f"-I{demos}", f"-I{common}", "-Wl,-Ttext-segment=0x10000")
    file = link(tmp_path / "numbers", parts, *flags)
    random_ = random.Random(64)
    pairs = [(random_.getrandbits(random_.randint(1, 64)), random_.getrandbits(random_.randint(1, 64)))
             for _ in range(300)]  # fmt: skip
    pairs += [(MASK, 1), (MASK, MASK), (0, 5), (7, 0), (1 << 63, 2), (1 << 32, 1 << 32), (5, 63), (5, 32)]
    status, out = qemu(file, feed=b"".join(struct.pack(">QQ", *pair) for pair in pairs))
    assert status == 0
    expected = [
        (a * b & MASK, a // b if b else 0, a % b if b else 0, a << (b & 63) & MASK, a >> (b & 63))
        for a, b in pairs
    ]
    assert [tuple(int(n, 16) for n in line.split()) for line in out.splitlines()] == expected
