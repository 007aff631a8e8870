"""What a tmesh text says: one record per statement."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tme.mesh.lexer import quote


@dataclass(frozen=True)
class End:
    """One end of a connection: an element and the connection arguments on its side."""

    name: str
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(quote, (self.name, *self.words)))


@dataclass(frozen=True, kw_only=True)
class Statement:
    """`where` is "FILE:LINE"; relative file names start at `base`."""

    where: str
    base: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Create(Statement):
    """`NAME : MODULE args` or `NAME conn-args at OTHER conn-args : MODULE args`."""

    end: End
    other: End | None
    module: str
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Connect(Statement):
    """`[connect] NAME conn-args at OTHER conn-args`."""

    end: End
    other: End


@dataclass(frozen=True, kw_only=True)
class Disconnect(Statement):
    """`disconnect NAME [conn-args] [at OTHER [conn-args]]`; without OTHER all its connections."""

    end: End
    other: End | None


@dataclass(frozen=True, kw_only=True)
class Verb(Statement):
    """Any other command: `ls -l`, `command mainbus0 power up` ..."""

    verb: str
    words: tuple[str, ...]
