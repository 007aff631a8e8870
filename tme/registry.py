"""Finds element classes by the name that machine descriptions use. Nothing is imported before it is needed.

Sources, in this order: classes added by a program (`Registry.add`), the tables of the packages in TABLES, and
the entry points of other distributions (group "tme.elements", name "generic/x", value "package.x:Class").
"""

from __future__ import annotations

import importlib
import importlib.util

from tme.element import Element
from tme.errors import TmeError, did_you_mean

TABLES = ("devices.elements", "hostnet.elements")
"""Modules with a dict ELEMENTS: element name -> "package.module:Class"."""
ENTRY_POINTS = "tme.elements"
PREFIXES = ("tme/", "nme/")

KNOWN_TO_TME = frozenset(
    """
    generic/bus ic/m68010 ic/m68020 ic/mb86900 ic/cy7c601 ic/stp1030 ic/stp2200 ic/stp2220 ic/stp2024
    ic/am9513 ic/mm58167 ic/am7930 ic/am7990 ic/i82586 ic/mk48t02 ic/mk48t59 ic/i82072 ic/i82077 ic/cs4231A
    ic/ncr5380 ic/isil7170 ic/z8530 ic/ncr53c9x ic/lsi64854 ic/ncr89c105/z85c30 ic/ncr89c105/i82077
    ic/ncr89c105/auxio
    machine/sun2 machine/sun2/clock machine/sun2/tod machine/sun2/zs machine/sun2/bwtwo machine/sun3
    machine/sun3/clock machine/sun3/zs machine/sun3/obie machine/sun3/si machine/sun3/bwtwo machine/sun3/cgtwo
    machine/sun4 machine/sun4/clock machine/sun4/oclock machine/sun4/zs machine/sun4/fdc machine/sun4u
    bus/multibus/3c400 bus/multibus/sun-mie bus/multibus/sun-sc bus/sbus/bwtwo bus/sbus/cgthree bus/sbus/cgsix
    scsi/bus scsi/disk scsi/cdrom scsi/tape serial/keyboard serial/mouse serial/sink
    host/posix/memory host/posix/disk host/posix/tape host/posix/serial host/gtk/display host/rfb/display
    host/sdl/display host/bsd/bpf host/tun/tap host/openvpn/tun/tap host/openvpn/tap host/openvpn/socket/link
    host/openvpn/socket/server host/netmap/vale
""".split()
)
"""Elements of TME 0.8 and NME; those we lack get a better message than "unknown"."""


def normalise(module: str) -> str:
    """The name without `tme/` or `nme/`."""
    return next((module[len(p) :] for p in PREFIXES if module.startswith(p)), module)


class Registry:
    """Element names and where their classes are."""

    def __init__(self, tables: tuple[str, ...] = TABLES, entry_points: bool = True) -> None:
        self._tables = tables
        self._use_entry_points = entry_points
        self._specs: dict[str, str | type[Element]] | None = None
        self._added: dict[str, str | type[Element]] = {}
        self._foreign: dict[str, str | type[Element]] | None = None

    def add(self, module: str, spec: str | type[Element]) -> None:
        """Register a class, or "package.module:Class", under a name."""
        self._added[normalise(module)] = spec

    def names(self) -> list[str]:
        """Every element name that can be created, without prefix."""
        return sorted({*self._builtin(), *self._entry_points(), *self._added})

    def load(self, module: str, where: str | None = None) -> type[Element]:
        """The class of an element; TmeError says what to write instead when there is none."""
        name = normalise(module)
        spec = self._added.get(name) or self._builtin().get(name) or self._entry_points().get(name)
        if spec is None:
            raise TmeError(self._unknown(module, name), where)
        return _import(module, spec, where) if isinstance(spec, str) else spec

    def _unknown(self, module: str, name: str) -> str:
        if name in KNOWN_TO_TME:
            return f"the element '{module}' is known to TME, not in this version"
        return (
            f"there is no element '{module}'{did_you_mean(name, self.names(), 'tme/')}\n"
            "  `tmesh --list-elements` shows all"
        )

    def _builtin(self) -> dict[str, str | type[Element]]:
        if self._specs is None:
            self._specs = {}
            for table in self._tables:
                package = table.partition(".")[0]
                if importlib.util.find_spec(package) and importlib.util.find_spec(table):
                    self._specs.update(importlib.import_module(table).ELEMENTS)
        return self._specs

    def _entry_points(self) -> dict[str, str | type[Element]]:
        if self._foreign is None:
            self._foreign = {}
            if self._use_entry_points:
                from importlib.metadata import entry_points  # slow: it reads every installed distribution

                found = entry_points(group=ENTRY_POINTS)
                self._foreign = {normalise(point.name): point.value for point in found}
        return self._foreign


def _import(module: str, spec: str, where: str | None) -> type[Element]:
    file, _, attribute = spec.partition(":")
    try:
        found = getattr(importlib.import_module(file), attribute)
    except (ImportError, AttributeError) as error:
        raise TmeError(f"the element '{module}' cannot be loaded from {spec}: {error}", where) from error
    if not (isinstance(found, type) and issubclass(found, Element)):
        raise TmeError(f"the element '{module}': {spec} is not an Element class", where)
    return found
