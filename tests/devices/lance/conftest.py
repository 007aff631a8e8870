"""A LANCE with a driver: `driver` before, `le` after its initialisation."""

from __future__ import annotations

import pytest

from tests.devices.lance.driver import Driver


@pytest.fixture
def driver(machine):
    return Driver(machine)


@pytest.fixture
def le(driver):
    return driver.start()
