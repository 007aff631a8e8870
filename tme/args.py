"""Arguments of elements and connections: declared as a table, parsed from words, checked with a usage line.

params = (Param("size", size, required=True, help="bus size"), Flag("read-only"))
args = Args.parse(["size", "16MB"], params, where="SUN3:7")
args["size"], args.get("slot"), "read-only" in args
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tme.errors import TmeError, did_you_mean
from tme.paths import resolve

Converter = Callable[[str], Any]
"""Turns one word into a value; raises ValueError with a reason that completes "bad value 'x': ..."."""

_UNITS = {"": 1, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def number(word: str) -> int:
    """A C integer: decimal, 0x hexadecimal or 0 octal."""
    text = word.lower()
    try:
        return int(text, 8) if re.fullmatch(r"0[0-7]+", text) else int(text, 0)
    except ValueError:
        raise ValueError("a number such as 42 or 0x20000 is expected") from None


def size(word: str) -> int:
    """A size in bytes: a number with B, KB, MB, GB, TB or nothing behind it."""
    match = re.fullmatch(r"(0x[0-9a-f]+|[0-9]+)([kmgt]?b?)", word.lower())
    if match is None:
        raise ValueError("a size such as 2048, 8KB, 16MB or 4GB is expected")
    unit = match[2].upper()
    return number(match[1]) * _UNITS[unit if unit == "B" else unit.rstrip("B")]


def path(word: str) -> Path:
    """A host file. Relative names start at the folder of the machine file; see `tme.paths.resolve`."""
    return resolve(word, None)


def choice(*values: str) -> Converter:
    """One of the given words, spelt in any case."""
    spelling = {value.lower(): value for value in values}

    def convert(word: str) -> str:
        try:
            return spelling[word.lower()]
        except KeyError:
            raise ValueError(f"one of {', '.join(values)} is expected") from None

    convert.metavar = "{" + "|".join(values) + "}"  # type: ignore[attr-defined]
    return convert


_METAVARS: dict[Converter, str] = {number: "N", size: "SIZE", path: "FILE", str: "NAME"}


def _metavar(convert: Converter) -> str:
    return getattr(convert, "metavar", None) or _METAVARS.get(convert, "VALUE")


@dataclass(frozen=True)
class Param:
    """`name VALUE`. With `repeat` it may be given several times and its value is a list."""

    name: str
    convert: Converter = str
    required: bool = False
    repeat: bool = False
    default: Any = None
    help: str = ""

    @property
    def usage(self) -> str:
        text = f"{self.name} {_metavar(self.convert)}"
        return text if self.required else f"[{text}]" + ("..." if self.repeat else "")


@dataclass(frozen=True)
class Flag:
    """A word that is there or not; its value is a bool."""

    name: str
    help: str = ""

    @property
    def usage(self) -> str:
        return f"[{self.name}]"


@dataclass(frozen=True)
class Positional:
    """A value without a name in front. With `repeat` it takes every word that is left."""

    name: str
    convert: Converter = str
    required: bool = True
    repeat: bool = False
    default: Any = None
    help: str = ""

    @property
    def usage(self) -> str:
        text = self.name + ("..." if self.repeat else "")
        return text if self.required else f"[{text}]"


class OneOf:
    """Exactly one of the given Params and Flags (at most one unless `required`)."""

    def __init__(self, *items: Param | Flag, required: bool = True) -> None:
        self.items = items
        self.required = required

    @property
    def usage(self) -> str:
        text = " | ".join(item.usage.strip("[]") for item in self.items)
        return f"{{{text}}}" if self.required else f"[{text}]"


Spec = Param | Flag | Positional | OneOf


def usage(params: Iterable[Spec]) -> str:
    """The arguments as a manual page would show them: `size SIZE [slot NAME]...`."""
    return " ".join(param.usage for param in params) or "no arguments"


def _flat(params: Iterable[Spec]) -> list[Param | Flag | Positional]:
    found: list[Param | Flag | Positional] = []
    for param in params:
        found.extend(param.items if isinstance(param, OneOf) else (param,))
    return found


class Args:
    """The parsed words of one argument list.

    `args[name]` is the value, or the declared default (False for a flag, [] for a repeated parameter);
    `name in args` tells whether the word was really given; `words` are the words as they were written.
    """

    def __init__(
        self,
        values: dict[str, Any] | None = None,
        defaults: dict[str, Any] | None = None,
        words: Sequence[str] = (),
        where: str | None = None,
    ) -> None:
        self.values = values or {}
        self.defaults = defaults or {}
        self.words = tuple(words)
        self.where = where

    def __getitem__(self, name: str) -> Any:
        return self.values[name] if name in self.values else self.defaults[name]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def __repr__(self) -> str:
        return f"Args({' '.join(self.words)})"

    def get(self, name: str, default: Any = None) -> Any:
        """The value when the word was given, else `default`."""
        return self.values.get(name, default)

    @classmethod
    def parse(
        cls,
        words: Sequence[str],
        params: Sequence[Spec],
        where: str | None = None,
        subject: str = "",
        base: Path | None = None,
    ) -> Args:
        """Parse `words` by the table `params`.

        subject: who takes these arguments, for messages; base: the folder that relative paths start at.
        Raises TmeError that shows the usage and, for an unknown word, near names.
        """
        return _Parser(words, params, where, subject, base).parse()


class _Parser:
    """One run of Args.parse."""

    def __init__(
        self, words: Sequence[str], params: Sequence[Spec], where: str | None, subject: str, base: Path | None
    ) -> None:
        self.words, self.params, self.where, self.subject, self.base = words, params, where, subject, base
        flat = _flat(params)
        self.named = {p.name: p for p in flat if not isinstance(p, Positional)}
        self.positional = [p for p in flat if isinstance(p, Positional)]
        self.values: dict[str, Any] = {}

    def fail(self, text: str) -> TmeError:
        """An error with the subject in front and the usage behind."""
        prefix = f"{self.subject}: " if self.subject else ""
        return TmeError(f"{prefix}{text}\n  usage: {usage(self.params)}", self.where)

    def convert(self, param: Param | Positional, word: str) -> Any:
        try:
            return resolve(word, self.base) if param.convert is path else param.convert(word)
        except ValueError as error:
            raise self.fail(f"bad value '{word}' for '{param.name}': {error}") from None
        except TmeError as error:
            raise error.at(self.where) from None

    def store(self, param: Param | Flag | Positional, value: Any) -> None:
        if not isinstance(param, Flag) and param.repeat:
            self.values.setdefault(param.name, []).append(value)
        elif param.name in self.values:
            raise self.fail(f"'{param.name}' is given twice")
        else:
            self.values[param.name] = value

    def parse(self) -> Args:
        waiting = list(self.positional)
        words = iter(self.words)
        for word in words:
            greedy = bool(waiting) and waiting[0].repeat and waiting[0].name in self.values
            param = None if greedy else self.named.get(word)
            if isinstance(param, Flag):
                self.store(param, True)
            elif isinstance(param, Param):
                value = next(words, None)
                if value is None:
                    raise self.fail(f"'{word}' needs a value")
                self.store(param, self.convert(param, value))
            elif waiting:
                self.store(waiting[0], self.convert(waiting[0], word))
                if not waiting[0].repeat:
                    del waiting[0]
            else:
                raise self.fail(f"unknown argument '{word}'{did_you_mean(word, self.named)}")
        self.check_presence()
        return Args(self.values, self.defaults(), self.words, self.where)

    def check_presence(self) -> None:
        for param in self.params:
            if isinstance(param, OneOf):
                given = [item.name for item in param.items if item.name in self.values]
                names = ", ".join(item.name for item in param.items)
                if len(given) > 1:
                    raise self.fail(f"only one of {names} can be given, not {' and '.join(given)}")
                if param.required and not given:
                    raise self.fail(f"one of {names} must be given")
            elif not isinstance(param, Flag) and param.required and param.name not in self.values:
                raise self.fail(f"'{param.name}' is missing")

    def defaults(self) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for param in (*self.named.values(), *self.positional):
            if isinstance(param, Flag):
                table[param.name] = False
            else:
                table[param.name] = [] if param.repeat else param.default
        return table
