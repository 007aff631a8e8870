"""The program `tmesh`. Imports only what the given options need, so that it starts at once."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from tme import __version__
from tme.errors import TmeError, did_you_mean
from tme.options import DEBUG_ITEMS, ENGINES, IR_STAGES, Options
from tme.paths import resolve

if TYPE_CHECKING:
    from tme.machine import Machine
    from tme.mesh.session import Session

EXAMPLES = """\
examples:
  tmesh SUN3                              a Sun-3 with our firmware; its console is this terminal
  tmesh SUN3 --boot prog.elf -- a b       run a program on it; its exit status is ours
  tmesh SUN3 --boot @firmware/demos/demo.elf
  tmesh --interp --stats SUN3 --boot prog.elf
  tmesh -i my-machine.tmesh               look at the machine first, `run` starts it
  tmesh --graph machine.svg my-machine.tmesh
  tmesh -d int,mmu --dfilter 0x10000..0x1ffff SUN3

On a terminal Ctrl-] opens the tmesh prompt (`help`, `quit`); all other keys go to the machine."""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status: that of the guest, 1 for mistakes, 128 + N after signal N."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(*_parse(words))
    except TmeError as error:
        return _fail([error])
    except KeyboardInterrupt:  # before the machine runs, or twice
        return 128 + signal.SIGINT
    except BrokenPipeError:  # `tmesh --list-elements | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141


def _fail(errors: Sequence[TmeError]) -> int:
    for error in errors:
        print(f"tmesh: {error}", file=sys.stderr)
    return 1


# The command line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tmesh",
        usage="tmesh [OPTIONS] MACHINE... [--boot PROGRAM [-- ARGS]]",
        description="Emulates the machine that MACHINE describes: a tmesh file or a built-in name.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("machines", nargs="*", metavar="MACHINE", help="machine description, or a built-in one such as SUN3")
    engine = parser.add_mutually_exclusive_group()
    for name, text in ENGINES.items():
        engine.add_argument(
            f"--{name}", dest="engine", action="store_const", const=name, default="jit", help=text
        )
    add("--boot", metavar="PROGRAM", help="ELF or a.out file to boot; `-- ARGS` go to it")
    add("--boot-dir", type=Path, metavar="DIR", help="where the firmware's `b NAME` looks for programs")
    add("--verbose", action="store_true", help="show the firmware's messages although a program is booted")
    add(
        "--clock",
        choices=("icount", "host"),
        help="guest time counts instructions and repeats, or follows the host (default at a terminal)",
    )
    add("--insns", type=_count, metavar="N", help="stop after N guest instructions")
    add("-i", "--interactive", action="store_true", help="start at the tmesh prompt")
    add("-c", "--noninteractive", action="store_true", help="never prompt (the default)")
    add("--screenshot", type=Path, metavar="FILE.png", help="save what the screen shows at the end")

    group = parser.add_argument_group("translation")
    group.add_argument("--jit-workers", type=_count, metavar="N", help="translating processes, 0 for none")
    group.add_argument(
        "--fastmem",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="let compiled code reach guest memory without a check, where the host can catch what goes wrong",
    )
    group.add_argument("--cache-dir", type=Path, metavar="DIR", help="where compiled code is kept")
    group.add_argument("--no-cache", action="store_true", help="keep no compiled code")

    group = parser.add_argument_group("looking inside")
    group.add_argument(
        "--stats",
        choices=("text", "json", "brief"),
        help="statistics at the end, with the regions that took the time: --stats or --stats=json; "
        "--stats=brief is JSON without them, which takes no time itself",
    )
    group.add_argument("--trace", type=Path, metavar="FILE", help="write a trace of instructions (.gz)")
    group.add_argument("--perf-map", action="store_true", help="name our code for `perf`: /tmp/perf-PID.map")
    group.add_argument(
        "-d",
        dest="debug",
        type=_items(DEBUG_ITEMS),
        metavar="ITEMS",
        default=(),
        help="log these, separated by commas; `-d help` lists them",
    )
    group.add_argument(
        "-D", "--log", dest="log", type=Path, metavar="FILE",
        help="messages of elements and of -d go to FILE, not to standard error",
    )  # fmt: skip
    group.add_argument(
        "--dump-ir",
        type=_items(IR_STAGES),
        metavar="STAGES",
        default=(),
        help="show translations: " + ", ".join(IR_STAGES),
    )
    group.add_argument("--dump-to", type=Path, metavar="FILE", help="where --dump-ir writes")
    group.add_argument("--dfilter", type=_range, metavar="LO..HI", help="restrict dumps to guest addresses")

    group = parser.add_argument_group("without running a machine")
    group.add_argument("--list-elements", action="store_true", help="all elements, their arguments and help")
    group.add_argument("--graph", type=Path, metavar="FILE", help="draw the machine as FILE.dot or FILE.svg")
    group.add_argument(
        "--nat-rules", metavar="KIND", help="print the NAT rules of its TAPs for nft (Linux), npf or pf (BSD)"
    )
    group.add_argument("--version", action="version", version=f"tmesh {__version__}")
    return parser


def _count(word: str) -> int:
    try:
        value = int(word.replace("_", ""), 0)
    except ValueError:
        value = -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"'{word}' is not a number of 0 or more")
    return value


def _range(word: str) -> tuple[int, int]:
    low, dots, high = word.partition("..")
    try:
        bounds = int(low, 0), int(high, 0)
    except ValueError:
        bounds = 1, 0
    if not dots or bounds[0] > bounds[1]:
        raise argparse.ArgumentTypeError(f"'{word}' is no address range; write LO..HI, e.g. 0x10000..0x1ffff")
    return bounds


class _Items:
    """Parses a list separated by commas against a table of known items."""

    def __init__(self, table: dict[str, str]) -> None:
        self.table = table

    def __call__(self, word: str) -> tuple[str, ...]:
        items = tuple(item for item in word.split(",") if item)
        for item in items:
            if item not in self.table and item != "help":
                hint = did_you_mean(item, self.table)
                raise argparse.ArgumentTypeError(f"'{item}' is none of {', '.join(self.table)}{hint}")
        return items

    def help(self) -> str:
        return "\n".join(f"{name:10} {text}" for name, text in self.table.items())


_items = _Items


def _parse(words: list[str]) -> tuple[argparse.Namespace, tuple[str, ...]]:
    guest_args: tuple[str, ...] = ()
    if "--" in words:
        at = words.index("--")
        words, guest_args = words[:at], tuple(words[at + 1 :])
    # An optional value would swallow the machine's name.
    words = ["--stats=text" if word == "--stats" else word for word in words]
    args = _parser().parse_args(words)
    if guest_args and args.boot is None:
        raise TmeError("arguments after '--' go to the program of --boot, but there is none")
    return args, guest_args


def _options(args: argparse.Namespace, guest_args: tuple[str, ...]) -> Options:
    at_terminal = os.isatty(0)
    boot = resolve(args.boot, None) if args.boot is not None else None
    if boot is not None and not boot.is_file():
        raise TmeError(f"--boot: there is no file '{boot}'")
    if args.boot_dir is not None and not args.boot_dir.is_dir():
        raise TmeError(f"--boot-dir: there is no folder '{args.boot_dir}'")
    return Options(
        engine=args.engine,
        clock=args.clock or ("host" if at_terminal else "icount"),
        insns=args.insns,
        boot=boot,
        boot_args=guest_args,
        boot_dir=args.boot_dir,
        verbose=args.verbose,
        jit_workers=args.jit_workers,
        fastmem=args.fastmem,
        cache_dir=args.cache_dir,
        cache=not args.no_cache,
        dump_ir=args.dump_ir,
        dfilter=args.dfilter,
        debug=frozenset(args.debug),
        dump_to=args.dump_to,
        trace=args.trace,
        perf_map=args.perf_map,
        stats=args.stats,
        log=args.log,
    )


# What to do


def _run(args: argparse.Namespace, guest_args: tuple[str, ...]) -> int:
    if "help" in args.debug or "help" in args.dump_ir:
        print(_Items(DEBUG_ITEMS if "help" in args.debug else IR_STAGES).help())
        return 0
    if args.list_elements:
        return _list_elements()
    if args.nat_rules is not None:
        return _nat_rules(args.machines, args.nat_rules)
    if not args.machines and not (args.interactive or os.isatty(0)):
        raise TmeError("no machine is given; try `tmesh SUN3`, or `tmesh --help`")
    if args.graph is not None:
        return _draw(args.machines, args.graph)
    return _emulate(args, _options(args, guest_args))


def _list_elements() -> int:
    from tme.mesh.manual import catalogue
    from tme.registry import Registry

    print(catalogue(Registry()))
    return 0


def _draw(machines: list[str | Path], file: Path) -> int:
    from tme.mesh.dot import write
    from tme.mesh.sketch import sketch

    graph, errors = sketch(machines)
    if errors:
        return _fail(errors)
    write(graph, file)
    return 0


def _nat_rules(machines: list[str | Path], kind: str) -> int:
    from importlib import import_module

    from tme.mesh.sketch import sketch

    graph, errors = sketch(machines)
    if errors:
        return _fail(errors)
    print(import_module("hostnet.nat.show").rules(kind, graph.machine.elements.values()), end="")
    return 0


def _emulate(args: argparse.Namespace, options: Options) -> int:
    from tme.machine import Machine
    from tme.mesh.session import Session

    machine = Machine(options)
    session = Session(machine)
    try:
        for name in args.machines:
            session.load(name)
        if session.errors and not args.interactive:
            return _fail(session.errors)
        _fail(session.take_errors())
        prompt = args.interactive or not args.machines
        if args.screenshot is None:
            return _prompt_and_run(session, machine, prompt)
        from tme.framebuffer import save, screenshot

        if not prompt:
            screenshot(machine)  # a machine without a screen is refused now, not at its end
        code = _prompt_and_run(session, machine, prompt)
        save(screenshot(machine), args.screenshot)
        return code
    finally:
        machine.close()
        session.graph.close()


def _prompt_and_run(session: Session, machine: Machine, prompt: bool) -> int:
    from tme.console import Console
    from tme.mesh.shell import Shell

    shell = Shell(session)

    def at_escape() -> None:
        print("\ntmesh prompt: the machine waits; `run` or Ctrl-D goes on, `quit` ends it, `help`")
        shell.loop()

    Console.on_escape = at_escape
    with _signals(machine):
        if prompt:
            shell.loop()
        if session.exit_code is not None:
            return session.exit_code
        if prompt and not session.resume and not machine.powered:
            return 0  # the input ended before anything was started
        machine.power(True)
        return machine.run()


@contextmanager
def _signals(machine: Machine) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP end the machine in order; a second SIGINT does not wait for that."""

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        machine.stop(128 + number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
