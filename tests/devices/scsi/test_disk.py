"""scsi/disk and host/posix/disk, over the bus as an initiator sees them."""

import os

import pytest

from tme.errors import TmeError

GOOD, CHECK = 0, 2
BLOCKS = 8192


@pytest.fixture
def image(tmp_path):
    return tmp_path / "disk.img"


@pytest.fixture(params=["tme-scsi-1", "acb4000"])
def kind(request):
    return request.param


def plug(machine, image, kind="tme-scsi-1", more=""):
    disk = machine.make("sd0", f"tme/scsi/disk id 0 type {kind}")
    medium = machine.make("disk0", f"tme/host/posix/disk file {image} {more}")
    machine.connect("sd0 at scsibus0")
    machine.connect("disk0 at sd0")
    return disk, medium


@pytest.fixture
def disk(machine, host, image, kind):
    plug(machine, image, kind, f"size {BLOCKS * 512}")
    return host


@pytest.fixture
def ccs(machine, host, image):
    plug(machine, image, "tme-scsi-1", f"size {BLOCKS * 512}")
    return host


def six(opcode, block=0, count=1, lun=0):
    return bytes((opcode, lun << 5 | block >> 16, block >> 8 & 0xFF, block & 0xFF, count, 0))


def ten(opcode, block=0, count=1):
    return bytes((opcode, 0)) + block.to_bytes(4, "big") + b"\0" + count.to_bytes(2, "big") + b"\0"


def sense(host, length=18, lun=0):
    status, data = host.run(0, bytes((3, lun << 5, 0, 0, length, 0)))
    assert status == GOOD
    return data


def test_nobody_answers_for_other_ids(disk):
    assert not disk.select(3)
    assert disk.lines == 0


def test_blocks_come_back_and_are_on_the_image_at_once(disk, image):
    first, second = os.urandom(512), os.urandom(1024)
    assert disk.run(0, six(0x0A, 5), first) == (GOOD, b"")
    assert image.read_bytes()[5 * 512 : 6 * 512] == first
    assert disk.run(0, ten(0x2A, 100, 2), second) == (GOOD, b"")
    assert image.read_bytes()[100 * 512 : 102 * 512] == second
    assert disk.run(0, ten(0x28, 5)) == (GOOD, first)
    assert disk.run(0, six(8, 100, 2)) == (GOOD, second)


def test_a_count_of_zero(disk):
    status, data = disk.run(0, six(8, 0, 0))
    assert (status, len(data)) == (GOOD, 256 * 512)
    assert disk.run(0, ten(0x28, 0, 0)) == (GOOD, b"")


def test_read_capacity(disk):
    assert disk.run(0, ten(0x25)) == (GOOD, (BLOCKS - 1).to_bytes(4, "big") + (512).to_bytes(4, "big"))


@pytest.mark.parametrize(
    "cdb", [six(8, BLOCKS - 1, 2), ten(0x2A, BLOCKS, 1), six(0x0B, BLOCKS), ten(0x2F, BLOCKS - 1, 2)]
)
def test_behind_the_end(disk, kind, cdb):
    assert disk.run(0, cdb) == (CHECK, b"")
    data = sense(disk)
    if kind == "acb4000":
        assert data == bytes((0x80 | 0x21,)) + BLOCKS.to_bytes(3, "big")
    else:
        assert (data[0], data[2], data[12]) == (0xF0, 5, 0x21)
        assert int.from_bytes(data[3:7], "big") == BLOCKS


def test_sense_is_told_once(disk, kind):
    disk.run(0, bytes((0xDF, 0, 0, 0, 0, 0)))
    data = sense(disk)
    assert data[0] == 0x20 if kind == "acb4000" else (data[2], data[12]) == (5, 0x20)
    assert sense(disk)[2] == 0
    disk.run(0, bytes((0xDF, 0, 0, 0, 0, 0)))
    disk.run(0, six(0))
    assert sense(disk)[:3] in (bytes(3), b"\x70\0\0")


def test_a_short_request_gets_four_bytes(disk):
    assert len(sense(disk, 0)) == 4


def test_inquiry_tells_the_controllers_apart(disk, kind):
    status, data = disk.run(0, six(0x12, 0, 36))
    if kind == "acb4000":
        assert (status, data) == (CHECK, b"")
        assert sense(disk) == b"\x20\0\0\0"
    else:
        assert status == GOOD
        assert len(data) == 36
        assert data[:5] == bytes((0, 0, 1, 1, 31))


def test_vendor_product_revision(machine, host, image):
    machine.make(
        "sd0",
        "tme/scsi/disk id 2 type tme-scsi-1 vendor SEAGATE product ST506-AND-MORE-THAN-16 revision 12345",
    )
    machine.make("disk0", f"tme/host/posix/disk file {image} size 1MB")
    machine.connect("sd0 at scsibus0")
    machine.connect("disk0 at sd0")
    assert host.run(2, six(0x12, 0, 255))[1][8:] == b"SEAGATE ST506-AND-MORE-T1234"


def test_logical_units(machine, ccs, tmp_path):
    machine.make("disk1", f"tme/host/posix/disk file {tmp_path / 'second'} size 1MB")
    machine.connect("disk1 at sd0 lun 3")
    assert ccs.run(0, six(0x0A, 0, 1, lun=3), b"3" * 512)[0] == GOOD
    assert ccs.run(0, six(8, 0, 1, lun=3))[1] == b"3" * 512
    assert ccs.run(0, six(8), identify=0x83)[1] == b"3" * 512
    assert ccs.run(0, six(8))[1] == bytes(512)
    assert ccs.run(0, six(0, lun=1))[0] == CHECK
    assert sense(ccs, lun=1)[12] == 0x25
    assert ccs.run(0, six(0x12, 0, 36, lun=1))[1][0] == 0x7F


def test_format_zeroes_and_reads_a_defect_list(disk, image):
    disk.run(0, six(0x0A, 7), b"x" * 512)
    status, _ = disk.run(0, bytes((4, 0x18, 0, 0, 1, 0)), bytes((0, 0, 0, 8)) + bytes(8))
    assert status == GOOD
    assert image.read_bytes() == bytes(BLOCKS * 512)
    assert disk.run(0, bytes((4, 0, 0, 0, 1, 0)))[0] == GOOD


def test_mode_pages_describe_the_image(ccs):
    status, data = ccs.run(0, bytes((0x1A, 0, 0x3F, 0, 255, 0)))
    assert status == GOOD
    assert data[0] == len(data) - 1
    assert data[2:4] == b"\0\x08"
    assert data[4:12] == BLOCKS.to_bytes(4, "big") + (512).to_bytes(4, "big")
    pages, at = {}, 12
    while at < len(data):
        pages[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    assert set(pages) == {1, 2, 3, 4}
    assert (len(pages[3]), len(pages[4])) == (22, 22)
    assert int.from_bytes(pages[3][8:10], "big") == 16
    assert int.from_bytes(pages[4][:3], "big") * pages[4][3] * 16 == BLOCKS
    assert ccs.run(0, bytes((0x1A, 0, 0x09, 0, 255, 0)))[0] == CHECK
    assert len(ccs.run(0, bytes((0x1A, 0, 0x3F, 0, 4, 0)))[1]) == 4


def test_mode_select_keeps_the_block_size(ccs):
    good = bytes((0, 0, 0, 8)) + bytes(4) + (512).to_bytes(4, "big")
    bad = bytes((0, 0, 0, 8)) + bytes(4) + (1024).to_bytes(4, "big")
    assert ccs.run(0, bytes((0x15, 0, 0, 0, 12, 0)), good)[0] == GOOD
    assert ccs.run(0, bytes((0x15, 0, 0, 0, 12, 0)), bad)[0] == CHECK
    assert sense(ccs)[12] == 0x26


def test_housekeeping(ccs):
    assert ccs.run(0, bytes((0x07, 0, 0, 0, 0, 0)), bytes((0, 0, 0, 4, 0, 0, 0, 9)))[0] == GOOD
    assert (
        ccs.run(0, bytes((0x07, 0, 0, 0, 0, 0)), bytes((0, 0, 0, 4)) + BLOCKS.to_bytes(4, "big"))[0] == CHECK
    )
    assert ccs.run(0, bytes((0x37, 0, 0x1D, 0, 0, 0, 0, 0, 4, 0))) == (GOOD, bytes((0, 0x1D, 0, 0)))
    for opcode in (0x00, 0x01, 0x16, 0x17, 0x1E):
        assert ccs.run(0, six(opcode, 0, 0)) == (GOOD, b"")
    assert ccs.run(0, ten(0x35, 0, 0)) == (GOOD, b"")


def test_a_protected_image(machine, host, image):
    image.write_bytes(bytes(512 * 64))
    plug(machine, image, "tme-scsi-1", "read-only")
    assert host.run(0, six(0x0A), bytes(512))[0] == CHECK
    assert sense(host)[2] == 7
    assert host.run(0, bytes((4, 0, 0, 0, 1, 0)))[0] == CHECK
    assert host.run(0, bytes((0x1A, 0, 0, 0, 255, 0)))[1][2] == 0x80


def test_load_and_unload(machine, ccs, image, tmp_path):
    medium = machine.elements["disk0"]
    other = tmp_path / "other.img"
    other.write_bytes(b"o" * 1024)
    with pytest.raises(TmeError, match="unload"):
        medium.command(["load", str(other)])
    medium.command(["unload"])
    assert ccs.run(0, six(0))[0] == CHECK
    assert sense(ccs)[2] == 2
    medium.command(["load", str(other), "read-only"])
    assert "read-only" in medium.command(["status"])
    assert ccs.run(0, six(0))[0] == CHECK
    assert sense(ccs)[2] == 6
    assert ccs.run(0, six(8, 1)) == (GOOD, b"o" * 512)
    with pytest.raises(TmeError, match="usage"):
        medium.command(["eject"])


def test_a_host_error_is_a_medium_error(machine, ccs, image):
    os.truncate(image, 1024)
    assert ccs.run(0, six(8, 5))[0] == CHECK
    assert sense(ccs)[2] == 3
    assert "cannot read" in machine.logged[-1]


def test_images_that_are_refused(machine, tmp_path, image):
    make = lambda words: machine.make("bad", f"tme/host/posix/disk {words}")  # noqa: E731
    with pytest.raises(TmeError, match=r"no disk image.*size SIZE"):
        make(f"file {image}")
    image.write_bytes(bytes(1000))
    with pytest.raises(TmeError, match="no whole blocks"):
        make(f"file {image}")
    image.write_bytes(bytes(1024))
    with pytest.raises(TmeError, match="1024 bytes, not the 1048576"):
        make(f"file {image} size 1MB")
    with pytest.raises(TmeError, match="neither a file nor"):
        make("file /dev/null")
    image.write_bytes(b"")
    with pytest.raises(TmeError, match="empty"):
        make(f"file {image}")
    with pytest.raises(TmeError, match="file FILE"):
        make("size 1MB")


def test_an_image_in_use(machine, image):
    image.write_bytes(bytes(1024))
    first = machine.make("a", f"tme/host/posix/disk file {image}")
    for words in ("", "read-only"):
        with pytest.raises(TmeError, match="in use"):
            machine.make("b", f"tme/host/posix/disk file {image} {words}")
    first.close()
    machine.make("c", f"tme/host/posix/disk file {image} read-only")
    machine.make("d", f"tme/host/posix/disk file {image} read-only")


def test_a_new_image_is_sparse(machine, image):
    machine.make("a", f"tme/host/posix/disk file {image} size 1GB")
    assert image.stat().st_size == 1 << 30
    assert image.stat().st_blocks * 512 < 1 << 20


def test_synchronize_and_durable_writes_wait_for_the_host(machine, host, image, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fdatasync", lambda fd: synced.append(fd))
    plug(machine, image, "tme-scsi-1", "size 1MB sync write")
    host.run(0, six(0x0A), bytes(512))
    assert len(synced) == 1
    host.run(0, ten(0x35))
    assert len(synced) == 2


def test_the_same_id_twice(machine, ccs):
    machine.make("sd1", "tme/scsi/disk id 0 type acb4000")
    with pytest.raises(TmeError, match="sd0 has id 0"):
        machine.connect("sd1 at scsibus0")
    with pytest.raises(TmeError, match="0 to 7"):
        machine.make("sd2", "tme/scsi/disk id 8 type acb4000")
