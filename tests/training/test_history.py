"""Histories: what is written reads back, in strict formats."""

import csv
import json
import math
import os

import numpy as np
import pytest
from analytic_net import AnalyticNet, CountingNet, line
from hypothesis import given
from hypothesis import strategies as st

import refopt
from refopt.data import digits
from refopt.nets import MLP
from refopt.training import Row, train
from refopt.training.measuring import norm, peak_bytes, state_bytes


@pytest.fixture(scope="module")
def history():
    return train(MLP([64, 16, 10]), refopt.adam(lr=0.01), digits(), epochs=4)


@pytest.fixture(scope="module")
def diverged():
    return train(CountingNet([1.0, 2.0, math.inf]), refopt.sgd(lr=1.0), CountingNet.data, epochs=5, batch_size=4)


def test_columns(history):
    assert history["epoch"].tolist() == [0, 1, 2, 3, 4]
    assert history["updates"].tolist() == [0, 42, 84, 126, 168]
    assert [len(values) for values in history.steps] == [168] * 3
    assert np.isnan(history["lr"][0])
    assert history["lr"][1:].tolist() == [0.01] * 4
    assert history["train_loss"].tolist() == [row.train_loss for row in history.rows]
    with pytest.raises(KeyError, match="unknown column 'loss'"):
        history["loss"]


def test_csv(history, diverged, tmp_path):
    for one in (history, diverged):
        with open(one.to_csv(tmp_path / "h.csv"), newline="") as file:
            head, *rows = csv.reader(file)
        assert tuple(head) == Row._fields
        read = [tuple(None if cell == "" else float(cell) for cell in row) for row in rows]
        assert read == [tuple(row) for row in one.rows]
    assert read[2][2] == math.inf
    assert os.listdir(tmp_path) == ["h.csv"]


def test_json_is_strict(history, diverged, tmp_path):
    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    document = json.loads(history.to_json(tmp_path / "h.json").read_text(), parse_constant=refuse)
    assert document["rows"] == [row._asdict() for row in history.rows]
    assert document["steps"]["loss"] == history.steps.loss.tolist()
    assert (document["ended"], document["best"]["epoch"]) == ("epochs", history.best.epoch)
    document = json.loads(diverged.to_json(tmp_path / "d.json").read_text(), parse_constant=refuse)
    assert [row["train_loss"] for row in document["rows"]] == [1.0, 2.0, None]
    assert document["reason"] == "Diverged: the training loss is inf after epoch 2, update 2."


def test_tables(history, diverged):
    lines = str(history).splitlines()
    assert lines[0].split("  ")[0] == "epoch"
    assert "val. acc." in lines[0]
    assert "dropout" not in lines[0]
    assert len(lines) == 2 + 5 + 1
    assert lines[-1] == "All epochs are done: 4."
    assert f"{history.rows[4].validation_accuracy:.1%}" in lines[-2]
    assert [line.split()[0] for line in history.table(3).splitlines()[2:]] == ["0", "2", "4"]
    assert "inf" in str(diverged)
    assert "val." not in str(diverged).splitlines()[0]
    with pytest.raises(ValueError, match="at least 2 rows"):
        history.table(1)
    page = history._repr_html_()
    assert page.count("<tr>") == 6
    assert page.count("<td>") == 5 * page.count("<th>")
    assert "<p>All epochs are done: 4.</p>" in page


def test_the_best_epoch(history):
    losses = history["validation_loss"].tolist()
    assert (history.best.epoch, history.best.loss) == (losses.index(min(losses)), min(losses))
    net, data = MLP([64, 16, 10]), digits()
    assert float(net.loss(history.best.theta, data.x_test, data.y_test)) == history.best.loss
    thinned = train(AnalyticNet(), refopt.sgd, line(), epochs=3, patience=1)
    assert np.array_equal(thinned.running, thinned.best.running)


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=9), st.integers(-120, 100))
def test_norms_neither_overflow_nor_underflow(values, power):
    """Against math.hypot, in float32 over most of its range."""
    x = np.ldexp(np.array(values, np.float32), power)
    assert norm(x) == pytest.approx(math.hypot(*x.astype(np.float64).tolist()), rel=1e-6, abs=1e-300)


def test_norms_of_what_is_not_finite():
    assert norm(np.array([1.0, np.inf])) == math.inf
    assert math.isnan(norm(np.array([1.0, np.nan])))
    assert norm(np.zeros(3)) == norm(np.zeros(0)) == 0.0


def test_memory():
    assert state_bytes({"t": 3, "m": np.zeros(5), "inner": {"v": [np.zeros(5, np.float32)], "w": (np.zeros(2),)}}) == 76
    assert state_bytes(refopt.adam.init(np.zeros(10, np.float32))) == 80
    most = peak_bytes()
    assert most is None or 1e6 < most < 1e13
