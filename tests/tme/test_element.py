"""The base of all elements."""

from __future__ import annotations

import pytest

from tests.tme.fakes import FakeMachine, session
from tme.args import Args
from tme.element import Element, check_all
from tme.errors import TmeError


def test_check_all_tells_everything() -> None:
    mesh = session()
    assert mesh.run("bus0: tme/generic/bus size 1MB\na: tme/test/device\nb at bus0: tme/test/device") == []
    with pytest.raises(TmeError) as caught:
        check_all(mesh.machine.elements.values())
    assert str(caught.value) == "T:2: a (test/device): is not connected to a bus"
    assert mesh.run("c: tme/test/device") == []
    with pytest.raises(TmeError, match=r"T:2: a .*\nT:1: c "):
        check_all(mesh.machine.elements.values())
    assert mesh.run("a at bus0; c at bus0") == []
    check_all(mesh.machine.elements.values())


def test_defaults() -> None:
    class Plain(Element):
        module = "test/plain"

    plain = Plain("p", Args(where="F:1"), FakeMachine())  # type: ignore[arg-type]
    assert plain.ports(Args()) == []
    with pytest.raises(TmeError, match=r"'p' \(test/plain\) takes no commands"):
        plain.command(["power", "up"])
    assert str(plain.error("is broken")) == "F:1: p (test/plain): is broken"
