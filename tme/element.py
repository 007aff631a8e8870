"""An element: one named part of a machine, such as a chip, a board, a bus or a host device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from tme.args import Args, Spec
from tme.errors import TmeError

if TYPE_CHECKING:
    from tme.machine import Machine
    from tme.port import Port


class Element:
    """Base of all elements. A subclass declares the class variables and overrides what it needs."""

    module: ClassVar[str] = ""
    """Name in machine descriptions without the `tme/` prefix: "machine/sun3/zs"."""
    summary: ClassVar[str] = ""
    """One line for `tmesh --list-elements`."""
    params: ClassVar[Sequence[Spec]] = ()
    """Creation arguments."""
    conn_params: ClassVar[Sequence[Spec]] = ()
    """Connection arguments accepted on this element's side."""

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        self.name = name
        self.args = args
        self.machine = machine
        self.where = args.where
        self.log_level = 0
        """Messages above this level are dropped; set by the statement `log NAME {off|LEVEL}`."""
        self.connections: list[Port] = []
        """This element's ends of its connections, oldest first; kept by tme.port.connect and disconnect."""

    def ports(self, args: Args) -> list[Port]:
        """The ports offered for a connection with `args`, best first: new ones or existing ones."""
        return []

    def command(self, words: list[str]) -> str | None:
        """`command NAME words`: act, and return text to print or None."""
        raise TmeError(f"'{self.name}' ({self.module}) takes no commands")

    def check(self) -> None:
        """Called before the first power-up; raises TmeError when something that must be connected is not."""

    def realize(self) -> None:
        """Called once, after check() and before the first reset: make what needs the elements connected."""

    def reset(self) -> None:
        """Power-on or bus reset."""

    def close(self) -> None:
        """Flush and give back host resources. May be called more than once."""

    def error(self, message: str) -> TmeError:
        """An error about this element, with its name and the place of its creation."""
        return TmeError(f"{self.name} ({self.module}): {message}", self.where)

    def log(self, text: str, level: int = 0) -> None:
        """Write a line to the machine's log, unless `level` is above what the user wants to see."""
        if level <= self.log_level:
            self.machine.log(self, text)

    def __repr__(self) -> str:
        return f"<{self.name}: {self.module}>"


def check_all(elements: Iterable[Element]) -> None:
    """Let every element say whether it can be powered up; one TmeError tells all that is wrong."""
    errors: list[str] = []
    for element in elements:
        try:
            element.check()
        except TmeError as error:
            errors.append(str(error.at(element.where)))
    if errors:
        raise TmeError("\n".join(errors))
