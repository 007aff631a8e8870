"""Host files named in machine descriptions.

A relative name starts at the folder of the machine file that names it. `@firmware/X` and `@machines/X` are
files that come with the package; `@data/X` is a file of the user, at first use a copy of the package's `X`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from tme.errors import TmeError, did_you_mean

MACHINES = Path(__file__).parent / "machines"
PREFIXES = ("@firmware", "@machines", "@data")


def data_dir() -> Path:
    """Where `@data` files live: $XDG_DATA_HOME/tmesh, by default ~/.local/share/tmesh."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "tmesh"


def resolve(word: str, base: Path | None) -> Path:
    """The host file that `word` names; `base` is the folder of the file in which it stands.

    A relative name that does not exist there but in the current folder means the latter, as it did in TME.
    """
    if word.startswith("@"):
        return _resource(word)
    name = Path(word).expanduser()
    if name.is_absolute() or base is None:
        return name
    beside = base / name
    return name if not beside.exists() and name.exists() else beside


def _resource(word: str) -> Path:
    prefix, _, rest = word.partition("/")
    if prefix not in PREFIXES or not rest:
        known = ", ".join(f"{name}/FILE" for name in PREFIXES)
        raise TmeError(f"'{word}' names no package file ({known}){did_you_mean(prefix, PREFIXES)}")
    if ".." in Path(rest).parts:
        raise TmeError(f"'{word}' leaves its folder: '..' is not allowed behind {prefix}")
    if prefix == "@machines":
        return MACHINES / rest
    if prefix == "@data":
        return _user_file(rest)
    # The package is found without being imported: it may hold nothing but images.
    spec = importlib.util.find_spec(prefix[1:])
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise TmeError(f"'{word}': this installation has no package '{prefix[1:]}'")
    found = [Path(folder) / rest for folder in folders]
    return next((file for file in found if file.exists()), found[0])


def _user_file(name: str) -> Path:
    file = data_dir() / name
    default = MACHINES / name
    if file.exists() or not default.exists():
        return file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Another machine may start at the same moment: it must never see half a file.
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        shutil.copyfile(default, draft)
        os.replace(draft, file)
    except OSError as error:
        cure = "set XDG_DATA_HOME to a writable folder"
        raise TmeError(f"cannot make '{file}': {error.strerror}; {cure}") from None
    return file
