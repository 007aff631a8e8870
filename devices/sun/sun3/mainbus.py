"""machine/sun3: the main board of a Sun-3. It joins the processor, the MMU, control space and the buses.

    mainbus0: tme/machine/sun3 idprom.bin
    cpu0 at mainbus0: tme/ic/m68020
    obio0 at mainbus0 obio: tme/generic/bus size 16MB
    obmem0 at mainbus0 obmem: tme/generic/bus size 4GB
    mainbus0 vme at vme0 addr 0x0
    mainbus0 memerr at obio0 addr 0x080000 ipl 7
    mainbus0 intreg at obio0 addr 0x0a0000

The PROM is the memory at obmem 0x0fef0000 (where TME's descriptions have it) or at obio 0x100000 (where the
hardware has it); either way the guest finds it at obio 0x100000.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devices.generic.bus import Slave
from devices.ic.processor import BoardPort
from devices.sun.board import ControllerPort, Watchdog, bus_slaves
from devices.sun.parity import Parity
from devices.sun.sun3 import space
from devices.sun.sun3.control import (
    AUTOVECTORED_SCCS,
    ByteRegister,
    Enable,
    IdProm,
    InterruptRegister,
    Leds,
    MemoryErrorRegister,
    UserDvma,
)
from devices.sun.sun3.dvma import Dvma
from devices.sun.sun3.mmu import (
    CONTROL,
    OBIO,
    OBMEM,
    PARITY,
    SEGMENT_BITS,
    SPACE_SHIFT,
    TIMEOUT,
    VME16,
    VME32,
    Sun3Mmu,
    physical,
)
from tme.args import Args, Flag, Positional, path
from tme.bus import Bus, BusError
from tme.element import Element
from tme.errors import TmeError
from tme.line import Line
from tme.memory import Memory
from tme.port import BusPort, Port
from translator.memory import Refused

if TYPE_CHECKING:
    from tme.machine import Machine
    from translator.cpu import Cpu
    from translator.memory import Mmu

SPACES = {"obio": (OBIO,), "obmem": (OBMEM,), "vme": (VME16, VME32)}
"""Bus, as connections name it -> spaces of physical addresses."""
NAMES = {OBMEM: "obmem", OBIO: "obio", VME16: "vme16", VME32: "vme32", CONTROL: "control", PARITY: "obmem"}
PROMS = (("obmem", 0x0FEF_0000), ("obio", 0x10_0000))
"""Where a description may place the PROM."""
ADDRESS = (1 << SPACE_SHIFT) - 1
AUTOVECTOR = 0xFFFF_FFFF
WATCHDOG = 0x01


class MasterPort(BusPort):
    """The board's end of a connection to an on-board master, as in `obie0 memory at mainbus0`: DVMA alone."""

    dma_offset = 0

    def __init__(self, element: Mainbus, args: Args) -> None:
        super().__init__(element, "bus", args, bus=element.dvma)


class Mainbus(Element):
    """The board; also what the processor finds behind physical addresses that are no plain memory."""

    module = "machine/sun3"
    summary = "Sun-3 main board: MMU, control space, interrupt and memory error registers"
    params = (Positional("IDPROM-FILE", path, help="image of the ID PROM, 32 bytes"),)
    conn_params = (
        Flag("obio", help="the bus is on-board I/O"),
        Flag("obmem", help="the bus is memory"),
        Flag("vme", help="the bus is the VMEbus"),
        Flag("memerr", help="place the memory error register"),
        Flag("intreg", help="place the interrupt register"),
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        self.buses: dict[str, Bus] = {}
        self.cpu: Cpu | None = None
        self.maps = Sun3Mmu(self._page_moved, self._segment_moved)
        self.enable = ByteRegister(Enable(), self._enable_changed)
        self.context = space.ContextView(self.maps, self._context_changed)
        self.bus_error = space.BusErrorView(self.maps)
        self.leds = Leds(self._show_leds)
        self.id_prom = IdProm(self._read_id_prom(args["IDPROM-FILE"]))
        self.interrupts = InterruptRegister(
            self._level_changed, self.id_prom.image[1] not in AUTOVECTORED_SCCS
        )
        memory_error = Line(f"{name} memory error")
        self.parity = Parity(self._watch_parity, self._wrong_parity)
        self.memory_error = MemoryErrorRegister(memory_error.set, self.parity.test)
        self.ports_by_flag: dict[str, Port] = {
            "memerr": Slave(self, Args(), self.memory_error, 8, irq=memory_error),
            "intreg": Slave(self, Args(), self.interrupts, 1),
        }
        self.cpu_port = BoardPort(self, self)
        self.dvma = Bus(1 << 24, f"{name} DVMA")
        self._by_space: dict[int, Bus] = {}
        self._watchdog = Watchdog(self)
        self._debug = machine.options.debug

    def _read_id_prom(self, file: Path) -> bytes:
        try:
            image = file.read_bytes()
        except OSError as error:
            raise self.error(f"cannot read the ID PROM {file}: {error.strerror}") from None
        if len(image) != 32:
            raise self.error(f"the ID PROM {file} has {len(image)} bytes, not 32; `tme-sun-idprom` makes one")
        return image

    # ---- building -----------------------------------------------------------------------------------------

    def ports(self, args: Args) -> list[Port]:
        chosen = [flag.name for flag in self.conn_params if flag.name in args]
        if not chosen:
            return [self.cpu_port, MasterPort(self, args)]
        if len(chosen) > 1:
            raise TmeError(f"a connection is one of {', '.join(chosen)}, not several")
        name = chosen[0]
        return [self.ports_by_flag.get(name) or ControllerPort(self, self, args, name)]

    def check(self) -> None:
        for name in ("obmem", "obio"):
            if name not in self.buses:
                raise self.error(f"has no {name} bus; connect one, as in `{name}0 at {self.name} {name}`")
        if self._prom() is None:
            raise self.error("has no PROM; place one, as in `rom0 at obmem0 addr 0x0fef0000: … rom FILE`")

    def _prom(self) -> int | None:
        """Physical address of the PROM."""
        for name, address in PROMS:
            bus = self.buses.get(name)
            if bus and bus.find(address) is not None:
                return SPACES[name][0] << SPACE_SHIFT | address
        return None

    def realize(self) -> None:
        for name, bus in self.buses.items():
            for number in SPACES[name]:
                self._by_space[number] = bus
        for name in ("obio", "obmem", "vme"):  # the order in which they answer an acknowledge cycle
            if name in self.buses:
                self.interrupts.listen(self.buses[name], name != "vme")
        self.maps.state.prom = self._prom()
        self.control = space.ControlSpace(
            {
                space.ID_PROM: self.id_prom,
                space.PAGE_MAP: self.maps.page_map,
                space.SEGMENT_MAP: self.maps.segment_map,
                space.CONTEXT: self.context,
                space.ENABLE: self.enable,
                space.USER_DVMA: ByteRegister(UserDvma()),
                space.BUS_ERROR: self.bus_error,
                space.LEDS: self.leds,
                space.SERIAL_BYPASS: space.SerialBypass(self.buses["obio"]),
            }
        )
        dvma = Dvma(self)
        for bus in (self.buses["obio"], self.dvma):
            bus.set_dma(dvma.onboard_read, dvma.onboard_write)
        if "vme" in self.buses:
            self.buses["vme"].set_dma(dvma.vme_read, dvma.vme_write)

    @property
    def video(self) -> bool:
        """The enable register lets the screen show something."""
        return bool(self.enable.register.VIDEO)

    # ---- the processor's side (devices.ic.processor.Board) -------------------------------------------------

    @property
    def mmu(self) -> Mmu:
        return self.maps.mmu

    def memories(self) -> Iterator[tuple[int, Memory]]:
        """All plain memory, RAM first: it is looked for in this order."""
        for name in ("obmem", "obio", "vme"):
            for number in SPACES[name] if name in self.buses else ():
                for base, _, memory in self.buses[name].memories():
                    yield number << SPACE_SHIFT | base, memory

    def attach_cpu(self, cpu: Cpu) -> None:
        self.cpu = cpu
        cpu.see_registers("mmu" in self._debug)
        self._let_coprocessor_answer()

    def _let_coprocessor_answer(self) -> None:
        """It answers if the enable register's FPP is set; else its cycles are bus errors, hence line F."""
        if self.cpu is not None:
            self.cpu.model.isa.coprocessor(self.cpu.state, bool(self.enable.register.FPP))

    def read(self, phys: int, va: int, size: int, fc: int) -> int:
        number = phys >> SPACE_SHIFT
        bus = self._by_space.get(number)
        try:
            if bus is not None:
                value = bus.read(phys & ADDRESS, size)
            elif number == CONTROL:
                value = self.control.read(va, size)
            elif number == PARITY:
                value = self.parity.read(self.bus_of(OBMEM, phys), phys & ADDRESS, va, size)
            else:
                raise BusError(phys & ADDRESS)
        except BusError as error:
            raise self._refused(error, "read", phys, size) from None
        if self._debug:
            self._show("read", phys, size, value)
        return value

    def write(self, phys: int, va: int, size: int, value: int, fc: int) -> None:
        number = phys >> SPACE_SHIFT
        if self._debug:
            self._show("write", phys, size, value)
        try:
            if number == CONTROL:
                self.control.write(va, size, value)
            elif number == PARITY:
                assert self.cpu is not None
                self.cpu.memory.wrote(phys & ADDRESS, size)
                self.parity.write(self.bus_of(OBMEM, phys), phys & ADDRESS, size, value)
            else:
                self.bus_of(number, phys).write(phys & ADDRESS, size, value)
        except BusError as error:
            raise self._refused(error, "write", phys, size) from None

    def steady(self, phys: int, va: int, size: int, fc: int) -> int | None:
        number = phys >> SPACE_SHIFT
        bus = self._by_space.get(number)
        if self._debug:  # every cycle is to be shown
            return None
        if bus is not None:
            return bus.steady(phys & ADDRESS, size)
        return self.control.steady(va, size) if number == CONTROL else None

    def bus_of(self, number: int, phys: int) -> Bus:
        """The bus of a space; BusError when the machine has none."""
        bus = self._by_space.get(number)
        if bus is None:
            raise BusError(phys & ADDRESS)
        return bus

    def _refused(self, error: BusError, what: str, phys: int, size: int) -> Refused:
        self.bus_error.latch(TIMEOUT)
        if self._debug:
            self._show(f"{what}: {error}", phys, size, None)
        return Refused()

    def before_routine(self, name: str) -> None:
        """The acknowledge cycle of an interrupt."""
        assert self.cpu is not None
        state = self.cpu.state
        level = int(state.ipl)
        vector = self.interrupts.acknowledge(level) if name == "interrupt" else None
        state.int_vector = AUTOVECTOR if vector is None else vector
        if state.ipl != level:  # the source was content: the processor takes the level all the same
            state.ipl = level
            self.machine.clock.after(0, lambda: self._level_changed(self.interrupts.level()))

    def bus_reset(self) -> None:
        """A RESET instruction: devices and board registers start anew, the maps and the processor go on."""
        for element in list(bus_slaves(self.connections)):
            element.reset()
        self.interrupts.reset()
        self.memory_error.reset()

    def cpu_halted(self) -> None:
        """The watchdog sees that the processor has halted, and resets the system."""
        assert self.cpu is not None
        processor = self.cpu_port.peer.element
        where = f"double bus fault at pc {int(self.cpu.state.pc):08x}"
        self._watchdog.bite(where, processor.describe())
        self.bus_reset()
        self.reset()
        self.bus_error.latch(WATCHDOG)
        processor.reset()

    # ---- registers that the rest of the board listens to ---------------------------------------------------

    def _page_moved(self, *entries: int) -> None:
        if self.cpu is None:
            return
        pages = [page for entry in entries if (page := physical(entry)) is not None]
        if len(pages) < len(entries):
            self.cpu.flush()
        else:
            self.cpu.page_moved(*pages)

    def _segment_moved(self, va: int, first: int) -> None:
        if self.cpu is not None:
            self.cpu.segment_moved(va, 1 << SEGMENT_BITS, lambda: self.maps.pages(first))

    def _enable_changed(self, new: int, old: int) -> None:
        self.maps.state.enable = new
        self._let_coprocessor_answer()
        if (new ^ old) & Enable.NOT_BOOT:
            assert self.cpu is not None
            self.cpu.flush()

    def _context_changed(self, new: int) -> None:
        if self.cpu is not None:
            self.cpu.set_context(new)

    def _watch_parity(self, on: bool) -> None:
        memory = PARITY << SPACE_SHIFT if on else OBMEM
        if self.maps.state.memory != memory:
            self.maps.state.memory = memory
            if self.cpu is not None:
                self.cpu.flush()

    def _wrong_parity(self, lanes: int, va: int) -> None:
        self.memory_error.latch(lanes, va, int(self.maps.state.context))

    def _level_changed(self, level: int) -> None:
        if self.cpu is None:
            return
        state = self.cpu.state
        raised = level > state.ipl
        state.ipl = level
        state.ipl_seen = min(state.ipl_seen, level)  # level 7 is an edge: going down makes the next one
        if raised:
            self.cpu.attention()

    # ---- power --------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """The system's reset: boot state, context 0; the maps keep what they hold."""
        diagnostic = self.enable.register.DIAG
        for register in (self.enable, self.context, self.leds):
            register.reset()
        self.enable.register.DIAG = diagnostic
        self.maps.state.enable = self.enable.register.value
        self._let_coprocessor_answer()
        self.maps.state.context = 0
        self.maps.state.bus_error = 0
        self.interrupts.reset()
        self.memory_error.reset()
        if self.cpu is not None:
            self.cpu.set_context(0)
            self.cpu.flush()

    def command(self, words: list[str]) -> str | None:
        match words:
            case ["power", "up" | "down" as way]:
                self.machine.power(way == "up")
            case ["diag-switch", "true" | "false" as position]:
                self.enable.register.DIAG = position == "true"
                self.maps.state.enable = self.enable.register.value
            case _:
                raise TmeError(
                    f"usage: command {self.name} power {{up|down}}\n"
                    f"       command {self.name} diag-switch {{true|false}}"
                )
        return None

    # ---- showing ------------------------------------------------------------------------------------------

    def _show(self, what: str, phys: int, size: int, value: int | None) -> None:
        """A line for `-d mmio` (devices) and `-d mmu` (control space)."""
        number = phys >> SPACE_SHIFT
        if ("mmu" if number == CONTROL else "mmio") not in self._debug or self.cpu is None:
            return
        shown = "" if value is None else f" {value:0{2 * size}x}"
        address, pc = phys & ADDRESS, int(self.cpu.state.pc)
        where = f"{NAMES[number]} {address:08x}.{size}"
        item, device = "mmu" if number == CONTROL else "mmio", self._answers(number, address)
        self.machine.log(None, f"{item} {what} {where}{shown} {device} near pc {pc:08x}")

    def _answers(self, number: int, address: int) -> str:
        """What is at a physical address."""
        if number == CONTROL:
            return space.NAMES.get(address >> 28, "nothing")
        bus = self._by_space.get(number)
        return bus.owner_at(address) or "nothing" if bus else "nothing"

    def _show_leds(self, picture: str) -> None:
        if "leds" in self._debug:
            self.machine.log(self, f"LEDs {picture}")
