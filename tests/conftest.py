"""Shared fixtures: no test reads or writes the user's own files."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import native
from translator.cache import Cache, default_directory


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Folders on all cores, a file of each at a time; tests of files that were named, in this process."""
    return 0 if any(".py" in name for name in config.args) else len(os.sched_getaffinity(0))


@pytest.fixture(scope="session", autouse=True)
def _private_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # what is compiled is for all processes of this run
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_DATA_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(tmp_path_factory.getbasetemp() / "home" / name.lower()))
        patch.setenv("XDG_CACHE_HOME", os.environ.get("TME_CACHE") or str(base / "cache"))
        patch.delenv("TME_CACHE", raising=False)
        patch.setattr(native, "hurry", True)
        yield


@pytest.fixture(scope="session")
def code_cache(_private_home: None) -> Cache:
    """Where compiled code is kept for this run, or for longer if TME_CACHE names a directory."""
    return Cache(default_directory())
