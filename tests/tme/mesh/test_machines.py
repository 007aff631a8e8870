"""Machine descriptions: the built-in ones, the ways TME writes things, those in the folder $TME_GUESTS."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tme.fakes import session
from tme.errors import TmeError
from tme.mesh.parser import parse
from tme.mesh.session import builtin_machines, find_machine
from tme.mesh.sketch import sketch
from tme.paths import MACHINES
from tme.registry import Registry, normalise

GUESTS = os.environ.get("TME_GUESTS")


def test_builtin_machines() -> None:
    assert "SUN3" in builtin_machines()
    for name in builtin_machines():
        _, errors = sketch([name])
        assert errors == []
        modules = {
            normalise(s.module) for s in parse(find_machine(name).read_text(), name) if hasattr(s, "module")
        }
        assert modules <= set(Registry(entry_points=False).names())


def test_a_path_comes_before_a_builtin_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "SUN3").write_text("")
    assert find_machine("SUN3") == Path("SUN3")


def test_no_such_machine() -> None:
    with pytest.raises(TmeError, match=r"there is no machine 'SUM3'; did you mean 'SUN3'\?\n .*SUN3"):
        find_machine("SUM3")


STYLE = r"""
# Odd spellings that scripts for TME have: tabs, spaces before the colon, quoted words, trailing ;
clock0	at obio0 addr 0x2800 : tme/machine/sun2/clock ;
esp0 at sbus0 slot 0 offset 0x800000 ipl 3: tme/ic/lsi64854 revision "1+" channel scsi
ledma0 dma at sbus0 slot 14 offset 0x8400010: nme/ic/lsi64854 revision 2 channel ethernet
mie0 memory 0xa0000 at mbmem0 addr 0xa0000
st0 at scsibus0: tme/scsi/tape id 4 type emulex-mt02 vendor EMULEX product "MT-02 QIC"
tap1 at ie0: nme/host/openvpn/tap --dev tap --ifconfig 10.0.77.1 255.255.255.0 --x "2001:db8::1/64"
fdc0 at mainbus0 addr 0xf7200000 ipl 11: tme/machine/sun4/fdc type tme/ic/i82072
alias mainbus0 sbus0; command cpu0 idle-type sunos32-type-0
log bpf0 1
"""


def test_the_ways_of_tme() -> None:
    found = list(parse(STYLE, "T"))
    assert not [item for item in found if isinstance(item, TmeError)]
    assert len(found) == 10


def test_elements_we_lack_are_named() -> None:
    (error,) = session().run("timer0: nme/ic/am9513")
    assert error == "T:1: the element 'nme/ic/am9513' is known to TME, not in this version"


@pytest.mark.skipif(not GUESTS, reason="set TME_GUESTS to a folder with machine descriptions of TME")
def test_guests() -> None:
    """Every file is accepted by the parser, and every element in it is known."""
    files = [file for file in sorted(Path(GUESTS or "").rglob("*")) if file.is_file()]
    assert files
    for file in files:
        text = file.read_text().replace("@PACKAGE@", "tme")
        wrong = [str(item) for item in parse(text, file.name) if isinstance(item, TmeError)]
        assert wrong == []
        _, errors = sketch([file])
        assert [str(e) for e in errors if "tmesh --list-elements" in str(e)] == []


@pytest.mark.parametrize(
    ("image", "command"),
    [
        ("sun3-idprom.bin", ["tme.tools.idprom", "make", "3/160", "8:0:20:11:22:33", "12345"]),
        ("sun3-eeprom.bin", ["tme.tools.eeprom", "make", str(MACHINES / "sun3-eeprom.txt")]),
    ],
)
def test_images_are_what_our_tools_make(image: str, command: list[str]) -> None:
    made = subprocess.run([sys.executable, "-m", *command], capture_output=True, check=True)
    assert made.stdout == (MACHINES / image).read_bytes()
