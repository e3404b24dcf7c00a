"""Animations: as many frames as steps, pages that need no network, files that are whole or not there."""

import json
import os
import re
import shutil
import subprocess
import warnings

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="refopt.view needs matplotlib")

from PIL import Image  # matplotlib brings it

from refopt import problems, view
from refopt.training import entrants, toy_race

STEPS = 12
BEALE = problems.get("beale")
RUNS = toy_race(entrants(["adam", "sgd"], "beale"), "beale", STEPS)
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="films are written by the program ffmpeg")


def race_of(page):
    return json.loads(re.search(r"^const race = (.*);$", page, re.MULTILINE)[1])


def test_a_gif_has_a_frame_for_the_start_and_each_step(tmp_path):
    path = view.animate(RUNS, BEALE, tmp_path / "race.gif", fps=10)
    with Image.open(path) as image:
        assert image.n_frames == STEPS + 1
        assert image.info["loop"] == 0  # for ever
        assert image.info["duration"] == 100
        first = np.asarray(image.convert("RGB")).astype(int)
        image.seek(STEPS)
        last = np.asarray(image.convert("RGB")).astype(int)
    changed = np.abs(first - last).max(axis=2) > 40
    assert 0.002 < changed.mean() < 0.2  # lines have been drawn; the ground stands
    assert list(tmp_path.iterdir()) == [path]


def test_walks_that_stand_still_keep_all_their_frames(tmp_path):
    walks = {"still": np.tile([1.0, 1.0], (6, 1)), "short": np.array([[0.0, 0.0]])}
    with Image.open(view.animate(walks, BEALE, tmp_path / "still.gif")) as image:
        assert image.n_frames == 6


def test_a_page_asks_nothing_of_the_network_and_holds_the_numbers(tmp_path):
    page = view.animate(RUNS, BEALE, tmp_path / "race.html", fps=8).read_text(encoding="utf-8")
    assert not re.search(r"https?:|//[a-z]+\.|@import|<link|src=\"(?!data:)", page)
    assert "{{" not in page
    race = race_of(page)
    assert (race["steps"], race["fps"]) == (STEPS, 8)
    for walk, run in zip(race["walks"], RUNS, strict=True):
        assert walk["name"] == run.name
        assert np.allclose(walk["values"], run.losses, rtol=1e-3)
        x, y = np.array(walk["ground"]).T
        left, top, width, height = race["boxes"][0]
        (low, high), (bottom, roof) = BEALE.bounds
        assert np.allclose(low + (x - left) / width * (high - low), run.path[:, 0], atol=0.01)
        assert np.allclose(roof - (y - top) / height * (roof - bottom), run.path[:, 1], atol=0.01)


def test_names_cannot_break_out_of_the_page(tmp_path):
    walks = {"</script><b>": np.ones((2, 2))}
    page = view.animate(walks, BEALE, tmp_path / "race.html").read_text(encoding="utf-8")
    assert "</script><b>" not in page
    assert race_of(page)["walks"][0]["name"] == "</script><b>"


def test_a_name_with_the_sign_of_a_place_stays_a_name(tmp_path):
    walks = {"{{race}}": np.ones((2, 2)), "{{picture}}": np.zeros((2, 2))}
    page = view.animate(walks, BEALE, tmp_path / "race.html").read_text(encoding="utf-8")
    assert [walk["name"] for walk in race_of(page)["walks"]] == list(walks)
    assert "<title>{{race}}, {{picture}} on Beale</title>" in page


def test_a_walk_without_a_floor_leaves_the_others_their_losses(tmp_path):
    """Down the saddle to −∞, and nowhere at all: heights are counted from the lowest finite loss."""
    down = np.array([[1.0, 0.0], [1.0, 2.0], [1.0, 1e200]])
    walks = {"down": down, "nowhere": np.full((2, 2), np.nan)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page = view.animate(walks, problems.get("saddle"), tmp_path / "race.html").read_text(encoding="utf-8")
    assert [walk["values"] for walk in race_of(page)["walks"]] == [[2.0, 0.0, None], [None, None]]  # ½ and −1½


def test_points_far_away_or_not_finite_stay_json(tmp_path):
    walks = {"away": np.array([[0.0, 0.0], [1e200, 1e200], [np.inf, np.nan]])}
    race = race_of(view.animate(walks, BEALE, tmp_path / "race.html").read_text(encoding="utf-8"))
    assert race["walks"][0]["ground"][2] == [None, None]
    assert race["walks"][0]["values"][1:] == [None, None]


def test_a_dark_page(tmp_path):
    with view.theme("dark"):
        page = view.animate(RUNS, BEALE, tmp_path / "race.html").read_text(encoding="utf-8")
    assert "color-scheme: dark" in page
    assert race_of(page)["paper"] == "#14181f"


@needs_ffmpeg
def test_a_film_has_all_frames(tmp_path):
    path = view.animate(RUNS, BEALE, tmp_path / "race.mp4")
    assert path.read_bytes()[4:8] == b"ftyp"
    if shutil.which("ffprobe"):
        command = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", path]
        assert int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) == STEPS + 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_film_without_ffmpeg_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(FileNotFoundError, match="needs the program ffmpeg"):
        view.animate(RUNS, BEALE, tmp_path / "race.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["html", "gif", pytest.param("mp4", marks=needs_ffmpeg)])
def test_nothing_half_written_is_left(tmp_path, monkeypatch, kind):
    path = tmp_path / f"race.{kind}"
    path.write_bytes(b"the old one")

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", broken)  # the last thing that a writer does
    with pytest.raises(OSError, match="disk full"):
        view.animate(RUNS, BEALE, path)
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match=r"'race.git' has a suffix.*did you mean '.gif'"):
        view.animate(RUNS, BEALE, tmp_path / "race.git")
    for fps in (0, -1, 61, float("nan")):
        with pytest.raises(ValueError, match="fps must be"):
            view.animate(RUNS, BEALE, tmp_path / "race.gif", fps=fps)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError):
        view.animate(RUNS, BEALE, tmp_path / "file" / "race.gif")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
