"""ic/cy7c601, ic/mb86900, ic/mb86904: SPARC processors, run by the translator.

    cpu0 at board0: tme/ic/cy7c601 fpu-type tms390-c602A fpu-compliance partial fpu-incomplete trap

A level on the interrupt pins is the processor's `irl`; the board writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from devices.ic.processor import Processor
from tme.args import Args, Param, Spec, choice
from tme.errors import TmeError

if TYPE_CHECKING:
    from tme.machine import Machine
    from translator.isa import Model

IDLE_TYPES = ("none", "netbsd32-type-0", "netbsd32-type-1", "sunos32-type-0")
"""TME's names of the loops in which operating systems wait."""


def fpu(*units: str) -> tuple[Spec, ...]:
    """The arguments about floating point, as TME has them."""
    return (
        Param("fpu-type", choice("none", *units), default="none", help="the floating-point unit"),
        Param("fpu-compliance", choice("strict", "partial", "unknown"), help="it is always strict here"),
        Param("fpu-incomplete", choice("abort", "trap"), help="its missing instructions always trap here"),
    )


class Sparc(Processor):
    """What the models have in common."""

    core: ClassVar[str]
    why_halted = "error mode"

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.unit: str = args["fpu-type"]

    def model(self) -> Model:
        from translator import sparc

        if self.unit == "none":
            return sparc.MODELS[self.core]
        found = sparc.SYSTEMS.get(f"{self.core}+{self.unit}")
        if found is None:
            raise self.error(f"there is no {self.core} with a {self.unit}; `fpu-type none` works")
        return found

    def interrupt_mask(self) -> int:
        return int(self.cpu.state.pil)

    def command(self, words: list[str]) -> str | None:
        """`idle-type` is TME's: here a guest that waits is known by what it does."""
        if words[:1] == ["idle-type"] and len(words) == 2:
            if words[1] not in IDLE_TYPES:
                raise TmeError(
                    f"{self.name}: idle-type {words[1]}: one of {', '.join(IDLE_TYPES)} is expected"
                )
            return None
        return super().command(words)


class Cy7c601(Sparc):
    module = "ic/cy7c601"
    summary = "Cypress CY7C601: SPARC V7, 8 windows, as in a SPARCstation 2"
    params = fpu("tms390-c602A", "wtl3171/cy7c602", "l64814", "l64812/act8847")
    core = "cy7c601"


class Mb86900(Sparc):
    module = "ic/mb86900"
    summary = "Fujitsu MB86900: the first SPARC, V7, 7 windows"
    params = fpu("mb86910/wtl116x", "mb86911/wtl116x", "l64802/act8847", "wtl317x", "l64804")
    core = "mb86900"


class Mb86904(Sparc):
    module = "ic/mb86904"
    summary = "Fujitsu MB86904 (microSPARC-II): SPARC V8, 8 windows; its MMU is the board's here"
    params = fpu("mb86904")
    core = "mb86904"
