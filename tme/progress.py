"""Progress of something slow: one line on standard error that is rewritten on a terminal."""

from __future__ import annotations

import sys
import time

PATIENCE = 3.0
"""Seconds after which even a standard error that is no terminal gets one line."""


class Progress:
    """`progress(what, done, total)` as often as you like; `close` when it is over."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._shown = False
        self._terminal = sys.stderr.isatty()

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._terminal:
            print(f"\r{what}: {done * 100 // max(total, 1)}%", end="", file=sys.stderr, flush=True)
            self._shown = True
        elif not self._shown and done < total and time.monotonic() - self._start > PATIENCE:
            print(f"{what} ...", file=sys.stderr, flush=True)
            self._shown = True

    def close(self) -> None:
        """End the line."""
        if self._terminal and self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
