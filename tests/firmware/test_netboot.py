"""The firmware boots over the network, by both chips, and serves the boot program that calls it back."""

from __future__ import annotations

from pathlib import Path

import pytest

import firmware
import tme
from tests.firmware.cross import ROOT, boot_program

CHIPS = {
    "ie": """obie0: tme/machine/sun3/obie
obie0 csr at obio0 addr 0x0c0000 ipl 3
obie0 memory at mainbus0
ie0 at obie0: tme/ic/i82586""",
    "le": """le0 at obio0 addr 0x120000 ipl 3: tme/ic/am7990
le0 memory at mainbus0""",
}
# move.l (0x0fef0084).l,a0; pea text(pc); jsr (a0); addq.l #4,sp; moveq #0,d0; rts: the ROM vector's printf
GREETING = bytes.fromhex("2079 0fef0084 487a 000a 4e90 588f 7000 4e75") + b"Booted over the network\n\0"


def session(folder: Path, chip: str, network: str, *steps: tuple[str, str]) -> str:
    """What SUN3 with this chip as its only network says: steps are what is typed,
    and the text that is awaited then."""
    sun3 = (ROOT / "tme/machines/SUN3").read_text().partition("# Ethernet")[0]
    (folder / "machine").write_text(f"{sun3}\n{CHIPS[chip]}\n{network}\n")
    with tme.Machine(str(folder / "machine")) as sun:
        sun.expect("\n>", 60)
        said = ""
        for typed, end in steps:
            sun.send(typed)
            said += sun.expect(end, 60)
    return said


def boot(folder: Path, chip: str, program: bytes, command: str, end: str = "\n>", more: str = "") -> str:
    """The same when a program is served, with a capture beside it."""
    (folder / "program").write_bytes(program)
    net = f'net0 at {chip}0 capture "{folder}/net.pcap" {more}: tme/host/diskless boot "{folder}/program"'
    return session(folder, chip, net, (f"{command}\r", end))


@pytest.mark.parametrize("chip", CHIPS)
def test_as_a_sun_prom_does_it(tmp_path: Path, chip: str) -> None:
    program = GREETING + bytes(3 * 512 - len(GREETING))  # whole blocks: an empty one ends them
    text = boot(tmp_path, chip, program, f"b {chip}()")
    assert (
        f"Boot: {chip}(0,0,0)\n"
        "Using IP Address 10.0.2.15 = 0A00020F\n"
        "Booting from tftp server at 10.0.2.4 = 0A000204\n"
        "Downloaded 1536 bytes from tftp server.\n"
        "Booted over the network\n>"
    ) in text
    wire = (tmp_path / "net.pcap").read_bytes()
    us = bytes.fromhex("080020112233")
    assert b"\xff" * 6 + us + bytes.fromhex("8035 0001 0800 0604 0003") + us in wire
    assert b"\0\x010A00020F\0octet\0" in wire


@pytest.mark.parametrize("chip", CHIPS)
def test_serves_the_boot_program(tmp_path: Path, chip: str) -> None:
    program = boot_program(tmp_path, ROOT / "tests/firmware/netblock.c")
    text = boot(tmp_path, chip, program, f"b {chip}(0,2,1)vmunix -s")
    asked = "send 0 answer 60 type 8035 op 4 address 10.0.2.15\n"
    assert (
        f"{chip} 0 2 1 [{chip}(0,2,1)vmunix] [-s] [vmunix]\nneeds 0 probe 0\nopen 0\n"
        f"{asked * 6}reset 0\n{asked}giant -1 strategy -1 close 0\n"
        f"There is no Ethernet chip {chip}3\nother -1\n>"
    ) in text


def test_an_elf_program_and_a_bad_cable(tmp_path: Path) -> None:
    demo = firmware.demo("demo").read_bytes()
    text = boot(tmp_path, "ie", demo, "b ie()", "68020;", "loss 15")
    assert f"Downloaded {len(demo)} bytes" in text
    assert "This program was compiled from C for the 68020" in text


def test_no_file(tmp_path: Path) -> None:
    text = session(tmp_path, "le", "net0 at le0: tme/host/diskless", ("b le()\r", "\n>"))
    assert "tftp: the server has no file 0A00020F or 0A00020F.SUN3\n>" in text


def test_a_name_with_a_suffix(tmp_path: Path) -> None:
    (tmp_path / "0A00020F.SUN3").write_bytes(GREETING)
    text = session(tmp_path, "ie", f'net0 at ie0: tme/host/diskless tftp "{tmp_path}"', ("b ie()\r", "\n>"))
    assert "Booted over the network\n>" in text


@pytest.mark.parametrize("chip", CHIPS)
def test_no_cable(tmp_path: Path, chip: str) -> None:
    assert f"{chip}0: No Carrier\n>" in session(tmp_path, chip, "", (f"b {chip}()\r", "\n>"))


def test_nobody_answers(tmp_path: Path) -> None:
    steps = [("b ie()\r", "ie(0,0,0)\n"), ("\x03", "\n>")]
    steps += [(f"b {device}\r", "\n>") for device in ("le()", "ie(1)", "ie()")]
    text = session(tmp_path, "ie", "net0 at ie0: tme/host/user/net", *steps)
    assert "Boot: ie(0,0,0)\n\nInterrupted\n>" in text
    assert "There is no Ethernet chip le0\n>" in text
    assert "There is no Ethernet chip ie1\n>" in text
    assert "Requesting Internet address for 8:0:20:11:22:33\nie0: no RARP reply: " in text
