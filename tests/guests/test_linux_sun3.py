"""Linux 6.1 on the Sun-3, under our firmware. Opt-in: TME_LINUX names the folder where linux/build.py made
vmlinux."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

import tme

VMLINUX = Path(os.environ.get("TME_LINUX") or "/nowhere") / "vmlinux"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("TME_LINUX" not in os.environ, reason="TME_LINUX names no folder of linux/build.py"),
    pytest.mark.skipif("TME_LINUX" in os.environ and not VMLINUX.exists(), reason=f"there is no {VMLINUX}"),
]
PROMPT = "/ # "
NUMBERS = "".join(f"{i}\n" for i in range(1, 1001))
COMMANDS = {
    "uname -srm": "Linux 6.1",
    "seq 1 1000 | md5sum": hashlib.md5(NUMBERS.encode()).hexdigest(),
    "dd if=/dev/zero bs=64k count=4 2>/dev/null | sha256sum": hashlib.sha256(bytes(0x40000)).hexdigest(),
    "awk 'BEGIN { x = 1; for (i = 1; i < 30; i++) x = x * 1.5 + sin(i); print x }'": "226879",
    "cat /proc/cpuinfo": "68020",
    "seq 1 1000 > /tmp/n; sort -rn /tmp/n | head -1": "1000\n",
    "i=0; while [ $i -lt 200 ]; do i=$((i+1)); done; echo $i in a loop": "200 in a loop",
    "ls -l / | grep -c ^d": "8\n",
    "ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up; ifconfig eth0": "inet addr:10.0.2.15",
    "ping -c 1 10.0.2.2": "1 packets transmitted, 1 packets received, 0% packet loss",
}


@pytest.fixture(scope="module")
def transcripts():
    """engine -> (the whole console text, instructions, guest seconds)"""
    found = {}
    for engine in ("interp", "jit"):
        words = ("prom", "console=hvc0")
        with tme.Machine("SUN3", engine=engine, boot=VMLINUX, boot_args=words) as sun:
            sun.expect(PROMPT, 600)
            for command, answer in COMMANDS.items():
                sun.send(f"{command}\r")
                assert answer in sun.expect(PROMPT, 300).partition("\n")[2]
            found[engine] = sun.text, sun.instructions, sun.seconds
    return found


def test_linux_boots_to_a_shell_and_works(transcripts):
    text, _, _ = transcripts["interp"]
    assert "TYPE: Sun 3/160 Series" in text
    assert "Calibrating delay loop..." in text
    assert "Oops" not in text
    assert "BUG" not in text


def test_every_engine_does_the_same(transcripts):
    assert transcripts["interp"] == transcripts["jit"]
