"""Boot a machine to a text on its console; one line of JSON says what it took.

python tests/bench/boot.py [--engine jit] [--then COMMAND [--until TEXT]] MACHINE CACHE TEXT [KERNEL …]

--then: a command to be typed at TEXT, which ends when it says "done" or what --until tells.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import tme


def resident(pid: int) -> float:
    """MB that a process has in memory, its share of what it shares."""
    try:
        lines = Path(f"/proc/{pid or 'self'}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def main(engine: str, then: str, until: str, machine: str, cache: str, text: str, *boot: str) -> None:
    """Boot and tell."""
    start = time.perf_counter()
    options = {"boot": boot[0], "boot_args": tuple(boot[1:])} if boot else {}
    with tme.Machine(machine, cache_dir=cache, engine=engine, **options) as sun:
        sun.expect(text, 600)
        if then:
            sun.send(then + "\r")
            sun.expect(until, 600)
        wall, own = time.perf_counter() - start, time.process_time()
        processor = sun.core.processor
        pool = getattr(processor, "_pool", None)
        workers = [w.process.pid for w in pool.workers] if pool else []
        found = {
            "wall": wall,
            "cpu": own,
            "resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "with workers": sum(map(resident, [0, *workers])) if workers else resident(0),
            "instructions": sun.instructions,
            **{k: v for k, v in sun.stats().items() if k == "jit"},
        }
    print(json.dumps(found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", default="jit")
    parser.add_argument("--then", default="")
    parser.add_argument("--until", default="\ndone")
    parser.add_argument("words", nargs="+")
    asked = parser.parse_args()
    main(asked.engine, asked.then, asked.until, *asked.words)
