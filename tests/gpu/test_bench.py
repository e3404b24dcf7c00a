"""`refopt bench gpu`, as far as it can be tested without a GPU: on the stand-in, with a clock of its own for a device."""

import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import standin

import refopt
from refopt import bench
from refopt.cli import main

module = sys.modules["refopt.bench.gpu"]  # the room shows the function by this name
COPY, UPDATE = 0.004, 0.006  # seconds that a copy and an update take on the device, as its clock has it


class Device(ModuleType):
    """The stand-in with what the bench asks of CuPy besides: events, a memory pool, the device's properties."""

    def __init__(self):
        super().__init__("device")
        self.now, self.freed = 0.0, 0
        device = self

        class Event:
            def record(self):
                self.at = device.now

            def synchronize(self):
                pass

        runtime = SimpleNamespace(
            getDevice=lambda: 0,
            getDeviceCount=lambda: 1,
            getDeviceProperties=lambda number: {"name": b"A stand-in"},
            driverGetVersion=lambda: 12080,
        )
        elapsed = lambda before, after: (after.at - before.at) * 1000  # noqa: E731
        self.cuda = SimpleNamespace(Event=Event, get_elapsed_time=elapsed, runtime=runtime)
        self.ndarray, self.asnumpy = standin.ndarray, standin.asnumpy

    def get_default_memory_pool(self):
        def free():
            self.freed += 1

        return SimpleNamespace(free_all_blocks=free)

    def __getattr__(self, name):
        return getattr(standin, name)


def taking(seconds, made, device):
    """What `made` makes, with steps that take so long on the device's clock."""

    def slow(*arguments):
        start = made(*arguments)

        def begin():
            step = start()

            def takes():
                device.now += seconds
                return step()

            return takes

        return begin

    return slow


@pytest.fixture
def device(monkeypatch):
    """A device on which updates and copies take their time, and no torch."""
    found = Device()
    monkeypatch.setattr(module, "_torch_on_cuda", lambda: None)
    for name, seconds in (("_refopt", UPDATE), ("_copy", COPY)):
        monkeypatch.setattr(module, name, taking(seconds, getattr(module, name), found))
    return found


def test_times_are_the_devices_and_the_numbers_are_numpys(device):
    said = []
    result = bench.gpu(["adam 300", "sgd 1e3"], blocks=2, said=said.append, library=device)
    assert said == result["cases"]
    assert result["device"] == "A stand-in, CUDA 12.8"
    assert result["torch"] == "torch with CUDA is not installed here."
    for row, (name, size, moments) in zip(result["cases"], [("adam", 300, 2), ("sgd", 1000, 1)], strict=True):
        assert (row["rule"], row["parameters"], row["compared"]) == (name, size, size)
        (refopt_row,) = row["libraries"].values()
        assert refopt_row["us"] == pytest.approx(UPDATE * 1e6)
        assert refopt_row["memory"] == pytest.approx([UPDATE / COPY] * 3)
        assert row["gigabytes_per_second"] == pytest.approx(size * (3 + 2 * moments) * 4 / COPY / 1e9)
        assert 0 < refopt_row["call_us"] < 1e5
        assert (row["ulps"], row["transfers"]) == (0, 0)
        rule = bench.UPDATES[name].rule(name)
        rng = np.random.default_rng(0)
        theta, g = (rng.standard_normal(size, np.float32) for _ in range(2))
        state = rule.init(theta)
        for _ in range(row["steps"]):
            theta, state = rule.update(theta, g, state)
        assert refopt_row["first"] == theta[0]
    assert device.freed == 2 * 2 * (2 + 2)  # before every start: two cases, two runs, two turns and two to warm up


def test_a_step_that_moves_numbers_is_found_out(device):
    x = device.asarray(np.ones(3, np.float32))
    before = {name: vars(standin.ndarray).get(name) for name in module.TO_HOST}
    with module.transfers(device) as counted:
        x * 2 + x
        assert not counted
        float(x[0])
        assert counted["__float__"] == 1
        x.get()
        device.asarray(np.ones(2))
        device.asarray([1.0])  # counts as none: CuPy makes such constants in a kernel's arguments
    assert counted["get"] == counted["asarray"] == 1
    assert {name: vars(standin.ndarray).get(name) for name in module.TO_HOST} == before
    assert "asarray" not in vars(device)


def test_numbers_that_are_not_numpys_are_found_out(device, monkeypatch):
    other = bench.Update("torch", 2, {"lr": 1e-3 * 1.01}, torch="Adam")
    ours = bench.UPDATES["adam"].rule("adam")
    rules = iter([other.rule("adam"), ours])
    monkeypatch.setattr(bench.Update, "rule", lambda self, name: next(rules))
    theta, g = np.ones(5, np.float32), np.ones(5, np.float32)
    ulps, _ = module._agreement(device, bench.UPDATES["adam"], "adam", theta, g)
    assert ulps == pytest.approx(10 * 1e-3 * 0.01 / np.spacing(np.float32(0.99)), rel=0.01)
    rules = iter([ours(lr=1e39), ours])  # infinity in float32
    with np.errstate(all="ignore"):
        assert module._agreement(device, bench.UPDATES["adam"], "adam", theta, g)[0] is None


def test_the_command_prints_json_or_a_table(device, monkeypatch, capsys):
    monkeypatch.setattr(module, "device_library", lambda: device)
    assert main(["bench", "gpu", "--only", "adamw 1e2..1e3", "--blocks", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert [row["case"] for row in found["cases"]] == ["adamw 1e2", "adamw 1e3"]
    assert err.splitlines() == ["timed adamw 1e2", "timed adamw 1e3"]
    found["cases"][0]["ulps"] = None
    found["cases"][0]["libraries"]["torch, fused"] = found["cases"][0]["libraries"]["refopt"] | {"ratio": [1.1, 1.2, 1.3]}
    monkeypatch.setattr(bench, "gpu", lambda *arguments: found)
    assert main(["bench", "gpu"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for words in (
        "torch, fused 6.00 ms 1.20 (1.10–1.30) 1.50",
        "0 transfers in a step",
        "has numbers where NumPy has none",
        "is 0 ulps off NumPy's at most after 10 steps",
        "torch with CUDA is not installed here. A stand-in, CUDA 12.8.",
    ):
        assert words in out


@pytest.mark.parametrize("trouble", ["no cupy", "no driver", "no device"])
def test_without_cupy_or_a_device_there_is_one_clear_line(trouble, monkeypatch, capsys):
    def count():
        if trouble == "no driver":
            raise RuntimeError("cudaErrorInsufficientDriver: too old")
        return 0

    cupy = (
        None if trouble == "no cupy" else SimpleNamespace(cuda=SimpleNamespace(runtime=SimpleNamespace(getDeviceCount=count)))
    )
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    assert main(["bench", "gpu"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert ("CuPy is not installed: pip install" if trouble == "no cupy" else "CuPy finds no GPU") in line


@pytest.mark.parametrize(
    ("only", "why"),
    [(["adam 10x10"], "one tensor"), ([], "at least one"), (["nix"], "unknown rule"), (["adam 1e3", "adam 1e3"], "once")],
)
def test_what_is_no_case_is_refused_before_a_device_is_looked_for(only, why):
    with pytest.raises(ValueError, match=why):
        bench.gpu(only)
    with pytest.raises(ValueError, match="blocks"):
        bench.gpu(["adam 100"], blocks=0)


@pytest.mark.gpu
def test_on_a_gpu(xp):
    if xp.exact:
        pytest.skip("the stand-in has no clock")
    result = bench.gpu(["adam 1e6", "adamw 1e6", "sgd 1e6"], blocks=2)
    for row in result["cases"]:
        assert row["transfers"] == 0
        assert row["ulps"] <= 20  # each step may round the last bits otherwise
        assert row["libraries"]["refopt"]["us"] > 0
        first = {round(one["first"], 5) for one in row["libraries"].values()}
        assert len(first) == 1
    assert refopt.names()
