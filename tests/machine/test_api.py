"""tme.Machine on the built-in Sun-3."""

import re

import pytest

import tme

TEXT = """
mainbus0: tme/machine/sun3 @machines/sun3-idprom.bin
cpu0 at mainbus0: tme/ic/m68020
"""


@pytest.fixture
def sun():
    with tme.Machine("SUN3", engine="interp") as machine:
        yield machine


def test_a_dialogue(sun):
    banner = sun.expect("\n>")
    assert "Selftest Completed." in banner
    sun.send("help\r")
    assert sun.expect(re.compile(r"\n>")).startswith("help\n")
    assert sun.text.endswith(">")


def test_expect_pauses_at_the_instruction_that_wrote_the_text():
    counts = set()
    for engine in ("interp", "jit"):
        with tme.Machine("SUN3", engine=engine) as sun:
            sun.expect("\n>")
            before = sun.instructions
            sun.send("help\r")
            sun.expect("\n>")
            counts.add((before, sun.instructions, sun.seconds))
    assert len(counts) == 1


def test_what_was_seen_already_needs_no_run(sun):
    sun.expect("Selftest")
    sun.run(seconds=0.2)
    before = sun.instructions
    assert "firmware" in sun.expect("\n>")
    assert sun.instructions == before


def test_time_and_instructions(sun):
    sun.run(instructions=1000)
    assert sun.instructions == 1000
    sun.run(instructions=1)
    assert sun.instructions == 1001
    start = sun.seconds
    sun.run(seconds=0.01)
    assert sun.seconds - start == pytest.approx(0.01, abs=1e-5)


def test_not_seen_tells_what_the_console_shows(sun):
    sun.expect("Selftest")
    with pytest.raises(tme.NotSeen, match=r"'zork': not seen within 0.05 s(?s:.*)Selftest"):
        sun.expect("zork", seconds=0.05)


def test_a_machine_that_ends(tmp_path):
    with tme.Machine("SUN3", engine="interp", boot="@firmware/demos/demo.elf") as sun:
        with pytest.raises(tme.NotSeen, match="ended with status 0"):
            sun.expect("zork")
        assert sun.exit_code == 0
        assert sun.run() == 0
        assert b"checksum 641dbfa3" in sun.output


def test_memory(sun):
    sun.expect("\n>")
    sun.write(0x4000, b"tmesh" * 2000)
    assert sun.read(0x4000, 10_000) == b"tmesh" * 2000
    assert sun.read(0x3FFE, 4)[2:] == b"tm"
    sun.write(0x100000, b"\x12\x34", physical=True)
    assert sun.read(0x100000, 2, physical=True) == b"\x12\x34"
    with pytest.raises(tme.TmeError, match=r"cpu0.*no memory at physical address 0x70000000"):
        sun.read(0x70000000, 4, physical=True)
    with pytest.raises(tme.TmeError, match="read-only"):
        sun.write(sun.registers()["pc"], b"\x4e\x71")


def test_code_written_from_outside_runs():
    """The firmware's prompt loop calls through RAM; a compiled region must notice what the script changes."""
    with tme.Machine("SUN3", engine="jit") as sun:
        sun.expect("\n>")
        sun.write(0x10000, bytes.fromhex("5280 60fc"))  # 1: addq.l #1,d0; bra 1b
        sun.send("g 10000\r")
        sun.run(seconds=0.5)
        assert sun.registers()["pc"] in (0x10000, 0x10002)
        sun.write(0x10000, bytes.fromhex("5281 60fc"))  # the same with d1
        before = sun.registers()
        sun.run(seconds=0.5)
        after = sun.registers()
        assert after["d0"] == before["d0"]
        assert after["d1"] > before["d1"]


def test_statements(sun):
    assert "zs0" in sun.tell("ls")
    assert sun.element("zs0").module == "machine/sun3/zs"
    with pytest.raises(tme.TmeError, match=r"statement:1.*zs9"):
        sun.tell("command zs9 break")


def test_mistakes():
    with pytest.raises(tme.TmeError, match=r"there is no machine 'SUN33'; did you mean 'SUN3'"):
        tme.Machine("SUN33")
    with pytest.raises(tme.TmeError, match=r"description:2: .*did you mean"):
        tme.Machine("\nmainbus0: tme/machine/sun33\n")
    with pytest.raises(tme.TmeError, match="unexpected keyword argument 'colour'"):
        tme.Machine("SUN3", colour=True)
    with tme.Machine(TEXT) as bare:
        with pytest.raises(tme.TmeError, match="no console"):
            bare.send("x")
        with pytest.raises(tme.TmeError, match="no power"):
            bare.registers()
