"""Make tests/insn/data/m68000.jsonl.gz from a folder of vectors: `python -m tests.insn.sample FOLDER`."""

from __future__ import annotations

import gzip
import json
import random
import sys
from pathlib import Path

from tests.insn.vectors import cases

PER_FILE = 4
TARGET = Path(__file__).parent / "data/m68000.jsonl.gz"


def main(folder: Path) -> None:
    """Some cases of each file, always the same ones."""
    rng = random.Random(68000)
    with gzip.GzipFile(TARGET, "wb", mtime=0) as out:
        for path in sorted(folder.glob("*.jsonl.gz")):
            for case in rng.sample(list(cases(path)), PER_FILE):
                out.write(json.dumps(case, separators=(",", ":")).encode() + b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
