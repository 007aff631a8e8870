"""What goes into a file system: folders, archives old and new, other file systems, lists."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from tests.tme.tools.ffs_trees import blank, file, make
from tests.tme.tools.test_ffs_unpack import compress
from tme.errors import TmeError
from tme.tools.ffs.tree import Tree, read_file
from tme.tools.ffs.unpack import unpacked


@pytest.fixture(autouse=True)
def _forget():
    unpacked.cache_clear()


def paths(tree: Tree) -> dict[str, tuple[str, bytes]]:
    """Path -> mode as `ls` shows it, contents."""
    found: dict[str, tuple[str, bytes]] = {}

    def below(path, node):
        found[path or "/"] = stat.filemode(node.mode), node.data()
        for name, child in node.children.items():
            below(f"{path}/{name.decode()}", child)

    below("", tree.root)
    return found


def archive(format: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:

        def add(name, kind=tarfile.REGTYPE, data=b"", **attributes):
            member = tarfile.TarInfo(name)
            member.type, member.size, member.uid, member.gid, member.mtime = (
                kind,
                len(data),
                3,
                10,
                650_000_000,
            )
            for key, value in attributes.items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(data))

        add("./", tarfile.DIRTYPE, mode=0o755)
        add("./etc/", tarfile.DIRTYPE, mode=0o2755)
        add("./etc/motd", data=b"hello\n", mode=0o4711)
        add("./etc/again", tarfile.LNKTYPE, linkname="./etc/motd")
        add("./lib", tarfile.SYMTYPE, linkname="usr/lib", mode=0)
        add("./dev/null", tarfile.CHRTYPE, devmajor=3, devminor=2, mode=0o666)
    return out.getvalue()


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("packed", [bytes, gzip.compress, lambda data: compress(data, 16)])
def test_archives(tmp_path, kind, packed):
    (tmp_path / "root.tar").write_bytes(packed(archive(kind)))
    tree = Tree()
    tree.graft(tmp_path / "root.tar")
    assert paths(tree) == {
        "/": ("drwxr-xr-x", b""),
        "/etc": ("drwxr-sr-x", b""),
        "/etc/motd": ("-rws--x--x", b"hello\n"),
        "/etc/again": ("-rws--x--x", b"hello\n"),
        "/lib": ("lrwxrwxrwx", b"usr/lib"),
        "/dev": ("drwxr-xr-x", b""),
        "/dev/null": ("crw-rw-rw-", b""),
    }
    motd = tree.find("/etc/motd")
    assert motd is tree.find("/etc/again")
    assert (motd.uid, motd.gid, motd.mtime) == (3, 10, 650_000_000)
    assert tree.find("/dev/null").device == 0x302


def test_archives_of_before_1988_have_no_magic_number(tmp_path):
    data = bytearray(archive(tarfile.USTAR_FORMAT))
    for at in range(0, len(data), 512):
        if data[at + 257 : at + 262] == b"ustar":
            data[at + 257 : at + 265] = bytes(8)
            data[at + 148 : at + 156] = b" " * 8
            data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + 512])
    (tmp_path / "old.tar").write_bytes(data)
    tree = Tree()
    tree.graft(tmp_path / "old.tar", "/deep/er")
    assert tree.find("/deep/er/etc/motd").data() == b"hello\n"


def test_folders(tmp_path):
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/motd").write_bytes(b"hello\n")
    os.chmod(tmp_path / "root/etc/motd", 0o640)
    os.link(tmp_path / "root/etc/motd", tmp_path / "root/again")
    os.symlink("nowhere", tmp_path / "root/lib")
    os.mkfifo(tmp_path / "root/pipe", 0o600)
    tree = Tree()
    tree.graft(tmp_path / "root")
    assert paths(tree)["/lib"] == ("lrwxrwxrwx", b"nowhere")
    assert paths(tree)["/pipe"] == ("prw-------", b"")
    motd = tree.find("/etc/motd")
    assert tree.find("/again") is motd
    assert (motd.mode, motd.uid, motd.gid, motd.data()) == (0o100640, 0, 0, b"hello\n")


def test_a_list(tmp_path):
    (tmp_path / "root.tar.Z").write_bytes(compress(archive(tarfile.USTAR_FORMAT), 16))
    (tmp_path / "kernel").write_bytes(b"kernel")
    old = Tree()
    old.put("/bin/sh", file(b"shell", 0o755))
    make(blank(tmp_path), old)
    (tmp_path / "root.txt").write_text(
        """
# the root
tree    fs.img
tree    root.tar.Z  /
tree    root.tar.Z  /copy
file    kernel      /vmunix  744 1 2
file    root.tar.Z:etc/motd  /motd
text    /.profile   'PATH=/bin:/usr/etc' "export PATH"   # for the shell
dir     /etc 700 4 5
dir     /mnt
symlink usr/tmp     /tmp
link    /bin/sh     /sbin/sh
char    /dev/tty    2 0  666
block   /dev/sd0a   7 0  640 0 5
remove  /lib
boot    kernel      /vmunix
"""
    )
    tree = Tree()
    tree.read_list(tmp_path / "root.txt")
    found = paths(tree)
    assert found["/vmunix"] == ("-rwxr--r--", b"kernel")
    assert found["/motd"] == ("-rws--x--x", b"hello\n")
    assert found["/copy/etc/motd"] == found["/etc/motd"] == ("-rws--x--x", b"hello\n")
    assert found["/.profile"][1] == b"PATH=/bin:/usr/etc\nexport PATH\n"
    assert found["/etc"][0] == "drwx------"
    assert found["/tmp"] == ("lrwxrwxrwx", b"usr/tmp")
    assert found["/dev/sd0a"][0] == "brw-r-----"
    assert "/lib" not in found
    assert tree.find("/sbin/sh") is tree.find("/bin/sh")
    assert (tree.find("/vmunix").uid, tree.find("/vmunix").gid) == (1, 2)
    assert (tree.find("/dev/sd0a").device, tree.find("/dev/sd0a").gid) == (0x700, 5)
    assert tree.boot == (b"kernel", "/vmunix")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("fiel kernel /vmunix", "unknown word 'fiel'; did you mean 'file'"),
        ("file kernel", "file takes 2 to 5 words, not 1"),
        ("file none /vmunix", "cannot read"),
        ("file root.tar:none /x", "there is no file none in"),
        ("file root.tar:etc /x", "there is no file etc in"),
        ("file kernel /vmunix rwx", "bad mode or owner"),
        ("file kernel /vmunix 644 1", "a uid and a gid"),
        ("file kernel /vmunix 644 1 65536", "0 to 65535"),
        ("file kernel /", "/ has to be a directory"),
        ("file kernel /a/../b", "bad name '..'"),
        (f"file kernel /{'x' * 256}", "bad name 'xxx"),
        ("file kernel /kernel/x", "/kernel/x: kernel is not a directory"),
        ("tree none", "cannot read"),
        ("tree kernel", "no 4.2BSD file system"),
        ("link /none /x", "there is no /none"),
        ("link / /x", "is a directory"),
        ("char /dev/x 256 0", "bad device number"),
        ("block /dev/x a 0", "bad device number"),
        ("remove /none", "there is no /none"),
        ("remove /", "cannot be removed"),
        ("text '", "No closing quotation"),
    ],
)
def test_mistakes_in_a_list_are_named_with_their_line(tmp_path, line, message):
    (tmp_path / "root.tar").write_bytes(archive(tarfile.USTAR_FORMAT))
    (tmp_path / "kernel").write_bytes(b"kernel")
    (tmp_path / "root.txt").write_text(f"file kernel /kernel\n\n{line}\n")
    with pytest.raises(TmeError, match=r"root\.txt:3: ") as caught:
        Tree().read_list(tmp_path / "root.txt")
    assert message in str(caught.value)


def test_a_damaged_archive(tmp_path):
    (tmp_path / "root.tar").write_bytes(archive(tarfile.USTAR_FORMAT)[:1700])
    with pytest.raises(TmeError, match=r"root\.tar"):
        Tree().graft(tmp_path / "root.tar")


def test_names_that_are_not_ascii_keep_their_bytes(tmp_path):
    name = b"gr\xfc\xdfe"
    folder = os.fsencode(tmp_path / "root")
    os.makedirs(folder)
    with open(os.path.join(folder, name), "wb") as out:
        out.write(b"x")
    tree = Tree()
    tree.graft(tmp_path / "root")
    image = blank(tmp_path)
    make(image, tree)
    assert name in image.read_bytes()
    again = Tree()
    again.graft(image)
    assert name in again.root.children


def test_a_directory_stays_when_a_tree_is_put_over_it():
    tree = Tree()
    tree.put("/etc/motd", file(b"1"))
    other = Tree()
    other.put("/etc/hosts", file(b"2"))
    tree.put("/etc", other.find("/etc"))
    assert set(tree.find("/etc").children) == {b"motd", b"hosts"}


def test_read_file_of_the_host():
    node = read_file(Path(__file__).parent, Path(__file__).name)
    assert node.data() == Path(__file__).read_bytes()
    assert node.kind == stat.S_IFREG
