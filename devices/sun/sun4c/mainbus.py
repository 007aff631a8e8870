"""machine/sun4: the main board of a SPARCstation 2 (4/75). It joins the processor, the MMU, control space and
the bus.

    board0: tme/machine/sun4 name Calvin
    cpu0 at board0: tme/ic/cy7c601
    sbus0: tme/generic/bus size 4GB slot-addr 0xf8000000 slot-size 32MB slot 0 slot 1 slot 2 slot 3
    sbus0 controller at board0 sbus
    rom0 at sbus0 addr 0xf6000000: tme/host/posix/memory rom sun4c.bin
    board0 timer at sbus0 addr 0xf3000000
    board0 memerr at sbus0 addr 0xf4000000
    board0 intreg at sbus0 addr 0xf5000000
    board0 auxreg at sbus0 addr 0xf7400003

One bus has everything: memory (page type 0) from 0, on-board I/O (page type 1) from 0xf0000000, the slots
from 0xf8000000.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devices.generic.bus import Slave
from devices.ic.processor import BoardPort
from devices.sun.board import ControllerPort, Watchdog, bus_slaves
from devices.sun.parity import Parity
from devices.sun.sun4c import memerr, space, timer
from devices.sun.sun4c.cache import Cache
from devices.sun.sun4c.cached import Cached
from devices.sun.sun4c.control import Aux, AuxBits, Enable, InterruptRegister, SyncError
from devices.sun.sun4c.dvma import Dvma
from devices.sun.sun4c.errors import Errors, async_causes, sync_causes
from devices.sun.sun4c.mmu import (
    BUS,
    CACHED,
    CONTROL,
    OBIO_BASE,
    PARITY,
    PROM_BASE,
    SEGMENT_BITS,
    SPACE_SHIFT,
    Sun4cMmu,
    physical,
)
from tme.args import Args, Flag, OneOf, Param, choice, path
from tme.bus import Bus, BusError
from tme.element import Element
from tme.errors import TmeError
from tme.line import Line
from tme.memory import Memory
from tme.port import Port
from translator.memory import Refused

if TYPE_CHECKING:
    from tme.machine import Machine
    from translator.cpu import Cpu
    from translator.memory import Mmu

CALVIN = 0x55
"""Machine type in an ID PROM."""
ADDRESS = (1 << SPACE_SHIFT) - 1
COUNTER_LEVELS = (10, 14)


class Absent:
    """Where there is no memory: nobody drives the lines, and nobody complains."""

    width = 8

    def read(self, offset: int, size: int) -> int:
        return (1 << 8 * size) - 1

    peek = read

    def write(self, offset: int, size: int, value: int) -> None:
        """Lost."""


class Mainbus(Element):
    """The board; also what the processor finds behind physical addresses that are no plain memory."""

    module = "machine/sun4"
    summary = "Sun-4/75 (SPARCstation 2) main board: MMU, control space, interrupts, counters"
    params = (
        OneOf(
            Param("name", choice("Calvin"), help="the machine's code name: Calvin is a 4/75"),
            Param("idprom", path, help="or the image of an ID PROM that says so"),
        ),
    )
    conn_params = (
        Flag("sbus", help="the bus of memory, on-board I/O and slots"),
        Flag("timer", help="place the counter-timers"),
        Flag("memerr", help="place the memory error registers"),
        Flag("intreg", help="place the interrupt register"),
        Flag("auxreg", help="place the auxiliary register"),
    )

    def __init__(self, name: str, args: Args, machine: Machine) -> None:
        super().__init__(name, args, machine)
        if "idprom" in args:
            self._check_id_prom()
        self.buses: dict[str, Bus] = {}
        self.cpu: Cpu | None = None
        self.maps = Sun4cMmu(self._page_moved, self._segment_moved)
        self.enable = Enable()
        self.interrupts = InterruptRegister(self._level_changed)
        self.errors = Errors(self.maps.state, self.interrupts.error)
        self.cache = Cache(self.maps.state)
        self.cached = Cached(self)
        self.memory_errors = memerr.MemoryErrors(self._test_parity)
        self.parity = Parity(self._watch_parity, self._wrong_parity, memerr.LANES)
        self.aux = Aux(self._aux_changed)
        lines = [Line(f"{name} counter {level}") for level in COUNTER_LEVELS]
        self.timers = timer.Timers(machine.clock, *lines)
        self.ports_by_flag: dict[str, Port] = {
            "timer": Slave(self, Args(), self.timers, timer.SIZE),
            "memerr": Slave(self, Args(), self.memory_errors, memerr.SIZE),
            "intreg": Slave(self, Args(), self.interrupts, 1),
            "auxreg": Slave(self, Args(), self.aux, 1),
        }
        self.cpu_port = BoardPort(self, self)
        self.nothing = Bus(OBIO_BASE, f"{name} absent memory")
        self._wrong_lanes = 0  #: of the bytes just read
        self._watchdog = Watchdog(self)
        self._debug = machine.options.debug

    def _check_id_prom(self) -> None:
        file = self.args["idprom"]
        try:
            image = file.read_bytes()
        except OSError as error:
            raise self.error(f"cannot read the ID PROM {file}: {error.strerror}") from None
        if len(image) != 32 or image[1] != CALVIN:
            raise self.error(
                f"the ID PROM {file} is not that of a 4/75; `tme-sun-idprom make 4/75 …` makes one, "
                f"or write `name Calvin`"
            )

    # ---- building -----------------------------------------------------------------------------------------

    def ports(self, args: Args) -> list[Port]:
        chosen = [flag.name for flag in self.conn_params if flag.name in args]
        if not chosen:
            return [self.cpu_port]
        if len(chosen) > 1:
            raise TmeError(f"a connection is one of {', '.join(chosen)}, not several")
        return [self.ports_by_flag.get(chosen[0]) or ControllerPort(self, self, args, chosen[0])]

    @property
    def bus(self) -> Bus:
        """The one bus."""
        return self.buses["sbus"]

    def check(self) -> None:
        if "sbus" not in self.buses:
            raise self.error(f"has no bus; connect one, as in `sbus0 controller at {self.name} sbus`")
        if self.bus.find(PROM_BASE) is None:
            raise self.error(
                f"has no PROM; place one, as in `rom0 at sbus0 addr {PROM_BASE:#x}: "
                "tme/host/posix/memory rom FILE`"
            )

    def realize(self) -> None:
        bus = self.bus
        self.interrupts.listen(bus)
        for level, counter in zip(COUNTER_LEVELS, self.timers.counters, strict=True):
            counter.irq.connect(bus.line(level, f"{self.name} counter").set)
        self.nothing.add(0, OBIO_BASE, Absent(), "no memory")
        dvma = Dvma(self)
        bus.set_dma(dvma.read, dvma.write)
        self.control = space.ControlSpace(
            self.maps, self.errors, self.cache, bus, self.enable, self._set_enable, self._set_context
        )

    # ---- the processor's side (devices.ic.processor.Board) -------------------------------------------------

    @property
    def mmu(self) -> Mmu:
        return self.maps.mmu

    def memories(self) -> Iterator[tuple[int, Memory]]:
        """All plain memory, RAM first: it is looked for in this order."""
        for base, _, memory in self.bus.memories():
            yield base, memory

    def attach_cpu(self, cpu: Cpu) -> None:
        self.cpu = cpu
        cpu.see_registers("mmu" in self._debug)

    def read(self, phys: int, va: int, size: int, fc: int) -> int:
        number, address = phys >> SPACE_SHIFT, phys & ADDRESS
        if number == CACHED:
            return self.cached.read(va, size, fc)
        try:
            if number == BUS:
                value = self.bus.read(address, size)
            elif number == CONTROL:
                value = self.control.read(fc, va, size)
            elif number == PARITY:
                value = self.parity.read(self.bus, address, va, size)
            else:
                raise BusError(address)
        except BusError as error:
            if number in (BUS, PARITY) and address < OBIO_BASE:
                value = (1 << 8 * size) - 1  # no memory there: nobody drives the lines
            else:
                raise self._refused(error, "read", phys, va, size) from None
        if self._wrong_lanes:
            lanes, self._wrong_lanes = self._wrong_lanes, 0
            if self.memory_errors.latch(address, lanes):
                self.errors.latch_sync(SyncError.MEMORY, va)
                raise Refused
        if self._debug:
            self._show("read", phys, va, size, value, fc)
        return value

    def write(self, phys: int, va: int, size: int, value: int, fc: int) -> None:
        number, address = phys >> SPACE_SHIFT, phys & ADDRESS
        if number == CACHED:
            return self.cached.write(va, size, value, fc)
        if self._debug:
            self._show("write", phys, va, size, value, fc)
        try:
            if number == BUS:
                self.bus.write(address, size, value)
            elif number == CONTROL:
                self.control.write(fc, va, size, value)
            elif number == PARITY:
                assert self.cpu is not None
                self.cpu.memory.wrote(address, size)
                self.bus.write(address, size, value)
                self.write_parity(address, size)
            else:
                raise BusError(address)
        except BusError as error:
            if number == BUS and address >= OBIO_BASE:
                self.errors.latch_async(async_causes(address, error.timeout), va, size, value)
            elif number not in (BUS, PARITY):
                raise self._refused(error, "write", phys, va, size) from None
        return None

    def steady(self, phys: int, va: int, size: int, fc: int) -> int | None:
        if self._debug or phys >> SPACE_SHIFT != BUS:  # every cycle is to be shown
            return None
        return self.bus.steady(phys & ADDRESS, size)

    def locate(self, va: int, asi: int, how: int) -> int | None:
        """Physical address of a cycle behind the cache; None if the MMU refuses it, which SER then tells."""
        assert self.cpu is not None
        state, kept = self.maps.state, int(self.maps.state.enable)
        state.enable = kept & ~Enable.CACHE
        phys = self.cpu.memory.translate(va, asi, how)
        state.enable = kept
        return phys

    def _refused(self, error: BusError, what: str, phys: int, va: int, size: int) -> Refused:
        address = phys & ADDRESS if phys >> SPACE_SHIFT == BUS else 0
        self.errors.latch_sync(sync_causes(address, error.timeout), va, what == "write")
        if self._debug:
            self._show(f"{what}: {error}", phys, va, size, None, 0)
        return Refused()

    def before_routine(self, name: str) -> None:
        """An interrupt needs no cycle of its own: the level is all there is."""

    def bus_reset(self) -> None:
        """Every device on the bus starts anew, and the board's registers."""
        for element in list(bus_slaves(self.connections)):
            element.reset()

    def cpu_halted(self) -> None:
        """The processor is in error mode: the watchdog resets the system."""
        assert self.cpu is not None
        processor = self.cpu_port.peer.element
        where = (
            f"error mode at pc {int(self.cpu.state.pc):08x}, trap {int(self.cpu.state.tbr) >> 4 & 0xFF:02x}"
        )
        self._watchdog.bite(where, processor.describe())
        self._reset_all(SyncError.WATCHDOG)

    def _reset_all(self, causes: int = 0) -> None:
        self.bus_reset()
        self.reset()
        self.errors.reset(causes)
        self.cpu_port.peer.element.reset()

    # ---- registers that the rest of the board listens to ---------------------------------------------------

    def _page_moved(self, *entries: int) -> None:
        if self.cpu is not None:
            self.cpu.page_moved(*map(physical, entries))

    def _segment_moved(self, va: int, first: int) -> None:
        if self.cpu is not None:
            self.cpu.segment_moved(va, 1 << SEGMENT_BITS, lambda: self.maps.pages(first))

    def _set_enable(self, value: int) -> None:
        changed = self.enable.write(value)
        self.maps.state.enable = self.enable.value
        if changed & (Enable.NOT_BOOT | Enable.CACHE) and self.cpu is not None:
            self.cpu.flush()
        if self.enable.RESET:
            self.machine.clock.after(0, self._reset_all)

    def _set_context(self, value: int) -> None:
        if value != self.maps.state.context:
            self.maps.state.context = value
            if self.cpu is not None:
                self.cpu.set_context(value)

    def _test_parity(self, on: bool) -> None:
        self.parity.test(on)

    def write_parity(self, address: int, size: int) -> None:
        """Memory was written while its parity matters."""
        self.parity.testing = bool(self.memory_errors.of(address).TEST)
        self.parity.wrote(address, size)

    def _watch_parity(self, on: bool) -> None:
        memory = PARITY << SPACE_SHIFT if on else BUS
        if self.maps.state.memory != memory:
            self.maps.state.memory = memory
            if self.cpu is not None:
                self.cpu.flush()

    def _wrong_parity(self, lanes: int, va: int) -> None:
        self._wrong_lanes = lanes

    def _level_changed(self, level: int) -> None:
        if self.cpu is None:
            return
        raised = level > self.cpu.state.irl
        self.cpu.state.irl = level
        if raised:
            self.cpu.attention()

    def _aux_changed(self, register: AuxBits) -> None:
        if "leds" in self._debug:
            self.machine.log(self, f"LED {'on' if register.LED else 'off'}")

    # ---- power --------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """The system's reset: boot state; the maps and the context keep what they hold."""
        self.enable.reset()
        self.maps.state.enable = self.enable.value
        self.interrupts.reset()
        self.errors.reset()
        self.memory_errors.reset()
        self.timers.reset()
        self.aux.register.reset()
        if self.cpu is not None:
            self.cpu.flush()

    def command(self, words: list[str]) -> str | None:
        match words:
            case ["power", "up" | "down" as way]:
                self.machine.power(way == "up")
            case _:
                raise TmeError(f"usage: command {self.name} power {{up|down}}")
        return None

    # ---- showing ------------------------------------------------------------------------------------------

    def _show(self, what: str, phys: int, va: int, size: int, value: int | None, asi: int) -> None:
        """A line for `-d mmio` (devices) and `-d mmu` (control space)."""
        number = phys >> SPACE_SHIFT
        item = "mmu" if number == CONTROL else "mmio"
        if item not in self._debug or self.cpu is None:
            return
        shown = "" if value is None else f" {value:0{2 * size}x}"
        if number == CONTROL:
            where, device = f"asi {asi:x} {va:08x}", space.name(asi, va)
        else:
            where, device = f"{phys & ADDRESS:08x}", self.bus.owner_at(phys & ADDRESS) or "nothing"
        self.machine.log(
            None, f"{item} {what} {where}.{size}{shown} {device} near pc {int(self.cpu.state.pc):08x}"
        )
