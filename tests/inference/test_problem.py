import numpy as np

from cases import opened
from gmmkit.data import as_table
from gmmkit.inference.sampling import sample_rows

ROWS = np.random.default_rng(0).normal(loc=(0.0, 5.0, -2.0), size=(60, 3))


def test_rows_in_the_frame_are_those_of_the_table():
    with opened(ROWS) as problem:
        np.testing.assert_array_equal(problem.framed(), problem.frame.points_in(ROWS).T)
        assert problem.framed() is problem.framed()


def test_some_rows_in_the_place_of_all_are_read_anew():
    with opened(ROWS) as problem:
        problem.framed(), sample_rows(problem, 0)  # kept
        part = problem.with_rows(as_table(ROWS[20:50]))
        np.testing.assert_array_equal(part.framed(), problem.frame.points_in(ROWS[20:50]).T)
        assert len(sample_rows(part, 0).rows) == 30
        assert part.pooled is problem.pooled
        assert len(sample_rows(problem, 0).rows) == problem.framed().shape[1] == 60


def test_columns_that_only_the_farthest_rows_tell_from_constant_ones():
    rare = np.random.default_rng(3).random((200, 30)) < 0.01
    spread = rare.std(axis=0)
    # Without the farthest rows rounding leaves some columns a variance below 0.
    with opened((rare - rare.mean(axis=0)) / np.where(spread > 0, spread, 1.0) + 0.1) as problem:
        assert np.isfinite(problem.framed()).all()


def test_gross_outliers_leave_nothing_of_the_frame_before():
    rows = ROWS.copy()
    rows[7] = 1e9
    with opened(rows) as problem:
        assert problem.frame.scale.max() > 1e-3
        np.testing.assert_array_equal(problem.framed(), problem.frame.points_in(rows).T)
        found = np.sort(sample_rows(problem, 0).rows, axis=0)
        np.testing.assert_array_equal(found, np.sort(problem.frame.points_in(rows), axis=0))
