"""refopt landscape, as its users call it."""

import json

import numpy as np
import pytest

import refopt
from refopt import landscape
from refopt.cli import main
from refopt.data import digits
from refopt.nets import MLP


def run(capsys, *words):
    status = main(["landscape", *words])
    out, err = capsys.readouterr()
    return status, out, err


def test_the_surface_of_a_training(capsys, tmp_path):
    status, out, err = run(
        capsys, "--hidden", "16", "--epochs", "4", "--points", "5", "--seed", "2", "--out", str(tmp_path / "new")
    )
    assert status == 0
    assert "epoch 4" in err
    assert "surface" in err
    net, data, path = MLP([64, 16, 10]), digits(), landscape.Trajectory()
    refopt.train(net, refopt.adam, data, epochs=4, seed=2, callbacks=[path])
    loss = landscape.Objective(net, data.x_train, data.y_train).loss
    expected = landscape.surface(loss, landscape.pca_plane(path.thetas), points=5, path=path.thetas)
    found, about = landscape.load(tmp_path / "new" / "landscape.npz")
    assert (found.losses == expected.losses).all()
    assert (found.path == expected.path).all()
    assert about["net"] == repr(net)
    assert f"minimum            {expected.lowest[2]:.4g} at" in out
    first, second = expected.plane.explained
    assert f"{first:.1%} + {second:.1%} of the path's" in out
    assert f"largest {expected.off_plane.max():.1%}" in out
    names = sorted(entry.name for entry in (tmp_path / "new").iterdir())
    assert names in (["landscape.npz"], ["landscape.npz", "landscape.png", "landscape.svg"])


def test_a_file_is_drawn_again_to_the_same_bytes(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    words = ["--hidden", "8", "--epochs", "2", "--points", "3", "--quiet"]
    status, out, err = run(capsys, *words, "--out", str(tmp_path / "a"), "--json")
    assert (status, err) == (0, "")
    first = json.loads(out)
    status, out, _ = run(capsys, "--redraw", str(tmp_path / "a" / "landscape.npz"), "--out", str(tmp_path / "b"), "--json")
    assert status == 0
    assert {**json.loads(out), "files": 0} == {**first, "files": 0}
    assert sorted(entry.name for entry in (tmp_path / "b").iterdir()) == ["landscape.png", "landscape.svg"]
    for name in ("landscape.png", "landscape.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_checkpoint_of_refopt_train_and_a_bare_theta(capsys, tmp_path):
    file = tmp_path / "c.npz"
    words = ["--hidden", "8", "--epochs", "1", "--quiet", "--out", str(tmp_path)]
    assert main(["train", *words, "--checkpoint", str(file)]) == 0
    capsys.readouterr()
    words = ["--hidden", "8", "--points", "3", "--quiet", "--json", "--out", str(tmp_path), "--span", "0.5"]
    status, out, _ = run(capsys, *words, "--checkpoint", str(file))
    assert status == 0
    document = json.loads(out)
    net, data = MLP([64, 8, 10]), digits()
    history = refopt.train(net, refopt.adam, data, epochs=1)
    assert document["test_accuracy"] == history.rows[-1].validation_accuracy
    found, _ = landscape.load(tmp_path / "landscape.npz")
    assert found.a.tolist() == [-0.5, 0, 0.5]
    assert found.losses[1, 1] == landscape.Objective(net, data.x_train, data.y_train).loss(history.theta)
    expected = landscape.random_directions(history.theta, net)
    assert (found.plane.directions == expected).all()
    bare = refopt.training.save_checkpoint(tmp_path / "theta.npz", {"theta": history.theta})
    status, out, _ = run(capsys, *words, "--checkpoint", str(bare), "--normalise", "layer")
    assert status == 0
    assert json.loads(out)["directions"] == "random, layer"
    status, _, err = run(capsys, "--checkpoint", str(bare), "--out", str(tmp_path))
    assert status == 2
    assert "needs a theta of 6570 numbers, found one of shape (610,) (is --net or --hidden another?)" in err


def test_the_convolutional_net(capsys, tmp_path):
    words = "--net cnn --hidden 8 --rule sgd --lr 0.1 --epochs 1 --points 2 --directions random --threads 2 --quiet --json"
    status, out, _ = run(capsys, *words.split(), "--out", str(tmp_path))
    assert status == 0
    document = json.loads(out)
    assert document["points"] == [2, 2]
    assert document["directions"] == "random, filter"
    assert "explained_variance" not in document
    assert document["minimum"]["loss"] < document["maximum"]["loss"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--net", "resnet"], "unknown net 'resnet'"),
        (["--directions", "pcs"], "unknown directions 'pcs'; did you mean 'pca'"),
        (["--directions", "pca", "--checkpoint", "x"], "needs a path, which a checkpoint does not hold"),
        (["--normalise", "filter"], "--normalise goes with --directions random"),
        (["--directions", "random", "--normalise", "fitler"], "did you mean 'filter'"),
        (["--epochs", "1"], "a path of at least 2 epochs"),
        (["--points", "1"], "--points must be at least 2, got 1"),
        (["--threads", "0"], "--threads must be at least 1"),
        (["--seed", "-1"], "--seed must be at least 0"),
        (["--span", "nan"], "--span must be a positive number"),
        (["--rule", "addam"], "did you mean 'adam'"),
        (["--hidden", "x"], "--hidden takes positive whole numbers"),
        (["--out", ""], "--out must name a directory"),
        (["--checkpoint", "/no/such/file"], "No such file"),
        (["--redraw", "/no/such/file"], "No such file"),
        (["--rule", "sgd", "--lr", "1e30", "--hidden", "8", "--quiet"], "the training diverged, try a smaller --lr"),
    ],
)
def test_bad_input_is_one_clear_line(capsys, tmp_path, words, message):
    status, out, err = run(capsys, *(words if "--out" in words else [*words, "--out", str(tmp_path)]))
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("refopt landscape: ")
    assert message in err


def test_what_is_no_surface_is_not_drawn(capsys, tmp_path):
    file = landscape.save(tmp_path / "line.npz", landscape.Line(np.zeros(2), np.ones(2), 1.0))
    status, _, err = run(capsys, "--redraw", str(file), "--out", str(tmp_path))
    assert status == 2
    assert "--redraw takes a surface" in err


def test_the_bench_of_landscapes(capsys, monkeypatch):
    from refopt import bench

    result = bench.landscape(points=3, probes=1)
    assert min(result["seconds"].values()) > 0
    json.dumps(result, allow_nan=False)
    monkeypatch.setattr(bench, "landscape", lambda: result)
    assert main(["bench", "landscape"]) == 0
    assert "surface, 3 × 3" in capsys.readouterr().out
