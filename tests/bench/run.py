"""How fast: compiled programs natively, under QEMU's user mode, and on whole machines in each native engine.

    python -m tests.bench.run [--programs DIR] [--only sieve,quick] [--targets m68k] [--runs 3]
                              [--json FILE] [--compare OLD] [--short]

Every program runs in all engines in turn, several times; outputs must agree; medians and ratios are printed.
Times are processor seconds of whole processes without their children, so that a busy machine disturbs little
and translation, which happens in workers, counts only as far as the guest waits for it. Starting Python and
the firmware are in them: `start` (a program that does nothing) is a row of its own and is subtracted.

`cold` begins with an empty code cache for regions. `steady` is what the JIT takes for four times the work
more, divided by four. `musashi` is machine68k from PyPI, an interpreter in C: it does a part of the work,
once, and the rest is reckoned. Programs are DIR/*.c except mini.c, which is linked to each of them (a small
run-time of its own). --short: one run each, nothing around it, the interpreter as compiled in a hurry;
--compare ends with status 1 if anything got 10 % slower.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.bench.around import around
from tests.bench.process import run
from tests.bench.report import Medians, slower, slower_around, table
from tests.bench.targets import COLD, FIVE, FLOATING, HERE, INTERPRETER, TARGETS, WARM, Target, build


def measure(target: Target, names: list[str], out: Path, runs: int) -> tuple[Medians, dict[str, int]]:
    """Median processor seconds by program and engine, guest instructions; SystemExit if outputs differ."""
    medians: Medians = {}
    insns: dict[str, int] = {}
    shutil.copytree(out / INTERPRETER, out / WARM, dirs_exist_ok=True)
    for name in names:
        # translated in line: nothing is left out
        words = target.command("jit", name, out)
        warm = run([*words[:4], "--jit-workers", "0", "--stats=brief", *words[4:]], out / "pyc")
        if name in FIVE:  # has more hot places, which would be translated in a hurry while it is measured
            words = target.command("long", name, out)
            run([*words[:4], "--jit-workers", "0", *words[4:]], out / "pyc")
        insns[name] = json.loads(warm.errors[warm.errors.index("{") :])["instructions"]
        seconds: dict[str, list[float]] = {e: [] for e in target.engines if e != "musashi"}
        for _ in range(runs):
            outputs = {}
            for engine in target.engines:
                if engine == "musashi":
                    continue
                if engine == "cold":
                    shutil.rmtree(out / COLD, ignore_errors=True)
                    shutil.copytree(out / INTERPRETER, out / COLD)
                done = run(target.command(engine, name, out), out / "pyc")
                outputs[engine] = done.output
                seconds[engine].append(done.cpu)
            agree(name, outputs)
            if name in FIVE:
                done = run(target.command("long", name, out), out / "pyc")
                seconds.setdefault("long", []).append(done.cpu)
                agree(name, {"long": done.output, "native": run([str(out / name), FIVE[name]]).output})
        medians[name] = {e: statistics.median(t) for e, t in seconds.items()}
        if target.musashi and name not in FLOATING and find_spec("machine68k"):
            words = [target.command(e, name, out) for e in ("musashi", "native")]
            done, native = run(words[0]), run([words[1][0], *words[0][3:]])
            agree(name, {"musashi": done.output, "native": native.output})
            medians[name]["musashi"] = done.cpu
        shown = "  ".join(f"{e} {t:.2f}" for e, t in medians[name].items())
        print(f"  {target.machine} {name}: {shown}", file=sys.stderr)
    return medians, insns


def agree(name: str, outputs: dict[str, str]) -> None:
    if len(set(outputs.values())) != 1:
        raise SystemExit(f"{name}: outputs differ: {outputs}")


def compare(new: dict[str, Any], old: dict[str, Any]) -> list[str]:
    """What got slower, with its machine."""
    return [
        f"slower: {name} {line}"
        for name, now in new.items()
        if (then := old.get(name))
        for line in [*slower(now["seconds"], then["seconds"]), *slower_around(now["around"], then["around"])]
    ]


def main() -> int:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--programs", type=Path, default=HERE / "programs", help="folder of C programs")
    parser.add_argument("--only", default="", help="names, separated by commas")
    parser.add_argument("--targets", default="", help="of m68k, sparc; by default both")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="one run, programs only")
    parser.add_argument("--json", type=Path, help="write the medians here")
    parser.add_argument("--compare", type=Path, help="name what got 10 %% slower than these medians")
    args = parser.parse_args()
    if not args.programs.is_dir():
        print(f"there is no folder {args.programs}", file=sys.stderr)
        return 2
    wanted = [t for t in TARGETS if not args.targets or t.name in args.targets.split(",")]
    results: dict[str, Any] = {}
    for target in wanted:
        lacks = [tool for tool in ("gcc", *target.tools) if not shutil.which(tool)]
        lacks += [] if target.exists() else [f"the machine {target.machine}"]
        if lacks:
            print(f"{target.name}: needs {', '.join(lacks)}", file=sys.stderr)
            continue
        results[target.name] = one(target, args)
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    found = compare(results, json.loads(args.compare.read_text())) if args.compare else []
    print("\n".join(found), end="\n" if found else "")
    return 2 if not results else int(bool(found))


def one(target: Target, args: argparse.Namespace) -> dict[str, Any]:
    """Measure one kind of guest and print it."""
    runs = 1 if args.short else args.runs
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        names = build(target, args.programs, out, [n for n in args.only.split(",") if n])
        if args.short:
            rows: dict[str, float] = {}
            run(target.boot(target.program("start", out), "--interp", "--cache-dir", str(out / INTERPRETER)))
        else:
            rows = around(target, out, runs)
        medians, insns = measure(target, names, out, runs)
    print(f"\nprocessor seconds, medians of {runs}, start-up subtracted")
    print("\n".join(table(target, medians, insns)))
    print("\n".join(f"{name:55}{value:10.2f}" for name, value in rows.items()))
    return {"seconds": medians, "instructions": insns, "around": rows}


if __name__ == "__main__":
    sys.exit(main())
