"""The golden vectors and real libraries: no false alarm in a library's own reading, and its dialect is seen in the paper's."""

import importlib.util
import os

import pytest
from conftest import import_peer

pytest.importorskip("flint", reason="a library's reading is proven on the spot")

from refopt.cli import main
from refopt.frameworks import FRAMEWORKS
from refopt.golden import available, check
from refopt.golden.libraries import DRIVEN, LEFT_OUT, library, timm_optim

pytestmark = pytest.mark.filterwarnings("ignore:This overload of add", "ignore:__array__ implementation")


def pairs():
    for framework in DRIVEN:
        for entry, reading in FRAMEWORKS[framework].items():
            called = reading.call.partition("(")[0].rpartition(".")[2]
            if " " not in entry and entry in available() and called not in LEFT_OUT:
                yield framework, entry


def installed(framework):
    os.environ.setdefault("KERAS_BACKEND", "jax")
    os.environ.setdefault("DEV", "PYTHON")  # tinygrad reads both when it is imported
    os.environ.setdefault("OPTIM_DTYPE", "float64")
    if framework in ("keras", "optax", "braintools"):
        import_peer("jax").config.update("jax_enable_x64", True)
    if framework == "timm":
        import_peer("torch")
        return timm_optim() if importlib.util.find_spec("timm") else import_peer("timm")
    return import_peer(framework)


def test_there_are_many():
    assert len(list(pairs())) >= 150


POSSIBLE = ("it needs load", "it takes no missing", "every tensor must have", "it refuses these hyper-parameters")


@pytest.mark.parametrize(("framework", "entry"), list(pairs()))
def test_no_false_alarm(framework, entry):
    installed(framework)
    _, rule, make = library(f"{framework}:{entry}")
    report = check(make, rule, framework=framework)
    assert report.ok, str(report)
    assert len(report.passed) >= 7
    assert all(why.startswith(POSSIBLE) for _, why in report.skipped), str(report)


@pytest.mark.parametrize(
    ("subject", "flag"),
    [
        ("keras:Adam", "EpsPlacement"),
        ("torch:RMSprop", None),
        ("optax:rprop", "Basic"),
        ("optax:adan", "Basic"),
        ("torch:Adam", None),
    ],
)
def test_the_paper_s_vectors_see_a_library_s_dialect(capsys, subject, flag):
    installed(subject.partition(":")[0])
    status = main(["check", subject])
    out = capsys.readouterr().out
    assert status == (1 if flag else 0), out
    assert flag is None or flag in out
    assert main(["check", subject, "--framework", subject.partition(":")[0]]) == 0


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("torch:Adam", "right"),
        ("torch:RMSprop", "right"),
        ("keras:Adam", "keras's reading"),
        ("optax:rprop", "'s reading: when=late"),
    ],
)
def test_diagnose_names_the_dialect(capsys, subject, words):
    installed(subject.partition(":")[0])
    assert main(["diagnose", subject]) == 0
    assert words in capsys.readouterr().out


def test_what_is_not_known_is_said(capsys):
    installed("torch")
    for words, message in (
        (["check", "torch:Adm"], "torch has no 'Adm' here; did you mean 'Adam'"),
        (["check", "troch:Adam"], "unknown library 'troch'; did you mean 'torch'"),
        (["check", "torch:LBFGS"], "driven by its tests only"),
        (["check", "torch:Adam", "--framework", "kears"], "unknown framework 'kears'"),
        (["check", "answers.json", "--rule", "adam"], "a file names its rule itself"),
    ):
        assert main(words) == 2
        assert message in capsys.readouterr().err
