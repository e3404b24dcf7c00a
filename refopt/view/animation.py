"""A race that moves: trails over the ground and losses beside it, step by step, as a page, a GIF or an MP4.

Ground, axes and words are drawn once; only the lines are drawn again for every step.
"""

from __future__ import annotations

import base64
import io
import math
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import IdentityTransform

from refopt import problems
from refopt.problems import Problem
from refopt.recurrence import nearest
from refopt.training.files import write_whole
from refopt.view.contour import contour, marks
from refopt.view.page import as_script, filled
from refopt.view.style import ink, line_styles, new_figure, on_dark, outline
from refopt.view.walks import taken

__all__ = ["KINDS", "animate"]

KINDS = (".html", ".gif", ".mp4")
DPI = 100
HOLD = 2.0  # seconds on the last step before a GIF begins again


class _Stage(NamedTuple):
    """What stands still: the figure, its two panels, the walks, and the loss at each of their points."""

    figure: Figure
    ground: Any
    losses: Any
    paths: dict[str, np.ndarray]
    values: dict[str, np.ndarray]
    steps: int


def animate(walks: Any, problem: Problem | str, path: str | Path, fps: float = 12.0, title: str | None = None) -> Path:
    """Write the walks over `problem` as an animation, one frame a step (and one for the start); returns the path.

    The suffix of `path` decides: ".html" is a page that plays by itself, by clicks and by keys, and asks nothing of the
    network; ".gif" a picture; ".mp4" a film, which needs the program ffmpeg. `walks` is a mapping of names to points
    (steps + 1, 2), or what `refopt.training.toy_race` or `refopt.race` gives; a walk that is shorter than the others waits
    where it ended. `fps` is frames a second.

    The directory is made where there is none; the file is there whole or not at all. Raises ValueError for another suffix or
    fps, OSError where nothing can be written, or ffmpeg is missing or fails.
    """
    path = Path(path)
    write = {".html": _html, ".gif": _gif, ".mp4": _mp4}.get(path.suffix.lower())
    if write is None:
        raise ValueError(f"{path.name!r} has a suffix that is no kind of animation{nearest(path.suffix, KINDS)}")
    if not (math.isfinite(fps) and 0 < fps <= 60):
        raise ValueError(f"fps must be above 0 and at most 60 frames a second, got {fps!r}")
    if write is _mp4 and shutil.which("ffmpeg") is None:
        raise FileNotFoundError("an .mp4 needs the program ffmpeg, which is not on the PATH; .gif and .html need nothing more")
    stage = _stage(taken(walks), problems.get(problem), title)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(stage, path, fps)


def _stage(paths: dict[str, np.ndarray], problem: Problem, title: str | None) -> _Stage:
    with np.errstate(all="ignore"):
        values = {name: np.asarray(problem.loss(path), dtype=float) for name, path in paths.items()}
    steps = max(len(path) for path in paths.values()) - 1
    styles = line_styles(list(paths))
    with new_figure(11.6, 5.6) as figure:
        ground, losses = figure.subplots(1, 2)
        contour(problem, ground)
        marks(ground, problem)
        known = [_floor(problem), *(float(some[np.isfinite(some)].min(initial=np.inf)) for some in values.values())]
        lowest = min(known) if math.isfinite(min(known)) else 0.0
        heights = [some - lowest for some in values.values()]
        finite = np.concatenate([some[np.isfinite(some) & (some > 0)] for some in heights])
        low, high = (max(finite.min(), 1e-16), finite.max()) if finite.size else (0.1, 1.0)
        first = max((float(some[0]) for some in heights if math.isfinite(some[0])), default=low)
        high = min(high, max(first, low) * 1e3)  # one that flies away must not flatten the others
        losses.set(xlim=(0, max(steps, 1)), ylim=(low / 2, high * 2), yscale="log", xlabel="step", title="Loss along each walk")
        losses.set_ylabel("loss above the lowest" if lowest else "loss")
        for name in paths:
            losses.plot([], [], label=name, **styles[name])
        losses.legend(loc="upper right", fontsize=10, frameon=True, facecolor=outline(), edgecolor="none", framealpha=0.8)
        if title is not None:
            figure.suptitle(title, fontsize=15, fontweight="bold")
    return _Stage(figure, ground, losses, paths, {name: some - lowest for name, some in values.items()}, steps)


def _floor(problem: Problem) -> float:
    """The loss at the minima; infinite where the function has none: then the lowest point of the walks is the floor."""
    return float(np.min(problem.loss(problem.minima))) if len(problem.minima) else math.inf


def _frames(stage: _Stage, steps: Iterable[int]) -> Iterator[np.ndarray]:
    """The frames of these steps as pixels (height, width, 4), uint8."""
    figure, paper = stage.figure, stage.figure.get_facecolor()
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    styles = line_styles(list(stage.paths))
    lines: list[tuple[Any, Any, Any, Any, np.ndarray, np.ndarray]] = []
    edge = {"markeredgecolor": paper, "markersize": 8, "linestyle": "none", "animated": True, "zorder": 6}
    for name, path in stage.paths.items():
        moving = styles[name] | {"animated": True}
        (trail,) = stage.ground.plot([], [], **moving)
        (dot,) = stage.ground.plot([], [], "o", color=styles[name]["color"], **edge)
        (curve,) = stage.losses.plot([], [], **moving)
        (end,) = stage.losses.plot([], [], "o", color=styles[name]["color"], **edge)
        lines.append((trail, dot, curve, end, path, stage.values[name]))
    left = stage.ground.text(
        1.0, 1.02, "", transform=stage.ground.transAxes, ha="right", va="bottom", fontsize=12, animated=True, color=ink()
    )
    canvas.draw()
    empty = canvas.copy_from_bbox(figure.bbox)
    for step in steps:
        canvas.restore_region(empty)
        for trail, dot, curve, end, path, values in lines:
            last = min(step, len(path) - 1)
            trail.set_data(*path[: last + 1].T)
            dot.set_data(*path[last : last + 1].T)
            curve.set_data(range(last + 1), values[: last + 1])
            end.set_data([last], values[last : last + 1])
            stage.ground.draw_artist(trail)
            stage.losses.draw_artist(curve)
        for _, dot, _, end, *_ in lines:  # above all trails
            stage.ground.draw_artist(dot)
            stage.losses.draw_artist(end)
        left.set_text(f"step {step} of {stage.steps}")
        stage.ground.draw_artist(left)
        yield np.asarray(canvas.buffer_rgba()).copy()


def _gif(stage: _Stage, path: Path, fps: float) -> Path:
    from PIL import Image

    images = (Image.fromarray(frame).convert("RGB") for frame in _frames(stage, [stage.steps, *range(stage.steps + 1)]))
    colors = next(images).quantize(255)  # one palette for all: the last frame has every colour
    small = (image.quantize(palette=colors, dither=Image.Dither.NONE) for image in images)  # one in full colour at a time
    times = [round(1000 / fps)] * stage.steps + [round(1000 * HOLD)]

    def write(file: Any) -> None:
        next(small).save(file, format="GIF", save_all=True, append_images=small, duration=times, loop=0, optimize=False)

    return write_whole(path, write)


def _mp4(stage: _Stage, path: Path, fps: float) -> Path:
    frames = _frames(stage, range(stage.steps + 1))
    first = next(frames)
    height, width = first.shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        command = ["ffmpeg", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgba", "-s", f"{width}x{height}",
                   "-r", f"{fps:g}", "-i", "-", "-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-c:v", "libx264",
                   "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(film)]  # fmt: skip
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said)
            assert process.stdin is not None
            try:
                with process.stdin as pipe:
                    pipe.write(first.tobytes())
                    for frame in frames:
                        pipe.write(frame.tobytes())
            except BrokenPipeError:
                pass  # it stopped; what it said is below
            except BaseException:
                process.kill()
                process.wait()
                raise
            if process.wait() != 0:
                said.seek(0)
                reason = said.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
                raise OSError(f"ffmpeg could not write {path.name}: {reason[-1]}")
        return write_whole(path, lambda file: file.write(film.read_bytes()))


def _html(stage: _Stage, path: Path, fps: float) -> Path:
    figure, dpi = stage.figure, 2 * DPI  # sharp on fine screens
    figure.set_dpi(DPI)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=dpi, facecolor=figure.get_facecolor())
    width, height = (figure.get_size_inches() * DPI).tolist()
    styles = line_styles(list(stage.paths))

    def pixels(axes: Any, x: np.ndarray, y: np.ndarray) -> list[list[float | None]]:
        """Points in pixels of the picture from its top left, one decimal; null where there is no number."""
        with np.errstate(all="ignore"):
            points = axes.transData.transform(np.column_stack([x, y]))
        points[:, 1] = height - points[:, 1]
        points = np.clip(points, -1e5, 1e5)
        return [[round(a, 1), round(b, 1)] if math.isfinite(a + b) else [None, None] for a, b in points.tolist()]

    def box(axes: Any) -> list[float]:
        inside = axes.bbox.transformed(IdentityTransform())
        return [inside.x0, height - inside.y1, inside.width, inside.height]

    race = {
        "fps": fps,
        "steps": stage.steps,
        "size": [width, height],
        "boxes": [box(stage.ground), box(stage.losses)],
        "paper": mpl.colors.to_hex(figure.get_facecolor()),
        "walks": [
            {
                "name": name,
                "color": styles[name]["color"],
                "dash": _dash(styles[name]["linestyle"]),
                "ground": pixels(stage.ground, *points.T),
                "losses": pixels(stage.losses, np.arange(len(points)), stage.values[name]),
                "values": [float(f"{value:.4g}") if math.isfinite(value) else None for value in stage.values[name]],
            }
            for name, points in stage.paths.items()
        ],
    }
    dark = on_dark(figure.get_facecolor())
    page = filled(
        "animation.html",
        title=escape(f"{', '.join(stage.paths)} on {stage.ground.get_title(loc='left')}"),
        picture=base64.b64encode(picture.getvalue()).decode(),
        race=as_script(race),
        paper=mpl.colors.to_hex(figure.get_facecolor()),
        ink="#e8eaed" if dark else "#1a1a1a",
        line="#3a414c" if dark else "#c4c9d2",
        scheme="dark" if dark else "light",
    )
    return write_whole(path, lambda file: file.write(page.encode()))


def _dash(linestyle: Any) -> list[float]:
    """The dash of a line style in pixels; dashes are counted in line widths."""
    return [] if isinstance(linestyle, str) else [2.5 * length for length in linestyle[1]]
