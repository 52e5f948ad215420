"""Brute force: every quantity of a mixture as its definition says, one row and one component at a time.

Covariances are always dense, (k, d, d); a family is only a name that says what an M-step may do. Nothing here
is imported from gmmkit: this is what every fast path is held to.
"""

import math

import numpy as np

__all__ = [
    "component_log_density",
    "e_step",
    "log_density",
    "m_step",
    "moments",
    "objective",
    "pooled",
    "project",
    "responsibilities",
]

FAMILIES = ("full", "tied", "diag", "spherical", "EII")


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
    if family in ("full", "tied"):
        return np.array(matrix)
    if family == "diag":
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
        Added to the diagonal of each covariance afterwards.
    """
    k, d = np.shape(shares)[1], np.shape(rows)[1]
    pseudo = np.zeros((d, d)) if pseudo_scatter is None else np.asarray(pseudo_scatter)
    counts, first, _ = moments(rows, shares, np.zeros((k, d)))
    means = np.array([first[j] / counts[j] for j in range(k)])
    _, _, scatters = moments(rows, shares, means)
    total = math.fsum(counts)
    together = sum(scatters[j] + pseudo for j in range(k)) / total
    covariances = np.empty((k, d, d))
    for j in range(k):
        shared = family in ("tied", "EII")
        own = together if shared else (scatters[j] + pseudo) / counts[j]
        covariances[j] = project(family, own) + np.diag(np.broadcast_to(ridge, d))
    return counts / total, means, covariances


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
