"""Right implementations of ten rules, and wrong variants of each, written without a look at refopt's tests or mutants."""

import numpy as np

SUBJECTS, RIGHT = [], []


def wrong(name, text):
    def add(cls):
        SUBJECTS.append((cls.rule, name, cls, text))
        return cls

    return add


def right(cls):
    RIGHT.append((cls.rule, cls))
    return cls


class Base:
    rule, arrays, scalars, defaults = "", (), (), {}

    def __init__(self, **hyper):
        self.hyper = {**self.defaults, **hyper}
        for key, value in self.hyper.items():
            setattr(self, key, value)
        for name in self.arrays:
            setattr(self, name, [])

    def start(self, name, p):
        return np.zeros(p.shape)

    def start_scalar(self, name):
        return 0

    def init(self, params):
        params = [np.array(p, dtype=np.float64) for p in params]
        for name in self.arrays:
            setattr(self, name, [np.array(self.start(name, p), dtype=np.float64) for p in params])
        for name in self.scalars:
            setattr(self, name, self.start_scalar(name))

    def load(self, state):
        for name in self.arrays:
            if name in state:
                setattr(self, name, [np.array(x, dtype=np.float64) for x in state[name]])
        for name in self.scalars:
            if name in state:
                value = state[name]
                value = value[0] if isinstance(value, (list, tuple)) else value
                setattr(self, name, value.item() if hasattr(value, "item") else value)

    def set_lr(self, lr):
        self.lr = lr

    def before(self, params, grads):
        pass

    def after(self):
        pass

    def gradients(self, grads):
        return [np.array(g, dtype=np.float64) for g in grads]

    def step(self, params, grads):
        params = [np.array(p, dtype=np.float64) for p in params]
        grads = self.gradients(grads)
        self.before(params, grads)
        out = []
        for i, (p, g) in enumerate(zip(params, grads)):
            out.append(np.array(self.one(i, p, g), dtype=np.float64).reshape(p.shape))
        self.after()
        return out


# ------------------------------------------------------------------------------------------------------------------ sgd


@right
class SGD(Base):
    rule, arrays, scalars = "sgd", ("b",), ("t",)
    defaults = dict(lr=1e-2, momentum=0.0, dampening=0.0, nesterov=False)

    def before(self, params, grads):
        self.t += 1

    def buffer(self, i, g):
        fresh = 1.0 if self.t == 1 else 1 - self.dampening
        self.b[i] = self.momentum * self.b[i] + fresh * g

    def direction(self, i, g):
        return g + self.momentum * self.b[i] if self.nesterov else self.b[i]

    def one(self, i, p, g):
        self.buffer(i, g)
        return p - self.lr * self.direction(i, g)


@wrong("first-damped", "The buffer starts at zero and the dampening is applied to the first gradient too.")
class _(SGD):
    def buffer(self, i, g):
        self.b[i] = self.momentum * self.b[i] + (1 - self.dampening) * g


@wrong("nesterov-old-buffer", "Nesterov's look-ahead uses the buffer from before this step's update.")
class _(SGD):
    def one(self, i, p, g):
        old = self.b[i]
        self.buffer(i, g)
        d = g + self.momentum * old if self.nesterov else self.b[i]
        return p - self.lr * d


@wrong("nesterov-no-mu", "Nesterov's direction is g + b: the momentum factor in front of the buffer is forgotten.")
class _(SGD):
    def direction(self, i, g):
        return g + self.b[i] if self.nesterov else self.b[i]


@wrong(
    "nesterov-damped-g", "The gradient is multiplied by 1 - dampening in place, and Nesterov's direction uses the damped one."
)
class _(SGD):
    def one(self, i, p, g):
        if self.t != 1:
            g *= 1 - self.dampening
        self.b[i] = self.momentum * self.b[i] + g
        return p - self.lr * self.direction(i, g)


@wrong(
    "nesterov-lr-mixed",
    "Port from a velocity that contains lr: the buffer adds lr*g, and with nesterov it is multiplied by lr again beside a bare g.",
)
class _(SGD):
    def one(self, i, p, g):
        fresh = 1.0 if self.t == 1 else 1 - self.dampening
        self.b[i] = self.momentum * self.b[i] + self.lr * fresh * g
        if self.nesterov:
            return p - self.lr * (g + self.momentum * self.b[i])
        return p - self.b[i]


@wrong(
    "lr-change-clears",
    "A change of the learning rate rebuilds the optimizer: the momentum buffer is cleared (the counter is not).",
)
class _(SGD):
    def set_lr(self, lr):
        if lr != self.lr:
            self.b = [np.zeros_like(b) for b in self.b]
        self.lr = lr


@wrong(
    "lr-change-rescales",
    "Momentum correction new_lr/old_lr is applied to the buffer at a change of lr, although the buffer does not contain lr.",
)
class _(SGD):
    def set_lr(self, lr):
        if self.lr:
            self.b = [b * (lr / self.lr) for b in self.b]
        self.lr = lr


@wrong("nesterov-undamped", "With nesterov the dampening is ignored.")
class _(SGD):
    def buffer(self, i, g):
        fresh = 1.0 if self.t == 1 or self.nesterov else 1 - self.dampening
        self.b[i] = self.momentum * self.b[i] + fresh * g


@wrong(
    "first-buffer-aliases",
    "At the first step the buffer is the caller's gradient array itself, not a copy, so that it changes when the caller overwrites it.",
)
class _(SGD):
    def gradients(self, grads):
        return list(grads)

    def buffer(self, i, g):
        if self.t == 1:
            self.b[i] = g
        else:
            self.b[i] = self.momentum * self.b[i] + (1 - self.dampening) * g


@wrong(
    "nesterov-inplace-alias",
    "At the first step buffer and gradient are the same array, and nesterov's in-place g += mu*b changes the buffer as well.",
)
class _(SGD):
    def one(self, i, p, g):
        if self.t == 1:
            self.b[i] = g
        else:
            self.b[i] = self.momentum * self.b[i] + (1 - self.dampening) * g
        if self.nesterov:
            g += self.momentum * self.b[i]
            return p - self.lr * g
        return p - self.lr * self.b[i]


@wrong(
    "buffer-keyed-by-shape",
    "Buffers are kept in a dictionary keyed by shape, so that two parameters of one shape share their momentum.",
)
class _(SGD):
    def one(self, i, p, g):
        first = next(k for k, b in enumerate(self.b) if b.shape == p.shape)
        self.buffer(first, g)
        return p - self.lr * self.direction(first, g)


@wrong(
    "fresh-if-buffer-zero",
    "Whether a tensor's buffer is new is told from its being all zero, so that after zero gradients the next one is again undamped.",
)
class _(SGD):
    def buffer(self, i, g):
        fresh = 1 - self.dampening if np.any(self.b[i]) else 1.0
        self.b[i] = self.momentum * self.b[i] + fresh * g


@wrong(
    "counter-per-tensor",
    "The step counter goes up inside the loop over tensors: only the first tensor sees t = 1, all others are damped at once.",
)
class _(SGD):
    def before(self, params, grads):
        pass

    def one(self, i, p, g):
        self.t += 1
        self.buffer(i, g)
        return p - self.lr * self.direction(i, g)


@wrong(
    "counter-not-restored",
    "Loading a checkpoint restores the buffers but not the counter, so that the first step after it is undamped.",
)
class _(SGD):
    def load(self, state):
        super().load({k: v for k, v in state.items() if k != "t"})


@wrong(
    "first-step-replaces-loaded",
    "The 'first step' flag belongs to the object and not to the state: after loading, the first gradient replaces the restored buffer.",
)
class _(SGD):
    seen = False

    def buffer(self, i, g):
        if self.seen:
            self.b[i] = self.momentum * self.b[i] + (1 - self.dampening) * g
        else:
            self.b[i] = g.copy()

    def after(self):
        self.seen = True


@wrong("buffer-float32", "The buffer is kept in float32.")
class _(SGD):
    def buffer(self, i, g):
        super().buffer(i, g)
        self.b[i] = np.asarray(self.b[i]).astype(np.float32).astype(np.float64)


@wrong(
    "nesterov-twice-ahead", "Nesterov's shortcut (mu^2*b_old + (1+mu)*g) is written with the buffer that is already updated."
)
class _(SGD):
    def direction(self, i, g):
        mu = self.momentum
        return mu**2 * self.b[i] + (1 + mu) * g if self.nesterov else self.b[i]


@wrong("dampening-on-buffer", "1 - dampening multiplies the old buffer instead of the gradient.")
class _(SGD):
    def buffer(self, i, g):
        self.b[i] = self.momentum * (1 - self.dampening) * self.b[i] + g


@wrong(
    "sparse-rows",
    "Rows of matrices whose gradient is all zero are skipped (as for embeddings): neither decay of the buffer nor a step.",
)
class _(SGD):
    def one(self, i, p, g):
        old = np.array(self.b[i])
        self.buffer(i, g)
        new = p - self.lr * self.direction(i, g)
        if p.ndim >= 2 and p.size:
            idle = ~np.any(g != 0, axis=tuple(range(1, p.ndim)))
            self.b[i][idle] = old[idle]
            new[idle] = p[idle]
        return new


@wrong(
    "zero-grad-is-none",
    "A tensor whose gradient is all zero is treated as one without a gradient and skipped, momentum and all.",
)
class _(SGD):
    def one(self, i, p, g):
        if not g.any():
            return p
        return super().one(i, p, g)


@wrong(
    "nesterov-first-plain", "At the first step, where the buffer is created, the look-ahead is left out: the step is plain g."
)
class _(SGD):
    def direction(self, i, g):
        return g + self.momentum * self.b[i] if self.nesterov and self.t > 1 else self.b[i]


@wrong(
    "lr-one-late", "A new learning rate takes effect one step late: the scheduler's value is picked up at the end of a step."
)
class _(SGD):
    coming = None

    def set_lr(self, lr):
        self.coming = lr

    def after(self):
        if self.coming is not None:
            self.lr = self.coming


@wrong(
    "falsy-momentum",
    "`momentum or 0.9`: a momentum of 0 is taken for 'not given'. Besides, nesterov needs a momentum above 0 to count.",
)
class _(SGD):
    def __init__(self, **hyper):
        super().__init__(**hyper)
        self.nesterov = self.nesterov and self.momentum > 0
        self.momentum = self.momentum or 0.9


@wrong(
    "nesterov-off-if-damped", "As nesterov 'requires zero dampening', it is switched off silently where dampening is not zero."
)
class _(SGD):
    def direction(self, i, g):
        return g + self.momentum * self.b[i] if self.nesterov and self.dampening == 0 else self.b[i]


@wrong("global-clip-one", "The whole gradient is scaled down to norm 1 where it is longer, before it enters the buffer.")
class _(SGD):
    def gradients(self, grads):
        grads = super().gradients(grads)
        norm = np.sqrt(sum(float(np.sum(g * g)) for g in grads))
        return [g * min(1.0, 1.0 / (norm + 1e-6)) for g in grads]


# -------------------------------------------------------------------------------------------------------------- rmsprop


@right
class RMSprop(Base):
    rule, arrays = "rmsprop", ("v", "g_mean", "b")
    defaults = dict(lr=1e-3, rho=0.9, eps=1e-8, momentum=0.0, centered=False, initial_accumulator=0.0)

    def start(self, name, p):
        return np.full(p.shape, self.initial_accumulator if name == "v" else 0.0)

    def square(self, i, g):
        self.v[i] = self.rho * self.v[i] + (1 - self.rho) * g**2

    def mean(self, i, g):
        if self.centered:
            self.g_mean[i] = self.rho * self.g_mean[i] + (1 - self.rho) * g

    def variance(self, i):
        return self.v[i] - self.g_mean[i] ** 2 if self.centered else self.v[i]

    def denom(self, variance):
        return np.sqrt(variance) + self.eps

    def move(self, i, p, g, denom):
        self.b[i] = self.momentum * self.b[i] + g / denom
        return p - self.lr * self.b[i]

    def one(self, i, p, g):
        with np.errstate(all="ignore"):
            self.square(i, g)
            self.mean(i, g)
            return self.move(i, p, g, self.denom(self.variance(i)))


@wrong("max-eps", "The denominator is max(sqrt(v), eps) instead of sqrt(v) + eps.")
class _(RMSprop):
    def denom(self, variance):
        return np.maximum(np.sqrt(variance), self.eps)


@wrong("mean-not-squared", "centered: the mean is subtracted from v without being squared (abs taken against negative roots).")
class _(RMSprop):
    def variance(self, i):
        return np.abs(self.v[i] - self.g_mean[i]) if self.centered else self.v[i]


@wrong("mean-by-momentum", "centered: the running mean of gradients decays by momentum instead of rho.")
class _(RMSprop):
    def mean(self, i, g):
        if self.centered:
            self.g_mean[i] = self.momentum * self.g_mean[i] + (1 - self.momentum) * g


@wrong("centred-numerator", "centered: the mean is subtracted from the gradient in the numerator too.")
class _(RMSprop):
    def move(self, i, p, g, denom):
        return super().move(i, p, g - self.g_mean[i] if self.centered else g, denom)


@wrong("mean-one-late", "centered: the variance is taken with the mean from before this step's gradient.")
class _(RMSprop):
    def one(self, i, p, g):
        self.square(i, g)
        variance = self.variance(i)
        self.mean(i, g)
        return self.move(i, p, g, self.denom(variance))


@wrong("bias-correction", "v is corrected by 1 - rho^t as in Adam.")
class _(RMSprop):
    t = 0

    def before(self, params, grads):
        self.t += 1

    def denom(self, variance):
        return np.sqrt(variance / (1 - self.rho**self.t)) + self.eps


@wrong("rho-swapped", "rho and 1 - rho are swapped in the mean of squares (not in the mean of gradients).")
class _(RMSprop):
    def square(self, i, g):
        self.v[i] = (1 - self.rho) * self.v[i] + self.rho * g**2


@wrong("momentum-damped", "The momentum buffer is a running mean: the new quotient enters with 1 - momentum.")
class _(RMSprop):
    def move(self, i, p, g, denom):
        self.b[i] = self.momentum * self.b[i] + (1 - self.momentum) * g / denom
        return p - self.lr * self.b[i]


@wrong("divide-after-momentum", "Momentum adds up raw gradients, and the sum is divided by the present denominator.")
class _(RMSprop):
    def move(self, i, p, g, denom):
        self.b[i] = self.momentum * self.b[i] + g
        return p - self.lr * self.b[i] / denom


@wrong("mean-starts-at-accumulator", "All running means are created by one helper: g_mean too begins at initial_accumulator.")
class _(RMSprop):
    def start(self, name, p):
        return np.full(p.shape, 0.0 if name == "b" else self.initial_accumulator)

    def variance(self, i):
        return np.maximum(super().variance(i), 0.0)


@wrong("layer-mean", "v holds the mean of squares over the whole tensor instead of one per entry.")
class _(RMSprop):
    def square(self, i, g):
        if g.size:
            self.v[i] = self.rho * self.v[i] + (1 - self.rho) * np.mean(g**2)


@wrong("shared-buffers", "g_mean and b are two names of the same list of arrays, updated in place.")
class _(RMSprop):
    def mean(self, i, g):
        if self.centered:
            self.b[i] = self.g_mean[i] = self.rho * self.b[i] + (1 - self.rho) * g

    def move(self, i, p, g, denom):
        new = super().move(i, p, g, denom)
        self.g_mean[i] = self.b[i]
        return new


@wrong("lr-twice-with-momentum", "With momentum the learning rate is both inside the buffer and in front of it.")
class _(RMSprop):
    def move(self, i, p, g, denom):
        if self.momentum > 0:
            self.b[i] = self.momentum * self.b[i] + self.lr * g / denom
            return p - self.lr * self.b[i]
        return p - self.lr * g / denom


@wrong("missing-else", "The branch for momentum lacks its else: the plain step is taken on top of the step with momentum.")
class _(RMSprop):
    def move(self, i, p, g, denom):
        if self.momentum > 0:
            p = super().move(i, p, g, denom)
        return p - self.lr * g / denom


@wrong("sqrt-of-eps", "eps is added as sqrt(eps): sqrt(v) + sqrt(eps), from a wrong expansion of sqrt(v + eps).")
class _(RMSprop):
    def denom(self, variance):
        return np.sqrt(variance) + np.sqrt(self.eps)


@wrong("no-eps-safe-divide", "eps is dropped and replaced by a safe division: 0 where the denominator is 0, else g/sqrt(v).")
class _(RMSprop):
    def move(self, i, p, g, denom):
        root = np.sqrt(self.variance(i))
        quotient = np.where(root > 0, g / np.where(root > 0, root, 1.0), 0.0)
        self.b[i] = self.momentum * self.b[i] + quotient
        return p - self.lr * self.b[i]


@wrong("mean-not-in-checkpoint", "g_mean is missing in the checkpoint and starts at 0 after loading.")
class _(RMSprop):
    def load(self, state):
        super().load(state)
        self.g_mean = [np.zeros_like(v) for v in self.v]


@wrong("square-lazy-start", "v is created lazily as the first squared gradient instead of (1 - rho) times it.")
class _(RMSprop):
    fresh = True

    def load(self, state):
        super().load(state)
        self.fresh = False

    def square(self, i, g):
        if self.fresh:
            self.v[i] = self.initial_accumulator + g**2
        else:
            super().square(i, g)

    def after(self):
        self.fresh = False


# -------------------------------------------------------------------------------------------------------------- adagrad


@right
class Adagrad(Base):
    rule, arrays = "adagrad", ("G",)
    defaults = dict(lr=1e-2, eps=1e-10, initial_accumulator=0.0)

    def start(self, name, p):
        return np.full(p.shape, self.initial_accumulator)

    def collect(self, i, g):
        self.G[i] = self.G[i] + g**2

    def denom(self, i):
        return np.sqrt(self.G[i]) + self.eps

    def one(self, i, p, g):
        with np.errstate(all="ignore"):
            self.collect(i, g)
            return p - self.lr * g / self.denom(i)


@wrong("no-root", "The gradient is divided by the sum of squares without the root.")
class _(Adagrad):
    def denom(self, i):
        return self.G[i] + self.eps


@wrong(
    "collect-after",
    "The step is taken with the sum from before, and this gradient's square is added afterwards (the very first square before, lest it explode).",
)
class _(Adagrad):
    def one(self, i, p, g):
        with np.errstate(all="ignore"):
            new = g**2
            empty = self.G[i] == 0
            held = np.where(empty, new, self.G[i])
            out = p - self.lr * g / (np.sqrt(held) + self.eps)
            self.G[i] = self.G[i] + new
            return out


@wrong("eps-each-step", "eps is added to the sum in every step (G += g*g + eps) instead of to the root.")
class _(Adagrad):
    def collect(self, i, g):
        self.G[i] = self.G[i] + (g**2 + self.eps)

    def denom(self, i):
        return np.sqrt(self.G[i])


@wrong("lazy-start-clobbers", "The sum is created at the first call of step, and so overwrites what was loaded.")
class _(Adagrad):
    ready = False

    def before(self, params, grads):
        if not self.ready:
            self.G = [np.full(p.shape, self.initial_accumulator) for p in params]
            self.ready = True


@wrong("row-wise", "One sum per row of a matrix (mean of squares along the other axes), as in row-wise Adagrad for embeddings.")
class _(Adagrad):
    def collect(self, i, g):
        square = g**2
        if g.ndim >= 2 and g.size:
            square = np.mean(square, axis=tuple(range(1, g.ndim)), keepdims=True)
        self.G[i] = self.G[i] + square


@wrong("frozen-lr", "lr/(sqrt(G)+eps) is built with the learning rate of the constructor: set_lr has no effect.")
class _(Adagrad):
    def set_lr(self, lr):
        self.hyper["lr"] = lr


@wrong(
    "cached-zeros",
    "The starting arrays come from a cache by shape and are updated in place: tensors of one shape share their sum.",
)
class _(Adagrad):
    def init(self, params):
        cache = {}
        self.G = [cache.setdefault(np.shape(p), np.full(np.shape(p), self.initial_accumulator)) for p in params]

    def collect(self, i, g):
        self.G[i] += g**2


@wrong("square-of-sum", "The sum of gradients is squared instead of the squares summed.")
class _(Adagrad):
    def init(self, params):
        super().init(params)
        self.total = [np.zeros(g.shape) for g in self.G]

    def load(self, state):
        super().load(state)
        self.total = [np.zeros(g.shape) for g in self.G]

    def one(self, i, p, g):
        self.total[i] = self.total[i] + g
        held = self.G[i] + self.total[i] ** 2
        with np.errstate(all="ignore"):
            return p - self.lr * g / (np.sqrt(held) + self.eps)


@wrong("tensor-norm", "One sum per tensor: the squared norm of the gradient is added (AdaGrad-Norm).")
class _(Adagrad):
    def collect(self, i, g):
        self.G[i] = self.G[i] + np.sum(g**2)


@wrong("restart-at-new-lr", "A new learning rate restarts the sum at initial_accumulator.")
class _(Adagrad):
    def set_lr(self, lr):
        self.lr = lr
        self.G = [np.full(np.shape(g), self.initial_accumulator) for g in self.G]


@wrong(
    "start-is-root",
    "initial_accumulator is taken for the root: the sum begins at its square; the stored sum is float32 besides.",
)
class _(Adagrad):
    def start(self, name, p):
        return np.full(p.shape, self.initial_accumulator**2)

    def collect(self, i, g):
        self.G[i] = np.asarray(self.G[i] + g**2).astype(np.float32).astype(np.float64)


# ------------------------------------------------------------------------------------------------------------- adadelta


@right
class Adadelta(Base):
    rule, arrays = "adadelta", ("Eg2", "Edx2")
    defaults = dict(lr=1.0, rho=0.95, eps=1e-6)

    def squares(self, i, g):
        self.Eg2[i] = self.rho * self.Eg2[i] + (1 - self.rho) * g**2

    def rms_g(self, i):
        return np.sqrt(self.Eg2[i] + self.eps)

    def rms_dx(self, i):
        return np.sqrt(self.Edx2[i] + self.eps)

    def memory(self, i, g, dx):
        self.Edx2[i] = self.rho * self.Edx2[i] + (1 - self.rho) * dx**2

    def one(self, i, p, g):
        with np.errstate(all="ignore"):
            self.squares(i, g)
            dx = -self.rms_dx(i) / self.rms_g(i) * g
            self.memory(i, g, dx)
            return p + self.lr * dx


@wrong("memory-of-scaled", "The squares of lr*dx are remembered instead of those of dx.")
class _(Adadelta):
    def memory(self, i, g, dx):
        super().memory(i, g, self.lr * dx)


@wrong(
    "memory-decays-first",
    "The mean of squared steps is decayed before its root is taken (in-place order): the numerator uses rho*Edx2.",
)
class _(Adadelta):
    def rms_dx(self, i):
        self.Edx2[i] = self.Edx2[i] * self.rho
        return np.sqrt(self.Edx2[i] + self.eps)

    def memory(self, i, g, dx):
        self.Edx2[i] = self.Edx2[i] + (1 - self.rho) * dx**2


@wrong("eps-outside-below", "eps is outside the root in the denominator (inside in the numerator).")
class _(Adadelta):
    def rms_g(self, i):
        return np.sqrt(self.Eg2[i]) + self.eps


@wrong("memory-adds-up", "The squared steps are added up without the factor 1 - rho.")
class _(Adadelta):
    def memory(self, i, g, dx):
        self.Edx2[i] = self.rho * self.Edx2[i] + dx**2


@wrong("no-roots", "The ratio (Edx2 + eps)/(Eg2 + eps) multiplies the gradient without its root.")
class _(Adadelta):
    def rms_g(self, i):
        return self.Eg2[i] + self.eps

    def rms_dx(self, i):
        return self.Edx2[i] + self.eps


@wrong("memory-of-quotient", "The mean of squared steps collects g/rms_g, the step without its own numerator.")
class _(Adadelta):
    def memory(self, i, g, dx):
        super().memory(i, g, g / self.rms_g(i))


@wrong(
    "checkpoint-order",
    "Checkpoints are read by position in the alphabetical order of the names: Edx2 and Eg2 come back swapped.",
)
class _(Adadelta):
    def load(self, state):
        values = [state[name] for name in sorted(self.arrays)]
        super().load(dict(zip(self.arrays, values)))


@wrong("adam-correction", "The mean of squared gradients is divided by 1 - rho^t.")
class _(Adadelta):
    t = 0

    def before(self, params, grads):
        self.t += 1

    def rms_g(self, i):
        return np.sqrt(self.Eg2[i] / (1 - self.rho**self.t) + self.eps)


@wrong("memory-starts-at-eps", "The mean of squared steps begins at eps, and eps is added again under the root.")
class _(Adadelta):
    def start(self, name, p):
        return np.full(p.shape, self.eps if name == "Edx2" else 0.0)


@wrong("idle-kept", "Where the gradient is zero both means are left as they are instead of decaying.")
class _(Adadelta):
    def one(self, i, p, g):
        old = self.Eg2[i], self.Edx2[i]
        new = super().one(i, p, g)
        self.Eg2[i] = np.where(g == 0, old[0], self.Eg2[i])
        self.Edx2[i] = np.where(g == 0, old[1], self.Edx2[i])
        return new


@wrong(
    "memory-aliases-squares",
    "Both means are updated in place on one array: Edx2 is created as an alias of Eg2 (zeros = ...; a = b = zeros).",
)
class _(Adadelta):
    def init(self, params):
        super().init(params)
        self.Edx2 = self.Eg2

    def one(self, i, p, g):
        with np.errstate(all="ignore"):
            eg2, edx2 = self.Eg2[i], self.Edx2[i]
            eg2 *= self.rho
            eg2 += (1 - self.rho) * g**2
            dx = -np.sqrt(edx2 + self.eps) / np.sqrt(eg2 + self.eps) * g
            edx2 *= self.rho
            edx2 += (1 - self.rho) * dx**2
            return p + self.lr * dx


# ----------------------------------------------------------------------------------------------------------------- lion


@right
class Lion(Base):
    rule, arrays = "lion", ("m",)
    defaults = dict(lr=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.0)

    def mix(self, i, g):
        return self.beta1 * self.m[i] + (1 - self.beta1) * g

    def remember(self, i, g):
        self.m[i] = self.beta2 * self.m[i] + (1 - self.beta2) * g

    def sign(self, c):
        return np.sign(c)

    def move(self, p, s):
        return p - self.lr * (s + self.weight_decay * p)

    def one(self, i, p, g):
        c = self.mix(i, g)
        self.remember(i, g)
        return self.move(p, self.sign(c))


@wrong("betas-swapped", "beta1 and beta2 are swapped.")
class _(Lion):
    def mix(self, i, g):
        return self.beta2 * self.m[i] + (1 - self.beta2) * g

    def remember(self, i, g):
        self.m[i] = self.beta1 * self.m[i] + (1 - self.beta1) * g


@wrong("remember-first", "The momentum is updated first, and the interpolation uses the new one.")
class _(Lion):
    def one(self, i, p, g):
        self.remember(i, g)
        return self.move(p, self.sign(self.mix(i, g)))


@wrong("decay-in-sign", "The weight decay is added to c before the sign is taken.")
class _(Lion):
    def one(self, i, p, g):
        c = self.mix(i, g)
        self.remember(i, g)
        return p - self.lr * self.sign(c + self.weight_decay * p)


@wrong("decay-after-step", "The parameters are shrunk after the sign step instead of before it.")
class _(Lion):
    def move(self, p, s):
        return (p - self.lr * s) * (1 - self.lr * self.weight_decay)


@wrong("sign-of-zero", "where(c >= 0, 1, -1): entries without gradient and momentum move as well.")
class _(Lion):
    def sign(self, c):
        return np.where(c >= 0, 1.0, -1.0)


@wrong(
    "interpolated-in-place",
    "The interpolation is done in place on the momentum, which then decays from c: m = beta2*c + (1 - beta2)*g.",
)
class _(Lion):
    def one(self, i, p, g):
        m = self.m[i]
        m *= self.beta1
        m += (1 - self.beta1) * g
        s = np.sign(m)
        m *= self.beta2
        m += (1 - self.beta2) * g
        return self.move(p, s)


@wrong("soft-sign", "The sign is computed as c/(|c| + 1e-8).")
class _(Lion):
    def sign(self, c):
        return c / (np.abs(c) + 1e-8)


@wrong("decay-matrices-only", "Only tensors with two or more dimensions are decayed; biases and scalars are left out.")
class _(Lion):
    def move(self, p, s):
        decay = self.weight_decay if p.ndim >= 2 else 0.0
        return p - self.lr * (s + decay * p)


@wrong("gradient-undamped", "c lacks the factor of the gradient: beta1*m + g.")
class _(Lion):
    def mix(self, i, g):
        return self.beta1 * self.m[i] + g


@wrong("decay-by-first-lr", "The weight decay is multiplied by the learning rate of the constructor, not by the present one.")
class _(Lion):
    def move(self, p, s):
        return p - self.lr * s - self.hyper["lr"] * self.weight_decay * p


@wrong("momentum-float16", "The momentum is stored in float16: small gradients vanish from it.")
class _(Lion):
    def remember(self, i, g):
        super().remember(i, g)
        with np.errstate(all="ignore"):
            self.m[i] = np.asarray(self.m[i]).astype(np.float16).astype(np.float64)


@wrong(
    "scalar-skipped", "A parameter without dimensions is taken for a missing one (`if not p.shape: continue`) and never moves."
)
class _(Lion):
    def one(self, i, p, g):
        if not p.shape:
            return p
        return super().one(i, p, g)


# ---------------------------------------------------------------------------------------------------------------- rprop


@right
class Rprop(Base):
    rule, arrays = "rprop", ("delta", "g_prev")
    defaults = dict(lr=0.1, eta_plus=1.2, eta_minus=0.5, delta_min=1e-6, delta_max=50.0)

    def start(self, name, p):
        return np.full(p.shape, self.lr if name == "delta" else 0.0)

    def factor(self, s):
        return np.where(s > 0, self.eta_plus, np.where(s < 0, self.eta_minus, 1.0))

    def clip(self, delta, s):
        return np.minimum(np.maximum(delta, self.delta_min), self.delta_max)

    def agree(self, i, g):
        return np.sign(g * self.g_prev[i])

    def one(self, i, p, g):
        s = self.agree(i, g)
        self.delta[i] = self.clip(self.delta[i] * self.factor(s), s)
        kept = np.where(s < 0, 0.0, g)
        self.g_prev[i] = kept
        return p - np.sign(kept) * self.delta[i]


@wrong(
    "turn-still-steps",
    "After a turn the gradient is not put to zero: the shortened step is taken at once and remembered (Rprop-).",
)
class _(Rprop):
    def one(self, i, p, g):
        s = self.agree(i, g)
        self.delta[i] = self.clip(self.delta[i] * self.factor(s), s)
        self.g_prev[i] = g.copy()
        return p - np.sign(g) * self.delta[i]


@wrong("backtracking", "At a turn the last step is taken back (Rprop+) instead of standing still.")
class _(Rprop):
    def init(self, params):
        super().init(params)
        self.last = [np.zeros(d.shape) for d in self.delta]

    def load(self, state):
        super().load(state)
        self.last = [-np.sign(g) * d for g, d in zip(self.g_prev, self.delta)]

    def one(self, i, p, g):
        s = self.agree(i, g)
        self.delta[i] = self.clip(self.delta[i] * self.factor(s), s)
        kept = np.where(s < 0, 0.0, g)
        self.g_prev[i] = kept
        move = np.where(s < 0, -self.last[i], -np.sign(kept) * self.delta[i])
        self.last[i] = move
        return p + move


@wrong("turn-remembered", "The step stands still at a turn, but the turned gradient itself is remembered instead of 0.")
class _(Rprop):
    def one(self, i, p, g):
        s = self.agree(i, g)
        self.delta[i] = self.clip(self.delta[i] * self.factor(s), s)
        self.g_prev[i] = g.copy()
        return p - np.where(s < 0, 0.0, np.sign(g)) * self.delta[i]


@wrong(
    "bounds-by-branch",
    "As in the paper's branches: delta_max bounds only growth and delta_min only shrinkage, so that a first step outside the bounds is not clipped.",
)
class _(Rprop):
    def clip(self, delta, s):
        return np.where(s > 0, np.minimum(delta, self.delta_max), np.where(s < 0, np.maximum(delta, self.delta_min), delta))


@wrong("new-lr-resets-delta", "A new learning rate is written into all step lengths.")
class _(Rprop):
    def set_lr(self, lr):
        self.lr = lr
        self.delta = [np.full(np.shape(d), lr) for d in self.delta]


@wrong("zero-product-grows", "s >= 0 counts as agreement: steps grow at the first gradient and after a turn.")
class _(Rprop):
    def factor(self, s):
        return np.where(s >= 0, self.eta_plus, self.eta_minus)


@wrong("tensor-agreement", "Agreement is told by the inner product of the whole tensors, not entry by entry.")
class _(Rprop):
    def agree(self, i, g):
        return np.full(g.shape, np.sign(np.sum(g * self.g_prev[i])))


@wrong("step-before-adapting", "The step is taken with the old length, and the length is adapted afterwards.")
class _(Rprop):
    def one(self, i, p, g):
        s = self.agree(i, g)
        kept = np.where(s < 0, 0.0, g)
        new = p - np.sign(kept) * self.delta[i]
        self.delta[i] = self.clip(self.delta[i] * self.factor(s), s)
        self.g_prev[i] = kept
        return new


@wrong("lengths-not-restored", "Only the last gradient comes back from a checkpoint; the step lengths start at lr again.")
class _(Rprop):
    def load(self, state):
        super().load(state)
        self.delta = [np.full(g.shape, self.lr) for g in self.g_prev]


# ----------------------------------------------------------------------------------------------------------------- ftrl


@right
class FTRL(Base):
    rule, arrays = "ftrl", ("z", "n")
    defaults = dict(lr=1e-3, beta=1.0, l1=0.0, l2=0.0, initial_accumulator=0.0)

    def start(self, name, p):
        return np.full(p.shape, self.initial_accumulator if name == "n" else 0.0)

    def sigma(self, i, g):
        return np.where(g**2 > 0, (np.sqrt(self.n[i] + g**2) - np.sqrt(self.n[i])) / self.lr, 0.0)

    def collect(self, i, p, g):
        self.z[i] = self.z[i] + g - self.sigma(i, g) * p
        self.n[i] = self.n[i] + g**2

    def pull(self, i):
        z = self.z[i]
        return np.maximum(-self.l1 - z, 0.0) + np.minimum(self.l1 - z, 0.0)

    def curve(self, i):
        return (self.beta + np.sqrt(self.n[i])) / self.lr + self.l2

    def solve(self, i, p, g):
        curve = self.curve(i)
        return self.pull(i) / np.where(curve > 0, curve, 1.0)

    def one(self, i, p, g):
        with np.errstate(all="ignore"):
            self.collect(i, p, g)
            return self.solve(i, p, g)


@wrong("not-proximal", "The term sigma*theta is forgotten: z is the plain sum of gradients (dual averaging).")
class _(FTRL):
    def collect(self, i, p, g):
        self.z[i] = self.z[i] + g
        self.n[i] = self.n[i] + g**2


@wrong("n-first", "n is updated before sigma is computed from n + g^2.")
class _(FTRL):
    def collect(self, i, p, g):
        self.n[i] = self.n[i] + g**2
        self.z[i] = self.z[i] + g - self.sigma(i, g) * p


@wrong("hard-threshold", "Beyond the threshold -z is used without l1 being taken off (hard instead of soft thresholding).")
class _(FTRL):
    def pull(self, i):
        return np.where(np.abs(self.z[i]) > self.l1, -self.z[i], 0.0)


@wrong("l2-over-lr", "l2 stands inside the bracket and is divided by lr: (beta + sqrt(n) + l2)/lr.")
class _(FTRL):
    def curve(self, i):
        return (self.beta + np.sqrt(self.n[i]) + self.l2) / self.lr


@wrong(
    "idle-not-solved", "Parameters whose gradient is zero are skipped and keep their value instead of being solved for again."
)
class _(FTRL):
    def solve(self, i, p, g):
        return np.where(g != 0, super().solve(i, p, g), p)


@wrong("beta-in-sigma-only", "beta is put beside the roots of sigma, where it cancels, and is missing in the curvature.")
class _(FTRL):
    def sigma(self, i, g):
        n = self.n[i]
        return np.where(g**2 > 0, ((self.beta + np.sqrt(n + g**2)) - (self.beta + np.sqrt(n))) / self.lr, 0.0)

    def curve(self, i):
        return np.sqrt(self.n[i]) / self.lr + self.l2


@wrong(
    "curve-unguarded", "The quotient is taken without care for a curvature of 0: 0/0 where beta = 0 and no gradient came yet."
)
class _(FTRL):
    def solve(self, i, p, g):
        return self.pull(i) / self.curve(i)


@wrong("sigma-by-first-lr", "sigma is divided by the learning rate of the constructor, the curvature by the present one.")
class _(FTRL):
    def sigma(self, i, g):
        return np.where(g**2 > 0, (np.sqrt(self.n[i] + g**2) - np.sqrt(self.n[i])) / self.hyper["lr"], 0.0)


@wrong("start-kept", "z begins so that the initial parameters are the solution, instead of at 0.")
class _(FTRL):
    def init(self, params):
        super().init(params)
        for i, p in enumerate(params):
            p = np.array(p, dtype=np.float64)
            curve = self.curve(i)
            self.z[i] = -p * curve - np.sign(p) * self.l1


# --------------------------------------------------------------------------------------------------------------- signum


@right
class Signum(Base):
    rule, arrays = "signum", ("m",)
    defaults = dict(lr=1e-4, momentum=0.9)

    def remember(self, i, g):
        self.m[i] = self.momentum * self.m[i] + (1 - self.momentum) * g

    def move(self, i, g):
        return np.sign(self.m[i])

    def one(self, i, p, g):
        self.remember(i, g)
        return p - self.lr * self.move(i, g)


@wrong("sign-before-mean", "The sign is taken of the gradients before they enter the mean (and again of the mean).")
class _(Signum):
    def remember(self, i, g):
        super().remember(i, np.sign(g))


@wrong("copysign", "The sign is taken from the sign bit (copysign(1, m)): zeros move by lr, and -0.0 the other way.")
class _(Signum):
    def move(self, i, g):
        return np.copysign(1.0, self.m[i])


@wrong("scaled-sign", "The sign is multiplied by the mean of |m| over the tensor, as in compression with error feedback.")
class _(Signum):
    def move(self, i, g):
        m = self.m[i]
        return np.sign(m) * np.mean(np.abs(m)) if np.size(m) else np.sign(m)


@wrong("nesterov-sign", "The sign is taken of (1 - mu)*g + mu*m with the new m: an unasked look-ahead.")
class _(Signum):
    def move(self, i, g):
        return np.sign((1 - self.momentum) * g + self.momentum * self.m[i])


@wrong("no-momentum-no-sign", "The branch for momentum 0 takes the gradient itself instead of its sign.")
class _(Signum):
    def move(self, i, g):
        return np.sign(self.m[i]) if self.momentum else g


@wrong("mean-undamped-sum", "The buffer adds up whole gradients; the sign hides it until a state saved as a mean is loaded.")
class _(Signum):
    def remember(self, i, g):
        self.m[i] = self.momentum * self.m[i] + g


# ----------------------------------------------------------------------------------------------------------------- asgd


@right
class ASGD(Base):
    rule, arrays, scalars = "asgd", ("ax",), ("t", "eta", "mu")
    defaults = dict(lr=0.01, lambd=1e-4, alpha=0.75, t0=1e6)

    def start(self, name, p):
        return p.copy()

    def start_scalar(self, name):
        return {"t": 0, "eta": self.lr, "mu": 1.0}[name]

    def before(self, params, grads):
        self.t += 1

    def walk(self, p, g):
        return p * (1 - self.lambd * self.eta) - self.eta * g

    def one(self, i, p, g):
        p = self.walk(p, g)
        self.ax[i] = self.ax[i] + self.mu * (p - self.ax[i]) if self.mu < 1 else p
        return p

    def rate(self):
        return self.lr / (1 + self.lambd * self.lr * self.t) ** self.alpha

    def after(self):
        self.eta = self.rate()
        self.mu = 1 / max(1, self.t - self.t0)


@wrong(
    "rate-one-early",
    "The rate is computed at the beginning of the step from the raised counter, and so decays one step early (and a new lr counts at once).",
)
class _(ASGD):
    def before(self, params, grads):
        self.t += 1
        self.eta = self.rate()


@wrong("decay-after", "The weight decay multiplies the parameters after the gradient step.")
class _(ASGD):
    def walk(self, p, g):
        return (p - self.eta * g) * (1 - self.lambd * self.eta)


@wrong("decay-by-lr", "The weight decay uses lr instead of the decayed rate eta.")
class _(ASGD):
    def walk(self, p, g):
        return p * (1 - self.lambd * self.lr) - self.eta * g


@wrong("rate-compounds", "The falling rate is computed from the last rate instead of from lr: the decays multiply up.")
class _(ASGD):
    def rate(self):
        return self.eta / (1 + self.lambd * self.lr * self.t) ** self.alpha


@wrong("average-trained-on", "Once the averaging has begun the average itself is written back as the parameters.")
class _(ASGD):
    def one(self, i, p, g):
        new = super().one(i, p, g)
        return self.ax[i] if self.mu < 1 else new


@wrong("new-lr-at-once", "A new learning rate overwrites the decayed rate of the next step.")
class _(ASGD):
    def set_lr(self, lr):
        self.lr = self.eta = lr


@wrong("rate-counts-tensors", "The counter and the rate are advanced after every tensor instead of once a step.")
class _(ASGD):
    def before(self, params, grads):
        pass

    def one(self, i, p, g):
        self.t += 1
        p = super().one(i, p, g)
        self.eta = self.rate()
        self.mu = 1 / max(1, self.t - self.t0)
        return p

    def after(self):
        pass


# ------------------------------------------------------------------------------------------------------------------ qhm


@right
class QHM(Base):
    rule, arrays = "qhm", ("b",)
    defaults = dict(lr=1.0, momentum=0.999, nu=0.7)

    def remember(self, i, g):
        self.b[i] = self.momentum * self.b[i] + (1 - self.momentum) * g

    def mix(self, i, g):
        return (1 - self.nu) * g + self.nu * self.b[i]

    def one(self, i, p, g):
        self.remember(i, g)
        return p - self.lr * self.mix(i, g)


@wrong("buffer-sums", "The buffer is that of SGD, a sum without the factor 1 - momentum.")
class _(QHM):
    def remember(self, i, g):
        self.b[i] = self.momentum * self.b[i] + g


@wrong("nu-on-gradient", "nu weighs the gradient and 1 - nu the buffer.")
class _(QHM):
    def mix(self, i, g):
        return self.nu * g + (1 - self.nu) * self.b[i]


@wrong(
    "lazy-start-by-gradient", "At the first step the buffer is made a copy of the gradient instead of (1 - momentum) times it."
)
class _(QHM):
    fresh = True

    def load(self, state):
        super().load(state)
        self.fresh = False

    def remember(self, i, g):
        if self.fresh:
            self.b[i] = g.copy()
        else:
            super().remember(i, g)

    def after(self):
        self.fresh = False


@wrong("mixture-stored", "The mixture is made in place and remains in the buffer as the next step's mean.")
class _(QHM):
    def mix(self, i, g):
        self.b[i] = super().mix(i, g)
        return self.b[i]


@wrong(
    "column-major-buffer",
    "Buffers are stored flat in column-major order and read back in row-major order: entries of matrices get one another's momentum.",
)
class _(QHM):
    def remember(self, i, g):
        super().remember(i, g)
        self.b[i] = np.ravel(self.b[i], order="F").reshape(g.shape)


@wrong(
    "old-buffer",
    "The step uses the buffer from before this gradient, which enters afterwards; the first step has no buffer and is plain g.",
)
class _(QHM):
    t = 0

    def load(self, state):
        super().load(state)
        self.t = 1

    def one(self, i, p, g):
        d = self.mix(i, g) if self.t else g
        self.remember(i, g)
        return p - self.lr * d

    def after(self):
        self.t += 1
