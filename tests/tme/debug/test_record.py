"""Recording with QEMU, and the debugger protocol's client."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tme.debug import record
from tme.debug.compare import compare
from tme.debug.gdbremote import Remote, RemoteError

TRACES = Path(__file__).resolve().parents[2] / "traces"


def served(answers: Callable[[bytes], bytes]) -> tuple[Remote, list[bytes]]:
    """A client, and the packets that the other side has seen; it sends `answers(packet)` as it stands."""
    mine, other = socket.socketpair()
    seen: list[bytes] = []

    def serve() -> None:
        with other:
            while data := other.recv(4096):
                if b"#" in data:
                    packet = data[data.index(b"$") + 1 : data.index(b"#")]
                    seen.append(packet)
                    other.sendall(answers(packet))

    threading.Thread(target=serve, daemon=True).start()
    return Remote(mine), seen


def packet(body: bytes) -> bytes:
    return b"$%s#%02x" % (body, sum(body) & 0xFF)


def test_run_lengths_and_escapes() -> None:
    remote, _ = served(lambda p: b"+" + packet(b"0* 12}\x03"))
    assert remote.command("x") == "000012#"


def test_a_damaged_packet_is_asked_for_again() -> None:
    remote, _ = served(lambda p: b"+$ab#00" + packet(b"cd"))
    assert remote.command("x") == "cd"


def test_memory_in_pieces() -> None:
    remote, seen = served(lambda p: b"+" + packet(b"55" * int(p.split(b",")[1], 16)))
    assert remote.read(0x1000, 1500) == b"\x55" * 1500
    assert seen == [b"m1000,400", b"m1400,1dc"]


def test_errors_are_told() -> None:
    remote, _ = served(lambda p: b"+" + packet(b"E14"))
    with pytest.raises(RemoteError, match="no memory at 0x10"):
        remote.read(0x10, 4)


@pytest.mark.parametrize(("answer", "status"), [(b"T05thread:01;", None), (b"S05", None), (b"W03", 3)])
def test_step(answer: bytes, status: int | None) -> None:
    assert served(lambda p: b"+" + packet(answer))[0].step() == status


def test_a_signal_is_no_step() -> None:
    with pytest.raises(RemoteError, match="T0b"):
        served(lambda p: b"+" + packet(b"T0b"))[0].step()


needs_qemu = pytest.mark.skipif(shutil.which(record.QEMU) is None, reason="needs qemu-m68k")


@needs_qemu
def test_records_what_is_checked_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also that an engine of ours which did something else would have been noticed: it did not."""
    out = tmp_path / "text.trace.gz"
    assert record.main(["-o", str(out), str(TRACES / "programs/text.elf")]) == 0
    assert "engine did 0 of them differently" in capsys.readouterr().out
    assert isinstance(compare(out, TRACES / "text.trace.gz"), int)


@needs_qemu
def test_memory_that_changed_unseen_is_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record.Recorder, "_stored", lambda self: {})
    monkeypatch.setattr(record.Recorder, "_predict", lambda self: None)
    assert record.main(["-o", str(tmp_path / "x"), str(TRACES / "programs/text.elf")]) == 1
    assert "our engine did not see" in capsys.readouterr().err


@needs_qemu
def test_no_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no program\n")
    assert record.main([str(file)]) == 1
    assert "record: " in capsys.readouterr().err


def test_no_qemu(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert record.main(["-o", str(tmp_path / "x"), str(TRACES / "programs/text.elf")]) == 1
    assert "qemu-user" in capsys.readouterr().err
