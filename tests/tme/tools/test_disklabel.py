import struct
from functools import reduce
from operator import xor

import pytest

from tme.errors import TmeError
from tme.tools import disklabel
from tme.tools.disklabel import Label

DISK = Label(2046, 16, 16, name="tmesh", partitions={"a": (0, 39936), "b": (157, 40960), "g": (317, 442624)})


def test_bytes_are_where_format_writes_them():
    sector = DISK.pack()
    words = struct.unpack(">256H", sector)
    assert sector[:36] == b"tmesh cyl 2046 alt 2 hd 16 sec 16\0\0\0"
    assert words[210:212] == (3600, 2048)
    assert words[216:220] == (2046, 2, 16, 16)
    assert struct.unpack(">4I", sector[444:460]) == (0, 39936, 157, 40960)
    assert struct.unpack(">2I", sector[492:500]) == (317, 442624)
    assert words[254] == 0xDABE
    assert reduce(xor, words) == 0


def test_label_and_sector_are_the_same_thing():
    assert Label.unpack(DISK.pack()) == DISK
    assert Label.unpack(Label(10, 3, 7, alternates=0, rpm=5400).pack()) == Label(10, 3, 7, 0, 5400)


def test_extents():
    assert DISK.extent("b") == (157 * 256 * 512, 40960 * 512)
    with pytest.raises(TmeError, match=r"no partition h \(it has a, b, g\)"):
        DISK.extent("h")


@pytest.mark.parametrize("at", [0, 100, 440, 509, 511])
def test_a_changed_byte_is_no_label(at):
    sector = bytearray(DISK.pack())
    sector[at] ^= 4
    assert not disklabel.is_label(sector)
    with pytest.raises(TmeError, match="checksum"):
        Label.unpack(sector)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": 0}, "0 heads"),
        ({"cylinders": 65534, "alternates": 2}, "65536 cylinders"),
        ({"name": "x" * 110}, "does not fit"),
        ({"name": "Größe"}, "does not fit"),
        ({"partitions": {"a": (2045, 257)}}, "behind the last data block, 523776"),
        ({"partitions": {"i": (0, 1)}}, "no partition i"),
    ],
)
def test_what_does_not_fit(change, message):
    with pytest.raises(TmeError, match=message):
        Label(**{"cylinders": 2046, "heads": 16, "sectors": 16, **change}).pack()


def test_commands(tmp_path, capsys):
    image = tmp_path / "disk.img"
    command = ["make", str(image), "100/4/8", "a=0/1600", "b=50/1536", "--name", "small"]
    assert not disklabel.main(command)
    assert image.stat().st_size == 100 * 4 * 8 * 512
    assert not disklabel.main(["print", str(image)])
    shown = capsys.readouterr().out
    assert "small cyl 98 alt 2 hd 4 sec 8 rpm 3600" in shown
    assert "b=50/1536  cylinders 50 to 97" in shown
    assert "c=0/3136" in shown

    with open(image, "r+b") as file:
        file.seek(512)
        file.write(b"kept")
    assert not disklabel.main([*command[:3], "g=10/32"])
    assert image.read_bytes()[512:516] == b"kept"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["100/4"], "bad geometry"),
        (["100/4/8", "a"], "LETTER=FIRST-CYLINDER/BLOCKS"),
        (["100/4/8", "a=1"], "bad partition a"),
        (["100/4/8", "a=97/64"], "behind the last"),
        (["200/4/8"], "this geometry needs"),
    ],
)
def test_bad_commands_change_nothing(tmp_path, capsys, words, message):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(100 * 4 * 8 * 512))
    assert disklabel.main(["make", str(image), *words]) == 1
    assert message in capsys.readouterr().err
    assert not any(image.read_bytes())


def test_nothing_to_print(tmp_path, capsys):
    (tmp_path / "disk.img").write_bytes(bytes(512))
    assert disklabel.main(["print", str(tmp_path / "disk.img")]) == 1
    assert "no Sun label" in capsys.readouterr().err
    assert disklabel.main(["print", str(tmp_path / "none")]) == 1
    assert "cannot read" in capsys.readouterr().err
