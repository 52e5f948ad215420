"""What the laws run over: covariance families, random mixtures of each, rows, and the engine in one call."""

import contextlib

import numpy as np
from scipy.stats import special_ortho_group

from gmmkit.data import as_table
from gmmkit.data.arrays import ArrayRows
from gmmkit.execution import Workers
from gmmkit.inference.fit import FitSettings, fit
from gmmkit.inference.problem import Problem
from gmmkit.inference.starts import FromMixture, Named
from gmmkit.inference.stopping import SmallChange
from gmmkit.inference.survey import survey
from gmmkit.model.covariance import FAMILIES
from gmmkit.model.covariance.structured import Structured
from gmmkit.model.mixture import Mixture
from gmmkit.statistics import Contraction

__all__ = [
    "CONSTRAINED",
    "FAMILY_NAMES",
    "NAMED_STARTS",
    "Interrupted",
    "blobs",
    "contracted",
    "covariance_of",
    "faithful_like",
    "fitted",
    "gaussian_noise",
    "iris",
    "opened",
    "random_mixture",
    "two_clusters",
]

FAMILY_NAMES = tuple(FAMILIES)
#: Families whose components each have a covariance, and not just any.
CONSTRAINED = tuple(name for name, cls in FAMILIES.items() if issubclass(cls, Structured))
#: Starts that depend on the weighted empirical measure only.
NAMED_STARTS = ("kmeans", "k-means++", "random_from_data")


class Interrupted(ArrayRows):
    """Rows whose n-th reading is cut short by Ctrl-C."""

    def __init__(self, rows, at):
        super().__init__(rows)
        self.readings, self.at = 0, at

    def read(self, start, stop):
        self.readings += 1
        if self.readings == self.at:
            raise KeyboardInterrupt
        return super().read(start, stop)


def covariance_of(name, k, d, random, condition=30.0):
    """Return random covariances ``λ_k D_k A_k D_kᵀ`` of a family, of about unit size."""

    def some(letter, draw):
        # One for all components, or one each.
        return np.array([draw()] * k if letter == "E" else [draw() for _ in range(k)])

    def log_shape():
        logs = random.uniform(-0.5, 0.5, d)
        return logs - logs.mean()

    volume, shape, orientation = FAMILIES[name].structure
    logs = some(volume, lambda: random.uniform(-0.3, 0.3))[:, None]
    if shape != "I":
        logs = logs + some(shape, log_shape)
    dense = condition ** np.broadcast_to(logs, (k, d))[:, :, None] * np.eye(d)
    if orientation != "I" and d > 1:
        axes = some(orientation, lambda: special_ortho_group.rvs(d, random_state=random))
        dense = axes @ dense @ axes.transpose(0, 2, 1)
        dense = 0.5 * (dense + dense.transpose(0, 2, 1))
    return FAMILIES[name](contracted(name, dense), n_components=k, n_features=d)


def contracted(name, dense):
    """Return the array of a family for covariances (k, d, d) that it can express."""
    return {
        Contraction.FULL: lambda: dense,
        Contraction.TIED: lambda: dense[0],
        Contraction.DIAGONAL: lambda: np.diagonal(dense, axis1=1, axis2=2),
        Contraction.SHARED_DIAGONAL: lambda: np.diagonal(dense[0]),
        Contraction.SPHERICAL: lambda: dense[:, 0, 0],
        Contraction.SHARED: lambda: dense[0, 0, 0],
    }[FAMILIES[name].contraction]()


def random_mixture(name, k, d, seed=0, spread=4.0, condition=30.0):
    """Return a random mixture of a family."""
    random = np.random.default_rng([seed, k, d])
    weights = random.dirichlet(np.full(k, 5.0))
    return Mixture(weights, spread * random.standard_normal((k, d)), covariance_of(name, k, d, random, condition))


def two_clusters(seed=0, n=600):
    """Return the rows of the table in the notes: n×2, two clusters 6 standard deviations apart, and labels."""
    random = np.random.default_rng(seed)
    labels = np.repeat([0, 1], n // 2)
    # On a grid of 2⁻¹⁶, so that adding an offset up to 1e10 is exact.
    rows = random.standard_normal((n, 2)) + 6.0 * labels[:, None] * [1.0, 0.0] - [3.0, 0.0]
    return np.round(rows * 65536) / 65536, labels


def blobs(n=300, d=3, k=3, seed=0, spread=3.0):
    """Return overlapping clusters of unequal sizes and shapes (n, d)."""
    return random_mixture("full", k, d, seed, spread).sample(n, seed=seed)[0]


def gaussian_noise(n=200, d=4, seed=0):
    """Return rows with no clusters at all."""
    return np.random.default_rng(seed).standard_normal((n, d))


def faithful_like(n=272, seed=5):
    """Return rows like the eruptions of Old Faithful: minutes of eruption, minutes of waiting."""
    random = np.random.default_rng(seed)
    short = random.random(n) < 0.36
    eruption = np.where(short, 2.04 + 0.26 * random.standard_normal(n), 4.29 + 0.41 * random.standard_normal(n))
    waiting = np.where(short, 54.5, 80.0) + 5.9 * random.standard_normal(n)
    return np.column_stack([eruption.round(3), waiting.round()])


def iris():
    """Return Fisher's iris (150, 4): real, rounded to 0.1, with repeated rows."""
    from sklearn.datasets import load_iris

    return load_iris().data


@contextlib.contextmanager
def opened(rows, name="full", *, weights=None, n_jobs=1):
    """Give the problem of fitting a family to rows (or to a table)."""
    with Workers(n_jobs) as workers:
        table = rows if hasattr(rows, "blocks") else as_table(rows, weights=weights)
        yield Problem(table, FAMILIES[name], survey(table, workers), workers)


def fitted(rows, name="full", start="kmeans", k=2, *, weights=None, n_jobs=1, tol=1e-3, n_init=1, **settings):
    """Fit in one call; `start` is a name, a mixture in the data's units, or a start."""
    given = not isinstance(start, str)
    if isinstance(start, str):
        start = Named(start, k)
    elif isinstance(start, Mixture):
        start = FromMixture(start)
    settings.setdefault("seed", 0)
    with opened(rows, name, weights=weights, n_jobs=n_jobs) as problem:
        return fit(problem, [start] * n_init, FitSettings(rule=SmallChange(tol), **settings), reorder=not given)
