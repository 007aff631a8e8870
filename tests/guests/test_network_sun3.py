"""SunOS 4.1.1 on the networks of its Sun-3: ifconfig and ping, through user mode and through a TAP.

Opt-in: see sunos.py and test_disk_sun3.py. The media have no ping: sunping.c is one, made for SunOS's system
calls.
"""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from tests.firmware.cross import compiler, need
from tests.guests import test_disk_sun3 as disk
from tests.guests.sunos import Sun
from tests.hostnet.lab import Space, needs, needs_libslirp

pytestmark = disk.pytestmark
CHIP = """
obie0: tme/machine/sun3/obie
obie0 csr at obio0 addr 0x0c0000 ipl 3
obie0 memory at mainbus0
ie0 at obie0: tme/ic/i82586
"""
TEXT = 0x2000
"""Where SunOS's programs begin."""
OMAGIC = 0x0002_0107
"""For the 68020; code and data follow each other."""
TAP = "tap0 at ie0: tme/host/tun/tap inet 10.0.77.1 netmask 255.255.255.0 nat none"


def ping_program(folder: Path) -> Path:
    """sunping.c as an a.out file."""
    parts = "*(.text.start) *(.text*) *(.rodata*) *(.data*) *(.bss*) *(COMMON)"
    (folder / "script").write_text(f"SECTIONS {{ . = {TEXT:#x}; .all : {{ {parts} }} }}")
    flags = "-m68020 -Os -ffreestanding -fno-tree-loop-distribute-patterns -fno-pic -nostdlib -static"
    elf, raw, program = (folder / name for name in ("ping.elf", "ping.raw", "ping"))
    source = Path(__file__).with_name("sunping.c")
    script = f"-Wl,--build-id=none,--no-warn-rwx-segments,-e,{TEXT:#x},-T,{folder / 'script'}"
    subprocess.run([compiler(), *flags.split(), script, source, "-lgcc", "-o", elf], check=True)
    objcopy = need("m68k-linux-gnu-objcopy", "binutils-m68k-linux-gnu")
    flags = ["-O", "binary", "-j", ".all", "--set-section-flags", ".all=alloc,load,contents"]
    subprocess.run([objcopy, *flags, elf, raw], check=True)
    code = raw.read_bytes()
    program.write_bytes(struct.pack(">8I", OMAGIC, len(code), 0, 0, 0, TEXT, 0, 0) + code)
    return program


@pytest.fixture
def sunos(tmp_path, monkeypatch):
    """Makes SunOS from disk, with this at the end of its cable, at its shell."""
    programs = {"ping": ping_program(tmp_path), "ifconfig": f"{disk.KVM}:boot/ifconfig"}
    files = "".join(f"file {file} /usr/etc/{name} 755\n" for name, file in programs.items())
    monkeypatch.setattr(disk, "ROOT", disk.ROOT + files)
    disk.label(tmp_path)
    disk.fill(tmp_path, "a")

    def make(network: str, clock: str = "host") -> Sun:
        text = disk.description(tmp_path, "si") + CHIP + network
        assert not disk.eeprom.main(["set", str(tmp_path / "eeprom.bin"), "boot-device", disk.NOWHERE])
        sun = disk.Disk(text, engine="jit", clock=clock)
        sun.boot("sd()")
        return sun

    return make


def ifconfig(sun: Sun, address: str) -> None:
    sun.sh(f"ifconfig ie0 {address} netmask 255.255.255.0 up")
    shown = sun.sh("ifconfig ie0")
    assert "UP,BROADCAST" in shown
    assert f"inet {address} netmask ffffff00" in shown


def ping(sun: Sun, address: str, count: int, size: int) -> None:
    numbers = address.replace(".", " ")
    assert sun.sh(f"ping {numbers} {count} {size}") == f"{count} sent, {count} came back\n"


@pytest.mark.parametrize("engine", ["built-in", "slirp"])
def test_sunos_through_the_user_mode_network(sunos, engine):
    if engine == "slirp":
        needs_libslirp()
    with sunos(f"user0 at ie0: tme/host/user/net engine {engine}", clock="icount") as sun:
        ifconfig(sun, "10.0.2.15")
        for size in (56, 2000):  # in one frame, and in two
            ping(sun, "10.0.2.2", 3, size)


def test_sunos_through_a_tap(sunos):
    needs("ping")
    space = Space()
    try:
        with space.inside(), sunos(TAP) as sun:
            ifconfig(sun, "10.0.77.2")
            for size in (56, 2000):
                ping(sun, "10.0.77.1", 3, size)
    finally:
        space.close()
