"""Host files named in machine descriptions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tme import paths
from tme.errors import TmeError


def test_relative_names_start_at_the_machine_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, current = tmp_path / "machine", tmp_path / "current"
    folder.mkdir()
    current.mkdir()
    monkeypatch.chdir(current)
    assert paths.resolve("new.bin", folder) == folder / "new.bin"
    (current / "old.bin").touch()
    assert paths.resolve("old.bin", folder) == Path("old.bin"), (
        "as in TME, when only the current folder has it"
    )
    (folder / "old.bin").touch()
    assert paths.resolve("old.bin", folder) == folder / "old.bin"
    assert paths.resolve("/abs/x", folder) == Path("/abs/x")
    assert paths.resolve("x", None) == Path("x")


def test_package_files() -> None:
    assert paths.resolve("@machines/SUN3", None) == paths.MACHINES / "SUN3"
    firmware = paths.resolve("@firmware/sun3/sun3.bin", None)
    assert firmware.parts[-3:] == ("firmware", "sun3", "sun3.bin")
    assert firmware.is_absolute()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("@firmwar/x", "did you mean '@firmware'?"),
        ("@data", "names no package file"),
        ("@machines/../cli.py", "'..' is not allowed"),
    ],
)
def test_wrong_package_files(word: str, expected: str) -> None:
    with pytest.raises(TmeError, match=expected.replace(".", r"\.").replace("?", r"\?")):
        paths.resolve(word, None)


def test_user_file_starts_as_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(paths, "MACHINES", tmp_path)
    (tmp_path / "e.bin").write_bytes(b"default")
    file = paths.resolve("@data/e.bin", None)
    assert file == tmp_path / "data/tmesh/e.bin"
    assert file.read_bytes() == b"default"
    file.write_bytes(b"changed")
    assert paths.resolve("@data/e.bin", None).read_bytes() == b"changed", "a later use keeps what is there"
    assert [f.name for f in file.parent.iterdir()] == ["e.bin"], "no draft is left behind"


def test_user_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(paths, "MACHINES", tmp_path)
    (tmp_path / "e.bin").touch()
    with pytest.raises(TmeError, match="set XDG_DATA_HOME to a writable folder"):
        paths.resolve("@data/e.bin", None)
