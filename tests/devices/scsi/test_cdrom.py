"""scsi/cdrom, over the bus."""

import pytest

from tme.errors import TmeError

GOOD, CHECK = 0, 2


@pytest.fixture
def cdrom(machine, host, tmp_path):
    (tmp_path / "cd.iso").write_bytes(b"".join(bytes([n]) * 2048 for n in range(200)))
    machine.make("cd0", "tme/scsi/cdrom id 6 type tme-scsi-1")
    machine.make("disc0", f"tme/host/posix/disk file {tmp_path / 'cd.iso'} read-only")
    machine.connect("cd0 at scsibus0")
    machine.connect("disc0 at cd0")
    return host


def test_it_is_a_removable_read_only_device(cdrom):
    data = cdrom.run(6, bytes((0x12, 0, 0, 0, 36, 0)))[1]
    assert data[:2] == b"\5\x80"
    assert cdrom.run(6, bytes((0x0A, 0, 0, 0, 1, 0)))[0] == CHECK


def test_blocks_of_512_bytes_until_told_otherwise(cdrom):
    assert cdrom.run(6, bytes((0x25,)) + bytes(9)) == (
        GOOD,
        (799).to_bytes(4, "big") + (512).to_bytes(4, "big"),
    )
    assert cdrom.run(6, bytes((8, 0, 0, 4, 1, 0))) == (GOOD, b"\1" * 512)
    select = bytes((0, 0, 0, 8)) + bytes(4) + (2048).to_bytes(4, "big")
    assert cdrom.run(6, bytes((0x15, 0, 0, 0, 12, 0)), select)[0] == GOOD
    assert cdrom.run(6, bytes((8, 0, 0, 4, 1, 0))) == (GOOD, b"\4" * 2048)
    assert cdrom.run(6, bytes((0x25,)) + bytes(9))[1][:4] == (199).to_bytes(4, "big")


@pytest.mark.parametrize(("flags", "lead_out"), [(0, (200).to_bytes(4, "big")), (2, bytes((0, 0, 4, 50)))])
def test_table_of_contents(cdrom, flags, lead_out):
    status, toc = cdrom.run(6, bytes((0x43, flags, 0, 0, 0, 0, 0, 0, 64, 0)))
    assert status == GOOD
    assert toc[:4] == bytes((0, 18, 1, 1))
    assert (toc[6], toc[14]) == (1, 0xAA)
    assert toc[16:] == lead_out


def test_ejecting_and_holding(machine, cdrom, tmp_path):
    disc = machine.elements["disc0"]
    assert cdrom.run(6, bytes((0x1E, 0, 0, 0, 1, 0)))[0] == GOOD
    with pytest.raises(TmeError, match="guest holds"):
        disc.command(["unload"])
    assert cdrom.run(6, bytes((0x1E, 0, 0, 0, 0, 0)))[0] == GOOD
    assert cdrom.run(6, bytes((0x1B, 0, 0, 0, 2, 0)))[0] == GOOD
    assert disc.command(["status"]) == "nothing is loaded"
    assert cdrom.run(6, bytes(6))[0] == CHECK
    disc.command(["load", str(tmp_path / "cd.iso"), "read-only"])
    assert cdrom.run(6, bytes(6))[0] == CHECK
    assert cdrom.run(6, bytes(6))[0] == GOOD
