import subprocess
import sys

import pytest

from tme.errors import TmeError
from tme.tools import eeprom

TEXT = """\
# a comment
installed-#megs 32

screen-resolution 1600x1280
console-device ttya
boot-device? true
boot-device sd(0,2,1)
oem-banner? true
oem-banner  Hello from 1988
oem-logo 0102ff
ttya-mode 19200,8,n,1,h
ttyb-mode 9600,8,n,1,-
diag-file
last-hardware-update 12345678
"""


def test_bytes_are_where_the_prom_looks():
    image = eeprom.make(TEXT)
    assert len(image) == 2048
    assert image[0x14] == 32
    assert image[0x16] == 0x13
    assert image[0x18:0x1E] == b"\x12sd\0\2\1"
    assert image[0x1F] == 0x10
    assert image[0x20] == 0x12
    assert image[0x68:0x78] == b"Hello from 1988\0"
    assert image[0x58:0x60] == b"\x12\x4b\x00\x00\0\0\0\0"
    assert image[0x60:0x68] == b"\x00\x25\x80\x12\0\0\0\0"
    assert image[0x290:0x294] == b"\1\2\xff\0"
    assert image[0x10:0x14] == b"\x12\x34\x56\x78"
    assert image[0xB8:0xBA] == b"\xaa\x55"
    assert image[0x70B] == 0x06


def test_text_and_image_are_the_same_thing():
    image = eeprom.make(TEXT)
    assert eeprom.make(eeprom.describe(image)) == image
    assert "console-device ttya" in eeprom.describe(image)
    assert eeprom.make(eeprom.describe(eeprom.make(""))) == eeprom.make("")


def test_every_default_is_a_value():
    lines = dict(line.partition(" ")[::2] for line in eeprom.describe(eeprom.make("")).splitlines())
    assert lines == {name: default for name, (_, _, default) in eeprom.FIELDS.items()}


def test_no_two_fields_share_a_byte():
    taken = set()
    for offset, kind, _ in eeprom.FIELDS.values():
        field = set(range(offset, offset + kind.size))
        assert not taken & field
        assert max(field) < 2048
        taken |= field


def test_values_without_a_name_are_numbers():
    image = eeprom.make("keyboard-type 0x2a\n")
    assert image[0x1E] == 0x2A
    assert "keyboard-type 0x2a" in eeprom.describe(image)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("consol-device ttya", "did you mean 'console-device'"),
        ("console-device ttyc", "one of onboard-bwtwo, ttya"),
        ("installed-#megs 256", "0 to 255"),
        ("boot-device? maybe", "true, false"),
        ("boot-device sd0a", "such as sd"),
        ("ttya-mode 9600,7,e,1,-", "9600,8,n,1"),
        ("diag-file " + "x" * 41, "at most 40"),
        ("oem-logo xyz", "hexadecimal"),
    ],
)
def test_mistakes_name_their_line(line, message):
    with pytest.raises(TmeError, match=message) as caught:
        eeprom.make(f"# first\n{line}\n", "my.txt")
    assert caught.value.where == "my.txt:2"


def test_program(tmp_path, capsysbinary):
    text, image = tmp_path / "text", tmp_path / "image"
    text.write_text(TEXT)
    assert eeprom.main(["make", str(text), "-o", str(image)]) == 0
    assert image.read_bytes() == eeprom.make(TEXT)
    assert eeprom.main(["set", str(image), "console-device", "ttyb", "installed-#megs", "8"]) == 0
    assert eeprom.main(["print", str(image)]) == 0
    printed = capsysbinary.readouterr().out.decode()
    assert "console-device ttyb\n" in printed
    assert "installed-#megs 8\n" in printed
    for words in (
        ["set", str(image), "console-device"],
        ["print", str(text)],
        ["print", str(tmp_path / "none")],
    ):
        assert eeprom.main(words) == 1
        assert capsysbinary.readouterr().err


def test_as_a_module():
    words = [sys.executable, "-m", "tme.tools.eeprom", "make"]
    done = subprocess.run(words, input=TEXT.encode(), capture_output=True, check=True)
    assert done.stdout == eeprom.make(TEXT)
