"""A disk with SunOS 4.1.1: labelled by SunOS, filled by tme.tools.ffs, booted by Sun's PROM and by ours.

Opt-in: see tests/guests/sunos.py; sunos411/sun3_kvm.tar.Z is needed too.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

import tme
from tests.guests.sunos import BOARDS, CYLINDERS, GUESTS, HEADS, PARTITIONS, PROMPT, SECTORS, Sun, description
from tests.guests.sunos import needed as guests_needed
from tme.tools import disklabel, eeprom
from tme.tools.ffs import __main__ as ffs
from tme.tools.ffs.check import check
from tme.tools.ffs.reader import FileSystem
from tme.tools.ffs.tree import Tree
from tme.tools.ffs.volume import Volume

KVM = GUESTS / "sunos411/sun3_kvm.tar.Z"
pytestmark = [
    *guests_needed,
    pytest.mark.skipif(not KVM.exists(), reason="TME_GUESTS lacks sunos411/sun3_kvm.tar.Z"),
]

ROOT = f"""
tree  {GUESTS}/sunos411/munixfs_sun3
file  {KVM}:stand/vmunix       /vmunix  755
file  {KVM}:stand/boot.sun3    /boot    755
file  {KVM}:boot/mount         /usr/etc/mount
file  {KVM}:mdec/installboot   /usr/mdec/installboot
file  {KVM}:mdec/bootsd        /usr/mdec/bootsd
text  /.profile                'PATH=/bin:/usr/bin:/usr/etc' 'export PATH'
dir   /mnt
boot  {KVM}:mdec/bootsd        /boot
"""
BANNER = "SunOS Release 4.1.1 (GENERIC) #1: Sat Oct 13 06:05:48 PDT 1990\n"
NOWHERE = "sd(0,16,0)"
"""A boot device that is not there: the PROM then prompts."""


class Disk(Sun):
    """A Sun that boots from its disk."""

    def boot(self, where: str) -> str:
        """From power-up to the single-user shell; returns what the boot said."""
        self.expect("\n>", 300)
        self.send(f"b {where} -sw\r")
        said = self.expect("\n# ", 300)
        self.send(f"PS1='{PROMPT}'\r")
        self.expect("\n" + PROMPT)
        return said


def sun(folder: Path, board: str, engine: str) -> Disk:
    """With Sun's PROM, which prompts, and the disk in `folder`."""
    text = description(folder, board)
    assert not eeprom.main(["set", str(folder / "eeprom.bin"), "boot-device", NOWHERE])
    return Disk(text, engine=engine)


def ours(folder: Path, board: str, engine: str) -> Disk:
    """With our firmware."""
    text = (Path(tme.__file__).parent / "machines/SUN3").read_text()
    text = text.replace("fpu-type m68881", "fpu-type m68881 fpu-incomplete line-f")
    disk = f'disk0 at sd0: tme/host/posix/disk file "{folder}/disk.img"'
    return Disk(
        f"{text}\n{BOARDS[board]}\nsd0 at scsibus0: tme/scsi/disk id 0 type acb4000\n{disk}\n", engine=engine
    )


def label(folder: Path) -> None:
    """A labelled disk, as SunOS's format would make it."""
    names = [f"{name}={first}/{blocks}" for name, first, blocks in PARTITIONS]
    shape = f"{CYLINDERS}/{HEADS}/{SECTORS}"
    assert not disklabel.main(["make", str(folder / "disk.img"), shape, *names, "--name", "tmesh"])


def fill(folder: Path, partition: str) -> None:
    (folder / "root.txt").write_text(ROOT)
    assert not ffs.main(
        ["make", str(folder / "disk.img"), "--partition", partition, str(folder / "root.txt")]
    )


def contents(folder: Path, partition: str, *paths: str) -> list[bytes]:
    """Files as the image has them now; there must be nothing for fsck to repair."""
    with Volume(folder / "disk.img", partition) as volume:
        fs = FileSystem(volume)
        assert check(fs) == []
        return [fs.contents(fs.find(path)[1]) for path in paths]


def read_boot_block(folder: Path, partition: str) -> bytes:
    with Volume(folder / "disk.img", partition) as volume:
        return volume.read(512, 7680)


def work(machine: Disk) -> None:
    """Make files in every size that SunOS allocates differently; also use some up and give them back."""
    machine.sh("mkdir /kept; cd /kept")
    assert "150+1 records in" in machine.sh("dd if=/vmunix of=copy bs=8k")
    machine.sh("tar cf archive /bin /etc /usr")
    machine.sh("dd if=/vmunix of=short bs=100 count=3; dd if=/vmunix of=gone bs=8k; rm gone")
    machine.sh("ln copy linked; mknod tty c 2 0; echo It stays. > text")
    assert machine.sh("cat text") == "It stays.\n"
    machine.sh("sync; sync")


def wanted() -> tuple[bytes, dict[str, bytes]]:
    """The kernel, and every file that the archive in /kept must have."""
    tree = Tree()
    tree.graft(GUESTS / "sunos411/munixfs_sun3")
    kernel = Tree()
    kernel.graft(KVM)
    files = {}

    def below(path: str, node: object) -> None:
        if node.children:
            for name, child in node.children.items():
                below(f"{path}/{name.decode()}", child)
        elif node.kind == 0o100000:
            files[path] = node.data()

    for folder in ("/bin", "/etc"):
        below(folder, tree.find(folder))
    return kernel.find("/stand/vmunix").data(), files


def verify(folder: Path, partition: str) -> None:
    """What `work` made is on the image, byte for byte."""
    copy, linked, short, text, archive = contents(
        folder, partition, *(f"/kept/{name}" for name in ("copy", "linked", "short", "text", "archive"))
    )
    kernel, files = wanted()
    assert copy == linked == kernel
    assert short == kernel[:300]
    assert text == b"It stays.\n"
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for path, data in files.items():
            member = tar.extractfile(path.removeprefix("/") if path[1:] in tar.getnames() else path)
            assert member
            assert path == "/etc/mtab" or member.read() == data, path


@pytest.mark.parametrize(
    ("board", "where", "partition", "engines"),
    [("sc", "sd(0,0,0)", "a", ("jit", "interp")), ("si", "sd(0,0,1)", "b", ("interp", "jit"))],
)
def test_labelled_by_sunos_booted_by_sun_s_prom(tmp_path, board, where, partition, engines):
    with Sun(description(tmp_path, board), engine="jit") as munix:
        munix.shell()
        munix.label()
    fill(tmp_path, partition)
    boot_block = read_boot_block(tmp_path, partition)
    before = contents(tmp_path, partition, "/vmunix", "/boot", "/bin/sh")

    with sun(tmp_path, board, engines[0]) as machine:
        said = machine.boot(where)
        assert BANNER in said
        assert f"root on sd0{partition} fstype 4.2\nswap on sd0b fstype spec size 20480K\n" in said
        assert "sd0:  <tmesh cyl 2046 alt 2 hd 16 sec 16>\n" in said
        work(machine)
        said = machine.sh(
            f"/usr/etc/mount; /usr/mdec/installboot -v /boot /usr/mdec/bootsd /dev/rsd0{partition}"
        )
        assert "Boot block installed\n" in said
    verify(tmp_path, partition)
    assert read_boot_block(tmp_path, partition) == boot_block  # installboot wrote what was there

    with sun(tmp_path, board, engines[1]) as machine:  # power off and on
        machine.boot(where)
        assert machine.sh("cat /kept/text") == "It stays.\n"
        assert "150+1 records in" in machine.sh("dd if=/kept/copy of=/dev/null bs=8k")
        machine.sh("mkdir /again; cd /again; tar xf /kept/archive")
        machine.send("reboot\r")
        machine.expect("syncing file systems... done\nrebooting...", 120)
        machine.expect("\n>", 300)
    verify(tmp_path, partition)
    assert contents(tmp_path, partition, "/vmunix", "/boot", "/bin/sh") == before


@pytest.mark.parametrize(
    ("board", "where", "partition", "engine"),
    [("sc", "sd()", "a", "jit"), ("si", "sd(0,0,1)", "b", "interp")],
)
def test_booted_by_our_firmware(tmp_path, board, where, partition, engine):
    label(tmp_path)
    fill(tmp_path, partition)
    with ours(tmp_path, board, engine) as machine:
        said = machine.boot(where)
        assert BANNER in said
        assert f"\nroot on sd0{partition} fstype 4.2\n" in said
        work(machine)
    verify(tmp_path, partition)
    with ours(tmp_path, board, engine) as machine:
        machine.boot(where)
        assert machine.sh("cat /kept/text") == "It stays.\n"


def test_a_file_system_for_data(tmp_path):
    """A large one of hundreds of groups, mounted, used and left alone again."""
    label(tmp_path)
    fill(tmp_path, "a")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "large").write_bytes(bytes(range(256)) * (18 << 12))
    assert not ffs.main(["make", str(tmp_path / "disk.img"), "--partition", "g", str(folder)])
    with sun(tmp_path, "si", "jit") as machine:
        machine.boot("sd(0,0,0)")
        machine.sh("mount /dev/sd0g /mnt")
        assert "288+0 records in\n288+0 records out" in machine.sh("dd if=/mnt/large of=/mnt/new bs=64k")
        machine.sh("mkdir /mnt/d; rm /mnt/large; sync; sync")
    (new,) = contents(tmp_path, "g", "/new")
    assert new == bytes(range(256)) * (18 << 12)
