"""How fast: compiled programs natively, under qemu-m68k, and on the Sun-3 in each native engine.

    python tests/bench/run.py [--programs DIR] [--only sieve,quick] [--runs 3] [--json FILE] [--compare OLD]

Every program runs in all engines in turn, several times; outputs must agree; medians and ratios are printed.
Times are processor seconds of whole processes without their children, so that a busy machine disturbs little
and translation, which happens in workers, counts only as far as the guest waits for it. Starting Python and
the firmware are in them: `start` (a program that does nothing) is a row of its own and is subtracted from the
machine's times. `cold` begins with an empty code cache for regions. Programs are DIR/*.c except mini.c, which
is linked to each of them (a small run-time of its own).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FLAGS = (
    "-O2 -m68020 -msoft-float -nostdlib -static -ffreestanding -fno-stack-protector -fno-pic -no-pie "
    "-fno-builtin -w -Wl,-Ttext-segment=0x10000"
).split()
EMPTY = "int main(void) { return 0; }\n"
ENGINES = ("native", "qemu", "interp", "cold", "jit")
FLOATING = ("matmul", "nbody")  # rows, but no part of the means
INTERPRETER, WARM, COLD = "interpreter", "warm", "cold"  # caches: the first holds no region
SLOWER = 1.1  # what --compare calls slower
Medians = dict[str, dict[str, float]]


@dataclass
class Run:
    """A process that has ended: wall and processor seconds, resident MB at most, what it wrote."""

    wall: float
    cpu: float
    resident: float
    output: str
    errors: str


def run(words: list[str]) -> Run:
    """Run a command; SystemExit if it fails."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            words,
            stdout=out,
            stderr=err,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        wall = time.perf_counter() - start
        cpu = own_seconds(process.pid)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        done = Run(wall, cpu, used.ru_maxrss / 1024, out.read(), err.read())
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with status {process.returncode}:\n{done.errors[-2000:]}")
    return done


def own_seconds(pid: int) -> float:
    """Processor seconds of a process that has ended and is not yet waited for, without its children's."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def build(folder: Path, out: Path, only: list[str]) -> list[str]:
    """Compile DIR/*.c twice; returns the names."""
    (out / "start.c").write_text(EMPTY)
    names = []
    for source in [out / "start.c", *sorted(folder.glob("*.c"))]:
        name = source.stem
        if name == "mini" or (only and name not in (*only, "start")):
            continue
        names.append(name)
        cross = ["m68k-linux-gnu-gcc", *FLAGS, f"-I{folder}", "-o", str(out / f"{name}.m68k")]
        subprocess.run([*cross, str(source), str(folder / "mini.c"), "-lgcc"], check=True)
        subprocess.run(["gcc", "-O2", "-w", "-o", str(out / name), str(source), "-lm"], check=True)
    return names


def machine(program: Path, *options: str) -> list[str]:
    """The command that runs a program on the Sun-3."""
    return [sys.executable, "-m", "tme", "SUN3", "--boot", str(program), *options]


def command(engine: str, name: str, out: Path) -> list[str]:
    """How `engine` runs a program."""
    if engine == "native":
        return [str(out / name)]
    program = out / f"{name}.m68k"
    if engine == "qemu":
        return ["qemu-m68k", str(program)]
    how, cache = {"interp": ("--interp", WARM), "cold": ("--jit", COLD), "jit": ("--jit", WARM)}[engine]
    return machine(program, how, "--cache-dir", str(out / cache))


def measure(names: list[str], out: Path, runs: int) -> Medians:
    """Median processor seconds by program and engine; SystemExit if outputs differ."""
    seconds: dict[str, dict[str, list[float]]] = {n: {e: [] for e in ENGINES} for n in names}
    shutil.copytree(out / INTERPRETER, out / WARM)
    for name in names:
        run([*command("jit", name, out), "--jit-workers", "0"])  # translated in line: nothing is left out
        for _ in range(runs):
            outputs = {}
            for engine in ENGINES:
                shutil.rmtree(out / COLD, ignore_errors=True)
                shutil.copytree(out / INTERPRETER, out / COLD)
                done = run(command(engine, name, out))
                outputs[engine] = done.output
                seconds[name][engine].append(done.cpu)
            if len(set(outputs.values())) != 1:
                raise SystemExit(f"{name}: outputs differ: {outputs}")
        shown = "  ".join(f"{e} {statistics.median(t):.2f}" for e, t in seconds[name].items())
        print(f"  {name}: {shown}", file=sys.stderr)
    return {n: {e: statistics.median(t) for e, t in by.items()} for n, by in seconds.items()}


def surroundings(out: Path, runs: int) -> dict[str, float]:
    """Starting, resident memory, translation: what is not a program's time."""
    start, busy = out / "start.m68k", out / "dhry.m68k"
    first = run(machine(start, "--jit", "--cache-dir", str(out / "nothing")))
    cache = "--cache-dir", str(out / INTERPRETER)
    run(machine(start, "--interp", "--jit-workers", "0", *cache))  # no workers: all of it, and at once
    warm = [run(machine(start, "--interp", *cache)) for _ in range(runs)]
    rows = {
        "first start, wall s": first.wall,
        "first start, processor s without workers": first.cpu,
        "warm start to a program's end, wall s": statistics.median(r.wall for r in warm),
        "warm start, processor s": statistics.median(r.cpu for r in warm),
        "resident MB without workers": statistics.median(r.resident for r in warm),
    }
    if busy.exists():
        shutil.copytree(out / INTERPRETER, out / COLD)
        cache = "--cache-dir", str(out / COLD)
        inline = run(machine(busy, "--jit", "--jit-workers", "0", *cache, "--stats=json"))
        found = json.loads(inline.errors[inline.errors.index("{") :])
        jit = found["jit"]
        seconds = jit["inline_ms"] / 1000
        rows["translation, guest instructions per processor s"] = jit["guest_insns"] / seconds
        rows["translation, host bytes per guest instruction"] = jit["host_bytes"] / jit["guest_insns"]
    return rows


def table(medians: Medians) -> list[str]:
    """Rows of seconds, start-up subtracted, and ratios to QEMU and native."""
    start = medians["start"]
    head = "".join(f"{e:>9}" for e in ENGINES)
    lines = [f"{'':10}{head}{'int/qemu':>10}{'jit/qemu':>10}{'jit/nat':>9}{'cold/jit':>9}"]
    ratios = []
    for name, t in medians.items():
        if name == "start":
            continue
        net = {e: max(t[e] - start[e], 0.001) for e in ENGINES}
        row = (
            net["interp"] / net["qemu"],
            net["jit"] / net["qemu"],
            net["jit"] / net["native"],
            net["cold"] / net["jit"],
        )
        if name not in FLOATING:
            ratios.append(row)
        times = "".join(f"{net[e]:9.3f}" for e in ENGINES)
        lines.append(f"{name:10}{times}{row[0]:10.2f}{row[1]:10.2f}{row[2]:9.2f}{row[3]:9.2f}")
    if ratios:
        means = [math.exp(statistics.fmean(map(math.log, column))) for column in zip(*ratios, strict=True)]
        shown = f"{means[0]:10.2f}{means[1]:10.2f}{means[2]:9.2f}{means[3]:9.2f}"
        lines.append(f"{'geometric mean, integer programs':55}{shown}")
    lines.append(f"{'start':10}" + "".join(f"{start[e]:9.3f}" for e in ENGINES))
    return lines


def slower(new: Medians, old: Medians) -> list[str]:
    """What takes longer than it did."""
    return [
        f"slower: {name} {engine} {old[name][engine]:.2f} -> {new[name][engine]:.2f} s"
        for name in new
        if name in old
        for engine in ("interp", "cold", "jit")
        if new[name][engine] > SLOWER * old[name][engine]
    ]


def main() -> int:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--programs", type=Path, default=HERE / "programs", help="folder of C programs")
    parser.add_argument("--only", default="", help="names, separated by commas")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the medians here")
    parser.add_argument("--compare", type=Path, help="name what got 10 %% slower than these medians")
    args = parser.parse_args()
    missing = [tool for tool in ("gcc", "m68k-linux-gnu-gcc", "qemu-m68k") if not shutil.which(tool)]
    if missing or not args.programs.is_dir():
        print(f"needs {', '.join(missing) or args.programs}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        names = build(args.programs, out, [n for n in args.only.split(",") if n])
        around = surroundings(out, args.runs)
        medians = measure(names, out, args.runs)
    print("processor seconds, medians, start-up subtracted")
    print("\n".join(table(medians)))
    print("\n".join(f"{name:55}{value:10.2f}" for name, value in around.items()))
    if args.json:
        args.json.write_text(json.dumps({"seconds": medians, "around": around}, indent=1))
    if args.compare:
        print("\n".join(slower(medians, json.loads(args.compare.read_text())["seconds"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
