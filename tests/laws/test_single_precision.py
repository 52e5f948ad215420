"""Fits of float32 rows are float64's to 1e-5 wherever the guard lets floats compute them; elsewhere, they say so."""

from __future__ import annotations

import os
import re
import warnings

import numpy as np
import pytest

from gmmkit import GaussianMixture, StudentMixture
from gmmkit.errors import PrecisionWarning
from gmmkit.inference import plain, warm_up
from gmmkit.kernels import native

pytestmark = pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))

SIZES = {  # rows, columns, components
    "one column": (20_000, 1, 3), "two columns": (20_000, 2, 5), "eight": (8_000, 8, 6), "thirteen": (6_000, 13, 5),
    "forty": (4_000, 40, 6), "many components": (12_000, 4, 90),
}  # fmt: skip
COMMON = ("tied", "EEE", "EEI", "EII")


@pytest.fixture(autouse=True)
def none_is_small(monkeypatch):
    monkeypatch.setattr(plain, "_SMALL", 0)


def clusters(n=4_000, d=3, k=4, spread=3.0, seed=0):
    random = np.random.default_rng(seed)
    means = spread * random.normal(size=(k, d))
    scales = 0.5 + random.random((k, d))
    of = random.integers(k, size=n)
    return (means[of] + scales[of] * random.normal(size=(n, d))).astype(np.float32), means


def fitted(X, means, covariance_type="full", *, kind=GaussianMixture, sample_weight=None, **settings):
    k = len(means)
    given = {
        "tol": 0.0,
        "max_iter": 8,
        "random_state": 0,
        "means_init": means,
        "weights_init": np.full(k, 1 / k),
        **settings,
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*did not converge")
        return kind(k, covariance_type=covariance_type, **given | settings).fit(X, sample_weight=sample_weight)


def assert_close(single, double):
    """Hold a fit in floats to one in doubles, in units of each component's standard deviations."""
    assert (single.fit_result_.precision, double.fit_result_.precision) == ("float32", "float64")
    a, b = single.fit_result_.mixture, double.fit_result_.mixture
    dense = a.covariance.dense(), b.covariance.dense()
    deviations = np.sqrt(np.diagonal(dense[1], axis1=1, axis2=2))
    assert (np.abs(a.means - b.means) / deviations).max() < 1e-5
    assert (np.abs(dense[0] - dense[1]) / (deviations[:, :, None] * deviations[:, None, :])).max() < 1e-5
    assert np.abs(a.weights - b.weights).max() < 1e-5
    assert single.lower_bound_ == pytest.approx(double.lower_bound_, rel=1e-6, abs=1e-6)


def same(a, b):
    return a.fit_result_.mixture == b.fit_result_.mixture and a.fit_result_.precision == b.fit_result_.precision


# --- where floats compute ---------------------------------------------------------------------------------


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical", "VEI", "VVE", "EEV"])
@pytest.mark.parametrize("size", SIZES)
def test_floats_agree_with_doubles(size, covariance_type):
    if SIZES[size][1] > 13 and covariance_type == "VVE":
        pytest.skip("its refit takes seconds, in either precision")
    X, means = clusters(*SIZES[size])
    for passes in (3, 8):  # after a few passes clusters far apart are found, and the rest is made in doubles
        single, double = (
            fitted(X, means, covariance_type, dtype=dtype, max_iter=passes) for dtype in (None, "float64")
        )
        assert_close(single, double)


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical"])
def test_with_weights(covariance_type):
    X, means = clusters()
    weights = np.random.default_rng(1).integers(0, 3, len(X))
    X[weights == 0] = 1e30
    weighted = fitted(X, means, covariance_type, sample_weight=weights)
    assert_close(weighted, fitted(X, means, covariance_type, sample_weight=weights, dtype="float64"))
    assert_close(weighted, fitted(np.repeat(X, weights, axis=0), means, covariance_type, dtype="float64"))


@pytest.mark.parametrize("scale", [1e-100, 1e-46, 1e-42, 1e-10, 1e10, 1e39, 1e100])
def test_weights_of_any_scale(scale):
    X, means = clusters()
    weights = scale * np.random.default_rng(1).integers(1, 3, len(X))
    found = fitted(X, means, sample_weight=weights)
    assert found.fit_result_.precision == ("float32" if 1e-12 < scale < 1e12 else "float64")
    double = fitted(X, means, sample_weight=weights / scale, dtype="float64")
    assert np.abs(found.means_ - double.means_).max() < 1e-5
    assert found.lower_bound_ == pytest.approx(double.lower_bound_, rel=1e-6)


def test_fits_that_converge():
    X, means = clusters(20_000, 2, 5, spread=1.5)
    for covariance_type in ("full", "diag"):
        single, double = (
            fitted(X, means, covariance_type, dtype=dtype, tol=1e-7, max_iter=2_000) for dtype in (None, "float64")
        )
        assert single.converged_
        assert_close(single, double)


def test_each_start_begins_in_floats(monkeypatch):
    X, means = clusters()
    seen = []
    steps = warm_up.MiniBatches.steps

    def watched(self, algorithm, *others):
        seen.append(algorithm.problem.refining)
        return steps(self, algorithm, *others)

    monkeypatch.setattr(warm_up.MiniBatches, "steps", watched)
    given = {"means_init": None, "weights_init": None, "max_iter": 200, "tol": 1e-8}
    fitted(X, means, n_init=3, warm_up="mini-batch", **given)
    assert seen == [False, False, False]


@pytest.mark.parametrize("offset", [0.0, 50.0, 1e4])
@pytest.mark.parametrize("scale", [1e-12, 1e12])
@pytest.mark.parametrize("covariance_type", ["full", "diag"])
def test_wherever_and_however_wide_the_data_lie(covariance_type, scale, offset):
    X, means = clusters(d=2)
    X, means = ((X + offset) * scale).astype(np.float32), (means + offset) * scale
    assert_close(fitted(X, means, covariance_type), fitted(X, means, covariance_type, dtype="float64"))


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical"])
@pytest.mark.parametrize("distance", [30.0, 60.0, 80.0])
def test_up_to_the_guards_distance(distance, covariance_type):
    random = np.random.default_rng(2)
    # Two that overlap: what is off in their scores moves them.
    means = np.array([[-1.0, 0.2], [1.0, -0.2], [1.0, -0.2]]) * distance + [[0.0, 0.0], [0.0, 0.0], [1.5, 1.0]]
    X = (means[random.integers(3, size=9_000)] + random.normal(size=(9_000, 2))).astype(np.float32)
    assert_close(fitted(X, means, covariance_type), fitted(X, means, covariance_type, dtype="float64"))


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32"), ">f4"])
def test_rows_in_doubles_are_computed_in_floats_where_that_is_asked_for(dtype):
    X, means = clusters()
    X = X + np.random.default_rng(3).normal(size=X.shape)
    assert fitted(X, means).fit_result_.precision == "float64"
    single = fitted(X, means, dtype=dtype)
    assert_close(single, fitted(X, means))
    assert single.means_.dtype == np.float64


def test_any_number_of_threads_gives_the_same_bits(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    monkeypatch.setattr("gmmkit.execution.plan._LEAST_SHARED", 1)
    X, means = clusters(20_000)
    for covariance_type in ("full", "diag"):
        one = fitted(X, means, covariance_type, n_jobs=1)
        assert one.fit_result_.precision == "float32"
        assert same(fitted(X, means, covariance_type, n_jobs=4), one)


# --- where they do not ------------------------------------------------------------------------------------


def far():
    random = np.random.default_rng(4)
    means = np.array([[-1e4, 0.0], [1e4, 0.0]])
    return (means[random.integers(2, size=3_000)] + random.normal(size=(3_000, 2))).astype(np.float32), means


CASES = {
    "clusters far apart": (far, {"reg_covar": 1e-6}, "rows lie more than some hundred standard deviations"),
    **{
        name: (clusters, {"covariance_type": name}, r"fits of covariance_type '\w+', which all components share")
        for name in COMMON
    },
    "noise": (clusters, {"noise": True}, "fits with noise"),
    "truncation": (clusters, {"truncation": 2}, "truncated fits are"),
    "acceleration": (clusters, {"acceleration": "squarem"}, "accelerated fits are"),
    "weights": (clusters, {"sample_weight": np.full(4_000, 1e-20)}, "row weights must be from 1e-12 to 1e\\+12"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_the_guard_leaves_is_computed_in_doubles_and_told(name):
    make, settings, why = CASES[name]
    X, means = make()
    found = fitted(X, means, **settings)
    assert found.fit_result_.precision == "float64"
    assert same(found, fitted(X, means, dtype="float64", **settings))
    with pytest.warns(PrecisionWarning) as told:
        asked = fitted(X, means, dtype="float32", **settings)
    (warning,) = [w for w in told if issubclass(w.category, PrecisionWarning)]
    start = "dtype='float32' was asked for, but the fit was computed in float64: "
    assert re.match(start + why, str(warning.message))
    assert "\n" not in str(warning.message)
    assert warning.filename == __file__
    assert same(asked, found)


def test_small_fits_are_computed_in_doubles(monkeypatch):
    monkeypatch.undo()
    X, means = clusters(200)
    assert fitted(X, means, dtype="float32").fit_result_.precision == "float64"


def test_t_components_are_computed_in_doubles():
    X, means = clusters()
    assert fitted(X, means, kind=StudentMixture).fit_result_.precision == "float64"


def test_without_the_kernel(monkeypatch):
    monkeypatch.setenv("GMMKIT_NATIVE", "0")
    X, means = clusters()
    assert fitted(X, means).fit_result_.precision == "float64"
    with pytest.warns(PrecisionWarning, match="takes the compiled kernel"):
        fitted(X, means, dtype="float32")


@pytest.mark.parametrize("dtype", ["int8", "float16", "floaty", np.float16, np.int64, 32, object()])
def test_other_types_are_refused(dtype):
    X, means = clusters(200)
    with pytest.raises(ValueError, match=r"'dtype' parameter must be 'float32', 'float64' or None\. Got .* instead$"):
        fitted(X, means, dtype=dtype)
