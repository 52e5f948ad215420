"""Values that lead a fit are named with their place; heavy tails, rare flags and rows without weight are not."""

import numpy as np
import pytest

from gmmkit.data import as_table
from gmmkit.errors import DataError
from gmmkit.selection.column_shapes import shape_of
from gmmkit.selection.far_values import far_values
from gmmkit.selection.generation import fitted_synthesizer, values_that_lead
from gmmkit.selection.synthesis import Synthesizer


def told(rows, **options):
    table = as_table(rows, **options)
    return far_values(table, np.asarray(rows, dtype=float))


def test_the_farthest_of_each_column_is_named():
    rows = np.random.default_rng(0).normal(size=(200, 3))
    assert told(rows) == []
    rows[[3, 9], 1] = 1e5, -2e5
    rows[5, 2] = 1e300
    found = told(rows)
    assert [sentence.split(" is ")[0] for sentence in found] == ["row 9, column 1", "row 5, column 2"]
    assert "(1 more in that column are far away)" in found[0]
    weights = np.ones(200)
    weights[[3, 5, 9]] = 0.0
    assert told(rows, weights=weights) == []


@pytest.mark.parametrize(
    "column",
    [
        np.r_[np.zeros(9999), 1.0],
        np.full(50, 7.0),
        np.random.default_rng(1).lognormal(0, 2, 2000),
        np.random.default_rng(2).poisson(0.01, 5000).astype(float),
        np.array([1.0, 2.0]),
    ],
)
def test_what_is_rare_is_not_far(column):
    assert told(column[:, None]) == []


def test_a_generator_judges_on_the_scale_that_it_fits():
    random = np.random.default_rng(3)
    rows = np.c_[random.lognormal(0, 2.5, 500), random.normal(size=500)]
    rows[7, 0] = 30 * rows[:, 0].max()

    def none_fitted(table):
        raise AssertionError

    shapes = tuple(shape_of(column) for column in rows.T)
    found = Synthesizer(shapes, (), np.ones(0))
    assert told(rows) != []
    assert values_that_lead(as_table(rows), found) == []
    rows[7, 0] = 1e40
    (sentence,) = values_that_lead(as_table(rows), found)
    assert "row 7, column 0 is 1e+40" in sentence
    assert "on the scale that is fitted" in sentence
    rows[7, 0] = 1e200
    with pytest.raises(DataError, match="row 7, column 0 is 1e\\+200, too far"):
        fitted_synthesizer(as_table(rows), none_fitted)
