"""Errors and coverage are those of the predictions, over the rows where what was predicted is known."""

import numpy as np
import pytest
from scipy.stats import norm

from gmmkit import Full, Mixture
from gmmkit.selection.prediction import predict_rows

JOINT = Mixture([1.0], [[0.0, 1.0, 2.0]], Full([[[1.0, 0.6, 0.0], [0.6, 1.0, 0.0], [0.0, 0.0, 4.0]]]))


def test_errors_and_coverage_of_a_gaussian():
    rows, _ = JOINT.sample(3000, seed=0)
    observed = rows[:, 1].copy()
    observed[::3] = np.nan
    found = predict_rows(JOINT, rows[:, :1], [observed, None])
    known = ~np.isnan(observed)
    mean = 1.0 + 0.6 * rows[:, 0]
    np.testing.assert_allclose(found.means[:, 0], mean)
    np.testing.assert_allclose(found.deviations, np.tile([0.8, 2.0], (3000, 1)))
    np.testing.assert_allclose(found.below[known, 0], norm.cdf((observed - mean)[known] / 0.8), atol=1e-9)
    assert np.isnan(found.below[~known, 0]).all()
    errors = found.errors(0)
    off = (observed - mean)[known]
    assert errors.n_rows == known.sum()
    assert errors.mean_absolute == pytest.approx(np.abs(off).mean())
    assert errors.root_mean_square == pytest.approx(np.sqrt((off**2).mean()))
    assert errors.explained == pytest.approx(1.0 - off.var() / observed[known].var(), abs=1e-3)
    inside = ((observed >= found.intervals[:, 0, 0]) & (observed <= found.intervals[:, 0, 1]))[known].mean()
    assert found.coverage(0, 0.9) == pytest.approx(inside)
    assert inside == pytest.approx(0.9, abs=0.02)
    assert found.errors(1) is None


def test_inputs_that_the_model_hardly_knows_are_rare_and_missing_ones_are_not():
    found = predict_rows(JOINT, np.array([[0.0], [8.0], [np.nan]]), [None, None])
    assert found.rare.tolist() == [False, True, False]
    np.testing.assert_allclose(found.means[2], [1.0, 2.0])


def test_one_value_explains_nothing():
    found = predict_rows(JOINT, np.zeros((3, 1)), [np.full(3, 5.0), None])
    assert np.isnan(found.errors(0).explained)
    assert found.errors(0).mean_absolute == pytest.approx(4.0)
