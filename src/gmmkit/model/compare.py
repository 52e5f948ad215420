"""Numbers about mixtures, and between two: entropy, Kullback–Leibler and Jensen–Shannon divergence, L2 distance.

    H(p) = −E_p log p        KL(p‖q) = E_p [log p − log q]        ‖p − q‖² = ∫ (p − q)² dx
    JS(p, q) = ½ KL(p‖½(p + q)) + ½ KL(q‖½(p + q))

Neither of the first two has a closed form for more than one component: they are means over rows drawn from p, with
the standard error of such a mean (Hershey & Olsen, "Approximating the Kullback Leibler divergence between Gaussian
mixture models", 2007, section 2). The third has one, since ``∫ N(x; a, A) N(x; b, B) dx = N(a; b, A + B)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmkit.errors import ParameterError
from gmmkit.model.holder import mixture_of
from gmmkit.model.mixture import Mixture
from gmmkit.model.validity import gaussian_only, refuse_noise
from gmmkit.numerics.arguments import whole
from gmmkit.numerics.cholesky import cholesky
from gmmkit.numerics.frame import Frame
from gmmkit.numerics.streams import Seed, generator

__all__ = ["Estimate", "entropy", "jensen_shannon", "kl", "l2_distance"]

Array = NDArray[np.float64]

_LOG_2PI = math.log(2 * math.pi)
# Beyond so many decimals a number is easier to read with an exponent.
_MOST_DECIMALS = 12


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and how far it is likely to be off.

    Attributes
    ----------
    value : float
    standard_error : float
        Standard deviation of `value` over other seeds; 0 where the value is exact.

    Examples
    --------
    >>> print(Estimate(1.23412, 0.0049))
    1.234 ± 0.005
    >>> print(Estimate(1.23412, 0.0))
    1.23412
    >>> float(Estimate(1.5, 0.1)) + 1
    2.5
    """

    value: float
    standard_error: float

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        if self.standard_error == 0:
            return f"{self.value:.6g}"
        if not (math.isfinite(self.value) and math.isfinite(self.standard_error)):
            return f"{self.value:g} ± {self.standard_error:g}"
        # One digit of the error, and as many decimals of the value.
        rounded = float(f"{self.standard_error:.0e}")
        decimals = max(0, -math.floor(math.log10(rounded)))
        if decimals > _MOST_DECIMALS:
            return f"{self.value:.6g} ± {rounded:g}"
        return f"{self.value:.{decimals}f} ± {self.standard_error:.{decimals}f}"


def entropy(mixture: Mixture, *, n_samples: int = 10_000, seed: Seed = 0) -> Estimate:
    """Estimate the differential entropy ``H = −E log p(x)``, in nats.

    Exact, with standard error 0, where only one component has weight and is Gaussian:
    ``½ (d (1 + log 2π) + log det Σ)``.

    Parameters
    ----------
    mixture : Mixture
    n_samples : int, default=10_000
        Rows drawn; the standard error falls with its root.
    seed : int, SeedSequence, Generator or None

    Raises
    ------
    ParameterError
        If `n_samples` is below 2, or the mixture has noise.

    Examples
    --------
    >>> from gmmkit.model.covariance import Full
    >>> print(entropy(Mixture([1.0], [[0.0]], Full([[[1.0]]]))))
    1.41894
    >>> two = Mixture([0.5, 0.5], [[-50.0], [50.0]], Full([[[1.0]], [[1.0]]]))
    >>> print(entropy(two))  # log 2 more
    2.110 ± 0.007
    """
    check_samples(n_samples)
    refuse_noise(mixture, "the entropy")
    inside = held(mixture.into(mixture.frame))
    volume = mixture.frame.log_volume
    if inside.n_components == 1 and inside.degrees_of_freedom is None:
        d = inside.n_features
        return Estimate(0.5 * (d * (1 + _LOG_2PI) + float(inside.covariance.log_determinants[0])) - volume, 0.0)
    rows, _ = inside.sample(n_samples, seed=seed)
    return _mean(-inside.log_density(rows) - volume)


def kl(p: Mixture, q: Mixture, *, n_samples: int = 10_000, seed: Seed = 0) -> Estimate:
    """Estimate the Kullback–Leibler divergence ``KL(p‖q) = E_p [log p(x) − log q(x)]``, in nats.

    Exact, with standard error 0, where p and q each have one component, a Gaussian:
    ``½ (tr(Σ_q⁻¹ Σ_p) + (μ_p − μ_q)ᵀ Σ_q⁻¹ (μ_p − μ_q) − d + log det Σ_q − log det Σ_p)``. An estimate may come out
    below 0 by a few standard errors; where q's log-density leaves float64 on a row of p's, it is infinite.

    Parameters
    ----------
    p, q : Mixture
        Of the same columns; rows are drawn from p.
    n_samples : int, default=10_000
    seed : int, SeedSequence, Generator or None

    Raises
    ------
    ParameterError
        If p and q are not of the same number of columns, one has noise, or `n_samples` is below 2.

    Examples
    --------
    >>> from gmmkit.model.covariance import Full
    >>> p, q = (Mixture([1.0], [[m]], Full([[[1.0]]])) for m in (0.0, 2.0))
    >>> print(kl(p, q))
    2
    """
    check_samples(n_samples)
    p, q = mixture_of(p), mixture_of(q)
    _check_columns(p, q)
    for mixture in (p, q):
        refuse_noise(mixture, "the divergence")
    p, q = held(p), held(q)
    if p.n_components == q.n_components == 1 and p.degrees_of_freedom is None and q.degrees_of_freedom is None:
        return Estimate(_kl_of_gaussians(p, q), 0.0)
    rows, _ = p.sample(n_samples, seed=seed)
    log_q = q.log_density(rows)
    if not np.isfinite(log_q).all():
        return Estimate(math.inf, math.inf)
    return _mean(p.log_density(rows) - log_q)


def jensen_shannon(p: Mixture, q: Mixture, *, n_samples: int = 10_000, seed: Seed = 0) -> Estimate:
    """Estimate the Jensen–Shannon divergence of two mixtures, in nats: 0 where they are one, log 2 where far apart.

    What a row tells, in the mean, of which of the two it was drawn from, if either is as probable (Lin, "Divergence
    measures based on the Shannon entropy", IEEE Transactions on Information Theory 37 (1991)).

    Parameters
    ----------
    p, q : Mixture
        Of the same columns; also Student-t.
    n_samples : int, default=10_000
        Rows drawn from each.
    seed : int, SeedSequence, Generator or None

    Raises
    ------
    ParameterError
        If p and q are not of the same number of columns, `n_samples` is below 2, or either has noise.

    Examples
    --------
    >>> from gmmkit.model.covariance import Full
    >>> p, q = (Mixture([1.0], [[m]], Full([[[1.0]]])) for m in (0.0, 50.0))
    >>> round(jensen_shannon(p, q).value, 6), jensen_shannon(p, p).value  # log 2
    (0.693147, 0.0)
    """
    check_samples(n_samples)
    p, q = mixture_of(p), mixture_of(q)
    _check_columns(p, q)
    for mixture in (p, q):
        refuse_noise(mixture, "the divergence")
    random = generator(seed)
    means = []
    for own, other in ((held(p), held(q)), (held(q), held(p))):
        rows, _ = own.sample(n_samples, seed=random)
        with np.errstate(over="ignore"):
            ratio = np.exp(other.log_density(rows) - own.log_density(rows))
        means.append(_mean(math.log(2.0) - np.log1p(ratio)))
    error = 0.5 * math.hypot(*(mean.standard_error for mean in means))
    return Estimate(0.5 * (means[0].value + means[1].value), error)


def l2_distance(p: Mixture, q: Mixture) -> float:
    """Return the L2 distance of two densities, ``√∫ (p(x) − q(x))² dx``, exactly.

    In 1 / √(unit of the data)ᵈ: multiply by √(standard deviation) in each column to compare data sets. The square is
    a difference of near-equal sums where p and q nearly agree: relative to the norms, distances below about 1e-8
    cannot be told from 0.

    Parameters
    ----------
    p, q : Mixture
        Of the same columns.

    Raises
    ------
    ParameterError
        If p and q are not of the same number of columns, or one has Student-t components or noise.

    Examples
    --------
    >>> from gmmkit.model.covariance import Full
    >>> p, q = (Mixture([1.0], [[m]], Full([[[1.0]]])) for m in (0.0, 50.0))
    >>> round(l2_distance(p, q), 6), round(np.pi**-0.25, 6)  # far apart: √2 times the norm of either
    (0.751126, 0.751126)
    """
    p, q = mixture_of(p), mixture_of(q)
    _check_columns(p, q)
    for mixture in (p, q):
        gaussian_only(mixture, "the L2 distance")
    frame = _common_frame(p, q)
    p, q = p.into(frame), q.into(frame)
    signed = np.concatenate([p.weights, -q.weights])
    logs = _log_overlaps(p, q)
    largest = logs.max()
    square = float(signed @ np.exp(logs - largest) @ signed)
    with np.errstate(over="ignore"):
        return float(np.sqrt(max(square, 0.0)) * np.exp(0.5 * (largest + frame.log_volume)))


def check_samples(n_samples: int) -> None:
    whole("n_samples", n_samples, 2, why="for a mean and its standard error")


def held(mixture: Mixture) -> Mixture:
    """Return the mixture without its components of weight 0."""
    chosen = np.flatnonzero(mixture.weights > 0)
    return mixture if len(chosen) == mixture.n_components else mixture.take(chosen)


def _mean(values: Array) -> Estimate:
    return Estimate(float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values))))


def _check_columns(p: Mixture, q: Mixture) -> None:
    if p.n_features != q.n_features:
        raise ParameterError(
            f"the mixtures must be of the same columns, but one has {p.n_features} and the other {q.n_features}: "
            "take the columns they share with .marginal([…])"
        )


def _common_frame(p: Mixture, q: Mixture) -> Frame:
    """Return p's frame, with one scale for all columns if either family allows no more."""
    frame = p.frame
    if "scalar" in (p.covariance.equivariance, q.covariance.equivariance):
        return Frame(frame.shift, np.full_like(frame.scale, frame.scale.min()))
    return frame


def _kl_of_gaussians(p: Mixture, q: Mixture) -> float:
    if q.covariance.independent_columns:
        trace = float((p.covariance.variances()[0] / q.covariance.variances()[0]).sum())
    else:
        whitening = q.covariance.whitening[0]
        # In this order, which neither overflows nor vanishes at any scale of the columns.
        trace = float(((whitening @ p.covariance.dense()[0]) * whitening).sum())
    d = p.n_features
    cross_entropy = 0.5 * trace - float(q.component_log_density(p.means)[0, 0])
    own_entropy = 0.5 * (d * (1 + _LOG_2PI) + float(p.covariance.log_determinants[0]))
    # What rounding leaves of 0 may be below it; the divergence may not.
    return max(cross_entropy - own_entropy, 0.0)


def _log_overlaps(p: Mixture, q: Mixture) -> Array:
    """Return ``log N(μ_i; μ_j, Σ_i + Σ_j)`` for all pairs of the components of p and q together."""
    means = np.concatenate([p.means, q.means])
    independent = p.covariance.independent_columns and q.covariance.independent_columns
    spreads = np.concatenate([m.covariance.variances() if independent else m.covariance.dense() for m in (p, q)])
    d = means.shape[1]
    logs = np.empty((len(means), len(means)))
    for i, (mean, spread) in enumerate(zip(means, spreads, strict=True)):
        together = spread + spreads
        if independent:
            distance = ((means - mean) ** 2 / together).sum(axis=1)
            log_determinant = np.log(together).sum(axis=1)
        else:
            factors = cholesky(together)
            white = np.linalg.solve(factors, (means - mean)[:, :, None])[:, :, 0]
            distance = np.einsum("ji,ji->j", white, white)
            log_determinant = 2.0 * np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        logs[i] = -0.5 * (d * _LOG_2PI + log_determinant + distance)
    return logs
