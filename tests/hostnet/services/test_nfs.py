"""NFS over a folder that cannot be left, with a client of our own; RPC, portmap, bootparams, MOUNT."""

import os
import stat
import struct

import pytest

from tests.hostnet.services.client import ME, SERVER, UNSET, Client, sattr, string, words

NOENT, ACCES, EXIST, NOTDIR, ISDIR, ROFS, NOTEMPTY, STALE = 2, 13, 17, 20, 21, 30, 66, 70


@pytest.fixture
def place(tmp_path):
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "passwd").write_bytes(b"root::0:0::/:/bin/csh\n" * 500)
    (tmp_path / "secret").write_text("not for guests")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "away").symlink_to(tmp_path)
    (root / "vmunix").write_bytes(os.urandom(20_000))
    (tmp_path / "swap").write_bytes(bytes(16384))
    return tmp_path


@pytest.fixture
def client(machine, place):
    return serve(machine, place, "writable")


def serve(machine, place, more=""):
    machine.make("net0", f"tme/host/diskless root {place}/root swap {place}/swap hostname sun {more}")
    guest = machine.guest()
    machine.connect("guest0 at net0")
    return Client(machine, guest)


# ---- RPC ----------------------------------------------------------------------------------------------


def test_portmap(client):
    assert client.call(100000, 2, 3, words(100005, 1, 17, 0), port=111) == words(671)
    assert client.call(100000, 2, 3, words(100003, 2, 17, 0), port=111) == words(2049)
    assert client.call(100000, 2, 3, words(100003, 2, 6, 0), port=111) == words(0)
    assert client.call(100000, 2, 3, words(4711, 2, 17, 0), port=111) == words(0)


@pytest.mark.parametrize(
    ("program", "version", "procedure", "status"),
    [(1, 2, 0, 1), (100003, 3, 0, 2), (100003, 2, 99, 3), (100003, 2, 1, 4)],
)
def test_errors_of_calls(client, program, version, procedure, status):
    assert client.call(program, version, procedure) == status


def test_a_version_we_do_not_have(client):
    """NetBSD asks MOUNT for version 3 first and takes the mismatch as an answer."""
    message = words(9, 0, 2, 100005, 3, 1, 0, 0, 0, 0) + string("/export/root")
    ((_, _, answer),) = client.udp(671, message)
    assert answer == words(9, 1, 0, 0, 0, 2, 1, 2)


@pytest.mark.parametrize(
    "to", [b"\xff" * 4, bytes((10, 0, 2, 255)), bytes((10, 0, 2, 0)), bytes((10, 0, 0, 0))]
)
def test_whoami_by_broadcast(client, to):
    """As the boot program asks: CALLIT to any form of the broadcast address, source port below 1024."""
    arguments = words(100026, 1, 1) + string(words(1, *ME))
    answer = client.call(100000, 2, 5, arguments, port=111, sport=1023, to=to, mac=b"\xff" * 6)
    port, size = struct.unpack("!II", answer[:8])
    assert port == 670
    assert answer[8 : 8 + size] == string("sun") + string("") + words(1, *SERVER)


def test_whoami_of_somebody_else_is_silence(client):
    arguments = words(100026, 1, 1) + string(words(1, 10, 0, 2, 99))
    assert client.call(100000, 2, 5, arguments, port=111) is None


def test_signed_address_bytes(machine, place):
    """A 68000 sends the bytes of an address sign-extended."""
    client = serve(machine, place, "inet 192.168.0.1 guest 192.168.0.28")
    del client
    element = machine.elements["net0"].servers
    assert element._client_name(bytes((192, 168, 0, 28))) == "sun"
    from hostnet.services.rpc import Caller
    from hostnet.services.xdr import Reader

    program = element.rpc.programs[100026]
    answer = program.procedures[1](Reader(words(1, -64, -88, 0, 28)), Caller(ME))
    assert answer is not None
    assert answer.startswith(string("sun"))


def test_getfile(client):
    def ask(key):
        return client.call(100026, 1, 2, string("sun") + string(key), port=670)

    assert ask("root") == string("tmesh") + words(1, *SERVER) + string("/export/root")
    assert ask("swap") == string("tmesh") + words(1, *SERVER) + string("/export/swap")
    assert ask("gateway") == string("gateway") + words(1, *SERVER) + string("255.255.255.0")
    assert ask("dump") == string("") + words(1, 0, 0, 0, 0) + string("")
    assert ask("pub") is None


# ---- reading ------------------------------------------------------------------------------------------


def test_reading(client, place):
    root = client.mount()
    assert client.getattr(root)["type"] == 2
    handle, found = client.lookup(root, "vmunix")
    assert (found["type"], found["size"], found["mode"] & 0o170000) == (1, 20_000, 0o100000)
    data = b"".join(client.read(handle, at) for at in range(0, 24_576, 8192))
    assert data == (place / "root" / "vmunix").read_bytes()
    assert client.read(handle, 30_000) == b""
    assert len(client.read(handle, 0, 1024)) == 1024
    assert client.lookup(root, "nothing") == NOENT
    assert client.lookup(handle, "x") in (NOTDIR, STALE)
    assert client.read(root) == ISDIR
    etc, _ = client.lookup(root, "etc")
    assert client.lookup(etc, "passwd")[1]["size"] == 11_000
    assert client.lookup(etc, "..")[0] == root


def test_listing(client, place):
    for number in range(300):
        (place / "root" / "etc" / f"file{number:03}").touch()
    etc, _ = client.lookup(client.mount(), "etc")
    names = [f"file{number:03}" for number in range(300)]
    for count in (8192, 512):
        assert client.readdir(etc, count) == [".", "..", *names, "passwd"]


def test_removing_while_listing(client, place):
    """`rm -r` asks for some names, removes them, asks for more."""
    for number in range(100):
        (place / "root" / "etc" / f"file{number:03}").touch()
    etc, _ = client.lookup(client.mount(), "etc")
    cookie, seen = 0, []
    while True:
        status, rest = client.nfs(16, etc + words(cookie, 200))
        assert status == 0
        at = 0
        while rest[at : at + 4] == words(1):
            size = struct.unpack("!I", rest[at + 8 : at + 12])[0]
            name = rest[at + 12 : at + 12 + size].decode()
            at += 12 + size + (-size & 3)
            cookie = struct.unpack("!I", rest[at : at + 4])[0]
            at += 4
            if name not in (".", ".."):
                seen.append(name)
                assert client.nfs(10, etc + string(name))[0] == 0
        if rest[at + 4 : at + 8] == words(1):
            break
    assert len(seen) == 101
    assert os.listdir(place / "root" / "etc") == []


def test_symbolic_links_are_the_clients_affair(client, place):
    """They are handed out as text, never followed here."""
    root = client.mount()
    handle, found = client.lookup(root, "out")
    assert found["type"] == 5
    assert client.nfs(5, handle) == (0, string(str(place / "secret")))
    assert client.read(handle) == ACCES
    assert client.write(handle, 0, b"x") == ACCES
    away, _ = client.lookup(root, "away")
    assert client.lookup(away, "secret") in (NOTDIR, STALE)
    assert client.create(away, "mine") in (NOTDIR, STALE)
    assert client.mount("/export/root/away/secret") in (NOTDIR, NOENT, STALE)


@pytest.mark.parametrize("name", ["..", "../secret", "/etc/passwd", "etc/passwd", "", ".", "a\0b"])
def test_no_name_leads_out(client, place, name):
    root = client.mount()
    found = client.lookup(root, name)
    assert found in (ACCES, NOENT) or found[0] == root
    assert client.nfs(10, root + string(name))[0] != 0
    client.create(root, name)
    assert (place / "secret").read_text() == "not for guests"
    assert sorted(p.name for p in place.iterdir()) == ["root", "secret", "swap"]


@pytest.mark.parametrize(
    "path", ["/", "/export", "/export/root/..", "/export/root/../../etc", "/export/rootx", "/etc"]
)
def test_nothing_else_can_be_mounted(client, path):
    assert client.mount(path) in (NOENT, ACCES)


def test_handles_that_were_made_up(client):
    root = client.mount()
    for handle in (
        bytes(32),
        b"\xff" * 32,
        root[:8] + words(9999) + root[12:],
        root[:4] + words(9) + root[8:],
    ):
        assert client.getattr(handle) == STALE
    assert client.getattr(root[:-1] + b"x") == STALE


def test_a_parent_becomes_a_link(client, place):
    """Somebody puts a link where a directory was: what is behind it stays out of reach."""
    etc, _ = client.lookup(client.mount(), "etc")
    handle, _ = client.lookup(etc, "passwd")
    (place / "root" / "etc").rename(place / "root" / "etc.old")
    (place / "root" / "etc").symlink_to("/etc")
    assert client.read(handle) in (STALE, NOTDIR)
    assert client.lookup(etc, "passwd") in (STALE, NOTDIR)


def test_devices_and_pipes_of_the_host_are_not_opened(client, place):
    os.mkfifo(place / "root" / "pipe")
    handle, found = client.lookup(client.mount(), "pipe")
    assert (found["type"], found["rdev"]) == (4, UNSET)
    assert client.read(handle) == ACCES
    if os.geteuid() == 0:
        os.mknod(place / "root" / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        handle, found = client.lookup(client.mount(), "null")
        assert (found["type"], found["rdev"]) == (4, 0x103)
        assert client.read(handle) == ACCES


# ---- writing ------------------------------------------------------------------------------------------


def test_writing(client, place):
    root = client.mount()
    handle, found = client.create(root, "new", 0o100644)
    assert (found["size"], found["mode"]) == (0, 0o100644)
    assert client.write(handle, 0, b"x" * 8192) == 0
    assert client.write(handle, 8192, b"end") == 0
    assert (place / "root" / "new").read_bytes() == b"x" * 8192 + b"end"
    assert client.nfs(2, handle + sattr(size=5, times=(1000, 0, 2000, 0)))[0] == 0
    assert (place / "root" / "new").read_bytes() == b"xxxxx"
    assert client.getattr(handle)["mtime"] == 2000
    assert client.create(root, "new", size=0)[1]["size"] == 0
    assert client.nfs(11, root + string("new") + root + string("newer"))[0] == 0
    assert client.getattr(handle)["size"] == 0  # the handle goes with the file
    assert client.nfs(12, handle + root + string("second"))[0] == 0
    assert (place / "root" / "second").stat().st_nlink == 2
    assert client.nfs(13, root + string("link") + string("../anywhere") + sattr())[0] == 0
    assert os.readlink(place / "root" / "link") == "../anywhere"
    assert client.nfs(10, root + string("newer"))[0] == 0
    assert client.getattr(handle) == STALE
    assert client.write(handle, 0, b"x") == STALE


def test_directories(client, place):
    root = client.mount()
    made, found = client.create(root, "dir", 0o40755, procedure=14)
    assert found["type"] == 2
    inner, _ = client.create(made, "file")
    assert client.create(root, "dir", 0o755, procedure=14) == EXIST
    assert client.nfs(15, root + string("dir"))[0] == NOTEMPTY
    assert client.nfs(11, root + string("dir") + root + string("other"))[0] == 0
    assert client.write(inner, 0, b"still") == 0
    assert (place / "root" / "other" / "file").read_bytes() == b"still"
    assert client.nfs(10, made + string("file"))[0] == 0
    assert client.nfs(15, root + string("other"))[0] == 0
    assert client.getattr(made) == STALE
    assert client.nfs(15, root + string("."))[0] != 0


def test_what_was_done_once_is_not_done_again(client):
    """The answer was lost: the same call comes again, and gets the same answer."""
    root = client.mount()
    client.create(root, "new")
    for _ in range(2):
        assert client.call(100003, 2, 10, root + string("new"), xid=4711) == words(0)
    assert client.call(100003, 2, 10, root + string("new"), xid=4712) == words(NOENT)


def test_owners_and_devices_are_written_down_only(machine, client, place):
    """The host gets no set-uid files, no devices, no foreign owners; the guest sees all of them."""
    root = client.mount()
    handle, _ = client.create(root, "su", 0o104755, uid=0, gid=3)
    _, found = client.lookup(root, "su")
    assert (found["mode"], found["uid"], found["gid"]) == (0o104755, 0, 3)
    real = (place / "root" / "su").stat()
    assert not real.st_mode & 0o7000
    assert real.st_uid == os.geteuid()
    _, found = client.create(root, "sd0a", 0o60640, size=0x700)
    assert (found["type"], found["mode"], found["rdev"]) == (3, 0o60640, 0x700)
    assert stat.S_ISREG((place / "root" / "sd0a").stat().st_mode)
    _, found = client.create(root, "fifo", 0o20640, size=UNSET)
    assert (found["type"], found["rdev"]) == (4, UNSET)
    assert client.nfs(2, handle + sattr(mode=0o755))[0] == 0
    assert client.getattr(handle)["mode"] == 0o100755


def test_read_only(machine, place):
    client = serve(machine, place)
    root = client.mount()
    handle, _ = client.lookup(root, "vmunix")
    before = (place / "root" / "vmunix").read_bytes()
    assert client.write(handle, 0, b"x") == ROFS
    assert client.create(root, "new") == ROFS
    assert client.nfs(2, handle + sattr(size=0))[0] == ROFS
    for procedure, arguments in (
        (10, root + string("vmunix")), (15, root + string("etc")),
        (11, root + string("vmunix") + root + string("x")),
        (12, handle + root + string("x")), (13, root + string("x") + string("y") + sattr()),
        (14, root + string("x") + sattr()),
    ):  # fmt: skip
        assert client.nfs(procedure, arguments)[0] == ROFS
    assert (place / "root" / "vmunix").read_bytes() == before
    assert sorted(os.listdir(place / "root")) == ["away", "etc", "out", "vmunix"]


def test_swap_is_one_file(machine, place):
    """It can always be written; its folder stays out of reach."""
    client = serve(machine, place)
    swap = client.mount("/export/swap")
    assert client.getattr(swap)["size"] == 16384
    assert client.write(swap, 8192, b"page") == 0
    assert (place / "swap").read_bytes()[8192:8196] == b"page"
    assert client.lookup(swap, "secret") == NOTDIR
    assert client.lookup(swap, "..") == NOTDIR
    for number in range(2, 20):
        handle = swap[:8] + words(number) + swap[12:]
        if handle != swap:
            assert client.getattr(handle) in (STALE, ACCES)


def test_statfs(client):
    status, rest = client.nfs(17, client.mount())
    assert status == 0
    size, block, blocks, free, available = struct.unpack("!5I", rest)
    assert (size, block) == (8192, 4096)
    assert blocks >= free >= available
