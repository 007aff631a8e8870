"""Executes tmesh statements on one machine: files, the prompt and programs all go through here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tme.args import Args
from tme.errors import TmeError, did_you_mean
from tme.mesh.graph import Graph
from tme.mesh.parser import parse
from tme.mesh.statements import Connect, Create, Disconnect, Statement, Verb
from tme.mesh.verbs import VERBS
from tme.paths import MACHINES
from tme.registry import Registry

if TYPE_CHECKING:
    from tme.machine import Machine

MAX_DEPTH = 32


class Session:
    """One machine being described. `out` takes the text that commands print."""

    def __init__(
        self, machine: Machine, registry: Registry | None = None, out: Callable[[str], None] = print
    ) -> None:
        self.machine = machine
        self.registry = registry or Registry()
        self.graph = Graph(machine, self.registry)
        self.out = out
        self.errors: list[TmeError] = []
        """Mistakes found so far, in the order of the text."""
        self.exit_code: int | None = None
        """Set by `quit`."""
        self.resume = False
        """Set by `run`: whoever shows a prompt should leave it and let the machine go on."""
        self._files: list[Path] = []
        self._failed: set[str] = set()

    # Texts and files

    def load(self, machine: str | Path) -> None:
        """Execute a machine description: a path or a built-in name. Mistakes go to `errors`."""
        self._run_file(find_machine(str(machine)))

    def run(self, text: str, file: str = "tmesh", base: Path | None = None, first: int = 1) -> None:
        """Execute statements. A wrong one is recorded in `errors` and the rest goes on, with two exceptions:
        what needs an element that failed is skipped silently, and nothing is set in motion any more."""
        for statement in parse(text, file, base, first):
            if self.exit_code is not None:
                return
            if isinstance(statement, TmeError):
                self.errors.append(statement)
            elif not self._is_pointless(statement):
                self._attempt(statement)

    def _attempt(self, statement: Statement) -> None:
        try:
            self.execute(statement)
        except TmeError as error:
            self.errors.append(error.at(statement.where))
            if isinstance(statement, Create) and not self._exists(statement.end.name):
                self._failed.add(statement.end.name)

    def _exists(self, name: str) -> bool:
        try:
            self.graph.names.element(name)
        except TmeError:
            return False
        return True

    def _is_pointless(self, statement: Statement) -> bool:
        """Whether an earlier mistake makes this statement fail too, or unwise."""
        if isinstance(statement, Verb):
            if VERBS[statement.verb].acts and self.errors:
                return True
            used = statement.words[-1:] if statement.verb == "alias" else statement.words[:1]
            pointless = any(word in self._failed for word in used)
            if pointless and statement.verb == "alias":
                self._failed.update(statement.words[:1])
            return pointless
        if not isinstance(statement, Create | Connect | Disconnect):
            return False
        ends = {statement.other.name if statement.other else ""}
        if not isinstance(statement, Create):
            ends.add(statement.end.name)
        pointless = bool(ends & self._failed)
        if pointless and isinstance(statement, Create):
            self._failed.add(statement.end.name)
        return pointless

    def take_errors(self) -> list[TmeError]:
        """The mistakes since the last call; forgets them, so that the next statement has a clean start."""
        errors, self.errors = self.errors, []
        self._failed.clear()
        return errors

    def _run_file(self, file: Path) -> None:
        with self._reading(file) as text:
            self.run(text, str(file), file.parent)

    @contextmanager
    def _reading(self, file: Path) -> Iterator[str]:
        resolved = file.resolve()
        if resolved in self._files:
            raise TmeError(f"'{file}' sources itself")
        if len(self._files) >= MAX_DEPTH:
            raise TmeError(f"'{file}': more than {MAX_DEPTH} files source each other")
        try:
            text = file.read_text(encoding="utf-8")
        except OSError as error:
            raise TmeError(f"cannot read '{file}': {error.strerror}") from None
        except UnicodeDecodeError:
            raise TmeError(f"'{file}' is not a text in UTF-8; is it a machine description?") from None
        self._files.append(resolved)
        try:
            yield text
        finally:
            self._files.pop()

    # Statements

    def execute(self, statement: Statement) -> None:
        """Execute one statement; raises TmeError."""
        match statement:
            case Create():
                self.graph.create(statement)
            case Connect():
                self.graph.connect(statement)
            case Disconnect():
                self.graph.disconnect(statement)
            case Verb():
                info = VERBS[statement.verb]
                args = Args.parse(statement.words, info.params, statement.where, statement.verb)
                getattr(self, f"_do_{statement.verb}")(args, statement)

    def _do_command(self, args: Args, statement: Verb) -> None:
        text = self.graph.names.element(args["NAME"]).command(list(args["WORDS"]))
        if text:
            self.out(text.rstrip("\n"))

    def _do_run(self, args: Args, statement: Verb) -> None:
        self.machine.power(True)
        self.resume = True

    def _do_reset(self, args: Args, statement: Verb) -> None:
        self.graph.reset(args["NAME"])

    def _do_log(self, args: Args, statement: Verb) -> None:
        element, level = self.graph.names.element(args["NAME"]), args["{off|LEVEL}"]
        if level != "off" and not level.isdecimal():
            raise TmeError(f"log: bad level '{level}': 'off' or a number is expected")
        element.log_level = -1 if level == "off" else int(level)

    def _do_source(self, args: Args, statement: Verb) -> None:
        self._run_file(self._find_source(args["FILE"], statement.base))

    def _find_source(self, name: str, base: Path | None) -> Path:
        """Beside the sourcing file, beside the first one, in the current folder, or a built-in one."""
        folders = [base, self._files[0].parent if self._files else None, Path(), MACHINES]
        tried = [folder / name for folder in folders if folder is not None]
        found = next((file for file in tried if file.is_file()), None)
        if found is None:
            folders_seen = {file.parent for file in tried if file.parent.is_dir()}
            known = {file.name for folder in folders_seen for file in folder.iterdir()}
            raise TmeError(f"source: there is no file '{name}'{did_you_mean(Path(name).name, known)}")
        return found

    def _do_alias(self, args: Args, statement: Verb) -> None:
        self.graph.names.add(args["NEWNAME"], self.graph.names.element(args["NAME"]))

    def _do_ls(self, args: Args, statement: Verb) -> None:
        from tme.mesh.listing import listing

        for line in listing(self.graph, args["[-alR] [PATH]"]):
            self.out(line)

    def _do_mkdir(self, args: Args, statement: Verb) -> None:
        self.graph.names.mkdir(args["FOLDER"])

    def _do_rmdir(self, args: Args, statement: Verb) -> None:
        self.graph.names.rmdir(args["FOLDER"])

    def _do_cd(self, args: Args, statement: Verb) -> None:
        self.graph.names.cd(args["FOLDER"] or "/")

    def _do_pwd(self, args: Args, statement: Verb) -> None:
        self.out(self.graph.names.current.path)

    def _do_rm(self, args: Args, statement: Verb) -> None:
        for connection in self.graph.remove(args["NAME"]):
            self.out(f"# disconnected: {connection}")

    def _do_mv(self, args: Args, statement: Verb) -> None:
        self.graph.names.move(args["NAME"], args["NEWNAME"])
        self.graph.publish()

    def _do_help(self, args: Args, statement: Verb) -> None:
        from tme.mesh.manual import explain

        self.out(explain(args["TOPIC"], self.graph))

    def _do_screenshot(self, args: Args, statement: Verb) -> None:
        from tme.framebuffer import save, screenshot

        save(screenshot(self.machine, args["NAME"]), args["FILE"])

    def _do_quit(self, args: Args, statement: Verb) -> None:
        code = args["CODE"] or "0"
        if not code.isdecimal() or int(code) > 255:
            raise TmeError(f"quit: bad exit status '{code}': a number from 0 to 255 is expected")
        self.exit_code = int(code)
        self.machine.stop(self.exit_code)


def builtin_machines() -> list[str]:
    """Names of the machines that come with the package."""
    return sorted(file.name for file in MACHINES.iterdir() if file.name.isupper() and file.is_file())


def find_machine(name: str) -> Path:
    """The file of a machine: a path, else a built-in name."""
    file = Path(name)
    if file.is_file():
        return file
    if "/" not in name and name in builtin_machines():
        return MACHINES / name
    builtin = builtin_machines()
    raise TmeError(
        f"there is no machine '{name}'{did_you_mean(name, builtin)}\n"
        f"  give the path of a machine description or a built-in name: {', '.join(builtin)}"
    )
