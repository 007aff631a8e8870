"""FBfcc (V8 manual, B.22)."""

from __future__ import annotations

from ...spec.insn import Fields
from ...spec.semantics import Semantics
from ...spec.value import Val
from ..branch import conditional
from ..decl import transfer
from .queue import begin
from .regs import FCC

# By condition number: mnemonic behind "fb", and for which fcc (E L G U) it is true.
CONDITIONS = (
    ("n", ""), ("ne", "LGU"), ("lg", "LG"), ("ul", "UL"), ("l", "L"), ("ug", "UG"), ("g", "G"), ("u", "U"),
    ("a", "ELGU"), ("e", "E"), ("ue", "UE"), ("ge", "GE"), ("uge", "UGE"), ("le", "LE"), ("ule", "ULE"),
    ("o", "LGE"),
)  # fmt: skip
FP_BRANCHES = tuple(name for name, _ in CONDITIONS)


def condition(s: Semantics, number: int) -> Val:
    """Condition 0-15 as 1 bit."""
    fcc, true = s.read(FCC), [code for code, letter in enumerate("ELGU") if letter in CONDITIONS[number][1]]
    if len(true) == 3:
        return fcc != next(code for code in range(4) if code not in true)
    return s.any(fcc == code for code in true)


@transfer("00 A CCCC 110 vvvvvvvvvvvvvvvvvvvvvv", "fb{fcc}{annul} {disp22}", "V8 B.22")
def fbfcc(s: Semantics, f: Fields) -> None:
    if begin(s) is not None:
        conditional(s, f, condition)
