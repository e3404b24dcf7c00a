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
# # Is your own optimizer right?
#
# You have written an optimizer, or ported one to another language. It trains. Is it the algorithm that you meant?
#
# Training well proves nothing: most mistakes in optimizers still go downhill. This notebook writes an Adam with two real
# mistakes, watches it train no worse than the right one, and then finds both with *golden vectors*: inputs made to bring mistakes
# to light, with answers that are proven to the last digit. At the end the same is done with a program in JavaScript.
#
# You need Python and NumPy, and to have seen Adam's formulas (tutorial 1). The plot needs `pip install 'refopt[view]'`.

# %%
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import refopt
from refopt.golden import check, diagnose
from refopt.view.style import COLORS, RC

plt.rcParams.update(RC)


# %% [markdown]
# ## 1. An Adam with two mistakes
#
# This class could stand in any project. It has what refopt asks of a *subject*: it is made from the hyper-parameters, `init` gets
# the parameters, a list of arrays, and `step` returns the new ones. Can you see the two mistakes? People have made both, in
# libraries that you know.


# %%
class Adam:
    def __init__(self, lr, beta1, beta2, eps):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.t = 0

    def init(self, params):
        self.m = [np.zeros_like(x) for x in params]
        self.v = [np.zeros_like(x) for x in params]

    def set_lr(self, lr):  # for the vectors in which the learning rate changes
        self.lr = lr

    def load(self, state):  # for those that begin at step 1000
        self.t, self.m, self.v = state["t"], state["m"], state["v"]

    def step(self, params, grads):
        new = []
        for i, (x, g) in enumerate(zip(params, grads, strict=True)):
            if g is None:  # a tensor without a gradient is left alone
                new.append(x.copy())
                continue
            self.t += 1
            self.m[i] = self.beta1 * self.m[i] + (1 - self.beta1) * g
            self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * g**2
            m_hat = self.m[i] / (1 - self.beta1**self.t)
            v_hat = self.v[i] / (1 - self.beta2**self.t)
            new.append(x - self.lr * m_hat / np.sqrt(v_hat + self.eps))
        return new


# %% [markdown]
# It trains. On handwritten digits, with the network's parameters handed over as four tensors, it even trains faster than the right
# Adam: by mistake its steps are longer. Nobody would look twice.

# %%
data, net = refopt.data.digits(dtype=np.float64), refopt.nets.MLP([64, 32, 10])


def losses(make, epochs=8):
    """Train the network; the training loss after every epoch."""
    subject, rng, path = make(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8), np.random.default_rng(0), []
    params = np.array_split(net.init(0), 4)
    subject.init(params)
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(data.x_train)), len(data.x_train) // 32):
            _, gradient = net.loss_and_grad(np.concatenate(params), data.x_train[batch], data.y_train[batch])
            params = subject.step(params, np.array_split(gradient, 4))
        path.append(net.loss(np.concatenate(params), data.x_train, data.y_train))
    return path


right, mine = losses(refopt.golden.subject(refopt.adam)), losses(Adam)

# %%
figure, axes = plt.subplots(figsize=(7, 3.6))
axes.semilogy(range(1, 9), right, color=COLORS[0], label="the right Adam")
axes.semilogy(range(1, 9), mine, color=COLORS[1], linestyle="--", label="ours, with two mistakes")
axes.set(xlabel="epoch", ylabel="training loss (nats)", title="A wrong optimizer that trains")
axes.legend()
plt.show()

# %% [markdown]
# *Both losses fall, that of the wrong one faster. Training does not tell a right optimizer from a wrong one.*
#
# ## 2. Check it
#
# `check` walks the class over the golden vectors of Adam. Each vector is a situation that brings some kind of mistake to light,
# named by its flags: gradients as small as ε, entries that are exactly zero, a spike, several tensors of every shape, a learning
# rate that changes, a start at step 1000 …

# %%
report = check(Adam, "adam")
print(f"{len(report.passed)} vectors passed, {len(report.failures)} failed\n")
for failure in report.failures[:4]:
    print(failure, "\n")

# %% [markdown]
# A failure is the first place at which the numbers part: vector, step, tensor, entry, what came and what should have come. The
# distance is in *ulps*, units in the last place of a float64. What an honest program may be off by, whatever the order in which it
# rounds, comes from the same proof as the digits; here it is a few dozen, and we are off by $10^{10}$ and more.
#
# Every vector fails, so that the flags say little yet. (`adam/1` parts at `tensor 1`, not at `tensor 0`: a careful reader sees there
# that something goes wrong from tensor to tensor.)

# %% [markdown]
# ## 3. Diagnose it
#
# Looking at numbers like that leads to the mistake in the end. `diagnose` is faster: it runs explanations, thousands of them, on the
# same vectors and looks which one gives *our* numbers: what libraries do, a catalogue of known mistakes, each small change of the
# formula, each wrong loop around it, and then two of these at once.

# %%
best, *_ = diagnose(Adam, "adam", seconds=60)  # at most; it takes two or three
assert best.exact
print("exact:", best.exact, "\n")
print(best.name, "\n")
print(best.explanation)

# %% [markdown]
# Exact means that these two mistakes together reproduce every number of our class, on every vector. Both are old acquaintances:
# the step counter stands inside the loop over the tensors (as it once did in a well-known C++ library: the link leads there), and
# ε stands inside the root, where it acts like $10^{-4}$ and not $10^{-8}$.
#
# We mend the first, and check again:


# %%
class Counted(Adam):
    def step(self, params, grads):
        self.t += 1
        new = []
        for i, (x, g) in enumerate(zip(params, grads, strict=True)):
            if g is None:
                new.append(x.copy())
                continue
            self.m[i] = self.beta1 * self.m[i] + (1 - self.beta1) * g
            self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * g**2
            new.append(x - self.lr * self.direction(i))
        return new

    def direction(self, i):
        m_hat = self.m[i] / (1 - self.beta1**self.t)
        v_hat = self.v[i] / (1 - self.beta2**self.t)
        return m_hat / np.sqrt(v_hat + self.eps)


report = check(Counted, "adam")
print(f"{len(report.passed)} vectors passed, {len(report.failures)} failed; look at {', '.join(report.flags[:3])}")
print(diagnose(Counted, "adam", seconds=60)[0].explanation)

# %% [markdown]
# and then the second:


# %%
class Right(Counted):
    def direction(self, i):
        m_hat = self.m[i] / (1 - self.beta1**self.t)
        v_hat = self.v[i] / (1 - self.beta2**self.t)
        return m_hat / (np.sqrt(v_hat) + self.eps)


report = check(Right, "adam")
assert report.ok
print(report)

# %% [markdown]
# Right, to the last digits that anybody can ask for. In a project's own tests this is one line, and the fixture comes with refopt:
#
# ```python
# def test_our_adam(refopt_golden):
#     refopt_golden(Right, "adam")
# ```
#
# ## 4. Mistakes that are not in the formula
#
# The numbers may be right and the program still wrong for whoever calls it. `check` hands out fresh arrays, looks whether they were
# changed, and writes over them afterwards, so that whoever kept one is caught:


# %%
class InPlace(Right):
    def step(self, params, grads):
        for x, new in zip(params, super().step(params, grads), strict=True):
            x[...] = new
        return params


print(check(InPlace, "adam").failures[0])
print(diagnose(InPlace, "adam", seconds=60)[0].explanation)

# %% [markdown]
# ## 5. The same from JavaScript
#
# A program in another language reads the questions from a file and writes its answers into another. `refopt golden questions adam`
# prints the questions: for each vector its id, hyper-parameters, parameters and gradients; arrays are flat lists. The answers are the parameters after each step.
#
# Here is an Adam in JavaScript, with a mistake of its own.

# %%
PROGRAM = """
const fs = require("fs");
const questions = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const answers = {};
for (const vector of questions.vectors) {
  let { lr, beta1, beta2, eps } = vector.hyper;
  let theta = vector.theta, t = 0;
  let m = theta.map(x => x.map(_ => 0)), v = theta.map(x => x.map(_ => 0));
  if (vector.start) ({ t, m, v } = vector.start);
  answers[vector.id] = vector.gradients.map((gradients, step) => {
    if (vector.lr) lr = vector.lr[step];
    t += 1;
    theta = theta.map((x, i) => x.map((x_j, j) => {
      const g = gradients[i][j];
      m[i][j] = beta1 * m[i][j] + (1 - beta1) * g;
      v[i][j] = beta2 * v[i][j] + (1 - beta2) * g * g;
      const m_hat = m[i][j] / (1 - beta1 ** t), v_hat = v[i][j] / (1 - beta1 ** t);
      return x_j - lr * m_hat / (Math.sqrt(v_hat) + eps);
    }));
    return theta;
  });
}
console.log(JSON.stringify({ format: "refopt-golden-answers-1", rule: "adam", answers }));
"""


def answers(program):
    """Run a JavaScript program on the questions of Adam; its answers as a file."""
    folder = Path(tempfile.mkdtemp())
    (folder / "adam.js").write_text(program)
    (folder / "questions.json").write_text(json.dumps(refopt.golden.questions("adam")))
    done = subprocess.run(["node", folder / "adam.js", folder / "questions.json"], capture_output=True, text=True, check=True)
    (folder / "answers.json").write_text(done.stdout)
    return refopt.golden.read_answers(folder / "answers.json")


if node := shutil.which("node"):
    report = refopt.golden.check_answers(answers(PROGRAM))
    print(f"{len(report.passed)} vectors passed, {len(report.failures)} failed")
    print(refopt.golden.diagnose_answers(answers(PROGRAM))[0].explanation)
else:
    print("node is not installed here: the cells below have nothing to run")

# %% [markdown]
# The second moment is divided by the correction of the first: `beta1 ** t` where `beta2 ** t` should stand. Mended:

# %%
if node:
    mended = PROGRAM.replace("v[i][j] / (1 - beta1 ** t)", "v[i][j] / (1 - beta2 ** t)")
    report = refopt.golden.check_answers(answers(mended))
    assert report.ok
    print(f"{len(report.passed)} vectors passed, {len(report.failures)} failed")

# %% [markdown]
# On the command line the same is `refopt golden questions adam > questions.json`, then your program, then
# `refopt check answers.json`, whose exit status says right or wrong, and `refopt diagnose answers.json`. Optimizers of installed
# libraries need no program at all: `refopt check torch:AdamW`, `refopt diagnose keras:Adam`.
#
# ## What to remember
#
# - That it trains does not say that it is right.
# - A test needs inputs that were made to bring mistakes to light, and answers that do not come from the code under test.
# - "Which Adam?" is part of the question: against a library's own reading, check with `framework="keras"`.
