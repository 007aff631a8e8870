"""Programs for the Sun-4/75, and running them on it, in this process."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

import tme

ROOT = Path(__file__).resolve().parents[3]
FIRMWARE = ROOT / "firmware"
HERE = Path(__file__).parent
PREFIX = "sparc64-linux-gnu-"
PACKAGES = "gcc-sparc64-linux-gnu, lib32gcc-12-dev-sparc64-cross"
FLAGS = (
    "-m32 -mcpu=v7 -mno-fpu -Os -std=gnu11 -ffreestanding -fno-tree-loop-distribute-patterns"
    " -fno-strict-aliasing -fno-pic"
    " -no-pie -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments"
).split()
ENGINE = "interp"
END = "7e57"
"""A number that the prompt is asked to print at the end of a session."""


def tool(name: str) -> str:
    """The path of a cross tool; the test is skipped when it is not installed."""
    path = shutil.which(PREFIX + name)
    if path is None:
        pytest.skip(f"{PREFIX}{name} is not installed (Debian: {PACKAGES})")
    return path


def link(to: Path, parts: list[Path], *flags: str) -> Path:
    command = [tool("gcc"), *FLAGS, *flags, *map(str, parts), "-lgcc", "-o", str(to)]
    subprocess.run(command, check=True)
    return to


def program(folder: Path, name: str, source: str, *flags: str) -> Path:
    """A program for user mode from C, with the demos' start and output."""
    (folder / f"{name}.c").write_text('#include "runtime.h"\n' + source)
    demos, common = FIRMWARE / "demos", FIRMWARE / "common"
    parts = [
        folder / f"{name}.c", demos / "start_sparc.S", demos / "runtime.c",
        common / "string.c", common / "format.c",
    ]  # fmt: skip
    return link(folder / name, parts, f"-I{demos}", "-Wl,-Ttext-segment=0x10000", *flags)


def standalone(folder: Path, name: str, base: int, *flags: str) -> Path:
    """NAME.S and NAME.c from here, as one block at `base`."""
    script = folder / f"{name}.ld"
    script.write_text(
        f"SECTIONS {{ . = {base:#x}; .all : {{ *(.text.start) *(.text* .rodata* .data* .bss* COMMON) }} }}"
    )
    sources = (HERE / f"{name}.S", HERE / f"{name}.c", FIRMWARE / "common/string.c")
    parts = [p for p in sources if p.exists()]
    return link(folder / f"{name}.elf", parts, f"-Wl,-T,{script}", f"-Wl,-e,{base:#x}", *flags)


def a_out(elf: Path, to: Path, entry: int) -> Path:
    """An OMAGIC file for SPARC (machine type 3) of what lies in one section."""
    raw = to.with_suffix(".raw")
    subprocess.run([tool("objcopy"), "-O", "binary", "-j", ".all", str(elf), str(raw)], check=True)
    text = raw.read_bytes()
    to.write_bytes(struct.pack(">BBHIIIIIII", 0, 3, 0o407, len(text), 0, 0, 0, entry, 0, 0) + text)
    return to


def run(
    boot: Path, *words: str, feed: bytes = b"", folder: Path | None = None, verbose: bool = False
) -> tuple[int | None, str, str]:
    """The end of a program: its exit status, what it wrote to standard output and to standard error."""
    options = {"boot": boot, "boot_args": words, "boot_dir": folder, "verbose": verbose}
    with tme.Machine("SUN4C", engine=ENGINE, **options) as sun:
        sun.feed(feed)
        status = sun.run(host_seconds=60)
        return status, sun.output.decode(), sun.error_output.decode()


def description(*changes: tuple[str, str]) -> str:
    """SUN4C with texts in it replaced."""
    text = (ROOT / "tme/machines/SUN4C").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def prompt(typed: str, folder: Path, *changes: tuple[str, str]) -> str:
    """What the console shows for a session that ends at the prompt; changes are made to the description."""
    with tme.Machine(description(*changes), engine=ENGINE, boot_dir=folder) as sun:
        sun.expect("\nok ")
        sun.send(f"{typed}{END} .\n".replace("\n", "\r"))
        sun.expect(f"\n{END} \nok ")
        return sun.text.removesuffix(f"{END} .\n{END} \nok ")
