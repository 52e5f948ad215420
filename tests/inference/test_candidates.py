"""Fits that a search makes one by one: fewer passes by default."""

import numpy as np
import pytest

from gmmkit.data import as_table
from gmmkit.execution import Workers
from gmmkit.inference import acceleration
from gmmkit.inference.candidates import fit_candidates
from gmmkit.inference.fit import FitSettings
from gmmkit.inference.stopping import AitkenGain


@pytest.fixture
def begun(monkeypatch):
    """Return a list that grows by each run whose steps are stretched."""
    runs, begin = [], acceleration.Squarem.begin

    def noted(self, algorithm):
        runs.append(algorithm)
        return begin(self, algorithm)

    monkeypatch.setattr(acceleration.Squarem, "begin", noted)
    return runs


def fitted_one(rows, cell, **settings):
    with Workers(1) as workers:
        asked = FitSettings(rule=AitkenGain(1e-7), max_iter=300, seed=0, **settings)
        (found,) = fit_candidates(
            as_table(rows), [cell], asked, tol=1e-7, smallest_eigenvalue=1e-4, n_random=0, workers=workers
        )
    return found


def test_wide_data_are_fitted_from_named_starts_that_begin_with_batches(begun):
    # More columns than a stack takes, and rows for 16 batches.
    kinds = np.arange(17_000) % 3
    rows = np.random.default_rng(0).standard_normal((17_000, 41)) + 4.0 * np.eye(3, 41)[kinds]
    found = fitted_one(rows, ("EII", 3))
    assert found.result.converged
    assert found.result.warm_up.n_batches >= 16
    assert len(begun) == 5  # four starts, and the best to its end
    np.testing.assert_allclose(found.result.mixture.weights, 1 / 3, atol=0.01)


def test_winners_of_a_tournament_that_go_on_are_stretched_and_begin_with_exact_passes(begun):
    rows = np.random.default_rng(1).standard_normal((20_000, 2)) + 3.0 * np.eye(2)[np.arange(20_000) % 2]
    found = fitted_one(rows, ("VVV", 2), reg_covar=1e-6)
    assert found.result.converged
    assert found.result.warm_up is None
    assert begun
