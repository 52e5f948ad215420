"""Every mistake in what is given to `GaussianMixture`: one clear line that says what is wrong and where."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from sklearn.exceptions import NotFittedError

from cases import two_clusters
from gmmkit import GaussianMixture, GaussianMixtureSearch, Mixture
from gmmkit.errors import DataError, ParameterError

X, LABELS = two_clusters(n=60)
FRAME = pd.DataFrame(X, columns=["length", "width"])
METHODS = ("predict", "predict_proba", "score_samples", "score", "bic", "aic", "icl")


@pytest.fixture(scope="module")
def fitted():
    return GaussianMixture(2, random_state=0).fit(X)


@pytest.fixture(scope="module")
def fitted_to_frame():
    return GaussianMixture(2, random_state=0).fit(FRAME)


def message_of(call, *arguments, error=ValueError, lines=1, **named):
    """Return the message of the error a call must raise."""
    with pytest.raises(error) as caught:
        call(*arguments, **named)
    message = str(caught.value)
    assert message.count("\n") < lines, message
    assert len(message) < 400, message
    return message


def replaced(row, column, value, dtype=float):
    changed = X.astype(dtype)
    changed[row, column] = value
    return changed


ROWS = {
    "NaN": (lambda: replaced(3, 1, np.nan), "X: row 3, column 1 is NaN; every value must be a finite number"),
    "inf": (lambda: replaced(3, 1, np.inf), "X: row 3, column 1 is infinity; every value must be"),
    "-inf": (lambda: replaced(3, 0, -np.inf), "X: row 3, column 0 is -infinity; every value must be"),
    "NaN in float32": (lambda: replaced(59, 0, np.nan, np.float32), "X: row 59, column 0 is NaN"),
    "NaN in float16": (lambda: replaced(59, 0, np.nan, np.float16), "X: row 59, column 0 is NaN"),
    "None among objects": (lambda: replaced(7, 0, None, object), "X: row 7, column 0 is NaN"),
    "NaN in a frame": (
        lambda: pd.DataFrame(replaced(5, 0, np.nan), columns=FRAME.columns),
        "X: row 5, column 'length' is NaN",
    ),
    "text among objects": (
        lambda: replaced(7, 1, "tall", object),
        "X: row 7, column 1 is 'tall' (str); expected a number: remove the column or convert it",
    ),
    "text in a pandas column": (lambda: FRAME.assign(species="setosa"), "column 'species' is not numeric"),
    "text in a polars column": (
        lambda: pl.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}),
        "is 'x' (str); expected",
    ),
    "text": (lambda: X.astype(str), "expected numbers: the value in row 0, column 0 is '"),
    "dates": (lambda: X.astype("datetime64[s]"), "X has dtype datetime64[s]; expected numbers"),
    "complex numbers": (lambda: X + 1j, "Complex data not supported: X has dtype complex128; pass real and"),
    "nothing": (lambda: X[:0], "Found array with 0 sample(s) (shape=(0, 2))"),
    "no columns": (lambda: X[:, :0], "Found array with 0 feature(s) (shape=(60, 0))"),
    "an empty list": (list, "Expected 2D array, got 1D array instead: X has shape (0,)"),
    "one dimension": (lambda: X[:, 0], "X has shape (60,). Reshape your data: .reshape(-1, 1) if it is one column"),
    "three dimensions": (lambda: X.reshape(30, 2, 2), "got 3D array instead: X has shape (30, 2, 2)"),
    "a number": (lambda: 3.0, "got scalar array instead: X is 3.0 (float)"),
    "None": (lambda: None, "X is None (NoneType)"),
    "a path": (lambda: "data.csv", "X is 'data.csv'; expected rows of numbers: to read a file use open_table(path)"),
    "rows of unequal length": (lambda: [[1, 2], [3]], "X is not rectangular"),
    "masked values": (lambda: np.ma.masked_greater(X, 2), "X has masked values"),
    "a lazy frame": (lambda: pl.DataFrame(X).lazy(), "call .collect() on a lazy one"),
    "an empty iterator": (lambda: iter([]), "X yielded no rows"),
    "blocks of unequal width": (lambda: iter([X, X[:, :1]]), "X, block 1 has 1 columns; the blocks before it have 2"),
    "text in a block": (lambda: iter([X, replaced(2, 0, "x", object)]), "X, block 1: row 2, column 0 is 'x' (str)"),
    "NaN in a block": (lambda: iter([X, replaced(2, 0, np.nan)]), "X: row 62, column 0 is NaN"),
}


# Here the number or the names of the columns are found wrong first.
ONLY_IN_FIT = {"no columns", "text in a pandas column", "text in a polars column"}


@pytest.mark.parametrize(
    ("method", "case"),
    [
        (method, case)
        for method in ("fit", "predict", "score")
        for case in ROWS
        if method == "fit" or case not in ONLY_IN_FIT
    ],
)
def test_rows_that_cannot_be_used(fitted, fitted_to_frame, method, case):
    make, expected = ROWS[case]
    gm = {"fit": GaussianMixture(2)}.get(method, fitted_to_frame if case == "NaN in a frame" else fitted)
    assert expected in message_of(getattr(gm, method), make(), error=DataError)


@pytest.mark.parametrize("make", [scipy.sparse.csr_matrix, scipy.sparse.csc_array])
def test_sparse(fitted, make):
    for call in (GaussianMixture(2).fit, fitted.predict):
        message = message_of(call, make(X), error=TypeError)
        assert "Sparse data was passed for X, but dense data is required. Use '.toarray()'" in message


def test_several_bad_rows_are_counted():
    bad = X.copy()
    bad[[4, 9, 30], 1] = np.nan
    assert "row 4, column 1 is NaN (2 more such rows" in message_of(GaussianMixture(2).fit, bad)


def test_a_dictionary_among_objects():
    with pytest.raises(TypeError, match="must be a string or a real number, not 'dict'"):
        GaussianMixture(2).fit(replaced(0, 0, {"a": 1}, object))


def test_too_few_rows():
    assert "Found array with 1 sample(s) (shape=(1, 2)) while a minimum of 2" in message_of(
        GaussianMixture(1).fit, X[:1]
    )
    assert "X has 1 sample(s), but GaussianMixture needs at least 2" in message_of(
        GaussianMixture(1).fit, iter([X[:1]])
    )
    for rows in (X[:3], iter([X[:3]]), FRAME[:3]):
        assert message_of(GaussianMixture(5).fit, rows) == (
            "Expected n_samples >= n_components but got n_components = 5, n_samples = 3"
        )


# --- other columns than in fit ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("width", [1, 3])
def test_another_number_of_columns(fitted, method, width):
    rows = np.ones((4, width))
    expected = f"X has {width} features, but GaussianMixture is expecting 2 features as input"
    assert expected in message_of(getattr(fitted, method), rows)
    assert expected in message_of(getattr(fitted, method), iter([rows]))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("make", [pd.DataFrame, lambda data: pl.DataFrame(dict(data))])
def test_other_names_of_columns(fitted_to_frame, method, make):
    # scikit-learn's words, which take several lines.
    other = make({"length": X[:, 0], "height": X[:, 1]})
    message = message_of(getattr(fitted_to_frame, method), other, lines=6)
    assert "The feature names should match those that were passed during fit" in message
    assert "- height" in message
    assert "- width" in message
    swapped = make({"width": X[:, 1], "length": X[:, 0]})
    assert "must be in the same order" in message_of(getattr(fitted_to_frame, method), swapped, lines=4)


def test_other_names_in_blocks(fitted_to_frame):
    other = FRAME.rename(columns={"width": "height"})
    assert message_of(fitted_to_frame.predict, iter([other])) == (
        "column 1 of X is 'height', but GaussianMixture was fitted on 'width' there: "
        "give the same columns in the same order"
    )


def test_names_on_one_side_only_are_warned_of(fitted, fitted_to_frame):
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        fitted_to_frame.predict(X)
    with pytest.warns(UserWarning, match="X has feature names, but GaussianMixture was fitted without"):
        fitted.predict(FRAME)


@pytest.mark.parametrize("method", METHODS)
def test_not_fitted(method):
    assert "is not fitted yet" in message_of(getattr(GaussianMixture(2), method), X, error=NotFittedError)


def test_not_fitted_without_rows():
    assert "is not fitted yet" in message_of(GaussianMixture(2).sample, error=NotFittedError)
    assert "is not fitted yet" in message_of(lambda: GaussianMixture(2).mixture_, error=NotFittedError)


# --- weights --------------------------------------------------------------------------------------------


def weights_with(row, value):
    weights = np.ones(60)
    weights[row] = value
    return weights


WEIGHTS = {
    "negative": (weights_with(4, -1.0), "the weight of row 4 of X is -1; weights must be finite and not negative"),
    "NaN": (weights_with(4, np.nan), "the weight of row 4 of X is NaN"),
    "inf": (weights_with(4, np.inf), "the weight of row 4 of X is infinity"),
    "short": (np.ones(5), "5 weights for 60 rows; expected one weight for each row"),
    "long": (np.ones(61), "61 weights for 60 rows"),
    "empty": (np.ones(0), "0 weights for 60 rows"),
    "all zero": (np.zeros(60), "every weight is zero; expected a weight above 0"),
    "two-dimensional": (np.ones((60, 1)), "weights have shape (60, 1); expected (60,)"),
    "text": (["heavy"] * 60, "weights must be numbers; got dtype"),
    "a negative number": (-1.0, "the weight of row 0 of X is -1"),
    "zero": (0, "every weight is zero"),
    "too large to add": (np.full(60, 1e308), "the weights add up to more than a float64 can hold"),
}


@pytest.mark.parametrize("case", WEIGHTS)
@pytest.mark.parametrize("method", ["fit", "score", "bic", "aic", "icl"])
def test_weights_that_cannot_be_used(fitted, method, case):
    weights, expected = WEIGHTS[case]
    call = GaussianMixture(2).fit if method == "fit" else getattr(fitted, method)
    assert expected in message_of(call, X, sample_weight=weights, error=DataError)


# --- parameters -----------------------------------------------------------------------------------------

PARAMETERS = [
    ("n_components", 0, "must be an int in the range [1, inf). Got 0 instead"),
    ("n_components", 2.5, "Got 2.5 instead"),
    ("n_components", "3", "Got '3' instead"),
    ("n_components", None, "Got None instead"),
    ("covariance_type", "fulll", "Got 'fulll' instead"),
    ("covariance_type", None, "Got None instead"),
    ("init_params", "magic", "Got 'magic' instead"),
    ("tol", -1e-3, "must be a float in the range [0.0, inf). Got -0.001 instead"),
    ("tol", np.nan, "Got nan instead"),
    ("reg_covar", -1.0, "must be a float in the range [0.0, inf) or a str among {'auto'}. Got -1.0 instead"),
    ("reg_covar", "x", "Got 'x' instead"),
    ("reg_covar", None, "Got None instead"),
    ("reg_covar", np.nan, "Got nan instead"),
    ("max_iter", -1, "Got -1 instead"),
    ("max_iter", 1.5, "Got 1.5 instead"),
    ("n_init", 0, "Got 0 instead"),
    ("random_state", "x", "Got 'x' instead"),
    ("warm_start", "yes", "Got 'yes' instead"),
    ("verbose", -1, "Got -1 instead"),
    ("verbose_interval", 0, "Got 0 instead"),
    ("n_jobs", 1.5, "Got 1.5 instead"),
    ("n_jobs", "all", "Got 'all' instead"),
    ("callback", 3, "must be a callable or None. Got 3 instead"),
    ("on_singular", "ignore", "Got 'ignore' instead"),
    ("weights_init", "equal", "must be an array-like or None. Got 'equal' instead"),
]


@pytest.mark.parametrize(("name", "value", "expected"), PARAMETERS)
def test_parameters_that_mean_nothing(name, value, expected):
    message = message_of(GaussianMixture(**{"n_components": 2, name: value}).fit, X)
    assert message.startswith(f"The '{name}' parameter of GaussianMixture must be")
    assert expected in message


def test_no_threads(fitted):
    expected = "n_jobs must be a positive number of threads, -1 for all cores, -2 for all but one or None, but got 0"
    assert message_of(GaussianMixture(2, n_jobs=0).fit, X) == expected


TWICE = np.stack([np.eye(2)] * 2)
INITS = [
    ("full", "weights_init", [1.0], "The parameter 'weights' should have the shape of (2,), but got (1,)"),
    ("full", "weights_init", [0.5, 0.6], "should be normalized, but got sum(weights) = 1.10000"),
    ("full", "weights_init", [-0.5, 1.5], "should be in the range [0, 1]"),
    ("full", "weights_init", [np.nan, 1.0], "Input weights_init contains NaN"),
    ("full", "means_init", [[0, 0]], "The parameter 'means' should have the shape of (2, 2), but got (1, 2)"),
    ("full", "means_init", np.zeros((2, 3)), "should have the shape of (2, 2), but got (2, 3)"),
    ("full", "means_init", [[0, np.inf], [1, 1]], "Input means_init contains infinity"),
    ("full", "precisions_init", np.eye(2), "'full precision' should have the shape of (2, 2, 2), but got (2, 2)"),
    ("full", "precisions_init", -TWICE, "'full precision' should be symmetric, positive-definite"),
    (
        "full",
        "precisions_init",
        TWICE + np.triu(np.ones((2, 2)), 1),
        "'full precision' should be symmetric, positive-definite",
    ),
    ("full", "precisions_init", TWICE * np.nan, "Input precisions_init contains NaN"),
    ("tied", "precisions_init", TWICE, "Expected 2D array, got 3D|dim 3|shape of (2, 2)"),
    ("tied", "precisions_init", -np.eye(2), "'tied precision' should be symmetric, positive-definite"),
    ("diag", "precisions_init", [1.0, 1.0], "'diag precision' should have the shape of (2, 2), but got (2,)"),
    ("diag", "precisions_init", [[1.0, 0.0], [1.0, 1.0]], "'diag precision' should be positive"),
    ("spherical", "precisions_init", TWICE[0], "'spherical precision' should have the shape of (2,), but got (2, 2)"),
    ("spherical", "precisions_init", [1.0, -1.0], "'spherical precision' should be positive"),
]


@pytest.mark.parametrize(("covariance_type", "name", "value", "expected"), INITS)
def test_starting_parameters_that_mean_nothing(covariance_type, name, value, expected):
    gm = GaussianMixture(2, covariance_type=covariance_type, **{name: value})
    message = message_of(gm.fit, X)
    assert any(part in message for part in expected.split("|")), message


# --- start ----------------------------------------------------------------------------------------------


def responsibilities(row, values):
    changed = np.eye(2)[LABELS]
    changed[row] = values
    return changed


MIXTURE = Mixture.from_arrays([0.5, 0.5], [[-3.0, 0.0], [3.0, 0.0]], TWICE)
STARTS = {
    "few labels": (LABELS[:5], "start has 5 labels, but X has 60 rows: give one label a row"),
    "three labels": (np.arange(60) % 3, "start has 3 distinct labels, but n_components is 2: give n_components=3"),
    "one label": (LABELS * 0, "start has 1 distinct labels, but n_components is 2"),
    "NaN label": (np.where(LABELS == 1, np.nan, 0.0), "the label of row 30 is NaN"),
    "no label": (np.where(LABELS == 1, None, "a"), "the label of row 30 is None, but every row needs a label"),
    "pandas' NA": (np.where(LABELS == 1, pd.NA, 0), "the label of row 30 is NaN, but every row needs a label"),
    "NaN beside text": (np.where(LABELS == 1, np.array(np.nan, dtype=object), "a"), "the label of row 30 is NaN"),
    "text and numbers": (
        np.where(LABELS == 1, np.array("a", dtype=object), 7),
        "start: labels must be all numbers or all text, but there is 7 in row 0 and 'a' in row 30",
    ),
    "ragged": ([[1.0, 0.0], [1.0]] * 30, "whose parts are of different lengths"),
    "wrong shape": (np.ones((60, 3)) / 3, "responsibilities of 60 rows and 2 components have the shape (60, 2)"),
    "few responsibilities": (np.eye(2), "start has the shape (2, 2)"),
    "sum": (responsibilities(7, [0.5, 0.4]), "the responsibilities of row 7 sum to 0.9, but must sum to 1"),
    "negative": (responsibilities(7, [-0.5, 1.5]), "negative or not finite"),
    "NaN": (responsibilities(7, np.nan), "negative or not finite"),
    "three dimensions": (np.ones((1, 60, 2)), "but got an array of shape (1, 60, 2)"),
    "a name": ("kmeans", "or a Mixture, but got 'kmeans'"),
    "a number": (3, "or a Mixture, but got 3"),
    "other components": (MIXTURE.take([0]), "Mixture(1 components, 2 columns, full), but the fit is of 2 components"),
    "other columns": (
        Mixture.from_arrays([0.5, 0.5], [[0.0], [1.0]], [[[1.0]], [[1.0]]]),
        "Mixture(2 components, 1 columns, full), but the fit is of 2 components, 2 columns",
    ),
    "other family": (
        Mixture.from_arrays([0.5, 0.5], MIXTURE.means, np.eye(2), covariance_type="tied"),
        "Mixture(2 components, 2 columns, tied), but the fit is of 2 components, 2 columns, full",
    ),
}


@pytest.mark.parametrize("case", STARTS)
def test_starts_that_cannot_be_used(case):
    start, expected = STARTS[case]
    assert expected in message_of(GaussianMixture(2).fit, X, start=start, error=ParameterError)


@pytest.mark.parametrize("case", ["few labels", "no label", "pandas' NA", "text and numbers", "ragged"])
def test_starts_that_a_search_cannot_use(case):
    start, expected = STARTS[case]
    assert expected in message_of(GaussianMixtureSearch([2, 3]).fit, X, start=start, error=ParameterError)


@pytest.mark.parametrize(
    "also",
    [
        {"weights_init": [0.5, 0.5]},
        {"means_init": [[0, 0], [1, 1]]},
        {"precisions_init": TWICE},
        {"n_init": 2},
        {"warm_start": True},
    ],
    ids=lambda also: next(iter(also)),
)
@pytest.mark.parametrize("start", [LABELS, np.eye(2)[LABELS], MIXTURE], ids=["labels", "responsibilities", "mixture"])
def test_two_starts_at_once(start, also):
    message = message_of(GaussianMixture(2, **also).fit, X, start=start, error=ParameterError)
    assert message.startswith("start cannot be combined with weights_init, means_init, precisions_init")


@pytest.mark.parametrize(
    ("changed", "rows"),
    [({"n_components": 3}, X), ({"covariance_type": "diag"}, X), ({}, X[:, :1])],
    ids=["components", "family", "columns"],
)
def test_a_warm_start_from_another_model(changed, rows):
    gm = GaussianMixture(2, warm_start=True, random_state=0).fit(X)
    message = message_of(gm.set_params(**changed).fit, rows, error=ParameterError)
    assert message.startswith("warm_start cannot go on from Mixture(2 components, 2 columns, full)")
    assert message.endswith("fit a new estimator, or set warm_start=False")


# --- sizes, and what was changed by hand ----------------------------------------------------------------


@pytest.mark.parametrize("size", [1e300, 1e200, 1e154])
def test_values_whose_squares_leave_float64(size):
    message = message_of(GaussianMixture(2).fit, X * [1.0, size], error=DataError)
    assert message.startswith("X: column 1 spans -")
    assert "whose variance float64 cannot hold (spans up to 1e153 can be fitted); remove the row of" in message


def test_values_whose_squares_leave_float64_are_named():
    message = message_of(GaussianMixture(2).fit, FRAME * [1e300, 1.0], error=DataError)
    assert message.startswith("X: column 'length' spans -")


def test_a_constant_column_may_have_any_size():
    rows = np.column_stack([X, np.full(60, 1e300)])
    with pytest.warns(match="column 2 holds one value only"):
        gm = GaussianMixture(2, random_state=0).fit(rows)
    assert np.isfinite(gm.covariances_).all()
    np.testing.assert_array_equal(gm.predict(rows), GaussianMixture(2, random_state=0).fit(X).predict(X))


@pytest.mark.parametrize("n_samples", [0, -1])
def test_a_sample_of_nothing(fitted, n_samples):
    expected = f"Invalid value for 'n_samples': {n_samples} . The sampling requires at least one sample."
    assert message_of(fitted.sample, n_samples) == expected


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("weights_", lambda a: a * 2, "weights must sum to 1, but sum to 2; divide them by their sum"),
        ("weights_", lambda a: a * [-1, 1], "weights must not be negative, but component 0 has"),
        ("means_", lambda a: a * np.nan, "means must be finite, but got nan"),
        ("covariances_", lambda a: -a, "component 0: the covariance is not positive definite"),
    ],
)
def test_attributes_changed_to_nonsense(name, change, expected):
    gm = GaussianMixture(2, random_state=0).fit(X)
    setattr(gm, name, change(getattr(gm, name)))
    for call in (gm.predict, gm.score):
        assert expected in message_of(call, X, error=ParameterError)


def test_a_column_of_dates_is_named():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0, 3.0], "when": pandas.to_datetime(["2026-01-01"] * 3)})
    assert "'when'" in message_of(GaussianMixture(1).fit, frame)
