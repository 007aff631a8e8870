"""Worker processes: they compile while the guest runs.

A job is (function name, arguments) of `JOBS`; it sees nothing of the machine.  A worker that dies is
replaced and its job is tried once more, then reported as failed.  Workers end when their parent does.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cache import BEGUN, outdated


def _part(model: str, isa: str, *rest: Any) -> tuple[bytes, bytes]:
    from .engine import compile_part

    return compile_part(find_model(isa, model), *rest)


def _region(*args: Any) -> Any:
    from .translation import translate

    return translate(*args)


def _prepare(isa: str, model: str) -> None:
    """All that a region takes is imported, before the first is wanted."""
    from . import translation
    from .llvm import build

    find_model(isa, model)
    build.machine(translation.CODEGEN)
    gc.freeze()  # what is there stays


NICE = 5
SPARE = 0.25  # of the workers' time, for spare jobs that wait beside others
JOBS: dict[str, Callable[..., Any]] = {"part": _part, "region": _region, "prepare": _prepare}


def find_model(isa: str, model: str) -> Any:
    """The Model `model` of package translator.<isa>: a processor, or one of SYSTEMS with a coprocessor."""
    from importlib import import_module

    package = import_module(f"translator.{isa}")
    return {**package.MODELS, **getattr(package, "SYSTEMS", {})}[model]


@dataclass(eq=False)
class Job:
    """Work under way; `done(result, error)` is called from `Pool.poll`."""

    name: str
    args: tuple[Any, ...]
    done: Callable[[Any, str | None], None]
    spare: bool = False
    tries: int = 0


class _Process:
    def __init__(self, nice: int = NICE) -> None:
        root = str(Path(__file__).resolve().parent.parent)
        path = f"import sys; sys.path.insert(0, {root!r})"
        code = f"{path}; from translator.worker import main; main({BEGUN}, {nice})"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self.job: Job | None = None

    def send(self, job: Job) -> None:
        self.job = job
        data = pickle.dumps((job.name, job.args))
        assert self.process.stdin is not None
        _write(self.process.stdin.fileno(), struct.pack("<Q", len(data)) + data)

    @property
    def fd(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def close(self) -> None:
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        self.process.wait()


class Pool:
    """Up to `size` workers, started when there is work.

    `nice`: how far they stand behind the machine, and behind whatever else the user does.
    """

    def __init__(self, size: int, nice: int = NICE) -> None:
        self.size, self.nice = size, nice
        self.seconds = 0.0  # that workers have spent on jobs …
        self.spare_seconds = 0.0  # … that were spare
        self.queue: deque[Job] = deque()
        self.spare: deque[Job] = deque()  # for when nothing else waits
        self.workers: list[_Process] = []
        self.broken = ""  # why workers cannot be had

    @property
    def busy(self) -> int:
        """Jobs waiting or under way."""
        return len(self.queue) + len(self.spare) + sum(w.job is not None for w in self.workers)

    def submit(
        self, name: str, args: tuple[Any, ...], done: Callable[[Any, str | None], None], spare: bool = False
    ) -> Job:
        """Queue a job; spare ones get what others leave, or else SPARE of the time."""
        (self.spare if spare else self.queue).append(job := Job(name, args, done, spare))
        self._feed()
        return job

    def prepare(self, isa: str, model: str) -> None:
        """Start the workers now, for regions of a model: it takes them as long as starting a machine."""
        for _ in range(self.size):
            self.submit("prepare", (isa, model), lambda result, error: None)

    def _feed(self) -> None:
        while self.queue or self.spare:
            idle = next((w for w in self.workers if w.job is None), None)
            if idle is None:
                if len(self.workers) >= self.size:
                    return
                try:
                    idle = _Process(self.nice)
                except OSError as e:  # poll tells the jobs, unless other workers get round to them
                    self.broken = f"no worker process can be started: {e.strerror or e}"
                    return
                self.workers.append(idle)
            job = self._next()
            try:
                idle.send(job)
            except OSError:
                self._lost(idle)

    def _next(self) -> Job:
        """The job to be done now; there is one."""
        starved = self.spare and self.spare_seconds < SPARE * self.seconds
        return (self.spare if starved or not self.queue else self.queue).popleft()

    def _lost(self, worker: _Process) -> None:
        """A worker has died: its job is tried once more."""
        job, worker.job = worker.job, None
        worker.close()
        self.workers.remove(worker)
        if job is None:
            return
        job.tries += 1
        if job.tries < 2:
            self.queue.append(job)
        else:
            job.done(None, "the worker process died twice")

    def poll(self, timeout: float = 0.0) -> int:
        """Deliver finished jobs; returns how many."""
        count = 0
        busy = {w.fd: w for w in self.workers if w.job is not None}
        if busy:
            for fd in select.select(list(busy), [], [], timeout)[0]:
                worker = busy[fd]
                try:
                    ok, result, seconds = pickle.loads(_message(fd))
                except (EOFError, OSError, pickle.UnpicklingError):
                    self._lost(worker)
                    continue
                job, worker.job = worker.job, None
                assert job is not None
                self.seconds += seconds
                self.spare_seconds += seconds if job.spare else 0.0
                if ok is None:  # its code is newer than ours
                    ok, result = _do(job.name, job.args)
                count += 1
                job.done(result if ok else None, None if ok else result)
        self._feed()
        while (self.queue or self.spare) and not self.workers:
            (self.queue or self.spare).popleft().done(None, self.broken)
            count += 1
        return count

    def close(self) -> None:
        self.queue.clear()
        self.spare.clear()
        for w in self.workers:
            w.close()
        self.workers.clear()


def _read(fd: int, size: int) -> bytes:
    out = bytearray()
    while len(out) < size:
        chunk = os.read(fd, min(size - len(out), 1 << 20))
        if not chunk:
            raise EOFError
        out += chunk
    return bytes(out)


def _message(fd: int) -> bytes:
    (size,) = struct.unpack("<Q", _read(fd, 8))
    return _read(fd, size)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _do(name: str, args: tuple[Any, ...]) -> tuple[bool, Any]:
    """(True, result) or (False, what went wrong)"""
    try:
        return True, JOBS[name](*args)
    except Exception as e:
        return False, f"{type(e).__name__}: {e}"


def main(begun: float, nice: int) -> None:
    """A worker: jobs in on standard input, results out on standard output; none if its code is newer than
    that of its parent, which began then."""
    differs: bool | None = None
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(nice)
    out = os.dup(1)
    os.dup2(2, 1)  # nothing but results may be written there
    while True:
        try:
            name, args = pickle.loads(_message(0))
        except EOFError:
            return
        start = time.perf_counter()
        answer = (None, None) if differs else _do(name, args)
        if differs is None:  # now that all is imported
            differs = outdated(begun)
            answer = (None, None) if differs else answer
        data = pickle.dumps((*answer, time.perf_counter() - start))
        try:
            _write(out, struct.pack("<Q", len(data)) + data)
        except BrokenPipeError:
            return
