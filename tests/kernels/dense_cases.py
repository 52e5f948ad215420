"""Random rows and components in every form that the dense kernels take, and their arithmetic in plain NumPy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import logsumexp

from gmmkit.kernels.expanded import Features
from gmmkit.kernels.native import dense

__all__ = ["FORMS", "Case", "answered", "case", "close", "gathered"]

FORMS = ("matrices", "matrices, floats", "deviations, floats", "linear", "radial", "squares")
_FEATURES = {"linear": Features.LINEAR, "radial": Features.RADIAL, "squares": Features.DIAGONAL}


@dataclass(frozen=True)
class Case:
    """One call of the kernel, and what it must come to."""

    form: str
    rows: Any
    weights: Any
    components: dense.Components
    means: Any
    score: Any  # z (n, d) → scores (n, k)

    @property
    def single(self):
        return self.form.endswith("floats")

    @property
    def k(self):
        return self.components.k

    @property
    def z(self):
        return (np.asarray(self.rows, dtype=np.float64) - self.components.shift) * self.components.scale

    @property
    def scores(self):
        return self.score(self.z)

    @property
    def shares(self):
        shares = np.exp(self.scores - logsumexp(self.scores, axis=1, keepdims=True))
        return shares if self.weights is None else shares * self.weights[:, None]

    def first(self, n):
        """Return the case of the first n rows."""
        return replace(self, rows=self.rows[:n], weights=None if self.weights is None else self.weights[:n])

    def sums(self):
        """Return what `gather` must add, by name, and the log-likelihood."""
        z, shares = self.z, self.shares
        values = logsumexp(self.scores, axis=1)
        weights = np.ones(len(z)) if self.weights is None else self.weights
        total = weights @ values
        if self.form in _FEATURES:
            features = _FEATURES[self.form]
            psi = features.build(z.T.copy(), np.empty((features.size(z.shape[1]), len(z))))
            return {"origin": shares.T @ psi.T, "scatter": (z.T * weights) @ z}, total
        first, second = [], []
        for j, mean in enumerate(self.means):
            y = z - mean
            first.append(shares[:, j] @ y)
            second.append((y.T * shares[:, j]) @ y if self.form.startswith("matrices") else shares[:, j] @ y**2)
        return {"counts": shares.sum(axis=0), "first": np.array(first), "second": np.array(second)}, total


def case(form, n=200, d=3, k=2, *, seed=0, dtype=np.float64, weighted=False):
    """Return rows about components that overlap, so that shares of all sizes occur."""
    random = np.random.default_rng([seed, d, k, FORMS.index(form)])
    shift = random.normal(size=d)
    scale = 2.0 ** random.integers(-2, 3, d)
    rows = (shift + (1.5 * random.normal(size=(n, d))) / scale).astype(dtype)
    weights = random.random(n) * random.integers(0, 4, n) if weighted else None
    constants = random.normal(size=k)
    means = random.normal(size=(k, d))
    if form.endswith("floats"):
        means = means.astype(np.float32).astype(np.float64)
    if form.startswith("matrices"):
        white = np.tril(random.normal(size=(k, d, d)) / np.sqrt(d))
        white[:, np.arange(d), np.arange(d)] = 0.3 + random.random((k, d))

        def score(z):
            y = (z[:, None, :] - means)[:, :, None, :] @ white.swapaxes(1, 2)
            return constants - 0.5 * (y[:, :, 0] ** 2).sum(axis=2)

        made = dense.centred(means, white, constants, shift, scale, single=form.endswith("floats"))
    elif form.startswith("deviations"):
        deviations = (0.3 + random.random((k, d))) / d**0.25

        def score(z):
            return constants - 0.5 * (((z[:, None, :] - means) * deviations) ** 2).sum(axis=2)

        made = dense.centred(means, deviations, constants, shift, scale, single=True)
    else:
        features = _FEATURES[form]
        theta = random.normal(size=(k, features.size(d))) / np.sqrt(d)
        theta[:, 1 + d :] = -np.abs(theta[:, 1 + d :])

        def score(z):
            return features.build(z.T.copy(), np.empty((features.size(d), len(z)))).T @ theta.T

        made = dense.expanded(features, theta, shift, scale)
    return Case(form, rows, weights, made, means, score)


def gathered(this, start=0.0):
    """Return what the kernel adds to arrays full of `start`, by name, and the log-likelihood."""
    k, d = this.k, this.components.d
    if this.form in _FEATURES:
        asked = {"origin": np.full((k, this.components.p), start), "scatter": np.full((d, d), start)}
    else:
        own = (k, d, d) if this.form.startswith("matrices") else (k, d)
        asked = {"counts": np.full(k, start), "first": np.full((k, d), start), "second": np.full(own, start)}
    total = dense.gather(this.rows, this.weights, this.components, **asked)
    return asked, total


def answered(this):
    """Return everything that the kernel tells of rows, by name."""
    n, k = len(this.rows), this.k
    told = {
        "log_sums": np.full(n, np.nan), "certainty": np.full(n, np.nan), "posterior": np.full((n, k), np.nan),
        "scores": np.full((n, k), np.nan), "labels": np.full(n, -7, dtype=np.int64),
    }  # fmt: skip
    found = dense.answer(this.rows, this.components, **told)
    return {**told, "lost": found.lost, "largest": found.largest}


def close(found, expected, single, what=""):
    """Hold sums to what they must come to: to their digits, of the largest of their kind."""
    for name, values in expected.items():
        size = np.abs(values).max(initial=0.0) + 1e-3
        np.testing.assert_allclose(
            found[name], values, rtol=0, atol=(1e-4 if single else 1e-11) * size, err_msg=f"{name} {what}"
        )
