"""Questions and answers through files: what another program needs, and what it may send back."""

import json
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import refopt
from refopt.cli import main
from refopt.golden import available, check_answers, questions, read_answers
from refopt.golden.answers import ANSWERS, LARGEST
from refopt.golden.check import Failure, Report
from refopt.golden.junit import junit


def answered(rule, name):
    """The answers of a rule of refopt, as another program would write them."""
    answers = {}
    for vector in questions(name, missing=True)["vectors"]:
        shapes = vector["shapes"]
        arrays = lambda flat, shapes=shapes: [  # noqa: E731
            x if x is None else np.array(x).reshape(s) for x, s in zip(flat, shapes, strict=True)
        ]
        bound = rule(**{word: tuple(x) if isinstance(x, list) else x for word, x in vector["hyper"].items()})
        theta = arrays(vector["theta"])
        state = bound.init(theta) | {key: arrays(x) if isinstance(x, list) else x for key, x in vector.get("start", {}).items()}
        steps = []
        for number, gradients in enumerate(vector["gradients"]):
            lr = {"lr": vector["lr"][number]} if "lr" in vector else {}
            theta, state = bound.update(theta, arrays(gradients), state, **lr)
            steps.append([x.reshape(-1).tolist() for x in theta])
        answers[vector["id"]] = steps
    return {"format": ANSWERS, "rule": name, "answers": answers}


@pytest.fixture
def file(tmp_path):
    def write(document):
        path = tmp_path / "answers.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    return write


@pytest.mark.parametrize("name", available())
def test_right_answers_pass(name):
    report = check_answers(answered(refopt.rule(name), name))
    assert report.ok, str(report)


def test_the_command_says_right_or_wrong_by_its_status(capsys, file):
    path = str(file(answered(refopt.adam, "adam")))
    assert main(["check", path]) == 0
    assert capsys.readouterr().out.endswith("right\n")
    wrong = answered(refopt.adam(denominator=refopt.dialects.denominator.eps_hat), "adam")
    assert main(["check", str(file(wrong))]) == 1
    assert "EpsPlacement" in capsys.readouterr().out
    assert main(["check", str(file(wrong)), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert not document["ok"]
    assert document["failures"][0]["vector"].startswith("adam/")
    assert main(["check", str(file({**wrong, "answers": {}}))]) == 2
    assert "nothing could be checked" in capsys.readouterr().out


def test_answers_are_diagnosed(capsys, file):
    wrong = answered(refopt.adam(denominator=refopt.dialects.denominator.eps_hat), "adam")
    wrong["answers"]["adam/2"] = "nonsense"
    assert main(["diagnose", str(file(wrong))]) == 0
    assert capsys.readouterr().out.startswith("keras's reading: denominator=eps_hat")
    assert main(["diagnose", str(file({**wrong, "answers": {"adam/1": [[]]}}))]) == 2
    assert "not one answer of the right form" in capsys.readouterr().err
    assert main(["diagnose", str(file(wrong)), "--rule", "adam"]) == 2


def test_junit_has_a_case_for_each_vector(capsys, file, tmp_path):
    wrong = answered(refopt.adam(denominator=refopt.dialects.denominator.eps_hat), "adam")
    wrong["answers"].pop("adam/2")
    wrong["answers"]["adam/3"] = [[["\x00<&"]]]
    path = tmp_path / "report.xml"
    assert main(["check", str(file(wrong)), "--junit", str(path)]) == 1
    suite = ElementTree.parse(path).getroot().find("testsuite")
    cases = {case.get("name"): case for case in suite}
    assert sorted(cases) == sorted(vector["id"] for vector in questions("adam", missing=True)["vectors"])
    assert cases["adam/2"].find("skipped").get("message") == "it has no answer"
    failed = [name for name, case in cases.items() if case.find("failure") is not None]
    assert int(suite.get("failures")) == len(failed) > 0
    assert int(suite.get("tests")) == len(cases)
    capsys.readouterr()
    assert main(["check", str(file(wrong)), "--junit", str(tmp_path / "none" / "report.xml")]) == 2


def test_junit_holds_any_message():
    report = Report("adam", ("adam/1",), (Failure("adam/2", ("Basic",), 1, "raised E: \x00\x1b<&\ud800"),))
    failure = ElementTree.fromstring(junit(report, "a<b")).find(".//failure")
    assert failure.get("message") == "raised E: \ufffd\ufffd<&\ufffd"


def test_questions_are_the_vectors_without_answers(capsys):
    assert main(["golden", "questions", "sgd"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["rule"] == "sgd"
    assert all("steps" not in vector for vector in document["vectors"])
    assert {"id", "hyper", "shapes", "theta", "gradients"} <= set(document["vectors"][0])
    assert "null" not in json.dumps(document)
    assert main(["golden", "questions", "sgd", "--missing"]) == 0
    more = json.loads(capsys.readouterr().out)["vectors"]
    assert document["vectors"] == [v for v in more if "MissingGradient" not in v["flags"]]
    assert len(more) == len(document["vectors"]) + 2
    assert main(["golden", "questions"]) == 2
    assert main(["golden", "questions", "sam"]) == 2
    assert main(["golden", "list", "sgd"]) == 0
    assert "LearningRate: The learning rate changes" in capsys.readouterr().out


HOSTILE = [
    ("", "is not JSON"),
    ('{"format": "refopt-golden-answers-1", "rule": "adam", "answers": {"adam/1": [', "is not JSON"),
    ("[" * 100_000, "nested too deeply"),
    ("[]", "is not an answers file"),
    ('{"format": "something"}', "is not an answers file"),
    ({"format": ANSWERS, "rule": 3, "answers": {}}, 'must have "rule"'),
    ({"format": ANSWERS, "rule": "adam", "answers": []}, 'must have "rule"'),
    ({"format": ANSWERS, "rule": "__import__('os')", "answers": {}}, "there are no vectors"),
    ({"format": ANSWERS, "rule": "adam", "answers": {"adam/999": []}}, "there is no vector 'adam/999'"),
]


@pytest.mark.parametrize(("document", "words"), HOSTILE)
def test_hostile_files_get_one_clear_line(capsys, file, document, words):
    assert main(["check", str(file(document))]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert words in err


def test_a_file_that_is_too_large_is_not_read(capsys, tmp_path):
    path = tmp_path / "large.json"
    with path.open("wb") as stream:
        stream.truncate(LARGEST + 1)
    assert main(["check", str(path)]) == 2
    assert "answers have at most" in capsys.readouterr().err
    assert main(["check", str(tmp_path / "none.json")]) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (3, "must be a list of 5 steps"),
        ([[]] * 5, "must be a list of 3 tensors"),
        ([[[1.0], [1.0], [1.0]]] * 5, "tensor 0 must be a flat list of 6 numbers"),
        ([[["x"] * 6, [1.0] * 4, [1.0]]] * 5, "holds something that is not a number"),
        ([[[True] * 6, [1.0] * 4, [1.0]]] * 5, "holds something that is not a number"),
        ([[[10**500] * 6, [1.0] * 4, [1.0]]] * 5, "holds something that is not a number"),
        ([[[float("nan")] * 6, [1.0] * 4, [1.0]]] * 5, "nan, expected"),
        ([[[float("inf")] * 6, [1.0] * 4, [1.0]]] * 5, "inf, expected"),
        ([[[None] * 6, [1.0] * 4, [1.0]]] * 5, "nan, expected"),
    ],
)
def test_answers_of_the_wrong_form_fail_their_vector(file, answer, words):
    report = check_answers(read_answers(file({"format": ANSWERS, "rule": "adam", "answers": {"adam/1": answer}})))
    assert [failure.vector for failure in report.failures] == ["adam/1"]
    assert words in str(report)


JAVASCRIPT = """
const q = JSON.parse(require("fs").readFileSync(0, "utf8")), answers = {};
for (const v of q.vectors) {
  const { beta1, beta2, eps } = v.hyper;
  let theta = v.theta, t = v.start ? v.start.t : 0;
  let m = v.start ? v.start.m : theta.map((x) => x.map(() => 0)), s = v.start ? v.start.v : theta.map((x) => x.map(() => 0));
  answers[v.id] = v.gradients.map((g, n) => {
    const lr = v.lr ? v.lr[n] : v.hyper.lr;
    t += 1;
    m = m.map((x, i) => x.map((y, j) => beta1 * y + (1 - beta1) * g[i][j]));
    s = s.map((x, i) => x.map((y, j) => beta2 * y + (1 - beta2) * g[i][j] ** 2));
    const c1 = 1 - beta1 ** t, c2 = 1 - beta2 ** t;
    theta = theta.map((x, i) => x.map((y, j) => y - (lr * m[i][j]) / c1 / (DENOMINATOR)));
    return theta;
  });
}
console.log(JSON.stringify({ format: "refopt-golden-answers-1", rule: q.rule, answers }));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize(
    ("denominator", "right"),
    [("Math.sqrt(s[i][j] / c2) + eps", True), ("Math.sqrt(s[i][j] / c2 + eps)", False)],
)
def test_a_program_in_another_language(file, denominator, right):
    program = JAVASCRIPT.replace("DENOMINATOR", denominator)
    asked = json.dumps(questions("adam"))
    done = subprocess.run(["node", "-e", program], input=asked, capture_output=True, text=True, check=True)
    assert check_answers(read_answers(file(done.stdout))).ok == right


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler, cc")
@pytest.mark.parametrize(
    ("denominator", "flag"),
    [("(sqrt(v / c2) + eps)", None), ("sqrt(v / c2 + eps)", "EpsPlacement"), ("(sqrt(v) + eps)", "Basic")],
)
def test_a_program_in_c(tmp_path, file, denominator, flag):
    program = tmp_path / "adam"
    source = Path(__file__).with_name("adam.c")
    warnings = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O2"]
    subprocess.run(["cc", *warnings, f"-DDENOMINATOR={denominator}", str(source), "-lm", "-o", str(program)], check=True)
    done = subprocess.run([str(program)], input=json.dumps(questions("adam")), capture_output=True, text=True, check=True)
    report = check_answers(read_answers(file(done.stdout)))
    assert report.ok == (flag is None), str(report)
    assert flag is None or any(flag in failure.flags for failure in report.failures)
