"""Brute force for Student-t components and noise: one pass of EM by plain loops over rows and components."""

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, gammaln

from oracle import component_log_density, most_likely

__all__ = ["e_step", "log_likelihood", "next_degrees", "student_m_step", "student_score"]


def student_score(x, mean, scale, nu):
    """Return log t(x) of one row."""
    d = len(x)
    deviation = np.asarray(x) - np.asarray(mean)
    distance = float(deviation @ np.linalg.solve(scale, deviation))
    peak = gammaln(0.5 * (nu + d)) - gammaln(0.5 * nu) - 0.5 * d * math.log(nu * math.pi)
    return peak - 0.5 * np.linalg.slogdet(scale)[1] - 0.5 * (nu + d) * math.log(1 + distance / nu), distance


def e_step(rows, weights, means, scales, degrees=None, noise=None):
    """Return responsibilities (n, k), what each row counts for each component (n, k) and log-densities (n,).

    `noise` is (weight, density) of a uniform background.
    """
    shares, counts, logs = [], [], []
    for x in rows:
        terms, u = [], []
        for j in range(len(weights)):
            if degrees is None:
                score, weight = component_log_density(x, means[j], scales[j]), 1.0
            else:
                score, distance = student_score(x, means[j], scales[j], degrees[j])
                weight = (degrees[j] + len(x)) / (degrees[j] + distance)
            terms.append(weights[j] * math.exp(score))
            u.append(weight)
        total = math.fsum(terms) + (0.0 if noise is None else noise[0] * noise[1])
        shares.append([term / total for term in terms])
        counts.append(u)
        logs.append(math.log(total))
    return np.array(shares), np.array(counts), np.array(logs)


def log_likelihood(rows, *parameters, **more):
    """Return the sum of the log-densities."""
    return math.fsum(e_step(rows, *parameters, **more)[2])


def student_m_step(family, rows, shares, u, row_weights):
    """Return weights, means and scales: each row counts u times for means and scatters (Peel & McLachlan 2000)."""
    k, d = shares.shape[1], np.shape(rows)[1]
    counts, means, scatters = np.zeros(k), np.zeros((k, d)), []
    for j in range(k):
        r = [shares[i][j] * row_weights[i] for i in range(len(rows))]
        counts[j] = math.fsum(r)
        held = math.fsum(r[i] * u[i][j] for i in range(len(rows)))
        means[j] = sum(r[i] * u[i][j] * rows[i] for i in range(len(rows))) / held
        scatters.append(
            sum(r[i] * u[i][j] * np.outer(rows[i] - means[j], rows[i] - means[j]) for i in range(len(rows)))
        )
    return counts, means, most_likely(family, counts, scatters)


def next_degrees(shares, u, row_weights, old, d, alpha=1.0, common=False):
    """Return the degrees of freedom that Liu & Rubin's equation asks for, rows' precisions divided by alpha."""
    k = shares.shape[1]
    sums, counts = np.zeros(k), np.zeros(k)
    for j in range(k):
        for i in range(len(shares)):
            r = shares[i][j] * row_weights[i]
            log_tau = math.log(u[i][j]) + digamma(0.5 * (old[j] + d)) - math.log(0.5 * (old[j] + d))
            counts[j] += r
            sums[j] += r * (1.0 + log_tau - math.log(alpha) - u[i][j] / alpha)
    if common:
        sums, counts = np.full(k, sums.sum()), np.full(k, counts.sum())

    def root(known):
        return brentq(lambda nu: math.log(0.5 * nu) - digamma(0.5 * nu) + known, 0.01, 1e6, xtol=1e-13)

    return np.array([root(sums[j] / counts[j]) for j in range(k)])
