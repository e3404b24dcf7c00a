"""The command line, as its users call it."""

import json
import re
import subprocess
import sys

import pytest

import refopt
from refopt.cli import main


def run(capsys, *words):
    status = main(list(words))
    out, err = capsys.readouterr()
    return status, out, err


def test_list(capsys):
    status, out, _ = run(capsys, "list")
    assert status == 0
    for name in refopt.names():
        assert any(line.startswith(f"  {name} ") for line in out.splitlines())
    assert out.index("Gradient descent and momentum") < out.index("  sgd ") < out.index("A learning rate of its own")
    rows = json.loads(run(capsys, "list", "--json")[1])
    assert [row["name"] for row in rows] == refopt.names()
    assert next(row for row in rows if row["name"] == "adam") == {
        "name": "adam",
        "line": "a step of about lr in every coordinate, from running means of g and g²",
        "family": "adaptive",
        "scope": "element",
        "state": ["t", "m", "v"],
        "paper": "Kingma & Ba 2015, arXiv:1412.6980, Algorithm 1",
    }


def test_without_a_verb_the_verbs_are_shown(capsys):
    status, out, err = run(capsys)
    assert (status, err) == (2, "")
    for verb in ("race", "train", "show", "step"):
        assert f"\n    {verb} " in out


def test_list_says_who_runs_in_place_and_why_others_do_not(capsys):
    status, out, _ = run(capsys, "list", "--fast")
    assert status == 0
    rows = json.loads(run(capsys, "list", "--fast", "--json")[1])
    assert [row["name"] for row in rows] == refopt.names()
    blocked, stacked, plain = re.split("Stacked|The others", out)
    for row in rows:
        assert row["blocked"] == (row["name"] in re.findall(r"\w+", blocked)) == (row["why_not"] is None)
        assert row["stacked"] == (row["name"] in re.findall(r"\w+", stacked)) == (refopt.rule(row["name"]).scope == "tensor")
        listed = any(line.startswith(f"{row['name']} ") for line in plain.splitlines())
        assert [row["blocked"], row["stacked"], listed].count(True) == 1


def test_list_problems(capsys):
    status, out, _ = run(capsys, "list", "--problems")
    assert status == 0
    rows = json.loads(run(capsys, "list", "--problems", "--json")[1])
    assert [row["name"] for row in rows] == refopt.problems.names()
    for row in rows:
        (line,) = [line for line in out.splitlines() if line.startswith(f"{row['name']} ")]
        assert row["trap"].startswith(" ".join(line.split()[3:]))
        assert line.split()[2] == str(len(row["minima"]))
    assert rows[-1]["options"] == ["dimension"]
    with pytest.raises(SystemExit):
        main(["step", "--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in refopt.problems.names())


@pytest.mark.parametrize("name", refopt.problems.names())
def test_step_on_every_problem(capsys, name):
    status, out, _ = run(capsys, "step", "adam", "--on", name, "-n", "2")
    assert status == 0
    assert f"on {name}: {refopt.problems.get(name).trap}" in out


def test_show_schedules(capsys, tmp_path):
    pytest.importorskip("matplotlib", reason="the schedules are drawn by matplotlib")
    status, out, _ = run(capsys, "show", "--schedules", "--out", str(tmp_path / "new"))
    assert status == 0
    lines = out.splitlines()
    for name in refopt.schedules.names():
        (line,) = [line for line in lines if line.startswith(f"{name} ")]
        assert refopt.schedules.get(name).line in line
    assert any("lr, steps, end=0, power=1, after=held" in line for line in lines)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["schedules.png", "schedules.svg"]


@pytest.mark.parametrize("name", refopt.names())
def test_show(capsys, name):
    status, out, _ = run(capsys, "show", name)
    assert status == 0
    for heading in ("Update", "Symbols", "Readings", "Paper", "Libraries", "Traps", "Memory", "Source"):
        assert f"\n{heading}" in out
    assert "return locals()" in out


def test_show_says_where_libraries_part_and_what_the_state_costs(capsys):
    show = lambda name: " ".join(run(capsys, "show", name)[1].split())  # noqa: E731
    out = show("adam")
    assert "eps: 1e-08 here, and in the others; 1e-07: keras, tfjs; 1e-06: onnx" in out
    assert "8.00 bytes of state a parameter in float32" in out
    assert "torch.optim.Adam(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)" in out
    out = show("rprop")
    assert "when: now here, and in the others; late: braintools, optax" in out
    assert "https://github.com/google-deepmind/optax" in out
    # 64 + 32 running sums for 2048 parameters, of 4 bytes each
    assert f"{4 * 96 / 2048:.2f} bytes of state a parameter in float32 (384 " in show("adafactor")
    assert "0.00 bytes" in show("signsgd")
    assert "weight_decay: decoupled(decay=constant_shift): torch_optimizer" in show("sgd")


def test_frameworks(capsys):
    status, out, _ = run(capsys, "frameworks")
    pairs = int(re.search(r"^(\d+) pairs of a library and a rule", out, flags=re.MULTILINE)[1])
    assert status == 0
    assert pairs == sum(len({entry.split()[0] for entry in table}) for table in refopt.frameworks.FRAMEWORKS.values()) >= 150
    rows = json.loads(run(capsys, "frameworks", "--framework", "keras", "--rule", "adam", "--json")[1])
    assert [(row["library"], row["entry"]) for row in rows] == [("keras", "adam")]
    assert set(rows[0]["differences"]) == {"defaults", "others", "weight decay"}
    assert "unknown library 'kears'; did you mean 'keras'" in run(capsys, "frameworks", "--framework", "kears")[2]
    assert "did you mean 'adam'" in run(capsys, "frameworks", "--rule", "adamm")[2]
    assert "it is read in optax, pytorch_optimizer" in run(capsys, "frameworks", "--framework", "keras", "--rule", "sam")[2]


def test_compare(capsys):
    status, out, _ = run(capsys, "compare", "adam", "--frameworks", "torch,keras,optax", "--set", "eps=1e-8")
    assert status == 0
    # ε and the second root of g = 1e-8 are as large as each other in torch, 31.6 times apart in keras
    assert "keras: parts at step 1, denom[0][3] 2e-08 and 3.26228e-07" in out
    assert "denominator: eps_outside here, eps_hat there\n        alone: parts at step 1, denom[0][3]" in out
    assert "eps:" not in out
    assert "optax: no difference on these gradients, every bit the same" in out
    (document,) = json.loads(run(capsys, "compare", "sgd", "--frameworks", "torch,keras", "--set", "momentum=0.9", "--json")[1])
    assert document["causes"][-1]["word"] == "rate"
    assert document["causes"][-1]["readings"] == ["lr_outside", "lr_inside"]
    assert "two readings are needed to compare; powersign is read here in no library" in run(capsys, "compare", "powersign")[2]
    assert "adafactor(lr=0.001" in run(capsys, "compare", "adafactor", "--frameworks", "timm lr,torch")[1]
    # a gradient of 0.5 and λθ = 0.3: coupled they make one step of lr; decoupled the decay is seen beside it
    out = run(capsys, "compare", "adam", "--frameworks", "torch,keras", "--set", "weight_decay=0.1", "--set", "eps=1e-8")[1]
    assert "weight_decay: l2 0.1 here, decoupled 0.1 there" in out
    # optax has no default learning rate, so that it is no difference
    assert "lr:" not in run(capsys, "compare", "sgd", "--frameworks", "torch,optax")[1]
    assert "keras has no radam" in run(capsys, "compare", "radam", "--frameworks", "torch,keras")[2]
    assert "--set takes WORD=VALUE" in run(capsys, "compare", "adam", "--set", "eps")[2]
    assert "did you mean 'adam'" in run(capsys, "compare", "addam")[2]


@pytest.mark.parametrize("name", refopt.names())
def test_every_rule_can_be_compared_with_itself(name):
    from refopt.frameworks.comparison import Parting, compare

    rule = refopt.rule(name)
    assert compare(rule, rule) == (Parting(), [])


def test_a_comparison_finds_each_difference():
    from refopt.frameworks.comparison import compare

    base = refopt.lookahead(inner=refopt.adam)
    for word, value, name, step in (("lr", 0.5, "fast", 1), ("beta2", 0.5, "inner_state.v", 1), ("alpha", 0.25, "slow", 5)):
        parting, (cause,) = compare(base, base(**{word: value}))
        assert (cause.word, cause.parting) == (word, parting)
        assert (parting.name, parting.step) == (name, step)
    with pytest.raises(ValueError, match="not readings of one rule"):
        compare(refopt.adam, refopt.adamw)


def test_a_toy_run_does_not_leave_for_infinity(capsys):
    status, out, err = run(capsys, "step", "sgd", "-n", "5")
    assert status == 0
    assert "lr 0.001: the default, 0.01, climbs out of rosenbrock" in err
    assert "sgd(lr=0.001" in out
    assert json.loads(run(capsys, "exact", "sam", "-n", "3", "--json")[1])["rule"].startswith("sam(inner=sgd(lr=0.001")
    assert run(capsys, "step", "adam", "-n", "5")[2] == ""


def test_step_prints_the_source_with_its_values(capsys):
    status, out, _ = run(capsys, "step", "adam", "--on", "rosenbrock", "-n", "3")
    assert status == 0
    assert out.count("update = lr * m_hat / denom") == 3
    assert "g = [-215.6, -88]" in out  # the gradient at (-1.2, 1), worked out by hand
    assert "m = [-21.56, -8.8]" in out
    assert "theta = [-1.199, 1.001]" in out
    assert "sgd" in run(capsys, "step", "lookahead", "-n", "1", "--lr", "0.001")[1]
    assert "eps_hat" in run(capsys, "step", "adam", "--framework", "keras", "--on", "beale")[1]


def test_step_shows_what_a_wrapper_gives_to_the_rule_inside(capsys):
    out = run(capsys, "step", "clip_by_global_norm", "-n", "1")[1]
    # √(215.6² + 88²) = 232.868
    assert "length = norm(g)" in out
    assert "length = [232.868]" in out
    assert "\n        sgd is given theta = [-1.2, 1], g = [-0.925848, -0.377897]\n" in out
    assert out.index("g_clipped = scale * g") < out.index("sgd is given") < out.index("update = lr_out * direction")
    out = run(capsys, "step", "accumulation", "-n", "4")[1]
    assert out.count("sgd is given") == 1


def test_exact_prints_the_float_beside_the_proof(capsys):
    pytest.importorskip("flint")
    status, out, _ = run(capsys, "exact", "adam", "-n", "4")
    assert status == 0
    assert "-1.1990000000000463" in out
    document = json.loads(run(capsys, "exact", "adam", "-n", "20", "--json")[1])
    assert len(document["steps"]) == 20
    for step in document["steps"]:
        assert step["ulps"] <= 20
        assert step["worst_ulps"] <= step["worst_budget"]
        assert step["digits"].startswith(repr(step["proven"])[:14])


def test_race_prints_a_table_and_writes_the_figure(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    status, out, err = run(capsys, "race", "--rules", "adam, sgd", "--epochs", "3", "--out", str(tmp_path / "new"))
    assert status == 0
    assert out.splitlines()[0].split()[:2] == ["rule", "lr"]
    assert {line.split()[0] for line in out.splitlines()[2:4]} == {"adam", "sgd"}
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["race.png", "race.svg"]
    assert "adam" in err  # progress


def test_race_json_is_one_document(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    status, out, _ = run(capsys, "race", "--rules", "lion", "--epochs", "2", "--seed", "5", "--json", "--out", str(tmp_path))
    assert status == 0
    document = json.loads(out)
    assert document["seed"] == 5
    (rule,) = document["rules"]
    assert list(rule) == [
        "name", "lr", "train_loss", "test_accuracy", "epochs_to_95", "seconds", "state_bytes_per_parameter",
    ]  # fmt: skip
    assert rule["name"] == "lion"
    assert rule["epochs_to_95"] is None
    assert rule["state_bytes_per_parameter"] == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["race", "--rules", "adm"], "unknown rule 'adm'; did you mean 'adam'"),
        (["race", "--rules", ","], "--rules names no rule"),
        (["race", "--rules", "adam,adam"], "names a rule twice"),
        (["race", "--out", ""], "--out must name a directory"),
        (["exact", "sgd", "--lr", "0.01"], "leaves for infinity on rosenbrock at step 8; give a smaller --lr"),
        (["race", "--epochs", "0"], "--epochs must be at least 1"),
        (["race", "--seed", "-1"], "--seed must be at least 0"),
        (["show", "addam"], "did you mean 'adam'"),
        (["show"], "name a rule"),
        (["show", "adam", "--schedules"], "not both"),
        (["show", "adam", "--out", "x"], "--out goes with --schedules"),
        (["show", "--schedules", "--out", ""], "--out must name a directory"),
        (["step", "adam", "--on", "rosenbrok"], "did you mean 'rosenbrock'"),
        (["step", "adam", "-n", "0"], "-n must be at least 1"),
        (["step", "adam", "--lr", "nan"], "lr must be finite"),
        (["step", "lion", "--framework", "torch"], "torch has no lion"),
        (["exact", "adam", "-n", "0"], "-n must be at least 1"),
        (["bench", "train", "--blocks", "0"], "--blocks must be at least 1"),
        (["bench", "train", "--only", "cnn28"], "unknown case 'cnn28'; did you mean 'cnn-28'? Allowed: mlp-64,"),
        (["bench", "train", "--only", ","], "name each case once, and at least one; got none"),
        (["bench", "train", "--only", "mlp-64,mlp-64"], "name each case once, and at least one; got mlp-64, mlp-64"),
        (["bench", "proof", "--only", "mlp-64"], "--only and --blocks go with train, step and gpu"),
    ],
)
def test_bad_input_is_one_clear_line_and_status_2(capsys, words, message):
    status, out, err = run(capsys, *words)
    assert status == 2
    assert out == ""
    assert err.startswith(f"refopt {words[0]}: ")
    assert len(err.splitlines()) == 1
    assert message in err


def test_an_unwritable_directory_is_one_clear_line(capsys, tmp_path):
    (tmp_path / "file").write_text("in the way")
    status, _, err = run(capsys, "race", "--rules", "sgd", "--epochs", "1", "--out", str(tmp_path / "file"))
    assert status == 2
    assert err.splitlines() == [f"refopt race: cannot write into {tmp_path / 'file'}: File exists"]  # before the race


def test_usage_errors_have_status_2(capsys):
    for words in (["fly"], ["race", "--epochs", "many"]):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 2
        assert "usage" in capsys.readouterr().err.lower()


def test_a_terminal_without_greek_letters(tmp_path):
    import os

    env = os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    for words in (["show", "adam"], ["list"], ["race", "--help"], ["exact", "adam", "-n", "1"]):
        done = subprocess.run([sys.executable, "-m", "refopt", *words], capture_output=True, env=env)
        assert done.returncode == 0, done.stderr
        assert done.stdout.isascii()


def test_python_dash_m_and_a_closed_pipe():
    command = f'"{sys.executable}" -m refopt show adam | head -n 1'
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stdout.startswith("Adam: ")
    assert done.stderr == ""
    version = subprocess.run([sys.executable, "-m", "refopt", "--version"], capture_output=True, text=True)
    assert version.stdout.strip() == f"refopt {refopt.__version__}"
