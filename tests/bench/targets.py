"""The guests that programs are compiled for, and the engines that run them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.bench.process import ROOT

HERE = Path(__file__).resolve().parent
FREE = (
    "-O2 -nostdlib -static -ffreestanding -fno-stack-protector -fno-pic -no-pie -fno-builtin -w "
    "-Wl,-Ttext-segment=0x10000"
).split()
EMPTY = "int main(void) { return 0; }\n"
FLOATING = ("matmul", "nbody")  # rows, but no part of the integer programs' means
LONG = {"nbody": "100000", "sha256": "600000"}  # arguments for programs that are too quick without
FIVE = {
    "dhry": "10000000",
    "matmul": "100",
    "nbody": "500000",
    "quick": "50",
    "sha256": "3000000",
    "sieve": "150",
}
"""Arguments for five times the work: what the JIT takes for the four that are more is its steady state."""
SMALL = {"dhry": ("100000", 20), "quick": ("1", 10), "sha256": ("6000", 100), "sieve": ("3", 10)}
"""For Musashi, which is slow: an argument, and how many times less work that is."""
INTERPRETER, WARM, COLD = "interpreter", "warm", "cold"  # caches: the first holds no region
CACHES = {"interp": ("--interp", WARM), "cold": ("--jit", COLD), "jit": ("--jit", WARM)}


@dataclass(frozen=True)
class Target:
    """One kind of guest."""

    name: str
    machine: str
    compiler: str
    flags: tuple[str, ...]
    qemu: str
    prompt: str  # of the firmware
    musashi: bool = False

    @property
    def tools(self) -> tuple[str, ...]:
        return self.compiler, self.qemu

    @property
    def engines(self) -> tuple[str, ...]:
        return ("native", "qemu", *(("musashi",) if self.musashi else ()), *CACHES)

    def program(self, name: str, out: Path) -> Path:
        return out / f"{name}.{self.name}"

    def compile(self, source: Path, folder: Path, out: Path) -> None:
        """Compile and link one program with the run-time in mini.c."""
        made = str(self.program(source.stem, out))
        words = [self.compiler, *FREE, *self.flags, f"-I{folder}", "-o", made]
        subprocess.run([*words, str(source), str(folder / "mini.c"), "-lgcc"], check=True)

    def command(self, engine: str, name: str, out: Path) -> list[str]:
        """How `engine` runs a program."""
        program, more = self.program(name, out), [LONG[name]] if name in LONG else []
        if engine == "long":
            engine, more = "jit", [FIVE[name]]
        if engine == "native":
            return [str(out / name), *more]
        if engine == "qemu":
            return [self.qemu, str(program), *more]
        if engine == "musashi":
            less = SMALL[name][:1] if name in SMALL else ()
            return [sys.executable, str(HERE / "musashi.py"), str(program), *less]
        how, cache = CACHES[engine]
        words = self.boot(program, how, "--cache-dir", str(out / cache))
        return [*words, "--", *more] if more else words

    def boot(self, program: Path, *options: str) -> list[str]:
        """The command that runs a program on the whole machine."""
        return [sys.executable, "-m", "tme", self.machine, "--boot", str(program), *options]

    def exists(self) -> bool:
        """Whether there is such a machine."""
        return (ROOT / "tme/machines" / self.machine).exists()


TARGETS = (
    Target(
        "m68k",
        "SUN3",
        "m68k-linux-gnu-gcc",
        ("-m68020", "-m68881"),
        "qemu-m68k",
        "\n>",
        musashi=True,
    ),
    Target(
        "sparc",
        "SUN4C",
        "sparc64-linux-gnu-gcc",
        ("-m32", "-mcpu=v7"),
        "qemu-sparc",
        "\nok ",
    ),
)


def build(target: Target, folder: Path, out: Path, only: list[str]) -> list[str]:
    """Compile DIR/*.c for a target and, once, for the host; returns the names, `start` first."""
    (out / "start.c").write_text(EMPTY)
    names = []
    for source in [out / "start.c", *sorted(folder.glob("*.c"))]:
        name = source.stem
        if name == "mini" or (only and name not in (*only, "start")):
            continue
        names.append(name)
        target.compile(source, folder, out)
        if not (out / name).exists():
            subprocess.run(["gcc", "-O2", "-w", "-o", str(out / name), str(source), "-lm"], check=True)
    return names
