"""tmesh text to statements. Errors are collected, so that one reading finds all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tme.errors import TmeError, did_you_mean
from tme.mesh.lexer import Line, Token, split
from tme.mesh.statements import Connect, Create, Disconnect, End, Statement, Verb
from tme.mesh.verbs import SYNONYMS, VERBS


def parse(text: str, file: str, base: Path | None = None, first: int = 1) -> Iterator[Statement | TmeError]:
    """The statements of a text in order, and in place of a wrong one its error.

    file: name for messages; base: the folder relative file names start at; first: number of the first line.
    """
    for line in split(text, file, first):
        if isinstance(line, TmeError):
            yield line
            continue
        try:
            yield _statement(line, base)
        except TmeError as error:
            yield error.at(line.where)


def _statement(line: Line, base: Path | None) -> Statement:
    first, *rest = line.tokens
    # A script may use a word that we made a command as a name: `reset: tme/...`, `help at bus0: ...`.
    is_name = bool(rest) and (rest[0].is_colon or rest[0].is_at)
    verb = SYNONYMS.get(first.text, first.text)
    if first.bare and verb in VERBS and not is_name:
        return _verb(verb, rest, line.where, base)
    return _mesh(list(line.tokens), line.where, base)


def _verb(verb: str, tokens: list[Token], where: str, base: Path | None) -> Statement:
    if verb == "connect":
        if any(token.is_colon for token in tokens):
            raise TmeError("'connect' joins existing elements; leave the word out to create one")
        end, other = _ends(tokens)
        if other is None:
            raise TmeError(f"'at OTHER' is missing\n  usage: {VERBS[verb].usage(verb)}")
        return Connect(where=where, base=base, end=end, other=other)
    if verb == "disconnect":
        end, other = _ends(tokens)
        return Disconnect(where=where, base=base, end=end, other=other)
    return Verb(where=where, base=base, verb=verb, words=_words(tokens))


def _mesh(tokens: list[Token], where: str, base: Path | None) -> Statement:
    """`NAME ... [at OTHER ...] [: MODULE ...]`."""
    colon = next((at for at, token in enumerate(tokens) if token.is_colon), None)
    if colon is None:
        end, other = _ends(tokens)
        if other is None:
            raise _not_a_statement(end)
        return Connect(where=where, base=base, end=end, other=other)
    end, other = _ends(tokens[:colon])
    if other is None and end.words:
        extra = " ".join(end.words)
        raise TmeError(f"'{end.name}' has connection arguments ('{extra}') but no 'at OTHER' before the ':'")
    words = _words(tokens[colon + 1 :])
    if not words:
        raise TmeError(f"the name of an element is missing after '{end.name} ... :', such as tme/generic/bus")
    return Create(where=where, base=base, end=end, other=other, module=words[0], words=words[1:])


def _not_a_statement(end: End) -> TmeError:
    hint = did_you_mean(end.name, [*VERBS, *SYNONYMS])
    return TmeError(
        f"'{end.name}' is not a command{hint}\n"
        "  to create: NAME: ELEMENT ARGS   to connect: NAME at OTHER   commands: help"
    )


def _ends(tokens: Sequence[Token]) -> tuple[End, End | None]:
    """`NAME args [at OTHER args]`."""
    places = [at for at, token in enumerate(tokens) if token.is_at]
    if len(places) > 1:
        raise TmeError("'at' stands twice; an argument that is really \"at\" needs quotes")
    if not places:
        return _end(tokens, "an element"), None
    left, right = tokens[: places[0]], tokens[places[0] + 1 :]
    return _end(left, "an element before 'at'"), _end(right, "an element after 'at'")


def _end(tokens: Sequence[Token], what: str) -> End:
    words = _words(tokens)
    if not words or not words[0]:
        raise TmeError(f"the name of {what} is missing")
    return End(words[0], words[1:])


def _words(tokens: Sequence[Token]) -> tuple[str, ...]:
    for token in tokens:
        if token.is_colon:
            raise TmeError("unexpected ':'; an argument with a ':' needs quotes, e.g. \"08:00:20:11:22:33\"")
        if token.is_at:
            raise TmeError("unexpected 'at'; an argument that is really \"at\" needs quotes")
    return tuple(token.text for token in tokens)
