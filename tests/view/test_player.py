"""The step player: its numbers are those of the walk, it needs no network, and it is used by mouse, keys and ears."""

import json
import os
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="refopt.view needs matplotlib")

import refopt
from refopt import view
from refopt.cli import main
from refopt.stepping import layers
from refopt.view.step_player import page

BEALE = refopt.problems.get("beale")


def contents(text):
    """The numbers that a page carries."""
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, flags=re.DOTALL)
    return json.loads(found)


def ready(rule, problem=BEALE):
    return rule(**{name: {"grad": problem.grad, "loss": problem.loss}[name] for name in rule.needs})


def as_json(value):
    """What JSON makes of a value, and back: floats by their repr."""
    if isinstance(value, tuple):
        return [as_json(part) for part in value]
    return json.loads(json.dumps(value.tolist() if hasattr(value, "tolist") else value))


@pytest.mark.parametrize("name", refopt.names())
def test_every_number_is_that_of_the_walk_to_the_last_bit(name):
    rule = ready(refopt.rule(name)(lr=0.003))
    (found,) = contents(page(refopt.rule(name), "beale", steps=5, lrs=[0.003]))["rules"]
    (run,), rows = found["runs"], found["rows"]
    assert found["layers"][0] == name
    assert len(run["columns"]) == len(rows)
    theta, state, losses = BEALE.start, rule.init(BEALE.start), [BEALE.loss(BEALE.start)]
    for k, record in enumerate(refopt.walk(rule, BEALE.start, BEALE.grad, steps=5)):
        nest = layers(rule, theta, record["g"], state)
        for depth in range(len(found["layers"])):
            places = [place for place, row in enumerate(rows) if row["layer"] == depth]
            values = {rows[place]["name"]: run["columns"][place][k] for place in places}
            if depth >= len(nest):  # a wrapper that does not ask the rule inside in this step
                assert set(values.values()) == {None}
                continue
            inside = nest[depth].rule.step(*nest[depth][1:])
            assert set(values) == set(inside) - set(nest[depth].rule.hyper)
            for key, value in values.items():
                if key == "inner_state":
                    assert value is None
                elif isinstance(value, dict):
                    assert value == {"shape": list(inside[key].shape), "last": inside[key][-1].tolist()}
                else:
                    assert value == as_json(inside[key]), key
            given = {rows[place]["name"]: run["columns"][place][k] for place in places if rows[place].get("given")}
            assert given == {"theta": nest[depth].theta.tolist(), "g": nest[depth].g.tolist()}
        theta, state = record["theta"], {key: record[key] for key in rule.state_names}
        losses.append(BEALE.loss(theta))
    assert run["losses"] == losses


@pytest.mark.parametrize("name", refopt.names())
def test_the_lines_are_the_source_of_the_rule(name):
    (found,) = contents(page(refopt.rule(name), "quadratic", steps=2, lrs=[0.01]))["rules"]
    rule, depth = refopt.rule(name), 0
    while rule is not None:
        source = Path(rule.recurrence.__code__.co_filename).read_text(encoding="utf-8")
        place = 0
        for row in found["rows"]:
            if row["layer"] == depth and "code" in row:
                place = source.index(row["code"], place)
                assert f"#{row['comment']}" in source.replace("# ", "#") or not row["comment"]
                assert ET.fromstring(row["math"]).tag == "math"
                place += len(row["code"])
        rule, depth = rule.inner, depth + 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("adam", {"g": "arrow -1", "m": "arrow -1", "m_hat": "arrow -1", "v": "size", "denom": "size", "update": "shift -1"}),
        ("adadelta", {"Eg2": "size", "dx": "arrow 1", "update": "shift -1"}),
        ("lion", {"c": "arrow -1", "update": "shift -1"}),
        ("lookahead", {"fast": "point", "slow": "point"}),
        ("sam", {"e": "shift 1", "theta_adv": "point", "g_adv": "arrow -1"}),
        ("asgd", {"ax": "point"}),
        ("accsgd", {"w_bar": "point"}),
        ("rprop", {"delta": "size", "update": "shift -1"}),
        ("adafactor", {"R": "size", "V_hat": "size", "U_hat": "arrow -1"}),
    ],
)
@pytest.mark.parametrize("problem", ["beale", "quadratic", "rosenbrock"])
def test_points_directions_and_sizes_are_told_apart(name, expected, problem):
    (found,) = contents(page(refopt.rule(name), problem, steps=8))["rules"]
    kinds = {
        row["name"]: row["kind"] + (f" {row['sense']}" if row["kind"] in ("arrow", "shift") else "")
        for row in found["rows"]
        if row["layer"] == 0 and "kind" in row
    }
    assert kinds | expected == kinds
    scalars = {"t", "c1", "c2", "length", "alpha", "inner_state", "theta"}
    assert not scalars & set(kinds)


def test_learning_rates_are_those_asked_for_those_bound_or_three_of_a_ladder():
    rates = lambda *words, **more: [run["lr"] for run in contents(page(*words, **more))["rules"][0]["runs"]]  # noqa: E731
    assert rates(refopt.sgd, BEALE, 4, lrs=[0.5, 0.001]) == [0.5, 0.001]
    assert rates(refopt.sgd(lr=0.02), BEALE, 4) == [0.02]
    steps, ends = 20, {}
    for rate in rates(refopt.adam, BEALE, steps):
        path = np.array([record["theta"] for record in refopt.walk(refopt.adam(lr=rate), BEALE.start, BEALE.grad, steps)])
        (left, right), (bottom, top) = BEALE.bounds
        inside = ((path > [left, bottom]) & (path < [right, top])).all()
        ends[rate] = BEALE.loss(path[-1]) if inside else np.inf
    assert list(ends) == sorted(ends)
    assert min(ends, key=ends.get) == list(ends)[1]
    assert len(ends) == 3
    without = refopt.Rule(lambda theta: {}, _without_rate, name="without")
    assert rates(without, BEALE, 4) == [None]


def _without_rate(theta, g, *, share=0.01):
    update = share * g
    theta = theta - update
    return locals()


def test_a_walk_ends_where_it_leaves_for_infinity():
    run = contents(page(refopt.sgd, BEALE, 30, lrs=[10.0]))["rules"][0]["runs"][0]
    assert len(run["losses"]) < 31
    assert isinstance(run["losses"][-1], str)  # JSON has no infinity
    assert all(isinstance(loss, float) for loss in run["losses"][:-1])
    assert {len(column) for column in run["columns"]} == {len(run["losses"]) - 1}


def test_height_lines_lie_at_one_height_each():
    text = page(refopt.sgd, "quadratic", 1, lrs=[0.01])
    left, top, width, tall = contents(text)["field"]["box"]
    bowl = refopt.problems.get("quadratic")
    (x0, x1), (y0, y1) = bowl.bounds
    lines = re.findall(r'<path class="height" style="--h:([\d.]+)" d="([^"]*)"', text)
    assert [float(share) for share, _ in lines] == pytest.approx(np.arange(1, len(lines) + 1) / len(lines), abs=0.005)
    levels, checked = [], 0
    for _, line in lines:
        heights, limits = [], []
        for ring in line.split("z")[:-1]:
            start, moves = ring.split("l")
            steps = np.array([float(x) for x in re.findall(r"-?[\d.]+", start[1:] + " " + moves)]).reshape(-1, 2)
            points = np.cumsum(steps, axis=0)
            x, y = x0 + (points[:, 0] - left) / width * (x1 - x0), y1 - (points[:, 1] - top) / tall * (y1 - y0)
            within = (np.abs(x) < 0.995 * x1) & (np.abs(y) < 0.995 * y1)
            # a twentieth of a unit of rounding, times the slope, and the chord of a grid cell
            slope = np.hypot(x, 25 * y) * (x1 - x0) / width
            heights += bowl.loss(np.stack([x, y], axis=-1))[within].tolist()
            limits += (0.1 * slope + 25 / 8 * (10 / 300) ** 2)[within].tolist()
        levels.append(np.median(heights))
        assert (np.abs(np.array(heights) - levels[-1]) < 2 * np.array(limits)).all()
        checked += len(heights)
    assert levels == sorted(levels)
    assert levels[0] < 0.01
    assert checked > 300


@pytest.mark.parametrize("name", refopt.problems.names())
def test_every_function_of_two_variables_has_its_page(name):
    problem = refopt.problems.get(name)
    if np.shape(problem.start) != (2,):
        with pytest.raises(ValueError, match="of two variables"):
            page(refopt.adam, problem, 3)
        return
    text = page([refopt.adam, refopt.sgd], problem, 10)
    assert text.count('class="height"') > 5
    assert re.search(r'class="height"[^>]* d="M', text)
    assert len(contents(text)["minima"]) == len(problem.minima)


def test_the_page_stands_alone_and_is_small():
    rules = [refopt.rule(name) for name in ("adam", "lbfgs", "lookahead")]
    text = page(rules, "rosenbrock", 60, lrs=[0.001, 0.01, 0.1])
    assert len(text.encode()) < 1_000_000
    assert set(re.findall(r"https?://[^\s\"'<>]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\b(?:src|href)=(?!\"data:)", text)
    assert "@import" not in text
    assert "url(" not in text.replace("url(#field)", "")
    assert "default-src 'none'" in text
    assert not re.search(r"\{\{\w+\}\}", text)
    assert page(rules, "rosenbrock", 60, lrs=[0.001, 0.01, 0.1]) == text


def test_names_that_look_like_markup_stay_text():
    text = page({"</script><b>": refopt.sgd}, BEALE, 2, lrs=[0.01])
    assert contents(text)["rules"][0]["label"] == "</script><b>"
    assert "<b>" not in text.replace("<\\/script><b>", "")


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (
            (refopt.sgd, refopt.problems.get("quadratic", dimension=3)),
            ValueError,
            "functions of two variables; quadratic has 3",
        ),
        ((refopt.sgd, "beal"), ValueError, "did you mean 'beale'"),
        ((refopt.sgd, "beale", 0), ValueError, "at least 1, got 0"),
        ((refopt.sgd, "beale", 2.5), TypeError, "whole number, got 2.5"),
        (([], "beale"), ValueError, "at least one rule"),
        (([3], "beale"), TypeError, "takes a rule, several, or a dict of rules; got 3"),
        ((["adan", "adm"], "beale"), ValueError, "unknown rule 'adm'; did you mean 'adam'"),
        (([refopt.sgd, refopt.sgd], "beale"), ValueError, "two rules have one name"),
        ((refopt.sgd, "beale", 3, [0.1, 0.1]), ValueError, "each learning rate once"),
        ((refopt.sgd, "beale", 3, []), ValueError, "at least one; got none"),
        ((refopt.sgd, "beale", 3, [-1.0]), ValueError, "lr must be finite and at least 0"),
    ],
)
def test_bad_input_is_one_clear_error(words, error, message):
    with pytest.raises(error, match=message):
        page(*words)


def test_the_file_is_whole_or_not_there(tmp_path):
    path = view.player(refopt.sgd, "beale", 3, tmp_path / "page.html", lrs=[0.01])
    before = path.read_bytes()
    assert before.rstrip().endswith(b"</html>")
    with pytest.raises(ValueError, match="at least 0"):
        view.player(refopt.sgd, "beale", 3, path, lrs=[-1.0])
    assert path.read_bytes() == before
    with pytest.raises(FileExistsError):
        view.player(refopt.sgd, "beale", 3, path / "page.html", lrs=[0.01])
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_the_command_line_writes_the_page(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["step", "adam", "--on", "beale", "--html", "-n", "4", "--also", "sgd, lion", "--lrs", "0.01,0.1"]) == 0
    assert capsys.readouterr().out.strip() == str(Path("refopt-out/adam-on-beale.html"))
    data = contents((tmp_path / "refopt-out" / "adam-on-beale.html").read_text(encoding="utf-8"))
    assert [rule["label"] for rule in data["rules"]] == ["adam", "sgd", "lion"]
    assert all([run["lr"] for run in rule["runs"]] == [0.01, 0.1] for rule in data["rules"])
    assert data["steps"] == 4
    assert main(["step", "adam", "--framework", "keras", "--html", "own.html", "--lr", "0.1"]) == 0
    data = contents((tmp_path / "own.html").read_text(encoding="utf-8"))
    assert data["steps"] == 30
    assert "eps_hat" in data["rules"][0]["runs"][0]["text"]
    assert data["rules"][0]["runs"][0]["lr"] == 0.1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--also", "sgd"], "--also and --lrs go with --html"),
        (["--html", "x.html", "--also", "adam"], "names a rule twice: adam, adam"),
        (["--html", "x.html", "--also", ","], "--also names nothing"),
        (["--html", "x.html", "--lrs", "a"], "--lrs takes numbers with commas between them, got 'a'"),
        (["--html", "x.html", "--lr", "1", "--lrs", "1"], "give --lr or --lrs, not both"),
        (["--html", "x.html", "-n", "0"], "-n must be at least 1"),
    ],
)
def test_bad_words_on_the_command_line_are_one_line(capsys, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    assert main(["step", "adam", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert message in err
    assert list(tmp_path.iterdir()) == []


# ---- in a browser

STEPS, RATES, NAMES = 12, [0.003, 0.03], ["adam", "sgd", "lookahead"]


@pytest.fixture(scope="module")
def browser(peer):
    playwright = peer("playwright.sync_api")
    program = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
    if program is None:
        say = pytest.fail if os.environ.get("REFOPT_PEERS") == "required" else pytest.skip
        say("no Chromium is installed, in which the step player is tried")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return view.player(
        [refopt.rule(name) for name in NAMES], BEALE, STEPS, tmp_path_factory.mktemp("page") / "p.html", lrs=RATES
    )


@pytest.fixture
def opened(browser, file):
    """Opens the page; after the test nothing may have gone wrong, and nothing been asked of a network."""
    contexts, asked, complaints = [], [], []

    def opening(path=file, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        tab = context.new_page()
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto(path.as_uri())
        return tab

    yield opening
    for context in contexts:
        context.close()
    assert complaints == []
    assert set(asked) <= {path.as_uri() for path in file.parent.iterdir()}


def records(name, lr):
    rule = ready(refopt.rule(name)(lr=lr))
    return list(refopt.walk(rule, BEALE.start, BEALE.grad, STEPS))


def choice(tab, name):
    return tab.get_by_role("combobox", name=name, exact=True)


def expect(tab, name, lr, k):
    """The page shows step k of that walk: all numbers of the record, each to six digits."""
    record = records(name, lr)[k - 1]
    assert tab.locator("#count").inner_text() == f"{k} / {STEPS}"
    items = tab.locator("ol").first.locator("li")
    names = []
    for text, exact in items.evaluate_all(
        "list => list.map(x => x.querySelector('.value')).map(x => [x.textContent, x.dataset.value])"
    ):
        key, _, shown = text.partition(" = ")
        if exact is None:
            assert key.startswith("inner_state")
            continue
        names.append(key)
        if len(names) <= 2:
            continue  # given: theta before the step, and g
        assert json.loads(exact) == as_json(record[key])
        if isinstance(record[key], bool):
            assert shown == str(record[key])
            continue
        numbers = [float(x.replace("−", "-")) for x in re.findall(r"−?\d[\d.]*(?:e−?\d+)?", shown)]
        real = [float(f"{x:.6g}") for x in np.ravel(record[key]).tolist()]
        assert numbers == pytest.approx(real, rel=6e-5, abs=0)  # five digits beside a power of ten
    assert {"theta", "g"} <= set(names)
    assert json.loads(items.nth(1).locator(".value").get_attribute("data-value")) == record["g"].tolist()
    return record


def test_steps_by_buttons_keys_and_slider(opened):
    tab = opened()
    choice(tab, "Rule").select_option("adam")
    choice(tab, "Learning rate").select_option(label="0.03")
    expect(tab, "adam", 0.03, 1)
    assert tab.get_by_role("button", name="Previous step").is_disabled()
    for _ in range(3):
        tab.get_by_role("button", name="Next step").click()
    expect(tab, "adam", 0.03, 4)
    tab.get_by_role("button", name="Previous step").click()
    expect(tab, "adam", 0.03, 3)
    tab.get_by_role("button", name="Last step").click()
    expect(tab, "adam", 0.03, STEPS)
    assert tab.get_by_role("button", name="Next step").is_disabled()
    for key, k in (("Home", 1), ("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", STEPS), ("Home", 1)):
        tab.keyboard.press(key)
        expect(tab, "adam", 0.03, k)
    slider = tab.get_by_role("slider", name="Step")
    slider.focus()
    slider.press("ArrowRight")
    expect(tab, "adam", 0.03, 2)  # one step, not two
    slider.press("End")
    expect(tab, "adam", 0.03, STEPS)
    assert slider.get_attribute("aria-valuetext") == f"step {STEPS} of {STEPS}"


def test_rule_and_rate_are_chosen_and_the_step_is_kept(opened):
    tab = opened()
    tab.keyboard.press("ArrowRight")
    for name in NAMES[::-1]:
        choice(tab, "Rule").select_option(name)
        for rate in RATES:
            choice(tab, "Learning rate").select_option(label=f"{rate:g}")
            expect(tab, name, rate, 2)
            assert tab.locator("h1").inner_text() == f"{name} on beale, step by step"
            assert tab.locator("#text").inner_text() == repr(refopt.rule(name, lr=rate))


def test_it_plays_and_pauses_and_then_keeps_quiet(opened):
    tab = opened()
    tab.clock.install()
    assert tab.locator("#status").get_attribute("aria-live") == "polite"
    tab.keyboard.press("Space")
    tab.get_by_role("button", name="Pause").wait_for()
    assert tab.locator("#status").get_attribute("aria-live") == "off"
    tab.clock.run_for(2200)
    count = tab.locator("#count")
    assert count.inner_text() == f"4 / {STEPS}"
    tab.get_by_role("button", name="Pause").click()
    tab.clock.run_for(3000)
    assert count.inner_text() == f"4 / {STEPS}"
    assert tab.locator("#status").get_attribute("aria-live") == "polite"
    tab.get_by_role("button", name="Play").press("Space")  # the button's own key, once
    tab.clock.run_for(60_000)
    assert count.inner_text() == f"{STEPS} / {STEPS}"
    tab.get_by_role("button", name="Play").wait_for()  # it stopped at the end


def test_what_a_screen_reader_hears(opened):
    tab = opened()
    choice(tab, "Learning rate").select_option(label="0.03")
    tab.keyboard.press("ArrowRight")
    text = tab.locator("#status").inner_text()
    first, second = records("adam", 0.03)[:2]
    before, after = BEALE.loss(first["theta"]), BEALE.loss(second["theta"])
    assert text.startswith(f"Step 2 of {STEPS}: loss {before:.4g} → {after:.4g}, theta (")
    for role, names in {
        "button": ["First step", "Previous step", "Play", "Next step", "Last step"],
        "slider": ["Step"],
        "combobox": ["Rule", "Learning rate"],
        "checkbox": ["Draw −g", "Draw −m", "Draw v", "Draw −update"],
        "img": ["The walk so far on height lines of beale"],
        "heading": ["The step, line by line"],
    }.items():
        for name in names:
            assert tab.get_by_role(role, name=name, exact=True).count() == 1, name
    nameless = "list => list.filter(x => !(x.ariaLabel || x.labels?.length || x.textContent.trim())).length"
    assert tab.locator("button, input, select").evaluate_all(nameless) == 0


def test_marks_are_switched_and_lit(opened):
    tab = opened()
    choice(tab, "Learning rate").select_option(label="0.03")
    tab.keyboard.press("ArrowRight")
    labels = lambda: set(tab.locator("#labels text").all_text_contents())  # noqa: E731
    assert labels() == {"−g", "−m", "v", "−update"}
    tab.get_by_role("checkbox", name="Draw −m", exact=True).uncheck()
    tab.get_by_role("checkbox", name="Draw v_hat").check()
    tab.get_by_role("checkbox", name="Draw v", exact=True).press("Space")
    tab.get_by_role("heading", name="The step").hover()
    tab.locator("h1").click()
    assert {"−g", "v_hat", "−update"} <= labels()
    assert "−m" not in labels()
    tab.keyboard.press("ArrowRight")
    assert "−m" not in labels()
    line = tab.locator("li", has=tab.get_by_role("checkbox", name="Draw −m", exact=True))
    line.hover()  # it is shown while one looks at its line
    assert "−m" in labels()
    assert tab.locator("#picture.focused .mark.lit").count() == 1
    tab.get_by_role("checkbox", name="Draw −g").focus()
    assert "lit" in tab.locator("li", has=tab.get_by_role("checkbox", name="Draw −g")).get_attribute("class")


def test_marks_lie_where_their_numbers_are(opened):
    tab = opened()
    choice(tab, "Learning rate").select_option(label="0.03")
    for _ in range(4):
        tab.keyboard.press("ArrowRight")
    data = contents(Path(tab.url.removeprefix("file://")).read_text(encoding="utf-8"))
    left, top, width, tall = data["field"]["box"]
    (x0, x1), (y0, y1) = BEALE.bounds

    def place(point):
        return [left + (point[0] - x0) / (x1 - x0) * width, top + (y1 - point[1]) / (y1 - y0) * tall]

    def centre(name):
        return [float(tab.locator(f"#walk .{name}").get_attribute(key)) for key in ("cx", "cy")]

    walk = records("adam", 0.03)
    here, there = walk[3]["theta"], walk[4]["theta"]
    assert centre("here") == pytest.approx(place(here))
    assert centre("there") == pytest.approx(place(there))

    def tip(name):
        row = next(i for i, row in enumerate(data["rules"][0]["rows"]) if row["name"] == name)
        corners = tab.locator(f"#marks [data-row='{row}'] .head").get_attribute("d")
        return np.array([float(x) for x in re.findall(r"-?[\d.]+", corners)[:2]])

    assert tip("update") == pytest.approx(place(there), abs=1e-9)
    away = np.array(place(here - walk[4]["g"])) - place(here)
    arrow = tip("g") - place(here)
    assert arrow / np.hypot(*arrow) == pytest.approx(away / np.hypot(*away))
    lengths = [np.hypot(*(np.array(place(record["g"])) - place([0, 0]))) for record in walk]
    longest = 0.2 * min(width, tall)
    assert np.hypot(*arrow) == pytest.approx(longest * np.cbrt(lengths[4] / max(lengths)))
    row = next(i for i, row in enumerate(data["rules"][0]["rows"]) if row["name"] == "v")
    box = tab.locator(f"#marks [data-row='{row}'] rect")
    x, y, wide, high = (float(box.get_attribute(key)) for key in ("x", "y", "width", "height"))
    assert [x + wide / 2, y + high / 2] == pytest.approx(place(here))
    assert (wide / high) ** 3 == pytest.approx(walk[4]["v"][0] / walk[4]["v"][1])


def test_closer_the_picture_is_larger_and_the_numbers_stay(opened):
    tab = opened()
    choice(tab, "Learning rate").select_option(label="0.03")
    for _ in range(8):
        tab.keyboard.press("ArrowRight")
    centres = "list => list.map(x => [x.cx.baseVal.value, x.cy.baseVal.value])"
    circles = tab.locator("#walk .here, #walk .there")
    ticks = lambda: [float(x.replace("−", "-")) for x in tab.locator("#axes text.tick").all_text_contents()]  # noqa: E731
    (there, here), before = circles.evaluate_all(centres), ticks()
    tab.keyboard.press("z")
    (there_closer, here_closer), after = circles.evaluate_all(centres), ticks()
    (place,) = re.findall(r"scale\((.*?)\)", tab.locator("#ground").get_attribute("transform"))
    assert float(place) > 2
    assert np.subtract(there_closer, here_closer) == pytest.approx(float(place) * np.subtract(there, here))
    left, top, width, tall = contents(Path(tab.url.removeprefix("file://")).read_text(encoding="utf-8"))["field"]["box"]
    assert here_closer == pytest.approx([left + width / 2, top + tall / 2])
    assert np.ptp(after) < np.ptp(before)
    expect(tab, "adam", 0.03, 9)
    tab.get_by_role("checkbox", name="Closer, around the step").uncheck()
    assert circles.evaluate_all(centres) == [there, here]


def test_a_layer_inside_has_its_lines_and_a_walk_to_infinity_its_end(opened, file):
    tab = opened()
    choice(tab, "Rule").select_option("lookahead")
    assert tab.locator("h3").all_inner_texts() == ["lookahead", "Inside: sgd, as lookahead asks it"]
    assert tab.get_by_role("checkbox", name="Draw slow").is_checked()
    assert tab.get_by_role("checkbox", name="Draw −update (sgd)").is_checked()
    path = view.player([refopt.sgd, refopt.accumulation], BEALE, 6, file.parent / "infinity.html", lrs=[10.0])
    tab = opened(path)
    tab.keyboard.press("End")
    assert tab.locator("#status").inner_text().endswith("it leaves for infinity.")
    choice(tab, "Rule").select_option("accumulation")
    tab.keyboard.press("Home")
    assert "not asked in this step" in tab.locator("ol").nth(1).inner_text()


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_shows_one_column_that_does_not_scroll_sideways(opened, name):
    tab = opened(viewport={"width": 360, "height": 740})
    choice(tab, "Rule").select_option(name)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    boxes = [tab.locator(place).bounding_box() for place in (".stage", ".lines")]
    assert boxes[0]["x"] == boxes[1]["x"]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]
    tab.locator("li").last.scroll_into_view_if_needed()
    assert tab.get_by_role("button", name="Next step").is_visible()  # at hand wherever one reads
    bar = tab.locator(".transport").bounding_box()
    assert bar["y"] + bar["height"] == pytest.approx(740, abs=1)


def test_every_rule_is_shown_on_a_phone_without_a_complaint(opened, file):
    rules = [refopt.rule(name) for name in refopt.names()]
    tab = opened(
        view.player(rules, "rosenbrock", 6, file.parent / "all.html", lrs=[0.001]), viewport={"width": 360, "height": 740}
    )
    for name in refopt.names():
        choice(tab, "Rule").select_option(name)
        for key in ("End", "z", "Home"):
            tab.keyboard.press(key)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360, name
        assert tab.locator("#labels text").count() > 0, name
        assert "NaN" not in tab.locator("#picture").inner_html(), name


def test_light_dark_calm_and_focus(opened):
    colors = {}
    for scheme in ("light", "dark"):
        tab = opened(color_scheme=scheme)
        colors[scheme] = tab.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        assert contrast(*colors[scheme]) > 10
        soft = tab.locator(".trap").evaluate("x => getComputedStyle(x).color")
        assert contrast(soft, colors[scheme][0]) > 4.5
    assert colors["light"] != colors["dark"]
    tab = opened(reduced_motion="reduce")
    assert tab.locator("#marks .mark").first.evaluate("x => getComputedStyle(x).transitionDuration") == "0s"
    seen = []
    for _ in range(12):
        tab.keyboard.press("Tab")
        seen.append(tab.evaluate("document.activeElement.id"))
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert seen[:2] == ["rule", "rate"]
    assert {"play", "next", "last", "slider"} <= set(seen)


def contrast(*colors):
    """WCAG's ratio of two colours, rgb(…)."""
    lights = []
    for color in colors:
        parts = np.array([int(x) for x in re.findall(r"\d+", color)[:3]]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        lights.append(float(linear @ [0.2126, 0.7152, 0.0722]))
    return (max(lights) + 0.05) / (min(lights) + 0.05)
