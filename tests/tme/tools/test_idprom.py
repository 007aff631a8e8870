import io
import subprocess
import sys

import pytest

from tme.errors import TmeError
from tme.tools import idprom

# its PROM said "Serial #12345, Ethernet address 8:0:20:11:22:33, Host ID 11003039"
IMAGE = bytes.fromhex("0111 080020112233 00000000 003039 31".replace(" ", "")) + bytes(16)


def run(capsysbinary, *words):
    status = idprom.main(list(words))
    out, err = capsysbinary.readouterr()
    return status, out, err.decode()


def test_make(capsysbinary):
    assert run(capsysbinary, "make", "3/160", "8:0:20:11:22:33", "12345") == (0, IMAGE, "")


def test_tme_words_and_other_names_make_the_same(capsysbinary):
    for machine in ("3/150", "Carrera", "0x11"):
        assert run(capsysbinary, machine, "8:0:20:11:22:33", "12345")[1] == IMAGE


def test_it_is_reproducible_and_checked(capsysbinary):
    first = run(capsysbinary, "make", "3/60", "8:0:20:1:2:3", "--date", "1987-11-21")[1]
    assert first == run(capsysbinary, "make", "3/60", "8:0:20:1:2:3", "--date", "1987-11-21")[1]
    assert len(first) == 32
    assert idprom.warnings(first) == []
    assert idprom.IdProm.unpack(first) == idprom.IdProm(0x17, b"\x08\0\x20\1\2\3", 564451200, 0x010203)


def test_print(capsysbinary, tmp_path):
    (tmp_path / "id").write_bytes(IMAGE)
    status, out, _ = run(capsysbinary, "print", str(tmp_path / "id"))
    assert status == 0
    assert b"3/160" in out
    assert b"Ethernet address 8:0:20:11:22:33" in out
    assert b"Serial number 12345, host ID 11003039" in out


def test_print_from_standard_input(capsysbinary, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(IMAGE)))
    assert b"Carrera" in run(capsysbinary)[1]


def test_a_damaged_image_is_reported(capsysbinary, tmp_path):
    (tmp_path / "id").write_bytes(b"\2" + IMAGE[1:])
    with pytest.raises(SystemExit):
        run(capsysbinary, "print", str(tmp_path / "id"))
    out = capsysbinary.readouterr().out
    assert b"the format is 2" in out
    assert b"the checksum is 0x31, it should be 0x32" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("4/161", "8:0:20:1:2:3"), "unknown machine"),
        (("3/160", "8:0:20:1:2"), "six hexadecimal bytes"),
        (("3/160", "8:0:20:1:2:333"), "six hexadecimal bytes"),
        (("3/160", "9:0:20:1:2:3"), "multicast"),
        (("3/160", "8:0:20:1:2:3", "99999999"), "24 bits"),
        (("3/160", "8:0:20:1:2:3", "--date", "soon"), "YEAR-MONTH-DAY"),
        (("3/160", "8:0:20:1:2:3", "-o", "/nowhere/x"), "cannot write"),
    ],
)
def test_mistakes(capsysbinary, words, message):
    status, out, err = run(capsysbinary, "make", *words)
    assert (status, out) == (1, b"")
    assert message in err


def test_files_that_are_none(capsysbinary, tmp_path):
    assert "cannot read" in run(capsysbinary, "print", str(tmp_path / "none"))[2]
    with pytest.raises(TmeError, match="32 bytes, this file 3"):
        idprom.describe(b"abc")


def test_as_a_module():
    words = [sys.executable, "-m", "tme.tools.idprom", "make", "3/160", "8:0:20:11:22:33", "12345"]
    assert subprocess.run(words, capture_output=True, check=True).stdout == IMAGE


def test_an_nvram_keeps_what_else_is_in_it(capsysbinary, tmp_path):
    file = tmp_path / "nvram"
    make = ("make", "4/75", "8:0:20:1:2:3", "7", "--nvram", "-o", str(file))
    assert run(capsysbinary, *make)[0] == 0
    image = file.read_bytes()
    assert len(image) == 2040
    assert image[:2008] == bytes(2008)
    assert idprom.IdProm.unpack(image[2008:]) == idprom.IdProm(0x55, b"\x08\0\x20\1\2\3", 0, 7)
    assert b"host ID 55000007" in run(capsysbinary, "print", str(file))[1]
    file.write_bytes(b"x" * 2008 + bytes(32))
    assert run(capsysbinary, *make)[0] == 0
    assert file.read_bytes() == b"x" * 2008 + image[2008:]
    file.write_bytes(b"x")
    assert "an NVRAM has 2040 bytes" in run(capsysbinary, *make)[2]
