"""Skip-nonfinite: a gradient with a NaN or an infinity anywhere is skipped: parameters and state stay as they are.

Update
    taken    ← finite(g)
    skipped  ← skipped if taken else skipped + 1
    in_a_row ← 0 if taken else in_a_row + 1
    θ, inner_state ← inner(θ, g, inner_state) if taken else (θ, inner_state)

Symbols
    θ theta  all parameters            inner  sgd  the rule that makes the step; it does not count what is skipped
    g        gradient at θ
    skipped  0  steps skipped so far
    in_a_row 0  the last so many steps were skipped: something is wrong where it grows
    inner_state  the state of `inner`

Readings
    None in the recurrence: optax.apply_if_finite, but that lets a gradient pass, NaN and all, once max_consecutive_errors
    were skipped in a row; in_a_row says when that would be. torch.amp.GradScaler skips as here, and halves its scale too.
    It looks at the gradient as it is given: put it outside of whatever clips.

Look
    Adam's step count and means do not hear of the second gradient; the third is taken as the second:
    >>> rule, gradients = refopt.skip_nonfinite(inner=refopt.adam(lr=0.5)), np.array([[1.0], [np.nan], [1.0]])
    >>> [round(record["theta"].item(), 6) for record in refopt.walk(rule, np.zeros(1), gradients)]
    [-0.5, -0.5, -1.0]

Paper
    No paper of its own: the practice of loss scaling, Micikevicius et al., Mixed Precision Training, ICLR 2018,
    arXiv:1710.03740, section 3.2: skip the update where gradients overflow.
"""

from refopt.numbers import finite
from refopt.recurrence import Rule
from refopt.rules.sgd import sgd


def init(theta, *, inner=sgd):
    return dict(skipped=0, in_a_row=0, inner_state=inner.init(theta))


def step(theta, g, skipped, in_a_row, inner_state, *, inner=sgd):
    taken = finite(g)
    skipped = skipped if taken else skipped + 1
    in_a_row = 0 if taken else in_a_row + 1
    theta, inner_state = inner.update(theta, g, inner_state) if taken else (theta, inner_state)
    return locals()


skip_nonfinite = Rule(
    init, step, scope="network", family="gradient", paper="Micikevicius et al. 2018, arXiv:1710.03740, section 3.2"
)
