import pytest

from tme.errors import TmeError


def test_ram_on_a_bus_is_found_by_the_translator(machine):
    obmem = machine.make("obmem0", "generic/bus size 4GB")
    ram = machine.make("ram0", "tme/host/posix/memory ram 8MB")
    machine.connect("ram0 at obmem0 addr 0x0")
    assert obmem.map.memories() == [(0, 8 << 20, ram.memory)]
    obmem.map.write(0x7FFFFC, 4, 0xCAFEBABE)
    assert ram.memory.read(0x7FFFFC, 4) == 0xCAFEBABE


def test_persistent(machine, tmp_path):
    image = tmp_path / "eeprom"
    image.write_bytes(bytes(2048))
    obio = machine.make("obio0", "generic/bus size 16MB")
    eeprom = machine.make("eeprom0", f"host/posix/memory persistent {image}")
    machine.connect("eeprom0 at obio0 addr 0x040000")
    obio.map.write(0x40014, 1, 8)
    assert image.read_bytes()[0x14] == 8
    eeprom.close()
    eeprom.close()


def test_a_persistent_image_is_made_when_its_size_is_given(machine, tmp_path):
    machine.make("eeprom0", f"host/posix/memory persistent {tmp_path / 'new'} size 2KB")
    assert (tmp_path / "new").stat().st_size == 2048


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("rom /nowhere/rom.bin", "rom0 .*cannot read the ROM image /nowhere/rom.bin"),
        ("persistent /nowhere/image", "no persistent image"),
        ("ram many", "a size such as"),
        ("ram 0", "at least one byte"),
        ("", "one of ram, rom, persistent"),
        ("ram 1MB rom x", "only one of"),
        ("rm 1MB", "did you mean 'r"),
    ],
)
def test_mistakes(machine, words, message):
    with pytest.raises(TmeError, match=message):
        machine.make("rom0", f"host/posix/memory {words}")
