"""How fast: compiled programs natively, under qemu-m68k, and on the Sun-3 in each native engine.

    python tests/bench/run.py [--programs DIR] [--only sieve,quick] [--runs 3] [--json FILE] [--compare OLD]

Every program runs in all engines in turn, several times; outputs must agree; medians and ratios are printed.
Times are those of whole processes: starting Python and the firmware are in them, so `start` (a program that
does nothing) is a row of its own and is subtracted from the machine's times. `cold` begins with an empty
code cache for regions. Programs are DIR/*.c except mini.c, which is linked to each of them (a small run-time
of its own).
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
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "-O2 -m68020 -msoft-float -nostdlib -static -ffreestanding -fno-stack-protector -fno-pic -no-pie "
    "-fno-builtin -w -Wl,-Ttext-segment=0x10000"
).split()
EMPTY = "int main(void) { return 0; }\n"
ENGINES = ("native", "qemu", "interp", "cold", "jit")


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


def command(engine: str, name: str, out: Path, empty_cache: Path) -> list[str]:
    """How `engine` runs a program."""
    if engine == "native":
        return [str(out / name)]
    if engine == "qemu":
        return ["qemu-m68k", str(out / f"{name}.m68k")]
    machine = [sys.executable, "-m", "tme", "SUN3", "--boot", str(out / f"{name}.m68k")]
    if engine == "interp":
        return [*machine, "--interp"]
    return [*machine, "--jit", *(["--cache-dir", str(empty_cache)] if engine == "cold" else [])]


def run(words: list[str]) -> tuple[float, str]:
    """Wall seconds and output."""
    start = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} ended with status {done.returncode}:\n{done.stderr[-2000:]}")
    return seconds, done.stdout


def measure(names: list[str], out: Path, runs: int) -> dict[str, dict[str, float]]:
    """Median seconds by program and engine; SystemExit if outputs differ."""
    seconds: dict[str, dict[str, list[float]]] = {n: {e: [] for e in ENGINES} for n in names}
    interpreter = out / "interpreter"  # a cache that holds the interpreter but no region
    run([*command("interp", "start", out, interpreter), "--cache-dir", str(interpreter)])
    for name in names:
        run(command("jit", name, out, interpreter))  # warms the cache
        for _ in range(runs):
            outputs = {}
            for engine in ENGINES:
                empty = out / "empty"
                shutil.rmtree(empty, ignore_errors=True)
                shutil.copytree(interpreter, empty)
                took, outputs[engine] = run(command(engine, name, out, empty))
                seconds[name][engine].append(took)
            if len(set(outputs.values())) != 1:
                raise SystemExit(f"{name}: outputs differ: {outputs}")
        shown = "  ".join(f"{e} {statistics.median(t):.2f}" for e, t in seconds[name].items())
        print(f"  {name}: {shown}", file=sys.stderr)
    return {n: {e: statistics.median(t) for e, t in by.items()} for n, by in seconds.items()}


def table(medians: dict[str, dict[str, float]]) -> list[str]:
    """Rows of seconds, start-up subtracted, and ratios to QEMU and native."""
    start = medians["start"]
    head = "".join(f"{e:>9}" for e in ENGINES)
    lines = [f"{'':10}{head}{'int/qemu':>10}{'jit/qemu':>10}{'jit/nat':>9}"]
    ratios = []
    for name, t in medians.items():
        if name == "start":
            continue
        net = {e: max(t[e] - start[e], 0.001) for e in ENGINES}
        row = (net["interp"] / net["qemu"], net["jit"] / net["qemu"], net["jit"] / net["native"])
        ratios.append(row)
        times = "".join(f"{net[e]:9.3f}" for e in ENGINES)
        lines.append(f"{name:10}{times}{row[0]:10.2f}{row[1]:10.2f}{row[2]:9.2f}")
    means = [math.exp(statistics.fmean(map(math.log, column))) for column in zip(*ratios, strict=True)]
    lines.append(f"{'geo. mean':55}{means[0]:10.2f}{means[1]:10.2f}{means[2]:9.2f}")
    lines.append(f"{'start':10}" + "".join(f"{start[e]:9.3f}" for e in ENGINES))
    return lines


def main() -> int:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    default = ROOT.parent / "shared" / "bench"
    parser.add_argument("--programs", type=Path, default=default, help="folder of C programs")
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
        medians = measure(build(args.programs, out, [n for n in args.only.split(",") if n]), out, args.runs)
    print("seconds, medians, start-up subtracted")
    print("\n".join(table(medians)))
    if args.json:
        args.json.write_text(json.dumps(medians, indent=1))
    if args.compare:
        old = json.loads(args.compare.read_text())
        for name in medians.keys() & old.keys():
            for engine in ("interp", "cold", "jit"):
                if medians[name][engine] > 1.1 * old[name][engine]:
                    print(f"slower: {name} {engine} {old[name][engine]:.2f} -> {medians[name][engine]:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
