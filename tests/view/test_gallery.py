"""The gallery: pictures are made again where, and only where, something that they use has changed; they still show the same.

Pictures are compared as coarse images, not as text and not dot by dot: another matplotlib or another font moves a letter by a
fraction of a point and changes every byte, but neither which words stand there, nor the colours, nor where on the paper, cell
by cell of a grid of 60 × 40, there are lines.
"""

import base64
import io
import json
import math
import os
import re
import shutil
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="refopt.view needs matplotlib")

from PIL import Image  # matplotlib brings it

from refopt.cli import main
from refopt.view import gallery as room
from refopt.view.gallery import Gallery, find

CHECKOUT = find(room.PACKAGE.parent)
# Those that take less than a second; REFOPT_FIGURES=all compares every picture that is the same whenever it is made.
FAST = [
    "adam_bias_correction", "adam_ledger", "adam_vs_adamw", "clipping", "eps_placement", "momentum", "race_grid", "saddle",
    "sign_methods", "step_arrows", "trails", "warmup",
]  # fmt: skip
MEASURED = ["comparison"]  # shows times
SAMPLE = [name for name in CHECKOUT.names if name not in MEASURED] if os.environ.get("REFOPT_FIGURES") == "all" else FAST
GRID = 60, 40
TOLERANCE = 0.1  # of the root mean square of the picture itself


def numbers(text):
    return [float(x) for x in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", text)]


def coarse(svg):
    """(words, colours, ink on the grid, ground on the grid) of an SVG that matplotlib wrote."""
    tree = ET.fromstring(svg)
    _, _, width, height = numbers(tree.get("viewBox"))
    ink, ground = np.zeros(GRID), np.zeros(GRID)

    def mark(x, y):
        i, j = math.floor(x / width * GRID[0]), math.floor(y / height * GRID[1])
        if 0 <= i < GRID[0] and 0 <= j < GRID[1]:
            ink[i, j] = 1

    def walk(element):
        tag = element.tag.rpartition("}")[2]
        if tag in ("defs", "metadata") or (element.get("id") or "").startswith("text_"):
            return  # words are compared as words
        if tag == "path":
            points = np.array(numbers(element.get("d"))).reshape(-1, 2)
            for (a, b), (c, d) in pairwise(points):
                for share in np.linspace(0, 1, 2 + int(max(abs(c - a) / width * GRID[0], abs(d - b) / height * GRID[1]) * 2)):
                    mark(a + share * (c - a), b + share * (d - b))
        elif tag == "use":
            mark(float(element.get("x", 0)), float(element.get("y", 0)))
        elif tag == "image":
            data = next(value for name, value in element.items() if name.endswith("href")).partition(",")[2]
            picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA").resize(GRID)
            ground[:] += np.asarray(picture).mean(axis=2).T / 255
        for child in element:
            walk(child)

    walk(tree)
    words = [" ".join(word.split()) for word in re.findall(r"<!--(.*?)-->", svg, re.DOTALL)]
    colors = set(re.findall(r"(?:stroke|fill): (#[0-9a-f]{6})", svg))
    return words, colors, blurred(ink), ground


def blurred(image):
    """The mean of each cell and its eight neighbours: a line that moves into the next cell is nearly the same."""
    padded = np.pad(image, 1)
    return sum(padded[i : i + GRID[0], j : j + GRID[1]] for i in range(3) for j in range(3)) / 9


def distance(one, other):
    """The root mean square of the difference, relative to that of the first."""
    return float(np.sqrt(np.mean((one - other) ** 2) / max(np.mean(one**2), 1e-12)))


def differ(one, other):
    """What is not the same in two pictures, in a word; "" where they show the same."""
    (words, colors, ink, ground), (others, shades, lines, floor) = coarse(one), coarse(other)
    if words != others:
        return f"words {sorted(set(words) ^ set(others))}"
    if colors != shades:
        return f"colours {sorted(colors ^ shades)}"
    if distance(ink, lines) > TOLERANCE:
        return f"lines, by {distance(ink, lines):.2f}"
    return f"ground, by {distance(ground, floor):.2f}" if distance(ground, floor) > TOLERANCE else ""


@pytest.mark.parametrize("name", SAMPLE)
def test_the_script_draws_the_picture_beside_it(name, tmp_path):
    script = CHECKOUT.script(name)
    if CHECKOUT.data(name).is_file():
        (tmp_path / f"{name}.json").write_bytes(CHECKOUT.data(name).read_bytes())
    space = {"__name__": "__main__", "__file__": str(tmp_path / script.name)}
    exec(compile(script.read_text(encoding="utf-8"), str(script), "exec"), space)
    made = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
    assert differ((CHECKOUT.directory / f"{name}.svg").read_text(encoding="utf-8"), made) == ""


def test_the_comparison_sees_what_matters_and_only_that():
    from refopt import problems, view

    def drawn(turn=0.0, title="t", color="#0072B2", shift=0.0, problem="beale"):
        with view.theme():
            ax = view.contour(problems.get(problem))
            x = np.linspace(0, 3, 50)
            ax.plot(x, np.cos(x + turn) + shift, color=color)
            ax.set_title(title)
            file = io.StringIO()
            ax.figure.savefig(file, format="svg")
        return file.getvalue()

    plain = drawn()
    assert differ(plain, drawn()) == ""
    assert differ(plain, drawn(shift=0.01)) == ""  # less than a dot of the coarse image
    assert differ(plain, drawn(turn=1.0)).startswith("lines")
    assert differ(plain, drawn(title="u")).startswith("words")
    assert differ(plain, drawn(color="#D55E00")).startswith("colours")
    assert differ(plain, drawn(problem="rosenbrock"))


def test_every_picture_has_its_script_its_caption_and_a_size_that_loads():
    pictures = {path.stem for path in CHECKOUT.directory.glob("*.svg")}
    assert pictures == set(CHECKOUT.names)
    assert len(pictures) >= 20
    for name in pictures:
        assert len(CHECKOUT.caption(name)) > 60, f"{name}: say what to see"
        assert (CHECKOUT.directory / f"{name}.svg").stat().st_size < 450_000


def test_the_page_shows_every_caption():
    assert CHECKOUT.page_is_current(), "refopt figures writes it"
    page = CHECKOUT.page()
    for name in CHECKOUT.names:
        assert f"]({name}.svg)" in page
        assert CHECKOUT.caption(name) in page
        assert f"`refopt figures {name}`" in page


SCRIPT = '''"""What to see
here.

And more.
"""

from pathlib import Path

from refopt import problems, view
from refopt.data import digits

digits()
ax = view.contour(problems.get("beale"), points=20)
view.save(ax.figure, Path(__file__).parent, "one", kinds=["svg"])
'''


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "figures"
    folder.mkdir()
    (folder / "made.json").write_text("{}")
    (folder / "one.py").write_text(SCRIPT)
    gallery = Gallery(folder)
    assert gallery.stale("one") == "there is no picture yet"
    gallery.make("one")
    return folder


@pytest.fixture
def small(made_once, tmp_path):
    """A gallery of one picture, made, to be spoilt."""
    return Gallery(shutil.copytree(made_once, tmp_path / "figures"))


def test_what_makes_a_picture_stale(small):
    assert small.stale("one") is None
    uses = small.made["one"]["uses"]
    # what it imports, what these import, and what they open; not what only the gallery needs
    assert {"refopt/problems/valleys.py", "refopt/view/contour.py", "refopt/data/digits.npz"} <= set(uses)
    assert not {"refopt/view/gallery.py", "refopt/view/race.py", "refopt/rules/adam.py"} & set(uses)
    picture = small.directory / "one.svg"
    drawn = picture.read_bytes()
    picture.write_bytes(drawn + b" ")
    assert small.stale("one") == "the picture is not the one that its script made"
    picture.unlink()
    assert small.stale("one") == "there is no picture yet"
    picture.write_bytes(drawn)
    assert small.stale("one") is None
    uses["refopt/view/contour.py"] = "another"
    assert small.stale("one") == "refopt/view/contour.py changed"
    small.script("one").write_text(SCRIPT + "\n")
    assert small.stale("one") == "its script changed"
    small.script("one").write_text(SCRIPT.replace("\n", "\r\n"), newline="")
    small.data("one").write_text("[1]")
    assert small.stale("one") == "its numbers changed"
    small.made.clear()
    assert small.stale("one") == "nobody noted what it was made from"


def test_made_again_only_where_something_changed(small, monkeypatch, capsys):
    monkeypatch.chdir(small.directory.parent)
    before = (small.directory / "one.svg").stat().st_mtime_ns
    assert main(["figures"]) == 0
    assert "0 made, 0 failed, 1 as they were" in capsys.readouterr().out
    assert (small.directory / "one.svg").stat().st_mtime_ns == before
    assert (small.directory / "README.md").read_text().count("What to see here.") == 1
    assert main(["figures", "--check"]) == 0
    small.script("one").write_text(SCRIPT.replace("points=20", "points=21"))
    capsys.readouterr()
    assert main(["figures", "--check", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["out_of_date"] == {"one": "its script changed"}
    assert main(["figures", "one"]) == 0
    told = capsys.readouterr()
    assert "one: its script changed" in told.err
    assert "1 made" in told.out
    assert main(["figures", "--check"]) == 0


def test_into_another_directory(small, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(small.directory.parent)
    noted = (small.directory / "made.json").read_bytes()
    assert main(["figures", "--out", str(tmp_path / "elsewhere"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["made"] == ["one"]
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["one.svg"]
    assert (small.directory / "made.json").read_bytes() == noted
    assert differ((small.directory / "one.svg").read_text(), (tmp_path / "elsewhere" / "one.svg").read_text()) == ""


def test_a_script_that_fails_spoils_nothing(small, monkeypatch, capsys):
    monkeypatch.chdir(small.directory.parent)
    before = (small.directory / "one.svg").read_bytes()
    noted = (small.directory / "made.json").read_bytes()
    small.script("one").write_text(SCRIPT.replace("digits()\nax", "raise SystemExit('out of paint')\nax"))
    (small.directory / "silent.py").write_text('"""Draws nothing."""\n')
    assert main(["figures"]) == 1
    told = capsys.readouterr()
    assert "one.py failed: out of paint" in told.err
    assert "silent.py ran, but wrote no silent.svg" in told.err
    assert "0 made, 2 failed" in told.out
    assert (small.directory / "one.svg").read_bytes() == before
    assert (small.directory / "made.json").read_bytes() == noted


def test_notes_of_pictures_that_are_gone_go_too(small):
    small.script("one").unlink()
    gallery = Gallery(small.directory)
    gallery.forget()
    assert json.loads((small.directory / "made.json").read_text()) == {}


def test_what_is_wrong_is_said(small, monkeypatch, tmp_path, capsys):
    with pytest.raises(ValueError, match="unknown picture 'oen'; did you mean 'one'"):
        small.demand(["oen"])
    (small.directory / "mute.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match="no docstring"):
        Gallery(small.directory).caption("mute")
    assert find(small.directory).directory == small.directory  # from inside it, too
    monkeypatch.chdir(small.directory.parent)
    assert main(["figures", "--check", "--all"]) == 2
    assert "goes without --out and --all" in capsys.readouterr().err
    notes = small.directory / "made.json"
    for broken in ("{", "[]", '{"one": 5}', '{"one": {"script": "x"}}'):
        notes.write_text(broken)
        with pytest.raises(ValueError, match=r"made.json is broken .* with {} in it"):
            find(small.directory)
    notes.unlink()
    monkeypatch.setattr(room, "PACKAGE", tmp_path / "site-packages" / "refopt")
    with pytest.raises(FileNotFoundError, match=r"no figures/made.json in .* run this inside a checkout"):
        find(tmp_path)
