"""An 82586 with a driver: `driver` before, `ie` after its initialisation."""

from __future__ import annotations

import pytest

from tests.devices.i82586.driver import CNA, CX, IA, ME, OK, C, Driver


@pytest.fixture
def driver(machine):
    return Driver(machine)


@pytest.fixture
def ie(driver):
    """A chip as drivers set it up: headers in buffers, our address."""
    driver.start()
    driver.acknowledge()
    driver.configure()
    assert driver.do(IA, data=ME) == C | OK
    assert driver.acknowledge() == CX | CNA
    return driver
