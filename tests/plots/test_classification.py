import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse
from matplotlib.text import Text

from gmmkit.errors import DataError, ParameterError
from gmmkit.model.covariance import Full, Tied
from gmmkit.model.mixture import Mixture
from gmmkit.plots import component_style, plot_classification


def mixture_of(k, d, seed=0):
    random = np.random.default_rng(seed)
    factors = random.normal(size=(k, d, d))
    covariances = factors @ factors.transpose(0, 2, 1) + np.eye(d)
    return Mixture(np.full(k, 1.0 / k), random.normal(0.0, 6.0, (k, d)), Full(covariances))


def ellipses(ax):
    return [patch for patch in ax.patches if isinstance(patch, Ellipse)]


def lines(ax, start):
    return [line for line in ax.get_lines() if str(line.get_label()).startswith(start)]


def test_ellipses_lie_two_standard_deviations_from_the_means():
    mixture = mixture_of(3, 2)
    ax = plot_classification(mixture, mixture.sample(100, seed=1)[0])
    found = ellipses(ax)
    assert len(found) == 3
    for ellipse, mean, covariance in zip(found, mixture.means, mixture.covariance.dense(), strict=True):
        small, large = np.linalg.eigvalsh(covariance)
        assert ellipse.get_center() == pytest.approx(mean)
        assert (ellipse.width, ellipse.height) == pytest.approx((4.0 * np.sqrt(large), 4.0 * np.sqrt(small)))
        outline = ellipse.get_patch_transform().transform(np.array([[1.0, 0.0], [0.0, 1.0], [0.6, -0.8]])) - mean
        distances = np.einsum("ni,ij,nj->n", outline, np.linalg.inv(covariance), outline)
        assert distances == pytest.approx([4.0, 4.0, 4.0])


def test_rows_have_the_colour_and_mark_of_their_component():
    mixture = mixture_of(3, 2)
    rows = mixture.sample(150, seed=1)[0]
    ax = plot_classification(mixture, rows, theme="dark")
    labels = mixture.classify(rows)
    for j, (line, ellipse) in enumerate(zip(lines(ax, "_rows"), ellipses(ax), strict=True)):
        colour, marker = component_style(j, "dark")
        assert (line.get_color(), line.get_marker()) == (colour, marker)
        assert np.array_equal(line.get_xydata(), rows[labels == j])
        assert ellipse.get_edgecolor()[:3] == pytest.approx([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])


def test_means_are_numbered_and_numbers_do_not_cover_each_other():
    mixture = Mixture([0.3, 0.3, 0.4], [[0.0, 0.0], [0.01, 0.0], [5.0, 5.0]], Tied(np.eye(2), n_components=3))
    ax = plot_classification(mixture, mixture.sample(50, seed=0)[0])
    ax.figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in ax.texts if text.get_text() in "012"]
    assert len(boxes) == 3
    assert not boxes[0].overlaps(boxes[1])


def test_legend_gives_component_and_weight():
    mixture = mixture_of(4, 2)
    ax = plot_classification(mixture, mixture.sample(50, seed=0)[0])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [f"{j}  (25 %)" for j in range(4)]


def test_legend_of_pairs_is_beside_the_first_panel():
    rows = np.random.default_rng(0).normal(size=(20, 4))
    mixture = Mixture.from_arrays([1.0], [[0.0] * 4], [1.0], covariance_type="spherical")
    axes = plot_classification(mixture, rows, width=7.6)
    assert [ax.get_legend() is not None for ax in axes[0]] == [False, True, False, False]
    axes[0, 0].figure.draw_without_rendering()
    left = axes[0, 1].get_legend().get_window_extent().x0
    assert left == pytest.approx(axes[0, 1].get_window_extent().x0, abs=10.0)


def test_many_components_are_all_drawn_and_the_legend_says_how_many_it_leaves_out():
    mixture = mixture_of(40, 2)
    ax = plot_classification(mixture, mixture.sample(500, seed=0)[0])
    assert len(ellipses(ax)) == 40
    assert ax.get_legend().get_texts()[-1].get_text() == "and 27 more"


def test_one_column_has_curves_and_a_lane_of_rows_for_each_component():
    mixture = mixture_of(2, 1)
    rows = mixture.sample(100, seed=0)[0]
    ax = plot_classification(mixture, rows, names=["speed"])
    (density,) = lines(ax, "_density")
    x, y = density.get_data()
    assert y == pytest.approx(np.exp(mixture.log_density(x[:, None])))
    assert len(lines(ax, "_component")) == 2
    lanes = lines(ax, "_rows")
    assert sum(len(lane.get_xdata()) for lane in lanes) == 100
    assert all((lane.get_ydata() < 0).all() for lane in lanes)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("speed", "density")


def test_pairs_show_each_pair_once_with_marginal_ellipses():
    mixture = mixture_of(3, 4)
    axes = plot_classification(mixture, mixture.sample(60, seed=0)[0], names=list("abcd"))
    assert axes.shape == (4, 4)
    assert all(isinstance(ax, Axes) for ax in axes.flat)
    assert [len(ellipses(axes[i, j])) for i, j in [(1, 0), (3, 2), (0, 1), (2, 2)]] == [3, 3, 0, 0]
    first = ellipses(axes[3, 1])[0]
    variances = np.linalg.eigvalsh(mixture.covariance.dense()[0][np.ix_([1, 3], [1, 3])])
    assert first.get_center() == pytest.approx(mixture.means[0, [1, 3]])
    assert (first.height / 4, first.width / 4) == pytest.approx(np.sqrt(variances))
    assert [ax.get_xlabel() for ax in axes[-1]] == list("abcd")
    assert axes[1, 0].get_ylabel() == "b"


def test_pairs_choose_the_columns_in_which_the_means_differ_most_and_say_so():
    means = np.zeros((2, 7))
    means[1, [0, 2, 3, 5, 6]] = [9.0, 8.0, 7.0, 6.0, 5.0]
    mixture = Mixture([0.5, 0.5], means, Tied(np.eye(7), n_components=2))
    rows = mixture.sample(50, seed=0)[0]
    axes = plot_classification(mixture, rows)
    assert [ax.get_xlabel() for ax in axes[-1]] == [f"column {j}" for j in (0, 2, 3, 5, 6)]
    assert "5 of 7 columns (where the means differ most)" in axes[0, 0].figure.get_supxlabel().replace("\n", " ")
    narrow = plot_classification(mixture, rows, width=3.75)
    assert [ax.get_xlabel() for ax in narrow[-1]] == ["column 0", "column 2", "column 3"]


def test_columns_by_name_in_the_order_asked_for():
    mixture = mixture_of(2, 3)
    ax = plot_classification(mixture, mixture.sample(30, seed=0)[0], names=list("abc"), columns=["c", 0])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("c", "a")
    assert ellipses(ax)[1].get_center() == pytest.approx(mixture.means[1, [2, 0]])


def test_thinning_is_seeded_without_repeats_and_told():
    mixture = mixture_of(2, 2)
    rows = mixture.sample(5000, seed=0)[0]
    drawn = [
        np.vstack([line.get_xydata() for line in lines(plot_classification(mixture, rows, seed=seed), "_rows")])
        for seed in (0, 0, 1)
    ]
    assert len(np.unique(drawn[0], axis=0)) == 2000
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    ax = plot_classification(mixture, rows)
    assert "A random 2,000 of 5,000 rows" in ax.texts[-1].get_text()


def test_a_far_outlier_does_not_flatten_the_picture_but_is_told():
    mixture = mixture_of(2, 2)
    rows = mixture.sample(100, seed=0)[0]
    rows[0] = [1e6, 0.0]
    ax = plot_classification(mixture, rows)
    assert ax.get_xlim()[1] < 100.0
    assert "1 far row lies outside the picture" in ax.texts[-1].get_text().replace("\n", " ")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"names": ["a"]}, ParameterError, "names must be one for each of the 2 columns of the mixture, but got 1"),
        ({"columns": ["z"]}, ParameterError, "there is no column 'z'; give a name out of 'column 0', 'column 1'"),
        ({"columns": [2]}, ParameterError, "there is no column 2;.* or a number from 0 to 1"),
        ({"columns": [1, 1]}, ParameterError, "columns must differ from each other"),
        ({"columns": []}, ParameterError, "columns must name at least one column"),
        ({"max_rows": 0}, ParameterError, "max_rows must be a whole number of at least 1"),
        ({"rows": np.zeros((5, 3))}, DataError, "rows has 3 columns, but the mixture is of 2"),
        ({"rows": [[0.0, 1.0], [0.0, np.nan]]}, DataError, "row 1, column 1 is nan"),
    ],
)
def test_bad_input_is_named(options, error, message):
    mixture = mixture_of(2, 2)
    options = {"rows": mixture.sample(20, seed=0)[0]} | options
    with pytest.raises(error, match=message):
        plot_classification(mixture, **options)


def test_axes_of_the_wrong_shape_are_named():
    from matplotlib.figure import Figure

    mixture = mixture_of(2, 3)
    with pytest.raises(ParameterError, match=r"axes must be an array of the shape \(3, 3\)"):
        plot_classification(mixture, mixture.sample(20, seed=0)[0], axes=Figure().subplots(2, 2))
