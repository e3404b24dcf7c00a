"""Every rule runs on arrays of a device: the numbers that it has on NumPy's, and nothing is moved."""

import adversarial
import numpy as np
import pytest

import refopt

@pytest.mark.parametrize("container", [None, list, dict])
@pytest.mark.parametrize("name", refopt.names())
def test_rule(xp, name, container):
    rule = adversarial.ready(refopt.rule(name))
    rng = np.random.default_rng(0)
    draw = lambda: np.asarray(rng.normal(size=(3, 2)), dtype=np.float32)  # noqa: E731
    around = lambda a, b: {None: a, list: [a, b], dict: {"a": a, "b": b}}[container]  # noqa: E731
    theta = around(draw(), draw())
    g=[around(draw(),draw()) for _ in range(6)]
    state = rule.init(theta)
    device=xp.put(theta); gd=[xp.put(x) for x in g]
    moves = xp.moves()
    dstate=rule.init(device)
    for a, b in zip(g, gd):
        theta,state=rule.update(theta,a,state)
        device,dstate=rule.update(device,b,dstate)
    print("MOVES", name, container, moves.to_host, moves.to_device, set(m[1] for m in moves.log))
    back=xp.get(device)
    for x,y in zip(back.values(),theta.values()) if container is dict else zip(back,theta) if container else [(back,theta)]:
        assert x.dtype==y.dtype and np.array_equal(x,y)
