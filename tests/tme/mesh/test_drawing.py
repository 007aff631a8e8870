"""`tmesh --graph`: DOT and SVG of machines, also of those with elements that we do not have."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tme.errors import TmeError
from tme.mesh.dot import dot, write
from tme.mesh.sketch import sketch
from tme.mesh.svg import svg

MACHINE = """
board0: tme/machine/sun4 name Calvin
sbus0: tme/generic/bus size 4GB slot 0
sbus0 controller at board0 sbus
le0 at sbus0 slot 0 offset 0xc00000 ipl 5: tme/ic/am7990
rom0 at sbus0 slot 0: tme/host/posix/memory rom "no <such> file"
tap0: nme/host/tun/tap
tap0 at tap0
command board0 power up
alone0: tme/serial/sink
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    file = tmp_path / "machine"
    file.write_text(MACHINE)
    return file


def test_dot(machine: Path) -> None:
    graph, errors = sketch([machine])
    assert errors == []
    lines = dot(graph).splitlines()
    assert '  "le0" [label="le0\\nic/am7990"];' in lines
    assert '  "board0" -- "sbus0" [label="controller / sbus" fontsize=9];' in lines
    assert '  "sbus0" -- "le0" [label="slot 0 offset 0xc00000 ipl 5" fontsize=9];' in lines
    assert '  "tap0" -- "tap0";' in lines


def test_svg(machine: Path) -> None:
    graph, _ = sketch([machine])
    root = ElementTree.fromstring(svg(graph))
    space = "{http://www.w3.org/2000/svg}"
    boxes = {}
    for rect, name in zip(root.iter(f"{space}rect"), graph.elements, strict=True):
        boxes[name] = [float(rect.get(key, "nan")) for key in ("x", "y", "width", "height")]
    width, height = (float(root.get(key, "nan")) for key in ("width", "height"))
    assert all(x > 0 and x + w < width and y > 0 and y + h < height for x, y, w, h in boxes.values())
    corners = list(boxes.values())
    for at, (x, y, w, h) in enumerate(corners):
        for x2, y2, w2, h2 in corners[at + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y, "boxes overlap"
    texts = [text.text for text in root.iter(f"{space}text")]
    assert {"le0", "ic/am7990", "slot 0 offset 0xc00000 ipl 5"} <= set(texts)
    assert len(list(root.iter(f"{space}path"))) == len(graph.connections)


def test_empty_machine() -> None:
    graph, _ = sketch([])
    ElementTree.fromstring(svg(graph))
    assert dot(graph).startswith("graph machine {")


def test_files(machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, _ = sketch([machine])
    monkeypatch.setattr(shutil, "which", lambda name: None)
    write(graph, tmp_path / "m.svg")
    assert (tmp_path / "m.svg").read_text() == svg(graph), "without graphviz we draw ourselves"
    with pytest.raises(TmeError, match=r"must end in \.dot or \.svg"):
        write(graph, tmp_path / "m.png")
    with pytest.raises(TmeError, match="cannot write"):
        write(graph, tmp_path / "nowhere" / "m.dot")


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
def test_graphviz_accepts_it(machine: Path) -> None:
    graph, _ = sketch([machine])
    done = subprocess.run(["dot", "-Tsvg"], input=dot(graph), text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_unknown_names_are_mistakes(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("a: tme/ic/am7999\n")
    _, errors = sketch([tmp_path / "m"])
    assert "there is no element 'tme/ic/am7999'" in str(errors[0])
