"""The Python API: a machine that a program starts, types at, reads from and looks into.

    with tme.Machine("SUN3") as sun:
        sun.expect("\\n>")
        sun.send("b demo\\r")
        print(sun.expect("primes"))

Whatever can go wrong is a TmeError. docs/python-api.md has the whole story.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tme import machine as core
from tme.errors import TmeError
from tme.framebuffer import Picture, save, screenshot
from tme.mesh.session import Session
from tme.options import Options
from tme.paths import resolve
from tme.script import Script, ScriptLine

if TYPE_CHECKING:
    from tme.element import Element

__all__ = ["Machine", "NotSeen", "TmeError"]

TAIL = 12
"""Lines of the console that an error shows."""


class NotSeen(TmeError):
    """What was waited for did not appear: the time is over, or the machine has ended."""


class Machine:
    """A machine for scripts.

    descriptions: built-in names, paths of tmesh files, or texts (what has a line end is one). Options are
    those of tme.options.Options: `engine="interp"`, `clock="host"`, `boot="prog.elf"`, `boot_args=("a",)` …;
    time is counted in instructions by default, so that a script does exactly the same every time. The serial
    line that a description puts on `device -` is the script's: `expect`, `send`, `text`.
    """

    def __init__(self, *descriptions: str | Path, **options: Any) -> None:
        for name in ("boot", "boot_dir", "cache_dir", "trace", "log", "dump_to"):
            if options.get(name) is not None:
                options[name] = resolve(str(options[name]), None)
        try:
            self.core = core.Machine(Options(**options))
        except TypeError as error:
            raise TmeError(f"Machine: {error}; the options are those of tme.options.Options") from None
        self._script = self.core.standard = Script()
        self._said: list[str] = []
        self._session = Session(self.core, out=self._said.append)
        try:
            for description in descriptions:
                if "\n" in str(description):
                    self._session.run(str(description), "description")
                else:
                    self._session.load(description)
            self._check()
        except TmeError:
            self.close()
            raise

    def _check(self) -> None:
        errors = self._session.take_errors()
        if errors:
            raise TmeError("\n".join(map(str, errors)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the machine; disks are flushed, files closed. Again is harmless."""
        self.core.close()
        self._session.graph.close()

    # ---- the description ----------------------------------------------------------------------------------

    def tell(self, statements: str) -> str:
        """Execute tmesh statements, as at the prompt (`command tape0 load x`); returns what they print."""
        self._said.clear()
        self._session.run(statements, "statement")
        self._check()
        return "\n".join(self._said)

    def element(self, name: str) -> Element:
        """The element of this name, for its Python methods."""
        return self._session.graph.names.element(name)

    # ---- running ------------------------------------------------------------------------------------------

    def power(self, up: bool = True) -> None:
        """Power up or down. Running a machine powers it up by itself, once."""
        self.core.power(up)

    @property
    def exit_code(self) -> int | None:
        """The status the machine ended with; None while it can go on."""
        return self.core.exit_code

    @property
    def instructions(self) -> int:
        """Guest instructions executed."""
        return self.core.processor.now if self.core.processor is not None else 0

    @property
    def seconds(self) -> float:
        """Guest time since power-up."""
        return self.core.clock.now / 1e9

    def run(
        self,
        *,
        seconds: float | None = None,
        instructions: int | None = None,
        host_seconds: float | None = None,
    ) -> int | None:
        """Run for so much guest time, so many instructions, or host time (whichever is over first), or to the
        machine's end; returns `exit_code`."""
        machine = self.core
        if machine.exit_code is None:
            self.power()
        if machine.exit_code is not None:
            return machine.exit_code
        machine.pause_at = None if instructions is None else self.instructions + instructions
        timer = None if seconds is None else machine.clock.after(round(seconds * 1e9), machine.pause)
        try:
            machine.run(host_seconds)
        finally:
            machine.pause_at = None
            if timer is not None:
                timer.cancel()
        return machine.exit_code

    # ---- the console --------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """Everything the console has shown, without carriage returns."""
        console = self._script.console
        return console.text if console is not None else ""

    def expect(self, what: str | re.Pattern[str], seconds: float = 60) -> str:
        """Run until the console shows `what`; returns the text since the last `expect`, `what` included.

        what: a text, or a compiled regular expression (which may span 4,096 characters).
        seconds: host time until NotSeen is raised; so it is when the machine ends first.
        """
        line = self._console()
        pattern = re.compile(re.escape(what)) if isinstance(what, str) else what
        if not line.awaits(pattern):
            self.run(host_seconds=seconds)
        text = line.take()
        if text is None:
            code = self.exit_code
            over, ended = f"not seen within {seconds:g} s", f"the machine ended with status {code}"
            why = over if code is None else ended
            tail = "\n".join(line.text.splitlines()[-TAIL:])
            raise NotSeen(f"{pattern.pattern!r}: {why}; the console shows at the end:\n{tail}")
        return text

    def send(self, text: str | bytes) -> None:
        """Type at the console; Return is "\\r"."""
        self._console().send(text.encode("latin-1") if isinstance(text, str) else text)

    def _console(self) -> ScriptLine:
        if self._script.console is None:
            raise TmeError("no serial line is on `device -`: this machine has no console for a script")
        return self._script.console

    # ---- a booted program ---------------------------------------------------------------------------------

    @property
    def output(self) -> bytes:
        """What the program of `boot` wrote to its standard output."""
        return bytes(self._script.written[1])

    @property
    def error_output(self) -> bytes:
        """What it wrote to its standard error."""
        return bytes(self._script.written[2])

    def feed(self, data: bytes) -> None:
        """Give its standard input more to read; after the last byte it finds the end."""
        self._script.unread += data

    # ---- looking inside -----------------------------------------------------------------------------------

    def _processor(self) -> core.Processor:
        if self.core.processor is None:
            raise TmeError("the machine has no power yet")
        return self.core.processor

    def registers(self) -> dict[str, int]:
        """The processor's registers by name."""
        return self._processor().registers()

    def read(self, address: int, length: int, physical: bool = False) -> bytes:
        """Guest memory as the processor sees data now, or by physical address; device registers are none."""
        return self._processor().read(address, length, physical)

    def write(self, address: int, data: bytes, physical: bool = False) -> None:
        """Change guest memory, write-protected pages too; code that was compiled from it is dropped."""
        self._processor().write(address, data, physical)

    def screenshot(self, file: str | Path | None = None, name: str | None = None) -> Picture:
        """What the screen shows, also saved as PNG to `file`; name: which of several frame buffers."""
        picture = screenshot(self.core, name)
        if file is not None:
            save(picture, resolve(str(file), None))
        return picture

    def stats(self) -> dict[str, Any]:
        """What `tmesh --stats` prints."""
        return self.core.stats()
