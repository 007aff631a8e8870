"""A real Sun-3 PROM and SunOS 4.1.1's tape, on both SCSI boards. Opt-in: TME_GUESTS names a folder with
sun3-carrera-rev-3.0.bin and sunos411/{tpboot.sun3,SunOS411.sun3.QIC-24a.xdrtoc,munix_sun3,munixfs_sun3}."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tme.tools import eeprom

FILES = ("tpboot.sun3", "SunOS411.sun3.QIC-24a.xdrtoc", "munix_sun3", "munixfs_sun3")
PROM = "sun3-carrera-rev-3.0.bin"
GUESTS = Path(os.environ.get("TME_GUESTS") or "/nowhere")
MISSING = [name for name in (PROM, *(f"sunos411/{name}" for name in FILES)) if not (GUESTS / name).exists()]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("TME_GUESTS" not in os.environ, reason="set TME_GUESTS to a folder with guests"),
    pytest.mark.skipif(bool(MISSING), reason=f"TME_GUESTS lacks {', '.join(MISSING)}"),
]

MACHINE = """
mainbus0: tme/machine/sun3 @machines/sun3-idprom.bin
cpu0 at mainbus0: tme/ic/m68020 fpu-type m68881 fpu-compliance unknown fpu-incomplete line-f
obio0 at mainbus0 obio: tme/generic/bus size 16MB
obmem0 at mainbus0 obmem: tme/generic/bus size 4GB
vme0: tme/generic/bus size 4GB
mainbus0 vme at vme0 addr 0x0
ram0 at obmem0 addr 0x0: tme/host/posix/memory ram 32MB
rom0 at obmem0 addr 0x0fef0000: tme/host/posix/memory rom "{prom}"
zs0 at obio0 addr 0x020000 ipl 6: tme/machine/sun3/zs
zs1 at obio0 addr 0x000000 ipl 6: tme/machine/sun3/zs
eeprom0 at obio0 addr 0x040000: tme/host/posix/memory persistent "{folder}/eeprom.bin"
clock0 at obio0 addr 0x060000: tme/machine/sun3/clock
mainbus0 memerr at obio0 addr 0x080000 ipl 7
mainbus0 intreg at obio0 addr 0x0a0000
console0 at zs0 channel A: tme/host/posix/serial device -
sink0 at zs1 channel A: tme/serial/sink
{board}
sd0 at scsibus0: tme/scsi/disk id 0 type acb4000
disk0 at sd0: tme/host/posix/disk file "{folder}/disk.img" size 268173312
st0 at scsibus0: tme/scsi/tape id 4 type emulex-mt02
tape0 at st0: tme/host/posix/tape
command tape0 load read-only {tape}
command mainbus0 power up
"""
BOARDS = {
    "sc": """sc0 at vme0 addr 0xff200000 ipl 2: tme/bus/multibus/sun-sc vme
scsibus0 at sc0: tme/scsi/bus""",
    "si": """si0: tme/machine/sun3/si type vme
si0 csr at vme0 addr 0xff200000 ipl 2
ncr0 at si0: tme/ic/ncr5380
scsibus0 at ncr0: tme/scsi/bus""",
}
SETTINGS = (
    "installed-#megs 32\nselftest-#megs 0\nconsole-device ttya\nboot-device? true\nboot-device sd(0,0,0)\n"
)


class Console:
    """A machine in a process of its own, its console on pipes."""

    def __init__(self, description: Path) -> None:
        command = [sys.executable, "-m", "tme", "--interp", "--clock", "icount", str(description)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.text = ""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        while data := self.process.stdout.read1():
            self.text += bytes(byte & 0x7F for byte in data).decode("ascii").replace("\r", "")

    def expect(self, text: str, seconds: float = 300) -> None:
        end = time.monotonic() + seconds
        while text not in self.text:
            assert self.process.poll() is None, f"the machine has ended:\n{self.text}"
            assert time.monotonic() < end, f"no {text!r} in:\n{self.text}"
            time.sleep(0.1)

    def send(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(params=BOARDS)
def console(request, tmp_path):
    (tmp_path / "eeprom.txt").write_text(SETTINGS)
    assert not eeprom.main(["make", str(tmp_path / "eeprom.txt"), "-o", str(tmp_path / "eeprom.bin")])
    tape = " ".join(f'"{GUESTS / "sunos411" / name}"' for name in FILES)
    text = MACHINE.format(prom=GUESTS / PROM, folder=tmp_path, board=BOARDS[request.param], tape=tape)
    (tmp_path / "machine").write_text(text)
    console = Console(tmp_path / "machine")
    yield request.param, console
    console.close()


def test_the_prom_boots_munix_from_tape(console):
    board, machine = console
    machine.expect("Selftest Completed.")
    machine.expect("No label found - attempting boot anyway.")
    machine.expect("\n>")
    machine.send("b st()\r")
    machine.expect("Size: 507912+123920+79144 bytes")
    machine.expect(f"{board}0 at vme24d16 0x200000 vec 0x40")
    machine.expect(f"st0 at {board}0 slave 32")
    machine.expect("rd: reading 192, 8192 byte blocks")
    assert "error" not in machine.text
    assert "failed" not in machine.text
