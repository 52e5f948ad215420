"""Brute force: every quantity of a mixture as its definition says, one row and one component at a time.

Covariances are always dense, (k, d, d); a family is only a name that says what an M-step may do. Nothing here
is imported from gmmkit: this is what every fast path is held to.
"""

import math

import numpy as np
from scipy.optimize import minimize_scalar

__all__ = [
    "component_log_density",
    "e_step",
    "log_density",
    "m_step",
    "moments",
    "most_likely",
    "objective",
    "pooled",
    "project",
    "responsibilities",
]

STRUCTURES = {"full": "VVV", "tied": "EEE", "diag": "VVI", "spherical": "VII"}


def component_log_density(x, mean, covariance):
    """Return log N(x; mean, covariance) of one row."""
    d = len(x)
    deviation = [float(x[i]) - float(mean[i]) for i in range(d)]
    sign, log_determinant = np.linalg.slogdet(covariance)
    assert sign > 0
    solved = np.linalg.solve(covariance, np.array(deviation))
    distance = math.fsum(deviation[i] * solved[i] for i in range(d))
    return -0.5 * (d * math.log(2 * math.pi) + log_determinant + distance)


def _scores(x, weights, means, covariances):
    return [
        (math.log(weights[j]) if weights[j] > 0 else -math.inf) + component_log_density(x, means[j], covariances[j])
        for j in range(len(weights))
    ]


def log_density(rows, weights, means, covariances):
    """Return log p(x) of each row (n,)."""
    answer = []
    for x in rows:
        scores = _scores(x, weights, means, covariances)
        largest = max(scores)
        answer.append(largest + math.log(math.fsum(math.exp(s - largest) for s in scores)))
    return np.array(answer)


def responsibilities(rows, weights, means, covariances):
    """Return p(component | x) of each row (n, k)."""
    answer = []
    for x in rows:
        scores = _scores(x, weights, means, covariances)
        largest = max(scores)
        shares = [math.exp(s - largest) for s in scores]
        answer.append([share / math.fsum(shares) for share in shares])
    return np.array(answer)


def moments(rows, shares, reference):
    """Return counts (k,), first (k, d) and second moments (k, d, d) about points (k, d); shares are (n, k)."""
    k, d = np.shape(reference)
    counts, first, second = np.zeros(k), np.zeros((k, d)), np.zeros((k, d, d))
    for j in range(k):
        counts[j] = math.fsum(share[j] for share in shares)
        for a in range(d):
            first[j, a] = math.fsum(s[j] * (x[a] - reference[j][a]) for x, s in zip(rows, shares, strict=True))
            for b in range(d):
                second[j, a, b] = math.fsum(
                    s[j] * (x[a] - reference[j][a]) * (x[b] - reference[j][b])
                    for x, s in zip(rows, shares, strict=True)
                )
    return counts, first, second


def project(family, matrix):
    """Return the member of a family nearest to one covariance, in likelihood."""
    d = len(matrix)
    _, shape, orientation = STRUCTURES.get(family, family)
    if orientation != "I":
        return np.array(matrix)
    if shape != "I":
        return np.diag(np.diag(matrix))
    return np.eye(d) * sum(matrix[i][i] for i in range(d)) / d


def pooled(family, rows, row_weights):
    """Return the covariance of all rows, projected on a family."""
    shares = np.asarray(row_weights, dtype=float)[:, None]
    d = np.shape(rows)[1]
    counts, first, _ = moments(rows, shares, np.zeros((1, d)))
    _, _, scatter = moments(rows, shares, first / counts[0])
    return project(family, scatter[0] / counts[0])


def m_step(family, rows, shares, pseudo_scatter=None, ridge=0.0):
    """Return weights, means and dense covariances that maximise the expected penalised likelihood.

    Parameters
    ----------
    shares : array of shape (n, k)
        Responsibility times row weight.
    pseudo_scatter : array of shape (d, d), optional
        Added to each component's scatter.
    ridge : float or array of shape (d,)
        Added to the diagonal of each component's scatter, once for each of its rows.
    """
    k, d = np.shape(shares)[1], np.shape(rows)[1]
    pseudo = np.zeros((d, d)) if pseudo_scatter is None else np.asarray(pseudo_scatter)
    counts, first, _ = moments(rows, shares, np.zeros((k, d)))
    means = np.array([first[j] / counts[j] for j in range(k)])
    _, _, scatters = moments(rows, shares, means)
    scatters = [scatters[j] + pseudo + counts[j] * np.diag(np.broadcast_to(ridge, d)) for j in range(k)]
    return counts / math.fsum(counts), means, most_likely(family, counts, scatters)


def most_likely(family, counts, scatters):
    """Return the covariances (k, d, d) of a family that are most likely given counts and scatters.

    Celeux & Govaert (1995), with as many cycles as it takes where there is no closed form; common axes by turning
    one plane after the other by the best angle.
    """
    k, d = len(counts), len(scatters[0])
    volume, shape, orientation = STRUCTURES.get(family, family)
    if shape + orientation == "EE":
        sizes = np.ones(k)
        for _ in range(1 if volume == "E" else 3000):
            common = sum(scatters[j] / sizes[j] for j in range(k)) / math.fsum(counts)
            if volume == "V":
                sizes = [np.trace(np.linalg.solve(common, scatters[j])) / (d * counts[j]) for j in range(k)]
        return np.array([sizes[j] * common for j in range(k)])
    axes = [np.eye(d)] * k
    if orientation == "V":
        axes = [np.linalg.eigh(scatters[j])[1] for j in range(k)]
    if orientation == "E":
        axes = [_common_axes(volume, counts, scatters)] * k
    along = np.array([[axes[j][:, a] @ scatters[j] @ axes[j][:, a] for a in range(d)] for j in range(k)])
    lengths = _along_axes(volume, shape, counts, along)
    return np.array([axes[j] @ np.diag(lengths[j]) @ axes[j].T for j in range(k)])


def _along_axes(volume, shape, counts, along):
    """Return variances (k, d) along axes on which the scatters are `along` (k, d)."""
    k, d = along.shape
    total = math.fsum(counts)
    if shape == "I":
        along = np.array([[math.fsum(along[j]) / d] * d for j in range(k)])
    if volume + shape in ("EE", "EI"):
        return np.array([sum(along) / total] * k)
    if volume == "V" and shape != "E":
        return np.array([along[j] / counts[j] for j in range(k)])
    if volume == "E":
        sizes = [math.prod(along[j]) ** (1 / d) for j in range(k)]
        return np.array([along[j] / sizes[j] * math.fsum(sizes) / total for j in range(k)])
    sizes = np.ones(k)
    for _ in range(3000):
        common = sum(along[j] / sizes[j] for j in range(k)) / total
        sizes = [math.fsum(along[j] / common) / (d * counts[j]) for j in range(k)]
    return np.array([sizes[j] * common for j in range(k)])


def _common_axes(volume, counts, scatters):
    k, d = len(counts), len(scatters[0])

    def criterion(axes):
        logs = [sum(math.log(axes[:, a] @ scatters[j] @ axes[:, a]) for a in range(d)) for j in range(k)]
        if volume == "V":
            return math.fsum(n * value for n, value in zip(counts, logs, strict=True))
        return d * math.fsum(counts) * math.log(math.fsum(math.exp(value / d) for value in logs))

    def turned(axes, p, q, angle):
        plane = np.eye(d)
        plane[[p, p, q, q], [p, q, p, q]] = math.cos(angle), -math.sin(angle), math.sin(angle), math.cos(angle)
        return axes @ plane

    best = None
    for start in [*scatters, sum(scatters)]:
        axes = np.linalg.eigh(start)[1]
        for _ in range(40):
            largest = 0.0
            for p in range(d):
                for q in range(p):
                    found = minimize_scalar(
                        lambda angle, axes=axes, p=p, q=q: criterion(turned(axes, p, q, angle)),
                        bounds=(-math.pi / 4, math.pi / 4),
                        method="bounded",
                        options={"xatol": 1e-12},
                    )
                    axes = turned(axes, p, q, found.x)
                    largest = max(largest, abs(found.x))
            if largest < 1e-7:
                break
        if best is None or criterion(axes) < criterion(best):
            best = axes
    return best


def e_step(rows, row_weights, weights, means, covariances):
    """Return responsibility times row weight (n, k)."""
    return responsibilities(rows, weights, means, covariances) * np.asarray(row_weights)[:, None]


def objective(rows, row_weights, weights, means, covariances, pseudo_scatter=None):
    """Return the penalised log-likelihood per unit of weight."""
    densities = log_density(rows, weights, means, covariances)
    total = math.fsum(w * value for w, value in zip(row_weights, densities, strict=True))
    if pseudo_scatter is not None:
        for covariance in covariances:
            total -= 0.5 * np.trace(np.asarray(pseudo_scatter) @ np.linalg.inv(covariance))
    return total / math.fsum(row_weights)
