"""Steps worked out by hand, as in test_by_hand: the rules that take a rule, and the readings that are not worked out there.

The losses are quadratic and the norms Pythagorean; where a norm is over all parameters they lie in more than one tensor.
"""

from fractions import Fraction as F
from math import sqrt

import numpy as np
import pytest

import refopt
from refopt.dialects import averaging, clip, decay, denominator, lag, lamb, length, mask, rate, sync, trust, units, warmup


def tensors(*parts):
    return [np.array(part, dtype=float) for part in parts]


def flat(tree):
    return np.concatenate([np.ravel(part) for part in tree])


def walk(rule, theta, gradients):
    """The records of a walk; theta and gradients are lists of numbers, or lists of tensors."""
    array = tensors if isinstance(theta[0], list) else lambda *parts: np.array(parts, dtype=float)
    return list(refopt.walk(rule, array(*theta), [array(*g) for g in gradients]))


def column(records, name):
    return [flat(r[name]) if isinstance(r[name], list) else np.ravel(r[name]) for r in records]


def run(rule, theta, gradients):
    return column(walk(rule, theta, gradients), "theta")


def close(got, expected):
    assert np.allclose(got, np.array(expected, dtype=float), rtol=8e-16, atol=1e-15)


def double(theta):
    return [2 * part for part in theta]


def saddle(theta):
    """The gradient of (x² − y²)/2 + 3x + 4y, for x and y in two tensors."""
    x, y = theta
    return [x + 3, 4 - y]


def test_sam():
    # the loss ‖θ‖²/2 at θ₀ = (2, 3, 6), 7 long: e is 7/2 long at every step, so ±θ₀/2, and g_adv = θ + e
    # θ₀ − 1/2·3/2·θ₀ = θ₀/4, then θ₀/4 − 1/2·3/4·θ₀ = −θ₀/8, then −θ₀/8 + 1/2·5/8·θ₀ = 3/16·θ₀
    rule = refopt.sam(lr=0.5, rho=3.5, eps=0.0)
    records = list(refopt.walk(rule, tensors([2], [3, 6]), lambda theta: theta, steps=3))
    close(column(records, "e"), np.outer([0.5, 0.5, -0.5], [2, 3, 6]))
    close(column(records, "theta"), np.outer([1 / 4, -1 / 8, 3 / 16], [2, 3, 6]))
    # eps 5 beside the norm 5: e = 10·g/10, g_adv = 2·(2·3, 2·4)
    rule = refopt.sam(lr=0.25, rho=10.0, eps=5.0, grad=double)
    close(run(rule, [[3], [4]], [[[3], [4]]]), [[0, 0]])
    # without a neighbourhood the point is θ itself: the step of the rule inside with grad(θ)
    close(run(rule(rho=0.0), [[3], [4]], [[[9], [9]]]), [[1.5, 2.0]])


def test_sam_at_a_gradient_of_zero():
    # e = ρ·0/(0 + ε) = 0: the step is taken with the gradient at θ
    rule = refopt.sam(lr=0.5, grad=lambda theta: [part + 1 for part in theta])
    close(run(rule, [[0], [2]], [[[0], [0]]]), [[-0.5, 0.5]])
    # a tensor whose gradient is zero is not moved by e, whatever the others do
    record = walk(rule(rho=5.0, eps=0.0), [[0], [0, 0]], [[[0], [3, 4]]])[0]
    close(flat(record["e"]), [0, 3, 4])


def test_sam_gives_the_rule_inside_only_the_second_gradient():
    # f = θ²: θ = 1, g = 2, e = 1, g_adv = 4; then θ = -3, g = -6, e = -1, g_adv = -8 and b = 1/2·4 - 8
    rule = refopt.sam(inner=refopt.sgd(lr=1.0, momentum=0.5), rho=1.0, eps=0.0)
    records = list(refopt.walk(rule, np.ones(1), lambda theta: 2 * theta, steps=2))
    assert [record["inner_state"]["b"].item() for record in records] == [4.0, -6.0]
    assert [record["theta"].item() for record in records] == [-3.0, 3.0]
    # one norm for e, 5, and one for each tensor in LARS: θ + e = 2·θ, the second tensor's gradient is mirrored, and every
    # tensor moves by half its own size
    inner = refopt.lars(lr=1.0, trust_coefficient=0.5, momentum=0.0)
    rule = refopt.sam(inner=inner, rho=5.0, eps=0.0, grad=lambda theta: [theta[0], theta[1][::-1]])
    record = walk(rule, [[3], [0, 4]], [[[3], [0, 4]]])[0]
    close(flat(record["g_adv"]), [6, 8, 0])
    close(flat(record["theta"]), [1.5, -2, 4])


def test_asam():
    # T = |θ| + 1 = (1, 3, 2), T·g = (2, 3, 6), 7 long; e = 7/2·T·(T·g)/7 = (1, 9/2, 6), g_adv = 2·(1, 5/2, 7)
    # then T = (3/2, 17/4, 7/2), T·g = (0, 17, 0); e = 7/2·17/4 = 119/8, g_adv = 2·(-1/2, 93/8, -5/2)
    rule = refopt.asam(lr=0.25, rho=3.5, eta=1.0, eps=0.0, grad=double)
    records = walk(rule, [[0], [-2, 1]], [[[2], [1, 3]], [[0], [4, 0]]])
    close(column(records, "e"), [[1, 4.5, 6], [0, 14.875, 0]])
    close(column(records, "theta"), [[-0.5, -3.25, -2.5], [-0.25, -9.0625, -1.25]])
    # without eta a parameter at 0 stays: T·g = (0, 3, 4), e = 5/2·(0, 6, 4)/5; half of it with eps 5 beside the norm
    for eps, e in ((0.0, [0, 3, 2]), (5.0, [0, 1.5, 1])):
        record = walk(rule(rho=2.5, eta=0.0, eps=eps), [[0], [-2, 1]], [[[5], [1.5, 4]]])[0]
        close(flat(record["e"]), e)
    # nothing is perturbed where T·g is 0: all parameters at 0 without eta, or a gradient of 0
    for theta, g in (([[0], [0]], [[3], [4]]), ([[3], [4]], [[0], [0]])):
        assert not flat(walk(refopt.asam(eta=0.0, grad=double), theta, [g])[0]["e"]).any()


def test_gsam():
    # g = (3, 4), 5 long over both tensors, e = (3, 4), g_adv = (6, 0): share 18/36, g_perp = (0, 4), 6 and -4/2
    # then g = (0, 3), e = (0, 5), g_adv = (0, 4 - 6): parallel to g, so that nothing is left out: the step of SAM
    rule = refopt.gsam(lr=0.5, rho=5.0, alpha=0.5, eps=0.0)
    records = list(refopt.walk(rule, tensors([0], [0]), saddle, steps=2))
    close(column(records, "g_adv"), [[6, 0], [0, -2]])
    close(column(records, "g_perp"), [[0, 4], [0, 0]])
    close(column(records, "theta"), [[-3, 1], [-3, 2]])
    # SAM climbs down along g_adv; what GSAM adds moves θ up along g_perp
    close(run(rule(alpha=0.0, grad=saddle), [[0], [0]], [[[3], [4]]]), [[-3, 0]])
    # eps 14: e = 19·g/(5 + 14), and the rest as above
    close(run(rule(rho=19.0, eps=14.0, grad=saddle), [[0], [0]], [[[3], [4]]]), [[-3, 1]])


def test_gsam_where_a_gradient_is_zero():
    # g_adv = 0: all of g is left out, and the step is up along it: 1/2·1/2·(3, 4)
    rule = refopt.gsam(lr=0.5, alpha=0.5, grad=lambda theta: [0 * part for part in theta])
    close(run(rule, [[0], [0]], [[[3], [4]]]), [[0.75, 1]])
    # g = 0: neither a perturbation nor anything left out, the step is that of the rule inside with grad(θ)
    close(run(rule(grad=saddle), [[0], [0]], [[[0], [0]]]), [[-1.5, -2]])


def test_looksam():
    # t = 1: e = (3, 4), g_s = (6, 0), g·g_s = 18, g_v = (6, 0) - 18/25·(3, 4) = 24/25·(4, -3), 24/5 long
    # t = 2: g + 5/8·4·(4/5, -3/5) = (2, 4 - 3/2)
    # t = 3: e = (0, 5), g_s = (-4 + 3, 4 - 15/4), g·g_s = 1/2, g_v = g_s - 1/8·(0, 2) = (-1, 0)
    # t = 4: g + 5/8·1·(-1, 0)
    rule = refopt.looksam(lr=0.5, rho=5.0, k=2, alpha=0.625, eps=0.0, grad=saddle)
    records = walk(rule, [[0], [0]], [[[3], [4]], [[0], [4]], [[0], [2]], [[1], [0]]])
    assert [record["fresh"] for record in records] == [True, False, True, False]
    close(column(records, "g_v"), [[3.84, -2.88], [3.84, -2.88], [-1, 0], [-1, 0]])
    close(column(records, "g_adv"), [[6, 0], [2, 2.5], [-1, 0.25], [0.375, 0]])
    close(column(records, "theta"), [[-3, 0], [-4, -1.25], [-3.5, -1.375], [-3.6875, -1.375]])
    # k = 1 is SAM
    records = walk(rule(k=1), [[0], [0]], [[[3], [4]], [[0], [4]]])
    close(column(records, "theta"), [[-3, 0], [-3, 0.5]])  # e = (0, 5), g_s = (0, -1)
    # eps 1: e = 6·(3, 4)/(5 + 1), g_v as above, and g + 5/8·4/(24/5 + 1)·g_v
    rule = rule(rho=6.0, eps=1.0)
    records = walk(rule, [[0], [0]], [[[3], [4]], [[0], [4]]])
    close(records[0]["g_v"], [[3.84], [-2.88]])
    close(flat(records[1]["g_adv"]), [2.5 / 5.8 * 3.84, 4 - 2.5 / 5.8 * 2.88])


def test_looksam_does_not_blow_up_noise():
    """In one dimension both gradients are parallel, so that nothing is reused, whatever their size."""
    for x in (1.0, 1e-3, 1e4):
        rule = refopt.looksam(lr=0.1, k=2, grad=lambda theta: 2 * theta)
        _, record = refopt.walk(rule, np.array([x]), lambda theta: 2 * theta, steps=2)
        assert np.allclose(record["g_adv"], record["g"], rtol=1e-6)


def test_looksam_where_a_gradient_is_zero():
    # g = 0: no perturbation, and g_v is all of g_s; then g = 0 again, and what is added is as long as that
    rule = refopt.looksam(lr=1.0, k=2, grad=saddle)
    close(run(rule, [[0], [0]], [[[0], [0]]] * 2), [[-3, -4], [-3, -4]])
    # g_v = 0: nothing is added to g
    rule = rule(grad=lambda theta: [0 * part for part in theta])
    close(run(rule, [[0], [0]], [[[3], [4]]] * 2), [[0, 0], [-3, -4]])


def test_cautious():
    # buffers (2, 4, 0) and 3, then (1 - 2, 2 - 1, 0 - 1) and 3/2 + 1; u·g = (4, 16, 0) and 9, then (2, -1, 1) and 5/2:
    # two of three are kept each time, and one of one. A coordinate that stands still does not agree
    rule = refopt.cautious(inner=refopt.sgd(lr=1.0, momentum=0.5))
    theta, gradients = [[0, 0, 0], [0]], [[[2, 4, 0], [3]], [[-2, -1, -1], [1]]]
    for scale, expected in (
        (mask.over_kept_and_one, [[-2, -4, 0, -1.5], [-1, -4, 1, -2.75]]),  # 3/(2 + 1) and 1/(1 + 1)
        (mask.over_kept, [[-3, -6, 0, -3], [-1.5, -6, 1.5, -5.5]]),  # 3/2 and 1/1
    ):
        records = walk(rule(scale=scale), theta, gradients)
        close(column(records, "theta"), expected)
        close(flat(records[1]["inner_state"]["b"]), [-1, 1, -1, 2.5])  # no mask in the rule inside


def test_cautious_where_nothing_or_little_agrees():
    rule = refopt.cautious(inner=refopt.sgd(lr=1.0, momentum=0.5))
    for scale, factor in ((mask.over_kept_and_one, 0.5), (mask.over_kept, 1.0)):
        # buffers 4, then 2 - 1 = 1 against the gradient, then 1/2 + 2
        close(np.ravel(run(rule(scale=scale), [0], [[4], [-1], [2]])), np.array([-4, -4, -6.5]) * factor)
    # one of 2001 agrees: 2001/(1 + 1), and 2001/1 is too much
    one = np.eye(1, 2001)[0]
    for scale, expected in ((mask.over_kept_and_one, 1000.5), (mask.over_kept, 1000.0)):
        close(rule(scale=scale).update(0 * one, one, rule.init(one))[0], -expected * one)
    # Adam's first step is lr for each coordinate: 2/(2 + 1) of it
    rule = refopt.cautious(lr=1.0, beta1=0.5, beta2=0.75, eps=0.0)
    close(run(rule, [0, 0], [[5, -3]]), [[-2 / 3, 2 / 3]])


def test_grokfast():
    # mu: 4, then (4 + 0)/2, then (2 - 4)/2; g_hat: 4 + 2·4, 0 + 2·2, -4 - 2·1
    rule = refopt.grokfast(inner=refopt.sgd(lr=0.25), alpha=0.5, lamb=2.0)
    records = walk(rule, [0], [[4], [0], [-4]])
    close(np.ravel(column(records, "mu")), [4, 2, -1])
    close(np.ravel(column(records, "theta")), [-3, -4, -2.5])
    # the memory is the gradient's, not that of what is passed on: momentum inside sees 12, then 12/2 + 4
    rule = refopt.grokfast(inner=refopt.sgd(lr=0.25, momentum=0.5), alpha=0.5, lamb=2.0)
    close(np.ravel(run(rule, [0], [[4], [0]])), [-3, -5.5])
    close(run(rule(lamb=0.0), [[0], [0]], [[[4], [8]]]), [[-1, -2]])
    # alpha 0 remembers nothing: (1 + 2)·g
    close(np.ravel(run(rule(alpha=0.0, momentum=0.0), [0], [[4], [-8]])), [-3, 3])
    # Adam, the rule inside by default, does not see a factor
    close(run(refopt.grokfast(lr=1.0, beta1=0.5, beta2=0.75, eps=0.0), [0], [[4]]), [[-1]])


def test_grokfast_ma():
    # the window is full from the second gradient on: 4 + 3·(2 + 4)/2, then -6 + 3·(4 - 6)/2
    rule = refopt.grokfast_ma(inner=refopt.sgd(lr=1.0), width=2, lamb=3.0)
    records = walk(rule, [0], [[2], [4], [-6]])
    close(np.ravel(column(records, "mu")), [1, 3, -1])  # the window begins with zeros
    close(np.ravel(column(records, "g_hat")), [2, 13, -9])
    close(np.ravel(column(records, "theta")), [-2, -15, -6])
    # width 3, in two tensors: 6 + 3·4 and 0, then 0 + 3·3 and 3 + 3·1; width 1: (1 + 3)·g
    gradients = [[[3], [0]], [[3], [0]], [[6], [0]], [[0], [3]]]
    close(run(rule(width=3), [[0], [0]], gradients), [[-3, 0], [-6, 0], [-24, 0], [-33, -6]])
    close(np.ravel(run(rule(width=1), [0], [[2], [-1]])), [-8, -4])


def test_accumulation():
    # means 2 and 5 at t = 2 and 4; buffers 2 and 1 + 5
    rule = refopt.accumulation(inner=refopt.sgd(lr=1.0, momentum=0.5), k=2)
    records = walk(rule, [0], [[1], [3], [5], [5]])
    close(np.ravel(column(records, "theta")), [0, -2, -2, -8])
    close(np.ravel(column(records, "summed")), [1, 0, 5, 0])
    assert [record["due"] for record in records] == [False, True, False, True]
    assert [record["inner_state"]["b"].item() for record in records] == [0, 2, 2, 6]
    # a gradient of zero counts: (4 + 0 + 2)/3 and (0 + 0 - 3)/3
    gradients = [[[4], [0]], [[0], [0]], [[2], [-3]]]
    close(run(refopt.accumulation(lr=1.0, k=3), [[0], [0]], gradients), [[0, 0], [0, 0], [-2, 1]])
    close(np.ravel(run(rule(k=1), [0], [[1], [3]])), [-1, -4.5])  # the rule itself
    # the rule inside counts its own steps: Adam's first is lr
    rule = refopt.accumulation(inner=refopt.adam(lr=1.0, beta1=0.5, beta2=0.75, eps=0.0), k=2)
    records = walk(rule, [0], [[1], [7], [-1]])
    close(np.ravel(column(records, "theta")), [0, -1, -1])
    assert [(record["t"], record["inner_state"]["t"]) for record in records] == [(1, 0), (2, 1), (3, 1)]


# SGD with rate 1 from 4 over the points 8, 4, 12, 0
POINTS = [[-4], [4], [-8], [12]]


def test_ema():
    # decay 3/4; debiased is 1/4·(9/16·8 + 3/4·4 + 12)/(1 - 27/64) at t = 3
    for share, averages in (
        (averaging.copied_first, [8, 7, 8.25]),  # 8 - 4/4, 7 + 5/4
        (averaging.debiased, [8, 40 / 7, 312 / 37]),
        (averaging.from_the_start, [5, 4.75, 6.5625]),  # 4 + 4/4, 5 - 1/4, 19/4 + 29/16
    ):
        records = walk(refopt.ema(lr=1.0, decay=0.75, share=share), [4], POINTS[:3])
        close(np.ravel(column(records, "average")), averages)
        close(np.ravel(column(records, "theta")), [8, 4, 12])
    records = walk(refopt.ema(lr=1.0, decay=0.5), [[0], [0]], [[[2], [-2]], [[2], [4]]])
    close(column(records, "average"), [[-2, 2], [-3, 0]])


def test_polyak_ruppert():
    records = walk(refopt.polyak_ruppert(lr=1.0), [4], POINTS)
    close(np.ravel(column(records, "theta")), [8, 4, 12, 0])
    close(np.ravel(column(records, "average")), [8, 6, 8, 6])
    # the mean of the points, not of the steps: momentum visits -1 and -5/2
    rule = refopt.polyak_ruppert(inner=refopt.sgd(lr=1.0, momentum=0.5))
    close(column(walk(rule, [[0], [0]], [[[1], [0]]] * 2), "average"), [[-1, 0], [-1.75, 0]])


@pytest.mark.parametrize(
    ("start", "cycle", "averages"),
    [
        (1, 1, [8, 6, 8, 6]),
        (1, 2, [8, 8, 10, 10]),  # the paper's algorithm from ŵ = θ₁ with c = 2: (8·1 + 12)/2
        (2, 2, [4, 4, 4, 2]),  # θ₀ waits and does not count; θ₂ and θ₄
        (3, 1, [4, 4, 12, 6]),
    ],
)
def test_swa(start, cycle, averages):
    records = walk(refopt.swa(lr=1.0, start=start, cycle=cycle), [4], POINTS)
    close(np.ravel(column(records, "theta")), [8, 4, 12, 0])
    close(np.ravel(column(records, "average")), averages)
    assert records[-1]["n"] == sum(record["due"] for record in records) == {(1, 1): 4}.get((start, cycle), 2)


def test_decoupled():
    # rate 1/2, λ 1/4, g = 2, then rate 1/4: 8 - 1/8·8 - 1, 6 - 1/16·6 - 1/2; without the rate 8 - 1/4·8 - 1,
    # 5 - 1/4·5 - 1/2; whatever θ is 8 - 1/8 - 1, 55/8 - 1/16 - 1/2
    for reading, expected in (
        (decay.times_lr, [6, 5.125]),
        (decay.unscaled, [5, 3.25]),
        (decay.constant_shift, [6.875, 6.3125]),
    ):
        rule, g = refopt.decoupled(lr=0.5, weight_decay=0.25, decay=reading), np.array([2.0])
        first, state = rule.update(np.array([8.0]), g, rule.init(g))
        second, _ = rule.update(first, g, state, lr=0.25)
        close([first.item(), second.item()], expected)
    # what stands at 0 stays at 0, unless it is shifted
    rule = refopt.decoupled(lr=0.5, weight_decay=0.25)
    close(run(rule, [[0], [-8]], [[[0], [0]]]), [[0, -7]])
    close(run(rule(decay=decay.constant_shift), [[0], [-8]], [[[0], [0]]]), [[-0.125, -8.125]])


def test_decoupled_decay_is_not_in_the_statistics():
    # 8 - 1/4·8, and Adam's first step, which is lr
    rule = refopt.decoupled(inner=refopt.adam(lr=1.0, beta1=0.5, beta2=0.75, eps=0.0), weight_decay=0.25)
    record = walk(rule, [8], [[3]])[0]
    close(record["theta"], [5])
    close([record["inner_state"]["m"].item(), record["inner_state"]["v"].item()], [1.5, 2.25])
    # LARS sees (3, 4): half of it goes along g = (3, 4)/7
    rule = refopt.decoupled(inner=refopt.lars(lr=1.0, trust_coefficient=0.5, momentum=0.0), weight_decay=0.5)
    close(run(rule, [6, 8], [[21, 28]]), [[1.5, 2]])


def test_l2():
    # g_reg = 1 + 1/2·4, then -1 + 1/2·5/2 = 1/4; buffers 3 and 3/2 + 1/4
    rule = refopt.l2(inner=refopt.sgd(lr=0.5, momentum=0.5), weight_decay=0.5)
    records = walk(rule, [4], [[1], [-1]])
    close(np.ravel(column(records, "g_reg")), [3, 0.25])
    close(np.ravel(column(records, "theta")), [2.5, 1.625])
    # without a memory it is decoupled decay: 4 - 1/2·(1 + 2)
    for wrapper in (refopt.l2, refopt.decoupled):
        close(run(wrapper(lr=0.5, weight_decay=0.5), [[4], [0]], [[[1], [2]]]), [[2.5, -1]])
    # whoever divides by the size of the gradient only sees its sign: Adam moves by lr, Adagrad by lr
    rule = refopt.l2(inner=refopt.adam(lr=0.5, beta1=0.5, beta2=0.75, eps=0.0), weight_decay=0.25)
    close(run(rule, [-8, 16], [[0, 0]]), [[-7.5, 15.5]])
    close(run(refopt.l2(inner=refopt.adagrad(lr=0.5, eps=0.0), weight_decay=1.0), [2], [[4]]), [[1.5]])


def test_l1():
    # g_reg = 1 + 1/2, -1 - 1/2, 0 + 0, whatever the size of θ; buffers 3/2, then 0 + 1/2 + 3/4 at 4 - 3/4
    rule = refopt.l1(inner=refopt.sgd(lr=0.5, momentum=0.5), weight_decay=0.5)
    records = walk(rule, [[4, -0.25], [0]], [[[1, -1], [0]], [[0, 0], [0]]])
    close(column(records, "g_reg"), [[1.5, -1.5, 0], [0.5, 0.5, 0]])
    close(column(records, "theta"), [[3.25, 0.5, 0], [2.625, 0.625, 0]])
    # around l2 it is the elastic net: 1 + 1/4·sign + 1/2·θ
    rule = refopt.l1(inner=refopt.l2(lr=1.0, weight_decay=0.5), weight_decay=0.25)
    close(run(rule, [4, -4], [[1, 1]]), [[4 - 3.25, -4 + 1.25]])


def test_clip_by_value():
    # at the limit 2, above it, below it; buffers (2, -2, 1), then half of them and (-2, 2, 0)
    rule = refopt.clip_by_value(inner=refopt.sgd(lr=1.0, momentum=0.5), max_value=2.0)
    records = walk(rule, [[0, 0], [0]], [[[2, -9], [1]], [[-2.5, 3], [0]]])
    close(column(records, "g_clipped"), [[2, -2, 1], [-2, 2, 0]])
    close(column(records, "theta"), [[-2, 2, -1], [-1, 1, -1.5]])
    g = walk(rule, [0, 0, 0, 0], [[np.inf, -np.inf, np.nan, -0.0]])[0]["g_clipped"]
    assert np.array_equal(g, [2, -2, np.nan, 0], equal_nan=True)


LONG = [[[3, 4], [12]], [[0, 1], [2]], [[0, 0], [0]]]  # lengths 5 and 12, 13 together; 1 and 2; 0


def test_clip_by_norm():
    # limit 2: (3, 4)·2/5 and 12·2/12; within it and at it nothing happens
    records = walk(refopt.clip_by_norm(lr=1.0, max_norm=2.0), [[0, 0], [0]], LONG)
    close(column(records, "g_clipped"), [[1.2, 1.6, 2], [0, 1, 2], [0, 0, 0]])
    close(column(records, "theta"), [[-1.2, -1.6, -2], [-1.2, -2.6, -4], [-1.2, -2.6, -4]])
    assert [float(x) for x in records[0]["length"]] == [5, 12]
    assert records[1]["scale"] == [1, 1]


def test_clip_by_norm_readings():
    # (3, 4, 0, 0) has mean square 25/4; 5/2 is at the limit, twice that is not
    rule, g = refopt.clip_by_norm(lr=1.0, max_norm=2.5), [3, 4, 0, 0]
    for measure, once, twice in ((length.root_mean_square, 1, 0.5), (length.euclidean, 0.5, 0.25)):
        records = walk(rule(measure=measure), [0, 0, 0, 0], [g, [6, 8, 0, 0]])
        assert [record["scale"] for record in records] == [once, twice]
    close(walk(rule(cap=clip.short_of_limit), [0, 0, 0, 0], [g])[0]["scale"], 2.5 / 5.000001)


def test_clip_by_global_norm():
    # limit 6.5: half of what is 13 long; 2 long is within it. A limit of √5 is at the length of (0, 1, 2)
    rule = refopt.clip_by_global_norm(lr=1.0, max_norm=6.5)
    records = walk(rule, [[0, 0], [0]], LONG)
    close(column(records, "g_clipped"), [[1.5, 2, 6], [0, 1, 2], [0, 0, 0]])
    close([record["scale"] for record in records], [0.5, 1, 1])
    close(column(records, "theta"), [[-1.5, -2, -6], [-1.5, -3, -8], [-1.5, -3, -8]])
    # the rule inside sees what was clipped: Adam's mean of squares
    rule = refopt.clip_by_global_norm(inner=refopt.adam(lr=1.0, beta2=0.5), max_norm=6.5)
    record = walk(rule, [[0, 0], [0]], LONG[:1])[0]
    close(flat(record["inner_state"]["v"]), [1.125, 2, 18])


def test_clip_by_global_norm_readings():
    rule = refopt.clip_by_global_norm(max_norm=5.0)
    for cap, at, below, above in (
        (clip.at_limit, 1, 1, 0.5),
        (clip.finite_or_nan, 1, 1, 0.5),
        (clip.short_of_limit, 5 / 5.000001, 1, 5 / 10.000001),
    ):
        records = walk(rule(cap=cap), [[0], [0]], [[[3], [4]], [[3], [0]], [[6], [-8]], [[0], [0]]])
        close([record["scale"] for record in records], [at, below, above, 1])
    # 1e200 squared is infinite: a length of infinity, or none; infinity itself, and NaN
    finite, infinite, nan = [[1e200], [1]], [[np.inf], [1]], [[np.nan], [1]]
    for cap, expected in (
        (clip.at_limit, [[0, 0], [np.nan, 0], [np.nan, np.nan]]),
        (clip.short_of_limit, [[0, 0], [np.nan, 0], [np.nan, np.nan]]),
        (clip.finite_or_nan, [[np.nan, np.nan]] * 3),
    ):
        with np.errstate(all="ignore"):
            got = [column(walk(rule(cap=cap), [[0], [0]], [g]), "g_clipped")[0] for g in (finite, infinite, nan)]
        assert np.array_equal(got, expected, equal_nan=True)


def test_agc():
    # rows of sizes 5, 0 and 10; λ 1/2, ε 2: limits 5/2, 1 and 5; lengths 10, 1 and 0
    rule = refopt.agc(lr=1.0, clipping=0.5, eps=2.0)
    theta, g = np.array([[3.0, 4], [0, 0], [6, -8]]), np.array([[6.0, 8], [0, -1], [0, 0]])
    record = rule.step([theta], [g], rule.init([theta]))
    close(record["limit"][0], [[2.5], [1], [5]])
    close(record["g_clipped"][0], [[1.5, 2], [0, -1], [0, 0]])
    close(record["theta"][0], [[1.5, 2], [0, 1], [6, -8]])
    # a bias is one unit: (3, 4) with g = (0, 5), and a scalar too
    record = walk(rule, [[3, 4], [0.5]], [[[0, 5], [4]]])[0]
    close(flat(record["g_clipped"]), [0, 2.5, 1])


def test_agc_readings():
    # all ones, λ 1 and ε small: limits are roots of the number of weights of a unit, g = 8 is scaled to 1 whatever the unit;
    # what differs is which weights count: θ is 3 in one place
    rule = refopt.agc(clipping=1.0)
    for shape, place, expected in (
        ((2, 2), (0, 0), {"output_first": [10, 2], "output_last": [10, 2]}),
        ((2, 2, 2), (0, 0, 0), {"output_first": [12, 4], "output_first_but_3d": [[10, 2], [2, 2]]}),
        ((2, 2, 2), (0, 0, 0), {"output_last": [12, 4], "output_last_but_3d": [[10, 2], [2, 2]]}),
        ((2, 1, 1, 2), (0, 0, 0, 0), {"output_first_but_3d": [10, 2], "output_last_but_3d": [10, 2]}),
        ((1, 2), (0, 0), {"output_last": [9, 1], "output_first": [10], "output_last_but_3d": [10]}),
        ((2, 1), (0, 0), {"output_last": [10], "output_first": [9, 1], "output_last_but_3d": [10]}),
    ):
        theta = np.ones(shape)
        theta[place] = 3
        for reading, squares in expected.items():
            record = rule(units=getattr(units, reading)).step(theta, 8 + 0 * theta, rule.init(theta))
            close(np.squeeze(record["size"]), np.squeeze(np.sqrt(squares)))
    theta = np.array([[1.0, 2], [2, 2]])
    record = rule(units=units.output_last).step(theta, 2 * theta, rule.init(theta))
    close(record["g_clipped"], theta)
    record = rule(units=units.output_first).step(theta, theta * [[0.5], [4]], rule.init(theta))
    close(record["g_clipped"], theta * [[0.5], [1]])


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        # the limit is 1e-7; lengths 5e-8, 1e-7, 4e-7, 2e-6, 0
        ("at_limit", [1, 1, 0.25, 0.05, 1]),
        ("floored_above", [1, 0.1, 0.1, 0.05, 1]),
        ("floored", [0.1, 0.1, 0.1, 0.05, 0.1]),
    ],
)
def test_agc_readings_of_the_cap(reading, expected):
    lengths = np.array([5e-8, 1e-7, 4e-7, 2e-6, 0.0])
    close(getattr(clip, reading)(lengths, np.full(5, 1e-7)), expected)
    close([float(getattr(clip, reading)(x, 1e-7)) for x in lengths], expected)
    rule = refopt.agc(lr=1.0, clipping=0.25, eps=0.5, cap=getattr(clip, reading))
    close(run(rule, [0, 0], [[3, 4]]), [[-0.075, -0.1]])


def test_gradient_noise():
    # gamma 1, eta 4: deviations 2, 2/√2; the noise is the seed and the step themselves; buffers 3 + 14, then half and 28/√2
    rule = refopt.gradient_noise(inner=refopt.sgd(lr=0.5, momentum=0.5), eta=4.0, gamma=1.0, seed=7)
    rule = rule(noise=lambda theta, seed, t: theta * 0 + seed * t)
    records = walk(rule, [[0], [0]], [[[3], [0]], [[0], [0]]])
    assert np.allclose(column(records, "g_noisy"), [[17, 14], [28 / sqrt(2)] * 2], rtol=8e-16)
    close(column(records, "theta")[0], [-8.5, -7])
    assert np.allclose(column(records, "theta")[1], [-8.5 - 4.25 - 7 * sqrt(2), -7 - 3.5 - 7 * sqrt(2)], rtol=8e-16)
    # around gradient descent it is noisy_sgd, number for number
    theta, gradients = np.linspace(-1, 1, 7), np.ones((5, 7))
    one, two = (list(refopt.walk(refopt.rule(name, lr=0.1), theta, gradients)) for name in ("gradient_noise", "noisy_sgd"))
    assert all(np.array_equal(a["sigma"] * a["sample"], b["sigma"] * b["sample"]) for a, b in zip(one, two, strict=True))
    close(column(one, "theta"), column(two, "theta"))


def test_centralize():
    # rows (1, 3, 8) and (0, 0, 3) have means 4 and 1; the bias keeps its gradient; a kernel's channels have means 3 and 0
    rule = refopt.centralize(lr=1.0)
    theta = [np.zeros((2, 3)), np.zeros(2), np.zeros((2, 1, 2, 1)), np.zeros((1, 2, 2))]
    kernel, three = np.array([1.0, 5, 2, -2]).reshape(2, 1, 2, 1), np.array([[[1.0, 2], [3, 6]]])
    g = [np.array([[1.0, 3, 8], [0, 0, 3]]), np.array([5.0, 1.0]), kernel, three]
    record = rule.step(theta, g, rule.init(theta))
    close(flat(record["g_centered"]), [-3, -1, 4, -1, -1, 2, 5, 1, -2, 2, 2, -2, -2, -1, 0, 3])
    close(record["theta"][0], -record["g_centered"][0])
    # kernels alone; then columns: means (1/2, 3/2, 11/2), kernels as a whole, 3/2, and three axes by the last, 2 and 4
    record = rule(conv_only=True).step(theta, g, rule.init(theta))
    close(flat(record["g_centered"]), [1, 3, 8, 0, 0, 3, 5, 1, -2, 2, 2, -2, 1, 2, 3, 6])
    record = rule(units=units.output_last).step(theta, g, rule.init(theta))
    close(flat(record["g_centered"]), [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 5, 1, -0.5, 3.5, 0.5, -3.5, -1, -2, 1, 2])
    # the mean of a row of weights stays where it was, whatever the gradients
    rng = np.random.default_rng(0)
    W = rng.normal(size=(3, 5))
    *_, record = refopt.walk(rule, W, rng.normal(size=(9, 3, 5)))
    assert np.allclose(record["theta"].mean(axis=1), W.mean(axis=1), rtol=1e-13)


def test_normalize():
    # (3, 4) with 12 in another tensor: 13 with eps 0, 16 with eps 3; half of the length where it is as long as eps
    theta, g = [[0, 0], [0]], [[3, 4], [12]]
    for eps, divisor in ((0.0, 13), (3.0, 16), (13.0, 26)):
        rule = refopt.normalize(lr=1.0, eps=eps)
        close(run(rule, theta, [g]), [[-3 / divisor, -4 / divisor, -12 / divisor]])
    close(run(refopt.normalize(lr=1.0), theta, [[[0, 0], [0]]]), [[0, 0, 0]])
    with np.errstate(invalid="ignore"):
        assert np.isnan(run(refopt.normalize(eps=0.0), theta, [[[0, 0], [0]]])).all()


def test_skip_nonfinite():
    # buffers 1, then nothing at two steps, 1/2 + 1, nothing, 3/4 + 1
    rule = refopt.skip_nonfinite(inner=refopt.sgd(lr=1.0, momentum=0.5))
    bad, worse, still = [[np.nan, 1], [1]], [[1, 1], [-np.inf]], [[0, np.inf], [np.nan]]
    records = walk(rule, [[0, 0], [0]], [[[1, 1], [1]], bad, worse, [[1, 1], [1]], still, [[1, 1], [1]]])
    close(column(records, "theta"), np.outer([-1, -1, -1, -2.5, -2.5, -4.25], [1, 1, 1]))
    assert [record["skipped"] for record in records] == [0, 1, 2, 2, 3, 3]
    assert [record["in_a_row"] for record in records] == [0, 1, 2, 0, 1, 0]
    assert [record["taken"] for record in records] == [True, False, False, True, False, True]
    # the state of a rule that counts its steps, and one that looks at each tensor
    for inner in (refopt.adam(lr=0.5), refopt.lamb(lr=0.5)):
        with_, without = [[[3, 4], [1]], bad, [[1, 0], [1]]], [[[3, 4], [1]], [[1, 0], [1]]]
        record, plain = (
            walk(refopt.skip_nonfinite(inner=inner), [[1, 0], [2]], with_)[-1],
            walk(inner, [[1, 0], [2]], without)[-1],
        )
        assert np.array_equal(flat(record["theta"]), flat(plain["theta"]))
        assert record["inner_state"]["t"] == 2
        assert np.array_equal(flat(record["inner_state"]["v"]), flat(plain["v"]))


def test_lookahead_readings():
    # the first pull copies -2; then -3, -4 and -2 + 1/4·(-4 + 2), then -7/2, -9/2 and -5/2 + 1/4·(-2)
    rule = refopt.lookahead(inner=refopt.sgd(lr=1.0), k=2, alpha=0.25)
    close(np.ravel(run(rule(sync=sync.from_first_sync), [0], [[1]] * 6)), [-1, -2, -3, -2.5, -3.5, -3])
    close(np.ravel(run(rule(sync=sync.from_start), [0], [[1]] * 6)), [-1, -0.5, -1.5, -1, -2, -1.5])
    # alpha 1 lets the fast weights go, alpha 0 takes all steps back
    close(np.ravel(run(rule(alpha=1.0), [0], [[1]] * 4)), [-1, -2, -3, -4])
    close(np.ravel(run(rule(alpha=0.0), [0], [[1]] * 4)), [-1, 0, -1, 0])


def test_lamb_readings():
    # beta1 1/2, beta2 15/16: m/√v = 2·sign(g), after both corrections sign(g); λθ = (1, 2), ‖θ‖ = √20, c1 = 1/2
    rule = refopt.lamb(lr=1.0, beta1=0.5, beta2=0.9375, eps=0.0, weight_decay=0.5)
    for debias, update in (
        (lamb.before_ratio, [2 * sqrt(20 / 13), 3 * sqrt(20 / 13)]),  # u = (2, 3)
        (lamb.after_ratio, [6 * sqrt(20) / 5, 8 * sqrt(20) / 5]),  # u = (3, 4), and twice the step
        (lamb.nowhere, [3 * sqrt(20) / 5, 4 * sqrt(20) / 5]),
    ):
        close(walk(rule(debias=debias), [2, 4], [[4, 12]])[0]["update"], update)
    # without decay the ratio leaves lr·|θ|, 8/4 and 6/4; after it c1 makes that 2/(1/2), and then 4/4/(3/4)
    for debias, updates in ((lamb.before_ratio, [2, 1.5]), (lamb.after_ratio, [4, 4 / 3]), (lamb.nowhere, [2, 1.5])):
        records = walk(rule(lr=0.25, debias=debias, weight_decay=0.0), [8], [[4], [4]])
        close(np.ravel(column(records, "update")), updates)
    # eps 1 beside the raw root: 2/(1 + 1) with g = 4, beside the corrected one 4/(4 + 1)
    for debias, u in ((lamb.before_ratio, 0.8), (lamb.after_ratio, 1.0), (lamb.nowhere, 1.0)):
        close(walk(rule(debias=debias, weight_decay=0.0, eps=1.0), [1], [[4]])[0]["u"], [u])


@pytest.mark.parametrize(
    ("reading", "large", "small", "decayed"),
    [
        # u = 1/(1 + 1) for g = 1 and eps 1; with λ 1/4 and θ = 20 it is 11/2
        ("as_long", 20, 3, 20),
        ("as_long_with_decay", 0.5, 0.5, 20),
        ("up_to_ten", 10, 3, 10),
        ("up_to_ten_and_eps", 10 / 3, 1, 10 / 6.5 * 5.5),  # 10/(1/2 + 1), 3/(1/2 + 1), 10/(11/2 + 1)
    ],
)
def test_lamb_readings_of_the_trust_ratio(reading, large, small, decayed):
    rule = refopt.lamb(lr=1.0, beta1=0.5, beta2=0.75, eps=1.0, trust=getattr(lamb, reading))
    record = walk(rule, [[20], [3]], [[[1], [1]]])[0]
    close(flat(record["update"]), [large, small])
    close(walk(rule(weight_decay=0.25), [20], [[1]])[0]["update"], [decayed])
    # the ratio of a tensor of zeros is 1, and an update of zeros stays one
    close(flat(walk(rule, [[0], [3]], [[[1], [0]]])[0]["update"]), [0.5, 0])


@pytest.mark.parametrize(
    ("reading", "plain", "decayed", "damped", "no_gradient", "at_zero"),
    [
        # θ = (3, 4), g = (6, 8), κ 1/2, rate 2, so that θ and g are along (3, 4): how much of that goes.
        # λ = 0: 2·1/2·5/10·2; λ = 1/2: 2·5/2/(10 + 5/2)·5/2 or 2·5/2/(25/2)·5/2; eps 15/2: 2·5/2/20·5/2;
        # g = 0 and λ 1/4: the ratio is 1, 2·1/4, but that of the sum 5/2/(5/4), 2·2·1/4; θ = 0: 2·2
        ("sum_of_norms", 1, 1, 0.625, 0.5, 4),
        ("norm_of_sum", 1, 1, 0.625, 1, 4),
        ("only_with_decay", 4, 1, 0.625, 0.5, 4),
        ("skipping_zeros", 4, 1, 0.625, 0, 4),
        ("matrices_only", 4, 4, 4, 0, 4),
    ],
)
def test_lars_readings(reading, plain, decayed, damped, no_gradient, at_zero):
    rule = refopt.lars(lr=2.0, trust_coefficient=0.5, momentum=0.0, trust=getattr(trust, reading))
    size, g = np.array([3, 4]), [6, 8]
    close(walk(rule, size, [g])[0]["update"], plain * size)
    close(walk(rule(weight_decay=0.5), size, [g])[0]["update"], decayed * size)
    close(walk(rule(weight_decay=0.5, eps=7.5), size, [g])[0]["update"], damped * size)
    close(walk(rule(weight_decay=0.25), size, [[0, 0]])[0]["update"], no_gradient * size)
    close(walk(rule(weight_decay=0.5), [0, 0], [g])[0]["update"], at_zero * size)


def test_lars_readings_of_decay_against_the_gradient():
    # g = -(3, 4)/4 and λ 1/2: g + λθ = (3, 4)/4, 5/4 long; the norms apart are 5/4 + 5/2 long. Rate 3, κ 1/2
    rule = refopt.lars(lr=3.0, trust_coefficient=0.5, momentum=0.0, weight_decay=0.5)
    for reading, share in (
        (trust.sum_of_norms, 0.5),  # 3·5/2/(15/4)·1/4
        (trust.norm_of_sum, 1.5),  # 3·5/2/(5/4)·1/4
        (trust.only_with_decay, 0.5),
        (trust.skipping_zeros, 0.5),
    ):
        close(walk(rule(trust=reading), [3, 4], [[-0.75, -1]])[0]["update"], [3 * share, 4 * share])
        # g = -λθ: where the two cancel nothing moves
        close(walk(rule(trust=reading), [3, 4], [[-1.5, -2]])[0]["update"], [0, 0])
    # a matrix has ratio and decay, the vector beside it neither: 3·(-3/4) and 3·(-1); eps is not read
    rule = rule(trust=trust.matrices_only, eps=9.0)
    theta = [np.array([[3.0], [4.0]]), np.array([3.0, 4.0])]
    record = rule.step(theta, [-x / 4 for x in theta], rule.init(theta))
    close(flat(record["update"]), [1.5, 2, -2.25, -3])
    # a matrix whose gradient is zero has ratio κ/λ, so that it shrinks by 3·κ·θ whatever λ is
    record = rule.step(theta, [0 * x for x in theta], rule.init(theta), weight_decay=0.25)
    close(flat(record["update"]), [4.5, 6, 0, 0])
    # a matrix of zeros has ratio 1: 3·g
    record = rule.step(np.zeros((1, 2)), np.array([[1.0, 2.0]]), rule.init(np.zeros((1, 2))))
    close(record["update"], [[3, 6]])


def test_lars_readings_of_the_rate():
    # ratio 1 both times: θ = 0, then g = 0. Inside the buffer holds 1/2·2, outside 2; then half of it at rate 1/4
    for reading, expected in ((rate.lr_inside, [-1, -1.5]), (rate.lr_outside, [-1, -1.25])):
        rule = refopt.lars(lr=0.5, momentum=0.5, rate=reading)
        first, state = rule.update(np.zeros(1), np.array([2.0]), rule.init(np.zeros(1)))
        second, _ = rule.update(first, np.zeros(1), state, lr=0.25)
        close([first.item(), second.item()], expected)


def rectification(t):
    """The paper's r_t for beta2 3/4: rho_inf is 2/(1/4) - 1 = 7."""
    power = F(3, 4) ** t
    rho = 7 - 2 * t * power / (1 - power)
    return sqrt((rho - 4) * (rho - 2) * 7 / (3 * 5 * rho))


def test_radam_readings():
    # rho_t is 7 - 10·243/781 = 3.9 at t = 5, 7 - 12·729/3367 = 4.4 at 6, 4.8 at 7, 5.2 at 8. With g = 2: m_hat = 2, v_hat = 4
    rule, gradients = refopt.radam(lr=1.0, beta1=0.5, beta2=0.75, eps=0.0), [[2]] * 8
    for reading, waiting in ((warmup.momentum_step, 2.0), (warmup.nothing, 0.0), (warmup.ascent, -2.0)):
        for threshold, wait in ((4.0, 5), (5.0, 7)):
            expected = [waiting] * wait + [rectification(t) for t in range(wait + 1, 9)]
            got = column(walk(rule(warmup=reading, threshold=threshold), [0], gradients), "update")
            assert np.allclose(np.ravel(got), expected, rtol=1e-14, atol=0)
    # eps 2 at t = 6, where c2 = 3367/4096: 2/(2 + 2), 2/√(4 + 2), 2/(2 + 2/√c2); before that it is not read
    for reading, quotient in (
        (denominator.eps_outside, 0.5),
        (denominator.eps_inside, 2 / sqrt(6)),
        (denominator.eps_hat, 2 / (2 + 2 / sqrt(3367 / 4096))),
    ):
        got = column(walk(rule(eps=2.0, denominator=reading), [0], gradients[:6]), "update")
        assert np.allclose(np.ravel(got), [2.0] * 5 + [rectification(6) * quotient], rtol=1e-14, atol=0)


def test_rprop_readings():
    # grows by 2, shrinks by 1/4: steps 1, 2, a turn to 1/2 that is sat out, 1/2, 1, none where g = 0, 1
    rule, gradients = refopt.rprop(lr=1.0, eta_plus=2.0, eta_minus=0.25), [[5], [0.1], [-3], [-1], [-1], [0], [-1]]
    close(np.ravel(column(walk(rule(when=lag.now), [0], gradients), "update")), [1, 2, 0, -0.5, -1, 0, -1])
    # the same steps one call later, but the 2 that is due at the turn is lost
    close(np.ravel(column(walk(rule(when=lag.late), [0], gradients), "update")), [0, 1, 0, 0, -0.5, -1, 0])
    # every coordinate for itself, between delta_min and delta_max
    rule = rule(delta_min=0.5, delta_max=1.5)
    close(run(rule, [[0], [0]], [[[1], [1]], [[1], [-1]], [[1], [-1]]]), [[-1, -1], [-2.5, -1], [-4, -0.5]])


def test_adadelta_readings():
    # rho 3/4, eps 1, g = √12: Eg2 = 3, dx = -√12/2, Edx2 = 3/4; then Eg2 = 9/4 + 3, dx = -√(7/4)/√(25/4)·√12
    rule, g = refopt.adadelta(rho=0.75, eps=1.0, mean=lag.renewed), sqrt(12)
    first, second = -g / 2, -sqrt(7) / 5 * g
    close(np.ravel(run(rule, [0], [[g], [g]])), [first, first + second])
    # lr is beside dx, whose mean does not hear of it
    records = walk(rule(lr=0.5), [0], [[g], [g]])
    close(np.ravel(column(records, "theta")), [first / 2, (first + second) / 2])
    close(np.ravel(column(records, "Edx2")), [0.75, 9 / 16 + 3 * 7 / 25])
    # a gradient of zero: no step, and both means fade by 3/4
    record = walk(rule, [0], [[g], [0]])[1]
    close([record["Eg2"].item(), record["Edx2"].item(), record["update"].item()], [9 / 4, 9 / 16, 0])
    # the mean of the step before: dx = -√1/√1·g, so both means are g²/4, and again, and again: gradient descent
    records = walk(rule(mean=lag.old, lr=0.5), [0], [[2], [-3], [0], [8]])
    close(np.ravel(column(records, "theta")), [-1, 0.5, 0.5, -3.5])
    close(column(records, "Edx2"), column(records, "Eg2"))


def test_rmsprop_readings():
    # rho 3/4, g = 4: v = 4, g_mean = 1, variance 3
    rule = refopt.rmsprop(lr=1.0, rho=0.75)
    for reading, eps, centered, update in (
        (denominator.eps_outside, 2.0, False, 1),  # 4/(2 + 2)
        (denominator.eps_inside, 5.0, False, 4 / 3),  # 4/√(4 + 5)
        (denominator.eps_hat, 2.0, False, 1),  # nothing is corrected here
        (denominator.eps_inside, 1.0, True, 2),  # 4/√(3 + 1)
        (denominator.eps_subtracted, 2.0, True, 4),  # 4/√(3 - 2)
        (denominator.eps_outside, 1.0, True, 4 / (sqrt(3) + 1)),
    ):
        close(walk(rule(denominator=reading, eps=eps, centered=centered), [0], [[4]])[0]["update"], [update])
    with pytest.warns(RuntimeWarning, match="invalid value"):
        record = walk(rule(denominator=denominator.eps_subtracted, eps=4.0, centered=True), [0], [[4]])[0]
    assert np.isnan(record["update"]).all()
    # 1e-15 in the root: g² = 1.2e-14, v = 3e-15, √4e-15
    rule = rule(denominator=denominator.eps_hat_floored, eps=0.0)
    close(walk(rule, [0], [[sqrt(1.2e-14)]])[0]["update"], [sqrt(3)])
    assert walk(rule, [0], [[0]])[0]["update"] == 0


def test_rmsprop_readings_of_the_rate():
    # buffer 4/2, or 1/2·4/2 inside; then g = 0 and half the buffer at rate 1/4
    for reading, expected in ((rate.lr_outside, [-1, -1.25]), (rate.lr_inside, [-1, -1.5])):
        rule = refopt.rmsprop(lr=0.5, rho=0.75, eps=0.0, momentum=0.5, rate=reading)
        first, state = rule.update(np.zeros(1), np.array([4.0]), rule.init(np.zeros(1)))
        second, _ = rule.update(first, np.zeros(1), state, lr=0.25)
        close([first.item(), second.item()], expected)
    # v = 3/4·16 + 1/4·16
    close(run(refopt.rmsprop(lr=1.0, rho=0.75, eps=0.0, initial_accumulator=16.0), [0], [[4]]), [[-1]])
