import pytest

from devices.sun.sun3.control import (
    BusErrorBits,
    BusErrorRegister,
    ByteRegister,
    Context,
    Enable,
    IdProm,
    InterruptRegister,
    Leds,
    MemoryErrorRegister,
)
from tme.bus import Bus

ENABLE, CLOCK_5, CLOCK_7, VIDEO = 0x01, 0x20, 0x80, 0x10


def test_enable_register_reports_changes_and_keeps_the_switch():
    seen = []
    enable = ByteRegister(Enable(), lambda new, old: seen.append((new, old)))
    enable.register.DIAG = 1
    enable.write(0, 1, 0xC0)
    assert enable.read(0, 1) == 0xC1
    assert seen == [(0xC1, 0x01)]
    enable.write(0, 1, 0x10)
    assert enable.register.tagged == "CACHE"
    enable.reset()
    assert enable.peek(0, 1) == 0


def test_eight_contexts():
    context = ByteRegister(Context())
    context.write(0, 1, 0xFD)
    assert context.read(0, 1) == 5


def test_bus_error_register_is_cleared_by_any_access():
    register = BusErrorRegister()
    register.latch(BusErrorBits.TIMEOUT)
    register.latch(BusErrorBits.INVALID)
    assert register.peek(0, 1) == 0x80
    assert register.peek(0, 1) == 0x80
    assert register.read(0, 1) == 0x80
    assert register.read(0, 1) == 0
    register.latch(BusErrorBits.PROTECTION)
    register.write(0, 1, 0xFF)
    assert register.read(0, 1) == 0


def test_leds_are_shown_when_they_change():
    shown = []
    leds = Leds(shown.append)
    for value in (0xFE, 0xFE, 0x0F):
        leds.write(0, 1, value)
    assert shown == [".......*", "****...."]
    assert leds.read(0, 1) == 0x0F


def test_id_prom_repeats():
    prom = IdProm(bytes(range(32)))
    prom.write(3, 1, 0xFF)
    assert prom.read(0x23, 1) == 3
    assert prom.peek(0x1E, 4) == 0x1E1F0001
    with pytest.raises(ValueError, match="32 bytes"):
        IdProm(b"short")


# ---- interrupts -------------------------------------------------------------------------------------------


@pytest.fixture
def board():
    """The register with its three buses, and the levels the processor was shown."""
    register = InterruptRegister()
    register.shown = []
    register.changed_level = register.shown.append
    register.obio, register.obmem, register.vme = (
        Bus(1 << 24, "obio"),
        Bus(1 << 32, "obmem"),
        Bus(1 << 32, "vme"),
    )
    register.listen(register.obio)
    register.listen(register.obmem)
    register.listen(register.vme, onboard=False)
    return register


def test_nothing_without_the_master_enable(board):
    board.obio.interrupt(6, "zs0", True)
    board.write(0, 1, 0x0E)
    assert board.level() == 0
    board.write(0, 1, 0x0F)
    assert board.level() == 6
    board.write(0, 1, 0x00)
    assert board.shown == [6, 0]


def test_soft_interrupts_stay_until_software_clears_them(board):
    for bits, level in ((0x02, 1), (0x06, 2), (0x0E, 3), (0x0A, 3), (0x02, 1), (0x00, 0)):
        board.write(0, 1, ENABLE | bits)
        assert board.level() == level


def test_the_highest_wire_wins(board):
    board.write(0, 1, ENABLE | 0x04)
    board.vme.interrupt(3, "ie0", True)
    board.obio.interrupt(6, "zs0", True)
    assert board.level() == 6
    board.obio.interrupt(6, "zs1", True)
    board.obio.interrupt(6, "zs0", False)
    assert board.level() == 6
    board.obio.interrupt(6, "zs1", False)
    assert board.level() == 3
    board.vme.interrupt(3, "ie0", False)
    assert board.level() == 2


@pytest.mark.parametrize(("bit", "level"), [(CLOCK_5, 5), (CLOCK_7, 7)])
def test_clock_interrupt_is_latched_until_its_bit_is_pulsed(board, bit, level):
    board.write(0, 1, ENABLE | bit)
    board.obio.interrupt("clock", "clock0", True)
    assert board.level() == level
    board.obio.interrupt("clock", "clock0", False)  # the handler reads the clock's status
    assert board.level() == level
    board.write(0, 1, ENABLE)
    assert board.level() == 0
    board.write(0, 1, ENABLE | bit)
    assert board.level() == 0
    assert board.acknowledge(level) is None


def test_a_clock_without_enable_is_not_remembered(board):
    board.write(0, 1, ENABLE)
    board.obio.interrupt("clock", "clock0", True)
    board.obio.interrupt("clock", "clock0", False)
    board.write(0, 1, ENABLE | CLOCK_5)
    assert board.level() == 0


def test_enabling_while_the_clock_asks(board):
    board.obio.interrupt("clock", "clock0", True)
    board.write(0, 1, ENABLE | CLOCK_5)
    assert board.level() == 5


def test_video_on_board_needs_its_bit_and_vme_does_not(board):
    board.write(0, 1, ENABLE)
    board.obmem.interrupt(4, "bwtwo0", True)
    assert board.level() == 0
    board.write(0, 1, ENABLE | VIDEO)
    assert board.level() == 4
    board.write(0, 1, ENABLE)
    board.vme.interrupt(4, "cgtwo0", True, lambda: 0xA8)
    assert board.level() == 4
    assert board.acknowledge(4) == 0xA8


def test_on_board_serial_chips_drive_their_vectors(board):
    board.write(0, 1, ENABLE)
    board.obio.interrupt(6, "zs0", True, lambda: 0x90)
    board.vme.interrupt(6, "zs2", True, lambda: 0x92)
    assert board.acknowledge(6) == 0x90
    board.scc_vectors = False
    assert board.acknowledge(6) is None


def test_on_board_sources_are_autovectored_and_answer_first(board):
    board.write(0, 1, ENABLE)
    board.vme.interrupt(3, "ie1", True, lambda: 0x75)
    assert board.acknowledge(3) == 0x75
    board.obio.interrupt(3, "ie0", True, lambda: 0x99)
    assert board.acknowledge(3) is None
    board.obio.interrupt(3, "ie0", False)
    board.write(0, 1, ENABLE | 0x08)
    assert board.acknowledge(3) is None


def test_reset_silences_the_board(board):
    board.write(0, 1, ENABLE | CLOCK_5 | 0x02)
    board.obio.interrupt("clock", "clock0", True)
    board.reset()
    assert board.level() == 0
    assert board.peek(0, 1) == 0


# ---- memory errors ----------------------------------------------------------------------------------------


@pytest.fixture
def memerr():
    register = MemoryErrorRegister()
    register.irqs, register.tests = [], []
    register.irq, register.test = register.irqs.append, register.tests.append
    return register


def test_parity_error_is_latched_and_interrupts(memerr):
    memerr.latch(0x8, 0x1234)
    assert memerr.read(0, 1) == 0  # not checking
    memerr.write(0, 1, 0x50)
    memerr.latch(0x2, 0x0F001234, context=3, dvma=True)
    memerr.latch(0x1, 0x5678)  # the first one is kept
    assert memerr.read(0, 1) == 0xD2
    assert memerr.read(4, 4) == 0xBF001234
    assert memerr.read(6, 2) == 0x1234
    assert memerr.irqs[-1] is True
    assert memerr.peek(0, 1) == 0xD2
    memerr.write(4, 1, 0)
    assert memerr.read(0, 1) == 0x50
    assert memerr.read(4, 4) == 0
    assert memerr.irqs[-1] is False


def test_without_the_enable_it_is_pending_silently(memerr):
    memerr.write(0, 1, 0x10)
    memerr.latch(0x1, 0)
    assert memerr.read(0, 1) == 0x91
    assert not any(memerr.irqs)
    memerr.write(0, 1, 0x50)
    assert memerr.irqs[-1] is True
    memerr.reset()
    assert memerr.irqs[-1] is False


def test_the_test_bit_is_reported(memerr):
    memerr.write(0, 1, 0x30)
    memerr.write(0, 1, 0x30)
    memerr.write(0, 1, 0x00)
    assert memerr.tests == [True, False]
