"""The firmware on the machine: boot files, exit statuses, the prompt, and the ROM vector."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import firmware
from tests.firmware.cross import FLAGS, ROOT, compiler, need

ENGINE = "--interp"
INSTRUCTIONS = 4_000_000
"""Where a session at the prompt ends: it has no end of its own."""


def tmesh(*arguments: str, typed: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "tme", "--clock", "icount", ENGINE, "SUN3", *arguments]
    return subprocess.run(command, input=typed, capture_output=True, timeout=120, cwd=ROOT)


def said_on_stderr(done: subprocess.CompletedProcess[bytes]) -> str:
    """Standard error without the emulator's own note that it compiles an interpreter."""
    return "".join(
        line for line in done.stderr.decode().splitlines(True) if not line.startswith("compiling ")
    )


def prompt(typed: str, folder: Path) -> str:
    """What the console shows for a session, without carriage returns."""
    done = tmesh("--insns", str(INSTRUCTIONS), "--boot-dir", str(folder), typed=typed.encode())
    return done.stdout.decode().replace("\r", "")


def build(folder: Path, name: str, source: str) -> Path:
    """A program from C, with the demos' start and output."""
    (folder / f"{name}.c").write_text('#include "runtime.h"\n' + source)
    demos = ROOT / "firmware/demos"
    parts = [
        folder / f"{name}.c",
        demos / "start.S",
        demos / "runtime.c",
        *(ROOT / "firmware/common").glob("[fs][ot]r*.c"),
    ]
    command = [compiler(), *FLAGS, f"-I{demos}", *map(str, parts), "-lgcc", "-o", str(folder / name)]
    subprocess.run(command, check=True)
    return folder / name


def a_out(folder: Path) -> Path:
    """standalone.c as a Sun a.out file (OMAGIC) linked at 0x4000."""
    script = folder / "standalone.ld"
    script.write_text("SECTIONS { . = 0x4000; .all : { *(.text.start) *(.text* .rodata* .data* .bss*) } }")
    elf, raw = folder / "standalone.elf", folder / "standalone.raw"
    source = str(Path(__file__).parent / "standalone.c")
    flags = "-m68020 -msoft-float -Os -ffreestanding -fno-pic -nostdlib -static -Wl,--build-id=none".split()
    subprocess.run(
        [compiler(), *flags, "-Wl,-e,0x4000", f"-Wl,-T,{script}", source, "-o", str(elf)], check=True
    )
    objcopy = need("m68k-linux-gnu-objcopy", "binutils-m68k-linux-gnu")
    subprocess.run([objcopy, "-O", "binary", "-j", ".all", str(elf), str(raw)], check=True)
    text = raw.read_bytes()
    header = struct.pack(">BBHIIIIIII", 0, 2, 0o407, len(text), 0, 0, 0, 0x4000, 0, 0)
    (folder / "standalone").write_bytes(header + text)
    return folder / "standalone"


def test_demo_boots_and_prints_nothing_else() -> None:
    demo = str(firmware.demo("demo"))
    done = tmesh("--boot", demo)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0, done.stderr
    assert lines[0].startswith("This program was compiled from C")
    assert lines[-2].endswith(" sorted, checksum 641dbfa3")
    assert said_on_stderr(done) == ""


def test_arguments_and_exit_status() -> None:
    done = tmesh("--boot", str(firmware.demo("demo")), "--", "not a number")
    assert done.returncode == 2
    assert done.stdout.endswith(b"[ROUNDS], 1 to 1000\n")


def test_verbose_adds_the_banner() -> None:
    done = tmesh("--verbose", "--boot", str(firmware.demo("demo")), "--", "x")
    text = done.stdout.decode()
    assert re.search(r"Selftest Completed\.\n\ntmesh Sun-3 firmware .*\nModel Sun-3/160, 32MB memory", text)


@pytest.mark.parametrize(
    ("statement", "status", "message"),
    [
        (
            "*(volatile int *)0 = 5;",
            139,
            "fault address 0x00000000, data write, bus error register 0x40 (protection)",
        ),
        ("return *(volatile int *)0x1f00000;", 139, "data read, bus error register 0x80 (page invalid)"),
        ("return *(volatile int *)0x0fef0000;", 139, "(protection)"),
        ('__asm__("jmp 0x1f00000");', 139, "fault address 0x01f00000, instruction fetch"),
        ('__asm__("illegal");', 132, "Illegal instruction: vector 4"),
        ('__asm__("move.w #0x2700,%sr");', 132, "Privilege violation: vector 8"),
        ("volatile int zero = 0; return argc / zero;", 136, "Division by zero: vector 5"),
        ('__asm__("trap #15");', 133, "Trap: vector 47"),
        ("return system_call(9999, 0, 0, 0) == -38 ? 77 : 1;", 77, ""),
        ("return system_call(4, 1, 16, 4) == -14 ? 78 : 1;", 78, ""),
    ],
)
def test_exceptions_are_reported_and_become_an_exit_status(
    tmp_path: Path, statement: str, status: int, message: str
) -> None:
    source = f"int main(int argc, char **argv) {{ (void)argc; (void)argv; {statement} return 0; }}"
    done = tmesh("--boot", str(build(tmp_path, "program", source)))
    assert done.returncode == status, done.stderr
    assert message in done.stderr.decode()
    assert done.stdout == b""


def test_file_that_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello\n")
    done = tmesh("--boot", str(tmp_path / "text"))
    assert done.returncode == 127
    assert b"neither an ELF nor an a.out program" in done.stderr


def test_session_at_the_prompt(tmp_path: Path) -> None:
    shutil.copy(firmware.demo("demo"), tmp_path)
    text = prompt("help\nl 3000 12345678\nd 3000 10\np 3000\nb demo x\nb nothing\nfoo\n", tmp_path)
    assert "Ethernet address 8:0:20:" in text
    assert "Type help for the commands, b demo for a demonstration.\n>" in text
    assert "show and change words of memory" in text
    assert "00003000:  12345678 " in text
    assert "00003000: PTE c3000001, memory 00002000, read/write" in text
    assert "usage: demo [ROUNDS], 1 to 1000\nExit status 2\n>" in text
    assert "nothing: the host has no such file" in text
    assert "foo: no such command; help lists them" in text


def test_reset_comes_back_to_the_prompt(tmp_path: Path) -> None:
    shutil.copy(firmware.demo("demo"), tmp_path)
    assert prompt("b demo x\nk\nr\n", tmp_path).count("Selftest Completed.") == 2


def test_rom_vector_for_foreign_code(tmp_path: Path) -> None:
    a_out(tmp_path)
    text = prompt("b standalone word\n1f z\nc\n2\n", tmp_path)
    for line in (
        "memory 2000000 available 1ffa000",
        "arguments standalone word",
        "function code 1 segments 40 41 42 43 44 45 46 47",
        "same in all contexts: 1",
        "first segment that is not its own PMEG: 1de0000 has ff",
        "[2abc]",
        "number 1f then 122 13",
        ">c\ncontinued",
        ">b standalone again",
    ):
        assert line in text
