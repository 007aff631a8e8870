"""A board with its chip, its two channels as a driver sees them, a terminal on the first."""

import pytest

from tests.devices.z8530.driver import Driver, Terminal


@pytest.fixture
def zs(machine):
    return machine.make("zs0", "tme/machine/sun3/zs speed real")


@pytest.fixture
def terminal(machine, zs):
    machine.elements["tty0"] = Terminal("tty0", machine)
    machine.connect("tty0 at zs0 channel A")
    return machine.elements["tty0"]


@pytest.fixture
def a(machine, zs):
    return Driver(machine, zs, "A")


@pytest.fixture
def b(machine, zs):
    return Driver(machine, zs, "B")
