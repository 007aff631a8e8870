"""A process from its start to its end, and what it took."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Run:
    """A process that has ended: wall and processor seconds (its own; with its children's), resident MB at
    most, what it wrote."""

    wall: float
    cpu: float
    total: float
    resident: float
    output: str
    errors: str


def run(words: list[str], bytecode: Path | None = None, folder: Path | None = None) -> Run:
    """Run a command in a folder; SystemExit if it fails. bytecode: where Python keeps that of our sources, as
    it would beside an installed package."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if bytecode is not None:
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            words, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environment, cwd=folder or ROOT
        )
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        wall = time.perf_counter() - start
        cpu = own_seconds(process.pid)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        total = used.ru_utime + used.ru_stime
        done = Run(wall, cpu, total, used.ru_maxrss / 1024, out.read(), err.read())
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with status {process.returncode}:\n{done.errors[-2000:]}")
    return done


def own_seconds(pid: int) -> float:
    """Processor seconds of a process that has ended and is not yet waited for, without its children's (and of
    its first thread; our processes have one)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
