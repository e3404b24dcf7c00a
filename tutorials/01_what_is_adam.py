# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What is Adam?
#
# Adam is an *optimizer*: a rule that turns gradients into steps. It fits into ten lines. This notebook runs those ten
# lines one at a time, looks at every number that they produce, switches parts of them off, and finally checks their
# last digits against a proof.
#
# You need to know what a gradient is, and a little NumPy. The pictures and the proofs need two extras:
# `pip install 'refopt[view,exact]'`.

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import refopt
from refopt.view.style import COLORS, RC

plt.rcParams.update(RC)
BLUE, ORANGE, GREEN = COLORS[:3]  # told apart by colour-blind readers too


def show(head, rows):
    """Print a table: the first column to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    first, *others = (max(map(len, column)) for column in zip(*cells, strict=True))
    for left, *rest in cells:
        print(left.ljust(first), *(cell.rjust(width) for cell, width in zip(rest, others, strict=True)), sep="  ")


# %% [markdown]
# ## 1. The problem: one learning rate, many curvatures
#
# Take the simplest function with a minimum, a bowl with a different curvature $\lambda_i$ along each axis:
#
# $$f(\theta) = \tfrac12\left(\lambda_0\,\theta_0^2 + \lambda_1\,\theta_1^2\right),
# \qquad g_i = \lambda_i\,\theta_i,
# \qquad \lambda_0 = 1,\quad \lambda_1 = 100 .$$
#
# The start is $(-4,\ 1.5)$. The first coordinate has further to go, yet its gradient is much the smaller one:

# %%
bowl = refopt.problems.get("quadratic", condition=100)
print("theta   ", bowl.start)
print("gradient", bowl.grad(bowl.start))

# %% [markdown]
# Gradient descent subtracts the gradient times a learning rate $\eta$. On the bowl each coordinate is multiplied by a
# constant, once a step:
#
# $$\theta_i \leftarrow \theta_i - \eta\, g_i = (1 - \eta\lambda_i)\,\theta_i .$$
#
# The steep coordinate stays bounded only while $|1 - 100\,\eta| \le 1$, so $\eta$ may not exceed $0.02$. The flat coordinate
# then shrinks by about 2 % a step, however long we wait. Just below the limit:


# %%
def walk_path(rule, steps=100):
    """The points that `rule` visits on the bowl, the start included."""
    records = refopt.walk(rule, bowl.start, bowl.grad, steps)
    return np.array([bowl.start] + [record["theta"] for record in records])


def draw_path(path, title, color):
    """Left: the walk seen from above. Right: how far each coordinate is from the minimum."""
    _, (above, distance) = plt.subplots(1, 2, figsize=(9.5, 3.6), layout="constrained")
    x, y = np.meshgrid(np.linspace(-4.6, 1.6, 200), np.linspace(-1.9, 1.9, 200))
    loss = bowl.loss(np.stack([x, y], axis=-1))
    above.contour(x, y, loss, levels=np.geomspace(0.1, 200, 10), colors="#b5bcc9", linewidths=0.7)
    above.plot(*path.T, ".-", color=color, linewidth=1.2, markersize=5)
    above.plot(*path[0], "s", color="white", markeredgecolor="black", markersize=8)
    above.plot(0, 0, "*", color="white", markeredgecolor="black", markersize=14)
    above.set(xlabel="theta[0]  (flat)", ylabel="theta[1]  (steep)", title=title)
    above.grid(False)
    distance.plot(np.abs(path[:, 0]), color=BLUE, label="flat, curvature 1")
    distance.plot(np.abs(path[:, 1]), "--", color=ORANGE, label="steep, curvature 100")
    distance.set(yscale="log", ylim=(2e-5, 10), xlabel="step", ylabel="|theta|", title="Distance from the minimum")
    distance.legend(loc="lower left")
    plt.show()


descent = walk_path(refopt.sgd(lr=0.019))
draw_path(descent, "Gradient descent, lr 0.019", BLUE)

assert np.allclose(descent[100], bowl.start * (1 - 0.019 * np.array([1, 100])) ** 100)
assert abs(descent[100, 0]) > 0.5  # the flat coordinate is still on its way

# %% [markdown]
# *See:* the walk jumps from wall to wall (left), because the learning rate is almost too large for the steep coordinate.
# At the same time it is far too small for the flat one, which after 100 steps still has a seventh of its way to go (right).
#
# A slightly larger learning rate does not help. The steep coordinate then grows with every step:

# %%
too_far = walk_path(refopt.sgd(lr=0.021))
print("lr 0.021, theta after 100 steps:", too_far[-1].round(2))

assert abs(too_far[-1, 1]) > 10_000

# %% [markdown]
# A network has millions of coordinates, and the sizes of their gradients differ by more than a factor of 100. What we would
# like is a step whose length does not depend on the size of the gradient. That is what Adam makes.

# %% [markdown]
# ## 2. Adam, line by line
#
# This is the whole of Adam as it ships in `refopt/rules/adam.py`. It is not a copy for this page: the next cell asks
# Python for the source of the function that runs.

# %%
print(inspect.getsource(refopt.adam.recurrence))

# %% [markdown]
# `theta` and `g` are the parameters and their gradient. `t`, `m` and `v` are the *state*, which Adam carries from step to
# step. After the `*` come the *hyper-parameters*, with the defaults of the paper (Kingma & Ba 2015). The last line,
# `return locals()`, returns every name with its value.
#
# `refopt.narrate` runs one step and notes what each line computed. We give it the start of the bowl and the gradient there:

# %%
theta = bowl.start
g = bowl.grad(theta)
state = refopt.adam.init(theta)  # t = 0, m = 0, v = 0
lines = refopt.narrate(refopt.adam, theta, g, state)


def show_lines(lines):
    """One row for each source line; a value is one number, or one for each coordinate."""
    rows = []
    for line in lines:
        code = line.source.partition("#")[0].strip()
        rows.append([code, *(f"{x:.6g}" for x in np.broadcast_to(line.value, 2))])
    show(["line", "theta[0]", "theta[1]"], rows)


show_lines(lines)

# %% [markdown]
# Now the lines one after the other. `t` counts the steps; the other nine need a few words.
#
# **`m`, the running mean of the gradient.** Each step keeps 90 % of the old mean and mixes in 10 % of the new gradient, so
# `m` remembers about the last $1/(1-\beta_1) = 10$ gradients. It tells in which direction the gradients agree.
#
# $$m_t = \beta_1\, m_{t-1} + (1-\beta_1)\, g_t, \qquad m_0 = 0$$
#
# **`v`, the running mean of the squared gradient.** The same with $g^2$ and a longer memory, about
# $1/(1-\beta_2) = 1000$ gradients. Squares have no sign: `v` tells how large the gradients are, whichever way they point.
#
# $$v_t = \beta_2\, v_{t-1} + (1-\beta_2)\, g_t^2, \qquad v_0 = 0$$

# %%
value = {line.name: line.value for line in lines}
beta1, beta2, eps, lr = 0.9, 0.999, 1e-8, 1e-3

assert np.array_equal(value["m"], beta1 * np.zeros(2) + (1 - beta1) * g)
assert np.array_equal(value["v"], beta2 * np.zeros(2) + (1 - beta2) * g**2)

# %% [markdown]
# **`c1` and `c2`, the bias corrections.** Both means start at 0, and so they are too small at first. By how much? Write `m`
# out: the gradient of step $i$ enters with the weight $(1-\beta_1)\beta_1^{\,t-i}$. A mean needs weights that add up to 1,
# but these add up to
#
# $$\sum_{i=1}^{t} (1-\beta_1)\,\beta_1^{\,t-i} = 1 - \beta_1^{\,t} = c_1 , \qquad\text{and for } v: \quad c_2 = 1 - \beta_2^{\,t} .$$
#
# **`m_hat` and `v_hat`, the corrected means.** Dividing by the sum of the weights makes them true weighted means. At the
# first step this returns $g$ and $g^2$ themselves, up to rounding.
#
# $$\hat m_t = \frac{m_t}{c_1}, \qquad \hat v_t = \frac{v_t}{c_2}$$

# %%
for t in (1, 10, 1000):
    weights = (1 - beta1) * beta1 ** (t - np.arange(1, t + 1))
    assert np.isclose(weights.sum(), 1 - beta1**t)

assert np.allclose(value["m_hat"], g)
assert np.allclose(value["v_hat"], g**2)

# %% [markdown]
# **`denom`, the typical size of a gradient.** The root of a mean square has the unit of a gradient again. The small
# $\varepsilon$ keeps the quotient finite where all gradients were 0. Libraries disagree about the place of $\varepsilon$,
# and so the line calls a function, `denominator`; section 5 comes back to it.
#
# $$\text{denom}_t = \sqrt{\hat v_t} + \varepsilon$$
#
# **`update` and `theta`, the step.** The mean gradient is divided by the typical size of a gradient. What is left is a number
# that usually lies between $-1$ and $1$, and $\eta$ gives it a length.
#
# $$\text{update}_t = \eta\,\frac{\hat m_t}{\text{denom}_t}, \qquad \theta_t = \theta_{t-1} - \text{update}_t$$

# %%
assert np.array_equal(value["denom"], np.sqrt(value["v_hat"]) + eps)
assert np.array_equal(value["theta"], theta - value["update"])

# The gradients were -4 and 150; the steps are equally long.
assert np.allclose(np.abs(value["update"]), lr)

# %% [markdown]
# So the learning rate of Adam is a length: the first step moves each coordinate by `lr`, whatever the gradient. Back to the
# bowl, with steps of 0.1:

# %%
adam_path = walk_path(refopt.adam(lr=0.1))
draw_path(adam_path, "Adam, lr 0.1", GREEN)

print("loss after 100 steps of gradient descent:", f"{bowl.loss(descent[-1]):.4f}")
print("loss after 100 steps of Adam:            ", f"{bowl.loss(adam_path[-1]):.4f}")
assert bowl.loss(adam_path[-1]) < bowl.loss(descent[-1]) / 50

# %% [markdown]
# *See:* both coordinates set out at the same speed, so the walk begins as a straight line and does not jump between the walls
# (left). Both overshoot, since `m` still remembers the way down when the slope has already turned: every downward spike is a
# passage through 0 (right). After 100 steps both are near the minimum.
#
# That can be put more sharply. Multiply the gradients of one coordinate by a constant: `m_hat` grows by this factor and
# $\sqrt{\hat v}$ too, and the factor cancels. Without $\varepsilon$ and with a power of two, where floating point scales
# without rounding, a steep bowl and a round one give the *same* walk, bit for bit:

# %%
exact_scale = refopt.adam(lr=0.1, eps=0.0)
steep, flat = (refopt.problems.get("quadratic", condition=curvature) for curvature in (64, 1))
steep_walk = [record["theta"] for record in refopt.walk(exact_scale, steep.start, steep.grad, 200)]
flat_walk = [record["theta"] for record in refopt.walk(exact_scale, flat.start, flat.grad, 200)]

assert np.array_equal(steep_walk, flat_walk)

# %% [markdown]
# ## 3. Every name at every step
#
# `refopt.walk` runs a rule and yields one *record* per step: a dictionary with every name of the recurrence. Its third
# argument is a function that returns the gradient, as above, or simply the gradients themselves.
#
# Here are 400 noisy gradients for one coordinate. In the first half there is a slope of 1 beneath noise of size 1; in the
# second half there is noise alone.

# %%
rng = np.random.default_rng(seed=3)
slope = np.where(np.arange(400) < 200, 1.0, 0.0)
gradients = (slope + rng.normal(size=400)).reshape(400, 1)  # 400 gradients of one coordinate

records = list(refopt.walk(refopt.adam, np.zeros(1), gradients))
print(", ".join(records[0]))


def column(name):
    """One name of the recurrence over all steps."""
    return np.array([record[name].item() for record in records])


# %%
steps = np.arange(1, 401)
figure, (top, middle, bottom) = plt.subplots(3, 1, figsize=(8.5, 7), sharex=True, layout="constrained")
top.plot(steps, gradients[:, 0], ".", color="#9aa1ad", markersize=5, label="g")
top.plot(steps, column("m_hat"), color=BLUE, linewidth=2, label="m_hat")
top.plot(steps, slope, "--", color="black", linewidth=1.5, label="slope without noise")
top.set(ylabel="gradient", title="m_hat: the mean gradient", ylim=(-3.4, 6.4))
middle.plot(steps, np.abs(gradients[:, 0]), ".", color="#9aa1ad", markersize=5, label="|g|")
middle.plot(steps, np.sqrt(column("v_hat")), color=ORANGE, linewidth=2, label="sqrt(v_hat)")
middle.set(ylabel="size", title="sqrt(v_hat): the typical size of a gradient", ylim=(0, 5.6))
bottom.axhline(0, color="black", linewidth=0.8)
bottom.plot(steps, column("update") / lr, color=GREEN, linewidth=2, label="update / lr")
bottom.set(xlabel="step", ylabel="update / lr", title="update: the quotient of the two", ylim=(-0.8, 1.6))
for axes in (top, middle, bottom):
    axes.axvline(200, ymax=0.78, color="#555555", linestyle=":", linewidth=1.2)  # the slope ends
    axes.legend(loc="upper right", ncols=3, borderaxespad=0)
plt.show()

# %% [markdown]
# *See:* `m_hat` follows the slope some ten steps late and swings about it far less than the gradients do. $\sqrt{\hat v}$
# settles, and where the slope ends it only drifts. The update is their quotient: always of one sign while there is a slope,
# wandering about 0 when there is none.
#
# The quotient is a signal-to-noise ratio. Where all gradients agree the step is `lr` long. With a slope as large as the noise
# we expect $1/\sqrt{1^2 + 1^2} = 0.71$ of that on average, and 0 where the gradients contradict each other:

# %%
share = column("update") / lr
first, second = share[20:200], share[220:]  # without the first steps and the change
show(
    ["", "mean of update / lr", "positive updates"],
    [
        ["slope and noise", f"{first.mean():.2f}", f"{(first > 0).mean():.0%}"],
        ["noise alone", f"{second.mean():.2f}", f"{(second > 0).mean():.0%}"],
    ],
)
assert abs(first.mean() - 1 / np.sqrt(2)) < 0.05
assert abs(second.mean()) < 0.05
assert (share[:200] > 0).all()
assert np.std(column("m_hat")[20:200]) < np.std(gradients[20:200]) / 2

# %% [markdown]
# ## 4. What the bias correction does, and how to write a rule
#
# To see what `c1` and `c2` are good for, take them out. No switch does that, and none is needed: a rule is two functions, and
# you can write your own.
#
# * `init(theta)` returns the state before the first step.
# * `step(theta, g, ...)` takes `theta`, `g` and the names of the state, then a `*`, then the hyper-parameters. It gives the
#   results the same names and returns `locals()`.
#
# `refopt.numbers` has the few functions that a rule needs, in a form that also runs on the exact numbers of section 7.

# %%
from refopt.numbers import sqrt, zeros_like


def init(theta):
    """Two running means that start at 0. Nothing is corrected, so no step count is needed."""
    return dict(m=zeros_like(theta), v=zeros_like(theta))


def step(theta, g, m, v, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Adam without c1, c2, m_hat and v_hat."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    denom = sqrt(v) + eps
    update = lr * m / denom
    theta = theta - update
    return locals()


adam_uncorrected = refopt.Rule(init, step, name="adam_uncorrected")
print(adam_uncorrected)

# %% [markdown]
# It is a rule like those that ship: it can be narrated, walked, raced and proven. Its first step on the bowl:

# %%
show_lines(refopt.narrate(adam_uncorrected, bowl.start, bowl.grad(bowl.start), adam_uncorrected.init(bowl.start)))

# %% [markdown]
# The first step is not `lr` long. Both means are too small, but not equally: `m` lacks the factor $1-\beta_1 = 0.1$, while
# $\sqrt v$ lacks $\sqrt{1-\beta_2} = 0.032$. What remains is
#
# $$\frac{1-\beta_1}{\sqrt{1-\beta_2}} = \frac{0.1}{0.0316} = 3.16 \quad\text{times } \eta .$$
#
# Let both rules walk under a constant gradient, where the right length is `lr` at every step:

# %%
ones = [np.ones(1)] * 5000
corrected = np.array([record["update"].item() for record in refopt.walk(refopt.adam, np.zeros(1), ones)]) / lr
uncorrected = np.array([record["update"].item() for record in refopt.walk(adam_uncorrected, np.zeros(1), ones)]) / lr
t = np.arange(1, 5001)

figure, axes = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
axes.plot(t[:50], uncorrected[:50], "--", color=ORANGE, linewidth=2, label="without correction")
axes.plot(t[:50], corrected[:50], color=BLUE, linewidth=2, label="Adam")
axes.plot(1, uncorrected[0], "o", color=ORANGE, markersize=8)
axes.annotate("first step: 3.16 lr", (1, uncorrected[0]), (4, 2.2), arrowprops=dict(arrowstyle="-", color="#555555"))
axes.set(xlabel="step", ylabel="step length / lr", title="Constant gradient, first 50 steps", ylim=(0, 7.3))
axes.legend(loc="lower right", bbox_to_anchor=(1, 0.2))
plt.show()

longest = int(t[uncorrected.argmax()])
calm = int(t[uncorrected > 1.01].max() + 1)
print(f"first step: {uncorrected[0]:.2f} lr")
print(f"longest step: {uncorrected.max():.2f} lr, step {longest}")
print(f"less than 1 % too long: from step {calm}")

assert np.allclose(corrected, 1)
assert np.isclose(uncorrected[0], (1 - beta1) / np.sqrt(1 - beta2))
assert np.allclose(uncorrected, (1 - beta1**t) / np.sqrt(1 - beta2**t))

# %% [markdown]
# *See:* with the correction every step is `lr` long. Without it the first step is 3.16 times too long and the steps still
# grow, because `m` fills up within some ten steps while `v` needs thousands. The error is largest just when nothing has been
# learnt yet.

# %% [markdown]
# ## 5. Which Adam is it?
#
# Ask two libraries for Adam and you get two rules. `refopt` knows them by name:

# %%
torch = refopt.rule("adam", framework="torch")
keras = refopt.rule("adam", framework="keras")
print("torch:", torch)
print("keras:", keras)

# %% [markdown]
# They differ in the default of $\varepsilon$ and in its place. To tell the two apart, put a third rule between them: Keras'
# reading with the $\varepsilon$ of PyTorch. The first step, as a share of `lr`, for gradients from 1 down to $10^{-8}$:

# %%
sizes = np.array([1, 1e-2, 1e-4, 1e-6, 1e-8])


def first_step(rule):
    """The first update of `rule` for every size of gradient, in units of lr."""
    return rule.step(np.zeros(5), sizes, rule.init(np.zeros(5)))["update"] / rule.hyper["lr"]


torch_step, between_step, keras_step = first_step(torch), first_step(keras(eps=1e-8)), first_step(keras)
show(
    ["gradient", "torch", "keras, eps=1e-8", "keras"],
    [[f"{row[0]:g}", *(f"{x:.5f}" for x in row[1:])] for row in zip(sizes, torch_step, between_step, keras_step, strict=True)],
)

# At a gradient of 1e-8, by hand; c2 = 1 - beta2 at the first step:
root_c2 = np.sqrt(1 - beta2)
assert np.isclose(torch_step[-1], 1e-8 / (1e-8 + 1e-8))  # one half
assert np.isclose(between_step[-1], 1e-8 / (1e-8 + 1e-8 / root_c2))
assert np.isclose(keras_step[-1], 1e-8 / (1e-8 + 1e-7 / root_c2))

# %% [markdown]
# For gradients of everyday size the three agree. At $10^{-8}$ the step of PyTorch is 159 times as long as that of Keras.
#
# `eps_outside` adds $\varepsilon$ to the corrected root, as Algorithm 1 of the paper does: $\sqrt{\hat v} + \varepsilon$.
# `eps_hat` adds it to the raw root $\sqrt v$ *before* the correction, which is then divided out of both and leaves
# $\sqrt{\hat v} + \varepsilon/\sqrt{c_2}$.
#
# So with `eps_hat` an $\varepsilon$ counts $1/\sqrt{c_2}$ times as much. That is a lot at first and fades away:

# %%
assert round(torch_step[-1] / keras_step[-1]) == 159

show(["step", "1 / sqrt(c2)"], [[n, f"{1 / np.sqrt(1 - beta2**n):.2f}"] for n in (1, 10, 100, 1000, 10_000)])

# %% [markdown]
# ## 6. The race
#
# How does Adam do beside the other rules that ship? Each of them trains the same small network (64-64-10) on 8 × 8 images of
# handwritten digits, from the same start, over the same batches, for 15 epochs. Then each walks 400 steps on two toy functions.
# Every rule has a learning rate that was tuned for the course.

# %%
from refopt.training import TOYS, entrants, race, toy_race

racers = race(entrants(), epochs=15)
toys = [toy_race(entrants(course=toy), toy) for toy in TOYS]
refopt.view.race_figure(racers, toys)

# %% [markdown]
# The same in numbers: loss and accuracy after the last epoch, the first epoch that ends with 95 %, the memory of the state in
# bytes per parameter, and how far from the minimum the walks on the toy functions end. (On another machine the digits of the
# network may differ a little, since matrix products add up in another order there.)

# %%
ends = {}
for toy, runs in zip(TOYS, toys, strict=True):
    minimum = refopt.problems.get(toy).minima[0]
    for run in runs:
        ends[toy, run.name] = np.linalg.norm(run.path[-1] - minimum)

show(
    ["rule", "lr", "loss", "accuracy", "to 95 %", "bytes", *TOYS],
    [
        [
            racer.name,
            f"{racer.lr:g}",
            f"{racer.train_loss:.3f}",
            f"{racer.test_accuracy:.1%}",
            racer.epochs_to_95,
            f"{racer.state_bytes_per_parameter:g}",
            *(f"{ends[toy, racer.name]:.0e}" for toy in TOYS),
        ]
        for racer in racers
    ],
)

adam_racer = next(racer for racer in racers if racer.name == "adam")
assert adam_racer.test_accuracy > 0.95
assert adam_racer.state_bytes_per_parameter == 8  # m and v, in float32
assert ends["beale", "adam"] < 1e-6
assert min((ends["rosenbrock", racer.name], racer.name) for racer in racers)[1] == "sgd"

# %% [markdown]
# *See:* all rules but Lion pass 95 % within five epochs and end within three percentage points of each other. One of the 449
# held-out images is 0.2 %, so after one race their order says little. The learning rates were tuned for 40 epochs; for Lion, whose
# steps all have one length, 15 are too few.
#
# On the toy functions the rules differ more. Adam reaches the minimum of Beale's function; AdamW, which also shrinks `theta` a
# little at every step, stays short of it. In Rosenbrock's valley SGD with momentum gets furthest, though its way there is the
# wildest. No rule wins everywhere, and a race shows one start, one seed and one learning rate.

# %% [markdown]
# ## 7. Proven digits beside floating point
#
# Almost every line of Adam rounds. After 20 steps, which digits of `theta` are right? `refopt.exact.prove` answers by running the
# same ten lines once more, on *balls* instead of floating-point numbers.
#
# A **ball** is a midpoint with a radius that is guaranteed to enclose the exact real result. Every operation on balls widens
# the radius enough to keep that promise, so it is a proof and not an estimate.
#
# A result is **correctly rounded** if it is the floating-point number closest to the exact real result: no float64 can be
# nearer. Where both ends of a ball round to the same float64, this number is proven to be the one.
#
# The proof takes the learning rate, the betas and the gradients as exactly the binary numbers that they are, so only the
# arithmetic of the rule is judged. We take 20 steps on the bowl:

# %%
rule = refopt.adam(lr=0.1)
records = list(refopt.walk(rule, bowl.start, bowl.grad, 20))
proofs = refopt.exact.prove(rule, bowl.start, [record["g"] for record in records])

last = proofs[-1]["theta"]
print("float64          ", f"{records[-1]['theta'][0]:.16f}")
print("correctly rounded", f"{last.value[0]:.16f}")
print("ball             ", last.balls[0])

# %% [markdown]
# The difference is measured in *ulp*, units in the last place: 1 ulp is the distance between neighbouring float64 numbers.
# `proof.ulps` is a budget: the same walk on balls that let every single operation err by 1 ulp. What an honest float64 run loses
# stays within it.
#
# Here is `theta[0]`, digit by digit. The digits in the third column are those of the exact real result:


# %%
def errors_of(name):
    """The error of a name in ulp, for every step."""
    return np.array([proof[name].error(record[name]) for record, proof in zip(records, proofs, strict=True)])


errors = errors_of("theta")
budgets = np.array([proof["theta"].ulps for proof in proofs])

rows = []
for n in (1, 2, 3, 5, 10, 15, 20):
    proof = proofs[n - 1]["theta"]
    digits = proof.balls[0].ball.str(30, radius=False)
    rows.append([n, f"{records[n - 1]['theta'][0]:.16f}", digits, f"{errors[n - 1, 0]:.0f}", f"{budgets[n - 1, 0]:.1f}"])
show(["step", "float64", "exact result, from the ball", "error in ulp", "budget"], rows)

assert (errors <= budgets).all()
assert errors[:, 0].max() <= 5

# %%
steps = np.arange(1, 21)
figure, axes = plt.subplots(figsize=(8.5, 4.4), layout="constrained")
for i, color, marker in ((0, BLUE, "o"), (1, ORANGE, "s")):
    axes.plot(steps, budgets[:, i], "--", color=color, linewidth=1.6, label=f"theta[{i}], budget")
    axes.plot(steps, errors[:, i], marker, color=color, markersize=7, label=f"theta[{i}], error of float64")
axes.set_yscale("symlog", linthresh=1)  # logarithmic from 1 on, with room for 0 below
axes.set(xlabel="step", ylabel="ulp", title="Error of theta, and what it may be", ylim=(-0.3, 3e5), xticks=range(0, 21, 2))
axes.legend(loc="upper left", ncols=2)
plt.show()

# %% [markdown]
# *See:* every dot lies below the dashed line of its colour, as proven. `theta[0]` stays within 5 ulp. `theta[1]` seems to do
# badly around step 17, where it passes through 0: its absolute error is as small as before, but next to 0 an ulp is smaller
# still.
#
# Which line loses the most? The proof covers every name, so we can ask:

# %%
largest = {}
for name in ("m", "v", "c1", "c2", "m_hat", "v_hat", "denom", "update"):
    largest[name] = errors_of(name).max()
    assert (errors_of(name) <= np.array([proof[name].ulps for proof in proofs])).all()

show(["name", "largest error in 20 steps, ulp"], [[name, f"{error:.0f}"] for name, error in largest.items()])

assert largest["c2"] > 20 * largest["c1"]
assert np.abs(errors[:, 1] * np.spacing(np.abs([record["theta"][1] for record in records]))).max() < 3e-15  # theta[1]

# %% [markdown]
# It begins with `c2`. $\beta_2^{\,t}$ lies just below 1, so $1 - \beta_2^{\,t}$ subtracts two numbers that are almost equal: the
# result is small, and the rounding error of the power weighs more in it. `v_hat` inherits the error, the root halves it, and
# the update has it still. It does no harm, some $10^{-14}$ of a step. But now that is known, and not merely hoped.

# %% [markdown]
# ## 8. Exercises
#
# Change the cells above, or add your own below.
#
# **1.** Multiply all gradients of section 3 by 1000 and walk again. What happens to `m_hat`, to $\sqrt{\hat v}$ and to the
# update? Guess first.
#
# <details>
# <summary>Answer</summary>
#
# `m_hat` and $\sqrt{\hat v}$ grow by 1000, and the update stays as it is, but for $\varepsilon$ and rounding:
#
# ```python
# big = list(refopt.walk(refopt.adam, np.zeros(1), 1000 * gradients))
# small = list(refopt.walk(refopt.adam, np.zeros(1), gradients))
# print(max(abs(b["update"] / s["update"] - 1).item() for b, s in zip(big, small)))
# ```
#
# The largest relative difference is $8\times 10^{-9}$: $\varepsilon = 10^{-8}$ beside a $\sqrt{\hat v}$ of about 1.
#
# </details>
#
# **2.** Set `beta1=0.0`, `beta2=0.0` and `eps=0.0`. Which simple rule has Adam become?
#
# <details>
# <summary>Answer</summary>
#
# Without memory $\hat m = g$ and $\hat v = g^2$, so the update is $\eta\, g/|g|$: the sign of the gradient times `lr`.
#
# ```python
# rule = refopt.adam(lr=0.1, beta1=0.0, beta2=0.0, eps=0.0)
# g = np.array([-4.0, 150.0, 1e-30])
# print(rule.step(np.zeros(3), g, rule.init(np.zeros(3)))["update"])   # [-0.1  0.1  0.1]
# ```
#
# Try a gradient of exactly 0 as well: 0/0 is NaN, and that is what $\varepsilon$ is for.
#
# </details>
#
# **3.** Turn the bowl by 45°, so that its axes are no longer those of the coordinates. Does Adam still beat gradient descent?
#
# <details>
# <summary>Answer</summary>
#
# ```python
# turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
# hessian = turn @ np.diag([1.0, 100.0]) @ turn.T
# for rule in (refopt.sgd(lr=0.019), refopt.adam(lr=0.1)):
#     *_, last = refopt.walk(rule, turn @ bowl.start, lambda theta: hessian @ theta, 200)
#     print(rule.name, last["theta"] @ hessian @ last["theta"] / 2)
# ```
#
# No. After 200 steps the loss is 0.0037 with gradient descent, which does not notice the turn, and 1.46 with Adam, which had
# reached $10^{-7}$ on the bowl that was not turned. With `lr=0.3` Adam does better, 0.0056, but its lead is gone: it scales
# coordinate by coordinate, and so it evens out curvatures only where they lie along the axes.
#
# </details>
#
# **4.** Prove your own rule: run `refopt.exact.prove` on `adam_uncorrected(lr=0.1)` for 20 steps of the bowl. Which name loses
# the most digits now, apart from `theta`?
#
# <details>
# <summary>Answer</summary>
#
# ```python
# rule = adam_uncorrected(lr=0.1)
# records = list(refopt.walk(rule, bowl.start, bowl.grad, 20))
# proofs = refopt.exact.prove(rule, bowl.start, [record["g"] for record in records])
# for name in ("m", "v", "denom", "update"):
#     print(name, errors_of(name).max())
# ```
#
# `m` loses most, 10 ulp, and `update` inherits 7 of them: the steep gradient changes its sign, and a mean that passes through 0
# loses digits as `theta[1]` did above. `v` and `denom` stay within 2 ulp, for without `c2` there is nothing to subtract.
#
# </details>
