"""Predictions of a joint mixture against one conditional a row, ratios of densities, and drawn values."""

from __future__ import annotations

import numpy as np
import pytest

from cases import FAMILY_NAMES, random_mixture
from gmmkit.errors import DataError, ParameterError
from gmmkit.model.covariance import Full
from gmmkit.model.mixture import Mixture
from gmmkit.model.noise import Noise
from gmmkit.model.predictive import Predictive

NAN = np.nan
ROWS = np.array([[0.5, -1.0], [NAN, 2.0], [1.5, NAN], [NAN, NAN], [-2.0, 0.0]])


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_each_row_is_the_conditional_of_what_is_there(name):
    mixture = random_mixture(name, k=3, d=4, seed=2)
    found = Predictive(mixture, [3, 1], ROWS)
    assert found.inputs.tolist() == [0, 2]
    for i, row in enumerate(ROWS):
        there = np.flatnonzero(~np.isnan(row))
        joint = mixture.marginal([*found.inputs[there], 3, 1])
        own = joint.condition(dict(enumerate(row[there]))) if len(there) else joint
        np.testing.assert_allclose(found.mean()[i], own.mean(), rtol=1e-10)
        np.testing.assert_allclose(found.covariance_matrices()[i], own.covariance_matrix(), rtol=1e-9, atol=1e-12)
        points = own.sample(5, seed=i)[0]
        np.testing.assert_allclose(found[i].log_density(points), own.log_density(points), rtol=1e-9)
        values = np.tile(points[0], (len(ROWS), 1))
        assert found.log_density(values)[i] == pytest.approx(own.log_density(points[:1])[0], rel=1e-9)
        for j in range(2):
            alone = own.marginal([j])
            np.testing.assert_allclose(found.quantile([0.1, 0.7])[i, j], alone.quantile([0.1, 0.7]), rtol=1e-8)
            assert found.cdf(values)[i, j] == pytest.approx(alone.cdf(values[i, j]), rel=1e-8)


def test_the_density_is_that_of_all_over_that_of_the_inputs():
    mixture = random_mixture("full", k=3, d=3, seed=4)
    rows, _ = mixture.sample(50, seed=0)
    found = Predictive(mixture, [1], rows[:, [0, 2]]).log_density(rows[:, [1]])
    np.testing.assert_allclose(found, mixture.log_density(rows) - mixture.marginal([0, 2]).log_density(rows[:, [0, 2]]))


def test_intervals_hold_what_they_promise():
    mixture = random_mixture("full", k=3, d=4, seed=5)
    rows, _ = mixture.sample(4000, seed=1)
    inputs = rows[:, :2].copy()
    inputs[::3, 0] = NAN
    found = Predictive(mixture, [2, 3], inputs)
    low, high = np.moveaxis(found.interval(0.8), -1, 0)
    assert ((low <= rows[:, 2:]) & (rows[:, 2:] <= high)).mean() == pytest.approx(0.8, abs=0.02)
    level = found.cdf(rows[:, 2:])
    np.testing.assert_allclose(np.quantile(level, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.02)


def test_drawn_targets_have_their_mean_and_covariance_and_come_again():
    mixture = random_mixture("full", k=2, d=3, seed=6)
    inputs = np.repeat([[0.3], [NAN]], 20_000, axis=0)
    found = Predictive(mixture, [0, 2], inputs)
    drawn = found.sample(3)
    for i, part in ((0, drawn[:20_000]), (20_000, drawn[20_000:])):
        np.testing.assert_allclose(part.mean(axis=0), found[i].mean(), atol=0.1)
        np.testing.assert_allclose(np.cov(part.T), found[i].covariance_matrix(), rtol=0.08, atol=0.15)
    np.testing.assert_array_equal(drawn, Predictive(mixture, [0, 2], inputs).sample(3))


def test_parts_of_rows_are_answered_as_all_together(monkeypatch):
    mixture = random_mixture("full", k=3, d=3, seed=7)
    inputs = mixture.sample(40, seed=0)[0][:, :2]
    inputs[::4, 1] = NAN
    whole = Predictive(mixture, [2], inputs)
    before = whole.mean(), whole.quantile(0.3)
    monkeypatch.setattr("gmmkit.model.predictive._MOST_VALUES", 30)
    np.testing.assert_allclose(whole.mean(), before[0], rtol=1e-12)
    np.testing.assert_allclose(whole.quantile(0.3), before[1], rtol=1e-12)


def test_heavy_tails_are_wider_where_inputs_are_far():
    mixture = Mixture([1.0], [[0.0, 0.0]], Full([[[1.0, 0.5], [0.5, 1.0]]]), degrees_of_freedom=[4.0])
    near, far, none = Predictive(mixture, [1], [[0.0], [8.0], [NAN]]).covariance_matrices()[:, 0, 0]
    assert far > 5 * near
    assert none == pytest.approx(2.0)


def test_no_rows_have_no_answers():
    found = Predictive(random_mixture("full", k=2, d=3), [2], np.empty((0, 2)))
    assert (found.mean().shape, found.quantile([0.1, 0.2]).shape, found.sample(0).shape) == ((0, 1), (0, 1, 2), (0, 1))
    assert "0 rows, 1 targets" in repr(found)


@pytest.mark.parametrize(
    ("targets", "rows", "error", "said"),
    [
        ([], [[0.0, 0.0, 0.0]], ParameterError, "at least one column"),
        ([1, 1], [[0.0, 0.0]], ParameterError, "each once"),
        ([3], [[0.0, 0.0]], ParameterError, "from 0 to 2"),
        ([0, 1, 2], [[]], ParameterError, "all 3 columns"),
        ([2], [[0.0]], DataError, r"the shape \(rows, 2\), but got \(1, 1\)"),
        ([2], [[0.0, np.inf]], DataError, "row 0, column 1 is inf"),
    ],
)
def test_what_cannot_be_predicted_is_said(targets, rows, error, said):
    with pytest.raises(error, match=said):
        Predictive(random_mixture("full", k=2, d=3), targets, rows)


def test_values_and_probabilities_of_other_shapes_are_refused():
    found = Predictive(random_mixture("full", k=2, d=3), [2], [[0.0, 0.0]])
    for ask in (found.log_density, found.cdf):
        with pytest.raises(DataError, match="shape"):
            ask([[1.0, 2.0]])
    for p in (1.5, [[0.5]]):
        with pytest.raises(ParameterError, match="probabilit"):
            found.quantile(p)
    with pytest.raises(ParameterError, match="probability"):
        found.interval(1.0)
    with pytest.raises(IndexError):
        found[1]
    with pytest.raises(ParameterError, match="noise"):
        Predictive(random_mixture("full", k=2, d=2).beside(Noise(0.1, 0.0)), [1], [[0.0]])


@pytest.mark.parametrize("name", ["full", "diag", "tied"])
def test_patterns_that_are_solved_together_answer_as_each_alone(name, monkeypatch):
    mixture = random_mixture(name, k=3, d=5, seed=8)
    random = np.random.default_rng(0)
    rows = mixture.sample(60, seed=0)[0][:, :4]
    rows[random.random(rows.shape) < 0.4] = NAN
    found = Predictive(mixture, [4], rows)
    alone = np.array([[own.quantile([0.05, 0.9]).tolist()] for own in (found[i] for i in range(60))])
    np.testing.assert_allclose(found.quantile([0.05, 0.9]), alone, rtol=1e-9)
    np.testing.assert_allclose(found.cdf(alone[:, :, 1]), 0.9, rtol=1e-9)
    monkeypatch.setattr("gmmkit.model.predictive._MOST_VALUES", 30)  # parts of ten rows
    np.testing.assert_allclose(found.quantile([0.05, 0.9]), alone, rtol=1e-9)
