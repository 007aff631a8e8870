"""The interactive prompt: line editing, history, completion."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tme.errors import TmeError
from tme.mesh.session import Session
from tme.mesh.verbs import SYNONYMS, VERBS
from tme.namespace import Folder

PROMPT = "prompt"
"""File name of statements typed in; it is not shown in messages."""
HISTORY_LENGTH = 1000
TAKES_FILES = ("source", "screenshot")


class Shell:
    """Reads statements for one session from the terminal or, without prompt and editing, from a pipe."""

    def __init__(self, session: Session, input_fd: int = 0) -> None:
        self.session = session
        self.input_fd = input_fd
        self.interactive = os.isatty(input_fd)
        self._matches: list[str] = []

    def loop(self) -> None:
        """Execute statements until `run`, `quit` or the end of the input."""
        self.session.resume = False
        with self._terminal() as read:
            while not self.session.resume and self.session.exit_code is None:
                try:
                    line = read()
                    if line is None:
                        return
                    self.execute(line)
                except KeyboardInterrupt:
                    print()

    def execute(self, line: str) -> None:
        """Execute one line and print its mistakes."""
        self.session.run(line, PROMPT, Path())
        for error in self.session.take_errors():
            where = error.where if error.where and not error.where.startswith(f"{PROMPT}:") else None
            print(f"{where}: {error.message}" if where else error.message, file=sys.stderr)

    @contextmanager
    def _terminal(self) -> Iterator[Callable[[], str | None]]:
        if not self.interactive:
            yield self._piped_line
            return
        import readline

        history = history_file()
        try:
            readline.read_history_file(history)
        except OSError:
            pass  # the first time
        readline.set_completer_delims(" \t\n;:")
        readline.set_completer(self._complete)
        readline.parse_and_bind("tab: complete")
        # At the prompt Ctrl-C gives up the line; elsewhere it is the machine's business.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            yield self._typed_line
        finally:
            signal.signal(signal.SIGINT, before)
            readline.set_history_length(HISTORY_LENGTH)
            try:
                history.parent.mkdir(parents=True, exist_ok=True)
                readline.write_history_file(history)
            except OSError:
                pass  # a history is a convenience

    def _typed_line(self) -> str | None:
        current = self.session.graph.names.current.path
        try:
            return input("tmesh> " if current == "/" else f"tmesh {current}> ")
        except EOFError:
            print()
            return None

    def _piped_line(self) -> str | None:
        """Byte by byte: what follows `run` in the pipe belongs to the guest."""
        line = bytearray()
        while byte := os.read(self.input_fd, 1):
            if byte == b"\n":
                return line.decode(errors="replace")
            line += byte
        return line.decode(errors="replace") if line else None

    # Completion

    def _complete(self, text: str, state: int) -> str | None:
        import readline

        if state == 0:
            found = self.candidates(readline.get_line_buffer()[: readline.get_begidx()], text)
            # A word that is complete gets a blank, a folder waits for more.
            self._matches = [f"{found[0]} "] if len(found) == 1 and not found[0].endswith("/") else found
        return self._matches[state] if state < len(self._matches) else None

    def candidates(self, before: str, text: str) -> list[str]:
        """Words that may stand after `before` and begin with `text`."""
        statement = before.rpartition(";")[2]
        words = statement.split()
        if statement.rstrip().endswith(":"):
            found = [f"tme/{name}" for name in self.session.registry.names()]
        elif words and words[0] in TAKES_FILES:
            found = _files(text)
        else:
            found = [*self._paths(text)]
            if not words:
                found += [*VERBS, *SYNONYMS]
            elif words[0] == "help":
                found += [*VERBS, *(f"tme/{name}" for name in self.session.registry.names())]
            else:
                found.append("at")
        return sorted(name for name in found if name.startswith(text))

    def _paths(self, text: str) -> Iterator[str]:
        head, slash, _ = text.rpartition("/")
        try:
            folder = self.session.graph.names.folder(head + slash)
        except TmeError:
            return
        for name, entry in folder.entries.items():
            yield f"{head}{slash}{name}" + ("/" if isinstance(entry, Folder) else "")


def _files(text: str) -> list[str]:
    head, slash, _ = text.rpartition("/")
    folder = Path(head + slash)
    if not folder.is_dir():
        return []
    return [f"{head}{slash}{file.name}" + ("/" if file.is_dir() else "") for file in folder.iterdir()]


def history_file() -> Path:
    """$XDG_STATE_HOME/tmesh/history, by default below ~/.local/state."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "tmesh" / "history"
