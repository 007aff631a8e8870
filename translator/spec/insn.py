"""Declaring instructions: bit pictures, each checked at import, all together before handlers are made.

A pattern is drawn as the manual draws it: `"1101 xxx 0ZZ MMM nnn"`.  `0` and `1` are fixed, `-` is ignored,
a run of one letter is a field.  Upper-case fields decide the *shape* of an instruction: its semantics see
them as Python ints and the interpreter has one handler per combination.  Lower-case fields are operands:
Vals, known or not.

What the bits that select a handler do not tell apart, values of one operand field may (`Apart`): each of
these has a second handler, in which the field is known and which does only what is usual.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .semantics import Semantics
from .value import Val


class PatternError(Exception):
    """A declaration that cannot be right."""


@dataclass(frozen=True)
class Pattern:
    """A bit picture: `(word & mask) == value`, and where each field lies: letter -> (lowest bit, width)."""

    text: str
    bits: int
    mask: int
    value: int
    fields: Mapping[str, tuple[int, int]]

    @classmethod
    def parse(cls, text: str, bits: int) -> Pattern:
        picture = text.replace(" ", "")
        if len(picture) != bits:
            raise PatternError(f"{text!r} draws {len(picture)} bits, an instruction word has {bits}")
        mask = value = 0
        fields: dict[str, tuple[int, int]] = {}
        last = ""
        for i, ch in enumerate(picture):
            lo = bits - 1 - i
            if ch in "01":
                mask |= 1 << lo
                value |= int(ch) << lo
            elif ch.isalpha():
                if ch in fields and last != ch:
                    raise PatternError(f"{text!r}: field {ch!r} stands in two places")
                fields[ch] = (lo, fields[ch][1] + 1 if ch in fields else 1)
            elif ch != "-":
                raise PatternError(f"{text!r}: {ch!r} means nothing in a pattern")
            last = ch
        return cls(text, bits, mask, value, fields)

    def matches(self, word: int) -> bool:
        return word & self.mask == self.value

    def extract(self, word: int) -> dict[str, int]:
        return {k: word >> lo & ((1 << w) - 1) for k, (lo, w) in self.fields.items()}

    def insert(self, values: Mapping[str, int]) -> int:
        word = self.value
        for k, v in values.items():
            lo, w = self.fields[k]
            if v >> w:
                raise PatternError(f"{self.text!r}: {v:#x} does not fit field {k!r}")
            word |= v << lo
        return word


class Fields:
    """The operand fields of one instruction as its semantics see them: ints for shape, Vals for the rest."""

    def __init__(self, s: Semantics, pattern: Pattern, known: Mapping[str, int]) -> None:
        self._s, self._pattern, self._known = s, pattern, known

    def __getattr__(self, name: str) -> Any:
        try:
            lo, width = self._pattern.fields[name]
        except KeyError:
            raise AttributeError(f"{self._pattern.text!r} has no field {name!r}") from None
        if name.isupper():
            return self._known[name]
        if name in self._known:
            return Val(self._s, width, self._known[name])
        return self._s.field(lo, width)


SemanticsFn = Callable[[Semantics, Fields], None]


@dataclass(frozen=True)
class Apart:
    """Values of a field that have handlers of their own: these stand at `first` + value in the table."""

    letter: str
    values: tuple[int, ...]
    lo: int
    width: int
    first: int

    @property
    def rest(self) -> int:
        """The place of the handler that does all values."""
        return self.first + next(v for v in range(1 << self.width) if v not in self.values)


class Shape(NamedTuple):
    """A handler: its instruction, the fields that it knows, its places in the table, and its part in it:

    "all"     does the instruction
    "usual"   does it if all is as usual, else leaves it to "all"
    "fork"    goes on to one of these two
    """

    insn: Insn
    known: dict[str, int]
    places: list[int]
    part: str = "all"


@dataclass(frozen=True, eq=False)
class Insn:
    """One declared instruction (family): pattern, assembler syntax, manual reference, semantics."""

    name: str
    pattern: Pattern
    syntax: Any  # text or callable: the instruction set's disassembler knows how to read it
    ref: str
    fn: SemanticsFn
    valid: Callable[[Mapping[str, int]], bool] | None = None
    models: frozenset[str] | None = None  # None: all
    traits: frozenset[str] = field(default_factory=frozenset)  # "ends" a block, "interp" (not in regions), …
    apart: Apart | None = None

    def fields_of(self, word: int) -> dict[str, int] | None:
        """The fields of `word` if it is this instruction."""
        if word & self.pattern.mask != self.pattern.value:
            return None
        f = self.pattern.extract(word)
        return f if self.valid is None or self.valid(f) else None


class InsnSet:
    """All instructions of one architecture.  `shape(fields)` names the fields that a handler must know.

    `select`: where the bits lie that tell handlers apart, (lowest bit, width) from the top; by default it is
    the whole word.
    """

    def __init__(
        self,
        name: str,
        bits: int,
        shape: Callable[[Insn, Mapping[str, int]], frozenset[str]] | None = None,
        select: tuple[tuple[int, int], ...] | None = None,
    ) -> None:
        self.name, self.bits = name, bits
        self.select = select or ((0, bits),)
        self.index_bits = sum(width for _, width in self.select)
        self.places = 1 << self.index_bits  # in the table of handlers
        self.insns: list[Insn] = []
        self._checked = 0  # so many are known not to overlap
        self._shape = shape or (lambda insn, f: frozenset(k for k in f if k.isupper()))

    def insn(
        self,
        pattern: str,
        syntax: Any,
        ref: str,
        *,
        valid: Callable[[Mapping[str, int]], bool] | None = None,
        models: frozenset[str] | None = None,
        traits: str = "",
        apart: tuple[str, tuple[int, ...]] | None = None,
    ) -> Callable[[SemanticsFn], SemanticsFn]:
        """Declare an instruction; the decorated function is its semantics (of several, perhaps).

        apart: a field, and those of its values that get a handler each.
        """

        def declare(fn: SemanticsFn) -> SemanticsFn:
            p = Pattern.parse(pattern, self.bits)
            own = None
            if apart is not None:
                letter, values = apart
                own = Apart(letter, values, *p.fields[letter], self.places)
                self.places += 1 << own.width
            self.insns.append(
                Insn(fn.__name__, p, syntax, ref, fn, valid, models, frozenset(traits.split()), own)
            )
            return fn

        return declare

    def check(self) -> None:
        """PatternError if two instructions claim one word.  It takes a while: who starts with handlers that
        are made already need not wait for it."""
        for i, new in enumerate(self.insns[self._checked :], self._checked):
            for old in self.insns[:i]:
                self._refuse_overlap(old, new)
        self._checked = len(self.insns)

    @staticmethod
    def _refuse_overlap(a: Insn, b: Insn) -> None:
        p, q = a.pattern, b.pattern
        if (p.value ^ q.value) & p.mask & q.mask:
            return
        if a.models is not None and b.models is not None and not a.models & b.models:
            return
        # The pictures allow a common word; see whether the predicates do, over the bits that they can look
        # at.
        free = [i for i in range(p.bits) if not (p.mask | q.mask) >> i & 1]
        if len(free) > 12:
            raise PatternError(f"{a.name} {p.text!r} and {b.name} {q.text!r} overlap")
        words = [p.value | q.value]
        for i in free:
            words += [word | 1 << i for word in words]
        for word in words:
            if a.fields_of(word) is not None and b.fields_of(word) is not None:
                raise PatternError(f"{a.name} {p.text!r} and {b.name} {q.text!r} both claim {word:#x}")

    def index(self, word: int) -> int:
        """The place of an instruction word in the table of handlers."""
        out = 0
        for lo, width in self.select:
            out = out << width | word >> lo & (1 << width) - 1
        return out

    def model(self, name: str) -> Decoder:
        """The decoder of one CPU model; "CORE+UNIT" has the core's instructions and those of the unit."""
        names = {name, name.partition("+")[0]}
        return Decoder(self, name, [i for i in self.insns if i.models is None or names & i.models])

    def shape_of(self, insn: Insn, fields: Mapping[str, int]) -> dict[str, int]:
        """The part of the fields that selects the handler."""
        keep = self._shape(insn, fields)
        return {k: v for k, v in fields.items() if k in keep}


class Decoder:
    """First instruction word -> (Insn, fields), for one CPU model; remembers what it has seen."""

    def __init__(self, isa: InsnSet, model: str, insns: list[Insn]) -> None:
        self.isa, self.name, self.insns = isa, model, insns
        top = isa.bits - 4
        self._buckets: list[list[Insn]] = [
            [i for i in insns if not (i.pattern.value ^ n << top) & i.pattern.mask >> top << top]
            for n in range(16)
        ]
        self._top = top
        self._seen: dict[int, tuple[Insn, dict[str, int]] | None] = {}

    def decode(self, word: int) -> tuple[Insn, dict[str, int]] | None:
        """The instruction that begins with `word`, or None if it is illegal."""
        try:
            return self._seen[word]
        except KeyError:
            pass
        hit = None
        for insn in self._buckets[word >> self._top]:
            f = insn.fields_of(word)
            if f is not None:
                hit = (insn, f)
                break
        self._seen[word] = hit
        return hit

    def shapes(self) -> Iterator[Shape]:
        """Every handler."""
        self.isa.check()
        chosen = sum(((1 << width) - 1) << lo for lo, width in self.isa.select)
        for insn in self.insns:
            groups: dict[tuple[Any, ...], list[int]] = {}
            p = insn.pattern
            free = [i for i in range(p.bits) if not p.mask >> i & 1 and chosen >> i & 1]
            deltas = [0]
            for i in free:
                deltas += [d | 1 << i for d in deltas]
            for d in deltas:
                f = insn.fields_of(p.value | d)
                if f is not None:
                    groups.setdefault(tuple(sorted(self.isa.shape_of(insn, f).items())), []).append(
                        self.isa.index(p.value | d)
                    )
            for key, words in groups.items():
                if insn.apart is None:
                    yield Shape(insn, dict(key), words)
                else:
                    assert len(groups) == 1, "fields that select handlers, and values apart"
                    yield Shape(insn, {}, words, "fork")
                    yield from self._apart(insn, insn.apart)

    @staticmethod
    def _apart(insn: Insn, apart: Apart) -> Iterator[Shape]:
        places = range(apart.first, apart.first + (1 << apart.width))
        own = {apart.first + v: v for v in apart.values}
        yield Shape(insn, {}, [p for p in places if p not in own])
        for place, value in own.items():
            yield Shape(insn, {apart.letter: value}, [place], "usual")
