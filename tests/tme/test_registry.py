"""Finding element classes: built-in tables, additions, entry points, and what is wrong with a name."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from tests.tme.fakes import Bus
from tme.errors import TmeError
from tme.mesh.manual import catalogue
from tme.registry import KNOWN_TO_TME, Registry


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with a table of elements, one of them good."""
    folder = tmp_path / "some_parts"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "elements.py").write_text(
        "ELEMENTS = {'x/good': 'tests.tme.fakes:Bus', 'x/absent': 'some_parts.absent:X',"
        "            'x/typo': 'tests.tme.fakes:Buss', 'x/thing': 'tests.tme.fakes:session'}"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "some_parts.elements"
    for name in [name for name in sys.modules if name.startswith("some_parts")]:
        del sys.modules[name]


def test_both_prefixes_and_none() -> None:
    registry = Registry(tables=(), entry_points=False)
    registry.add("tme/generic/bus", Bus)
    assert (
        registry.load("tme/generic/bus") is registry.load("nme/generic/bus") is registry.load("generic/bus")
    )


def test_tables_are_lazy(package: str) -> None:
    registry = Registry(tables=(package, "no_such_package.elements"), entry_points=False)
    assert "some_parts.elements" not in sys.modules
    assert registry.load("tme/x/good") is Bus
    assert registry.names() == ["x/absent", "x/good", "x/thing", "x/typo"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x/absent", "cannot be loaded from some_parts.absent:X: No module named"),
        ("x/typo", "cannot be loaded from tests.tme.fakes:Buss: module"),
        ("x/thing", "tests.tme.fakes:session is not an Element class"),
        ("x/goood", "there is no element 'tme/x/goood'; did you mean 'tme/x/good'?"),
        ("ic/am9513", "known to TME, not in this version"),
    ],
)
def test_what_is_wrong(package: str, name: str, expected: str) -> None:
    registry = Registry(tables=(package,), entry_points=False)
    with pytest.raises(TmeError) as caught:
        registry.load(f"tme/{name}", "M:5")
    assert str(caught.value).startswith("M:5: ")
    assert expected in str(caught.value)


def test_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    point = importlib.metadata.EntryPoint("tme/their/bus", "tests.tme.fakes:Bus", "tme.elements")
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: [point] if group == "tme.elements" else []
    )
    registry = Registry(tables=())
    assert registry.load("their/bus") is Bus
    assert registry.names() == ["their/bus"]


def test_catalogue_survives_a_broken_element(package: str) -> None:
    text = catalogue(Registry(tables=(package,), entry_points=False))
    assert "tme/generic/bus  size SIZE\n    a bus for tests\n    connection: [addr N] [ipl N]" in text
    assert "tme/x/absent\n    cannot be loaded: " in text


def test_our_elements_have_help() -> None:
    """Every element of the packages in this project can be loaded and says what it is."""
    registry = Registry(entry_points=False)
    assert {"generic/bus", "host/posix/memory", "ic/m68020", "machine/sun3"} <= set(registry.names())
    for name in registry.names():
        cls = registry.load(name)
        assert cls.module == name
        assert cls.summary
        assert "\n" not in cls.summary


def test_known_names_are_bare() -> None:
    assert not [name for name in KNOWN_TO_TME if name.startswith(("tme/", "nme/"))]
