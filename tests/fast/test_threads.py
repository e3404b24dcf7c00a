"""Threads share a step, and the bits are those of one thread."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from inplace import fresh, gradients, run_both, start

import refopt
from refopt import fast
from refopt.fast import blocked, threads


@pytest.fixture(params=[1, 2, 3, 7])
def shares(request, monkeypatch):
    """That many threads, also for short vectors, in pieces of 256 entries."""
    monkeypatch.setattr(blocked, "WORTH_A_THREAD", 100)
    monkeypatch.setattr(blocked, "cache_bytes", lambda: 0)
    monkeypatch.setattr(blocked, "_RECORDINGS", {})
    monkeypatch.setattr(threads, "_count", None)
    fast.set_num_threads(request.param)
    yield request.param
    blocked.take(blocked.way())


@pytest.mark.parametrize("way", fast.WAYS)
@pytest.mark.parametrize("name", ["adam", "diffgrad", "rprop", "sgd"])
def test_the_bits_are_those_of_one_thread(name, way, shares, peer):
    if way == "fused":
        peer("numba")
    with fast.using(way):
        for size in (99, 700, 1000, 2049, 9001):
            rule = fresh(refopt.rule(name))
            run_both(rule, start(size, "float32"), gradients(size, "float32"))
            assert isinstance(rule._blocked["bound"], blocked.Bound)


def test_the_callers_error_state_holds_on_the_threads(shares):
    theta = np.full(2000, 1e30, "float32")
    for step in range(2):
        rule = refopt.adam(lr=0.1)
        state = rule.init(theta)
        with np.errstate(over="raise"), pytest.raises(FloatingPointError):
            rule.update_(theta.copy(), theta, state)
        with np.errstate(over="ignore"):
            rule.update_(theta.copy(), theta, state)
        assert state["t"] == 1, step


@pytest.mark.parametrize("count", [0, -1, 2.0, True, "2", None])
def test_a_number_of_threads_is_a_positive_whole_number(count):
    with pytest.raises(ValueError, match="the number of threads must be a positive whole number"):
        fast.set_num_threads(count)


@pytest.mark.parametrize(("said", "wanted"), [("3", 3), (" 2,4", 2), ("", None), ("0", None), ("many", None), ("²", None)])
def test_the_environment_says_how_many(said, wanted, monkeypatch):
    monkeypatch.setattr(threads, "_count", None)
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert fast.get_num_threads() == (wanted or cores)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
def test_a_forked_child_has_threads_of_its_own():
    text = """
import os, numpy as np, refopt
from refopt.fast import blocked
blocked.WORTH_A_THREAD = 10
refopt.fast.set_num_threads(2)
rule, theta = refopt.adam(lr=0.1), np.ones(1000)
state = rule.init(theta)
rule.update_(theta, np.ones(1000), state)
child = os.fork()
rule.update_(theta, np.ones(1000), state)
if child:
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", text], check=True, timeout=60)


def test_threads_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(threads, "_pool", None)
    others = set(threading.enumerate())
    for count in (2, 3, 9, 4, 9, 2):
        threads.at_once([lambda: None] * count)
    limit = time.monotonic() + 20
    while len(set(threading.enumerate()) - others) > 8 and time.monotonic() < limit:
        time.sleep(0.01)  # those of the smaller pools are on their way out
    assert len(set(threading.enumerate()) - others) == 8


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_where_no_thread_can_be_started_the_step_is_made_all_the_same(allowed, monkeypatch):
    monkeypatch.setattr(blocked, "WORTH_A_THREAD", 100)
    monkeypatch.setattr(threads, "_pool", None)
    monkeypatch.setattr(threads, "_count", 4)
    started, begin = [], threading.Thread.start

    def some(thread):
        started.append(thread)
        if len(started) > allowed:
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", some)
    run_both(refopt.adam(lr=0.1), start(1000, "float64"), gradients(1000, "float64", 3))
    assert threads._pool is None
    for thread in started[:allowed]:  # none of them waits for the others
        thread.join(20)
        assert not thread.is_alive()


def test_a_step_while_python_ends():
    text = """
import atexit, numpy as np, refopt
from refopt.fast import blocked
blocked.WORTH_A_THREAD = 10
refopt.fast.set_num_threads(3)
rule, theta = refopt.sgd(lr=0.5), np.ones(1000)
state = rule.init(theta)

def last():
    rule.update_(theta, np.ones(1000), state)
    print(theta.min(), theta.max())

atexit.register(last)
rule.update_(theta, np.ones(1000), state)
"""
    done = subprocess.run([sys.executable, "-c", text], check=True, timeout=60, capture_output=True, text=True)
    assert done.stdout.split() == ["0.0", "0.0"]
    assert done.stderr == ""


def test_another_number_of_threads_in_the_middle_of_binding(monkeypatch):
    """Another thread may ask for it at any moment."""
    record = blocked.Bound.record

    def interrupted(self, *arguments):
        fast.use("blocked")
        return record(self, *arguments)

    monkeypatch.setattr(blocked.Bound, "record", interrupted)
    run_both(refopt.adam(lr=0.1), start(100, "float64"), gradients(100, "float64", 3))
    run_both(refopt.adam(lr=0.1), [start(100, "float64")], [[g] for g in gradients(100, "float64", 3)])
