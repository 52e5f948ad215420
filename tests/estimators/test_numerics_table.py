"""The table "what must hold" of the design notes, row by row, through the public class.

600×2 rows, two clusters 6 standard deviations apart, unless a row of the table says otherwise.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pandas as pd
import pytest

from cases import two_clusters
from gmmkit import GaussianMixture
from gmmkit.errors import DataError, SingularComponentError, SingularComponentWarning

TYPES = ("full", "tied", "diag", "spherical")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
PARAMETERS = ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_")

every_type = pytest.mark.parametrize("covariance_type", TYPES)


@pytest.fixture(scope="module")
def rows():
    return two_clusters()[0]


def fitted(X, k=2, **settings):
    return GaussianMixture(k, random_state=0, **settings).fit(X)


def assert_same_bits(ours, theirs, X, Y):
    """Two models that were fitted to X and Y, the same values in other types, agree in everything."""
    for name in PARAMETERS:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert ours.lower_bounds_ == theirs.lower_bounds_
    for method in ("predict", "predict_proba", "score_samples"):
        np.testing.assert_array_equal(getattr(ours, method)(X), getattr(theirs, method)(Y))
    for method in ("score", "bic", "aic", "icl"):
        assert getattr(ours, method)(X) == getattr(theirs, method)(Y)


# --- types ------------------------------------------------------------------------------------------------


@every_type
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_are_their_float64_values(rows, dtype, covariance_type):
    # Values from 0 to 255 or −128 to 127: their squares leave eight bits.
    whole = np.clip(np.round(rows * 15), -127, 127) + (128 if dtype.startswith("u") else 0)
    X = whole.astype(dtype)
    np.testing.assert_array_equal(X.astype(float), whole)
    ours, theirs = (fitted(data, covariance_type=covariance_type) for data in (X, whole))
    assert_same_bits(ours, theirs, X, whole)
    assert -15 < ours.score(X) < -5


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_large_integers(rows, dtype):
    X = (np.round(rows * 2**20) + 2**45).astype(dtype)
    ours, theirs = fitted(X), fitted(X.astype(float))
    assert_same_bits(ours, theirs, X, X.astype(float))


@every_type
def test_booleans_are_zero_and_one(covariance_type):
    random = np.random.default_rng(0)
    share = np.repeat([[0.2], [0.8]], 300, axis=0)
    X = random.random((600, 8)) < share
    ours, theirs = (fitted(data, covariance_type=covariance_type) for data in (X, X.astype(float)))
    assert_same_bits(ours, theirs, X, X.astype(float))
    accuracy = (ours.predict(X) == np.repeat([0, 1], 300)).mean()
    assert accuracy > 0.9


@every_type
def test_float16(rows, covariance_type):
    X = rows.astype(np.float16)
    ours, theirs = (fitted(data, covariance_type=covariance_type) for data in (X, X.astype(float)))
    assert_same_bits(ours, theirs, X, X.astype(float))


@every_type
def test_float32_with_an_offset(rows, covariance_type):
    X = (rows + 1e3).astype(np.float32)
    ours, theirs = (fitted(data, covariance_type=covariance_type) for data in (X, rows))
    np.testing.assert_allclose(ours.means_ - 1e3, theirs.means_, atol=1e-4)
    np.testing.assert_allclose(ours.weights_, theirs.weights_, atol=1e-4)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_, atol=1e-4)
    np.testing.assert_allclose(ours.score(X), theirs.score(rows), atol=1e-4)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(rows), atol=1e-4)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(rows))


# --- offsets and scales ---------------------------------------------------------------------------------


@every_type
@pytest.mark.parametrize("offset", [1e8, 1e10])
def test_an_offset_changes_nothing(rows, offset, covariance_type):
    X = rows + offset
    np.testing.assert_array_equal(X - offset, rows)
    ours, theirs = (fitted(data, covariance_type=covariance_type) for data in (X, rows))
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(rows))
    np.testing.assert_allclose(ours.lower_bound_, theirs.lower_bound_, rtol=1e-9)
    # A mean near 1e10 is itself only good to 2e-6.
    np.testing.assert_allclose(ours.score(X), theirs.score(rows), rtol=1e-9)
    np.testing.assert_allclose(ours.score_samples(X), theirs.score_samples(rows), atol=1e-15 * offset)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-6, atol=1e-9)


@every_type
@pytest.mark.parametrize("scale", [1e-8, 1e-150, 1e150])
def test_a_scale_changes_nothing(rows, scale, covariance_type):
    X = rows * scale
    ours, theirs = (fitted(data, covariance_type=covariance_type) for data in (X, rows))
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(rows))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(rows), atol=1e-9)
    np.testing.assert_allclose(ours.means_ / scale, theirs.means_, rtol=1e-9)
    np.testing.assert_allclose(ours.covariances_ / scale / scale, theirs.covariances_, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.precisions_ * scale * scale, theirs.precisions_, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.score(X) + 2 * np.log(scale), theirs.score(rows), rtol=1e-9)
    drawn, _ = ours.sample(5)
    np.testing.assert_allclose(drawn / scale, theirs.sample(5)[0], rtol=1e-9)


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag"])
def test_columns_of_different_scales(rows, covariance_type):
    X = rows * [1e-150, 1e150]
    ours, theirs = (fitted(data, covariance_type=covariance_type, init_params="random") for data in (X, rows))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(rows), atol=1e-9)
    np.testing.assert_allclose(ours.score(X), theirs.score(rows), rtol=1e-9)


@every_type
def test_a_far_point(rows, covariance_type):
    gm = fitted(rows, covariance_type=covariance_type)
    far = np.array([[1e155, 0], [-1e155, 0], [1e155, 1e155], [0, -1e155], [1e308, 1e308], [-1.7e308, 1e308]])
    posterior = gm.predict_proba(far)
    np.testing.assert_allclose(posterior.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(posterior.argmax(axis=1), gm.predict(far))
    # Its own squared distance leaves float64; nearer, the log-density is a number.
    assert (gm.score_samples(far) == -np.inf).all()
    assert gm.score(far) == -np.inf
    scores = gm.score_samples(far[:4] / 1e5)
    assert np.isfinite(scores).all()
    assert (scores < -1e298).all()


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical"])
def test_a_far_point_belongs_to_the_widest_component(rows, covariance_type):
    X = np.concatenate([rows[:300], rows[300:] * 3])
    gm = fitted(X, covariance_type=covariance_type)
    widest = np.trace(gm.mixture_.covariance.dense(), axis1=1, axis2=2).argmax()
    np.testing.assert_array_equal(gm.predict([[1e155, 1e154], [-1e155, 1e154], [1e100, 1e155]]), widest)


# --- condition ------------------------------------------------------------------------------------------


def exact_log_density(weights, means, covariances, X):
    """Log-density in 50 digits, of parameters taken as they are."""
    with mpmath.workdps(50):
        inverses = [mpmath.inverse(mpmath.matrix(c.tolist())) for c in covariances]
        logs = [mpmath.log(mpmath.det(mpmath.matrix(c.tolist()))) for c in covariances]
        d = len(means[0])
        answer = []
        for x in X:
            total = mpmath.mpf(0)
            for w, mean, inverse, log_det in zip(weights, means, inverses, logs, strict=True):
                y = mpmath.matrix([mpmath.mpf(float(a)) - mpmath.mpf(float(b)) for a, b in zip(x, mean, strict=True)])
                distance = (y.T * inverse * y)[0]
                total += mpmath.mpf(float(w)) * mpmath.exp(-(d * mpmath.log(2 * mpmath.pi) + log_det + distance) / 2)
            answer.append(float(mpmath.log(total)))
    return np.array(answer)


def thin(rows, condition):
    """Return rows whose clusters have covariances of about this condition number, not along an axis."""
    turn = np.array([[np.cos(0.6), np.sin(0.6)], [-np.sin(0.6), np.cos(0.6)]])
    return rows @ np.diag([1.0, condition**-0.5]) @ turn


@pytest.mark.parametrize("covariance_type", ["full", "tied"])
def test_condition_number_1e9_against_50_digits(rows, covariance_type):
    X = thin(rows, 1e9)
    gm = fitted(X, covariance_type=covariance_type)
    dense = gm.mixture_.covariance.dense()
    condition = np.linalg.cond(dense).max()
    assert 1e8 < condition < 1e10
    at = np.linspace(0, len(X) - 1, 60).astype(int)
    reference = exact_log_density(gm.weights_, gm.means_, dense, X[at])
    # ε·condition is what one rounding of the covariance itself changes in a squared distance; the rows are up to
    # 4 standard deviations out.
    error = np.abs(gm.score_samples(X[at]) - reference)
    assert error.max() < 10 * np.finfo(float).eps * condition
    np.testing.assert_array_equal(gm.predict(X), fitted(rows, covariance_type=covariance_type).predict(rows))


def test_the_covariance_of_thin_rows_has_its_digits(rows):
    X = thin(rows, 1e9)
    gm = fitted(X, k=1, reg_covar=0)
    with mpmath.workdps(50):
        exact = [[mpmath.mpf(float(v)) for v in row] for row in X]
        means = [mpmath.fsum(row[j] for row in exact) / len(exact) for j in range(2)]
        covariance = mpmath.matrix(2, 2)
        for i in range(2):
            for j in range(2):
                covariance[i, j] = mpmath.fsum((r[i] - means[i]) * (r[j] - means[j]) for r in exact) / len(exact)
        smallest = float(min(mpmath.eigsy(covariance, eigvals_only=True)))
        reference = np.array(covariance.tolist(), dtype=float)
    np.testing.assert_allclose(gm.covariances_[0], reference, rtol=1e-13)
    assert np.linalg.eigvalsh(gm.covariances_[0])[0] == pytest.approx(smallest, rel=1e-5)


# --- degenerate data ------------------------------------------------------------------------------------


def assert_complete(gm, X):
    """No NaN anywhere, and rows of probabilities that sum to 1."""
    for name in PARAMETERS:
        assert np.isfinite(getattr(gm, name)).all()
    assert np.isfinite(gm.score_samples(X)).all()
    np.testing.assert_allclose(gm.predict_proba(X).sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(gm.weights_.sum(), 1.0, rtol=1e-12)


def repairs_of(X, k=2, **settings):
    """Fit where a warning must come; return the model, the records of repairs and the message."""
    with pytest.warns(SingularComponentWarning) as caught:
        gm = fitted(X, k, **settings)
    (warning,) = [w.message for w in caught if w.category is SingularComponentWarning]
    assert warning.repairs == gm.fit_result_.repairs
    assert_complete(gm, X)
    return gm, warning.repairs, str(warning)


def test_repeating_every_row_is_not_degenerate(rows):
    gm, again = fitted(rows), fitted(np.repeat(rows, 5, axis=0))
    np.testing.assert_allclose(again.means_, gm.means_, rtol=1e-10)
    np.testing.assert_allclose(again.covariances_, gm.covariances_, rtol=1e-9, atol=1e-9)
    assert gm.fit_result_.repairs == again.fit_result_.repairs == ()


@every_type
def test_a_cluster_that_is_one_row_repeated(rows, covariance_type):
    X = np.where((np.arange(600) < 300)[:, None], rows, [30.0, 30.0])
    if covariance_type == "tied":  # the other cluster serves for both
        assert_complete(fitted(X, covariance_type=covariance_type), X)
        return
    gm, repairs, message = repairs_of(X, covariance_type=covariance_type)
    assert [(r.kind, r.component) for r in repairs] == [("collapsed", 1)]
    assert "component 1 collapsed" in message
    np.testing.assert_allclose(gm.means_[1], 30.0)
    np.testing.assert_array_equal(gm.predict(X), np.repeat([0, 1], 300))


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag"])
def test_a_constant_column(rows, covariance_type):
    X = np.column_stack([rows, np.full(600, 7.0)])
    gm, repairs, message = repairs_of(X, covariance_type=covariance_type)
    assert [(r.kind, r.column) for r in repairs] == [("constant column", 2)]
    assert "column 2 holds one value only" in message
    np.testing.assert_array_equal(gm.predict(X), fitted(rows, covariance_type=covariance_type).predict(rows))


def test_a_constant_column_is_named():
    X = pd.DataFrame(two_clusters()[0], columns=["length", "width"]).assign(unit=1.0)
    _, _, message = repairs_of(X)
    assert "column 'unit' holds one value only" in message


def test_a_constant_column_is_nothing_to_one_variance_for_all(rows):
    X = np.column_stack([rows, np.full(600, 7.0)])
    gm = fitted(X, covariance_type="spherical")
    np.testing.assert_array_equal(gm.predict(X), fitted(rows, covariance_type="spherical").predict(rows))


@pytest.mark.parametrize("covariance_type", ["full", "tied"])
def test_columns_that_depend_on_each_other(rows, covariance_type):
    X = np.column_stack([rows, rows @ [2.0, -1.0]])
    gm, repairs, message = repairs_of(X, covariance_type=covariance_type)
    (repair,) = repairs
    assert repair.kind == "dependent columns"
    direction = np.array(repair.direction)
    np.testing.assert_allclose(np.abs(direction / direction[2]), [2, 1, 1], rtol=1e-6)
    assert "linearly dependent" in message
    np.testing.assert_array_equal(gm.predict(X), fitted(rows, covariance_type=covariance_type).predict(rows))


def test_more_columns_than_rows():
    X = np.random.default_rng(0).standard_normal((10, 30))
    gm, repairs, _ = repairs_of(X, k=1)
    assert sum(r.kind == "dependent columns" for r in repairs) == 21
    assert gm.covariances_.shape == (1, 30, 30)


DEGENERATE = {
    "one row repeated": lambda rows: np.where((np.arange(600) < 300)[:, None], rows, [30.0, 30.0]),
    "constant column": lambda rows: np.column_stack([rows, np.full(600, 7.0)]),
    "dependent columns": lambda rows: np.column_stack([rows, rows @ [2.0, -1.0]]),
    "three distinct rows": lambda rows: np.repeat([[0.0, 0], [1, 0], [0, 1]], 200, axis=0),
    "one far row": lambda rows: np.concatenate([rows, [[1e15, 1e15]]]),
}


@pytest.mark.parametrize("case", DEGENERATE)
def test_on_singular_raise_raises(rows, case):
    X = DEGENERATE[case](rows)
    with pytest.raises(SingularComponentError, match="ill-defined empirical covariance"):
        fitted(X, on_singular="raise")


@pytest.mark.parametrize("case", DEGENERATE)
def test_no_ridge_raises_as_scikit_learn_does(rows, case):
    X = DEGENERATE[case](rows)
    with pytest.raises(ValueError, match="ill-defined empirical covariance"):
        fitted(X, reg_covar=0)


@every_type
def test_fewer_distinct_rows_than_components(covariance_type):
    X = np.repeat([[0.0, 0], [1, 0], [0, 1]], 10, axis=0)
    gm, repairs, message = repairs_of(X, k=5, covariance_type=covariance_type)
    held = gm.fit_result_.health.effective_rows
    empty = {r.component for r in repairs if r.kind == "empty"}
    assert len(empty) == 2
    assert (held[list(empty)] < 1e-3).all()
    np.testing.assert_allclose(held.sum(), 30)
    assert "2 component(s) hold no rows" in message
    assert len(np.unique(gm.predict(X))) == 3
    assert empty.isdisjoint(gm.predict(X))


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical"])
@pytest.mark.parametrize("row", [0, 137, 600])
def test_one_row_at_1e15_is_named(rows, row, covariance_type):
    X = np.insert(rows, row, [1e15, 1e15], axis=0)
    gm, repairs, message = repairs_of(X, covariance_type=covariance_type)
    (repair,) = [r for r in repairs if r.kind == "few rows"]
    assert (repair.component, repair.row) == (gm.predict(X)[row], row)
    assert f"component {repair.component} rests on 1 effective rows, in effect row {row}" in message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("method", ["fit", "predict", "predict_proba", "score_samples", "score", "bic"])
def test_nan_and_inf_are_named(rows, method, bad):
    X = rows.copy()
    X[123, 1] = bad
    gm = GaussianMixture(2) if method == "fit" else fitted(rows)
    with pytest.raises(DataError, match=r"X: row 123, column 1 is (NaN|-?infinity); .*finite"):
        getattr(gm, method)(X)


def test_nan_is_named_by_its_column(rows):
    X = pd.DataFrame(rows.copy(), columns=["length", "width"])
    gm = fitted(X)
    X.loc[41, "width"] = np.nan
    for call in (GaussianMixture(2).fit, gm.predict):
        with pytest.raises(DataError, match="row 41, column 'width' is NaN"):
            call(X)


# --- Ctrl-C ---------------------------------------------------------------------------------------------


class Interrupt:
    """A callback that behaves as Ctrl-C in a given pass of a given start."""

    def __init__(self, iteration, restart=0):
        self.iteration, self.restart = iteration, restart

    def __call__(self, progress):
        if (progress.restart, progress.iteration) == (self.restart, self.iteration):
            raise KeyboardInterrupt


@every_type
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupt_leaves_the_model_reached(rows, covariance_type, n_jobs):
    settings = {"covariance_type": covariance_type, "tol": 0.0, "init_params": "random"}
    gm = GaussianMixture(2, random_state=0, callback=Interrupt(4), max_iter=50, n_jobs=n_jobs, **settings)
    with pytest.raises(KeyboardInterrupt):
        gm.fit(rows)
    assert gm.converged_ is False
    assert gm.n_iter_ == 4
    assert len(gm.lower_bounds_) == 4
    assert gm.lower_bound_ == gm.lower_bounds_[-1]
    assert gm.fit_result_.interrupted
    assert_complete(gm, rows)
    with pytest.warns(match="did not converge"):
        same = fitted(rows, max_iter=4, **settings)
    for name in PARAMETERS:
        np.testing.assert_array_equal(getattr(gm, name), getattr(same, name))


def test_an_interrupt_in_a_later_start_leaves_the_best(rows):
    first = fitted(rows)
    gm = GaussianMixture(2, n_init=5, random_state=0, callback=Interrupt(1, restart=2))
    with pytest.raises(KeyboardInterrupt):
        gm.fit(rows)
    assert gm.converged_ is False
    assert gm.lower_bound_ >= first.lower_bound_ - 1e-9
    assert_complete(gm, rows)


def test_a_model_can_go_on_after_an_interrupt(rows):
    gm = GaussianMixture(2, random_state=0, init_params="random", warm_start=True, tol=1e-6, max_iter=1000)
    gm.set_params(callback=Interrupt(3))
    with pytest.raises(KeyboardInterrupt):
        gm.fit(rows)
    gm.set_params(callback=None).fit(rows)
    assert gm.converged_
    whole = fitted(rows, init_params="random", tol=1e-6, max_iter=1000)
    np.testing.assert_allclose(np.sort(gm.means_, axis=0), np.sort(whole.means_, axis=0), atol=1e-2)


# --- order of components --------------------------------------------------------------------------------


@every_type
@pytest.mark.parametrize("k", [2, 3])
def test_the_same_data_get_the_same_labels(rows, k, covariance_type):
    """Neither the order of the rows nor the seed matters where there is one good solution."""
    third = rows[:300] + np.array([3.0, 30.0])
    X = rows if k == 2 else np.concatenate([rows, third])
    first = fitted(X, k, covariance_type=covariance_type)
    labels = first.predict(X)
    for seed in range(1, 5):
        order = np.random.default_rng(seed).permutation(len(X))
        gm = GaussianMixture(k, covariance_type=covariance_type, random_state=seed).fit(X[order])
        np.testing.assert_array_equal(gm.predict(X[order]), labels[order])
        np.testing.assert_allclose(gm.means_, first.means_, atol=1e-2)


def test_components_come_along_their_principal_axis(rows):
    X = np.concatenate([rows, rows[:300] + np.array([30.0, 0.0])])
    np.testing.assert_array_equal(np.argsort(fitted(X, 3).means_[:, 0]), [0, 1, 2])
    np.testing.assert_array_equal(np.argsort(fitted(X[:, ::-1], 3).means_[:, 1]), [0, 1, 2])
