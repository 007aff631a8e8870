"""The portable parts of the firmware under qemu-m68k: formats, strings, loader, system calls, monitor."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.firmware.cross import FIRMWARE, FLAGS, compiler, need

Unit = Callable[..., list[str]]

PT_LOAD, PT_INTERP = 1, 3


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Unit:
    """Runs the unit program with arguments and standard input; gives the lines it prints."""
    program = tmp_path_factory.mktemp("unit") / "unit"
    qemu = need("qemu-m68k", "qemu-user")
    sources = [
        Path(__file__).parent / "unit.c",
        FIRMWARE / "demos/start.S",
        *sorted((FIRMWARE / "common").glob("*.c")),
    ]
    command = [compiler(), *FLAGS, f"-I{FIRMWARE}/common", *map(str, sources), "-lgcc", "-o", str(program)]
    subprocess.run(command, check=True)

    def run(*arguments: str, text: bytes = b"") -> list[str]:
        done = subprocess.run(
            [qemu, str(program), *arguments], input=text, capture_output=True, timeout=30, check=True
        )
        return done.stdout.decode().splitlines()

    return run


def elf(
    segments: list[tuple[int, int, bytes, int]],
    *,
    entry: int = 0x2000,
    machine: int = 4,
    kind: int = 2,
    data: int = 2,
) -> bytes:
    """An ELF file of (type, address, contents, size in memory); contents follow the headers."""
    headers, body = b"", b""
    at = 52 + 32 * len(segments)
    for type_, address, contents, size in segments:
        headers += struct.pack(">8I", type_, at + len(body), address, address, len(contents), size, 7, 4)
        body += contents
    ident = b"\x7fELF" + bytes([1, data, 1]) + bytes(9)
    head = struct.pack(">HHIIIIIHHHHHH", kind, machine, 1, entry, 52, 0, 0, 52, 32, len(segments), 0, 0, 0)
    return ident + head + headers + body


def addresses(segments: int) -> list[str]:
    """File offsets of the words that hold addresses: entry, then p_vaddr of each segment."""
    return ["18", *(f"{52 + 32 * i + 8:x}" for i in range(segments))]


def test_formats(unit: Unit) -> None:
    assert unit("format") == [
        "[-12][  -12][-12  ][-0012][0]",
        "[4294967295][beef][BEEF][00001234][10][cafe]",
        "[abc][   abc][abc   ][z][%][   a]",
        "[-2147483648][2147483647]",
        "[trun] 9",
    ]


def test_strings_at_every_alignment(unit: Unit) -> None:
    assert unit("string") == ["0101234567", "2345678989 1 0 0 4"]


def test_hexadecimal_numbers(unit: Unit) -> None:
    words = {
        "0x10": "1 10",
        "FFFFFFFF": "1 ffffffff",
        "100000000": "0 0",
        "12g": "0 0",
        "": "0 0",
        "0x": "0 0",
    }
    assert unit("parse", *words) == list(words.values())


def test_loads_elf_and_clears_bss(unit: Unit) -> None:
    text = elf([(PT_LOAD, 0x2000, b"CODE", 4), (PT_LOAD, 0x2004, b"data", 16)], entry=0x2002)
    lines = unit("load", "only", *addresses(2), text=text)
    assert lines == ["kind 0 entry 2002 start 2000 end 2014", b"CODEdata".hex() + "00" * 12]


def test_starts_a_program_as_linux_does(unit: Unit) -> None:
    lines = unit("load", "start", *addresses(1), text=elf([(PT_LOAD, 0x2000, b"CODE", 4)]))
    assert lines[2:] == [
        "entry 2000 argc 3 aligned 1",
        "argv prog",
        "argv one",
        "argv two words",
        "nulls 0 0",
        "aux 3 0",
        "aux 5 0",
        "aux 6 2000",
        "user 0 0",
    ]


def test_program_headers_in_memory_are_in_the_auxiliary_vector(unit: Unit) -> None:
    whole = bytearray(elf([(PT_LOAD, 0x2000, b"", 0)]))
    struct.pack_into(">II", whole, 52 + 4, 0, 0x2000)  # offset 0: the segment holds the headers
    struct.pack_into(">II", whole, 52 + 16, len(whole), len(whole))
    assert "aux 3 2034" in unit("load", "start", *addresses(1), text=bytes(whole))
    assert "aux 5 1" in unit("load", "start", *addresses(1), text=bytes(whole))


CODE = (PT_LOAD, 0x2000, b"CODE", 4)

REFUSED = {
    "script": (b"#!/bin/sh\n" * 10, "neither an ELF nor an a.out program"),
    "empty": (b"", "neither an ELF nor an a.out program"),
    "half a header": (elf([CODE])[:40], "neither an ELF nor an a.out program"),
    "another processor": (elf([CODE], machine=2), "machine 2, not m68k"),
    "position independent": (elf([CODE], kind=3), "not an executable with fixed addresses"),
    "little-endian": (elf([CODE], data=1), "not 32-bit big-endian"),
    "cut": (elf([CODE])[:-1], "cut short"),
    "file part larger": (elf([(PT_LOAD, 0x2000, b"CODE", 2)]), "sizes make no sense"),
    "beyond memory": (elf([(PT_LOAD, 0x3FFFF, b"CODE", 4)]), "programs may use"),
    "wraps": (elf([(PT_LOAD, 0x2000, b"CODE", 0xFFFFFFFF)]), "sizes make no sense"),
    "entry outside": (elf([CODE], entry=0x3000), "entry point"),
    "entry odd": (elf([CODE], entry=0x2001), "entry point"),
    "dynamic": (elf([(PT_INTERP, 0x2000, b"/lib", 4)]), "dynamically linked"),
    "nothing": (elf([(7, 0x2000, b"CODE", 4)]), "nothing in it to load"),
    "no headers": (elf([]), "0 program headers"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refuses_with_a_reason(unit: Unit, what: str) -> None:
    text, message = REFUSED[what]
    patches = addresses(1 if b"CODE"[:3] in text else 0) if len(text) > 52 and text[:4] == b"\x7fELF" else []
    (line,) = unit("load", "only", *patches, text=text)
    assert line.startswith("error: ")
    assert message in line


@pytest.mark.parametrize(
    ("magic", "entry", "data_at"), [(0o407, 0x4000, 0x4008), (0o410, 0x4000, None), (0o413, 0x2020, None)]
)
def test_loads_sun_a_out(unit: Unit, magic: int, entry: int, data_at: int | None) -> None:
    text = b"TEXTtext" if magic != 0o413 else b""
    size = 8 if magic != 0o413 else 32 + 8
    head = struct.pack(">BBHIIIIIII", 0, 2, magic, size, 4, 12, 0, entry, 0, 0)
    lines = unit("load", "start", "14", text=head + (text or b"TEXTtext") + b"DATA")
    assert lines[-1].startswith(f"supervisor {entry:x} ")
    if data_at is not None:
        assert lines[0] == f"kind 1 entry {entry:x} start {entry:x} end {data_at + 16:x}"
        assert lines[1] == (b"TEXTtextDATA".hex() + "00" * 12)


def test_system_calls(unit: Unit) -> None:
    lines = unit("calls", text=b"typed\n")
    assert lines == [
        "brk 2004 100 0",
        "hello",
        "write 6",
        "bad fd -9 pointer -14 length -14",
        "none -38",
        "time 1000000000",
        "timeofday 1000000000 123456",
        "mmap 14000 -12",
        "ioctl 0 terminal",
        "freed 1 over the heap 0 fixed 1",
        "statx 2190",
        "random differs 1",
        "typed",
        "read 6",
        "got typed",
    ]


def monitor(unit: Unit, text: str) -> list[str]:
    return unit("monitor", text=text.encode())


def test_monitor_edits_the_line(unit: Unit) -> None:
    lines = monitor(unit, "xyz\x7f\x7f\b" + "junk\x15" + "r one\x17\x17r\r")
    assert lines[-2:] == ["registers", ">"]


def test_monitor_commands(unit: Unit) -> None:
    text = "".join(line.split("registers")[0] for line in monitor(unit, "help\n"))
    assert all(f"  {name} " in text for name in "bcdeghklor")
    assert monitor(unit, "nonsense\n")[1] == "nonsense: no such command; help lists them"
    assert monitor(unit, "r pc 1F\n")[1] == "set pc 1f"
    assert monitor(unit, "r\n" + "w " * 40 + "\n")[-2].startswith("More than")


def test_monitor_examines_and_changes_memory(unit: Unit) -> None:
    base = int(monitor(unit, "where\n")[1], 16)
    script = f"l {base:x} 41424344 5\no{base + 1:x}\n58\n.\ne {base:x}\n\n.\nd {base:x} 8\n"
    script += f"l {base + 0x3FFFE:x} 1\n"
    lines = monitor(unit, script)
    assert f"{base + 1:08x}: 42 ? 58" in lines[2]
    assert f"{base:08x}: 4158 ? " in lines
    assert f"{base:08x}:  41584344 00000005                    AXCD...." in lines
    assert f"0x{base + 0x3FFFE:08x}: bus error" in lines


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("b xx(1,2,3)file arg", "xx 1 2 3 [file] 2 arg"),
        ("b xx()", "xx 0 0 0 [] 1 xx()"),
        ("bxx(,,a)", "xx 0 0 10 [] 1 xx(,,a)"),
        ("b xx(1,2", "Boot: FILE of the host, or dd(controller,unit,partition)FILE; `b ?` lists the devices"),
        ("b sd()", "No boot device sd; `b ?` lists the devices"),
        (
            "b file",
            "This machine has no host boot device; add one: boot0 at obio0 addr 0x1f0000: tme/host/boot",
        ),
    ],
)
def test_boot_command(unit: Unit, typed: str, answer: str) -> None:
    assert monitor(unit, typed + "\n")[1] == answer


def test_demo_prints_the_same_wherever_it_runs() -> None:
    done = subprocess.run(
        [need("qemu-m68k", "qemu-user"), str(FIRMWARE / "demos/demo.elf"), "1"],
        capture_output=True,
        timeout=60,
        check=True,
    )
    text = done.stdout.decode()
    assert " 78498 below 1000000\n" in text
    assert " sorted, checksum 641dbfa3\n" in text
