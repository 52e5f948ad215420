"""`GaussianMixtureClassifier`: what it chooses, unlabelled rows, priors, honest probabilities, rejects, bad input."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis

from gmmkit import GaussianMixtureClassifier
from gmmkit.errors import DataError, ParameterError, SingularComponentWarning, UnlabelledRowsWarning
from gmmkit.execution import Workers

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


def rings(n, seed):
    """A class around another: no component of its own describes it."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    ring = 5 * np.c_[np.cos(angle), np.sin(angle)] + rng.normal(0, 0.5, (n, 2))
    return np.concatenate([ring, rng.normal(0, 1, (n, 2))]), np.repeat(["ring", "core"], n)


def test_eee_and_vvv_are_linear_and_quadratic_discriminant_analysis():
    linear = GaussianMixtureClassifier(covariance_type="EEE", reg_covar=0.0).fit(X, Y)
    known = LinearDiscriminantAnalysis(solver="lsqr").fit(X, Y)
    np.testing.assert_allclose(linear.predict_proba(X), known.predict_proba(X), atol=1e-8)
    quadratic = GaussianMixtureClassifier(covariance_type="VVV", reg_covar=0.0).fit(X, Y)
    known = QuadraticDiscriminantAnalysis().fit(X, Y)  # divides by n - 1
    np.testing.assert_allclose(quadratic.predict_proba(X), known.predict_proba(X), atol=0.02)
    for c in range(3):
        np.testing.assert_allclose(
            quadratic.class_mixture_.of_class(c).covariance_matrix(), np.cov(X[c == Y].T, bias=True), rtol=1e-8
        )


def test_labels_may_be_text_and_rows_frames():
    frame = pd.DataFrame(X, columns=list("abcd"))
    one = GaussianMixtureClassifier(covariance_type="EEE").fit(frame, pd.Series(NAMES))
    other = GaussianMixtureClassifier(covariance_type="EEE").fit(pl.from_pandas(frame), NAMES.astype(object))
    assert one.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert one.feature_names_in_.tolist() == list("abcd")
    np.testing.assert_array_equal(one.predict(frame), other.predict(frame))
    assert one.score(frame, NAMES) > 0.97


def test_bic_chooses_the_structure():
    found = GaussianMixtureClassifier().fit(X, Y)
    assert set(found.covariance_type_) == {"VEV"}
    bics = [row["bic"] for row in found.candidates_ if row["spurious"] is None and row["failed"] is None]
    assert bics == sorted(bics)
    assert len(found.candidates_) == 14
    assert found.confusion_ is None


@pytest.mark.parametrize("criterion", ["error", "log_loss"])
def test_cross_validation_chooses_the_structure(criterion):
    found = GaussianMixtureClassifier(covariance_type=["EII", "EEE", "VVI"], criterion=criterion).fit(X, Y)
    values = [row[criterion] for row in found.candidates_]
    assert values == sorted(values)
    assert set(found.covariance_type_) == {"EEE"}
    assert found.confusion_.sum() == len(X)


def test_mixtures_describe_classes_of_any_shape():
    rows, labels = rings(200, 0)
    others, true = rings(500, 1)
    one = GaussianMixtureClassifier(covariance_type="VVV").fit(rows, labels)
    mixtures = GaussianMixtureClassifier("MclustDA", n_components=range(1, 9), covariance_type=["VVV", "EEE"])
    mixtures.fit(rows, labels)
    core, ring = mixtures.n_components_
    assert core == 1
    assert ring > 3
    assert mixtures.score(others, true) > one.score(others, true) - 0.01
    assert mixtures.score_samples(others).mean() > one.score_samples(others).mean() + 0.3


def test_cross_validation_chooses_the_size_of_mixtures():
    rows, labels = rings(150, 2)
    found = GaussianMixtureClassifier(
        "MclustDA", n_components=[1, 6], covariance_type="VVV", criterion="log_loss", folds=4
    ).fit(rows, labels)
    assert found.n_components_ == (6, 6)
    assert [row["n_components"] for row in found.candidates_] == [[6, 6], [1, 1]]


def test_a_pool_serves_all_classes():
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    place = rng.integers(3, size=600)
    rows = centres[place] + rng.normal(0, 1, (600, 2))
    labels = rng.random(600) < np.array([0.1, 0.5, 0.9])[place]
    found = GaussianMixtureClassifier("pool", n_components=3, covariance_type="EII").fit(rows, labels)
    order = np.lexsort(found.mixture_.means.round().T)
    shares = found.class_mixture_.shares[:, 1]
    near = np.array([np.argmin(((found.mixture_.means - centre) ** 2).sum(axis=1)) for centre in centres])
    assert len(order) == 3
    np.testing.assert_allclose(shares[near], [0.1, 0.5, 0.9], atol=0.06)
    np.testing.assert_allclose(found.predict_proba(centres)[:, 1], [0.1, 0.5, 0.9], atol=0.06)


@pytest.mark.parametrize("model", ["EDDA", "MclustDA", "pool"])
def test_unlabelled_rows_help(model):
    rng = np.random.default_rng(5)
    y = np.repeat([0, 1, 2], 300)
    rows = rng.normal(0, 1, (900, 2)) @ [[1.0, 0.8], [0.0, 0.6]] + 3.0 * np.array([[0, 0], [1, -1], [2, 0]])[y]
    known = np.full(900, -1)
    seen = np.concatenate([rng.choice(np.flatnonzero(y == c), 5, replace=False) for c in range(3)])
    known[seen] = y[seen]
    settings = {"covariance_type": "EEE", "n_components": 3 if model == "pool" else 1, "shrinkage": 0.0}
    with_all = GaussianMixtureClassifier(model, unlabelled=-1, **settings).fit(rows, known)
    truth = GaussianMixtureClassifier(covariance_type="EEE").fit(rows, y)
    assert with_all.classes_.tolist() == [0, 1, 2]
    assert with_all.score(rows, y) > truth.score(rows, y) - 0.03
    means = np.array([with_all.class_mixture_.of_class(c).mean() for c in range(3)])
    true_means = np.array([rows[y == c].mean(axis=0) for c in range(3)])
    limit = 0.5 if model == "pool" else 0.3
    assert np.abs(means - true_means).max() < limit


def test_rows_that_are_taken_for_unlabelled_are_told_once():
    with pytest.warns(UnlabelledRowsWarning, match=r"50 of 150 rows are labelled -1 .*unlabelled=None") as said:
        found = GaussianMixtureClassifier(covariance_type="EEE", calibration="temperature").fit(X, Y - 1)
    assert found.classes_.tolist() == [0, 1]
    assert len(said) == 1
    assert said[0].filename == __file__
    # Named, it is no surprise: warnings are errors here.
    named = GaussianMixtureClassifier(covariance_type="EEE", unlabelled=-1).fit(X, Y - 1)
    assert named.classes_.tolist() == [0, 1]
    with pytest.raises(DataError, match=r"y has 1 class, 1, and rows of no known class labelled -1, but"):
        GaussianMixtureClassifier(unlabelled=-1).fit(X, np.where(Y == 0, -1, 1))
    with pytest.raises(DataError, match=r"y has 0 classes, and rows of no known class labelled '\?', but"):
        GaussianMixtureClassifier(unlabelled="?").fit(X, np.full(150, "?"))


def test_minus_one_is_a_class_beside_one_other():
    y = np.where(Y == 0, -1, 1)
    found = GaussianMixtureClassifier(covariance_type="EEE").fit(X, y)
    assert found.classes_.tolist() == [-1, 1]
    found = GaussianMixtureClassifier(covariance_type="EEE", unlabelled=None).fit(X, Y - 1)
    assert found.classes_.tolist() == [-1, 0, 1]
    found = GaussianMixtureClassifier(covariance_type="EEE", unlabelled="?").fit(X, np.where(Y == 1, "?", NAMES))
    assert found.classes_.tolist() == ["setosa", "virginica"]


def test_an_empty_label_is_a_class_or_unknown_as_is_said():
    y = np.where(Y == 1, "", NAMES)
    found = GaussianMixtureClassifier(covariance_type="EEE", unlabelled="").fit(X, y)
    assert found.classes_.tolist() == ["setosa", "virginica"]
    # All rows took part, the unlabelled ones between the two classes.
    assert found.mixture_.mean() == pytest.approx(X.mean(axis=0), abs=0.02)
    found = GaussianMixtureClassifier(covariance_type="EEE", unlabelled=None).fit(X, y)
    assert found.classes_.tolist() == ["", "setosa", "virginica"]
    for labels in (y, y.astype(object)):
        with pytest.raises(DataError, match=r"label of row 50 is an empty text: give unlabelled='' .*unlabelled=None"):
            GaussianMixtureClassifier().fit(X, labels)


def test_priors_move_the_border():
    rows, labels = np.r_[-1.0, 0.0, 1.0, 1.0, 2.0, 3.0][:, None], np.repeat(["a", "b"], 3)
    kinds = [[0.9, 0.1], {"a": 0.9, "b": 0.1}]
    for priors in kinds:
        found = GaussianMixtureClassifier(covariance_type="E", priors=priors).fit(rows, labels)
        np.testing.assert_allclose(found.priors_, [0.9, 0.1])
        np.testing.assert_allclose(found.predict_proba([[1.0]]), [[0.9, 0.1]], atol=1e-6)
    equal = GaussianMixtureClassifier(covariance_type="E", priors="equal").fit(rows, labels)
    np.testing.assert_allclose(equal.predict_proba([[1.0]]), [[0.5, 0.5]], atol=1e-6)


def test_calibrated_probabilities_are_as_sure_as_they_are_right():
    rng = np.random.default_rng(1)
    # Columns that say the same: taken as independent they make probabilities far too sure.
    y = rng.integers(2, size=600)
    rows = (y + rng.normal(0, 1, 600))[:, None] + rng.normal(0, 0.1, (600, 10))
    others_y = rng.integers(2, size=600)
    others = (others_y + rng.normal(0, 1, 600))[:, None] + rng.normal(0, 0.1, (600, 10))

    def log_loss(model):
        return -np.log(np.maximum(model.predict_proba(others)[np.arange(600), others_y], 1e-300)).mean()

    plain = GaussianMixtureClassifier(covariance_type="EEI").fit(rows, y)
    honest = GaussianMixtureClassifier(covariance_type="EEI", calibration="temperature").fit(rows, y)
    assert honest.temperature_ == pytest.approx(10, rel=0.3)
    assert log_loss(honest) < 0.63 < 1.0 < log_loss(plain)
    np.testing.assert_array_equal(honest.predict(others), plain.predict(others))


def test_shrinkage_helps_where_rows_are_few():
    rng = np.random.default_rng(2)
    y = np.repeat([0, 1], 25)
    d = 20
    rows, others = (
        rng.normal(0, 1, (len(labels), d)) + 0.5 * labels[:, None] for labels in (y, np.repeat([0, 1], 500))
    )
    with pytest.warns(SingularComponentWarning, match=r"class '1' rests on 5 effective rows, .*shrinkage='cv'"):
        GaussianMixtureClassifier(covariance_type="VVV").fit(rows[:30], y[:30])
    found = GaussianMixtureClassifier(covariance_type="VVV", shrinkage="cv", folds=5).fit(rows, y)
    assert found.shrinkage_ >= 0.5
    assert found.score(others, np.repeat([0, 1], 500)) > 0.75


def test_rows_between_classes_and_far_from_all_are_rejected():
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(0, 1, (200, 2)), rng.normal(4, 1, (200, 2))])
    found = GaussianMixtureClassifier(covariance_type="EII").fit(rows, np.repeat(["a", "b"], 200))
    asked = [[0.0, 0.0], [2.0, 2.0], [4.0, 4.0], [40.0, 40.0]]
    labels, rejected = found.predict_or_reject(asked, cost=0.1)
    assert (labels[0], labels[2]) == ("a", "b")
    assert rejected.tolist() == [False, True, False, False]
    _, rejected = found.predict_or_reject(asked, cost=0.1, density=0.01)
    assert rejected.tolist() == [False, True, False, True]
    # A larger share of rows like those fitted is rejected where a mistake costs more.
    shares = [found.predict_or_reject(rows, cost=cost)[1].mean() for cost in (0.01, 0.1, 0.4)]
    assert shares[0] >= shares[1] >= shares[2]
    _, far = found.predict_or_reject(rows, cost=0.9, density=0.05)
    assert far.mean() == pytest.approx(0.05, abs=0.03)


def test_rows_are_drawn_of_one_class():
    found = GaussianMixtureClassifier(covariance_type="VVV").fit(X, NAMES)
    drawn = found.sample("virginica", 2000)
    np.testing.assert_allclose(drawn.mean(axis=0), X[Y == 2].mean(axis=0), atol=0.1)
    with pytest.raises(ParameterError, match=r"unknown class 'rose': expected one of 'setosa', 'versicolor'"):
        found.sample("rose")


def test_the_same_answer_for_any_number_of_threads():
    one = GaussianMixtureClassifier("MclustDA", n_components=[1, 2], n_jobs=1).fit(X, Y)
    two = GaussianMixtureClassifier("MclustDA", n_components=[1, 2], n_jobs=2).fit(X, Y)
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))
    many = np.tile(X, (200, 1))
    for ask in ("predict", "predict_proba", "score_samples"):
        np.testing.assert_array_equal(getattr(one, ask)(many), getattr(two, ask)(many))


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("ask", ["predict", "predict_proba", "predict_log_proba", "score_samples"])
def test_answers_are_computed_on_so_many_threads(ask, n_jobs, monkeypatch):
    found = GaussianMixtureClassifier(covariance_type="EEE", n_jobs=n_jobs).fit(X, Y)
    asked = list[int | None]()

    class Counted(Workers):
        def __init__(self, n_jobs=None):
            asked.append(n_jobs)
            super().__init__(n_jobs)

    monkeypatch.setattr("gmmkit.model.evaluation.Workers", Counted)
    getattr(found, ask)(X)
    assert asked == [n_jobs]


@pytest.mark.parametrize("ask", ["predict", "predict_proba", "score_samples"])
def test_rows_may_come_as_a_stream(ask):
    found = GaussianMixtureClassifier(covariance_type="EEE").fit(iter([X[:70], X[70:]]), Y)
    np.testing.assert_array_equal(getattr(found, ask)(iter([X[:60], X[60:]])), getattr(found, ask)(X))


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (Y[:-1], "y has 149 labels, but X has 150 rows"),
        (np.zeros(150), r"y has 1 class, 0.0, but a classifier needs rows of at least two"),
        (np.where(Y == 0, np.nan, Y), "the label of row 0 is nan; give every row a label"),
        (np.array(["a", *Y[1:]], dtype=object), "all numbers or all text, but there is 'a' in row 0 and 0 in row 1"),
        (np.where(Y == 0, np.inf, Y), "the label of row 0 is inf"),
        (Y + 0.5, "Unknown label type"),
        (None, "requires y to be passed"),
    ],
)
def test_labels_that_are_none_are_refused(y, said):
    with pytest.raises(ValueError, match=said):
        GaussianMixtureClassifier().fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (
            {"priors": {"setosa": 1.0}},
            "no prior of class 'versicolor'; expected one for each of 'setosa', 'versicolor'",
        ),
        ({"priors": {"setosa": 0.5, "rose": 0.5}}, "unknown class 'rose'"),
        ({"priors": [0.5, 0.5]}, "priors must be 3 numbers"),
        ({"shrinkage": 1.0}, "shrinkage"),
        ({"model": "LDA"}, "'model' parameter"),
        ({"n_components": []}, "n_components is empty"),
        ({"covariance_type": []}, "covariance_type is empty"),
        ({"covariance_type": "E"}, "is for one column"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(parameters, said):
    with pytest.raises(ValueError, match=said):
        GaussianMixtureClassifier(**parameters).fit(X, NAMES)


def test_a_class_with_too_few_rows_is_named():
    rows, labels = X[:52], NAMES[:52]
    with pytest.warns(SingularComponentWarning, match="class 'versicolor' rests on 2 effective rows, fewer than 5"):
        GaussianMixtureClassifier(covariance_type="VVV").fit(rows, labels)
    with pytest.raises(
        ParameterError, match="class 'versicolor': 10 folds need as many distinct rows, but there are 2"
    ):
        GaussianMixtureClassifier(covariance_type="EEE", criterion="error").fit(rows, labels)
    # The class with the fewest rows is told, and how many folds there may be: one virginica stands there twice.
    with pytest.raises(ParameterError, match="'virginica': 999 folds .*there are 48: ask for at most 48 folds"):
        GaussianMixtureClassifier(covariance_type="EEE", criterion="error", folds=999).fit(X[:-1], NAMES[:-1])
    with pytest.raises(DataError, match="class 'setosa' has no row of any weight"):
        GaussianMixtureClassifier().fit(X, NAMES, sample_weight=(Y > 0).astype(float))


def test_a_column_constant_in_a_class_is_named():
    rows = X.copy()
    rows[Y == 1, 2] = 4.0
    frame = pd.DataFrame(rows, columns=["length", "width", "petal", "stem"])
    with pytest.warns(SingularComponentWarning, match=r"column 'petal' in class 'versicolor' \(always 4\) is constant"):
        GaussianMixtureClassifier(covariance_type="VVV").fit(frame, NAMES)
    # Among all structures one is found whose variances are shared there.
    found = GaussianMixtureClassifier().fit(frame, NAMES)
    assert found.candidates_[0]["spurious"] is None
