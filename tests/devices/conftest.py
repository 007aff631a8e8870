"""A machine without a processor: time passes when a test says so."""

from __future__ import annotations

import heapq
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from tme.args import Args
from tme.dawdle import Dawdle
from tme.options import Options
from tme.port import connect
from tme.registry import Registry


class FakeEvent:
    def __init__(self, fn):
        self.fn = fn

    def cancel(self):
        self.fn = None


class FakeClock:
    """Guest time that a test moves by hand; events run in order of time."""

    START = datetime(1996, 2, 28, 23, 59, 58, tzinfo=UTC)

    def __init__(self):
        self.now = 0
        self._queue = []
        self._order = itertools.count()

    def at(self, ns, fn):
        event = FakeEvent(fn)
        heapq.heappush(self._queue, (max(ns, self.now), next(self._order), event))
        return event

    def after(self, ns, fn):
        return self.at(self.now + ns, fn)

    def wall(self):
        return self.START + timedelta(microseconds=self.now // 1000)

    def advance(self, ns):
        end = self.now + ns
        while self._queue and self._queue[0][0] <= end:
            self.now, _, event = heapq.heappop(self._queue)
            if event.fn:
                event.fn()
        self.now = end


class FakeMachine:
    def __init__(self, **options):
        self.clock = FakeClock()
        self.options = Options(**options)
        self.elements = {}
        self.dawdle = Dawdle()
        self.readers = {}
        self.logged = []
        self.exit_code = None
        self.standard = None

    def stop(self, code=0):
        self.exit_code = code

    def add_reader(self, fd, fn):
        self.readers[fd] = fn

    def remove_reader(self, fd):
        self.readers.pop(fd, None)

    def log(self, element, text):
        self.logged.append(text)

    def make(self, name, text):
        """Create an element from the words behind the colon of its tmesh statement."""
        module, *words = text.split()
        cls = Registry(entry_points=False).load(module)
        element = cls(name, Args.parse(words, cls.params, subject=name), self)
        self.elements[name] = element
        return element

    def connect(self, text):
        """`NAME [args] at OTHER [args]`."""
        left, right = text.split(" at ")
        ends = []
        for side in (left, right):
            name, *words = side.split()
            element = self.elements[name]
            ends += [element, Args.parse(words, element.conn_params, subject=name)]
        return connect(*ends)


@pytest.fixture
def machine():
    made = FakeMachine()
    yield made
    for element in made.elements.values():
        element.close()
