"""Fixtures: a machine, and namespaces that go when the test is over."""

import pytest

from tests.hostnet.lab import Machine, Space, needs


@pytest.fixture
def machine():
    made = Machine()
    yield made
    made.close()


@pytest.fixture
def machines():
    """Makes any number of machines."""
    made = []

    def make():
        made.append(Machine())
        return made[-1]

    yield make
    for machine in made:
        machine.close()


@pytest.fixture
def spaces():
    """Makes namespaces; skips where there can be none."""
    needs()
    made = []

    def make():
        made.append(Space())
        return made[-1]

    yield make
    for space in made:
        space.close()
