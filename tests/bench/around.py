"""What is not a program's time: starting, booting, memory, translation."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

from tests.bench.process import Run, run
from tests.bench.targets import COLD, HERE, INTERPRETER, Target

LINUX = ("/ # ", "prom", "console=hvc0")  # what tests/guests/linux/build.py makes: its prompt, its arguments


def around(target: Target, out: Path, runs: int) -> dict[str, float]:
    """Rows by name; the interpreter is in out/INTERPRETER afterwards."""
    start, cache = target.program("start", out), ("--cache-dir", str(out / INTERPRETER))
    fresh = out / "fresh" / target.name
    first = run([sys.executable, "-m", "tme", target.machine, "--insns", "1", "--cache-dir", str(fresh)])
    prompt = boot(target, fresh, target.prompt)
    run(target.boot(start, "--interp", "--jit-workers", "0", *cache))  # no workers: all of it, and at once
    one = [sys.executable, "-m", "tme", target.machine, "--insns", "1", *cache]
    run(one, out / "pyc")
    warm = [run(one, out / "pyc") for _ in range(runs)]
    end = [run(target.boot(start, "--interp", *cache), out / "pyc") for _ in range(runs)]
    boot(target, out / INTERPRETER, target.prompt)
    again = [boot(target, out / INTERPRETER, target.prompt) for _ in range(runs)]
    rows = {
        "first guest instruction, nothing cached, wall s": first.wall,
        "first guest instruction, nothing cached, processor s": first.total,
        "first guest instruction, warm, wall s": middle(warm, "wall"),
        "first guest instruction, warm, processor s": middle(warm, "cpu"),
        "a program that does nothing, warm, wall s": middle(end, "wall"),
        "firmware prompt, nothing cached, wall s": first.wall + prompt["wall"],
        "firmware prompt, warm, wall s": statistics.median(a["wall"] for a in again),
        "firmware prompt, warm, processor s": statistics.median(a["cpu"] for a in again),
        "firmware prompt, resident MB without workers": statistics.median(a["resident"] for a in again),
    }
    return rows | translation(target, out) | second_boot(target, out, runs)


def middle(done: list[Run], what: str) -> float:
    return float(statistics.median(getattr(r, what) for r in done))


def boot(target: Target, cache: Path, text: str, *kernel: str) -> dict[str, Any]:
    """tests/bench/boot.py in a process of its own."""
    words = [sys.executable, str(HERE / "boot.py"), target.machine, str(cache), text, *kernel]
    found: dict[str, Any] = json.loads(run(words, cache.parent / "pyc").output.splitlines()[-1])
    return found


def translation(target: Target, out: Path) -> dict[str, float]:
    """How fast the translator is, with nothing else on its mind."""
    busy = target.program("dhry", out)
    if not busy.exists():
        return {}
    shutil.rmtree(out / COLD, ignore_errors=True)
    shutil.copytree(out / INTERPRETER, out / COLD)
    cache = "--cache-dir", str(out / COLD)
    inline = run(target.boot(busy, "--jit", "--jit-workers", "0", *cache, "--stats=brief"))
    found = json.loads(inline.errors[inline.errors.index("{") :])
    jit = found["jit"]
    return {
        "translation, guest instructions per processor s": jit["guest_insns"] / (jit["inline_ms"] / 1000),
        "translation, host bytes per guest instruction": jit["host_bytes"] / jit["guest_insns"],
    }


def second_boot(target: Target, out: Path, runs: int) -> dict[str, float]:
    """A system boots with the interpreter cached, then with what the first boot has translated; and with
    nothing cached at all, where the workers' time counts, too."""
    kernel = Path(os.environ.get("TME_LINUX") or "/nowhere") / "vmlinux"
    if target.name != "m68k" or not kernel.exists():
        return {}
    prompt, *words = LINUX
    pairs = []
    for _ in range(runs):
        shutil.rmtree(out / COLD, ignore_errors=True)
        shutil.copytree(out / INTERPRETER, out / COLD)
        pairs.append([boot(target, out / COLD, prompt, str(kernel), *words) for _ in range(2)])
    first, second = (statistics.median(p[i]["cpu"] for p in pairs) for i in range(2))
    never = boot(target, out / "never" / target.name, prompt, str(kernel), *words)["wall"]
    wall = statistics.median(p[1]["wall"] for p in pairs)
    return {
        "Linux, boot with nothing cached, wall s": never,
        "Linux, second boot, wall s": wall,
        "Linux, second boot to one with nothing cached": wall / never,
        "Linux, first boot, processor s": first,
        "Linux, second boot, processor s": second,
        "Linux, second boot to first": second / first,
        "Linux, resident MB with workers": statistics.median(p[0]["with workers"] for p in pairs),
    }
