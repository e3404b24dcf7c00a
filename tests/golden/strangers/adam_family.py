"""Strangers' optimizers: the Adam family, right and wrong. NumPy only."""

import math

import numpy as np

SUBJECTS = []
RIGHT = []


def wrong(rule, name, explanation):
    def register(cls):
        SUBJECTS.append((rule, name, cls, explanation))
        return cls

    return register


class Base:
    arrays = ("m", "v")

    def __init__(self, **hyper):
        self.hyper = hyper
        for key, value in hyper.items():
            setattr(self, key, value)
        self.t = 0

    def init(self, params):
        self.t = 0
        for name in self.arrays:
            setattr(self, name, [np.zeros(np.shape(p)) for p in params])

    def set_lr(self, lr):
        self.lr = lr

    def load(self, state):
        for name, value in state.items():
            if isinstance(value, (list, tuple)):
                setattr(self, name, [np.array(a, dtype=float) for a in value])
            else:
                setattr(self, name, value)

    def begin(self, params, grads):
        self.t = self.t + 1

    def end(self):
        pass

    def grad(self, i, p, g):
        return g

    def step(self, params, grads):
        with np.errstate(all="ignore"):
            self.begin(params, grads)
            out = []
            for i, (p, g) in enumerate(zip(params, grads)):
                g = self.grad(i, p, g)
                out.append(np.array(self.one(i, p, g), dtype=float).reshape(np.shape(p)))
            self.end()
        return out


class Adam(Base):
    def c1(self):
        return 1 - self.beta1**self.t

    def c2(self):
        return 1 - self.beta2**self.t

    def mom(self, i, p, g):
        self.m[i] = self.beta1 * self.m[i] + (1 - self.beta1) * g
        return self.m[i]

    def sec(self, i, p, g):
        self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * g * g
        return self.v[i]

    def den(self, v):
        return np.sqrt(v / self.c2()) + self.eps

    def update(self, i, p, g):
        m = self.mom(i, p, g)
        v = self.sec(i, p, g)
        return self.lr * (m / self.c1()) / self.den(v)

    def one(self, i, p, g):
        return p - self.update(i, p, g)


class AdamW(Adam):
    def shrink(self, i, p, g):
        return self.lr * self.weight_decay * p

    def one(self, i, p, g):
        return p - (self.update(i, p, g) + self.shrink(i, p, g))


class AMSGrad(Adam):
    arrays = ("m", "v", "v_max")

    def c1(self):
        return 1.0

    def c2(self):
        return 1.0

    def top(self, i, v):
        self.v_max[i] = np.maximum(self.v_max[i], v)
        return self.v_max[i]

    def update(self, i, p, g):
        m = self.mom(i, p, g)
        v = self.top(i, self.sec(i, p, g))
        return self.lr * (m / self.c1()) / self.den(v)


class NAdam(Adam):
    def init(self, params):
        super().init(params)
        self.P = 1.0

    def mu(self, t):
        return self.beta1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))

    def begin(self, params, grads):
        self.t = self.t + 1
        self.mu_t = self.mu(self.t)
        self.mu_next = self.mu(self.t + 1)
        self.P = self.P * self.mu_t

    def bar(self, g, m):
        return (1 - self.mu_t) / (1 - self.P) * g + self.mu_next / (1 - self.P * self.mu_next) * m

    def update(self, i, p, g):
        m = self.mom(i, p, g)
        v = self.sec(i, p, g)
        return self.lr * self.bar(g, m) / self.den(v)


class RAdam(Adam):
    def rho_inf(self):
        return 2 / (1 - self.beta2) - 1

    def rho(self):
        b = self.beta2**self.t
        return self.rho_inf() - 2 * self.t * b / (1 - b)

    def rect(self, rho, inf):
        return math.sqrt((rho - 4) * (rho - 2) * inf / ((inf - 4) * (inf - 2) * rho))

    def early(self, i, m):
        return self.lr * m / self.c1()

    def ready(self, rho):
        return rho > self.threshold

    def update(self, i, p, g):
        m = self.mom(i, p, g)
        v = self.sec(i, p, g)
        rho = self.rho()
        if self.ready(rho):
            return self.lr * self.rect(rho, self.rho_inf()) * (m / self.c1()) / self.den(v)
        return self.early(i, m)


class AdaMax(Adam):
    arrays = ("m", "u")

    def inf(self, i, p, g):
        self.u[i] = np.maximum(self.beta2 * self.u[i], np.abs(g) + self.eps)
        return self.u[i]

    def update(self, i, p, g):
        m = self.mom(i, p, g)
        u = self.inf(i, p, g)
        return self.lr / self.c1() * m / u


class AdaBelief(Adam):
    arrays = ("m", "s")

    def sec(self, i, p, g):
        d = g - self.m[i]
        self.s[i] = self.beta2 * self.s[i] + (1 - self.beta2) * d * d + self.eps
        return self.s[i]


RIGHT += [
    ("adam", Adam),
    ("adamw", AdamW),
    ("amsgrad", AMSGrad),
    ("nadam", NAdam),
    ("radam", RAdam),
    ("adamax", AdaMax),
    ("adabelief", AdaBelief),
]

# ---------------------------------------------------------------------------------------------------------------- adam


@wrong(
    "adam",
    "adam-t-starts-at-one",
    "The counter is initialised to 1 and incremented before use, so the first step is corrected as step 2.",
)
class _(Adam):
    def init(self, params):
        super().init(params)
        self.t = 1


@wrong("adam", "adam-t-per-tensor", "The step counter is incremented inside the loop over the parameters.")
class _(Adam):
    def begin(self, params, grads):
        pass

    def one(self, i, p, g):
        self.t += 1
        return super().one(i, p, g)


@wrong(
    "adam",
    "adam-t-incremented-last",
    "The counter is incremented after the step and 0 is guarded with max(t, 1), so the correction lags by one step.",
)
class _(Adam):
    def begin(self, params, grads):
        pass

    def c1(self):
        return 1 - self.beta1 ** max(self.t, 1)

    def c2(self):
        return 1 - self.beta2 ** max(self.t, 1)

    def end(self):
        self.t += 1


@wrong("adam", "adam-no-correction", "The bias corrections are left out altogether.")
class _(Adam):
    def c1(self):
        return 1.0

    def c2(self):
        return 1.0


@wrong(
    "adam",
    "adam-correction-stored",
    "The bias-corrected moments are written back into the state, in place of local m_hat and v_hat.",
)
class _(Adam):
    def update(self, i, p, g):
        self.mom(i, p, g)
        self.sec(i, p, g)
        self.m[i] = self.m[i] / self.c1()
        self.v[i] = self.v[i] / self.c2()
        return self.lr * self.m[i] / (np.sqrt(self.v[i]) + self.eps)


@wrong("adam", "adam-betas-swapped", "beta1 and beta2 are unpacked in the wrong order.")
class _(Adam):
    def __init__(self, **hyper):
        super().__init__(**hyper)
        self.beta2, self.beta1 = hyper["beta1"], hyper["beta2"]


@wrong("adam", "adam-eps-in-root", "eps is added under the square root, as in rsqrt(v + eps).")
class _(Adam):
    def den(self, v):
        return np.sqrt(v / self.c2() + self.eps)


@wrong(
    "adam",
    "adam-folded-step-size",
    "The corrections are folded into the step size lr*sqrt(c2)/c1 with sqrt(v) + eps left as it is, so eps is scaled.",
)
class _(Adam):
    def update(self, i, p, g):
        m, v = self.mom(i, p, g), self.sec(i, p, g)
        alpha = self.lr * math.sqrt(self.c2()) / self.c1()
        return alpha * m / (np.sqrt(v) + self.eps)


@wrong("adam", "adam-v-of-abs", "The second moment averages |g| in place of its square, and the root is still taken.")
class _(Adam):
    def sec(self, i, p, g):
        self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * np.abs(g)
        return self.v[i]


@wrong("adam", "adam-v-of-m", "The variable g is overwritten by the momentum, so the second moment averages m squared.")
class _(Adam):
    def sec(self, i, p, g):
        g = self.m[i]
        return super().sec(i, p, g)


@wrong(
    "adam",
    "adam-m-undamped",
    "m is accumulated as beta1*m + g, heavy-ball style, without 1 - beta1, and the correction is kept.",
)
class _(Adam):
    def mom(self, i, p, g):
        self.m[i] = self.beta1 * self.m[i] + g
        return self.m[i]


@wrong(
    "adam",
    "adam-v-norm-of-tensor",
    "The second moment averages the squared norm of the whole tensor (a dot product) in place of the entries' squares.",
)
class _(Adam):
    def sec(self, i, p, g):
        self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * np.dot(np.ravel(g), np.ravel(g))
        return self.v[i]


@wrong(
    "adam",
    "adam-lr-captured",
    "The learning rate is captured in a closure when the optimizer is built; later changes have no effect.",
)
class _(Adam):
    def set_lr(self, lr):
        self.hyper["lr"] = lr


@wrong(
    "adam",
    "adam-lr-one-step-late",
    "A new learning rate takes effect one step late, since the effective rate is read at the end of the previous step.",
)
class _(Adam):
    def __init__(self, **hyper):
        super().__init__(**hyper)
        self.pending = self.lr

    def set_lr(self, lr):
        self.pending = lr

    def end(self):
        self.lr = self.pending


@wrong("adam", "adam-lr-change-restarts", "Changing the learning rate builds the optimizer anew and loses moments and counter.")
class _(Adam):
    def set_lr(self, lr):
        self.lr = lr
        self.t = 0
        self.m = [np.zeros(a.shape) for a in self.m]
        self.v = [np.zeros(a.shape) for a in self.v]


@wrong(
    "adam",
    "adam-load-forgets-t",
    "Resuming restores the moments but not the step counter, so the correction begins again at t = 1.",
)
class _(Adam):
    def load(self, state):
        super().load(state)
        self.t = 0


@wrong("adam", "adam-load-single-precision", "The checkpoint is stored in float32, so the resumed moments are rounded.")
class _(Adam):
    def load(self, state):
        super().load(state)
        self.m = [a.astype(np.float32).astype(float) for a in self.m]
        self.v = [a.astype(np.float32).astype(float) for a in self.v]


@wrong(
    "adam",
    "adam-powers-not-resumed",
    "The powers of beta are kept as running products that are not recomputed when a state is loaded.",
)
class _(Adam):
    def init(self, params):
        super().init(params)
        self.p1 = self.p2 = 1.0

    def begin(self, params, grads):
        self.t += 1
        self.p1 *= self.beta1
        self.p2 *= self.beta2

    def c1(self):
        return 1 - self.p1

    def c2(self):
        return 1 - self.p2


@wrong(
    "adam",
    "adam-correction-float32",
    "The powers of the betas and 1 minus them are computed in float32 (a tensor of default dtype).",
)
class _(Adam):
    def c1(self):
        return float(np.float32(1) - np.float32(self.beta1) ** np.float32(self.t))

    def c2(self):
        return float(np.float32(1) - np.float32(self.beta2) ** np.float32(self.t))


@wrong(
    "adam",
    "adam-square-in-float32",
    "The gradient is cast to float32 before it is squared, so tiny gradients underflow and huge ones overflow.",
)
class _(Adam):
    def sec(self, i, p, g):
        h = np.asarray(g).astype(np.float32)
        self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * (h * h).astype(float)
        return self.v[i]


@wrong("adam", "adam-clip-value", "Gradients are clipped to [-1, 1] entry by entry, which nobody asked for.")
class _(Adam):
    def grad(self, i, p, g):
        return np.clip(g, -1.0, 1.0)


@wrong(
    "adam",
    "adam-lazy-entries",
    "Entries whose gradient is exactly 0 are treated as absent: their moments do not decay and they do not move.",
)
class _(Adam):
    def one(self, i, p, g):
        m, v = self.m[i], self.v[i]
        new = super().one(i, p, g)
        seen = np.asarray(g) != 0
        self.m[i] = np.where(seen, self.m[i], m)
        self.v[i] = np.where(seen, self.v[i], v)
        return np.where(seen, new, p)


@wrong("adam", "adam-skip-not-finite", "A step with a NaN or an infinity in any gradient is skipped, as a loss scaler would.")
class _(Adam):
    def step(self, params, grads):
        if not all(np.isfinite(g).all() for g in grads):
            return [np.array(p) for p in params]
        return super().step(params, grads)


@wrong(
    "adam",
    "adam-break-at-empty",
    "At an empty tensor the loop breaks in place of continuing, so the tensors after it never move.",
)
class _(Adam):
    def step(self, params, grads):
        self.begin(params, grads)
        out = [np.array(p) for p in params]
        for i, (p, g) in enumerate(zip(params, grads)):
            if np.size(g) == 0:
                break
            out[i] = np.array(self.one(i, p, g))
        return out


@wrong("adam", "adam-state-by-shape", "The moments are kept in a dict keyed by shape, so two tensors of one shape share them.")
class _(Adam):
    def init(self, params):
        super().init(params)
        first = {}
        self.slot = [first.setdefault(np.shape(p), i) for i, p in enumerate(params)]

    def one(self, i, p, g):
        return super().one(self.slot[i], p, g)


@wrong(
    "adam",
    "adam-shared-scratch",
    "Denominators go into a scratch buffer cached by shape in a first pass and are used in a second, so tensors of one shape get the last one's.",
)
class _(Adam):
    def step(self, params, grads):
        self.begin(params, grads)
        scratch = {}
        for i, (p, g) in enumerate(zip(params, grads)):
            self.mom(i, p, g)
            scratch[np.shape(p)] = self.den(self.sec(i, p, g))
        return [np.array(p - self.lr * self.m[i] / self.c1() / scratch[np.shape(p)]) for i, p in enumerate(params)]


@wrong(
    "adam",
    "adam-zero-d-lost",
    "The state of 0-d parameters is a NumPy scalar, which in-place operators rebind locally, so it is never updated.",
)
class _(Adam):
    def init(self, params):
        self.t = 0
        self.m = [p * 0.0 for p in params]
        self.v = [p * 0.0 for p in params]

    def load(self, state):
        self.t = state["t"]
        self.m = [a * 1.0 for a in state["m"]]
        self.v = [a * 1.0 for a in state["v"]]

    def update(self, i, p, g):
        m, v = self.m[i], self.v[i]
        m *= self.beta1
        m += (1 - self.beta1) * g
        v *= self.beta2
        v += (1 - self.beta2) * g * g
        return self.lr * (m / self.c1()) / self.den(v)


@wrong(
    "adam",
    "adam-vector-tail",
    "The vectorised kernel handles four entries at a time; the scalar code for the rest forgets to correct v.",
)
class _(Adam):
    def update(self, i, p, g):
        m = np.ravel(self.mom(i, p, g))
        v = np.ravel(self.sec(i, p, g))
        body = m.size // 4 * 4
        out = np.empty(m.size)
        out[:body] = m[:body] / self.c1() / self.den(v[:body])
        for k in range(body, m.size):
            out[k] = m[k] / self.c1() / (math.sqrt(v[k]) + self.eps)
        return self.lr * out.reshape(np.shape(p))


@wrong("adam", "adam-no-root", "The root is forgotten: the step divides by v_hat + eps.")
class _(Adam):
    def den(self, v):
        return v / self.c2() + self.eps


@wrong("adam", "adam-v-with-one-minus-beta1", "Copy and paste: the new square in v is weighted with 1 - beta1.")
class _(Adam):
    def sec(self, i, p, g):
        self.v[i] = self.beta2 * self.v[i] + (1 - self.beta1) * g * g
        return self.v[i]


@wrong("adam", "adam-correct-after-root", "The root of v is divided by c2, which should be under the root.")
class _(Adam):
    def den(self, v):
        return np.sqrt(v) / self.c2() + self.eps


@wrong("adam", "adam-power-of-difference", "Misplaced parenthesis: the corrections are (1 - beta)**t in place of 1 - beta**t.")
class _(Adam):
    def c1(self):
        return (1 - self.beta1) ** self.t

    def c2(self):
        return (1 - self.beta2) ** self.t


@wrong("adam", "adam-t-uint8", "The step counter is kept in 8 bits and wraps at 256.")
class _(Adam):
    def begin(self, params, grads):
        self.t = (self.t + 1) & 0xFF


@wrong("adam", "adam-eps-floor", "eps is a lower bound of the root, max(sqrt(v_hat), eps), in place of a summand.")
class _(Adam):
    def den(self, v):
        return np.maximum(np.sqrt(v / self.c2()), self.eps)


@wrong("adam", "adam-eps-hard-coded", "eps is hard-coded as 1e-8; the hyper-parameter is ignored.")
class _(Adam):
    def den(self, v):
        return np.sqrt(v / self.c2()) + 1e-8


@wrong(
    "adam",
    "adam-stale-v",
    "The denominator takes v from before this step's gradient (except at the first step), with this step's correction.",
)
class _(Adam):
    def update(self, i, p, g):
        m = self.mom(i, p, g)
        old = self.v[i]
        v = self.sec(i, p, g)
        return self.lr * (m / self.c1()) / self.den(old if self.t > 1 else v)


@wrong("adam", "adam-lerp-weights", "lerp with the weights the wrong way round: m = (1 - beta1)*m + beta1*g.")
class _(Adam):
    def mom(self, i, p, g):
        self.m[i] = self.m[i] + self.beta1 * (g - self.m[i])
        return self.m[i]


@wrong(
    "adam",
    "adam-beta1-fading",
    "beta1 is multiplied by (1 - 1e-8)**(t - 1) in the running mean, as in the first version of the paper.",
)
class _(Adam):
    def mom(self, i, p, g):
        b = self.beta1 * (1 - 1e-8) ** (self.t - 1)
        self.m[i] = b * self.m[i] + (1 - b) * g
        return self.m[i]


@wrong("adam", "adam-lr-over-root-t", "The step size is lr/sqrt(t), as in the paper's convergence theorem.")
class _(Adam):
    def update(self, i, p, g):
        return super().update(i, p, g) / math.sqrt(self.t)


@wrong("adam", "adam-no-zero-grad", "Gradients accumulate from step to step because they are never zeroed.")
class _(Adam):
    def init(self, params):
        super().init(params)
        self.acc = [np.zeros(np.shape(p)) for p in params]

    def grad(self, i, p, g):
        self.acc[i] = self.acc[i] + g
        return self.acc[i]


@wrong("adam", "adam-precedence-eps", "Missing parentheses: lr * m_hat / sqrt(v_hat) + eps, so eps is a part of the step.")
class _(Adam):
    def update(self, i, p, g):
        m, v = self.mom(i, p, g), self.sec(i, p, g)
        return self.lr * (m / self.c1()) / np.sqrt(v / self.c2()) + self.eps


@wrong(
    "adam",
    "adam-batch-axis",
    "The squares of tensors with two or more axes are averaged over the first axis, taken for the batch.",
)
class _(Adam):
    def sec(self, i, p, g):
        sq = g * g
        if np.ndim(sq) > 1:
            sq = sq.sum(axis=0, keepdims=True) / max(sq.shape[0], 1)
        self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * sq
        return self.v[i]


@wrong("adam", "adam-correction-switched-off", "From t = 1000 on the corrections are taken to be 1, to save work.")
class _(Adam):
    def c1(self):
        return super().c1() if self.t < 1000 else 1.0

    def c2(self):
        return super().c2() if self.t < 1000 else 1.0


@wrong(
    "adam",
    "adam-global-counter",
    "The step counter is a class attribute, so a second optimizer goes on counting where the first one stopped.",
)
class GlobalCounter(Adam):
    steps = 0

    def begin(self, params, grads):
        GlobalCounter.steps += 1
        self.t = GlobalCounter.steps

    def load(self, state):
        super().load(state)
        GlobalCounter.steps = state["t"]


@wrong(
    "adam",
    "adam-t-counts-nonzero",
    "Each tensor has its own counter, which only counts steps in which its gradient was not all zero.",
)
class _(Adam):
    def init(self, params):
        super().init(params)
        self.counts = [0] * len(params)

    def load(self, state):
        super().load(state)
        self.counts = [state["t"]] * len(self.m)

    def begin(self, params, grads):
        pass

    def one(self, i, p, g):
        if np.any(g):
            self.counts[i] += 1
        self.t = max(self.counts[i], 1)
        return super().one(i, p, g)


@wrong("adam", "adam-m-starts-at-g", "m starts as the first gradient in place of 0, and the bias correction stays.")
class _(Adam):
    def mom(self, i, p, g):
        if self.t == 1:
            self.m[i] = np.array(g)
            return self.m[i]
        return super().mom(i, p, g)


@wrong(
    "adam",
    "adam-grad-squared-in-place",
    "The gradient is squared in place before m is updated, so m averages g squared, and the caller's array is changed.",
)
class _(Adam):
    def update(self, i, p, g):
        np.multiply(g, g, out=g)
        self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * g
        m = self.mom(i, p, g)
        return self.lr * (m / self.c1()) / self.den(self.v[i])


@wrong("adam", "adam-eps-in-raw-root", "Two mistakes: v is not corrected, and eps is added under the root.")
class _(Adam):
    def den(self, v):
        return np.sqrt(v + self.eps)


@wrong(
    "adam", "adam-v-corrected-by-beta1", "v is corrected with 1 - beta1**t, m with 1 - beta2**t: the corrections are swapped."
)
class _(Adam):
    def c1(self):
        return 1 - self.beta2**self.t

    def c2(self):
        return 1 - self.beta1**self.t


# --------------------------------------------------------------------------------------------------------------- adamw


@wrong("adamw", "adamw-l2", "The decay is added to the gradient (L2), so it goes through both moments.")
class _(AdamW):
    def grad(self, i, p, g):
        return g + self.weight_decay * p

    def shrink(self, i, p, g):
        return 0.0


@wrong(
    "adamw", "adamw-decay-after", "The decay multiplies the parameters after the step, so that the step itself is shrunk too."
)
class _(AdamW):
    def one(self, i, p, g):
        new = p - self.update(i, p, g)
        return new * (1 - self.lr * self.weight_decay)


@wrong("adamw", "adamw-decay-without-lr", "The decay is not multiplied by the learning rate.")
class _(AdamW):
    def shrink(self, i, p, g):
        return self.weight_decay * p


@wrong(
    "adamw",
    "adamw-decay-lr-twice",
    "lr multiplies the decay twice: the decay already scaled by lr is added to the direction that is scaled by lr.",
)
class _(AdamW):
    def shrink(self, i, p, g):
        return self.lr * (self.lr * self.weight_decay * p)


@wrong("adamw", "adamw-no-decay-vectors", "Tensors with fewer than two axes are taken for biases and norms and not decayed.")
class _(AdamW):
    def shrink(self, i, p, g):
        return super().shrink(i, p, g) if np.ndim(p) >= 2 else 0.0


@wrong(
    "adamw",
    "adamw-decay-corrected-step",
    "The decay is multiplied by the bias-corrected step size lr*sqrt(c2)/c1 in place of lr.",
)
class _(AdamW):
    def shrink(self, i, p, g):
        return self.lr * math.sqrt(self.c2()) / self.c1() * self.weight_decay * p


@wrong(
    "adamw",
    "adamw-decay-first-lr",
    "The factor 1 - lr*lambda is computed once with the initial learning rate and does not follow a schedule.",
)
class _(AdamW):
    def __init__(self, **hyper):
        super().__init__(**hyper)
        self.rate = self.lr * self.weight_decay

    def shrink(self, i, p, g):
        return self.rate * p


@wrong("adamw", "adamw-decay-grows", "The sign of the decay is wrong: parameters grow by 1 + lr*lambda.")
class _(AdamW):
    def shrink(self, i, p, g):
        return -super().shrink(i, p, g)


@wrong(
    "adamw",
    "adamw-decay-in-quotient",
    "The decay is added to m_hat and so divided by the denominator, though v does not see it.",
)
class _(AdamW):
    def update(self, i, p, g):
        m, v = self.mom(i, p, g), self.sec(i, p, g)
        return self.lr * (m / self.c1() + self.weight_decay * p) / self.den(v)

    def shrink(self, i, p, g):
        return 0.0


@wrong("adamw", "adamw-falsy-zero", "`weight_decay or 0.01`: a decay of 0 becomes the default.")
class _(AdamW):
    def __init__(self, **hyper):
        super().__init__(**hyper)
        self.weight_decay = hyper["weight_decay"] or 0.01


@wrong("adamw", "adamw-decay-where-grad", "Only entries with a gradient other than 0 are decayed.")
class _(AdamW):
    def shrink(self, i, p, g):
        return np.where(np.asarray(g) != 0, super().shrink(i, p, g), 0.0)


@wrong("adamw", "adamw-l1", "The decay pulls by the sign of the parameter (L1).")
class _(AdamW):
    def shrink(self, i, p, g):
        return self.lr * self.weight_decay * np.sign(p)


@wrong("adamw", "adamw-proximal", "The decay divides the result by 1 + lr*lambda (the proximal form) in place of subtracting.")
class _(AdamW):
    def one(self, i, p, g):
        return (p - self.update(i, p, g)) / (1 + self.lr * self.weight_decay)


@wrong("adamw", "adamw-decayed-twice", "The base class already handles weight_decay as L2, and the subclass decays once more.")
class _(AdamW):
    def grad(self, i, p, g):
        return g + self.weight_decay * p


@wrong(
    "adamw",
    "adamw-sparse-rows",
    "Rows of a matrix whose gradient is all zero are left alone: no decay of weights or moments, no step.",
)
class _(AdamW):
    def one(self, i, p, g):
        m, v = self.m[i], self.v[i]
        new = super().one(i, p, g)
        if np.ndim(p) != 2:
            return new
        rows = np.any(g != 0, axis=1, keepdims=True)
        self.m[i] = np.where(rows, self.m[i], m)
        self.v[i] = np.where(rows, self.v[i], v)
        return np.where(rows, new, p)


@wrong(
    "adamw",
    "adamw-load-t-plus-one",
    "Resuming takes the saved counter as the number of the next step and increments it once more.",
)
class _(AdamW):
    def load(self, state):
        super().load(state)
        self.t = state["t"] + 1


@wrong(
    "adamw",
    "adamw-decay-loop-too-deep",
    "The decay of all tensors stands inside the loop over tensors, so a tensor is decayed before every tensor's update up to its own.",
)
class _(AdamW):
    def one(self, i, p, g):
        for _ in range(i + 1):
            p = p * (1 - self.lr * self.weight_decay)
        return p - self.update(i, p, g)


@wrong("adamw", "adamw-factor-float32", "The factor 1 - lr*lambda is rounded to float32.")
class _(AdamW):
    def one(self, i, p, g):
        return p * float(np.float32(1 - self.lr * self.weight_decay)) - self.update(i, p, g)


@wrong("adamw", "adamw-clip-global-norm", "Gradients are scaled down to a global norm of 1 over all tensors.")
class _(AdamW):
    def begin(self, params, grads):
        super().begin(params, grads)
        norm = math.sqrt(sum(float(np.sum(np.square(g))) for g in grads))
        self.scale = min(1.0, 1.0 / (norm + 1e-6))

    def grad(self, i, p, g):
        return g * self.scale


@wrong(
    "adamw", "adamw-update-rms-clip", "The update of each tensor is divided by max(1, its root mean square), as in Adafactor."
)
class _(AdamW):
    def update(self, i, p, g):
        u = super().update(i, p, g) / self.lr if self.lr else super().update(i, p, g)
        rms = math.sqrt(float(np.sum(u * u)) / max(np.size(u), 1))
        return self.lr * u / max(1.0, rms)


@wrong("adamw", "adamw-decay-of-initial", "The decay uses the parameters captured at init, not the present ones.")
class _(AdamW):
    def init(self, params):
        super().init(params)
        self.start = [np.array(p) for p in params]

    def shrink(self, i, p, g):
        return self.lr * self.weight_decay * self.start[i]


@wrong(
    "adamw",
    "adamw-master-float32",
    "The optimizer steps its own float32 master weights and ignores the parameters it is given.",
)
class _(AdamW):
    def init(self, params):
        super().init(params)
        self.master = [np.array(p, dtype=np.float32) for p in params]

    def one(self, i, p, g):
        new = super().one(i, self.master[i].astype(float), g)
        self.master[i] = np.array(new, dtype=np.float32)
        return self.master[i]


@wrong(
    "adamw",
    "adamw-params-in-place",
    "The parameters are decayed and stepped in place, in the caller's arrays, and those are returned.",
)
class _(AdamW):
    def step(self, params, grads):
        self.begin(params, grads)
        for i, (p, g) in enumerate(zip(params, grads)):
            u = self.update(i, p, g)
            p *= 1 - self.lr * self.weight_decay
            p -= u
        return list(params)


@wrong(
    "adamw",
    "adamw-hands-out-its-own",
    "The optimizer keeps the parameters and steps those in place, ignoring the ones it is given, and hands out its own arrays without a copy.",
)
class _(AdamW):
    def init(self, params):
        super().init(params)
        self.own = [np.array(p) for p in params]

    def step(self, params, grads):
        self.begin(params, grads)
        for i, g in enumerate(grads):
            p = self.own[i]
            p -= self.update(i, p, g) + self.shrink(i, p, g)
        return self.own


@wrong(
    "adamw",
    "adamw-uncorrected-and-after",
    "Two mistakes: no bias correction, and the decay is taken from the parameters after the step.",
)
class _(AdamW):
    def c1(self):
        return 1.0

    def c2(self):
        return 1.0

    def one(self, i, p, g):
        new = p - self.update(i, p, g)
        return new - self.lr * self.weight_decay * new


# ------------------------------------------------------------------------------------------------------------- amsgrad


@wrong("amsgrad", "amsgrad-max-fed-back", "The maximum is written back into v, so the running mean starts from the maximum.")
class _(AMSGrad):
    def top(self, i, v):
        self.v[i] = self.v_max[i] = np.maximum(self.v_max[i], v)
        return self.v[i]


@wrong(
    "amsgrad",
    "amsgrad-max-before-v",
    "The maximum is taken over v before this step's gradient has gone into it (at the first step over the new one).",
)
class _(AMSGrad):
    def update(self, i, p, g):
        m, old = self.mom(i, p, g), self.v[i]
        v = self.sec(i, p, g)
        v = self.top(i, v if self.t == 1 else old)
        return self.lr * m / self.den(v)


@wrong("amsgrad", "amsgrad-max-of-square", "The maximum is taken of this step's g squared and not of its running mean v.")
class _(AMSGrad):
    def update(self, i, p, g):
        m = self.mom(i, p, g)
        self.sec(i, p, g)
        return self.lr * m / self.den(self.top(i, g * g))


@wrong("amsgrad", "amsgrad-corrected-after", "Both moments are bias-corrected after the maximum.")
class _(AMSGrad):
    c1 = Adam.c1
    c2 = Adam.c2


@wrong("amsgrad", "amsgrad-max-of-roots", "The maximum of sqrt(v) is stored, and its root is taken again in the denominator.")
class _(AMSGrad):
    def top(self, i, v):
        return super().top(i, np.sqrt(v))


@wrong("amsgrad", "amsgrad-max-unused", "The maximum is kept but the denominator uses v.")
class _(AMSGrad):
    def top(self, i, v):
        super().top(i, v)
        return v


@wrong("amsgrad", "amsgrad-only-m-corrected", "m is bias-corrected, the maximum is not.")
class _(AMSGrad):
    c1 = Adam.c1


@wrong("amsgrad", "amsgrad-max-of-tensor", "max() in place of maximum(): one number for a whole tensor.")
class _(AMSGrad):
    def top(self, i, v):
        if np.size(v):
            self.v_max[i] = np.full(np.shape(v), max(np.max(self.v_max[i]), np.max(v)))
        return self.v_max[i]


@wrong("amsgrad", "amsgrad-load-without-max", "v_max is not in the checkpoint and starts as the loaded v.")
class _(AMSGrad):
    def load(self, state):
        super().load(state)
        self.v_max = [np.array(a) for a in self.v]


@wrong("amsgrad", "amsgrad-max-float32", "The buffer of the maximum is allocated in float32.")
class _(AMSGrad):
    def top(self, i, v):
        self.v_max[i] = np.asarray(super().top(i, v)).astype(np.float32).astype(float)
        return self.v_max[i]


@wrong(
    "amsgrad",
    "amsgrad-skip-zero-tensor",
    "A tensor whose gradient is all zero is skipped: its momentum neither decays nor moves it.",
)
class _(AMSGrad):
    def one(self, i, p, g):
        return super().one(i, p, g) if np.any(g) else p


@wrong("amsgrad", "amsgrad-max-starts-at-eps", "The maximum starts at eps, not at 0.")
class _(AMSGrad):
    def init(self, params):
        super().init(params)
        self.v_max = [np.full(np.shape(p), self.eps) for p in params]


@wrong(
    "amsgrad",
    "amsgrad-max-class-wide",
    "v_max lives in a dict on the class, by number and shape of the tensor, so that a new optimizer finds the old one's maxima.",
)
class ClassWide(AMSGrad):
    maxima = {}

    def top(self, i, v):
        key = i, np.shape(v)
        ClassWide.maxima[key] = np.maximum(ClassWide.maxima.get(key, self.v_max[i]), v)
        return ClassWide.maxima[key]


# --------------------------------------------------------------------------------------------------------------- nadam


@wrong("nadam", "nadam-mu-next-is-mu", "This step's momentum coefficient is used where the next step's belongs.")
class _(NAdam):
    def begin(self, params, grads):
        super().begin(params, grads)
        self.mu_next = self.mu_t


@wrong(
    "nadam",
    "nadam-product-without-next",
    "The look-ahead term is divided by 1 - P, without the next coefficient in the product.",
)
class _(NAdam):
    def bar(self, g, m):
        return (1 - self.mu_t) / (1 - self.P) * g + self.mu_next / (1 - self.P) * m


@wrong(
    "nadam",
    "nadam-product-per-tensor",
    "The product of the coefficients is a single number that is multiplied once for every tensor.",
)
class _(NAdam):
    def one(self, i, p, g):
        if i:
            self.P *= self.mu_t
        return super().one(i, p, g)


@wrong("nadam", "nadam-divisors-swapped", "The two divisors 1 - P and 1 - P*mu_next are swapped.")
class _(NAdam):
    def bar(self, g, m):
        return (1 - self.mu_t) / (1 - self.P * self.mu_next) * g + self.mu_next / (1 - self.P) * m


@wrong("nadam", "nadam-decay-hard-coded", "momentum_decay is ignored: 0.004 is written into the schedule.")
class _(NAdam):
    def mu(self, t):
        return self.beta1 * (1 - 0.5 * 0.96 ** (t * 0.004))


@wrong("nadam", "nadam-product-lost", "The product P is not part of the checkpoint and is 1 after resuming.")
class _(NAdam):
    def load(self, state):
        super().load(state)
        self.P = 1.0


@wrong("nadam", "nadam-m-by-schedule", "The running mean m uses the scheduled mu in place of beta1.")
class _(NAdam):
    def mom(self, i, p, g):
        self.m[i] = self.mu_t * self.m[i] + (1 - self.mu_t) * g
        return self.m[i]


@wrong(
    "nadam",
    "nadam-schedule-precedence",
    "momentum_decay multiplies the power in place of the exponent: 0.96**t * momentum_decay.",
)
class _(NAdam):
    def mu(self, t):
        return self.beta1 * (1 - 0.5 * 0.96**t * self.momentum_decay)


@wrong("nadam", "nadam-g-not-damped", "The factor 1 - mu of the gradient is forgotten.")
class _(NAdam):
    def bar(self, g, m):
        return g / (1 - self.P) + self.mu_next / (1 - self.P * self.mu_next) * m


@wrong("nadam", "nadam-schedule-from-zero", "The schedule counts steps from 0: mu belongs to t - 1 and mu_next to t.")
class _(NAdam):
    def begin(self, params, grads):
        self.t += 1
        self.mu_t = self.mu(self.t - 1)
        self.mu_next = self.mu(self.t)
        self.P *= self.mu_t


@wrong(
    "nadam", "nadam-product-as-power", "The product of the coefficients is computed as mu**t, as if they had all been equal."
)
class _(NAdam):
    def begin(self, params, grads):
        super().begin(params, grads)
        self.P = self.mu_t**self.t


@wrong("nadam", "nadam-look-ahead-on-g", "Two mistakes: the coefficients of g and m are swapped, and v is not corrected.")
class _(NAdam):
    def bar(self, g, m):
        return self.mu_next / (1 - self.P * self.mu_next) * g + (1 - self.mu_t) / (1 - self.P) * m

    def den(self, v):
        return np.sqrt(v) + self.eps


# --------------------------------------------------------------------------------------------------------------- radam


@wrong(
    "radam", "radam-threshold-five", "The threshold is hard-coded as 5, as in the libraries; the hyper-parameter is ignored."
)
class _(RAdam):
    def ready(self, rho):
        return rho > 5


@wrong("radam", "radam-r-without-root", "The root of the rectification is forgotten.")
class _(RAdam):
    def rect(self, rho, inf):
        return super().rect(rho, inf) ** 2


@wrong(
    "radam",
    "radam-r-inverted-last",
    "The last quotient of the rectification is upside down: rho_t/rho_inf in place of rho_inf/rho_t.",
)
class _(RAdam):
    def rect(self, rho, inf):
        return math.sqrt((rho - 4) * (rho - 2) * rho / ((inf - 4) * (inf - 2) * inf))


@wrong("radam", "radam-rho-inf-without-one", "rho_inf is 2/(1 - beta2), without the - 1.")
class _(RAdam):
    def rho_inf(self):
        return 2 / (1 - self.beta2)


@wrong(
    "radam",
    "radam-stale-buffer",
    "r is cached in ten slots by t % 10 and the slot's step is not checked, so from the eleventh step on old values are used.",
)
class _(RAdam):
    def init(self, params):
        super().init(params)
        self.buffer = {}

    def rho(self):
        return self.buffer.setdefault(self.t % 10, super().rho())


@wrong("radam", "radam-early-uncorrected", "While v is not trusted the step uses m without bias correction.")
class _(RAdam):
    def early(self, i, m):
        return self.lr * m


@wrong("radam", "radam-v-only-when-ready", "v is only updated in the branch that uses it, so it misses the first gradients.")
class _(RAdam):
    def update(self, i, p, g):
        m = self.mom(i, p, g)
        rho = self.rho()
        if self.ready(rho):
            v = self.sec(i, p, g)
            return self.lr * self.rect(rho, self.rho_inf()) * (m / self.c1()) / self.den(v)
        return self.early(i, m)


@wrong("radam", "radam-rho-of-beta1", "rho_t is computed with the power of beta1 in place of beta2's.")
class _(RAdam):
    def rho(self):
        b = self.beta1**self.t
        return self.rho_inf() - 2 * self.t * b / (1 - b)


@wrong("radam", "radam-rho-lags", "rho_t is computed before the counter is incremented, so the rectification lags by one step.")
class _(RAdam):
    def rho(self):
        if self.t == 1:
            return super().rho()
        self.t -= 1
        try:
            return super().rho()
        finally:
            self.t += 1


@wrong(
    "radam", "radam-early-adam", "While v is not trusted a plain Adam step with r = 1 is made in place of the momentum step."
)
class _(RAdam):
    def update(self, i, p, g):
        m, v = self.mom(i, p, g), self.sec(i, p, g)
        rho = self.rho()
        r = self.rect(rho, self.rho_inf()) if self.ready(rho) else 1.0
        return self.lr * r * (m / self.c1()) / self.den(v)


@wrong(
    "radam",
    "radam-factors-mixed",
    "Index slip: (rho_inf - 2) stands in the numerator of r where (rho_t - 2) belongs; v is not corrected either (two mistakes).",
)
class _(RAdam):
    def rect(self, rho, inf):
        return math.sqrt((rho - 4) * (inf - 2) * inf / ((inf - 4) * (inf - 2) * rho))

    def den(self, v):
        return np.sqrt(v) + self.eps


# -------------------------------------------------------------------------------------------------------------- adamax


@wrong("adamax", "adamax-u-corrected", "u is bias-corrected with 1 - beta2**t, though a maximum needs no correction.")
class _(AdaMax):
    def inf(self, i, p, g):
        return super().inf(i, p, g) / self.c2()


@wrong("adamax", "adamax-no-eps-guarded", "There is no eps; where u is 0 the step is set to 0.")
class _(AdaMax):
    def inf(self, i, p, g):
        self.u[i] = np.maximum(self.beta2 * self.u[i], np.abs(g))
        return np.where(self.u[i] == 0, 1.0, self.u[i])


@wrong("adamax", "adamax-no-abs", "The absolute value is forgotten: max(beta2*u, g + eps).")
class _(AdaMax):
    def inf(self, i, p, g):
        self.u[i] = np.maximum(self.beta2 * self.u[i], g + self.eps)
        return self.u[i]


@wrong("adamax", "adamax-u-never-fades", "u does not fade: max(u, |g| + eps).")
class _(AdaMax):
    def inf(self, i, p, g):
        self.u[i] = np.maximum(self.u[i], np.abs(g) + self.eps)
        return self.u[i]


@wrong("adamax", "adamax-norm-of-tensor", "The infinity norm is taken over the whole tensor.")
class _(AdaMax):
    def inf(self, i, p, g):
        top = np.max(np.abs(g)) if np.size(g) else 0.0
        self.u[i] = np.maximum(self.beta2 * self.u[i], top + self.eps)
        return self.u[i]


@wrong("adamax", "adamax-m-uncorrected", "The correction of m is forgotten.")
class _(AdaMax):
    def c1(self):
        return 1.0


@wrong("adamax", "adamax-mean-of-abs", "u is a running mean of |g| in place of a maximum.")
class _(AdaMax):
    def inf(self, i, p, g):
        self.u[i] = self.beta2 * self.u[i] + (1 - self.beta2) * (np.abs(g) + self.eps)
        return self.u[i]


@wrong("adamax", "adamax-eps-on-old", "eps is added to the faded old u and not to |g|.")
class _(AdaMax):
    def inf(self, i, p, g):
        self.u[i] = np.maximum(self.beta2 * self.u[i] + self.eps, np.abs(g))
        return self.u[i]


@wrong("adamax", "adamax-norm-of-m", "u follows |m| in place of |g|.")
class _(AdaMax):
    def inf(self, i, p, g):
        return super().inf(i, p, self.m[i])


@wrong("adamax", "adamax-root-of-u", "The root of Adam's denominator is kept: m_hat / sqrt(u).")
class _(AdaMax):
    def inf(self, i, p, g):
        return np.sqrt(super().inf(i, p, g))


@wrong("adamax", "adamax-m-and-u-one-buffer", "`m = u = zeros_like(p)`: both states are one buffer, updated in place, m first.")
class _(AdaMax):
    def init(self, params):
        super().init(params)
        self.u = self.m

    def update(self, i, p, g):
        m, u = self.m[i], self.u[i]
        np.add(self.beta1 * m, (1 - self.beta1) * g, out=m)
        np.maximum(self.beta2 * u, np.abs(g) + self.eps, out=u)
        return self.lr / self.c1() * m / u


# ----------------------------------------------------------------------------------------------------------- adabelief


@wrong("adabelief", "adabelief-old-mean", "The deviation is taken from the mean before this gradient.")
class _(AdaBelief):
    def update(self, i, p, g):
        old = self.m[i]
        m = self.mom(i, p, g)
        d = g - old
        self.s[i] = self.beta2 * self.s[i] + (1 - self.beta2) * d * d + self.eps
        return self.lr * (m / self.c1()) / self.den(self.s[i])


@wrong("adabelief", "adabelief-no-inner-eps", "eps is not added to s.")
class _(AdaBelief):
    def sec(self, i, p, g):
        d = g - self.m[i]
        self.s[i] = self.beta2 * self.s[i] + (1 - self.beta2) * d * d
        return self.s[i]


@wrong("adabelief", "adabelief-eps-not-kept", "eps is added to a copy of s each step and not kept in the state.")
class _(AdaBelief):
    def sec(self, i, p, g):
        d = g - self.m[i]
        self.s[i] = self.beta2 * self.s[i] + (1 - self.beta2) * d * d
        return self.s[i] + self.eps


@wrong(
    "adabelief",
    "adabelief-corrected-mean",
    "The deviation is taken from the bias-corrected mean, so it is 0 at the first step.",
)
class _(AdaBelief):
    def sec(self, i, p, g):
        d = g - self.m[i] / self.c1()
        self.s[i] = self.beta2 * self.s[i] + (1 - self.beta2) * d * d + self.eps
        return self.s[i]


@wrong("adabelief", "adabelief-eps-averaged", "eps stands inside the running mean: (1 - beta2)*((g - m)**2 + eps).")
class _(AdaBelief):
    def sec(self, i, p, g):
        d = g - self.m[i]
        self.s[i] = self.beta2 * self.s[i] + (1 - self.beta2) * (d * d + self.eps)
        return self.s[i]


@wrong("adabelief", "adabelief-difference-of-squares", "The deviation is formed as |g**2 - m**2| in place of (g - m)**2.")
class _(AdaBelief):
    def sec(self, i, p, g):
        self.s[i] = self.beta2 * self.s[i] + (1 - self.beta2) * np.abs(g * g - self.m[i] ** 2) + self.eps
        return self.s[i]


@wrong(
    "adabelief",
    "adabelief-mean-overwritten",
    "The deviation is computed in place in the buffer of m after the step, which becomes m - g.",
)
class _(AdaBelief):
    def update(self, i, p, g):
        m = np.array(self.mom(i, p, g))
        buffer = np.array(self.m[i])
        buffer -= g
        self.m[i] = buffer
        self.s[i] = self.beta2 * self.s[i] + (1 - self.beta2) * buffer * buffer + self.eps
        return self.lr * (m / self.c1()) / self.den(self.s[i])


@wrong("adabelief", "adabelief-outer-eps-missing", "eps is added to s only; the root has none beside it.")
class _(AdaBelief):
    def den(self, v):
        return np.sqrt(v / self.c2())
