"""Layer-wise, memory-saving and averaging optimizers, NumPy only: right ones, and ones with one mistake each.

Every class takes `bug`: "" is the right one. SUBJECTS and RIGHT stand at the end.
"""

import numpy as np

f32 = lambda x: np.asarray(x, np.float32).astype(np.float64)


def norm(x):
    return np.sqrt(np.sum(x * x))


def rms(x):
    return np.sqrt(np.sum(x * x) / x.size) if x.size else 0.0


class Bug(str):
    """a name of a mistake, or of two, joined by +"""

    def __eq__(self, other):
        return f"+{other}+" in f"+{str.__str__(self)}+"

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__


class Base:
    def __init__(self, bug="", **hyper):
        self.bug = Bug(bug)
        self.__dict__.update(hyper)
        self.setup()

    def setup(self):
        pass

    def fresh(self, p):
        return dict(m=np.zeros_like(p), v=np.zeros_like(p))

    def init(self, params):
        self.t = 0
        self.n = len(params)
        self.s = [self.fresh(np.asarray(p)) for p in params]

    def set_lr(self, lr):
        self.lr = lr

    def load(self, state):
        for name, value in state.items():
            if name == "inner_state":
                continue
            if isinstance(value, (list, tuple)):
                for s, x in zip(self.s, value):
                    s[name] = tuple(np.array(y) for y in x) if isinstance(x, tuple) else np.array(x)
            elif name == "t":
                self.t = int(value)
            else:
                setattr(self, name, value)

    def prepare(self, params, grads):
        return grads

    def step(self, params, grads):
        with np.errstate(all="ignore"):
            grads = self.prepare(params, grads)
            self.t += 1
            return [np.asarray(self.one(i, p, g, self.s[i])) for i, (p, g) in enumerate(zip(params, grads))]


class Lamb(Base):
    def init(self, params):
        super().init(params)
        self.pow1 = self.pow2 = 1.0
        if self.bug == "startat1":
            self.t = 1

    def fresh(self, p):
        return dict(m=np.zeros_like(p), v=np.zeros_like(p))

    def prepare(self, params, grads):
        self.pow1 *= self.beta1
        self.pow2 *= self.beta2
        if self.bug == "clip_global":
            total = np.sqrt(sum(np.sum(g * g) for g in grads))
            if total > 1.0:
                grads = [g / total for g in grads]
        return grads

    def direction(self, i, p, g, s):
        bug = self.bug
        t = self.t
        if bug == "t_per_tensor" and i > 0:
            self.t += 1
            t = self.t
        if bug == "power_ckpt":
            c1, c2 = 1 - self.pow1, 1 - self.pow2
        else:
            c1, c2 = 1 - self.beta1**t, 1 - self.beta2**t
        if bug == "l2":
            g = g + self.weight_decay * p
        m = self.beta1 * s["m"] + (1 - self.beta1) * g
        v = self.beta2 * s["v"] + (1 - self.beta2) * g * g
        if bug == "f32_state":
            m, v = f32(m), f32(v)
        s["m"], s["v"] = m, v
        if bug == "eps_in_root":
            denom = np.sqrt(v / c2 + self.eps)
        elif bug == "eps_order":
            denom = (np.sqrt(v) + self.eps) / np.sqrt(c2)
        else:
            denom = np.sqrt(v / c2) + self.eps
        if bug == "inplace_mhat":
            mhat = m / c1
            s["m"] = mhat  # m.div_(c1)
        else:
            mhat = m / c1
        r = mhat / denom
        return r, (r if bug == "l2" else r + self.weight_decay * p)

    def step(self, params, grads):
        if self.bug != "net_norm":
            return super().step(params, grads)
        with np.errstate(all="ignore"):
            grads = self.prepare(params, grads)
            self.t += 1
            us = [self.direction(i, p, g, self.s[i])[1] for i, (p, g) in enumerate(zip(params, grads))]
            size = np.sqrt(sum(np.sum(p * p) for p in params))
            length = np.sqrt(sum(np.sum(u * u) for u in us))
            ratio = size / length if size > 0 and length > 0 else 1.0
            return [np.asarray(p - self.lr * ratio * u) for p, u in zip(params, us)]

    def one(self, i, p, g, s):
        bug = self.bug
        r, u = self.direction(i, p, g, s)
        if bug == "row_norm" and p.ndim > 1:
            size = np.sqrt(np.sum(p * p, axis=-1, keepdims=True))
            length = np.sqrt(np.sum(u * u, axis=-1, keepdims=True))
            ratio = np.where((size > 0) & (length > 0), size / np.where(length > 0, length, 1), 1.0)
            return p - self.lr * ratio * u
        size = norm(p)
        length = norm(u)
        if bug == "length_without_decay":
            length = norm(r)
        if bug == "zero_is_stuck":
            ratio = size / length if length > 0 else 1.0
        elif bug == "lr_in_length":
            u = self.lr * u
            length = norm(u)
            ratio = size / length if size > 0 and length > 0 else 1.0
            return p - ratio * u
        else:
            ratio = size / length if size > 0 and length > 0 else 1.0
        if bug == "deepspeed_clamp" and size > 0 and length > 0:
            ratio = min(max(ratio, 0.01), 10.0)
        if bug == "exclude_vectors" and p.ndim <= 1:
            ratio = 1.0
        return p - self.lr * ratio * u


class Lars(Base):
    def fresh(self, p):
        return dict(b=np.zeros_like(p))

    def set_lr(self, lr):
        if self.bug == "momentum_correction":
            for s in self.s:
                s["b"] = s["b"] * (lr / self.lr) if self.lr else s["b"]
        self.lr = lr

    def one(self, i, p, g, s):
        bug, lam = self.bug, self.weight_decay
        if bug == "per_filter" and p.ndim > 1:
            axes = tuple(range(1, p.ndim))
            size = np.sqrt(np.sum(p * p, axis=axes, keepdims=True))
            gn = np.sqrt(np.sum(g * g, axis=axes, keepdims=True))
        else:
            size, gn = norm(p), norm(g)
        if bug == "ratio_of_momentum":
            gn = norm(self.momentum * s["b"] + g)
        if bug == "size_squared":
            size = size * size
        if bug == "decayed_twice":
            gn = norm(g + lam * p)
        divisor = gn + lam * size + self.eps
        if bug == "no_decay_in_divisor":
            divisor = gn + self.eps
        if bug == "eps_max":
            divisor = np.maximum(divisor - self.eps, self.eps)
        good = (size > 0) & (divisor > 0)
        if bug == "zero_is_stuck":
            good = divisor > 0
        if bug == "zero_gradient_guard":
            good = (size > 0) & (gn > 0)
        ratio = np.where(good, self.trust_coefficient * size / np.where(divisor > 0, divisor, 1.0), 1.0)
        if bug == "larc_clip":
            ratio = np.minimum(ratio / self.lr, 1.0) if self.lr else ratio
        d = g if bug == "no_decay_in_gradient" else g + lam * p
        if bug == "outer_decay":
            s["b"] = self.momentum * s["b"] + self.lr * ratio * g
            return p - s["b"] - self.lr * lam * p
        s["b"] = self.momentum * s["b"] + self.lr * ratio * d
        if bug == "nesterov":
            return p - (self.momentum * s["b"] + self.lr * ratio * d)
        return p - s["b"]


class Adafactor(Base):
    def shape2(self, x):
        if x.ndim < 2:
            return x.reshape(-1, 1)
        if self.bug == "conv_flattened" and x.ndim > 2:
            return x.reshape(x.shape[0], -1)
        return x

    def fresh(self, p):
        z = self.shape2(np.zeros_like(p))
        s = dict(R=z.sum(-1, keepdims=True), C=z.sum(-2, keepdims=True), size=None)
        if self.bug == "conv_unfactored" and p.ndim > 2:
            s["V"] = np.zeros_like(p)
        return s

    def step(self, params, grads):
        with np.errstate(all="ignore"):
            self.t += 1
            Us = [self.direction(p, g, s) for p, g, s in zip(params, grads, self.s)]
            count = sum(u.size for u in Us)
            whole = np.sqrt(sum(np.sum(u * u) for u in Us) / count) if count else 0.0
            return [self.apply(p, U, s, whole) for p, U, s in zip(params, Us, self.s)]

    def direction(self, p, g, s):
        bug, t = self.bug, self.t
        eps1 = self.eps2 if bug == "eps_swapped" else self.eps1
        if bug == "t_plus_one":
            beta2 = 1 - (t + 1.0) ** -self.decay_rate
        elif bug == "constant_beta2":
            beta2 = self.decay_rate
        elif bug == "beta2_float32":
            beta2 = float(np.float32(1) - np.float32(t) ** np.float32(-self.decay_rate))
        else:
            beta2 = 1 - float(t) ** -self.decay_rate
        S = g * g + (0.0 if bug == "eps_after" or (bug == "vector_without_eps" and p.ndim < 2) else eps1)
        if "V" in s:
            s["V"] = beta2 * s["V"] + (1 - beta2) * S
            return g / np.sqrt(s["V"])
        S = self.shape2(np.asarray(S))
        if bug == "means_with_sum":
            row, col = S.mean(-1, keepdims=True), (S.mean(-2, keepdims=True) if S.size else S.sum(-2, keepdims=True))
            if p.ndim < 2:
                row, col = S, S.sum(-2, keepdims=True)
        else:
            row, col = S.sum(-1, keepdims=True), S.sum(-2, keepdims=True)
        s["R"] = beta2 * s["R"] + (1 - beta2) * row
        s["C"] = beta2 * s["C"] + (1 - beta2) * col
        R, C = s["R"], s["C"]
        if bug == "root_forgotten" and p.ndim > 1:
            U = (1 / np.sqrt(R)) * R.sum(-2, keepdims=True) * (1 / np.sqrt(C))
            return g * U.reshape(p.shape)
        if bug == "wrong_axis":
            total = R.sum(-1, keepdims=True) if p.ndim > 1 else R.sum(-2, keepdims=True)
        elif bug == "total_over_all":
            total = R.sum()
        else:
            total = R.sum(-2, keepdims=True)
        V = ((R / total) * C).reshape(p.shape)
        if bug == "eps_after":
            V = V + self.eps1
        return g / np.sqrt(V)

    def apply(self, p, U, s, whole):
        bug, t = self.bug, self.t
        eps2 = self.eps1 if bug == "eps_swapped" else self.eps2
        size = max(eps2, norm(p) if bug == "size_is_norm" else rms(p))
        if bug == "size_cached":
            if s["size"] is None:
                s["size"] = size
            size = s["size"]
        if bug == "largest_rate":
            alpha = size * max(self.lr, 1 / np.sqrt(t))
        elif bug == "cap_on_scaled":
            alpha = min(self.lr * size, 1 / np.sqrt(t))
        elif bug == "no_schedule":
            alpha = size * self.lr
        else:
            alpha = size * min(self.lr, 1 / np.sqrt(t))
        if bug == "d_ignored":
            U = U / max(1.0, rms(U))
        elif bug == "norm_clip":
            U = U / max(1.0, norm(U) / self.d)
        elif bug == "clip_after_alpha":
            step = alpha * U
            return np.asarray(p - step / max(1.0, rms(step) / self.d))
        elif bug == "clip_whole_network":
            U = U / max(1.0, whole / self.d)
        else:
            U = U / np.maximum(1.0, rms(U) / self.d)
        return np.asarray(p - alpha * U)


class SM3(Base):
    def view(self, x):
        if self.bug == "as_matrix" and x.ndim > 2:
            return x.reshape(x.shape[0], -1)
        return x

    def slices(self, x):
        out = []
        for a in range(x.ndim):
            rest = tuple(k for k in range(x.ndim) if k != a)
            if self.bug == "sum_not_max":
                out.append(x.sum(axis=rest, keepdims=True))
            else:
                out.append(x.max(axis=rest, keepdims=True, initial=0.0) if rest else np.array(x))
        return tuple(out) if out else (np.array(x),)

    def fresh(self, p):
        return dict(A=self.slices(self.view(np.zeros_like(p))), m=np.zeros_like(p))

    def one(self, i, p, g, s):
        bug = self.bug
        A = s["A"]
        if not A:
            A = (np.zeros(()),)
        low = A[0]
        for a in A[1:]:
            low = np.maximum(low, a) if bug == "max_of_axes" else np.minimum(low, a)
        gv = self.view(np.asarray(g))
        nu = low + gv * gv
        if bug == "sm3_one":
            s["A"] = tuple(a + b for a, b in zip(A, self.slices(gv * gv)))
            nu = s["A"][0]
            for a in s["A"][1:]:
                nu = np.minimum(nu, a)
        else:
            s["A"] = self.slices(np.asarray(nu))
        nu = np.broadcast_to(nu, gv.shape).reshape(p.shape)
        if bug == "no_zero_guard":
            denom = np.sqrt(nu + self.eps)
        elif bug == "eps_beside_root":
            denom = np.where(nu > 0, np.sqrt(nu) + self.eps, 1.0)
        else:
            denom = np.sqrt(np.where(nu > 0, nu + self.eps, 1.0))
        if bug == "momentum_before":
            s["m"] = self.momentum * s["m"] + (1 - self.momentum) * g
            return p - self.lr * s["m"] / denom
        u = g / denom
        s["m"] = self.momentum * s["m"] + (u if bug == "momentum_undamped" else (1 - self.momentum) * u)
        return p - self.lr * s["m"]


class NovoGrad(Base):
    def fresh(self, p):
        return dict(m=np.zeros_like(p), v=np.zeros_like(p) if self.bug == "by_element" else np.zeros(()))

    def prepare(self, params, grads):
        self.whole = sum(np.sum(g * g) for g in grads)
        return grads

    def one(self, i, p, g, s):
        bug, lam = self.bug, self.weight_decay
        square = np.sum(g * g)
        if bug == "by_element":
            square = g * g
        if bug == "mean_square":
            square = square / max(1, g.size)
        if bug == "whole_network":
            square = self.whole
        if bug == "norms_averaged":
            square = np.sqrt(square)
        first = self.t == 1
        if bug == "first_by_value":
            first = s["v"] == 0
        if bug == "no_first_case":
            first = False
        old = s["v"]
        s["v"] = square if first else self.beta2 * s["v"] + (1 - self.beta2) * square
        if bug == "v_float32":
            s["v"] = f32(s["v"])
        v = old if bug == "v_of_last_step" and self.t > 1 else s["v"]
        denom = (v if bug == "norms_averaged" else np.sqrt(v)) + self.eps
        if bug == "decay_divided":
            q = (g + lam * p) / denom
        elif bug == "decay_outside":
            q = g / denom
        else:
            q = g / denom + lam * p
        if bug == "grad_averaging":
            q = (1 - self.beta1) * q
        s["m"] = self.beta1 * s["m"] + q
        if bug == "decay_outside":
            return p - self.lr * (s["m"] + lam * p)
        return p - self.lr * s["m"]


class Yogi(Base):
    def fresh(self, p):
        a, b = self.initial_momentum, self.initial_accumulator
        if self.bug == "initials_swapped":
            a, b = b, a
        return dict(m=np.zeros_like(p) + a, v=np.zeros_like(p) + b)

    def one(self, i, p, g, s):
        bug, b2 = self.bug, self.beta2
        g2 = g * g
        s["m"] = self.beta1 * s["m"] + (1 - self.beta1) * g
        v = s["v"]
        if bug == "squares_m":
            g2 = s["m"] * s["m"]
        if bug == "tanh":
            v = v - (1 - b2) * np.tanh(v - g2) * g2
        elif bug == "sign_of_zero":
            v = v + (1 - b2) * np.where(v > g2, -1.0, 1.0) * g2
        elif bug == "adams_v":
            v = v - (1 - b2) * (v - g2)
        elif bug == "sign_unsquared":
            v = v - (1 - b2) * np.sign(v - g) * g2
        elif bug == "sign_flipped":
            v = np.abs(v - (1 - b2) * np.sign(g2 - v) * g2)
        elif bug == "first_is_square" and self.t == 1:
            v = g2
        elif bug == "steps_by_v":
            v = v - (1 - b2) * np.sign(v - g2) * v
        else:
            v = v - (1 - b2) * np.sign(v - g2) * g2
        if bug == "only_where_gradient":
            v = np.where(g != 0, v, s["v"])
        s["v"] = v
        if bug == "v_corrected_only":
            v = v / (1 - b2**self.t)
        denom = np.sqrt(v + self.eps) if bug == "eps_in_root" else np.sqrt(v) + self.eps
        if bug == "only_where_gradient":
            return np.where(g != 0, p - self.lr * s["m"] / denom, p)
        return p - self.lr * s["m"] / denom


class AdaBound(Base):
    def init(self, params):
        super().init(params)
        self.base_lr = self.lr
        if self.bug == "state_by_shape":
            by_shape = {}
            self.s = [by_shape.setdefault(np.shape(p), s) for p, s in zip(params, self.s)]

    def fresh(self, p):
        return dict(m=np.zeros_like(p), v=np.zeros_like(p), vmax=np.zeros_like(p))

    def one(self, i, p, g, s):
        bug, t, lr = self.bug, self.t, self.lr
        if not np.all(self.base_lr > 0):
            self.base_lr = lr
        final = self.final_lr * lr / self.base_lr
        if bug == "bounds_ignore_schedule":
            final = self.final_lr
        if bug == "final_is_share":
            final = self.final_lr * lr
        gamma = 1 - self.beta2 if bug == "gamma_from_beta2" else self.gamma
        k = t - 1 if bug == "bounds_late" else t
        lower = final * (1 - 1 / (gamma * k + 1))
        upper = final * (1 + np.divide(1.0, gamma * k))
        if bug == "lower_without_one":
            lower = final * (1 - 1 / (gamma * k))
        s["m"] = self.beta1 * s["m"] + (1 - self.beta1) * g
        s["v"] = self.beta2 * s["v"] + (1 - self.beta2) * g * g
        v = s["v"]
        if bug == "amsbound":
            s["vmax"] = np.maximum(s["vmax"], v)
            v = s["vmax"]
        denom = np.sqrt(v) + self.eps
        if bug == "clips_step":
            return p - np.clip(lr * s["m"] / denom, lower, upper) / np.sqrt(t)
        if bug == "clips_size_of_step":
            raw = lr * s["m"] / denom
            return p - np.sign(raw) * np.clip(np.abs(raw), lower, upper) / np.sqrt(t)
        if bug == "falls_before":
            return p - np.clip(lr / np.sqrt(t) / denom, lower, upper) * s["m"]
        if bug == "upper_only":
            return p - np.minimum(lr / denom, upper) * s["m"] / np.sqrt(t)
        return p - np.clip(lr / denom, lower, upper) * s["m"] / np.sqrt(t)


class Adan(Base):
    def step(self, params, grads):
        out = super().step(params, grads)
        if self.bug == "lr_late":
            self.lr = getattr(self, "next_lr", self.lr)
        return out

    def set_lr(self, lr):
        if self.bug == "lr_late":
            self.next_lr = lr
        else:
            self.lr = lr

    def fresh(self, p):
        return {k: np.zeros_like(p) for k in ("m", "v", "n", "g_prev")}

    def load(self, state):
        super().load(state)
        if self.bug == "previous_not_saved":
            for s in self.s:
                s["g_prev"] = None

    def one(self, i, p, g, s):
        bug, t = self.bug, self.t
        b1, b2, b3 = self.beta1, self.beta2, self.beta3
        if bug == "first_difference":
            diff = g - s["g_prev"]
        elif s["g_prev"] is None or t == 1:
            diff = np.zeros_like(g)
        else:
            diff = g - s["g_prev"]
        if bug == "difference_backwards":
            diff = -diff
        if bug == "decays_swapped":
            dv, dn = b3, b2
        else:
            dv, dn = b2, b3
        s["m"] = b1 * s["m"] + (1 - b1) * g
        s["v"] = dv * s["v"] + (1 - dv) * diff
        if bug == "n_unweighted":
            inner = (g + diff) ** 2
        elif bug == "n_in_two":
            inner = g * g + (b2 * diff) ** 2
        else:
            inner = (g + b2 * diff) ** 2
        s["n"] = dn * s["n"] + (1 - dn) * inner
        c1, c2, c3 = 1 - b1**t, 1 - dv**t, 1 - dn**t
        if bug == "difference_uncorrected":
            c2 = 1.0
        root = np.sqrt(s["n"] / c3 + self.eps_root)
        if bug == "root_uncorrected_first":
            root = np.sqrt(s["n"] + self.eps_root) / np.sqrt(c3)
        denom = root + self.eps
        w = b1 if bug == "weight_beta1" else b2
        if bug == "decay_without_lr":
            return (p - self.lr * (s["m"] / c1 + w * s["v"] / c2) / denom) / (1 + self.weight_decay)
        u = self.lr * (s["m"] / c1 + w * s["v"] / c2) / denom
        s["g_prev"] = g if bug == "keeps_reference" else np.array(g)
        shrink = 1 + self.lr * self.weight_decay
        if bug == "shrinks_theta_only":
            return p / shrink - u
        return (p - u) / shrink


class Adopt(Base):
    def set_lr(self, lr):
        super().set_lr(lr)
        if self.bug == "restarts_with_lr":
            self.t = 0
            for s in self.s:
                s["m"], s["v"] = 0 * s["m"], 0 * s["v"]

    def one(self, i, p, g, s):
        bug, t = self.bug, self.t
        if t == 1:
            s["v"] = (1 - self.beta2) * g * g if bug == "first_v_damped" else g * g
            if bug != "steps_at_once":
                return np.array(p)
        v = s["v"]
        if bug == "v_first" and t > 1:
            v = s["v"] = self.beta2 * v + (1 - self.beta2) * g * g
        if bug == "eps_added":
            ratio = g / (np.sqrt(v) + self.eps)
        elif bug == "eps_least_v":
            ratio = g / np.sqrt(np.maximum(v, self.eps))
        else:
            ratio = g / np.maximum(np.sqrt(v), self.eps)
        c = (t - 1) ** 0.25
        if bug == "integer_power":
            c = (t - 1) ** (1 // 4)
        if bug == "steps_at_once":
            c = t**0.25
        if bug in ("unclipped", "clips_momentum"):
            nrm = ratio
        elif bug == "clips_by_norm":
            nrm = ratio * min(1.0, c / max(norm(ratio), 1e-300))
        else:
            nrm = np.minimum(np.maximum(ratio, -c), c)
        s["m"] = self.beta1 * s["m"] + (1 - self.beta1) * nrm
        if bug == "clips_momentum":
            s["m"] = np.clip(s["m"], -c, c)
        if bug != "v_first" and t > 1:
            s["v"] = self.beta2 * v + (1 - self.beta2) * g * g
        return p - self.lr * s["m"]


class AdamP(Base):
    def project(self, p, g, d):
        """the step without its part along p, where p looks scale-invariant"""
        bug = self.bug
        if p.ndim < 2:
            return d, False
        channel = lambda x: x.reshape(x.shape[0], -1) if x.size else x.reshape(max(1, x.shape[0]), 0)
        if bug == "channels_last":
            channel = lambda x: x.reshape(-1, x.shape[-1])
        layer = lambda x: x.reshape(1, -1)
        views = [layer] if bug == "layer_only" else [channel] if bug == "channel_only" else [channel, layer]
        for view in views:
            pv, gv, dv = view(p), view(g), view(d)
            rows = lambda x: np.sqrt(np.sum(x * x, axis=1))
            dot = np.sum(pv * gv, axis=1)
            cos = dot / (np.maximum(rows(pv), self.eps) * np.maximum(rows(gv), self.eps))
            if bug != "no_abs":
                cos = np.abs(cos)
            dim = pv.shape[0] if bug == "dim_of_rows" else pv.shape[1]
            if not dim:
                return d, False
            unit = pv / (rows(pv) + self.eps)[:, None]
            out = dv - unit * np.sum(unit * dv, axis=1, keepdims=True)
            if bug == "row_by_row" and view is channel:
                low = cos < self.delta / np.sqrt(dim)
                if low.any():
                    return np.where(low[:, None], out, dv).reshape(p.shape), True
                continue
            if cos.max() < self.delta / np.sqrt(dim):
                return out.reshape(p.shape), True
        return d, False

    def one(self, i, p, g, s):
        bug, t = self.bug, self.t
        s["m"] = self.beta1 * s["m"] + (1 - self.beta1) * g
        s["v"] = self.beta2 * s["v"] + (1 - self.beta2) * g * g
        m = self.beta1 * s["m"] + (1 - self.beta1) * g if self.nesterov else s["m"]
        c1, c2 = 1 - self.beta1**t, 1 - self.beta2**t
        d = m / c1 / (np.sqrt(s["v"] / c2) + self.eps)
        q, invariant = self.project(np.asarray(p), np.asarray(s["m"] if bug == "cosine_of_momentum" else g), np.asarray(d))
        if bug == "wd_ratio_always":
            invariant = p.ndim > 1
        ratio = self.wd_ratio if invariant else 1.0
        return p - self.lr * (q + self.weight_decay * ratio * p)


class Lookahead(Base):
    def setup(self):
        self.__dict__.setdefault("lr", 0.01)
        self.inner_lr = self.lr

    def set_lr(self, lr):
        self.lr = lr
        if self.bug != "lr_not_forwarded":
            self.inner_lr = lr

    def init(self, params):
        self.t = 0
        self.s = [dict(slow=p if self.bug == "slow_is_reference" else np.array(p)) for p in params]
        if self.bug == "slow_from_zero":
            for s in self.s:
                s["slow"] = np.zeros_like(s["slow"])

    def one(self, i, p, g, s):
        bug = self.bug
        if bug == "counter_per_tensor" and i > 0:
            self.t += 1
        fast = p - self.inner_lr * g
        if bug == "slow_after_first" and self.t == 1:
            s["slow"] = np.array(fast)
        due = self.t % self.k == 0
        if bug == "tests_before_counting":
            due = (self.t - 1) % self.k == 0
        if bug == "never_counts_anew":
            due = self.t >= self.k
        if not due:
            return fast
        if bug == "shares_swapped":
            slow = fast + self.alpha * (s["slow"] - fast)
        else:
            slow = s["slow"] + self.alpha * (fast - s["slow"])
        if bug != "slow_not_kept":
            s["slow"] = np.array(slow)
        if bug == "fast_goes_on":
            return fast
        if bug == "slow_takes_fast":
            s["slow"] = np.array(fast)
        return slow


class Ema(Base):
    def setup(self):
        self.__dict__.setdefault("lr", 0.01)

    def fresh(self, p):
        return dict(average=np.zeros_like(p) if self.bug == "debiased_in_place" else np.array(p))

    def one(self, i, p, g, s):
        bug, d, a = self.bug, self.decay, s["average"]
        new = p - self.lr * g
        x = p if bug == "average_before_step" else new
        if bug == "warmed_up":
            d = min(d, (1 + self.t) / (10 + self.t))
        if bug == "decay_swapped":
            d = 1 - d
        weight = 1.0 if self.t == 1 else 1 - d
        if bug == "warmed_up":
            weight = 1 - d
        if bug == "vectors_copied" and p.ndim < 2:
            weight = 1.0
        if bug == "debiased_in_place":
            s["average"] = (d * a + (1 - d) * x) / (1 - d**self.t)
        else:
            s["average"] = a + weight * (x - a)
        return new

    def results(self):
        return {"average": [np.array(s["average"]) for s in self.s]}


class Accumulation(Base):
    def setup(self):
        self.__dict__.setdefault("lr", 0.01)

    def fresh(self, p):
        return dict(summed=np.zeros_like(p), first=True)

    def one(self, i, p, g, s):
        bug, k = self.bug, self.k
        due = self.t % k == 0
        if bug == "running_half":
            s["summed"] = g / k if k == 1 else (np.array(g) if s["first"] else (s["summed"] + g) / 2)
            s["first"] = due
            return p - self.lr * s["summed"] if due else np.array(p)
        if bug == "first_is_reference":
            if s["first"]:
                s["summed"] = g
                s["first"] = False
            else:
                s["summed"] += g
            if due:
                s["first"] = True
                return p - self.lr * s["summed"] / k
            return np.array(p)
        if bug == "last_left_out":
            if due:
                out = p - self.lr * s["summed"] / k
                s["summed"] = np.zeros_like(p)
                return out
            s["summed"] = s["summed"] + g
            return np.array(p)
        if bug == "due_too_early":
            due = (self.t - 1) % k == 0
        s["summed"] = s["summed"] + g
        if bug == "float32_sum":
            s["summed"] = f32(s["summed"])
        if self.t % k == 1 % k:
            self.lr_then = self.lr
        lr = getattr(self, "lr_then", self.lr) if bug == "lr_of_first_call" else self.lr
        if not due:
            return np.array(p)
        out = p - lr * s["summed"] / k
        if bug != "sum_not_reset":
            s["summed"] = np.zeros_like(p)
        return out


CLASSES = dict(
    lamb=Lamb,
    lars=Lars,
    adafactor=Adafactor,
    sm3=SM3,
    novograd=NovoGrad,
    yogi=Yogi,
    adabound=AdaBound,
    adan=Adan,
    adopt=Adopt,
    lookahead=Lookahead,
    ema=Ema,
    accumulation=Accumulation,
    adamp=AdamP,
)

MISTAKES = dict(
    lamb=dict(
        net_norm="one trust ratio for the whole network, from the norms of all tensors together (flat buffer)",
        eps_in_root="eps is added inside the square root",
        eps_order="(sqrt(v) + eps) / sqrt(c2): eps is added before the bias correction of v",
        deepspeed_clamp="the trust ratio is clamped to [0.01, 10], as DeepSpeed does",
        length_without_decay="the length in the trust ratio is that of the Adam step, before weight decay is added",
        zero_is_stuck="no guard for a zero tensor: its ratio is 0 and it never moves",
        row_norm="norms over the last axis only, so one ratio for every row",
        l2="weight decay is added to the gradient, before the moments, instead of to the Adam step",
        t_per_tensor="one shared counter that is incremented for every tensor, so that bias corrections run ahead",
        lr_in_length="the trust ratio is taken of the step already multiplied by lr, so that lr cancels (wrong order of the chain)",
        clip_global="gradients are first clipped to a global norm of 1 (apex's max_grad_norm)",
        exclude_vectors="tensors of less than two axes get no trust ratio",
        startat1="the counter starts at 1 and is incremented before use: the bias correction is one step ahead",
        inplace_mhat="the bias correction of m is done in place, so that it stays in the state",
        power_ckpt="running products of beta are not restored from a checkpoint, they start again at 1",
        f32_state="m and v are kept in float32",
    ),
    lars=dict(
        no_decay_in_divisor="the divisor of the ratio lacks weight_decay times the norm of the parameters",
        no_decay_in_gradient="weight decay is in the divisor of the ratio, but is not added to the gradient",
        ratio_of_momentum="the ratio is taken with the norm of momentum times buffer plus gradient instead of the gradient",
        size_squared="the square root of the parameters' norm is forgotten",
        larc_clip="the ratio is clipped as in LARC: min(ratio / lr, 1)",
        zero_is_stuck="no guard for a zero tensor: its ratio is 0 and it never moves",
        zero_gradient_guard="the ratio is 1 where the gradient's norm is zero, even where weight decay makes the divisor positive",
        per_filter="norms for every slice of the first axis instead of the whole tensor",
        momentum_correction="when lr changes the velocity is rescaled by new lr / old lr",
        decayed_twice="the gradient already has weight decay in it when its norm is taken, and the decay is added to the divisor again",
        eps_max="the divisor is the maximum of eps and the sum, instead of having eps added",
        outer_decay="weight decay is decoupled: outside of the ratio and of the momentum (but in the divisor)",
        nesterov="the step is Nesterov's: momentum times new velocity plus the scaled gradient",
    ),
    adafactor=dict(
        means_with_sum="row and column means instead of sums, but still divided by the sum of the rows",
        t_plus_one="beta2 is computed from t + 1",
        largest_rate="max(lr, 1/sqrt(t)) instead of min",
        no_schedule="the relative step is lr alone, 1/sqrt(t) is forgotten",
        cap_on_scaled="min(lr * size, 1/sqrt(t)): the cap is not multiplied by the size",
        d_ignored="the clipping threshold d is ignored (1)",
        norm_clip="the update is clipped by its norm instead of its root mean square",
        clip_after_alpha="the step is clipped after it was multiplied by alpha",
        clip_whole_network="the clipping takes the root mean square over all tensors",
        eps_after="eps1 is added to the factored estimate, instead of to the squared gradient",
        eps_swapped="eps1 and eps2 are mixed up (the pair in the other order)",
        size_is_norm="the size of the tensor is its norm instead of its root mean square",
        size_cached="the size of the tensor is computed at the first step and kept",
        constant_beta2="beta2 is the constant decay_rate instead of 1 - t^-decay_rate",
        beta2_float32="beta2 is computed in float32",
        conv_flattened="tensors of more than two axes are reshaped to (first axis, rest) before they are factored",
        conv_unfactored="tensors of more than two axes are not factored at all",
        vector_without_eps="the branch for vectors forgets eps1",
        root_forgotten="rsqrt(R) * total(R) * rsqrt(C): the root of the normaliser is forgotten",
        wrong_axis="R is divided by its sum over the wrong (kept) axis, so by itself",
        total_over_all="R is divided by its sum over all axes, batch axes too",
    ),
    sm3=dict(
        sum_not_max="the accumulators are sums over their slices instead of maxima",
        sm3_one="SM3-I: every accumulator adds the largest g^2 of its slice",
        max_of_axes="the largest instead of the smallest of the accumulators",
        as_matrix="tensors of more than two axes are flattened to a matrix (first axis, rest)",
        momentum_before="momentum is taken of the raw gradient, and divided afterwards",
        momentum_undamped="momentum adds u instead of (1 - momentum) u",
        eps_beside_root="sqrt(nu) + eps instead of sqrt(nu + eps)",
        no_zero_guard="0/0 is not guarded",
    ),
    novograd=dict(
        no_first_case="v starts from 0 as a running mean in the first step too",
        norms_averaged="v averages norms instead of squared norms",
        decay_outside="weight decay is added to the momentum afterwards instead of to q",
        grad_averaging="m adds (1 - beta1) q",
        by_element="v is kept for every element",
        mean_square="v averages the mean square instead of the sum of squares",
        first_by_value="the first step is recognised by v = 0 instead of t = 1",
        v_of_last_step="from the second step on the gradient is divided by the last step's v",
        decay_divided="weight decay is added to the gradient before the division",
        v_float32="v is kept in float32",
        whole_network="v is that of the whole network's gradient",
    ),
    yogi=dict(
        tanh="tanh instead of sign",
        v_corrected_only="v is bias-corrected, m is not",
        initials_swapped="initial_momentum and initial_accumulator are mixed up",
        sign_of_zero="where v equals g^2 the sign is taken as -1, v grows",
        adams_v="the sign is forgotten, so that v is Adam's",
        sign_unsquared="sign(v - g) instead of sign(v - g^2)",
        squares_m="v is updated with m^2 instead of g^2",
        first_is_square="v is set to g^2 in the first step",
        sign_flipped="sign(g^2 - v), with an abs that somebody added when it became NaN (two mistakes)",
        only_where_gradient="entries whose gradient is 0 are not moved, as in a lazy update of sparse gradients",
        steps_by_v="the step of v is of the size of v instead of g^2",
        eps_in_root="eps is added inside the root",
    ),
    adabound=dict(
        bounds_late="the bounds are computed from t - 1",
        clips_step="the bounds are applied to rate times m instead of to the rate",
        clips_size_of_step="the bounds are applied to the size of the step, keeping its sign",
        bounds_ignore_schedule="the bounds do not follow changes of lr",
        final_is_share="final_lr is multiplied by lr without dividing by the first lr",
        falls_before="1/sqrt(t) is multiplied before the clip",
        gamma_from_beta2="gamma is ignored, 1 - beta2 is taken",
        lower_without_one="the lower bound lacks the + 1 in its divisor",
        upper_only="only the upper bound is applied",
        amsbound="the maximum of v is taken (AMSBound)",
        state_by_shape="states are kept by shape, so that tensors of one shape share theirs",
    ),
    adan=dict(
        first_difference="the first difference is taken to a gradient of 0",
        n_unweighted="n squares g + diff, without the weight",
        n_in_two="n adds g^2 + (w diff)^2 instead of squaring the sum",
        keeps_reference="the last gradient is kept as a reference to the caller's array",
        shrinks_theta_only="only theta is divided by 1 + lr lambda, not the step",
        difference_uncorrected="the running mean of differences is not bias-corrected",
        decays_swapped="beta2 and beta3 are swapped as decays of v and n",
        weight_beta1="the weight of the difference in the step is beta1",
        previous_not_saved="the last gradient is not restored from a checkpoint",
        difference_backwards="the difference has the wrong sign",
        decay_without_lr="the shrinkage is 1 + weight_decay, without lr",
        lr_late="a new lr counts from the step after next (read before the scheduler wrote it)",
        root_uncorrected_first="eps_root is added to n before its bias correction",
    ),
    adopt=dict(
        v_first="v is updated before the division, as in Adam",
        eps_added="sqrt(v) + eps instead of the maximum",
        eps_least_v="eps bounds v instead of its root",
        unclipped="no clipping (the first version of the algorithm)",
        clips_momentum="m is clipped instead of the normalised gradient",
        integer_power="the bound is (t - 1)^(1 // 4) = 1",
        steps_at_once="the first call fills v and makes a step as well (bound counts calls)",
        first_v_damped="v starts as (1 - beta2) g^2",
        restarts_with_lr="a new lr makes a new optimizer: counter and states are lost",
        clips_by_norm="the normalised gradient is clipped by its norm instead of by element",
    ),
    lookahead=dict(
        shares_swapped="alpha is the share that stays slow",
        tests_before_counting="the counter is tested before it is incremented: pulls at steps 1, k + 1, ...",
        never_counts_anew="pulls in every step from k on (t >= k, no reset)",
        fast_goes_on="the slow weights are updated but not written back to the parameters",
        slow_not_kept="the new slow weights are not kept, every pull goes to the first ones",
        slow_takes_fast="the slow weights are set to the fast ones after the pull, not to the average",
        slow_is_reference="the slow weights are the caller's arrays themselves, not a copy",
        slow_after_first="the slow weights are made lazily, after the first fast step",
        slow_from_zero="the slow weights start at zero",
        counter_per_tensor="the counter is incremented for every tensor",
        lr_not_forwarded="a new lr is set on the wrapper but not on the inner rule",
    ),
    ema=dict(
        decay_swapped="decay and 1 - decay are mixed up",
        warmed_up="the decay is min(decay, (1 + t)/(10 + t)), as TensorFlow's num_updates",
        average_before_step="the average takes the parameters before the step",
        vectors_copied="vectors and scalars are copied, as buffers, not averaged",
        debiased_in_place="starts at zero, and the bias correction is done in place in every step",
    ),
    accumulation=dict(
        sum_not_reset="the sum is not reset after the step",
        due_too_early="the step is made at calls 1, k + 1, ...",
        running_half="the mean is (mean + g)/2",
        last_left_out="the gradient of the k-th call is left out",
        first_is_reference="the sum is the first gradient's array itself, added to in place",
        float32_sum="the sum is kept in float32",
        lr_of_first_call="the lr of the cycle's first call is used",
    ),
    adamp=dict(
        dim_of_rows="the threshold divides by the root of the number of rows",
        no_abs="the cosine lacks the absolute value",
        wd_ratio_always="wd_ratio is applied to every matrix, projected or not",
        row_by_row="rows are projected one by one, where their own cosine is small",
        layer_only="only the whole tensor is tested, never its rows",
        channel_only="only rows are tested, never the whole tensor",
        cosine_of_momentum="the cosine is that of theta and m",
        channels_last="rows are along the last axis (a kernel of HWIO)",
    ),
)


TWO = [
    ("lamb", "zero_is_stuck+exclude_vectors"),
    ("lamb", "clip_global+length_without_decay"),
    ("lars", "no_decay_in_divisor+eps_max"),
    ("lars", "nesterov+no_decay_in_gradient"),
    ("adafactor", "t_plus_one+d_ignored"),
    ("adafactor", "no_schedule+size_is_norm"),
    ("adafactor", "conv_unfactored+vector_without_eps"),
    ("sm3", "sum_not_max+momentum_undamped"),
    ("novograd", "no_first_case+decay_outside"),
    ("novograd", "mean_square+grad_averaging"),
    ("adabound", "falls_before+bounds_ignore_schedule"),
    ("adan", "first_difference+difference_uncorrected"),
    ("adopt", "v_first+eps_added"),
    ("lookahead", "slow_after_first+tests_before_counting"),
]
for rule, two in TWO:
    a, b = two.split("+")
    MISTAKES[rule][two] = f"two mistakes: {MISTAKES[rule][a]}; and {MISTAKES[rule][b]}"


def maker(rule, bug=""):
    def make(**hyper):
        return CLASSES[rule](bug, **hyper)

    return make


SUBJECTS = [(rule, f"c-{rule}-{bug}", maker(rule, bug), why) for rule, bugs in MISTAKES.items() for bug, why in bugs.items()]
RIGHT = [(rule, maker(rule)) for rule in CLASSES]
