"""Static glibc programs through the firmware's system calls: output and exit status as under qemu-m68k.

Lua and zlib come as Debian sources: TME_PROGRAMS names a folder to fetch and build them in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.firmware import programs
from tests.firmware.cross import ROOT, compiler, need

HERE = Path(__file__).parent
ENGINES = ["interp", "jit"]
INPUT = b"first line\n17 rest of\ninput"

pytestmark = pytest.mark.slow
opt_in = pytest.mark.skipif(
    "TME_PROGRAMS" not in os.environ, reason="set TME_PROGRAMS to a folder for programs"
)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SUN3 with a 68881."""
    text = (ROOT / "tme/machines/SUN3").read_text()
    if "fpu-type" not in text:
        text = re.sub(r"(?m)^(cpu0 .*)$", r"\1 fpu-type m68881", text)
    path = tmp_path_factory.mktemp("machine") / "SUN3-68881"
    path.write_text(text)
    return path


def under_qemu(program: Path, *arguments: str, cwd: Path, text: bytes = b"") -> tuple[int, bytes, bytes]:
    command = [need("qemu-m68k", "qemu-user"), str(program), *arguments]
    done = subprocess.run(command, input=text, capture_output=True, timeout=300, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


def on_the_machine(
    machine: Path, engine: str, program: Path, *arguments: str, cwd: Path, text: bytes = b""
) -> tuple[int, bytes, bytes]:
    command = [sys.executable, "-m", "tme", "--clock", "icount", f"--{engine}", str(machine)]
    command += ["--boot-dir", str(cwd), "--boot", str(program), "--", *arguments]
    done = subprocess.run(command, input=text, capture_output=True, timeout=300, cwd=ROOT)
    said = [line for line in done.stderr.splitlines(True) if not line.startswith(b"compiling ")]
    return done.returncode, done.stdout, b"".join(said)


def built(name: str) -> Path:
    compiler()
    folder = Path(os.environ["TME_PROGRAMS"]).resolve()
    try:
        return programs.program(name, folder)
    except programs.Missing as reason:
        pytest.skip(f"{name} cannot be built: {reason}")


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """files.c, which asks the system for what ordinary programs ask for."""
    compiler()
    if not Path("/usr/m68k-linux-gnu/lib/libc.a").is_file():
        pytest.skip("there is no C library for m68k (Debian: libc6-dev-m68k-cross)")
    return programs.compile_program(tmp_path_factory.mktemp("program") / "files", [HERE / "files.c"])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("more", [[], ["abort"]])
def test_system_calls_of_an_ordinary_program(
    machine: Path, ordinary: Path, tmp_path: Path, engine: str, more: list[str]
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "input").write_text("some input")
    arguments = ["a", "b c", *more]
    expected = under_qemu(ordinary, *arguments, cwd=tmp_path, text=b"one\n123\nmore\nand more")
    actual = on_the_machine(
        machine, engine, ordinary, *arguments, cwd=tmp_path, text=b"one\n123\nmore\nand more"
    )
    assert actual[1] == expected[1]
    assert actual[2] == b"to stderr\n"
    assert actual[0] == (134 if more else 77)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["input", "sub"]


def test_linked_where_the_machine_has_no_memory(machine: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.c").write_text("int main(void) { return 0; }\n")
    command = [compiler(), "-static", str(tmp_path / "empty.c"), "-o", str(tmp_path / "empty")]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("there is no C library for m68k (Debian: libc6-dev-m68k-cross)")
    status, output, said = on_the_machine(machine, "interp", tmp_path / "empty", cwd=tmp_path)
    assert (status, output) == (127, b"")
    assert b"it occupies 0x80000000-" in said
    assert b"link it with -Wl,-Ttext-segment=0x10000" in said


@opt_in
@pytest.mark.parametrize("engine", ENGINES)
def test_lua(machine: Path, tmp_path: Path, engine: str) -> None:
    lua = built("lua")
    (tmp_path / "program.lua").write_bytes((HERE / "program.lua").read_bytes())
    arguments = ("program.lua", "one", "two")
    expected = under_qemu(lua, *arguments, cwd=tmp_path, text=INPUT)
    assert expected[0] == 42
    assert on_the_machine(machine, engine, lua, *arguments, cwd=tmp_path, text=INPUT) == expected


@opt_in
@pytest.mark.parametrize("engine", ENGINES)
def test_zlib_in_memory(machine: Path, tmp_path: Path, engine: str) -> None:
    crc = built("crc")
    expected = under_qemu(crc, cwd=tmp_path)
    assert expected[0] == 0
    assert expected[1].count(b" bytes, crc ") == 2
    assert on_the_machine(machine, engine, crc, cwd=tmp_path) == expected


@opt_in
@pytest.mark.parametrize("engine", ENGINES)
def test_zlib_on_files(machine: Path, tmp_path: Path, engine: str) -> None:
    minigzip = built("minigzip")
    text = b"".join(b"%d squared is %d\n" % (i, i * i) for i in range(12000))
    folders = [tmp_path / "qemu", tmp_path / "machine"]
    for folder in folders:
        folder.mkdir()
        (folder / "text").write_bytes(text)
    assert under_qemu(minigzip, "text", cwd=folders[0]) == (0, b"", b"")
    assert on_the_machine(machine, engine, minigzip, "text", cwd=folders[1]) == (0, b"", b"")
    packed = [(folder / "text.gz").read_bytes() for folder in folders]
    assert packed[0] == packed[1]
    assert not (folders[1] / "text").exists()
    assert on_the_machine(machine, engine, minigzip, "-d", "text.gz", cwd=folders[1]) == (0, b"", b"")
    assert (folders[1] / "text").read_bytes() == text
