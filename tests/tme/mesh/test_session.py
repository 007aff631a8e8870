"""Statements at work: building, taking apart, and leaving nothing half-built."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.tme.fakes import session

MACHINE = """
bus0: tme/generic/bus size 16MB
dev0 at bus0 addr 0x10 ipl 6: nme/test/device
dev0 csr at bus0 addr 0x20
term0 at dev0 channel A: tme/host/terminal
"""


@pytest.fixture
def mesh() -> SimpleNamespace:
    made = session()
    assert made.run(MACHINE) == []
    return made


def listing(mesh: SimpleNamespace, words: str = "-a") -> list[str]:
    mesh.out.clear()
    assert mesh.run(f"ls {words}") == []
    return [line for line in mesh.out if not line.startswith("#")]


# Building


def test_elements_are_published(mesh: SimpleNamespace) -> None:
    assert list(mesh.machine.elements) == ["bus0", "dev0", "term0"]
    dev0 = mesh.machine.elements["dev0"]
    assert [port.peer.element.name for port in dev0.connections] == ["bus0", "bus0", "term0"]
    assert dev0.connections[0].peer.args["addr"] == 0x10
    assert dev0.connections[1].args["csr"]
    assert dev0.where == "T:3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dev0: tme/test/device", "T:1: 'dev0' exists already in / (made at T:3)"),
        ("x: tme/test/devise", "there is no element 'tme/test/devise'; did you mean"),
        ("x: tme/machine/sun4 name Calvin", "'tme/machine/sun4' is known to TME, not in this version"),
        ("x: nme/generic/bus", "x (nme/generic/bus): 'size' is missing\n  usage: size SIZE"),
        ("x: tme/test/explosive", "T:1: cannot create x (tme/test/explosive): [Errno 2] No such"),
        ("x at bos0: tme/test/device", "there is no element 'bos0'; did you mean 'bus0'?"),
        ("x at bus0 adr 5: tme/test/device", "(generic/bus): unknown argument 'adr'; did you mean 'addr'?"),
        ("x at bus0 addr 0x20: tme/test/device", "address 0x20 of bus0 already belongs to dev0"),
        ("x at dev0 channel A: tme/host/terminal", "the serial port of dev0 is already connected to term0"),
        ("x at dev0 channel C: tme/host/terminal", "bad value 'C' for 'channel': one of A, B is expected"),
        ("x at term0: tme/generic/bus size 1", "x (generic/bus) offers bus bus; its connection arguments:"),
        ("x at bus0: tme/host/terminal", "\n  in: x at bus0"),
    ],
)  # fmt: skip
def test_a_failed_creation_leaves_nothing(mesh: SimpleNamespace, text: str, expected: str) -> None:
    before = listing(mesh)
    (message,) = mesh.run(text)
    assert expected in message
    assert listing(mesh) == before
    assert "x" not in mesh.machine.elements
    assert mesh.run("x at bus0 addr 0x30: tme/test/device") == [], "name and ports are free again"


def test_a_failed_creation_closes_the_element(mesh: SimpleNamespace) -> None:
    from tests.tme.fakes import Device

    made: list[Device] = []

    class Watched(Device):
        def __init__(self, *args) -> None:
            super().__init__(*args)
            made.append(self)

    mesh.session.registry.add("test/watched", Watched)
    assert len(mesh.run("x at bus0 addr 0x10: tme/test/watched")) == 1
    assert made[0].history == ["close"]
    assert made[0].connections == []


def test_a_failed_connection_leaves_nothing(mesh: SimpleNamespace) -> None:
    before = listing(mesh)
    (message,) = mesh.run("dev0 at bus0 addr 0x10")
    assert message == (
        "T:1: cannot connect dev0 to bus0: address 0x10 of bus0 already belongs to dev0\n"
        "  in: dev0 at bus0 addr 0x10"
    )
    assert listing(mesh) == before


def test_to_itself(mesh: SimpleNamespace) -> None:
    assert mesh.run("d: tme/test/device; d channel A at d channel B") == []
    assert len(mesh.machine.elements["d"].connections) == 2
    (message,) = mesh.run("e: tme/test/device; e channel A at e channel A")
    assert "no ports fit" in message, "a port is not its own other end"


def test_mistakes_are_told_once() -> None:
    """What hangs on an element that failed is not reported again, and nothing is set in motion."""
    mesh = session()
    errors = mesh.run("""
        bus0: tme/generic/bus size 16MB
        dev0 at bus0 adr 0: tme/test/device
        dev0 at bus0 addr 4
        alias d dev0
        term0 at d: tme/host/terminal
        dev1 at bus0 addr 0: tme/test/device
        command dev1 go
        nonsense
    """)
    assert [error[:4] for error in errors] == ["T:3:", "T:9:"]
    assert list(mesh.machine.elements) == ["bus0", "dev1"]
    assert mesh.machine.elements["dev1"].history == []


# Taking apart


def test_disconnect(mesh: SimpleNamespace) -> None:
    assert mesh.run("disconnect dev0 at term0") == []
    assert mesh.run("disconnect bus0 addr 0x10 ipl 6 at dev0") == [], "either end may come first"
    assert [str(c.left.args) for c in mesh.graph.connections] == [str(mesh.graph.connections[0].left.args)]
    assert mesh.run("dev0 at bus0 addr 0x10") == [], "the address is free again"
    assert mesh.run("term0 at dev0 channel B") == []


def test_disconnect_everything(mesh: SimpleNamespace) -> None:
    assert mesh.run("disconnect dev0") == []
    assert mesh.graph.connections == []
    assert all(element.connections == [] for element in mesh.machine.elements.values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "disconnect dev0 at bus0",
            "2 connections fit dev0 at bus0: give their arguments too; it has:\n  dev0 at",
        ),
        (
            "disconnect dev0 at bus0 addr 9",
            "there is no connection dev0 at bus0 addr 9; it has:\n  dev0 at bus0",
        ),
        ("disconnect bus0 at term0", "there is no connection bus0 at term0"),
        ("disconnect nobody", "there is no element 'nobody'"),
        ("disconnect", "the name of an element is missing"),
    ],
)
def test_disconnect_mistakes(mesh: SimpleNamespace, text: str, expected: str) -> None:
    before = listing(mesh)
    (message,) = mesh.run(text)
    assert expected in message
    assert listing(mesh) == before


def test_rm_takes_connections_along(mesh: SimpleNamespace) -> None:
    dev0 = mesh.machine.elements["dev0"]
    assert mesh.run("rm dev0") == []
    assert mesh.out == [
        "# disconnected: dev0 at bus0 addr 0x10 ipl 6",
        "# disconnected: dev0 csr at bus0 addr 0x20",
        "# disconnected: term0 at dev0 channel A",
    ]
    assert dev0.history == ["close"]
    assert list(mesh.machine.elements) == ["bus0", "term0"]
    assert mesh.machine.elements["bus0"].connections == []
    assert mesh.run(MACHINE.splitlines()[2]) == [], "the name and the address are free"


def test_rm_of_an_alias_keeps_the_element(mesh: SimpleNamespace) -> None:
    assert mesh.run("alias other dev0; rm dev0") == []
    assert mesh.machine.elements["other"].name == "other"
    assert mesh.machine.elements["other"].history == []
    assert len(mesh.graph.connections) == 3
    assert mesh.run("rm other") == []
    assert "other" not in mesh.machine.elements


# The name space


def test_folders(mesh: SimpleNamespace) -> None:
    assert mesh.run("mkdir io; mkdir io/serial; cd io/serial; pwd; cd ..; pwd; cd; pwd") == []
    assert mesh.out == ["/io/serial", "/io", "/"]
    assert mesh.run("cd io; d at /bus0 addr 0x40: tme/test/device; d channel A at ../io/d channel B") == []
    assert "io/d" in mesh.machine.elements
    assert mesh.run("mv d serial; mv serial /s; cd /; rmdir io; ls") == []
    assert list(mesh.machine.elements)[-1] == "s/d"


def test_mv_renames(mesh: SimpleNamespace) -> None:
    assert mesh.run("mv dev0 zs0; command zs0 hello; zs0 channel B at zs0") != [], "still one element"
    assert mesh.out[0] == "zs0 did hello"
    assert list(mesh.machine.elements) == ["bus0", "zs0", "term0"]
    assert listing(mesh, "")[1] == "zs0 at bus0 addr 0x10 ipl 6: tme/test/device"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cd nowhere", "there is no folder 'nowhere' in /"),
        ("cd bus0", "'bus0' in 'bus0' is an element, not a folder"),
        ("mkdir bus0", "'bus0' exists already in /"),
        ("mkdir a/b", "there is no folder 'a' in /"),
        ("mkdir a; cd a; rmdir ../a", "the folder /a cannot be removed: you are in it"),
        ("mkdir a; mkdir a/b; rmdir a", "the folder /a is not empty"),
        ("rmdir bus0", "is an element, not a folder"),
        ("rmdir /", "the folder / is not empty"),
        ("mkdir a; rm a", "'a' is a folder, not an element"),
        ("rm nobody", "there is no element 'nobody'"),
        ("rm a b", "rm: unknown argument 'b'\n  usage: NAME"),
        ("mv bus0 dev0", "'dev0' exists already in / (made at T:3)"),
        ("mkdir a; mv a a", "the folder /a cannot be moved into itself"),
        ("mkdir a; cd a; mv /a /b", "the folder /a cannot be moved: you are in it"),
        ("mkdir a; mkdir a/bus0; mv bus0 a", "'bus0' exists already in /a"),
        ("alias dev0 bus0", "'dev0' exists already in /"),
        ("alias x nobody", "there is no element 'nobody'"),
        ("mkdir a; cd a; command dev0 go", "there is no element 'dev0' in /a; did you mean '/dev0'?"),
        ("mkdir a/", None),
        ("mkdir ..", "'..' does not end in a name"),
        ("ls nobody", "there is no element 'nobody'"),
        ("ls -x", "ls: unknown flag in '-x'; the flags are -a, -l and -R"),
        ("ls a b", "ls: only one PATH can be given"),
    ],
)
def test_name_space_mistakes(mesh: SimpleNamespace, text: str, expected: str | None) -> None:
    errors = mesh.run(text)
    assert len(errors) == (expected is not None)
    if expected:
        assert expected in errors[0]


def test_ls(mesh: SimpleNamespace) -> None:
    assert mesh.run("mkdir io; alias io/serial dev0") == []
    created = [
        "bus0: tme/generic/bus size 16MB",
        "dev0 at bus0 addr 0x10 ipl 6: tme/test/device",
        "term0 at dev0 channel A: tme/host/terminal",
    ]
    assert listing(mesh, "") == ["mkdir io", *created]
    assert listing(mesh, "-R") == ["mkdir io", *created, "alias io/serial dev0"]
    assert listing(mesh, "-a")[-1] == "dev0 csr at bus0 addr 0x20"
    assert listing(mesh, "-al dev0") == [
        "/dev0 at /bus0 addr 0x10 ipl 6: tme/test/device",
        "/dev0 csr at /bus0 addr 0x20",
    ]
    assert listing(mesh, "io") == ["alias io/serial dev0"]


def test_ls_can_be_read_again(mesh: SimpleNamespace) -> None:
    assert (
        mesh.run("""
        mkdir io; cd io; mkdir inner; d at /bus0 addr 0x40: tme/test/device slow file "my file"
        alias inner/e d; t at d channel B: tme/host/terminal; cd /; alias bus1 bus0; d2: tme/test/device
        d2 channel A at io/d channel A
    """)
        == []
    )
    text = listing(mesh, "-aR")
    again = session()
    assert again.run("\n".join(text)) == []
    assert listing(again, "-aR") == text
    assert listing(again, "-aRl") == listing(mesh, "-aRl")
    assert list(again.machine.elements) == list(mesh.machine.elements)


# Other commands


def test_command_and_log(mesh: SimpleNamespace) -> None:
    assert mesh.run("command dev0 power up; command dev0 quietly") == []
    assert mesh.out == ["dev0 did power up"]
    dev0 = mesh.machine.elements["dev0"]
    dev0.log("always")
    dev0.log("detail", level=2)
    assert mesh.run("log dev0 2") == []
    dev0.log("more detail", level=2)
    assert mesh.run("log dev0 off") == []
    dev0.log("silence")
    assert [call[2] for call in mesh.machine.calls] == ["always", "more detail"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("command bus0 power up", "T:1: 'bus0' (generic/bus) takes no commands"),
        ("command", "command: 'NAME' is missing"),
        ("command bos0 x", "did you mean 'bus0'?"),
        ("log dev0 much", "log: bad level 'much': 'off' or a number is expected"),
        ("log dev0", "is missing"),
        ("quit now", "quit: bad exit status 'now'"),
        ("quit 256", "quit: bad exit status '256'"),
        ("pwd x", "pwd: unknown argument 'x'"),
        ("help nonsense", "no help on 'nonsense'"),
        ("help tme/generic/bas", "no help on 'tme/generic/bas'; did you mean 'generic/bus'?"),
        ("source nowhere", "T:1: source: there is no file 'nowhere'"),
        ("reset nobody", "there is no element 'nobody'"),
    ],
)
def test_command_mistakes(mesh: SimpleNamespace, text: str, expected: str) -> None:
    (message,) = mesh.run(text)
    assert expected in message


def test_reset(mesh: SimpleNamespace) -> None:
    assert mesh.run("d: tme/test/device; reset d") == []
    d, dev0 = mesh.machine.elements["d"], mesh.machine.elements["dev0"]
    assert (d.history, dev0.history) == (["reset"], [])
    assert mesh.run("reset") == []
    assert (d.history, dev0.history) == (["reset", "reset"], ["reset"])


def test_quit_ends_the_text(mesh: SimpleNamespace) -> None:
    assert mesh.run("quit 3; rm bus0") == []
    assert mesh.session.exit_code == 3
    assert mesh.machine.exit_code == 3
    assert "bus0" in mesh.machine.elements


def test_help(mesh: SimpleNamespace) -> None:
    assert mesh.run("help; help ls; help exit; help tme/test/device; help dev0") == []
    everything, ls, quit_, device, dev0 = mesh.out
    for word in ("connect", "disconnect", "reset", "mkdir", "quit", "NAME at OTHER"):
        assert word.split()[0] in everything
    assert ls.startswith("ls [-alR] [PATH]")
    assert quit_.startswith("quit [CODE]")
    assert device == dev0
    assert "tme/test/device  [file FILE] [slow]" in device
    assert "connection: [channel {A|B}] [csr]" in device
    assert "file             some file" in device


# Files


def write(folder: Path, **files: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def test_source_looks_beside_its_file(tmp_path: Path) -> None:
    write(tmp_path / "m", main="source ../parts/bus; source dev", dev="d at bus0 addr 1: tme/test/device")
    write(tmp_path / "parts", bus="bus0: tme/generic/bus size 1MB; source more", more="source dev2")
    write(tmp_path / "m", dev2="d2: tme/test/device file x.bin")
    mesh = session()
    mesh.session.load(tmp_path / "m/main")
    assert mesh.session.errors == []
    assert set(mesh.machine.elements) == {"bus0", "d", "d2"}
    assert mesh.machine.elements["d2"].args["file"] == tmp_path / "m/x.bin"
    assert mesh.machine.elements["d"].where == f"{tmp_path}/m/dev:1"


def test_source_mistakes(tmp_path: Path) -> None:
    write(
        tmp_path,
        main="\nsource main\nsource fragmant\nsource wrong\nsource binary",
        fragment="",
        wrong="\nx y",
    )
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    mesh = session()
    mesh.session.load(tmp_path / "main")
    errors = [str(error) for error in mesh.session.errors]
    assert errors[0] == f"{tmp_path}/main:2: '{tmp_path}/main' sources itself"
    assert errors[1] == f"{tmp_path}/main:3: source: there is no file 'fragmant'; did you mean 'fragment'?"
    assert errors[2].startswith(f"{tmp_path}/wrong:2: 'x' is not a command")
    assert "is not a text in UTF-8" in errors[3]
