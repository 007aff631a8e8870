"""Real programs for the machine: fetched as Debian sources, compiled static for the m68k.

    python -m tests.firmware.programs FOLDER      builds lua, minigzip and crc in FOLDER

apt's own configuration says where sources come from; its state is kept in FOLDER, so that no privilege is
needed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

COMPILER = "m68k-linux-gnu-gcc"
FLAGS = "-O2 -m68020 -m68881 -static -Wl,-Ttext-segment=0x10000 -Wl,-z,noexecstack".split()
"""The ordinary way, but for the address: a Sun-3 has no memory at glibc's 0x80000000."""
APT = Path("/etc/apt")
HERE = Path(__file__).parent


class Missing(Exception):
    """What could not be had, for the reason of a skipped test."""


def run(*command: object, cwd: Path) -> None:
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=600)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise Missing(str(error)) from None
    if done.returncode:
        raise Missing(f"`{' '.join(words[:6])} …` failed: {done.stderr.strip()[-300:]}")


def source_list(folder: Path) -> list[str]:
    """apt's sources with `deb-src` instead of `deb`, as options for apt-get."""
    parts = folder / "sources"
    parts.mkdir(exist_ok=True)
    for path in (APT / "sources.list", *APT.glob("sources.list.d/*")):
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        text = re.sub(r"(?m)^(Types:\s*|)deb(?=\s)", r"\1deb-src", path.read_text())
        (parts / path.name).write_text(text)
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    places = {
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": parts,
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
    }
    return [word for key, value in places.items() for word in ("-o", f"{key}={value}")]


def sources(package: str, folder: Path) -> Path:
    """The unpacked upstream sources of a Debian package."""
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob(f"{package}_*.orig.tar.*")):
        options = source_list(folder)
        if not any((folder / "lists").glob("*Sources*")):
            run("apt-get", *options, "-qq", "update", cwd=folder)
        run("apt-get", *options, "-qq", "source", "--download-only", package, cwd=folder)
    (archive,) = folder.glob(f"{package}_*.orig.tar.*")
    unpacked = folder / package
    unpacked.mkdir(exist_ok=True)
    run("tar", "xf", archive, "--strip-components=1", "-C", unpacked, cwd=folder)
    return unpacked


def compile_program(to: Path, parts: list[Path], *flags: str) -> Path:
    """A static program from C files."""
    run(COMPILER, *FLAGS, *flags, "-o", to, *parts, "-lm", cwd=to.parent)
    return to


def lua(folder: Path) -> Path:
    """The Lua interpreter; its own makefile would want readline."""
    code = sources("lua5.4", folder) / "src"
    parts = sorted(p for p in code.glob("*.c") if p.name != "luac.c")
    return compile_program(folder / "lua", parts, "-DLUA_COMPAT_5_3")


def zlib(folder: Path, name: str, main: Path | None = None) -> Path:
    """A program with zlib in it: one of its own tests, or `main`."""
    code = sources("zlib", folder)
    parts = [main or code / "test" / f"{name}.c", *sorted(code.glob("*.c"))]
    return compile_program(folder / name, parts, "-DHAVE_UNISTD_H", "-DHAVE_STDARG_H", f"-I{code}")


BUILD: dict[str, Callable[[Path], Path]] = {
    "lua": lua,
    "minigzip": lambda folder: zlib(folder, "minigzip"),
    "crc": lambda folder: zlib(folder, "crc", HERE / "crc.c"),
}


def program(name: str, folder: Path) -> Path:
    """The program, built if the folder does not have it yet; Missing says why it cannot be."""
    return folder / name if (folder / name).is_file() else BUILD[name](folder)


if __name__ == "__main__":
    for each in BUILD:
        print(program(each, Path(sys.argv[1]).resolve()))
