"""Tables of medians, and what got slower."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping

from tests.bench.targets import FLOATING, SMALL, Target

SLOWER = 1.1  # what --compare calls slower
LEAST = 0.05  # seconds: less than that is noise
Medians = dict[str, dict[str, float]]
RATIOS = {
    "musashi/interp": ("musashi", "interp"),
    "interp/qemu": ("interp", "qemu"),
    "jit/qemu": ("jit", "qemu"),
    "steady/qemu": ("steady", "qemu"),
    "steady/native": ("steady", "native"),
    "cold/jit": ("cold", "jit"),
}


def net(name: str, medians: Medians) -> dict[str, float]:
    """Seconds by engine without starting up; Musashi's for the whole program."""
    start = medians["start"]
    factor = {"musashi": SMALL.get(name, ("", 1))[1]}
    times = medians[name]
    found = {e: max(t - start[e], 0.001) * factor.get(e, 1) for e, t in times.items() if e in start}
    if "long" in times:
        found["steady"] = max(times["long"] - times["jit"], 0.001) / 4
    return found


def table(target: Target, medians: Medians, insns: Mapping[str, int]) -> list[str]:
    """Rows of seconds, start-up subtracted, and ratios."""
    columns = (*target.engines, "steady")
    ratios = {r: pair for r, pair in RATIOS.items() if set(pair) <= set(columns)}
    head = "".join(f"{e:>9}" for e in columns) + f"{'M insn/s':>10}"
    lines = [f"{target.machine:10}{head}" + "".join(f"{r:>15}" for r in ratios)]
    found: dict[str, list[float]] = {r: [] for r in ratios}
    for name in medians:
        if name == "start":
            continue
        t = net(name, medians)
        row = {r: t[a] / t[b] for r, (a, b) in ratios.items() if a in t and b in t}
        if name not in FLOATING:
            for r, value in row.items():
                found[r].append(value)
        times = "".join(f"{t[e]:9.3f}" if e in t else f"{'':9}" for e in columns)
        speed = f"{(insns[name] - insns['start']) / t['interp'] / 1e6:10.0f}" if name in insns else f"{'':10}"
        lines.append(f"{name:10}{times}{speed}" + "".join(shown(row.get(r)) for r in ratios))
    width = 10 + 9 * len(columns) + 10
    if any(found.values()):
        means = "".join(shown(geometric_mean(values) if values else None) for values in found.values())
        lines.append(f"{'geometric mean, integer programs':{width}}{means}")
    lines.append(f"{'start':10}" + "".join(f"{medians['start'][e]:9.3f}" for e in target.engines))
    return lines


def shown(ratio: float | None) -> str:
    return f"{ratio:15.2f}" if ratio is not None else f"{'':15}"


def geometric_mean(values: list[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, values)))


def slower(new: Medians, old: Medians) -> list[str]:
    """What takes longer than it did, start-up included."""
    return [
        f"{name} {engine} {old[name][engine]:.2f} -> {t:.2f} s"
        for name, times in new.items()
        for engine, t in times.items()
        if engine in ("interp", "cold", "jit", "long")
        and engine in old.get(name, {})
        and t > SLOWER * old[name][engine]
        and t - old[name][engine] > LEAST
    ]


def slower_around(new: Mapping[str, float], old: Mapping[str, float]) -> list[str]:
    """The same for the rows below the tables, in which more is worse, but for a rate."""
    return [
        f"{name} {old[name]:.2f} -> {value:.2f}"
        for name, value in new.items()
        if name in old
        and (old[name] > SLOWER * value if " per processor s" in name else value > SLOWER * old[name])
    ]
