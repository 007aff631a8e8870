"""Patterns: drawn wrong or overlapping, they are refused; decoding finds exactly the declared words."""

from __future__ import annotations

import pytest

from translator.m68k import MODELS
from translator.spec.insn import InsnSet, Pattern, PatternError


def nothing(s: object, f: object) -> None:
    pass


def test_fields() -> None:
    p = Pattern.parse("1101 xxx 0ZZ --M nnn", 16)
    word = 0b1101_101_010_11_1_110
    assert p.matches(word)
    assert not p.matches(word ^ 0x8000)
    assert p.extract(word) == {"x": 5, "Z": 2, "M": 1, "n": 6}
    assert p.insert({"x": 5, "Z": 2, "M": 1, "n": 6}) == word & ~0b110000


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        ("1101 xxx", "draws 7 bits"),
        ("1101 xxx 0 xxx 00000", "stands in two places"),
        ("1101 xxx 0 ??? 00000", "means nothing"),
    ],
)
def test_bad_pictures(picture: str, message: str) -> None:
    with pytest.raises(PatternError, match=message):
        Pattern.parse(picture, 16)


def test_insert_must_fit() -> None:
    with pytest.raises(PatternError, match="does not fit field 'x'"):
        Pattern.parse("0000 xxxx", 8).insert({"x": 16})


def test_overlap_is_refused() -> None:
    isa = InsnSet("t", 8)
    isa.insn("0000 xxxx", "one", "p. 1")(nothing)
    isa.insn("00x0 0000", "two", "p. 2")(nothing)
    with pytest.raises(PatternError, match=r"both claim|overlap"):
        next(isa.model("m").shapes())


def test_overlap_may_be_told_apart() -> None:
    isa = InsnSet("t", 8)
    isa.insn("0000 xxxx", "one", "p. 1", valid=lambda f: f["x"] != 3)(nothing)
    isa.insn("0000 0011", "two", "p. 2")(nothing)
    isa.insn("0001 xxxx", "old", "p. 3", models=frozenset({"a"}))(nothing)
    isa.insn("0001 xxxx", "new", "p. 4", models=frozenset({"b"}))(nothing)
    a, b = isa.model("a"), isa.model("b")
    assert [a.decode(w)[0].syntax for w in (2, 3, 16)] == ["one", "two", "old"]  # type: ignore[index]
    assert b.decode(16)[0].syntax == "new"  # type: ignore[index]
    assert a.decode(0x80) is None


def test_values_apart_have_handlers_of_their_own() -> None:
    isa = InsnSet("t", 8, select=((4, 4),))
    isa.insn("0010 xxxx", "one", "p. 1")(nothing)
    isa.insn("0011 xxyy", "two", "p. 2", apart=("x", (0, 2)))(nothing)
    one, fork, all_, *usual = isa.model("m").shapes()
    assert (one.places, one.part) == ([2], "all")
    assert (fork.places, fork.part) == ([3], "fork")
    assert (all_.places, all_.part) == ([17, 19], "all")
    assert [(u.known, u.places, u.part) for u in usual] == [
        ({"x": 0}, [16], "usual"), ({"x": 2}, [18], "usual"),
    ]  # fmt: skip
    assert isa.places == 20
    assert fork.insn.apart is not None
    assert fork.insn.apart.rest in all_.places


def test_unknown_field_is_named() -> None:
    from translator.spec.insn import Fields

    with pytest.raises(AttributeError, match="has no field 'q'"):
        _ = Fields(None, Pattern.parse("0000 xxxx", 8), {}).q  # type: ignore[arg-type]


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_shapes_cover_what_decodes_once(model) -> None:  # type: ignore[no-untyped-def]
    served: set[int] = set()
    for insn, shape, words, part in model.decoder.shapes():
        assert part == "all"
        assert served.isdisjoint(words), insn.name
        served.update(words)
        for w in words[:3]:
            hit = model.decoder.decode(w)
            assert hit is not None
            assert hit[0] is insn
            assert shape.items() <= hit[1].items()
    assert served == {w for w in range(0x10000) if model.decoder.decode(w) is not None}
