import numpy as np
import pytest

from gmmkit import GaussianMixture, bootstrap, likelihood_ratio_test
from gmmkit.errors import DataError, ParameterError
from gmmkit.model.covariance.catalogue import STRUCTURES
from gmmkit.model.mixture import Mixture
from gmmkit.model.noise import Noise
from gmmkit.plots import (
    component_style,
    plot_classification,
    plot_criterion,
    plot_density,
    plot_intervals,
    plot_likelihood_ratio,
    plot_merge_curve,
    plot_merge_tree,
    plot_uncertainty,
)
from gmmkit.plots.style import structure_style
from gmmkit.selection.merging import merge_by_entropy, merge_by_misclassification

MEANS = [[0.0, 0.0], [9.0, 9.0], [1.5, 0.0], [9.0, 0.0]]
MIXTURE = Mixture.from_arrays([0.25] * 4, MEANS, [1.0] * 4, covariance_type="spherical")
ROWS = MIXTURE.sample(200, seed=0)[0]
TREE = merge_by_entropy(MIXTURE, ROWS)
SQUARE = [[-5.0, -5.0], [15.0, -5.0], [-5.0, 15.0], [15.0, 15.0]]
NOISY = MIXTURE.beside(Noise(0.3, -np.log(400.0), SQUARE))


def lines(ax, start):
    return [line for line in ax.get_lines() if str(line.get_label()).startswith(start)]


def test_the_curve_rings_what_is_proposed():
    assert TREE.proposed == 3
    ax = plot_merge_curve(TREE)
    (curve,), (ring,) = lines(ax, "_entropy"), lines(ax, "_proposed")
    assert curve.get_ydata() == pytest.approx(TREE.curve)
    assert ring.get_xydata()[0] == pytest.approx([3, TREE.curve[2]])
    assert ax.texts[0].get_text() == "3 clusters"
    assert len(lines(ax, "_fitted")) == 2
    assert not lines(plot_merge_curve(merge_by_misclassification(MIXTURE, ROWS)), "_fitted")


def test_next_to_no_entropy_is_no_cliff():
    far = Mixture.from_arrays([0.5, 0.5], [[0.0, 0.0], [10.0, 0.0]], [1.0, 1.0], covariance_type="spherical")
    tree = merge_by_entropy(far, far.sample(100, seed=0)[0])
    low, high = plot_merge_curve(tree).get_ylim()
    assert np.ptp(tree.curve) < 0.01 * (high - low)
    assert low < 0.0 < tree.curve.max() < high


def test_the_tree_joins_what_was_merged_and_no_lines_cross():
    ax = plot_merge_tree(TREE)
    order = [int(tick.get_text()) for tick in ax.get_xticklabels()]
    place = {j: x for x, j in enumerate(order)}
    assert sorted(order) == [0, 1, 2, 3]
    for m, merge in enumerate(TREE.merges, start=1):
        (bracket,) = lines(ax, f"_merge {m}")
        x, y = bracket.get_data()
        assert y[1] == y[2] == 4 - m
        within = sorted(place[j] for j in (*merge.first, *merge.second))
        assert within == list(range(within[0], within[-1] + 1))
        assert within[0] <= x[0] < x[-1] <= within[-1]
    first, second = lines(ax, "_merge 1")[0], lines(ax, "_merge 2")[0]
    assert first.get_color() == component_style(0)[0]
    assert first.get_linewidth() > second.get_linewidth()
    assert len(lines(ax, "_cut")) == 1


@pytest.mark.parametrize("draw", [plot_merge_curve, plot_merge_tree])
@pytest.mark.parametrize("width", [3.75, 6.5])
def test_nothing_is_cut_off(draw, width):
    ax = draw(TREE, width=width, theme="dark")
    ax.figure.draw_without_rendering()
    whole, box = ax.figure.bbox, ax.get_tightbbox()
    assert box.x0 >= whole.x0 - 1
    assert box.y0 >= whole.y0 - 1
    assert box.x1 <= whole.x1 + 1
    assert box.y1 <= whole.y1 + 1


def test_one_component_has_a_tree_of_one_leaf():
    one = MIXTURE.take([0])
    tree = merge_by_entropy(one, ROWS)
    assert len(lines(plot_merge_tree(tree), "_leaf")) == 1
    assert plot_merge_curve(tree).texts[0].get_text() == "1 cluster"


def test_rows_have_the_colour_of_their_cluster():
    groups = TREE.groups()
    ax = plot_classification(MIXTURE, ROWS, groups=groups)
    labels = TREE.labels(ROWS)
    for c, line in enumerate(lines(ax, "_rows")):
        assert line.get_color() == component_style(c)[0]
        assert np.array_equal(line.get_xydata(), ROWS[labels == c])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["0  (50 %)", "1  (25 %)", "2  (25 %)"]
    unsure = plot_uncertainty(MIXTURE, ROWS, groups=groups)
    assert "ellipses" in unsure.texts[-1].get_text()
    with pytest.raises(ParameterError, match="groups must hold each of the 4 components once"):
        plot_classification(MIXTURE, ROWS, groups=[[0, 1]])


def test_noise_is_grey():
    rows = NOISY.sample(300, seed=1)[0]
    ax = plot_classification(NOISY, rows)
    (grey,) = lines(ax, "_rows -1")
    assert grey.get_color() == component_style(-1)[0]
    assert np.array_equal(grey.get_xydata(), rows[NOISY.classify(rows) == -1])
    assert ax.get_legend().get_texts()[-1].get_text() == "noise  (30 %)"
    assert "noise, 30 % of the rows, is left out" in plot_density(NOISY, rows).texts[-1].get_text().replace("\n", " ")
    assert plot_uncertainty(NOISY, rows).get_legend() is not None


def test_ellipses_of_heavy_tails_hold_the_same_share():
    heavy = MIXTURE.take([0]).changed(degrees_of_freedom=np.array([3.0]))
    (ellipse,) = plot_classification(heavy, ROWS[:5]).patches
    drawn = heavy.sample(40_000, seed=0)[0]
    inside = (drawn**2).sum(axis=1) <= (0.5 * ellipse.width) ** 2
    assert inside.mean() == pytest.approx(1.0 - np.exp(-2.0), abs=0.006)


def test_bars_below_a_curve_are_the_regions_of_one_column():
    mixture = Mixture.from_arrays([0.5, 0.5], [[0.0], [9.0]], [1.0, 1.0], covariance_type="spherical")
    ax = plot_density(mixture, probabilities=[0.5, 0.9])
    for bars in ax.collections:
        if not str(bars.get_label()).startswith("_region"):
            continue
        level = float(str(bars.get_label()).split()[1])
        ends = [(path.vertices[:, 0].min(), path.vertices[:, 0].max()) for path in bars.get_paths()]
        assert np.ravel(ends) == pytest.approx(np.ravel(mixture.highest_density_region(level)))
        assert max(path.vertices[:, 1].max() for path in bars.get_paths()) < 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_fourteen_structures_differ(theme):
    assert len({structure_style(name, 0, theme) for name in STRUCTURES}) == 14
    assert structure_style("diag", 5, theme) == structure_style("VVI", 0, theme)
    assert structure_style("of another program", 3, theme)[:2] == component_style(3, theme)


def test_fits_that_do_not_count_are_counted_where_there_are_many_structures():
    fits = [
        {"n_components": k, "covariance_type": name, "bic": 100.0 + place + abs(k - 3), "same_as": None}
        for place, name in enumerate(STRUCTURES)
        for k in range(1, 6)
    ]
    fits[4]["bic"] = None
    fits[9]["spurious"] = fits[14]["spurious"] = "a component of 3 rows"
    fits.append({"n_components": 3, "covariance_type": "copy", "bic": 100.0, "same_as": "EII"})
    ax = plot_criterion(fits)
    texts = [text.get_text() for text in ax.texts]
    assert "\N{WHITE CIRCLE}2" in texts
    assert "\N{MULTIPLICATION SIGN}1" in texts
    # A copy is nobody's runner-up.
    assert "next EII, 2 components, 1.0 higher" in texts[-1].replace("\n", " ")


def test_held_out_fits_without_a_value_have_not_failed():
    fits = [
        {"n_components": 1, "covariance_type": "full", "held_out": 5.0},
        {"n_components": 2, "covariance_type": "full", "held_out": None, "spurious": "tiny"},
    ]
    ax = plot_criterion(fits, criterion="held_out")
    assert ax.get_ylabel() == "held-out deviance (lower is better)"
    assert not lines(ax, "_full failed")


def test_intervals_reach_from_low_to_high():
    rows = [{"name": f"weight {j}", "component": j, "estimate": 0.5, "low": 0.4, "high": 0.7} for j in range(2)]
    ax = plot_intervals(rows, name="weight")
    for j in range(2):
        (bar,), (mark,) = lines(ax, f"_interval {j}"), lines(ax, f"_estimate {j}")
        assert list(bar.get_xdata()) == [0.4, 0.7]
        assert (mark.get_color(), mark.get_marker()) == component_style(j)
    with pytest.raises(DataError, match="row 0 of the estimates has no 'low'"):
        plot_intervals([{"name": "a", "estimate": 1.0}])
    with pytest.raises(DataError, match=r"such as those of a bootstrap.s summary\(\), but got tuple"):
        plot_intervals(([1.0], [2.0]))
    with pytest.raises(DataError, match="no estimates to draw"):
        plot_intervals([])


def test_likelihood_ratios_beside_the_one_observed():
    ax = plot_likelihood_ratio([1.0, 2.0, np.nan, 3.0, 9.0], 5.0, n_components=2)
    assert list(lines(ax, "_observed")[0].get_xdata()) == [5.0, 5.0]
    assert ax.texts[-1].get_text().replace("\n", " ") == (
        "2 components against 3: 1 of 4 replicates as large as 5.0; p = 0.4."
    )
    with pytest.raises(DataError, match="at least one finite value"):
        plot_likelihood_ratio([np.nan], 1.0, n_components=1)


def test_a_likelihood_ratio_test_tells_its_own_numbers():
    rows = np.random.default_rng(0).normal(size=(50, 1))
    tests = likelihood_ratio_test(rows, covariance_type="E", n_replicates=19)
    test = tests.tests[-1]
    drawn = plot_likelihood_ratio(test)
    known = plot_likelihood_ratio(test.replicates, test.statistic, n_components=1, p_value=test.p_value)
    assert drawn.texts[-1].get_text() == known.texts[-1].get_text()
    with pytest.raises(
        ParameterError, match=r"those of one test, but got LikelihoodRatioTests\(E; 1 vs 2: .*tests\[-1\]"
    ):
        plot_likelihood_ratio(tests)
    with pytest.raises(ParameterError, match="observed and n_components must be given with replicates"):
        plot_likelihood_ratio(test.replicates)


def test_rows_of_a_bootstraps_summary_name_themselves():
    rows = np.concatenate([np.random.default_rng(0).normal(c, 1.0, (50, 2)) for c in (0.0, 6.0)])
    mixture = GaussianMixture(2).fit(rows).mixture_
    summary = bootstrap(mixture, rows, n_replicates=40).summary()
    ax = plot_intervals([row for row in summary if row["parameter"] == "weight"], name="weight")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["component 0", "component 1"]
    ax = plot_intervals([row for row in summary if row["parameter"] == "mean"], name="mean")
    assert len(ax.get_yticklabels()) == 4
    assert ax.get_yticklabels()[0].get_text().endswith(", component 0")
