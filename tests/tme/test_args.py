"""Declared arguments: values, defaults, and every way to get them wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tme.args import Args, Flag, OneOf, Param, Positional, choice, number, path, size, usage
from tme.errors import TmeError

BUS = (Param("size", size, required=True), Param("slot", repeat=True), Flag("read-only"), Param("id", number))


def parse(text: str, params=BUS, **kwargs) -> Args:
    return Args.parse(text.split(), params, "M:3", "bus0", **kwargs)


def complaint(text: str, params=BUS) -> str:
    with pytest.raises(TmeError) as caught:
        parse(text, params)
    return str(caught.value)


def test_values_and_defaults() -> None:
    args = parse("size 16MB slot 0 slot 1")
    assert args["size"] == 16 << 20
    assert args["slot"] == ["0", "1"]
    assert args["read-only"] is False
    assert args["id"] is None
    assert args.get("id", 7) == 7
    assert "size" in args
    assert "read-only" not in args
    assert args.words == ("size", "16MB", "slot", "0", "slot", "1")


def test_undeclared_name_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        parse("size 1")["sise"]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("2048", 2048),
        ("8KB", 8192),
        ("8k", 8192),
        ("16MB", 16 << 20),
        ("4GB", 4 << 30),
        ("0x10", 16),
        ("3B", 3),
    ],
)
def test_size(word: str, value: int) -> None:
    assert size(word) == value


@pytest.mark.parametrize("word", ["", "MB", "4XB", "-1", "1.5MB", "0xMB"])
def test_bad_size(word: str) -> None:
    with pytest.raises(ValueError, match="a size such as"):
        size(word)


@pytest.mark.parametrize(
    ("word", "value"), [("10", 10), ("0x20000", 0x20000), ("010", 8), ("0", 0), ("0XFf", 255)]
)
def test_number_reads_as_c_does(word: str, value: int) -> None:
    assert number(word) == value


def test_choice_forgives_case_only() -> None:
    convert = choice("A", "B")
    assert convert("a") == "A"
    with pytest.raises(ValueError, match="one of A, B"):
        convert("C")


def test_positional_and_flags_in_any_order() -> None:
    params = (Flag("multibus"), Flag("vme"), Positional("IDPROM-FILE", path))
    args = parse("multibus id.bin", params, base=Path("/machines"))
    assert args["multibus"]
    assert args["IDPROM-FILE"] == Path("/machines/id.bin")
    assert parse("id.bin vme", params)["vme"]


def test_repeated_positional_takes_the_rest() -> None:
    params = (Positional("NAME"), Positional("WORDS", repeat=True, required=False), Flag("flag"))
    args = parse("a b flag", params)
    assert (args["NAME"], args["WORDS"]) == ("a", ["b", "flag"])
    assert parse("a", params)["WORDS"] == []


def test_one_of() -> None:
    params = (OneOf(Param("ram", size), Param("rom", path)),)
    assert parse("ram 4MB", params)["ram"] == 4 << 20
    assert "only one of ram, rom can be given, not ram and rom" in complaint("rom x ram 1", params)
    assert "one of ram, rom must be given" in complaint("", params)
    assert parse("", (OneOf(Flag("a"), Flag("b"), required=False),)).values == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sise 4", "unknown argument 'sise'; did you mean 'size'?"),
        ("size 4 extra", "unknown argument 'extra'"),
        ("size", "'size' needs a value"),
        ("size 4 size 5", "'size' is given twice"),
        ("size 4 read-only read-only", "'read-only' is given twice"),
        ("slot 1", "'size' is missing"),
        ("size 4 id x", "bad value 'x' for 'id': a number such as"),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    message = complaint(text)
    assert message.startswith("M:3: bus0: ")
    assert expected in message
    assert "usage: size SIZE [slot NAME]... [read-only] [id N]" in message


def test_usage() -> None:
    params = (OneOf(Param("ram", size), Param("rom", path)), Positional("FILE", required=False))
    assert usage(params) == "{ram SIZE | rom FILE} [FILE]"
    assert usage((Param("channel", choice("A", "B"), required=True),)) == "channel {A|B}"
    assert usage(()) == "no arguments"
