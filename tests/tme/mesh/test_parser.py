"""Text to statements: the grammar of TME, and messages for everything that is not in it."""

from __future__ import annotations

import random

import pytest

from tme.errors import TmeError
from tme.mesh.lexer import quote, split
from tme.mesh.parser import parse
from tme.mesh.statements import Connect, Create, Disconnect, End, Statement, Verb


def one(text: str) -> Statement:
    (statement,) = parse(text, "T")
    assert not isinstance(statement, TmeError), statement
    return statement


def mistake(text: str) -> str:
    found = [str(item) for item in parse(text, "T") if isinstance(item, TmeError)]
    assert len(found) == 1, found
    return found[0]


def words(text: str) -> list[list[str]]:
    return [
        [token.text for token in line.tokens] for line in split(text, "T") if not isinstance(line, TmeError)
    ]


def test_words() -> None:
    assert words("a-b_c./1 x:y # rest ; z\n;;b;c\r\n\n") == [["a-b_c./1", "x", ":", "y"], ["b"], ["c"]]
    assert words('p "MT-02 QIC" x"# ; : at"y ""') == [["p", "MT-02 QIC", "x# ; : aty", ""]]
    assert words("a@b c+d,e=f~g%h") == [["a@b", "c+d,e=f~g%h"]]


def test_lines_are_counted() -> None:
    lines = [line for line in split("a\n\nb;c\n", "F", first=10) if not isinstance(line, TmeError)]
    assert [line.where for line in lines] == ["F:10", "F:12", "F:12"]


def test_creation() -> None:
    found = one("bus0: tme/generic/bus size 16MB")
    assert isinstance(found, Create)
    assert (found.end, found.other, found.module, found.words) == (
        End("bus0"), None, "tme/generic/bus", ("size", "16MB"),
    )  # fmt: skip
    assert found.where == "T:1"


def test_creation_with_connection() -> None:
    found = one("zs0 slow at obio0 addr 0x20000 ipl 6 : nme/machine/sun3/zs")
    assert isinstance(found, Create)
    assert found.end == End("zs0", ("slow",))
    assert found.other == End("obio0", ("addr", "0x20000", "ipl", "6"))
    assert found.words == ()


@pytest.mark.parametrize("text", ["a csr at b addr 0", "connect a csr at b addr 0"])
def test_connection(text: str) -> None:
    found = one(text)
    assert isinstance(found, Connect)
    assert (found.end, found.other) == (End("a", ("csr",)), End("b", ("addr", "0")))


def test_connection_to_itself() -> None:
    found = one("tap0 at tap0")
    assert isinstance(found, Connect)
    assert found.end == found.other == End("tap0")


def test_disconnection() -> None:
    found = one("disconnect a x at b")
    assert isinstance(found, Disconnect)
    assert (found.end, found.other) == (End("a", ("x",)), End("b"))
    assert one("disconnect a").other is None  # type: ignore[attr-defined]


def test_verbs() -> None:
    found = one("command tape0 load read-only a.tap")
    assert isinstance(found, Verb)
    assert (found.verb, found.words) == ("command", ("tape0", "load", "read-only", "a.tap"))
    assert one("exit 3") == one("quit 3")


@pytest.mark.parametrize("text", ["reset: tme/x", "help at bus0: tme/x", "log at bus0", "quit : tme/x"])
def test_commands_may_be_names(text: str) -> None:
    """A script for TME may use words that only we made commands."""
    assert isinstance(one(text), Create | Connect)


def test_keywords_only_in_front() -> None:
    found = one('a: tme/x source log help "at" connect')
    assert isinstance(found, Create)
    assert found.words == ("source", "log", "help", "at", "connect")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lss", "T:1: 'lss' is not a command; did you mean 'ls'?"),
        ("zs0 addr 5", "to create: NAME: ELEMENT ARGS   to connect: NAME at OTHER"),
        ("a ipl 6: tme/x", "'a' has connection arguments ('ipl 6') but no 'at OTHER' before the ':'"),
        ("a at b:", "the name of an element is missing after 'a ... :'"),
        ("a at : tme/x", "the name of an element after 'at' is missing"),
        ("at b", "the name of an element before 'at' is missing"),
        (": tme/x", "the name of an element is missing"),
        ("a at b at c", "'at' stands twice"),
        ("a: tme/x ether 00:01:02", "an argument with a ':' needs quotes"),
        ("a: tme/x at b", "unexpected 'at'"),
        ("ls a : x", "unexpected ':'"),
        ("connect a: tme/x", "'connect' joins existing elements"),
        ("connect a b", "'at OTHER' is missing\n  usage: connect NAME [ARGS] at OTHER [ARGS]"),
        ('a: tme/x "open', "the quote opened in column 10 is not closed"),
        ("a: tme/x $HOME", "unexpected character '$' in column 10; put the word in double quotes"),
        ('"": tme/x', "the name of an element is missing"),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    assert expected in mistake(text)


def test_a_mistake_does_not_hide_the_rest() -> None:
    found = list(parse("a: x\nb at\n$\nc: y", "T"))
    assert [isinstance(item, TmeError) for item in found] == [False, True, True, False]
    assert [str(item)[:4] for item in found[1:3]] == ["T:2:", "T:3:"]


@pytest.mark.parametrize("word", ["plain", "0x10", "a b", "at", "x:y", "", "#", ";"])
def test_quoted_words_read_back(word: str) -> None:
    assert words(f"n {quote(word)}") == [["n", word]]


def test_noise_is_a_mistake_never_a_crash() -> None:
    rng = random.Random(3)
    pieces = [
        "at",
        ":",
        "a",
        "zs0",
        "connect",
        "ls",
        '"',
        "#",
        ";",
        "\n",
        " ",
        "\t",
        "$",
        "é",
        "\0",
        "tme/x",
        "=",
        "-",
    ]
    for _ in range(3000):
        text = "".join(rng.choice(pieces) + rng.choice(["", " "]) for _ in range(rng.randrange(12)))
        for item in parse(text, "T"):
            assert isinstance(item, Statement | TmeError)
            assert item.where is not None
            assert item.where.startswith("T:")
