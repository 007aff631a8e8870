"""Shared fixtures: no test reads or writes the user's own files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from translator.cache import Cache


@pytest.fixture(autouse=True)
def _private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home: Path = tmp_path_factory.getbasetemp() / "home"
    for name in ("XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))


@pytest.fixture(scope="session")
def code_cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    """Where compiled code is kept for this session, or for longer if TME_CACHE names a directory."""
    named = os.environ.get("TME_CACHE")
    return Cache(Path(named) if named else tmp_path_factory.mktemp("code"))
