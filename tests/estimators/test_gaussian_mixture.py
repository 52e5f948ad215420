"""What `GaussianMixture` promises beyond scikit-learn's own tests, and what it shares with it."""

from __future__ import annotations

import copy
import pickle
import re
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn.mixture
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from cases import blobs, two_clusters
from gmmkit import GaussianMixture, Mixture
from gmmkit.data import as_table
from gmmkit.errors import SingularComponentError, SingularComponentWarning
from gmmkit.inference.algorithm import Progress

TYPES = ("full", "tied", "diag", "spherical")
NAMED = ("kmeans", "k-means++", "random_from_data")
PARAMETERS = ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_")

every_type = pytest.mark.parametrize("covariance_type", TYPES)
unfinished = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = blobs()  # 300×3, three overlapping clusters


def fitted(rows=X, k=3, *, weights=None, start=None, **settings):
    return GaussianMixture(k, **{"random_state": 0} | settings).fit(rows, sample_weight=weights, start=start)


def assert_same_bits(ours, theirs):
    for name in PARAMETERS:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert ours.lower_bounds_ == theirs.lower_bounds_
    assert ours.converged_ == theirs.converged_


def assert_close(ours, theirs, rtol=1e-10):
    for name in PARAMETERS:
        expected = getattr(theirs, name)
        np.testing.assert_allclose(getattr(ours, name), expected, rtol=rtol, atol=rtol * np.abs(expected).max())
    np.testing.assert_allclose(ours.lower_bounds_, theirs.lower_bounds_, rtol=rtol)


def scikit_learns(gm):
    """Return scikit-learn's estimator with the parameters of ours."""
    theirs = sklearn.mixture.GaussianMixture(gm.n_components, covariance_type=gm.covariance_type)
    for name in PARAMETERS:
        setattr(theirs, name, getattr(gm, name))
    theirs.n_features_in_ = gm.n_features_in_
    return theirs


# --- weights of rows ------------------------------------------------------------------------------------

COUNTS = np.random.default_rng(1).integers(0, 4, len(X))


def common_start(covariance_type):
    """Return scikit-learn's three `*_init` parameters, for any covariance type."""
    covariance = {
        "full": np.stack([np.cov(X.T)] * 3),
        "tied": np.cov(X.T),
        "diag": np.ones((3, 3)),
        "spherical": np.ones(3),
    }[covariance_type]
    precisions = np.linalg.inv(covariance) if covariance_type in ("full", "tied") else 1 / covariance
    return {"weights_init": [0.2, 0.3, 0.5], "means_init": X[[5, 150, 250]], "precisions_init": precisions}


@every_type
@pytest.mark.parametrize("start", ["given", *NAMED])
def test_an_integer_weight_is_a_repetition(covariance_type, start):
    settings = common_start(covariance_type) if start == "given" else {"init_params": start}
    settings |= {"covariance_type": covariance_type, "max_iter": 300}
    repeated = np.repeat(X, COUNTS, axis=0)
    weighted, long = fitted(weights=COUNTS, **settings), fitted(repeated, **settings)
    assert_close(weighted, long)
    for method in ("score", "bic", "aic", "icl"):
        ours = getattr(weighted, method)(X, sample_weight=COUNTS)
        np.testing.assert_allclose(ours, getattr(long, method)(repeated), rtol=1e-10)


@every_type
@pytest.mark.parametrize("start", ["given", *NAMED])
def test_a_row_of_weight_zero_is_absent(covariance_type, start):
    settings = common_start(covariance_type) if start == "given" else {"init_params": start}
    held = COUNTS > 0
    # However wild it is: far rows of weight 0 must not even move the frame.
    rows = np.where(held[:, None], X, 1e6)
    weighted = fitted(rows, weights=held, covariance_type=covariance_type, **settings)
    short = fitted(X[held], covariance_type=covariance_type, **settings)
    assert_close(weighted, short)
    np.testing.assert_allclose(weighted.score(rows, sample_weight=held), short.score(X[held]), rtol=1e-10)
    np.testing.assert_allclose(weighted.bic(rows, sample_weight=held), short.bic(X[held]), rtol=1e-10)


@every_type
def test_weights_of_one_are_no_weights(covariance_type):
    plain = fitted(covariance_type=covariance_type)
    for ones in (np.ones(len(X)), np.ones(len(X), dtype=bool), [1] * len(X), 1, pd.Series(np.ones(len(X)))):
        assert_close(fitted(weights=ones, covariance_type=covariance_type), plain)


def test_the_unit_of_weights_changes_nothing():
    weights = np.random.default_rng(2).random(len(X))
    assert_close(fitted(weights=1000 * weights), fitted(weights=weights), rtol=1e-9)


def test_score_is_the_weighted_mean():
    gm, weights = fitted(), np.random.default_rng(2).random(len(X))
    expected = np.average(gm.score_samples(X), weights=weights)
    assert gm.score(X, sample_weight=weights) == pytest.approx(expected, rel=1e-12)
    assert gm.score(X) == pytest.approx(gm.score_samples(X).mean(), rel=1e-12)
    assert gm.score(X, None, weights) == gm.score(X, sample_weight=weights)


def test_fit_predict_takes_weights():
    gm = GaussianMixture(3, random_state=0)
    labels = gm.fit_predict(X, sample_weight=COUNTS)
    assert_same_bits(gm, fitted(weights=COUNTS))
    np.testing.assert_array_equal(labels, gm.predict(X))


# --- criteria -------------------------------------------------------------------------------------------


@every_type
def test_criteria(covariance_type):
    gm = fitted(covariance_type=covariance_type)
    theirs = scikit_learns(gm)
    assert gm.bic(X) == pytest.approx(theirs.bic(X), rel=1e-10)
    assert gm.aic(X) == pytest.approx(theirs.aic(X), rel=1e-10)
    assert gm._n_parameters() == theirs._n_parameters()
    certainty = np.log(gm.predict_proba(X).max(axis=1)).sum()
    assert gm.icl(X) == pytest.approx(gm.bic(X) - 2 * certainty, rel=1e-10)
    assert gm.icl(X) > gm.bic(X)


def test_n_in_bic_is_the_sum_of_weights():
    gm, weights = fitted(), np.full(len(X), 2.5)
    expected = 2.5 * (gm.bic(X) - gm._n_parameters() * np.log(300)) + gm._n_parameters() * np.log(750)
    assert gm.bic(X, sample_weight=weights) == pytest.approx(expected, rel=1e-12)


@every_type
def test_predictions_are_scikit_learns(covariance_type):
    gm = fitted(covariance_type=covariance_type)
    theirs = scikit_learns(gm)
    np.testing.assert_array_equal(gm.predict(X), theirs.predict(X))
    np.testing.assert_allclose(gm.predict_proba(X), theirs.predict_proba(X), atol=1e-10)
    np.testing.assert_allclose(gm.score_samples(X), theirs.score_samples(X), rtol=1e-10)


# --- attributes -----------------------------------------------------------------------------------------


@every_type
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_attributes(covariance_type, dtype):
    gm = fitted(X.astype(dtype), covariance_type=covariance_type)
    shape = {"full": (3, 3, 3), "tied": (3, 3), "diag": (3, 3), "spherical": (3,)}[covariance_type]
    shapes = {"weights_": (3,), "means_": (3, 3), **dict.fromkeys(PARAMETERS[2:], shape)}
    for name, expected in shapes.items():
        assert getattr(gm, name).shape == expected
        assert getattr(gm, name).dtype == dtype
    assert gm.predict_proba(X.astype(dtype)).dtype == dtype
    assert gm.score_samples(X.astype(dtype)).dtype == dtype
    assert gm.predict(X.astype(dtype)).dtype == np.intp
    assert isinstance(gm.score(X.astype(dtype)), float)

    rtol = 1e-4 if dtype == np.float32 else 1e-10
    factor = gm.precisions_cholesky_.astype(float)
    dense = gm.covariances_.astype(float)
    if covariance_type in ("full", "tied"):
        product, inverse = factor @ np.swapaxes(factor, -1, -2), np.linalg.inv(dense)
        np.testing.assert_array_equal(np.tril(factor, -1), 0)
        np.testing.assert_allclose(dense, np.swapaxes(dense, -1, -2), rtol=1e-12, atol=1e-12)
    else:
        product, inverse = factor**2, 1 / dense
    np.testing.assert_allclose(product, gm.precisions_, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(inverse, gm.precisions_, rtol=rtol, atol=rtol)

    assert gm.converged_ is True
    assert gm.n_iter_ == len(gm.lower_bounds_)
    assert gm.lower_bound_ == gm.lower_bounds_[-1]
    assert gm.n_features_in_ == 3
    assert not hasattr(gm, "feature_names_in_")
    assert gm.mixture_.covariance_type == covariance_type
    assert gm.fit_result_.converged


@every_type
def test_float32_is_float64_to_its_own_digits(covariance_type):
    single, double = (fitted(X.astype(t), covariance_type=covariance_type) for t in (np.float32, np.float64))
    for name in PARAMETERS[:3]:
        np.testing.assert_allclose(getattr(single, name), getattr(double, name), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("weights_", lambda a: a[::-1].copy()),
        ("means_", lambda a: a + 1.0),
        ("covariances_", lambda a: 2 * a),
    ],
)
@every_type
def test_attributes_changed_by_hand_are_honoured(name, change, covariance_type):
    gm = fitted(covariance_type=covariance_type)
    before = gm.score(X)
    setattr(gm, name, change(getattr(gm, name)))
    mixture = Mixture.from_arrays(gm.weights_, gm.means_, gm.covariances_, covariance_type=covariance_type)
    np.testing.assert_array_equal(gm.predict_proba(X), mixture.posterior(X))
    np.testing.assert_array_equal(gm.score_samples(X), mixture.log_density(X))
    np.testing.assert_array_equal(gm.predict(X), mixture.classify(X))
    assert gm.score(X) < before
    assert gm.mixture_ == mixture


def test_attributes_changed_in_place_are_honoured():
    gm = fitted()
    gm.means_ += 100.0
    np.testing.assert_allclose(gm.sample(1000)[0].mean(axis=0), 100 + X.mean(axis=0), atol=1)
    gm.means_[...] -= 100.0
    np.testing.assert_allclose(gm.score(X), fitted().score(X), rtol=1e-10)


def test_the_mixture_is_made_once():
    gm = fitted()
    assert gm.mixture_ is gm.mixture_
    assert gm.mixture_ is gm.fit_result_.mixture


# --- inputs ---------------------------------------------------------------------------------------------

NAMES = ["a", "b", "c"]


def memory_mapped(folder):
    np.save(folder / "rows.npy", X)
    return np.load(folder / "rows.npy", mmap_mode="r")


def read_only(_):
    rows = X.copy()
    rows.setflags(write=False)
    return rows


INPUTS = {
    "Fortran order": lambda _: np.asfortranarray(X),
    "every other row": lambda _: np.repeat(X, 2, axis=0)[::2],
    "reversed twice": lambda _: X[::-1].copy()[::-1],
    "read-only": read_only,
    "memory map": memory_mapped,
    "big-endian": lambda _: X.astype(">f8"),
    "long double": lambda _: X.astype(np.longdouble),
    "list of lists": lambda _: X.tolist(),
    "objects": lambda _: X.astype(object),
    "pandas": lambda _: pd.DataFrame(X, columns=NAMES),
    "pandas with Arrow": lambda _: pd.DataFrame(X, columns=NAMES).convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda _: pl.DataFrame(X, schema=NAMES),
    "Arrow": lambda _: pa.table(dict(zip(NAMES, X.T, strict=True))),
    "Table": lambda _: as_table(X),
    "Table with names": lambda _: as_table(X, names=NAMES),
    "iterator": lambda _: iter(np.array_split(X, 7)),
    "generator of frames": lambda _: (pd.DataFrame(part, columns=NAMES) for part in np.array_split(X, 7)),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_the_same_rows_in_any_form_give_the_same_model(kind, tmp_path):
    make = INPUTS[kind]
    plain = fitted()
    gm = fitted(make(tmp_path))
    assert_same_bits(gm, plain)
    np.testing.assert_array_equal(gm.predict(make(tmp_path)), plain.predict(X))
    np.testing.assert_array_equal(gm.predict_proba(make(tmp_path)), plain.predict_proba(X))
    assert gm.score(make(tmp_path)) == plain.score(X)
    assert gm.bic(make(tmp_path)) == plain.bic(X)


@pytest.mark.parametrize("kind", ["pandas", "polars", "generator of frames", "Table with names"])
def test_feature_names_are_kept(kind, tmp_path):
    gm = fitted(INPUTS[kind](tmp_path))
    assert list(gm.feature_names_in_) == NAMES
    assert gm.feature_names_in_.dtype == object
    gm.fit(X)
    assert not hasattr(gm, "feature_names_in_")


@pytest.mark.parametrize("kind", INPUTS)
def test_the_caller_s_rows_are_untouched(kind, tmp_path):
    before = X.copy()
    fitted(INPUTS[kind](tmp_path)).predict(INPUTS[kind](tmp_path))
    np.testing.assert_array_equal(X, before)


def test_weights_go_with_an_iterator():
    gm = fitted(iter(np.array_split(X, 7)), weights=COUNTS)
    assert_same_bits(gm, fitted(weights=COUNTS))


def test_one_column():
    gm = fitted(X[:, :1], k=2)
    assert gm.means_.shape == (2, 1)
    assert gm.means_[0, 0] < gm.means_[1, 0]


# --- threads --------------------------------------------------------------------------------------------


@unfinished
@every_type
def test_any_number_of_threads_gives_the_same_bits(covariance_type):
    rows = np.concatenate([two_clusters(seed)[0] for seed in range(250)])  # several blocks
    weights = np.random.default_rng(0).random(len(rows))
    settings = {"covariance_type": covariance_type, "max_iter": 5, "init_params": "random"}
    serial = fitted(rows, weights=weights, n_jobs=1, **settings)
    for n_jobs in (2, 3, -1, None):
        threaded = fitted(rows, weights=weights, n_jobs=n_jobs, **settings)
        assert_same_bits(threaded, serial)
        assert threaded.score(rows) == serial.score(rows)
        assert threaded.icl(rows, sample_weight=weights) == serial.icl(rows, sample_weight=weights)
        np.testing.assert_array_equal(threaded.score_samples(rows), serial.score_samples(rows))
        np.testing.assert_array_equal(threaded.predict(rows), serial.predict(rows))


@unfinished
def test_nothing_of_rows_times_components_is_kept():
    n, k = 200_000, 40
    rows = np.random.default_rng(0).standard_normal((n, 2))
    answer = 8 * n * k  # 64 MB
    gm = GaussianMixture(k, max_iter=2, random_state=0, n_jobs=1)
    peaks = {}
    for name, call in {"fit": gm.fit, "predict": gm.predict, "score": gm.score, "icl": gm.icl}.items():
        tracemalloc.start()
        try:
            call(rows)
            peaks[name] = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert max(peaks.values()) < answer / 2, peaks


# --- callback and verbose -------------------------------------------------------------------------------


@unfinished
@pytest.mark.parametrize("max_iter", [4, 100])
def test_the_callback_gets_a_record_of_each_pass(max_iter):
    seen = []
    gm = fitted(n_init=3, callback=seen.append, max_iter=max_iter)
    assert all(isinstance(record, Progress) for record in seen)
    assert [r.restart for r in seen] == sorted(r.restart for r in seen)
    traces = [[r for r in seen if r.restart == restart] for restart in range(3)]
    for trace in traces:
        assert [r.iteration for r in trace] == list(range(1, len(trace) + 1))
        assert trace[0].gain == np.inf
        np.testing.assert_allclose([r.gain for r in trace[1:]], np.diff([r.objective for r in trace]), rtol=1e-12)
        assert not any(r.converged for r in trace[:-1])
        assert trace[-1].converged or len(trace) == max_iter
    best = max(traces, key=lambda trace: trace[-1].objective)
    assert [r.objective for r in best] == gm.lower_bounds_
    with pytest.raises(AttributeError):
        seen[0].objective = 0.0


def test_an_error_in_a_callback_goes_on():
    def stop(progress):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        fitted(callback=stop)


@unfinished
@pytest.mark.parametrize("verbose", [1, 2])
@pytest.mark.parametrize("max_iter", [5, 1000])
def test_verbose_prints_what_scikit_learn_prints(verbose, max_iter, capsys):
    settings = common_start("full") | {"verbose": verbose, "verbose_interval": 3, "max_iter": max_iter}
    settings |= {"reg_covar": 1e-6, "tol": 1e-4}

    def printed(estimator):
        estimator(3, **settings).fit(X)
        return re.sub(r"time lapse [\d.]+s", "time lapse", capsys.readouterr().out)

    theirs = printed(sklearn.mixture.GaussianMixture)
    assert printed(GaussianMixture) == theirs
    assert ("did not converge" in theirs) == (max_iter == 5)


def test_silent_by_default(capsys):
    fitted()
    assert capsys.readouterr() == ("", "")


# --- starts ---------------------------------------------------------------------------------------------

LABELS = np.digitize(X[:, 0], np.quantile(X[:, 0], [0.3, 0.7]))


@every_type
def test_labels_as_a_start(covariance_type):
    gm = fitted(start=LABELS, covariance_type=covariance_type, max_iter=0)
    for j in range(3):
        np.testing.assert_allclose(gm.means_[j], X[j == LABELS].mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(gm.weights_, np.bincount(LABELS) / len(X), rtol=1e-10)
    settings = {"covariance_type": covariance_type}
    gm = fitted(start=LABELS, **settings)
    assert_same_bits(fitted(start=np.eye(3)[LABELS], **settings), gm)
    assert_same_bits(fitted(start=np.array(["low", "mid", "up"])[LABELS], **settings), gm)
    assert_same_bits(fitted(start=LABELS.tolist(), **settings), gm)
    assert_same_bits(fitted(start=pd.Series(LABELS * 10 - 5), **settings), gm)


@every_type
def test_responsibilities_as_a_start(covariance_type):
    R = np.random.default_rng(0).dirichlet(np.ones(3), len(X))
    gm = fitted(start=R, covariance_type=covariance_type, max_iter=0, reg_covar=0)
    np.testing.assert_allclose(gm.means_, R.T @ X / R.sum(axis=0)[:, None], rtol=1e-10)
    np.testing.assert_allclose(gm.weights_, R.mean(axis=0), rtol=1e-10)
    if covariance_type == "full":
        for j in range(3):
            expected = np.cov(X.T, aweights=R[:, j], bias=True)
            np.testing.assert_allclose(gm.covariances_[j], expected, rtol=1e-10)


@every_type
def test_a_mixture_as_a_start(covariance_type):
    first = fitted(covariance_type=covariance_type)
    same = fitted(start=first.mixture_, covariance_type=covariance_type, max_iter=0)
    for name in PARAMETERS[:3]:
        np.testing.assert_allclose(getattr(same, name), getattr(first, name), rtol=1e-12)
    swapped = fitted(start=first.mixture_.take([2, 0, 1]), covariance_type=covariance_type)
    np.testing.assert_array_equal(np.array([2, 0, 1])[swapped.predict(X)], first.predict(X))


@every_type
def test_three_inits_are_a_mixture(covariance_type):
    inits = common_start(covariance_type)
    gm = fitted(covariance_type=covariance_type, max_iter=0, **inits)
    np.testing.assert_allclose(gm.weights_, inits["weights_init"], rtol=1e-12)
    np.testing.assert_allclose(gm.means_, inits["means_init"], rtol=1e-12)
    np.testing.assert_allclose(gm.precisions_, inits["precisions_init"], rtol=1e-10)
    gm = fitted(covariance_type=covariance_type, **inits)
    start = fitted(covariance_type=covariance_type, max_iter=0, **inits).mixture_
    assert_close(fitted(covariance_type=covariance_type, start=start), gm, rtol=1e-9)


@every_type
@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "random", "random_from_data"])
@pytest.mark.parametrize(
    "given", [{"weights"}, {"means"}, {"precisions"}, {"weights", "means"}, {"means", "precisions"}]
)
def test_what_is_not_given_comes_from_init_params(covariance_type, init_params, given):
    inits = common_start(covariance_type)
    settings = {"covariance_type": covariance_type, "init_params": init_params}
    gm = fitted(max_iter=0, **settings, **{name: inits[name] for name in inits if name.split("_")[0] in given})
    # The named start in its own order of components, which is what the rest is taken from.
    for name in ("weights", "means", "precisions"):
        if name in given:
            np.testing.assert_allclose(getattr(gm, f"{name}_"), inits[f"{name}_init"], rtol=1e-10)
        else:
            plain = fitted(max_iter=0, **settings)
            ours, theirs = getattr(gm, f"{name}_"), getattr(plain, f"{name}_")
            np.testing.assert_allclose(np.sort(ours, axis=0), np.sort(theirs, axis=0), rtol=1e-8)


def test_the_order_of_means_init_is_kept():
    means = fitted().means_
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        gm = fitted(means_init=means[order])
        np.testing.assert_allclose(gm.means_, means[order], atol=0.5)


@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "random", "random_from_data"])
def test_a_seed_says_the_same_twice(init_params):
    first, second = (fitted(init_params=init_params, random_state=3) for _ in range(2))
    assert_same_bits(first, second)
    state = np.random.RandomState(3)
    assert_same_bits(fitted(init_params=init_params, random_state=state), first)
    other = fitted(init_params=init_params, random_state=4)
    assert (other.lower_bounds_ != first.lower_bounds_) or init_params.startswith("k")


@unfinished
def test_n_init_keeps_the_best():
    seen = []
    settings = {"init_params": "random_from_data", "max_iter": 6}
    gm = fitted(n_init=8, callback=seen.append, **settings)
    ends = {r.restart: r.objective for r in seen}
    assert len(ends) == 8
    assert len(set(ends.values())) > 1
    assert gm.lower_bound_ == max(ends.values())
    assert gm.fit_result_.starts_tried == 8
    # The first start is the same however many there are.
    assert fitted(n_init=1, **settings).lower_bound_ == ends[0]


# --- warm start and max_iter ----------------------------------------------------------------------------


@unfinished
@every_type
def test_a_warm_start_goes_on(covariance_type):
    settings = {"covariance_type": covariance_type, "tol": 0.0, "init_params": "random"}
    parts = GaussianMixture(3, random_state=0, warm_start=True, max_iter=5, **settings)
    bounds = []
    for _ in range(4):
        parts.fit(X)
        bounds += parts.lower_bounds_
    whole = fitted(max_iter=20, **settings)
    np.testing.assert_allclose(bounds, whole.lower_bounds_, rtol=1e-9)
    order = np.argsort(parts.means_[:, 0])
    np.testing.assert_allclose(parts.means_[order], whole.means_[np.argsort(whole.means_[:, 0])], rtol=1e-7)


def test_a_warm_start_at_the_end_is_done_at_once():
    gm = fitted(warm_start=True)
    labels = gm.predict(X)
    gm.fit(X)
    assert gm.converged_
    assert gm.n_iter_ == 1
    np.testing.assert_array_equal(gm.predict(X), labels)


def test_a_warm_start_goes_on_from_attributes_set_by_hand():
    gm = fitted(warm_start=True, max_iter=0)
    gm.means_ = gm.means_ + 0.25
    gm.fit(X)
    np.testing.assert_allclose(gm.means_, fitted(max_iter=0).means_ + 0.25, rtol=1e-12)


@every_type
def test_no_passes_at_all(covariance_type):
    gm = fitted(covariance_type=covariance_type, max_iter=0)
    assert (gm.n_iter_, gm.lower_bounds_, gm.lower_bound_, gm.converged_) == (0, [], -np.inf, False)
    assert np.isfinite(gm.score(X))


def test_not_converged_is_warned_of():
    with pytest.warns(
        ConvergenceWarning, match="did not converge. Try different init parameters, or increase max_iter"
    ):
        gm = fitted(max_iter=2, tol=0.0)
    assert gm.converged_ is False
    assert gm.fit_result_.reason == "max_iter"


# --- regularisation and singular components --------------------------------------------------------------


@every_type
def test_a_number_is_added_to_the_diagonal(covariance_type):
    ridge = 0.5
    plain, ridged = (fitted(k=1, covariance_type=covariance_type, reg_covar=r) for r in (0, ridge))
    added = {"full": ridge * np.eye(3), "tied": ridge * np.eye(3)}.get(covariance_type, ridge)
    np.testing.assert_allclose(ridged.covariances_, plain.covariances_ + added, rtol=1e-12)
    theirs = sklearn.mixture.GaussianMixture(1, covariance_type=covariance_type, reg_covar=ridge).fit(X)
    np.testing.assert_allclose(ridged.covariances_, theirs.covariances_, rtol=1e-10)


@every_type
def test_auto_adds_one_millionth_of_the_data_s_own_covariance(covariance_type):
    plain, auto = (fitted(k=1, covariance_type=covariance_type, reg_covar=r) for r in (0, "auto"))
    np.testing.assert_allclose(auto.covariances_, plain.covariances_ * (1 + 1e-6), rtol=1e-12)


@pytest.mark.parametrize("covariance_type", ["full", "tied"])
def test_auto_is_blind_to_linear_maps(covariance_type):
    random = np.random.default_rng(0)
    matrix = random.standard_normal((3, 3)) * [1.0, 1e-3, 1e3]
    plain = fitted(start=LABELS, covariance_type=covariance_type)
    mapped = fitted(X @ matrix, start=LABELS, covariance_type=covariance_type)
    np.testing.assert_array_equal(mapped.predict(X @ matrix), plain.predict(X))
    np.testing.assert_allclose(mapped.means_, plain.means_ @ matrix, rtol=1e-6)
    volume = np.linalg.slogdet(matrix)[1]
    np.testing.assert_allclose(mapped.score(X @ matrix), plain.score(X) - volume, rtol=1e-9)


@unfinished
@every_type
@pytest.mark.parametrize("reg_covar", ["auto", 0])
def test_the_objective_never_falls(covariance_type, reg_covar):
    gm = fitted(covariance_type=covariance_type, reg_covar=reg_covar, tol=0.0, max_iter=60)
    gains = np.diff(gm.lower_bounds_)
    assert gains.min() > -1e-12


# 300 rows, and two alone far away: a component for each of these has no covariance of its own.
LONELY = np.concatenate([X, [[60.0, 60.0, 60.0], [-60.0, 60.0, -60.0]]])
CROWDED = {"k": 5, "covariance_type": "full"}


def lonely_start():
    return np.concatenate([LABELS, [3, 4]])


@pytest.mark.parametrize("on_singular", ["auto", "floor"])
def test_on_singular_floor(on_singular):
    with pytest.warns(SingularComponentWarning) as caught:
        gm = fitted(LONELY, start=lonely_start(), on_singular=on_singular, **CROWDED)
    (warning,) = caught
    few = [r for r in warning.message.repairs if r.kind == "few rows"]
    assert [(r.component, r.row) for r in few] == [(3, 300), (4, 301)]
    assert all(r.effective_rows == pytest.approx(1) for r in few)
    assert "component 3 rests on 1 effective rows, in effect row 300" in str(warning.message)
    np.testing.assert_allclose(gm.means_[3:], LONELY[300:], rtol=1e-6)


def test_on_singular_drop():
    with pytest.warns(SingularComponentWarning, match="dropped") as caught:
        gm = fitted(LONELY, start=lonely_start(), on_singular="drop", **CROWDED)
    assert len(gm.weights_) == len(gm.means_) == len(gm.covariances_) < 5
    drops = [r for r in caught[0].message.repairs if r.kind == "drop"]
    assert {3, 4} >= {r.component for r in drops if r.iteration == 1}
    assert len(gm.weights_) == 5 - len(drops)
    assert gm.fit_result_.health.spurious() is None
    assert gm.predict_proba(LONELY).shape == (302, len(gm.weights_))


@unfinished
def test_on_singular_reseed():
    with pytest.warns(SingularComponentWarning, match="moved") as caught:
        gm = fitted(LONELY, start=lonely_start(), on_singular="reseed", **CROWDED)
    kinds = {r.kind for w in caught if w.category is SingularComponentWarning for r in w.message.repairs}
    assert "reseed" in kinds
    for name in PARAMETERS:
        assert np.isfinite(getattr(gm, name)).all()
    np.testing.assert_allclose(gm.predict_proba(LONELY).sum(axis=1), 1)


def test_on_singular_raise():
    with pytest.raises(SingularComponentError, match="ill-defined empirical covariance") as caught:
        fitted(LONELY, start=lonely_start(), on_singular="raise", **CROWDED)
    assert caught.value.asked


def test_no_ridge_and_auto_is_refused_in_scikit_learn_s_words():
    with pytest.raises(ValueError, match="Fitting the mixture model failed because some components have ill-defined"):
        fitted(LONELY, start=lonely_start(), reg_covar=0, **CROWDED)


@pytest.mark.parametrize("on_singular", ["auto", "floor", "reseed", "drop", "raise"])
def test_on_singular_says_nothing_where_nothing_is_singular(on_singular):
    assert_same_bits(fitted(on_singular=on_singular), fitted())


# --- as a scikit-learn object ----------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda gm: pickle.loads(pickle.dumps(gm))], ids=["copy", "pickle"])
def test_copies_are_the_same(copied):
    gm = fitted(pd.DataFrame(X, columns=NAMES))
    other = copied(gm)
    frame = pd.DataFrame(X, columns=NAMES)
    assert_same_bits(other, gm)
    np.testing.assert_array_equal(other.predict_proba(frame), gm.predict_proba(frame))
    assert list(other.feature_names_in_) == NAMES
    assert other.mixture_ == gm.mixture_
    assert other.fit_result_.objectives == gm.fit_result_.objectives
    other.means_ = other.means_ + 1
    assert other.score(frame) < gm.score(frame)


def test_clone_and_parameters():
    theirs = sklearn.mixture.GaussianMixture().get_params()
    ours = GaussianMixture().get_params()
    assert set(theirs) <= set(ours)
    differing = {name for name in theirs if theirs[name] != ours[name]}
    assert differing == {"reg_covar"}
    gm = fitted(n_jobs=2, on_singular="drop", reg_covar=1e-3)
    other = clone(gm)
    assert other.get_params() == gm.get_params()
    assert not hasattr(other, "means_")
    assert_same_bits(other.fit(X), gm)


def test_positional_arguments_are_scikit_learns():
    assert GaussianMixture(4).n_components == 4
    with pytest.raises(TypeError):
        GaussianMixture(4, "full")
    assert_same_bits(GaussianMixture(3, random_state=0).fit(X, LABELS), fitted())


def test_fit_predict_is_fit_and_predict():
    np.testing.assert_array_equal(GaussianMixture(3, random_state=0).fit_predict(X), fitted().predict(X))
    np.testing.assert_array_equal(GaussianMixture(3, random_state=0).fit_predict(X, LABELS), fitted().predict(X))


@every_type
def test_samples(covariance_type):
    gm = fitted(covariance_type=covariance_type)
    rows, components = gm.sample(20_000)
    assert rows.shape == (20_000, 3)
    np.testing.assert_array_equal(components, np.sort(components))
    np.testing.assert_allclose(np.bincount(components, minlength=3) / 20_000, gm.weights_, atol=0.02)
    for j, dense in enumerate(gm.mixture_.covariance.dense()):
        spread = np.sqrt(np.diagonal(dense))
        part = rows[components == j]
        assert (np.abs(part.mean(axis=0) - gm.means_[j]) < 6 * spread / np.sqrt(len(part))).all()
        np.testing.assert_allclose(np.cov(part.T), dense, atol=0.15 * spread.max() ** 2)
    again, _ = gm.sample(20_000)
    np.testing.assert_array_equal(again, rows)
    assert gm.sample()[0].shape == (1, 3)


def test_samples_of_a_random_state_go_on():
    gm = fitted(random_state=np.random.RandomState(0))
    assert (gm.sample(10)[0] != gm.sample(10)[0]).any()


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical", "VVE"])
def test_precisions_are_computed_when_they_are_asked_for(covariance_type):
    rows = blobs(200, 2, 3)
    model = GaussianMixture(3, covariance_type=covariance_type, random_state=0)
    assert not hasattr(model, "precisions_")
    for part in (rows, rows[:100]):
        model.fit(part)
        assert not {"precisions_", "precisions_cholesky_"} & vars(model).keys()
        again = pickle.loads(pickle.dumps(model))
        dense = model.mixture_.covariance.dense()
        found = model.precisions_
        if covariance_type in ("full", "VVE"):
            np.testing.assert_allclose(found @ dense, np.broadcast_to(np.eye(2), dense.shape), atol=1e-9)
        elif covariance_type == "tied":
            np.testing.assert_allclose(found @ dense[0], np.eye(2), atol=1e-9)
        else:
            variances = np.diagonal(dense, axis1=1, axis2=2)
            np.testing.assert_allclose((found if found.ndim > 1 else found[:, None]) * variances, 1.0)
        np.testing.assert_array_equal(again.precisions_cholesky_, model.precisions_cholesky_)
    model.precisions_ = 2.0 * found
    np.testing.assert_array_equal(model.precisions_, 2.0 * found)


@pytest.mark.parametrize("size", [3e19, 3e-25])
@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_covariances_that_float32_does_not_hold_are_float64(kind, size):
    X = np.random.default_rng(0).normal(size=(300, 2))
    X[:150] += 4.0
    X = (size * X).astype(np.float32)
    model, wide = (GaussianMixture(2, covariance_type=kind, random_state=0).fit(rows) for rows in (X, X.astype(float)))
    assert model.covariances_.dtype == np.float64
    assert model.means_.dtype == np.float32
    np.testing.assert_allclose(model.covariances_, wide.covariances_, rtol=1e-4)
    np.testing.assert_array_equal(model.predict(X), wide.predict(X.astype(float)))
    assert np.isfinite(model.predict_proba(X)).all()
