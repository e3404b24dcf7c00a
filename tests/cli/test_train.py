"""refopt train, as its users call it."""

import importlib
import json

import pytest

import refopt
from refopt.cli import main
from refopt.data import digits
from refopt.fast import blocked
from refopt.nets import MLP


def run(capsys, *words):
    status = main(["train", *words])
    out, err = capsys.readouterr()
    return status, out, err


def test_it_trains_on_the_digits_and_writes_the_history(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    status, out, err = run(capsys, "--epochs", "2", "--seed", "3", "--out", str(tmp_path / "new"))
    assert status == 0
    expected = refopt.train(MLP([64, 64, 32, 10]), refopt.adam, digits(), epochs=2, seed=3)
    assert f"{expected.rows[2].train_loss:.4g}" in out
    assert "All epochs are done: 2." in out
    assert "epoch 2" in err
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "history.csv", "history.json", "history.png", "history.svg",
    ]  # fmt: skip
    written = json.loads((tmp_path / "new" / "history.json").read_text())
    assert [row["train_loss"] for row in written["rows"]] == expected["train_loss"].tolist()


def test_every_choice_reaches_the_training(capsys, tmp_path):
    words = "--hidden 16 --rule sgd --framework torch --lr 0.2 --set momentum=0.9 --schedule linear --epochs 3 --batch-size 50"
    status, out, err = run(capsys, *words.split(), "--patience", "9", "--json", "--quiet", "--out", str(tmp_path))
    assert (status, err) == (0, "")
    document = json.loads(out)
    rule = refopt.rule("sgd", framework="torch", lr=0.2, momentum=0.9)
    falling = refopt.schedules.linear(lr=0.2, steps=78)
    expected = refopt.train(MLP([64, 16, 10]), rule, digits(), epochs=3, batch_size=50, patience=9, schedule=falling)
    assert [row["validation_loss"] for row in document["rows"]] == expected["validation_loss"].tolist()
    assert document["steps"]["lr"] == pytest.approx([0.2 * (1 - k / 78) for k in range(78)], rel=1e-12)
    assert document["rule"] == repr(rule)
    assert len(document["files"]) in (2, 4)


def test_a_fused_training_has_the_same_bits(capsys, tmp_path, peer, monkeypatch):
    peer("numba")
    monkeypatch.setenv("REFOPT_CACHE", str(tmp_path / "loops"))
    monkeypatch.setattr(blocked, "_RECORDINGS", {})
    monkeypatch.setattr(importlib.import_module("refopt.fast.fused"), "_COMPILED", {})  # whatever was compiled before
    words = ["--epochs", "2", "--json", "--quiet", "--out", str(tmp_path)]
    plain, fused = (json.loads(run(capsys, *words, *more)[1]) for more in ([], ["--fused"]))
    for row, other in zip(plain["rows"], fused["rows"], strict=True):
        assert row["train_loss"] == other["train_loss"]
    assert len(list((tmp_path / "loops").glob("*.py"))) == 1
    assert refopt.fast.ways.way() == "blocked"


def test_checkpoints(capsys, tmp_path):
    words = ["--epochs", "2", "--checkpoint", str(tmp_path / "c.npz"), "--out", str(tmp_path), "--quiet", "--json"]
    assert run(capsys, *words, "--every", "10")[0] == 0
    status, _, err = run(capsys, *words)
    assert status == 2
    assert "go on from it" in err
    status, out, _ = run(capsys, *words, "--resume", "--epochs", "4")
    assert status == 0
    expected = refopt.train(MLP([64, 64, 32, 10]), refopt.adam, digits(), epochs=4)
    assert [row["train_loss"] for row in json.loads(out)["rows"]] == expected["train_loss"].tolist()
    assert "that of another run: rule there adam" in run(capsys, *words, "--resume", "--rule", "sgd")[2]


def test_a_training_that_diverges_is_told_from_one_that_does_not(capsys, tmp_path):
    status, out, _ = run(capsys, "--rule", "sgd", "--lr", "1e30", "--epochs", "3", "--quiet", "--out", str(tmp_path))
    assert status == 1
    assert "Diverged: the loss is nan at update 2, batch 2 of epoch 1." in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rule", "adm"], "unknown rule 'adm'; did you mean 'adam'"),
        (["--net", "mpl"], "unknown net 'mpl'; did you mean 'mlp'"),
        (["--data", "digit"], "unknown data set 'digit'; did you mean 'digits'"),
        (["--schedule", "lineal"], "unknown schedule 'lineal'; did you mean 'linear'"),
        (["--hidden", "a"], "--hidden takes positive whole numbers"),
        (["--hidden", "0"], "--hidden takes positive whole numbers"),
        (["--net", "gru", "--data", "tokens", "--hidden", "8,8"], "--net gru takes one size for --hidden, got 2"),
        (["--set", "beta1"], "--set takes WORD=VALUE"),
        (["--set", "beta3=1"], "no hyper-parameter 'beta3'"),
        (["--batch-size", "0"], "batch_size must be at least 1"),
        (["--epochs", "-1"], "epochs must be at least 0"),
        (["--seed", "-1"], "seed must be at least 0"),
        (["--resume"], "resume needs checkpoint"),
        (["--out", ""], "--out must name a directory"),
        (["--checkpoint", "none/c.npz"], "there is no directory none"),
    ],
)
def test_bad_input(capsys, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, "--quiet", *words)
    assert (status, out) == (2, "")
    assert err.startswith("refopt train: ")
    assert message in err
    assert err.count("\n") == 1
