"""The benches are honest: all that are compared do the same work, on one thread. How fast they are is not judged here."""

import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import time
import tracemalloc
import weakref
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import refopt
from refopt import bench, fast
from refopt.bench import memory, steps, updates
from refopt.bench.machine import cores
from refopt.bench.process import environment, on_threads
from refopt.cli import main

# Rounding in float32 is 6e-8; sums of up to 4096 products and up to 100 steps on top of each other made 4e-7 of it (measured).
FLOAT32 = 1e-5
# Optax takes the powers of beta in float32, where 1 − 0.999**t is off by some 1e-5 while t is small, and so are the steps; over
# a block that moved the loss by up to 7e-5 (measured). With the powers in float64 it is FLOAT32, too: see the test below.
FLOAT32_POWERS = 3e-4


def no_constant(word):
    raise AssertionError(f"{word} is not JSON")


@pytest.fixture(scope="module")
def measured(torch):
    """Every case, one block, as `refopt bench train` measures it: in a process of its own."""
    said = []
    result = bench.train(blocks=1, said=said.append)
    assert said == result["cases"]
    return result


def test_every_case_comes_to_the_same_loss_in_all_libraries(measured):
    assert [row["case"] for row in measured["cases"]] == list(bench.CASES)
    for row in measured["cases"]:
        for library, one in row["libraries"].items():
            if one is not None:
                near = FLOAT32_POWERS if library == "jax" else FLOAT32
                assert one["loss"] == pytest.approx(row["libraries"]["refopt"]["loss"], rel=near)


def test_a_row_says_what_was_measured(measured):
    for row in measured["cases"]:
        case = bench.CASES[row["case"]]
        assert (row["batch"], row["steps"], row["blocks"]) == (case.batch, case.steps, 1)
        refopt, *others = row["libraries"].values()
        alone = ["refopt, NumPy alone"] if find_spec("numba") else []
        assert list(row["libraries"]) == ["refopt", *alone, "torch", "torch, channels_last" if case.channels else "jax"]
        assert refopt["us"] > 0
        for one in others:
            if one is not None:
                low, middle, high = one["ratio"]
                assert low == middle == high == pytest.approx(one["us"] / refopt["us"])  # of one block
    assert {"python", "numpy", "torch"} <= measured["versions"].keys()


@pytest.mark.skipif(not hasattr(__import__("os"), "sched_setaffinity"), reason="only Linux keeps a process to one core")
def test_one_thread_works(measured):
    for row in measured["cases"]:
        for one in row["libraries"].values():
            assert one is None or 0 < one["busy"] < 1.1


def test_jax_differs_by_the_powers_in_float32_alone(monkeypatch, torch, peer):
    """Where JAX may use float64 for the powers, its losses are as near as PyTorch's."""
    peer("jax"), peer("optax")
    monkeypatch.setenv("JAX_ENABLE_X64", "1")
    for row in bench.train(["mlp-64", "mlp-64-wide"], blocks=1)["cases"]:
        libraries = row["libraries"]
        assert libraries["jax"]["loss"] == pytest.approx(libraries["refopt"]["loss"], rel=FLOAT32)


@pytest.mark.parametrize("name", bench.CASES)
def test_every_step_of_a_block_has_the_same_loss_as_in_pytorch(name, torch):
    """Also of the second block, which starts anew; and the first loss is that of float64."""
    case = bench.CASES[name]
    net, batches = case.network, case.batches()
    theta = net.init(0, np.float32)
    before = theta.copy()
    ours, theirs = steps.refopt_step(case, theta, batches, "blocked"), steps.torch_step(case, theta, batches)
    for _ in range(2):
        mine, its = ours(), theirs()
        losses = [(float(mine()), float(its())) for _ in range(3)]
        np.testing.assert_allclose(*zip(*losses, strict=True), rtol=FLOAT32)
        x, y = batches[0]
        assert losses[0][0] == pytest.approx(net.loss(theta.astype(float), x.astype(float), y), rel=FLOAT32)
        assert len({loss for loss, _ in losses}) == 3
    assert np.array_equal(theta, before)


@pytest.mark.parametrize("name", bench.CASES)
def test_the_batches_are_full_and_of_the_networks_shape(name):
    case = bench.CASES[name]
    for x, y in case.batches():
        assert x.shape == (case.batch, *case.network.inputs)
        assert (x.dtype, y.dtype, y.shape) == (np.float32, np.int64, (case.batch,))


def test_turns_start_anew_and_the_first_are_not_counted():
    made = []

    def run(name):
        def start():
            number = itertools.count(1)
            made.append(f"{name} starts")

            def step():
                made.append(name)
                return next(number)

            return step

        return start

    timings = bench.interleaved({"a": run("a"), "b": run("b")}, blocks=3, steps=2)
    assert made == ["a starts", "a", "a", "b starts", "b", "b"] * 5  # two turns to warm up
    for timing in timings.values():
        assert timing.loss == 2  # of the last step
        assert len(timing.blocks) == 3
        assert timing.seconds == statistics.median(timing.blocks) > 0
        assert timing.wall >= sum(timing.blocks)


def test_ratios_are_of_blocks_in_one_turn():
    ours, theirs = bench.Timing([1.0, 2.0, 1.0, 4.0, 1.0]), bench.Timing([1.0, 4.0, 3.0, 16.0, 5.0])
    assert theirs.times_as_long_as(ours) == (2.0, 3.0, 4.0)  # of 1, 2, 3, 4, 5
    assert (ours.seconds, theirs.seconds) == (1.0, 4.0)
    assert bench.Timing([3.0]).times_as_long_as(bench.Timing([2.0])) == (1.5, 1.5, 1.5)
    assert bench.Timing([1.0], 0.0, cpu=3.0, wall=2.0).busy == 1.5


def test_the_environment_of_one_thread_keeps_what_was_there(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "a b")
    monkeypatch.setenv("XLA_FLAGS", "--mine")
    found = on_threads(environment(), 1)
    assert (found["PATH"], found["OMP_NUM_THREADS"], found["OPENBLAS_NUM_THREADS"]) == (os.environ["PATH"], "1", "1")
    assert found["XLA_FLAGS"].startswith("--mine ")
    assert found["PYTHONPATH"].split(os.pathsep)[1:] == ["a b"]
    several = on_threads(environment(), 2)
    assert (several["OMP_NUM_THREADS"], several["NUMBA_NUM_THREADS"], several["XLA_FLAGS"]) == ("2", "2", "--mine")
    monkeypatch.delenv("PYTHONPATH")
    assert os.pathsep not in environment()["PYTHONPATH"]


def test_the_command_prints_strict_json_or_tables(capsys, torch):
    assert main(["bench", "train", "--only", "mlp-64, cnn-8", "--blocks", "2", "--json"]) == 0
    result = json.loads(capsys.readouterr().out, parse_constant=no_constant)
    assert [row["case"] for row in result["cases"]] == ["mlp-64", "cnn-8"]
    assert main(["bench", "train", "--only", "cnn-8", "--blocks", "2"]) == 0
    out = capsys.readouterr().out
    for library, one in result["cases"][1]["libraries"].items():
        (line,) = [line for line in out.splitlines() if f"  {library}  " in line and "library" not in line]
        assert line.endswith(f"{one['loss']:.6f}")


@pytest.mark.parametrize("way", fast.WAYS)
def test_a_bench_leaves_the_way_of_steps_as_it_is(way, torch, peer):
    peer("numba")
    with fast.using(way):
        updates.timed("sgd 100", 1)
        assert fast.way() == way
        bench.timed("mlp-64", 1)
        assert fast.way() == way


def test_new_memory_of_a_step_is_what_it_keeps_too():
    """Adam works in two scratch arrays of a piece; small tensors are copied into one vector, and so are their gradients."""
    one, many = ([np.zeros(n, np.float32)] * k for n, k in ((1000, 1), (100, 1000)))
    adam = bench.UPDATES["adam"].rule("adam")
    assert updates._traced(adam, one, one) >= 2 * 1000 * 4
    assert updates._traced(adam, [x.copy() for x in many], many) >= 2 * 100_000 * 4


def test_what_is_not_installed_is_said(capsys, monkeypatch, torch):
    monkeypatch.setitem(sys.modules, "jax", None)
    row = bench.timed("mlp-64", 1)
    assert row["libraries"]["jax"] is None
    result = {"what": "a step", "cases": [row], "versions": {"numpy": "2"}, "cpu": "a core", "date": "today", "system": "none"}
    monkeypatch.setattr(bench, "train", lambda *arguments: result)
    assert main(["bench", "train"]) == 0
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if "not installed" in line]
    assert line.split() == ["jax", "not", "installed"]
    assert f"{row['libraries']['torch']['loss']:.6f}" in out


def test_updates_end_at_the_same_numbers_in_all_libraries(torch, peer):
    for library in ("jax", "optax", "numba"):
        peer(library)
    result = bench.step([*(f"{name} 2000" for name in bench.UPDATES), "adam 20x50"], blocks=1)
    for row, (name, update) in zip(result["cases"], [*bench.UPDATES.items(), ("adam", bench.UPDATES["adam"])], strict=True):
        libraries = row["libraries"]
        wanted = ["refopt, fused", "refopt, blocked", "NumPy, plain"]
        wanted += ["torch", "torch, foreach"] if update.torch else []
        assert list(libraries)[: len(wanted)] == wanted
        assert ("optax, jit" in libraries) == (update.optax is not None and row["tensors"] == 1)
        assert len({libraries[mine]["first"] for mine in wanted[:3]}) == 1  # the same bits
        start = float(np.random.default_rng(0).standard_normal(50 if row["tensors"] > 1 else 2000, np.float32)[0])
        way = libraries["NumPy, plain"]["first"] - start
        assert way != 0
        for one in libraries.values():  # of Optax see FLOAT32_POWERS
            assert one["first"] - start == pytest.approx(way, rel=2e-2 if name in ("adam", "adan") else 1e-3)
        assert row["memory_us"] > 0
        assert row["traced_bytes"] < 1 << 20
        assert row["piece"] > 1000
        for one in libraries.values():
            assert one["peak_bytes"] is None  # too small to be seen
            for spread, middle in ((one["us_spread"], one["us"]), (one["memory"], one["us"] / row["memory_us"])):
                assert spread[0] == spread[1] == spread[2] == pytest.approx(middle)  # of one block
        assert (row["rule"], row["parameters"]) == (name, 1000 if row["tensors"] > 1 else 2000)


@pytest.mark.parametrize(
    "case",
    [
        "adam 1e4..1e2",
        "adam 2e2..1e4",
        "adam ..1e4",
        "adam 1e2..",
        "adam 1e2..1e10",
        "adam 1x10..1e4",
        "nada 1e2..1e4",
        "adam 0",
        "adam 1x",
        "adam -3",
        "adam 2.5e9",
        "adam x5",
        "adam nan",
        "adam inf",
        "adma 1e3",
        "",
        "adam 1.5",
        "adam 2x0.5",
        "adam infx1",
        "adam 1e15x1",
        "adam nanx1",
    ],
)
def test_what_is_no_case_is_refused(case, capsys):
    with pytest.raises(ValueError, match=r"unknown rule|has no size such as 1e6 or 1000x100|from one power of ten"):
        bench.step([case])
    assert main(["bench", "step", "--only", case or ","]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1


def test_the_time_of_an_import_is_that_beyond_a_process_of_nothing(monkeypatch):
    """On a clock that says how long each program takes: 1 s, with NumPy 1.25 s, with refopt 1.5 s."""
    now, takes = 0.0, {"pass": 1.0, "import numpy": 1.25, "import refopt": 1.5}

    def run(command, **options):
        nonlocal now
        assert options["check"]
        now += takes[command[-1]]

    module = sys.modules["refopt.bench.importing"]  # the room shows the function by this name
    monkeypatch.setattr(module, "subprocess", SimpleNamespace(run=run))
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now))
    found = bench.importing(rounds=3)
    assert (found["seconds"], found["of which numpy"], found["ratio"]) == (0.5, 0.25, (1.2, 1.2, 1.2))
    assert found["spread"] == (0.5, 0.5, 0.5)
    assert {"versions", "cpu", "what"} <= found.keys()
    assert {"python", "numpy"} <= found["versions"].keys()


def test_without_pytorch_there_is_one_clear_error(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["bench", "train"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["refopt bench: train compares with PyTorch, which is not installed: pip install torch"]


def test_a_process_that_fails_is_said(monkeypatch, torch):
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(OSError, match="the process that measures ended with status 1"):
        bench.train(["mlp-64"], blocks=1)


def test_a_population_and_its_members_one_by_one_come_to_the_same_loss(capsys):
    result = bench.population(blocks=2, starts=30, steps=20, sample=5)
    assert result["loss"]["together"] == result["loss"]["alone"]
    low, middle, high = result["ratio"]
    assert 0 < low <= middle <= high
    assert result["seconds"] > 0
    assert main(["bench", "race", "--json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=no_constant)
    assert found["loss"]["together"] == found["loss"]["alone"]
    assert main(["bench", "race"]) == 0
    assert capsys.readouterr().out.count(repr(found["loss"]["alone"])) == 2
    assert main(["bench", "race", "--only", "mlp-64"]) == 2
    with pytest.raises(ValueError, match="at least one"):
        bench.population(blocks=0)


def test_sizes_are_written_as_powers_of_ten():
    assert updates.cases(["adam 1e2..1e4", "sgd 1e3..1e3", "lion"]) == ["adam 1e2", "adam 1e3", "adam 1e4", "sgd 1e3", "lion"]


@pytest.mark.skipif(memory.resident() is None, reason="only Linux says how much memory lies where")
def test_the_system_sees_memory_that_comes_and_goes():
    size = 80_000_000  # the system counts in pages, of up to 2 MiB
    for _ in range(2):  # the second time it could be memory that was kept
        assert memory.peak(lambda: np.ones(size, np.int8).sum()) == pytest.approx(size, abs=5e6)
    kept = np.ones(size, np.int8)
    assert memory.peak(lambda: kept.sum()) < 5e6  # what was there before does not count


def test_where_the_system_does_not_say_how_much_memory_there_is_none_is_claimed(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(memory, "PEAK", tmp_path / "no" / "such")
    ran = []
    assert memory.peak(lambda: ran.append(1)) is None
    assert main(["bench", "race"]) == 0
    assert "New memory of all at once: not known here." in capsys.readouterr().out


def test_memory_of_each_contestant_is_that_beside_its_state(torch):
    """torch's loop makes two arrays as large as theta on its way, the plain step seven, a step in place none.

    That the plain step makes seven is what Python's own tracer says, which counts every array of NumPy's.
    """
    count = 5_000_000
    row = updates.timed(f"adam {count}", 1)
    if memory.resident() is None:
        pytest.skip("only Linux says how much memory lies where")
    arrays = {library: one["peak_bytes"] / (4 * count) for library, one in row["libraries"].items()}
    assert arrays["refopt, blocked"] < 0.5
    assert arrays.get("refopt, fused", 0) < 0.1
    assert arrays["torch"] == pytest.approx(2, abs=0.3)
    theta, g = np.ones((2, count), np.float32)
    state = refopt.adam.init(theta)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        refopt.adam.update(theta, g, state)
        traced = (tracemalloc.get_traced_memory()[1] - before) / (4 * count)
    finally:
        tracemalloc.stop()
    assert traced == pytest.approx(7, abs=0.01)
    assert arrays["NumPy, plain"] == pytest.approx(traced, abs=0.5)


def test_a_run_lets_go_of_what_it_made_before_the_next_begins():
    alive = []

    def run(name):
        def start():
            assert alive == [], f"{name} begins while {alive} is there"
            alive.append(name)
            mine = np.zeros(1)
            weakref.finalize(mine, alive.clear)
            return lambda: lambda: mine[0]

        return start

    bench.interleaved({"a": run("a"), "b": run("b")}, blocks=2, steps=2)


@pytest.mark.skipif(cores() < 2, reason="there is one core only")
def test_on_two_threads_the_bits_are_those_of_one():
    """Nothing is said of how busy they are: the machine may have other work."""
    result = bench.step(["sgd 1e6"], blocks=1, threads=2)
    assert result["threads"] == 2
    assert "2 threads" in result["what"]
    (row,) = result["cases"]
    rule, rng = bench.UPDATES["sgd"].rule("sgd"), np.random.default_rng(0)
    theta, g = (rng.standard_normal(1_000_000, np.float32)[:5] for _ in range(2))
    state = rule.init(theta)
    for _ in range(row["steps"]):
        theta, state = rule.update(theta, g, state)
    found = {one["first"] for name, one in row["libraries"].items() if "refopt" in name or "NumPy" in name}
    assert found == {float(theta[0])}


@pytest.mark.skipif(
    cores() < 2 or not hasattr(os, "sched_setaffinity"), reason="the system keeps no process to some of its cores"
)
@pytest.mark.parametrize("threads", [1, 2])
def test_the_process_that_measures_has_as_many_cores_as_threads(threads):
    text = (
        "import os, sys; from refopt.bench import __main__ as it; from refopt import fast\n"
        "it.TIMED['step'] = lambda name, blocks: [len(os.sched_getaffinity(0)), fast.get_num_threads()]\n"
        f"it.main('step', '1', '{threads}', 'adam')"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], env=on_threads(environment(), threads), check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == [threads, threads]


@pytest.mark.parametrize("threads", [0, -1, 10_000, "2", True])
def test_a_number_of_threads_that_cannot_run_at_once_is_refused(threads):
    with pytest.raises(ValueError, match="threads must be from 1 to"):
        bench.step(["adam 100"], threads=threads)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["train", "--threads", "1"], "--threads goes with step"),
        (["proof", "--only", "adam"], "--only and --blocks go with"),
        (["race", "--blocks", "3"], "--only and --blocks go with"),
        (["step", "--threads", "0"], "threads must be from 1 to"),
        (["step", "--only", "adam 100", "--out", ""], "--out must name a directory"),
        (["step", "--only", "adam 1e2..1e3,adam 1e3"], "name each case once"),
    ],
)
def test_options_that_do_not_go_together_are_refused_in_one_line(words, why, capsys):
    assert main(["bench", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert why in err


@pytest.fixture(scope="module")
def stepped():
    """Two sizes of one rule and some small tensors, as `refopt bench step` measures them."""
    said = []
    found = bench.step(["sgd 1e2..1e3", "adam 5x20"], 1, said.append)
    assert said == found["cases"]
    return found


def test_step_prints_or_writes_what_it_measured(stepped, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    asked = []
    monkeypatch.setattr(bench, "step", lambda *arguments: (asked.append(arguments), stepped)[1])
    words = ["bench", "step", "--only", "sgd 1e2..1e3, adam 5x20", "--out", str(tmp_path)]
    assert main([*words, "--blocks", "3", "--threads", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out, parse_constant=no_constant) == json.loads(json.dumps(stepped))
    assert json.loads((tmp_path / "bench.json").read_text(), parse_constant=no_constant) == json.loads(json.dumps(stepped))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.json", "bench.svg"]
    assert {"date", "cpu", "system", "versions", "threads", "what", "missing"} <= stepped.keys()
    assert main(words) == 0
    out = capsys.readouterr().out
    for word in (stepped["date"], stepped["cpu"], stepped["system"], "Threads at work", "pieces of up to", "in turns"):
        assert word in " ".join(out.split())
    for library, one in stepped["cases"][2]["libraries"].items():
        assert any(line.split("  ")[-1] == f"{one['first']:.6f}" for line in out.splitlines() if f"  {library}  " in line)
    assert [(*rest[:2], *rest[3:]) for rest in asked] == [
        (["sgd 1e2..1e3", "adam 5x20"], 3, 2),
        (["sgd 1e2..1e3", "adam 5x20"], 5, 1),
    ]


@pytest.mark.parametrize("what", ["proof", "import", "landscape"])
def test_every_bench_says_its_spread_its_ratio_and_its_origin(what, capsys, monkeypatch):
    if what == "proof":
        pytest.importorskip("flint")
    short = {
        "proof": lambda: bench.proof(rounds=2),
        "import": lambda: bench.importing(rounds=2),
        "landscape": lambda: bench.landscape(points=3, probes=1, rounds=2),
    }[what]
    found = short()
    monkeypatch.setattr(bench, {"import": "importing"}.get(what, what), lambda: found)
    assert {"date", "cpu", "system", "versions", "what", "rounds", "spread"} <= found.keys()
    if what == "landscape":
        assert all(low <= found["seconds"][name] <= high for name, (low, _, high) in found["spread"].items())
        assert all(ratio > 0 for ratio in found["gradients"].values())
    else:
        assert found["spread"][0] <= found["seconds"] <= found["spread"][2]
        assert found["ratio"][1] > 1
    assert main(["bench", what, "--json"]) == 0
    assert json.loads(capsys.readouterr().out, parse_constant=no_constant)["date"] == found["date"]
    assert main(["bench", what]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert all(
        word in out for word in (found["what"], found["date"], "NumPy", found["cpu"]) if word != "NumPy" or what == "import"
    )
    assert "uartile" in out


def test_an_interrupted_bench_leaves_no_process_and_no_file(tmp_path):
    words = [sys.executable, "-m", "refopt", "bench", "step", "--only", "sgd 1e7", "--blocks", "1000", "--out", str(tmp_path)]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        limit, children = time.monotonic() + 60, []
        while not children and time.monotonic() < limit:
            time.sleep(0.05)
            listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            children = listed.read_text().split() if listed.exists() else ["?"]
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines() == ["interrupted"]
    assert list(tmp_path.iterdir()) == []
    assert not any(Path(f"/proc/{child}").exists() for child in children if child != "?")


def test_who_is_not_installed_takes_no_part_and_is_named(stepped, monkeypatch, capsys):
    monkeypatch.setattr(bench, "step", lambda *arguments: stepped | {"missing": ["torch", "jax"]})
    assert main(["bench", "step"]) == 0
    assert "Not installed here: torch, jax." in " ".join(capsys.readouterr().out.split())
    for package in updates.PACKAGES:
        monkeypatch.setitem(sys.modules, package, None)
    row = updates.timed("adam 100", 1)
    assert list(row["libraries"]) == ["refopt, blocked", "NumPy, plain"]


def test_a_result_that_cannot_be_written_leaves_nothing_behind(stepped, monkeypatch, tmp_path):
    def full(*paths):
        raise OSError("no space left")

    monkeypatch.setattr(bench, "step", lambda *arguments: stepped)
    monkeypatch.setattr(os, "replace", full)
    assert main(["bench", "step", "--out", str(tmp_path)]) != 0
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_numbers_are_written_all_the_same(stepped, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bench, "step", lambda *arguments: stepped)
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib" or name.startswith("refopt.view")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("refopt.view", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["bench", "step", "--out", str(tmp_path)]) == 0
    assert "no figure is drawn: refopt.view needs matplotlib" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["bench.json"]
