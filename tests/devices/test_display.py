"""The display without a window, and the ways to a screenshot."""

from __future__ import annotations

import pytest

from tme.cli import main
from tme.machine import Machine
from tme.mesh.session import Session
from tme.options import Options

SCREEN = """
obmem0: tme/generic/bus size 4GB
zs1: tme/machine/sun3/zs
keyboard0 at zs1 channel A: tme/serial/keyboard type sun-type-4-us
mouse0 at zs1 channel B: tme/serial/mouse type mousesystems-5
bwtwo0 at obmem0 addr 0xff000000: tme/machine/sun3/bwtwo type onboard size 640x480
"""
PNG = b"\x89PNG"


@pytest.fixture
def session():
    machine = Machine(Options())
    made = Session(machine)
    yield made
    machine.close()
    made.graph.close()


def run(session, text):
    session.run(text)
    return "\n".join(map(str, session.take_errors()))


@pytest.mark.parametrize("module", ["host/display", "host/gtk/display", "nme/host/sdl/display VSYNC 1"])
def test_screens_keyboards_and_mice_join_it(session, tmp_path, module):
    file = tmp_path / "x.png"
    assert not run(session, SCREEN + f"display0: {module if module.startswith('nme') else 'tme/' + module}")
    assert "shows no frame buffer" in run(session, f"command display0 screenshot {file}")
    assert not run(session, "display0 at keyboard0\ndisplay0 at mouse0\ndisplay0 at bwtwo0")
    assert not run(session, f"command display0 screenshot {file}")
    assert file.read_bytes().startswith(PNG)
    assert "usage" in run(session, "command display0 show")


def test_the_command(session, tmp_path):
    file = tmp_path / "x.png"
    assert "no frame buffer" in run(session, f"screenshot {file}")
    assert not run(session, SCREEN + f"screenshot {file}")
    white = file.read_bytes()
    session.machine.elements["bwtwo0"].memory.write(0, 1, 0x80)
    assert not run(session, f"screenshot {file} bwtwo0")
    assert white != file.read_bytes()
    assert "no frame buffer 'bwtow0'; did you mean 'bwtwo0'" in run(session, f"screenshot {file} bwtow0")
    assert "cannot write" in run(session, f"screenshot {tmp_path}/absent/x.png")


def test_the_option(tmp_path, capsys):
    (tmp_path / "m").write_text(
        "source SUN3\nbwtwo0 at obmem0 addr 0xff000000: tme/machine/sun3/bwtwo type onboard"
    )
    options = ["--concrete", "--insns", "20", "--screenshot", str(tmp_path / "x.png")]
    assert main([*options, str(tmp_path / "m")]) == 0
    assert (tmp_path / "x.png").read_bytes().startswith(PNG)
    (tmp_path / "x.png").unlink()
    assert main([*options, "SUN3"]) == 1  # refused before it runs
    assert "no frame buffer" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_the_log_says_that_there_is_no_window(session, capsys):
    run(session, "display0: tme/host/gtk/display")
    session.machine.elements["display0"].realize()
    assert "no window" in capsys.readouterr().err


def test_other_kinds_are_refused(session):
    assert not run(session, "display0: tme/host/display\nsink0: tme/serial/sink")
    assert "no ports fit" in run(session, "display0 at sink0")


def test_lines_as_tme_users_write_them(session, tmp_path):
    text = """
        mainbus0: tme/machine/sun3 @machines/sun3-idprom.bin
        obio0 at mainbus0 obio: tme/generic/bus size 16MB
        obmem0 at mainbus0 obmem: tme/generic/bus size 4GB
        zs1 at obio0 addr 0x000000 ipl 6: tme/machine/sun3/zs
        obie0: tme/machine/sun3/obie
        obie0 csr at obio0 addr 0x0c0000 ipl 3
        obie0 memory at mainbus0
        ie0 at obie0: tme/ic/i82586
        kbd0 at zs1 channel A: tme/serial/keyboard type sun-type-3 macros macros.txt map sun-keyboards.txt
        ms0 at zs1 channel B: tme/serial/mouse type mousesystems-5
        bwtwo0 at obmem0 addr 0xff000000: tme/machine/sun3/bwtwo type old-onboard
        display0: tme/host/gtk/display
        display0 at bwtwo0
        display0 at kbd0
        display0 at ms0
    """
    assert not run(session, text)
    for name in ("obie0", "ie0", "kbd0", "ms0", "bwtwo0", "display0"):
        session.machine.elements[name].check()
