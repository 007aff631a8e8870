"""ic/m68010, ic/m68020: processors of Motorola's 68000 family, run by the translator.

cpu0 at mainbus0: tme/ic/m68020
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from devices.ic.processor import Processor
from tme.args import Args, Param, choice

if TYPE_CHECKING:
    from tme.machine import Machine
    from translator.isa import Model

FPU = (
    Param("fpu-type", choice("none", "m68881", "m68882", "m68040"), help="the floating-point coprocessor"),
    Param("fpu-compliance", choice("strict", "partial", "unknown"), help="how exact it has to be"),
    Param("fpu-incomplete", choice("abort", "line-f"), help="what its missing instructions do"),
)


class M680x0(Processor):
    """What the family has in common."""

    core: ClassVar[str]
    why_halted = "double bus fault"

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.unit: str | None = args.get("fpu-type")
        if self.unit == "none":
            self.unit = None
        if self.unit == "m68040":
            self.log("there is no m68040: floating-point instructions are line-F exceptions")
            self.unit = None

    def model(self) -> Model:
        from translator.m68k import MODELS, SYSTEMS

        return SYSTEMS[f"{self.core}+{self.unit}"] if self.unit else MODELS[self.core]

    def interrupt_mask(self) -> int:
        return int(self.cpu.state.sr_sys) & 7


class M68010(M680x0):
    module = "ic/m68010"
    summary = "Motorola 68010"
    core = "m68010"


class M68020(M680x0):
    module = "ic/m68020"
    summary = "Motorola 68020"
    params = FPU
    core = "m68020"
