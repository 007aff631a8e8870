"""The rows of the table: which oracle says what about which model and engine, and how many cases are run.

`module` has `missing() -> str` (why it cannot be asked here, or ""), `blocks(cases, seed) -> list of tuples`
(the work, cut in independent pieces; `cases` None means all there are) and `run(model, engine, *block) ->
Tally`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tests.conformance.tally import Tally

SIZES = ("quick", "slow", "full")


@dataclass(frozen=True)
class Row:
    """One line of the table; cases by size: in the normal tests, in the slow ones, in `make conformance`."""

    oracle: str
    model: str
    engine: str
    module: str
    quick: int
    slow: int
    full: int | None = None

    @property
    def code(self) -> Any:
        return import_module(f"tests.conformance.{self.module}")

    def cases(self, size: str) -> int | None:
        n: int | None = getattr(self, size)
        return n


ENGINES = ("concrete", "interp", "jit")
ROWS: tuple[Row, ...] = (
    Row("vectors", "m68000", "concrete", "vectors", 1000, 12_000),
    Row("vectors", "m68000", "interp", "vectors", 1000, 25_000),
    Row("vectors", "m68000", "jit", "vectors", 254, 5000),
    Row("qemu", "m68020", "concrete", "qemu", 2000, 40_000, 1_000_000),
    Row("qemu", "m68020", "interp", "qemu", 4000, 200_000, 1_000_000),
    Row("qemu", "m68020", "jit", "qemu", 4000, 60_000, 1_000_000),
    Row("unicorn", "m68020", "concrete", "bounds", 900, 5000, 50_000),
    Row("unicorn", "m68020", "interp", "bounds", 0, 20_000, 100_000),
    Row("unicorn", "m68020", "jit", "bounds", 0, 20_000, 100_000),
    Row("musashi", "m68010", "concrete", "musashi", 500, 8000, 100_000),
    Row("musashi", "m68010", "interp", "musashi", 0, 8000, 100_000),
    Row("musashi", "m68010", "jit", "musashi", 0, 4000, 50_000),
    Row("musashi", "m68020", "concrete", "musashi", 500, 8000, 100_000),
    Row("musashi", "m68020", "interp", "musashi", 500, 8000, 100_000),
    Row("musashi", "m68020", "jit", "musashi", 300, 4000, 50_000),
    Row("capstone", "m68020", "-", "decode", 6000, 60_000),
    Row("objdump", "m68881", "-", "decode_fpu", 2000, 10_000),
    Row("x87", "m68881", "concrete", "fpu_x87", 1500, 10_000, 100_000),
    Row("fractions", "m68881", "concrete", "fpu_exact", 1000, 10_000, 100_000),
    Row("mpmath", "m68881", "concrete", "fpu_mpmath", 300, 2000, 30_000),
    Row("qemu", "m68881", "concrete", "fpu_qemu", 400, 4000, 100_000),
    Row("qemu", "m68881", "interp", "fpu_qemu", 0, 8000, 100_000),
    Row("portable", "m68881", "jit", "fpu_regions", 0, 20_000, 200_000),
    *(Row("faults", m, e, "faults", 0, 500, 5000) for m in ("m68010", "m68020") for e in ENGINES),
    *(Row("faults", "m68020+m68881", e, "faults", 0, 200, 2000) for e in ENGINES),
    Row("qemu", "mb86904", "concrete", "sparc_user", 1000, 10_000, 100_000),
    Row("qemu", "mb86904", "interp", "sparc_user", 0, 100_000, 1_000_000),
    Row("qemu", "mb86904", "jit", "sparc_user", 0, 20_000, 1_000_000),
    Row("leon3", "mb86904", "concrete", "sparc_system", 10, 300, 4000),
    Row("leon3", "mb86904", "interp", "sparc_system", 200, 4000, 40_000),
    Row("leon3", "mb86904", "jit", "sparc_system", 20, 400, 10_000),
    *(Row("leon3", m, "interp", "sparc_system", 0, 2000, 20_000) for m in ("mb86900", "cy7c601")),
    Row("manual", "mb86904", "concrete", "sparc_manual", 0, 1, 1),
    Row("manual", "mb86904", "interp", "sparc_manual", 0, 1, 1),
    Row("objdump", "mb86904", "-", "sparc_decode", 1000, 20_000, 200_000),
    Row("qemu", "mb86904+mb86904", "concrete", "sparc_fpu", 0, 2000, 20_000),
    Row("qemu", "mb86904+mb86904", "interp", "sparc_fpu", 0, 20_000, 500_000),
    Row("interp", "mb86904+mb86904", "jit", "sparc_fpu", 0, 20, 200),
    *(Row("faults", "mb86904", e, "faults", 0, 500, 5000) for e in ENGINES),
    *(Row("engines", m, "all", "engines", 0, 100, 3000) for m in ("m68000", "m68010", "m68020")),
)


def work(module: str, model: str, engine: str, block: tuple[Any, ...]) -> Tally:
    """One piece of a row (in a process of its own, perhaps)."""
    tally: Tally = import_module(f"tests.conformance.{module}").run(model, engine, *block)
    return tally
