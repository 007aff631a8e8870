"""Worker processes: results come back, mistakes are told, and a worker that dies takes nothing with it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from translator import worker
from translator.worker import Job, Pool

Answer = tuple[Any, str | None]
PATIENCE = 30.0


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    monkeypatch.setattr(worker, "BEGUN", time.time() + 3600)  # whoever edits the translator meanwhile
    p = Pool(2)
    yield p
    p.close()


def ask(pool: Pool, answers: list[Answer], name: str, *args: Any) -> None:
    pool.submit(name, args, lambda result, error: answers.append((result, error)))


def wait(pool: Pool, done: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, "the pool hangs"
        pool.poll(0.1)


def part(first: int) -> tuple[Any, ...]:
    return "m68020", "m68k", 12, first, first + 1


def test_work_is_done(pool: Pool) -> None:
    answers: list[Answer] = []
    for first in range(4):
        ask(pool, answers, "part", *part(first))
    wait(pool, lambda: len(answers) == 4)
    assert all(error is None and result[0][:4] == b"\x7fELF" for result, error in answers)
    assert len(pool.workers) == 2
    assert pool.busy == 0


def test_a_job_that_raises(pool: Pool) -> None:
    answers: list[Answer] = []
    ask(pool, answers, "part", "m68020", "no_such_isa", 12, 0, 1)
    ask(pool, answers, "no such job")
    wait(pool, lambda: len(answers) == 2)
    errors = sorted(str(error) for _, error in answers)
    assert errors[0] == "KeyError: 'no such job'"
    assert errors[1] == "ModuleNotFoundError: No module named 'translator.no_such_isa'"
    ask(pool, answers, "part", *part(0))  # the workers are as good as new
    wait(pool, lambda: len(answers) == 3)
    assert answers[2][1] is None


def test_a_killed_worker_is_replaced(pool: Pool) -> None:
    answers: list[Answer] = []
    ask(pool, answers, "part", "m68020", "m68k", 12, 0, 60)
    os.kill(pool.workers[0].process.pid, signal.SIGKILL)
    wait(pool, lambda: len(answers) == 1)
    assert answers[0][1] is None
    assert answers[0][0][0][:4] == b"\x7fELF"


def test_killed_while_idle(pool: Pool) -> None:
    answers: list[Answer] = []
    ask(pool, answers, "part", *part(0))
    wait(pool, lambda: len(answers) == 1)
    process = pool.workers[0].process
    process.kill()
    process.wait()
    ask(pool, answers, "part", *part(1))
    wait(pool, lambda: len(answers) == 2)
    assert answers[1][1] is None


def test_a_job_that_kills_twice_is_given_up(pool: Pool) -> None:
    answers: list[Answer] = []
    ask(pool, answers, "part", "m68020", "m68k", 12, 0, 200)
    for _ in range(2):
        wait(pool, lambda: any(w.job is not None for w in pool.workers))
        next(w for w in pool.workers if w.job is not None).process.kill()
        pool.poll(5.0)
    wait(pool, lambda: len(answers) == 1)
    assert answers[0] == (None, "the worker process died twice")
    assert pool.busy == 0


def test_no_worker_can_be_started(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    answers: list[Answer] = []
    ask(pool, answers, "part", *part(0))
    wait(pool, lambda: len(answers) == 1)
    assert answers == [(None, "no worker process can be started: No such file or directory")]


def test_workers_end_with_the_pool(pool: Pool) -> None:
    answers: list[Answer] = []
    ask(pool, answers, "part", "m68020", "m68k", 12, 0, 200)
    process = pool.workers[0].process
    pool.close()
    assert process.poll() is not None
    assert answers == []


def test_a_worker_ends_with_its_parent() -> None:
    w = worker._Process()
    assert w.process.stdin is not None
    w.process.stdin.close()
    w.process.wait(PATIENCE)
    assert w.process.returncode == 0


@pytest.mark.parametrize(("begun", "here"), [(0.0, 2), (1e12, 0)], ids=["newer", "the same"])
def test_a_worker_whose_code_is_newer_leaves_the_job_to_its_parent(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, begun: float, here: int
) -> None:
    monkeypatch.setattr(worker, "BEGUN", begun)
    done: list[Any] = []

    def job(*args: Any) -> bytes:
        done.append(args)
        return b"from here"

    monkeypatch.setitem(worker.JOBS, "part", job)
    answers: list[Answer] = []
    for first in range(2):
        ask(pool, answers, "part", *part(first))
    wait(pool, lambda: len(answers) == 2)
    assert len(done) == here
    assert all(error is None and (result == b"from here") == bool(here) for result, error in answers)


def test_spare_jobs_get_a_share_beside_others() -> None:
    pool = Pool(1)
    pool.seconds = 8.0
    for name in ("a", "b"):
        pool.queue.append(Job(name, (), lambda result, error: None))
        pool.spare.append(Job(f"spare {name}", (), lambda result, error: None, spare=True))
    order = []
    for pool.spare_seconds in (1.0, 3.0, 3.0, 3.0):
        order.append(pool._next().name)
    assert order == ["spare a", "a", "b", "spare b"]
