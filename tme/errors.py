"""Errors meant for the person at the keyboard, and the near names that make them helpful."""

from __future__ import annotations

from collections.abc import Iterable


class TmeError(Exception):
    """A mistake the user can mend. `message` says what and how; `where` is "FILE:LINE" when it is known."""

    def __init__(self, message: str, where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message

    def at(self, where: str | None) -> TmeError:
        """The same error, with its place filled in unless it already had one."""
        if self.where is None:
            self.where = where
        return self


def near(word: str, candidates: Iterable[str], limit: int = 3) -> list[str]:
    """The candidates that somebody who typed `word` may have meant, best first."""
    from difflib import get_close_matches  # only a mistake pays for the import

    folded = {candidate.lower(): candidate for candidate in candidates}
    return [folded[match] for match in get_close_matches(word.lower(), folded, limit, 0.6)]


def did_you_mean(word: str, candidates: Iterable[str], prefix: str = "") -> str:
    """The tail of an error message: `; did you mean 'zs0' or 'zs1'?`, or nothing.

    prefix: put before the names that are shown.
    """
    found = [f"'{prefix}{name}'" for name in near(word, candidates)]
    return f"; did you mean {' or '.join(found)}?" if found else ""
