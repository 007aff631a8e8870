"""The commands of tmesh beside creation: names, arguments, help. Parser, session and completion use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tme.args import Positional, Spec, path, usage


@dataclass(frozen=True)
class VerbInfo:
    """One command. `acts`: it makes the machine do something, so a text with errors does not get that far."""

    help: str
    params: Sequence[Spec] = ()
    usage_text: str = ""
    acts: bool = False

    def usage(self, verb: str) -> str:
        """The command as its help shows it."""
        text = self.usage_text or (usage(self.params) if self.params else "")
        return f"{verb} {text}".rstrip()


VERBS: dict[str, VerbInfo] = {
    "connect": VerbInfo("connect two elements", usage_text="NAME [ARGS] at OTHER [ARGS]"),
    "disconnect": VerbInfo(
        "undo a connection, or all connections of NAME", usage_text="NAME [ARGS] [at OTHER [ARGS]]"
    ),
    "command": VerbInfo(
        "have an element do something, e.g. `command mainbus0 power up`",
        (Positional("NAME"), Positional("WORDS", repeat=True, required=False)),
        acts=True,
    ),
    "run": VerbInfo("leave the prompt and let the machine go on, powering it up if it is not", acts=True),
    "reset": VerbInfo("reset the machine, or one element", (Positional("NAME", required=False),), acts=True),
    "log": VerbInfo(
        "what an element logs: off, or up to LEVEL", (Positional("NAME"), Positional("{off|LEVEL}"))
    ),
    "source": VerbInfo("read statements from a file", (Positional("FILE"),)),
    "alias": VerbInfo("give an element a second name", (Positional("NEWNAME"), Positional("NAME"))),
    "ls": VerbInfo(
        "list elements as statements; -a also later connections, -l absolute names, -R folders too",
        (Positional("[-alR] [PATH]", repeat=True, required=False),),
        "[-alR] [PATH]",
    ),
    "mkdir": VerbInfo("make a folder in the element name space", (Positional("FOLDER"),)),
    "rmdir": VerbInfo("remove an empty folder", (Positional("FOLDER"),)),
    "cd": VerbInfo("change the current folder; alone: to /", (Positional("FOLDER", required=False),)),
    "pwd": VerbInfo("print the current folder"),
    "rm": VerbInfo("remove an element with its connections, or an alias", (Positional("NAME"),)),
    "mv": VerbInfo(
        "rename an element or a folder, or move it into a folder", (Positional("NAME"), Positional("NEWNAME"))
    ),
    "help": VerbInfo(
        "explain a command or an element; alone: list the commands", (Positional("TOPIC", required=False),)
    ),
    "screenshot": VerbInfo(
        "save what the screen shows as PNG; NAME when there are several frame buffers",
        (Positional("FILE", path), Positional("NAME", required=False)),
        acts=True,
    ),
    "quit": VerbInfo(
        "end the machine and leave, with exit status CODE", (Positional("CODE", required=False),), acts=True
    ),
}
SYNONYMS = {"exit": "quit"}
"""Other spellings; they work, but help does not list them."""
