"""Standard input, standard output and errors of the tools."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from pathlib import Path
from typing import IO

from tme.errors import TmeError


def read_input(name: str) -> bytes:
    """The bytes of a file, or of standard input for `-`."""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise TmeError(f"cannot read {name}: {error.strerror}") from None


def write_output(name: str, image: bytes) -> None:
    """Write an image to a file, or to standard output for `-` unless that is a terminal."""
    if name == "-":
        if sys.stdout.isatty():
            raise TmeError("an image is nothing to look at: write it to a file with `-o FILE`")
        sys.stdout.buffer.write(image)
        sys.stdout.flush()
        return
    try:
        # in place: a running machine may have the file mapped, and a truncated mapping would kill it
        with open(name, "r+b" if Path(name).exists() else "wb") as file:
            file.write(image)
            file.truncate()
    except OSError as error:
        raise TmeError(f"cannot write {name}: {error.strerror}") from None


def lock(file: IO[bytes], name: str, write: bool) -> None:
    """Keep an image from whoever writes it; TmeError when somebody does, such as a machine."""
    try:
        fcntl.flock(file.fileno(), (fcntl.LOCK_EX if write else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TmeError(f"{name} is in use, by a running machine perhaps") from None
    except OSError:
        pass  # a file system without locks


def main_with_errors(parser: argparse.ArgumentParser, argv: list[str]) -> int:
    """Run the subcommand that was parsed; mistakes go to standard error with status 1."""
    args = parser.parse_args(argv)
    try:
        args.run(args)
    except TmeError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0
