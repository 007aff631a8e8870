"""Runs rows: their pieces in worker processes, with progress; what there is when it is stopped."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.flat import MODELS, native
from tests.conformance.rows import Row, work
from tests.conformance.tally import Tally

ROUND = 30  # pieces of a process before there is a new one: what LLVM keeps for code that has gone adds up


@dataclass
class Result:
    """A row's line so far."""

    row: Row
    missing: str = ""
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    pieces: int = 0
    done: int = 0


Show = Callable[[Result], None]
Piece = tuple[Result, tuple[Any, ...]]


def run(rows: list[Row], size: str, cases: int | None, seed: int, jobs: int, show: Show) -> list[Result]:
    """Run rows in this process (`jobs` 0) or others; `show` is called after every piece."""
    results, pieces = [], []
    for row in rows:
        count = row.cases(size) if cases is None else cases
        if count == 0:
            continue
        result = Result(row, row.code.missing())
        results.append(result)
        if not result.missing:
            todo = row.code.blocks(count, seed)
            result.pieces = len(todo)
            pieces += [(result, block) for block in todo]
    try:
        for result, tally, seconds in _here(pieces) if jobs == 0 else _elsewhere(pieces, jobs):
            result.tally.add(tally)
            result.seconds += seconds
            result.done += 1
            show(result)
    except KeyboardInterrupt:
        pass  # the table says how far it got
    return results


def timed(row: Row, block: tuple[Any, ...]) -> tuple[Tally, float]:
    """A piece and its processor seconds; a mistake of ours is an unexplained case."""
    start = time.process_time()
    try:
        tally = work(row.module, row.model, row.engine, block)
    except Exception as e:
        tally = Tally()
        tally.fail(f"{name(row, block)}: {type(e).__name__}: {e}")
    return tally, time.process_time() - start


def _here(pieces: list[Piece]) -> Iterator[tuple[Result, Tally, float]]:
    for result, block in pieces:
        yield result, *timed(result.row, block)


def _worker() -> None:
    """Ctrl-C is the parent's, and what libraries print is nobody's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _elsewhere(pieces: list[Piece], jobs: int) -> Iterator[tuple[Result, Tally, float]]:
    for model in {r.row.model for r, _ in pieces if r.row.model in MODELS and r.row.engine != "concrete"}:
        native(model, workers=jobs)  # into the cache on disk, once
    for first in range(0, len(pieces), ROUND * jobs):
        yield from _round(pieces[first : first + ROUND * jobs], jobs)


def _round(pieces: list[Piece], jobs: int) -> Iterator[tuple[Result, Tally, float]]:
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_worker)
    try:
        futures = {pool.submit(timed, result.row, block): (result, block) for result, block in pieces}
        for future in as_completed(futures):
            result, block = futures[future]
            try:
                tally, seconds = future.result()
            except BrokenProcessPool:
                tally, seconds = Tally(), 0.0
                tally.fail(f"{name(result.row, block)}: the process died here or in a piece beside it")
            yield result, tally, seconds
    except BaseException:
        for process in list(pool._processes.values()):
            process.kill()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def name(row: Row, block: tuple[Any, ...]) -> str:
    """How a piece is called, to be repeated."""
    return f"{row.module}.run{(row.model, row.engine, *block)}"


def progress(result: Result) -> None:
    """One line on a terminal."""
    if sys.stderr.isatty():
        row, t = result.row, result.tally
        done = f"{result.done} of {result.pieces} pieces, {t.cases:,} cases"
        text = f"{row.oracle} {row.model} {row.engine}: {done}"
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
