import re

import numpy as np
import pytest

from gmmkit import GaussianMixtureSearch, MixtureClusterer
from gmmkit.errors import DataError, ParameterError
from gmmkit.model.covariance.catalogue import STRUCTURES
from gmmkit.plots import plot_convergence, plot_criterion
from gmmkit.selection.ranking import CRITERION_NAMES


def fit(k, kind, bic, **more):
    return {"n_components": k, "covariance_type": kind, "bic": bic, "aic": bic, "icl": bic, **more}


FITS = [
    fit(k, kind, 100.0 + shift + 3.0 * abs(k - 3))
    for kind, shift in [("full", 0.0), ("diag", 2.0)]
    for k in (1, 2, 3, 4)
]


def line(ax, label):
    (found,) = (line for line in ax.get_lines() if line.get_label() == label)
    return found


def remark(ax):
    return ax.texts[-1].get_text().replace("\n", " ")


def test_a_line_for_each_covariance_type_and_lower_is_better():
    ax = plot_criterion(FITS)
    assert list(line(ax, "_full").get_xdata()) == [1, 2, 3, 4]
    assert list(line(ax, "_diag").get_ydata()) == [108.0, 105.0, 102.0, 105.0]
    assert line(ax, "_full").get_color() != line(ax, "_diag").get_color()
    assert ax.get_ylabel() == "BIC (lower is better)"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["full", "diag"]


def test_the_best_is_ringed_named_and_compared_with_the_next():
    ax = plot_criterion(FITS)
    assert list(line(ax, "_best").get_xydata()[0]) == [3.0, 100.0]
    assert ax.texts[0].get_text() == "best: full, 3 components"
    assert "Best BIC 100.0; next diag, 3 components, 2.0 higher" in remark(ax)


def test_a_rank_decides_what_is_best():
    ax = plot_criterion([fit(1, "full", 10.0, rank=2), fit(2, "full", 11.0, rank=1)])
    assert ax.texts[0].get_text() == "best: full, 2 components"


def test_drawn_is_the_criterion_that_the_search_used():
    rows = np.concatenate([np.random.default_rng(0).normal(c, 1.0, (40, 2)) for c in (0.0, 3.0)])
    titles = {"bic": "BIC", "icl": "ICL", "aic": "AIC", "sabic": "adjusted BIC", "mml": "message length",
              "held_out": "held-out deviance"}  # fmt: skip
    assert set(titles) == set(CRITERION_NAMES)
    for name, title in titles.items():
        search = GaussianMixtureSearch(range(1, 4), covariance_type=["EII", "VVV"], criterion=name, folds=3).fit(rows)
        for given in (search, search.results_):
            ax = plot_criterion(given)
            assert ax.get_ylabel() == f"{title} (lower is better)"
            best = search.results_[0]
            assert line(ax, "_best").get_xydata()[0].tolist() == [best["n_components"], best[name]]
            assert " higher" in remark(ax)


def test_by_another_criterion_another_fit_is_best():
    rows = [
        {"n_components": k, "covariance_type": "full", "bic": bic, "aic": 9.0 - k, "rank": k, "margin": bic - 4.0}
        for k, bic in ((1, 4.0), (2, 6.0))
    ]
    assert plot_criterion(rows).texts[0].get_text() == "best: full, 1 component"
    ax = plot_criterion(rows, criterion="aic")
    assert ax.texts[0].get_text() == "best: full, 2 components"
    assert "Best AIC 7.0; next full, 1 component, 1.0 higher" in remark(ax)


def test_what_is_no_search_is_refused():
    for given, words in (
        (MixtureClusterer(), "but got MixtureClusterer: there is no search in it to draw"),
        (GaussianMixtureSearch(), "but got GaussianMixtureSearch: fit it first"),
        (FITS[0], "but got dict"),
        ("bic", "but got str"),
    ):
        with pytest.raises(ParameterError, match=words):
            plot_criterion(given)
    with pytest.raises(DataError, match="row 0 of the search must be a mapping, as in results_, but is 'full'"):
        plot_criterion(["full"])


def test_spurious_and_failed_fits_stand_apart():
    more = [fit(5, "full", -1e6, spurious="a component of 3 rows"), fit(6, "full", None), fit(7, "full", float("nan"))]
    ax = plot_criterion([*FITS, *more])
    spurious, failed = line(ax, "_full spurious"), line(ax, "_full failed")
    low, high = ax.get_ylim()
    assert spurious.get_markerfacecolor() == "none"
    assert low > 0
    assert low < spurious.get_ydata()[0] < 100.0
    assert list(failed.get_xdata()) == [6, 7]
    assert failed.get_marker() == "x"
    assert 5 not in line(ax, "_full").get_xdata()
    assert ax.texts[0].get_text() == "best: full, 3 components"
    assert "1 spurious fit, not compared" in remark(ax)
    assert "2 fits failed" in remark(ax)
    assert high > 108.0


@pytest.mark.parametrize("kinds", [("full", "tied"), STRUCTURES])
def test_another_name_of_a_spurious_fit_is_no_other_one(kinds):
    sound = [fit(k, kind, 100.0 + k) for k in (2, 3) for kind in kinds]
    odd = [fit(1, kind, 50.0, spurious="columns are dependent", same_as=kinds[0]) for kind in kinds[1:]]
    rows = [fit(1, kinds[0], 50.0, spurious="columns are dependent"), *odd, *sound]
    assert re.search(r"\b1 spurious fit\b", remark(plot_criterion(rows)))


def test_only_spurious_fits_are_still_drawn():
    ax = plot_criterion([fit(2, "full", 5.0, spurious="tiny")])
    assert "No fit can be trusted" in remark(ax)


def test_much_poorer_fits_do_not_flatten_the_others():
    ax = plot_criterion([*FITS, fit(5, "full", 1e5)])
    assert ax.get_ylim()[1] < 200.0
    assert "1 much poorer fit lies above the picture" in remark(ax)


def test_what_cannot_be_drawn_is_named():
    with pytest.raises(
        ParameterError, match="criterion must be one of 'bic', 'aic', 'icl', .*'held_out', but got 'dic'"
    ):
        plot_criterion(FITS, criterion="dic")
    with pytest.raises(DataError, match="row 1 of the search has no 'bic'"):
        plot_criterion([FITS[0], {"n_components": 1, "covariance_type": "full"}])
    with pytest.raises(DataError, match="no fit has a finite 'bic'"):
        plot_criterion([])


def test_convergence_of_many_passes_is_the_gap_to_the_best():
    objectives = -2.0 - 0.5 ** np.arange(12)
    ax = plot_convergence(objectives)
    assert ax.get_yscale() == "log"
    x, y = ax.get_lines()[0].get_data()
    assert list(x) == list(range(1, 12))
    assert y == pytest.approx(objectives[-1] - objectives[:-1])
    assert "after 12 of 12 passes" in remark(ax)


@pytest.mark.parametrize("objectives", [[-5.0], [-5.0, -4.0], [-4.0] * 10])
def test_few_or_equal_passes_are_drawn_as_they_are(objectives):
    ax = plot_convergence(objectives)
    assert ax.get_yscale() == "linear"
    assert list(ax.get_lines()[0].get_ydata()) == objectives
    assert ax.get_ylabel() == "objective (nats per row)"


def test_a_fall_is_told_and_passes_without_a_value_are_left_out():
    ax = plot_convergence([-np.inf, -5.0, -4.0, -4.5])
    assert list(ax.get_lines()[0].get_xdata()) == [2, 3, 4]
    assert "it fell 1 time" in remark(ax)


def test_nothing_to_draw_is_named():
    with pytest.raises(DataError, match="at least one finite value"):
        plot_convergence([np.nan])
    with pytest.raises(ParameterError, match="scale must be one of"):
        plot_convergence([1.0], scale="loud")
    with pytest.raises(
        ParameterError, match=r"or a fitted GaussianMixture or .*, but got GaussianMixtureSearch\(.*fit it"
    ):
        plot_convergence(GaussianMixtureSearch())
    with pytest.raises(ParameterError, match=r"objectives must be numbers, .* but got 'bic'"):
        plot_convergence("bic")


def test_the_convergence_of_a_search_is_that_of_its_choice():
    rows = np.random.default_rng(0).normal(size=(60, 2))
    search = GaussianMixtureSearch([1, 2], covariance_type="VVV").fit(rows)
    drawn, known = plot_convergence(search), plot_convergence(search.best_estimator_.lower_bounds_)
    assert remark(drawn) == remark(known)
