"""The Sun-4/75's firmware boots over the network, and serves the boot program that opens it again."""

from __future__ import annotations

from pathlib import Path

import pytest

import firmware
import tme
from tests.firmware.sun4c.cross import ENGINE, a_out, description, prompt, standalone

NETWORK = "net0 at le0: tme/host/user/net"


def session(command: str, *changes: tuple[str, str]) -> str:
    """What one command shows. Nothing is typed ahead: booting reads the console for a Ctrl-C."""
    with tme.Machine(description(*changes), engine=ENGINE) as sun:
        sun.expect("\nok ")
        sun.send(f"{command}\r")
        return sun.expect("\nok ")


def boot(folder: Path, file: Path, command: str) -> str:
    net = f'net0 at le0 capture "{folder}/net.pcap": tme/host/diskless boot "{file}"'
    return session(command, (NETWORK, net))


def test_a_boot_program_as_a_sun_prom_does_it(tmp_path: Path) -> None:
    file = a_out(standalone(tmp_path, "netblock", 0x4000), tmp_path / "netblock", 0x4000)
    text = boot(tmp_path, file, "boot net vmunix -s")
    size = file.stat().st_size
    assert (
        "Boot device: /sbus/le@0,c00000   File and args: vmunix -s\n"
        "Using IP Address 10.0.2.15 = 0A00020F\n"
        "Booting from tftp server at 10.0.2.4 = 0A000204\n"
        f"Downloaded {size} bytes from tftp server.\n"
        "path /sbus/le@0,c00000 args [vmunix -s] open 1\n"
        + 6 * "write 42 read 60 op 4 address 10.0.2.15\n"
        + "nothing -2 close 0 then -1\nok "
    ) in text
    wire = (tmp_path / "net.pcap").read_bytes()
    us = bytes.fromhex("0800204c7501")
    assert b"\xff" * 6 + us + bytes.fromhex("8035 0001 0800 0604 0003") + us in wire
    assert b"\0\x010A00020F\0octet\0" in wire


@pytest.mark.slow
def test_an_elf_program(tmp_path: Path) -> None:
    assert "usage: x [ROUNDS]" in boot(tmp_path, firmware.demo("demo-sparc"), "boot net x y")


def test_no_file() -> None:
    text = session("boot net", (NETWORK, "net0 at le0: tme/host/diskless"))
    assert "tftp: the server has no file 0A00020F or 0A00020F.SUN4C\nok " in text


def test_no_cable() -> None:
    assert "le0: No Carrier\nok " in session("boot net", (NETWORK, ""))


@pytest.mark.slow
def test_no_chip(tmp_path: Path) -> None:
    chip = "le0 at sbus0 slot 0 offset 0xc00000 ipl 5 dma-offset 0xff000000: tme/ic/am7990\n"
    text = prompt("boot net\nshow-devs /sbus\n", tmp_path, (NETWORK, ""), (chip, ""))
    assert "/sbus/le@0,c00000: there is no such device" in text
    assert "/le@" not in text.partition("show-devs")[2]
