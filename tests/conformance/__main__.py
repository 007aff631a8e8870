"""What other implementations say about ours, as a table.

    python -m tests.conformance [--quick | --cases N] [--only ORACLE,…] [--engine jit] [--json FILE]

Ends with status 1 if there is a case that disagrees and is not explained. TME_VECTORS names a folder of
single-instruction vectors. Ctrl-C, like SIGTERM, shows what there is so far.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from tests.conformance import table, vectors
from tests.conformance.rows import ROWS, SIZES, Row
from tests.conformance.runner import progress, run


def chosen(only: str, engine: str, model: str) -> list[Row]:
    """The rows that options leave."""
    oracles = {r.oracle for r in ROWS}
    unknown = set(filter(None, only.split(","))) - oracles
    if unknown:
        raise SystemExit(
            f"--only: no oracle {', '.join(sorted(unknown))}; there are {', '.join(sorted(oracles))}"
        )
    rows = [
        r
        for r in ROWS
        if (not only or r.oracle in only.split(","))
        and (not engine or r.engine in engine.split(","))
        and (not model or r.model in model.split(","))
    ]
    if not rows:
        raise SystemExit("no row has this oracle, model and engine")
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(
        "python -m tests.conformance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_const", dest="size", const=SIZES[0], help="half a minute")
    sizes.add_argument("--slow", action="store_const", dest="size", const=SIZES[1], help="some minutes")
    sizes.add_argument("--cases", type=int, help="about so many of each row")
    parser.add_argument("--only", default="", metavar="ORACLE,…", help="these oracles")
    parser.add_argument("--engine", default="", metavar="ENGINE,…", help="concrete, interp, jit")
    parser.add_argument("--model", default="", metavar="MODEL,…", help="m68000, m68010, m68020, m68881")
    parser.add_argument("--seed", type=int, default=1, help="of the random cases")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (0: none besides this)"
    )
    parser.add_argument("--reasons", action="store_true", help="list why explained cases differ")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all there is to know")
    options = parser.parse_args()
    if vectors.nothing():
        raise SystemExit(f"TME_VECTORS: no files *.jsonl.gz in {vectors.folder()}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rows = chosen(options.only, options.engine, options.model)
    results = run(rows, options.size or SIZES[-1], options.cases, options.seed, options.jobs, progress)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    print("\n".join(table.lines(results)), "", sep="\n")
    print(f"seed {options.seed}; vectors: {vectors.describe()}")
    print("\n".join(table.notes(results) + (table.reasons(results) if options.reasons else [])))
    if options.json:
        options.json.write_text(json.dumps(table.as_json(results), indent=1, ensure_ascii=False) + "\n")
    unexplained = any(r.tally.unexplained for r in results)
    return 1 if unexplained or any(r.done < r.pieces for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
