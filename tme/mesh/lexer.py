"""Words of the tmesh language.

A word is letters, digits and `. / - _ @ + , = ~ %`; `"..."` quotes any characters, also inside a word. `#`
starts a comment, newline and `;` end a statement, `:` is a word of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tme.errors import TmeError

_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\f\r]+ | \#.*)
  | (?P<end>;)
  | (?P<colon>:)
  | (?P<word>(?: [A-Za-z0-9./\-_@+,=~%] | "[^"]*" )+)
    """,
    re.VERBOSE,
)
_PLAIN = re.compile(r"[A-Za-z0-9./\-_@+,=~%]+")


@dataclass(frozen=True)
class Token:
    """A word. `bare` tells that it was written without quotes, so that `at` and `:` have their meaning."""

    text: str
    bare: bool = True

    @property
    def is_at(self) -> bool:
        return self.bare and self.text == "at"

    @property
    def is_colon(self) -> bool:
        return self.bare and self.text == ":"


@dataclass(frozen=True)
class Line:
    """The words of one statement and the place it stands at."""

    tokens: tuple[Token, ...]
    where: str


def split(text: str, file: str, first: int = 1) -> Iterator[Line | TmeError]:
    """The statements of a text as words. A line that cannot be read yields its error; the rest goes on."""
    for number, line in enumerate(text.split("\n"), first):
        where = f"{file}:{number}"
        try:
            yield from (Line(tuple(tokens), where) for tokens in _statements(line) if tokens)
        except TmeError as error:
            yield error.at(where)


def _statements(line: str) -> list[list[Token]]:
    statements: list[list[Token]] = [[]]
    at = 0
    while at < len(line):
        match = _TOKEN.match(line, at)
        if match is None:
            raise _bad_character(line, at)
        at = match.end()
        if match["end"]:
            statements.append([])
        elif match["colon"]:
            statements[-1].append(Token(":"))
        elif match["word"]:
            raw = match["word"]
            statements[-1].append(Token(raw.replace('"', ""), '"' not in raw))
    return statements


def _bad_character(line: str, at: int) -> TmeError:
    if line[at] == '"':
        return TmeError(f"the quote opened in column {at + 1} is not closed on this line")
    return TmeError(f"unexpected character {line[at]!r} in column {at + 1}; put the word in double quotes")


def quote(word: str) -> str:
    """The word as a script has to write it."""
    return word if _PLAIN.fullmatch(word) and word != "at" else f'"{word}"'
